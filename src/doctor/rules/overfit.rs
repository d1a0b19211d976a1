//! Pattern 17, second half: learning by heart. (That images lie in both splits is found where the
//! dataset is opened.)

use super::page::Line;
use super::{Diagnosis, Evidence};
use crate::finding::Severity;

/// Validations that the loss must have risen over.
const RISING: usize = 5;
/// Rise and fall, relative to where they started, that are more than noise.
const CHANGE: f64 = 0.1;

/// The training loss falls while the validation loss rises.
pub(super) fn overfitting(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let run = evidence.run?;
    let from = run.validations.len().checked_sub(RISING + 1)?;
    let window = &run.validations[from..];
    let rises = window
        .windows(2)
        .filter(|pair| pair[1].loss > pair[0].loss)
        .count();
    let (first, last) = (window.first()?, window.last()?);
    let worse = last.loss > first.loss + CHANGE * first.loss.abs().max(0.05);
    if rises < RISING || !worse {
        return None;
    }
    let mean_between = |from: u64, to: u64| {
        let values: Vec<f64> = (run.steps.iter())
            .filter(|point| point.step > from && point.step <= to)
            .map(|point| point.loss)
            .collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let early = mean_between(first.step, window[1].step)?;
    let late = mean_between(window[RISING - 1].step, last.step)?;
    if late > early - CHANGE * early.abs() {
        return None;
    }
    Some(
        Diagnosis::new(
            "overfitting",
            Severity::Hint,
            format!(
                "Over five validations the training loss fell from {early:.3} to {late:.3} while the \
                 validation loss rose from {:.3} to {:.3}.",
                first.loss, last.loss
            ),
        )
        .pattern(17)
        .why("The network learns these images by heart. The best weights so far are kept.")
        .met("CAREamics#416, RIAWELC#2, OCTRON-GUI#89")
        .suspected()
        .fix(
            "Vary the training images",
            &[
                ("data.augment.flip_horizontal", "true"),
                ("data.augment.zoom", "0.2"),
                ("data.augment.brightness", "0.2"),
            ],
        )
        .lines(vec![
            Line::new("training loss", run.steps.iter().filter(|p| p.step > first.step).map(|p| (p.step, p.loss))),
            Line::new("validation loss", window.iter().map(|v| (v.step, v.loss))),
        ]),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{code, of_run, run};
    use super::*;

    #[test]
    fn rising_validation_beside_falling_training_is_named_and_either_alone_is_not() {
        let rising: Vec<(f64, f64)> = (0..10).map(|i| (0.4 + 0.05 * f64::from(i), 0.5)).collect();
        let mut bad = run(&rising);
        for point in &mut bad.steps {
            point.loss = 0.5 - 0.004 * point.step as f64;
        }
        assert_eq!(
            code(overfitting(of_run(&bad))).as_deref(),
            Some("overfitting")
        );
        assert_eq!(
            overfitting(of_run(&run(&rising))),
            None,
            "training stands still"
        );
        for validation in &mut bad.validations {
            validation.loss = 0.4;
        }
        assert_eq!(overfitting(of_run(&bad)), None, "validation stands still");
    }
}
