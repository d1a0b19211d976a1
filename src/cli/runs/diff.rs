//! How runs differ: settings, results, and whether the difference is more than luck.

use std::process::ExitCode;

use serde_json::json;

use super::{best, shown};
use crate::cli::print_json;
use crate::run::{Run, group, statistics};

pub fn run(runs: &[Run], as_json: bool) -> ExitCode {
    let all: Vec<&Run> = runs.iter().collect();
    let groups = group::groups(&all);
    let differences = group::differences(&all);
    let sentences = statistics::against_best(&groups);
    if as_json {
        let pairs: Vec<_> = (groups.iter().enumerate())
            .flat_map(|(at, a)| groups[at + 1..].iter().map(move |b| (a, b)))
            .map(|(a, b)| match statistics::compare_groups(a, b) {
                Ok(paired) => json!({ "a": a.name, "b": b.name, "paired": paired }),
                Err(why) => json!({ "a": a.name, "b": b.name, "error": why.to_string() }),
            })
            .collect();
        let listed: Vec<_> = (runs.iter())
            .map(|run| json!({ "id": run.id, "name": run.name, "best_mean_dice": best(run) }))
            .collect();
        let differences: serde_json::Map<_, _> = (differences.into_iter())
            .map(|(key, values)| (key, json!(values)))
            .collect();
        return print_json(&json!({
            "runs": listed, "differences": differences, "pairs": pairs, "sentences": sentences,
        }));
    }
    let line = |key: &str, values: Vec<String>| {
        let cells: Vec<String> = values.iter().map(|value| format!("{value:<20}")).collect();
        println!("{key:<28} {}", cells.join(" ").trim_end());
    };
    line("", runs.iter().map(|run| run.name.clone()).collect());
    line(
        "best mean Dice",
        runs.iter().map(|run| shown(best(run))).collect(),
    );
    let last = |run: &Run| shown(run.validations.last().and_then(|v| v.mean_dice));
    line("last mean Dice", runs.iter().map(last).collect());
    for (key, values) in differences {
        line(&key, values);
    }
    println!();
    for sentence in sentences {
        println!("{sentence}");
    }
    ExitCode::SUCCESS
}
