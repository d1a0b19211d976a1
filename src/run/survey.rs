//! All runs of a store at once, without their curves: what a list needs, in a blink.
//!
//! A finished run's record never changes again, so what a list says about it is kept beside it, in
//! `summary.json`, for as long as the record has the length that it had then.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::brief::{Brief, Scored};
use super::label::Label;
use super::store::{EVENTS, STEP, Store, StoreError, io_error, read_config, read_event};
use super::{Run, RunEvent};

pub(super) const SUMMARY: &str = "summary.json";
/// Another number makes what is kept worthless.
const VERSION: u32 = 1;

/// `summary.json`.
#[derive(Serialize, Deserialize)]
struct Summary {
    version: u32,
    /// Length of `events.jsonl` that this was made from.
    events_bytes: u64,
    brief: Brief,
    /// Start, findings and end.
    events: Vec<RunEvent>,
}

/// What tells a run that has changed from one that has not, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Length of the record.
    events_bytes: u64,
    /// When a file of the folder was last made, replaced or taken away: name and label are replaced.
    pub touched: Option<SystemTime>,
}

impl Store {
    /// The mark of each folder that may be a run.
    ///
    /// # Errors
    /// When the folder of the runs can't be read.
    pub fn marks(&self) -> Result<HashMap<String, Mark>, StoreError> {
        let mark = |id: String| {
            let dir = self.dir(&id);
            let touched = fs::metadata(&dir).and_then(|data| data.modified()).ok();
            let events_bytes = fs::metadata(dir.join(EVENTS)).map_or(0, |data| data.len());
            let mark = Mark {
                events_bytes,
                touched,
            };
            (id, mark)
        };
        Ok(self.ids()?.into_iter().map(mark).collect())
    }

    /// Every run that can be read, without its curves, newest first; unreadable ones as errors.
    #[must_use]
    pub fn survey(&self) -> (Vec<Run>, Vec<StoreError>) {
        let ids = match self.ids() {
            Ok(ids) => ids,
            Err(error) => return (Vec::new(), vec![error]),
        };
        let found: Vec<_> = ids.par_iter().map(|id| self.glance(id)).collect();
        let (mut runs, mut errors) = (Vec::new(), Vec::new());
        for result in found {
            match result {
                Ok(run) => runs.push(run),
                Err(error) => errors.push(error),
            }
        }
        (runs, errors)
    }

    /// One run without its curves.
    ///
    /// # Errors
    /// When its configuration can't be read.
    pub fn glance(&self, id: &str) -> Result<Run, StoreError> {
        let dir = self.dir(id);
        let file = read_config(&dir)?;
        let mut run = Run {
            id: id.to_owned(),
            name: file.name,
            config: file.config,
            label: Label::read(&dir),
            ..Run::default()
        };
        let path = dir.join(EVENTS);
        let bytes = match fs::metadata(&path) {
            Ok(data) => data.len(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(run),
            Err(e) => return Err(io_error(&path, e)),
        };
        if let Some(summary) = kept(&dir, bytes) {
            for event in &summary.events {
                run.apply(event);
            }
            run.brief = Some(Box::new(summary.brief));
            return Ok(run);
        }
        let events = skim(&mut run, &path).map_err(|e| io_error(&path, e))?;
        if run.outcome.is_some()
            && let Some(brief) = &run.brief
        {
            let summary = Summary {
                version: VERSION,
                events_bytes: bytes,
                brief: (**brief).clone(),
                events,
            };
            let written = serde_json::to_vec(&summary)
                .map_err(io::Error::from)
                .and_then(|text| fs::write(dir.join(SUMMARY), text));
            // Without it, or with half of it, the record is read again: slower, not wrong.
            if let Err(error) = written {
                log::info!("{}: {error}", dir.display());
            }
        }
        Ok(run)
    }
}

fn kept(dir: &Path, bytes: u64) -> Option<Summary> {
    let text = fs::read(dir.join(SUMMARY)).ok()?;
    let summary: Summary = serde_json::from_slice(&text).ok()?;
    (summary.version == VERSION && summary.events_bytes == bytes).then_some(summary)
}

/// Bytes of a record that are read at a time: they stay in a core's own cache.
const PIECE: usize = 1 << 18;
/// How the line of a validation begins.
const VALIDATED: &[u8] = br#"{"event":"validated","#;

/// What a list says about a validation; the pixels of its images are passed over.
#[derive(Deserialize)]
struct Score {
    step: u64,
    loss: Option<f64>,
    dice: Vec<Option<f64>>,
    mean_dice: Option<f64>,
    secs: f64,
}

/// Folds the record without keeping its curves: of the steps only the last is even read. Returns the
/// events that a summary keeps.
fn skim(run: &mut Run, path: &Path) -> io::Result<Vec<RunEvent>> {
    let mut file = File::open(path)?;
    let mut skimmed = Skimmed::default();
    // Of a line whose end is not read yet `text[..begun]` is here.
    let (mut text, mut begun) = (vec![0; PIECE], 0);
    loop {
        if begun == text.len() {
            text.resize(2 * begun, 0);
        }
        let read = match file.read(&mut text[begun..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            break;
        }
        let end = begun + read;
        let (mut start, mut last) = (0, None);
        for at in memchr::memchr_iter(b'\n', &text[begun..end]) {
            let line = &text[start..begun + at];
            start = begun + at + 1;
            if !line.starts_with(STEP) {
                skimmed.line(line, run);
            } else if line.ends_with(b"}") {
                // A line that a crash has torn is no step.
                skimmed.brief.points += 1;
                last = Some(line);
            }
        }
        if let Some(line) = last {
            skimmed.step.clear();
            skimmed.step.extend_from_slice(line);
        }
        text.copy_within(start..end, 0);
        begun = end - start;
    }
    let torn = &text[..begun];
    if !torn.starts_with(STEP) {
        skimmed.line(torn, run);
    }
    let Skimmed {
        mut brief,
        events,
        step,
    } = skimmed;
    if let Ok(RunEvent::Step {
        step, loss, secs, ..
    }) = read_event(&step)
    {
        brief.step = step;
        brief.train_loss = Some(loss).filter(|loss| loss.is_finite());
        brief.secs = brief.secs.max(secs);
    }
    run.brief = Some(Box::new(brief));
    Ok(events)
}

/// What is known of a record that is being skimmed.
#[derive(Default)]
struct Skimmed {
    brief: Brief,
    events: Vec<RunEvent>,
    /// The last line of a step.
    step: Vec<u8>,
}

impl Skimmed {
    /// A line that is not a step's. One that can't be read is passed over, as in `Store::load`, where
    /// that is said.
    fn line(&mut self, line: &[u8], run: &mut Run) {
        if line.starts_with(VALIDATED) {
            if let Ok(score) = serde_json::from_slice(line) {
                self.validated(score);
            }
        } else if let Ok(event) = read_event(line) {
            run.apply(&event);
            self.events.push(event);
        }
    }

    fn validated(&mut self, score: Score) {
        let mean_dice = score.mean_dice;
        let now = Scored {
            step: score.step,
            mean_dice,
            dice: score.dice,
            loss: score.loss.filter(|loss| loss.is_finite()),
        };
        let brief = &mut self.brief;
        let before = brief.best.as_ref();
        // As `Run::apply` decides it: the first of equals stays.
        if mean_dice.is_some() && before.is_none_or(|best| mean_dice > best.mean_dice) {
            brief.best = Some(now.clone());
        }
        brief.validations += 1;
        brief.secs = score.secs;
        brief.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::ExperimentConfig;
    use crate::run::metrics::Confusion;
    use crate::run::{Outcome, Run};

    fn recorded(store: &Store, dice: &[Option<f64>], finished: bool) -> String {
        let mut recorder = store.create("a", &ExperimentConfig::default()).unwrap();
        for (at, mean_dice) in dice.iter().enumerate() {
            for part in 0..3 {
                let step = 3 * at as u64 + part + 1;
                let event = RunEvent::Step {
                    step,
                    loss: if step == 2 {
                        f64::NAN
                    } else {
                        1.0 / step as f64
                    },
                    learning_rate: 0.1,
                    grad_norm: 1.0,
                    secs: step as f64,
                };
                recorder.append(&event).unwrap();
            }
            let event = RunEvent::Validated {
                step: 3 * at as u64 + 3,
                loss: 0.5,
                dice: vec![*mean_dice],
                mean_dice: *mean_dice,
                confusion: Confusion::new(1),
                per_image: Vec::new(),
                calibration: Default::default(),
                secs: 100.0,
            };
            recorder.append(&event).unwrap();
        }
        if finished {
            let event = RunEvent::Finished {
                outcome: Outcome::Completed,
                step: 3 * dice.len() as u64,
                secs: 100.0,
            };
            recorder.append(&event).unwrap();
        }
        recorder.id
    }

    #[test]
    fn a_glance_says_what_the_whole_record_says() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let cases: [(&[Option<f64>], bool); 6] = [
            (&[Some(0.1), Some(0.7), Some(0.3)], true),
            (&[Some(0.9), Some(0.7), None], true),
            (&[None, None, Some(0.2)], true),
            (&[None], true),
            (&[Some(0.5), Some(0.5)], false),
            (&[], false),
        ];
        for (dice, finished) in cases {
            let id = recorded(&store, dice, finished);
            let whole = store.load(&id).unwrap();
            // Read once from the record, once from what was kept of it.
            for _ in 0..2 {
                let brief = store.glance(&id).unwrap();
                assert_eq!(brief.in_brief(), whole.in_brief(), "{dice:?}");
                assert_eq!(brief.outcome, whole.outcome);
                assert!(brief.steps.is_empty() && brief.validations.is_empty());
            }
            assert_eq!(store.dir(&id).join(SUMMARY).exists(), finished);
        }
    }

    #[test]
    fn lines_longer_than_a_piece_and_torn_ones_are_skimmed_as_they_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let id = recorded(&store, &[Some(0.1), Some(0.7), Some(0.3)], true);
        let path = store.dir(&id).join(EVENTS);
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let long = lines
            .iter()
            .find(|line| line.contains("validated"))
            .unwrap();
        // A validation of very many images, and lines of which a crash has left a part.
        let long = format!(
            "{},\"more\":\"{}\"}}",
            &long[..long.len() - 1],
            "x".repeat(3 * PIECE)
        );
        let torn = |line: &str| line[..line.len() - 9].to_owned();
        let mut written = vec![
            lines[0].to_owned(),
            long.clone(),
            torn(&long),
            torn(lines[1]),
        ];
        // Ends of pieces fall into lines of every kind.
        for _ in 0..2000 {
            written.extend(lines[..lines.len() - 1].iter().map(|&line| line.to_owned()));
        }
        written.extend([torn(lines[1]), lines[lines.len() - 1].to_owned()]);
        for last in ["", &torn(lines[0]), &torn(&long), &long] {
            fs::write(&path, format!("{}\n{last}", written.join("\n"))).unwrap();
            let (whole, brief) = (store.load(&id).unwrap(), store.glance(&id).unwrap());
            assert_eq!(brief.in_brief(), whole.in_brief());
            assert_eq!(brief.outcome, Some(Outcome::Completed));
            assert!(whole.steps.len() > 10_000);
        }
    }

    #[test]
    fn what_was_kept_is_worth_nothing_once_the_record_has_grown() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let id = recorded(&store, &[Some(0.25)], true);
        assert_eq!(store.glance(&id).unwrap().in_brief().validations, 1);
        let path = store.dir(&id).join(EVENTS);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{text}")).unwrap();
        assert_eq!(store.glance(&id).unwrap().in_brief().validations, 2);
    }

    #[test]
    fn a_mark_changes_with_the_record_and_with_what_is_said_about_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        assert!(store.marks().unwrap().is_empty());
        let id = recorded(&store, &[Some(0.25)], true);
        // Where a clock ticks coarsely, two changes at once look like one.
        let pause = || std::thread::sleep(std::time::Duration::from_millis(30));
        let mut seen = vec![store.marks().unwrap()[&id]];
        assert_eq!(store.marks().unwrap()[&id], seen[0]);
        pause();
        store.rename(&id, "b").unwrap();
        seen.push(store.marks().unwrap()[&id]);
        pause();
        store.label(&id, &Default::default()).unwrap();
        seen.push(store.marks().unwrap()[&id]);
        let path = store.dir(&id).join(EVENTS);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{text}")).unwrap();
        seen.push(store.marks().unwrap()[&id]);
        assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
    }

    #[test]
    fn shedding_keeps_what_a_list_says() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let id = recorded(&store, &[Some(0.25), Some(0.75)], true);
        let whole = store.load(&id).unwrap();
        let mut shed: Run = whole.clone();
        shed.shed();
        assert!(whole.curve_bytes() > 0 && shed.curve_bytes() == 0);
        assert_eq!(shed.in_brief(), whole.in_brief());
    }
}
