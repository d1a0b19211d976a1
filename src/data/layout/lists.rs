//! List files: `train.txt` with an image and a mask per line (SegNet), or with bare stems.
//!
//! Lists are often written on another machine, so a path counts by the longest end of it that
//! exists under the root.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Folder, Found, Pair, Part, Row, Table, is_image, some_of, stem};
use crate::data::DataError;
use crate::data::reading::Reading;
use crate::finding::{Finding, Severity, counted};

/// Classes of CamVid as SegNet uses it (its `test_segmentation_camvid.py`); 11 is "unlabelled" and
/// ignored (`ignore_label: 11` in its prototxt).
const CAMVID: [(&str, [u8; 3]); 11] = [
    ("Sky", [128, 128, 128]),
    ("Building", [128, 0, 0]),
    ("Pole", [192, 192, 128]),
    ("Road", [128, 64, 128]),
    ("Pavement", [60, 40, 222]),
    ("Tree", [128, 128, 0]),
    ("SignSymbol", [192, 128, 128]),
    ("Fence", [64, 64, 128]),
    ("Car", [64, 0, 128]),
    ("Pedestrian", [64, 64, 0]),
    ("Bicyclist", [0, 128, 192]),
];
const CAMVID_VOID: u32 = 11;

/// Longer list files are not lists.
const MAX_LIST_BYTES: u64 = 64 << 20;

/// Two-column lists.
pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let (root, files) = (folder.root, folder.files);
    let index = Ends::new(files);
    let mut pairs: Vec<Pair> = Vec::new();
    let mut missing = Vec::new();
    let mut lists = Vec::new();
    for (path, part) in list_files(files) {
        let Some(lines) = read(root, &path) else {
            continue;
        };
        let rows: Vec<(&str, &str)> = lines.iter().filter_map(|line| two(line)).collect();
        if rows.is_empty() || rows.len() < lines.len() / 2 {
            continue;
        }
        let before = pairs.len();
        for (image, mask) in rows {
            match (index.resolve(image), index.resolve(mask)) {
                (Some(image), Some(mask)) => pairs.push(Pair {
                    image,
                    mask,
                    part: Some(part),
                    reading: Reading::default(),
                }),
                _ => missing.push(format!("{image} {mask}")),
            }
        }
        if pairs.len() > before {
            lists.push(path.display().to_string());
        }
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    let camvid = pairs.iter().all(|pair| {
        let folder = pair.mask.parent().and_then(Path::file_name);
        folder.is_some_and(|name| name.to_string_lossy().ends_with("annot"))
    });
    let origin = format!("the dataset's {}", lists.join(" and "));
    Ok(Some(Found {
        kinds: Vec::new(),
        layout: if camvid {
            "SegNet CamVid"
        } else {
            "list files"
        }
        .to_owned(),
        reason: format!(
            "{} name an image and a mask per line.{}",
            lists.join(" and "),
            if camvid {
                " Masks lie in folders called `…annot`, as SegNet has them."
            } else {
                ""
            }
        ),
        pairs,
        split_origin: Some(origin),
        table: camvid.then(camvid_table),
        findings: missing_finding(&missing).into_iter().collect(),
    }))
}

/// Lines or entries that name files which are not there.
pub(super) fn missing_finding(missing: &[String]) -> Option<Finding> {
    (!missing.is_empty()).then(|| {
        Finding::new(
            "listed-but-missing",
            Severity::Warning,
            format!(
                "{} not here: {}",
                counted(
                    missing.len(),
                    [
                        "entry of the lists names a file that is",
                        "entries of the lists name files that are",
                    ]
                ),
                some_of(missing)
            ),
        )
        .remedy("Copy the files into the folder, or take the entries out of the lists.")
    })
}

fn camvid_table() -> Table {
    let rows = CAMVID.iter().enumerate().map(|(id, (name, color))| Row {
        name: (*name).to_owned(),
        color: Some(*color),
        value: Some(id as u32),
    });
    Table {
        origin: "SegNet's list of the 11 CamVid classes (11 is unlabelled and ignored)".to_owned(),
        rows: rows.collect(),
        ignore: vec![CAMVID_VOID],
        // Other sets of the same layout have other classes: the pixels decide.
        only_if_ids_below: Some(CAMVID_VOID + 1),
    }
}

/// Lists of bare names give every pair that they name its part.
pub(super) fn apply_stem_lists(folder: &Folder, found: &mut Found) {
    let (root, files) = (folder.root, folder.files);
    let mut parts: HashMap<String, Part> = HashMap::new();
    let mut lists = Vec::new();
    let mut stems: std::collections::HashSet<String> = std::collections::HashSet::new();
    for stem in found.pairs.iter().map(|pair| stem(&pair.image)) {
        stems.insert(shorter(&stem).to_owned());
        stems.insert(stem);
    }
    for (path, part) in list_files(files) {
        let Some(lines) = read(root, &path) else {
            continue;
        };
        let known = |line: &str| stems.contains(entry(line));
        // A list is believed when most of its lines name an image.
        let hits = lines.iter().take(50).filter(|line| known(line)).count();
        if hits * 2 <= lines.len().min(50) {
            continue;
        }
        for line in &lines {
            parts.insert(entry(line).to_owned(), part);
        }
        lists.push(path.display().to_string());
    }
    if lists.is_empty() {
        return;
    }
    for pair in &mut found.pairs {
        let stem = stem(&pair.image);
        pair.part = parts
            .get(&stem)
            .or_else(|| parts.get(shorter(&stem)))
            .copied()
            .or(pair.part);
    }
    found.split_origin = Some(format!("the dataset's {}", lists.join(" and ")));
}

/// What a line of a list names: the stem, without folders and without the ending of a picture.
fn entry(line: &str) -> &str {
    let name = line.trim().rsplit(['/', '\\']).next().unwrap_or_default();
    if is_image(Path::new(name)) {
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    } else {
        name
    }
}

/// Without the last word: `00001_img` is listed as `00001`.
fn shorter(stem: &str) -> &str {
    stem.rsplit_once('_').map_or(stem, |(head, _)| head)
}

/// Text files named after a part.
fn list_files(files: &[PathBuf]) -> Vec<(PathBuf, Part)> {
    let part = |path: &PathBuf| {
        let text = path.extension().is_some_and(|e| e == "txt" || e == "lst");
        let part = match stem(path).to_ascii_lowercase().as_str() {
            "train" | "training" => Part::Train,
            "val" | "valid" | "validation" => Part::Val,
            "test" | "testing" => Part::Test,
            _ => return None,
        };
        text.then(|| (path.clone(), part))
    };
    files.iter().filter_map(part).collect()
}

fn read(root: &Path, path: &Path) -> Option<Vec<String>> {
    let full = root.join(path);
    if std::fs::metadata(&full).ok()?.len() > MAX_LIST_BYTES {
        return None;
    }
    let text = std::fs::read_to_string(full).ok()?;
    let lines: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    (!lines.is_empty()).then_some(lines)
}

/// Image and mask of a line, separated by a blank, a tab or a comma.
fn two(line: &str) -> Option<(&str, &str)> {
    let mut columns = line.split([' ', '\t', ',']).filter(|c| !c.is_empty());
    let (image, mask) = (columns.next()?, columns.next()?);
    (is_image(Path::new(image)) && is_image(Path::new(mask)) && columns.next().is_none())
        .then_some((image, mask))
}

/// Files by their last name, to find a foreign path by its end.
pub(super) struct Ends<'a> {
    by_name: HashMap<String, Vec<&'a PathBuf>>,
}

impl<'a> Ends<'a> {
    pub fn new(files: &'a [PathBuf]) -> Self {
        let mut by_name: HashMap<String, Vec<&PathBuf>> = HashMap::new();
        for path in files {
            let name = path.file_name().unwrap_or_default();
            by_name
                .entry(name.to_string_lossy().into_owned())
                .or_default()
                .push(path);
        }
        Self { by_name }
    }

    /// The file that shares the longest end with `path`; none when two share equally much.
    pub fn resolve(&self, path: &str) -> Option<PathBuf> {
        let wanted: Vec<&str> = path.split(['/', '\\']).filter(|p| !p.is_empty()).collect();
        let candidates = self.by_name.get(*wanted.last()?)?;
        let shared = |candidate: &Path| {
            let parts: Vec<String> = candidate
                .components()
                .map(|c| c.as_os_str().to_string_lossy().into_owned())
                .collect();
            parts
                .iter()
                .rev()
                .zip(wanted.iter().rev())
                .take_while(|(a, b)| a == *b)
                .count()
        };
        let best = candidates.iter().map(|c| shared(c)).max()?;
        let mut hits = candidates.iter().filter(|c| shared(c) == best);
        let hit = hits.next()?;
        hits.next().is_none().then(|| (*hit).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_path_is_found_by_its_longest_end() {
        let files: Vec<PathBuf> = ["train/a.png", "trainannot/a.png", "val/b.png"]
            .iter()
            .map(PathBuf::from)
            .collect();
        let ends = Ends::new(&files);
        assert_eq!(
            ends.resolve("/SegNet/CamVid/train/a.png"),
            Some(files[0].clone())
        );
        assert_eq!(
            ends.resolve("C:\\data\\trainannot\\a.png"),
            Some(files[1].clone())
        );
        // Two files share only the name: neither is taken.
        assert_eq!(ends.resolve("/elsewhere/a.png"), None);
        assert_eq!(ends.resolve("/elsewhere/c.png"), None);
    }
}
