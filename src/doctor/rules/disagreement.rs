//! Pattern 13: the loss says one thing and the score another.

use super::page::Line;
use super::{Diagnosis, Evidence};
use crate::finding::Severity;

/// Mean Dice that stopping at the lowest loss would give away.
const COST: f64 = 0.05;
/// Validations before which nothing is said.
const FEW: usize = 5;

/// The weights with the lowest loss are not those with the best masks.
pub(super) fn loss_and_dice(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let run = evidence.run?;
    if run.validations.len() < FEW {
        return None;
    }
    let best = &run.validations[run.best?];
    let lowest = (run.validations.iter()).min_by(|a, b| a.loss.total_cmp(&b.loss))?;
    let (best_dice, dice) = (best.mean_dice?, lowest.mean_dice?);
    if best_dice - dice <= COST {
        return None;
    }
    Some(
        Diagnosis::new(
            "loss-and-dice-disagree",
            Severity::Hint,
            format!(
                "The loss was lowest at step {} with mean Dice {dice:.3}; the best Dice, {best_dice:.3}, was at \
                 step {} with a loss of {:.4} instead of {:.4}.",
                lowest.step, best.step, best.loss, lowest.loss
            ),
        )
        .pattern(13)
        .why("The loss has other terms, weighs classes otherwise, or is taken per batch where the score pools all images. Stopping early by the loss would give the better masks away; the best weights kept are those with the best Dice.")
        .met("3DUnetCNN#33, ultrasound-nerve#47, nnUNet#2128, ivadomed#1091")
        .suspected()
        .remedy("Choose weights by the score that counts, not by the loss.")
        .lines(vec![
            Line::new("validation loss", run.validations.iter().map(|v| (v.step, v.loss))),
            Line::new("mean Dice", run.validations.iter().filter_map(|v| Some((v.step, v.mean_dice?)))),
        ]),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{code, of_run, run};
    use super::*;

    #[test]
    fn a_lowest_loss_far_from_the_best_masks_is_named_and_one_near_is_not() {
        let look = |points: &[(f64, f64)]| code(loss_and_dice(of_run(&run(points))));
        let bad = [(0.5, 0.3), (0.2, 0.4), (0.3, 0.5), (0.35, 0.6), (0.4, 0.7)];
        assert_eq!(look(&bad).as_deref(), Some("loss-and-dice-disagree"));
        let good = [
            (0.5, 0.3),
            (0.4, 0.4),
            (0.3, 0.7),
            (0.2, 0.68),
            (0.25, 0.69),
        ];
        assert_eq!(look(&good), None);
    }
}
