//! `dicebench train`: a run without a window.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{failed, no_dataset, usage};
use crate::data::{Dataset, Progress};
use crate::experiment::{ExperimentConfig, Preset};
use crate::run::store::{Store, home};
use crate::run::{Outcome, Run, RunEvent};
use crate::train::device::{self, tuning};
use crate::train::handle::{Control, Job, TrainerEvent, TrainerHandle};
use crate::train::memory;

/// Train a network and record the run. Ctrl+C stops cleanly and keeps what was learned.
#[derive(Debug, Clone, clap::Args)]
pub struct Train {
    /// A preset's name (see `dicebench presets`) or a preset file.
    #[arg(long, default_value = "default", value_name = "NAME|FILE")]
    preset: String,
    /// Folder of the dataset, or `sample` for the generated one.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Change a parameter, such as `train.batch=4`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// `auto`, `cpu`, or a name that `dicebench devices` lists.
    #[arg(long)]
    device: Option<String>,
    /// Folder for the run's folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Train although the doctor finds an error (bundled presets are trained as they are).
    #[arg(long)]
    force: bool,
    /// Print one JSON object per event.
    #[arg(long)]
    json: bool,
}

/// The configuration that preset and options make together. The device that the options name is one
/// that is there; a preset from another machine may name one that is not.
pub fn configuration(
    preset: &str,
    data: Option<&String>,
    device: Option<&String>,
    set: &[String],
) -> Result<(String, ExperimentConfig), String> {
    let preset = Preset::find(preset, &home().join("presets"))?;
    let mut config = preset.config;
    let own = config.train.device.clone();
    if let Some(data) = data {
        config.data.path.clone_from(data);
    }
    if let Some(device) = device {
        config.train.device.clone_from(device);
    }
    for pair in set {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("`--set {pair}`: expected key=value"))?;
        config
            .set(key.trim(), value)
            .map_err(|error| error.to_string())?;
    }
    config.validate().map_err(|problems| problems.join("\n"))?;
    if config.train.device != own {
        device::exists(&config.train.device)?;
    }
    Ok((preset.name, config))
}

pub fn run(args: &Train) -> ExitCode {
    let (name, config) = match configuration(
        &args.preset,
        args.data.as_ref(),
        args.device.as_ref(),
        &args.set,
    ) {
        Ok(found) => found,
        Err(message) => return usage(&message),
    };
    let dataset = match Dataset::open(&config.data, &Progress::default()) {
        Ok(dataset) => Arc::new(dataset),
        Err(error) => return no_dataset(&error),
    };
    let mut output = Output::new(args.json);
    output.run.config.clone_from(&config);
    for finding in &dataset.findings {
        output.event(&RunEvent::Finding {
            step: 0,
            finding: finding.clone(),
        });
    }
    if let Some(code) = examine(args, &config, &dataset, &mut output) {
        return code;
    }
    let store = Store::new(args.out.clone().unwrap_or_else(Store::default_root));
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    if let Err(error) = ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst)) {
        log::warn!("Ctrl+C will not stop cleanly: {error}");
    }
    let trainer = TrainerHandle::spawn(Arc::new(|| {}));
    let job = Job {
        name,
        config,
        dataset,
        resume: None,
    };
    if let Err(message) = trainer.start(vec![job], store.clone()) {
        return failed(&message);
    }
    follow(&trainer, &store, &stop, &mut output)
}

/// What the doctor calls an error stops a training before it begins, unless it is meant: a bundled
/// preset as it is, or `--force`.
fn examine(
    args: &Train,
    config: &ExperimentConfig,
    dataset: &Dataset,
    output: &mut Output,
) -> Option<ExitCode> {
    // What can't be examined can't be trained either, and the trainer says so.
    let found = super::diagnose::before(config, dataset).ok()?;
    let mut errors: Vec<_> = found
        .into_iter()
        .map(|diagnosis| diagnosis.finding)
        .collect();
    errors.retain(|finding| finding.severity == crate::finding::Severity::Error);
    if errors.is_empty() {
        return None;
    }
    let bundled = Preset::bundled()
        .iter()
        .any(|preset| preset.name == args.preset);
    let meant = args.force || (bundled && args.set.iter().all(|pair| !changes_the_loss(pair)));
    for finding in errors {
        output.event(&RunEvent::Finding { step: 0, finding });
    }
    if meant {
        return None;
    }
    eprintln!(
        "error: the doctor finds an error, so nothing is trained: put it right, or add `--force`"
    );
    Some(ExitCode::from(3))
}

/// Whether a `--set` touches what the doctor's errors are about.
fn changes_the_loss(pair: &str) -> bool {
    let key = pair.split('=').next().unwrap_or_default().trim();
    key == "activation" || key.starts_with("loss.") || key.starts_with("data.mask")
}

fn follow(
    trainer: &TrainerHandle,
    store: &Store,
    stop: &AtomicBool,
    output: &mut Output,
) -> ExitCode {
    let mut code = ExitCode::FAILURE;
    let mut asked = false;
    loop {
        if stop.load(Ordering::SeqCst) && !asked {
            asked = true;
            trainer.control(Control::Stop);
        }
        match trainer.wait(Duration::from_millis(100)) {
            Some(TrainerEvent::Opened { id, .. }) => {
                output.dir = Some(store.dir(&id));
            }
            Some(TrainerEvent::Run { event, .. }) => {
                output.event(&event);
                if let RunEvent::Finished { outcome, .. } = &event {
                    code = match outcome {
                        Outcome::Completed | Outcome::Stopped => ExitCode::SUCCESS,
                        Outcome::Diverged { .. } | Outcome::Failed { .. } => ExitCode::FAILURE,
                    };
                }
            }
            Some(TrainerEvent::Idle) => return code,
            Some(TrainerEvent::Tuned { kernels }) if !output.json => {
                let progress = tuning::progress(kernels, &output.run.config.model);
                output.say(&format!(
                    "tuning kernels for this GPU: {progress} (once per shape; kept)"
                ));
            }
            Some(TrainerEvent::Traffic { traffic, .. }) if !output.json => {
                output.say(&format!("a step asks for {traffic} on this GPU"));
            }
            Some(_) | None => {}
        }
    }
}

/// JSON lines, or a progress bar and a line per validation.
struct Output {
    json: bool,
    bar: Option<ProgressBar>,
    run: Run,
    dir: Option<PathBuf>,
}

impl Output {
    fn new(json: bool) -> Self {
        Self {
            json,
            bar: None,
            run: Run::default(),
            dir: None,
        }
    }

    fn event(&mut self, event: &RunEvent) {
        self.run.apply(event);
        if self.json {
            self.json(event);
        } else {
            self.text(event);
        }
    }

    fn json(&self, event: &RunEvent) {
        let mut value = json!(event);
        if matches!(event, RunEvent::Finished { .. }) {
            value["run"] = json!(self.dir);
        }
        // A reader that went away must not end the training with a panic.
        let _ = writeln!(std::io::stdout().lock(), "{value}");
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => {
                let _ = writeln!(std::io::stdout().lock(), "{text}");
            }
        }
    }

    fn text(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started {
                device,
                total_steps,
                parameters,
                classes,
                memory_estimate,
                ..
            } => {
                self.say(&format!(
                    "{parameters} parameters, {} classes, {total_steps} steps on {device}, about {} of memory",
                    classes.len(),
                    memory::size(*memory_estimate)
                ));
                if std::io::stderr().is_terminal() {
                    self.bar = Some(bar(*total_steps));
                }
            }
            RunEvent::Step { step, loss, .. } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(*step);
                    let dice = self.run.validations.last().and_then(|v| v.mean_dice);
                    bar.set_message(format!("loss {loss:.4}, mean Dice {}", shown(dice)));
                }
            }
            RunEvent::Validated {
                step,
                loss,
                dice,
                mean_dice,
                ..
            } => {
                let dice: Vec<String> = self
                    .run
                    .classes
                    .iter()
                    .zip(dice)
                    .map(|(name, dice)| format!("{name} {}", shown(*dice)))
                    .collect();
                self.say(&format!(
                    "step {step}: validation loss {loss:.4}, mean Dice {} ({})",
                    shown(*mean_dice),
                    dice.join(", ")
                ));
            }
            RunEvent::Finding { finding, .. } => {
                self.say(&format!("{}: {}", finding.severity.name(), finding.message));
                if !finding.remedy.is_empty() {
                    self.say(&format!("  {}", finding.remedy));
                }
            }
            RunEvent::Resumed { step, .. } => self.say(&format!("goes on from step {step}")),
            RunEvent::Finished {
                outcome,
                step,
                secs,
            } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                let what = match outcome {
                    Outcome::Completed => "completed".to_owned(),
                    Outcome::Stopped => "stopped; what was learned is kept".to_owned(),
                    Outcome::Diverged { at_step, message } => {
                        format!("diverged at step {at_step}: {message}")
                    }
                    Outcome::Failed { message } => format!("failed: {message}"),
                };
                self.say(&format!("{what} after {step} steps, {secs:.1} s"));
                if let Some(best) = self.run.best.map(|best| &self.run.validations[best]) {
                    self.say(&format!(
                        "best mean Dice {} at step {}",
                        shown(best.mean_dice),
                        best.step
                    ));
                }
                if let Some(dir) = &self.dir {
                    self.say(&format!("run kept in {}", dir.display()));
                }
            }
        }
    }
}

fn shown(dice: Option<f64>) -> String {
    dice.map_or_else(|| "–".to_owned(), |dice| format!("{dice:.3}"))
}

fn bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let template = "{bar:30} {pos}/{len} {per_sec} {eta} left, {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
