//! `dicebench runs`: what was recorded.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::print_json;
use crate::run::store::Store;
use crate::run::{Outcome, Run};

/// List recorded runs, newest first.
#[derive(Debug, Clone, clap::Args)]
pub struct Runs {
    /// Folder that holds the runs.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

fn outcome(run: &Run) -> &'static str {
    match run.outcome {
        Some(Outcome::Completed) => "completed",
        Some(Outcome::Stopped) => "stopped",
        Some(Outcome::Diverged { .. }) => "diverged",
        Some(Outcome::Failed { .. }) => "failed",
        None => "interrupted",
    }
}

pub fn run(args: &Runs) -> ExitCode {
    let store = Store::new(args.out.clone().unwrap_or_else(Store::default_root));
    let (runs, errors) = store.list();
    for error in errors {
        eprintln!("warning: {error}");
    }
    let best = |run: &Run| run.best.and_then(|best| run.validations[best].mean_dice);
    if args.json {
        let list: Vec<_> = runs
            .iter()
            .map(|run| json!({ "id": run.id, "name": run.name, "outcome": outcome(run), "steps": run.steps.len(), "best_mean_dice": best(run), "loss": run.config.loss.kind(), "folder": store.dir(&run.id) }))
            .collect();
        return print_json(&list);
    }
    for run in &runs {
        let dice = best(run).map_or_else(|| "–".to_owned(), |dice| format!("{dice:.3}"));
        println!(
            "{:<44} {:<22} {:<12} {:>6} steps  Dice {dice}",
            run.id,
            run.name,
            outcome(run),
            run.steps.len()
        );
    }
    if runs.is_empty() {
        println!("no runs in {}", store.root.display());
    }
    ExitCode::SUCCESS
}
