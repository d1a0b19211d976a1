//! COCO's annotation files: one JSON of `images`, `annotations` and `categories`, with polygons or run
//! lengths per object. Also Roboflow's `_annotations.coco.json` and labelme2coco's.
//!
//! Objects may overlap and have no order: crowds are painted first, then as `data.overlap` says.

mod annotations;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::annotations::parse;
use super::lists::Ends;
use super::{Folder, Found, Pair, Part, Table, is_image, some_of};
use crate::data::DataError;
use crate::data::reading::{Reading, Truth};
use crate::finding::{Finding, Severity, counted};

/// Larger files are refused: all of COCO's training annotations are a quarter of this.
const MOST_BYTES: u64 = 2 << 30;
/// More categories than this are cut down to those that occur.
const MOST_CLASSES: usize = 200;

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let mut pairs = Vec::new();
    let mut used: Vec<String> = Vec::new();
    let mut tables: Vec<Table> = Vec::new();
    let (mut missing, mut boxes, mut bare) = (Vec::new(), 0, 0);
    let (mut faults, mut damaged, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    let ends = Ends::new(folder.files);
    for path in folder.files.iter().filter(|path| is_json(path)) {
        let full = folder.root.join(path);
        if !looks_like_coco(&full) {
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
        let annotations = match parse(&text) {
            Ok(annotations) => annotations,
            Err(message) => return Err(fail(message)),
        };
        boxes += annotations.annotations.len();
        let (mut drawings, more) = annotations.drawings(folder.config.overlap);
        if drawings.values().all(|d| d.shapes.is_empty()) {
            refused.extend(more.into_iter().map(|fault| fault.message));
            continue;
        }
        let faulty: BTreeSet<&str> = more.iter().map(|fault| fault.image.as_str()).collect();
        let part = part_of_file(path);
        let before = pairs.len();
        for picture in &annotations.images {
            let Some(drawing) = drawings.remove(&picture.id.to_string()) else {
                continue;
            };
            let Some(image) = resolve(folder, &ends, path, &picture.file_name) else {
                missing.push(picture.file_name.clone());
                continue;
            };
            bare += usize::from(drawing.shapes.is_empty());
            if faulty.contains(picture.id.to_string().as_str()) {
                damaged.push(image.display().to_string());
            }
            pairs.push(Pair {
                image,
                mask: path.clone(),
                part,
                reading: Reading {
                    truth: Truth::Drawn(Arc::new(drawing)),
                    ..Reading::default()
                },
            });
        }
        faults.extend(more.into_iter().map(|fault| fault.message));
        if pairs.len() > before {
            used.push(format!("`{}`", path.display()));
            tables.push(annotations.table(format!("the categories of `{}`", path.display())));
        }
    }
    let Some(mut table) = tables.first().cloned() else {
        if folder.config.layout == crate::data::config::LayoutName::Coco && boxes > 0 {
            return Err(DataError::NoPairs {
                path: folder.root.display().to_string(),
                message: nothing_drawn(boxes, &refused),
            });
        }
        return Ok(None);
    };
    let mut findings = findings(&missing, &faults, damaged, bare);
    for other in &tables[1..] {
        if other.rows != table.rows {
            findings.push(Finding::new(
                "categories-differ",
                Severity::Warning,
                format!(
                    "{} differ from {}; taken together",
                    other.origin, table.origin
                ),
            ));
            table.rows.extend(other.rows.iter().cloned());
            table.rows.sort_by_key(|row| row.value);
            table.rows.dedup_by_key(|row| row.value);
        }
    }
    Ok(Some(Found {
        kinds: Vec::new(),
        layout: "COCO".to_owned(),
        reason: format!(
            "{} list{} images, annotations and categories.",
            some_of(&used),
            if used.len() == 1 { "s" } else { "" }
        ),
        split_origin: super::own_split(&pairs, "annotation files for train and val"),
        pairs,
        table: Some(table),
        findings,
    }))
}

/// Why annotations are there, and no mask comes of them.
fn nothing_drawn(boxes: usize, refused: &[String]) -> String {
    if refused.is_empty() {
        return counted(
            boxes,
            [
                "annotation holds a box only, no polygons or run lengths",
                "annotations hold boxes only, no polygons or run lengths",
            ],
        );
    }
    format!("no annotation can be drawn: {}", some_of(refused))
}

fn findings(
    missing: &[String],
    faults: &[String],
    damaged: Vec<String>,
    bare: usize,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = super::lists::missing_finding(missing).into_iter().collect();
    if !faults.is_empty() {
        findings.push(
            Finding::new(
                "unusable-annotation",
                Severity::Warning,
                format!(
                    "{} can't be drawn: {}",
                    counted(
                        faults.len(),
                        ["part of an annotation", "parts of annotations"]
                    ),
                    some_of(faults)
                ),
            )
            .remedy("Export the annotations again, with polygons or run lengths.")
            .files(damaged),
        );
    }
    if bare > 0 {
        findings.push(Finding::new(
            "image-without-objects",
            Severity::Hint,
            counted(
                bare,
                [
                    "image has no annotation: it is background from edge to edge",
                    "images have no annotation: they are background from edge to edge",
                ],
            ),
        ));
    }
    findings
}

/// Beside the annotations, in `images` beside them, or wherever the name's end is found.
pub(super) fn resolve(folder: &Folder, ends: &Ends, json: &Path, name: &str) -> Option<PathBuf> {
    let clean: PathBuf = Path::new(name)
        .components()
        .filter(|c| matches!(c, std::path::Component::Normal(_)))
        .collect();
    let base = json.parent().unwrap_or(Path::new(""));
    let beside = base.join(&clean);
    if is_image(&beside) && folder.files.binary_search(&beside).is_ok()
        || folder.root.join(&beside).is_file()
    {
        return Some(beside);
    }
    ends.resolve(name)
}

pub(super) fn part_of_file(path: &Path) -> Option<Part> {
    let stem = super::stem(path);
    let words = stem.split(['_', '-', '.']);
    words
        .filter_map(super::part_of)
        .next_back()
        .or_else(|| super::part_of_path(path))
}

pub(super) fn is_json(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

/// COCO files may be huge and others many: the first bytes must name one of its keys at the top.
fn looks_like_coco(path: &Path) -> bool {
    let Some(sample) = ends_of(path) else {
        return false;
    };
    let has = |key: &[u8]| sample.windows(key.len()).any(|w| w == key);
    let keys: [&[u8]; 3] = [b"\"images\"", b"\"annotations\"", b"\"categories\""];
    // Panoptic files have a layout of their own.
    !has(b"\"segments_info\"")
        && (keys.iter().filter(|key| has(key)).count() >= 2
            || has(b"\"images\"") && has(b"\"file_name\"")
            || has(b"\"segmentation\"") && has(b"\"category_id\""))
}

/// The first and the last bytes of a file.
pub(super) fn ends_of(path: &Path) -> Option<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().map_or(0, |m| m.len());
    let mut sample = Vec::new();
    let _ = file.by_ref().take(1 << 16).read_to_end(&mut sample);
    if length > 1 << 16 && file.seek(SeekFrom::Start(length - (1 << 16))).is_ok() {
        let _ = file.take(1 << 16).read_to_end(&mut sample);
    }
    Some(sample)
}
