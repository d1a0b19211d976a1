//! Datumaro's common semantic segmentation: `dataset_meta.json`, `images`, `masks`.

use std::path::Path;

use serde_json::Value;

use super::join::{Keyed, join};
use super::{Folder, Found, Row, Table, below, is_image, part_of_path, read_text};
use crate::data::DataError;

const MOST_BYTES: u64 = 16 << 20;

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let named = |path: &&std::path::PathBuf| {
        path.file_name()
            .is_some_and(|name| name == "dataset_meta.json")
    };
    let Some(json) = folder.files.iter().find(named) else {
        return Ok(None);
    };
    let fail = |message: String| DataError::File {
        path: folder.root.join(json).display().to_string(),
        message,
    };
    let text = read_text(folder, json, MOST_BYTES)?;
    let meta: Value = serde_json::from_str(&text).map_err(|e| fail(e.to_string()))?;
    let prefix = |key: &str| {
        let text = meta.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let prefixes = [prefix("image_prefix"), prefix("mask_prefix")];
    let side = |name: &str, prefix: &str| -> Vec<Keyed> {
        let key = |path: &Path| {
            let (base, rest) = below(path, name)?;
            let rest = rest.with_extension("").to_string_lossy().into_owned();
            let bare = rest.strip_prefix(prefix).unwrap_or(&rest).to_owned();
            Some(format!("{}/{bare}", base.display()))
        };
        let images = folder.files.iter().filter(|path| is_image(path));
        images
            .filter_map(|path| Some(Keyed::new(key(path)?, path, part_of_path(path))))
            .collect()
    };
    let Some(joined) = join(
        side("images", &prefixes[0]),
        side("masks", &prefixes[1]),
        "",
    ) else {
        return Ok(None);
    };
    Ok(Some(Found {
        kinds: joined.kinds,
        layout: "Datumaro".to_owned(),
        reason: format!("`{}` lies beside `images` and `masks`.", json.display()),
        split_origin: super::own_split(&joined.pairs, "train and val folders"),
        pairs: joined.pairs,
        table: table(&meta, &json.display().to_string()),
        findings: joined.findings,
    }))
}

/// `label_map` (id to name) or `labels` (names in order), with `segmentation_colors` in that order.
fn table(meta: &Value, origin: &str) -> Option<Table> {
    let mut names: Vec<(u32, String)> = Vec::new();
    if let Some(map) = meta.get("label_map").and_then(Value::as_object) {
        for (id, name) in map {
            names.push((id.parse().ok()?, name.as_str()?.to_owned()));
        }
    } else {
        for (id, name) in meta.get("labels")?.as_array()?.iter().enumerate() {
            names.push((id as u32, name.as_str()?.to_owned()));
        }
    }
    names.sort_unstable();
    let colors = meta.get("segmentation_colors").and_then(Value::as_array);
    let color = |at: usize| -> Option<[u8; 3]> {
        let parts = colors?.get(at)?.as_array()?;
        let channel = |i: usize| u8::try_from(parts.get(i)?.as_u64()?).ok();
        Some([channel(0)?, channel(1)?, channel(2)?])
    };
    let rows: Vec<Row> = names
        .into_iter()
        .enumerate()
        .map(|(at, (id, name))| {
            let color = color(at);
            Row {
                name,
                color,
                value: color.is_none().then_some(id),
            }
        })
        .collect();
    (!rows.is_empty()).then(|| Table {
        origin: format!("`{origin}`"),
        rows,
        ignore: Vec::new(),
        only_if_ids_below: None,
    })
}
