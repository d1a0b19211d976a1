//! Items that belong together, told by their names.

use std::collections::BTreeMap;

use crate::data::Item;
use crate::data::config::GroupBy;

/// Where a prefix ends when no length is given.
const SEPARATORS: [char; 4] = ['_', '-', '.', ' '];

/// Indices of the items by group, groups in the order of their names. Every item is in exactly one.
pub(in crate::data) fn of(items: &[Item], by: GroupBy, prefix_chars: usize) -> Vec<Vec<usize>> {
    if by == GroupBy::None {
        return (0..items.len()).map(|index| vec![index]).collect();
    }
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        groups
            .entry(name(item, by, prefix_chars))
            .or_default()
            .push(index);
    }
    groups.into_values().collect()
}

/// What an item's group is called.
fn name(item: &Item, by: GroupBy, prefix_chars: usize) -> String {
    let stem = || {
        let stem = item.image.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    };
    match by {
        GroupBy::None => item.id.clone(),
        GroupBy::Folder => {
            let folder = item
                .image
                .parent()
                .map(|p| p.to_string_lossy().into_owned());
            folder.unwrap_or_default()
        }
        GroupBy::Prefix if prefix_chars > 0 => stem().chars().take(prefix_chars).collect(),
        GroupBy::Prefix => {
            let stem = stem();
            let end = stem.find(SEPARATORS).unwrap_or(stem.len());
            stem[..end].to_owned()
        }
        GroupBy::Number => {
            let stem = stem();
            let digits = |c: char| c.is_ascii_digit();
            let Some(start) = stem.find(digits) else {
                return stem;
            };
            let rest = &stem[start..];
            let end = rest.find(|c| !digits(c)).unwrap_or(rest.len());
            let number = rest[..end].trim_start_matches('0');
            // What stands before the number tells two series apart: `scan_1`, `patient_1`.
            format!("{}{number}", &stem[..start])
        }
    }
}
