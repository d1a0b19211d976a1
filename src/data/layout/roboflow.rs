//! Roboflow's semantic segmentation export: `x.jpg` and `x_mask.png` side by side in `train`, `valid`
//! and `test`, each with a `_classes.csv` of pixel values and names.

use std::path::PathBuf;

use super::join::{Keyed, join};
use super::{Folder, Found, Row, Table, is_image, part_of_path, read_text, stem};
use crate::data::DataError;

const MOST_BYTES: u64 = 1 << 20;

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let named = |path: &&PathBuf| path.file_name().is_some_and(|n| n == "_classes.csv");
    let Some(csv) = folder.files.iter().find(named) else {
        return Ok(None);
    };
    let text = read_text(folder, csv, MOST_BYTES)?;
    let Some(rows) = rows(&text) else {
        return Ok(None);
    };
    let (mut images, mut masks) = (Vec::new(), Vec::new());
    for path in folder.files.iter().filter(|path| is_image(path)) {
        let stem = stem(path);
        let key = |stem: &str| path.with_file_name(stem).to_string_lossy().into_owned();
        match stem.strip_suffix("_mask") {
            Some(bare) => masks.push(Keyed::new(key(bare), path, part_of_path(path))),
            None => images.push(Keyed::new(key(&stem), path, part_of_path(path))),
        }
    }
    let Some(joined) = join(images, masks, "") else {
        return Ok(None);
    };
    Ok(Some(Found {
        kinds: joined.kinds,
        layout: "Roboflow".to_owned(),
        reason: format!(
            "`{}` lies beside images and their `…_mask.png`.",
            csv.display()
        ),
        split_origin: super::own_split(&joined.pairs, "train and valid folders"),
        pairs: joined.pairs,
        table: Some(Table {
            origin: format!("`{}`", csv.display()),
            rows,
            ignore: Vec::new(),
            only_if_ids_below: None,
        }),
        findings: joined.findings,
    }))
}

/// `Pixel Value, Class`; a one-hot table for classification has other columns.
fn rows(text: &str) -> Option<Vec<Row>> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let header = lines.next()?.to_ascii_lowercase();
    let columns: Vec<&str> = header.split(',').map(str::trim).collect();
    if columns != ["pixel value", "class"] {
        return None;
    }
    let rows: Vec<Row> = lines
        .map(|line| {
            let (value, name) = line.split_once(',')?;
            Some(Row {
                name: name.trim().to_owned(),
                color: None,
                value: Some(value.trim().parse().ok()?),
            })
        })
        .collect::<Option<_>>()?;
    (!rows.is_empty()).then_some(rows)
}
