//! The rules: each looks at the evidence and says nothing, or one thing with numbers and a fix.
//!
//! A rule is a function and one line in [`RULES`]. Silence is the normal answer: thresholds are
//! set so that a healthy run passes every rule, and each has a test that plants its cause and one
//! that plants a near miss.

mod activation;
mod balance;
mod learning;
mod order;
mod target;

use serde::Serialize;

use super::xray::Xray;
use crate::data::Dataset;
use crate::experiment::ExperimentConfig;
use crate::finding::{Finding, Severity};
use crate::run::Run;

/// What the rules may look at; a rule without its evidence stays silent.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub config: &'a ExperimentConfig,
    pub dataset: Option<&'a Dataset>,
    pub xray: Option<&'a Xray>,
    pub run: Option<&'a Run>,
}

/// Settings that would cure it, to clone the experiment with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fix {
    /// "Use a linear head".
    pub label: String,
    /// `(key, value)` in order.
    pub settings: Vec<(String, String)>,
}

/// A finding, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    #[serde(flatten)]
    pub finding: Finding,
    /// Why it matters, in plain words.
    pub why: String,
    /// Whether the evidence proves it or only suggests it.
    pub certain: bool,
    /// Where the field has met it.
    pub met: String,
    pub fix: Option<Fix>,
}

impl Diagnosis {
    fn new(code: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            finding: Finding::new(code, severity, message),
            why: String::new(),
            certain: true,
            met: String::new(),
            fix: None,
        }
    }

    fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    fn met(mut self, met: &str) -> Self {
        met.clone_into(&mut self.met);
        self
    }

    fn suspected(mut self) -> Self {
        self.certain = false;
        self
    }

    fn fix(mut self, label: &str, settings: &[(&str, &str)]) -> Self {
        label.clone_into(&mut self.finding.remedy);
        self.fix = Some(Fix {
            label: label.to_owned(),
            settings: settings
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        });
        self
    }

    fn remedy(mut self, remedy: &str) -> Self {
        remedy.clone_into(&mut self.finding.remedy);
        self
    }
}

type Rule = fn(Evidence<'_>) -> Option<Diagnosis>;

/// Every rule, most telling first.
const RULES: &[Rule] = &[
    order::wrong_answer_preferred,
    activation::doubled,
    activation::missing,
    activation::independent_for_exclusive_classes,
    activation::one_channel_softmax,
    target::class_blind,
    target::one_sum_over_all_classes,
    balance::class_without_gradient,
    balance::smoothing_dominates,
    balance::smoothing_below_only,
    balance::background_dropped_with_sigmoid,
    balance::broken_class_weights,
    balance::class_missing_from_split,
    learning::diverged,
    learning::loss_rises_with_dice,
    learning::collapsed,
    learning::fell_and_stayed_down,
    learning::overfitting,
];

/// Everything the rules have to say, worst first.
#[must_use]
pub fn diagnose(evidence: Evidence<'_>) -> Vec<Diagnosis> {
    let mut found: Vec<Diagnosis> = RULES.iter().filter_map(|rule| rule(evidence)).collect();
    found.sort_by_key(|d| std::cmp::Reverse(d.finding.severity));
    found
}

/// The `(key, value)` pairs of the loss whose key ends in `.name` (or is it).
fn loss_values(config: &ExperimentConfig, name: &str) -> Vec<(String, String)> {
    config
        .values()
        .into_iter()
        .filter(|(key, _)| key.starts_with("loss.") && key.rsplit('.').next() == Some(name))
        .collect()
}

/// The kinds of all losses in the configuration: the loss itself and the terms of a sum.
fn loss_kinds(config: &ExperimentConfig) -> Vec<String> {
    loss_values(config, "kind")
        .into_iter()
        .map(|(_, kind)| kind)
        .collect()
}
