//! What to do, as a value: everything a run needs, spelled out. Reading one needs no device.

pub mod preset;
pub mod train_config;

pub use preset::Preset;
pub use train_config::TrainConfig;

use serde::{Deserialize, Serialize};

use crate::data::DataConfig;
use crate::loss::{ClassWeightsConfig, LossConfig, OutputActivation};
use crate::model::ModelConfig;
use crate::param::{Param, ParamError};

/// The complete configuration of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExperimentConfig {
    /// What the network puts on its logits before the loss sees them.
    pub activation: OutputActivation,
    pub data: DataConfig,
    pub model: ModelConfig,
    pub loss: LossConfig,
    pub class_weights: ClassWeightsConfig,
    pub train: TrainConfig,
}

impl ExperimentConfig {
    /// Every parameter; `loss.kind` decides the list and is not in it.
    pub fn params(&mut self) -> Vec<Param<'_>> {
        let mut params = vec![Param::choice(
            "activation",
            &mut self.activation,
            "Output activation: what the network puts on its logits before the loss sees them.",
        )];
        params.extend(self.data.params().into_iter().map(|p| p.under("data")));
        params.extend(self.model.params().into_iter().map(|p| p.under("model")));
        params.extend(self.loss.params().into_iter().map(|p| p.under("loss")));
        params.extend(
            self.class_weights
                .params()
                .into_iter()
                .map(|p| p.under("class_weights")),
        );
        params.extend(self.train.params().into_iter().map(|p| p.under("train")));
        params
    }

    /// This configuration with output activation, loss and class weights of another: what a race
    /// compares while everything else stays the same.
    #[must_use]
    pub fn with_loss_of(&self, other: &Self) -> Self {
        Self {
            activation: other.activation,
            loss: other.loss.clone(),
            class_weights: other.class_weights.clone(),
            ..self.clone()
        }
    }

    /// Sets one key from text; `loss.kind` changes the kind of loss.
    ///
    /// # Errors
    /// Naming the key, the value and what was expected.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), ParamError> {
        if let Some(rest) = key.strip_prefix("loss.") {
            return self
                .loss
                .set(rest, text)
                .map_err(|error| error.under("loss"));
        }
        crate::param::set(self.params(), key, text)
    }

    /// Checks every range and what must hold between fields.
    ///
    /// # Errors
    /// One message per problem, naming key, value and expectation.
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut copy = self.clone();
        let mut problems: Vec<String> = copy
            .params()
            .iter()
            .filter_map(|param| param.check().err())
            .map(|error| error.to_string())
            .collect();
        let multiple = 1u64 << self.model.depth.min(16);
        for (key, side) in [
            ("data.width", self.data.width),
            ("data.height", self.data.height),
        ] {
            if !side.is_multiple_of(multiple) {
                let depth = self.model.depth;
                problems.push(format!(
                    "`{key}` = {side} does not fit `model.depth` = {depth}: expected a multiple of {multiple}"
                ));
            }
        }
        if self.data.channels == 2 {
            problems.push("`data.channels` = 2: expected 1 (grey) or 3 (RGB)".to_owned());
        }
        if self.train.learning_rate == 0.0 {
            problems.push("`train.learning_rate` = 0: expected more than 0".to_owned());
        }
        if let LossConfig::Sum(sum) = &self.loss
            && sum.terms.iter().all(|term| term.weight == 0.0)
        {
            problems
                .push("every `loss.terms` weight is 0: expected at least one above 0".to_owned());
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// `(key, value)` of every parameter, for records and comparison; `loss.kind` first.
    #[must_use]
    pub fn values(&self) -> Vec<(String, String)> {
        let mut copy = self.clone();
        let kind = ("loss.kind".to_owned(), self.loss.kind().to_owned());
        std::iter::once(kind)
            .chain(
                copy.params()
                    .iter()
                    .map(|p| (p.key.clone(), p.value.to_string())),
            )
            .collect()
    }
}
