//! Rules about classes that count too little or too much.

use super::{Diagnosis, Evidence, loss_values};
use crate::finding::Severity;
use crate::loss::OutputActivation;

/// A channel with less than this share of an even part of the gradient gets none in practice.
const NO_GRADIENT: f64 = 1e-6;
/// Smoothing that outweighs a class's own pixels per image decides the score instead of them.
const SMOOTHING_PER_PIXEL: f64 = 0.1;
/// Ratio of class weights beyond which one class owns the loss.
const WEIGHT_RATIO: f64 = 1000.0;

/// A class whose channel the loss never pushes.
pub(super) fn class_without_gradient(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let xray = evidence.xray?;
    let dead: Vec<&str> = xray
        .class_shares
        .iter()
        .filter(|share| share.gradient < NO_GRADIENT && share.pixels > 0.0)
        .map(|share| share.class.as_str())
        .collect();
    if dead.is_empty() {
        return None;
    }
    Some(
        Diagnosis::new(
            "class-without-gradient",
            Severity::Warning,
            format!("The loss gives no gradient to {}.", dead.join(", ")),
        )
        .why("What is never pushed is never learned: the channel keeps whatever it started with.")
        .met("MONAI#5413, UNet-Zoo#13")
        .remedy("Include the background, or use softmax so that classes compete."),
    )
}

/// A smoothing term that is large beside the pixels of a class.
pub(super) fn smoothing_dominates(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let (key, smoothing) = largest_smoothing(evidence, "smooth_numerator")?;
    let dataset = evidence.dataset?;
    let config = &evidence.config.data;
    let area = (config.width * config.height) as f64;
    let census = &dataset.census;
    let total = (census.train_pixels.iter().sum::<u64>() + census.ignored_train).max(1) as f64;
    // Mean number of pixels at input size of the class in an image that contains it.
    let smallest = (0..dataset.classes.len())
        .filter(|&class| census.train_images.get(class).is_some_and(|&n| n > 0))
        .map(|class| {
            let images = census.train_images[class] as f64;
            let share = census.train_pixels[class] as f64 / total;
            let all_images = dataset.split.train.len() as f64;
            (class, share * all_images / images * area)
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))?;
    let (class, pixels) = smallest;
    if smoothing <= SMOOTHING_PER_PIXEL * 2.0 * pixels {
        return None;
    }
    let name = &dataset.classes.classes[class].name;
    Some(
        Diagnosis::new(
            "smoothing-dominates",
            Severity::Warning,
            format!(
                "`{key}` = {smoothing} beside about {pixels:.0} pixels of {name} per image: missing \
                 the object completely still scores {:.0} %.",
                smoothing / (pixels + smoothing) * 100.0
            ),
        )
        .why("Smoothing is there for empty masks. Larger than the object, it forgives missing it.")
        .met("AdelaiDet#610, NiftyNet#249; advice of smooth = 100 circulates")
        .fix("Use a small smoothing", &[(key.as_str(), "0.00001")]),
    )
}

/// Smoothing under the line and none above: an empty mask answered rightly scores 0.
pub(super) fn smoothing_below_only(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let above = loss_values(evidence.config, "smooth_numerator");
    let below = loss_values(evidence.config, "smooth_denominator");
    let (key, value) = above
        .into_iter()
        .zip(below)
        .find(|((_, above), (_, below))| number(above) == Some(0.0) && number(below) > Some(0.0))
        .map(|((key, _), below)| (key, below.1))?;
    Some(
        Diagnosis::new(
            "smoothing-below-only",
            Severity::Hint,
            format!("Smoothing is {value} below the line and 0 above it."),
        )
        .why(
            "A class that is absent from truth and prediction scores 0 instead of 1, and an \
             all-background batch gives loss 1 without any gradient.",
        )
        .met("ynet#6, smp#575; Keras's own Dice")
        .fix(
            "Smooth above the line too",
            &[(key.as_str(), value.as_str())],
        ),
    )
}

/// Without the background class, nothing teaches a sigmoid head's background channel.
pub(super) fn background_dropped_with_sigmoid(evidence: Evidence<'_>) -> Option<Diagnosis> {
    if evidence.config.activation != OutputActivation::Sigmoid {
        return None;
    }
    let (key, _) = loss_values(evidence.config, "include_background")
        .into_iter()
        .find(|(_, value)| value == "false")?;
    Some(
        Diagnosis::new(
            "background-never-trained",
            Severity::Warning,
            "The background is left out of the loss, and sigmoid does not couple it to the other \
             classes: its channel gets no gradient at all.",
        )
        .why("The most probable class is taken at each pixel, so an untrained channel wins at random.")
        .met("UNet-Zoo#13, MONAI#8947")
        .fix("Count the background too", &[(key.as_str(), "true")]),
    )
}

/// Weights that are not finite, or so unequal that one class owns the loss.
pub(super) fn broken_class_weights(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let census = &evidence.dataset?.census;
    let weights = evidence
        .config
        .class_weights
        .weights(&census.train_pixels, &census.train_presence_pixels)
        .ok()?;
    let max = weights.iter().copied().fold(0.0, f64::max);
    let min = weights
        .iter()
        .copied()
        .filter(|w| *w > 0.0)
        .fold(f64::INFINITY, f64::min);
    let finite = weights.iter().all(|w| w.is_finite());
    if finite && max <= WEIGHT_RATIO * min {
        return None;
    }
    Some(
        Diagnosis::new(
            "broken-class-weights",
            Severity::Warning,
            format!("The largest class weight is {:.0} times the smallest.", max / min),
        )
        .why("One class owns the loss: the others are not learned, and a few wrong pixels throw the network about.")
        .met("olmoearth#560; generalised Dice with tiny classes")
        .fix(
            "Weigh by inverse square-root frequency",
            &[("class_weights.scheme", "inverse_sqrt")],
        ),
    )
}

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

fn largest_smoothing(evidence: Evidence<'_>, name: &str) -> Option<(String, f64)> {
    loss_values(evidence.config, name)
        .into_iter()
        .filter_map(|(key, value)| number(&value).map(|v| (key, v)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
