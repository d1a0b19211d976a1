//! Why a run ended before its time, as its record tells it.

use super::{Outcome, Run, RunEvent};

/// Code of the finding that ends a run whose scores no longer rise.
pub const PATIENCE: &str = "early-stop";
/// Code of the finding that ends a run in which the doctor has found an error.
pub const ON_ERROR: &str = "stopped-on-error";

const BY_HAND: &str = "stopped by hand; what it had learned is kept";

impl RunEvent {
    /// Whether a rule ends the run with it at `step`.
    #[must_use]
    pub fn is_stop_at(&self, step: u64) -> bool {
        matches!(self, Self::Finding { step: at, finding }
            if *at == step && [PATIENCE, ON_ERROR].contains(&finding.code.as_str()))
    }
}

impl Run {
    /// Code and message of the rule that stopped it; `None` for a run that nobody stopped, or that a
    /// person did.
    fn rule(&self) -> Option<(&str, &str)> {
        if self.outcome != Some(Outcome::Stopped) {
            return None;
        }
        // A rule speaks at the last step.
        let last = self.in_brief().step;
        let said = self.findings.iter().rev();
        said.filter(|(step, _)| *step == last)
            .map(|(_, finding)| (finding.code.as_str(), finding.message.as_str()))
            .find(|(code, _)| [PATIENCE, ON_ERROR].contains(code))
    }

    /// Whether a person ended it.
    #[must_use]
    pub fn was_stopped_by_hand(&self) -> bool {
        self.outcome == Some(Outcome::Stopped) && self.rule().is_none()
    }

    /// How it ended, in a few words; `None` while it trains, or when it was cut off.
    #[must_use]
    pub fn ending(&self) -> Option<&'static str> {
        Some(match self.outcome.as_ref()? {
            Outcome::Completed => "completed",
            Outcome::Stopped => match self.rule() {
                Some((PATIENCE, _)) => "stopped early",
                Some(_) => "stopped on error",
                None => "stopped by hand",
            },
            Outcome::Diverged { .. } => "diverged",
            Outcome::Failed { .. } => "failed",
        })
    }

    /// Why it ended before all its steps were done; `None` for one that did them, trains, or was cut
    /// off.
    #[must_use]
    pub fn why_ended(&self) -> Option<&str> {
        match self.outcome.as_ref()? {
            Outcome::Completed => None,
            Outcome::Stopped => Some(self.rule().map_or(BY_HAND, |(_, message)| message)),
            Outcome::Diverged { message, .. } | Outcome::Failed { message } => Some(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Finding, Severity};
    use crate::run::RunEvent;

    fn fold(run: &mut Run, upto: u64, code: Option<&str>, outcome: Option<Outcome>) {
        let from = run.steps.len() as u64 + 1;
        for step in from..=upto {
            run.apply(&RunEvent::Step {
                step,
                loss: 1.0,
                learning_rate: 0.1,
                grad_norm: 1.0,
                secs: 1.0,
            });
        }
        if let Some(code) = code {
            let finding = Finding::new(code, Severity::Hint, format!("{code} says so"));
            run.apply(&RunEvent::Finding {
                step: upto,
                finding,
            });
        }
        if let Some(outcome) = outcome {
            run.apply(&RunEvent::Finished {
                outcome,
                step: upto,
                secs: 1.0,
            });
        }
    }

    #[test]
    fn a_stop_is_told_by_its_rule_and_by_hand_where_none_spoke() {
        let stopped = |code| {
            let mut run = Run::default();
            fold(&mut run, 3, code, Some(Outcome::Stopped));
            run
        };
        let said = |run: &Run| (run.ending(), run.why_ended().map(str::to_owned));
        let because = |word, code| (Some(word), Some(format!("{code} says so")));
        assert_eq!(
            said(&stopped(Some(PATIENCE))),
            because("stopped early", PATIENCE)
        );
        assert_eq!(
            said(&stopped(Some(ON_ERROR))),
            because("stopped on error", ON_ERROR)
        );
        for code in [None, Some("collapse")] {
            let by_hand = (Some("stopped by hand"), Some(BY_HAND.to_owned()));
            assert_eq!(said(&stopped(code)), by_hand);
        }
        // The same without its curves.
        let mut brief = stopped(Some(PATIENCE));
        brief.shed();
        assert_eq!(brief.ending(), Some("stopped early"));
    }

    #[test]
    fn a_rule_that_spoke_before_a_run_went_on_is_not_why_it_ended() {
        let mut run = Run::default();
        fold(&mut run, 3, Some(PATIENCE), None);
        assert_eq!((run.ending(), run.why_ended()), (None, None));
        fold(&mut run, 5, None, Some(Outcome::Stopped));
        assert_eq!(run.ending(), Some("stopped by hand"));
        run.apply(&RunEvent::Finished {
            outcome: Outcome::Completed,
            step: 5,
            secs: 1.0,
        });
        assert_eq!((run.ending(), run.why_ended()), (Some("completed"), None));
    }
}
