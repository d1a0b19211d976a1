//! One run on the trainer's thread: a session, its folder, and what to write when.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::device::traffic::Traffic;
use super::glance::Glance;
use super::handle::{Job, Preview};
use super::memory;
use super::session::Session;
use crate::finding::{Finding, Severity};
use crate::run::checkpoints::{Checkpoint, Spacing};
use crate::run::pictures::Shelf;
use crate::run::store::{Recorder, Store};
use crate::run::{Outcome, RunEvent};

/// Least time between two saves of the state that a run can be resumed from: optimiser and weights
/// are three times the network, too much for every validation.
const STATE_EVERY: Duration = Duration::from_secs(60);

/// A run in progress, or finished and kept for previews.
pub struct Lane {
    session: Session,
    recorder: Recorder,
    /// Ended, however.
    done: bool,
    /// A panic inside: the session is never touched again.
    broken: bool,
    /// Waits while the others go on.
    held: bool,
    saved: Instant,
    /// Where predictions are kept; none once writing failed.
    shelf: Option<Shelf>,
    /// When weights are kept along the way.
    spacing: Spacing,
}

impl Lane {
    /// Makes the session first: a run that can't start leaves no folder behind.
    ///
    /// # Errors
    /// Naming what did not fit or could not be written.
    pub fn open(
        job: &Job,
        store: &Store,
        make: impl FnOnce(&Job) -> Result<Session, String>,
    ) -> Result<Self, String> {
        let mut session = guarded(|| make(job))?;
        let recorder = store
            .create(&job.name, &job.config)
            .map_err(|error| error.to_string())?;
        let shelf = shelf(&session, &recorder);
        session.keep(shelf.wanted());
        let budget = job.config.train.weights_mib << 20;
        let spacing = Spacing::new(session.weights_size(), session.validations(), budget);
        Ok(Self {
            spacing,
            session,
            recorder,
            done: false,
            broken: false,
            held: false,
            saved: Instant::now(),
            shelf: Some(shelf),
        })
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.recorder.id
    }

    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Records the start; what comes out is recorded already.
    pub fn start(&mut self) -> Vec<RunEvent> {
        let mut events = vec![self.session.started()];
        if let Some(message) = self.session.elsewhere.take() {
            let finding = Finding::new("device", Severity::Warning, message).remedy(
                "`dicebench devices --probe` shows every device with its check; `train.device` = cpu \
                 asks for the CPU from the start.",
            );
            events.push(RunEvent::Finding { step: 0, finding });
        }
        self.record(events)
    }

    /// One step of the session.
    pub fn step(&mut self) -> Vec<RunEvent> {
        let session = &mut self.session;
        let events = match guarded(|| session.step().map_err(|error| error.to_string())) {
            Ok(events) => events,
            Err(message) => {
                self.broken = true;
                vec![self.failed(self.explained(message))]
            }
        };
        self.record(events)
    }

    /// Whether it waits while the others go on.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Lets it wait, or go on from where it stood; events tell when it can't.
    pub fn hold(&mut self, held: bool) -> Vec<RunEvent> {
        self.held = held;
        if held {
            return Vec::new();
        }
        // The others have gone past the batch that comes next here.
        let session = &mut self.session;
        match guarded(|| session.own_feed().map_err(|error| error.to_string())) {
            Ok(()) => Vec::new(),
            Err(message) => {
                self.broken = true;
                let failed = self.failed(self.explained(message));
                self.record(vec![failed])
            }
        }
    }

    /// Has the next step leave a glance at its batch.
    pub fn glance_next(&mut self) {
        self.session.glance_next();
    }

    /// What the last step left, once.
    pub fn take_glance(&mut self) -> Option<Glance> {
        self.session.take_glance()
    }

    /// Ends the run early, keeping what was learned.
    pub fn stop(&mut self) -> Vec<RunEvent> {
        let session = &mut self.session;
        let stopped = match guarded(|| Ok(session.stop())) {
            Ok(events) => events,
            Err(message) => {
                self.broken = true;
                vec![self.failed(self.explained(message))]
            }
        };
        self.record(stopped)
    }

    /// What the last step asked of the device; see [`Session::traffic`].
    #[must_use]
    pub fn traffic(&self) -> Option<Traffic> {
        self.session.traffic()
    }

    /// What the network says about `item` now; `None` when it can't say.
    pub fn preview(&mut self, lane: usize, item: usize) -> Option<Preview> {
        if self.broken {
            return None;
        }
        let session = &mut self.session;
        match guarded(|| session.preview(item).map_err(|error| error.to_string())) {
            Ok((sample, prediction)) => Some(Preview {
                lane,
                sample,
                prediction,
            }),
            Err(message) => {
                log::warn!("no preview of item {item}: {message}");
                None
            }
        }
    }

    /// A full memory is something to be done about.
    fn explained(&self, message: String) -> String {
        let text = message.to_lowercase();
        let full = [
            "out of memory",
            "outofmemory",
            "not enough memory",
            "memory allocation",
        ];
        if full.iter().any(|sign| text.contains(sign)) {
            let advice = memory::advice_when_full(self.session.config());
            return format!("{advice} ({message})");
        }
        message
    }

    fn failed(&self, message: String) -> RunEvent {
        let progress = self.session.progress();
        RunEvent::Finished {
            outcome: Outcome::Failed { message },
            step: progress.step,
            secs: progress.secs,
        }
    }

    /// Writes events, and weights where they are due, before anyone hears of them. When the disk
    /// refuses, the run ends as failed: what is not kept would be lost silently otherwise.
    fn record(&mut self, mut events: Vec<RunEvent>) -> Vec<RunEvent> {
        for index in 0..events.len() {
            let event = events[index].clone();
            // A measurement is kept even where weights are not; an end is only told once they are.
            let ends = matches!(event, RunEvent::Finished { .. });
            let (told, result) = if ends {
                let kept = self.keep_weights(&event);
                (index, kept.and_then(|()| self.append(&event)))
            } else {
                match self.append(&event) {
                    Ok(()) => (index + 1, self.keep_weights(&event)),
                    refused => (index, refused),
                }
            };
            if let Err(message) = result {
                events.truncate(told);
                let failed = self.failed(with_advice(message));
                // The record is told as well, if it can still be written.
                if let Err(error) = self.recorder.append(&failed) {
                    log::error!("{error}");
                }
                events.push(failed);
                self.done = true;
                break;
            }
            if let RunEvent::Validated { step, .. } = event {
                self.keep_pictures(step);
            }
        }
        events
    }

    fn append(&mut self, event: &RunEvent) -> Result<(), String> {
        let appended = self.recorder.append(event);
        appended.map_err(|error| error.to_string())
    }

    fn keep_weights(&mut self, event: &RunEvent) -> Result<(), String> {
        let weights = |name: &str| {
            let path = self.recorder.path(name);
            self.session
                .save_weights(&path)
                .map_err(|error| error.to_string())
        };
        let along_the_way = |step: u64| {
            let path = Checkpoint::Step(step).file(&self.recorder.dir);
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)
                    .map_err(|error| format!("{}: {error}", folder.display()))?;
            }
            let saved = self.session.save_weights(&path);
            saved.map_err(|error| error.to_string())
        };
        let state = || {
            let dir = self.recorder.path("last.state");
            let saved = self.session.save_state(&dir);
            saved.map_err(|error| error.to_string())
        };
        match event {
            RunEvent::Validated { step, .. } => {
                if self.session.improved() {
                    weights("best.safetensors")?;
                }
                if self.spacing.keeps(self.session.validation(*step)) {
                    along_the_way(*step)?;
                }
                if self.saved.elapsed() > STATE_EVERY {
                    state()?;
                    self.saved = Instant::now();
                }
            }
            RunEvent::Finished { .. } => {
                self.done = true;
                if !self.broken {
                    weights("last.safetensors")?;
                    state()?;
                }
            }
            RunEvent::Started { .. } | RunEvent::Step { .. } | RunEvent::Finding { .. } => {}
        }
        Ok(())
    }
}

/// A disk that refuses is something to be done about.
fn with_advice(message: String) -> String {
    let text = message.to_lowercase();
    let full = [
        "no space left",
        "disk full",
        "quota exceeded",
        "not enough space",
    ];
    if full.iter().any(|sign| text.contains(sign)) {
        return format!(
            "{message}. The disk is full: make room, or record elsewhere (`--out`, or the \
             environment variable DICEBENCH_HOME); what was recorded before is kept"
        );
    }
    message
}

impl Lane {
    /// Writes what the validation kept. A picture is no reason to end a run: failing is only logged.
    fn keep_pictures(&mut self, step: u64) {
        let kept = self.session.take_kept();
        let Some(shelf) = &mut self.shelf else { return };
        match shelf.write(step, &kept) {
            Ok(()) => self.session.keep(shelf.wanted()),
            Err(message) => {
                self.shelf = None;
                self.session.keep(Vec::new());
                log::warn!("no more predictions are kept: {message}");
            }
        }
    }
}

/// Where the pictures of this run go, and how many they may be.
fn shelf(session: &Session, recorder: &Recorder) -> Shelf {
    let (config, dataset) = (session.config(), session.dataset());
    let names = dataset.split.val.iter();
    Shelf::new(
        &recorder.dir,
        names.map(|item| dataset.items[*item].id.clone()).collect(),
        dataset.classes.classes.iter().map(|c| c.color).collect(),
        session.pixels_kept(),
        session.validations(),
        config.train.picture_mib << 20,
    )
}

/// What [`guarded`] says first of a panic.
pub const PANIC: &str = "panic: ";

/// Turns a panic inside `work` into an error with its message.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        Err(format!("{PANIC}{}", text.unwrap_or("without a message")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_message() {
        let error = guarded::<()>(|| panic!("index {} is out of bounds", 7)).unwrap_err();
        assert_eq!(error, "panic: index 7 is out of bounds");
        assert_eq!(guarded(|| Ok(3)), Ok(3));
    }
}
