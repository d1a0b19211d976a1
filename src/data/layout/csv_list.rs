//! A table with a column of images, a column of masks, and perhaps one that says which part they are.

use std::path::{Path, PathBuf};

use super::lists::{Ends, missing_finding};
use super::{Folder, Found, Pair, part_of};
use crate::data::DataError;
use crate::data::reading::Reading;

const MOST_BYTES: u64 = 256 << 20;
const IMAGE: &[&str] = &[
    "image",
    "img",
    "image_path",
    "img_path",
    "imagepath",
    "image_file",
    "input",
    "x",
    "picture",
];
const MASK: &[&str] = &[
    "mask",
    "label",
    "mask_path",
    "label_path",
    "maskpath",
    "annotation",
    "gt",
    "target",
    "segmentation",
    "mask_file",
    "y",
];
const SPLIT: &[&str] = &["split", "set", "subset", "partition", "fold", "part"];

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let tables = folder.files.iter().filter(|path| {
        path.extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("csv"))
            && path.components().count() <= 3
    });
    for path in tables {
        if let Some(found) = table(folder, path)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn table(folder: &Folder, path: &Path) -> Result<Option<Found>, DataError> {
    let full = folder.root.join(path);
    let fail = |message: String| DataError::File {
        path: full.display().to_string(),
        message,
    };
    if std::fs::metadata(&full).map_or(u64::MAX, |m| m.len()) > MOST_BYTES {
        return Ok(None);
    }
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_path(&full)
        .map_err(|e| fail(e.to_string()))?;
    let Ok(header) = reader.headers().cloned() else {
        return Ok(None);
    };
    let column = |names: &[&str]| {
        header.iter().position(|h| {
            let name = h.trim_start_matches('\u{feff}').to_ascii_lowercase();
            names.contains(&name.as_str())
        })
    };
    let (Some(image), Some(mask)) = (column(IMAGE), column(MASK)) else {
        return Ok(None);
    };
    let split = column(SPLIT);
    let ends = Ends::new(folder.files);
    let base = path.parent().unwrap_or(Path::new(""));
    let resolve = |name: &str| -> Option<PathBuf> {
        let beside = base.join(name);
        let known =
            folder.files.binary_search(&beside).is_ok() || folder.root.join(&beside).is_file();
        if known && !name.is_empty() {
            return Some(beside);
        }
        ends.resolve(name)
    };
    let mut pairs = Vec::new();
    let mut missing = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| fail(e.to_string()))?;
        let cell = |at: usize| record.get(at).unwrap_or_default();
        match (resolve(cell(image)), resolve(cell(mask))) {
            (Some(image), Some(mask)) => pairs.push(Pair {
                image,
                mask,
                part: split.and_then(|at| part_of(cell(at))),
                reading: Reading::default(),
            }),
            _ => missing.push(format!("{} {}", cell(image), cell(mask))),
        }
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    Ok(Some(Found {
        kinds: Vec::new(),
        layout: "CSV list".to_owned(),
        reason: format!(
            "`{}` names an image and a mask per line, in the columns {} and {}.",
            path.display(),
            &header[image],
            &header[mask]
        ),
        split_origin: super::own_split(&pairs, &format!("column in {}", path.display())),
        pairs,
        table: None,
        findings: missing_finding(&missing).into_iter().collect(),
    }))
}
