//! A text file that names the items that validate.

use std::collections::HashMap;
use std::path::Path;

use crate::data::{DataError, Item};
use crate::finding::counted;

/// Larger files are no lists of names.
const MAX_BYTES: u64 = 64 << 20;

/// Whether each item is named, and in words where that comes from. A line is an item's id, the path
/// or name of its image with or without ending, or such with more behind a space or comma; lines
/// that begin with `#` are remarks.
///
/// # Errors
/// When the file can't be read or none of its lines names an item.
pub(super) fn read(path: &Path, items: &[Item]) -> Result<(Vec<bool>, String), DataError> {
    let fail = |message: String| DataError::File {
        path: path.display().to_string(),
        message,
    };
    if path.as_os_str().is_empty() {
        return Err(DataError::Invalid(
            "`data.split` = list needs `data.val_list`: the path of a text file that names the images \
             that validate"
                .to_owned(),
        ));
    }
    let size = std::fs::metadata(path)
        .map_err(|e| fail(e.to_string()))?
        .len();
    if size > MAX_BYTES {
        return Err(fail(format!(
            "has {size} bytes: expected a list of names, at most {MAX_BYTES} bytes"
        )));
    }
    let bytes = std::fs::read(path).map_err(|e| fail(e.to_string()))?;
    let names = names(items);
    let mut val = vec![false; items.len()];
    let (mut lines, mut unknown) = (0_usize, 0_usize);
    let text = String::from_utf8_lossy(&bytes);
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        lines += 1;
        match matching(line, &names) {
            Some(found) => found.iter().for_each(|&index| val[index] = true),
            None => unknown += 1,
        }
    }
    if !val.contains(&true) {
        let example = items.first().map_or("", |item| item.id.as_str());
        return Err(fail(format!(
            "none of its {} names an image: expected names such as `{example}`",
            counted(lines, ["line", "lines"])
        )));
    }
    let mut origin = format!("the list {}", path.display());
    if unknown > 0 {
        let unknown = counted(unknown, ["line names", "lines name"]);
        origin = format!("{origin}, of which {unknown} no image");
    }
    Ok((val, origin))
}

/// Every spelling of every item. Equal file names in several folders stand for all of them.
fn names(items: &[Item]) -> HashMap<String, Vec<usize>> {
    let mut names: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let whole = item.image.to_string_lossy().replace('\\', "/");
        let file = whole.rsplit('/').next().unwrap_or(&whole).to_owned();
        let stem = file
            .rsplit_once('.')
            .map_or(file.as_str(), |(stem, _)| stem);
        let mut spellings = vec![item.id.clone(), stem.to_owned(), file.clone(), whole];
        spellings.sort();
        spellings.dedup();
        for spelling in spellings {
            names.entry(spelling).or_default().push(index);
        }
    }
    names
}

fn matching<'a>(line: &str, names: &'a HashMap<String, Vec<usize>>) -> Option<&'a Vec<usize>> {
    let first = line
        .split([' ', '\t', ',', ';'])
        .next()
        .unwrap_or(line)
        .trim_matches('"');
    [line, first].into_iter().find_map(|text| {
        let text = text.replace('\\', "/");
        // A path from elsewhere: what its end names is meant.
        let mut rest = text.trim_start_matches("./");
        loop {
            if let Some(found) = names.get(rest) {
                return Some(found);
            }
            rest = rest.split_once('/')?.1;
        }
    })
}
