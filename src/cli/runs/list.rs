//! The list of runs, newest first.

use std::process::ExitCode;

use serde_json::json;

use super::{best, outcome, shown};
use crate::cli::print_json;
use crate::run::store::Store;

pub fn run(store: &Store, as_json: bool) -> ExitCode {
    let (runs, errors) = store.list();
    for error in errors {
        eprintln!("warning: {error}");
    }
    if as_json {
        let list: Vec<_> = runs
            .iter()
            .map(|run| {
                json!({
                    "id": run.id, "name": run.name, "outcome": outcome(run),
                    "steps": run.steps.len(), "best_mean_dice": best(run),
                    "loss": run.config.loss.kind(), "folder": store.dir(&run.id),
                })
            })
            .collect();
        return print_json(&list);
    }
    for run in &runs {
        println!(
            "{:<44} {:<22} {:<12} {:>6} steps  Dice {}",
            run.id,
            run.name,
            outcome(run),
            run.steps.len(),
            shown(best(run))
        );
    }
    if runs.is_empty() {
        println!("no runs in {}", store.root.display());
    }
    ExitCode::SUCCESS
}
