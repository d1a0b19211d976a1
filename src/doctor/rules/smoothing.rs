//! Pattern 11: smoothing that is larger than the objects, or stands on one side of the line only.

use super::page::Bar;
use super::term::{Term, terms};
use super::{Diagnosis, Evidence};
use crate::data::Dataset;
use crate::finding::Severity;

/// Share of numerator or denominator above which smoothing decides the ratio instead of the pixels.
const DECIDES: f64 = 0.1;

/// A smoothing term that is large beside the pixels of a class.
pub(super) fn dominates(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let dataset = evidence.dataset?;
    let apart = |term: &Term| {
        let smooth = term.number("smooth_numerator")?;
        // One ratio over several classes has the background's pixels to stand on.
        (term.scores_classes_apart() && term.is("volume_weights", "none"))
            .then_some((term.clone(), smooth))
    };
    let all = terms(evidence.config);
    let (term, smooth) = (all.iter().filter_map(apart)).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let pixels = pixels_per_ratio(evidence, dataset, term.is("group", "image_class"));
    let (class, smallest) = pixels.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1))?;
    // At the right answer the ratio is (2n + s) / (2n + s).
    if smooth / (2.0 * smallest + smooth) <= DECIDES {
        return None;
    }
    let name = |class: usize| dataset.classes.classes[class].name.as_str();
    let key = term.key("smooth_numerator");
    let mut settings = vec![
        (key.clone(), "0.00001".to_owned()),
        (term.key("smooth_denominator"), "0.00001".to_owned()),
    ];
    settings.extend(over_the_batch(&term));
    Some(
        Diagnosis::new(
            "smoothing-dominates",
            Severity::Warning,
            format!(
                "`{key}` = {smooth} beside about {smallest:.0} pixels of {} per ratio: missing it \
                 completely still scores {:.0} %.",
                name(class),
                smooth / (smallest + smooth) * 100.0
            ),
        )
        .pattern(11)
        .why("Smoothing is there for empty masks. Larger than the object, it forgives missing it.")
        .met("AdelaiDet#610, NiftyNet#249; advice of smooth = 100 circulates")
        .fix_with("Use a small smoothing", settings)
        .bars(
            "pixels per ratio",
            std::iter::once(Bar::new("smoothing", smooth, true)).chain(
                pixels
                    .iter()
                    .map(|(class, n)| Bar::new(name(*class), *n, false)),
            ),
        ),
    )
}

/// Per image, an answer that is right but not certain costs a full class wherever the class is absent,
/// however it is smoothed: one ratio over the batch does not.
fn over_the_batch(term: &Term) -> Option<(String, String)> {
    let per_image = term.is("group", "image_class");
    per_image.then(|| (term.key("group"), "class".to_owned()))
}

/// Pixels of each class, at input size, that one ratio is taken over where the class occurs.
fn pixels_per_ratio(
    evidence: Evidence<'_>,
    dataset: &Dataset,
    per_image: bool,
) -> Vec<(usize, f64)> {
    let config = evidence.config;
    let area = (config.data.width * config.data.height) as f64;
    let census = &dataset.census;
    let total = (census.train_pixels.iter().sum::<u64>() + census.ignored_train).max(1) as f64;
    let all_images = dataset.split.train.len() as f64;
    (0..dataset.classes.len())
        .filter(|&class| census.train_images.get(class).is_some_and(|&n| n > 0))
        .map(|class| {
            let share = census.train_pixels[class] as f64 / total;
            let images = if per_image {
                all_images / census.train_images[class] as f64
            } else {
                config.train.batch as f64
            };
            (class, share * images * area)
        })
        .collect()
}

/// Smoothing under the line and none above: an empty mask answered rightly scores 0.
pub(super) fn below_only(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let one_sided = |term: &&Term| {
        term.number("smooth_numerator") == Some(0.0)
            && term.number("smooth_denominator") > Some(0.0)
            && term.is("absent", "keep")
    };
    let all = terms(evidence.config);
    let term = all.iter().find(one_sided)?;
    let below = term.get("smooth_denominator")?;
    let mut settings = vec![(term.key("smooth_numerator"), below.to_owned())];
    settings.extend(over_the_batch(term));
    // Only a ratio of one class can be empty; one of all classes hardly ever is.
    let severity = if term.scores_classes_apart() && term.is("volume_weights", "none") {
        Severity::Warning
    } else {
        Severity::Hint
    };
    Some(
        Diagnosis::new(
            "smoothing-below-only",
            severity,
            format!(
                "Smoothing is {below} below the line and 0 above it (`{}`).",
                term.key("smooth_numerator")
            ),
        )
        .pattern(11)
        .why(
            "A class that is absent from truth and prediction scores 0 instead of 1, and an \
             all-background batch gives loss 1 without any gradient.",
        )
        .met("ynet#6, smp#575; Keras's own Dice")
        .fix_with("Smooth above the line too", settings),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{code, config, cured, evidence, sample};
    use super::*;

    #[test]
    fn smoothing_larger_than_a_speck_is_named_and_one_pixel_is_not() {
        let dataset = sample();
        let look = |config: &_| {
            dominates(Evidence {
                dataset: Some(&dataset),
                ..evidence(config)
            })
        };
        let dice = |smooth| {
            config(&[
                ("loss.kind", "dice"),
                ("loss.group", "image_class"),
                ("loss.smooth_numerator", smooth),
                ("loss.smooth_denominator", smooth),
            ])
        };
        let bad = dice("100");
        let found = look(&bad).unwrap();
        assert!(
            found.finding.message.contains("speck"),
            "{}",
            found.finding.message
        );
        assert_eq!(look(&cured(&bad, &found)), None);
        assert_eq!(look(&dice("1")), None);
        let mut pooled = dice("100");
        pooled.set("loss.group", "all").unwrap();
        assert_eq!(look(&pooled), None);
        assert_eq!(look(&config(&[])), None);
    }

    #[test]
    fn one_sided_smoothing_is_named_and_hurts_most_where_classes_stand_alone() {
        let look = |config: &_| below_only(evidence(config));
        let bad = config(&[("loss.kind", "dice"), ("loss.smooth_numerator", "0")]);
        let found = look(&bad).unwrap();
        assert_eq!(found.finding.severity, Severity::Warning);
        assert_eq!(look(&cured(&bad, &found)), None);
        let solution = config(&[("loss.kind", "solution1_dice")]);
        assert_eq!(look(&solution).unwrap().finding.severity, Severity::Hint);
        let none_at_all = config(&[
            ("loss.kind", "dice"),
            ("loss.smooth_numerator", "0"),
            ("loss.smooth_denominator", "0"),
        ]);
        assert_eq!(code(look(&none_at_all)), None);
    }
}
