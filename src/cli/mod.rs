//! The text front end: one file per subcommand.

pub mod bench;

use clap::Parser;

#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Measure how fast this machine trains.
    #[command(subcommand)]
    Bench(bench::Bench),
}

/// Parses the arguments, runs, and returns the exit code: 0 done, 1 failed, 2 wrong usage.
#[must_use]
pub fn main() -> std::process::ExitCode {
    match Cli::parse().command {
        Some(Command::Bench(bench)) => bench::run(&bench),
        None => std::process::ExitCode::SUCCESS,
    }
}
