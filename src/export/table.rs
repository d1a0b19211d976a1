//! A run's record as CSV and JSON: what a spreadsheet or a notebook wants.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::files;
use crate::run::Run;
use crate::run::metrics::mean;

/// Writes `steps.csv`, `validations.csv`, `images.csv` and `run.json` into `folder`; returns their
/// paths.
///
/// # Errors
/// Naming the file that can't be written.
pub fn write(run: &Run, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let settings: serde_json::Map<_, _> = (run.config.values().into_iter())
        .map(|(key, value)| (key, json!(value)))
        .collect();
    let about = json!({
        "id": run.id, "name": run.name, "device": run.device, "dataset": run.dataset,
        "classes": run.classes, "class_weights": run.class_weights, "parameters": run.parameters,
        "outcome": run.outcome, "why_ended": run.why_ended(), "settings": settings,
    });
    let about = serde_json::to_vec_pretty(&about).map_err(|error| error.to_string())?;
    let tables = [
        ("steps.csv", steps(run)),
        ("validations.csv", validations(run)),
        ("images.csv", images(run)),
        ("run.json", Ok(about)),
    ];
    let mut written = Vec::new();
    for (name, bytes) in tables {
        let path = folder.join(name);
        let bytes = bytes.map_err(|error| format!("{}: {error}", path.display()))?;
        files::write_atomically(&path, &bytes)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        written.push(path);
    }
    Ok(written)
}

/// Rows of text as one CSV file.
fn rows(
    heading: &[String],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(heading)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

fn named(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// One row per optimiser update.
fn steps(run: &Run) -> Result<Vec<u8>, csv::Error> {
    let heading = named(&["step", "loss", "learning_rate", "grad_norm", "secs"]);
    rows(
        &heading,
        run.steps.iter().map(|point| {
            vec![
                point.step.to_string(),
                point.loss.to_string(),
                point.learning_rate.to_string(),
                point.grad_norm.to_string(),
                point.secs.to_string(),
            ]
        }),
    )
}

/// One row per validation; a class that is nowhere has an empty cell.
fn validations(run: &Run) -> Result<Vec<u8>, csv::Error> {
    let mut heading = named(&["step", "secs", "loss", "mean_dice"]);
    heading.extend(run.classes.iter().map(|class| format!("dice {class}")));
    rows(
        &heading,
        run.validations.iter().map(|validation| {
            let mut row = vec![
                validation.step.to_string(),
                validation.secs.to_string(),
                validation.loss.to_string(),
                number(validation.mean_dice),
            ];
            row.extend(validation.dice.iter().map(|dice| number(*dice)));
            row
        }),
    )
}

/// One row per image of the best validation, in split order.
fn images(run: &Run) -> Result<Vec<u8>, csv::Error> {
    let mut heading = named(&["image", "mean_dice"]);
    heading.extend(run.classes.iter().map(|class| format!("dice {class}")));
    let best = run.best.map(|at| &run.validations[at].per_image);
    rows(
        &heading,
        best.into_iter().flatten().enumerate().map(|(at, image)| {
            let dice = image.dice();
            let mut row = vec![at.to_string(), number(mean(&dice))];
            row.extend(dice.iter().map(|dice| number(*dice)));
            row
        }),
    )
}
