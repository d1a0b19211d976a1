//! A close look at every image and mask of an open dataset: a background job over all pixels.
//!
//! What opening finds out from names, headers and histograms is in [`Dataset::findings`]; this finds
//! what only pixels tell: objects, borders, doubles, masks that do not lie on their images. Measuring
//! ([`measure`]) knows one item, judging ([`rules`]) only facts; neither knows settings or windows.

mod cache;
mod doubles;
mod fit;
mod measure;
mod objects;
mod rules;
mod shift;

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{DataError, Dataset, Progress};
use crate::finding::Finding;

/// The codes of what a close look can find.
pub fn codes() -> impl Iterator<Item = &'static str> {
    rules::RULES.iter().map(|(code, _)| *code)
}

/// What one item's pixels hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemFacts {
    /// Content hash of the image file and of its mask, 32 hexadecimal digits each.
    pub hash: [String; 2],
    /// Width and height in pixels.
    pub size: [usize; 2],
    /// The classes that occur, ascending.
    pub classes: Vec<ClassFacts>,
    /// Pixels that take no part.
    pub ignored: u64,
    /// Pixels beside a pixel of another class (of their four neighbours).
    pub border: u64,
    /// Deviation of the image's brightness, 0..=255; 0 is a picture of one colour.
    pub contrast: f64,
    /// Perceptual hash: like images differ in few of its 256 bits.
    pub look: [u64; 4],
    /// Where the image and the mask have edges, to see whether they lie on each other.
    #[serde(with = "fit::hexadecimal")]
    pub edges: [Vec<u8>; 2],
    /// Mean edge of the image under the mask's border for each small step of the mask, 0..=255; empty
    /// where there is too little of either.
    #[serde(with = "fit::hexadecimal_one")]
    pub slide: Vec<u8>,
}

/// One class in one item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassFacts {
    pub class: u8,
    pub pixels: u64,
    /// Pixels whose four neighbours are of the same class.
    pub core: u64,
    /// Connected regions (eight neighbours) by size: entry `i` counts those of 2^i to 2^(i+1) - 1
    /// pixels.
    pub objects: Vec<u32>,
}

/// One class over all items.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClassSummary {
    /// Connected regions, by size as in [`ClassFacts::objects`].
    pub objects: Vec<u64>,
    pub pixels: u64,
    /// Pixels at an edge of the class.
    pub edge: u64,
    /// Images in which it occurs.
    pub images: u64,
}

/// The facts, and what follows from them.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// In the order of [`Dataset::items`]; `None` where an item could not be decoded.
    pub items: Vec<Option<ItemFacts>>,
    /// In the order of the class map.
    pub classes: Vec<ClassSummary>,
    pub findings: Vec<Finding>,
    /// Per item, the indices of the findings that name it.
    pub by_item: Vec<Vec<u16>>,
    /// How many items came from the cache.
    pub cached: usize,
}

impl ItemFacts {
    /// Share of all pixels, 0..=1, that are this class.
    #[must_use]
    pub fn share(&self, class: u8) -> f64 {
        let pixels = self.classes.iter().find(|c| c.class == class);
        pixels.map_or(0.0, |c| c.pixels as f64) / (self.size[0] * self.size[1]).max(1) as f64
    }
}

impl ClassSummary {
    /// Number of connected regions.
    #[must_use]
    pub fn regions(&self) -> u64 {
        self.objects.iter().sum()
    }

    /// The lower end, in pixels, of the size class in which the median region lies.
    #[must_use]
    pub fn median_region(&self) -> Option<u64> {
        let half = self.regions().div_ceil(2);
        let mut seen = 0;
        let reached = |count: &u64| {
            seen += count;
            seen >= half && half > 0
        };
        self.objects.iter().position(reached).map(|at| 1 << at)
    }
}

/// Looks at every item in parallel. `cache` is a folder in which facts are kept by content hash, so
/// that a second look only reads and hashes the files.
///
/// # Errors
/// Only when cancelled. Items that can't be decoded have no facts and a finding.
pub fn examine(
    dataset: &Dataset,
    cache: Option<&Path>,
    progress: &Progress,
) -> Result<Report, DataError> {
    progress.set_total(dataset.items.len());
    let store = cache.map(|folder| cache::Cache::open(folder, dataset));
    let looked: Vec<(Option<Result<ItemFacts, String>>, bool)> = (0..dataset.items.len())
        .into_par_iter()
        .map(|index| {
            if progress.is_cancelled() {
                return (None, false);
            }
            let hash = measure::hash(dataset, index);
            let known = store.as_ref().and_then(|s| s.get(&hash));
            let hit = known.is_some();
            let facts = known.map_or_else(|| measure::item(dataset, index, hash), Ok);
            progress.advance();
            (Some(facts), hit)
        })
        .collect();
    if progress.is_cancelled() {
        return Err(DataError::Cancelled);
    }
    let mut report = Report {
        cached: looked.iter().filter(|(_, hit)| *hit).count(),
        ..Report::default()
    };
    let mut broken = Vec::new();
    for (index, (facts, _)) in looked.into_iter().enumerate() {
        match facts {
            Some(Ok(facts)) => report.items.push(Some(facts)),
            Some(Err(message)) => {
                broken.push((dataset.items[index].image.display().to_string(), message));
                report.items.push(None);
            }
            None => report.items.push(None),
        }
    }
    if let Some(store) = store
        && report.cached < report.items.len()
        && let Err(error) = store.save(report.items.iter().flatten())
    {
        // Without the cache the next look only takes longer.
        log::warn!("the facts about the masks were not kept: {error}");
    }
    report.classes = summaries(dataset, &report.items);
    report.findings = rules::judge(dataset, &report, &broken);
    report
        .findings
        .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    report.by_item = by_item(dataset, &report.findings);
    Ok(report)
}

fn summaries(dataset: &Dataset, items: &[Option<ItemFacts>]) -> Vec<ClassSummary> {
    let mut classes = vec![ClassSummary::default(); dataset.classes.len()];
    for facts in items.iter().flatten().flat_map(|item| &item.classes) {
        let Some(sum) = classes.get_mut(usize::from(facts.class)) else {
            continue;
        };
        sum.pixels += facts.pixels;
        sum.edge += facts.pixels - facts.core.min(facts.pixels);
        sum.images += 1;
        if sum.objects.len() < facts.objects.len() {
            sum.objects.resize(facts.objects.len(), 0);
        }
        for (sum, count) in sum.objects.iter_mut().zip(&facts.objects) {
            *sum += u64::from(*count);
        }
    }
    classes
}

/// Per item, which of `findings` name its image or its mask.
#[must_use]
pub fn by_item(dataset: &Dataset, findings: &[Finding]) -> Vec<Vec<u16>> {
    let mut of_file: HashMap<&str, Vec<u16>> = HashMap::new();
    for (index, finding) in findings.iter().enumerate().take(usize::from(u16::MAX)) {
        for file in &finding.files {
            of_file.entry(file).or_default().push(index as u16);
        }
    }
    let named = |item: &super::Item| {
        let files = [&item.image, &item.mask].map(|path| path.display().to_string());
        let mut hits: Vec<u16> = files
            .iter()
            .chain([&item.id])
            .filter_map(|file| of_file.get(file.as_str()))
            .flatten()
            .copied()
            .collect();
        hits.sort_unstable();
        hits.dedup();
        hits
    };
    dataset.items.iter().map(named).collect()
}
