//! Saving what a view made as a file: the system's dialog asks where. Neither the dialog nor the disk
//! blocks the window.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use egui::Context;

use super::view::save::Save;
use crate::lab::Lab;
use crate::lab::notices::Level;

/// A dialog that answers "nothing" faster than a person can was never shown.
const TOO_FAST: Duration = Duration::from_millis(400);

/// What became of a file: where it is, `None` when it was not wanted after all.
type Answer = Result<Option<PathBuf>, String>;

/// Files that are on their way.
#[derive(Debug, Default)]
pub struct Saving {
    /// Where files go without asking; the dialog asks while there is none.
    pub folder: Option<PathBuf>,
    waiting: Vec<Receiver<Answer>>,
}

impl Saving {
    /// Asks where `save` shall go, and writes it; into `exports` of the home where no dialog is shown.
    pub fn start(&mut self, ctx: &Context, home: &Path, save: Save) {
        let (sender, receiver) = channel();
        let (ctx, folder, exports) = (ctx.clone(), self.folder.clone(), home.join("exports"));
        let dialog = folder.is_none().then(|| {
            let ending = save.name.rsplit('.').next().unwrap_or_default().to_owned();
            rfd::AsyncFileDialog::new()
                .set_title("Save as")
                .set_file_name(&save.name)
                .add_filter(ending.to_uppercase(), &[ending])
                .save_file()
        });
        let work = move || {
            let asked = Instant::now();
            let to = match (folder, dialog) {
                (Some(folder), _) => Some(folder.join(&save.name)),
                (None, Some(dialog)) => match pollster::block_on(dialog) {
                    Some(file) => Some(file.path().to_path_buf()),
                    None if asked.elapsed() < TOO_FAST => Some(unused(&exports.join(&save.name))),
                    None => None,
                },
                (None, None) => None,
            };
            let answer = match to {
                None => Ok(None),
                Some(path) => crate::files::write_atomically(&path, &save.bytes)
                    .map_err(|error| format!("{}: {error}", path.display()))
                    .map(|()| Some(path)),
            };
            // The window may be gone by now.
            let _ = sender.send(answer);
            ctx.request_repaint();
        };
        let spawned = std::thread::Builder::new()
            .name("save".to_owned())
            .spawn(work);
        match spawned {
            Ok(_) => self.waiting.push(receiver),
            Err(error) => log::warn!("nothing is saved: no thread: {error}"),
        }
    }

    /// Says what became of files.
    pub fn receive(&mut self, lab: &mut Lab) {
        self.waiting.retain(|receiver| match receiver.try_recv() {
            Ok(answer) => {
                match answer {
                    Ok(Some(path)) => {
                        (lab.notices).push(Level::Success, format!("saved: {}", path.display()));
                    }
                    Ok(None) => {}
                    Err(message) => lab.notices.push(Level::Error, message),
                }
                false
            }
            Err(std::sync::mpsc::TryRecvError::Empty) => true,
            Err(std::sync::mpsc::TryRecvError::Disconnected) => false,
        });
    }
}

/// A path at which no file is: without a dialog nobody was asked whether to replace one.
fn unused(path: &Path) -> PathBuf {
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let ending = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let numbered = (2..).map(|n| path.with_file_name(format!("{stem}-{n}.{ending}")));
    let mut all = std::iter::once(path.to_path_buf()).chain(numbered);
    all.find(|path| !path.exists())
        .unwrap_or_else(|| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_dialog_nothing_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("loss.svg");
        assert_eq!(unused(&path), path);
        std::fs::write(&path, "").unwrap();
        std::fs::write(dir.path().join("loss-2.svg"), "").unwrap();
        assert_eq!(unused(&path), dir.path().join("loss-3.svg"));
    }
}
