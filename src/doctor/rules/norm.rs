//! Pattern 14: good while training, bad in evaluation, on the same images.

use serde::{Deserialize, Serialize};

use super::page::Line;
use super::{Diagnosis, Evidence};
use crate::finding::Severity;
use crate::model::config::Normalization;

/// Difference of mean Dice between the two modes that is more than the noise of one step.
const GAP: f64 = 0.15;

/// One training batch answered in both modes of the network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    pub step: u64,
    /// Mean Dice with the batch's own statistics.
    pub train_dice: Option<f64>,
    /// Mean Dice with the remembered statistics.
    pub eval_dice: Option<f64>,
    /// Largest standard deviation of a class's logits over the batch.
    pub spread: f64,
}

/// Evaluation is worse than training on the same images, twice in a row.
pub(super) fn gap(evidence: Evidence<'_>, probes: &[Probe]) -> Option<Diagnosis> {
    if evidence.config.model.normalization != Normalization::Batch {
        return None;
    }
    let difference = |probe: &Probe| Some(probe.train_dice? - probe.eval_dice?);
    let [.., before, last] = probes else {
        return None;
    };
    if difference(before)? <= GAP || difference(last)? <= GAP {
        return None;
    }
    let batch = evidence.config.train.batch;
    Some(
        Diagnosis::new(
            "train-eval-gap",
            Severity::Hint,
            format!(
                "The same training batch scores {:.3} with its own statistics and {:.3} with the remembered \
                 ones (batches of {batch}).",
                last.train_dice?, last.eval_dice?
            ),
        )
        .pattern(14)
        .why("Batch normalisation remembers an average over batches. Of small or uneven batches it is a poor one, and evaluation sees another network than training did.")
        .met("AnatomyNet#6; buglakova's train-eval disparity")
        .suspected()
        .fix("Normalise each image by itself", &[("model.normalization", "group")])
        .lines(vec![
            Line::new("training mode", probes.iter().filter_map(|p| Some((p.step, p.train_dice?)))),
            Line::new("evaluation mode", probes.iter().filter_map(|p| Some((p.step, p.eval_dice?)))),
        ]),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{config, cured, evidence};
    use super::*;

    #[test]
    fn a_gap_that_lasts_is_named_and_one_that_passes_is_not() {
        let config = config(&[("model.normalization", "batch")]);
        let probe = |eval| Probe {
            step: 1,
            train_dice: Some(0.8),
            eval_dice: Some(eval),
            spread: 1.0,
        };
        let look = |config: &_, evals: [f64; 2]| gap(evidence(config), &evals.map(probe));
        let found = look(&config, [0.6, 0.5]).unwrap();
        assert_eq!(look(&config, [0.6, 0.7]), None);
        assert_eq!(look(&config, [0.9, 0.95]), None);
        assert_eq!(look(&cured(&config, &found), [0.6, 0.5]), None);
    }
}
