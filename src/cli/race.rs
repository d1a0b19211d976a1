//! `dicebench race`: several losses from the same weights and batches.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use super::{failed, no_dataset, runs, train, usage};
use crate::data::{DataError, Opened};
use crate::experiment::plan::{Lane, Plan, in_words};
use crate::experiment::sweep::{self, Axis};
use crate::experiment::{ExperimentConfig, Preset, differences};
use crate::finding::counted;
use crate::run::group;
use crate::run::store::{Store, home};
use crate::run::{Outcome, Run, RunEvent, statistics};
use crate::train::handle::{Control, Job, TrainerEvent, TrainerHandle};

/// Train several configurations side by side, eight at a time, from the same first weights and the same batches. Lanes
/// are presets and runs (output activation, loss and class weights come from each, everything else
/// from `--base`) or the values that `--vary` gives to parameters of the base.
#[derive(Debug, Clone, clap::Args)]
pub struct Race {
    /// A lane: a preset's name or file.
    #[arg(long = "preset", value_name = "NAME|FILE")]
    presets: Vec<String>,
    /// Race a mistake of the museum against its fixed twin instead, everything else as the mistake
    /// has it.
    #[arg(
        long,
        value_name = "NAME|FILE",
        conflicts_with_all = ["base", "presets", "runs", "vary"]
    )]
    pair: Option<String>,
    /// A lane: a run's folder, or its name as `dicebench runs` lists it.
    #[arg(long = "run", value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Lanes: a parameter of the base and the values it takes, such as `loss.kind=dice,focal`; given
    /// several times, every combination is a lane.
    #[arg(long, value_name = "KEY=VALUE,…")]
    vary: Vec<String>,
    /// Repeat the race with this many seeds, one race after the other.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
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
    /// Print one JSON object per event, with `lane` and `name`, and `compared` at the end; for `queue
    /// add`, what waits.
    #[arg(long)]
    pub(super) json: bool,
}

/// Lanes in all: more than a person compares.
const MOST: usize = 64;

pub fn run(args: &Race) -> ExitCode {
    let plan = match plan(args) {
        Ok(plan) => plan,
        Err(message) => return usage(&message),
    };
    warn(&plan);
    let store = Store::new(args.out.clone().unwrap_or_else(Store::default_root));
    let mut runner = Runner::new(store, args.json);
    if let Err(error) = open(&plan, &mut runner.datasets) {
        return no_dataset(&error);
    }
    for lanes in plan.races() {
        if runner.is_stopped() {
            break;
        }
        if let Err(message) = runner.race(&lanes, Vec::new(), |_| ()) {
            return failed(&message);
        }
    }
    runner.sum_up()
}

/// Opens what the lanes train on.
pub(super) fn open(plan: &Plan, datasets: &mut Opened) -> Result<(), DataError> {
    let mut lanes = plan.lanes.iter();
    lanes.try_for_each(|lane| datasets.get(&lane.config.data).map(|_| ()))
}

/// Says in what lanes differ, and where they differ that should not.
pub(super) fn warn(plan: &Plan) {
    let said = plan.statement();
    if said.differ.is_empty() {
        eprintln!("warning: nothing differs between the lanes");
    } else {
        eprintln!("what differs: {}", in_words(said.differ.iter()));
    }
    for key in said.unequal {
        eprintln!(
            "warning: `{key}` differs between lanes: they don't start from the same weights and batches"
        );
    }
    for key in said.unasked {
        eprintln!(
            "warning: `{key}` differs between lanes, and nobody asked for it: results may come from it"
        );
    }
    for name in said.twins {
        eprintln!("warning: `{name}` is the same configuration as a lane before it");
    }
}

/// What whoever keeps a list of lanes wants to know.
pub(super) enum Told<'a> {
    Begun {
        lane: &'a str,
        /// Name of the run's folder.
        run: &'a str,
    },
    /// It ended by itself.
    Done { lane: &'a str },
}

/// Trains races one after the other, tells what happens, and compares them at the end.
pub(super) struct Runner {
    store: Store,
    trainer: TrainerHandle,
    stop: Arc<AtomicBool>,
    json: bool,
    datasets: Opened,
    runs: Vec<Run>,
}

impl Runner {
    /// Ctrl+C stops cleanly from now on.
    pub fn new(store: Store, json: bool) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        if let Err(error) = ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst)) {
            log::warn!("Ctrl+C will not stop cleanly: {error}");
        }
        Self {
            store,
            trainer: TrainerHandle::spawn(Arc::new(|| {})),
            stop,
            json,
            datasets: Opened::default(),
            runs: Vec::new(),
        }
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// One race from start to end; `begun` are runs to go on with, by lane.
    pub fn race(
        &mut self,
        lanes: &[Lane],
        begun: Vec<Option<String>>,
        mut tell: impl FnMut(Told<'_>),
    ) -> Result<(), String> {
        let mut jobs = Vec::new();
        let begun = begun.into_iter().chain(std::iter::repeat(None));
        for (lane, resume) in lanes.iter().zip(begun) {
            jobs.push(Job {
                name: lane.name.clone(),
                config: lane.config.clone(),
                dataset: (self.datasets.get(&lane.config.data))
                    .map_err(|error| error.to_string())?,
                resume,
            });
        }
        let (store, json, stop) = (&self.store, self.json, &self.stop);
        let runs = race(jobs, &self.trainer, store, stop, json, &mut tell)?;
        self.runs.extend(runs);
        Ok(())
    }

    /// The table of all races, and how sure the difference is; the exit code.
    pub fn sum_up(&self) -> ExitCode {
        if self.json {
            let mut out = std::io::stdout().lock();
            // A reader that went away has had every event.
            let _ = writeln!(out, "{}", compared(&self.runs, &self.store));
        } else {
            table(&self.runs);
            verdicts(&self.runs);
        }
        let fine = |run: &Run| matches!(run.outcome, Some(Outcome::Completed | Outcome::Stopped));
        if self.runs.iter().all(fine) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// The lanes that were asked for, and how often.
pub(super) fn plan(args: &Race) -> Result<Plan, String> {
    let (_, base) = train::configuration(
        args.pair.as_ref().unwrap_or(&args.base),
        args.data.as_ref(),
        args.device.as_ref(),
        &args.set,
    )?;
    let mut lanes: Vec<(String, ExperimentConfig)> = Vec::new();
    let mut varied = Vec::new();
    if let Some(name) = &args.pair {
        let preset = Preset::find(name, &home().join("presets"))?;
        let [mistake, fixed] = preset.pair(&base)?;
        // A mistake and its repair differ in nothing else.
        let repaired = differences(&[&mistake.1, &fixed.1]);
        varied.extend(repaired.into_iter().map(|(key, _)| key));
        lanes.extend([mistake, fixed]);
    }
    for name in &args.presets {
        let preset = Preset::find(name, &home().join("presets"))?;
        lanes.push((preset.name, base.with_loss_of(&preset.config)));
    }
    for run in &args.runs {
        // Names are looked for where the new runs go, too.
        let beside = args.out.as_ref().map(|out| out.join(run));
        let run = beside.filter(|path| path.is_dir()).unwrap_or(run.clone());
        let run = runs::find(&run)?.1;
        lanes.push((run.name, base.with_loss_of(&run.config)));
    }
    if !args.vary.is_empty() {
        let axes: Result<Vec<Axis>, String> =
            args.vary.iter().map(|text| Axis::parse(text)).collect();
        let axes = axes?;
        lanes.extend(sweep::grid(&base, &axes)?);
        varied.extend(axes.into_iter().map(|axis| axis.key));
    }
    if !(2..=MOST).contains(&lanes.len()) {
        return Err(format!(
            "{}: expected 2 to {MOST}, from `--preset`, `--run` and `--vary`",
            counted(lanes.len(), ["lane", "lanes"])
        ));
    }
    let lanes = lanes.into_iter();
    Ok(Plan {
        lanes: lanes.map(|(name, config)| Lane { name, config }).collect(),
        seeds: args.seeds,
        varied,
    })
}

/// One race from start to end; the runs as they were recorded.
fn race(
    jobs: Vec<Job>,
    trainer: &TrainerHandle,
    store: &Store,
    stop: &AtomicBool,
    json: bool,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Vec<Run>, String> {
    let named = |job: &Job| Run {
        name: job.name.clone(),
        config: job.config.clone(),
        ..Run::default()
    };
    let mut runs: Vec<Run> = jobs.iter().map(named).collect();
    trainer.start(jobs, store.clone())?;
    let mut asked = false;
    loop {
        if stop.load(Ordering::SeqCst) && !asked {
            asked = true;
            trainer.control(Control::Stop);
        }
        match trainer.wait(Duration::from_millis(100)) {
            Some(TrainerEvent::Opened { lane, id, past }) => {
                let run = &mut runs[lane];
                run.id = id;
                // Of what it goes on from nothing is told again.
                past.iter().for_each(|event| run.apply(event));
                tell(Told::Begun {
                    lane: &run.name,
                    run: &run.id,
                });
            }
            Some(TrainerEvent::Anew { lane, why }) => {
                let name = &runs[lane].name;
                eprintln!("warning: `{name}` begins again from its first step: {why}");
            }
            Some(TrainerEvent::Run { lane, event }) => {
                runs[lane].apply(&event);
                say(json, lane, &runs[lane], &event, store);
                if let RunEvent::Finished { outcome, .. } = &event
                    && (*outcome != Outcome::Stopped || !asked)
                {
                    tell(Told::Done {
                        lane: &runs[lane].name,
                    });
                }
            }
            Some(TrainerEvent::Idle) => return Ok(runs),
            Some(TrainerEvent::Tuned { kernels }) if !json => {
                eprintln!("tuning kernels for this GPU: {kernels} so far (once per shape; kept)");
            }
            Some(TrainerEvent::Traffic { lane, traffic }) if !json => {
                let name = &runs[lane].name;
                eprintln!("a step of “{name}” asks for {traffic} on this GPU");
            }
            Some(_) | None => {}
        }
    }
}

/// What [`table`] and [`verdicts`] say, for programs.
fn compared(runs: &[Run], store: &Store) -> serde_json::Value {
    let lanes: Vec<_> = (runs.iter())
        .map(|run| {
            let best = run.best.map(|at| &run.validations[at]);
            json!({
                "name": run.name, "ending": run.ending(),
                // One that never started has no folder.
                "run": (!run.id.is_empty()).then(|| store.dir(&run.id)),
                "why_ended": run.why_ended(), "best": best.map(|v| json!({
                    "step": v.step, "mean_dice": v.mean_dice, "dice": v.dice, "loss": v.loss,
                })),
            })
        })
        .collect();
    let all: Vec<&Run> = runs.iter().collect();
    let groups = group::groups(&all);
    let means: Vec<_> = (groups.iter())
        .filter_map(|group| {
            let band = group::band(0.0, &group.best(), group::Spread::StandardDeviation)?;
            Some(json!({
                "name": group.name, "best_mean_dice": band.mean, "count": band.count,
                // One run has no scatter.
                "sd": (band.count > 1).then_some(band.high - band.mean),
            }))
        })
        .collect();
    json!({
        "event": "compared", "lanes": lanes, "groups": means,
        "sentences": statistics::against_best(&groups),
    })
}

/// Mean and scatter over the seeds, and how sure it is that the best is better than each other one.
fn verdicts(runs: &[Run]) {
    let all: Vec<&Run> = runs.iter().collect();
    let groups = group::groups(&all);
    if groups.iter().any(|group| group.runs.len() > 1) {
        println!();
        for group in &groups {
            if let Some(band) = group::band(0.0, &group.best(), group::Spread::StandardDeviation) {
                println!(
                    "{:<28} {:.3} ± {:.3} (sd, N = {})",
                    group.name,
                    band.mean,
                    band.high - band.mean,
                    band.count
                );
            }
        }
    }
    let said = statistics::against_best(&groups);
    if !said.is_empty() {
        println!();
        for sentence in said {
            println!("{sentence}");
        }
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
                "{:<28} step {step}: validation loss {loss:.4}, mean Dice {}",
                run.name,
                shown(*mean_dice)
            );
        }
        RunEvent::Resumed { step, .. } => {
            let _ = writeln!(out, "{:<28} goes on from step {step}", run.name);
        }
        RunEvent::Finding { step, finding } => {
            let (severity, text) = (finding.severity.name(), &finding.message);
            let _ = writeln!(
                out,
                "{:<20} step {step}: {severity}: {text} [{}]",
                run.name, finding.code
            );
        }
        RunEvent::Finished {
            outcome: Outcome::Diverged { message, .. } | Outcome::Failed { message },
            ..
        } => {
            let _ = writeln!(out, "{:<28} {message}", run.name);
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
        "{:<28} {:>6} {:>6}  {}",
        "lane",
        "mean",
        "step",
        classes.join("  ")
    );
    for run in runs {
        let Some(best) = run.best.map(|at| &run.validations[at]) else {
            println!("{:<28} –", run.name);
            continue;
        };
        let dice: Vec<String> = (best.dice.iter().zip(&classes))
            .map(|(dice, class)| format!("{:<width$}", shown(*dice), width = class.chars().count()))
            .collect();
        println!(
            "{:<28} {:>6} {:>6}  {}",
            run.name,
            shown(best.mean_dice),
            best.step,
            dice.join("  ")
        );
    }
    for run in runs {
        if let Some(why) = run.why_ended() {
            println!("{}: {why}", run.name);
        }
    }
}
