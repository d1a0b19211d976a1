//! The list of runs, newest first.

use std::process::ExitCode;

use serde_json::json;

use super::{ending, outcome, shown};
use crate::cli::print_json;
use crate::run::Run;
use crate::run::store::Store;

pub fn run(store: &Store, as_json: bool) -> ExitCode {
    let (runs, errors) = store.survey();
    for error in errors {
        eprintln!("warning: {error}");
    }
    if as_json {
        let list: Vec<_> = runs
            .iter()
            .map(|run| {
                json!({
                    "id": run.id, "name": run.name, "outcome": outcome(run),
                    "ending": ending(run), "why_ended": run.why_ended(),
                    "steps": run.in_brief().points, "best_mean_dice": best(run),
                    "loss": run.config.loss.kind(), "star": run.label.star,
                    "tags": run.label.tags, "note": run.label.note, "folder": store.dir(&run.id),
                })
            })
            .collect();
        return print_json(&list);
    }
    for run in &runs {
        println!(
            "{:<44} {:<22} {:<16} {:>6} steps  Dice {}{}",
            run.id,
            run.name,
            ending(run),
            run.in_brief().points,
            shown(best(run)),
            (run.why_ended()).map_or_else(String::new, |why| format!("  ({why})"))
        );
    }
    if runs.is_empty() {
        println!("no runs in {}", store.root.display());
    }
    ExitCode::SUCCESS
}

fn best(run: &Run) -> Option<f64> {
    run.in_brief().best.as_ref()?.mean_dice
}
