//! Everything that the keyboard does in the Compare tab.

use egui::{Key, Modifiers, Ui};

use super::{Compare, gather};
use crate::app::view::versus::{Mode, Show};
use crate::run::Validation;
use crate::run::versus::Order;

/// What the keys do, for the sheet behind the question mark.
pub const SHEET: &str = "G grid · S swipe · B blink · D disagreement\n\
    P prediction · E errors · U doubt · K contours\n\
    arrow left, right: image · arrow up, down, Home, End: epoch\n\
    O as in the split · W worst first · F biggest difference first\n\
    C worst images of the next class · M images of the next mistake\n\
    X: A and B change places · T: blink by hand\n\
    wheel zooms · drag moves · double click shows all";

/// Everything that the keyboard does here.
pub fn handle(compare: &mut Compare, ui: &Ui, steps: &[u64], a: Option<&Validation>) {
    if ui.ctx().text_edit_focused() {
        return;
    }
    let typed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    for (key, mode) in [
        (Key::G, Mode::Grid),
        (Key::S, Mode::Swipe),
        (Key::B, Mode::Blink),
        (Key::D, Mode::Disagree),
    ] {
        if typed(key) {
            compare.mode = mode;
        }
    }
    for (key, show) in [
        (Key::P, Show::Prediction),
        (Key::E, Show::Errors),
        (Key::U, Show::Doubt),
    ] {
        if typed(key) {
            compare.show = show;
        }
    }
    if typed(Key::W) {
        (compare.order, compare.image) = (Order::Worst, None);
    }
    if typed(Key::F) {
        (compare.order, compare.image) = (Order::Difference, None);
    }
    if typed(Key::O) {
        compare.order = Order::Split;
    }
    if let Some(a) = a {
        if typed(Key::C) {
            (compare.order, compare.image) = (next_class(compare.order, a), None);
        }
        if typed(Key::M) {
            (compare.order, compare.image) = (next_mistake(compare.order, a), None);
        }
    }
    if typed(Key::K) {
        compare.contours = !compare.contours;
    }
    if typed(Key::X) {
        compare.pair.swap(0, 1);
    }
    if typed(Key::T) {
        compare.flipped = !compare.flipped;
        compare.blinking = false;
    }
    let now = gather::moment(compare.moment, steps);
    let at = steps.iter().position(|step| *step == now).unwrap_or(0);
    for (key, to) in [
        (Key::ArrowUp, (at + 1).min(steps.len().saturating_sub(1))),
        (Key::ArrowDown, at.saturating_sub(1)),
        (Key::Home, 0),
        (Key::End, steps.len().saturating_sub(1)),
    ] {
        if typed(key) {
            compare.moment = steps.get(to).copied().filter(|_| to + 1 < steps.len());
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
