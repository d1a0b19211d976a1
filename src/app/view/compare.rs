//! Runs beside one another: what was configured differently, and what came out.

use crate::run::Run;

/// Table of the configuration keys in which `runs` differ.
pub fn diff_table(ui: &mut egui::Ui, runs: &[&Run]) {
    ui.label(format!("{} runs", runs.len()));
}
