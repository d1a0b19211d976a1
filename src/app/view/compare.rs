//! Runs beside one another: what was configured differently, and what came out.

use egui::{Label, RichText, Sense, Ui, vec2};

use super::color::{on_ground, run_color};
use super::offer::{self, Offer};
use super::readout::{score, short};
use super::save::Save;
use super::series::duration;
use super::summary::{best_dice, outcome, seconds, steps};
use crate::experiment::ABSENT;
use crate::run::{Run, group};

/// One line of the comparison: what it is about, and its value in every run.
type Line = (String, Vec<String>);

/// Table of the results of `runs`, and of the configuration keys in which they differ; what of it is
/// to be saved.
pub fn diff_table(ui: &mut Ui, runs: &[&Run]) -> Option<Result<Save, String>> {
    if runs.len() < 2 {
        ui.add_space(8.0);
        let words = "Tick two or more runs to see how their configurations and results differ.";
        ui.label(RichText::new(words).weak());
        return None;
    }
    let differences = differences(runs);
    let results = results(runs);
    let mut save = None;
    ui.horizontal(|ui| {
        let copy = ui
            .button("Copy as text")
            .on_hover_text("Copy this table, tab-separated: it can be pasted into a spreadsheet.");
        if copy.clicked() {
            ui.ctx().copy_text(as_text(runs, &differences, &results));
        }
        let table = || rows(runs, &differences, &results);
        save = offer::menu(ui, "differences", &[Offer::table("Differences", table)]);
    });
    egui::Grid::new("differences of runs")
        .striped(true)
        .num_columns(runs.len() + 1)
        .spacing(vec2(18.0, 4.0))
        .show(ui, |ui| {
            ui.label(RichText::new("Run").strong());
            for run in runs {
                ui.horizontal(|ui| {
                    let color = on_ground(run_color(ui.ctx(), &run.id), ui.visuals().dark_mode);
                    let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
                    ui.painter().rect_filled(rect, 2.0, color);
                    cell(ui, &run.name, true, &run.name);
                });
            }
            ui.end_row();
            lines(ui, &results, best_column(runs));
            if differences.is_empty() {
                let tip = "These runs were configured alike, down to the seed.";
                cell(ui, "No difference in configuration", false, tip);
                ui.end_row();
            }
            lines(ui, &differences, None);
        });
    save
}

fn lines(ui: &mut Ui, lines: &[Line], best: Option<usize>) {
    for (key, values) in lines {
        cell(ui, key, false, key);
        for (at, value) in values.iter().enumerate() {
            let strong = best == Some(at) && key == BEST;
            cell(ui, value, strong, &format!("{key} = {value}"));
        }
        ui.end_row();
    }
}

fn cell(ui: &mut Ui, text: &str, strong: bool, tip: &str) {
    const LONGEST: usize = 44;
    // A long value is shortened here and whole in its tooltip.
    let short: String = if text.chars().count() > LONGEST {
        text.chars().take(LONGEST - 1).chain(['…']).collect()
    } else {
        text.to_owned()
    };
    let mut words = RichText::new(short);
    if strong {
        words = words.strong();
    }
    ui.add(Label::new(words).extend()).on_hover_text(tip);
}

const BEST: &str = "best mean Dice";

/// What was configured differently, and the data where that differs. Settings that only some of the
/// runs have stand last, because they follow from the kind of loss.
fn differences(runs: &[&Run]) -> Vec<Line> {
    let mut lines = group::differences(runs);
    let seen: Vec<String> = (runs.iter())
        .map(|run| run.dataset.chars().take(8).collect())
        .collect();
    if seen.iter().any(|data| *data != seen[0]) {
        let partial = |(_, values): &Line| values.iter().any(|value| value == ABSENT);
        let at = lines.iter().position(partial).unwrap_or(lines.len());
        lines.insert(at, ("fingerprint of the data".to_owned(), seen));
    }
    lines
}

fn results(runs: &[&Run]) -> Vec<Line> {
    let line = |key: &str, value: &dyn Fn(&Run) -> String| {
        (key.to_owned(), runs.iter().map(|run| value(run)).collect())
    };
    let absent = || ABSENT.to_owned();
    vec![
        line("outcome", &|run| outcome(run).0),
        line(BEST, &|run| score(best_dice(run))),
        line("at step", &|run| {
            let best = run.in_brief().best.as_ref().map(|best| best.step);
            best.map_or_else(absent, |step| step.to_string())
        }),
        line("last mean Dice", &|run| {
            score(run.in_brief().last.as_ref().and_then(|last| last.mean_dice))
        }),
        line("final training loss", &|run| {
            run.in_brief().train_loss.map_or_else(absent, short)
        }),
        line("final validation loss", &|run| {
            let last = run.in_brief().last.as_ref().and_then(|last| last.loss);
            last.map_or_else(absent, short)
        }),
        line("steps", &|run| steps(run).to_string()),
        line("time", &|run| duration(seconds(run))),
        line("parameters", &|run| run.parameters.to_string()),
        line("device", &|run| run.device.clone()),
    ]
}

/// The run with the best mean Dice; none while two share it.
fn best_column(runs: &[&Run]) -> Option<usize> {
    let dice: Vec<Option<f64>> = runs.iter().map(|run| best_dice(run)).collect();
    let best = dice
        .iter()
        .flatten()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    let mut with_best = (0..runs.len()).filter(|&at| dice[at] == Some(best));
    let first = with_best.next()?;
    with_best.next().is_none().then_some(first)
}

fn as_text(runs: &[&Run], differences: &[Line], results: &[Line]) -> String {
    let rows = rows(runs, differences, results);
    rows.iter().map(|row| row.join("\t") + "\n").collect()
}

/// The table as it is shown, the names of the runs first.
fn rows(runs: &[&Run], differences: &[Line], results: &[Line]) -> Vec<Vec<String>> {
    let named = std::iter::once("run".to_owned()).chain(runs.iter().map(|run| run.name.clone()));
    let mut rows = vec![named.collect()];
    rows.extend((results.iter().chain(differences)).map(|(key, values)| {
        let mut row = vec![key.clone()];
        row.extend(values.iter().cloned());
        row
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, settings: &[(&str, &str)]) -> Run {
        let mut run = Run {
            name: name.to_owned(),
            ..Run::default()
        };
        for (key, value) in settings {
            run.config.set(key, value).expect("a valid setting");
        }
        run
    }

    #[test]
    fn only_keys_that_differ_are_listed_with_every_value() {
        let a = run("a", &[("train.seed", "1")]);
        let b = run("b", &[("train.seed", "2")]);
        let found = differences(&[&a, &b, &a]);
        let seed = ["1", "2", "1"].map(str::to_owned).into();
        assert_eq!(found, vec![("train.seed".to_owned(), seed)]);
        assert_eq!(differences(&[&a, &a]), Vec::new());
        let text = as_text(&[&a, &b], &differences(&[&a, &b]), &[]);
        assert_eq!(text, "run\ta\tb\ntrain.seed\t1\t2\n");
    }

    #[test]
    fn a_key_that_one_loss_does_not_have_is_a_dash_there() {
        let a = run("a", &[("loss.kind", "focal")]);
        let b = run("b", &[("loss.kind", "tversky")]);
        let found = differences(&[&a, &b]);
        assert_eq!(found[0].0, "loss.kind");
        let gamma = found.iter().find(|(key, _)| key == "loss.gamma");
        let gamma = &gamma.expect("focal has a gamma").1;
        assert_ne!(gamma[0], ABSENT);
        assert_eq!(gamma[1], ABSENT);
    }

    #[test]
    fn two_runs_that_share_the_best_dice_are_both_left_plain() {
        let scored = |dice: f64| Run {
            best: Some(0),
            validations: vec![crate::run::Validation {
                step: 1,
                loss: 0.0,
                dice: vec![Some(dice)],
                mean_dice: Some(dice),
                confusion: crate::run::metrics::Confusion::new(1),
                per_image: Vec::new(),
                calibration: Default::default(),
                secs: 1.0,
            }],
            ..Run::default()
        };
        let (low, high) = (scored(0.25), scored(0.5));
        assert_eq!(best_column(&[&low, &high]), Some(1));
        assert_eq!(best_column(&[&high, &high]), None);
        assert_eq!(best_column(&[&Run::default(), &Run::default()]), None);
    }
}
