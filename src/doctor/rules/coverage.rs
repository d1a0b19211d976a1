//! The first gate: every class in what trains and in what validates.

use super::{Diagnosis, Evidence};
use crate::finding::Severity;

/// A class that only one of the two splits contains.
pub(super) fn class_missing_from_split(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let dataset = evidence.dataset?;
    let census = &dataset.census;
    let missing = |counts: &[u64]| -> Vec<&str> {
        dataset
            .classes
            .classes
            .iter()
            .zip(counts)
            .filter(|(_, count)| **count == 0)
            .map(|(class, _)| class.name.as_str())
            .collect()
    };
    let (train, val) = (missing(&census.train_pixels), missing(&census.val_pixels));
    if train.is_empty() && val.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    if !train.is_empty() {
        parts.push(format!("no training pixel shows {}", train.join(", ")));
    }
    if !val.is_empty() {
        parts.push(format!("no validation pixel shows {}", val.join(", ")));
    }
    Some(
        Diagnosis::new(
            "class-missing-from-split",
            Severity::Warning,
            format!("{}.", capitalised(&parts.join("; "))),
        )
        .why("What is never shown is never learned, and what is never tested has no score.")
        .met("every small dataset with a rare class")
        .remedy("Change the split's seed or ratio, or merge the class."),
    )
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{config, evidence, sample};
    use super::*;

    #[test]
    fn a_class_without_a_pixel_on_one_side_is_named_and_one_pixel_is_enough() {
        let config = config(&[]);
        let mut dataset = sample();
        let look = |dataset: &_| {
            class_missing_from_split(Evidence {
                dataset: Some(dataset),
                ..evidence(&config)
            })
        };
        assert_eq!(look(&dataset), None);
        dataset.census.val_pixels[4] = 0;
        let found = look(&dataset).unwrap();
        assert!(
            found
                .finding
                .message
                .contains("validation pixel shows speck")
        );
        dataset.census.val_pixels[4] = 1;
        assert_eq!(look(&dataset), None);
    }
}
