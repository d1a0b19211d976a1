//! Whether masks lie on their images: edges of the mask should be where the image has edges, more
//! so than on a stranger's image, and more so than when the mask is mirrored.

use super::ItemFacts;
use super::measure::Grey;
use crate::data::LabelMap;

/// Cells per side of the edge maps.
pub(super) const SIDE: usize = 24;

/// Mean gradient per cell, scaled so that the largest is 255.
pub(super) fn image_edges(grey: &Grey) -> Vec<u8> {
    per_cell(grey.width, grey.height, |x, y| {
        let at = |x: usize, y: usize| f64::from(grey.pixels[y * grey.width + x]);
        let (right, below) = ((x + 1).min(grey.width - 1), (y + 1).min(grey.height - 1));
        (at(x, y) - at(right, y)).abs() + (at(x, y) - at(x, below)).abs()
    })
}

/// Share of border pixels per cell, scaled so that the largest is 255.
pub(super) fn mask_edges(labels: &LabelMap) -> Vec<u8> {
    per_cell(labels.width, labels.height, |x, y| {
        let at = |x: usize, y: usize| labels.labels[y * labels.width + x];
        let (right, below) = (
            (x + 1).min(labels.width - 1),
            (y + 1).min(labels.height - 1),
        );
        f64::from(u8::from(
            at(x, y) != at(right, y) || at(x, y) != at(x, below),
        ))
    })
}

fn per_cell(width: usize, height: usize, value: impl Fn(usize, usize) -> f64) -> Vec<u8> {
    let mut sums = vec![(0.0_f64, 0_u32); SIDE * SIDE];
    for y in 0..height {
        for x in 0..width {
            let cell = &mut sums[y * SIDE / height * SIDE + x * SIDE / width];
            cell.0 += value(x, y);
            cell.1 += 1;
        }
    }
    let means: Vec<f64> = sums
        .iter()
        .map(|(s, n)| s / f64::from((*n).max(1)))
        .collect();
    let most = means.iter().copied().fold(0.0, f64::max);
    let scale = if most > 0.0 { 255.0 / most } else { 0.0 };
    means.iter().map(|m| (m * scale).round() as u8).collect()
}

/// What comparing edges over the whole set says.
#[derive(Debug, Default)]
pub(super) struct Fit {
    /// Mean correlation of a mask's edges with its own image's.
    pub own: f64,
    /// With other images of the set.
    pub strangers: f64,
    /// The difference in standard errors.
    pub beyond: f64,
    /// How masks fit better on the whole, if they do: "mirrored left to right".
    pub turned: Option<(&'static str, f64)>,
    /// Items whose mask fits strangers better than its own image, far from what is usual here.
    pub odd: Vec<usize>,
    /// Items that could be compared.
    pub items: usize,
}

/// Fewer items than this say nothing about chance.
const FEWEST: usize = 8;
/// More than this many are sampled evenly.
const MOST: usize = 2000;
/// Strangers that each mask is compared with.
const STRANGERS: usize = 12;

/// `None` where there is too little to compare.
pub(super) fn fit(items: &[Option<ItemFacts>]) -> Option<Fit> {
    let usable: Vec<(usize, &ItemFacts)> = items
        .iter()
        .enumerate()
        .filter_map(|(index, facts)| Some((index, facts.as_ref()?)))
        .filter(|(_, f)| f.contrast > 1.0 && f.edges[1].iter().any(|v| *v > 0))
        .filter(|(_, f)| f.size[0].min(f.size[1]) >= SIDE)
        .collect();
    let step = usable.len().div_ceil(MOST).max(1);
    let chosen: Vec<_> = usable.iter().step_by(step).collect();
    let n = chosen.len();
    if n < FEWEST {
        return None;
    }
    let mut owns = Vec::with_capacity(n);
    let mut gains = Vec::with_capacity(n);
    let mut turns: [Vec<f64>; 4] = Default::default();
    for (at, (_, facts)) in chosen.iter().enumerate() {
        let mask = &facts.edges[1];
        let own = correlation(&facts.edges[0], mask);
        let others = STRANGERS.min(n - 1);
        let strangers: f64 = (1..=others)
            .map(|k| {
                let other = (at + k * (n - 1) / others).rem_euclid(n);
                correlation(&chosen[other].1.edges[0], mask)
            })
            .sum::<f64>()
            / others as f64;
        owns.push(own);
        gains.push(own - strangers);
        for (turn, gain) in TURNS.iter().zip(&mut turns) {
            let turned: Vec<u8> = (0..SIDE * SIDE)
                .map(|cell| mask[(turn.1)(cell / SIDE, cell % SIDE)])
                .collect();
            gain.push(correlation(&facts.edges[0], &turned) - own);
        }
    }
    let (gain, error) = mean_and_error(&gains);
    let own = owns.iter().sum::<f64>() / n as f64;
    let turned = TURNS
        .iter()
        .zip(&turns)
        .map(|(turn, gains)| (turn.0, mean_and_error(gains)))
        .map(|(name, (mean, error))| (name, mean / error.max(1e-9)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .filter(|(_, beyond)| *beyond > 4.0);
    let beyond = gain / error.max(1e-9);
    let mut sorted = gains.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[n / 2];
    let mut spread: Vec<f64> = gains.iter().map(|g| (g - median).abs()).collect();
    spread.sort_by(f64::total_cmp);
    let spread = (spread[n / 2] * 1.4826).max(1e-6);
    let odd = chosen
        .iter()
        .zip(&gains)
        .filter(|(_, gain)| **gain < 0.0 && (median - **gain) / spread > 4.0 && beyond > 4.0)
        .map(|((index, _), _)| *index)
        .collect();
    Some(Fit {
        own,
        strangers: own - gain,
        beyond,
        turned,
        odd,
        items: n,
    })
}

type Turn = (&'static str, fn(usize, usize) -> usize);

const TURNS: [Turn; 4] = [
    ("mirrored left to right", |y, x| y * SIDE + SIDE - 1 - x),
    ("mirrored top to bottom", |y, x| (SIDE - 1 - y) * SIDE + x),
    ("turned by half", |y, x| {
        (SIDE - 1 - y) * SIDE + SIDE - 1 - x
    }),
    ("with rows and columns exchanged", |y, x| x * SIDE + y),
];

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

/// Pearson's r; 0 where one side is constant.
pub(super) fn correlation(a: &[u8], b: &[u8]) -> f64 {
    let n = a.len().min(b.len()).max(1) as f64;
    let mean = |v: &[u8]| v.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (f64::from(*x) - ma, f64::from(*y) - mb);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    if aa * bb > 0.0 {
        ab / (aa * bb).sqrt()
    } else {
        0.0
    }
}

/// A map as text: half the size of a list of numbers.
pub(super) mod hexadecimal_one {
    use std::fmt::Write;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn text(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    pub fn bytes(text: &str) -> Option<Vec<u8>> {
        let pairs = text.as_bytes().chunks_exact(2);
        pairs
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect()
    }

    pub fn serialize<S: Serializer>(map: &[u8], to: S) -> Result<S::Ok, S::Error> {
        text(map).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let map = bytes(&String::deserialize(from)?);
        map.ok_or_else(|| serde::de::Error::custom("a map is not hexadecimal"))
    }
}

/// Two maps as text.
pub(super) mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::hexadecimal_one::{bytes, text};

    pub fn serialize<S: Serializer>(edges: &[Vec<u8>; 2], to: S) -> Result<S::Ok, S::Error> {
        [text(&edges[0]), text(&edges[1])].serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[Vec<u8>; 2], D::Error> {
        let texts = <[String; 2]>::deserialize(from)?;
        match (bytes(&texts[0]), bytes(&texts[1])) {
            (Some(a), Some(b)) => Ok([a, b]),
            _ => Err(serde::de::Error::custom("edge maps are not hexadecimal")),
        }
    }
}
