//! The rules: each looks at the evidence and says nothing, or one thing with numbers and a fix.
//!
//! A rule is a function and one line in [`RULES`]; a file holds one pattern of the field, or a close
//! family. Silence is the normal answer: thresholds are set so that a healthy run passes every rule,
//! and each has a test that plants its cause and one that plants a near miss.

mod activation;
mod background;
mod balance;
#[cfg(test)]
mod cases;
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

/// Every rule with the code of what it says, most telling first. `cases.rs` plants a cause and a near
/// miss for each.
const RULES: &[(&str, When, Rule)] = &[
    (
        "wrong-answer-preferred",
        When::Before,
        order::wrong_answer_preferred,
    ),
    (
        "doubt-outweighs-error",
        When::Before,
        order::doubt_outweighs_error,
    ),
    ("wrong-sign", When::Before, sign::wrong_sign),
    ("doubled-activation", When::Before, activation::doubled),
    (
        "probabilities-as-logits",
        When::Before,
        activation::probabilities_as_logits,
    ),
    ("logits-as-probabilities", When::Before, activation::missing),
    (
        "sigmoid-with-softmax-loss",
        When::Before,
        activation::softmax_loss_on_sigmoid,
    ),
    ("ids-as-targets", When::Before, target::class_blind),
    (
        "one-sum-over-all-classes",
        When::Before,
        target::one_sum_over_all_classes,
    ),
    ("mask-values-not-0-1", When::Before, masks::bytes_as_target),
    ("masks-blended", When::Before, masks::blended),
    ("void-as-class", When::Before, masks::void_as_class),
    (
        "class-without-gradient",
        When::Before,
        background::class_without_gradient,
    ),
    (
        "background-never-trained",
        When::Before,
        background::dropped_with_sigmoid,
    ),
    (
        "one-channel-softmax",
        When::Before,
        background::one_channel_softmax,
    ),
    (
        "classes-left-out",
        When::Before,
        background::classes_left_out,
    ),
    ("smoothing-dominates", When::Before, smoothing::dominates),
    ("smoothing-below-only", When::Before, smoothing::below_only),
    ("broken-class-weights", When::Before, weights::broken),
    (
        "weight-for-absent-class",
        When::Before,
        weights::for_absent_class,
    ),
    ("class-weights-unused", When::Before, weights::unused),
    (
        "sigmoid-for-exclusive-classes",
        When::Before,
        balance::independent_for_exclusive_classes,
    ),
    (
        "class-missing-from-split",
        When::Before,
        coverage::class_missing_from_split,
    ),
    ("diverged", When::During, finite::diverged),
    ("loss-rises-with-dice", When::During, sign::rises_with_dice),
    (
        "collapsed-to-background",
        When::During,
        collapse::to_background,
    ),
    (
        "collapsed-to-one-class",
        When::During,
        collapse::to_one_class,
    ),
    (
        "fell-and-stayed-down",
        When::During,
        learning::fell_and_stayed_down,
    ),
    ("dead-network", When::During, learning::dead),
    ("overfitting", When::During, overfit::overfitting),
    ("at-the-floor", When::After, activation::at_the_floor),
    ("empty-class-policy", When::After, empty::policies_differ),
    (
        "loss-and-dice-disagree",
        When::After,
        disagreement::loss_and_dice,
    ),
];

type ProbeRule = fn(Evidence<'_>, &[Probe]) -> Option<Diagnosis>;

/// Rules that look at a batch in both modes of the network.
const PROBE_RULES: &[(&str, ProbeRule)] = &[
    ("train-eval-gap", norm::gap),
    ("dead-network", learning::silent),
];

/// Everything the rules have to say, worst first.
#[must_use]
pub fn diagnose(evidence: Evidence<'_>) -> Vec<Diagnosis> {
    let rules = RULES.iter().filter_map(|(_, _, rule)| rule(evidence));
    sorted(rules.chain(dataset::findings(evidence)).collect())
}

/// What a run's curves say while it goes on, worst first.
#[must_use]
pub fn watch(evidence: Evidence<'_>) -> Vec<Diagnosis> {
    let live = RULES.iter().filter(|(_, when, _)| *when == When::During);
    sorted(live.filter_map(|(_, _, rule)| rule(evidence)).collect())
}

/// What a run's curves say when asked: all that is said while it goes on, and what is only worth
/// knowing afterwards. Worst first.
#[must_use]
pub fn review(evidence: Evidence<'_>) -> Vec<Diagnosis> {
    let rules = RULES.iter().filter(|(_, when, _)| *when != When::Before);
    sorted(rules.filter_map(|(_, _, rule)| rule(evidence)).collect())
}

/// What a batch in both modes of the network says.
#[must_use]
pub fn watch_probes(evidence: Evidence<'_>, probes: &[Probe]) -> Vec<Diagnosis> {
    let rules = PROBE_RULES.iter();
    (rules.filter_map(|(_, rule)| rule(evidence, probes))).collect()
}

/// Codes of everything that the rules can say; what opening a dataset finds has codes of its own.
pub fn codes() -> impl Iterator<Item = &'static str> {
    let probes = PROBE_RULES.iter().map(|(code, _)| *code);
    RULES.iter().map(|(code, _, _)| *code).chain(probes)
}

fn sorted(mut found: Vec<Diagnosis>) -> Vec<Diagnosis> {
    found.sort_by_key(|d| std::cmp::Reverse(d.finding.severity));
    found
}
