//! Ending a run before its time, when it was asked for: the scores no longer rise, or the doctor has
//! found an error. Why is said on the record, just before the end.

use crate::experiment::TrainConfig;
use crate::finding::{Finding, Severity};
use crate::run::RunEvent;
use crate::run::ended::{ON_ERROR, PATIENCE};

/// Counts validations. A run that goes on shows it those of its record first.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyStop {
    patience: u64,
    on_error: bool,
    best: Option<(u64, f64)>,
    since_best: u64,
}

impl EarlyStop {
    #[must_use]
    pub fn new(config: &TrainConfig) -> Self {
        Self {
            patience: config.patience,
            on_error: config.stop_on_error,
            best: None,
            since_best: 0,
        }
    }

    /// Looks at what a step brought; why the run should end, if it should.
    pub fn review(&mut self, events: &[RunEvent]) -> Option<Finding> {
        events.iter().find_map(|event| match event {
            RunEvent::Validated {
                step, mean_dice, ..
            } => self.validated(*step, *mean_dice),
            RunEvent::Finding { finding, .. }
                if self.on_error && finding.severity == Severity::Error =>
            {
                let message = format!(
                    "stopped because the doctor found an error: {}",
                    finding.message
                );
                let hint = Finding::new(ON_ERROR, Severity::Hint, message);
                Some(hint.remedy("`train.stop_on_error` = false trains on."))
            }
            _ => None,
        })
    }

    fn validated(&mut self, step: u64, mean_dice: Option<f64>) -> Option<Finding> {
        let better = match (mean_dice, self.best) {
            (Some(new), Some((_, best))) => new > best,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if better {
            self.best = mean_dice.map(|dice| (step, dice));
            self.since_best = 0;
            return None;
        }
        self.since_best += 1;
        if self.patience == 0 || self.since_best < self.patience {
            return None;
        }
        let best = match self.best {
            Some((step, dice)) => {
                format!("the best mean Dice, {dice:.3}, was reached at step {step}")
            }
            None => "no validation had a mean Dice".to_owned(),
        };
        let validations = match self.since_best {
            1 => "1 validation".to_owned(),
            n => format!("{n} validations"),
        };
        let message = format!("stopped after {validations} without a better one: {best}");
        let hint = Finding::new(PATIENCE, Severity::Hint, message);
        Some(hint.remedy("A larger `train.patience` waits longer; 0 never stops early."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::metrics::Confusion;

    fn validated(step: u64, dice: f64) -> RunEvent {
        RunEvent::Validated {
            step,
            loss: 1.0,
            dice: vec![Some(dice)],
            mean_dice: Some(dice),
            confusion: Confusion::new(1),
            per_image: Vec::new(),
            calibration: Default::default(),
            secs: 0.0,
        }
    }

    fn with(patience: u64, stop_on_error: bool) -> EarlyStop {
        EarlyStop::new(&TrainConfig {
            patience,
            stop_on_error,
            ..TrainConfig::default()
        })
    }

    #[test]
    fn patience_counts_validations_since_the_best() {
        let mut early = with(2, false);
        for (step, dice) in [(1, 0.2), (2, 0.1), (3, 0.3), (4, 0.3)] {
            assert_eq!(early.review(&[validated(step, dice)]), None, "{step}");
        }
        let why = early.review(&[validated(5, 0.25)]).unwrap();
        assert_eq!(why.code, PATIENCE);
        assert!(
            why.message.contains("0.300") && why.message.contains("step 3"),
            "{}",
            why.message
        );
    }

    #[test]
    fn nothing_stops_a_run_that_did_not_ask_for_it() {
        let mut early = with(0, false);
        let error = Finding::new("collapse", Severity::Error, "all background");
        for step in 1..50 {
            let events = [
                validated(step, 0.0),
                RunEvent::Finding {
                    step,
                    finding: error.clone(),
                },
            ];
            assert_eq!(early.review(&events), None);
        }
        let events = [RunEvent::Finding {
            step: 3,
            finding: error,
        }];
        let why = with(0, true).review(&events).unwrap();
        assert_eq!(why.code, ON_ERROR);
        assert!(why.message.contains("all background"), "{}", why.message);
        let warning = Finding::new("x", Severity::Warning, "only a warning");
        let events = [RunEvent::Finding {
            step: 3,
            finding: warning,
        }];
        assert_eq!(with(0, true).review(&events), None);
    }
}
