//! The `halfline` program as the tests run it: what `server/src/main.rs` does, built as part of this package, so that
//! cargo builds it before the tests and with the same features. Not installed, not shipped.

use std::process::ExitCode;

fn main() -> ExitCode {
    halfline::cli::run()
}
