//! Pairs by name: folders or file names that say "image" and "mask", equal stems otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::names::{Sense, sense};
use super::{Found, Pair, Part, is_image, some_of};
use crate::data::DataError;
use crate::finding::{Finding, Severity};

struct Named {
    path: PathBuf,
    sense: Sense,
}

pub(super) fn detect(root: &Path, files: &[PathBuf]) -> Result<Found, DataError> {
    let (masks, images): (Vec<Named>, Vec<Named>) = files
        .iter()
        .filter(|path| is_image(path))
        .map(|path| Named {
            path: path.clone(),
            sense: sense(path),
        })
        .partition(|named| named.sense.mask == Some(true));
    let pictures = images.len() + masks.len();
    let mut by_key: BTreeMap<(Vec<String>, String), Vec<usize>> = BTreeMap::new();
    for (index, mask) in masks.iter().enumerate() {
        let key = (mask.sense.folders.clone(), mask.sense.stem.clone());
        by_key.entry(key).or_default().push(index);
    }
    let mut pairs = Vec::new();
    let mut used = vec![false; masks.len()];
    let mut choices: Vec<String> = Vec::new();
    let mut lonely = Vec::new();
    for image in &images {
        let Some(candidates) = candidates(image, &by_key) else {
            lonely.push(image);
            continue;
        };
        let best = candidates
            .iter()
            .copied()
            .min_by_key(|&i| (masks[i].sense.rank, i));
        let Some(best) = best else { continue };
        if candidates.len() > 1 {
            choices.push(masks[best].path.display().to_string());
        }
        for &candidate in candidates {
            used[candidate] = true;
        }
        pairs.push(Pair {
            image: image.path.clone(),
            mask: masks[best].path.clone(),
            part: image.sense.part.or(masks[best].sense.part),
        });
    }
    if pairs.is_empty() {
        return Err(no_pairs(root, pictures, masks.len()));
    }
    let mut findings = Vec::new();
    if !choices.is_empty() {
        findings.push(
            Finding::new(
                "several-masks",
                Severity::Hint,
                format!(
                    "{} images have more than one mask; taken is the kind of {}",
                    choices.len(),
                    choices[0]
                ),
            )
            .remedy("To train on the other kind, open a folder that holds only those masks."),
        );
    }
    left_over(&mut findings, &lonely, &masks, &used);
    let reason = reason(&pairs);
    let split_origin = own_split(&pairs);
    Ok(Found {
        layout: "image/mask pairs".to_owned(),
        reason,
        pairs,
        split_origin,
        table: None,
        findings,
    })
}

/// Masks with the same remaining words; an image folder of any other name (`train/cloudshadow`)
/// may also stand beside the mask folder.
fn candidates<'a>(
    image: &Named,
    by_key: &'a BTreeMap<(Vec<String>, String), Vec<usize>>,
) -> Option<&'a Vec<usize>> {
    let folders = &image.sense.folders;
    let stem = image.sense.stem.clone();
    let exact = by_key.get(&(folders.clone(), stem.clone()));
    exact.or_else(|| {
        let (_, above) = folders.split_last()?;
        (image.sense.mask.is_none()).then(|| by_key.get(&(above.to_vec(), stem)))?
    })
}

fn reason(pairs: &[Pair]) -> String {
    let folder = |path: &Path| match path.parent().map(|p| p.display().to_string()) {
        Some(text) if !text.is_empty() => format!("`{text}`"),
        _ => "the folder itself".to_owned(),
    };
    let (image, mask) = (folder(&pairs[0].image), folder(&pairs[0].mask));
    if image == mask {
        let name = pairs[0].mask.file_name().unwrap_or_default();
        return format!(
            "Images and masks lie together in {image}; names like `{}` are masks.",
            name.to_string_lossy()
        );
    }
    format!("Images in {image} and masks in {mask} have the same names.")
}

fn own_split(pairs: &[Pair]) -> Option<String> {
    let has = |part| pairs.iter().any(|pair| pair.part == Some(part));
    match (has(Part::Train), has(Part::Val), has(Part::Test)) {
        (true, true, _) => Some("the dataset's train and val folders".to_owned()),
        (true, false, true) => {
            Some("the dataset's train folder, validated on its test folder".to_owned())
        }
        _ => None,
    }
}

fn left_over(findings: &mut Vec<Finding>, lonely: &[&Named], masks: &[Named], used: &[bool]) {
    let (test, other): (Vec<&Named>, Vec<&Named>) = lonely
        .iter()
        .partition(|named| named.sense.part == Some(Part::Test));
    let names = |list: &[&Named]| -> Vec<String> {
        list.iter().map(|n| n.path.display().to_string()).collect()
    };
    if !test.is_empty() {
        let files = names(&test);
        let message = format!("{} test images have no mask and are not used", files.len());
        findings.push(Finding::new("test-without-mask", Severity::Hint, message).files(files));
    }
    if !other.is_empty() {
        let files = names(&other);
        let message = format!(
            "{} images have no mask and are left out: {}",
            files.len(),
            some_of(&files)
        );
        findings.push(
            Finding::new("image-without-mask", Severity::Warning, message)
                .remedy("Give image and mask the same name, up to a word like `_mask`.")
                .files(files),
        );
    }
    let unused: Vec<&Named> = masks
        .iter()
        .zip(used)
        .filter(|(_, used)| !**used)
        .map(|(m, _)| m)
        .collect();
    if !unused.is_empty() {
        let files = names(&unused);
        let message = format!(
            "{} masks have no image and are left out: {}",
            files.len(),
            some_of(&files)
        );
        findings.push(Finding::new("mask-without-image", Severity::Warning, message).files(files));
    }
}

fn no_pairs(root: &Path, pictures: usize, masks: usize) -> DataError {
    let message = match (pictures, masks) {
        (0, _) => {
            "there are no pictures in it (png, jpg, tif, bmp, webp, gif, pnm, tga)".to_owned()
        }
        (n, 0) => format!(
            "{n} pictures, but no folder or name says which are masks; expected folders such as \
             `images` and `masks`, or names such as `x.jpg` and `x_mask.png`"
        ),
        (n, m) => format!(
            "{n} pictures of which {m} look like masks, but no mask has the name of an image; \
             expected equal names up to a word like `_mask`"
        ),
    };
    DataError::NoPairs {
        path: root.display().to_string(),
        message,
    }
}
