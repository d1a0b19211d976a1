//! The rules: each looks at the evidence and says nothing, or one thing with numbers and a fix.
//!
//! A rule is a function and one line in [`RULES`]; a file holds one pattern of the field, or a close
//! family. Silence is the normal answer: thresholds are set so that a healthy run passes every rule,
//! and each has a test that plants its cause and one that plants a near miss.

mod activation;
mod background;
mod balance;
mod collapse;
mod coverage;
mod dataset;
mod disagreement;
mod empty;
mod finite;
mod learning;
mod masks;
mod norm;
mod order;
mod overfit;
mod page;
mod sign;
mod smoothing;
mod target;
mod term;
#[cfg(test)]
mod testing;
mod weights;

pub use norm::Probe;
pub use page::{Bar, Diagnosis, Fix, Line, PATTERNS, Picture};

use super::xray::Xray;
use crate::data::Dataset;
use crate::experiment::ExperimentConfig;
use crate::run::Run;

/// What the rules may look at; a rule without its evidence stays silent.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub config: &'a ExperimentConfig,
    pub dataset: Option<&'a Dataset>,
    pub xray: Option<&'a Xray>,
    pub run: Option<&'a Run>,
}

type Rule = fn(Evidence<'_>) -> Option<Diagnosis>;

/// When a rule can speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// From configuration, dataset and X-ray.
    Before,
    /// From the curves, while the run goes on; such a finding goes on the run's record.
    During,
    /// From the curves as well, but only when asked: worth knowing, no reason to speak up.
    After,
}

/// Every rule, most telling first.
const RULES: &[(When, Rule)] = &[
    (When::Before, order::wrong_answer_preferred),
    (When::Before, sign::wrong_sign),
    (When::Before, activation::doubled),
    (When::Before, activation::probabilities_as_logits),
    (When::Before, activation::missing),
    (When::Before, activation::softmax_loss_on_sigmoid),
    (When::Before, target::class_blind),
    (When::Before, target::one_sum_over_all_classes),
    (When::Before, masks::bytes_as_target),
    (When::Before, masks::blended),
    (When::Before, masks::void_as_class),
    (When::Before, background::class_without_gradient),
    (When::Before, background::dropped_with_sigmoid),
    (When::Before, background::one_channel_softmax),
    (When::Before, background::classes_left_out),
    (When::Before, smoothing::dominates),
    (When::Before, smoothing::below_only),
    (When::Before, weights::broken),
    (When::Before, weights::for_absent_class),
    (When::Before, weights::unused),
    (When::Before, balance::independent_for_exclusive_classes),
    (When::Before, coverage::class_missing_from_split),
    (When::During, finite::diverged),
    (When::During, sign::rises_with_dice),
    (When::During, collapse::to_background),
    (When::During, collapse::to_one_class),
    (When::During, learning::fell_and_stayed_down),
    (When::During, learning::dead),
    (When::During, overfit::overfitting),
    (When::After, activation::at_the_floor),
    (When::After, empty::policies_differ),
    (When::After, disagreement::loss_and_dice),
];

/// Everything the rules have to say, worst first.
#[must_use]
pub fn diagnose(evidence: Evidence<'_>) -> Vec<Diagnosis> {
    let rules = RULES.iter().filter_map(|(_, rule)| rule(evidence));
    sorted(rules.chain(dataset::findings(evidence)).collect())
}

/// What a run's curves say while it goes on, worst first.
#[must_use]
pub fn watch(evidence: Evidence<'_>) -> Vec<Diagnosis> {
    let live = RULES.iter().filter(|(when, _)| *when == When::During);
    sorted(live.filter_map(|(_, rule)| rule(evidence)).collect())
}

/// What a run's curves say when asked: all that is said while it goes on, and what is only worth
/// knowing afterwards. Worst first.
#[must_use]
pub fn review(evidence: Evidence<'_>) -> Vec<Diagnosis> {
    let rules = RULES.iter().filter(|(when, _)| *when != When::Before);
    sorted(rules.filter_map(|(_, rule)| rule(evidence)).collect())
}

/// What a batch in both modes of the network says.
#[must_use]
pub fn watch_probes(evidence: Evidence<'_>, probes: &[Probe]) -> Vec<Diagnosis> {
    let gap = norm::gap(evidence, probes);
    gap.into_iter()
        .chain(learning::silent(evidence, probes))
        .collect()
}

fn sorted(mut found: Vec<Diagnosis>) -> Vec<Diagnosis> {
    found.sort_by_key(|d| std::cmp::Reverse(d.finding.severity));
    found
}
