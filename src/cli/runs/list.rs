//! The list of runs, newest first.

use std::process::ExitCode;

use serde_json::json;

use super::{aligned, ending, outcome, shown};
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
    let row = |run: &Run| {
        let why = run.why_ended();
        vec![
            run.id.clone(),
            run.name.clone(),
            ending(run).to_owned(),
            format!("{} steps", run.in_brief().points),
            format!("Dice {}", shown(best(run))),
            why.map_or_else(String::new, |why| format!("({why})")),
        ]
    };
    for line in aligned(&runs.iter().map(row).collect::<Vec<_>>()) {
        println!("{line}");
    }
    if runs.is_empty() {
        println!("no runs in {}", store.root.display());
    }
    ExitCode::SUCCESS
}

fn best(run: &Run) -> Option<f64> {
    run.in_brief().best.as_ref()?.mean_dice
}
