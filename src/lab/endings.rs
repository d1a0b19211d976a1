//! What is said of lanes that end together: one notice for all of them.

use std::time::{Duration, Instant};

use super::notices::{Level, Notices};

/// Lanes take turns: those that end within this time of one another end together.
const TOGETHER: Duration = Duration::from_secs(3);

/// How a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// All its steps were made.
    Completed,
    /// By the one who started it.
    ByHand,
}

/// Lanes that ended and were not told of yet.
#[derive(Debug, Default)]
pub(super) struct Endings {
    waiting: Vec<(String, u64, How)>,
    last: Option<Instant>,
}

impl Endings {
    pub(super) fn push(&mut self, name: String, steps: u64, how: How) {
        self.waiting.push((name, steps, how));
        self.last = Some(Instant::now());
    }

    /// Tells of them once the last of those that end together has, or `now`.
    pub(super) fn tell(&mut self, notices: &mut Notices, now: bool) {
        if !now && self.last.is_none_or(|last| last.elapsed() < TOGETHER) {
            return;
        }
        for how in [How::Completed, How::ByHand] {
            let lanes = self.waiting.iter().filter(|(_, _, other)| *other == how);
            let lanes: Vec<(&str, u64)> = lanes.map(|(name, n, _)| (name.as_str(), *n)).collect();
            if !lanes.is_empty() {
                let level = match how {
                    How::Completed => Level::Success,
                    How::ByHand => Level::Info,
                };
                notices.push(level, said(&lanes, how));
            }
        }
        self.waiting.clear();
        self.last = None;
    }
}

fn said(lanes: &[(&str, u64)], how: How) -> String {
    let least = lanes.iter().map(|(_, steps)| *steps).min().unwrap_or(0);
    let most = lanes.iter().map(|(_, steps)| *steps).max().unwrap_or(0);
    let steps = match (least == most, most) {
        (true, 1) => "1 step".to_owned(),
        (true, _) => format!("{most} steps"),
        (false, _) => format!("{least} to {most} steps"),
    };
    match (lanes, how) {
        ([(name, _)], How::Completed) => format!("“{name}” is trained: {steps}"),
        ([(name, _)], How::ByHand) => format!("“{name}” is stopped by hand after {steps}"),
        (_, How::Completed) => format!("{} lanes are trained: {steps}", lanes.len()),
        (_, How::ByHand) => {
            let count = lanes.len();
            format!("The race is stopped by hand: {count} lanes, after {steps}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lanes: &[(&str, u64, How)]) -> Vec<String> {
        let (mut endings, mut notices) = (Endings::default(), Notices::default());
        for (name, steps, how) in lanes {
            endings.push((*name).to_owned(), *steps, *how);
        }
        endings.tell(&mut notices, false);
        assert!(notices.all().is_empty(), "others may end with them");
        endings.tell(&mut notices, true);
        endings.tell(&mut notices, true);
        notices
            .all()
            .iter()
            .map(|notice| notice.text.clone())
            .collect()
    }

    #[test]
    fn lanes_that_end_together_are_told_of_once() {
        use How::{ByHand, Completed};
        assert_eq!(told(&[("a", 1, Completed)]), ["“a” is trained: 1 step"]);
        assert_eq!(
            told(&[("a", 7, ByHand), ("b", 8, ByHand), ("c", 7, ByHand)]),
            ["The race is stopped by hand: 3 lanes, after 7 to 8 steps"]
        );
        assert_eq!(
            told(&[("a", 9, Completed), ("b", 4, ByHand), ("c", 9, Completed)]),
            [
                "2 lanes are trained: 9 steps",
                "“b” is stopped by hand after 4 steps"
            ]
        );
        assert!(told(&[]).is_empty());
    }
}
