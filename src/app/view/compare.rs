//! Runs beside one another: what was configured differently, and what came out.

use egui::{RichText, Ui};

use super::color::{on_ground, run_color};
use super::runs::{best_dice, outcome};
use crate::run::Run;

/// Keys in which the configurations differ, with each run's value (`–` where it has no such key).
#[must_use]
pub fn differences(runs: &[&Run]) -> Vec<(String, Vec<String>)> {
    let values: Vec<Vec<(String, String)>> = runs.iter().map(|run| run.config.values()).collect();
    let mut keys: Vec<&String> = Vec::new();
    for (key, _) in values.iter().flatten() {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter()
        .filter_map(|key| {
            let of = |list: &Vec<(String, String)>| {
                list.iter()
                    .find(|(k, _)| k == key)
                    .map_or("–".to_owned(), |(_, v)| v.clone())
            };
            let row: Vec<String> = values.iter().map(of).collect();
            row.iter()
                .any(|value| *value != row[0])
                .then(|| (key.clone(), row))
        })
        .collect()
}

/// Table of the configuration keys in which `runs` differ, and of their results.
pub fn diff_table(ui: &mut Ui, runs: &[&Run]) {
    egui::Grid::new("differences")
        .striped(true)
        .spacing([16.0, 3.0])
        .show(ui, |ui| {
            ui.weak("what differs");
            for run in runs {
                let color = on_ground(run_color(ui.ctx(), &run.id), ui.visuals().dark_mode);
                ui.label(RichText::new(&run.name).color(color).strong());
            }
            ui.end_row();
            let score =
                |run: &Run| best_dice(run).map_or("–".to_owned(), |dice| format!("{dice:.4}"));
            let best = runs
                .iter()
                .filter_map(|run| best_dice(run))
                .fold(f64::NEG_INFINITY, f64::max);
            ui.strong("best mean Dice");
            for run in runs {
                let text = RichText::new(score(run));
                ui.label(if best_dice(run) == Some(best) {
                    text.strong()
                } else {
                    text
                });
            }
            ui.end_row();
            ui.strong("outcome");
            for run in runs {
                ui.label(outcome(run));
            }
            ui.end_row();
            for (key, values) in differences(runs) {
                ui.monospace(key);
                for value in values {
                    ui.label(value);
                }
                ui.end_row();
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_differ_are_listed() {
        let a = Run::default();
        let mut b = Run::default();
        b.config.set("train.batch", "2").unwrap();
        b.config.set("loss.kind", "focal").unwrap();
        let rows = differences(&[&a, &b]);
        let find = |key: &str| rows.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
        assert_eq!(
            find("train.batch"),
            Some(vec!["8".to_owned(), "2".to_owned()])
        );
        assert_eq!(
            find("loss.kind"),
            Some(vec!["sum".to_owned(), "focal".to_owned()])
        );
        assert_eq!(find("train.seed"), None);
        assert!(differences(&[&a, &a.clone()]).is_empty());
    }
}
