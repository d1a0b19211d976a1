//! DeepMIB (Microscopy Image Browser): `TrainImages`, `TrainLabels`, `ValidationImages`,
//! `ValidationLabels`, or `1_Training/Images` and `1_Training/Labels`.

use std::path::Path;

use super::join::{Keyed, join};
use super::{Folder, Found, Part, below, is_image, stem};
use crate::data::DataError;

const FLAT: [(&str, &str, Part); 3] = [
    ("TrainImages", "TrainLabels", Part::Train),
    ("ValidationImages", "ValidationLabels", Part::Val),
    ("PredictionImages", "PredictionLabels", Part::Test),
];
const NESTED: [(&str, Part); 3] = [
    ("1_Training", Part::Train),
    ("2_Validation", Part::Val),
    ("2_Prediction", Part::Test),
];

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let (mut images, mut masks) = (Vec::new(), Vec::new());
    for path in folder.files.iter().filter(|path| is_image(path)) {
        let mut add = |image: bool, base: &Path, part: Part| {
            let key = format!("{}/{part:?}/{}", base.display(), bare(&stem(path)));
            let list = if image { &mut images } else { &mut masks };
            list.push(Keyed::new(key, path, Some(part)));
        };
        for (image, mask, part) in FLAT {
            if let Some((base, _)) = below(path, image) {
                add(true, &base, part);
            }
            if let Some((base, _)) = below(path, mask) {
                add(false, &base, part);
            }
        }
        for (name, part) in NESTED {
            let Some((base, rest)) = below(path, name) else {
                continue;
            };
            if rest.starts_with("Images") {
                add(true, &base, part);
            } else if rest.starts_with("Labels") {
                add(false, &base, part);
            }
        }
    }
    let Some(joined) = join(images, masks, "") else {
        return Ok(None);
    };
    Ok(Some(Found {
        kinds: joined.kinds,
        layout: "DeepMIB".to_owned(),
        reason: "Folders are called as DeepMIB has them: training images and training labels."
            .to_owned(),
        split_origin: super::own_split(&joined.pairs, "training and validation folders"),
        pairs: joined.pairs,
        table: None,
        findings: joined.findings,
    }))
}

/// DeepMIB writes `Labels_x` beside `x` in some versions.
fn bare(stem: &str) -> &str {
    stem.strip_prefix("Labels_").unwrap_or(stem)
}
