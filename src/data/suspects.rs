//! What names and numbers of images make suspicious, before any pixel is looked at: films torn apart by
//! the split, too few images.

use std::collections::HashSet;

use super::config::{GroupBy, SplitBy};
use super::split::groups;
use super::{DataConfig, Item, Split};
use crate::finding::{Finding, Severity, counted};

/// Fewer validation images than this give scores that a single image decides.
const FEW: usize = 10;

pub(super) fn suspects(items: &[Item], split: &Split, config: &DataConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(torn_apart(items, split, config));
    if split.val.is_empty() {
        findings.push(nothing_validates(split, config));
    } else if split.val.len() < FEW {
        findings.push(
            Finding::new(
                "few-images",
                Severity::Hint,
                format!(
                    "there {} and {}: scores will change by chance with every other split",
                    match split.train.len() {
                        1 => "is 1 training image".to_owned(),
                        many => format!("are {many} training images"),
                    },
                    counted(split.val.len(), ["validation image", "validation images"])
                ),
            )
            .remedy("Compare runs over several seeds of the split before believing a difference."),
        );
    }
    findings
}

fn nothing_validates(split: &Split, config: &DataConfig) -> Finding {
    let grouped = config.group_by != GroupBy::None;
    let remedy = match grouped {
        true => "Group the images otherwise (`data.group_by`): one group stays on one side whole.",
        false => "Draw a split that leaves images for validation (`data.split`, `data.val_ratio`).",
    };
    let cure: &[(&str, &str)] = match grouped {
        true => &[("data.group_by", "none")],
        false => &[("data.split", "ratio")],
    };
    let message = format!(
        "no image validates ({}): nothing can be scored",
        split.origin
    );
    Finding::new("no-validation-images", Severity::Warning, message)
        .remedy(remedy)
        .settings(cure)
}

/// Names that begin alike, or hold the same number, on both sides of the split.
fn torn_apart(items: &[Item], split: &Split, config: &DataConfig) -> Option<Finding> {
    if config.split != SplitBy::Own && config.group_by != GroupBy::None {
        return None;
    }
    let val: HashSet<usize> = split.val.iter().copied().collect();
    let train: HashSet<usize> = split.train.iter().copied().collect();
    for by in [GroupBy::Prefix, GroupBy::Number] {
        let all = groups(items, by, 0);
        // One group is no group, and names that are all different say nothing.
        if all.len() < 2 || all.len() * 3 > items.len() * 2 {
            continue;
        }
        let count = |group: &[usize], side: &HashSet<usize>| -> usize {
            group.iter().filter(|i| side.contains(i)).count()
        };
        let torn: Vec<(&Vec<usize>, usize, usize)> = all
            .iter()
            .map(|group| (group, count(group, &train), count(group, &val)))
            .filter(|(_, train, val)| *train > 0 && *val > 0)
            .collect();
        let hit: usize = torn.iter().map(|(_, _, val)| val).sum();
        if hit * 3 < split.val.len() || hit == 0 {
            continue;
        }
        let Some(largest) = torn.iter().max_by_key(|(_, _, val)| *val) else {
            continue;
        };
        let example = items[largest.0[0]].image.file_stem().unwrap_or_default();
        let groups = torn.iter().flat_map(|(group, _, _)| group.iter().copied());
        let mut named: Vec<usize> = groups.filter(|i| val.contains(i)).collect();
        named.sort_unstable();
        let files = named
            .into_iter()
            .map(|i| items[i].image.display().to_string())
            .collect();
        return Some(
            Finding::new(
                "torn-sequence",
                Severity::Hint,
                format!(
                    "{hit} of {} {} a name that {} that of training images, such as {} with {} here and \
                     {} there: frames of one film, or eyes of one patient?",
                    counted(split.val.len(), ["validation image", "validation images"]),
                    if hit == 1 { "has" } else { "have" },
                    if by == GroupBy::Prefix {
                        "begins like"
                    } else {
                        "holds the same number as"
                    },
                    example.to_string_lossy(),
                    counted(largest.2, ["image", "images"]),
                    largest.1
                ),
            )
            .remedy("If they belong together, keep them on one side of the split (`data.group_by`).")
            .files(files)
            .settings(&[("data.split", "ratio"), ("data.group_by", by.name())]),
        );
    }
    None
}
