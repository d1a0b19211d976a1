//! Which dataset, how it is split, and at what size and with what variation it is fed.

use serde::{Deserialize, Deserializer, Serialize};

use super::ClassMap;
use crate::param::Param;

mod choices;

pub use choices::{
    GroupBy, LastBatch, LayoutName, MaskResize, MaskValues, Normalize, Overlap, Sampling,
    SliceAxis, SplitBy,
};

/// `[data]` of a preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// A folder, or `sample` for the generated dataset.
    pub path: String,
    /// How the folder is arranged; `auto` finds out.
    pub layout: LayoutName,
    /// Which masks, where an image has several: the name of a folder or suffix; empty takes the best.
    pub masks: String,
    /// Across which axis stacks are cut into pictures.
    pub axis: SliceAxis,
    /// Which of two overlapping objects is on top, where a dataset does not say (COCO).
    pub overlap: Overlap,
    /// What decides which items validate; older presets say `own_split = true` or `false`.
    #[serde(alias = "own_split", deserialize_with = "split_or_flag")]
    pub split: SplitBy,
    /// Share of the items that validate, where they are drawn.
    #[serde(alias = "val_fraction")]
    pub val_ratio: f64,
    /// Text file that names the items that validate.
    pub val_list: String,
    /// Items that must stay together.
    pub group_by: GroupBy,
    /// Length of the prefix that makes a group; 0 = up to the first separator.
    pub prefix_chars: u64,
    /// Draw so that every class lies on both sides in proportion.
    pub stratify: bool,
    /// Seed of the split (and of the generated dataset).
    pub seed: u64,
    /// Read colours that no class claims as the nearest class (masks damaged by interpolation).
    pub nearest_color: bool,
    /// Edited class map; `None` takes what the layout says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassMap>,
    /// Width of the network's input in pixels.
    pub width: u64,
    /// Height of the network's input in pixels.
    pub height: u64,
    /// 1 = grey, 3 = RGB; images of more channels than three keep all of them with 3.
    pub channels: u64,
    /// How images of other sizes are brought to the network's input size.
    pub sampling: Sampling,
    /// Share of the crops that are laid around a pixel of a rare class.
    pub crop_foreground: f64,
    /// Share of their side that neighbouring windows have in common where whole images are answered.
    pub crop_overlap: f64,
    /// Share of the training samples whose class is drawn before the image.
    pub class_sampling: f64,
    /// What becomes of the images that do not fill a batch.
    pub last_batch: LastBatch,
    /// How pixel values become network input.
    pub normalize: Normalize,
    /// Memory for decoded samples, in MiB.
    pub cache_mb: u64,
    /// Folder for decoded samples; empty keeps them in memory only.
    pub cache_dir: String,
    /// How training masks are brought to the network's input size.
    pub mask_resize: MaskResize,
    /// What stands for "here" in the target that the loss is given.
    pub mask_values: MaskValues,
    pub augment: AugmentConfig,
}

/// `[data.augment]`: random variation of training samples, alike for image and mask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    pub flip_horizontal: bool,
    pub flip_vertical: bool,
    /// Random quarter turns (only for square inputs).
    pub rotate: bool,
    /// Zoom range: a scale from `1 - zoom` to `1 + zoom`, cropped to the input.
    pub zoom: f64,
    /// Largest relative change of brightness.
    pub brightness: f64,
    pub contrast: f64,
    pub gamma: f64,
}

/// `own`, `ratio`, `list`; or the flag of older presets: whether the dataset's own split is used.
fn split_or_flag<'de, D: Deserializer<'de>>(from: D) -> Result<SplitBy, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Flag(bool),
        Name(String),
    }
    let name = match Either::deserialize(from)? {
        Either::Flag(true) => return Ok(SplitBy::Own),
        Either::Flag(false) => return Ok(SplitBy::Ratio),
        Either::Name(name) => name,
    };
    let known = SplitBy::ALL.iter().find(|by| by.name() == name);
    known.copied().ok_or_else(|| {
        serde::de::Error::custom(format!(
            "unknown variant `{name}`, expected one of `own`, `ratio`, `list`"
        ))
    })
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            path: "sample".to_owned(),
            layout: LayoutName::Auto,
            masks: String::new(),
            axis: SliceAxis::Auto,
            overlap: Overlap::Smaller,
            split: SplitBy::Own,
            val_ratio: 0.2,
            val_list: String::new(),
            group_by: GroupBy::None,
            prefix_chars: 0,
            stratify: true,
            seed: 1,
            nearest_color: false,
            classes: None,
            width: 128,
            height: 128,
            channels: 3,
            sampling: Sampling::Resize,
            crop_foreground: 0.33,
            crop_overlap: 0.25,
            class_sampling: 0.0,
            last_batch: LastBatch::Drop,
            normalize: Normalize::Fixed,
            cache_mb: 1024,
            cache_dir: String::new(),
            mask_resize: MaskResize::Nearest,
            mask_values: MaskValues::Ones,
            augment: AugmentConfig::default(),
        }
    }
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            flip_horizontal: true,
            flip_vertical: false,
            rotate: false,
            zoom: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            gamma: 0.0,
        }
    }
}

impl DataConfig {
    /// The part that decides what is read from disk, and how masks become classes: with equal ones,
    /// a dataset need not be opened again.
    #[must_use]
    pub fn reading(&self) -> Self {
        let neutral = Self::default();
        Self {
            // The generated dataset is drawn from the seed.
            seed: if self.path == super::open::SAMPLE {
                self.seed
            } else {
                0
            },
            split: neutral.split,
            val_ratio: neutral.val_ratio,
            val_list: neutral.val_list,
            group_by: neutral.group_by,
            prefix_chars: neutral.prefix_chars,
            stratify: neutral.stratify,
            width: neutral.width,
            height: neutral.height,
            channels: neutral.channels,
            sampling: neutral.sampling,
            crop_foreground: neutral.crop_foreground,
            crop_overlap: neutral.crop_overlap,
            class_sampling: neutral.class_sampling,
            last_batch: neutral.last_batch,
            normalize: neutral.normalize,
            cache_mb: neutral.cache_mb,
            cache_dir: neutral.cache_dir,
            mask_resize: neutral.mask_resize,
            mask_values: neutral.mask_values,
            augment: neutral.augment,
            ..self.clone()
        }
    }

    /// A list of names that validate belongs to one folder: the next is split as it comes.
    pub fn forget_list(&mut self) {
        self.val_list.clear();
        if self.split == SplitBy::List {
            self.split = SplitBy::Own;
        }
    }

    /// Channels of the network's input, for images that hold `held` channels.
    #[must_use]
    pub fn inputs(&self, held: usize) -> usize {
        match self.channels {
            3 => held.max(3),
            asked => asked as usize,
        }
    }

    /// The part that decides which items validate.
    #[must_use]
    pub fn splitting(&self) -> Self {
        Self {
            split: self.split,
            val_ratio: self.val_ratio,
            val_list: self.val_list.clone(),
            group_by: self.group_by,
            prefix_chars: self.prefix_chars,
            stratify: self.stratify,
            seed: self.seed,
            ..Self::default()
        }
    }

    /// Every parameter, keys relative to `data`. (`classes` is edited as a table, not as a number.)
    pub fn params(&mut self) -> Vec<Param<'_>> {
        let mut params = vec![
            Param::text(
                "path",
                &mut self.path,
                "Folder of the dataset, or `sample` for the generated one.",
            ),
            Param::choice(
                "layout",
                &mut self.layout,
                "How the folder is arranged; auto finds out, and says why.",
            ),
            Param::text(
                "masks",
                &mut self.masks,
                "Which masks, where an image has several (two annotators, classes or objects): the name that \
                 the dataset's card shows; empty takes the best.",
            ),
            Param::choice(
                "axis",
                &mut self.axis,
                "Across which axis stacks (NIfTI, TIFF of several pages) are cut into pictures.",
            ),
            Param::choice(
                "overlap",
                &mut self.overlap,
                "Which of two overlapping objects is on top, where annotations have no order (COCO).",
            ),
            Param::choice(
                "split",
                &mut self.split,
                "What decides which images train and which validate.",
            ),
            Param::float(
                "val_ratio",
                &mut self.val_ratio,
                0.05..=0.9,
                "Share of the images that validate, where they are drawn: with `data.split` = ratio, or \
                 where the dataset brings no split of its own.",
            ),
            Param::text(
                "val_list",
                &mut self.val_list,
                "With `data.split` = list: a text file that names the images that validate, one a line; \
                 the others train.",
            ),
            Param::choice(
                "group_by",
                &mut self.group_by,
                "Images that must not be torn apart by a drawn split: frames of one film, eyes of one \
                 patient, slices of one volume.",
            ),
            Param::int(
                "prefix_chars",
                &mut self.prefix_chars,
                0..=64,
                "With `data.group_by` = prefix: how many characters of the file name make a group; 0 = up \
                 to the first `_`, `-`, `.` or space.",
            ),
            Param::flag(
                "stratify",
                &mut self.stratify,
                "Draw the split so that each class is on both sides in proportion; otherwise a rare class \
                 may be missing from one of them.",
            ),
            Param::int(
                "seed",
                &mut self.seed,
                0..=u64::from(u32::MAX),
                "Seed of the split and of the generated dataset.",
            ),
            Param::flag(
                "nearest_color",
                &mut self.nearest_color,
                "Read mask colours (and greys between 0 and 255) that no class claims as the nearest class; for masks \
                 damaged by interpolation or JPEG.",
            ),
            Param::int(
                "width",
                &mut self.width,
                16..=2048,
                "Width of the network's input in pixels; a multiple of 2^depth.",
            ),
            Param::int(
                "height",
                &mut self.height,
                16..=2048,
                "Height of the network's input in pixels; a multiple of 2^depth.",
            ),
            Param::int(
                "channels",
                &mut self.channels,
                1..=3,
                "Image channels: 1 = grey, 3 = RGB; images that hold more than three (spectral bands, scans of \
                 several kinds) are then fed with all they have.",
            ),
            Param::choice(
                "sampling",
                &mut self.sampling,
                "How images of other sizes are brought to the input size; crops keep small things that shrinking would lose.",
            ),
            Param::float(
                "crop_foreground",
                &mut self.crop_foreground,
                0.0..=1.0,
                "With `data.sampling` = crop: share of each batch whose crop is laid around a pixel of a class \
                 drawn among those of the image, the commonest left out; nnU-Net has 0.33.",
            ),
            Param::float(
                "crop_overlap",
                &mut self.crop_overlap,
                0.0..=0.75,
                "With `data.sampling` = crop: share of their side that neighbouring windows have in common where \
                 whole images are answered (validation, preview); their answers are blended, the middle of a \
                 window counting most. MONAI has 0.25, nnU-Net 0.5, which takes twice as long.",
            ),
            Param::float(
                "class_sampling",
                &mut self.class_sampling,
                0.0..=1.0,
                "Share of the training samples for which a class is drawn first, each as often, and then an \
                 image that holds it; 0 shows every image once an epoch.",
            ),
            Param::choice(
                "last_batch",
                &mut self.last_batch,
                "What becomes of the images that are left over at the end of an epoch and do not fill a batch.",
            ),
            Param::choice(
                "normalize",
                &mut self.normalize,
                "How pixel values become network input.",
            ),
            Param::int(
                "cache_mb",
                &mut self.cache_mb,
                0..=1_048_576,
                "Memory for decoded samples in MiB; what does not fit is decoded again in each epoch.",
            ),
            Param::text(
                "cache_dir",
                &mut self.cache_dir,
                "Folder in which decoded samples are kept between runs; empty keeps them in memory only.",
            ),
            Param::choice(
                "mask_resize",
                &mut self.mask_resize,
                "How training masks are brought to the input size; anything but nearest is a mistake, kept for the museum.",
            ),
            Param::choice(
                "mask_values",
                &mut self.mask_values,
                "What the loss is given where a class is; anything but ones is a mistake, kept for the museum.",
            ),
        ];
        params.extend(
            self.augment
                .params()
                .into_iter()
                .map(|p| p.under("augment")),
        );
        params
    }
}

impl AugmentConfig {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            Param::flag(
                "flip_horizontal",
                &mut self.flip_horizontal,
                "Mirror left and right at random, image and mask alike.",
            ),
            Param::flag(
                "flip_vertical",
                &mut self.flip_vertical,
                "Mirror top and bottom at random, image and mask alike.",
            ),
            Param::flag(
                "rotate",
                &mut self.rotate,
                "Random quarter turns, image and mask alike (square inputs only).",
            ),
            Param::float(
                "zoom",
                &mut self.zoom,
                0.0..=0.9,
                "Random scale from 1 − zoom to 1 + zoom, cropped or padded to the input; mask by nearest neighbour.",
            ),
            Param::float(
                "brightness",
                &mut self.brightness,
                0.0..=0.9,
                "Largest relative change of brightness of the image.",
            ),
            Param::float(
                "contrast",
                &mut self.contrast,
                0.0..=0.9,
                "Largest relative change of contrast of the image.",
            ),
            Param::float(
                "gamma",
                &mut self.gamma,
                0.0..=0.9,
                "Largest relative change of gamma of the image.",
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_presets_spell_the_split_otherwise() {
        let read = |text: &str| toml::from_str::<DataConfig>(text);
        let old = read("own_split = false\nval_fraction = 0.3").unwrap();
        assert_eq!((old.split, old.val_ratio), (SplitBy::Ratio, 0.3));
        assert_eq!(read("own_split = true").unwrap().split, SplitBy::Own);
        assert_eq!(read("split = \"list\"").unwrap().split, SplitBy::List);
        let message = read("split = \"lust\"").unwrap_err().to_string();
        assert!(message.contains("lust"), "{message}");
    }
}
