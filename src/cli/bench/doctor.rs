//! `dicebench bench doctor`: how often the doctor speaks about configurations that are healthy.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::data::{Dataset, Opened};
use crate::doctor::{self, Diagnosis, Evidence};
use crate::experiment::preset::Shelf;
use crate::experiment::{ExperimentConfig, Preset};
use crate::finding::Severity;
use crate::lab::proving;
use crate::run::Run;
use crate::run::store::Store;
use crate::train::handle::Job;

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Folder of a dataset, or `sample` for the generated one; may be given several times.
    #[arg(long, default_value = "sample", value_name = "DIR")]
    pub data: Vec<String>,
    /// Also train each configuration for so many steps, and listen while it trains and afterwards.
    /// Nothing is recorded.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    pub steps: u64,
    /// Change a parameter, such as `data.width=128`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What was said about healthy configurations. A finding that a preset's own text speaks of, and what
/// opening a dataset found wrong with its files, are no alarms.
#[derive(Debug, Default, Serialize)]
struct Report {
    bench: &'static str,
    /// Presets times datasets.
    configurations: usize,
    /// Rules that each was held against.
    rules: usize,
    steps: u64,
    /// Configurations with an error or a warning, and with a hint.
    alarmed: usize,
    hinted: usize,
    errors: usize,
    warnings: usize,
    hints: usize,
    /// Findings that the presets name themselves, and those about the files.
    named_by_preset: usize,
    about_files: usize,
    /// Median time of one diagnosis before training, X-ray included.
    millis: f64,
    said: Vec<Said>,
}

/// One rule that spoke.
#[derive(Debug, Serialize)]
struct Said {
    code: String,
    severity: Severity,
    /// `preset on dataset`, once each.
    about: Vec<String>,
}

pub fn run(args: &Args) -> ExitCode {
    let result = crate::cli::in_scratch("doctor", |store| report(args, &store));
    super::tell(result, args.json, print)
}

/// Bundled presets that are no mistake.
fn healthy() -> Vec<Preset> {
    let mut all = Preset::bundled();
    all.retain(|preset| preset.shelf() != Shelf::Museum && preset.twin.is_empty());
    all
}

fn report(args: &Args, store: &Store) -> Result<Report, String> {
    let mut report = Report {
        bench: "doctor",
        rules: doctor::rules::codes().count(),
        steps: args.steps,
        ..Report::default()
    };
    let mut said: BTreeMap<(Severity, String), Vec<String>> = BTreeMap::new();
    let mut millis = Vec::new();
    let mut opened = Opened::default();
    for data in &args.data {
        for preset in healthy() {
            let config = configuration(&preset, data, args)?;
            let about = format!("{} on {data}", preset.name);
            let in_case = |error: String| format!("{about}: {error}");
            let dataset = (opened.get(&config.data)).map_err(|error| in_case(error.to_string()))?;
            let start = Instant::now();
            let mut found = before(&config, &dataset).map_err(in_case)?;
            millis.push(start.elapsed().as_secs_f64() * 1e3);
            let files: Vec<String> = dataset.findings.iter().map(|f| f.code.clone()).collect();
            if args.steps > 0 {
                found.extend(trained(&preset.name, &config, dataset, store).map_err(in_case)?);
            }
            found.sort_unstable();
            found.dedup();
            report.configurations += 1;
            report.named_by_preset += drop_if(&mut found, |code| {
                preset.caught_by.iter().any(|named| named == code)
            });
            report.about_files += drop_if(&mut found, |code| files.iter().any(|f| f == code));
            let alarm = |(severity, _): &(Severity, String)| *severity > Severity::Hint;
            report.alarmed += usize::from(found.iter().any(alarm));
            report.hinted += usize::from(!found.iter().all(alarm));
            for (severity, code) in found {
                *match severity {
                    Severity::Error => &mut report.errors,
                    Severity::Warning => &mut report.warnings,
                    Severity::Hint => &mut report.hints,
                } += 1;
                said.entry((severity, code))
                    .or_default()
                    .push(about.clone());
            }
        }
    }
    millis.sort_by(f64::total_cmp);
    report.millis = super::median(&millis);
    // Worst first.
    let said = said.into_iter().rev();
    report.said = said
        .map(|((severity, code), about)| Said {
            code,
            severity,
            about,
        })
        .collect();
    Ok(report)
}

/// Takes out what `is` says of its code; how many.
fn drop_if(found: &mut Vec<(Severity, String)>, is: impl Fn(&str) -> bool) -> usize {
    let before = found.len();
    found.retain(|(_, code)| !is(code));
    before - found.len()
}

fn configuration(preset: &Preset, data: &str, args: &Args) -> Result<ExperimentConfig, String> {
    let data = data.to_owned();
    let (_, mut config) =
        crate::cli::train::configuration(&preset.name, Some(&data), None, &args.set)?;
    if args.steps > 0 {
        config.train.epochs = 0;
        config.train.steps = args.steps;
    }
    Ok(config)
}

fn coded(found: &[Diagnosis]) -> Vec<(Severity, String)> {
    (found.iter())
        .map(|d| (d.finding.severity, d.finding.code.clone()))
        .collect()
}

fn before(config: &ExperimentConfig, dataset: &Dataset) -> Result<Vec<(Severity, String)>, String> {
    crate::cli::diagnose::before(config, dataset).map(|found| coded(&found))
}

/// What is said while it trains, and about its curves afterwards.
fn trained(
    name: &str,
    config: &ExperimentConfig,
    dataset: Arc<Dataset>,
    store: &Store,
) -> Result<Vec<(Severity, String)>, String> {
    let job = Job {
        name: name.to_owned(),
        config: config.clone(),
        dataset,
        resume: None,
    };
    let runs: Vec<Run> = proving::train(vec![job], store)?;
    let mut found = Vec::new();
    for run in &runs {
        let live = run.findings.iter();
        found.extend(live.map(|(_, finding)| (finding.severity, finding.code.clone())));
        found.extend(coded(&doctor::rules::review(Evidence {
            config,
            dataset: None,
            xray: None,
            run: Some(run),
        })));
    }
    Ok(found)
}

fn print(report: &Report) {
    let share = |n: usize| 100.0 * n as f64 / report.configurations.max(1) as f64;
    println!(
        "{} healthy configurations, each held against {} rules{}; one diagnosis takes {:.0} ms",
        report.configurations,
        report.rules,
        match report.steps {
            0 => String::new(),
            steps => format!(" before, during and after {steps} steps"),
        },
        report.millis
    );
    println!(
        "alarmed (error or warning): {} = {:.1} %; {} errors, {} warnings",
        report.alarmed,
        share(report.alarmed),
        report.errors,
        report.warnings
    );
    println!(
        "hinted: {} = {:.1} %; {} hints",
        report.hinted,
        share(report.hinted),
        report.hints
    );
    println!(
        "not counted: {} findings that the preset's own text names, {} about the files",
        report.named_by_preset, report.about_files
    );
    for said in &report.said {
        let (severity, code) = (said.severity.name(), &said.code);
        let rate = share(said.about.len());
        println!(
            "  {severity}: {code}, {} = {rate:.1} %: {}",
            said.about.len(),
            said.about.join("; ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample is what most people see first: nothing may be said of what is healthy there.
    #[test]
    fn healthy_presets_raise_no_alarm_on_the_sample() {
        let args = Args {
            data: vec!["sample".to_owned()],
            steps: 0,
            set: Vec::new(),
            json: false,
        };
        let dir = tempfile::tempdir().unwrap();
        let report = report(&args, &Store::new(dir.path())).unwrap();
        assert_eq!(report.configurations, healthy().len());
        assert!(
            report.configurations >= 6,
            "{} presets",
            report.configurations
        );
        let codes: Vec<&str> = report.said.iter().map(|said| said.code.as_str()).collect();
        assert_eq!(codes, [""; 0]);
        assert!(
            report.named_by_preset > 0,
            "what presets say of themselves is counted apart"
        );
    }
}
