//! Which items train and which validate: the dataset's own split, a list, or a seeded draw.
//! Knows names and counts, never pixels.

mod draw;
mod group;
mod list;

use std::path::Path;

pub(super) use group::of as groups;

use super::config::SplitBy;
use super::layout::Part;
use super::suspects::suspects;
use super::{Census, DataConfig, DataError, Dataset, Item, ItemCounts, Source, Split};
use crate::finding::counted;

/// The split that the dataset itself brings, if any.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Given {
    /// The part of each item.
    pub parts: Vec<Option<Part>>,
    /// Where it comes from, in words.
    pub origin: Option<String>,
}

/// As the configuration asks; the dataset's own split falls back to a draw where there is none.
///
/// # Errors
/// When a list can't be read or names nothing.
pub(super) fn split(
    items: &[Item],
    counts: &[ItemCounts],
    given: &Given,
    config: &DataConfig,
) -> Result<Split, DataError> {
    match config.split {
        SplitBy::List => {
            let (val, origin) = list::read(Path::new(config.val_list.trim()), items)?;
            return Ok(sides(&val, origin));
        }
        SplitBy::Own => {
            if let Some(own) = own(given) {
                return Ok(own);
            }
        }
        SplitBy::Ratio => {}
    }
    Ok(by_ratio(items, counts, config))
}

/// Both sides, ascending, from whether each item validates.
fn sides(val: &[bool], origin: String) -> Split {
    let of = |side| (0..val.len()).filter(|&i| val[i] == side).collect();
    Split {
        train: of(false),
        val: of(true),
        origin,
    }
}

fn own(given: &Given) -> Option<Split> {
    let origin = given.origin.clone()?;
    let of = |part| -> Vec<usize> {
        let parts = given.parts.iter().enumerate();
        parts
            .filter(|(_, p)| **p == Some(part))
            .map(|(i, _)| i)
            .collect()
    };
    let (train, val, test) = (of(Part::Train), of(Part::Val), of(Part::Test));
    let val = if val.is_empty() { test } else { val };
    (!train.is_empty() && !val.is_empty()).then_some(Split { train, val, origin })
}

fn by_ratio(items: &[Item], counts: &[ItemCounts], config: &DataConfig) -> Split {
    let groups = group::of(items, config.group_by, config.prefix_chars as usize);
    let (number, single) = (groups.len(), groups.len() == items.len());
    let units = groups
        .into_iter()
        .map(|items| draw::Unit::new(items, counts))
        .collect();
    let val = draw::draw(units, items.len(), config);
    let mut origin = format!(
        "a draw with seed {}: {:.0} % validate",
        config.seed,
        config.val_ratio * 100.0
    );
    if !single {
        let groups = counted(number, ["group", "groups"]);
        origin = format!("{origin}, {groups} kept whole");
    }
    if config.stratify {
        origin.push_str(", classes in proportion");
    }
    sides(&val, origin)
}

/// Codes of what opening finds about a split, to be found anew with another one.
const OF_A_SPLIT: [&str; 5] = [
    "class-not-in-training",
    "class-not-in-validation",
    "few-images",
    "no-validation-images",
    "torn-sequence",
];

impl Dataset {
    /// The same dataset under another split: nothing is read again but a list of names.
    ///
    /// # Errors
    /// When a list can't be read or names nothing.
    pub fn resplit(&self, config: &DataConfig) -> Result<Self, DataError> {
        let split = split(&self.items, &self.counts, &self.given, config)?;
        let census = Census::of(&self.counts, &split, self.classes.len());
        let mut findings = self.findings.clone();
        findings.retain(|finding| !OF_A_SPLIT.contains(&finding.code.as_str()));
        findings.extend(super::remarks::absent_classes(&self.classes, &census));
        if let Source::Files { .. } = self.source {
            findings.extend(suspects(&self.items, &split, config));
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Ok(Self {
            split,
            census,
            findings,
            ..self.clone()
        })
    }

    /// Whether the dataset brings a split of its own.
    #[must_use]
    pub fn has_own_split(&self) -> bool {
        own(&self.given).is_some()
    }
}

#[cfg(test)]
mod tests;
