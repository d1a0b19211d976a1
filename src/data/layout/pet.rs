//! Oxford-IIIT Pet: `images` and `annotations/trimaps`, values 1 pet, 2 background, 3 border.
//!
//! Source: the dataset's README and torchvision's documentation.

use std::collections::HashMap;
use std::path::PathBuf;

use super::join::{Keyed, join};
use super::{Folder, Found, Part, Row, Table, below, is_image, read_text, stem};
use crate::data::DataError;
use crate::finding::{Finding, Severity};

const MOST_BYTES: u64 = 16 << 20;

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let (mut images, mut masks) = (Vec::new(), Vec::new());
    let mut lists: Vec<(&PathBuf, Part)> = Vec::new();
    for path in folder.files {
        if is_image(path) && below(path, "trimaps").is_some() {
            masks.push(Keyed::new(stem(path), path, None));
        } else if is_image(path) && below(path, "images").is_some() {
            images.push(Keyed::new(stem(path), path, None));
        } else if below(path, "annotations").is_some() {
            match path.file_name().map(|n| n.to_string_lossy()).as_deref() {
                Some("trainval.txt") => lists.push((path, Part::Train)),
                Some("test.txt") => lists.push((path, Part::Test)),
                _ => {}
            }
        }
    }
    let Some(mut joined) = join(images, masks, "") else {
        return Ok(None);
    };
    let mut parts: HashMap<String, Part> = HashMap::new();
    for (path, part) in &lists {
        // `name class species breed`.
        for line in read_text(folder, path, MOST_BYTES)?.lines() {
            if let Some(name) = line
                .split_whitespace()
                .next()
                .filter(|n| !n.starts_with('#'))
            {
                parts.insert(name.to_owned(), *part);
            }
        }
    }
    for pair in &mut joined.pairs {
        pair.part = parts.get(&stem(&pair.image)).copied();
    }
    let row = |value: u32, name: &str| Row {
        name: name.to_owned(),
        color: None,
        value: Some(value),
    };
    joined.findings.push(
        Finding::new(
            "trimap",
            Severity::Hint,
            "the masks are trimaps: 1 is the pet, 2 the background, 3 the border, which nobody could tell",
        )
        .remedy("To leave the border out of training, move 3 to “ignored” in the class map."),
    );
    Ok(Some(Found {
        kinds: joined.kinds,
        layout: "Oxford-IIIT Pet".to_owned(),
        reason: "There are `images` and `annotations/trimaps`.".to_owned(),
        split_origin: super::own_split(&joined.pairs, "trainval.txt and test.txt"),
        pairs: joined.pairs,
        table: Some(Table {
            origin: "the dataset's README".to_owned(),
            rows: vec![row(2, "background"), row(1, "pet"), row(3, "border")],
            ignore: Vec::new(),
            only_if_ids_below: Some(4),
        }),
        findings: joined.findings,
    }))
}
