//! mmsegmentation's custom datasets (LoveDA, Potsdam, iSAID, Synapse, REFUGE): `img_dir` and `ann_dir`.

use super::join::{Keyed, join};
use super::{Folder, Found, below, is_image, part_of_path, stem};
use crate::data::DataError;

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let (mut images, mut masks) = (Vec::new(), Vec::new());
    for path in folder.files.iter().filter(|path| is_image(path)) {
        for (name, list) in [("img_dir", &mut images), ("ann_dir", &mut masks)] {
            if let Some((base, rest)) = below(path, name) {
                let mut stem = stem(&rest);
                for suffix in ["_instance_color_RGB", "_labelTrainIds", "_mask", "_label"] {
                    if name == "ann_dir" && stem.ends_with(suffix) {
                        stem.truncate(stem.len() - suffix.len());
                    }
                }
                let key = base.join(rest.with_file_name(stem));
                list.push(Keyed::new(key.to_string_lossy(), path, part_of_path(path)));
            }
        }
    }
    let Some(mut joined) = join(images, masks, "") else {
        return Ok(None);
    };
    joined
        .findings
        .push(super::ade20k::zero_may_be_ignored("mmsegmentation's"));
    Ok(Some(Found {
        kinds: joined.kinds,
        layout: "mmsegmentation".to_owned(),
        reason: "There are `img_dir` and `ann_dir` with the same names.".to_owned(),
        split_origin: super::own_split(&joined.pairs, "train and val folders"),
        pairs: joined.pairs,
        table: None,
        findings: joined.findings,
    }))
}
