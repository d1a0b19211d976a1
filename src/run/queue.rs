//! Races that wait, in a file: a longer sweep survives the end of the program. A lane that is done
//! is taken out at once, and one that has begun names its run, so that what was interrupted goes on
//! with the lanes that are left, where they were.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::experiment::plan::Lane;
use crate::files::write_atomically;

const FILE: &str = "queue.json";
const LOCK: &str = "queue.lock";
const RUNNER: &str = "queue.running";

/// Lanes that are trained side by side when their turn comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    pub id: u64,
    pub lanes: Vec<Lane>,
    /// Lanes that have a run already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub begun: Vec<Begun>,
}

/// A lane, and the run that it became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    pub lane: String,
    /// Name of the run's folder.
    pub run: String,
}

impl Waiting {
    /// The run of each lane that has begun.
    #[must_use]
    pub fn runs(&self) -> Vec<Option<String>> {
        let run = |lane: &Lane| {
            let begun = self.begun.iter().find(|begun| begun.lane == lane.name)?;
            Some(begun.run.clone())
        };
        self.lanes.iter().map(run).collect()
    }
}

/// What waits, first in front.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Queue {
    pub races: Vec<Waiting>,
    next: u64,
}

/// A change of the queue.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// None: only look.
    Look,
    /// Behind all others.
    Add(Vec<Vec<Lane>>),
    /// This lane of this race is recorded as this run.
    LaneBegun(u64, String, String),
    /// This lane of this race is done, whatever became of it.
    LaneDone(u64, String),
    Remove(u64),
    Clear,
}

impl Queue {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Look => {}
            Change::Add(races) => {
                for lanes in races {
                    self.next += 1;
                    let id = self.next;
                    let begun = Vec::new();
                    self.races.push(Waiting { id, lanes, begun });
                }
            }
            Change::LaneBegun(id, lane, run) => {
                if let Some(race) = self.races.iter_mut().find(|race| race.id == id)
                    && race.lanes.iter().any(|waiting| waiting.name == lane)
                {
                    race.begun.retain(|begun| begun.lane != lane);
                    race.begun.push(Begun { lane, run });
                }
            }
            Change::LaneDone(id, name) => {
                if let Some(race) = self.races.iter_mut().find(|race| race.id == id)
                    && let Some(at) = race.lanes.iter().position(|lane| lane.name == name)
                {
                    race.lanes.remove(at);
                    race.begun.retain(|begun| begun.lane != name);
                }
                self.races.retain(|race| !race.lanes.is_empty());
            }
            Change::Remove(id) => self.races.retain(|race| race.id != id),
            Change::Clear => self.races.clear(),
        }
    }

    /// Lanes of all races.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.races.iter().map(|race| race.lanes.len()).sum()
    }
}

/// When the queue that is kept in `home` was last changed; `None` where there is none.
#[must_use]
pub fn changed(home: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(home.join(FILE)).ok()?.modified().ok()
}

/// Makes a change in the queue that is kept in `home`; the queue after it. Programs that change it at
/// the same time wait for each other.
///
/// # Errors
/// When the file can't be read, understood or written.
pub fn update(home: &Path, change: Change) -> Result<Queue, String> {
    let say = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    fs::create_dir_all(home).map_err(|error| say(home, &error))?;
    let lock_path = home.join(LOCK);
    let lock = File::create(&lock_path).map_err(|error| say(&lock_path, &error))?;
    lock.lock().map_err(|error| say(&lock_path, &error))?;
    let path = home.join(FILE);
    let mut queue = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            format!(
                "{}: {error}: expected a queue as Dicebench writes it; move the file away to start anew",
                path.display()
            )
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Queue::default(),
        Err(error) => return Err(say(&path, &error)),
    };
    let before = queue.clone();
    queue.apply(change);
    if queue != before {
        let bytes = serde_json::to_vec_pretty(&queue).map_err(|error| error.to_string())?;
        write_atomically(&path, &bytes).map_err(|error| say(&path, &error))?;
    }
    Ok(queue)
}

/// The right to train what waits: one program at a time has it, until it is dropped.
#[derive(Debug)]
pub struct Runner {
    _lock: File,
}

impl Runner {
    /// # Errors
    /// When another program has it, or the lock can't be made.
    pub fn claim(home: &Path) -> Result<Self, String> {
        let path: PathBuf = home.join(RUNNER);
        let say = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        fs::create_dir_all(home).map_err(|error| say(&error))?;
        let lock = File::create(&path).map_err(|error| say(&error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => {
                Err("the queue is being trained by another Dicebench already".to_owned())
            }
            Err(fs::TryLockError::Error(error)) => Err(say(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::ExperimentConfig;

    fn lane(name: &str) -> Lane {
        Lane {
            name: name.to_owned(),
            config: ExperimentConfig::default(),
        }
    }

    #[test]
    fn what_waits_is_there_again_and_done_lanes_are_not() {
        let home = tempfile::tempdir().unwrap();
        let races = vec![vec![lane("a"), lane("b")], vec![lane("c")]];
        let queue = update(home.path(), Change::Add(races)).unwrap();
        let id = queue.races[0].id;
        assert_eq!((queue.races.len(), queue.lanes()), (2, 3));
        for name in ["a", "b"] {
            let change = Change::LaneBegun(id, name.to_owned(), format!("run of {name}"));
            update(home.path(), change).unwrap();
        }
        update(home.path(), Change::LaneDone(id, "a".to_owned())).unwrap();
        let left = update(home.path(), Change::Look).unwrap();
        assert_eq!(left.races[0].lanes, [lane("b")]);
        assert_eq!(left.races[0].runs(), [Some("run of b".to_owned())]);
        assert_eq!(left.races[1].runs(), [None]);
        update(home.path(), Change::LaneDone(id, "b".to_owned())).unwrap();
        let left = update(home.path(), Change::Add(vec![vec![lane("d")]])).unwrap();
        assert_eq!(left.races[0].lanes, [lane("c")]);
        // No number is given twice.
        assert_eq!(left.races[1].id, 3);
        assert_eq!(update(home.path(), Change::Clear).unwrap().races, []);
    }

    #[test]
    fn a_torn_file_is_named_and_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE);
        fs::write(&path, "{\"races\": [").unwrap();
        let message = update(home.path(), Change::Clear).unwrap_err();
        assert!(message.contains(FILE), "{message}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"races\": [");
    }

    #[test]
    fn one_program_trains_what_waits() {
        let home = tempfile::tempdir().unwrap();
        let runner = Runner::claim(home.path()).unwrap();
        let message = Runner::claim(home.path()).unwrap_err();
        assert!(message.contains("another"), "{message}");
        drop(runner);
        Runner::claim(home.path()).unwrap();
    }
}
