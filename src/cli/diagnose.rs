//! `dicebench doctor`: what is wrong with a configuration, before training.

use std::process::ExitCode;

use serde_json::json;

use super::{failed, print_json, train, usage};
use crate::data::{Dataset, Progress};
use crate::doctor::{self, Evidence, Masks};
use crate::finding::Severity;

/// X-ray a configuration's loss on a dataset, and name what is wrong. Exit code 3 when something is
/// an error.
#[derive(Debug, Clone, clap::Args)]
pub struct Doctor {
    /// A preset's name or a preset file.
    #[arg(long, default_value = "default", value_name = "NAME|FILE")]
    preset: String,
    /// Folder of the dataset, or `sample` for the generated one.
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Change a parameter, such as `activation=none`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Doctor) -> ExitCode {
    let config = match train::configuration(&args.preset, args.data.as_ref(), None, &args.set) {
        Ok((_, config)) => config,
        Err(message) => return usage(&message),
    };
    let dataset = match Dataset::open(&config.data, &Progress::default()) {
        Ok(dataset) => dataset,
        Err(error) => return failed(&error.to_string()),
    };
    let xray = Masks::read(&dataset, &config)
        .and_then(|masks| doctor::examine(&masks, &config))
        .and_then(|subject| doctor::xray::take(&config, &subject));
    let xray = match xray {
        Ok(xray) => xray,
        Err(error) => return failed(&error.to_string()),
    };
    let diagnoses = doctor::diagnose(Evidence {
        config: &config,
        dataset: Some(&dataset),
        xray: Some(&xray),
        run: None,
    });
    if args.json {
        print_json(&json!({ "xray": xray, "diagnoses": diagnoses }));
    } else {
        println!("{:<38} {:>10} {:>8}", "answer", "loss", "quality");
        for bar in &xray.oracles {
            println!("{:<38} {:>10.4} {:>8.3}", bar.title, bar.loss, bar.quality);
        }
        for violation in &xray.violations {
            println!("✖ {}", violation.message);
        }
        for diagnosis in &diagnoses {
            let finding = &diagnosis.finding;
            println!(
                "{}: {} [{}]",
                finding.severity.name(),
                finding.message,
                finding.code
            );
            println!("  {}", diagnosis.why);
            if let Some(fix) = &diagnosis.fix {
                let set: Vec<String> = fix
                    .settings
                    .iter()
                    .map(|(k, v)| format!("--set {k}={v}"))
                    .collect();
                println!("  {}: {}", fix.label, set.join(" "));
            }
        }
        if xray.violations.is_empty() && diagnoses.is_empty() {
            println!("✔ nothing to complain about");
        }
    }
    if diagnoses
        .iter()
        .any(|d| d.finding.severity == Severity::Error)
    {
        return ExitCode::from(3);
    }
    ExitCode::SUCCESS
}
