//! `dicebench xray --run`: what another loss would say of a run's answers, without training.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;

use super::xray::XrayArgs;
use super::{failed, print_json, runs, train, usage};
use crate::data::{Dataset, Progress};
use crate::experiment::ExperimentConfig;
use crate::run::Run;
use crate::run::checkpoints::Checkpoint;
use crate::run::store::Store;
use crate::train::frozen::{Frozen, Reading};

#[derive(Serialize)]
struct Report {
    run: String,
    weights: Checkpoint,
    step: u64,
    images: usize,
    /// All weights that the run has stored.
    stored: Vec<Checkpoint>,
    /// What the run recorded for these weights.
    recorded: Option<f64>,
    own: Reading,
    now: Reading,
}

pub fn run(args: &XrayArgs, run: &Path) -> ExitCode {
    let store = Store::new(args.out.clone().unwrap_or_else(Store::default_root));
    let found = runs::find_in(&store, run).and_then(|(store, mut run)| {
        if let Some(data) = &args.data {
            run.config.data.path.clone_from(data);
        }
        let config = changed(args, &run)?;
        Ok((store, run, config))
    });
    let (store, run, config) = match found {
        Ok(found) => found,
        Err(message) => return usage(&message),
    };
    match ask(&store, &run, &config, args.weights) {
        Ok(report) if args.json => print_json(&report),
        Ok(report) => {
            print(&report);
            ExitCode::SUCCESS
        }
        Err(message) => failed(&message),
    }
}

/// The run's configuration with the loss of the preset, if one was named, and the settings.
fn changed(args: &XrayArgs, run: &Run) -> Result<ExperimentConfig, String> {
    let mut config = run.config.clone();
    if let Some(preset) = &args.preset {
        let (_, preset) = train::configuration(preset, None, None, &[])?;
        config = config.with_loss_of(&preset);
    }
    for pair in &args.set {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("`--set {pair}`: expected key=value"))?;
        config
            .set(key.trim(), value)
            .map_err(|error| error.to_string())?;
    }
    config.validate().map_err(|problems| problems.join("\n"))?;
    Ok(run.config.with_loss_of(&config))
}

fn ask(
    store: &Store,
    run: &Run,
    config: &ExperimentConfig,
    weights: Checkpoint,
) -> Result<Report, String> {
    let dataset =
        Dataset::open(&run.config.data, &Progress::default()).map_err(|error| error.to_string())?;
    let frozen = Frozen::take(run, &store.dir(&run.id), weights, Arc::new(dataset))?;
    let reading = |config: &ExperimentConfig| {
        let reading = frozen.ask(config, &|| false)?;
        reading.ok_or_else(|| "the question was stopped".to_owned())
    };
    Ok(Report {
        run: run.name.clone(),
        weights,
        step: frozen.step,
        stored: frozen.stored.iter().map(|(it, _)| *it).collect(),
        images: frozen.images,
        recorded: frozen.recorded,
        own: reading(&frozen.config)?,
        now: reading(config)?,
    })
}

fn print(report: &Report) {
    let weights = match report.weights {
        Checkpoint::Step(step) => format!("weights of step {step}"),
        named => format!("{named} weights, of step {}", report.step),
    };
    let (run, images) = (&report.run, report.images);
    println!("{run}, {weights}, {images} validation images");
    let others = report.stored.iter().filter(|it| **it != report.weights);
    let others: Vec<String> = others.map(ToString::to_string).collect();
    if !others.is_empty() {
        println!("other weights that it keeps: {}", others.join(", "));
    }
    if let Some(recorded) = report.recorded {
        println!("the run recorded {recorded:.5}");
    }
    println!("{:<24} {:>14} {:>14}", "", "the run's loss", "asked");
    let (own, now) = (&report.own, &report.now);
    println!("{:<24} {:>14.5} {:>14.5}", "loss", own.loss, now.loss);
    println!(
        "{:<24} {:>14.4e} {:>14.4e}",
        "gradient", own.gradient, now.gradient
    );
    for (own, now) in own.classes.iter().zip(&now.classes) {
        let (before, after) = (own.gradient * 100.0, now.gradient * 100.0);
        println!("{:<24} {before:>12.2} % {after:>12.2} %", now.class);
    }
}
