//! COCO-Stuff: `images/train2017/x.jpg` and `annotations/train2017/x.png`, or `x_labelTrainIds.png`.
//! 255 is ignored.

use super::join::{Keyed, join};
use super::{Folder, Found, below, is_image, part_of_path, stem};
use crate::data::DataError;

const TRAIN_IDS: &str = "_labelTrainIds";

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let (mut images, mut masks) = (Vec::new(), Vec::new());
    for path in folder.files.iter().filter(|path| is_image(path)) {
        let coco = |rest: &std::path::Path| {
            let first = rest.components().next();
            first.is_some_and(|f| {
                let name = f.as_os_str().to_string_lossy().to_ascii_lowercase();
                (name.starts_with("train20") || name.starts_with("val20")) && name.len() <= 9
            })
        };
        let part = part_of_path(path);
        let stem = stem(path);
        let key = |base: &std::path::Path, rest: &std::path::Path, stem: &str| {
            let place = base.join(rest.with_file_name(stem));
            place.to_string_lossy().into_owned()
        };
        if let Some((base, rest)) = below(path, "images").filter(|(_, rest)| coco(rest)) {
            images.push(Keyed::new(key(&base, &rest, &stem), path, part));
        }
        let labels = below(path, "annotations").or_else(|| below(path, "labels"));
        if let Some((base, rest)) = labels.filter(|(_, rest)| coco(rest)) {
            let (stem, kind, rank) = match stem.strip_suffix(TRAIN_IDS) {
                Some(bare) => (bare, "labelTrainIds", 0),
                None => (stem.as_str(), "ids", 1),
            };
            masks.push(Keyed::new(key(&base, &rest, stem), path, part).of_kind(kind, rank));
        }
    }
    let Some(joined) = join(images, masks, &folder.config.masks) else {
        return Ok(None);
    };
    Ok(Some(Found {
        kinds: joined.kinds,
        layout: "COCO-Stuff".to_owned(),
        reason: "There are `images/train20…` or `val20…` and `annotations` of the same names."
            .to_owned(),
        split_origin: super::own_split(&joined.pairs, "train and val folders"),
        pairs: joined.pairs,
        table: None,
        findings: joined.findings,
    }))
}
