//! Choosing a folder: system dialog, path box, drag and drop. The dialog never blocks the window.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use egui::{Align2, Color32, Context, Id, LayerId, Order, Ui};

use crate::data::Progress;
use crate::lab::Lab;
use crate::lab::notices::Level;

/// A dialog that answers "nothing" faster than a person can was never shown.
const TOO_FAST: Duration = Duration::from_millis(400);

/// A dialog that may be open, and the text of the path box.
#[derive(Default)]
pub struct Opening {
    waiting: Option<(Receiver<Option<std::path::PathBuf>>, Instant)>,
    pub path: String,
    /// The path box should be shown and get the keyboard.
    pub focus_path: bool,
}

impl Opening {
    /// Shows the system's dialog, unless it is open already.
    pub fn ask(&mut self, ctx: &Context) {
        if self.waiting.is_some() {
            return;
        }
        let (sender, receiver) = channel();
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Open a dataset folder")
            .pick_folder();
        let ctx = ctx.clone();
        let wait = move || {
            let picked = pollster::block_on(dialog).map(|folder| folder.path().to_path_buf());
            // The window may be gone by now.
            let _ = sender.send(picked);
            ctx.request_repaint();
        };
        if std::thread::Builder::new()
            .name("dialog".to_owned())
            .spawn(wait)
            .is_ok()
        {
            self.waiting = Some((receiver, Instant::now()));
        } else {
            self.focus_path = true;
        }
    }

    /// Takes the dialog's answer and dropped folders; says whether the path box is needed.
    pub fn receive(&mut self, ctx: &Context, lab: &mut Lab) -> bool {
        let mut path_box = false;
        if let Some((receiver, since)) = &self.waiting {
            match receiver.try_recv() {
                Ok(Some(path)) => {
                    lab.open(&path.to_string_lossy());
                    self.waiting = None;
                }
                Ok(None) | Err(TryRecvError::Disconnected) => {
                    if since.elapsed() < TOO_FAST {
                        lab.notices.push(
                            Level::Warning,
                            "the system shows no file dialog: paste the folder's path into the box at the top of the Data tab",
                        );
                        self.focus_path = true;
                        path_box = true;
                    }
                    self.waiting = None;
                }
                Err(TryRecvError::Empty) => {}
            }
        }
        let dropped = ctx.input(|input| {
            input
                .raw
                .dropped_files
                .iter()
                .map(|file| file.path().to_path_buf())
                .next()
        });
        if let Some(path) = dropped {
            // A file stands for the folder it lies in.
            let folder = if path.is_file() {
                path.parent().map(std::path::Path::to_path_buf)
            } else {
                Some(path)
            };
            if let Some(folder) = folder {
                lab.open(&folder.to_string_lossy());
            }
        }
        path_box
    }

    /// The path box with its button.
    pub fn path_box(&mut self, ui: &mut Ui, lab: &mut Lab) {
        ui.horizontal(|ui| {
            let open = lab.dataset().map(|dataset| dataset.root.display());
            let hint = match open.map(|root| root.to_string()) {
                Some(root) if !root.is_empty() => {
                    format!("{root} is open · paste the path of another folder")
                }
                _ => "paste a folder's path".to_owned(),
            };
            let edit = egui::TextEdit::singleline(&mut self.path)
                .hint_text(hint)
                .desired_width(ui.available_width() - 150.0);
            let response = ui
                .add(edit)
                .on_hover_text("Path of a dataset folder; Enter opens it.");
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Path of the dataset folder")
            });
            if std::mem::take(&mut self.focus_path) {
                response.request_focus();
            }
            let entered = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
            if (ui.button("Open").clicked() || entered) && !self.path.trim().is_empty() {
                lab.open(&self.path);
            }
            if ui
                .button("Browse…")
                .on_hover_text("Choose a folder (Ctrl+O)")
                .clicked()
            {
                self.ask(ui.ctx());
            }
        });
    }

    /// How far an opening is, with a button that ends it; `text` says done and total in words.
    pub fn progress(
        ui: &mut Ui,
        path: &str,
        progress: &Progress,
        text: impl Fn(usize, usize) -> String,
    ) -> bool {
        let (done, total) = progress.counts();
        ui.label(format!("Opening {path}"));
        let share = if total > 0 {
            done as f32 / total as f32
        } else {
            0.0
        };
        ui.add(egui::ProgressBar::new(share).text(text(done, total)));
        ui.ctx().request_repaint_after(Duration::from_millis(100));
        ui.button("Cancel").clicked()
    }

    /// Says that a folder can be dropped, while one is held over the window.
    pub fn overlay(&self, ctx: &Context) {
        if ctx.input(|input| input.raw.hovered_files.is_empty()) {
            return;
        }
        let painter = ctx.layer_painter(LayerId::new(Order::Foreground, Id::unique("drop")));
        let screen = ctx.content_rect();
        painter.rect_filled(screen, 0.0, Color32::from_black_alpha(190));
        painter.text(
            screen.center(),
            Align2::CENTER_CENTER,
            "Drop the folder to open it",
            egui::FontId::proportional(26.0),
            Color32::WHITE,
        );
    }
}
