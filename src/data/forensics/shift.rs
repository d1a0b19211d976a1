//! Whether all masks lie a few pixels beside their images: the edges of the images under the borders
//! of the masks, for masks moved by every small step.

use super::ItemFacts;
use super::measure::Grey;
use crate::data::{IGNORE, LabelMap};

/// Masks are moved by up to this many pixels in both directions.
pub(super) const REACH: usize = 8;
/// Steps along one axis.
const STEPS: usize = 2 * REACH + 1;
/// Border pixels that are looked at, evenly taken.
const MOST_POINTS: usize = 4000;
/// Fewer say nothing.
const FEWEST_POINTS: usize = 40;
/// Fewer items than this say nothing about chance.
const FEWEST_ITEMS: usize = 12;
/// Steps of one pixel are a matter of how borders are drawn.
const LEAST_SHIFT: f64 = 2.0;
/// Standard errors by which moved masks must fit better.
const BEYOND: f64 = 4.0;
/// Share of what edges and borders have in common that moving must gain.
const GAIN: f64 = 0.25;

/// Mean edge of the image under the mask's border, for each step (rows of dy, from -8 to 8), scaled so
/// that the largest is 255; empty where there is too little to compare.
pub(super) fn slide(grey: &Grey, labels: &LabelMap) -> Vec<u8> {
    let (width, height) = (labels.width, labels.height);
    if width.min(height) < 4 * REACH || (grey.width, grey.height) != (width, height) {
        return Vec::new();
    }
    let label = |x: usize, y: usize| labels.labels[y * width + x];
    // Both pixels at a border count, so that it has no side.
    let differs = |a: u8, b: u8| a != b && a != IGNORE && b != IGNORE;
    let inner = REACH + 1;
    let border = |x: usize, y: usize| {
        let own = label(x, y);
        let around = [
            label(x - 1, y),
            label(x + 1, y),
            label(x, y - 1),
            label(x, y + 1),
        ];
        around.iter().any(|other| differs(own, *other))
    };
    let points = || {
        let rows =
            (inner..height - inner).flat_map(|y| (inner..width - inner).map(move |x| (x, y)));
        rows.filter(|(x, y)| border(*x, *y))
    };
    // Counted first: of a large mask, all of them would not fit.
    let count = points().count();
    if count < FEWEST_POINTS {
        return Vec::new();
    }
    let cap = cap(grey);
    let mut sums = vec![0_u64; STEPS * STEPS];
    for (x, y) in points().step_by(count.div_ceil(MOST_POINTS)) {
        for dy in 0..STEPS {
            for dx in 0..STEPS {
                let edge = edge(grey, x + dx - REACH, y + dy - REACH).min(cap);
                sums[dy * STEPS + dx] += u64::from(edge);
            }
        }
    }
    let most = sums.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return Vec::new();
    }
    sums.iter().map(|sum| (sum * 255 / most) as u8).collect()
}

/// Change of brightness at a pixel, by centred differences; none along the rim.
fn edge(grey: &Grey, x: usize, y: usize) -> u16 {
    let (width, height) = (grey.width, grey.height);
    if x == 0 || y == 0 || x + 1 >= width || y + 1 >= height {
        return 0;
    }
    let at = |x: usize, y: usize| u16::from(grey.pixels[y * width + x]);
    at(x + 1, y).abs_diff(at(x - 1, y)) + at(x, y + 1).abs_diff(at(x, y - 1))
}

/// The strongest edge that counts: few glaring ones must not decide.
fn cap(grey: &Grey) -> u16 {
    let (width, height) = (grey.width, grey.height);
    let row = |y| (1..width - 1).map(move |x| u64::from(edge(grey, x, y)));
    let sum: u64 = (1..height - 1).flat_map(row).sum();
    let cap = 4 * sum / (width * height) as u64;
    cap.clamp(1, u64::from(u16::MAX)) as u16
}

/// A step that makes masks fit better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shift {
    /// Pixels to the right and down by which masks must be moved to fit.
    pub by: [i32; 2],
    /// Mean edge under the borders, in parts of the mean over all steps: as it is, and moved.
    pub edge: [f64; 2],
    /// Items that were compared.
    pub items: usize,
}

/// The shift that all masks have in common, if they have one. Half of the items propose it, the other
/// half decides.
pub(super) fn common(items: &[Option<ItemFacts>]) -> Option<Shift> {
    let maps: Vec<Vec<f64>> = items
        .iter()
        .flatten()
        .filter(|facts| facts.slide.len() == STEPS * STEPS && facts.contrast > 1.0)
        .map(|facts| relative(&facts.slide))
        .collect();
    if maps.len() < FEWEST_ITEMS {
        return None;
    }
    let propose: Vec<&Vec<f64>> = maps.iter().step_by(2).collect();
    let decide: Vec<&Vec<f64>> = maps.iter().skip(1).step_by(2).collect();
    let here = REACH * STEPS + REACH;
    let mean = |maps: &[&Vec<f64>], at: usize| {
        maps.iter().map(|map| map[at]).sum::<f64>() / maps.len() as f64
    };
    let best =
        (0..STEPS * STEPS).max_by(|a, b| mean(&propose, *a).total_cmp(&mean(&propose, *b)))?;
    let by = [best % STEPS, best / STEPS].map(|place| place as i32 - REACH as i32);
    let far = f64::from(by[0]).hypot(f64::from(by[1]));
    let gains: Vec<f64> = decide.iter().map(|map| map[best] - map[here]).collect();
    let gain = gains.iter().sum::<f64>() / gains.len() as f64;
    let square = gains.iter().map(|g| (g - gain).powi(2)).sum::<f64>();
    let error = (square / (gains.len() as f64 - 1.0) / gains.len() as f64).sqrt();
    let edge = [mean(&decide, here), mean(&decide, best)];
    let found = far >= LEAST_SHIFT
        && gain > BEYOND * error.max(1e-6)
        // The best step must be a real fit, and the present place be on its slope or beyond.
        && edge[1] > 1.0
        && gain > GAIN * (edge[1] - 1.0).max(0.2);
    found.then_some(Shift {
        by,
        edge,
        items: maps.len(),
    })
}

/// In parts of the mean.
fn relative(slide: &[u8]) -> Vec<f64> {
    let mean = slide.iter().map(|v| f64::from(*v)).sum::<f64>() / slide.len() as f64;
    slide
        .iter()
        .map(|v| f64::from(*v) / mean.max(1e-9))
        .collect()
}

impl Shift {
    /// "5 pixels to the right and 3 up".
    pub fn words(&self) -> String {
        let [x, y] = self.by;
        let sides = [(x, ["to the left", "to the right"]), (y, ["up", "down"])];
        let mut words = String::new();
        for (by, [less, more]) in sides.into_iter().filter(|(by, _)| *by != 0) {
            let side = if by > 0 { more } else { less };
            let unit = if words.is_empty() { " pixels" } else { "" };
            let and = if words.is_empty() { "" } else { " and " };
            words.push_str(&format!("{and}{}{unit} {side}", by.abs()));
        }
        words
    }
}
