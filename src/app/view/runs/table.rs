//! The rows of the table of runs: only those that are seen are drawn.

use egui::{Button, Key, Label, Response, RichText, Role, Sense, Ui, WidgetInfo, vec2};
use egui_extras::{Column as Width, TableBuilder, TableRow};

use super::columns::Column;
use super::editor::Editor;
use super::{Action, RunsTable};
use crate::app::view::color::{on_ground, run_color};
use crate::run::Run;

/// A name that is being typed.
#[derive(Debug)]
pub struct Renaming {
    id: String,
    text: String,
    /// The field takes the keyboard once, when it appears.
    fresh: bool,
}

impl RunsTable {
    pub(super) fn table(
        &mut self,
        ui: &mut Ui,
        runs: &[Run],
        shown: &[usize],
        actions: &mut Vec<Action>,
    ) {
        let height = ui.spacing().interact_size.y.max(22.0);
        let baseline = self.baseline(runs);
        let columns: Vec<Column> = (self.columns.iter())
            .filter(|column| **column != Column::Difference || baseline.is_some())
            .cloned()
            .collect();
        let room = ui.available_width();
        let mut table = TableBuilder::new(ui)
            // Widths belong to what is in the columns.
            .id_salt(("recorded runs", &columns))
            .striped(true)
            .sense(Sense::click())
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .column(Width::exact(66.0));
        for (at, column) in columns.iter().enumerate() {
            let [mut width, least] = column.width();
            // Where there is room, names are not cut.
            if *column == Column::Name {
                width = (0.17 * room).clamp(width, 280.0);
            }
            let width = if at + 1 == columns.len() {
                Width::remainder().at_least(least)
            } else {
                Width::initial(width).at_least(least).resizable(true)
            };
            table = table.column(width.clip(true));
        }
        table
            .header(height, |mut header| {
                header.col(|_| {});
                for column in &columns {
                    header.col(|ui| self.title(ui, column));
                }
            })
            .body(|body| {
                body.rows(height, shown.len(), |mut row| {
                    if let Some(run) = runs.get(shown[row.index()]) {
                        self.row(&mut row, run, baseline, &columns, actions);
                    }
                });
            });
    }

    fn title(&mut self, ui: &mut Ui, column: &Column) {
        let sorted = (self.sort.as_ref()).filter(|(sorted, _)| sorted == column);
        let arrow = match sorted {
            Some((_, true)) => " ⏷",
            Some((_, false)) => " ⏶",
            None => "",
        };
        let text = RichText::new(format!("{}{arrow}", column.title())).strong();
        let response = ui
            .add(Button::new(text).frame(false).truncate())
            .on_hover_text(format!(
                "{} A click sorts, another turns the order, a third ends it.",
                column.help()
            ));
        response.widget_info(|| {
            WidgetInfo::labeled(Role::Button, true, format!("Sort by {}", column.title()))
        });
        if response.clicked() {
            let first = column.down_first();
            self.sort = match sorted {
                Some((_, down)) if *down == first => Some((column.clone(), !first)),
                Some(_) => None,
                None => Some((column.clone(), first)),
            };
        }
    }

    fn row(
        &mut self,
        row: &mut TableRow<'_, '_>,
        run: &Run,
        baseline: Option<&Run>,
        columns: &[Column],
        actions: &mut Vec<Action>,
    ) {
        row.col(|ui| self.marks(ui, run, actions));
        let mut rename = false;
        for column in columns {
            row.col(|ui| {
                if *column == Column::Name {
                    rename = self.name(ui, run, baseline, actions);
                    return;
                }
                let mut cell = column.cell(run, baseline, &mut self.values);
                if *column == Column::Outcome && self.training.contains(&run.id) {
                    (cell.text, cell.tip) = ("training".to_owned(), "It trains now.".to_owned());
                }
                let mut words = RichText::new(cell.text);
                if cell.bad {
                    words = words.color(ui.visuals().error_fg_color);
                }
                ui.add(Label::new(words).truncate()).on_hover_text(cell.tip);
            });
        }
        let response = row.response();
        if response.clicked() {
            actions.push(Action::Activate(run.id.clone()));
        }
        self.menu(&response, run, rename || response.double_clicked(), actions);
    }

    /// Tick box, star, and the colour of the curves.
    fn marks(&mut self, ui: &mut Ui, run: &Run, actions: &mut Vec<Action>) {
        ui.spacing_mut().item_spacing.x = 2.0;
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
        let star = if run.label.star {
            RichText::new("★").color(ui.visuals().warn_fg_color)
        } else {
            RichText::new("☆").weak()
        };
        let response = ui
            .add(Button::new(star).frame(false))
            .on_hover_text("A star, to find this run again.");
        response.widget_info(|| {
            let name = format!("Star of {}", run.name);
            WidgetInfo::selected(Role::CheckBox, true, run.label.star, name)
        });
        if response.clicked() {
            let mut label = run.label.clone();
            label.star = !label.star;
            actions.push(Action::Label(run.id.clone(), label));
        }
        if on {
            let color = on_ground(run_color(ui.ctx(), &run.id), ui.visuals().dark_mode);
            let (rect, _) = ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
            let rim = egui::Stroke::new(1.0, ui.visuals().strong_text_color());
            ui.painter()
                .rect(rect, 2.0, color, rim, egui::StrokeKind::Outside);
        }
    }

    /// The name, or the field to change it; returns whether changing it was asked for.
    fn name(
        &mut self,
        ui: &mut Ui,
        run: &Run,
        baseline: Option<&Run>,
        actions: &mut Vec<Action>,
    ) -> bool {
        let Some(renaming) = self.renaming.as_mut().filter(|r| r.id == run.id) else {
            let mut words = RichText::new(&run.name);
            if baseline.is_some_and(|base| base.id == run.id) {
                words = words.strong().underline();
            }
            let response = ui
                .add(Label::new(words).truncate().sense(Sense::click()))
                .on_hover_text(format!(
                    "{}\nA click shows it, a double click renames it, the right button has more.",
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
        let (mut rename, mut edit) = (rename, false);
        let is_base = self.baseline.as_ref() == Some(&run.id);
        let baseline = &mut self.baseline;
        response.context_menu(|ui| {
            let id = || run.id.clone();
            let mut entry = |text: &str, tip: &str| {
                let clicked = ui.button(text).on_hover_text(tip).clicked();
                if clicked {
                    ui.close();
                }
                clicked
            };
            if entry("Show", "Show this run's curves and pictures.") {
                actions.push(Action::Activate(id()));
            }
            if is_base {
                if entry("No baseline", "Compare with nothing again.") {
                    *baseline = None;
                }
            } else if entry(
                "Make it the baseline",
                "Show how scores and settings of the others differ from this run's.",
            ) {
                *baseline = Some(id());
            }
            if entry("Star, tags and note…", "Say something about this run.") {
                edit = true;
            }
            if entry(
                "Use its configuration",
                "Make this run's configuration the draft; undo brings the old one back.",
            ) {
                actions.push(Action::UseConfig(id()));
            }
            if entry("Rename", "Change the name of this run.") {
                rename = true;
            }
            if entry(
                "Open its folder",
                "Open the folder with its configuration, events and weights.",
            ) {
                actions.push(Action::OpenFolder(id()));
            }
            if entry(
                "Delete",
                "Move this run to the trash; it can be brought back.",
            ) {
                actions.push(Action::Delete(id()));
            }
        });
        if edit {
            self.editor = Some(Editor::new(run));
        }
        if rename {
            self.renaming = Some(Renaming {
                id: run.id.clone(),
                text: run.name.clone(),
                fresh: true,
            });
        }
    }
}
