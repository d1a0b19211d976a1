//! `dicebench presets`, `losses` and `params`: what there is to choose from.

use std::process::ExitCode;

use serde_json::json;

use super::{print_json, usage};
use crate::experiment::{ExperimentConfig, Preset};
use crate::loss::{LOSSES, REFERENCES};
use crate::run::store::home;

/// List presets.
#[derive(Debug, Clone, clap::Args)]
pub struct Presets {
    /// Show one preset as a file.
    name: Option<String>,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// List losses.
#[derive(Debug, Clone, clap::Args)]
pub struct Losses {
    /// List the functions of known libraries instead, which `--set loss.like=NAME` starts from.
    #[arg(long)]
    references: bool,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// List every parameter with its default, range and meaning.
#[derive(Debug, Clone, clap::Args)]
pub struct Params {
    /// A preset's name or file whose values and loss are shown.
    #[arg(long, default_value = "default")]
    preset: String,
    /// Show the parameters of this loss instead of the preset's.
    #[arg(long, value_name = "KIND")]
    loss: Option<String>,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

pub fn presets(args: &Presets) -> ExitCode {
    let folder = home().join("presets");
    if let Some(name) = &args.name {
        return match Preset::find(name, &folder).and_then(|preset| preset.to_toml()) {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(message) => usage(&message),
        };
    }
    let (own, problems) = Preset::list(&folder);
    for problem in problems {
        eprintln!("warning: {problem}");
    }
    let all: Vec<Preset> = Preset::bundled().into_iter().chain(own).collect();
    if args.json {
        let list: Vec<_> = all
            .iter()
            .map(|p| json!({ "name": p.name, "about": p.about, "story": p.story, "bundled": p.bundled, "config": p.config }))
            .collect();
        return print_json(&list);
    }
    for preset in all {
        println!("{:<18} {}", preset.name, preset.about);
    }
    ExitCode::SUCCESS
}

pub fn losses(args: &Losses) -> ExitCode {
    if args.references {
        return references(args.json);
    }
    if args.json {
        let list: Vec<_> = LOSSES
            .iter()
            .map(|l| json!({ "kind": l.kind, "family": l.family, "title": l.title, "purpose": l.purpose, "formula": l.formula, "reference": l.reference, "when_to_use": l.when_to_use, "watch_for": l.watch_for }))
            .collect();
        return print_json(&list);
    }
    for loss in LOSSES {
        println!("{} – {} ({})", loss.kind, loss.title, loss.family);
        println!("  {}", loss.purpose);
        println!("  {}", loss.formula);
        println!("  use: {}", loss.when_to_use);
        println!("  watch for: {}", loss.watch_for);
        println!("  {}\n", loss.reference);
    }
    ExitCode::SUCCESS
}

fn references(as_json: bool) -> ExitCode {
    if as_json {
        let list: Vec<_> = REFERENCES
            .iter()
            .map(|r| json!({ "name": r.name, "activation": r.activation, "kind": r.kind, "settings": r.settings, "note": r.note }))
            .collect();
        return print_json(&list);
    }
    for reference in REFERENCES.iter() {
        println!("{} – {}", reference.name, reference.note);
        let pair = |(key, value): &(&str, &str)| format!(", {key} = {value}");
        let settings: String = reference.settings.iter().map(pair).collect();
        println!(
            "    after {}: {}{settings}",
            reference.activation, reference.kind
        );
    }
    ExitCode::SUCCESS
}

pub fn params(args: &Params) -> ExitCode {
    let mut config: ExperimentConfig = match Preset::find(&args.preset, &home().join("presets")) {
        Ok(preset) => preset.config,
        Err(message) => return usage(&message),
    };
    if let Some(kind) = &args.loss
        && let Err(error) = config.set("loss.kind", kind)
    {
        return usage(&error.to_string());
    }
    let params = config.params();
    if args.json {
        let list: Vec<_> = params
            .iter()
            .map(|p| json!({ "key": p.key, "value": p.value.to_string(), "expects": p.value.expectation(), "help": p.help }))
            .collect();
        return print_json(&list);
    }
    for param in params {
        println!("{} = {}", param.key, param.value);
        println!("    {} ({})", param.help, param.value.expectation());
    }
    ExitCode::SUCCESS
}
