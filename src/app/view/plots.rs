//! Curves of one or several runs.

use crate::run::Run;

/// Curves of the ticked runs, and how they are looked at.
#[derive(Debug, Default)]
pub struct Plots {}

impl Plots {
    /// Draws all plots of `runs` into the space that `ui` has.
    pub fn ui(&mut self, ui: &mut egui::Ui, runs: &[&Run]) {
        ui.label(format!("{} runs", runs.len()));
    }
}
