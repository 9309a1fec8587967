//! The `halfline` binary under test.

use std::path::PathBuf;

/// The path of the binary: `halfline-under-test`, which cargo has built beside the running test. `HALFLINE_BINARY`
/// names another one to test, such as one that is about to be shipped.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("HALFLINE_BINARY") {
        return path.into();
    }
    let test = std::env::current_exe().expect("the running test has a path");
    let directory = test.parent().and_then(|deps| deps.parent()).expect("tests lie in target/PROFILE/deps");
    directory.join(format!("halfline-under-test{}", std::env::consts::EXE_SUFFIX))
}
