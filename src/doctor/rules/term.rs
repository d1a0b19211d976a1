//! The losses inside a configuration, one by one: the loss itself, or the terms of a sum.

use std::collections::BTreeMap;

use crate::experiment::ExperimentConfig;
use crate::loss::LossConfig;

/// One loss that counts.
#[derive(Debug, Clone)]
pub(super) struct Term {
    /// Key that its parameters lie under: `loss` or `loss.terms.0.loss`.
    path: String,
    pub kind: &'static str,
    values: BTreeMap<String, String>,
}

impl Term {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.parse().ok()
    }

    /// The complete key of a parameter.
    pub fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// Whether it is made by the overlap engine: Dice, Jaccard, Tversky and their kin.
    pub fn is_overlap(&self) -> bool {
        self.values.contains_key("volume_weights")
    }

    /// Whether each class has a ratio of its own (per batch or per image).
    pub fn scores_classes_apart(&self) -> bool {
        self.is_overlap() && (self.is("group", "class") || self.is("group", "image_class"))
    }
}

/// Every loss of `config` that has a weight.
pub(super) fn terms(config: &ExperimentConfig) -> Vec<Term> {
    let mut found = Vec::new();
    collect(&config.loss, "loss", &mut found);
    found
}

fn collect(loss: &LossConfig, path: &str, found: &mut Vec<Term>) {
    if let LossConfig::Sum(sum) = loss {
        for (index, term) in sum.terms.iter().enumerate() {
            if term.weight > 0.0 {
                collect(&term.loss, &format!("{path}.terms.{index}.loss"), found);
            }
        }
        return;
    }
    let mut copy = loss.clone();
    found.push(Term {
        path: path.to_owned(),
        kind: loss.kind(),
        values: (copy.params().iter())
            .map(|param| (param.key.clone(), param.value.to_string()))
            .collect(),
    });
}
