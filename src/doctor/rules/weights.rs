//! Pattern 18: class weights that break the loss, or do nothing.

use super::page::Bar;
use super::term::{Term, terms};
use super::{Diagnosis, Evidence};
use crate::data::Dataset;
use crate::finding::Severity;
use crate::loss::weights::WeightScheme;

/// Ratio of class weights beyond which one class owns the loss.
const RATIO: f64 = 1000.0;

/// Weights that are not finite, or so unequal that one class owns the loss.
pub(super) fn broken(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let dataset = evidence.dataset?;
    let weights = weights(evidence, dataset)?;
    let max = weights.iter().copied().fold(0.0, f64::max);
    let positive = weights.iter().copied().filter(|w| *w > 0.0);
    let min = positive.fold(f64::INFINITY, f64::min);
    let infinite = weights.iter().position(|w| !w.is_finite());
    if infinite.is_none() && max <= RATIO * min {
        return None;
    }
    let message = match infinite {
        Some(class) => format!(
            "The weight of {} is {}.",
            name(dataset, class),
            weights[class]
        ),
        None => format!(
            "The largest class weight is {:.0} times the smallest.",
            max / min
        ),
    };
    Some(
        Diagnosis::new("broken-class-weights", Severity::Warning, message)
            .pattern(18)
            .why("One class owns the loss: the others are not learned, and a few wrong pixels throw the network about.")
            .met("olmoearth#560; generalised Dice with tiny classes")
            .fix(
                "Weigh by inverse square-root frequency",
                &[("class_weights.scheme", "inverse_sqrt")],
            )
            .bars("weight", (weights.iter().enumerate()).map(|(class, w)| Bar::new(name(dataset, class), *w, *w == max))),
    )
}

/// A class that has a weight and no pixels.
pub(super) fn for_absent_class(evidence: Evidence<'_>) -> Option<Diagnosis> {
    if evidence.config.class_weights.scheme == WeightScheme::Uniform {
        return None;
    }
    let dataset = evidence.dataset?;
    let weights = weights(evidence, dataset)?;
    let pixels = &dataset.census.train_pixels;
    let absent = |class: &usize| pixels.get(*class) == Some(&0) && weights[*class] > 0.0;
    let class = (0..weights.len())
        .filter(absent)
        .max_by(|a, b| weights[*a].total_cmp(&weights[*b]))?;
    let share = weights[class] / weights.iter().sum::<f64>();
    let mut cured = weights.clone();
    for class in (0..cured.len()).filter(absent) {
        cured[class] = 0.0;
    }
    if cured.iter().all(|w| *w == 0.0) {
        return None;
    }
    let list: Vec<String> = cured.iter().map(f64::to_string).collect();
    Some(
        Diagnosis::new(
            "weight-for-absent-class",
            Severity::Warning,
            format!(
                "{} weighs {:.4}, {:.0} % of all weights, and no training pixel shows it.",
                name(dataset, class),
                weights[class],
                share * 100.0
            ),
        )
        .pattern(18)
        .why("A formula of 1 / frequency gives the largest weight to what never occurs; the loss is then mostly about a class that can't be learned.")
        .met("olmoearth#560")
        .fix("Weigh it 0", &[("class_weights.scheme", "manual"), ("class_weights.manual", &list.join(", "))])
        .bars("weight", (weights.iter().enumerate()).map(|(at, w)| Bar::new(name(dataset, at), *w, at == class))),
    )
}

/// Weights that were asked for and that no term of the loss takes.
pub(super) fn unused(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let scheme = evidence.config.class_weights.scheme;
    if scheme == WeightScheme::Uniform {
        return None;
    }
    let takes = |term: &Term| match term.kind {
        "cross_entropy" | "focal" | "binary_cross_entropy" => true,
        _ => term.scores_classes_apart() && term.is("volume_weights", "none"),
    };
    let all = terms(evidence.config);
    if all.iter().any(takes) {
        return None;
    }
    let kinds: Vec<&str> = all.iter().map(|term| term.kind).collect();
    Some(
        Diagnosis::new(
            "class-weights-unused",
            Severity::Warning,
            format!(
                "`class_weights.scheme` = {scheme}, but {} takes no class weights in this form.",
                kinds.join(", ")
            ),
        )
        .pattern(18)
        .why("The weights are computed and dropped: the run is the same as without them.")
        .met("BiaPy (automatic weights work with two classes only)")
        .fix(
            "Say that there are none",
            &[("class_weights.scheme", "uniform")],
        ),
    )
}

fn weights(evidence: Evidence<'_>, dataset: &Dataset) -> Option<Vec<f64>> {
    let census = &dataset.census;
    let config = &evidence.config.class_weights;
    let found = config.weights(&census.train_pixels, &census.train_presence_pixels);
    found.ok()
}

fn name(dataset: &Dataset, class: usize) -> String {
    let class = dataset.classes.classes.get(class);
    class.map_or_else(String::new, |class| class.name.clone())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{config, cured, evidence, sample};
    use super::*;

    #[test]
    fn weights_a_thousand_times_apart_are_named_and_a_hundred_times_are_not() {
        let dataset = sample();
        let look = |config: &_| {
            broken(Evidence {
                dataset: Some(&dataset),
                ..evidence(config)
            })
        };
        let by_hand = |list| {
            config(&[
                ("class_weights.scheme", "manual"),
                ("class_weights.manual", list),
            ])
        };
        let bad = by_hand("1, 1, 1, 1, 2000");
        let found = look(&bad).unwrap();
        assert_eq!(look(&cured(&bad, &found)), None);
        assert_eq!(look(&by_hand("1, 1, 1, 1, 100")), None);
        assert_eq!(look(&by_hand("0, 1, 1, 1, 100")), None);
    }

    #[test]
    fn a_weight_without_pixels_is_named_and_one_of_zero_is_not() {
        let mut dataset = sample();
        dataset.census.train_pixels[3] = 0;
        let look = |config: &_| {
            for_absent_class(Evidence {
                dataset: Some(&dataset),
                ..evidence(config)
            })
        };
        let bad = config(&[
            ("class_weights.scheme", "manual"),
            ("class_weights.manual", "1, 1, 1, 9, 1"),
        ]);
        let found = look(&bad).unwrap();
        assert!(found.finding.message.contains("fibre"));
        assert_eq!(look(&cured(&bad, &found)), None);
        assert_eq!(look(&config(&[("class_weights.scheme", "inverse")])), None);
        assert_eq!(look(&config(&[])), None);
    }

    #[test]
    fn weights_that_nothing_takes_are_named() {
        let look = |kind| {
            let config = config(&[("loss.kind", kind), ("class_weights.scheme", "inverse")]);
            unused(evidence(&config)).is_some()
        };
        assert!(look("generalized_dice") && look("boundary"));
        assert!(!look("dice") && !look("cross_entropy"));
        let sum = config(&[("class_weights.scheme", "inverse")]);
        assert_eq!(unused(evidence(&sum)), None);
    }
}
