//! How runs differ: settings, results, and whether the difference is more than luck.

use std::process::ExitCode;

use serde_json::json;

use super::{aligned, best, shown};
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
    let last = |run: &Run| shown(run.validations.last().and_then(|v| v.mean_dice));
    let of_all = |key: &str, value: &dyn Fn(&Run) -> String| {
        let mut row = vec![key.to_owned()];
        row.extend(runs.iter().map(value));
        row
    };
    let mut rows = vec![
        of_all("", &|run| run.name.clone()),
        of_all("best mean Dice", &|run| shown(best(run))),
        of_all("last mean Dice", &last),
    ];
    rows.extend(differences.into_iter().map(|(key, mut values)| {
        values.insert(0, key);
        values
    }));
    for line in aligned(&rows) {
        println!("{line}");
    }
    println!();
    for sentence in sentences {
        println!("{sentence}");
    }
    ExitCode::SUCCESS
}
