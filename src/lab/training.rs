//! Starting, steering and following the trainer.

use std::time::{Duration, Instant};

use std::path::PathBuf;

use super::endings::{Endings, How};
use super::notices::Level;
use super::{Lab, Opened};
use crate::experiment::ExperimentConfig;
use crate::export::parcel::{Parcel, What};
use crate::export::report::Subject;
use crate::finding::counted;
use crate::run::{Outcome, Run, RunEvent};
use crate::train::device::traffic::Traffic;
use crate::train::handle::{Control, Job, Preview, TrainerEvent};

/// A kernel is timed within this time, unless a step waits for it; after it the last one was.
const STILL_TUNING: Duration = Duration::from_secs(3);

/// Which runs the trainer's lanes are.
#[derive(Debug, Default)]
pub(super) struct Live {
    jobs: Vec<Entry>,
    paused: bool,
    stopping: bool,
    ended: Endings,
    /// Kernels that the GPU was given; when it was last said, and after how many steps.
    tuned: Option<(usize, Instant, usize)>,
}

/// One lane: what was asked, and the run it became.
#[derive(Debug, Default)]
struct Entry {
    run: Run,
    id: Option<String>,
    /// Waits while the others train.
    held: bool,
    /// What it last said of the image that is shown.
    preview: Option<Preview>,
    /// What a step asks of its GPU.
    traffic: Option<Traffic>,
}

impl Live {
    /// One more lane, behind the others.
    pub(super) fn push(&mut self, job: &Job) {
        self.jobs.push(Entry {
            run: Run {
                name: job.name.clone(),
                config: job.config.clone(),
                ..Run::default()
            },
            ..Entry::default()
        });
    }

    /// Ids of the runs, by lane; `None` until its folder is there.
    pub(super) fn lanes(&self) -> impl Iterator<Item = Option<&String>> {
        self.jobs.iter().map(|job| job.id.as_ref())
    }

    /// Ids of the lanes' runs.
    pub(super) fn ids(&self) -> Vec<String> {
        self.jobs.iter().filter_map(|job| job.id.clone()).collect()
    }

    /// Whether some lane has weights to predict with.
    pub(super) fn has_network(&self) -> bool {
        self.jobs.iter().any(|job| job.id.is_some())
    }
}

/// What of a configuration is out of range.
fn unfit(config: &ExperimentConfig) -> Option<String> {
    config.validate().err().map(|problems| problems.join("\n"))
}

impl Lab {
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.trainer.is_busy()
    }

    /// Whether the run is a lane of the present or last training.
    #[must_use]
    pub fn is_lane(&self, id: &str) -> bool {
        self.live
            .jobs
            .iter()
            .any(|job| job.id.as_deref() == Some(id))
    }

    /// The runs of the present training that are not over, with the index of their lane.
    #[must_use]
    pub fn lanes(&self) -> Vec<(usize, &Run)> {
        if !self.is_busy() {
            return Vec::new();
        }
        let run = |id: &String| self.runs.iter().find(|run| run.id == *id);
        let lanes = self.live.lanes().enumerate();
        lanes
            .filter_map(|(at, id)| Some((at, run(id?)?)))
            .filter(|(_, run)| run.outcome.is_none())
            .collect()
    }

    /// Whether this lane alone waits while the others train.
    #[must_use]
    pub fn is_held(&self, lane: usize) -> bool {
        self.live.jobs.get(lane).is_some_and(|entry| entry.held)
    }

    /// The lanes of the present or last race, each with its run and what it last said of the image
    /// that is shown. Empty once other images are open.
    #[must_use]
    pub fn side_by_side(&self) -> Vec<(usize, &Run, Option<&Preview>)> {
        let run = |id: &String| self.runs.iter().find(|run| run.id == *id);
        let open = self.dataset().map(|dataset| dataset.fingerprint.as_str());
        let lanes = (self.live.jobs.iter().enumerate()).filter_map(|(at, entry)| {
            let run = run(entry.id.as_ref()?)?;
            // Until it has started, a run does not say which images it sees.
            let here = run.dataset.is_empty() || Some(run.dataset.as_str()) == open;
            let shown = |preview: &&Preview| Some(preview.prediction.item) == self.shown;
            here.then_some((at, run, entry.preview.as_ref().filter(shown)))
        });
        lanes.collect()
    }

    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.is_busy() && self.live.paused
    }

    /// Kernels that the GPU has been given, while it is given more.
    #[must_use]
    pub fn tuning(&self) -> Option<usize> {
        let (kernels, at, steps) = self.live.tuned.filter(|_| self.is_busy())?;
        let still = at.elapsed() < STILL_TUNING || steps == self.steps_made();
        still.then_some(kernels)
    }

    /// Of the run that is looked at.
    fn steps_made(&self) -> usize {
        self.active_run().map_or(0, |run| run.steps.len())
    }

    /// What a step of this run asks of its GPU, where it trains or trained last on one.
    #[must_use]
    pub fn traffic(&self, run: &str) -> Option<Traffic> {
        let mut lanes = self.live.jobs.iter();
        lanes
            .find(|entry| entry.id.as_deref() == Some(run))?
            .traffic
    }

    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.is_busy() && self.live.stopping
    }

    /// Why the draft can't be trained now; `None` when it can.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        self.not_ready().or_else(|| unfit(&self.draft))
    }

    /// Why nothing can be trained now.
    fn not_ready(&self) -> Option<String> {
        if self.is_busy() {
            return Some("A training is running.".to_owned());
        }
        match &self.dataset {
            Opened::Opening { .. } => Some("The dataset is being opened.".to_owned()),
            Opened::Failed { message, .. } => Some(format!("No dataset: {message}")),
            Opened::Ready(_) => None,
        }
    }

    /// Trains the draft.
    pub fn train(&mut self) {
        self.race(vec![(self.preset_name(), self.draft.clone())]);
    }

    /// Trains several configurations side by side, on the open dataset.
    pub fn race(&mut self, entries: Vec<(String, ExperimentConfig)>) {
        let entry = |(name, config)| (name, config, None);
        self.start_lanes(entries.into_iter().map(entry).collect());
    }

    /// As [`Lab::race`]; a lane that names a run goes on with it.
    pub(super) fn start_lanes(&mut self, entries: Vec<(String, ExperimentConfig, Option<String>)>) {
        let unfit = || entries.iter().find_map(|(_, config, _)| unfit(config));
        if let Some(obstacle) = self.not_ready().or_else(unfit) {
            self.notices.push(Level::Warning, obstacle);
            return;
        }
        self.pair = None;
        let Some(dataset) = self.dataset().cloned() else {
            return;
        };
        let jobs: Vec<Job> = entries
            .into_iter()
            .map(|(name, config, resume)| Job {
                name,
                config,
                dataset: std::sync::Arc::clone(&dataset),
                resume,
            })
            .collect();
        self.live = Live {
            jobs: jobs
                .iter()
                .map(|job| Entry {
                    run: Run {
                        name: job.name.clone(),
                        config: job.config.clone(),
                        ..Run::default()
                    },
                    ..Entry::default()
                })
                .collect(),
            ..Live::default()
        };
        if let Err(message) = self.trainer.start(jobs, self.store.clone()) {
            self.notices.push(Level::Error, message);
        } else if let Some(item) = self.shown {
            self.trainer.control(Control::Preview(item));
        }
    }

    /// Writes `what` of these runs, and a report of this title that compares them, into `to` or else
    /// a new folder of the home; a notice says where.
    pub fn take_home(
        &mut self,
        ids: &[String],
        what: &[What],
        report: Option<&str>,
        to: Option<PathBuf>,
    ) {
        let subjects: Vec<Subject> = (self.runs.iter())
            .filter(|run| ids.contains(&run.id))
            .map(|run| Subject {
                folder: self.store.dir(&run.id),
                run: run.clone(),
            })
            .collect();
        if subjects.is_empty() {
            self.notices
                .push(Level::Warning, "Tick the runs to take home first.");
            return;
        }
        let count = counted(subjects.len(), ["run is", "runs are"]);
        let text = format!("{count} being written; a message will say where");
        self.notices.push(Level::Info, text);
        let wish = Parcel {
            subjects,
            what: what.to_vec(),
            report: report.map(str::to_owned),
        };
        self.jobs.take_home(&self.store, wish, to);
    }

    /// The applied preset's name, marked when the draft has moved away from it.
    #[must_use]
    pub fn preset_name(&self) -> String {
        let mut pristine = self.preset.config.clone();
        // Which folder is open says nothing about the preset.
        pristine.data.path.clone_from(&self.draft.data.path);
        pristine.data.classes.clone_from(&self.draft.data.classes);
        if pristine == self.draft {
            self.preset.name.clone()
        } else {
            format!("{} (changed)", self.preset.name)
        }
    }

    pub fn pause_or_resume(&mut self) {
        if self.is_busy() {
            self.trainer.control(if self.live.paused {
                Control::Resume
            } else {
                Control::Pause
            });
        }
    }

    /// Ends the training; what was learned is kept.
    pub fn stop(&mut self) {
        if self.is_busy() {
            self.live.stopping = true;
            self.trainer.control(Control::Stop);
        }
    }

    pub(super) fn fold_training(&mut self) {
        for event in self.trainer.poll() {
            match event {
                TrainerEvent::Opened { lane, id, past } => self.lane_opened(lane, id, &past),
                TrainerEvent::Anew { lane, why } => {
                    let name = self.live.jobs.get(lane).map_or("", |job| &job.run.name);
                    let text = format!("“{name}” begins again from its first step: {why}");
                    self.notices.push(Level::Warning, text);
                }
                TrainerEvent::Run { lane, event } => self.lane_event(lane, &event),
                TrainerEvent::Tuned { kernels } => {
                    self.live.tuned = Some((kernels, Instant::now(), self.steps_made()));
                }
                TrainerEvent::Traffic { lane, traffic } => {
                    if let Some(entry) = self.live.jobs.get_mut(lane) {
                        entry.traffic = Some(traffic);
                    }
                }
                TrainerEvent::Paused => self.live.paused = true,
                TrainerEvent::Resumed => self.live.paused = false,
                TrainerEvent::Held { lane, held } => {
                    if let Some(entry) = self.live.jobs.get_mut(lane) {
                        entry.held = held;
                    }
                }
                TrainerEvent::Idle => {
                    (self.live.paused, self.live.stopping) = (false, false);
                    self.live.ended.tell(&mut self.notices, true);
                }
            }
        }
        self.live.ended.tell(&mut self.notices, false);
        self.take_preview();
        self.take_glance();
    }

    fn lane_opened(&mut self, lane: usize, id: String, past: &[RunEvent]) {
        let Some(job) = self.live.jobs.get_mut(lane) else {
            return;
        };
        let mut run = Run {
            id: id.clone(),
            ..job.run.clone()
        };
        for event in past {
            run.apply(event);
        }
        let name = run.name.clone();
        job.id = Some(id.clone());
        // One that goes on is in the list already, as it was cut off; what people said of it stays.
        if let Some(at) = self.runs.iter().position(|known| known.id == id) {
            run.label = self.runs.remove(at).label;
        }
        self.runs.insert(0, run);
        self.lane_began(&name, &id);
        self.pair_opened(&id);
        if lane == 0 {
            self.active = Some(id);
        }
    }

    fn lane_event(&mut self, lane: usize, event: &RunEvent) {
        let id = self.live.jobs.get(lane).and_then(|job| job.id.clone());
        let run = id.and_then(|id| self.runs.iter_mut().find(|run| run.id == id));
        let (name, why, by_hand) = match run {
            Some(run) => {
                run.apply(event);
                let why = run.why_ended().map(str::to_owned);
                (run.name.clone(), why, run.was_stopped_by_hand())
            }
            None => {
                let job = self.live.jobs.get(lane);
                let name = job.map_or_else(String::new, |job| job.run.name.clone());
                (name, None, false)
            }
        };
        match event {
            RunEvent::Finished { outcome, step, .. } => {
                match outcome {
                    Outcome::Completed => {
                        (self.live.ended).push(name.clone(), *step, How::Completed);
                    }
                    Outcome::Stopped if by_hand => {
                        (self.live.ended).push(name.clone(), *step, How::ByHand);
                    }
                    Outcome::Stopped => {
                        let why = why.unwrap_or_default();
                        let text = format!("“{name}”, {step} steps: {why}");
                        self.notices.push(Level::Info, text);
                    }
                    Outcome::Diverged { at_step, message } => {
                        let text = format!("“{name}” diverged at step {at_step}: {message}");
                        self.notices.push(Level::Error, text);
                    }
                    Outcome::Failed { message } => {
                        let text = format!("“{name}” failed: {message}");
                        self.notices.push(Level::Error, text);
                    }
                }
                self.lane_ended(&name, *outcome == Outcome::Stopped);
            }
            // Why a rule ends it is said when it has ended.
            RunEvent::Finding { step, .. } if event.is_stop_at(*step) => {}
            RunEvent::Finding { finding, .. } => {
                let text = match self.live.jobs.len() {
                    1 => finding.message.clone(),
                    _ => format!("“{name}”: {}", finding.message),
                };
                self.notices.push(Level::Warning, text);
            }
            RunEvent::Resumed { step, .. } => {
                let text = format!("“{name}” goes on from step {step}");
                self.notices.push(Level::Info, text);
            }
            RunEvent::Started { .. } | RunEvent::Step { .. } | RunEvent::Validated { .. } => {}
        }
    }

    /// The newest pictures of all lanes; that of the lane that is looked at stands alone, too.
    fn take_preview(&mut self) {
        let lane = (self.live.jobs.iter())
            .position(|job| job.id.is_some() && job.id == self.active)
            .unwrap_or(0);
        let mut slots = self
            .trainer
            .slots
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for (at, entry) in self.live.jobs.iter_mut().enumerate() {
            if let Some(preview) = slots.previews.get_mut(at).and_then(Option::take) {
                if at == lane {
                    self.preview = Some(preview.clone());
                }
                entry.preview = Some(preview);
            }
        }
    }
}
