//! What the user is working on: state and commands. The window draws it, tests drive it.
//!
//! Nothing here blocks: whatever reads a disk or touches a tensor is a [`jobs`] thread or the
//! trainer, and answers are folded in by [`Lab::tick`].

pub mod browse;
mod clerk;
pub mod consulting;
pub mod formulas;
pub mod freezing;
pub mod gallery;
pub mod history;
pub mod jobs;
pub mod looking;
pub mod notices;
pub mod outlining;
pub mod pace;
pub mod pairing;
pub mod proving;
pub mod racing;
mod records;
pub mod responding;
pub mod rooming;
pub mod settings;
mod splitting;
mod training;
mod verdicts;
mod xraying;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::data::{ClassMap, DataError, Dataset, Progress};
use crate::doctor::look::Slope;
use crate::doctor::{Diagnosis, Xray};
use crate::experiment::{ExperimentConfig, Preset};
use crate::run::Run;
use crate::run::store::Store;
use crate::train::device::DeviceInfo;
use crate::train::handle::{Preview, TrainerHandle};
use history::History;
use jobs::{Answer, Jobs};
use notices::{Level, Notices};
use settings::{Keeper, Settings};
use training::Live;
use xraying::Examiner;

/// The dataset that is open, or what stands in its place.
pub enum Opened {
    Opening {
        path: String,
        progress: Arc<Progress>,
    },
    Ready(Arc<Dataset>),
    Failed {
        path: String,
        message: String,
    },
}

/// Everything the user is working on.
pub struct Lab {
    pub draft: ExperimentConfig,
    history: History<ExperimentConfig>,
    pub dataset: Opened,
    /// Name of the preset that was applied last, and its configuration to compare with.
    pub preset: Preset,
    pub presets: Vec<Preset>,
    pub runs: Vec<Run>,
    /// The run that is trained, or looked at.
    pub active: Option<String>,
    pub preview: Option<Preview>,
    /// Item that is shown (index into `Dataset::items`).
    pub shown: Option<usize>,
    pub devices: Vec<DeviceInfo>,
    pub probing: bool,
    pub xray: Option<Xray>,
    pub diagnoses: Vec<Diagnosis>,
    pub xray_error: Option<String>,
    /// What else the doctor knows.
    pub consultation: consulting::Consultation,
    /// How many X-rays were taken: tells one from the next.
    pub xrays: u64,
    /// Where the loss pushes at the answer [`Self::slope_at`].
    pub slope: Option<Slope>,
    /// Name of the oracle at which the gradient is taken.
    pub slope_at: String,
    /// Response curves of the draft and what is laid over it.
    pub responses: responding::Responses,
    /// A run's frozen answers, and what the draft's loss says of them.
    pub what_if: freezing::WhatIf,
    pub notices: Notices,
    pub settings: Settings,
    /// The close look at every pixel of the dataset.
    pub look: looking::Look,
    /// Pictures for the data room.
    pub pictures: rooming::Pictures,
    /// Why the split that the draft asks for can't be made.
    pub split_error: Option<String>,
    /// The configuration that the open dataset follows.
    opened: crate::data::DataConfig,
    /// The mistake of the museum that was raced last, and its fixed twin.
    pub pair: Option<pairing::Pair>,
    /// Last deleted run, for undo: id and name.
    pub deleted: Option<(String, String)>,
    /// Races that wait.
    pub racing: racing::Racing,
    home: PathBuf,
    store: Store,
    trainer: TrainerHandle,
    live: Live,
    records: records::Records,
    verdicts: verdicts::Verdicts,
    /// Of the runs that were scored.
    pub outlines: outlining::Measured,
    pub formulas: formulas::Formulas,
    jobs: Jobs,
    keeper: Keeper,
    examiner: Examiner,
    awake: Arc<AtomicBool>,
    /// Input size that the picture was last asked at.
    asked_size: (u64, u64),
}

impl Lab {
    /// `wake` is called from other threads when there is something for [`Lab::tick`] to fold in.
    #[must_use]
    pub fn new(home: PathBuf, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let awake = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&awake);
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
            flag.store(true, Ordering::Release);
            wake();
        });
        let settings = Settings::load(&home);
        let presets = Preset::bundled();
        let preset = presets
            .iter()
            .find(|preset| preset.name == "default")
            .cloned()
            .unwrap_or_default();
        let draft = settings
            .draft
            .clone()
            .unwrap_or_else(|| preset.config.clone());
        let mut lab = Self {
            history: History::new(draft.clone()),
            dataset: Opened::Opening {
                path: draft.data.path.clone(),
                progress: Arc::default(),
            },
            preset,
            presets,
            runs: Vec::new(),
            active: None,
            preview: None,
            shown: None,
            devices: crate::train::device::known(),
            probing: true,
            xray: None,
            diagnoses: Vec::new(),
            xray_error: None,
            consultation: consulting::Consultation::default(),
            xrays: 0,
            slope: None,
            slope_at: "uniform".to_owned(),
            responses: responding::Responses::default(),
            what_if: freezing::WhatIf::default(),
            notices: Notices::default(),
            deleted: None,
            pair: None,
            pictures: rooming::Pictures::new(Arc::clone(&wake)),
            look: looking::Look::default(),
            split_error: None,
            opened: draft.data.clone(),
            racing: racing::Racing::new(clerk::Clerk::start(home.clone(), Arc::clone(&wake))),
            home: home.clone(),
            store: Store::new(home.join("runs")),
            trainer: TrainerHandle::spawn(Arc::clone(&wake)),
            live: Live::default(),
            records: records::Records::default(),
            verdicts: verdicts::Verdicts::default(),
            outlines: outlining::Measured::new(),
            formulas: formulas::Formulas::default(),
            keeper: Keeper::start(&home),
            jobs: Jobs::new(home, wake),
            examiner: Examiner::default(),
            settings,
            awake,
            asked_size: (0, 0),
            draft,
        };
        let path = lab.draft.data.path.clone();
        lab.open(&path);
        lab.jobs.list_runs(&lab.store);
        lab.jobs.list_presets();
        lab.jobs.probe_devices();
        lab
    }

    /// Folds in what happened since the last call; cheap when nothing did. Call it once a frame.
    pub fn tick(&mut self) {
        if self.awake.swap(false, Ordering::AcqRel) {
            for answer in self.jobs.poll() {
                self.fold(answer);
            }
            self.fold_training();
            self.fold_racing();
            self.start_pair();
        }
        self.examine();
        self.follow_formula();
        self.respond();
        self.ask_what_if();
        self.review();
        self.refit_picture();
    }

    /// Loads the picture again when the network's input size has changed under it.
    fn refit_picture(&mut self) {
        let (width, height) = (self.draft.data.width, self.draft.data.height);
        let stale = self.preview.as_ref().is_some_and(|preview| {
            let labels = &preview.sample.labels;
            (labels.width as u64, labels.height as u64) != (width, height)
        });
        if stale
            && !self.is_busy()
            && !self.live.has_network()
            && self.asked_size != (width, height)
        {
            self.asked_size = (width, height);
            self.show_item(self.shown);
        }
    }

    fn fold(&mut self, answer: Answer) {
        match answer {
            Answer::Dataset { path, result } => self.dataset_opened(&path, result),
            Answer::Resplit { config, result } => self.resplit(&config, result),
            Answer::Looked { dataset, result } => self.looked(&dataset, result),
            Answer::Runs { runs, problems } => {
                // A run that trains right now is known better from its events.
                let live = self.live.ids();
                let mut runs: Vec<Run> =
                    runs.into_iter().filter(|r| !live.contains(&r.id)).collect();
                // Nor are curves read again that are here: a finished record never changes.
                let mut here: std::collections::HashMap<String, Run> = (self.runs.drain(..))
                    .map(|run| (run.id.clone(), run))
                    .collect();
                for run in &mut runs {
                    if let Some(known) = here.remove(&run.id)
                        && !known.is_brief()
                        && known.in_brief() == run.in_brief()
                    {
                        let (name, label) = (run.name.clone(), run.label.clone());
                        *run = Run {
                            name,
                            label,
                            ..known
                        };
                    }
                }
                runs.extend(here.into_values().filter(|run| live.contains(&run.id)));
                runs.sort_by(|a, b| b.id.cmp(&a.id));
                self.runs = runs;
                for problem in problems {
                    self.notices.push(Level::Warning, problem);
                }
            }
            Answer::Formula { key, result } => {
                self.formulas.recorded.insert(key, Some(result));
            }
            Answer::DraftFormula(terms) => self.draft_formula_taken(terms),
            Answer::BatchFormula(told) => self.batch_formula_taken(*told),
            Answer::Outlined { key, result } => match result {
                Ok(found) => {
                    self.outlines.insert(key, found);
                }
                Err(problem) => self.notices.push(Level::Warning, problem),
            },
            Answer::Judged { key, sentences } => self.judged(&key, sentences),
            Answer::Curves { id, result } => self.curves_read(&id, result),
            Answer::Presets { presets, problems } => {
                self.presets = presets;
                for problem in problems {
                    self.notices.push(Level::Warning, problem);
                }
            }
            Answer::Devices(devices) => {
                self.devices = devices;
                self.probing = false;
            }
            Answer::Sample { item, result } => match result {
                Ok(preview) if self.shown == Some(item) && !self.trainer.is_busy() => {
                    self.preview = Some(preview);
                }
                Ok(_) => {}
                Err(message) => self.notices.push(Level::Warning, message),
            },
            Answer::Examined {
                key,
                result,
                diagnoses,
            } => self.examined(&key, result, diagnoses),
            Answer::Sloped { key, result } => self.sloped(&key, result),
            Answer::Froze { key, result } => self.froze(&key, result.map(|both| *both)),
            Answer::WhatIf { of, key, result } => {
                self.answered_what_if(&of, &key, result.map(|answered| *answered));
            }
            Answer::Responded { number, laid } => self.responded(number, laid),
            Answer::Overfit { config, result } => self.tried_by_heart(config, result),
            Answer::Done(result) => match result {
                Ok(message) => self.notices.push(Level::Info, message),
                Err(message) => self.notices.push(Level::Error, message),
            },
        }
    }

    // --- dataset ---

    /// Opens a folder (or `sample`) in the background; what was being opened is cancelled.
    pub fn open(&mut self, path: &str) {
        let path = path.trim().trim_matches('"').to_owned();
        if path.is_empty() {
            return;
        }
        self.cancel_opening();
        if self.draft.data.path != path {
            self.draft.data.path.clone_from(&path);
            self.draft.data.classes = None;
        }
        self.reopen();
    }

    /// Opens the draft's dataset again, with its class map and split.
    pub fn reopen(&mut self) {
        self.cancel_opening();
        let progress = Arc::new(Progress::default());
        self.jobs.open_dataset(&self.draft.data, &progress);
        self.stop_looking();
        self.opened = self.draft.data.clone();
        self.split_error = None;
        self.dataset = Opened::Opening {
            path: self.draft.data.path.clone(),
            progress,
        };
    }

    /// Stops an opening that is under way.
    pub fn cancel_opening(&mut self) {
        if let Opened::Opening { path, progress } = &self.dataset {
            progress.cancel();
            self.dataset = Opened::Failed {
                path: path.clone(),
                message: "opening was cancelled".to_owned(),
            };
        }
    }

    fn dataset_opened(&mut self, path: &str, result: Result<Box<Dataset>, DataError>) {
        let wanted = matches!(&self.dataset, Opened::Opening { path: p, .. } if p == path);
        if !wanted || matches!(result, Err(DataError::Cancelled)) {
            return;
        }
        match result {
            Ok(dataset) => {
                self.settings.remember(path);
                self.shown = dataset.split.val.first().copied();
                self.preview = None;
                self.dataset = Opened::Ready(Arc::from(dataset));
                self.dataset_changed();
                self.show_item(self.shown);
                self.keep_settings();
            }
            Err(error) => {
                let message = error.to_string();
                self.notices.push(Level::Error, message.clone());
                self.dataset = Opened::Failed {
                    path: path.to_owned(),
                    message,
                };
            }
        }
    }

    #[must_use]
    pub fn dataset(&self) -> Option<&Arc<Dataset>> {
        match &self.dataset {
            Opened::Ready(dataset) => Some(dataset),
            _ => None,
        }
    }

    /// Uses an edited class map; it is kept with the draft (and with presets saved from it).
    pub fn set_classes(&mut self, classes: Option<ClassMap>) {
        self.draft.data.classes = classes;
        self.follow_data();
    }

    /// Chooses the image that is looked at.
    pub fn show_item(&mut self, item: Option<usize>) {
        self.shown = item;
        let (Some(item), Some(dataset)) = (item, self.dataset().cloned()) else {
            return;
        };
        // The trainer answers with a prediction when it has a network; until then the picture alone.
        self.trainer
            .control(crate::train::handle::Control::Preview(item));
        if !self.live.has_network() {
            self.jobs.load_sample(&dataset, &self.draft.data, item);
        }
    }

    // --- draft ---

    /// Call at the end of a frame: remembers a change for undo once the user's hand is off.
    pub fn settle(&mut self, busy_hands: bool) {
        if !busy_hands {
            if self.history.settle(&self.draft) {
                self.keep_settings();
            }
            self.follow_data();
        }
    }

    pub fn undo(&mut self) {
        if let Some(draft) = self.history.undo(&self.draft) {
            self.replace_draft(draft);
        }
    }

    pub fn redo(&mut self) {
        if let Some(draft) = self.history.redo(&self.draft) {
            self.replace_draft(draft);
        }
    }

    #[must_use]
    pub fn can_undo(&self) -> (bool, bool) {
        (self.history.can_undo(&self.draft), self.history.can_redo())
    }

    fn replace_draft(&mut self, draft: ExperimentConfig) {
        self.draft = draft;
        self.follow_data();
        self.keep_settings();
    }

    /// Sets one key of the draft, as `--set` does.
    ///
    /// # Errors
    /// Naming key, value and expectation.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        self.draft
            .set(key, value)
            .map_err(|error| error.to_string())
    }

    // --- presets ---

    /// Takes over a preset; a dataset that the user has opened stays unless the preset names one.
    pub fn apply_preset(&mut self, preset: &Preset) {
        let mut config = preset.config.clone();
        let own = &self.draft.data;
        if config.data.path == crate::data::open::SAMPLE {
            config.data.path.clone_from(&own.path);
        }
        // A class map belongs to its images, and one that came with another preset goes with it.
        let came_along = (self.presets.iter()).any(|p| p.config.data.classes == own.classes);
        let same_images = config.data.path == own.path;
        let sample = own.path == crate::data::open::SAMPLE;
        let keeps = if sample {
            !came_along && config.data.classes.is_none()
        } else {
            true
        };
        if same_images && keeps {
            config.data.classes.clone_from(&own.classes);
        }
        self.preset = preset.clone();
        self.replace_draft(config);
    }

    /// Works on `draft` from now on, as a change of `preset`, images included. Undo brings the old
    /// settings back.
    pub fn take_over(&mut self, preset: Preset, draft: ExperimentConfig) {
        self.preset = preset;
        self.replace_draft(draft);
    }

    /// Saves the draft as a preset of the user's own.
    pub fn save_preset(&mut self, name: &str, about: &str) {
        let preset = Preset {
            name: name.trim().to_owned(),
            about: about.trim().to_owned(),
            config: self.draft.clone(),
            ..Preset::default()
        };
        self.preset = preset.clone();
        self.jobs.save_preset(preset);
    }

    pub fn delete_preset(&mut self, name: &str) {
        self.jobs.delete_preset(name);
    }

    fn keep_settings(&mut self) {
        self.settings.draft = Some(self.draft.clone());
        self.keeper.keep(&self.settings);
    }

    /// Remembers a change of theme, recent folders and the like.
    pub fn settings_changed(&mut self) {
        self.keep_settings();
    }

    // --- runs ---

    #[must_use]
    pub fn active_run(&self) -> Option<&Run> {
        let id = self.active.as_ref()?;
        self.runs.iter().find(|run| &run.id == id)
    }

    /// The user's own folder: runs, presets, settings, exports.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.store
            .root
            .parent()
            .map(PathBuf::from)
            .unwrap_or_default()
    }

    #[must_use]
    pub fn run_dir(&self, id: &str) -> PathBuf {
        self.store.dir(id)
    }

    pub fn rename_run(&mut self, id: &str, name: &str) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.id == id) {
            name.clone_into(&mut run.name);
            self.jobs.rename_run(&self.store, id, name);
        }
    }

    /// Moves a run to the trash; [`Lab::undelete`] brings it back.
    pub fn delete_run(&mut self, id: &str) {
        if self.is_busy() && self.live.ids().iter().any(|live| live == id) {
            self.notices
                .push(Level::Warning, "this run is training: stop it first");
            return;
        }
        let Some(at) = self.runs.iter().position(|run| run.id == id) else {
            return;
        };
        let run = self.runs.remove(at);
        if self.active.as_deref() == Some(id) {
            self.active = None;
        }
        self.notices.push(
            Level::Info,
            format!("“{}” was moved to the trash", run.name),
        );
        self.deleted = Some((run.id, run.name));
        self.jobs.delete_run(&self.store, id);
    }

    pub fn undelete(&mut self) {
        if let Some((id, _)) = self.deleted.take() {
            self.jobs.restore_run(&self.store, &id);
        }
    }

    /// Takes the configuration of a run as the draft.
    pub fn use_config(&mut self, id: &str) {
        if let Some(run) = self.runs.iter().find(|run| run.id == id) {
            let config = run.config.clone();
            self.replace_draft(config);
        }
    }
}
