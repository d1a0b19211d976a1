//! How the weight of a term moves over training: the boundary loss, for one, is to come in slowly
//! (Kervadec et al. 2019). Knows fractions of training, not steps.

crate::choices! {
    /// How a term's weight gets from its start to its full value.
    pub enum Schedule {
        Constant = "constant": "The weight is the same from the first step to the last.",
        Ramp = "ramp": "From the start weight to the weight in a straight line.",
        Cosine = "cosine": "From the start weight to the weight, slow at both ends.",
    }
}

impl Schedule {
    /// The weight at `progress` (share of training done, 0..=1), on the way from `from` to `to`,
    /// which is reached at the share `over`.
    #[must_use]
    pub fn weight(self, from: f64, to: f64, over: f64, progress: f64) -> f64 {
        let done = if over > 0.0 {
            (progress / over).clamp(0.0, 1.0)
        } else {
            1.0
        };
        let share = match self {
            Self::Constant => 1.0,
            Self::Ramp => done,
            Self::Cosine => (1.0 - (std::f64::consts::PI * done).cos()) * 0.5,
        };
        // Exact at the end, whatever rounding would do.
        if share >= 1.0 {
            to
        } else {
            from + (to - from) * share
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_start_pass_the_middle_and_arrive() {
        for schedule in [Schedule::Ramp, Schedule::Cosine] {
            assert!((schedule.weight(0.1, 0.7, 0.5, 0.0) - 0.1).abs() < 1e-12);
            assert!((schedule.weight(0.1, 0.7, 0.5, 0.25) - 0.4).abs() < 1e-12);
            assert_eq!(schedule.weight(0.1, 0.7, 0.5, 0.5), 0.7);
            assert_eq!(schedule.weight(0.1, 0.7, 0.5, 1.0), 0.7);
            assert_eq!(schedule.weight(0.1, 0.7, 0.0, 0.0), 0.7);
        }
        assert_eq!(Schedule::Constant.weight(0.1, 0.7, 0.5, 0.0), 0.7);
        let quarter = |s: Schedule| s.weight(0.0, 1.0, 1.0, 0.25);
        assert!(quarter(Schedule::Cosine) < quarter(Schedule::Ramp));
    }
}
