//! What can be wished for in the Compare tab, by a key, in the palette or in a menu; carried out where
//! runs, epochs and images are known.

use egui::Vec2;

use super::Compare;
use super::files::Asked;
use super::gather;
use crate::app::view::versus::{Mode, Show};
use crate::run::versus::Order;
use crate::run::{Run, Validation};

/// Where the epoch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Later,
    Earlier,
    First,
    Newest,
}

/// See the head of this file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wish {
    Mode(Mode),
    Show(Show),
    Contours,
    Order(Order),
    /// Images by the class after the one that they are ordered by.
    NextClass,
    /// Images by the cell of the confusion matrix after the one that they are ordered by.
    NextMistake,
    /// The image after this one, or, with `false`, before it.
    Image(bool),
    Moment(Moment),
    /// A and B change places.
    Swap,
    /// The next run takes the place of A (0) or B (1).
    NextRun(usize),
    Flip,
    TakeTurns,
    Swipe(f32),
    Zoom(f32),
    Pan(Vec2),
    Whole,
    Save(Asked),
}

impl Compare {
    /// Carries out what was wished for since the last frame. `steps` are those of all epochs, `a` is
    /// the validation of run A that is shown. Whether images go on, or back, is answered: their order
    /// is not known yet.
    pub(super) fn grant(&mut self, runs: &[&Run], steps: &[u64], a: Option<&Validation>) -> i64 {
        let mut images = 0;
        for wish in std::mem::take(&mut self.wishes) {
            match wish {
                Wish::Mode(mode) => self.mode = mode,
                Wish::Show(show) => self.show = show,
                Wish::Contours => self.contours = !self.contours,
                Wish::Order(order) => self.sort(order),
                Wish::NextClass => {
                    if let Some(a) = a {
                        self.sort(next_class(self.order, a));
                    }
                }
                Wish::NextMistake => {
                    if let Some(a) = a {
                        self.sort(next_mistake(self.order, a));
                    }
                }
                Wish::Image(forward) => images += if forward { 1 } else { -1 },
                Wish::Moment(to) => self.go_to(to, steps),
                Wish::Swap => {
                    let [a, b] = gather::pair(&self.pair, runs);
                    self.pair = [b, a].map(|at| Some(runs[at].id.clone()));
                }
                Wish::NextRun(side) => self.next_run(side, runs),
                Wish::Flip => (self.flipped, self.blinking) = (!self.flipped, false),
                Wish::TakeTurns => self.blinking = !self.blinking,
                Wish::Swipe(by) => self.swipe = (self.swipe + by).clamp(0.0, 1.0),
                Wish::Zoom(factor) => self.canvas.zoom(factor),
                Wish::Pan(share) => self.canvas.pan(share),
                Wish::Whole => self.canvas.reset(),
                Wish::Save(asked) => self.asked = Some(asked),
            }
        }
        images
    }

    /// The first image of the new order is what was asked for.
    fn sort(&mut self, order: Order) {
        (self.order, self.image) = (order, None);
    }

    fn go_to(&mut self, to: Moment, steps: &[u64]) {
        let last = steps.len().saturating_sub(1);
        let now = gather::moment(self.moment, steps);
        let at = steps.iter().position(|step| *step == now).unwrap_or(0);
        let to = match to {
            Moment::Later => (at + 1).min(last),
            Moment::Earlier => at.saturating_sub(1),
            Moment::First => 0,
            Moment::Newest => last,
        };
        // At the right end the newest is followed.
        self.moment = steps.get(to).copied().filter(|_| to < last);
    }

    /// The run after the one on this side takes its place; the other side is passed over.
    fn next_run(&mut self, side: usize, runs: &[&Run]) {
        let pair = gather::pair(&self.pair, runs);
        let other = pair[1 - side];
        let after = (1..runs.len()).map(|by| (pair[side] + by) % runs.len());
        if let Some(next) = after.into_iter().find(|at| *at != other) {
            let mut ids = pair.map(|at| Some(runs[at].id.clone()));
            ids[side] = Some(runs[next].id.clone());
            self.pair = ids;
        }
    }
}

/// The class after the one that images are ordered by, among those that the truth has.
fn next_class(order: Order, a: &Validation) -> Order {
    let n = a.confusion.classes;
    let has = |class: &usize| {
        a.confusion.counts[class * n..(class + 1) * n]
            .iter()
            .any(|c| *c > 0)
    };
    let now = match order {
        Order::Class(class) => Some(class),
        _ => None,
    };
    let first = now.map_or(0, |class| class + 1);
    let found = (first..n).chain(0..first.min(n)).find(has);
    found.map_or(order, Order::Class)
}

/// The mistake after the one that images are ordered by, from the most frequent down.
fn next_mistake(order: Order, a: &Validation) -> Order {
    let n = a.confusion.classes;
    let count = |at: usize| a.confusion.counts[at];
    let mut cells: Vec<usize> = (0..n * n)
        .filter(|at| at / n != at % n && count(*at) > 0)
        .collect();
    cells.sort_by_key(|at| std::cmp::Reverse(count(*at)));
    let now = match order {
        Order::Cell { truth, prediction } => {
            cells.iter().position(|at| *at == truth * n + prediction)
        }
        _ => None,
    };
    let next = now.map_or(0, |at| (at + 1) % cells.len().max(1));
    cells.get(next).map_or(order, |at| Order::Cell {
        truth: at / n,
        prediction: at % n,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::metrics::Confusion;

    #[test]
    fn classes_and_mistakes_are_gone_through_one_by_one() {
        let confusion = Confusion {
            classes: 3,
            // Class 1 is nowhere in the truth.
            counts: vec![9, 5, 1, 0, 0, 0, 7, 0, 3],
        };
        let a = Validation {
            step: 1,
            loss: 0.0,
            dice: confusion.dice(),
            mean_dice: None,
            confusion,
            per_image: Vec::new(),
            calibration: Default::default(),
            secs: 0.0,
        };
        let mut order = Order::Split;
        let mut seen = Vec::new();
        for _ in 0..3 {
            order = next_class(order, &a);
            seen.push(order);
        }
        assert_eq!(seen, [0, 2, 0].map(Order::Class));
        let mut order = Order::Worst;
        let mut seen = Vec::new();
        for _ in 0..4 {
            order = next_mistake(order, &a);
            if let Order::Cell { truth, prediction } = order {
                seen.push((truth, prediction));
            }
        }
        assert_eq!(seen, [(2, 0), (0, 1), (0, 2), (2, 0)]);
    }
}
