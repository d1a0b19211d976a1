//! Pascal VOC and what writes like it: CVAT's "segmentation mask" (with `labelmap.txt`) and labelme2voc
//! (with `class_names.txt`). Images in `JPEGImages`, masks in `SegmentationClass`, lists of stems in
//! `ImageSets/Segmentation`.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::join::{Keyed, join};
use super::{Folder, Found, Part, below, is_image, part_of, read_text, stem};
use crate::data::DataError;
use crate::finding::Severity;

const MOST_BYTES: u64 = 64 << 20;

/// Folders of masks, best first.
const KINDS: [&str; 4] = [
    "SegmentationClass",
    "SegmentationClassPNG",
    "SegmentationClassAug",
    "SegmentationObject",
];

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let (mut images, mut masks) = (Vec::new(), Vec::new());
    for path in folder.files.iter().filter(|path| is_image(path)) {
        let key = |(base, rest): (PathBuf, PathBuf)| {
            let rest = rest.with_file_name(stem(&rest));
            base.join(rest).to_string_lossy().into_owned()
        };
        if let Some(place) = below(path, "JPEGImages").or_else(|| below(path, "images")) {
            images.push(Keyed::new(key(place), path, None));
        }
        for (rank, kind) in KINDS.iter().enumerate() {
            if let Some(place) = below(path, kind) {
                masks.push(Keyed::new(key(place), path, None).of_kind(kind, rank));
            }
        }
    }
    let Some(mut joined) = join(images, masks, &folder.config.masks) else {
        return Ok(None);
    };
    // Most images of VOC have no mask, by design.
    for finding in &mut joined.findings {
        if finding.code == "image-without-mask" {
            finding.severity = Severity::Hint;
        }
    }
    let (lists, parts) = lists(folder)?;
    for pair in &mut joined.pairs {
        pair.part = parts.get(&stem(&pair.image)).copied();
    }
    let has = |name: &str| {
        let named = |path: &&PathBuf| path.file_name().is_some_and(|n| n == name);
        folder.files.iter().find(named)
    };
    let (layout, why) = match (has("labelmap.txt"), has("class_names.txt")) {
        (Some(table), _) => ("CVAT masks", format!(", and CVAT's `{}`", table.display())),
        (_, Some(table)) => (
            "labelme2voc",
            format!(", and labelme2voc's `{}`", table.display()),
        ),
        _ => ("Pascal VOC", String::new()),
    };
    let split_origin = super::own_split(&joined.pairs, &lists.join(" and "));
    Ok(Some(Found {
        kinds: joined.kinds,
        layout: layout.to_owned(),
        reason: format!("There are `JPEGImages` and `SegmentationClass`, as in Pascal VOC{why}."),
        pairs: joined.pairs,
        split_origin,
        table: None,
        findings: joined.findings,
    }))
}

/// Lists below `ImageSets`: their names, and the part of each stem. What validates does not train,
/// also where `trainval` names it.
fn lists(folder: &Folder) -> Result<(Vec<String>, HashMap<String, Part>), DataError> {
    let mut names = Vec::new();
    let mut parts = HashMap::new();
    let mut val = HashSet::new();
    let in_sets = |path: &&PathBuf| {
        below(path, "ImageSets").is_some() && path.extension().is_some_and(|e| e == "txt")
    };
    // The lists for segmentation count; those for detection name other images.
    let segmentation = |path: &&PathBuf| below(path, "Segmentation").is_some();
    let all: Vec<&PathBuf> = folder.files.iter().filter(in_sets).collect();
    let mut chosen: Vec<&PathBuf> = all.iter().copied().filter(|p| segmentation(p)).collect();
    if chosen.is_empty() {
        chosen = all;
    }
    for path in chosen {
        let name = stem(path).to_ascii_lowercase();
        let Some(part) = part_of(&name).filter(|_| name != "trainval") else {
            continue;
        };
        names.push(path.display().to_string());
        for line in read_text(folder, path, MOST_BYTES)?.lines() {
            let first = line.split_whitespace().next().unwrap_or_default();
            let known = stem(Path::new(first));
            if part == Part::Val {
                val.insert(known.clone());
            }
            parts.insert(known, part);
        }
    }
    for stem in val {
        parts.insert(stem, Part::Val);
    }
    Ok((names, parts))
}
