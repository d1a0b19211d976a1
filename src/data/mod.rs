//! Pixels and labels on the CPU: from a folder to samples and batches. No tensors, no widgets.
//!
//! Mask pixels are exact: palette indices are never turned into colours, resizing is nearest
//! neighbour, and a value that no class claims is a finding and the [`IGNORE`] label, never a class.

mod augment;
pub mod blending;
mod cache;
pub mod config;
pub mod convert;
mod counts;
pub mod crop;
pub mod decode;
pub mod distance;
pub mod drawn;
pub mod embedded;
mod evidence;
pub mod forensics;
mod infer;
mod layout;
pub mod loader;
mod many_colors;
pub mod mask;
mod mismatch;
pub mod normalize;
pub mod open;
mod opened;
pub mod palette;
mod reading;
mod remarks;
mod resize;
mod scan;
pub mod shapes;
mod split;
mod suspects;
pub mod synthetic;
mod tally;
mod turn;
pub mod volume;

pub use config::{AugmentConfig, DataConfig, MaskResize, MaskValues};
pub use counts::ItemCounts;
pub use open::LentPicture;
pub use opened::Opened;
pub use resize::{SCREEN, for_screen, map_for_screen, shrink};
pub use turn::Room;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// The label of a pixel that takes no part in training or scoring.
pub const IGNORE: u8 = 255;

/// One class: its place in the list is its index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Class {
    pub name: String,
    /// sRGB.
    pub color: [u8; 3],
    /// The values (grey ids, palette indices, or `0xRRGGBB` colours) that mean this class in the
    /// mask files.
    pub values: Vec<u32>,
}

/// Index → class; plus the mask values that mean "no class".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassMap {
    /// Whether `values` are colours (`0xRRGGBB`) or ids (grey values, palette indices).
    #[serde(default)]
    pub coding: Coding,
    pub classes: Vec<Class>,
    /// Mask values that become [`IGNORE`].
    #[serde(default)]
    pub ignore: Vec<u32>,
}

/// What a mask's numbers stand for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// Grey value or palette index.
    #[default]
    Ids,
    /// Colour; an indexed mask is read through its own palette.
    Colors,
}

/// Pixels of one image: interleaved rows, `channels` values per pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    /// `[H, W, channels]`, 0..=255.
    pub pixels: Vec<u8>,
}

/// Class index per pixel, `[H, W]`; [`IGNORE`] where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelMap {
    pub width: usize,
    pub height: usize,
    pub labels: Vec<u8>,
}

/// An image with its truth, at the same size.
#[derive(Debug, Clone)]
pub struct Sample {
    pub id: String,
    pub image: Arc<Image>,
    pub labels: Arc<LabelMap>,
}

/// Where one image and its mask live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Unique and stable: the path of the image relative to the root, without its ending.
    pub id: String,
    pub image: PathBuf,
    pub mask: PathBuf,
}

/// Which items train and which validate: indices into [`Dataset::items`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Split {
    pub train: Vec<usize>,
    pub val: Vec<usize>,
    /// Where the split comes from, in words: "the dataset's train.txt and val.txt".
    pub origin: String,
}

/// What counting the masks' pixels gave, per class; ignored pixels apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Census {
    /// Pixels per class over the training masks at full size.
    pub train_pixels: Vec<u64>,
    pub val_pixels: Vec<u64>,
    /// Training images in which the class occurs.
    pub train_images: Vec<u64>,
    pub val_images: Vec<u64>,
    /// Pixels of the training images in which the class occurs (for median-frequency weights).
    pub train_presence_pixels: Vec<u64>,
    pub ignored_train: u64,
    pub ignored_val: u64,
}

/// A dataset that was understood: where, what, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The folder; empty for the generated sample.
    pub root: PathBuf,
    /// Short name of the layout: "SegNet CamVid".
    pub layout: String,
    /// One sentence: why this layout was chosen.
    pub reason: String,
    pub classes: ClassMap,
    pub items: Vec<Item>,
    /// Kinds of masks, where images have several: what `data.masks` chooses among.
    pub mask_kinds: Vec<String>,
    /// Channels of the images; those of fewer are grey among colour images.
    pub channels: usize,
    pub split: Split,
    pub census: Census,
    /// What each item's mask holds, in the order of `items`.
    pub counts: Vec<ItemCounts>,
    /// The split that the dataset itself brings.
    pub(crate) given: split::Given,
    /// What loaders of this dataset have decoded.
    pub(crate) cache: Arc<cache::Cache>,
    pub findings: Vec<Finding>,
    /// Hash of names and sizes, to tell whether a run saw the same data.
    pub fingerprint: String,
    pub(crate) source: Source,
}

/// Where pixels come from: files, or the generator.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Files {
        /// Read off-table colours as the nearest class.
        nearest_color: bool,
        /// How each item is read, in the order of the items.
        readings: Arc<Vec<reading::Reading>>,
    },
    Generated(Arc<Vec<Sample>>),
}

/// One batch of samples, ready to be uploaded; plain data, because only the trainer owns tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[N, C, H, W]`, scaled to roughly zero mean and unit deviation.
    pub images: Vec<f32>,
    /// `[N, H, W]`, class index or [`IGNORE`].
    pub labels: Vec<u8>,
    /// `[N, C, H, W]` of `images`.
    pub shape: [usize; 4],
    /// Indices into [`Dataset::items`].
    pub items: Vec<usize>,
    /// `[N, classes, H, W]`, see [`distance::to_borders`]; empty where the loader was not asked.
    pub borders: Vec<f32>,
}

/// Why a dataset can't be opened or a sample can't be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DataError {
    /// Nothing is there, or no folder.
    #[error("{path}: {message}")]
    NoFolder { path: String, message: String },
    #[error("{path}: {message}")]
    File { path: String, message: String },
    #[error("{path}: found no image/mask pairs: {message}")]
    NoPairs { path: String, message: String },
    #[error("{0}")]
    Invalid(String),
    #[error("opening was cancelled")]
    Cancelled,
}

/// Progress of a background job, shared with whoever shows it; also the way to cancel it.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicUsize,
    total: AtomicUsize,
    cancelled: AtomicBool,
}

impl Progress {
    pub fn set_total(&self, total: usize) {
        self.total.store(total, Ordering::Relaxed);
    }

    pub fn advance(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// `(done, total)`; total is 0 while it is not known.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (
            self.done.load(Ordering::Relaxed),
            self.total.load(Ordering::Relaxed),
        )
    }
}

impl ClassMap {
    #[must_use]
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }
}
