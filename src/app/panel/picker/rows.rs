//! The rows of the list of losses: which there are, which a search finds, and which it means.

use crate::loss::{LOSSES, LossInfo, REFERENCES, Reference};

/// One row.
#[derive(Clone, Copy)]
pub struct Entry {
    pub info: &'static LossInfo,
    pub reference: Option<&'static Reference>,
}

impl Entry {
    pub fn name(&self) -> &'static str {
        self.reference.map_or(self.info.kind, |r| r.name)
    }

    fn hit(&self, wanted: &str) -> bool {
        let info = self.info;
        let own = [info.kind, info.title, info.family, info.purpose];
        let texts: Vec<&str> = match self.reference {
            Some(reference) => vec![reference.name, reference.note],
            None => own.into_iter().chain([info.reference]).collect(),
        };
        let all = texts.join(" ").to_lowercase();
        wanted.split_whitespace().all(|word| all.contains(word))
    }
}

/// Every row that has all words of the search in it; `sums` are no part of a sum.
pub fn entries(search: &str, sums: bool) -> Vec<Entry> {
    let wanted = search.trim().to_lowercase();
    let mut found = Vec::new();
    for info in LOSSES.iter().filter(|info| sums || info.kind != "sum") {
        let kind = Entry {
            info,
            reference: None,
        };
        found.push(kind);
        let named = REFERENCES.iter().filter(|r| r.kind == info.kind);
        found.extend(named.map(|reference| Entry {
            info,
            reference: Some(reference),
        }));
    }
    found.retain(|entry| entry.hit(&wanted));
    // Families together, in the order in which they first occur.
    let place = |entry: &Entry| {
        LOSSES
            .iter()
            .position(|info| info.family == entry.info.family)
    };
    found.sort_by_key(place);
    found
}

/// The row that a search most likely means: that of this name, else the first whose name begins with it
/// (with its library or without), else the library's function that begins with the last word, else the
/// first that has it, or all of its words, in its name.
pub fn meant(rows: &[Entry], search: &str) -> usize {
    let wanted = search.trim().to_lowercase();
    let words: Vec<&str> = wanted.split_whitespace().collect();
    let far = |row: &Entry| {
        let name = row.name().to_lowercase();
        let own = name.split_once('.').map_or("", |(_, own)| own);
        let title = match row.reference {
            None => row.info.title.to_lowercase(),
            Some(_) => String::new(),
        };
        let all = [name.as_str(), own, title.as_str()];
        let function = name.rsplit('.').next().unwrap_or_default();
        // "monai focal": the words before narrow the list down to a library.
        let of_library = |last: &str| row.reference.is_some() && function.starts_with(last);
        match (&wanted, words.as_slice()) {
            (wanted, _) if all.contains(&wanted.as_str()) => 0,
            (wanted, _) if all.iter().any(|name| name.starts_with(wanted)) => 1,
            (_, [_, .., last]) if of_library(last) => 2,
            (wanted, _) if all.iter().any(|name| name.contains(wanted)) => 3,
            (_, words) if words.iter().all(|word| name.contains(word)) => 3,
            _ => 4,
        }
    };
    // The first of equals.
    let nearest = rows.iter().enumerate().min_by_key(|(_, row)| far(row));
    nearest.map_or(0, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_kinds_libraries_and_papers() {
        let names =
            |search: &str| -> Vec<&str> { entries(search, true).iter().map(Entry::name).collect() };
        assert!(names("monai dice").contains(&"monai.DiceLoss"));
        assert!(names("kervadec").contains(&"boundary"));
        assert_eq!(names("").len(), LOSSES.len() + REFERENCES.len());
        assert!(names("no such loss").is_empty());
        assert!(entries("", false).iter().all(|row| row.info.kind != "sum"));
    }

    #[test]
    fn enter_takes_the_loss_whose_name_was_typed() {
        for (search, name) in [
            ("dice", "dice"),
            ("monai.dicel", "monai.DiceLoss"),
            ("DiceFocal", "monai.DiceFocalLoss"),
            ("soft jacc", "jaccard"),
            ("wasser", "wasserstein"),
            ("tversky", "tversky"),
            ("keras.losses.tversky", "keras.losses.Tversky"),
            ("kervadec", "boundary"),
            ("monai focal", "monai.FocalLoss"),
            ("keras dice", "keras.losses.Dice"),
            (
                "niftynet wass",
                "niftynet.generalised_wasserstein_dice_loss",
            ),
            ("soft dice", "dice"),
        ] {
            let rows = entries(search, true);
            assert_eq!(rows[meant(&rows, search)].name(), name, "{search}");
        }
        assert_eq!(meant(&[], "nothing"), 0);
    }
}
