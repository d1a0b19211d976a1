//! `dicebench loss check`: is Dicebench's loss the one in your own code?

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use burn::tensor::DType;
use serde_json::json;

use super::{failed, usage};
use crate::loss::case::{Case, CaseFile};
use crate::train::device;

/// Prove a loss equal to a reference's values.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Loss {
    /// Evaluate every case of the files through the engine that trains.
    Check(Check),
}

#[derive(Debug, Clone, clap::Args)]
pub struct Check {
    /// Files of cases.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// `cpu`, or a name that `dicebench devices` lists.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Compute in 32 bits, as training does, instead of 64.
    #[arg(long)]
    f32: bool,
    /// Print one JSON object per case.
    #[arg(long)]
    json: bool,
}

#[derive(Default)]
struct Family {
    passed: usize,
    failed: usize,
    refused: usize,
    worst: f64,
}

pub fn run(command: &Loss) -> ExitCode {
    let Loss::Check(args) = command;
    let (device, info) = match device::open(&args.device) {
        Ok(found) => found,
        Err(message) => return usage(&message),
    };
    // GPUs have no 64-bit floats in portable shaders.
    let dtype = if args.f32 || info.adapter.is_some() {
        DType::F32
    } else {
        DType::F64
    };
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for path in &args.files {
        let in_file = |message: String| failed(&format!("{}: {message}", path.display()));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return in_file(error.to_string()),
        };
        let file: CaseFile = match serde_json::from_str(&text) {
            Ok(file) => file,
            Err(error) => return in_file(error.to_string()),
        };
        for value in file.cases {
            let id = value["id"].as_str().unwrap_or("?").to_owned();
            let family = value["family"].as_str().unwrap_or("?").to_owned();
            let entry = families.entry(family).or_default();
            let answer = serde_json::from_value::<Case>(value)
                .map_err(|error| error.to_string())
                .and_then(|case| case.evaluate(&device, dtype));
            match answer {
                Ok(answer) => {
                    if answer.ok {
                        entry.passed += 1;
                    } else {
                        entry.failed += 1;
                    }
                    entry.worst = entry.worst.max(answer.loss_error.max(answer.grad_error));
                    if args.json {
                        println!(
                            "{}",
                            json!({ "id": id, "loss": answer.loss, "grad": answer.grad, "ok": answer.ok })
                        );
                    } else if !answer.ok {
                        println!(
                            "{id}: off by {:.1e} (loss) and {:.1e} (gradient)",
                            answer.loss_error, answer.grad_error
                        );
                    }
                }
                Err(message) => {
                    entry.refused += 1;
                    if args.json {
                        println!("{}", json!({ "id": id, "ok": false, "error": message }));
                    } else {
                        println!("{id}: {message}");
                    }
                }
            }
        }
    }
    if !args.json {
        println!(
            "{:<26} {:>7} {:>7} {:>8} {:>10}",
            "family", "passed", "failed", "refused", "worst"
        );
        for (name, family) in &families {
            println!(
                "{name:<26} {:>7} {:>7} {:>8} {:>10.1e}",
                family.passed, family.failed, family.refused, family.worst
            );
        }
    }
    if families
        .values()
        .any(|family| family.failed + family.refused > 0)
    {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
