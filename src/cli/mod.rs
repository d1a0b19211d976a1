//! The text front end: one file per subcommand.

/// Parses the arguments, runs, and returns the exit code: 0 done, 1 failed, 2 wrong usage.
#[must_use]
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
