//! What to do, as a value: everything a run needs, spelled out. Reading one needs no device.

mod pair;
pub mod plan;
pub mod preset;
pub mod sweep;
pub mod symptom;
pub mod train_config;

pub use preset::Preset;
pub use train_config::TrainConfig;

use serde::{Deserialize, Serialize};

use crate::data::{DataConfig, MaskValues};
use crate::loss::weights::WeightScheme;
use crate::loss::{
    ClassWeightsConfig, LossConfig, LossContext, LossError, LossFn, OutputActivation, byte_valued,
};
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

    /// The loss as this configuration trains with it.
    ///
    /// # Errors
    /// When its parameters don't fit the classes.
    pub fn build_loss(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        let loss = self.loss.build(context)?;
        Ok(match self.data.mask_values {
            MaskValues::Ones => loss,
            MaskValues::Bytes => byte_valued(loss),
        })
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
        problems.extend(self.weights_problem());
        for (key, text, expected) in [
            ("data.path", &self.data.path, "a folder or `sample`"),
            (
                "train.device",
                &self.train.device,
                "`auto`, `cpu` or the name of a GPU",
            ),
        ] {
            if text.trim().is_empty() {
                problems.push(format!("`{key}` is empty: expected {expected}"));
            }
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

    /// What is wrong with weights by hand; how many the dataset needs is only known where the class
    /// map is part of the configuration.
    fn weights_problem(&self) -> Option<String> {
        let manual = &self.class_weights.manual;
        if self.class_weights.scheme != WeightScheme::Manual {
            return None;
        }
        let found = manual.len();
        match &self.data.classes {
            Some(map) if map.len() != found => Some(format!(
                "`class_weights.manual` has {found} numbers for {} classes: expected one per class",
                map.len()
            )),
            _ if found == 0 => Some(
                "`class_weights.manual` is empty with `class_weights.scheme` = manual: expected one number per class"
                    .to_owned(),
            ),
            _ if manual.iter().all(|weight| *weight == 0.0) => Some(
                "every `class_weights.manual` is 0: expected at least one above 0".to_owned(),
            ),
            _ => None,
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

/// Stands for the value of a setting that a configuration does not have.
pub const ABSENT: &str = "–";

/// Settings that are not the same in all configurations, with the value in each ([`ABSENT`] where it
/// has no such setting), in the order of the configuration; those that only some have come last,
/// because they follow from the kind of loss.
#[must_use]
pub fn differences(configs: &[&ExperimentConfig]) -> Vec<(String, Vec<String>)> {
    let values: Vec<Vec<(String, String)>> = configs.iter().map(|c| c.values()).collect();
    let mut keys: Vec<&String> = Vec::new();
    for (key, _) in values.iter().flatten() {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let under = |own: &Vec<(String, String)>, key: &String| {
        let found = own.iter().find(|(other, _)| other == key);
        found.map_or_else(|| ABSENT.to_owned(), |(_, value)| value.clone())
    };
    let in_each = |key: &String| values.iter().map(|own| under(own, key)).collect();
    let mut lines: Vec<(String, Vec<String>)> = (keys.into_iter())
        .map(|key| (key.clone(), in_each(key)))
        .collect();
    lines.retain(|(_, values)| values.iter().any(|value| *value != values[0]));
    lines.sort_by_key(|(_, values)| values.iter().any(|value| value == ABSENT));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_together_is_named_with_key_value_and_expectation() {
        for (settings, parts) in [
            (
                vec![("class_weights.scheme", "manual")],
                ["class_weights.manual", "one number per class"],
            ),
            (
                vec![
                    ("class_weights.scheme", "manual"),
                    ("class_weights.manual", "0, 0"),
                ],
                ["class_weights.manual", "above 0"],
            ),
            (vec![("train.device", " ")], ["train.device", "auto"]),
            (vec![("data.path", "")], ["data.path", "sample"]),
            (
                vec![("data.channels", "2")],
                ["`data.channels` = 2", "1 (grey)"],
            ),
            (
                vec![("model.depth", "5"), ("data.height", "48")],
                ["`data.height` = 48", "multiple of 32"],
            ),
            (
                vec![("loss.terms.0.weight", "0"), ("loss.terms.1.weight", "0")],
                ["loss.terms", "above 0"],
            ),
        ] {
            let mut config = ExperimentConfig::default();
            for (key, value) in &settings {
                config.set(key, value).unwrap();
            }
            let problems = config.validate().unwrap_err();
            assert_eq!(problems.len(), 1, "{settings:?}: {problems:?}");
            for part in parts {
                assert!(problems[0].contains(part), "{problems:?} lacks {part}");
            }
        }
        assert_eq!(ExperimentConfig::default().validate(), Ok(()));
    }

    #[test]
    fn weights_by_hand_are_counted_where_the_classes_are_known() {
        let mut config = ExperimentConfig::default();
        config.set("class_weights.scheme", "manual").unwrap();
        config.set("class_weights.manual", "1, 2").unwrap();
        assert_eq!(config.validate(), Ok(()));
        let class = crate::data::Class {
            name: "a".to_owned(),
            color: [0; 3],
            values: vec![0],
        };
        config.data.classes = Some(crate::data::ClassMap {
            classes: vec![class; 3],
            ignore: Vec::new(),
            coding: crate::data::Coding::default(),
        });
        let problems = config.validate().unwrap_err();
        assert!(
            problems[0].contains("2 numbers for 3 classes"),
            "{problems:?}"
        );
    }
}
