//! What an untrained network must score: the closed form of some losses where every class is equally
//! likely. A first loss that is far from it says that something is wired wrongly.

use serde::Serialize;

use crate::experiment::ExperimentConfig;
use crate::loss::{LossConfig, OutputActivation};

/// The loss of the uniform answer, and how it follows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Theory {
    pub value: f64,
    /// "ln 5".
    pub formula: String,
}

/// The closed form for `config`, where one is known: for losses with their settings as they come and
/// equal class weights; `counts` are the pixels of each class in the examined masks.
#[must_use]
pub fn initial(config: &ExperimentConfig, counts: &[u64], weighted: bool) -> Option<Theory> {
    if weighted {
        return None;
    }
    of(&config.loss, config.activation, counts)
}

fn of(loss: &LossConfig, activation: OutputActivation, counts: &[u64]) -> Option<Theory> {
    let classes = counts.len() as f64;
    let total = counts.iter().sum::<u64>() as f64;
    let default = LossConfig::of_kind(loss.kind()).ok()?;
    match (loss, activation) {
        (LossConfig::CrossEntropy(_), OutputActivation::Softmax) if *loss == default => {
            Some(Theory {
                value: classes.ln(),
                formula: format!("ln {classes}"),
            })
        }
        (LossConfig::BinaryCrossEntropy(_), OutputActivation::Sigmoid) if *loss == default => {
            Some(Theory {
                value: 2f64.ln(),
                formula: "ln 2".to_owned(),
            })
        }
        (LossConfig::Dice(c), OutputActivation::Softmax | OutputActivation::Sigmoid)
            if *loss == default =>
        {
            let p = match activation {
                OutputActivation::Softmax => 1.0 / classes,
                _ => 0.5,
            };
            let ratio = |count: &u64| {
                let y = *count as f64;
                (2.0 * p * y + c.smooth_numerator) / (p * total + y + c.smooth_denominator)
            };
            Some(Theory {
                value: 1.0 - counts.iter().map(ratio).sum::<f64>() / classes,
                formula: "1 - mean of 2pf / (p + f) over the classes' shares f".to_owned(),
            })
        }
        (LossConfig::Sum(sum), _) => {
            let mut value = 0.0;
            let mut parts = Vec::new();
            for term in &sum.terms {
                let part = of(&term.loss, activation, counts)?;
                value += term.weight * part.value;
                parts.push(format!("{} * ({})", term.weight, part.formula));
            }
            Some(Theory {
                value,
                formula: parts.join(" + "),
            })
        }
        _ => None,
    }
}
