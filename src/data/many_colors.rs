//! Masks of more colours than there can be classes: damaged edges around few true colours, or a colour
//! for each object. The pixels decide which; nothing is read as a near colour until the user agrees.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::mask::unpacked;
use super::{Class, ClassMap, Coding};
use crate::finding::{Finding, Severity};

/// Colours closer than this (Euclidean, in RGB) to a commoner one belong to it.
const RADIUS: f64 = 40.0;
/// A group on less than this share of the pixels is no class by itself.
const LEAST: f64 = 1e-4;
/// Groups that hold less than this, and lie between two larger ones, are mixtures of those.
const MIXTURE: f64 = 0.02;
/// How near the line between two colours their mixtures lie.
const BESIDE: f64 = 16.0;
/// Pixels this near to a group's commonest colour are what a compressed flat area looks like.
const HOME: f64 = 8.0;
/// Colours that are looked at, commonest first: rarer ones can't found a group.
const LOOKED_AT: usize = 4096;
/// Objects whose colours a class map can list.
const MOST_OBJECTS: usize = 1 << 16;

/// Few groups of colours (each with its pixels) that hold nearly all of them, commonest first; `None`
/// where there are more than `most`.
pub(super) fn groups(held: &BTreeMap<u32, u64>, most: usize) -> Option<Vec<u32>> {
    let total: u64 = held.values().sum();
    let mut colors: Vec<(u32, u64)> = held.iter().map(|(c, n)| (*c, *n)).collect();
    colors.sort_by_key(|(color, n)| (std::cmp::Reverse(*n), *color));
    let mut groups: Vec<(u32, u64)> = Vec::new();
    for &(color, n) in colors.iter().take(LOOKED_AT) {
        let near = groups
            .iter_mut()
            .map(|group| (distance(group.0, color), group))
            .filter(|(d, _)| *d <= RADIUS)
            .min_by(|a, b| a.0.total_cmp(&b.0));
        match near {
            Some((_, group)) => group.1 += n,
            None => groups.push((color, n)),
        }
        if groups.len() > 16 * most {
            return None;
        }
    }
    groups.sort_by_key(|(color, n)| (std::cmp::Reverse(*n), *color));
    let share = |n: u64| n as f64 / total.max(1) as f64;
    let mut kept: Vec<(u32, u64)> = Vec::new();
    for &(color, n) in groups.iter().filter(|(_, n)| share(*n) >= LEAST) {
        // A class has a colour of its own, even if damaged; a smear has none that is common in it.
        let own = held.get(&color).copied().unwrap_or(0);
        let smear = own * 2 < n;
        let larger: Vec<u32> = kept.iter().map(|(color, _)| *color).collect();
        let mixed = share(n) < MIXTURE
            && (pairs(&larger).any(|[a, b]| between(color, a, b))
                || smear && triples(&larger).any(|of| within(color, of)));
        if !mixed {
            kept.push((color, n));
        }
    }
    // Where most of what is not ground has other colours, these are not damaged classes.
    let at_home = |color: u32, at: &(u32, u64)| distance(color, at.0) <= HOME;
    let ground = kept.first().copied()?;
    let looked = || colors.iter().take(LOOKED_AT);
    let others: u64 = total
        - looked()
            .filter(|(c, _)| at_home(*c, &ground))
            .map(|(_, n)| n)
            .sum::<u64>();
    let home: u64 = looked()
        .filter(|(c, _)| kept[1..].iter().any(|group| at_home(*c, group)))
        .map(|(_, n)| n)
        .sum();
    ((2..=most).contains(&kept.len()) && home * 2 > others)
        .then(|| kept.into_iter().map(|(color, _)| color).collect())
}

/// A colour for each object: what is not black is one class. `None` where there is no black ground.
pub(super) fn objects(evidence: &Evidence, findings: &mut Vec<Finding>) -> Option<ClassMap> {
    let total: u64 = evidence.colors.values().sum();
    let ground = evidence.colors.get(&0).copied().unwrap_or(0);
    let colors = evidence.colors.len() - 1;
    if ground * 100 < total || colors > MOST_OBJECTS {
        return None;
    }
    findings.push(
        Finding::new(
            "instance-ids",
            Severity::Warning,
            format!(
                "the masks hold {colors} colours on black, too many for classes: they number objects (as \
                 panoptic masks do, by R + 256·G + 65536·B), and every colour but black became one class"
            ),
        )
        .remedy(
            "To keep classes apart, put the JSON file that names the category of each number beside the \
             masks, or a class_dict.csv of the colours.",
        ),
    );
    let class = |name: &str, color, values| Class {
        name: name.to_owned(),
        color,
        values,
    };
    let objects = evidence.colors.keys().copied().filter(|color| *color != 0);
    Some(ClassMap {
        coding: Coding::Colors,
        classes: vec![
            class("background", [0; 3], vec![0]),
            class("object", [230, 60, 60], objects.collect()),
        ],
        ignore: Vec::new(),
    })
}

fn channels(color: u32) -> [f64; 3] {
    unpacked(color).map(f64::from)
}

fn distance(a: u32, b: u32) -> f64 {
    let (a, b) = (channels(a), channels(b));
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}

fn pairs(colors: &[u32]) -> impl Iterator<Item = [u32; 2]> {
    let rest = |at: usize| colors[at + 1..].iter();
    let each = colors.iter().enumerate();
    each.flat_map(move |(at, a)| rest(at).map(move |b| [*a, *b]))
}

fn triples(colors: &[u32]) -> impl Iterator<Item = [u32; 3]> {
    let each = colors.iter().enumerate();
    each.flat_map(move |(at, a)| pairs(&colors[at + 1..]).map(move |[b, c]| [*a, b, c]))
}

/// Whether `color` lies near the triangle of three colours.
fn within(color: u32, of: [u32; 3]) -> bool {
    let [a, b, c] = of.map(channels);
    let (u, v, to) = (minus(b, a), minus(c, a), minus(channels(color), a));
    let (uu, uv, vv) = (dot(u, u), dot(u, v), dot(v, v));
    let (tu, tv) = (dot(to, u), dot(to, v));
    let span = uu * vv - uv * uv;
    if span < 1.0 {
        return false;
    }
    let (along, up) = ((tu * vv - tv * uv) / span, (tv * uu - tu * uv) / span);
    let off: [f64; 3] = std::array::from_fn(|i| to[i] - along * u[i] - up * v[i]);
    along >= 0.0 && up >= 0.0 && along + up <= 1.0 && dot(off, off).sqrt() <= BESIDE
}

fn dot(u: [f64; 3], v: [f64; 3]) -> f64 {
    (0..3).map(|i| u[i] * v[i]).sum()
}

fn minus(u: [f64; 3], v: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| u[i] - v[i])
}

/// Whether `color` lies near the inner part of the line from `a` to `b`.
fn between(color: u32, a: u32, b: u32) -> bool {
    let (color, a, b) = (channels(color), channels(a), channels(b));
    let (line, to) = (minus(b, a), minus(color, a));
    let along = dot(to, line) / dot(line, line).max(1.0);
    let foot = std::array::from_fn(|i| along * line[i]);
    let off = minus(to, foot);
    (0.05..0.95).contains(&along) && dot(off, off).sqrt() <= BESIDE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halfway_colours_are_mixtures_and_others_are_not() {
        assert!(between(0x40_0000, 0, 0x80_0000));
        assert!(!between(0x00_4000, 0, 0x80_0000));
        // An end is no mixture of itself and another colour.
        assert!(!between(0x80_0000, 0, 0x80_0000));
        let corners = [0, 0xC8_0000, 0x00_C800];
        assert!(within(0x40_4000, corners));
        assert!(!within(0x00_0080, corners));
        assert!(!within(0xC8_C800, corners));
    }
}
