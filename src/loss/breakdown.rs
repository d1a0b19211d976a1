//! The formula with numbers in it: what each term adds to the loss, and what each class's ratio is
//! made of. For people to look at: it reads tensors back, so training never calls it.

use burn::prelude::*;
use serde::Serialize;

use super::arithmetic::softmax;
use super::overlap::{Overlap, VolumeWeights};
use super::{
    LossConfig, LossContext, LossError, LossFn, OutputActivation, Prediction, Target, product_sums,
};

/// One term of the loss.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TermPart {
    pub kind: &'static str,
    /// Weight in the sum, where training is; 1 for a loss that is no sum.
    pub weight: f64,
    pub value: f64,
    /// `weight · value`: these add up to the loss.
    pub contribution: f64,
    pub classes: Vec<ClassPart>,
}

/// One class's part over all images looked at; volumes in pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassPart {
    /// `None` where one ratio pools all classes.
    pub class: Option<usize>,
    pub intersection: f64,
    pub predicted: f64,
    pub truth: f64,
    /// `None` where the term has no ratio of volumes.
    #[serde(flatten)]
    pub ratio: Option<Ratio>,
    /// The class's weight in the mean; with volume weights, its share of the one denominator.
    pub weight: f64,
    /// What the class adds to the term's value: these sum to it. `None` where the classes are not
    /// added up.
    pub contribution: Option<f64>,
}

/// A class's ratio of volumes; means over the images where each has its own ratio.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ratio {
    pub numerator: f64,
    pub denominator: f64,
    /// Share of smoothing in numerator and denominator, 0..=1.
    pub smoothing_numerator: f64,
    pub smoothing_denominator: f64,
    /// The ratio with its numbers filled in: `(2 × 0.5 + 1) / (2 + 1 + 1)`.
    pub written: String,
}

/// Takes a loss apart on one batch, when the share `progress` of training is done (scheduled weights
/// follow it).
///
/// # Errors
/// When the loss can't be made for these classes or gives no number.
pub fn take(
    loss: &LossConfig,
    context: &LossContext,
    prediction: &Prediction,
    target: &Target,
    progress: f64,
) -> Result<Vec<TermPart>, LossError> {
    if let LossConfig::Sum(sum) = loss {
        let mut parts = Vec::new();
        for term in &sum.terms {
            let weight = term.weight_at(progress);
            for part in take(&term.loss, context, prediction, target, progress)? {
                parts.push(TermPart {
                    weight: part.weight * weight,
                    contribution: part.contribution * weight,
                    ..part
                });
            }
        }
        return Ok(parts);
    }
    let ready = loss.build(context)?;
    let value = number(ready.forward(prediction, target))?;
    let classes = match loss {
        LossConfig::Dice(config)
        | LossConfig::GeneralizedDice(config)
        | LossConfig::Jaccard(config)
        | LossConfig::Tversky(config)
        | LossConfig::Solution1Dice(config) => ratios(config, context, prediction, target, value)?,
        _ => by_pixels(&*ready, context, prediction, target, value)?,
    };
    Ok(vec![TermPart {
        kind: loss.kind(),
        weight: 1.0,
        value,
        contribution: value,
        classes,
    }])
}

/// The classes of a loss without ratios: their volumes, and what the pixels of each add, where the
/// loss is a sum over pixels.
fn by_pixels(
    ready: &dyn LossFn,
    context: &LossContext,
    prediction: &Prediction,
    target: &Target,
    value: f64,
) -> Result<Vec<ClassPart>, LossError> {
    // Without an activation on the network the loss brings its own; volumes are of probabilities.
    let probs = match prediction.activation {
        OutputActivation::None => softmax(prediction.logits.clone()),
        _ => prediction.output(),
    };
    let weights = target.weights();
    let sums = |planes: Tensor<2>| numbers(planes.sum_dim(0));
    let truth = target.one_hot.clone();
    let intersections = sums(product_sums(
        probs.clone(),
        [truth.clone(), weights.clone()],
    ))?;
    let predicted = sums(product_sums(probs, [weights.clone()]))?;
    let volumes = sums(product_sums(truth.clone(), [weights.clone()]))?;
    let mut adds = Vec::new();
    for class in 0..context.num_classes {
        let mut own = target.clone();
        own.pixel_weights = Some(truth.clone().narrow(1, class, 1) * weights.clone());
        adds.push(number(ready.forward(prediction, &own))?);
    }
    // Pixels add up in some losses; in others one pixel counts by what the rest is.
    let adds_up = (adds.iter().sum::<f64>() - value).abs() <= 1e-4 * value.abs().max(1e-6);
    let class_weights = context.weights()?;
    Ok((0..context.num_classes)
        .map(|class| ClassPart {
            class: Some(class),
            intersection: intersections[class],
            predicted: predicted[class],
            truth: volumes[class],
            ratio: None,
            weight: class_weights.as_ref().map_or(1.0, |all| all[class]),
            contribution: adds_up.then_some(adds[class]),
        })
        .collect())
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
            ClassPart {
                class: (columns == sums.classes.len() && columns > 1 || context.num_classes == 1)
                    .then(|| sums.classes[column]),
                intersection,
                predicted: p,
                truth: y,
                ratio: Some(ratio(c, [intersection, p, y].map(|sum| sum / images))),
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
            let below = part.ratio.as_ref().map_or(0.0, |ratio| ratio.denominator);
            omega * (below - c.smooth_denominator)
        })
        .collect();
    let all: f64 = weighted.iter().sum();
    for (part, weighted) in parts.iter_mut().zip(weighted) {
        part.weight = share(weighted, all);
    }
    Ok(parts)
}

/// The ratio of volumes I, P and Y.
fn ratio(c: &Overlap, [i, p, y]: [f64; 3]) -> Ratio {
    let rest = 1.0 - c.alpha - c.beta;
    let below = c.kappa * (i * rest + p * c.alpha + y * c.beta);
    let numerator = c.kappa * i + c.smooth_numerator;
    let denominator =
        (below.max(c.class_denominator_floor) + c.smooth_denominator).max(c.denominator_floor);
    let terms = [(rest, i), (c.alpha, p), (c.beta, y)];
    let mut lower: Vec<String> = terms
        .into_iter()
        .filter(|(factor, _)| c.kappa * factor != 0.0)
        .map(|(factor, sum)| times(c.kappa * factor, sum))
        .collect();
    lower.extend((c.smooth_denominator > 0.0).then(|| short(c.smooth_denominator)));
    let mut upper = vec![times(c.kappa, i)];
    upper.extend((c.smooth_numerator > 0.0).then(|| short(c.smooth_numerator)));
    Ratio {
        numerator,
        denominator,
        smoothing_numerator: share(c.smooth_numerator, numerator),
        smoothing_denominator: share(c.smooth_denominator, denominator),
        written: format!("({}) / ({})", upper.join(" + "), lower.join(" + ")),
    }
}

fn times(factor: f64, sum: f64) -> String {
    match factor == 1.0 {
        true => short(sum),
        false => format!("{} × {}", short(factor), short(sum)),
    }
}

/// Four digits that count, whole pixels in full.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 1e-3 => format!("{value:.0e}"),
        size if size < 10.0 => {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        size if size < 1e3 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
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

fn number(tensor: Tensor<1>) -> Result<f64, LossError> {
    Ok(numbers(tensor)?.first().copied().unwrap_or(f64::NAN))
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
        let parts = take(&dice, &context, &prediction, &target, 1.0).unwrap();
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
        let ratio = zero.ratio.as_ref().unwrap();
        assert_eq!((ratio.numerator, ratio.denominator), (2.0, 4.0));
        assert_eq!(
            (ratio.smoothing_numerator, ratio.smoothing_denominator),
            (0.5, 0.25)
        );
        assert_eq!(ratio.written, "(2 × 0.5 + 1) / (2 + 1 + 1)");
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
        let parts = take(&sum, &context, &prediction, &target, 1.0).unwrap();
        let loss = sum.build(&context).unwrap().forward(&prediction, &target);
        let loss = f64::from(loss.into_scalar::<f32>());
        let total: f64 = parts.iter().map(|part| part.contribution).sum();
        assert!((total - loss).abs() < 1e-6, "{total} {loss}");
        // Cross-entropy is ln 2 at every pixel: one of four is class 0.
        let [zero, one] = &parts[1].classes[..] else {
            panic!("{parts:?}")
        };
        let adds = [zero, one].map(|class| class.contribution.unwrap() / 2f64.ln());
        assert!((adds[0] - 0.25).abs() < 1e-6 && (adds[1] - 0.75).abs() < 1e-6);
        assert_eq!(
            (one.intersection, one.predicted, one.truth),
            (1.5, 2.0, 3.0)
        );
        assert_eq!(one.ratio, None);
    }

    /// Lovász orders pixels by their errors: no class can be taken out alone.
    #[test]
    fn what_does_not_add_up_is_not_added_up() {
        let (context, prediction, target) = batch();
        let lovasz = LossConfig::of_kind("lovasz").unwrap();
        let parts = take(&lovasz, &context, &prediction, &target, 1.0).unwrap();
        assert!(parts[0].classes.iter().all(|c| c.contribution.is_none()));
    }

    #[test]
    fn a_scheduled_term_weighs_what_it_weighs_now() {
        let (context, prediction, target) = batch();
        let mut sum = LossConfig::default();
        for (key, value) in [
            ("terms.0.schedule", "ramp"),
            ("terms.0.start", "0.2"),
            ("terms.0.over", "1"),
        ] {
            sum.set(key, value).unwrap();
        }
        let parts = take(&sum, &context, &prediction, &target, 0.5).unwrap();
        assert!((parts[0].weight - 0.6).abs() < 1e-9, "{}", parts[0].weight);
    }
}
