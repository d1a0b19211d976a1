//! Runs on disk: one folder each, written so that a crash at any moment loses nothing recorded.
//!
//! `run.toml` (name and complete configuration), `events.jsonl` (append-only), `best.safetensors`,
//! `last.safetensors`, `last.state/` (to resume), `previews/`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::label::Label;
use super::{Run, RunEvent};
use crate::experiment::ExperimentConfig;
use crate::files;

const CONFIG: &str = "run.toml";
pub(super) const EVENTS: &str = "events.jsonl";
/// How the line of a step begins.
pub(super) const STEP: &[u8] = br#"{"event":"step","#;
const TRASH: &str = ".trash";

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path}: {message}")]
    Format { path: PathBuf, message: String },
}

/// What `run.toml` holds.
#[derive(Serialize, Deserialize)]
pub(super) struct RunFile {
    pub name: String,
    pub config: ExperimentConfig,
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
    events: File,
}

/// The user's own folder: `DICEBENCH_HOME`, or the platform's place for an application's data.
#[must_use]
pub fn home() -> PathBuf {
    if let Some(home) = std::env::var_os("DICEBENCH_HOME").filter(|home| !home.is_empty()) {
        return PathBuf::from(home);
    }
    directories::ProjectDirs::from("", "", "dicebench").map_or_else(
        || PathBuf::from("dicebench-data"),
        |dirs| dirs.data_dir().to_path_buf(),
    )
}

impl Store {
    /// Where runs go when nothing else is said.
    #[must_use]
    pub fn default_root() -> PathBuf {
        home().join("runs")
    }

    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes the folder of a new run and writes its configuration.
    ///
    /// # Errors
    /// When the folder can't be made or written.
    pub fn create(&self, name: &str, config: &ExperimentConfig) -> Result<Recorder, StoreError> {
        fs::create_dir_all(&self.root).map_err(|e| io_error(&self.root, e))?;
        let stamp = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let slug = files::slug(name);
        let mut attempt = 0;
        let (id, dir) = loop {
            let id = match attempt {
                0 => format!("{stamp}-{slug}"),
                n => format!("{stamp}-{slug}-{n}"),
            };
            let dir = self.root.join(&id);
            // `create_dir` fails where the folder exists: two runs never share one.
            match fs::create_dir(&dir) {
                Ok(()) => break (id, dir),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => {
                    attempt += 1
                }
                Err(e) => return Err(io_error(&dir, e)),
            }
        };
        write_config(&dir, name, config)?;
        let path = dir.join(EVENTS);
        let events = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|e| io_error(&path, e))?;
        Ok(Recorder::new(dir, &id, events))
    }

    /// Every run that can be read, newest first; unreadable ones are returned as errors beside.
    #[must_use]
    pub fn list(&self) -> (Vec<Run>, Vec<StoreError>) {
        let (mut runs, mut errors) = (Vec::new(), Vec::new());
        let ids = match self.ids() {
            Ok(ids) => ids,
            Err(error) => return (runs, vec![error]),
        };
        for id in ids {
            match self.load(&id) {
                Ok(run) => runs.push(run),
                Err(error) => errors.push(error),
            }
        }
        (runs, errors)
    }

    /// Names of the folders that may be runs, newest first; none where the store is not there yet.
    pub(super) fn ids(&self) -> Result<Vec<String>, StoreError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(io_error(&self.root, e)),
        };
        let mut ids: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_file()))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|id| !id.starts_with('.'))
            .collect();
        ids.sort_by(|a, b| b.cmp(a));
        Ok(ids)
    }

    /// Reads a run: its configuration, and its events folded.
    ///
    /// # Errors
    /// When its configuration can't be read. A torn last line, as a crash leaves it, is passed over.
    pub fn load(&self, id: &str) -> Result<Run, StoreError> {
        let dir = self.root.join(id);
        let file = read_config(&dir)?;
        let mut run = Run {
            id: id.to_owned(),
            name: file.name,
            config: file.config,
            label: Label::read(&dir),
            ..Run::default()
        };
        let path = dir.join(EVENTS);
        let events = match File::open(&path) {
            Ok(events) => events,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(run),
            Err(e) => return Err(io_error(&path, e)),
        };
        for (number, line) in BufReader::new(events).split(b'\n').enumerate() {
            let line = line.map_err(|e| io_error(&path, e))?;
            if line.is_empty() {
                continue;
            }
            match read_event(&line) {
                Ok(event) => run.apply(&event),
                Err(error) => {
                    log::warn!("{}: line {}: {error}", path.display(), number + 1);
                }
            }
        }
        Ok(run)
    }

    /// # Errors
    /// When the run's file can't be read or written.
    pub fn rename(&self, id: &str, name: &str) -> Result<(), StoreError> {
        let dir = self.root.join(id);
        let file = read_config(&dir)?;
        write_config(&dir, name, &file.config)
    }

    /// Moves a run to the trash folder, from where [`Store::restore`] brings it back.
    ///
    /// # Errors
    /// When the folder can't be moved.
    pub fn delete(&self, id: &str) -> Result<(), StoreError> {
        let trash = self.root.join(TRASH);
        fs::create_dir_all(&trash).map_err(|e| io_error(&trash, e))?;
        let (from, to) = (self.root.join(id), trash.join(id));
        fs::rename(&from, &to).map_err(|e| io_error(&from, e))
    }

    /// # Errors
    /// When the run is not in the trash or can't be moved back.
    pub fn restore(&self, id: &str) -> Result<(), StoreError> {
        let (from, to) = (self.root.join(TRASH).join(id), self.root.join(id));
        fs::rename(&from, &to).map_err(|e| io_error(&from, e))
    }

    #[must_use]
    pub fn dir(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }
}

impl Recorder {
    pub(super) fn new(dir: PathBuf, id: &str, events: File) -> Self {
        let id = id.to_owned();
        Self { dir, id, events }
    }

    /// Appends one event and flushes it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, event: &RunEvent) -> Result<(), StoreError> {
        let path = self.dir.join(EVENTS);
        let mut line = serde_json::to_vec(event).map_err(|e| StoreError::Format {
            path: path.clone(),
            message: e.to_string(),
        })?;
        line.push(b'\n');
        // One write per line: a crash leaves whole lines and at most one torn at the end.
        self.events.write_all(&line).map_err(|e| io_error(&path, e))
    }

    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// One line of the record. Steps are nearly all of it, and read without the detour through a generic
/// value that a tagged enum takes: four times as fast.
pub(super) fn read_event(line: &[u8]) -> Result<RunEvent, serde_json::Error> {
    #[derive(Deserialize)]
    struct Line {
        step: u64,
        loss: Option<f64>,
        learning_rate: f64,
        grad_norm: Option<f64>,
        secs: f64,
    }
    if !line.starts_with(STEP) {
        return serde_json::from_slice(line);
    }
    let line: Line = serde_json::from_slice(line)?;
    Ok(RunEvent::Step {
        step: line.step,
        // Null is what JSON has for a number that is not finite.
        loss: line.loss.unwrap_or(f64::NAN),
        learning_rate: line.learning_rate,
        grad_norm: line.grad_norm.unwrap_or(f64::NAN),
        secs: line.secs,
    })
}

pub(super) fn io_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io {
        path: path.to_path_buf(),
        source,
    }
}

pub(super) fn read_config(dir: &Path) -> Result<RunFile, StoreError> {
    let path = dir.join(CONFIG);
    let text = fs::read_to_string(&path).map_err(|e| io_error(&path, e))?;
    toml::from_str(&text).map_err(|e| StoreError::Format {
        path,
        message: e.to_string(),
    })
}

fn write_config(dir: &Path, name: &str, config: &ExperimentConfig) -> Result<(), StoreError> {
    let path = dir.join(CONFIG);
    let file = RunFile {
        name: name.to_owned(),
        config: config.clone(),
    };
    let text = toml::to_string(&file).map_err(|e| StoreError::Format {
        path: path.clone(),
        message: e.to_string(),
    })?;
    files::write_atomically(&path, text.as_bytes()).map_err(|e| io_error(&path, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Outcome;

    fn step(step: u64) -> RunEvent {
        RunEvent::Step {
            step,
            loss: 1.0 / step as f64,
            learning_rate: 0.1,
            grad_norm: 2.0,
            secs: step as f64,
        }
    }

    #[test]
    fn what_was_recorded_is_read_back_and_a_torn_line_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("runs"));
        let config = ExperimentConfig::default();
        let mut recorder = store.create("My run!", &config).unwrap();
        for n in 1..=3 {
            recorder.append(&step(n)).unwrap();
        }
        let path = recorder.path(EVENTS);
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 20);
        fs::write(&path, bytes).unwrap();
        let run = store.load(&recorder.id).unwrap();
        assert_eq!((run.name.as_str(), &run.config), ("My run!", &config));
        assert_eq!(run.steps.len(), 2);
        assert_eq!(run.outcome, None, "interrupted");
    }

    #[test]
    fn a_loss_that_is_not_finite_costs_nothing_else_of_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let mut recorder = store.create("a", &ExperimentConfig::default()).unwrap();
        let dice = vec![Some(0.5), None];
        for loss in [f64::NAN, f64::INFINITY] {
            let event = RunEvent::Validated {
                step: 1,
                loss,
                dice: dice.clone(),
                mean_dice: Some(0.5),
                confusion: crate::run::metrics::Confusion::new(2),
                per_image: Vec::new(),
                calibration: Default::default(),
                secs: 1.0,
            };
            recorder.append(&event).unwrap();
        }
        let run = store.load(&recorder.id).unwrap();
        assert_eq!(run.validations.len(), 2);
        for validation in &run.validations {
            assert!(!validation.loss.is_finite());
            assert_eq!((&validation.dice, validation.mean_dice), (&dice, Some(0.5)));
        }
    }

    #[test]
    fn runs_of_one_second_have_folders_of_their_own_and_are_listed_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let config = ExperimentConfig::default();
        let ids: Vec<String> = (0..3)
            .map(|_| store.create("a", &config).unwrap().id)
            .collect();
        let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(unique.len(), 3);
        fs::create_dir(dir.path().join("20200101-000000-broken")).unwrap();
        let (runs, errors) = store.list();
        assert_eq!((runs.len(), errors.len()), (3, 1));
        assert!(runs[0].id > runs[2].id);
    }

    #[test]
    fn deleted_runs_come_back_and_renaming_keeps_the_events() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let mut recorder = store.create("a", &ExperimentConfig::default()).unwrap();
        recorder.append(&step(1)).unwrap();
        recorder
            .append(&RunEvent::Finished {
                outcome: Outcome::Completed,
                step: 1,
                secs: 1.0,
            })
            .unwrap();
        let id = recorder.id.clone();
        store.rename(&id, "b").unwrap();
        store.delete(&id).unwrap();
        assert!(store.list().0.is_empty());
        store.restore(&id).unwrap();
        let run = store.load(&id).unwrap();
        assert_eq!((run.name.as_str(), run.steps.len()), ("b", 1));
        assert_eq!(run.outcome, Some(Outcome::Completed));
        assert!(store.restore("nothing").is_err());
    }

    #[test]
    fn an_unwritable_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        let error = Store::new(&file)
            .create("a", &ExperimentConfig::default())
            .unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }
}
