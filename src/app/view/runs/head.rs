//! Above the table of runs: the filter, what is ticked, which columns are shown.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{PopupCloseBehavior, RichText, Role, Ui, WidgetInfo};

use super::columns::Column;
use super::{Action, RunsTable};
use crate::app::view::save::{self, Save};
use crate::run::Run;

impl RunsTable {
    pub(super) fn head(&mut self, ui: &mut Ui, runs: &[Run], actions: &mut Vec<Action>) {
        ui.horizontal_wrapped(|ui| {
            let field = egui::TextEdit::singleline(&mut self.filter)
                .hint_text("Filter")
                .desired_width(140.0);
            let response = ui.add(field).on_hover_text(
                "Only runs in whose name, loss, outcome, device, data folder, tags or note every \
                 word is found. `key=value` looks for a setting: batch=8, loss.kind=focal.",
            );
            response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter runs"));
            ui.checkbox(&mut self.starred, "★")
                .on_hover_text("Only runs with a star.")
                .widget_info(|| {
                    WidgetInfo::selected(Role::CheckBox, true, self.starred, "Starred runs only")
                });
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
            let shown = self.order.shown.len();
            let all = ui
                .add_enabled((1..=64).contains(&shown), egui::Button::new("Tick these"))
                .on_hover_text("Tick every run that passes the filter.")
                .on_disabled_hover_text("More than 64 runs pass the filter: narrow it first.");
            if all.clicked() {
                for run in self.order.shown.iter().filter_map(|at| runs.get(*at)) {
                    if self.ticked.insert(run.id.clone()) {
                        actions.push(Action::Tick(run.id.clone(), true));
                    }
                }
            }
            self.columns_menu(ui, runs);
            let menu = ui.menu_button("Save table", |ui| {
                for (name, ending) in [("As CSV…", "csv"), ("As JSON…", "json")] {
                    let button = ui
                        .button(name)
                        .on_hover_text("The rows and columns that are shown, with every digit.");
                    if button.clicked() {
                        let rows = self.as_rows(runs);
                        let bytes = match ending {
                            "csv" => save::csv(&rows),
                            _ => save::json(&rows),
                        };
                        self.saves
                            .push(bytes.map(|bytes| Save::new("runs", ending, bytes)));
                        ui.close();
                    }
                }
            });
            menu.response
                .on_hover_text("This table as a file for spreadsheets or notebooks.");
            let mut words = format!("{ticked} of {} ticked", runs.len());
            if shown < runs.len() {
                words += &format!(" · {shown} shown");
            }
            ui.label(RichText::new(words).weak());
            if let Some(base) = self.baseline(runs).map(|run| run.name.clone()) {
                let clear = ui
                    .small_button(format!("Baseline: {base} ✖"))
                    .on_hover_text("Compare with nothing again.");
                if clear.clicked() {
                    self.baseline = None;
                }
            }
        });
    }

    fn columns_menu(&mut self, ui: &mut Ui, runs: &[Run]) {
        // Several are chosen one after the other.
        let stays = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        let menu = MenuButton::new("Columns").config(stays).ui(ui, |ui| {
            egui::ScrollArea::vertical()
                .max_height(420.0)
                .show(ui, |ui| {
                    let field = egui::TextEdit::singleline(&mut self.wanted_setting)
                        .hint_text("Find a setting")
                        .desired_width(180.0);
                    let response = ui.add(field);
                    response.widget_info(|| {
                        WidgetInfo::labeled(Role::TextInput, true, "Find a column")
                    });
                    response.on_hover_text("Type a part of its name: seed, batch, gamma.");
                    let wanted = self.wanted_setting.trim().to_lowercase();
                    let mut keys: Vec<String> = (self.columns.iter())
                        .filter_map(|column| match column {
                            Column::Param(key) => Some(key.clone()),
                            _ => None,
                        })
                        .collect();
                    if !wanted.is_empty() {
                        let known = runs.first().map(|run| self.values.keys(run));
                        let known = known.unwrap_or_default().into_iter();
                        let found: Vec<String> = known
                            .filter(|key| key.contains(&wanted) && !keys.contains(key))
                            .take(12)
                            .collect();
                        keys.extend(found);
                    }
                    for key in keys {
                        self.column_choice(ui, Column::Param(key));
                    }
                    ui.separator();
                    for column in Column::fixed().filter(|column| *column != Column::Name) {
                        self.column_choice(ui, column);
                    }
                    let classes = runs.first().map(|run| run.classes.clone());
                    for name in classes.unwrap_or_default() {
                        self.column_choice(ui, Column::Class(name));
                    }
                    ui.separator();
                    if ui
                        .button("Usual columns")
                        .on_hover_text("The columns that were there at first.")
                        .clicked()
                    {
                        self.columns = Column::usual();
                    }
                });
        });
        menu.0
            .on_hover_text("Which columns the table has; any setting can be one.");
    }

    fn column_choice(&mut self, ui: &mut Ui, column: Column) {
        let mut on = self.columns.contains(&column);
        let title = match &column {
            Column::Param(key) => key.clone(),
            column => column.title(),
        };
        let response = ui.checkbox(&mut on, title).on_hover_text(column.help());
        if response.changed() {
            if on {
                // The widest stays last.
                let last = self.columns.last() == Some(&Column::Settings);
                let at = self.columns.len() - usize::from(last);
                self.columns.insert(at, column);
            } else {
                self.columns.retain(|other| *other != column);
            }
        }
    }
}
