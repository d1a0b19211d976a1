//! The seeded draw: whole groups, and classes in proportion.
//!
//! Iterative stratification after Sechidis, Tsoumakas and Vlahavas, "On the Stratification of
//! Multi-label Data" (ECML PKDD 2011), for two sides; then two repairs: no class that could be on
//! both sides is missing from one, and the sizes are brought to the ratio where that costs no class.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::data::{DataConfig, ItemCounts};

/// Items that go to one side together.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    items: Vec<usize>,
    /// Class and the number of the unit's items in which it occurs, ascending by class.
    classes: Vec<(u8, usize)>,
}

impl Unit {
    pub(super) fn new(items: Vec<usize>, counts: &[ItemCounts]) -> Self {
        let mut classes = std::collections::BTreeMap::new();
        for item in items.iter().filter_map(|&index| counts.get(index)) {
            for &(class, _) in &item.present {
                *classes.entry(class).or_insert(0) += 1;
            }
        }
        Self {
            items,
            classes: classes.into_iter().collect(),
        }
    }
}

/// Whether each of `items` items validates. Both sides get a unit where there are two.
pub(super) fn draw(mut units: Vec<Unit>, items: usize, config: &DataConfig) -> Vec<bool> {
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    units.shuffle(&mut rng);
    let wanted = ((items as f64 * config.val_ratio).round() as usize)
        .clamp(usize::from(items > 1), items.saturating_sub(1));
    let side = if config.stratify {
        stratified(&units, items, wanted)
    } else {
        plain(&units, wanted)
    };
    let mut val = vec![false; items];
    for (unit, &side) in units.iter().zip(&side) {
        for &item in &unit.items {
            val[item] = side;
        }
    }
    val
}

/// From the end of the shuffled units, as long as it brings the size nearer to what is wanted.
fn plain(units: &[Unit], wanted: usize) -> Vec<bool> {
    let mut side = vec![false; units.len()];
    let mut size = 0;
    for (at, unit) in units.iter().enumerate().rev() {
        let more = size + unit.items.len();
        if more.abs_diff(wanted) < size.abs_diff(wanted) {
            side[at] = true;
            size = more;
        }
    }
    never_empty(units, &mut side);
    side
}

/// With two units or more, neither side stays empty: the smallest unit goes over.
fn never_empty(units: &[Unit], side: &mut [bool]) {
    if units.len() < 2 {
        return;
    }
    for wanted in [true, false] {
        if !side.contains(&wanted)
            && let Some(at) = (0..units.len()).min_by_key(|&at| units[at].items.len())
        {
            side[at] = wanted;
        }
    }
}

fn stratified(units: &[Unit], items: usize, wanted: usize) -> Vec<bool> {
    let ratio = wanted as f64 / items.max(1) as f64;
    let mut holders: Vec<Vec<usize>> = vec![Vec::new(); 256];
    let mut images = vec![0_usize; 256];
    for (at, unit) in units.iter().enumerate() {
        for &(class, count) in &unit.classes {
            holders[usize::from(class)].push(at);
            images[usize::from(class)] += count;
        }
    }
    // What each side still wants, train first: of all items, and of each class.
    let mut open = [(items - wanted) as f64, wanted as f64];
    let mut desire: Vec<[f64; 2]> = (0..256)
        .map(|class| {
            let all = images[class] as f64;
            let val = if holders[class].len() > 1 {
                (all * ratio).clamp(1.0, all - 1.0)
            } else {
                all * ratio
            };
            [all - val, val]
        })
        .collect();
    let mut side: Vec<Option<bool>> = vec![None; units.len()];
    let mut left: Vec<usize> = holders.iter().map(Vec::len).collect();
    let assign = |at: usize,
                  to: bool,
                  side: &mut Vec<Option<bool>>,
                  open: &mut [f64; 2],
                  desire: &mut Vec<[f64; 2]>,
                  left: &mut Vec<usize>| {
        side[at] = Some(to);
        open[usize::from(to)] -= units[at].items.len() as f64;
        for &(class, count) in &units[at].classes {
            desire[usize::from(class)][usize::from(to)] -= count as f64;
            left[usize::from(class)] -= 1;
        }
    };
    // The rarest class first: what is frequent can be balanced later.
    while let Some(class) = (0..256).filter(|&c| left[c] > 0).min_by_key(|&c| left[c]) {
        for &at in &holders[class] {
            if side[at].is_some() {
                continue;
            }
            let [train, val] = desire[class];
            let to = match val.total_cmp(&train) {
                std::cmp::Ordering::Equal => open[1] > open[0],
                order => order.is_gt(),
            };
            assign(at, to, &mut side, &mut open, &mut desire, &mut left);
        }
    }
    for at in 0..units.len() {
        if side[at].is_none() {
            let to = open[1] > open[0];
            assign(at, to, &mut side, &mut open, &mut desire, &mut left);
        }
    }
    let mut side: Vec<bool> = side.into_iter().map(|side| side == Some(true)).collect();
    never_empty(units, &mut side);
    Sides::of(units, side, wanted).repaired()
}

/// A split under repair.
struct Sides<'a> {
    units: &'a [Unit],
    side: Vec<bool>,
    /// Units that hold each class, on the training and the validation side.
    held: Vec<[usize; 2]>,
    size: usize,
    wanted: usize,
}

impl<'a> Sides<'a> {
    fn of(units: &'a [Unit], side: Vec<bool>, wanted: usize) -> Self {
        let mut held = vec![[0; 2]; 256];
        let mut size = 0;
        for (unit, &to) in units.iter().zip(&side) {
            for &(class, _) in &unit.classes {
                held[usize::from(class)][usize::from(to)] += 1;
            }
            if to {
                size += unit.items.len();
            }
        }
        Self {
            units,
            side,
            held,
            size,
            wanted,
        }
    }

    /// Classes that their side would lose if the unit went over.
    fn lost(&self, at: usize) -> usize {
        let from = usize::from(self.side[at]);
        let classes = self.units[at].classes.iter();
        classes
            .filter(|(class, _)| self.held[usize::from(*class)][from] == 1)
            .count()
    }

    fn turn(&mut self, at: usize) {
        let (from, to) = (self.side[at], !self.side[at]);
        for &(class, _) in &self.units[at].classes {
            self.held[usize::from(class)][usize::from(from)] -= 1;
            self.held[usize::from(class)][usize::from(to)] += 1;
        }
        let size = self.units[at].items.len();
        self.size = if to {
            self.size + size
        } else {
            self.size - size
        };
        self.side[at] = to;
    }

    fn repaired(mut self) -> Vec<bool> {
        for class in 0..256 {
            for lacking in [true, false] {
                let [train, val] = self.held[class];
                if train + val < 2 || self.held[class][usize::from(lacking)] > 0 {
                    continue;
                }
                let holds = |at: &usize| {
                    let classes = &self.units[*at].classes;
                    classes.iter().any(|(c, _)| usize::from(*c) == class)
                };
                let best = (0..self.units.len())
                    .filter(holds)
                    .min_by_key(|&at| (self.lost(at), self.units[at].items.len()));
                if let Some(at) = best.filter(|&at| self.lost(at) == 0) {
                    self.turn(at);
                }
            }
        }
        for at in 0..self.units.len() {
            let from_val = self.size > self.wanted;
            let size = self.units[at].items.len();
            let gap = self.size.abs_diff(self.wanted);
            // Never the last unit of a side, and only where it brings the size nearer.
            let alone = self
                .side
                .iter()
                .filter(|side| **side == self.side[at])
                .take(2)
                .count()
                < 2;
            if size < 2 * gap && self.side[at] == from_val && !alone && self.lost(at) == 0 {
                self.turn(at);
            }
        }
        self.side
    }
}
