//! Cityscapes: `leftImg8bit` and `gtFine`, files named `city_sequence_frame_kind`.
//!
//! Source of ids, names and colours: cityscapesScripts' `helpers/labels.py`. Training ids are
//! preferred; label ids are mapped to the same 19 classes, the others are ignored.

use std::path::Path;

use super::join::{Keyed, join};
use super::{Folder, Found, Row, Table, is_image, part_of_path, stem};
use crate::data::DataError;

/// Name, label id, colour; in the order of the training ids.
const CLASSES: [(&str, u32, [u8; 3]); 19] = [
    ("road", 7, [128, 64, 128]),
    ("sidewalk", 8, [244, 35, 232]),
    ("building", 11, [70, 70, 70]),
    ("wall", 12, [102, 102, 156]),
    ("fence", 13, [190, 153, 153]),
    ("pole", 17, [153, 153, 153]),
    ("traffic light", 19, [250, 170, 30]),
    ("traffic sign", 20, [220, 220, 0]),
    ("vegetation", 21, [107, 142, 35]),
    ("terrain", 22, [152, 251, 152]),
    ("sky", 23, [70, 130, 180]),
    ("person", 24, [220, 20, 60]),
    ("rider", 25, [255, 0, 0]),
    ("car", 26, [0, 0, 142]),
    ("truck", 27, [0, 0, 70]),
    ("bus", 28, [0, 60, 100]),
    ("train", 31, [0, 80, 100]),
    ("motorcycle", 32, [0, 0, 230]),
    ("bicycle", 33, [119, 11, 32]),
];
/// Label ids run from 0 to this; -1 is written as 255.
const LAST_ID: u32 = 33;

/// Kinds of masks, best first.
const KINDS: [&str; 4] = ["labelTrainIds", "labelIds", "color", "instanceIds"];

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let (mut images, mut masks) = (Vec::new(), Vec::new());
    for path in folder.files.iter().filter(|path| is_image(path)) {
        let stem = stem(path);
        let part = part_of_path(path);
        if let Some(key) = stem.strip_suffix("_leftImg8bit") {
            images.push(Keyed::new(key, path, part));
        }
        for (rank, kind) in KINDS.iter().enumerate() {
            for (coarse, prefix) in ["_gtFine_", "_gtCoarse_"].iter().enumerate() {
                if let Some(key) = stem.strip_suffix(&format!("{prefix}{kind}")) {
                    let rank = rank + coarse * KINDS.len();
                    masks.push(Keyed::new(key, path, part).of_kind(kind, rank));
                }
            }
        }
    }
    let Some(joined) = join(images, masks, &folder.config.masks) else {
        return Ok(None);
    };
    let Some(first) = joined.pairs.first() else {
        return Ok(None);
    };
    let table = table(&first.mask);
    let kind = stem(&first.mask);
    let kind = kind.rsplit('_').next().unwrap_or_default().to_owned();
    Ok(Some(Found {
        kinds: joined.kinds,
        layout: "Cityscapes".to_owned(),
        reason: format!(
            "Files are called `…_leftImg8bit` and `…_gtFine_{kind}`, as Cityscapes has them."
        ),
        split_origin: super::own_split(&joined.pairs, "train and val folders"),
        pairs: joined.pairs,
        table,
        findings: joined.findings,
    }))
}

fn table(mask: &Path) -> Option<Table> {
    let stem = stem(mask);
    let row = |(train, (name, id, color)): (usize, &(&str, u32, [u8; 3]))| Row {
        name: (*name).to_owned(),
        color: Some(*color),
        value: if stem.ends_with("labelTrainIds") {
            Some(train as u32)
        } else if stem.ends_with("labelIds") {
            Some(*id)
        } else {
            None
        },
    };
    if stem.ends_with("instanceIds") {
        return None;
    }
    let ignore = if stem.ends_with("labelIds") {
        let train = |id: &u32| CLASSES.iter().any(|(_, known, _)| known == id);
        (0..=LAST_ID).filter(|id| !train(id)).collect()
    } else {
        Vec::new()
    };
    Some(Table {
        origin: "cityscapesScripts' list of 19 training classes (others are ignored)".to_owned(),
        rows: CLASSES.iter().enumerate().map(row).collect(),
        ignore,
        only_if_ids_below: None,
    })
}
