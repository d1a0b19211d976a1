//! What is remembered between starts: draft, recent folders, theme. Written in the background,
//! whole or not at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crossbeam_channel::{Sender, unbounded};
use serde::{Deserialize, Serialize};

use crate::experiment::ExperimentConfig;
use crate::files::write_atomically;
use crate::run::group::Spread;

const FILE: &str = "settings.toml";
const RECENT: usize = 8;

crate::choices! {
    /// Colours of the window.
    pub enum Theme {
        System = "system": "As the desktop says.",
        Dark = "dark": "Light on dark.",
        Light = "light": "Dark on light.",
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub theme: Theme,
    /// The guided tour was taken once.
    pub toured: bool,
    /// Folders opened before, newest first.
    pub recent: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<ExperimentConfig>,
    /// Name of the tab that was open, and of what was shown of the ticked runs.
    pub tab: String,
    pub side: String,
    /// How the table of runs was left.
    pub runs: RunTable,
    /// How the curves were looked at.
    pub curves: CurveView,
}

/// How the table of runs was left.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RunTable {
    /// Names of the columns; the usual ones while empty.
    pub columns: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Sorted from the largest down.
    pub down: bool,
    pub filter: String,
    /// Only runs with a star are shown.
    pub starred: bool,
    /// Id of the run that the others are compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// Ids of the runs that are ticked.
    pub ticked: BTreeSet<String>,
}

/// How curves were looked at; names are those that the controls show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CurveView {
    pub smoothing: f64,
    /// What the x axis counts.
    pub along: String,
    pub log_x: bool,
    pub log_loss: bool,
    pub clip: bool,
    pub score: String,
    pub each_class: bool,
    /// The setting that makes runs one group, or [`CurveView::REPETITIONS`]; single runs while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub spread: Spread,
    /// The table of exact values was open.
    pub values: bool,
}

impl CurveView {
    /// No setting is called so: their names have a dot.
    pub const REPETITIONS: &str = "repetitions";
}

impl Default for CurveView {
    fn default() -> Self {
        Self {
            smoothing: 0.9,
            along: String::new(),
            log_x: false,
            log_loss: false,
            clip: false,
            score: String::new(),
            each_class: false,
            group: None,
            spread: Spread::default(),
            values: false,
        }
    }
}

impl Settings {
    /// What was kept; defaults where nothing was or where it can't be read.
    #[must_use]
    pub fn load(home: &Path) -> Self {
        let path = home.join(FILE);
        let Ok(text) = std::fs::read_to_string(&path) else {
            return Self::default();
        };
        toml::from_str(&text).unwrap_or_else(|error| {
            log::warn!("{}: {error}; starting with defaults", path.display());
            Self::default()
        })
    }

    /// Puts a folder at the top of the recent list.
    pub fn remember(&mut self, path: &str) {
        if path == crate::data::open::SAMPLE {
            return;
        }
        self.recent.retain(|other| other != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(RECENT);
    }
}

/// Writes settings on a thread of its own; the newest wins.
pub struct Keeper {
    sender: Option<Sender<Settings>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Keeper {
    #[must_use]
    pub fn start(home: &Path) -> Self {
        let (sender, inbox) = unbounded::<Settings>();
        let path: PathBuf = home.join(FILE);
        let work = move || {
            while let Ok(mut settings) = inbox.recv() {
                while let Ok(newer) = inbox.try_recv() {
                    settings = newer;
                }
                let written = toml::to_string(&settings)
                    .map_err(|error| error.to_string())
                    .and_then(|text| {
                        write_atomically(&path, text.as_bytes()).map_err(|e| e.to_string())
                    });
                if let Err(message) = written {
                    log::warn!("settings are not kept: {message}");
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("settings".to_owned())
            .spawn(work);
        Self {
            sender: Some(sender),
            thread: thread
                .map_err(|e| log::warn!("settings are not kept: {e}"))
                .ok(),
        }
    }

    pub fn keep(&self, settings: &Settings) {
        if let Some(sender) = &self.sender {
            // Only fails when the thread could not start, which was said.
            let _ = sender.send(settings.clone());
        }
    }
}

impl Drop for Keeper {
    /// Waits for the last write: it is small, and what was chosen should be there next time.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_and_a_torn_file_gives_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings {
            theme: Theme::Light,
            ..Settings::default()
        };
        settings.remember("/a");
        settings.remember("/b");
        settings.remember("/a");
        let keeper = Keeper::start(dir.path());
        keeper.keep(&settings);
        drop(keeper);
        assert_eq!(Settings::load(dir.path()), settings);
        assert_eq!(settings.recent, ["/a", "/b"]);
        std::fs::write(dir.path().join(FILE), "theme = \"lig").unwrap();
        assert_eq!(Settings::load(dir.path()), Settings::default());
    }
}
