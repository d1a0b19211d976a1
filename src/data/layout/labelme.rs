//! LabelMe: a JSON file of shapes beside each image, the image sometimes inside it as base64.

mod shapes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::coco::is_json;
use super::lists::Ends;
use super::{Folder, Found, Pair, Row, Table, is_image, part_of_path, read_text, some_of, stem};
use crate::data::reading::{Reading, Truth};
use crate::data::{DataError, IGNORE};
use crate::finding::{Finding, Severity, counted};

pub use shapes::{Annotation, parse};

/// Larger files are no annotations of one picture.
const MOST_BYTES: u64 = 1 << 28;
const IGNORED: &str = "__ignore__";

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let files: Vec<&PathBuf> = folder.files.iter().filter(|path| is_json(path)).collect();
    // A few that are none, and the rest are not looked at.
    let first = files.iter().take(8).any(|path| read(folder, path).is_ok());
    if !first {
        return Ok(None);
    }
    let read: Vec<(&PathBuf, Result<Annotation, String>)> = files
        .into_par_iter()
        .map(|path| (path, read(folder, path)))
        .collect();
    let mut annotations: Vec<(&PathBuf, Annotation)> = Vec::new();
    let mut unread = Vec::new();
    for (path, annotation) in read {
        match annotation {
            Ok(annotation) => annotations.push((path, annotation)),
            Err(_) => unread.push(path.display().to_string()),
        }
    }
    let (table, unlisted) = table(folder, &annotations)?;
    let value = |label: &str| -> Option<u32> {
        if label == IGNORED {
            return Some(u32::from(IGNORE));
        }
        let find = |name: &str| table.rows.iter().find(|row| row.name == name);
        find(label)
            .or_else(|| find(tidy(label)))
            .or_else(|| find(without_number(label)?))
            .and_then(|row| row.value)
    };
    let ends = Ends::new(folder.files);
    let mut pairs = Vec::new();
    let (mut missing, mut faults) = (Vec::new(), Vec::new());
    let (mut outside, mut inside) = (Vec::new(), 0);
    for (path, annotation) in &annotations {
        let Some((image, embedded)) = image_of(folder, &ends, path, annotation) else {
            missing.push(path.display().to_string());
            continue;
        };
        let mut reading = Reading {
            embedded,
            ..Reading::default()
        };
        inside += usize::from(embedded);
        let sized = annotation.image_width.is_some() && annotation.image_height.is_some();
        let size = if sized {
            (0, 0)
        } else {
            reading.size(&folder.root.join(&image)).unwrap_or_default()
        };
        let (drawing, more) = annotation.drawing(value, size);
        faults.extend(
            more.iter()
                .map(|fault| format!("{}: {fault}", path.display())),
        );
        if annotation.outside() > 0 {
            outside.push(path.display().to_string());
        }
        reading.truth = Truth::Drawn(Arc::new(drawing));
        pairs.push(Pair {
            image,
            mask: (*path).clone(),
            part: part_of_path(path),
            reading,
        });
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    let findings = findings(&missing, &faults, outside, inside, &unlisted, &unread);
    Ok(Some(Found {
        kinds: Vec::new(),
        layout: "LabelMe".to_owned(),
        reason: format!(
            "{} JSON files hold LabelMe's shapes, such as `{}`.",
            pairs.len(),
            pairs[0].mask.display()
        ),
        split_origin: super::own_split(&pairs, "train and val folders"),
        pairs,
        table: Some(table),
        findings,
    }))
}

fn read(folder: &Folder, path: &Path) -> Result<Annotation, String> {
    let full = folder.root.join(path);
    let size = std::fs::metadata(&full).map_err(|e| e.to_string())?.len();
    if size > MOST_BYTES {
        return Err(format!("has {size} bytes"));
    }
    parse(&std::fs::read(&full).map_err(|e| e.to_string())?)
}

/// The picture that the file names, the one beside it with its name, or the one inside it.
fn image_of(
    folder: &Folder,
    ends: &Ends,
    json: &Path,
    annotation: &Annotation,
) -> Option<(PathBuf, bool)> {
    let base = json.parent().unwrap_or(Path::new(""));
    let known =
        |path: &Path| is_image(path) && folder.files.binary_search(&path.to_owned()).is_ok();
    if let Some(named) = &annotation.image_path {
        let named = named.replace('\\', "/");
        let last = Path::new(&named).file_name().map(|name| base.join(name));
        let places = [Some(base.join(&named)), last];
        let beside = places.into_iter().flatten().find(|path| known(path));
        // `../images/x.jpg`, or a path of another machine.
        let elsewhere = || ends.resolve(&named).filter(|path| is_image(path));
        if let Some(found) = beside.or_else(elsewhere) {
            return Some((found, false));
        }
    }
    if annotation.image_data.is_some() {
        return Some((json.to_owned(), true));
    }
    let beside = folder
        .files
        .iter()
        .find(|path| path.parent() == Some(base) && is_image(path) && stem(path) == stem(json));
    beside.map(|path| (path.clone(), false))
}

/// `labels.txt` beside the files or above them, else every label in the order of the alphabet.
fn table(
    folder: &Folder,
    annotations: &[(&PathBuf, Annotation)],
) -> Result<(Table, Vec<String>), DataError> {
    let mut names: Vec<String> = Vec::new();
    let list = folder.files.iter().find(|path| {
        let name = path
            .file_name()
            .map(|n| n.to_string_lossy().to_ascii_lowercase());
        name.is_some_and(|n| n == "labels.txt" || n == "class_names.txt" || n == "classes.txt")
    });
    if let Some(path) = list {
        for line in read_text(folder, path, 1 << 20)?.lines().map(str::trim) {
            if !line.is_empty() && line != IGNORED {
                names.push(tidy(line).to_owned());
            }
        }
    }
    if names
        .first()
        .is_none_or(|first| !first.eq_ignore_ascii_case("background"))
    {
        names.retain(|name| !name.eq_ignore_ascii_case("background"));
        names.insert(0, "background".to_owned());
    }
    let mut unlisted: BTreeMap<String, usize> = BTreeMap::new();
    for label in annotations.iter().flat_map(|(_, a)| a.labels()) {
        let bare = tidy(&label).to_owned();
        let short = without_number(&label).map(str::to_owned);
        let known = names
            .iter()
            .any(|n| *n == bare || Some(n) == short.as_ref());
        if label != IGNORED && !known {
            *unlisted.entry(bare).or_default() += 1;
        }
    }
    let unlisted: Vec<String> = unlisted.into_keys().collect();
    names.extend(unlisted.iter().cloned());
    let origin = match list {
        Some(path) => format!("`{}`", path.display()),
        None => "the labels of the shapes".to_owned(),
    };
    let rows = names.into_iter().enumerate().map(|(value, name)| Row {
        name,
        color: None,
        // 255 is kept for what is ignored.
        value: Some(value as u32 + u32::from(value >= usize::from(IGNORE))),
    });
    let table = Table {
        origin,
        rows: rows.collect(),
        ignore: vec![u32::from(IGNORE)],
        only_if_ids_below: None,
    };
    Ok((table, if list.is_some() { unlisted } else { Vec::new() }))
}

/// `_background_` is LabelMe's way to write a special name.
fn tidy(label: &str) -> &str {
    match label.strip_prefix('_').and_then(|l| l.strip_suffix('_')) {
        Some(inner) if !inner.is_empty() && !inner.starts_with('_') => inner,
        _ => label,
    }
}

/// `person-2` was how instances were told apart before groups.
fn without_number(label: &str) -> Option<&str> {
    let (name, number) = label.rsplit_once('-')?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

fn findings(
    missing: &[String],
    faults: &[String],
    outside: Vec<String>,
    inside: usize,
    unlisted: &[String],
    unread: &[String],
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut add = |code: &str, severity, message: String, remedy: &str, files: Vec<String>| {
        findings.push(
            Finding::new(code, severity, message)
                .remedy(remedy)
                .files(files),
        );
    };
    if !missing.is_empty() {
        add(
            "listed-but-missing",
            Severity::Warning,
            format!(
                "{} a picture that is not here, and {} none: {}",
                counted(
                    missing.len(),
                    ["annotation file names", "annotation files name"]
                ),
                if missing.len() == 1 { "holds" } else { "hold" },
                some_of(missing)
            ),
            "Copy the pictures beside their JSON files.",
            missing.to_vec(),
        );
    }
    if !faults.is_empty() {
        add(
            "unusable-annotation",
            Severity::Warning,
            format!(
                "{} can't be drawn: {}",
                counted(faults.len(), ["shape", "shapes"]),
                some_of(faults)
            ),
            "Draw them again in LabelMe.",
            Vec::new(),
        );
    }
    if !outside.is_empty() {
        add(
            "points-outside",
            Severity::Hint,
            format!(
                "shapes in {} have points outside their picture and are cut at its edge: {}",
                counted(outside.len(), ["file", "files"]),
                some_of(&outside)
            ),
            "",
            outside,
        );
    }
    if inside > 0 {
        add(
            "embedded-image",
            Severity::Hint,
            counted(
                inside,
                [
                    "picture is read from inside its JSON file",
                    "pictures are read from inside their JSON files",
                ],
            ),
            "",
            Vec::new(),
        );
    }
    if !unlisted.is_empty() {
        add(
            "unlisted-label",
            Severity::Warning,
            format!(
                "labels that the list of classes does not have became classes of their own: {}",
                some_of(unlisted)
            ),
            "Add them to the list, or merge them in the class map.",
            Vec::new(),
        );
    }
    if !unread.is_empty() {
        add(
            "other-json",
            Severity::Hint,
            format!(
                "{}: {}",
                counted(
                    unread.len(),
                    [
                        "JSON file is no LabelMe annotation",
                        "JSON files are no LabelMe annotations",
                    ]
                ),
                some_of(unread)
            ),
            "",
            Vec::new(),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tidied() {
        assert_eq!(tidy("_background_"), "background");
        assert_eq!(tidy("__ignore__"), "__ignore__");
        assert_eq!(without_number("person-2"), Some("person"));
        assert_eq!(without_number("t-shirt"), None);
    }
}
