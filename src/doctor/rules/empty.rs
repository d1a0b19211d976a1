//! Pattern 12: what a class that is absent from an image is worth.

use super::page::Bar;
use super::{Diagnosis, Evidence};
use crate::finding::Severity;
use crate::run::scores::{Empty, mean_of_present};

/// Share of images without some class, and difference of scores, from which the policy matters.
const IMAGES: f64 = 0.2;
const DIFFERENCE: f64 = 0.05;

/// Per-image scores depend on what an empty mask is worth.
pub(super) fn policies_differ(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let run = evidence.run?;
    let images = &run.validations.last()?.per_image;
    if images.is_empty() {
        return None;
    }
    let without = |class: usize| {
        let absent = images.iter().filter(|one| {
            let (hit, _, missed) = one.tp_fp_fn(class);
            hit + missed == 0
        });
        absent.count() as f64 / images.len() as f64
    };
    let classes = images[0].classes;
    let (class, share) = (0..classes)
        .map(|class| (class, without(class)))
        .filter(|(_, share)| *share < 1.0)
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let under = |empty: Empty| {
        let per_image: Vec<f64> = (images.iter())
            .map(|one| mean_of_present(&one.dice_as(empty)))
            .collect();
        mean_of_present(&per_image)
    };
    let policies = [
        ("left out where absent", under(Empty::SkipWithoutTruth)),
        ("1 where absent and not predicted", under(Empty::Perfect)),
        ("0 where absent and not predicted", under(Empty::Zero)),
    ];
    let highest = policies
        .iter()
        .map(|p| p.1)
        .fold(f64::NEG_INFINITY, f64::max);
    let lowest = policies.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    if share <= IMAGES || highest - lowest <= DIFFERENCE {
        return None;
    }
    let name = run.classes.get(class).map_or("a class", String::as_str);
    Some(
        Diagnosis::new(
            "empty-class-policy",
            Severity::Hint,
            format!(
                "{name} is absent from {:.0} % of the validation images: mean Dice per image is {lowest:.3} to \
                 {highest:.3}, depending on what an absent class is worth.",
                share * 100.0
            ),
        )
        .pattern(12)
        .why("Tools disagree: 1, 0, NaN or left out. Compare numbers only under the same policy; the curves here pool all images, so that a class is absent only if the whole set lacks it.")
        .met("ivadomed#183, finetune-SAM#29 (“significantly overestimate”), smp's Dice masks absent classes")
        .remedy("Name the policy beside the number, or report the pooled score.")
        .bars("mean Dice per image", policies.map(|(name, value)| Bar::new(name, value, value == highest))),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{code, of_run, run};
    use super::*;
    use crate::run::metrics::Confusion;

    #[test]
    fn absent_classes_are_shown_under_each_policy_where_it_matters() {
        let image = |counts: [u64; 4]| Confusion {
            classes: 2,
            counts: counts.to_vec(),
        };
        let (full, empty) = (image([80, 0, 10, 10]), image([100, 0, 0, 0]));
        let look = |images: Vec<Confusion>| {
            let mut run = run(&[(0.5, 0.5)]);
            run.validations[0].per_image = images;
            code(policies_differ(of_run(&run)))
        };
        let half = vec![full.clone(), empty.clone()];
        assert_eq!(look(half).as_deref(), Some("empty-class-policy"));
        let mut few = vec![full; 9];
        few.push(empty);
        assert_eq!(look(few), None);
        assert_eq!(look(Vec::new()), None);
    }
}
