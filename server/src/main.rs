//! The `halfline` program. Everything it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    halfline::cli::run()
}
