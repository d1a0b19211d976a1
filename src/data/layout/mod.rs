//! Which files belong together, and what the folder itself says about classes and splits.
//!
//! A layout looks at names, small text files and headers; pixels are the business of `data::scan`.
//! The most specific layout is asked first; `data.layout` asks only one.

mod ade20k;
mod cityscapes;
pub(super) mod coco;
mod coco_panoptic;
mod coco_stuff;
mod csv_list;
mod datumaro;
mod deepmib;
mod dsb2018;
mod join;
pub(super) mod labelme;
mod lists;
mod mmseg;
mod names;
mod nnunet;
mod pairs;
mod pet;
mod roboflow;
mod stacks;
mod table;
mod voc;

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::config::LayoutName;
use super::reading::Reading;
use super::{DataConfig, DataError, Progress, decode};
use crate::finding::{Finding, Severity, counted};

pub(super) use table::{Row, Table};

/// Which part of the split the dataset itself puts an item into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Train,
    Val,
    Test,
}

/// An image and its mask, relative to the root.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    pub image: PathBuf,
    pub mask: PathBuf,
    pub part: Option<Part>,
    pub reading: Reading,
}

/// What a layout understood.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub layout: String,
    pub reason: String,
    pub pairs: Vec<Pair>,
    /// Where the split comes from, when the dataset brings one.
    pub split_origin: Option<String>,
    /// Names, colours or ids of the classes, when the dataset brings a table.
    pub table: Option<Table>,
    /// Kinds of masks, where images have several: what `data.masks` chooses among.
    pub kinds: Vec<String>,
    pub findings: Vec<Finding>,
}

/// A folder to be understood.
pub(super) struct Folder<'a> {
    pub root: &'a Path,
    /// Every file, relative to the root, in name order.
    pub files: &'a [PathBuf],
    pub config: &'a DataConfig,
}

type Detect = fn(&Folder) -> Result<Option<Found>, DataError>;

/// Most specific first.
const LAYOUTS: &[(LayoutName, Detect)] = &[
    (LayoutName::NnUnet, nnunet::detect),
    (LayoutName::Datumaro, datumaro::detect),
    (LayoutName::Cityscapes, cityscapes::detect),
    (LayoutName::Voc, voc::detect),
    (LayoutName::SegNet, lists::detect),
    (LayoutName::Roboflow, roboflow::detect),
    (LayoutName::Coco, coco_panoptic::detect),
    (LayoutName::Coco, coco::detect),
    (LayoutName::CocoStuff, coco_stuff::detect),
    (LayoutName::Ade20k, ade20k::detect),
    (LayoutName::Mmseg, mmseg::detect),
    (LayoutName::Pet, pet::detect),
    (LayoutName::DeepMib, deepmib::detect),
    (LayoutName::Dsb2018, dsb2018::detect),
    (LayoutName::Csv, csv_list::detect),
    (LayoutName::LabelMe, labelme::detect),
];

/// Files deeper than this are not looked for.
const MAX_DEPTH: usize = 8;

/// Looks at the folder and says what it is.
///
/// # Errors
/// When the folder can't be read or holds no pairs; the message says what was there.
pub(super) fn detect(
    root: &Path,
    config: &DataConfig,
    progress: &Progress,
) -> Result<Found, DataError> {
    let (files, hidden) = walk(root, progress)?;
    let folder = Folder {
        root,
        files: &files,
        config,
    };
    let table = table::read(root, &files)?;
    let mut found = understand(&folder, table.as_ref())?;
    found.findings.extend(hidden);
    found.findings.extend(not_covered(&files, &found.pairs));
    stacks::expand(&folder, &mut found);
    if found.table.is_none() {
        found.table = table;
    }
    if let Some(table) = &found.table {
        found.reason = format!("{} Classes come from {}.", found.reason, table.origin);
    }
    // A picture that is listed twice is one picture.
    let mut seen = std::collections::HashSet::new();
    found.pairs.retain(|pair| {
        seen.insert((
            pair.image.clone(),
            pair.mask.clone(),
            pair.reading.image_slice,
        ))
    });
    let key = |pair: &Pair| {
        let slice = pair.reading.image_slice.map_or(0, |slice| slice.index);
        (pair.image.to_string_lossy().into_owned(), slice)
    };
    found.pairs.sort_by(|a, b| {
        let (a, b) = (key(a), key(b));
        names::natural(&a.0, &b.0).then(a.1.cmp(&b.1))
    });
    Ok(found)
}

fn understand(folder: &Folder, table: Option<&Table>) -> Result<Found, DataError> {
    let wanted = folder.config.layout;
    for (name, detect) in LAYOUTS {
        if (wanted == LayoutName::Auto || wanted == *name)
            && let Some(found) = detect(folder)?
        {
            return Ok(found);
        }
    }
    if !matches!(wanted, LayoutName::Auto | LayoutName::Pairs) {
        return Err(DataError::NoPairs {
            path: folder.root.display().to_string(),
            message: format!(
                "`data.layout` = {wanted}, but the folder is not arranged so: {}",
                wanted.needs()
            ),
        });
    }
    let mut found = pairs::detect(folder).map_err(|error| better(folder, error))?;
    lists::apply_stem_lists(folder, &mut found);
    if let Some(table) = table.filter(|table| table.rows.iter().all(|row| row.color.is_some())) {
        let name = table.origin.trim_matches('`').rsplit('/').next();
        found.layout = format!("{} folders", name.unwrap_or("class table"));
    }
    Ok(found)
}

/// Where pictures have no masks, files that describe what is not there, or can't be drawn, are what is wrong.
fn better(folder: &Folder, error: DataError) -> DataError {
    let asked = DataConfig {
        layout: LayoutName::Coco,
        ..folder.config.clone()
    };
    let folder = Folder {
        config: &asked,
        ..*folder
    };
    if let Some(message) = nnunet::absent(&folder) {
        return DataError::NoPairs {
            path: folder.root.display().to_string(),
            message,
        };
    }
    coco::detect(&folder).err().unwrap_or(error)
}

/// Several datasets in one folder: most pictures belong to another than the one that was understood.
fn not_covered(files: &[PathBuf], pairs: &[Pair]) -> Option<Finding> {
    let mut used: std::collections::HashSet<&Path> = std::collections::HashSet::new();
    for pair in pairs {
        used.insert(&pair.image);
        used.insert(&pair.mask);
        used.extend(pair.reading.channels.iter().map(|p| &**p));
    }
    let tops: std::collections::BTreeSet<PathBuf> =
        used.iter().filter_map(|path| top(path)).collect();
    let others: Vec<&PathBuf> = files
        .iter()
        .filter(|path| is_image(path) && top(path).is_some_and(|top| !tops.contains(&top)))
        .collect();
    if others.len() < 4 || others.len() < pairs.len() {
        return None;
    }
    let mut folders: Vec<String> = others
        .iter()
        .filter_map(|path| top(path))
        .map(|path| path.display().to_string())
        .collect();
    folders.dedup();
    let message = format!(
        "{} no part of this: {}",
        counted(
            others.len(),
            [
                "picture in other folders is",
                "pictures in other folders are",
            ]
        ),
        some_of(&folders)
    );
    Some(
        Finding::new("several-datasets", Severity::Warning, message).remedy(
            "Open the folder of one dataset, or say how to read this one with `data.layout`.",
        ),
    )
}

/// The folder right below the root in which a file lies.
fn top(path: &Path) -> Option<PathBuf> {
    let mut parts = path.components();
    let first = parts.next()?;
    parts.next().map(|_| PathBuf::from(first.as_os_str()))
}

/// Every file under the root, relative to it, in name order; system litter left out, links followed. And
/// what could not be looked into.
fn walk(root: &Path, progress: &Progress) -> Result<(Vec<PathBuf>, Option<Finding>), DataError> {
    if !root.is_dir() {
        let message = match root.exists() {
            true => "is a file, expected a folder of images and masks",
            false => "there is no such folder",
        };
        return Err(DataError::NoFolder {
            path: root.display().to_string(),
            message: message.to_owned(),
        });
    }
    let fail = |message: String| DataError::File {
        path: root.display().to_string(),
        message,
    };
    let (mut files, mut hidden) = (Vec::new(), Vec::new());
    let whole = root.canonicalize();
    // A link to a folder that holds the root would show everything again and again.
    let upwards = |entry: &DirEntry| {
        let target = || entry.path().canonicalize();
        entry.path_is_symlink()
            && entry.file_type().is_dir()
            && entry.depth() > 0
            && matches!((&whole, target()), (Ok(whole), Ok(target)) if whole.starts_with(&target))
    };
    let entries = WalkDir::new(root).follow_links(true);
    let entries = entries.max_depth(MAX_DEPTH).sort_by_file_name();
    for entry in entries.into_iter().filter_entry(|entry| !upwards(entry)) {
        if progress.is_cancelled() {
            return Err(DataError::Cancelled);
        }
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.depth() == 0 => return Err(fail(why(&error))),
            // A link to a folder above shows nothing new.
            Err(error) if error.loop_ancestor().is_some() => continue,
            Err(error) => {
                let path = error.path().unwrap_or(root);
                let path = path.strip_prefix(root).unwrap_or(path);
                if !is_litter(path) {
                    hidden.push((path.display().to_string(), why(&error)));
                }
                continue;
            }
        };
        if entry.file_type().is_file()
            && let Ok(relative) = entry.path().strip_prefix(root)
            && !is_litter(relative)
        {
            files.push(relative.to_path_buf());
        }
    }
    Ok((files, hidden_finding(hidden)))
}

/// What went wrong, without the path.
fn why(error: &walkdir::Error) -> String {
    let system = error.io_error();
    system.map_or_else(|| error.to_string(), ToString::to_string)
}

/// Folders without permission, links to nowhere.
fn hidden_finding(hidden: Vec<(String, String)>) -> Option<Finding> {
    let shown: Vec<String> = hidden
        .iter()
        .map(|(path, why)| format!("{path}: {why}"))
        .collect();
    let message = format!(
        "{} can't be looked into, so that what is in there is missing: {}",
        counted(hidden.len(), ["folder or link", "folders or links"]),
        some_of(&shown)
    );
    (!hidden.is_empty()).then(|| {
        Finding::new("unreadable-folder", Severity::Warning, message)
            .remedy("Give yourself the right to read them, or mend the links, and open the folder again.")
            .files(hidden.into_iter().map(|(path, _)| path).collect())
    })
}

/// What systems leave behind: `._x.png`, `.DS_Store`, `__MACOSX/…`, `Thumbs.db`, `.ipynb_checkpoints`.
fn is_litter(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        name.starts_with('.')
            || name == "__MACOSX"
            || name.eq_ignore_ascii_case("thumbs.db")
            || name.eq_ignore_ascii_case("desktop.ini")
    })
}

/// A few names for a message: "a, b, c and 12 more".
pub(super) fn some_of(names: &[String]) -> String {
    first_of(names.iter().cloned())
}

/// As [`some_of`], of what need not be put into words as a whole.
pub(super) fn first_of(mut texts: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 3;
    let mut text = texts.by_ref().take(SHOWN).collect::<Vec<_>>().join(", ");
    if texts.len() > 0 {
        text.push_str(&format!(" and {} more", texts.len()));
    }
    text
}

fn is_image(path: &Path) -> bool {
    decode::is_image_name(path)
}

/// A file's name without its ending, `.nii.gz` as one.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let lower = name.to_ascii_lowercase();
    for double in [".nii.gz", ".ome.tif", ".ome.tiff"] {
        if lower.ends_with(double) && lower.len() > double.len() {
            return name[..name.len() - double.len()].to_owned();
        }
    }
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Where a folder called `name` (any case) lies in a path: what is above it, and what is below.
fn below(path: &Path, name: &str) -> Option<(PathBuf, PathBuf)> {
    let parts: Vec<_> = path.components().collect();
    let inside = parts.len().checked_sub(1)?;
    let at = parts[..inside].iter().position(|part| {
        part.as_os_str()
            .to_string_lossy()
            .eq_ignore_ascii_case(name)
    })?;
    Some((
        parts[..at].iter().collect(),
        parts[at + 1..].iter().collect(),
    ))
}

/// The part that a word names: `train`, `train2017`, `validation`, `test`.
fn part_of(word: &str) -> Option<Part> {
    let lower = word.to_ascii_lowercase();
    match lower.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "train" | "training" | "trainval" | "tr" => Some(Part::Train),
        "val" | "valid" | "validation" | "dev" => Some(Part::Val),
        "test" | "testing" | "ts" => Some(Part::Test),
        _ => None,
    }
}

/// The part that any folder of a path names.
fn part_of_path(path: &Path) -> Option<Part> {
    let folders = path.parent()?.components();
    folders
        .filter_map(|f| part_of(&f.as_os_str().to_string_lossy()))
        .next_back()
}

/// Reads a small text file.
fn read_text(folder: &Folder, path: &Path, most_bytes: u64) -> Result<String, DataError> {
    let full = folder.root.join(path);
    let fail = |message: String| DataError::File {
        path: full.display().to_string(),
        message,
    };
    let size = std::fs::metadata(&full)
        .map_err(|e| fail(e.to_string()))?
        .len();
    if size > most_bytes {
        return Err(fail(format!(
            "has {size} bytes, expected at most {most_bytes}"
        )));
    }
    let bytes = std::fs::read(&full).map_err(|e| fail(e.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes)
        .trim_start_matches('\u{feff}')
        .to_owned())
}

/// Whether the parts make a split of their own, and its name.
fn own_split(pairs: &[Pair], of: &str) -> Option<String> {
    let has = |part| pairs.iter().any(|pair| pair.part == Some(part));
    match (has(Part::Train), has(Part::Val), has(Part::Test)) {
        (true, true, _) => Some(format!("the dataset's {of}")),
        (true, false, true) => Some(format!("the dataset's {of}; its test part validates")),
        _ => None,
    }
}
