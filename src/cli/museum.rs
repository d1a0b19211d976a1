//! `dicebench museum`: real mistakes and what catches them, and the proof that they show it.

use std::process::ExitCode;

use serde_json::json;

use super::{failed, in_scratch, print_json, train, usage};
use crate::doctor::symptom::Verdict;
use crate::experiment::Preset;
use crate::lab::proving::Prover;

/// List real mistakes, each with its symptom, the finding that catches it and its fixed twin.
/// `dicebench race --pair NAME` trains a mistake and its twin side by side. With `--check`, exit code 3
/// when a mistake does not show what it claims.
#[derive(Debug, Clone, clap::Args)]
pub struct Museum {
    /// Only these exhibits, by name.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// X-ray and train each mistake and its twin, and measure every claim. Nothing is recorded.
    #[arg(long)]
    check: bool,
    /// With `--check`: folder of the dataset, or `sample` for the generated one.
    #[arg(long, requires = "check", value_name = "DIR")]
    data: Option<String>,
    /// With `--check`: change a parameter, such as `train.steps=80`; may be given several times.
    #[arg(long, requires = "check", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// With `--check`: `auto`, `cpu`, or a name that `dicebench devices` lists.
    #[arg(long, requires = "check")]
    device: Option<String>,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Museum) -> ExitCode {
    let mut exhibits = Preset::exhibits();
    let known: Vec<String> = exhibits.iter().map(|preset| preset.name.clone()).collect();
    if let Some(name) = args.names.iter().find(|name| !known.contains(name)) {
        return usage(&format!(
            "there is no exhibit `{name}`: expected one of {}",
            known.join(", ")
        ));
    }
    if !args.names.is_empty() {
        exhibits.retain(|preset| args.names.contains(&preset.name));
    }
    if args.check {
        return check(args, &exhibits);
    }
    if args.json {
        let mut list = Vec::new();
        for preset in &exhibits {
            let fixed = match preset.fixed() {
                Ok(fixed) => fixed,
                Err(message) => return failed(&format!("{}: {message}", preset.name)),
            };
            let sentences: Vec<String> = preset.shows.iter().map(|s| s.sentence()).collect();
            list.push(json!({
                "name": preset.name, "about": preset.about, "story": preset.story,
                "symptom": preset.symptom, "shows": preset.shows, "sentences": sentences,
                "caught_by": preset.caught_by, "twin": preset.twin,
                "config": preset.config, "fixed": fixed,
            }));
        }
        return print_json(&list);
    }
    for preset in &exhibits {
        println!("{} – {}", preset.name, preset.about);
        println!("  {}", preset.story);
        println!("  seen: {}", preset.symptom);
        for claim in &preset.shows {
            println!("    {}", claim.sentence());
        }
        println!("  caught by: {}", preset.caught_by.join(", "));
        println!("  fixed twin: {}\n", preset.twin.join(", "));
    }
    println!("Race a mistake against its twin: dicebench race --pair NAME");
    println!("Measure what each claims to show: dicebench museum --check");
    ExitCode::SUCCESS
}

fn check(args: &Museum, exhibits: &[Preset]) -> ExitCode {
    let proved = |store| check_with(args, exhibits, &mut Prover::new(store));
    match in_scratch("museum", proved) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(message) => failed(&message),
    }
}

/// Whether every claim is borne out.
fn check_with(args: &Museum, exhibits: &[Preset], prover: &mut Prover) -> Result<bool, String> {
    let mut all = true;
    let mut list = Vec::new();
    for exhibit in exhibits {
        let (data, device) = (args.data.as_ref(), args.device.as_ref());
        let (_, base) = train::configuration(&exhibit.name, data, device, &args.set)?;
        let verdicts =
            (prover.prove(exhibit, &base)).map_err(|error| format!("{}: {error}", exhibit.name))?;
        all &= verdicts.iter().all(|verdict| verdict.shown == Some(true));
        if args.json {
            list.push(json!({ "name": exhibit.name, "verdicts": verdicts }));
        } else {
            println!("{}", exhibit.name);
            verdicts.iter().for_each(print);
        }
    }
    if args.json {
        print_json(&list);
    }
    Ok(all)
}

fn print(verdict: &Verdict) {
    let mark = match verdict.shown {
        Some(true) => "✔",
        Some(false) => "✖",
        None => "–",
    };
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.4}"));
    println!(
        "  {mark} {} (mistake {}, twin {})",
        verdict.sentence,
        number(verdict.mistake),
        number(verdict.twin)
    );
}
