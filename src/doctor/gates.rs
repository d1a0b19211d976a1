//! Cheap gates before the first epoch: what must hold whatever is trained.

use serde::Serialize;

use super::rules::Evidence;
use crate::loss::LossConfig;
use crate::loss::OutputActivation;
use crate::loss::cross_entropy::CrossEntropy;
use crate::loss::overlap::{Group, Overlap, Transform, VolumeWeights};

/// Steps within which one batch must be learned by heart, and the Dice that counts as learned.
pub const OVERFIT_STEPS: u64 = 50;
pub const OVERFIT_DICE: f64 = 0.9;
/// Relative difference between the loss of an undecided network and its closed form.
const AGREES: f64 = 0.05;
/// A class with a smaller share of the gradient gets none in practice.
const NO_GRADIENT: f64 = 1e-6;

/// One gate: open, shut, or not to be told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gate {
    pub name: &'static str,
    /// `None` where the evidence for it is missing.
    pub passed: Option<bool>,
    pub message: String,
}

/// What training on one batch alone came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overfit {
    /// Training loss per step.
    pub losses: Vec<f64>,
    /// Dice on the batch after the last step, the pixels of all classes but the background pooled.
    pub dice: Option<f64>,
    /// Why it ended early.
    pub broken: Option<String>,
}

/// The gates that need no training.
#[must_use]
pub fn before(evidence: Evidence<'_>) -> Vec<Gate> {
    vec![
        classes(evidence),
        order(evidence),
        initial(evidence),
        gradient(evidence),
    ]
}

fn classes(evidence: Evidence<'_>) -> Gate {
    let name = "every class in training and validation";
    let Some(dataset) = evidence.dataset else {
        return Gate {
            name,
            passed: None,
            message: "no dataset is open".to_owned(),
        };
    };
    let census = &dataset.census;
    let pairs = census.train_pixels.iter().zip(&census.val_pixels);
    let missing: Vec<&str> = (dataset.classes.classes.iter().zip(pairs))
        .filter(|(_, (train, val))| **train == 0 || **val == 0)
        .map(|(class, _)| class.name.as_str())
        .collect();
    Gate {
        name,
        passed: Some(missing.is_empty()),
        message: if missing.is_empty() {
            format!("{} classes on both sides", dataset.classes.len())
        } else {
            format!("missing on one side: {}", missing.join(", "))
        },
    }
}

fn order(evidence: Evidence<'_>) -> Gate {
    let name = "right answers score best";
    let (passed, message) = match evidence.xray {
        None => (None, "no X-ray yet".to_owned()),
        Some(xray) => match xray.violations.first() {
            Some(worst) => (Some(false), worst.message.clone()),
            None => (
                Some(true),
                format!("over {} answers of known worth", xray.oracles.len()),
            ),
        },
    };
    Gate {
        name,
        passed,
        message,
    }
}

fn initial(evidence: Evidence<'_>) -> Gate {
    let name = "loss of an undecided network";
    let Some(xray) = evidence.xray else {
        return Gate {
            name,
            passed: None,
            message: "no X-ray yet".to_owned(),
        };
    };
    let shares: Vec<f64> = xray.class_shares.iter().map(|share| share.pixels).collect();
    let softmax = evidence.config.activation == OutputActivation::Softmax;
    let plain_weights =
        evidence.config.class_weights.scheme == crate::loss::weights::WeightScheme::Uniform;
    let theory = (softmax && plain_weights)
        .then(|| theory(&evidence.config.loss, &shares))
        .flatten();
    match theory {
        None => Gate {
            name,
            passed: None,
            message: format!(
                "{:.4}; this configuration has no closed form here",
                xray.initial
            ),
        },
        Some(theory) => Gate {
            name,
            passed: Some((xray.initial - theory).abs() <= AGREES * theory.abs().max(0.01)),
            message: format!("{:.4}, theory says {theory:.4}", xray.initial),
        },
    }
}

fn gradient(evidence: Evidence<'_>) -> Gate {
    let name = "gradient reaches every class";
    let Some(xray) = evidence.xray else {
        return Gate {
            name,
            passed: None,
            message: "no X-ray yet".to_owned(),
        };
    };
    let dead: Vec<&str> = (xray.class_shares.iter())
        .filter(|share| share.gradient < NO_GRADIENT && share.pixels > 0.0)
        .map(|share| share.class.as_str())
        .collect();
    let least = (xray.class_shares.iter()).min_by(|a, b| a.gradient.total_cmp(&b.gradient));
    Gate {
        name,
        passed: Some(dead.is_empty()),
        message: match (dead.is_empty(), least) {
            (false, _) => format!("none for {}", dead.join(", ")),
            (true, Some(least)) => {
                format!("least for {}: {:.2} %", least.class, least.gradient * 100.0)
            }
            (true, None) => "no class".to_owned(),
        },
    }
}

/// The gate that one batch can be learned by heart.
#[must_use]
pub fn overfit(result: &Overfit) -> Gate {
    let steps = result.losses.len();
    let passed = result.broken.is_none() && result.dice.is_some_and(|dice| dice > OVERFIT_DICE);
    let dice = result
        .dice
        .map_or_else(|| "no Dice".to_owned(), |dice| format!("Dice {dice:.3}"));
    Gate {
        name: "one batch can be learned by heart",
        passed: Some(passed),
        message: match &result.broken {
            Some(message) => format!("broke after {steps} steps: {message}"),
            None => {
                format!("{dice} after {steps} steps on one batch, expected above {OVERFIT_DICE}")
            }
        },
    }
}

/// Loss of a softmax network that gives each of C classes 1/C, in closed form: cross-entropy ln C,
/// soft Dice per class 1 − mean (2f/C + s/n) / (1/C + f + s/n) with the smoothing's part left out.
fn theory(loss: &LossConfig, shares: &[f64]) -> Option<f64> {
    let classes = shares.len() as f64;
    match loss {
        LossConfig::Sum(sum) => (sum.terms.iter())
            .map(|term| Some(term.weight * theory(&term.loss, shares)?))
            .sum(),
        LossConfig::CrossEntropy(config) if *config == CrossEntropy::default() => {
            Some(classes.ln())
        }
        LossConfig::Dice(config) if plain_dice(config) => {
            let terms = shares.iter().map(|f| 2.0 * f / (classes * f + 1.0));
            Some(1.0 - terms.sum::<f64>() / classes)
        }
        _ => None,
    }
}

fn plain_dice(config: &Overlap) -> bool {
    let plain = Overlap {
        smooth_numerator: config.smooth_numerator,
        smooth_denominator: config.smooth_denominator,
        ..Overlap::default()
    };
    *config == plain
        && config.smooth_numerator <= 1.0
        && config.group == Group::Class
        && config.transform == Transform::OneMinus
        && config.volume_weights == VolumeWeights::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::ExperimentConfig;

    /// Values of the closed form, worked out by hand: shares 0.9, 0.08, 0.02 of three classes.
    #[test]
    fn closed_forms_are_those_of_theory() {
        let shares = [0.9, 0.08, 0.02];
        let of = |kind| theory(&LossConfig::of_kind(kind).unwrap(), &shares);
        assert!((of("cross_entropy").unwrap() - 3.0_f64.ln()).abs() < 1e-12);
        // 1 − (1.8/3.7 + 0.16/1.24 + 0.04/1.06) / 3
        assert!(
            (of("dice").unwrap() - 0.782_25).abs() < 1e-4,
            "{:?}",
            of("dice")
        );
        assert!(of("focal").is_none());
        let sum = theory(&LossConfig::default(), &shares).unwrap();
        assert!((sum - 3.0_f64.ln() - of("dice").unwrap()).abs() < 1e-12);
    }

    #[test]
    fn a_batch_learned_by_heart_opens_the_gate_and_a_broken_one_does_not() {
        let with = |dice, broken: Option<&str>| {
            let result = Overfit {
                losses: vec![0.5; 50],
                dice: Some(dice),
                broken: broken.map(str::to_owned),
            };
            overfit(&result).passed
        };
        assert_eq!(with(0.95, None), Some(true));
        assert_eq!(with(0.85, None), Some(false));
        assert_eq!(with(0.95, Some("NaN")), Some(false));
    }

    #[test]
    fn without_evidence_a_gate_says_nothing() {
        let config = ExperimentConfig::default();
        let evidence = Evidence {
            config: &config,
            dataset: None,
            xray: None,
            run: None,
        };
        assert!(before(evidence).iter().all(|gate| gate.passed.is_none()));
    }
}
