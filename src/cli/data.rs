//! `dicebench inspect` and `dicebench sample`: datasets.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::{failed, print_json};
use crate::data::{DataConfig, Dataset, Progress, forensics, synthetic};
use crate::finding::Severity;

/// Say what a folder is: layout, classes, split, problems. Exit code 3 when a problem is an error.
#[derive(Debug, Clone, clap::Args)]
pub struct Inspect {
    /// Folder of the dataset, or `sample` for the generated one.
    dir: String,
    /// Read mask colours that no class claims as the nearest class.
    #[arg(long)]
    nearest_color: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Write the generated sample dataset as an ordinary folder.
#[derive(Debug, Clone, clap::Args)]
pub struct Sample {
    /// Folder to write to.
    dir: PathBuf,
    /// Another seed gives other pictures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub fn sample(args: &Sample) -> ExitCode {
    match synthetic::write(&args.dir, args.seed) {
        Ok(()) => {
            println!(
                "{} images with masks written to {}",
                synthetic::IMAGES,
                args.dir.display()
            );
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error.to_string()),
    }
}

pub fn inspect(args: &Inspect) -> ExitCode {
    let config = DataConfig {
        path: args.dir.clone(),
        nearest_color: args.nearest_color,
        ..DataConfig::default()
    };
    let mut dataset = match Dataset::open(&config, &Progress::default()) {
        Ok(dataset) => dataset,
        Err(error) => return failed(&error.to_string()),
    };
    let report = match forensics::examine(
        &dataset,
        Some(&crate::run::store::home().join("forensics")),
        &Progress::default(),
    ) {
        Ok(report) => report,
        Err(error) => return failed(&error.to_string()),
    };
    dataset.findings.extend(report.findings.iter().cloned());
    dataset
        .findings
        .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    if args.json {
        print_json(&as_json(&dataset));
    } else {
        print(&dataset);
    }
    if dataset
        .findings
        .iter()
        .any(|f| f.severity == Severity::Error)
    {
        return ExitCode::from(3);
    }
    ExitCode::SUCCESS
}

fn shares(pixels: &[u64], ignored: u64) -> Vec<f64> {
    let total = (pixels.iter().sum::<u64>() + ignored).max(1) as f64;
    pixels.iter().map(|n| *n as f64 / total).collect()
}

fn as_json(dataset: &Dataset) -> serde_json::Value {
    let census = &dataset.census;
    let train = shares(&census.train_pixels, census.ignored_train);
    let val = shares(&census.val_pixels, census.ignored_val);
    let classes: Vec<_> = dataset
        .classes
        .classes
        .iter()
        .enumerate()
        .map(|(i, class)| {
            json!({
                "name": class.name,
                "color": class.color,
                "values": class.values,
                "pixel_share": { "train": train[i], "val": val[i] },
                "images": { "train": census.train_images[i], "val": census.val_images[i] },
            })
        })
        .collect();
    json!({
        "layout": dataset.layout,
        "reason": dataset.reason,
        "pairs": dataset.items.len(),
        "splits": { "train": dataset.split.train.len(), "val": dataset.split.val.len(), "origin": dataset.split.origin },
        "classes": classes,
        "ignore": dataset.classes.ignore,
        "encoding": dataset.classes.coding,
        "findings": dataset.findings,
    })
}

fn print(dataset: &Dataset) {
    println!("{}: {}", dataset.layout, dataset.reason);
    println!(
        "{} pairs: {} train, {} validate ({})",
        dataset.items.len(),
        dataset.split.train.len(),
        dataset.split.val.len(),
        dataset.split.origin
    );
    let census = &dataset.census;
    let train = shares(&census.train_pixels, census.ignored_train);
    let val = shares(&census.val_pixels, census.ignored_val);
    println!(
        "{:>3}  {:<20} {:>9} {:>9} {:>7}  values",
        "", "class", "train", "val", "images"
    );
    for (i, class) in dataset.classes.classes.iter().enumerate() {
        let values: Vec<String> = class.values.iter().take(6).map(u32::to_string).collect();
        println!(
            "{i:>3}  {:<20} {:>8.2}% {:>8.2}% {:>7}  {}",
            class.name,
            train[i] * 100.0,
            val[i] * 100.0,
            census.train_images[i] + census.val_images[i],
            values.join(" ")
        );
    }
    if census.ignored_train + census.ignored_val > 0 {
        println!(
            "     {} pixels are ignored",
            census.ignored_train + census.ignored_val
        );
    }
    for finding in &dataset.findings {
        println!(
            "{}: {} [{}]",
            finding.severity.name(),
            finding.message,
            finding.code
        );
        if !finding.remedy.is_empty() {
            println!("  {}", finding.remedy);
        }
    }
}
