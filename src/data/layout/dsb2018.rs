//! Data Science Bowl 2018 and its kin: a folder per image, with `images` and one mask per object in
//! `masks`. The objects are joined: they are of one class.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Folder, Found, Pair, Row, Table, is_image, part_of_path};
use crate::data::DataError;
use crate::data::reading::{Reading, Truth};
use crate::finding::counted;

#[derive(Default)]
struct Case {
    images: Vec<PathBuf>,
    masks: Vec<PathBuf>,
}

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let mut cases: BTreeMap<PathBuf, Case> = BTreeMap::new();
    for path in folder.files.iter().filter(|path| is_image(path)) {
        let Some(holder) = path.parent() else {
            continue;
        };
        let above = holder.parent().unwrap_or(Path::new(""));
        let case = || above.to_owned();
        match holder.file_name().map(|n| n.to_string_lossy()) {
            Some(name) if name == "images" => {
                cases.entry(case()).or_default().images.push(path.clone());
            }
            Some(name) if name == "masks" => {
                cases.entry(case()).or_default().masks.push(path.clone());
            }
            _ => {}
        }
    }
    cases.retain(|_, case| case.images.len() == 1 && !case.masks.is_empty());
    // One image with one mask of its name is an ordinary pair.
    let objects: usize = cases.values().map(|case| case.masks.len()).sum();
    let own_names = cases.values().all(|case| {
        case.masks
            .iter()
            .any(|m| super::stem(m) == super::stem(&case.images[0]))
    });
    if cases.is_empty() || objects < 2 || (own_names && objects == cases.len()) {
        return Ok(None);
    }
    let count = cases.len();
    let pairs: Vec<Pair> = cases
        .into_values()
        .map(|case| Pair {
            image: case.images[0].clone(),
            mask: case.masks[0].clone(),
            part: part_of_path(&case.images[0]),
            reading: Reading {
                truth: Truth::Objects(case.masks.into()),
                ..Reading::default()
            },
        })
        .collect();
    let row = |value: u32, name: &str| Row {
        name: name.to_owned(),
        color: None,
        value: Some(value),
    };
    Ok(Some(Found {
        kinds: Vec::new(),
        layout: "DSB2018, a mask per object".to_owned(),
        reason: format!(
            "{} `images` with one picture and `masks` with one file per object, {objects} in all; \
             objects of a picture are joined.",
            counted(count, ["folder holds", "folders hold"])
        ),
        split_origin: super::own_split(&pairs, "train and val folders"),
        pairs,
        table: Some(Table {
            origin: "the layout: background and object".to_owned(),
            rows: vec![row(0, "background"), row(1, "object")],
            ignore: Vec::new(),
            only_if_ids_below: None,
        }),
        findings: Vec::new(),
    }))
}
