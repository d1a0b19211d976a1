//! What names of folders and files say: image or mask, training or validation.

use std::cmp::Ordering;
use std::path::Path;

use super::Part;

/// Words that mark a folder or a file name's end as pictures.
const IMAGE_WORDS: &[&str] = &[
    "image",
    "images",
    "img",
    "imgs",
    "jpegimages",
    "input",
    "inputs",
    "photo",
    "photos",
    "rgb",
    "leftimg8bit",
    "picture",
    "pictures",
    "imagestr",
    "imagests",
    "raw",
];
/// Words that say so only as the name of a folder.
const IMAGE_FOLDERS: &[&str] = &["x"];
const MASK_FOLDERS: &[&str] = &["y"];
/// Words that mark masks, best first where one image has several.
const MASK_WORDS: &[&str] = &[
    "labeltrainids",
    "mask",
    "masks",
    "label",
    "labels",
    "annotation",
    "annotations",
    "annot",
    "ann",
    "anno",
    "gt",
    "gts",
    "groundtruth",
    "segmentation",
    "segmentations",
    "segmentationclass",
    "seg",
    "target",
    "targets",
    "matte",
    "trimaps",
    "labelids",
    "1stho",
    "manual1",
    "2ndho",
    "manual2",
    "gtfine",
    "gtcoarse",
    "labelstr",
    "labelsts",
    "labelmap",
    "labelmaps",
    "trimap",
    "lab",
    "lbl",
];
/// Words of masks that are pictures for people or tell instances apart: taken only if nothing else
/// is there.
const LESSER_WORDS: &[&str] = &[
    "instanceids",
    "instance",
    "instances",
    "color",
    "colors",
    "colormap",
    "colormaps",
    "segmentationobject",
    "viz",
    "visualization",
    "segmentationclassvisualization",
    "overlay",
    "overlays",
    "segmentationclasspng",
];
/// Words without meaning for pairing.
const FILLER: &[&str] = &["dir", "png", "folder"];

/// What a path says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Sense {
    /// `None` when no word says so.
    pub mask: Option<bool>,
    /// The word that says mask, as it is written: what tells several masks of one image apart.
    pub kind: String,
    /// Lower is better, among several masks of one image.
    pub rank: usize,
    /// Folder words that are left, joined by `/` per folder.
    pub folders: Vec<String>,
    /// Words of the stem that are left.
    pub stem: String,
    pub part: Option<Part>,
    /// What the first word of the file's own name says, if it does.
    pub first: Option<bool>,
}

/// Reads the names along a relative path.
#[must_use]
pub fn sense(path: &Path) -> Sense {
    let mut sense = Sense {
        mask: None,
        kind: String::new(),
        rank: usize::MAX,
        folders: Vec::new(),
        stem: String::new(),
        part: None,
        first: None,
    };
    if let Some(parent) = path.parent() {
        for folder in parent.components() {
            let text = folder.as_os_str().to_string_lossy();
            let kept = sense.take_words(&text, false);
            if !kept.is_empty() {
                sense.folders.push(kept);
            }
        }
    }
    let stem = super::stem(path);
    let (first, rest) = first_word(&stem);
    sense.stem = sense.take_words(rest, true);
    if let Some(word) = first {
        // A first word is only believed when nothing else says what the file is.
        let is_mask = MASK_WORDS.contains(&&*word.to_ascii_lowercase());
        sense.first = Some(is_mask);
        if sense.mask.is_none() && is_mask {
            sense.mark_mask(word);
        } else if sense.mask.is_none() {
            sense.mask = Some(false);
        }
    }
    sense
}

/// `mask` and `_01` of `mask_01`, `img` and `2d` of `img2d`, `label` and nothing of `label`: a word at
/// the start that says image or mask, and what follows.
fn first_word(stem: &str) -> (Option<&str>, &str) {
    let end = stem
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(stem.len());
    let (word, rest) = stem.split_at(end);
    let lower = word.to_ascii_lowercase();
    if MASK_WORDS.contains(&&*lower) || IMAGE_WORDS.contains(&&*lower) {
        (Some(word), rest.trim_start_matches(['_', '-', ' ', '.']))
    } else {
        (None, stem)
    }
}

impl Sense {
    /// Takes the first word's part: `images/mask2d.tif` beside `images/img2d.tif` is a mask.
    pub fn believe_first(&mut self, path: &Path) {
        let stem = super::stem(path);
        if let (Some(true), (Some(word), _)) = (self.first, first_word(&stem)) {
            self.mark_mask(word);
        }
    }

    /// Takes the words with a meaning out of a name and returns the rest. In a file's own name only
    /// words after the first count here.
    fn take_words(&mut self, text: &str, is_stem: bool) -> String {
        let mut kept = Vec::new();
        for (position, word) in text.split(['_', '-', ' ', '.']).enumerate() {
            let lower = word.to_ascii_lowercase();
            let counts = !is_stem || position > 0;
            if let Some(part) = (!is_stem).then(|| part_of(&lower)).flatten() {
                self.part = Some(part);
                kept.push(part_name(part).to_owned());
                match glued(&lower) {
                    Some(kind) if MASK_WORDS.contains(&kind) => self.mark_mask(word),
                    Some(_) => {
                        self.mask.get_or_insert(false);
                    }
                    None => {}
                }
            } else if counts && (MASK_WORDS.contains(&&*lower) || LESSER_WORDS.contains(&&*lower))
                || !is_stem && MASK_FOLDERS.contains(&&*lower)
            {
                self.mark_mask(word);
            } else if counts && IMAGE_WORDS.contains(&&*lower)
                || !is_stem && IMAGE_FOLDERS.contains(&&*lower)
            {
                self.mask.get_or_insert(false);
            } else if is_stem || !FILLER.contains(&&*lower) {
                kept.push(if is_stem { word.to_owned() } else { lower });
            }
        }
        kept.join("_")
    }

    fn mark_mask(&mut self, word: &str) {
        self.mask = Some(true);
        word.clone_into(&mut self.kind);
        let lower = word.to_ascii_lowercase();
        let rank = MASK_WORDS.iter().position(|w| *w == lower);
        let lesser = LESSER_WORDS.contains(&&*lower);
        let rank = rank.unwrap_or(if lesser { 1000 } else { 500 });
        // A lesser word decides against the file whatever else is said.
        self.rank = if self.rank >= 1000 && self.rank != usize::MAX || lesser {
            1000
        } else {
            self.rank.min(rank)
        };
    }
}

/// The part a folder's word names, alone or glued to a kind (`trainannot`).
fn part_of(word: &str) -> Option<Part> {
    let bare = glued(word).map_or(word, |kind| &word[..word.len() - kind.len()]);
    match bare {
        "train" | "training" | "tr" => Some(Part::Train),
        "val" | "valid" | "validation" => Some(Part::Val),
        "test" | "testing" | "ts" => Some(Part::Test),
        _ => None,
    }
}

/// The kind at the end of a word that begins with a part.
fn glued(word: &str) -> Option<&str> {
    let starts = ["train", "val", "test"].iter().any(|p| word.starts_with(p));
    let kind = |kind: &&&str| word.len() > kind.len() && word.ends_with(**kind);
    starts
        .then(|| {
            MASK_WORDS
                .iter()
                .chain(IMAGE_WORDS)
                .filter(kind)
                .max_by_key(|k| k.len())
        })
        .flatten()
        .map(|kind| &word[word.len() - kind.len()..])
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Train => "train",
        Part::Val => "val",
        Part::Test => "test",
    }
}

/// Compares names as people do: `2` before `10`.
#[must_use]
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (na, ra) = digits(a);
                let (nb, rb) = digits(b);
                // Longer means larger once leading zeros are gone.
                let order = na.len().cmp(&nb.len()).then_with(|| na.cmp(nb));
                if order != Ordering::Equal {
                    return order;
                }
                (a, b) = (ra, rb);
            }
            (Some(x), Some(y)) => {
                if x != y {
                    return x.cmp(y);
                }
                (a, b) = (&a[1..], &b[1..]);
            }
        }
    }
}

/// Leading digits without their zeros, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().take_while(|c| c.is_ascii_digit()).count();
    let zeros = text[..end].iter().take_while(|c| **c == b'0').count();
    (&text[zeros.min(end)..end], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_a_path_is() {
        let image = sense(Path::new("train/images/a_01.jpg"));
        let mask = sense(Path::new("train/masks/a_01_mask.png"));
        assert_eq!((image.mask, mask.mask), (Some(false), Some(true)));
        assert_eq!((&image.folders, &image.stem), (&mask.folders, &mask.stem));
        assert_eq!(image.part, Some(Part::Train));

        let mask = sense(Path::new("valannot/x.png"));
        assert_eq!((mask.mask, mask.part), (Some(true), Some(Part::Val)));
        let image = sense(Path::new("val/x.png"));
        assert_eq!((image.folders, image.mask), (mask.folders, None));

        let best = sense(Path::new("gtFine/val/f/f_1_gtFine_labelTrainIds.png"));
        let other = sense(Path::new("gtFine/val/f/f_1_gtFine_labelIds.png"));
        let ids = sense(Path::new("gtFine/val/f/f_1_gtFine_instanceIds.png"));
        assert!(best.rank < other.rank && other.rank < ids.rank);
        let image = sense(Path::new("leftImg8bit/val/f/f_1_leftImg8bit.png"));
        assert_eq!((&image.folders, &image.stem), (&best.folders, &best.stem));
    }

    #[test]
    fn a_first_word_counts_where_nothing_else_does() {
        let of = |path: &str| {
            let sense = sense(Path::new(path));
            (sense.mask, sense.stem)
        };
        assert_eq!(of("img2d.tif"), (Some(false), "2d".to_owned()));
        assert_eq!(of("mask2d.tif"), (Some(true), "2d".to_owned()));
        assert_eq!(of("a/label.png"), (Some(true), String::new()));
        assert_eq!(of("images/label_3.png"), (Some(false), "3".to_owned()));
        assert_eq!(of("masks/label_3.png"), (Some(true), "3".to_owned()));
        assert_eq!(of("scan_label.nii.gz"), (Some(true), "scan".to_owned()));
        assert_eq!(of("ran_1.png"), (None, "ran_1".to_owned()));
    }

    #[test]
    fn a_folder_of_a_part_alone_is_not_a_mask() {
        for folder in ["train", "val", "test", "training", "valid", "testing"] {
            let sense = sense(&Path::new(folder).join("x.png"));
            assert_eq!(sense.mask, None, "{folder}");
            assert!(sense.part.is_some(), "{folder}");
        }
    }

    #[test]
    fn numbers_sort_as_numbers() {
        let mut names = ["10", "9", "1", "a2", "a10", "02"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["1", "02", "9", "10", "a2", "a10"]);
    }
}
