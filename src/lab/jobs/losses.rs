//! Questions to a loss: on masks, on a batch, on frozen answers, by heart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Answer, Examined, Jobs};
use crate::data::{Dataset, Progress};
use crate::doctor::xray::Exam;
use crate::doctor::{self, Evidence, Masks, curves};
use crate::experiment::ExperimentConfig;
use crate::lab::formulas::BatchTold;
use crate::lab::freezing::{Answered, Which};
use crate::lab::responding::Laid;
use crate::run::store::Store;
use crate::train::device;
use crate::train::frozen::Frozen;
use crate::train::glance::Glance;
use crate::train::overfit::overfit_one_batch;

impl Jobs {
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
