//! `dicebench doctor`: what is wrong with a configuration before training, or with a run after it.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::{failed, no_dataset, print_json, runs, train, usage};
use crate::data::{Dataset, Progress};
use crate::doctor::{self, Diagnosis, Evidence, Gate, Xray, examiner, gates};
use crate::experiment::ExperimentConfig;
use crate::finding::{Finding, Severity};
use crate::run::Run;
use crate::run::store::Store;
use crate::train::{device, overfit::overfit_one_batch};

/// X-ray a configuration or a recorded run on a dataset, and name what is wrong. Exit code 3 when
/// something is an error.
#[derive(Debug, Clone, clap::Args)]
pub struct Doctor {
    /// A preset's name or file, or a run's id or folder.
    #[arg(value_name = "PRESET|RUN", conflicts_with = "preset")]
    what: Option<String>,
    /// A preset's name or a preset file.
    #[arg(long, default_value = "default", value_name = "NAME|FILE")]
    preset: String,
    /// Folder of the dataset, or `sample` for the generated one.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Change a parameter, such as `activation=none`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Also train on one batch: fifty steps must learn it by heart.
    #[arg(long)]
    overfit: bool,
    /// What `--overfit` computes on: `auto`, `cpu`, or a name that `dicebench devices` lists.
    #[arg(long)]
    device: Option<String>,
    /// Folder that holds the runs.
    #[arg(long, value_name = "DIR")]
    out: Option<std::path::PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What is looked at: a configuration, and the run it became.
fn subject(args: &Doctor) -> Result<(ExperimentConfig, Option<Run>), String> {
    let name = args.what.as_ref().unwrap_or(&args.preset);
    let wanted = |name: &str| {
        let (data, device) = (args.data.as_ref(), args.device.as_ref());
        train::configuration(name, data, device, &args.set).map(|(_, config)| config)
    };
    let Some(mut run) = find_run(args, name)? else {
        return match (wanted(name), &args.what) {
            (Ok(config), _) => Ok((config, None)),
            (Err(message), Some(name)) if message.contains("there is no preset") => Err(format!(
                "{message}, or the id or folder of a run (no run is called `{name}`)"
            )),
            (Err(message), _) => Err(message),
        };
    };
    if !args.set.is_empty() {
        return Err("`--set` changes a preset: a run is looked at as it was".to_owned());
    }
    if let Some(data) = &args.data {
        run.config.data.path.clone_from(data);
    }
    Ok((run.config.clone(), Some(run)))
}

fn find_run(args: &Doctor, name: &str) -> Result<Option<Run>, String> {
    let store = Store::new(args.out.clone().unwrap_or_else(Store::default_root));
    let Some((store, id)) = runs::locate(&store, Path::new(name)) else {
        return Ok(None);
    };
    store.load(&id).map(Some).map_err(|error| error.to_string())
}

pub fn run(args: &Doctor) -> ExitCode {
    let (config, recorded) = match subject(args) {
        Ok(found) => found,
        Err(message) => return usage(&message),
    };
    let dataset = match Dataset::open(&config.data, &Progress::default()) {
        Ok(dataset) => Arc::new(dataset),
        Err(error) => return no_dataset(&error),
    };
    let xray = match examiner::xray(&dataset, &config) {
        Ok(xray) => xray,
        Err(error) => return failed(&error.to_string()),
    };
    let evidence = Evidence {
        config: &config,
        dataset: Some(&dataset),
        xray: Some(&xray),
        run: recorded.as_ref(),
    };
    let diagnoses = doctor::diagnose(evidence);
    let mut gates = gates::before(evidence);
    if args.overfit {
        match overfit(&config, &dataset) {
            Ok(gate) => gates.push(gate),
            Err(message) => return failed(&message),
        }
    }
    if args.json {
        // What the run itself recorded while it went on stays beside what is found now.
        let live: Vec<_> = (recorded.iter().flat_map(|run| &run.findings))
            .map(|(step, finding)| json!({ "step": step, "finding": finding }))
            .collect();
        print_json(&json!({ "xray": xray, "diagnoses": diagnoses, "gates": gates, "live": live }));
    } else {
        print(&xray, &diagnoses, &gates, recorded.as_ref());
    }
    let error = |(_, finding): &(u64, Finding)| finding.severity == Severity::Error;
    let live = recorded.is_some_and(|run| run.findings.iter().any(error));
    if has_errors(&diagnoses) || live {
        return ExitCode::from(3);
    }
    ExitCode::SUCCESS
}

pub fn has_errors(diagnoses: &[Diagnosis]) -> bool {
    (diagnoses.iter()).any(|d| d.finding.severity == Severity::Error)
}

/// What is wrong with a configuration on a dataset, before training.
///
/// # Errors
/// When the loss does not fit the classes.
pub fn before(config: &ExperimentConfig, dataset: &Dataset) -> Result<Vec<Diagnosis>, String> {
    let xray = examiner::xray(dataset, config).map_err(|error| error.to_string())?;
    Ok(doctor::diagnose(Evidence {
        config,
        dataset: Some(dataset),
        xray: Some(&xray),
        run: None,
    }))
}

fn overfit(config: &ExperimentConfig, dataset: &Arc<Dataset>) -> Result<Gate, String> {
    let (device, _) = device::open(&config.train.device)?;
    let result = overfit_one_batch(config, dataset, &device, &AtomicBool::new(false));
    result
        .map(|result| gates::overfit(&result))
        .map_err(|error| error.to_string())
}

fn print(xray: &Xray, diagnoses: &[Diagnosis], gates: &[Gate], run: Option<&Run>) {
    super::xray::print_answers(xray);
    for gate in gates {
        let mark = match gate.passed {
            Some(true) => "✔",
            Some(false) => "✖",
            None => "–",
        };
        println!("{mark} {}: {}", gate.name, gate.message);
    }
    for (step, finding) in run.iter().flat_map(|run| &run.findings) {
        let severity = finding.severity.name();
        println!(
            "while training, step {step}: {severity}: {} [{}]",
            finding.message, finding.code
        );
    }
    for diagnosis in diagnoses {
        let finding = &diagnosis.finding;
        let sure = if diagnosis.certain {
            ""
        } else {
            " (suspected)"
        };
        println!(
            "{}{sure}: {} [{}]",
            finding.severity.name(),
            finding.message,
            finding.code
        );
        if let Some(pattern) = diagnosis.pattern_name() {
            println!("  pattern {}: {pattern}", diagnosis.pattern);
        }
        println!("  {}", diagnosis.why);
        if !diagnosis.met.is_empty() {
            println!("  met in: {}", diagnosis.met);
        }
        match &diagnosis.fix {
            Some(fix) if !fix.settings.is_empty() => {
                let set: Vec<String> = (fix.settings.iter())
                    .map(|(k, v)| format!("--set {k}={v}"))
                    .collect();
                println!("  {}: {}", fix.label, set.join(" "));
            }
            _ if !finding.remedy.is_empty() => println!("  {}", finding.remedy),
            _ => {}
        }
    }
    if xray.violations.is_empty() && diagnoses.is_empty() {
        println!("✔ nothing to complain about");
    }
}
