//! ADE20K's challenge folders: `images/training` and `annotations/training`, and the same for
//! `validation`. 0 means "other" there and is ignored; 1 to 150 are classes.

use super::join::{Keyed, join};
use super::{Folder, Found, below, is_image, part_of_path, stem};
use crate::data::DataError;
use crate::finding::{Finding, Severity};

pub(super) fn detect(folder: &Folder) -> Result<Option<Found>, DataError> {
    let (mut images, mut masks) = (Vec::new(), Vec::new());
    for path in folder.files.iter().filter(|path| is_image(path)) {
        for (name, list) in [("images", &mut images), ("annotations", &mut masks)] {
            if let Some((base, rest)) = below(path, name)
                && (rest.starts_with("training") || rest.starts_with("validation"))
            {
                let key = base.join(rest.with_file_name(stem(&rest)));
                list.push(Keyed::new(key.to_string_lossy(), path, part_of_path(path)));
            }
        }
    }
    let Some(mut joined) = join(images, masks, "") else {
        return Ok(None);
    };
    joined.findings.push(zero_may_be_ignored("ADE20K"));
    Ok(Some(Found {
        kinds: joined.kinds,
        layout: "ADE20K".to_owned(),
        reason: "There are `images/training` and `annotations/training`.".to_owned(),
        split_origin: super::own_split(&joined.pairs, "training and validation folders"),
        pairs: joined.pairs,
        table: None,
        findings: joined.findings,
    }))
}

/// In several sets of this family 0 is no class.
pub(super) fn zero_may_be_ignored(family: &str) -> Finding {
    Finding::new(
        "zero-may-be-ignored",
        Severity::Hint,
        format!("in sets arranged like {family} the value 0 often means “no class” rather than a background"),
    )
    .remedy("If so here, move 0 to “ignored” in the class map.")
}
