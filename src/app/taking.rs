//! The window “Take home”: what of the ticked runs is written, and into which folder.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use egui::{Context, Key, RichText, Role, Ui, WidgetInfo};

use crate::export::parcel::What;
use crate::lab::Lab;
use crate::param::Choice;

/// What is chosen; remembered while the program runs.
#[derive(Debug)]
pub struct Taking {
    pub open: bool,
    what: BTreeSet<usize>,
    report: bool,
    title: String,
    /// Where to; a new folder in `exports` of the home while it is empty.
    folder: String,
    picked: Option<Receiver<Option<PathBuf>>>,
}

impl Default for Taking {
    fn default() -> Self {
        Self {
            open: false,
            what: (0..What::ALL.len()).collect(),
            report: true,
            title: "Comparison of losses".to_owned(),
            folder: String::new(),
            picked: None,
        }
    }
}

impl Taking {
    /// Draws the window while it is open.
    pub fn window(&mut self, ctx: &Context, lab: &mut Lab, ids: &[String]) {
        if let Some(picked) = &self.picked
            && let Ok(answer) = picked.try_recv()
        {
            if let Some(folder) = answer {
                self.folder = folder.to_string_lossy().into_owned();
            }
            self.picked = None;
        }
        if !self.open {
            return;
        }
        let mut open = true;
        let mut started = false;
        egui::Window::new("Take home")
            .open(&mut open)
            .resizable(false)
            .collapsible(false)
            .pivot(egui::Align2::CENTER_CENTER)
            .default_pos(ctx.content_rect().center())
            .show(ctx, |ui| {
                ui.set_max_width(440.0);
                self.choices(ui);
                ui.add_space(6.0);
                self.place(ui, ctx, lab);
                ui.add_space(8.0);
                let obstacle = if ids.is_empty() {
                    Some("Tick runs in the table first.")
                } else if self.what.is_empty() && !self.report {
                    Some("Choose at least one thing to write.")
                } else {
                    None
                };
                let text = match ids.len() {
                    1 => "Write 1 run".to_owned(),
                    n => format!("Write {n} runs"),
                };
                ui.horizontal(|ui| {
                    let button = ui
                        .add_enabled(
                            obstacle.is_none(),
                            egui::Button::new(RichText::new(text).strong()),
                        )
                        .on_hover_text("Written in the background; a notice says where.");
                    started = button.clicked();
                    if let Some(obstacle) = obstacle {
                        ui.weak(obstacle);
                    }
                });
            });
        if started {
            let what: Vec<What> = (What::ALL.iter().enumerate())
                .filter(|(at, _)| self.what.contains(at))
                .map(|(_, what)| *what)
                .collect();
            let folder = self.folder.trim();
            let to = (!folder.is_empty()).then(|| PathBuf::from(folder));
            lab.take_home(ids, &what, self.report.then_some(self.title.as_str()), to);
        }
        let escaped = ctx.input(|input| input.key_pressed(Key::Escape));
        self.open = open && !started && !escaped;
    }

    fn choices(&mut self, ui: &mut Ui) {
        ui.checkbox(&mut self.report, "Report (one HTML file)")
            .on_hover_text(
                "Findings in words, scores, curves, pictures and settings of all runs; it opens in any \
                 browser, without a network.",
            );
        ui.indent("title of the report", |ui| {
            let label = ui.label("Title");
            ui.add_enabled(self.report, egui::TextEdit::singleline(&mut self.title))
                .labelled_by(label.id)
                .on_hover_text("Heading of the report.");
        });
        for (at, (what, help)) in What::ALL.iter().zip(What::default().helps()).enumerate() {
            let mut on = self.what.contains(&at);
            let name = match what {
                What::Csv => "Tables (CSV, JSON)",
                What::Tensorboard => "TensorBoard event file",
                What::Bundle => "Bundle to train again",
                What::Weights => "Weights (safetensors)",
                What::Code => "Loss as code",
                What::Model => "Network as code (PyTorch)",
            };
            let response = ui.checkbox(&mut on, name).on_hover_text(*help);
            if response.changed() {
                if on {
                    self.what.insert(at);
                } else {
                    self.what.remove(&at);
                }
            }
        }
    }

    fn place(&mut self, ui: &mut Ui, ctx: &Context, lab: &Lab) {
        let label = ui.label("Folder");
        ui.horizontal(|ui| {
            let exports = lab.home().join("exports");
            let field = egui::TextEdit::singleline(&mut self.folder)
                .hint_text(format!("a new one in {}", exports.display()))
                .desired_width(330.0);
            let response = ui.add(field).labelled_by(label.id).on_hover_text(
                "Where everything is written, a folder for each run; files of the same name are \
                 replaced. Empty: a new folder, named by the time.",
            );
            response
                .widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Folder to write to"));
            let choose = ui
                .add_enabled(self.picked.is_none(), egui::Button::new("Choose…"))
                .on_hover_text("The system's dialog.");
            if choose.clicked() {
                self.ask(ctx);
            }
        });
    }

    fn ask(&mut self, ctx: &Context) {
        let (sender, receiver) = channel();
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Take home into")
            .pick_folder();
        let ctx = ctx.clone();
        let wait = move || {
            let picked = pollster::block_on(dialog).map(|folder| folder.path().to_path_buf());
            // The window may be gone by now.
            let _ = sender.send(picked);
            ctx.request_repaint();
        };
        let spawned = std::thread::Builder::new()
            .name("dialog".to_owned())
            .spawn(wait);
        self.picked = spawned.is_ok().then_some(receiver);
    }
}
