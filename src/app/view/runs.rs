//! The table of recorded runs.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use egui::{Key, Label, Response, RichText, Role, Sense, Ui, WidgetInfo, vec2};
use egui_extras::{Column, TableBuilder, TableRow};

use super::color::{on_ground, run_color};
use super::readout::score;
use super::series::duration;
use super::summary::{bad, best_dice, outcome, seconds, steps};
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
    filter: String,
    sort: Option<(By, bool)>,
    renaming: Option<Renaming>,
}

/// A name that is being typed.
#[derive(Debug)]
struct Renaming {
    id: String,
    text: String,
    /// The field takes the keyboard once, when it appears.
    fresh: bool,
}

/// What the table is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Name,
    Loss,
    Outcome,
    Dice,
    Steps,
    Time,
}

impl By {
    const ALL: [Self; 6] = [
        Self::Name,
        Self::Loss,
        Self::Outcome,
        Self::Dice,
        Self::Steps,
        Self::Time,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Loss => "Loss",
            Self::Outcome => "Outcome",
            Self::Dice => "Best Dice",
            Self::Steps => "Steps",
            Self::Time => "Time",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Self::Name => "Name of the run; a double click renames it.",
            Self::Loss => "Kind of loss it was trained with.",
            Self::Outcome => "How it ended.",
            Self::Dice => "Best mean Dice over the validation images.",
            Self::Steps => "Training steps done.",
            Self::Time => "Time spent training, pauses left out.",
        }
    }

    fn compare(self, a: &Run, b: &Run) -> Ordering {
        match self {
            Self::Name => a.name.to_lowercase().cmp(&b.name.to_lowercase()),
            Self::Loss => a.config.loss.kind().cmp(b.config.loss.kind()),
            Self::Outcome => outcome(a).0.cmp(&outcome(b).0),
            Self::Dice => {
                let of = |run| best_dice(run).unwrap_or(f64::NEG_INFINITY);
                of(a).total_cmp(&of(b))
            }
            Self::Steps => steps(a).cmp(&steps(b)),
            Self::Time => seconds(a).total_cmp(&seconds(b)),
        }
    }
}

impl RunsTable {
    /// Draws the table and returns what was asked, in order.
    pub fn ui(&mut self, ui: &mut Ui, runs: &[Run]) -> Vec<Action> {
        let mut actions = Vec::new();
        if runs.is_empty() {
            ui.add_space(8.0);
            ui.label(RichText::new("No runs yet: every training is kept here by itself.").weak());
            return actions;
        }
        self.head(ui, runs, &mut actions);
        let shown = self.order(runs);
        if shown.is_empty() {
            let words = format!("No run matches “{}”.", self.filter);
            ui.label(RichText::new(words).weak());
            return actions;
        }
        egui::ScrollArea::horizontal().show(ui, |ui| {
            // Clicks on text choose the row.
            ui.style_mut().interaction.selectable_labels = false;
            self.table(ui, &shown, &mut actions);
        });
        actions
    }

    fn head(&mut self, ui: &mut Ui, runs: &[Run], actions: &mut Vec<Action>) {
        ui.horizontal_wrapped(|ui| {
            let field = egui::TextEdit::singleline(&mut self.filter)
                .hint_text("Filter")
                .desired_width(120.0);
            let response = ui.add(field).on_hover_text(
                "Only runs whose name, loss, outcome, device or data folder has this text.",
            );
            response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter runs"));
            let ticked = runs
                .iter()
                .filter(|run| self.ticked.contains(&run.id))
                .count();
            let clear = ui
                .add_enabled(ticked > 0, egui::Button::new("Untick all"))
                .on_hover_text("Take all curves of recorded runs out of the plots.");
            if clear.clicked() {
                for id in std::mem::take(&mut self.ticked) {
                    actions.push(Action::Tick(id, false));
                }
            }
            ui.label(RichText::new(format!("{ticked} of {} ticked", runs.len())).weak());
        });
    }

    /// The runs that pass the filter, sorted; as they were given while no header was clicked.
    fn order<'a>(&self, runs: &'a [Run]) -> Vec<&'a Run> {
        let wanted = self.filter.trim().to_lowercase();
        let mut shown: Vec<&Run> = runs
            .iter()
            .filter(|run| {
                let text = [
                    run.name.as_str(),
                    run.config.loss.kind(),
                    &outcome(run).0,
                    &run.device,
                    &run.config.data.path,
                ];
                wanted.is_empty() || text.iter().any(|t| t.to_lowercase().contains(&wanted))
            })
            .collect();
        if let Some((by, down)) = self.sort {
            shown.sort_by(|a, b| {
                let order = by.compare(a, b);
                if down { order.reverse() } else { order }
            });
        }
        shown
    }

    fn table(&mut self, ui: &mut Ui, shown: &[&Run], actions: &mut Vec<Action>) {
        let height = ui.spacing().interact_size.y.max(22.0);
        TableBuilder::new(ui)
            .id_salt("recorded runs")
            .striped(true)
            .sense(Sense::click())
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .column(Column::exact(44.0))
            .column(Column::remainder().at_least(110.0).clip(true))
            .column(
                Column::initial(96.0)
                    .at_least(50.0)
                    .clip(true)
                    .resizable(true),
            )
            .column(Column::exact(84.0))
            .column(Column::exact(74.0))
            .column(Column::exact(58.0))
            .column(Column::exact(62.0))
            .header(height, |mut header| {
                header.col(|_| {});
                for by in By::ALL {
                    header.col(|ui| self.title(ui, by));
                }
            })
            .body(|body| {
                body.rows(height, shown.len(), |mut row| {
                    let run = shown[row.index()];
                    self.row(&mut row, run, actions);
                });
            });
    }

    fn title(&mut self, ui: &mut Ui, by: By) {
        let arrow = match self.sort {
            Some((sorted, down)) if sorted == by => {
                if down {
                    " ⏷"
                } else {
                    " ⏶"
                }
            }
            _ => "",
        };
        let text = RichText::new(format!("{}{arrow}", by.title())).strong();
        let response = ui
            .add(egui::Button::new(text).frame(false))
            .on_hover_text(format!(
                "{} A click sorts, another turns the order.",
                by.help()
            ));
        response.widget_info(|| {
            WidgetInfo::labeled(Role::Button, true, format!("Sort by {}", by.title()))
        });
        if response.clicked() {
            self.sort = match self.sort {
                // Numbers are looked at from the best down, words from the start of the alphabet.
                None => Some((by, matches!(by, By::Dice | By::Steps | By::Time))),
                Some((sorted, down)) if sorted == by => Some((by, !down)),
                Some(_) => Some((by, matches!(by, By::Dice | By::Steps | By::Time))),
            };
        }
    }

    fn row(&mut self, row: &mut TableRow<'_, '_>, run: &Run, actions: &mut Vec<Action>) {
        row.set_selected(self.ticked.contains(&run.id));
        row.col(|ui| {
            let mut on = self.ticked.contains(&run.id);
            let response = ui
                .checkbox(&mut on, "")
                .on_hover_text("Lay the curves of this run over the others.");
            response.widget_info(|| {
                WidgetInfo::selected(Role::CheckBox, true, on, format!("Compare {}", run.name))
            });
            if response.changed() {
                if on {
                    self.ticked.insert(run.id.clone());
                } else {
                    self.ticked.remove(&run.id);
                }
                actions.push(Action::Tick(run.id.clone(), on));
            }
            if on {
                let color = on_ground(run_color(ui.ctx(), &run.id), ui.visuals().dark_mode);
                let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
                let rim = egui::Stroke::new(1.0, ui.visuals().strong_text_color());
                ui.painter()
                    .rect(rect, 2.0, color, rim, egui::StrokeKind::Outside);
            }
        });
        let mut rename = false;
        row.col(|ui| rename = self.name(ui, run, actions));
        let (ended, said) = outcome(run);
        let cells = [
            (run.config.loss.kind().to_owned(), "Kind of loss".to_owned()),
            (ended, said),
            (
                score(best_dice(run)),
                "Best mean Dice over the validation images".to_owned(),
            ),
            (
                steps(run).to_string(),
                format!("{} steps of {}", steps(run), run.total_steps),
            ),
            (duration(seconds(run)), format!("Trained on {}", run.device)),
        ];
        for (at, (text, tip)) in cells.into_iter().enumerate() {
            row.col(|ui| {
                let mut words = RichText::new(text);
                if at == 1 && bad(run) {
                    words = words.color(ui.visuals().error_fg_color);
                }
                ui.add(Label::new(words).truncate()).on_hover_text(tip);
            });
        }
        let response = row.response();
        if response.clicked() {
            actions.push(Action::Activate(run.id.clone()));
        }
        self.menu(&response, run, rename || response.double_clicked(), actions);
    }

    /// The name, or the field to change it; returns whether changing it was asked for.
    fn name(&mut self, ui: &mut Ui, run: &Run, actions: &mut Vec<Action>) -> bool {
        let Some(renaming) = self.renaming.as_mut().filter(|r| r.id == run.id) else {
            let response = ui
                .add(Label::new(&run.name).truncate().sense(Sense::click()))
                .on_hover_text(format!(
                    "{}\nA click shows it, a double click renames it.",
                    run.name
                ));
            if response.clicked() && !response.double_clicked() {
                actions.push(Action::Activate(run.id.clone()));
            }
            let rename = response.double_clicked();
            self.menu(&response, run, rename, actions);
            return rename;
        };
        let field = egui::TextEdit::singleline(&mut renaming.text).desired_width(f32::INFINITY);
        let response = ui.add(field);
        response.widget_info(|| {
            WidgetInfo::labeled(Role::TextInput, true, format!("New name of {}", run.name))
        });
        if std::mem::take(&mut renaming.fresh) {
            response.request_focus();
        }
        let cancelled = ui.input(|input| input.key_pressed(Key::Escape));
        if response.lost_focus() || cancelled {
            let name = renaming.text.trim().to_owned();
            if !cancelled && !name.is_empty() && name != run.name {
                actions.push(Action::Rename(run.id.clone(), name));
            }
            self.renaming = None;
        }
        false
    }

    fn menu(&mut self, response: &Response, run: &Run, rename: bool, actions: &mut Vec<Action>) {
        let mut rename = rename;
        response.context_menu(|ui| {
            let id = || run.id.clone();
            let mut entry = |text: &str, tip: &str, action: Option<Action>| {
                if ui.button(text).on_hover_text(tip).clicked() {
                    match action {
                        Some(action) => actions.push(action),
                        None => rename = true,
                    }
                    ui.close();
                }
            };
            entry(
                "Show",
                "Show this run's curves and pictures.",
                Some(Action::Activate(id())),
            );
            entry(
                "Use its configuration",
                "Make this run's configuration the draft; undo brings the old one back.",
                Some(Action::UseConfig(id())),
            );
            entry("Rename", "Change the name of this run.", None);
            entry(
                "Open its folder",
                "Open the folder with its configuration, events and weights.",
                Some(Action::OpenFolder(id())),
            );
            entry(
                "Delete",
                "Move this run to the trash; it can be brought back.",
                Some(Action::Delete(id())),
            );
        });
        if rename {
            self.renaming = Some(Renaming {
                id: run.id.clone(),
                text: run.name.clone(),
                fresh: true,
            });
        }
    }
}
