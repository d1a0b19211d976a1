//! Rules about a run in progress: what its curves say.

use super::{Diagnosis, Evidence};
use crate::finding::Severity;
use crate::run::{Outcome, Run, Validation};

/// Validations that a trend is read from.
const WINDOW: usize = 10;
/// Correlation of loss and mean Dice above which "lower is better" is refuted.
const WRONG_WAY: f64 = 0.5;
/// A change of mean Dice that is more than noise.
const REAL_CHANGE: f64 = 0.05;

/// The loss was not finite.
pub(super) fn diverged(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let Some(Outcome::Diverged { at_step, message }) = &evidence.run?.outcome else {
        return None;
    };
    let slower = evidence.config.train.learning_rate / 10.0;
    Some(
        Diagnosis::new(
            "diverged",
            Severity::Error,
            format!("At step {at_step}: {message}"),
        )
        .why("After a number that is not finite, every weight is lost.")
        .met("smp#463, nnUNet#2357, ultralytics#24554")
        .fix(
            "Train ten times slower, with clipped gradients",
            &[
                ("train.learning_rate", &slower.to_string()),
                ("train.clip_norm", "1"),
            ],
        ),
    )
}

/// Loss and Dice rise and fall together: the loss rewards the wrong thing.
pub(super) fn loss_rises_with_dice(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let recent = recent(evidence.run?)?;
    let dice: Vec<f64> = recent.iter().filter_map(|v| v.mean_dice).collect();
    let loss: Vec<f64> = recent.iter().map(|v| v.loss).collect();
    if dice.len() != loss.len() || spread(&dice) < REAL_CHANGE {
        return None;
    }
    let r = correlation(&loss, &dice)?;
    (r > WRONG_WAY).then(|| {
        Diagnosis::new(
            "loss-rises-with-dice",
            Severity::Warning,
            format!(
                "Over the last {} validations, loss and mean Dice go the same way (correlation {r:+.2}).",
                recent.len()
            ),
        )
        .why("A loss must fall while results improve. This one has the wrong sign, or measures something else.")
        .met("3d-mri-brain-tumor#7, ultrasound-nerve#8; the original question")
        .suspected()
        .remedy("Look at the X-ray: does the perfect answer score lowest?")
    })
}

/// One class is answered for (nearly) every pixel.
pub(super) fn collapsed(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let run = evidence.run?;
    let last = run.validations.last()?;
    // The first validations of any run answer one class: give it a quarter of its way.
    if run.validations.len() < 4 || last.step * 4 < run.total_steps {
        return None;
    }
    let n = last.confusion.classes;
    let total: u64 = last.confusion.counts.iter().sum();
    let (class, share) = (0..n)
        .map(|p| {
            let predicted: u64 = (0..n).map(|t| last.confusion.counts[t * n + p]).sum();
            (p, predicted as f64 / total.max(1) as f64)
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let truth: u64 = last.confusion.counts[class * n..(class + 1) * n]
        .iter()
        .sum();
    let true_share = truth as f64 / total.max(1) as f64;
    // 99.5 % of the pixels answered alike, where the truth differs noticeably.
    if share < 0.995 || true_share > 0.99 {
        return None;
    }
    let name = run.classes.get(class).map_or("one class", String::as_str);
    Some(
        Diagnosis::new(
            "collapsed",
            Severity::Warning,
            format!(
                "{:.1} % of the validation pixels are answered “{name}”, which is true for {:.1} %.",
                share * 100.0,
                true_share * 100.0
            ),
        )
        .why("The network found an answer that this loss rewards, or can't leave: the mask is one colour.")
        .met("NiftyNet#208, VNet#3, DIGITS#1438")
        .suspected()
        .fix(
            "Add cross-entropy, which pushes every pixel",
            &[("loss.kind", "sum")],
        ),
    )
}

/// Mean Dice dropped by half and did not come back.
pub(super) fn fell_and_stayed_down(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let run = evidence.run?;
    let best = &run.validations[run.best?];
    let best_dice = best.mean_dice?;
    let after: Vec<f64> = run
        .validations
        .iter()
        .filter(|v| v.step > best.step)
        .filter_map(|v| v.mean_dice)
        .collect();
    let last_three = after.len().checked_sub(3).map(|from| &after[from..])?;
    if best_dice < 0.2 || last_three.iter().any(|dice| *dice > 0.5 * best_dice) {
        return None;
    }
    let slower = evidence.config.train.learning_rate / 10.0;
    Some(
        Diagnosis::new(
            "fell-and-stayed-down",
            Severity::Warning,
            format!(
                "Mean Dice was {best_dice:.3} at step {} and has been below half of it for the last three validations.",
                best.step
            ),
        )
        .why("Too large a step threw the network out of what it had learned.")
        .met("nnUNet#2318 (a learning rate of 1e-4 cured it), nnUNet#298")
        .suspected()
        .fix(
            "Train ten times slower",
            &[("train.learning_rate", &slower.to_string())],
        ),
    )
}

/// Training loss falls while validation loss has risen for five validations.
pub(super) fn overfitting(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let run = evidence.run?;
    let recent = &run.validations[run.validations.len().checked_sub(6)?..];
    let rises = recent.windows(2).all(|pair| pair[1].loss > pair[0].loss);
    let (first, last) = (recent.first()?, recent.last()?);
    let mean_between = |from: u64, to: u64| {
        let losses: Vec<f64> = run
            .steps
            .iter()
            .filter(|p| p.step > from && p.step <= to)
            .map(|p| p.loss)
            .collect();
        (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
    };
    let early = mean_between(first.step, recent[1].step)?;
    let late = mean_between(recent[4].step, last.step)?;
    let dice_falls = last.mean_dice < first.mean_dice;
    (rises && late < early && dice_falls).then(|| {
        Diagnosis::new(
            "overfitting",
            Severity::Hint,
            format!(
                "Over five validations the training loss fell from {early:.3} to {late:.3} while the \
                 validation loss rose from {:.3} to {:.3}.",
                first.loss, last.loss
            ),
        )
        .why("The network learns these images by heart. The best weights so far are kept.")
        .met("CAREamics#416, RIAWELC#2")
        .suspected()
        .fix(
            "Vary the training images",
            &[
                ("data.augment.flip_horizontal", "true"),
                ("data.augment.zoom", "0.2"),
                ("data.augment.brightness", "0.2"),
            ],
        )
    })
}

fn recent(run: &Run) -> Option<&[Validation]> {
    let from = run.validations.len().checked_sub(WINDOW)?;
    Some(&run.validations[from..])
}

fn spread(values: &[f64]) -> f64 {
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    max - min
}

/// Pearson's r; `None` where either side is constant.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (dx, dy) = (x - mean_a, y - mean_b);
        ab += dx * dy;
        aa += dx * dx;
        bb += dy * dy;
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::Evidence;
    use super::*;
    use crate::run::metrics::Confusion;

    fn run(points: &[(f64, f64)]) -> Run {
        let validations = points
            .iter()
            .enumerate()
            .map(|(i, &(loss, dice))| Validation {
                step: 10 * (i as u64 + 1),
                loss,
                dice: vec![Some(dice)],
                mean_dice: Some(dice),
                confusion: Confusion {
                    classes: 2,
                    counts: vec![90, 0, 5, 5],
                },
                per_image: Vec::new(),
                secs: 0.0,
            })
            .collect();
        Run {
            validations,
            total_steps: 100,
            classes: vec!["background".into(), "cell".into()],
            ..Run::default()
        }
    }

    fn evidence(run: &Run) -> Evidence<'_> {
        Evidence {
            config: &run.config,
            dataset: None,
            xray: None,
            run: Some(run),
        }
    }

    #[test]
    fn a_loss_that_rises_with_dice_is_named_and_one_that_falls_is_not() {
        let rising: Vec<(f64, f64)> = (0..10)
            .map(|i| (f64::from(i) * 0.1, 0.1 + f64::from(i) * 0.05))
            .collect();
        let bad = run(&rising);
        assert_eq!(
            loss_rises_with_dice(evidence(&bad)).unwrap().finding.code,
            "loss-rises-with-dice"
        );
        let falling: Vec<(f64, f64)> = rising.iter().map(|(l, d)| (1.0 - l, *d)).collect();
        assert!(loss_rises_with_dice(evidence(&run(&falling))).is_none());
        let flat: Vec<(f64, f64)> = (0..10).map(|i| (f64::from(i), 0.3)).collect();
        assert!(loss_rises_with_dice(evidence(&run(&flat))).is_none());
    }

    #[test]
    fn one_colour_is_a_collapse_unless_the_truth_is_one_colour() {
        let mut bad = run(&[(0.5, 0.4); 5]);
        let last = bad.validations.last_mut().unwrap();
        last.confusion.counts = vec![900, 0, 100, 0];
        assert!(collapsed(evidence(&bad)).is_some());
        bad.validations.last_mut().unwrap().confusion.counts = vec![995, 0, 5, 0];
        assert!(collapsed(evidence(&bad)).is_none());
        assert!(collapsed(evidence(&run(&[(0.5, 0.4); 5]))).is_none());
    }

    #[test]
    fn a_fall_without_recovery_is_named() {
        let mut bad = run(&[(0.5, 0.6), (0.5, 0.1), (0.5, 0.1), (0.5, 0.1)]);
        bad.best = Some(0);
        assert!(fell_and_stayed_down(evidence(&bad)).is_some());
        let mut recovers = run(&[(0.5, 0.6), (0.5, 0.1), (0.5, 0.1), (0.5, 0.5)]);
        recovers.best = Some(0);
        assert!(fell_and_stayed_down(evidence(&recovers)).is_none());
    }
}
