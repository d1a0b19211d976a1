//! Choosing the file that names the images that validate. The system's dialog never blocks the window.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use egui::Ui;

use crate::data::config::SplitBy;
use crate::lab::Lab;
use crate::lab::notices::Level;

/// A dialog that answers "nothing" faster than a person can was never shown.
const TOO_FAST: Duration = Duration::from_millis(400);

/// A dialog that may be open.
#[derive(Default)]
pub(super) struct ListFile {
    waiting: Option<(Receiver<Option<PathBuf>>, Instant)>,
}

impl ListFile {
    /// The button, and what was chosen with it.
    pub fn show(&mut self, lab: &mut Lab, ui: &mut Ui) {
        let button = egui::Button::new("Choose a list…");
        if ui
            .add_enabled(self.waiting.is_none(), button)
            .on_hover_text(
                "A text file with the name of an image that validates on each line; the others train \
                 (sets data.split = list and data.val_list)",
            )
            .clicked()
        {
            self.ask(lab, ui);
        }
        let Some((receiver, since)) = &self.waiting else {
            return;
        };
        match receiver.try_recv() {
            Ok(Some(path)) => {
                take(lab, &path);
                self.waiting = None;
            }
            Ok(None) | Err(TryRecvError::Disconnected) => {
                if since.elapsed() < TOO_FAST {
                    lab.notices.push(
                        Level::Warning,
                        "the system shows no file dialog: paste the list's path into “Val list”",
                    );
                    lab.draft.data.split = SplitBy::List;
                }
                self.waiting = None;
            }
            Err(TryRecvError::Empty) => {}
        }
    }

    fn ask(&mut self, lab: &Lab, ui: &Ui) {
        let (sender, receiver) = channel();
        let mut dialog = rfd::AsyncFileDialog::new()
            .set_title("Choose the list of images that validate")
            .add_filter("Lists of names", &["txt", "lst", "csv"])
            .add_filter("All files", &["*"]);
        if std::path::Path::new(&lab.draft.data.path).is_dir() {
            dialog = dialog.set_directory(&lab.draft.data.path);
        }
        let dialog = dialog.pick_file();
        let ctx = ui.ctx().clone();
        let wait = move || {
            let picked = pollster::block_on(dialog).map(|file| file.path().to_path_buf());
            // The window may be gone by now.
            let _ = sender.send(picked);
            ctx.request_repaint();
        };
        let dialog = std::thread::Builder::new().name("dialog".to_owned());
        if dialog.spawn(wait).is_ok() {
            self.waiting = Some((receiver, Instant::now()));
        }
    }
}

/// The split follows the list.
fn take(lab: &mut Lab, path: &std::path::Path) {
    lab.draft.data.split = SplitBy::List;
    lab.draft.data.val_list = path.display().to_string();
}
