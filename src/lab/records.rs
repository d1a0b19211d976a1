//! Which runs are here with their curves: those that are looked at, as long as there is room.
//!
//! A list of a thousand runs holds what a list says about them; curves are read when a run is ticked,
//! and let go of when many others have been looked at since.

use std::collections::{HashMap, HashSet};

use super::Lab;
use crate::run::Run;

/// Bytes of curves that are kept of runs that are not looked at any more.
const MOST: usize = 192 << 20;

/// What was asked for, and when runs were last looked at.
#[derive(Debug, Default)]
pub(super) struct Records {
    reading: HashSet<String>,
    /// Runs whose curves are here and read once more, since the record has grown.
    again: HashSet<String>,
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

    /// Reads curves that are here once more; the old ones stay until then.
    pub(super) fn read_again(&mut self, ids: Vec<String>) {
        let ids: Vec<String> = (ids.into_iter())
            .filter(|id| self.records.again.insert(id.clone()))
            .collect();
        if !ids.is_empty() {
            self.jobs.read_runs(&self.store, ids);
        }
    }

    pub(super) fn curves_read(&mut self, id: &str, result: Result<Box<Run>, String>) {
        self.records.reading.remove(id);
        let again = self.records.again.remove(id);
        match result {
            Ok(read) => {
                // A lane is known better from its events.
                let training = self.is_busy() && self.is_lane(id);
                let wanted = |r: &&mut Run| r.id == id && (r.is_brief() || again && !training);
                if let Some(run) = self.runs.iter_mut().find(wanted) {
                    // Name and label may have changed meanwhile.
                    let (name, label) = (run.name.clone(), run.label.clone());
                    *run = Run {
                        name,
                        label,
                        ..*read
                    };
                    self.records.seen.insert(id.to_owned(), self.records.now);
                }
            }
            // What was there before is thrown away perhaps, and that is news of its own.
            Err(_) if again => {}
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

    /// A record has changed: what could not be read may be readable now.
    pub(super) fn forgive(&mut self, id: &str) {
        self.records.failed.remove(id);
    }

    /// Bytes of the curves that are here, roughly.
    #[must_use]
    pub fn curve_bytes(&self) -> usize {
        self.runs.iter().map(Run::curve_bytes).sum()
    }
}
