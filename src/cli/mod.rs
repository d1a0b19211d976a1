//! The text front end: one file per subcommand.

/// As in the standard library, but for a reader that goes away (`| head`): that ends no program with a
/// panic, and no training with half a record.
macro_rules! print {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout().lock(), $($text)*);
    }};
}

/// See `print`.
macro_rules! println {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout().lock(), $($text)*);
    }};
}

pub mod bench;
mod data;
mod devices;
mod diagnose;
mod export;
mod lists;
mod loss;
mod museum;
mod queue;
mod race;
mod replay;
mod runs;
mod train;
mod what_if;
mod xray;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::data::DataError;
use crate::run::store::Store;

/// See what a segmentation loss really does, on your own images. Without a command the window opens.
#[derive(Parser)]
#[command(
    version,
    about,
    arg_required_else_help = false,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    /// Folder of a dataset to open in the window.
    path: Option<PathBuf>,
    /// Show how long the window's frames take, and print it when the window is closed.
    #[arg(long)]
    profile: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Train a network and record the run.
    Train(train::Train),
    /// Train several losses from the same weights and batches.
    Race(race::Race),
    /// Races that wait for their turn.
    #[command(subcommand)]
    Queue(queue::Command),
    /// Train a bundled run again and report the first step that differs.
    Replay(replay::Replay),
    /// Say what a folder is: layout, classes, split, problems.
    Inspect(data::Inspect),
    /// Write a clean copy of a dataset, masks indexed.
    Convert(data::Convert),
    /// Write the generated sample dataset as an ordinary folder.
    Sample(data::Sample),
    /// See what a loss says about answers whose worth is known, before training.
    Xray(xray::XrayArgs),
    /// X-ray a configuration's loss on a dataset, and name what is wrong.
    Doctor(diagnose::Doctor),
    /// List real mistakes, each with its symptom, the finding that catches it and its fixed twin.
    Museum(museum::Museum),
    /// List presets.
    Presets(lists::Presets),
    /// List losses.
    Losses(lists::Losses),
    /// Prove a loss equal to a reference's values.
    #[command(subcommand)]
    Loss(loss::Loss),
    /// List every parameter with its default, range and meaning.
    Params(lists::Params),
    /// List recorded runs.
    Runs(runs::Runs),
    /// Write the loss of a run or preset as code for Keras, PyTorch or MONAI.
    Export(export::Export),
    /// List the devices that can train.
    Devices(devices::Devices),
    /// Measure how fast this machine trains.
    #[command(subcommand)]
    Bench(bench::Bench),
}

/// Parses the arguments, runs, and returns the exit code: 0 done, 1 failed, 2 wrong usage,
/// 3 something is an error in what was looked at.
#[must_use]
pub fn main() -> ExitCode {
    logging();
    crate::train::device::tuning::keep_in(&crate::run::store::home().join("kernels"));
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Train(command)) => train::run(&command),
        Some(Command::Race(command)) => race::run(&command),
        Some(Command::Queue(command)) => queue::run(&command),
        Some(Command::Replay(command)) => replay::run(&command),
        Some(Command::Inspect(command)) => data::inspect(&command),
        Some(Command::Convert(command)) => data::convert(&command),
        Some(Command::Sample(command)) => data::sample(&command),
        Some(Command::Xray(command)) => xray::run(&command),
        Some(Command::Doctor(command)) => diagnose::run(&command),
        Some(Command::Museum(command)) => museum::run(&command),
        Some(Command::Presets(command)) => lists::presets(&command),
        Some(Command::Losses(command)) => lists::losses(&command),
        Some(Command::Loss(command)) => loss::run(&command),
        Some(Command::Params(command)) => lists::params(&command),
        Some(Command::Runs(command)) => runs::run(&command),
        Some(Command::Export(command)) => export::run(&command),
        Some(Command::Devices(command)) => devices::run(&command),
        Some(Command::Bench(bench)) => bench::run(&bench),
        None => match crate::app::run(&crate::app::Start {
            open: cli.path,
            profile: cli.profile,
        }) {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => failed(&message),
        },
    }
}

/// Says what went wrong; exit code 1.
fn failed(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::FAILURE
}

/// Says what was asked wrongly; exit code 2.
fn usage(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(2)
}

/// Says why a dataset can't be used; exit code 2 where what was named is no folder, else 1.
fn no_dataset(error: &DataError) -> ExitCode {
    match error {
        DataError::NoFolder { .. } => usage(&error.to_string()),
        _ => failed(&error.to_string()),
    }
}

/// Calls `work` with a store of runs that nobody keeps.
fn in_scratch<R>(name: &str, work: impl FnOnce(Store) -> R) -> R {
    let folder = std::env::temp_dir().join(format!("dicebench-{name}-{}", std::process::id()));
    let result = work(Store::new(folder.clone()));
    if folder.exists()
        && let Err(error) = std::fs::remove_dir_all(&folder)
    {
        log::warn!("{}: {error}", folder.display());
    }
    result
}

/// Prints a value as one line of JSON.
fn print_json(value: &impl serde::Serialize) -> ExitCode {
    match serde_json::to_string(value) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error.to_string()),
    }
}

/// Warnings of this crate go to the error stream; those of graphics drivers are of no use to a user.
fn logging() {
    struct Stderr;
    impl log::Log for Stderr {
        fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
            metadata.target().starts_with(env!("CARGO_PKG_NAME"))
        }
        fn log(&self, record: &log::Record<'_>) {
            if self.enabled(record.metadata()) {
                eprintln!(
                    "{}: {}",
                    record.level().as_str().to_lowercase(),
                    record.args()
                );
            }
        }
        fn flush(&self) {}
    }
    static LOGGER: Stderr = Stderr;
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}
