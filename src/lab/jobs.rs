//! Work that reads disks or computes: each on a thread, each answering once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use rayon::prelude::*;

use super::formulas::{BatchTold, Terms};
use super::freezing::{Answered, Which};
use super::responding::Laid;
use crate::data::forensics::{self, Report};
use crate::data::loader::Loader;
use crate::data::{DataConfig, DataError, Dataset, Progress};
use crate::doctor::curves;
use crate::doctor::formula::{Told, of_run};
use crate::doctor::gates::Overfit;
use crate::doctor::look::Slope;
use crate::doctor::xray::Exam;
use crate::doctor::{self, Diagnosis, Evidence, Masks, Xray};
use crate::experiment::{ExperimentConfig, Preset};
use crate::export::parcel::Parcel;
use crate::run::Run;
use crate::run::label::Label;
use crate::run::outlines::Outlines;
use crate::run::pictures::Album;
use crate::run::store::{Store, StoreError};
use crate::train::device::{self, DeviceInfo};
use crate::train::frozen::{Frozen, Reading};
use crate::train::glance::Glance;
use crate::train::handle::Preview;
use crate::train::overfit::overfit_one_batch;
use crate::train::session::Prediction;

pub enum Answer {
    Dataset {
        path: String,
        result: Result<Box<Dataset>, DataError>,
    },
    /// The open dataset under another split.
    Resplit {
        config: Box<DataConfig>,
        result: Result<Box<Dataset>, DataError>,
    },
    /// The close look at every pixel of a dataset.
    Looked {
        dataset: Arc<Dataset>,
        result: Result<Report, DataError>,
    },
    Runs {
        runs: Vec<Run>,
        problems: Vec<String>,
    },
    /// Whether runs differ by more than luck.
    Judged {
        key: Vec<(String, usize)>,
        sentences: Vec<String>,
    },
    /// A run's loss, taken apart.
    Formula {
        key: (String, usize),
        result: Result<Option<Told>, String>,
    },
    /// The draft's loss, taken apart on the X-ray's masks.
    DraftFormula(Terms),
    /// The losses of the batch in training, taken apart.
    BatchFormula(Box<BatchTold>),
    /// How well a run met outlines at a step.
    Outlined {
        key: (String, u64),
        result: Result<Option<Outlines>, String>,
    },
    /// A run with its curves.
    Curves {
        id: String,
        result: Result<Box<Run>, String>,
    },
    Presets {
        presets: Vec<Preset>,
        problems: Vec<String>,
    },
    Devices(Vec<DeviceInfo>),
    /// A picture without a prediction that means anything yet.
    Sample {
        item: usize,
        result: Result<Preview, String>,
    },
    Examined {
        key: Box<ExperimentConfig>,
        result: Result<Box<Examined>, String>,
        diagnoses: Result<Vec<Diagnosis>, String>,
    },
    /// One batch, learned by heart or not.
    Overfit {
        config: Box<ExperimentConfig>,
        result: Result<Overfit, String>,
    },
    /// The gradient at another answer than the X-ray's.
    Sloped {
        key: Box<ExperimentConfig>,
        result: Result<Slope, String>,
    },
    /// Response curves; nothing comes of those that were stopped.
    Responded {
        number: u64,
        laid: Vec<Laid>,
    },
    /// A run's network has answered its validation images, and its own loss was asked.
    Froze {
        key: Which,
        result: Result<Box<(Frozen, Reading)>, String>,
    },
    /// What another loss says of frozen answers.
    WhatIf {
        of: Arc<Frozen>,
        key: Box<ExperimentConfig>,
        result: Result<Box<Answered>, String>,
    },
    /// Something small was done: what to say about it.
    Done(Result<String, String>),
}

/// What an examination brings.
pub struct Examined {
    /// Read once, and handed back for the next.
    pub masks: Arc<Masks>,
    pub xray: Xray,
    /// `None` where the loss has no gradient to show.
    pub slope: Option<Slope>,
}

pub struct Jobs {
    home: PathBuf,
    wake: Arc<dyn Fn() + Send + Sync>,
    sender: Sender<Answer>,
    answers: Receiver<Answer>,
}

impl Jobs {
    pub fn new(home: PathBuf, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (sender, answers) = unbounded();
        Self {
            home,
            wake,
            sender,
            answers,
        }
    }

    pub fn poll(&self) -> Vec<Answer> {
        self.answers.try_iter().collect()
    }

    fn spawn(&self, name: &str, work: impl FnOnce(&dyn Fn(Answer)) + Send + 'static) {
        let (sender, wake) = (self.sender.clone(), Arc::clone(&self.wake));
        let answer = move |answer| {
            // The receiver is gone only when the program ends.
            let _ = sender.send(answer);
            wake();
        };
        let job = name.to_owned();
        let guarded = move || {
            let result = crate::train::lane::guarded(|| {
                work(&answer);
                Ok(())
            });
            if let Err(message) = result {
                answer(Answer::Done(Err(format!("{job}: {message}"))));
            }
        };
        let spawned = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(guarded);
        if let Err(error) = spawned {
            let _ = self
                .sender
                .send(Answer::Done(Err(format!("{name}: no thread: {error}"))));
            (self.wake)();
        }
    }

    pub fn open_dataset(&self, config: &DataConfig, progress: &Arc<Progress>) {
        let (config, progress) = (config.clone(), Arc::clone(progress));
        self.spawn("open dataset", move |answer| {
            let result = Dataset::open(&config, &progress).map(Box::new);
            answer(Answer::Dataset {
                path: config.path,
                result,
            });
        });
    }

    pub fn resplit(&self, dataset: &Arc<Dataset>, config: &DataConfig) {
        let (dataset, config) = (Arc::clone(dataset), config.clone());
        self.spawn("split", move |answer| {
            let result = dataset.resplit(&config).map(Box::new);
            answer(Answer::Resplit {
                config: Box::new(config),
                result,
            });
        });
    }

    pub fn look_closely(&self, dataset: &Arc<Dataset>, progress: &Arc<Progress>) {
        let (dataset, progress) = (Arc::clone(dataset), Arc::clone(progress));
        let cache = self.home.join("looks");
        self.spawn("close look", move |answer| {
            let result = forensics::examine(&dataset, Some(&cache), &progress);
            answer(Answer::Looked { dataset, result });
        });
    }

    /// One item at input size, with an empty prediction.
    pub fn load_sample(&self, dataset: &Arc<Dataset>, config: &DataConfig, item: usize) {
        let (dataset, config) = (Arc::clone(dataset), config.clone());
        self.spawn("load image", move |answer| {
            let result = Loader::new(dataset, &config, 1, 0)
                .and_then(|loader| loader.picture(item))
                .map(|sample| Preview {
                    lane: 0,
                    prediction: Prediction {
                        item,
                        step: 0,
                        width: 0,
                        height: 0,
                        labels: Vec::new(),
                        entropy: Vec::new(),
                    },
                    sample,
                })
                .map_err(|error| error.to_string());
            answer(Answer::Sample { item, result });
        });
    }

    pub fn list_runs(&self, store: &Store) {
        let store = store.clone();
        self.spawn("list runs", move |answer| answer(runs(&store)));
    }

    /// Runs with their curves, each answered as soon as it is there.
    pub fn read_runs(&self, store: &Store, ids: Vec<String>) {
        let store = store.clone();
        self.spawn("read runs", move |answer| {
            // Whole groups at a time: plots are drawn anew as rarely as can be.
            for ids in ids.chunks(16) {
                let read: Vec<Answer> = (ids.par_iter())
                    .map(|id| {
                        let result = store.load(id).map(Box::new).map_err(|e| e.to_string());
                        let id = id.clone();
                        Answer::Curves { id, result }
                    })
                    .collect();
                read.into_iter().for_each(answer);
            }
        });
    }

    pub fn judge(&self, key: Vec<(String, usize)>, runs: Vec<Run>) {
        self.spawn("compare runs", move |answer| {
            let sentences = super::verdicts::judge(&runs);
            answer(Answer::Judged { key, sentences });
        });
    }

    /// Takes a run's loss apart on the pictures that it kept last.
    pub fn formula(&self, store: &Store, key: (String, usize), run: Run) {
        let folder = store.dir(&key.0);
        self.spawn("formula of a run", move |answer| {
            let result = crate::train::lane::guarded(|| of_run(&run, &Album::open(&folder)));
            answer(Answer::Formula { key, result });
        });
    }

    /// Takes the draft's loss apart on the X-ray's masks.
    pub fn draft_formula(&self, masks: Arc<Masks>, config: ExperimentConfig) {
        self.spawn("formula", move |answer| {
            let terms = crate::train::lane::guarded(|| {
                let subject = doctor::examine(&masks, &config);
                let terms = subject.and_then(|subject| doctor::xray::formula(&config, &subject));
                terms.map_err(|error| error.to_string())
            });
            answer(Answer::DraftFormula(terms));
        });
    }

    /// Takes a batch apart by the loss of its run, and by that of the draft where it is another.
    pub fn batch_formula(
        &self,
        run: String,
        glance: Arc<Glance>,
        own: ExperimentConfig,
        draft: Option<ExperimentConfig>,
    ) {
        self.spawn("formula of a batch", move |answer| {
            let by =
                |config: &ExperimentConfig| crate::train::lane::guarded(|| glance.formula(config));
            let (own, draft) = (by(&own), draft.as_ref().map(by));
            answer(Answer::BatchFormula(Box::new(BatchTold {
                run,
                own,
                draft,
                glance,
            })));
        });
    }

    /// Measures the pictures that a run kept at a step.
    pub fn outlines(&self, store: &Store, key: (String, u64), classes: usize) {
        let folder = store.dir(&key.0);
        self.spawn("measure outlines", move |answer| {
            let result = Outlines::of(&Album::open(&folder), key.1, classes);
            answer(Answer::Outlined { key, result });
        });
    }

    pub fn label_run(&self, store: &Store, id: &str, label: Label) {
        let (store, id) = (store.clone(), id.to_owned());
        self.spawn("label run", move |answer| {
            if let Err(error) = store.label(&id, &label) {
                answer(Answer::Done(Err(error.to_string())));
            }
        });
    }

    pub fn rename_run(&self, store: &Store, id: &str, name: &str) {
        let (id, name) = (id.to_owned(), name.to_owned());
        self.change_runs(store, move |store| store.rename(&id, &name));
    }

    pub fn delete_run(&self, store: &Store, id: &str) {
        let id = id.to_owned();
        self.change_runs(store, move |store| store.delete(&id));
    }

    pub fn restore_run(&self, store: &Store, id: &str) {
        let id = id.to_owned();
        self.change_runs(store, move |store| store.restore(&id));
    }

    /// What is wished for of these runs, into `to` or else a new folder of the home.
    pub fn take_home(&self, store: &Store, mut wish: Parcel, to: Option<PathBuf>) {
        let store = store.clone();
        let stamp = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let to = to.unwrap_or_else(|| self.home.join("exports").join(stamp));
        self.spawn("take home", move |answer| {
            let read = wish.subjects.iter_mut().try_for_each(|subject| {
                if subject.run.is_brief() {
                    subject.run = store.load(&subject.run.id).map_err(|e| e.to_string())?;
                }
                Ok(())
            });
            let done = read.and_then(|()| wish.write(&to));
            answer(Answer::Done(
                done.map(|path| format!("taken home: {}", path.display())),
            ));
        });
    }

    fn change_runs(
        &self,
        store: &Store,
        change: impl FnOnce(&Store) -> Result<(), StoreError> + Send + 'static,
    ) {
        let store = store.clone();
        self.spawn("change runs", move |answer| {
            if let Err(error) = change(&store) {
                answer(Answer::Done(Err(error.to_string())));
            }
            answer(runs(&store));
        });
    }

    pub fn list_presets(&self) {
        let home = self.home.clone();
        self.spawn("list presets", move |answer| answer(presets(&home)));
    }

    pub fn save_preset(&self, preset: Preset) {
        let home = self.home.clone();
        self.spawn("save preset", move |answer| {
            let saved = preset.save(&home.join("presets"));
            answer(Answer::Done(saved.map(|path| {
                format!("preset “{}” saved as {}", preset.name, path.display())
            })));
            answer(presets(&home));
        });
    }

    pub fn delete_preset(&self, name: &str) {
        let (home, name) = (self.home.clone(), name.to_owned());
        self.spawn("delete preset", move |answer| {
            let deleted = Preset::delete(&home.join("presets"), &name);
            answer(Answer::Done(
                deleted.map(|()| format!("preset “{name}” deleted")),
            ));
            answer(presets(&home));
        });
    }

    pub fn probe_devices(&self) {
        self.spawn("probe devices", move |answer| {
            answer(Answer::Devices(device::probe()))
        });
    }

    /// Trains `config` on one batch alone; `stop` ends it early.
    pub fn overfit(
        &self,
        dataset: &Arc<Dataset>,
        config: &ExperimentConfig,
        stop: &Arc<AtomicBool>,
    ) {
        let (dataset, config, stop) = (Arc::clone(dataset), config.clone(), Arc::clone(stop));
        self.spawn("one batch", move |answer| {
            let result = crate::train::lane::guarded(|| {
                let (device, _) = device::open(&config.train.device)?;
                overfit_one_batch(&config, &dataset, &device, &stop).map_err(|e| e.to_string())
            });
            answer(Answer::Overfit {
                config: Box::new(config),
                result,
            });
        });
    }

    /// The gradient alone, at another answer.
    pub fn slope(&self, masks: Arc<Masks>, config: &ExperimentConfig, at: &str) {
        let (config, at) = (config.clone(), at.to_owned());
        self.spawn("gradient", move |answer| {
            let result = crate::train::lane::guarded(|| {
                let subject = doctor::examine(&masks, &config).map_err(|e| e.to_string())?;
                let exam = Exam::new(&config, &subject).map_err(|e| e.to_string())?;
                exam.slope(&at).map_err(|e| e.to_string())
            });
            answer(Answer::Sloped {
                key: Box::new(config),
                result,
            });
        });
    }

    /// Opens the run's dataset and lets its network answer the validation images.
    /// Lets stored weights answer; `dataset` is the run's, where it is open already.
    pub fn freeze(&self, store: &Store, key: Which, dataset: Option<Arc<Dataset>>) {
        let store = store.clone();
        self.spawn("freeze", move |answer| {
            let (id, checkpoint) = &key;
            let result = crate::train::lane::guarded(|| {
                let run = store.load(id).map_err(|error| error.to_string())?;
                let dataset = match dataset {
                    Some(dataset) => dataset,
                    None => Dataset::open(&run.config.data, &Progress::default())
                        .map(Arc::new)
                        .map_err(|error| error.to_string())?,
                };
                let frozen = Frozen::take(&run, &store.dir(id), *checkpoint, dataset)?;
                let own = frozen.ask(&frozen.config, &|| false)?;
                let own = own.ok_or_else(|| "the question was stopped".to_owned())?;
                Ok(Box::new((frozen, own)))
            });
            answer(Answer::Froze { key, result });
        });
    }

    /// What the loss of `config` says of frozen answers; nothing comes of it when it is stopped.
    pub fn what_if(&self, frozen: &Arc<Frozen>, config: ExperimentConfig, stop: Arc<AtomicBool>) {
        let frozen = Arc::clone(frozen);
        self.spawn("what if", move |answer| {
            let result = crate::train::lane::guarded(|| {
                let stopped = || stop.load(Ordering::Relaxed);
                let Some(reading) = frozen.ask(&config, &stopped)? else {
                    return Ok(None);
                };
                Ok(Some(Box::new(Answered {
                    reading,
                    slope: frozen.slope(&config)?,
                    formula: frozen.formula(&config)?,
                })))
            });
            let result = match result {
                Ok(None) => return,
                Ok(Some(answered)) => Ok(answered),
                Err(message) => Err(message),
            };
            answer(Answer::WhatIf {
                of: frozen,
                key: Box::new(config),
                result,
            });
        });
    }

    /// Response curves of the `wanted`, as far as they are not `known`.
    pub fn respond(
        &self,
        number: u64,
        masks: Arc<Masks>,
        wanted: Vec<(String, ExperimentConfig)>,
        known: Vec<Laid>,
        stop: Arc<AtomicBool>,
    ) {
        self.spawn("response curves", move |answer| {
            let stopped = || stop.load(Ordering::Relaxed);
            let mut laid = Vec::new();
            for (name, config) in wanted {
                if let Some(old) = known.iter().find(|old| old.config == config) {
                    laid.push(Laid {
                        name,
                        ..old.clone()
                    });
                    continue;
                }
                let curves = crate::train::lane::guarded(|| {
                    let subject = doctor::examine(&masks, &config).map_err(|e| e.to_string())?;
                    curves::respond(&config, &subject, &stopped).map_err(|e| e.to_string())
                });
                let curves = match curves {
                    Ok(None) => return,
                    Ok(Some(curves)) => Ok(curves),
                    Err(message) => Err(message),
                };
                laid.push(Laid {
                    name,
                    config,
                    curves,
                });
            }
            answer(Answer::Responded { number, laid });
        });
    }

    pub fn examine(
        &self,
        dataset: &Arc<Dataset>,
        masks: Option<Arc<Masks>>,
        config: &ExperimentConfig,
        slope_at: &str,
    ) {
        let (dataset, config) = (Arc::clone(dataset), config.clone());
        let slope_at = slope_at.to_owned();
        self.spawn("x-ray", move |answer| {
            let result = crate::train::lane::guarded(|| {
                let masks = match masks {
                    Some(masks) => masks,
                    None => Arc::new(Masks::read(&dataset, &config).map_err(|e| e.to_string())?),
                };
                let subject = doctor::examine(&masks, &config).map_err(|e| e.to_string())?;
                let exam = Exam::new(&config, &subject).map_err(|e| e.to_string())?;
                let xray = exam.xray().map_err(|e| e.to_string())?;
                // Not every output activation has every answer.
                let known = exam.answers().any(|name| name == slope_at);
                let at = if known { &slope_at } else { "uniform" };
                let slope = exam.slope(at).ok();
                Ok(Box::new(Examined { masks, xray, slope }))
            });
            // Beside the X-ray: some rules look at masks.
            let diagnoses = crate::train::lane::guarded(|| {
                let examined: Option<&Examined> = result.as_ref().ok().map(Box::as_ref);
                Ok(doctor::diagnose(Evidence {
                    config: &config,
                    dataset: Some(&dataset),
                    xray: examined.map(|examined| &examined.xray),
                    run: None,
                }))
            });
            answer(Answer::Examined {
                key: Box::new(config),
                result,
                diagnoses,
            });
        });
    }
}

fn runs(store: &Store) -> Answer {
    let (runs, problems) = store.survey();
    Answer::Runs {
        runs,
        problems: problems.iter().map(StoreError::to_string).collect(),
    }
}

fn presets(home: &std::path::Path) -> Answer {
    let (own, problems) = Preset::list(&home.join("presets"));
    let mut presets = Preset::bundled();
    presets.extend(own);
    Answer::Presets { presets, problems }
}
