//! nnU-Net version 2 and 1, Medical Segmentation Decathlon: `dataset.json`, `imagesTr`, `labelsTr`.
//!
//! Source: nnU-Net's `documentation/dataset_format.md`. Images are `CASE_0000.ext`, one file per
//! channel; version 1 and the decathlon leave the suffix away where a file holds all channels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::join::left_over;
use super::{Folder, Found, Pair, Part, Row, Table, below, is_image, read_text, stem};
use crate::data::DataError;
use crate::data::reading::Reading;
use crate::data::volume;

const MOST_BYTES: u64 = 64 << 20;

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let readable = |path: &Path| is_image(path) || volume::format(path).is_some();
    // (base, case) to channel files and label file.
    let mut images: BTreeMap<(PathBuf, String), BTreeMap<u32, PathBuf>> = BTreeMap::new();
    let mut labels: BTreeMap<(PathBuf, String), PathBuf> = BTreeMap::new();
    let mut parts: BTreeMap<(PathBuf, String), Part> = BTreeMap::new();
    for path in folder.files.iter().filter(|path| readable(path)) {
        for (name, part) in [("imagesTr", Part::Train), ("imagesTs", Part::Test)] {
            if let Some((base, rest)) = below(path, name) {
                let (case, channel) = channel(&stem(&rest));
                let key = (base, case);
                parts.insert(key.clone(), part);
                images.entry(key).or_default().insert(channel, path.clone());
            }
        }
        for name in ["labelsTr", "labelsTs"] {
            if let Some((base, rest)) = below(path, name) {
                labels.insert((base, stem(&rest)), path.clone());
            }
        }
    }
    let json = folder.files.iter().find(|path| {
        let base = path.parent().unwrap_or(Path::new(""));
        path.file_name().is_some_and(|name| name == "dataset.json")
            && labels.keys().any(|(other, _)| other == base)
    });
    let Some(json) = json else { return Ok(None) };
    let fail = |message: String| DataError::File {
        path: folder.root.join(json).display().to_string(),
        message,
    };
    let text = read_text(folder, json, MOST_BYTES)?;
    let meta: Value = serde_json::from_str(&text).map_err(|e| fail(e.to_string()))?;
    let decathlon = meta.get("modality").is_some();
    let mut pairs = Vec::new();
    let mut lonely: Vec<(PathBuf, Option<Part>)> = Vec::new();
    for (key, channels) in &images {
        let mut files = channels.values().cloned();
        let Some(image) = files.next() else { continue };
        let part = parts.get(key).copied();
        // A case that only looks like a channel (`scan_2024`) keeps its number as its name.
        let whole = (key.0.clone(), stem(&image));
        let Some(mask) = labels.remove(key).or_else(|| labels.remove(&whole)) else {
            lonely.push((image, part));
            continue;
        };
        pairs.push(Pair {
            image,
            mask,
            part,
            reading: Reading {
                channels: files.collect(),
                ..Reading::default()
            },
        });
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    let base = json.parent().unwrap_or(Path::new(""));
    let split = first_fold(folder, &base.join("splits_final.json"), &mut pairs);
    let channels = pairs.iter().map(|p| p.reading.channels.len() + 1).max();
    let channels = channels.unwrap_or(1);
    let mut findings = Vec::new();
    let lonely: Vec<(&Path, Option<Part>)> = lonely.iter().map(|(p, part)| (&**p, *part)).collect();
    let unused: Vec<&Path> = labels.values().map(|p| &**p).collect();
    left_over(&mut findings, &lonely, &unused);
    Ok(Some(Found {
        kinds: Vec::new(),
        layout: if decathlon {
            "Medical Segmentation Decathlon"
        } else {
            "nnU-Net"
        }
        .to_owned(),
        reason: format!(
            "`{}` lies beside `imagesTr` and `labelsTr`; {}.",
            json.display(),
            if channels > 1 {
                format!("{channels} files such as `_0000` make the channels of an image")
            } else {
                "one file per image".to_owned()
            }
        ),
        split_origin: super::own_split(
            &pairs,
            if split {
                "splits_final.json, first fold"
            } else {
                "imagesTr and imagesTs"
            },
        ),
        pairs,
        table: table(&meta, &json.display().to_string()),
        findings,
    }))
}

/// What is to be said where a `dataset.json` describes cases that are not there.
pub(super) fn absent(folder: &Folder) -> Option<String> {
    let named = |path: &&PathBuf| path.file_name().is_some_and(|name| name == "dataset.json");
    let json = folder.files.iter().find(named)?;
    let text = read_text(folder, json, MOST_BYTES).ok()?;
    let meta: Value = serde_json::from_str(&text).ok()?;
    meta.get("labels")?;
    let channels = meta.get("channel_names").or_else(|| meta.get("modality"));
    let cases = meta.get("numTraining").and_then(Value::as_u64);
    channels.map(|_| {
        format!(
            "`{}` describes {} cases of nnU-Net or the Medical Segmentation Decathlon, but `imagesTr` and \
             `labelsTr` beside it hold no image with a mask",
            json.display(),
            cases.map_or_else(|| "training".to_owned(), |cases| cases.to_string())
        )
    })
}

/// nnU-Net's own five folds, where they are there: the first is used.
fn first_fold(folder: &Folder, path: &Path, pairs: &mut [Pair]) -> bool {
    let fold = || -> Option<Value> {
        let text = read_text(folder, path, MOST_BYTES).ok()?;
        let folds: Value = serde_json::from_str(&text).ok()?;
        folds.get(0).cloned()
    };
    if !folder.files.contains(&path.to_owned()) {
        return false;
    }
    let Some(fold) = fold() else { return false };
    let val: std::collections::HashSet<&str> = fold
        .get("val")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    for pair in pairs.iter_mut().filter(|p| p.part == Some(Part::Train)) {
        if val.contains(stem(&pair.mask).as_str()) {
            pair.part = Some(Part::Val);
        }
    }
    !val.is_empty()
}

/// The case and the channel of `CASE_0003`; channel 0 of a name without the four digits.
fn channel(stem: &str) -> (String, u32) {
    let split = stem.rsplit_once('_');
    let digits = split.filter(|(_, d)| d.len() == 4 && d.bytes().all(|b| b.is_ascii_digit()));
    match digits {
        Some((case, digits)) => (case.to_owned(), digits.parse().unwrap_or(0)),
        None => (stem.to_owned(), 0),
    }
}

/// `labels`: name to id (version 2), or id to name (version 1). A region is a list of ids: its own id
/// is the last of them that no smaller region claims, which only the user can say, so it is left out.
fn table(meta: &Value, origin: &str) -> Option<Table> {
    let labels = meta.get("labels")?.as_object()?;
    let mut rows: Vec<(u32, String)> = Vec::new();
    let mut ignore = Vec::new();
    for (key, value) in labels {
        let row = match (key.parse::<u32>(), value) {
            (Ok(id), Value::String(name)) => Some((id, name.clone())),
            (_, Value::Number(id)) => id
                .as_u64()
                .and_then(|id| u32::try_from(id).ok())
                .map(|id| (id, key.clone())),
            _ => None,
        };
        match row {
            Some((id, name)) if name.eq_ignore_ascii_case("ignore") => ignore.push(id),
            Some(row) => rows.push(row),
            None => return None,
        }
    }
    rows.sort_unstable();
    rows.dedup_by_key(|(id, _)| *id);
    (!rows.is_empty()).then(|| Table {
        origin: format!("`{origin}`"),
        rows: rows
            .into_iter()
            .map(|(id, name)| Row {
                name,
                color: None,
                value: Some(id),
            })
            .collect(),
        ignore,
        only_if_ids_below: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_the_last_four_digits() {
        assert_eq!(channel("BRATS_001_0003"), ("BRATS_001".to_owned(), 3));
        assert_eq!(channel("BRATS_001"), ("BRATS_001".to_owned(), 0));
    }

    #[test]
    fn labels_of_both_versions_are_read() {
        let two = serde_json::json!({ "labels": { "background": 0, "tumour": 1, "ignore": 2 } });
        let two = table(&two, "x").unwrap();
        assert_eq!((two.rows[1].name.as_str(), two.ignore), ("tumour", vec![2]));
        let one = serde_json::json!({ "labels": { "0": "background", "1": "oedema" } });
        assert_eq!(table(&one, "x").unwrap().rows[1].value, Some(1));
        let regions = serde_json::json!({ "labels": { "background": 0, "whole": [1, 2] } });
        assert_eq!(table(&regions, "x"), None);
    }
}
