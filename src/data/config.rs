//! Which dataset, how it is split, and at what size and with what variation it is fed.

use serde::{Deserialize, Serialize};

use super::ClassMap;
use crate::param::Param;

/// `[data]` of a preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// A folder, or `sample` for the generated dataset.
    pub path: String,
    /// Share of the items that validate, where the dataset brings no split of its own.
    pub val_fraction: f64,
    /// Seed of the split (and of the generated dataset).
    pub seed: u64,
    /// Use the dataset's own split where it has one.
    pub own_split: bool,
    /// Read colours that no class claims as the nearest class (masks damaged by interpolation).
    pub nearest_color: bool,
    /// Edited class map; `None` takes what the layout says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassMap>,
    /// Width of the network's input in pixels.
    pub width: u64,
    /// Height of the network's input in pixels.
    pub height: u64,
    /// 1 = grey, 3 = RGB.
    pub channels: u64,
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

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            path: "sample".to_owned(),
            val_fraction: 0.2,
            seed: 1,
            own_split: true,
            nearest_color: false,
            classes: None,
            width: 128,
            height: 128,
            channels: 3,
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
    /// Every parameter, keys relative to `data`. (`classes` is edited as a table, not as a number.)
    pub fn params(&mut self) -> Vec<Param<'_>> {
        let mut params = vec![
            Param::text(
                "path",
                &mut self.path,
                "Folder of the dataset, or `sample` for the generated one.",
            ),
            Param::float(
                "val_fraction",
                &mut self.val_fraction,
                0.05..=0.9,
                "Share of the images that validate, where the dataset brings no split of its own.",
            ),
            Param::int(
                "seed",
                &mut self.seed,
                0..=u64::from(u32::MAX),
                "Seed of the split and of the generated dataset.",
            ),
            Param::flag(
                "own_split",
                &mut self.own_split,
                "Use the dataset's own train and validation lists where it has them.",
            ),
            Param::flag(
                "nearest_color",
                &mut self.nearest_color,
                "Read mask colours that no class claims as the nearest class; for masks damaged by interpolation.",
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
                "Image channels: 1 = grey, 3 = RGB.",
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
