//! The formula with numbers in it: what each term adds to the loss, and what each class's ratio is
//! made of. For people to look at: it reads tensors back, so training never calls it.

use burn::prelude::*;
use serde::Serialize;

use super::overlap::{Overlap, VolumeWeights};
use super::{LossConfig, LossContext, LossError, Prediction, Target};

/// One term of the loss.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TermPart {
    pub kind: &'static str,
    /// Weight in the sum at the end of training; 1 for a loss that is no sum.
    pub weight: f64,
    pub value: f64,
    /// `weight · value`: these add up to the loss.
    pub contribution: f64,
    /// Empty where the term has no ratio of volumes.
    pub classes: Vec<ClassPart>,
}

/// One class's ratio over all images looked at; volumes in pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassPart {
    /// `None` where the ratio pools all classes.
    pub class: Option<usize>,
    pub intersection: f64,
    pub predicted: f64,
    pub truth: f64,
    /// Means over the images where each has its own ratio.
    pub numerator: f64,
    pub denominator: f64,
    /// Share of smoothing in numerator and denominator, 0..=1.
    pub smoothing_numerator: f64,
    pub smoothing_denominator: f64,
    /// The class's weight in the mean; with volume weights, its share of the one denominator.
    pub weight: f64,
    /// What the class adds to the term's value: these sum to it. `None` where the classes share one
    /// ratio.
    pub contribution: Option<f64>,
}

/// Takes a loss apart on one batch.
///
/// # Errors
/// When the loss can't be made for these classes or gives no number.
pub fn take(
    loss: &LossConfig,
    context: &LossContext,
    prediction: &Prediction,
    target: &Target,
) -> Result<Vec<TermPart>, LossError> {
    if let LossConfig::Sum(sum) = loss {
        let mut parts = Vec::new();
        for term in &sum.terms {
            for part in take(&term.loss, context, prediction, target)? {
                parts.push(TermPart {
                    weight: part.weight * term.weight,
                    contribution: part.contribution * term.weight,
                    ..part
                });
            }
        }
        return Ok(parts);
    }
    let value = loss.build(context)?.forward(prediction, target);
    let value = numbers(value)?.first().copied().unwrap_or(f64::NAN);
    let classes = match loss {
        LossConfig::Dice(config)
        | LossConfig::GeneralizedDice(config)
        | LossConfig::Jaccard(config)
        | LossConfig::Tversky(config)
        | LossConfig::Solution1Dice(config) => ratios(config, context, prediction, target, value)?,
        _ => Vec::new(),
    };
    Ok(vec![TermPart {
        kind: loss.kind(),
        weight: 1.0,
        value,
        contribution: value,
        classes,
    }])
}

fn ratios(
    c: &Overlap,
    context: &LossContext,
    prediction: &Prediction,
    target: &Target,
    value: f64,
) -> Result<Vec<ClassPart>, LossError> {
    let sums = c.sums(context, prediction, target)?;
    let [rows, columns] = sums.overlap.dims();
    let overlap = numbers(sums.overlap)?;
    let predicted = numbers(sums.predicted)?;
    let truth = numbers(sums.truth)?;
    let total = |all: &[f64], column: usize| -> f64 {
        all.iter().skip(column).step_by(columns.max(1)).sum()
    };
    let images = rows.max(1) as f64;
    let adds = match c.volume_weights {
        VolumeWeights::None => column_shares(&numbers(sums.adds)?, columns, value),
        // One ratio for all.
        _ => Vec::new(),
    };
    let mut parts: Vec<ClassPart> = (0..columns)
        .map(|column| {
            let intersection = total(&overlap, column);
            let (p, y) = (total(&predicted, column), total(&truth, column));
            let plain = c.kappa * intersection / images;
            let below = c.kappa
                * (intersection * (1.0 - c.alpha - c.beta) + p * c.alpha + y * c.beta)
                / images;
            let numerator = plain + c.smooth_numerator;
            let denominator = (below.max(c.class_denominator_floor) + c.smooth_denominator)
                .max(c.denominator_floor);
            ClassPart {
                class: (columns == sums.classes.len() && columns > 1 || context.num_classes == 1)
                    .then(|| sums.classes[column]),
                intersection,
                predicted: p,
                truth: y,
                numerator,
                denominator,
                smoothing_numerator: share(c.smooth_numerator, numerator),
                smoothing_denominator: share(c.smooth_denominator, denominator),
                weight: (sums.weights.as_ref())
                    .and_then(|weights| weights.get(column))
                    .copied()
                    .unwrap_or(1.0),
                contribution: adds.get(column).copied().filter(|_| columns > 1),
            }
        })
        .collect();
    let exponent = match c.volume_weights {
        VolumeWeights::None => return Ok(parts),
        VolumeWeights::Uniform => 0,
        VolumeWeights::Simple => 1,
        VolumeWeights::Square => 2,
    };
    // One ratio for all classes: what counts is each class's part of it.
    let largest = (parts.iter().filter(|part| part.truth > 0.0))
        .map(|part| (part.truth / images + c.volume_offset).powi(-exponent))
        .fold(0.0, f64::max);
    let weighted: Vec<f64> = (parts.iter())
        .map(|part| {
            let omega = if part.truth > 0.0 {
                (part.truth / images + c.volume_offset).powi(-exponent)
            } else {
                largest
            };
            omega * (part.denominator - c.smooth_denominator)
        })
        .collect();
    let all: f64 = weighted.iter().sum();
    for (part, weighted) in parts.iter_mut().zip(weighted) {
        part.weight = share(weighted, all);
    }
    Ok(parts)
}

/// What each column adds to `value`: its part of the sum before final powers and signs, and where
/// those turn the sum round (1 − mean), its part of what is missing.
fn column_shares(adds: &[f64], columns: usize, value: f64) -> Vec<f64> {
    let of = |column: usize| {
        adds.iter()
            .skip(column)
            .step_by(columns.max(1))
            .sum::<f64>()
    };
    let mut shares: Vec<f64> = (0..columns).map(of).collect();
    let sum: f64 = shares.iter().sum();
    if (sum - value).abs() <= 1e-6 * value.abs().max(1.0) {
        return shares;
    }
    if (1.0 - sum - value).abs() <= 1e-6 * value.abs().max(1.0) {
        for share in &mut shares {
            *share = 1.0 / columns as f64 - *share;
        }
        return shares;
    }
    for share in &mut shares {
        *share *= if sum == 0.0 { 0.0 } else { value / sum };
    }
    shares
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>, LossError> {
    let data = tensor
        .try_into_data()
        .map_err(|error| LossError::Invalid(format!("the loss gave no number: {error}")))?;
    Ok(data.iter::<f64>().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::OutputActivation;

    fn batch() -> (LossContext, Prediction, Target) {
        let device = Device::flex();
        let context = LossContext {
            num_classes: 2,
            class_weights: Vec::new(),
            device: device.clone(),
        };
        let target = Target::from_labels(&[0, 1, 1, 1], [1, 2, 2], 2, &device);
        let prediction = Prediction {
            logits: Tensor::zeros([1, 2, 2, 2], &device),
            activation: OutputActivation::Softmax,
        };
        (context, prediction, target)
    }

    /// Every pixel half of each class: class 0 has I = 0.5, P = 2, Y = 1; class 1 has 1.5, 2, 3.
    #[test]
    fn the_numbers_of_a_known_batch() {
        let (context, prediction, target) = batch();
        let dice = LossConfig::of_kind("dice").unwrap();
        let parts = take(&dice, &context, &prediction, &target).unwrap();
        let [zero, one] = &parts[0].classes[..] else {
            panic!("{parts:?}")
        };
        assert_eq!(
            (zero.intersection, zero.predicted, zero.truth),
            (0.5, 2.0, 1.0)
        );
        assert_eq!(
            (one.intersection, one.predicted, one.truth),
            (1.5, 2.0, 3.0)
        );
        assert_eq!((zero.numerator, zero.denominator), (2.0, 4.0));
        assert_eq!(
            (zero.smoothing_numerator, zero.smoothing_denominator),
            (0.5, 0.25)
        );
        let mean = (1.0 - 2.0 / 4.0 + 1.0 - 4.0 / 6.0) / 2.0;
        let adds: Vec<f64> = [zero, one]
            .map(|class| class.contribution.unwrap())
            .to_vec();
        assert!((adds[0] - 0.25).abs() < 1e-6 && (adds[1] - 1.0 / 6.0).abs() < 1e-6);
        assert!((parts[0].value - mean).abs() < 1e-6);
    }

    #[test]
    fn terms_add_up_to_the_loss() {
        let (context, prediction, target) = batch();
        let mut sum = LossConfig::default();
        sum.set("terms.1.weight", "0.5").unwrap();
        let parts = take(&sum, &context, &prediction, &target).unwrap();
        let loss = sum.build(&context).unwrap().forward(&prediction, &target);
        let loss = f64::from(loss.into_scalar::<f32>());
        let total: f64 = parts.iter().map(|part| part.contribution).sum();
        assert!((total - loss).abs() < 1e-6, "{total} {loss}");
        assert!(parts[1].classes.is_empty());
    }
}
