//! What happened, as a value: a run is the fold of its events.
//!
//! Live plots, reopened runs and command-line progress all use [`Run::apply`].

pub mod brief;
pub mod calibration;
pub mod checkpoints;
pub mod definitions;
pub mod ended;
pub mod group;
pub mod label;
pub mod metric_case;
pub mod metrics;
pub mod outlines;
pub mod pictures;
pub mod queue;
pub mod resume;
pub mod scores;
pub mod statistics;
pub mod store;
pub mod surface;
pub mod survey;
pub mod versus;

use serde::{Deserialize, Deserializer, Serialize};

use crate::experiment::ExperimentConfig;
use crate::finding::Finding;
use calibration::Calibration;
use metrics::Confusion;

/// One fact, in the order it happened; a line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    Started {
        /// Name of the device, as shown to people.
        device: String,
        total_steps: u64,
        steps_per_epoch: u64,
        /// Trainable parameters of the network.
        parameters: u64,
        classes: Vec<String>,
        class_colors: Vec<[u8; 3]>,
        class_weights: Vec<f64>,
        /// `Dataset::fingerprint`.
        dataset: String,
        /// Seconds since the Unix epoch.
        unix_secs: u64,
        /// Memory that the training was expected to take, in bytes; 0 in records that do not say.
        #[serde(default)]
        memory_estimate: u64,
    },
    Step {
        /// 1-based: the number of updates made so far.
        step: u64,
        #[serde(deserialize_with = "number")]
        loss: f64,
        learning_rate: f64,
        #[serde(deserialize_with = "number")]
        grad_norm: f64,
        /// Seconds since the run started, pauses left out.
        secs: f64,
    },
    Validated {
        step: u64,
        #[serde(deserialize_with = "number")]
        loss: f64,
        /// Over the whole validation set: Dice per class, `None` where the class is absent.
        dice: Vec<Option<f64>>,
        /// Mean over the classes that are there.
        mean_dice: Option<f64>,
        /// Integer confusion matrix over the whole set; rows truth, columns prediction.
        confusion: Confusion,
        /// One confusion matrix per validation image, in split order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        per_image: Vec<Confusion>,
        /// Confidence beside right answers over the whole set; records of old have none.
        #[serde(default, skip_serializing_if = "Calibration::is_empty")]
        calibration: Calibration,
        secs: f64,
    },
    Finding {
        step: u64,
        #[serde(flatten)]
        finding: Finding,
    },
    /// It was cut off, and went on from its state after `step`.
    Resumed {
        step: u64,
        /// Name of the device that it goes on with.
        device: String,
        /// Seconds since the Unix epoch.
        unix_secs: u64,
    },
    Finished {
        #[serde(flatten)]
        outcome: Outcome,
        step: u64,
        secs: f64,
    },
}

/// JSON has no NaN and no infinity, and `null` is written for them: it is read back as NaN, so that
/// a loss that is not finite costs the record nothing else of that line.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

impl RunEvent {
    /// The step it belongs to; `None` for the start.
    #[must_use]
    pub fn step(&self) -> Option<u64> {
        match self {
            Self::Started { .. } => None,
            Self::Step { step, .. }
            | Self::Validated { step, .. }
            | Self::Finding { step, .. }
            | Self::Resumed { step, .. }
            | Self::Finished { step, .. } => Some(*step),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Completed,
    Stopped,
    /// A loss that is not finite; everything before `at_step` is kept.
    Diverged {
        at_step: u64,
        message: String,
    },
    Failed {
        message: String,
    },
}

/// One point of the loss curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepPoint {
    pub step: u64,
    pub loss: f64,
    pub learning_rate: f64,
    pub grad_norm: f64,
    pub secs: f64,
}

/// One validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    pub step: u64,
    pub loss: f64,
    pub dice: Vec<Option<f64>>,
    pub mean_dice: Option<f64>,
    pub confusion: Confusion,
    pub per_image: Vec<Confusion>,
    /// Empty where the record has none.
    pub calibration: Calibration,
    pub secs: f64,
}

/// A run as its events tell it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// Name of its folder: unique.
    pub id: String,
    /// What people call it; the preset's name at first.
    pub name: String,
    pub config: ExperimentConfig,
    pub device: String,
    pub total_steps: u64,
    pub steps_per_epoch: u64,
    pub parameters: u64,
    pub classes: Vec<String>,
    pub class_colors: Vec<[u8; 3]>,
    pub class_weights: Vec<f64>,
    pub dataset: String,
    pub unix_secs: u64,
    /// Bytes; 0 where the record does not say.
    pub memory_estimate: u64,
    pub steps: Vec<StepPoint>,
    pub validations: Vec<Validation>,
    pub findings: Vec<(u64, Finding)>,
    /// Steps after which it was cut off and went on.
    pub resumed: Vec<u64>,
    /// Index into `validations` of the best mean Dice.
    pub best: Option<usize>,
    pub outcome: Option<Outcome>,
    /// What people say about it.
    pub label: label::Label,
    /// In place of the curves, where those were not read.
    pub brief: Option<Box<brief::Brief>>,
}

impl Run {
    /// Folds one event into the run.
    pub fn apply(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started {
                device,
                total_steps,
                steps_per_epoch,
                parameters,
                classes,
                class_colors,
                class_weights,
                dataset,
                unix_secs,
                memory_estimate,
            } => {
                device.clone_into(&mut self.device);
                self.total_steps = *total_steps;
                self.steps_per_epoch = *steps_per_epoch;
                self.parameters = *parameters;
                self.classes.clone_from(classes);
                self.class_colors.clone_from(class_colors);
                self.class_weights.clone_from(class_weights);
                dataset.clone_into(&mut self.dataset);
                self.unix_secs = *unix_secs;
                self.memory_estimate = *memory_estimate;
            }
            RunEvent::Step {
                step,
                loss,
                learning_rate,
                grad_norm,
                secs,
            } => self.steps.push(StepPoint {
                step: *step,
                loss: *loss,
                learning_rate: *learning_rate,
                grad_norm: *grad_norm,
                secs: *secs,
            }),
            RunEvent::Validated {
                step,
                loss,
                dice,
                mean_dice,
                confusion,
                per_image,
                calibration,
                secs,
            } => {
                self.validations.push(Validation {
                    step: *step,
                    loss: *loss,
                    dice: dice.clone(),
                    mean_dice: *mean_dice,
                    confusion: confusion.clone(),
                    per_image: per_image.clone(),
                    calibration: calibration.clone(),
                    secs: *secs,
                });
                let newest = self.validations.len() - 1;
                let better = self
                    .best
                    .is_none_or(|best| *mean_dice > self.validations[best].mean_dice);
                if mean_dice.is_some() && better {
                    self.best = Some(newest);
                }
            }
            RunEvent::Finding { step, finding } => self.findings.push((*step, finding.clone())),
            RunEvent::Resumed { step, device, .. } => {
                device.clone_into(&mut self.device);
                self.resumed.push(*step);
            }
            RunEvent::Finished { outcome, .. } => self.outcome = Some(outcome.clone()),
        }
    }
}
