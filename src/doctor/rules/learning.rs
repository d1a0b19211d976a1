//! Pattern 9: steps so large that the network is thrown out of what it knew, or dies.

use super::page::Line;
use super::{Diagnosis, Evidence, Probe};
use crate::finding::Severity;
use crate::run::Run;

/// Below this mean Dice there is nothing to fall from.
const SOMETHING: f64 = 0.2;
/// A gradient this many times the median is a blow.
const BLOW: f64 = 20.0;
/// Steps in a row without any gradient that make a network dead.
const STEPS: usize = 10;
/// Norm of the gradient, and spread of the logits over a batch, that are nothing.
const NO_GRADIENT: f64 = 1e-10;
const NO_SPREAD: f64 = 1e-4;

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
    if best_dice < SOMETHING || last_three.iter().any(|dice| *dice > 0.5 * best_dice) {
        return None;
    }
    let blow = blow(run, best.step).map_or(String::new(), |(step, times)| {
        format!(" At step {step} the gradient was {times:.0} times its median.")
    });
    Some(
        Diagnosis::new(
            "fell-and-stayed-down",
            Severity::Warning,
            format!(
                "Mean Dice was {best_dice:.3} at step {} and has been below half of it for the last three \
                 validations.{blow}",
                best.step
            ),
        )
        .pattern(9)
        .why("Too large a step threw the network out of what it had learned.")
        .met("nnUNet#2318 (a learning rate of 1e-4 cured it), nnUNet#298, u-net-brain-tumor#2, ultrasound-nerve#27")
        .suspected()
        .fix("Train ten times slower", &[("train.learning_rate", &slower(evidence))])
        .lines(vec![Line::new(
            "mean Dice",
            run.validations.iter().filter_map(|v| Some((v.step, v.mean_dice?))),
        )]),
    )
}

/// The largest gradient since `from`, where it was a blow: step, and times the median.
fn blow(run: &Run, from: u64) -> Option<(u64, f64)> {
    let mut norms: Vec<f64> = run.steps.iter().map(|p| p.grad_norm).collect();
    norms.sort_by(f64::total_cmp);
    let median = *norms.get(norms.len() / 2)?;
    let largest = (run.steps.iter())
        .filter(|point| point.step >= from)
        .max_by(|a, b| a.grad_norm.total_cmp(&b.grad_norm))?;
    let times = largest.grad_norm / median;
    (times > BLOW).then_some((largest.step, times))
}

/// No gradient reaches any weight any more.
pub(super) fn dead(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let run = evidence.run?;
    let from = run.steps.len().checked_sub(STEPS)?;
    let still = run.steps[from..]
        .iter()
        .all(|point| point.grad_norm < NO_GRADIENT);
    if !still {
        return None;
    }
    let since = (run.steps.iter().rev())
        .take_while(|point| point.grad_norm < NO_GRADIENT)
        .last()?;
    Some(
        page(
            evidence,
            "dead-network",
            format!(
                "Since step {} the gradient is 0: no weight changes any more.",
                since.step
            ),
        )
        .lines(vec![Line::new(
            "gradient norm",
            run.steps.iter().map(|p| (p.step, p.grad_norm)),
        )]),
    )
}

/// The network answers every pixel of a batch alike.
pub(super) fn silent(evidence: Evidence<'_>, probes: &[Probe]) -> Option<Diagnosis> {
    let [.., before, last] = probes else {
        return None;
    };
    if before.spread > NO_SPREAD || last.spread > NO_SPREAD {
        return None;
    }
    Some(page(
        evidence,
        "dead-network",
        format!(
            "At step {} every pixel of a batch gets the same logits (standard deviation {:.0e}).",
            last.step, last.spread
        ),
    ))
}

fn page(evidence: Evidence<'_>, code: &str, message: String) -> Diagnosis {
    Diagnosis::new(code, Severity::Warning, message)
        .pattern(9)
        .why("The first steps were so large that every hidden unit ended on its flat side: what comes in makes no difference any more.")
        .met("nnUNet#298 (nnU-Net lowers the momentum and restarts), u-net-brain-tumor#2, ultrasound-nerve#27")
        .fix(
            "Train ten times slower, with clipped gradients and warm-up",
            &[
                ("train.learning_rate", &slower(evidence)),
                ("train.clip_norm", "1"),
                ("train.warmup_steps", "10"),
            ],
        )
}

fn slower(evidence: Evidence<'_>) -> String {
    (evidence.config.train.learning_rate / 10.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{code, config, evidence, of_run, run};
    use super::*;

    #[test]
    fn a_fall_without_recovery_is_named_with_the_blow() {
        let mut bad = run(&[(0.5, 0.6), (0.5, 0.1), (0.5, 0.1), (0.5, 0.1)]);
        bad.steps[30].grad_norm = 50.0;
        let found = fell_and_stayed_down(of_run(&bad)).unwrap();
        assert!(
            found
                .finding
                .message
                .contains("At step 31 the gradient was 50 times"),
            "{}",
            found.finding.message
        );
        let recovers = run(&[(0.5, 0.6), (0.5, 0.1), (0.5, 0.1), (0.5, 0.5)]);
        assert_eq!(fell_and_stayed_down(of_run(&recovers)), None);
        let low = run(&[(0.5, 0.15), (0.5, 0.01), (0.5, 0.01), (0.5, 0.01)]);
        assert_eq!(fell_and_stayed_down(of_run(&low)), None);
    }

    #[test]
    fn ten_steps_without_gradient_are_death_and_nine_are_not() {
        let mut bad = run(&[(0.5, 0.1)]);
        for point in &mut bad.steps[90..] {
            point.grad_norm = 0.0;
        }
        assert_eq!(code(dead(of_run(&bad))).as_deref(), Some("dead-network"));
        bad.steps[90].grad_norm = 1e-3;
        assert_eq!(dead(of_run(&bad)), None);
    }

    #[test]
    fn equal_logits_in_two_batches_are_death_and_in_one_they_are_not() {
        let config = config(&[]);
        let probe = |spread| Probe {
            step: 1,
            train_dice: Some(0.1),
            eval_dice: Some(0.1),
            spread,
        };
        let look = |spreads: [f64; 2]| code(silent(evidence(&config), &spreads.map(probe)));
        assert_eq!(look([1e-6, 0.0]).as_deref(), Some("dead-network"));
        assert_eq!(look([1e-6, 0.1]), None);
    }
}
