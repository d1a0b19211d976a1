//! What the user is working on: state and commands. The window draws it, tests drive it.
//!
//! Nothing here blocks: whatever reads a disk or touches a tensor is a [`jobs`] thread or the
//! trainer, and answers are folded in by [`Lab::tick`].

pub mod browse;
mod clerk;
pub mod consulting;
mod drafting;
mod endings;
pub mod formulas;
pub mod freezing;
pub mod gallery;
pub mod history;
pub mod jobs;
pub mod looking;
pub mod notices;
mod opening;
pub mod outlining;
pub mod pace;
pub mod pairing;
pub mod proving;
pub mod racing;
mod reading;
mod records;
pub mod responding;
pub mod rooming;
pub mod settings;
mod shelving;
mod splitting;
mod training;
mod verdicts;
mod watching;
mod xraying;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
pub use opening::Opened;
use settings::{Keeper, Settings};
use training::Live;
use xraying::Examiner;

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
    watcher: watching::Watcher,
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
            watcher: watching::Watcher::start(home.clone(), Arc::clone(&wake)),
            jobs: Jobs::new(home, wake),
            examiner: Examiner::default(),
            settings,
            awake,
            asked_size: (0, 0),
            draft,
        };
        let path = lab.draft.data.path.clone();
        lab.open(&path);
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
            // After the trainer's events: what they tell of a run that trains here is newer.
            self.fold_news();
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

    /// The next frame looks at everything, as if something had happened.
    fn wake_up(&self) {
        self.awake.store(true, Ordering::Release);
    }

    fn fold(&mut self, answer: Answer) {
        match answer {
            Answer::Dataset { path, result } => self.dataset_opened(&path, result),
            Answer::Resplit { config, result } => self.resplit(&config, result),
            Answer::Looked { dataset, result } => self.looked(&dataset, result),
            Answer::RunsChanged(result) => {
                if let Err(message) = result {
                    self.notices.push(Level::Error, message);
                }
                self.watcher.look_anew();
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

    fn keep_settings(&mut self) {
        self.settings.draft = Some(self.draft.clone());
        self.keeper.keep(&self.settings);
    }

    /// Remembers a change of theme, recent folders and the like.
    pub fn settings_changed(&mut self) {
        self.keep_settings();
    }
}
