//! `dicebench loss`: is Dicebench's loss the one in your own code?

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use burn::prelude::Device;
use burn::tensor::DType;
use serde_json::{Value, json};

use super::{failed, train, usage};
use crate::loss::case::other::{ActivationCase, Checked, WeightCase};
use crate::loss::case::{Answer, Case, CaseFile};
use crate::run::metric_case::MetricCase;
use crate::train::device;

/// Prove a loss equal to a reference's values.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Loss {
    /// Evaluate every case of the files through the engine that trains.
    Check(Check),
    /// Write a case of a preset's loss, to be compared with other code.
    Vector(Vector),
}

#[derive(Debug, Clone, clap::Args)]
pub struct Check {
    /// Files of cases. Exit code 1: a case or a file of them failed; 2: a file is not there.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// `cpu`, or a name that `dicebench devices` lists.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Compute in 32 bits, as training does, instead of 64: then 1e-6 (loss) and 2e-6 (gradient)
    /// are asked for at most, on a GPU 1e-5 and 1e-3. Cases that can't hold that are listed, with
    /// the reason.
    #[arg(long)]
    f32: bool,
    /// Print one JSON object per case.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Vector {
    /// A preset's name (see `dicebench presets`) or a preset file.
    #[arg(long, default_value = "default", value_name = "NAME|FILE")]
    preset: String,
    /// Change a parameter, such as `loss.like=monai.DiceLoss`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Images, classes, height and width.
    #[arg(long, value_delimiter = ',', default_values_t = [2, 3, 6, 6], value_name = "N,C,H,W")]
    shape: Vec<usize>,
    /// Seed of the random logits and labels.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Where to write the case.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Logits of a written case: its file has tens of megabytes then.
const MOST: usize = 1 << 20;

#[derive(Default)]
struct Family {
    passed: usize,
    failed: usize,
    refused: usize,
    worst: f64,
}

enum Outcome {
    Loss(Answer),
    Value(Checked),
}

impl Outcome {
    fn of(case: Value, device: &Device, dtype: DType) -> Result<Self, String> {
        fn read<T: serde::de::DeserializeOwned>(case: Value) -> Result<T, String> {
            serde_json::from_value(case).map_err(|error| error.to_string())
        }
        if !case.is_object() {
            let expected = "expected an object with `id`, `family`, `shape`, `logits`, `labels` …";
            return Err(format!("this is no case: {expected}"));
        }
        match case["family"].as_str() {
            Some("class_weight") => read::<WeightCase>(case)?.evaluate().map(Self::Value),
            Some("metric") => {
                let (value, ok, error) = read::<MetricCase>(case)?.evaluate()?;
                Ok(Self::Value(Checked { value, ok, error }))
            }
            Some("activation") => {
                let case: ActivationCase = read(case)?;
                case.evaluate(device, dtype).map(Self::Value)
            }
            _ => Case::read(case)?.evaluate(device, dtype).map(Self::Loss),
        }
    }

    fn ok(&self) -> bool {
        match self {
            Self::Loss(answer) => answer.ok,
            Self::Value(checked) => checked.ok,
        }
    }

    fn error(&self) -> f64 {
        match self {
            Self::Loss(answer) => answer.loss_error.max(answer.grad_error),
            Self::Value(checked) => checked.error,
        }
    }

    /// What the arithmetic can't hold of the case.
    fn exception(&self) -> Option<&'static str> {
        match self {
            Self::Loss(answer) => answer.exception,
            Self::Value(_) => None,
        }
    }

    fn json(&self, id: &str) -> Value {
        match self {
            Self::Loss(answer) => {
                let (loss, grad, ok) = (answer.loss, &answer.grad, answer.ok);
                let mut line = json!({ "id": id, "loss": loss, "grad": grad, "ok": ok });
                if let Some(reason) = answer.exception {
                    line["exception"] = reason.into();
                }
                line
            }
            Self::Value(checked) => json!({ "id": id, "value": checked.value, "ok": checked.ok }),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Loss(answer) => format!(
                "off by {:.1e} (loss) and {:.1e} (gradient)",
                answer.loss_error, answer.grad_error
            ),
            Self::Value(checked) => format!("off by {:.1e}", checked.error),
        }
    }
}

pub fn run(command: &Loss) -> ExitCode {
    match command {
        Loss::Check(args) => check(args),
        Loss::Vector(args) => match vector(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(code) => code,
        },
    }
}

fn vector(args: &Vector) -> Result<(), ExitCode> {
    let found = train::configuration(&args.preset, None, None, &args.set);
    let (name, config) = found.map_err(|message| usage(&message))?;
    let shape: [usize; 4] = args.shape[..].try_into().map_err(|_| {
        let found = args.shape.len();
        usage(&format!("`--shape` has {found} numbers: expected N,C,H,W"))
    })?;
    let [n, classes, h, w] = shape;
    let numbers = (shape.iter()).try_fold(1_usize, |product, side| product.checked_mul(*side));
    if numbers.is_none_or(|numbers| numbers > MOST) {
        let shape = shape.map(|side| side.to_string()).join(",");
        return Err(usage(&format!(
            "`--shape {shape}` is too large for a file of text: expected at most {MOST} numbers"
        )));
    }
    let pixels = n.saturating_mul(h).saturating_mul(w) as u64;
    // Every class alike: the case is about the loss, not about a dataset.
    let weights = config
        .class_weights
        .weights(&vec![pixels; classes], &vec![pixels; classes])
        .map_err(|error| usage(&error.to_string()))?;
    let (loss, head) = (&config.loss, config.activation);
    let case = Case::of_config(&name, loss, head, &weights, shape, args.seed)
        .map_err(|message| usage(&message))?;
    let file =
        json!({ "schema": 1, "set": name, "family": "dicebench", "count": 1, "cases": [case] });
    std::fs::write(&args.out, format!("{file}\n"))
        .map_err(|error| failed(&format!("{}: {error}", args.out.display())))?;
    println!("{}: loss {}", args.out.display(), case.loss);
    Ok(())
}

fn check(args: &Check) -> ExitCode {
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
    // Of files that can't be checked; the others are all the same.
    let (mut missing, mut unreadable) = (false, false);
    for path in &args.files {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let _ = usage(&format!("{}: {error}", path.display()));
                let kind = error.kind();
                let no_file = matches!(kind, ErrorKind::NotFound | ErrorKind::IsADirectory);
                missing |= no_file;
                unreadable |= !no_file;
                continue;
            }
        };
        let file = match CaseFile::parse(&text) {
            Ok(file) => file,
            Err(message) => {
                let _ = failed(&format!("{}: {message}", path.display()));
                unreadable = true;
                continue;
            }
        };
        for value in file.cases {
            let id = value["id"].as_str().unwrap_or("?").to_owned();
            let family = value["family"].as_str().unwrap_or("?").to_owned();
            let entry = families.entry(family).or_default();
            match Outcome::of(value, &device, dtype) {
                Ok(outcome) => {
                    if outcome.ok() {
                        entry.passed += 1;
                    } else {
                        entry.failed += 1;
                    }
                    let error = outcome.error();
                    if error.is_nan() || error > entry.worst {
                        entry.worst = error;
                    }
                    if args.json {
                        println!("{}", outcome.json(&id));
                    } else if !outcome.ok() {
                        println!("{}: {id}: {}", path.display(), outcome.describe());
                    } else if let Some(reason) = outcome.exception() {
                        println!("{id}: {}, passed because {reason}", outcome.describe());
                    }
                }
                Err(message) => {
                    entry.refused += 1;
                    if args.json {
                        println!("{}", json!({ "id": id, "ok": false, "error": message }));
                    } else {
                        println!("{}: {id}: {message}", path.display());
                    }
                }
            }
        }
    }
    if !args.json && !families.is_empty() {
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
    if missing {
        return ExitCode::from(2);
    }
    let bad = |family: &Family| family.failed + family.refused > 0;
    if unreadable || families.values().any(bad) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
