//! Pattern 10: something was not a number.

use super::{Diagnosis, Evidence};
use crate::finding::Severity;
use crate::run::Outcome;

/// The run ended because of it; the message names what was first, and the image.
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
        .pattern(10)
        .why("After a number that is not finite, every weight is lost.")
        .met("smp#463, ultralytics#24554, nnUNet#2357, nnUNet#2402, MONAI#121")
        .fix(
            "Train ten times slower, with clipped gradients",
            &[
                ("train.learning_rate", &slower.to_string()),
                ("train.clip_norm", "1"),
            ],
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{of_run, run};
    use super::*;

    #[test]
    fn a_diverged_run_is_an_error_and_a_stopped_one_is_not() {
        let mut run = run(&[(0.5, 0.5)]);
        run.outcome = Some(Outcome::Diverged {
            at_step: 7,
            message: "the loss is NaN".into(),
        });
        let found = diverged(of_run(&run)).unwrap();
        assert!(found.finding.message.contains("step 7: the loss is NaN"));
        run.outcome = Some(Outcome::Stopped);
        assert_eq!(diverged(of_run(&run)), None);
    }
}
