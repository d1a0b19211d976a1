//! `dicebench race`: several losses from the same weights and batches.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use super::{failed, train, usage};
use crate::data::{Dataset, Progress};
use crate::experiment::Preset;
use crate::run::store::{Store, home};
use crate::run::{Outcome, Run, RunEvent};
use crate::train::handle::{Control, Job, TrainerEvent, TrainerHandle};

/// Train several losses side by side, from the same first weights and the same batches. Output
/// activation, loss and class weights come from each preset, everything else from `--base`.
#[derive(Debug, Clone, clap::Args)]
pub struct Race {
    /// A lane: a preset's name or file. Give two to eight.
    #[arg(long = "preset", required = true, value_name = "NAME|FILE")]
    presets: Vec<String>,
    /// Preset of everything that is the same in all lanes.
    #[arg(long, default_value = "default", value_name = "NAME|FILE")]
    base: String,
    /// Folder of the dataset, or `sample` for the generated one.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Change a parameter of the base, such as `train.steps=100`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// `auto`, `cpu`, or a name that `dicebench devices` lists.
    #[arg(long)]
    device: Option<String>,
    /// Folder for the runs' folders.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object per event, with `lane` and `name`.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Race) -> ExitCode {
    if !(2..=8).contains(&args.presets.len()) {
        return usage(&format!(
            "{} lanes: expected 2 to 8 `--preset`",
            args.presets.len()
        ));
    }
    let base = train::configuration(
        &args.base,
        args.data.as_ref(),
        args.device.as_ref(),
        &args.set,
    );
    let base = match base {
        Ok((_, config)) => config,
        Err(message) => return usage(&message),
    };
    let dataset = match Dataset::open(&base.data, &Progress::default()) {
        Ok(dataset) => Arc::new(dataset),
        Err(error) => return failed(&error.to_string()),
    };
    let mut jobs = Vec::new();
    for name in &args.presets {
        match Preset::find(name, &home().join("presets")) {
            Ok(preset) => jobs.push(Job {
                name: preset.name,
                config: base.with_loss_of(&preset.config),
                dataset: Arc::clone(&dataset),
            }),
            Err(message) => return usage(&message),
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    if let Err(error) = ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst)) {
        log::warn!("Ctrl+C will not stop cleanly: {error}");
    }
    let mut runs: Vec<Run> = jobs
        .iter()
        .map(|job| Run {
            name: job.name.clone(),
            ..Run::default()
        })
        .collect();
    let store = Store::new(args.out.clone().unwrap_or_else(Store::default_root));
    let trainer = TrainerHandle::spawn(Arc::new(|| {}));
    if let Err(message) = trainer.start(jobs, store.clone()) {
        return failed(&message);
    }
    let mut asked = false;
    loop {
        if stop.load(Ordering::SeqCst) && !asked {
            asked = true;
            trainer.control(Control::Stop);
        }
        match trainer.wait(Duration::from_millis(100)) {
            Some(TrainerEvent::Opened { lane, id }) => runs[lane].id = id,
            Some(TrainerEvent::Run { lane, event }) => {
                runs[lane].apply(&event);
                say(args.json, lane, &runs[lane], &event, &store);
            }
            Some(TrainerEvent::Idle) => break,
            Some(TrainerEvent::Paused | TrainerEvent::Resumed) | None => {}
        }
    }
    if !args.json {
        table(&runs);
    }
    let fine = |run: &Run| matches!(run.outcome, Some(Outcome::Completed | Outcome::Stopped));
    if runs.iter().all(fine) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn shown(dice: Option<f64>) -> String {
    dice.map_or_else(|| "–".to_owned(), |dice| format!("{dice:.3}"))
}

fn say(json: bool, lane: usize, run: &Run, event: &RunEvent, store: &Store) {
    let mut out = std::io::stdout().lock();
    // A reader that went away must not end the training with a panic.
    if json {
        let mut value = json!(event);
        value["lane"] = json!(lane);
        value["name"] = json!(run.name);
        if matches!(event, RunEvent::Finished { .. }) {
            value["run"] = json!(store.dir(&run.id));
        }
        let _ = writeln!(out, "{value}");
        return;
    }
    match event {
        RunEvent::Validated {
            step,
            loss,
            mean_dice,
            ..
        } => {
            let _ = writeln!(
                out,
                "{:<20} step {step}: validation loss {loss:.4}, mean Dice {}",
                run.name,
                shown(*mean_dice)
            );
        }
        RunEvent::Finished {
            outcome: Outcome::Diverged { message, .. } | Outcome::Failed { message },
            ..
        } => {
            let _ = writeln!(out, "{:<20} {message}", run.name);
        }
        _ => {}
    }
}

/// Best scores of all lanes, per class.
fn table(runs: &[Run]) {
    let classes = runs
        .first()
        .map(|run| run.classes.clone())
        .unwrap_or_default();
    println!(
        "{:<20} {:>6} {:>6}  {}",
        "lane",
        "mean",
        "step",
        classes.join("  ")
    );
    for run in runs {
        let Some(best) = run.best.map(|at| &run.validations[at]) else {
            println!("{:<20} –", run.name);
            continue;
        };
        let dice: Vec<String> = (best.dice.iter().zip(&classes))
            .map(|(dice, class)| format!("{:<width$}", shown(*dice), width = class.chars().count()))
            .collect();
        println!(
            "{:<20} {:>6} {:>6}  {}",
            run.name,
            shown(best.mean_dice),
            best.step,
            dice.join("  ")
        );
    }
}
