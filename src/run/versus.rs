//! Two runs on one image, and the images of a validation in the order in which they are worth a look.
//!
//! Counting on plain maps; it knows neither files nor windows.

use super::Validation;
use super::metrics::{Confusion, mean};

/// What two predictions make of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    BothRight,
    /// A right, B wrong.
    OnlyA,
    /// B right, A wrong.
    OnlyB,
    BothWrong,
    /// The truth is no class: the pixel takes no part.
    Void,
}

#[must_use]
pub fn judge(truth: u8, a: u8, b: u8, classes: usize) -> Verdict {
    if usize::from(truth) >= classes {
        return Verdict::Void;
    }
    match (a == truth, b == truth) {
        (true, true) => Verdict::BothRight,
        (true, false) => Verdict::OnlyA,
        (false, true) => Verdict::OnlyB,
        (false, false) => Verdict::BothWrong,
    }
}

/// Pixels of one true class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub both_right: u64,
    pub only_a: u64,
    pub only_b: u64,
    pub both_wrong: u64,
}

impl Tally {
    #[must_use]
    pub fn pixels(&self) -> u64 {
        self.both_right + self.only_a + self.only_b + self.both_wrong
    }

    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::BothRight => self.both_right += 1,
            Verdict::OnlyA => self.only_a += 1,
            Verdict::OnlyB => self.only_b += 1,
            Verdict::BothWrong => self.both_wrong += 1,
            Verdict::Void => {}
        }
    }
}

/// Counts per true class; maps of unequal length are read up to the shortest.
#[must_use]
pub fn tally(truth: &[u8], a: &[u8], b: &[u8], classes: usize) -> Vec<Tally> {
    let mut counts = vec![Tally::default(); classes];
    for ((&t, &a), &b) in truth.iter().zip(a).zip(b) {
        if let Some(count) = counts.get_mut(usize::from(t)) {
            count.add(judge(t, a, b, classes));
        }
    }
    counts
}

/// In which order images are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As the validation split has them.
    #[default]
    Split,
    /// Lowest mean Dice of the first run first.
    Worst,
    /// Largest difference of mean Dice between any two runs first.
    Difference,
    /// Lowest Dice of this class in the first run first; only images that have it.
    Class(usize),
    /// Most pixels of class `truth` taken for `prediction` by the first run first; only images with any.
    Cell { truth: usize, prediction: usize },
}

/// An image in an order: its place in the split, and the number it was ordered by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    pub position: usize,
    pub value: Option<f64>,
}

/// Mean Dice over the classes of one image.
#[must_use]
pub fn image_dice(validation: &Validation, position: usize) -> Option<f64> {
    mean(&validation.per_image.get(position)?.dice())
}

/// The images of `runs` (one validation of each, over the same split of `images`), ordered.
#[must_use]
pub fn rank(order: Order, runs: &[&Validation], images: usize) -> Vec<Ranked> {
    let first = runs.first();
    let of = |position: usize| -> Option<&Confusion> { first?.per_image.get(position) };
    let value = |position: usize| -> Option<f64> {
        match order {
            Order::Split => None,
            Order::Worst => image_dice(first?, position),
            Order::Difference => {
                let scores = runs.iter().filter_map(|v| image_dice(v, position));
                let scores: Vec<f64> = scores.collect();
                let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
                let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                (scores.len() > 1).then_some(high - low)
            }
            Order::Class(class) => of(position)?.dice().get(class).copied()?,
            Order::Cell { truth, prediction } => {
                let confusion = of(position)?;
                let inside = truth < confusion.classes && prediction < confusion.classes;
                let count =
                    inside.then(|| confusion.counts[truth * confusion.classes + prediction])?;
                (count > 0).then_some(count as f64)
            }
        }
    };
    let mut ranked: Vec<Ranked> = (0..images)
        .map(|position| Ranked {
            position,
            value: value(position),
        })
        .collect();
    match order {
        Order::Split => return ranked,
        Order::Class(_) | Order::Cell { .. } => ranked.retain(|r| r.value.is_some()),
        Order::Worst | Order::Difference => {}
    }
    // Rising for scores, falling for differences and counts; images without a number come last.
    let falling = matches!(order, Order::Difference | Order::Cell { .. });
    let key = |r: &Ranked| match r.value {
        Some(v) if falling => -v,
        Some(v) => v,
        None => f64::INFINITY,
    };
    ranked.sort_by(|a, b| key(a).total_cmp(&key(b)));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes; each image is four counts: rows truth, columns prediction.
    fn validation(images: &[[u64; 4]]) -> Validation {
        let per_image = images.iter().map(|counts| Confusion {
            classes: 2,
            counts: counts.to_vec(),
        });
        Validation {
            step: 1,
            loss: 0.0,
            dice: Vec::new(),
            mean_dice: None,
            confusion: Confusion::new(2),
            per_image: per_image.collect(),
            calibration: Default::default(),
            secs: 0.0,
        }
    }

    fn order(order: Order, runs: &[&Validation]) -> Vec<usize> {
        let ranked = rank(order, runs, 3);
        ranked.iter().map(|r| r.position).collect()
    }

    #[test]
    fn images_are_ordered_by_what_was_asked() {
        // Perfect; half of class 1 missed; class 1 absent and all right.
        let a = validation(&[[4, 0, 0, 4], [4, 0, 2, 2], [8, 0, 0, 0]]);
        let b = validation(&[[0, 4, 4, 0], [4, 0, 2, 2], [6, 2, 0, 0]]);
        assert_eq!(order(Order::Split, &[&a, &b]), [0, 1, 2]);
        assert_eq!(order(Order::Worst, &[&a, &b])[0], 1);
        assert_eq!(order(Order::Worst, &[&b, &a])[0], 0);
        // All of image 0, then image 2, and none in image 1.
        assert_eq!(order(Order::Difference, &[&a, &b]), [0, 2, 1]);
        assert_eq!(
            order(Order::Class(1), &[&a]),
            [1, 0],
            "image 2 has no class 1"
        );
        let cell = Order::Cell {
            truth: 1,
            prediction: 0,
        };
        assert_eq!(order(cell, &[&a]), [1]);
        assert_eq!(order(cell, &[&b]), [0, 1]);
        assert_eq!(rank(cell, &[&b], 3)[0].value, Some(4.0));
        let none = Order::Cell {
            truth: 7,
            prediction: 0,
        };
        assert!(order(none, &[&a]).is_empty());
        assert_eq!(order(Order::Worst, &[]), [0, 1, 2]);
    }

    #[test]
    fn every_pixel_with_a_class_is_counted_once() {
        let truth = [0, 0, 1, 1, 1, 255];
        let (a, b) = ([0, 1, 1, 1, 0, 0], [0, 0, 1, 0, 0, 0]);
        let counts = tally(&truth, &a, &b, 2);
        let tally = |both_right, only_a, only_b, both_wrong| Tally {
            both_right,
            only_a,
            only_b,
            both_wrong,
        };
        assert_eq!(counts, [tally(1, 0, 1, 0), tally(1, 1, 0, 1)]);
        assert_eq!(counts.iter().map(Tally::pixels).sum::<u64>(), 5);
        assert_eq!(judge(255, 0, 0, 2), Verdict::Void);
    }
}
