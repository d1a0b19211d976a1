//! Sigmoid for classes that exclude each other: no mistake, but less than is known.

use super::{Diagnosis, Evidence};
use crate::finding::Severity;
use crate::loss::OutputActivation;

/// Every pixel has exactly one class, and the head does not know it.
pub(super) fn independent_for_exclusive_classes(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let classes = evidence.dataset.map(|d| d.classes.len())?;
    if evidence.config.activation != OutputActivation::Sigmoid || classes < 3 {
        return None;
    }
    Some(
        Diagnosis::new(
            "sigmoid-for-exclusive-classes",
            Severity::Hint,
            format!(
                "Every pixel of this dataset has exactly one of {classes} classes, but sigmoid \
                 decides each class on its own."
            ),
        )
        .why(
            "Channels don't compete: a pixel's probabilities may sum to anything from 0 to the \
             number of classes. It can train, but softmax states what is known.",
        )
        .met("the original question; Keras renormalises such output silently")
        .fix("End the network in softmax", &[("activation", "softmax")]),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{classes, config, cured, evidence, sample};
    use super::*;

    #[test]
    fn sigmoid_over_many_classes_is_a_hint_and_over_two_it_is_not() {
        let config = config(&[("activation", "sigmoid")]);
        let mut dataset = sample();
        let look = |config: &_, dataset: &_| {
            independent_for_exclusive_classes(Evidence {
                dataset: Some(dataset),
                ..evidence(config)
            })
        };
        let found = look(&config, &dataset).unwrap();
        assert_eq!(look(&cured(&config, &found), &dataset), None);
        dataset.classes = classes(&[("background", 0), ("cell", 1)]);
        assert_eq!(look(&config, &dataset), None);
    }
}
