//! A comparison of runs as one HTML file.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::{failed, find_in, usage};
use crate::export::report::{self, Subject};
use crate::files;
use crate::run::store::Store;

#[derive(Debug, Clone, clap::Args)]
pub struct Report {
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// File to write.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    to: PathBuf,
    /// Heading of the report.
    #[arg(long, default_value = "Comparison of losses")]
    title: String,
}

pub fn run(args: &Report, store: &Store, as_json: bool) -> ExitCode {
    let mut subjects = Vec::new();
    for run in &args.runs {
        match find_in(store, run) {
            Ok((store, run)) => subjects.push(Subject {
                folder: store.dir(&run.id),
                run,
            }),
            Err(message) => return usage(&message),
        }
    }
    let html = match report::html(&args.title, &subjects) {
        Ok(html) => html,
        Err(message) => return failed(&message),
    };
    match files::write_atomically(&args.to, html.as_bytes()) {
        Ok(()) if as_json => crate::cli::print_json(&json!({ "report": args.to })),
        Ok(()) => {
            println!("{}", args.to.display());
            ExitCode::SUCCESS
        }
        Err(error) => failed(&format!("{}: {error}", args.to.display())),
    }
}
