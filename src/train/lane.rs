//! One run on the trainer's thread: a session, its folder, and what to write when.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::device::traffic::Traffic;
use super::glance::Glance;
use super::handle::{Job, Preview};
use super::memory;
use super::session::Session;
use crate::finding::{Finding, Severity};
use crate::run::checkpoints::{self, Checkpoint, Spacing};
use crate::run::pictures::Shelf;
use crate::run::store::{Recorder, Store};
use crate::run::{Outcome, RunEvent};

/// Least time between two saves of the state that a run can be resumed from: optimiser and weights
/// are three times the network, too much for every validation. The first validation is followed by one.
const STATE_EVERY: Duration = Duration::from_secs(30);
const STATE: &str = "last.state";
const BEST: &str = "best.safetensors";

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
    /// When the state was last saved.
    saved: Option<Instant>,
    /// What was recorded before it was opened again; empty for a new run.
    past: Vec<RunEvent>,
    /// What is told first.
    first: Vec<RunEvent>,
    /// Why it is trained from its first step although it was to go on.
    anew: Option<String>,
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
        mut make: impl FnMut(&Job) -> Result<Session, String>,
    ) -> Result<Self, String> {
        let mut session = guarded(|| make(job))?;
        let mut anew = None;
        if let Some(id) = &job.resume {
            match guarded(|| Self::reopen(id, job, store, session)) {
                Ok(lane) => return Ok(lane),
                Err(message) => {
                    anew = Some(message);
                    // The first may have changed half-way.
                    session = guarded(|| make(job))?;
                }
            }
        }
        let recorder = store
            .create(&job.name, &job.config)
            .map_err(|error| error.to_string())?;
        let shelf = shelf(&session, &recorder);
        session.keep(shelf.wanted());
        let spacing = spacing(job, &session);
        let mut first = vec![session.started()];
        first.extend(elsewhere(&mut session, 0));
        Ok(Self {
            spacing,
            session,
            recorder,
            done: false,
            broken: false,
            held: false,
            saved: None,
            past: Vec::new(),
            first,
            anew,
            shelf: Some(shelf),
        })
    }

    /// Goes on with the run `id` from its last saved state, as if it had never been cut off. One that
    /// is over only tells so.
    fn reopen(id: &str, job: &Job, store: &Store, mut session: Session) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let before = store.glance(id).map_err(|e| text(&e))?;
        if before.config != job.config {
            return Err(format!("the run {id} was of other settings"));
        }
        let mut past = store.past(id).map_err(|e| text(&e))?;
        let images = &session.dataset().fingerprint;
        if past.dataset().is_some_and(|dataset| dataset != images) {
            return Err(format!("the run {id} was trained on other images"));
        }
        let dir = store.dir(id);
        let state = dir.join(STATE);
        session.load_state(&state).map_err(|e| text(&e))?;
        let over = past.end.clone().filter(|_| past.is_over());
        let step = session.progress().step;
        if over.is_none() {
            past.cut(step);
        }
        let recorded = past.events.iter().rev().find_map(|event| match event {
            RunEvent::Step { step, .. } => Some(*step),
            _ => None,
        });
        if recorded != Some(step) {
            let recorded = recorded.unwrap_or_default();
            return Err(format!(
                "the run {id} has a state of step {step}, but its record ends at step {recorded}"
            ));
        }
        session.recall(&past.events);
        let recorder = store.reopen(id, &past).map_err(|e| text(&e))?;
        let mut shelf = shelf(&session, &recorder);
        if over.is_none() {
            shelf.take_up(step)?;
            checkpoints::forget_after(&dir, step)?;
            let best = state.join(BEST);
            if best.is_file() {
                let to = dir.join(BEST);
                fs::copy(&best, &to).map_err(|e| format!("{}: {e}", to.display()))?;
            }
        }
        session.keep(shelf.wanted());
        let spacing = spacing(job, &session);
        Ok(Self {
            spacing,
            done: over.is_some(),
            first: match over {
                Some(end) => vec![end],
                None => {
                    let mut first = session.resumed(past.is_stopped_at(step));
                    // Before an end, which is the last that is told.
                    first.splice(1..1, elsewhere(&mut session, step));
                    first
                }
            },
            session,
            recorder,
            broken: false,
            held: false,
            saved: None,
            past: past.events,
            anew: None,
            shelf: Some(shelf),
        })
    }

    /// What was recorded before, once; and why it had to begin anew, where it had to.
    pub fn take_past(&mut self) -> (Vec<RunEvent>, Option<String>) {
        (std::mem::take(&mut self.past), self.anew.take())
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
        let first = std::mem::take(&mut self.first);
        // The end of a run that is over stands on its record.
        if self.done { first } else { self.record(first) }
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
        let full = [
            "out of memory",
            "outofmemory",
            "not enough memory",
            "memory allocation",
        ];
        if says(&message, &full) {
            let advice = memory::advice_when_full(self.session.config());
            return format!("{advice} ({message})");
        }
        if let Some(reason) = lost(&message) {
            return format!(
                "{} was lost: its driver was reset or broke down, or it went away ({reason}). What \
                 was recorded before is kept. Nothing more can be computed on it until Dicebench \
                 is started again; `train.device` = cpu trains without it",
                self.session.device_name()
            );
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
                events.push(self.refused(message));
                break;
            }
            if let RunEvent::Validated { step, .. } = event {
                self.keep_pictures(step);
            }
        }
        // With all that the step brought on the record: from there a resumed run goes on.
        let validated = |event: &RunEvent| matches!(event, RunEvent::Validated { .. });
        let due = self.saved.is_none_or(|at| at.elapsed() > STATE_EVERY);
        if due && !self.done && events.iter().any(validated) {
            if let Err(message) = self.save_state() {
                events.push(self.refused(message));
            }
            self.saved = Some(Instant::now());
        }
        events
    }

    fn save_state(&self) -> Result<(), String> {
        let best = Some(self.recorder.path(BEST)).filter(|path| !self.done && path.is_file());
        let also: Vec<PathBuf> = best.into_iter().collect();
        let saved = self.session.save_state(&self.recorder.path(STATE), &also);
        saved.map_err(|error| error.to_string())
    }

    /// Ends the run because the disk refuses. The record is told as well, if it can still be written.
    fn refused(&mut self, message: String) -> RunEvent {
        let failed = self.failed(with_advice(message));
        if let Err(error) = self.recorder.append(&failed) {
            log::error!("{error}");
        }
        self.done = true;
        failed
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
                fs::create_dir_all(folder)
                    .map_err(|error| format!("{}: {error}", folder.display()))?;
            }
            let saved = self.session.save_weights(&path);
            saved.map_err(|error| error.to_string())
        };
        match event {
            RunEvent::Validated { step, .. } => {
                if self.session.improved() {
                    weights(BEST)?;
                }
                if self.spacing.keeps(self.session.validation(*step)) {
                    along_the_way(*step)?;
                }
            }
            RunEvent::Finished { .. } => {
                self.done = true;
                if !self.broken {
                    weights("last.safetensors")?;
                    self.save_state()?;
                }
            }
            RunEvent::Started { .. }
            | RunEvent::Step { .. }
            | RunEvent::Finding { .. }
            | RunEvent::Resumed { .. } => {}
        }
        Ok(())
    }
}

/// Whether a message has one of these signs, which are in small letters.
fn says(message: &str, signs: &[&str]) -> bool {
    let text = message.to_lowercase();
    signs.iter().any(|sign| text.contains(sign))
}

/// Why a device is gone for good, from what burn says of it; `None` where it is something else.
fn lost(message: &str) -> Option<String> {
    let signs = ["device is poisoned", "device was lost", "device lost"];
    if !says(message, &signs) {
        return None;
    }
    // Causes stand on lines of their own, the first of all last; a backtrace follows.
    let causes = message.split("Backtrace:").next().unwrap_or(message);
    let first = causes.lines().map(str::trim).rfind(|line| !line.is_empty());
    Some(first.unwrap_or(message).trim_end_matches(':').to_owned())
}

/// A disk that refuses is something to be done about.
fn with_advice(message: String) -> String {
    let full = [
        "no space left",
        "disk full",
        "quota exceeded",
        "not enough space",
    ];
    if says(&message, &full) {
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

/// That the run is on another device than was asked for, where it is.
fn elsewhere(session: &mut Session, step: u64) -> Option<RunEvent> {
    let message = session.elsewhere.take()?;
    let finding = Finding::new("device", Severity::Warning, message).remedy(
        "`dicebench devices --probe` shows every device with its check; `train.device` = cpu \
         asks for the CPU from the start.",
    );
    Some(RunEvent::Finding { step, finding })
}

/// When weights of this run are kept along the way.
fn spacing(job: &Job, session: &Session) -> Spacing {
    let budget = job.config.train.weights_mib << 20;
    Spacing::new(session.weights_size(), session.validations(), budget)
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

    #[test]
    fn a_lost_device_is_told_from_other_failures_with_its_first_cause() {
        let said = "the device failed: The device is poisoned\nCaused by:\n  Unknown: reset \n\
                    Backtrace:\nNo backtrace available";
        assert_eq!(lost(said).as_deref(), Some("Unknown: reset"));
        assert_eq!(lost("index 7 is out of bounds"), None);
    }
}
