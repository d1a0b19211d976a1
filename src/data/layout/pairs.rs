//! Pairs by name: folders or file names that say "image" and "mask", equal stems otherwise.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::join::{Several, left_over};
use super::names::{Sense, sense};
use super::{Folder, Found, Pair, Part, is_image};
use crate::data::DataError;
use crate::data::reading::{Reading, Truth};
use crate::data::volume::{self, Format};
use crate::finding::counted;

struct Named<'a> {
    path: &'a Path,
    sense: Sense,
}

type Key = (Vec<String>, String);

pub(super) fn detect(folder: &Folder) -> Result<Found, DataError> {
    let pictures = of_kind(folder, is_image);
    let arrays = of_kind(folder, |path| volume::format(path) == Some(Format::Npy));
    let found = among(folder, pictures.clone());
    // Arrays are results as often as data: taken only where pictures make no pairs.
    if found.is_err() && !arrays.is_empty() {
        return among(folder, [pictures, arrays].concat()).or(found);
    }
    found
}

fn among<'a>(folder: &Folder<'a>, pictures: Vec<&'a Path>) -> Result<Found, DataError> {
    let count = pictures.len();
    let mut named: Vec<Named> = pictures
        .into_iter()
        .map(|path| Named {
            path,
            sense: sense(path),
        })
        .collect();
    believe_first_words(&mut named);
    let named = named.into_iter();
    let (masks, images): (Vec<Named>, Vec<Named>) =
        named.partition(|named| named.sense.mask == Some(true));
    if masks.is_empty()
        && let Some(found) = by_alpha(folder, &images)
    {
        return Ok(found);
    }
    let finder = Finder::new(&images, &masks);
    let mut pairs = Vec::new();
    let mut used = vec![false; masks.len()];
    let mut several = Several::new(&folder.config.masks);
    let mut lonely = Vec::new();
    for (at, image) in images.iter().enumerate() {
        let Some(candidates) = finder.find(at) else {
            lonely.push((image.path, image.sense.part));
            continue;
        };
        let chosen = several.choose(candidates, |i| (&masks[i].sense.kind, masks[i].sense.rank));
        for &candidate in candidates {
            used[candidate] = true;
        }
        pairs.push(Pair {
            image: image.path.to_owned(),
            mask: masks[chosen].path.to_owned(),
            part: image.sense.part.or(masks[chosen].sense.part),
            reading: Reading::default(),
        });
    }
    if pairs.is_empty() {
        return Err(no_pairs(folder.root, count, masks.len()));
    }
    let kinds = several.kinds();
    let mut findings: Vec<_> = several.finding().into_iter().collect();
    let unused = masks.iter().zip(&used).filter(|(_, used)| !**used);
    let unused: Vec<&Path> = unused.map(|(mask, _)| mask.path).collect();
    left_over(&mut findings, &lonely, &unused);
    let reason = reason(&pairs);
    let split_origin = own_split(&pairs);
    Ok(Found {
        kinds,
        layout: "image/mask pairs".to_owned(),
        reason,
        pairs,
        split_origin,
        table: None,
        findings,
    })
}

/// A folder of images may hold masks as well: where one name exists with a word for image and with a
/// word for mask, the words are right.
fn believe_first_words(named: &mut [Named]) {
    let image = |n: &&Named| n.sense.mask == Some(false) && n.sense.first == Some(false);
    let keys: std::collections::HashSet<Key> = named
        .iter()
        .filter(image)
        .map(|n| (n.sense.folders.clone(), n.sense.stem.clone()))
        .collect();
    for one in named.iter_mut().filter(|n| n.sense.mask == Some(false)) {
        let key = (one.sense.folders.clone(), one.sense.stem.clone());
        if keys.contains(&key) {
            one.sense.believe_first(one.path);
        }
    }
}

fn of_kind<'a>(folder: &Folder<'a>, wanted: impl Fn(&Path) -> bool) -> Vec<&'a Path> {
    let files: &'a [std::path::PathBuf] = folder.files;
    let paths = files.iter().map(|path| &**path);
    paths.filter(|path| wanted(path)).collect()
}

/// Finds the masks of an image, strictly first: by folders and name, then by name where it is unique.
struct Finder<'a> {
    images: &'a [Named<'a>],
    /// Names without a word that all files of a folder end with.
    bare: Vec<Option<String>>,
    exact: BTreeMap<Key, Vec<usize>>,
    loose: BTreeMap<Key, Vec<usize>>,
    /// By part and stem, and by stem alone; with the folders of what was found.
    by_part: HashMap<(Option<Part>, String), Vec<usize>>,
    by_stem: HashMap<String, Vec<usize>>,
    /// Images of the same part and stem, and of the same stem.
    rivals: HashMap<(Option<Part>, String), usize>,
    stem_rivals: HashMap<String, usize>,
    masks: &'a [Named<'a>],
}

impl<'a> Finder<'a> {
    fn new(images: &'a [Named<'a>], masks: &'a [Named<'a>]) -> Self {
        let mut finder = Self {
            images,
            bare: without_common_word(images),
            exact: BTreeMap::new(),
            loose: BTreeMap::new(),
            by_part: HashMap::new(),
            by_stem: HashMap::new(),
            rivals: HashMap::new(),
            stem_rivals: HashMap::new(),
            masks,
        };
        for (index, (mask, bare)) in masks.iter().zip(without_common_word(masks)).enumerate() {
            let Sense {
                folders,
                stem,
                part,
                ..
            } = &mask.sense;
            let key = (folders.clone(), stem.clone());
            finder.exact.entry(key).or_default().push(index);
            let bare = bare.unwrap_or_else(|| stem.clone());
            let key = (folders.clone(), bare);
            finder.loose.entry(key).or_default().push(index);
            let key = (*part, stem.clone());
            finder.by_part.entry(key).or_default().push(index);
            finder.by_stem.entry(stem.clone()).or_default().push(index);
        }
        for image in images {
            let Sense { stem, part, .. } = &image.sense;
            *finder.rivals.entry((*part, stem.clone())).or_default() += 1;
            *finder.stem_rivals.entry(stem.clone()).or_default() += 1;
        }
        finder
    }

    fn find(&self, image: usize) -> Option<&[usize]> {
        let sense = &self.images[image].sense;
        let Sense {
            folders,
            stem,
            part,
            ..
        } = sense;
        if let Some(found) = self.exact.get(&(folders.clone(), stem.clone())) {
            return Some(found);
        }
        // An image folder of any other name (`train/cloudshadow`) may stand beside the mask folder.
        if let (None, Some((_, above))) = (sense.mask, folders.split_last())
            && let Some(found) = self.exact.get(&(above.to_vec(), stem.clone()))
        {
            return Some(found);
        }
        let bare = self.bare[image].as_ref().unwrap_or(stem);
        if let Some(found) = self.loose.get(&(folders.clone(), bare.clone())) {
            return Some(found);
        }
        // Folders that do not correspond: a name that only one image and one folder of masks have.
        if stem.is_empty() {
            return None;
        }
        let key = (*part, stem.clone());
        let unique = |found: &&Vec<usize>| {
            let place = |i: usize| (&self.masks[i].sense.folders, &self.masks[i].sense.kind);
            found
                .iter()
                .enumerate()
                .all(|(at, &i)| found[..at].iter().all(|&j| place(i).1 != place(j).1))
        };
        if self.rivals.get(&key) == Some(&1)
            && let Some(found) = self.by_part.get(&key).filter(unique)
        {
            return Some(found);
        }
        if self.stem_rivals.get(stem) == Some(&1) {
            return self.by_stem.get(stem).filter(unique).map(|f| &**f);
        }
        None
    }
}

/// Stems without their last word, where every file of the folder ends with it (`x_sat`, `x_L`).
fn without_common_word(list: &[Named]) -> Vec<Option<String>> {
    let mut common: BTreeMap<&[String], Option<&str>> = BTreeMap::new();
    let mut counts: BTreeMap<&[String], usize> = BTreeMap::new();
    let last = |stem: &'_ str| -> Option<usize> {
        let at = stem.rfind('_')?;
        let word = &stem[at + 1..];
        let letters = word.bytes().any(|b| b.is_ascii_alphabetic());
        (at > 0 && letters).then_some(at)
    };
    for named in list {
        let stem = named.sense.stem.as_str();
        let word = last(stem).map(|at| &stem[at + 1..]);
        *counts.entry(&named.sense.folders).or_default() += 1;
        common
            .entry(&named.sense.folders)
            .and_modify(|known| *known = known.filter(|known| Some(*known) == word))
            .or_insert(word);
    }
    list.iter()
        .map(|named| {
            let folders = named.sense.folders.as_slice();
            let shared = common.get(folders).copied().flatten();
            let many = counts.get(folders).is_some_and(|n| *n > 1);
            let at = last(&named.sense.stem)?;
            (shared.is_some() && many).then(|| named.sense.stem[..at].to_owned())
        })
        .collect()
}

/// Pictures alone, whose transparency cuts out the object.
fn by_alpha(folder: &Folder, images: &[Named]) -> Option<Found> {
    let clear = |image: &&Named| {
        super::decode::has_transparency(&folder.root.join(image.path)).unwrap_or(false)
    };
    let sampled = images.iter().step_by(images.len().div_ceil(8).max(1));
    let (mut all, mut some) = (true, false);
    for image in sampled {
        let yes = clear(&image);
        all &= yes;
        some |= yes;
    }
    if !all || !some {
        return None;
    }
    let pairs: Vec<Pair> = images
        .iter()
        .map(|image| Pair {
            image: image.path.to_owned(),
            mask: image.path.to_owned(),
            part: image.sense.part,
            reading: Reading {
                truth: Truth::Alpha,
                ..Reading::default()
            },
        })
        .collect();
    Some(Found {
        kinds: Vec::new(),
        layout: "transparent pictures".to_owned(),
        reason: "There are no masks, but the pictures are partly transparent: what is opaque is the object."
            .to_owned(),
        split_origin: own_split(&pairs),
        pairs,
        table: None,
        findings: Vec::new(),
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

fn no_pairs(root: &Path, pictures: usize, masks: usize) -> DataError {
    let message = match (pictures, masks) {
        (0, _) => "there are no pictures in it (png, jpg, tif, bmp, webp, gif, pnm, tga, nii, npy)"
            .to_owned(),
        (n, 0) => format!(
            "{}, but no folder or name says which are masks; expected folders such as `images` and \
             `masks`, or names such as `x.jpg` and `x_mask.png`",
            counted(n, ["picture", "pictures"])
        ),
        (n, m) => format!(
            "{}, of which {}, but no mask has the name of an image; expected equal names up to a word \
             like `_mask`",
            counted(n, ["picture", "pictures"]),
            counted(m, ["looks like a mask", "look like masks"])
        ),
    };
    DataError::NoPairs {
        path: root.display().to_string(),
        message,
    }
}
