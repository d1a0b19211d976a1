//! The small window in which star, tags and note of a run are given.

use egui::{Key, Role, Ui, WidgetInfo};

use super::{Action, RunsTable};
use crate::run::Run;
use crate::run::label::Label;

/// A label that is being changed.
#[derive(Debug)]
pub struct Editor {
    id: String,
    star: bool,
    tags: String,
    note: String,
    /// The tags take the keyboard once, when the window appears.
    focused: bool,
}

impl Editor {
    pub fn new(run: &Run) -> Self {
        Self {
            id: run.id.clone(),
            star: run.label.star,
            tags: run.label.tags.join(", "),
            note: run.label.note.clone(),
            focused: false,
        }
    }
}

impl RunsTable {
    /// Draws the window while one is open.
    pub(super) fn edit(&mut self, ui: &Ui, runs: &[Run], actions: &mut Vec<Action>) {
        let Some(editor) = &mut self.editor else {
            return;
        };
        let Some(run) = runs.iter().find(|run| run.id == editor.id) else {
            self.editor = None;
            return;
        };
        let (mut open, mut done) = (true, false);
        egui::Window::new("Star, tags and note")
            .id(egui::Id::unique("label of a run"))
            .open(&mut open)
            .pivot(egui::Align2::CENTER_CENTER)
            .default_pos(ui.ctx().content_rect().center())
            .resizable(true)
            .default_width(340.0)
            .show(ui.ctx(), |ui| {
                ui.label(egui::RichText::new(&run.name).strong());
                ui.checkbox(&mut editor.star, "★ Star").on_hover_text(
                    "Runs with a star are found again with the star above the table.",
                );
                let label = ui.label("Tags");
                let tags = ui
                    .add(
                        egui::TextEdit::singleline(&mut editor.tags)
                            .hint_text("between commas")
                            .desired_width(f32::INFINITY),
                    )
                    .labelled_by(label.id)
                    .on_hover_text("Words between commas; the filter finds them.");
                if !editor.focused {
                    editor.focused = true;
                    tags.request_focus();
                }
                let label = ui.label("Note");
                ui.add(
                    egui::TextEdit::multiline(&mut editor.note)
                        .hint_text("What is to be remembered about this run")
                        .desired_rows(4)
                        .desired_width(f32::INFINITY),
                )
                .labelled_by(label.id)
                .on_hover_text("Kept in the run's folder.");
                let entered = tags.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
                let button = ui
                    .button("Keep")
                    .on_hover_text("Keep tags and note (Enter in Tags).");
                button.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Keep the label"));
                done = button.clicked() || entered;
            });
        if done {
            let label = Label {
                star: editor.star,
                tags: Label::tags_of(&editor.tags),
                note: editor.note.trim_end().to_owned(),
            };
            if label != run.label {
                actions.push(Action::Label(run.id.clone(), label));
            }
        }
        let escaped = ui.input(|input| input.key_pressed(Key::Escape));
        if done || !open || escaped {
            self.editor = None;
        }
    }
}
