//! Runs on disk: one folder each, written so that a crash at any moment loses nothing recorded.
//!
//! `run.toml` (name and complete configuration), `events.jsonl` (append-only), `best.safetensors`,
//! `last.safetensors`, `last.state/` (to resume), `previews/`.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Run, RunEvent};
use crate::experiment::ExperimentConfig;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: {message}")]
    Format { path: PathBuf, message: String },
}

/// The folder that holds the runs.
#[derive(Debug, Clone)]
pub struct Store {
    pub root: PathBuf,
}

/// An open run: events are appended and flushed one by one.
#[derive(Debug)]
pub struct Recorder {
    pub dir: PathBuf,
    pub id: String,
    _events: File,
}

impl Store {
    /// The user's own folder (`DICEBENCH_HOME` or the platform's data folder).
    #[must_use]
    pub fn default_root() -> PathBuf {
        todo!()
    }

    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes the folder of a new run and writes its configuration.
    ///
    /// # Errors
    /// When the folder can't be made or written.
    pub fn create(&self, _name: &str, _config: &ExperimentConfig) -> Result<Recorder, StoreError> {
        todo!()
    }

    /// Every run that can be read, newest first; unreadable ones are returned as errors beside.
    pub fn list(&self) -> (Vec<Run>, Vec<StoreError>) {
        todo!()
    }

    pub fn load(&self, _id: &str) -> Result<Run, StoreError> {
        todo!()
    }

    pub fn rename(&self, _id: &str, _name: &str) -> Result<(), StoreError> {
        todo!()
    }

    /// Moves a run to the trash folder, from where [`Store::restore`] brings it back.
    pub fn delete(&self, _id: &str) -> Result<(), StoreError> {
        todo!()
    }

    pub fn restore(&self, _id: &str) -> Result<(), StoreError> {
        todo!()
    }

    #[must_use]
    pub fn dir(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }
}

impl Recorder {
    /// Appends one event and flushes it.
    pub fn append(&mut self, _event: &RunEvent) -> Result<(), StoreError> {
        todo!()
    }

    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Writes beside and renames, so that a reader never sees half a file.
pub fn write_atomically(_path: &Path, _bytes: &[u8]) -> Result<(), StoreError> {
    todo!()
}
