//! The table of recorded runs.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use egui::{RichText, Ui};
use egui_extras::{Column, TableBuilder};

use super::color::{on_ground, run_color};
use crate::run::{Outcome, Run};

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

crate::choices! {
    /// What the rows are sorted by.
    enum Sort {
        Newest = "started": "Newest first.",
        Name = "name": "By name.",
        Loss = "loss": "By kind of loss.",
        Outcome = "outcome": "By how they ended.",
        Dice = "best Dice": "Best mean Dice first.",
        Steps = "steps": "Longest first.",
        Time = "time": "Longest time first.",
    }
}

/// The table of runs: sorted, filtered, ticked.
#[derive(Debug, Default)]
pub struct RunsTable {
    /// Ids of the runs that are laid over one another.
    pub ticked: BTreeSet<String>,
    sort: Sort,
    reversed: bool,
    filter: String,
    /// Run whose name is being edited, and the text so far.
    renaming: Option<(String, String)>,
}

/// How a run ended, in a word.
#[must_use]
pub fn outcome(run: &Run) -> &'static str {
    match run.outcome {
        Some(Outcome::Completed) => "completed",
        Some(Outcome::Stopped) => "stopped",
        Some(Outcome::Diverged { .. }) => "diverged",
        Some(Outcome::Failed { .. }) => "failed",
        None => "unfinished",
    }
}

/// Best mean Dice over the validation set.
#[must_use]
pub fn best_dice(run: &Run) -> Option<f64> {
    run.best.and_then(|at| run.validations[at].mean_dice)
}

fn secs(run: &Run) -> f64 {
    run.steps.last().map_or(0.0, |point| point.secs)
}

impl RunsTable {
    /// Draws the table and returns what was asked, in order.
    pub fn ui(&mut self, ui: &mut Ui, runs: &[Run]) -> Vec<Action> {
        let mut actions = Vec::new();
        if runs.is_empty() {
            ui.add_space(24.0);
            ui.vertical_centered(|ui| {
                ui.weak("No runs yet. Press Train (Ctrl+Enter) and they appear here.")
            });
            return actions;
        }
        ui.horizontal(|ui| {
            let edit = egui::TextEdit::singleline(&mut self.filter)
                .hint_text("filter by name or loss")
                .desired_width(180.0);
            let response = ui.add(edit);
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Filter runs")
            });
            if ui.button("Untick all").clicked() {
                self.ticked.clear();
            }
            ui.weak("right-click a run for more");
        });
        let order = self.order(runs);
        TableBuilder::new(ui)
            .striped(true)
            .column(Column::exact(24.0))
            .column(Column::remainder().at_least(130.0).clip(true))
            .column(Column::auto().at_least(90.0))
            .columns(Column::auto().at_least(64.0), 4)
            .header(20.0, |mut header| {
                header.col(|_| {});
                for sort in [
                    Sort::Name,
                    Sort::Loss,
                    Sort::Outcome,
                    Sort::Dice,
                    Sort::Steps,
                    Sort::Time,
                ] {
                    header.col(|ui| self.title(ui, sort));
                }
            })
            .body(|body| {
                body.rows(22.0, order.len(), |mut row| {
                    let run = &runs[order[row.index()]];
                    self.row(&mut row, run, &mut actions);
                });
            });
        actions
    }

    fn title(&mut self, ui: &mut Ui, sort: Sort) {
        let arrow = match (self.sort == sort, self.reversed) {
            (true, false) => " ▾",
            (true, true) => " ▴",
            _ => "",
        };
        let text = RichText::new(format!("{}{arrow}", sort.name())).strong();
        if ui
            .selectable_label(false, text)
            .on_hover_text("Sort by this")
            .clicked()
        {
            self.reversed = self.sort == sort && !self.reversed;
            self.sort = sort;
        }
    }

    fn order(&self, runs: &[Run]) -> Vec<usize> {
        let wanted = self.filter.to_lowercase();
        let hit = |run: &Run| {
            run.name.to_lowercase().contains(&wanted) || run.config.loss.kind().contains(&wanted)
        };
        let mut order: Vec<usize> = (0..runs.len()).filter(|&i| hit(&runs[i])).collect();
        let compare = |a: &Run, b: &Run| -> Ordering {
            match self.sort {
                Sort::Newest => b.id.cmp(&a.id),
                Sort::Name => a.name.cmp(&b.name),
                Sort::Loss => a.config.loss.kind().cmp(b.config.loss.kind()),
                Sort::Outcome => outcome(a).cmp(outcome(b)),
                Sort::Dice => best_dice(b)
                    .unwrap_or(-1.0)
                    .total_cmp(&best_dice(a).unwrap_or(-1.0)),
                Sort::Steps => b.steps.len().cmp(&a.steps.len()),
                Sort::Time => secs(b).total_cmp(&secs(a)),
            }
        };
        order.sort_by(|&a, &b| compare(&runs[a], &runs[b]));
        if self.reversed {
            order.reverse();
        }
        order
    }

    fn row(
        &mut self,
        row: &mut egui_extras::TableRow<'_, '_>,
        run: &Run,
        actions: &mut Vec<Action>,
    ) {
        row.col(|ui| {
            let mut ticked = self.ticked.contains(&run.id);
            let response = ui
                .checkbox(&mut ticked, "")
                .on_hover_text("Lay this run's curves over others");
            response.widget_info(|| {
                egui::WidgetInfo::labeled(
                    egui::Role::CheckBox,
                    true,
                    format!("Compare {}", run.name),
                )
            });
            if response.changed() {
                if ticked {
                    self.ticked.insert(run.id.clone());
                } else {
                    self.ticked.remove(&run.id);
                }
                actions.push(Action::Tick(run.id.clone(), ticked));
            }
        });
        row.col(|ui| self.name(ui, run, actions));
        row.col(|ui| {
            ui.label(run.config.loss.kind());
        });
        row.col(|ui| {
            let response = ui.label(outcome(run));
            if let Some(Outcome::Diverged { message, .. } | Outcome::Failed { message }) =
                &run.outcome
            {
                response.on_hover_text(message);
            }
        });
        row.col(|ui| {
            ui.label(best_dice(run).map_or("–".to_owned(), |dice| format!("{dice:.3}")));
        });
        row.col(|ui| {
            ui.label(format!("{}", run.steps.len()));
        });
        row.col(|ui| {
            ui.label(crate::lab::pace::clock(secs(run)));
        });
    }

    fn name(&mut self, ui: &mut Ui, run: &Run, actions: &mut Vec<Action>) {
        if let Some((id, text)) = &mut self.renaming
            && *id == run.id
        {
            let response = ui.add(egui::TextEdit::singleline(text).desired_width(150.0));
            response.request_focus();
            let (enter, escape) = ui.input(|i| {
                (
                    i.key_pressed(egui::Key::Enter),
                    i.key_pressed(egui::Key::Escape),
                )
            });
            if enter && !text.trim().is_empty() {
                actions.push(Action::Rename(run.id.clone(), text.trim().to_owned()));
            }
            if enter || escape {
                self.renaming = None;
            }
            return;
        }
        let mut text = RichText::new(&run.name);
        if self.ticked.contains(&run.id) {
            text = text
                .color(on_ground(
                    run_color(ui.ctx(), &run.id),
                    ui.visuals().dark_mode,
                ))
                .strong();
        }
        let response = ui
            .link(text)
            .on_hover_text(format!("{}\nClick to show it", run.id));
        if response.clicked() {
            actions.push(Action::Activate(run.id.clone()));
        }
        response.context_menu(|ui| {
            if ui.button("Show").clicked() {
                actions.push(Action::Activate(run.id.clone()));
                ui.close();
            }
            if ui.button("Rename").clicked() {
                self.renaming = Some((run.id.clone(), run.name.clone()));
                ui.close();
            }
            if ui.button("Use its settings").clicked() {
                actions.push(Action::UseConfig(run.id.clone()));
                ui.close();
            }
            if ui.button("Open its folder").clicked() {
                actions.push(Action::OpenFolder(run.id.clone()));
                ui.close();
            }
            if ui.button("Delete (can be undone)").clicked() {
                actions.push(Action::Delete(run.id.clone()));
                ui.close();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Validation;
    use crate::run::metrics::Confusion;

    fn run(id: &str, name: &str, dice: Option<f64>) -> Run {
        Run {
            id: id.to_owned(),
            name: name.to_owned(),
            best: dice.map(|_| 0),
            validations: vec![Validation {
                step: 1,
                loss: 1.0,
                dice: Vec::new(),
                mean_dice: dice,
                confusion: Confusion::default(),
                per_image: Vec::new(),
                secs: 1.0,
            }],
            ..Run::default()
        }
    }

    #[test]
    fn rows_are_sorted_and_filtered() {
        let runs = [
            run("1", "b", None),
            run("2", "a", Some(0.5)),
            run("3", "c", Some(0.9)),
        ];
        let mut table = RunsTable::default();
        assert_eq!(table.order(&runs), [2, 1, 0]);
        table.sort = Sort::Name;
        assert_eq!(table.order(&runs), [1, 0, 2]);
        table.sort = Sort::Dice;
        assert_eq!(
            table.order(&runs),
            [2, 1, 0],
            "a run without a score comes last"
        );
        table.filter = "A".to_owned();
        assert_eq!(table.order(&runs), [1]);
    }
}
