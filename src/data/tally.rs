//! How many pixels of each value the masks hold, in bounded memory.
//!
//! A photo taken for a mask, or a mask saved as JPEG, holds up to a million colours, and thousands of those
//! would fill any machine. Of a mask with many values only a summary is kept, and what they add up to over
//! the set; once the classes are known, such a mask is read and counted again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::mask::{Kind, Lookup, RawMask};
use super::scan::Scanned;
use super::turn::turn;
use super::{Coding, DataError, ItemCounts, Progress};

/// Values of one mask that are kept.
const KEPT: usize = 1024;
/// Colours that a mask may hold: compression makes hundreds of thousands at the edges of a large one.
const MOST_COLORS: usize = 1 << 20;
/// Ids that a mask may hold: those of 16 bits.
const MOST_IDS: usize = 1 << 16;
/// Ids beyond those of the masks that are kept whole, all masks together.
const MOST_POOLED: usize = 1 << 22;

/// Pixels per stored value of one mask.
#[derive(Debug, Clone)]
pub(super) enum Tally {
    Whole(BTreeMap<u32, u64>),
    /// Of more values than are kept.
    Summary {
        /// The largest value.
        last: u32,
        /// How many values are not 0.
        above: usize,
        /// Tells it from a mask of other pixels.
        digest: blake3::Hash,
    },
}

/// Pixels per stored value of all masks of which only a summary is kept.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub colors: BTreeMap<u32, u64>,
    pub ids: BTreeMap<u32, u64>,
}

/// Values that no class claims, and the masks that hold them.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    pub pixels: BTreeMap<u32, u64>,
    pub files: BTreeSet<String>,
}

impl Tally {
    /// # Errors
    /// Where there are more values than a mask can have, without the file's name.
    pub fn of(mask: &RawMask, pool: &Mutex<Pool>) -> Result<Self, String> {
        let counts = mask.histogram();
        if counts.len() <= KEPT {
            return Ok(Self::Whole(counts));
        }
        let ids = matches!(mask.kind, Kind::Grey(_));
        let (most, what) = match ids {
            true => (MOST_IDS, "numbers"),
            false => (MOST_COLORS, "colours"),
        };
        if counts.len() > most {
            let held = counts.len();
            return Err(format!(
                "holds {held} different {what}, expected at most {most}: it is a picture, not a mask"
            ));
        }
        let mut hasher = blake3::Hasher::new();
        write(&counts, &mut hasher);
        let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
        let pooled = match ids {
            true => &mut pool.ids,
            false => &mut pool.colors,
        };
        for (&value, &count) in &counts {
            *pooled.entry(value).or_default() += count;
        }
        if pool.ids.len() > MOST_POOLED {
            return Err(format!(
                "and the masks before it hold more than {MOST_POOLED} different numbers"
            ));
        }
        Ok(Self::Summary {
            last: counts.keys().next_back().copied().unwrap_or(0),
            above: counts.keys().filter(|value| **value > 0).count(),
            digest: hasher.finalize(),
        })
    }

    /// The largest value.
    pub fn last(&self) -> u32 {
        match self {
            Self::Whole(counts) => counts.keys().next_back().copied().unwrap_or(0),
            Self::Summary { last, .. } => *last,
        }
    }

    /// How many values are not 0.
    pub fn above(&self) -> usize {
        match self {
            Self::Whole(counts) => counts.keys().filter(|value| **value > 0).count(),
            Self::Summary { above, .. } => *above,
        }
    }

    /// What is kept of the counts: all or nothing.
    pub fn kept(&self) -> impl Iterator<Item = (u32, u64)> {
        let counts = match self {
            Self::Whole(counts) => Some(counts),
            Self::Summary { .. } => None,
        };
        counts.into_iter().flatten().map(|(v, n)| (*v, *n))
    }

    /// Adds what tells this mask from others.
    pub fn fingerprint(&self, hasher: &mut blake3::Hasher) {
        match self {
            Self::Whole(counts) => write(counts, hasher),
            Self::Summary { digest, .. } => {
                hasher.update(digest.as_bytes());
            }
        }
    }
}

fn write(counts: &BTreeMap<u32, u64>, hasher: &mut blake3::Hasher) {
    for (value, count) in counts {
        hasher.update(&value.to_le_bytes());
        hasher.update(&count.to_le_bytes());
    }
}

/// Pixels per class of each mask, and what no class claims.
///
/// # Errors
/// When cancelled, or where a mask that is to be counted again can't be read any more.
pub(super) fn count(
    root: &Path,
    scanned: &[Scanned],
    lookup: &Lookup,
    coding: Coding,
    progress: &Progress,
) -> Result<(Vec<ItemCounts>, Unknown), DataError> {
    let again = |one: &&Scanned| matches!(one.facts.tally, Tally::Summary { .. });
    let again = scanned.iter().filter(again).count();
    progress.set_total(progress.counts().1 + again);
    let unknown = Mutex::new(Unknown::default());
    let of = |one: &Scanned| -> Result<ItemCounts, DataError> {
        let facts = &one.facts;
        match &facts.tally {
            Tally::Whole(counts) => Ok(by_class(one, counts, lookup, coding, &unknown)),
            Tally::Summary { .. } if progress.is_cancelled() => Err(DataError::Cancelled),
            Tally::Summary { .. } => {
                let _turn = turn(facts.size[0] * facts.size[1], 1);
                let mask = one.pair.reading.mask(root, &one.pair.mask);
                let mask = mask.map_err(|message| DataError::File {
                    path: root.join(&one.pair.mask).display().to_string(),
                    message,
                })?;
                let counts = mask.histogram();
                drop(mask);
                progress.advance();
                Ok(by_class(one, &counts, lookup, coding, &unknown))
            }
        }
    };
    let counts = scanned.par_iter().map(of).collect::<Result<_, _>>()?;
    let unknown = unknown.into_inner();
    Ok((counts, unknown.unwrap_or_else(PoisonError::into_inner)))
}

fn by_class(
    one: &Scanned,
    counts: &BTreeMap<u32, u64>,
    lookup: &Lookup,
    coding: Coding,
    unknown: &Mutex<Unknown>,
) -> ItemCounts {
    let grey = one.facts.is_grey();
    let mut strange = Vec::new();
    let each = counts.iter().map(|(&stored, &count)| {
        let value = one.facts.kind.under(stored, coding, grey);
        let class = lookup.class(value);
        if class.is_none() {
            strange.push((value, count));
        }
        (class, count)
    });
    let counts = ItemCounts::new(one.facts.size, each);
    if !strange.is_empty() {
        let mut unknown = unknown.lock().unwrap_or_else(PoisonError::into_inner);
        unknown.files.insert(one.pair.mask.display().to_string());
        for (value, count) in strange {
            *unknown.pixels.entry(value).or_default() += count;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::mask::Values;

    fn of(kind: Kind, words: Vec<u32>) -> (Result<Tally, String>, Pool) {
        let pool = Mutex::default();
        let mask = RawMask {
            width: words.len(),
            height: 1,
            values: Values::Words(words),
            kind,
        };
        let tally = Tally::of(&mask, &pool);
        (tally, pool.into_inner().unwrap())
    }

    #[test]
    fn a_mask_of_many_values_is_pooled_and_summed_up() {
        let (few, pool) = of(Kind::Rgb, (0..KEPT as u32).chain([5]).collect());
        let few = few.unwrap();
        assert_eq!(few.kept().count(), KEPT);
        assert!(few.kept().all(|(value, n)| n == 1 + u64::from(value == 5)));
        assert!(pool.colors.is_empty() && pool.ids.is_empty());

        let (many, pool) = of(Kind::Rgb, (0..=KEPT as u32).chain([5]).collect());
        let many = many.unwrap();
        assert_eq!((many.kept().count(), many.last()), (0, KEPT as u32));
        assert_eq!((many.above(), pool.colors.len()), (KEPT, KEPT + 1));
        assert_eq!(pool.colors[&5], 2);
        let (ids, pool) = of(Kind::Grey(16), (0..=KEPT as u32).collect());
        assert!(ids.is_ok() && pool.colors.is_empty());
        assert_eq!(pool.ids.len(), KEPT + 1);
    }

    #[test]
    fn what_no_mask_can_hold_is_refused_and_the_most_is_not() {
        let most = MOST_COLORS as u32;
        assert!(of(Kind::Rgb, (0..most).collect()).0.is_ok());
        let refused = of(Kind::Rgb, (0..=most).collect()).0.unwrap_err();
        assert!(refused.contains("1048577 different colours"), "{refused}");
        let ids = (0..=MOST_IDS as u32).map(|at| at * 50_000).collect();
        let refused = of(Kind::Grey(32), ids).0.unwrap_err();
        assert!(refused.contains("65537 different numbers"), "{refused}");
    }
}
