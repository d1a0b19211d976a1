//! `dicebench museum`: real mistakes and what catches them.

use std::process::ExitCode;

use serde_json::json;

use super::{failed, print_json};
use crate::experiment::Preset;

/// List real mistakes, each with its symptom, the finding that catches it and its fixed twin.
/// `dicebench race --pair NAME` trains a mistake and its twin side by side.
#[derive(Debug, Clone, clap::Args)]
pub struct Museum {
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Museum) -> ExitCode {
    let exhibits = Preset::exhibits();
    if args.json {
        let mut list = Vec::new();
        for preset in &exhibits {
            let fixed = match preset.fixed() {
                Ok(fixed) => fixed,
                Err(message) => return failed(&format!("{}: {message}", preset.name)),
            };
            list.push(json!({
                "name": preset.name, "about": preset.about, "story": preset.story,
                "symptom": preset.symptom, "caught_by": preset.caught_by, "twin": preset.twin,
                "config": preset.config, "fixed": fixed,
            }));
        }
        return print_json(&list);
    }
    for preset in &exhibits {
        println!("{} – {}", preset.name, preset.about);
        println!("  {}", preset.story);
        println!("  seen: {}", preset.symptom);
        println!("  caught by: {}", preset.caught_by.join(", "));
        println!("  fixed twin: {}\n", preset.twin.join(", "));
    }
    println!("Race a mistake against its twin: dicebench race --pair NAME");
    ExitCode::SUCCESS
}
