//! How long, how fast and in what steps to train.

use serde::{Deserialize, Serialize};

use crate::param::Param;

crate::choices! {
    pub enum Optimizer {
        AdamW = "adamw": "Adam with decoupled weight decay.",
        Adam = "adam": "Adam without weight decay.",
        Sgd = "sgd": "Stochastic gradient descent with Nesterov momentum 0.9.",
    }
}

crate::choices! {
    /// How the learning rate changes over the run.
    pub enum Schedule {
        Constant = "constant": "The same rate throughout (after warm-up).",
        Cosine = "cosine": "Half a cosine from the rate to zero (after warm-up).",
        Polynomial = "polynomial": "(1 − t)^0.9 as nnU-Net does (after warm-up).",
    }
}

/// `[train]` of a preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    pub optimizer: Optimizer,
    pub learning_rate: f64,
    pub schedule: Schedule,
    /// Steps over which the rate rises from 0.
    pub warmup_steps: u64,
    pub weight_decay: f64,
    pub batch: u64,
    /// Parts that a batch is computed in, one after the other; their gradients are added up.
    pub accumulate: u64,
    /// Computes activations again in the backward pass instead of keeping them.
    pub checkpointing: bool,
    /// Passes over the training set; 0 means `steps` decides.
    pub epochs: u64,
    /// Optimiser updates in all, when `epochs` is 0.
    pub steps: u64,
    /// Global norm above which the gradient is scaled down; 0 switches clipping off.
    pub clip_norm: f64,
    /// Steps between validations; 0 validates once per epoch.
    pub validate_every: u64,
    /// Validations without a better mean Dice after which a run is stopped; 0 never stops early.
    pub patience: u64,
    /// Stops a run in which the doctor finds an error.
    pub stop_on_error: bool,
    pub seed: u64,
    /// MiB that the predictions kept at every validation may take; 0 keeps none.
    pub picture_mib: u64,
    /// MiB that the weights kept along the way may take; 0 keeps the best and the last alone.
    pub weights_mib: u64,
    /// `auto`, `cpu`, or a name that `dicebench devices` lists.
    pub device: String,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            optimizer: Optimizer::AdamW,
            learning_rate: 2e-3,
            schedule: Schedule::Cosine,
            warmup_steps: 10,
            weight_decay: 1e-4,
            batch: 8,
            accumulate: 1,
            checkpointing: false,
            epochs: 0,
            steps: 400,
            clip_norm: 1.0,
            validate_every: 20,
            patience: 0,
            stop_on_error: false,
            seed: 1,
            picture_mib: 32,
            weights_mib: 32,
            device: "auto".to_owned(),
        }
    }
}

impl TrainConfig {
    /// Optimiser updates in all.
    #[must_use]
    pub fn total_steps(&self, steps_per_epoch: u64) -> u64 {
        if self.epochs > 0 {
            self.epochs * steps_per_epoch
        } else {
            self.steps
        }
    }

    /// Images that are in memory at once: the largest part of a batch.
    #[must_use]
    pub fn images_at_once(&self) -> u64 {
        self.batch.div_ceil(self.accumulate.max(1))
    }

    /// The learning rate of `step` (0-based) of `total`.
    #[must_use]
    pub fn rate_at(&self, step: u64, total: u64) -> f64 {
        let (step, total, warmup) = (step as f64, total as f64, self.warmup_steps as f64);
        if step < warmup {
            return self.learning_rate * (step + 1.0) / (warmup + 1.0);
        }
        let t = ((step - warmup) / (total - warmup).max(1.0)).clamp(0.0, 1.0);
        self.learning_rate
            * match self.schedule {
                Schedule::Constant => 1.0,
                Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * t).cos()),
                Schedule::Polynomial => (1.0 - t).powf(0.9),
            }
    }

    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            Param::choice(
                "optimizer",
                &mut self.optimizer,
                "How gradients become updates.",
            ),
            Param::log_float(
                "learning_rate",
                &mut self.learning_rate,
                0.0..=10.0,
                "Size of an update; the schedule changes it over the run.",
            ),
            Param::choice(
                "schedule",
                &mut self.schedule,
                "How the learning rate changes over the run.",
            ),
            Param::int(
                "warmup_steps",
                &mut self.warmup_steps,
                0..=100_000,
                "Steps over which the learning rate rises from near 0.",
            ),
            Param::log_float(
                "weight_decay",
                &mut self.weight_decay,
                0.0..=1.0,
                "Pull of the weights towards 0 (AdamW: decoupled; SGD: L2).",
            ),
            Param::int("batch", &mut self.batch, 1..=512, "Images per step."),
            Param::int(
                "accumulate",
                &mut self.accumulate,
                1..=512,
                "Parts that each batch is computed in, one after the other, to save memory; batch normalisation and batch-wide losses see one part at a time.",
            ),
            Param::flag(
                "checkpointing",
                &mut self.checkpointing,
                "Compute maps again in the backward pass instead of keeping them: less memory, a little slower. The CPU always does so with normalised maps.",
            ),
            Param::int(
                "epochs",
                &mut self.epochs,
                0..=100_000,
                "Passes over the training images; 0 lets `train.steps` decide.",
            ),
            Param::int(
                "steps",
                &mut self.steps,
                1..=10_000_000,
                "Optimiser updates in all, when `train.epochs` is 0.",
            ),
            Param::float(
                "clip_norm",
                &mut self.clip_norm,
                0.0..=1e6,
                "Global gradient norm above which the gradient is scaled down; 0 = off.",
            ),
            Param::int(
                "validate_every",
                &mut self.validate_every,
                0..=1_000_000,
                "Steps between validations; 0 = once per epoch.",
            ),
            Param::int(
                "patience",
                &mut self.patience,
                0..=1_000_000,
                "Early stop: validations without a better mean Dice after which the run ends; 0 = never.",
            ),
            Param::flag(
                "stop_on_error",
                &mut self.stop_on_error,
                "Early stop: end the run when the doctor finds an error, such as a collapse.",
            ),
            Param::int(
                "seed",
                &mut self.seed,
                0..=u64::from(u32::MAX),
                "Seed of initial weights, order and augmentation.",
            ),
            Param::int(
                "picture_mib",
                &mut self.picture_mib,
                0..=100_000,
                "MiB of disk that the predictions kept at every validation may take; 0 = none.",
            ),
            Param::int(
                "weights_mib",
                &mut self.weights_mib,
                0..=100_000,
                "MiB of disk that the weights kept along the way may take, beside the best and the last; 0 = none.",
            ),
            Param::text(
                "device",
                &mut self.device,
                "`auto`, `cpu`, or a name that `dicebench devices` lists.",
            ),
        ]
    }
}
