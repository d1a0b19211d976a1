//! How fast a run goes and when it will be done.

use crate::run::Run;

/// Steps that the speed is measured over.
const WINDOW: usize = 40;

/// Position and speed of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    pub step: u64,
    pub total: u64,
    /// Passes over the training set, with a fraction.
    pub epoch: f64,
    /// Steps a second over the last steps, validation included.
    pub steps_per_second: Option<f64>,
    /// Seconds.
    pub left: Option<f64>,
}

#[must_use]
pub fn pace(run: &Run) -> Pace {
    let step = run.steps.last().map_or(0, |point| point.step);
    let window = &run.steps[run.steps.len().saturating_sub(WINDOW)..];
    let steps_per_second = match window {
        [first, .., last] if last.secs > first.secs => {
            Some((last.step - first.step) as f64 / (last.secs - first.secs))
        }
        _ => None,
    };
    let left = steps_per_second.map(|speed| run.total_steps.saturating_sub(step) as f64 / speed);
    Pace {
        step,
        total: run.total_steps,
        epoch: step as f64 / run.steps_per_epoch.max(1) as f64,
        steps_per_second,
        left,
    }
}

/// Steps a second of each of these runs that take turns, and seconds until all are done.
#[must_use]
pub fn in_turns(runs: &[&Run]) -> (Option<f64>, Option<f64>) {
    let paces: Vec<Pace> = runs.iter().map(|run| pace(run)).collect();
    // Each has its own step's time, and waits for the steps of the others.
    let round: Option<f64> = paces.iter().map(|p| Some(1.0 / p.steps_per_second?)).sum();
    let left = paces.iter().map(|pace| pace.left).sum();
    (round.filter(|round| *round > 0.0).map(f64::recip), left)
}

/// "2:05" or "1:02:05".
#[must_use]
pub fn clock(secs: f64) -> String {
    let secs = secs.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (secs / 3600, secs / 60 % 60, secs % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::StepPoint;

    #[test]
    fn speed_and_time_left_follow_from_the_steps() {
        let mut run = Run {
            total_steps: 100,
            steps_per_epoch: 10,
            ..Run::default()
        };
        assert_eq!(pace(&run).left, None);
        for step in 1..=20 {
            run.steps.push(StepPoint {
                step,
                loss: 1.0,
                learning_rate: 0.1,
                grad_norm: 1.0,
                secs: step as f64 * 0.5,
            });
        }
        let pace = pace(&run);
        assert_eq!((pace.step, pace.epoch), (20, 2.0));
        assert_eq!(pace.steps_per_second, Some(2.0));
        assert_eq!(pace.left, Some(40.0));
    }

    #[test]
    fn runs_that_take_turns_wait_for_one_another() {
        let run = |secs_a_step: f64, total_steps: u64| {
            let mut run = Run {
                total_steps,
                ..Run::default()
            };
            run.steps.extend((1..=10).map(|step| StepPoint {
                step,
                loss: 1.0,
                learning_rate: 0.1,
                grad_norm: 1.0,
                secs: step as f64 * secs_a_step,
            }));
            run
        };
        let (fast, slow) = (run(0.5, 110), run(1.5, 20));
        assert_eq!(in_turns(&[&fast, &slow]), (Some(0.5), Some(50.0 + 15.0)));
        let new = Run::default();
        assert_eq!(in_turns(&[&fast, &new]), (None, None));
        assert_eq!(in_turns(&[]), (None, Some(0.0)));
    }

    #[test]
    fn clocks_read_as_people_write_them() {
        assert_eq!(clock(125.4), "2:05");
        assert_eq!(clock(3725.0), "1:02:05");
    }
}
