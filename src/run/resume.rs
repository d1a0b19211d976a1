//! A record that was cut off, taken up again where the saved state stands: what was recorded later is
//! made anew.

use std::fs::{self, OpenOptions};
use std::io;

use super::store::{EVENTS, Recorder, Store, StoreError, io_error, read_event};
use super::survey::SUMMARY;
use super::{Outcome, RunEvent};
use crate::files::write_atomically;

/// What a record says of a run, up to the end that it tells.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// Without the end.
    pub events: Vec<RunEvent>,
    /// How it ended, where it says so.
    pub end: Option<RunEvent>,
    /// Bytes of the record up to and with each event.
    ends: Vec<usize>,
}

impl Past {
    /// Whether there is nothing left to train. A run that was stopped by hand has steps left; one that
    /// a rule stopped has not.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let Some(RunEvent::Finished { outcome, step, .. }) = &self.end else {
            return false;
        };
        *outcome != Outcome::Stopped || self.is_stopped_at(*step)
    }

    /// Whether a rule said at `step` that it should end.
    #[must_use]
    pub fn is_stopped_at(&self, step: u64) -> bool {
        self.events.iter().any(|event| event.is_stop_at(step))
    }

    /// Forgets what came after `step`.
    pub fn cut(&mut self, step: u64) {
        let later = |event: &RunEvent| event.step().is_some_and(|at| at > step);
        if let Some(at) = self.events.iter().position(later) {
            self.events.truncate(at);
        }
        self.end = None;
    }

    /// Fingerprint of the images it trained on; `None` where it never started.
    #[must_use]
    pub fn dataset(&self) -> Option<&str> {
        self.events.iter().find_map(|event| match event {
            RunEvent::Started { dataset, .. } => Some(dataset.as_str()),
            _ => None,
        })
    }
}

impl Store {
    /// Reads the record of a run. A torn line, as a crash leaves it, ends it.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn past(&self, id: &str) -> Result<Past, StoreError> {
        let path = self.dir(id).join(EVENTS);
        let bytes = fs::read(&path).map_err(|error| io_error(&path, error))?;
        let mut past = Past::default();
        let mut end = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(Ok(event)) = line.strip_suffix(b"\n").map(read_event) else {
                break;
            };
            end += line.len();
            if matches!(event, RunEvent::Finished { .. }) {
                past.end = Some(event);
                break;
            }
            past.events.push(event);
            past.ends.push(end);
        }
        Ok(past)
    }

    /// Opens the record of a run again, to go on behind `past`; what stands behind that is taken off.
    ///
    /// # Errors
    /// When it can't be read or written.
    pub fn reopen(&self, id: &str, past: &Past) -> Result<Recorder, StoreError> {
        let dir = self.dir(id);
        let path = dir.join(EVENTS);
        let named = |error: io::Error| io_error(&path, error);
        let kept = past
            .events
            .len()
            .checked_sub(1)
            .map_or(0, |at| past.ends[at]);
        let bytes = fs::read(&path).map_err(named)?;
        if kept < bytes.len() && past.end.is_none() {
            write_atomically(&path, &bytes[..kept]).map_err(named)?;
            // It was made from what is gone.
            let summary = dir.join(SUMMARY);
            match fs::remove_file(&summary) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error(&summary, error));
                }
                _ => {}
            }
        }
        let events = OpenOptions::new().append(true).open(&path).map_err(named)?;
        Ok(Recorder::new(dir, id, events))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::ExperimentConfig;
    use crate::finding::{Finding, Severity};
    use crate::run::ended::PATIENCE;

    fn step(step: u64) -> RunEvent {
        RunEvent::Step {
            step,
            loss: 1.0 / step as f64,
            learning_rate: 0.1,
            grad_norm: 2.0,
            secs: step as f64,
        }
    }

    fn finding(step: u64, code: &str) -> RunEvent {
        RunEvent::Finding {
            step,
            finding: Finding::new(code, Severity::Hint, "said"),
        }
    }

    fn finished(outcome: Outcome, step: u64) -> RunEvent {
        RunEvent::Finished {
            outcome,
            step,
            secs: 1.0,
        }
    }

    fn recorded(store: &Store, events: &[RunEvent]) -> String {
        let mut recorder = store.create("a", &ExperimentConfig::default()).unwrap();
        for event in events {
            recorder.append(event).unwrap();
        }
        recorder.id
    }

    #[test]
    fn a_record_goes_on_behind_the_step_it_is_cut_at() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let id = recorded(
            &store,
            &[step(1), step(2), finding(2, "x"), step(3), finding(3, "y")],
        );
        // As a crash leaves it.
        let path = store.dir(&id).join(EVENTS);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(br#"{"event":"step","step":4,"lo"#);
        fs::write(&path, bytes).unwrap();
        let _ = store.survey();

        let mut past = store.past(&id).unwrap();
        assert_eq!(past.events.len(), 5);
        past.cut(2);
        assert_eq!(past.events, [step(1), step(2), finding(2, "x")]);
        let mut recorder = store.reopen(&id, &past).unwrap();
        recorder.append(&step(3)).unwrap();
        let run = store.load(&id).unwrap();
        assert_eq!(
            run.steps.iter().map(|s| s.step).collect::<Vec<_>>(),
            [1, 2, 3]
        );
        assert_eq!(run.findings.len(), 1);
    }

    #[test]
    fn what_was_stopped_by_hand_has_steps_left_and_what_a_rule_stopped_has_not() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let over = |events: &[RunEvent]| store.past(&recorded(&store, events)).unwrap().is_over();
        assert!(!over(&[step(1)]));
        assert!(!over(&[step(1), finished(Outcome::Stopped, 1)]));
        assert!(over(&[step(1), finished(Outcome::Completed, 1)]));
        let rule = [step(1), finding(1, PATIENCE), finished(Outcome::Stopped, 1)];
        assert!(over(&rule));
    }

    #[test]
    fn a_list_made_before_the_cut_is_not_believed_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let id = recorded(&store, &[step(1), step(2), finished(Outcome::Stopped, 2)]);
        assert!(store.glance(&id).unwrap().outcome.is_some());
        let mut past = store.past(&id).unwrap();
        past.cut(1);
        store.reopen(&id, &past).unwrap();
        let run = store.glance(&id).unwrap();
        assert_eq!((run.outcome.clone(), run.in_brief().step), (None, 1));
    }
}
