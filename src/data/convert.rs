//! A clean copy of a dataset: one kind of mask, one arrangement, one split, and a record of what became
//! what. Pixels are copied where they can be, and never resampled.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;

use super::mask::{self, write_indexed};
use super::{Class, DataError, Dataset, IGNORE, Image, LabelMap, Progress, Sample, Source};
use crate::files::write_atomically;

crate::choices! {
    /// How the copy is arranged.
    pub enum Arrangement {
        Folders = "folders": "images/train, masks/train, images/val, masks/val, and class_names.txt.",
        Voc = "voc": "JPEGImages, SegmentationClass, ImageSets/Segmentation, and class_names.txt.",
        NnUnet = "nnunet": "imagesTr, labelsTr, dataset.json, and splits_final.json.",
    }
}

/// One item of the record.
#[derive(Debug, Clone, Serialize)]
struct Copied {
    name: String,
    split: &'static str,
    image: String,
    mask: String,
    from_image: String,
    from_mask: String,
}

/// Writes the copy into `out`, which must be empty or not there. Returns the number of items.
///
/// # Errors
/// When `out` holds something, an item can't be read, or a file can't be written.
pub fn convert(
    dataset: &Dataset,
    out: &Path,
    to: Arrangement,
    progress: &Progress,
) -> Result<usize, DataError> {
    let fail = |path: &Path, message: String| DataError::File {
        path: path.display().to_string(),
        message,
    };
    if fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(fail(out, "is not empty; nothing is written".to_owned()));
    }
    let names = names(dataset);
    let val: HashSet<usize> = dataset.split.val.iter().copied().collect();
    progress.set_total(dataset.items.len());
    let copied: Vec<Copied> = (0..dataset.items.len())
        .into_par_iter()
        .map(|index| {
            if progress.is_cancelled() {
                return Err(DataError::Cancelled);
            }
            let (name, val) = (&names[index], val.contains(&index));
            let copy = |sample| item(dataset, index, &sample, name, val, out, to);
            let copied = dataset.with(index, copy);
            progress.advance();
            copied?
        })
        .collect::<Result<_, _>>()?;
    let text = |path: PathBuf, text: String| {
        write_atomically(&path, text.as_bytes()).map_err(|e| fail(&path, e.to_string()))
    };
    let class_names = || {
        let classes = dataset.classes.classes.iter();
        classes
            .map(|c| format!("{}\n", one_line(&c.name)))
            .collect()
    };
    let of = |side: &str| -> Vec<&str> {
        let chosen = copied.iter().filter(|c| c.split == side);
        chosen.map(|c| c.name.as_str()).collect()
    };
    match to {
        Arrangement::Folders => text(out.join("class_names.txt"), class_names())?,
        Arrangement::Voc => {
            text(out.join("class_names.txt"), class_names())?;
            for side in ["train", "val"] {
                let path = out.join(format!("ImageSets/Segmentation/{side}.txt"));
                text(path, of(side).join("\n") + "\n")?;
            }
        }
        Arrangement::NnUnet => {
            let meta = dataset_json(dataset, &copied)?;
            text(out.join("dataset.json"), pretty(&meta))?;
            let splits = json!([{ "train": of("train"), "val": of("val") }]);
            text(out.join("splits_final.json"), pretty(&splits))?;
        }
    }
    text(
        out.join("mapping.json"),
        pretty(&mapping(dataset, &copied, to)),
    )?;
    Ok(copied.len())
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// Lists have a name per line; LabelMe's underscores at both ends mean something else there.
fn one_line(name: &str) -> String {
    name.replace(['\n', '\r'], " ").trim().to_owned()
}

/// Names without folders, safe on every system, each once.
fn names(dataset: &Dataset) -> Vec<String> {
    let mut seen = HashSet::new();
    let safe = |c: char| {
        if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') {
            c
        } else {
            '_'
        }
    };
    let items = dataset.items.iter();
    items
        .map(|item| {
            let last = item.id.rsplit('/').next().unwrap_or(&item.id);
            let short: String = last.chars().map(safe).collect();
            let long: String = item.id.chars().map(safe).collect();
            let mut name = if seen.contains(&short) { long } else { short };
            let base = name.clone();
            let mut number = 2;
            while !seen.insert(name.clone()) {
                name = format!("{base}_{number}");
                number += 1;
            }
            name
        })
        .collect()
}

fn item(
    dataset: &Dataset,
    index: usize,
    sample: &Sample,
    name: &str,
    val: bool,
    out: &Path,
    to: Arrangement,
) -> Result<Copied, DataError> {
    let split = if val { "val" } else { "train" };
    let from = &dataset.items[index];
    // A common picture is copied as it is; what was cut, joined or turned is written as PNG.
    let plain = match &dataset.source {
        Source::Files { readings, .. } => readings.get(index).is_some_and(|r| r.is_plain()),
        Source::Generated(_) => false,
    };
    let ending = from.image.extension().map(|e| e.to_ascii_lowercase());
    let ending = ending.and_then(|e| e.to_str().map(str::to_owned));
    let keep = plain
        && to != Arrangement::NnUnet
        && ending
            .as_deref()
            .is_some_and(|e| ["png", "jpg", "jpeg"].contains(&e));
    let ending = if keep {
        ending.unwrap_or_default()
    } else {
        "png".to_owned()
    };
    let (image, mask) = match to {
        Arrangement::Folders => (
            format!("images/{split}/{name}.{ending}"),
            format!("masks/{split}/{name}.png"),
        ),
        Arrangement::Voc => (
            format!("JPEGImages/{name}.{ending}"),
            format!("SegmentationClass/{name}.png"),
        ),
        Arrangement::NnUnet => (
            format!("imagesTr/{name}_0000.png"),
            format!("labelsTr/{name}.png"),
        ),
    };
    let (image_path, mask_path) = (out.join(&image), out.join(&mask));
    let fail = |path: &Path, message: String| DataError::File {
        path: path.display().to_string(),
        message,
    };
    for path in [&image_path, &mask_path] {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| fail(folder, e.to_string()))?;
        }
    }
    if keep {
        let source = dataset.root.join(&from.image);
        fs::copy(&source, &image_path).map_err(|e| fail(&source, e.to_string()))?;
    } else {
        write_image(&image_path, &sample.image).map_err(|e| fail(&image_path, e))?;
    }
    match to {
        Arrangement::NnUnet => {
            let labels = renumbered(&sample.labels, &dataset.classes.classes);
            mask::write_grey(&mask_path, &labels).map_err(|e| fail(&mask_path, e))?;
        }
        _ => write_indexed(&mask_path, &sample.labels, &dataset.classes)
            .map_err(|e| fail(&mask_path, e))?,
    }
    Ok(Copied {
        name: name.to_owned(),
        split,
        image,
        mask,
        from_image: from.image.display().to_string(),
        from_mask: from.mask.display().to_string(),
    })
}

fn write_image(path: &Path, image: &Image) -> Result<(), String> {
    let color = match image.channels {
        1 => image::ColorType::L8,
        2 => image::ColorType::La8,
        3 => image::ColorType::Rgb8,
        4 => image::ColorType::Rgba8,
        other => return Err(format!("would have {other} channels, a PNG has at most 4")),
    };
    let (width, height) = (image.width as u32, image.height as u32);
    image::save_buffer(path, &image.pixels, width, height, color).map_err(|e| e.to_string())
}

/// nnU-Net's id of each class: the background is 0 there, and the others follow without a gap. Where no
/// class is a background, 0 stays empty.
fn nnunet_ids(classes: &[Class]) -> Vec<u8> {
    const BACKGROUND: [&str; 6] = [
        "background",
        "bg",
        "void",
        "other",
        "unlabelled",
        "unlabeled",
    ];
    let is_background = |class: &Class| {
        let name = class.name.trim_matches('_').to_ascii_lowercase();
        BACKGROUND.contains(&name.as_str())
    };
    let background = classes.iter().position(is_background);
    let mut next = 0;
    (0..classes.len())
        .map(|index| {
            if Some(index) == background {
                return 0;
            }
            next += 1;
            next
        })
        .collect()
}

/// As nnU-Net numbers them, what is ignored last.
fn renumbered(labels: &LabelMap, classes: &[Class]) -> LabelMap {
    let ids = nnunet_ids(classes);
    let ignored = ignored_id(&ids);
    let value = |label: &u8| ids.get(usize::from(*label)).copied().unwrap_or(ignored);
    LabelMap {
        labels: labels.labels.iter().map(value).collect(),
        ..*labels
    }
}

fn ignored_id(ids: &[u8]) -> u8 {
    ids.iter().max().map_or(1, |last| last + 1)
}

fn dataset_json(dataset: &Dataset, copied: &[Copied]) -> Result<serde_json::Value, DataError> {
    let first = dataset.load(0)?;
    let channels: serde_json::Map<String, serde_json::Value> = (0..first.image.channels)
        .map(|channel| {
            let name = match (first.image.channels, channel) {
                (3, channel) => ["R", "G", "B"][channel].to_owned(),
                (_, channel) => format!("channel {channel}"),
            };
            (channel.to_string(), json!(name))
        })
        .collect();
    let ids = nnunet_ids(&dataset.classes.classes);
    let mut labels = serde_json::Map::new();
    labels.insert("background".to_owned(), json!(0));
    for (id, class) in ids.iter().zip(&dataset.classes.classes) {
        if *id > 0 {
            labels.insert(class.name.clone(), json!(id));
        }
    }
    if dataset.census.ignored_train + dataset.census.ignored_val > 0 {
        labels.insert("ignore".to_owned(), json!(ignored_id(&ids)));
    }
    Ok(json!({
        "channel_names": channels,
        "labels": labels,
        "numTraining": copied.len(),
        "file_ending": ".png",
    }))
}

fn mapping(dataset: &Dataset, copied: &[Copied], to: Arrangement) -> serde_json::Value {
    let (ids, ignored) = match to {
        Arrangement::NnUnet => {
            let ids = nnunet_ids(&dataset.classes.classes);
            let ignored = ignored_id(&ids);
            (ids, ignored)
        }
        _ => ((0..=IGNORE).collect(), IGNORE),
    };
    let classes: Vec<_> = dataset
        .classes
        .classes
        .iter()
        .zip(ids)
        .map(|(class, id)| {
            json!({
                "id": id,
                "name": class.name,
                "color": class.color,
                "source_values": class.values,
            })
        })
        .collect();
    json!({
        "source": dataset.root,
        "source_layout": dataset.layout,
        "source_coding": dataset.classes.coding,
        "arrangement": to.name(),
        "split": dataset.split.origin,
        "classes": classes,
        "ignored": { "id": ignored, "source_values": dataset.classes.ignore },
        "items": copied,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_is_0_and_no_class_is_taken_for_it() {
        let classes = |names: &[&str]| -> Vec<Class> {
            let class = |name: &&str| Class {
                name: (*name).to_owned(),
                color: [0; 3],
                values: Vec::new(),
            };
            names.iter().map(class).collect()
        };
        assert_eq!(
            nnunet_ids(&classes(&["cloud", "shadow", "void"])),
            [1, 2, 0]
        );
        assert_eq!(nnunet_ids(&classes(&["_background_", "a"])), [0, 1]);
        assert_eq!(nnunet_ids(&classes(&["sky", "road"])), [1, 2]);
        let labels = LabelMap {
            width: 4,
            height: 1,
            labels: vec![0, 1, 2, IGNORE],
        };
        let written = renumbered(&labels, &classes(&["cloud", "shadow", "void"]));
        assert_eq!(written.labels, [1, 2, 0, 3]);
    }
}
