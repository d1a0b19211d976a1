//! What was recorded, in the formats of others.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{failed, find_in, usage};
use crate::export::parcel::{self, What};
use crate::export::report::Subject;
use crate::run::store::Store;

#[derive(Debug, Clone, clap::Args)]
pub struct Export {
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Folder to write to: one folder per run.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// What to write; may be given several times.
    #[arg(long, value_name = "FORMAT", default_value = "csv",
        value_parser = ["csv", "tensorboard", "bundle", "weights", "code", "model", "all"])]
    format: Vec<String>,
}

pub fn run(args: &Export, store: &Store, as_json: bool) -> ExitCode {
    let all = args.format.iter().any(|name| name == "all");
    let what: Vec<What> = (What::ALL.iter().copied())
        .filter(|what| all || args.format.iter().any(|name| name == what.name()))
        .collect();
    let mut written = Vec::new();
    for run in &args.runs {
        let (store, run) = match find_in(store, run) {
            Ok(found) => found,
            Err(message) => return usage(&message),
        };
        let folder = store.dir(&run.id);
        match parcel::write(&Subject { folder, run }, &args.to, &what) {
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
