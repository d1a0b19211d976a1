//! COCO's panoptic sets: a JSON file, and PNG masks whose colour is the number of a segment.
//!
//! Source: panopticapi's format: number = R + 256·G + 65536·B; `segments_info` says of which category
//! each is, and 0 is no segment. Objects of one category become one class.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::coco::{is_json, part_of_file, resolve};
use super::lists::Ends;
use super::{Folder, Found, Pair, Row, Table, is_image, some_of};
use crate::data::DataError;
use crate::data::reading::{Reading, Segments, Truth};
use crate::finding::{Finding, Severity};

/// COCO's own file for training has 400 MB.
const MOST_BYTES: u64 = 2 << 30;
/// More categories than this are cut down to those that occur.
const MOST_CLASSES: usize = 250;

/// One annotation file.
#[derive(Debug, Deserialize)]
pub struct Panoptic {
    images: Vec<Picture>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Debug, Deserialize)]
struct Picture {
    id: Value,
    file_name: String,
}

#[derive(Debug, Deserialize)]
struct Annotation {
    image_id: Value,
    file_name: String,
    segments_info: Vec<Segment>,
}

#[derive(Debug, Deserialize)]
struct Segment {
    id: u32,
    category_id: u32,
}

#[derive(Debug, Deserialize)]
struct Category {
    id: u32,
    name: String,
    #[serde(default)]
    color: Option<[u8; 3]>,
}

/// Reads an annotation file.
///
/// # Errors
/// Where the text is no such JSON.
pub fn parse(text: &[u8]) -> Result<Panoptic, String> {
    serde_json::from_slice(text).map_err(|e| e.to_string())
}

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let ends = Ends::new(folder.files);
    let (mut pairs, mut used) = (Vec::new(), Vec::new());
    let (mut missing, mut numbers) = (Vec::new(), 0);
    let mut categories: BTreeMap<u32, Category> = BTreeMap::new();
    let mut occurs: std::collections::BTreeSet<u32> = std::collections::BTreeSet::new();
    for path in folder.files.iter().filter(|path| is_json(path)) {
        let full = folder.root.join(path);
        if !names_segments(&full) {
            continue;
        }
        let fail = |message: String| DataError::File {
            path: full.display().to_string(),
            message,
        };
        let size = std::fs::metadata(&full).map_or(0, |m| m.len());
        if size > MOST_BYTES {
            return Err(fail(format!(
                "has {size} bytes, expected at most {MOST_BYTES}"
            )));
        }
        let text = std::fs::read(&full).map_err(|e| fail(e.to_string()))?;
        let file = parse(&text).map_err(fail)?;
        let names: BTreeMap<String, &str> = (file.images.iter())
            .map(|picture| (picture.id.to_string(), picture.file_name.as_str()))
            .collect();
        let before = pairs.len();
        for annotation in file.annotations {
            let image = names
                .get(&annotation.image_id.to_string())
                .and_then(|name| resolve(folder, &ends, path, name));
            let mask = mask_of(folder, &ends, path, &annotation.file_name);
            let (Some(image), Some(mask)) = (image, mask) else {
                missing.push(annotation.file_name);
                continue;
            };
            numbers += annotation.segments_info.len();
            let segments: Segments = (annotation.segments_info.iter())
                .map(|segment| (segment.id, segment.category_id))
                .collect();
            occurs.extend(segments.values());
            pairs.push(Pair {
                image,
                mask,
                part: part_of_file(path),
                reading: Reading {
                    truth: Truth::Segments(Arc::new(segments)),
                    ..Reading::default()
                },
            });
        }
        if pairs.len() > before {
            used.push(format!("`{}`", path.display()));
            for category in file.categories {
                categories.entry(category.id).or_insert(category);
            }
        }
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    let few = categories.len() <= MOST_CLASSES;
    let rows = (categories.into_values())
        .filter(|category| few || occurs.contains(&category.id))
        .map(|category| Row {
            name: category.name,
            color: category.color,
            value: Some(category.id),
        });
    let mut findings: Vec<Finding> = super::lists::missing_finding(&missing)
        .into_iter()
        .collect();
    let message = format!(
        "the colours of the masks number {numbers} segments; those of one category are one class"
    );
    findings.push(Finding::new("instance-ids", Severity::Hint, message));
    Ok(Some(Found {
        kinds: Vec::new(),
        layout: "COCO panoptic".to_owned(),
        reason: format!(
            "{} list{} the category of every segment that the colours of the masks number.",
            some_of(&used),
            if used.len() == 1 { "s" } else { "" }
        ),
        split_origin: super::own_split(&pairs, "annotation files for train and val"),
        table: Some(Table {
            origin: format!("the categories of {}", some_of(&used)),
            rows: rows.collect(),
            ignore: vec![Truth::NO_SEGMENT],
            only_if_ids_below: None,
        }),
        pairs,
        findings,
    }))
}

/// In the folder that is called like the JSON file; else wherever the name is found among the masks.
fn mask_of(folder: &Folder, ends: &Ends, json: &Path, name: &str) -> Option<PathBuf> {
    let beside = json.with_extension("").join(name);
    if is_image(&beside) && folder.files.binary_search(&beside).is_ok() {
        return Some(beside);
    }
    resolve(folder, ends, json, name)
}

/// The file may be huge: its key must be in its first or last bytes.
fn names_segments(path: &Path) -> bool {
    super::coco::ends_of(path).is_some_and(|sample| {
        let key = b"\"segments_info\"";
        sample.windows(key.len()).any(|w| w == key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_without_a_category_are_refused() {
        let text = br#"{"images": [], "categories": [], "annotations":
            [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 3}]}]}"#;
        assert!(parse(text).unwrap_err().contains("category_id"));
    }
}
