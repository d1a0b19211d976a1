//! Which runs are here with their curves: those that are looked at, as long as there is room.
//!
//! A list of a thousand runs holds what a list says about them; curves are read when a run is ticked,
//! and let go of when many others have been looked at since.

use std::collections::{HashMap, HashSet};

use super::Lab;
use crate::run::Run;
use crate::run::label::Label;

/// Bytes of curves that are kept of runs that are not looked at any more.
const MOST: usize = 192 << 20;

/// What was asked for, and when runs were last looked at.
#[derive(Debug, Default)]
pub(super) struct Records {
    reading: HashSet<String>,
    /// Runs whose curves could not be read: asked for once, not in every frame.
    failed: HashSet<String>,
    seen: HashMap<String, u64>,
    now: u64,
}

impl Lab {
    /// Call it every frame with the ids of the runs that are looked at: their curves are read, and
    /// there a moment later.
    pub fn look_at<'a>(&mut self, ids: impl Iterator<Item = &'a String>) {
        let records = &mut self.records;
        records.now += 1;
        let wanted: HashSet<&String> = ids.collect();
        if wanted.is_empty() {
            return;
        }
        let mut missing = Vec::new();
        for run in &self.runs {
            if !wanted.contains(&run.id) {
                continue;
            }
            if run.is_brief() {
                let known = records.reading.contains(&run.id) || records.failed.contains(&run.id);
                if !known {
                    missing.push(run.id.clone());
                }
            } else {
                match records.seen.get_mut(&run.id) {
                    Some(seen) => *seen = records.now,
                    None => {
                        records.seen.insert(run.id.clone(), records.now);
                    }
                }
            }
        }
        if !missing.is_empty() {
            records.reading.extend(missing.iter().cloned());
            self.jobs.read_runs(&self.store, missing);
        }
    }

    /// Whether curves are being read.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        !self.records.reading.is_empty()
    }

    pub(super) fn curves_read(&mut self, id: &str, result: Result<Box<Run>, String>) {
        self.records.reading.remove(id);
        match result {
            Ok(read) => {
                // Name and label may have changed meanwhile; a lane is known better from its events.
                if let Some(run) = self.runs.iter_mut().find(|r| r.id == id && r.is_brief()) {
                    let (name, label) = (run.name.clone(), run.label.clone());
                    *run = Run {
                        name,
                        label,
                        ..*read
                    };
                    self.records.seen.insert(id.to_owned(), self.records.now);
                }
            }
            Err(message) => {
                self.records.failed.insert(id.to_owned());
                self.notices.push(super::notices::Level::Warning, message);
            }
        }
        self.make_room();
    }

    /// Lets go of the curves that were looked at longest ago, down to the limit.
    fn make_room(&mut self) {
        let live: HashSet<String> = self.live.ids().into_iter().collect();
        let mut kept: Vec<(u64, usize)> = (self.runs.iter().enumerate())
            .filter(|(_, run)| !run.is_brief() && !live.contains(&run.id))
            .map(|(at, run)| (self.records.seen.get(&run.id).copied().unwrap_or(0), at))
            .collect();
        kept.sort_unstable();
        let mut bytes: usize = kept
            .iter()
            .map(|(_, at)| self.runs[*at].curve_bytes())
            .sum();
        for (seen, at) in kept {
            // What is on the screen stays, however much it is.
            if bytes <= MOST || seen + 2 > self.records.now {
                return;
            }
            let run = &mut self.runs[at];
            bytes -= run.curve_bytes();
            self.records.seen.remove(&run.id);
            run.shed();
        }
    }

    /// Bytes of the curves that are here, roughly.
    #[must_use]
    pub fn curve_bytes(&self) -> usize {
        self.runs.iter().map(Run::curve_bytes).sum()
    }

    /// Changes what is said about a run.
    pub fn label_run(&mut self, id: &str, label: Label) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.id == id) {
            run.label = label.clone();
            self.jobs.label_run(&self.store, id, label);
        }
    }
}
