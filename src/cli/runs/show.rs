//! One run: what was asked, what came out, what was found.

use std::process::ExitCode;

use serde_json::json;

use super::{best, ending, shown};
use crate::cli::print_json;
use crate::run::Run;
use crate::run::definitions::definitions;
use crate::run::outlines::Outlines;
use crate::run::pictures::Album;
use crate::run::store::Store;

pub fn run(store: &Store, run: &Run, as_json: bool) -> ExitCode {
    let at_best = run.best.map(|at| &run.validations[at]);
    let last = run.validations.last();
    let outlines = match at_best.map(|v| (v, Album::open(&store.dir(&run.id)))) {
        Some((v, album)) => match Outlines::of(&album, v.step, run.classes.len()) {
            Ok(outlines) => outlines,
            Err(message) => return crate::cli::failed(&message),
        },
        None => None,
    };
    let scores = at_best.map(|v| definitions(run, v, outlines.as_ref()));
    let formula = match crate::doctor::formula::of_run(run, &Album::open(&store.dir(&run.id))) {
        Ok(formula) => formula,
        Err(message) => return crate::cli::failed(&message),
    };
    if as_json {
        let settings: serde_json::Map<_, _> = (run.config.values().into_iter())
            .map(|(key, value)| (key, json!(value)))
            .collect();
        let findings: Vec<_> = (run.findings.iter())
            .map(|(step, finding)| json!({ "step": step, "finding": finding }))
            .collect();
        return print_json(&json!({
            "id": run.id, "name": run.name, "folder": store.dir(&run.id), "outcome": run.outcome,
            "ending": ending(run), "why_ended": run.why_ended(),
            "device": run.device, "dataset": run.dataset, "classes": run.classes,
            "resumed": run.resumed,
            "steps": run.steps.len(), "total_steps": run.total_steps,
            "best": at_best.map(|v| json!({ "step": v.step, "mean_dice": v.mean_dice, "dice": v.dice, "loss": v.loss })),
            "last": last.map(|v| json!({ "step": v.step, "mean_dice": v.mean_dice, "dice": v.dice, "loss": v.loss })),
            "scores": scores, "formula": formula,
            "settings": settings, "findings": findings,
        }));
    }
    println!("{} ({})", run.name, run.id);
    println!("folder    {}", store.dir(&run.id).display());
    println!(
        "outcome   {}, {} of {} steps on {}",
        ending(run),
        run.steps.len(),
        run.total_steps,
        run.device
    );
    if let Some(why) = run.why_ended() {
        println!("          {why}");
    }
    for step in &run.resumed {
        println!("          was cut off, and went on from step {step}");
    }
    println!("best      mean Dice {}", shown(best(run)));
    if let Some(validation) = at_best {
        for (class, dice) in run.classes.iter().zip(&validation.dice) {
            println!("          {class:<16} {}", shown(*dice));
        }
    }
    if let Some(scores) = scores {
        println!("scores    at the best validation, by definition");
        for defined in scores {
            println!("          {:<52} {:.4}", defined.name, defined.value);
        }
    }
    if let Some(last) = last {
        println!(
            "last      mean Dice {} at step {}",
            shown(last.mean_dice),
            last.step
        );
    }
    for (step, finding) in &run.findings {
        println!(
            "{:<9} step {step}: {}",
            finding.severity.name(),
            finding.message
        );
    }
    println!("settings");
    for (key, value) in run.config.values() {
        println!("  {key} = {value}");
    }
    ExitCode::SUCCESS
}
