//! The table of recorded runs: thousands of them, sorted, filtered, ticked, labelled.

mod columns;
mod editor;
mod head;
mod table;
mod values;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use egui::{RichText, Ui};

use super::save::Save;
use crate::lab::settings::RunTable;
use crate::run::Run;
use crate::run::label::Label;
use columns::{Column, Sort};
use editor::Editor;
use table::Renaming;
use values::Values;

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
    /// Star, tags and note of this run.
    Label(String, Label),
}

/// The table of runs.
#[derive(Debug)]
pub struct RunsTable {
    /// Ids of the runs that are laid over one another.
    pub ticked: BTreeSet<String>,
    /// Ids of the runs that train now; set by the owner.
    pub training: BTreeSet<String>,
    /// Id of the run that the others are compared with.
    pub baseline: Option<String>,
    columns: Vec<Column>,
    filter: String,
    starred: bool,
    sort: Option<(Column, bool)>,
    renaming: Option<Renaming>,
    editor: Option<Editor>,
    /// What is typed to find a setting to show as a column.
    wanted_setting: String,
    values: Values,
    order: Order,
    /// What is to be saved, until it is taken.
    pub saves: Vec<Result<Save, String>>,
}

impl Default for RunsTable {
    fn default() -> Self {
        Self::restored(&RunTable::default())
    }
}

/// Which runs are shown, in which order: found anew only when something has changed.
#[derive(Debug, Default)]
struct Order {
    stamp: u64,
    /// Indices into the runs.
    shown: Vec<usize>,
}

impl RunsTable {
    /// The table as it was left.
    #[must_use]
    pub fn restored(kept: &RunTable) -> Self {
        let columns: Vec<Column> = (kept.columns.iter())
            .filter_map(|key| Column::of_key(key))
            .collect();
        Self {
            training: BTreeSet::new(),
            ticked: kept.ticked.clone(),
            baseline: kept.baseline.clone(),
            columns: if columns.is_empty() {
                Column::usual()
            } else {
                columns
            },
            filter: kept.filter.clone(),
            starred: kept.starred,
            sort: (kept.sort.as_deref())
                .and_then(Column::of_key)
                .map(|column| (column, kept.down)),
            renaming: None,
            editor: None,
            wanted_setting: String::new(),
            values: Values::default(),
            order: Order::default(),
            saves: Vec::new(),
        }
    }

    /// What [`RunsTable::restored`] brings back.
    #[must_use]
    pub fn kept(&self) -> RunTable {
        let keys: Vec<String> = self.columns.iter().map(Column::key).collect();
        RunTable {
            columns: if self.columns == Column::usual() {
                Vec::new()
            } else {
                keys
            },
            sort: self.sort.as_ref().map(|(column, _)| column.key()),
            down: self.sort.as_ref().is_some_and(|(_, down)| *down),
            filter: self.filter.clone(),
            starred: self.starred,
            baseline: self.baseline.clone(),
            ticked: self.ticked.clone(),
        }
    }

    /// Draws the table and returns what was asked, in order.
    pub fn ui(&mut self, ui: &mut Ui, runs: &[Run]) -> Vec<Action> {
        let mut actions = Vec::new();
        if runs.is_empty() {
            ui.add_space(8.0);
            ui.label(RichText::new("No runs yet: every training is kept here by itself.").weak());
            return actions;
        }
        self.head(ui, runs, &mut actions);
        self.arrange(ui, runs);
        let shown = std::mem::take(&mut self.order.shown);
        if shown.is_empty() {
            let words = if self.filter.trim().is_empty() {
                "No run has a star.".to_owned()
            } else {
                format!("No run matches “{}”.", self.filter)
            };
            ui.label(RichText::new(words).weak());
        } else {
            egui::ScrollArea::horizontal().show(ui, |ui| {
                // Clicks on text choose the row.
                ui.style_mut().interaction.selectable_labels = false;
                self.table(ui, runs, &shown, &mut actions);
            });
        }
        self.order.shown = shown;
        self.edit(ui, runs, &mut actions);
        actions
    }

    /// The runs that pass the filter, in the order of the table.
    #[must_use]
    pub fn shown<'a>(&self, runs: &'a [Run]) -> Vec<&'a Run> {
        let shown = self.order.shown.iter();
        shown.filter_map(|at| runs.get(*at)).collect()
    }

    /// The table as it is shown, its heading first.
    fn as_rows(&mut self, runs: &[Run]) -> Vec<Vec<String>> {
        let baseline = self.baseline(runs);
        let columns = self.columns.clone();
        let mut heading = vec!["id".to_owned(), "star".to_owned()];
        heading.extend(columns.iter().map(|column| match column {
            Column::Param(key) => key.clone(),
            column => column.title(),
        }));
        let mut rows = vec![heading];
        for at in self.order.shown.clone() {
            let Some(run) = runs.get(at) else { continue };
            let mut row = vec![run.id.clone(), run.label.star.to_string()];
            for column in &columns {
                let cell = column.cell(run, baseline, &mut self.values);
                row.push(match cell.sort {
                    // Every digit, not those that fit.
                    Sort::Number(number) if *column != Column::Started => number.to_string(),
                    _ => cell.text,
                });
            }
            rows.push(row);
        }
        rows
    }

    fn baseline<'a>(&self, runs: &'a [Run]) -> Option<&'a Run> {
        let id = self.baseline.as_ref()?;
        runs.iter().find(|run| run.id == *id)
    }

    /// Finds out what is shown, and in which order, when runs, filter or order have changed.
    fn arrange(&mut self, ui: &Ui, runs: &[Run]) {
        let words: Vec<String> = (self.filter.split_whitespace())
            .map(str::to_lowercase)
            .collect();
        let sorted_by_values =
            (self.sort.as_ref()).is_some_and(|(column, _)| column.needs_values());
        if (sorted_by_values || words.iter().any(|word| word.contains('=')))
            && !self.values.fill(runs.iter())
        {
            ui.ctx().request_repaint();
        }
        let mut hasher = DefaultHasher::new();
        (&self.filter, self.starred, &self.sort, &self.baseline).hash(&mut hasher);
        self.values.known().hash(&mut hasher);
        for run in runs {
            (&run.id, &run.name, run.extent(), run.is_brief()).hash(&mut hasher);
            run.outcome.is_some().hash(&mut hasher);
            (run.label.star, &run.label.tags, &run.label.note).hash(&mut hasher);
        }
        let stamp = hasher.finish();
        if self.order.stamp == stamp {
            return;
        }
        let wanted = |run: &Run| {
            (!self.starred || run.label.star) && words.iter().all(|word| self.matches(run, word))
        };
        let mut shown: Vec<usize> = (0..runs.len()).filter(|at| wanted(&runs[*at])).collect();
        if let Some((column, down)) = self.sort.clone() {
            let baseline = self.baseline(runs);
            let mut keyed: Vec<(Sort, usize)> = (shown.into_iter())
                .map(|at| {
                    let cell = column.cell(&runs[at], baseline, &mut self.values);
                    (cell.sort, at)
                })
                .collect();
            // The order of equals stays: newest first.
            keyed.sort_by(|a, b| a.0.compare(&b.0, down));
            shown = keyed.into_iter().map(|(_, at)| at).collect();
        }
        self.order = Order { stamp, shown };
    }

    /// Whether a word of the filter is found in what the table says about a run; `key=value` is
    /// looked for in its settings.
    fn matches(&self, run: &Run, word: &str) -> bool {
        if let Some((key, value)) = word.split_once('=') {
            return self.values.has(run, key, value);
        }
        let outcome = super::summary::outcome(run).0;
        let text = [
            run.name.as_str(),
            run.config.loss.kind(),
            &outcome,
            &run.device,
            &run.config.data.path,
            &run.label.note,
        ];
        let tags = run.label.tags.iter().map(String::as_str);
        (text.into_iter().chain(tags)).any(|t| t.to_lowercase().contains(word))
    }
}
