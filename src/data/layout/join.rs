//! Images and masks that carry the same key belong together; what is left over is named.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Pair, Part, some_of};
use crate::data::reading::Reading;
use crate::finding::{Finding, Severity, counted};

/// A file, its key (equal for image and mask), and for masks of which kind it is.
#[derive(Debug, Clone)]
pub(super) struct Keyed {
    pub key: String,
    pub path: PathBuf,
    pub part: Option<Part>,
    /// What tells several masks of one image apart: a folder, a suffix.
    pub kind: String,
    /// Lower is taken first.
    pub rank: usize,
}

impl Keyed {
    pub fn new(key: impl Into<String>, path: &Path, part: Option<Part>) -> Self {
        Self {
            key: key.into(),
            path: path.to_owned(),
            part,
            kind: String::new(),
            rank: 0,
        }
    }

    pub fn of_kind(mut self, kind: &str, rank: usize) -> Self {
        kind.clone_into(&mut self.kind);
        self.rank = rank;
        self
    }
}

#[derive(Debug, Default)]
pub(super) struct Joined {
    pub pairs: Vec<Pair>,
    /// Kinds of masks, where an image has several.
    pub kinds: Vec<String>,
    pub findings: Vec<Finding>,
}

/// Pairs by key; `None` where nothing belongs together. `wanted` (of `data.masks`) picks the kind of
/// mask where an image has several.
pub(super) fn join(images: Vec<Keyed>, masks: Vec<Keyed>, wanted: &str) -> Option<Joined> {
    let mut by_key: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, mask) in masks.iter().enumerate() {
        by_key.entry(&mask.key).or_default().push(index);
    }
    let mut used = vec![false; masks.len()];
    let mut joined = Joined::default();
    let mut lonely: Vec<&Keyed> = Vec::new();
    let mut several = Several::new(wanted);
    for image in &images {
        let Some(candidates) = by_key.get(image.key.as_str()) else {
            lonely.push(image);
            continue;
        };
        let chosen = several.choose(candidates, |i| (&masks[i].kind, masks[i].rank));
        for &candidate in candidates {
            used[candidate] = true;
        }
        let mask = &masks[chosen];
        joined.pairs.push(Pair {
            image: image.path.clone(),
            mask: mask.path.clone(),
            part: image.part.or(mask.part),
            reading: Reading::default(),
        });
    }
    if joined.pairs.is_empty() {
        return None;
    }
    joined.kinds = several.kinds();
    joined.findings.extend(several.finding());
    let images: Vec<(&Path, Option<Part>)> = lonely.iter().map(|l| (&*l.path, l.part)).collect();
    let unused = masks.iter().zip(&used).filter(|(_, used)| !**used);
    let masks: Vec<&Path> = unused.map(|(mask, _)| &*mask.path).collect();
    left_over(&mut joined.findings, &images, &masks);
    Some(joined)
}

/// Choosing among several masks of one image.
pub(super) struct Several<'a> {
    wanted: &'a str,
    /// Images with more than one mask.
    images: usize,
    /// The best rank of each kind.
    kinds: BTreeMap<String, usize>,
    taken: BTreeMap<String, usize>,
}

impl<'a> Several<'a> {
    pub fn new(wanted: &'a str) -> Self {
        Self {
            wanted: wanted.trim(),
            images: 0,
            kinds: BTreeMap::new(),
            taken: BTreeMap::new(),
        }
    }

    /// One of `candidates` (never empty), given the kind and rank of each.
    pub fn choose<'b>(
        &mut self,
        candidates: &[usize],
        of: impl Fn(usize) -> (&'b String, usize),
    ) -> usize {
        let best = candidates.iter().copied().min_by_key(|&i| (of(i).1, i));
        let best = best.unwrap_or_default();
        let named =
            |i: &&usize| !self.wanted.is_empty() && of(**i).0.eq_ignore_ascii_case(self.wanted);
        let chosen = candidates.iter().find(named).copied().unwrap_or(best);
        if candidates.len() > 1 {
            self.images += 1;
            for &candidate in candidates {
                let (kind, rank) = of(candidate);
                let known = self.kinds.entry(kind.clone()).or_insert(rank);
                *known = rank.min(*known);
            }
            *self.taken.entry(of(chosen).0.clone()).or_default() += 1;
        }
        chosen
    }

    /// The kinds that there are, the preferred first; none where each image has one mask.
    pub fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<(&String, &usize)> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, rank)| **rank);
        kinds.into_iter().map(|(kind, _)| kind.clone()).collect()
    }

    /// Says which kinds there are, which is taken, and how to take another.
    pub fn finding(self) -> Option<Finding> {
        if self.images == 0 {
            return None;
        }
        let taken = self.taken.iter().max_by_key(|(_, n)| **n);
        let taken = taken.map(|(kind, _)| kind.clone()).unwrap_or_default();
        let known = self
            .kinds
            .keys()
            .any(|k| k.eq_ignore_ascii_case(self.wanted));
        let list = |names: Vec<&String>| -> String {
            let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
            quoted.join(", ")
        };
        let mut others: Vec<&String> = self.kinds.keys().filter(|k| **k != taken).collect();
        others.sort_by_key(|kind| self.kinds[*kind]);
        let mut message = format!(
            "{} more than one mask; taken is `{taken}`, there is also {}",
            counted(self.images, ["image has", "images have"]),
            list(others.clone())
        );
        if !self.wanted.is_empty() && !known {
            message.push_str(&format!(
                "; `data.masks` = `{}` is none of them",
                self.wanted
            ));
        }
        let other = others.first().map_or("", |kind| kind.as_str());
        Some(
            Finding::new(
                "several-masks",
                if self.wanted.is_empty() || known {
                    Severity::Hint
                } else {
                    Severity::Warning
                },
                message,
            )
            .remedy(format!(
                "To train on another kind, set `data.masks` to it: {other}."
            ))
            .settings(&[("data.masks", other)]),
        )
    }
}

/// Findings about images without mask and masks without image.
pub(super) fn left_over(
    findings: &mut Vec<Finding>,
    images: &[(&Path, Option<Part>)],
    masks: &[&Path],
) {
    let names = |list: &mut dyn Iterator<Item = &Path>| -> Vec<String> {
        list.map(|path| path.display().to_string()).collect()
    };
    let of = |test: bool| {
        images
            .iter()
            .filter(move |(_, part)| (*part == Some(Part::Test)) == test)
            .map(|(path, _)| *path)
    };
    let test = names(&mut of(true));
    if !test.is_empty() {
        let message = counted(
            test.len(),
            [
                "test image has no mask and is not used",
                "test images have no mask and are not used",
            ],
        );
        findings.push(Finding::new("test-without-mask", Severity::Hint, message).files(test));
    }
    let other = names(&mut of(false));
    if !other.is_empty() {
        let message = format!(
            "{}: {}",
            counted(
                other.len(),
                [
                    "image has no mask and is left out",
                    "images have no mask and are left out",
                ]
            ),
            some_of(&other)
        );
        findings.push(
            Finding::new("image-without-mask", Severity::Warning, message)
                .remedy("Give image and mask the same name, up to a word like `_mask`.")
                .files(other),
        );
    }
    let unused = names(&mut masks.iter().copied());
    if !unused.is_empty() {
        let message = format!(
            "{}: {}",
            counted(
                unused.len(),
                [
                    "mask has no image and is left out",
                    "masks have no image and are left out",
                ]
            ),
            some_of(&unused)
        );
        findings.push(
            Finding::new("mask-without-image", Severity::Warning, message)
                .remedy("Copy the images into the folder, or delete the masks.")
                .files(unused),
        );
    }
}
