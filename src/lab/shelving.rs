//! Recorded runs as things: found, named, labelled, thrown away and brought back.

use std::path::PathBuf;

use super::Lab;
use super::notices::Level;
use crate::run::Run;
use crate::run::label::Label;

impl Lab {
    #[must_use]
    pub fn active_run(&self) -> Option<&Run> {
        let id = self.active.as_ref()?;
        self.runs.iter().find(|run| &run.id == id)
    }

    /// The user's own folder: runs, presets, settings, exports.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.store
            .root
            .parent()
            .map(PathBuf::from)
            .unwrap_or_default()
    }

    #[must_use]
    pub fn run_dir(&self, id: &str) -> PathBuf {
        self.store.dir(id)
    }

    pub fn rename_run(&mut self, id: &str, name: &str) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.id == id) {
            name.clone_into(&mut run.name);
            self.jobs.rename_run(&self.store, id, name);
        }
    }

    /// Changes what is said about a run.
    pub fn label_run(&mut self, id: &str, label: Label) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.id == id) {
            run.label = label.clone();
            self.jobs.label_run(&self.store, id, label);
        }
    }

    /// Moves a run to the trash; [`Lab::undelete`] brings it back.
    pub fn delete_run(&mut self, id: &str) {
        if self.is_busy() && self.live.ids().iter().any(|live| live == id) {
            self.notices
                .push(Level::Warning, "this run is training: stop it first");
            return;
        }
        let Some(at) = self.runs.iter().position(|run| run.id == id) else {
            return;
        };
        let run = self.runs.remove(at);
        if self.active.as_deref() == Some(id) {
            self.active = None;
        }
        self.notices.push(
            Level::Info,
            format!("“{}” was moved to the trash", run.name),
        );
        self.deleted = Some((run.id, run.name));
        self.jobs.delete_run(&self.store, id);
    }

    pub fn undelete(&mut self) {
        if let Some((id, _)) = self.deleted.take() {
            self.jobs.restore_run(&self.store, &id);
        }
    }

    /// Takes the configuration of a run as the draft.
    pub fn use_config(&mut self, id: &str) {
        if let Some(run) = self.runs.iter().find(|run| run.id == id) {
            let config = run.config.clone();
            self.replace_draft(config);
        }
    }
}
