//! The table of recorded runs.

use std::collections::BTreeSet;

use crate::run::Run;

/// What the user asked for in the table; the owner carries it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The tick box of this run now says this (`RunsTable::ticked` is already changed).
    Tick(String, bool),
    Rename(String, String),
    Delete(String),
    /// Show this run.
    Activate(String),
    OpenFolder(String),
    /// Take over this run's configuration as the draft.
    UseConfig(String),
}

/// The table of runs: sorted, filtered, ticked.
#[derive(Debug, Default)]
pub struct RunsTable {
    /// Ids of the runs that are laid over one another.
    pub ticked: BTreeSet<String>,
}

impl RunsTable {
    /// Draws the table and returns what was asked, in order.
    pub fn ui(&mut self, ui: &mut egui::Ui, runs: &[Run]) -> Vec<Action> {
        ui.label(format!("{} runs", runs.len()));
        Vec::new()
    }
}
