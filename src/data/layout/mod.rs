//! Which files belong together, and what the folder itself says about classes and splits.
//!
//! A layout only looks at names and small text files; pixels are the business of `data::scan`.
//! The most specific layout is asked first.

mod lists;
mod names;
mod pairs;
mod table;

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{DataError, Progress, decode};
use crate::finding::Finding;

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
    pub findings: Vec<Finding>,
}

/// Files deeper than this are not looked for.
const MAX_DEPTH: usize = 8;

/// Looks at the folder and says what it is.
///
/// # Errors
/// When the folder can't be read or holds no pairs; the message says what was there.
pub(super) fn detect(root: &Path, progress: &Progress) -> Result<Found, DataError> {
    let files = walk(root, progress)?;
    let table = table::read(root, &files)?;
    let mut found = match lists::detect(root, &files)? {
        Some(found) => found,
        None => {
            let mut found = pairs::detect(root, &files)?;
            lists::apply_stem_lists(root, &files, &mut found);
            found
        }
    };
    if found.table.is_none() {
        found.table = table;
    }
    if let Some(table) = &found.table {
        found.reason = format!("{} Classes come from {}.", found.reason, table.origin);
    }
    found
        .pairs
        .sort_by(|a, b| names::natural(&a.image.to_string_lossy(), &b.image.to_string_lossy()));
    Ok(found)
}

/// Every file under the root, relative to it, in name order; system litter left out.
fn walk(root: &Path, progress: &Progress) -> Result<Vec<PathBuf>, DataError> {
    let fail = |message: String| DataError::File {
        path: root.display().to_string(),
        message,
    };
    if !root.exists() {
        return Err(fail("there is no such folder".to_owned()));
    }
    if !root.is_dir() {
        return Err(fail(
            "is a file, expected a folder of images and masks".to_owned(),
        ));
    }
    let mut files = Vec::new();
    for entry in WalkDir::new(root).max_depth(MAX_DEPTH).sort_by_file_name() {
        if progress.is_cancelled() {
            return Err(DataError::Cancelled);
        }
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.depth() == 0 => return Err(fail(error.to_string())),
            // A folder inside that can't be read hides its files, no more.
            Err(error) => {
                log::warn!("{error}");
                continue;
            }
        };
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if entry.file_type().is_file()
            && !hidden
            && let Ok(relative) = entry.path().strip_prefix(root)
        {
            files.push(relative.to_path_buf());
        }
    }
    Ok(files)
}

/// A few names for a message: "a, b, c and 12 more".
pub(super) fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut text = names
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

fn is_image(path: &Path) -> bool {
    decode::is_image_name(path)
}
