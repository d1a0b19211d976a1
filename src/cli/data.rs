//! `dicebench inspect`, `dicebench convert` and `dicebench sample`: datasets.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::{failed, no_dataset, print_json, usage};
use crate::data::convert::{self, Arrangement};
use crate::data::mask::unpacked;
use crate::data::{Coding, DataConfig, Dataset, Progress, forensics, synthetic};
use crate::experiment::ExperimentConfig;
use crate::finding::{Finding, Severity};
use crate::run::store::home;

/// Say what a folder is: layout, classes, split, problems. Exit code 3 when a problem is an error.
#[derive(Debug, Clone, clap::Args)]
pub struct Inspect {
    /// Folder of the dataset, or `sample` for the generated one.
    dir: String,
    /// Read mask colours that no class claims as the nearest class.
    #[arg(long)]
    nearest_color: bool,
    /// A data setting, such as `data.layout=voc` or `data.masks=2ndHO`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Only what opening finds: do not look at every pixel of images and masks.
    #[arg(long)]
    quick: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Write a clean copy of a dataset: indexed masks, one arrangement, and a record of what became what.
#[derive(Debug, Clone, clap::Args)]
pub struct Convert {
    /// Folder of the dataset, or `sample` for the generated one.
    dir: String,
    /// Folder to write to; must be empty or not there.
    out: PathBuf,
    /// folders, voc or nnunet.
    #[arg(long, default_value = "folders")]
    to: String,
    /// A data setting, such as `data.nearest_color=true`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
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
    let mut config = match configured(&args.dir, &args.set) {
        Ok(config) => config,
        Err(message) => return usage(&message),
    };
    config.nearest_color |= args.nearest_color;
    let mut dataset = match Dataset::open(&config, &Progress::default()) {
        Ok(dataset) => dataset,
        Err(error) => return no_dataset(&error),
    };
    if !args.quick {
        let kept = home().join("forensics");
        match forensics::examine(&dataset, Some(&kept), &Progress::default()) {
            Ok(report) => dataset.findings.extend(report.findings),
            Err(error) => return failed(&error.to_string()),
        }
    }
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

pub fn convert(args: &Convert) -> ExitCode {
    let Some(&to) = Arrangement::ALL.iter().find(|to| to.name() == args.to) else {
        return usage(&format!(
            "`--to {}`: expected {}",
            args.to,
            Arrangement::ALL
                .iter()
                .map(|to| to.name())
                .collect::<Vec<_>>()
                .join(", ")
        ));
    };
    let config = match configured(&args.dir, &args.set) {
        Ok(config) => config,
        Err(message) => return usage(&message),
    };
    let written = Dataset::open(&config, &Progress::default())
        .and_then(|dataset| convert::convert(&dataset, &args.out, to, &Progress::default()));
    match written {
        Ok(items) => {
            println!(
                "{items} images with masks written to {}; mapping.json says what became what",
                args.out.display()
            );
            ExitCode::SUCCESS
        }
        Err(error) => no_dataset(&error),
    }
}

/// The settings of a dataset, from a folder and `--set` pairs.
fn configured(dir: &str, set: &[String]) -> Result<DataConfig, String> {
    let mut config = ExperimentConfig::default();
    dir.clone_into(&mut config.data.path);
    for pair in set {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("`--set {pair}`: expected key=value"))?;
        let key = key.trim();
        if !key.starts_with("data.") {
            return Err(format!(
                "`--set {pair}`: expected a key that begins with `data.`"
            ));
        }
        config
            .set(key, value)
            .map_err(|error| format!("`--set {pair}`: {error}"))?;
    }
    Ok(config.data)
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
    // A finding about no file in particular has an empty list of them here, too.
    let whole = |finding: &Finding| {
        let mut whole = json!(finding);
        whole["files"] = json!(finding.files);
        whole
    };
    let findings: Vec<_> = dataset.findings.iter().map(whole).collect();
    json!({
        "layout": dataset.layout,
        "reason": dataset.reason,
        "pairs": dataset.items.len(),
        "splits": { "train": dataset.split.train.len(), "val": dataset.split.val.len(), "origin": dataset.split.origin },
        "classes": classes,
        "ignore": dataset.classes.ignore,
        "encoding": dataset.classes.coding,
        "findings": findings,
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
        let shown = |value: &u32| match dataset.classes.coding {
            Coding::Ids => value.to_string(),
            Coding::Colors => unpacked(*value).map(|c| c.to_string()).join(","),
        };
        let values: Vec<String> = class.values.iter().take(6).map(shown).collect();
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
