//! What was recorded, as CSV and JSON.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{all, failed, usage};
use crate::export::table;
use crate::run::store::Store;

#[derive(Debug, Clone, clap::Args)]
pub struct Export {
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Folder to write to: one folder per run.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

pub fn run(args: &Export, store: &Store, as_json: bool) -> ExitCode {
    let runs = match all(store, &args.runs) {
        Ok(runs) => runs,
        Err(message) => return usage(&message),
    };
    let mut written = Vec::new();
    for run in &runs {
        match table::write(run, &args.to.join(&run.id)) {
            Ok(files) => written.extend(files),
            Err(message) => return failed(&message),
        }
    }
    if as_json {
        return crate::cli::print_json(&written);
    }
    for file in written {
        println!("{}", file.display());
    }
    ExitCode::SUCCESS
}
