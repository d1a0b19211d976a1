//! Stacks of slices: NIfTI, TIFF of several pages, numpy arrays. Values stay as stored (as `f32`);
//! what they mean is for the callers: brightness for images, ids for masks.
//!
//! Sizes are checked as declared before anything is decoded.

mod kept;
mod nifti;
mod npy;
mod tiff_pages;

use std::path::Path;

pub(super) use kept::get;

use super::Image;
use super::mask::{Kind, RawMask, Values};

/// Values of one stack at most: 2^27 are 512 MiB as `f32`.
const MOST_VALUES: usize = 1 << 27;

/// Width, height, depth and channels, before anything is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Along the first, second and third axis.
    pub along: [usize; 3],
    pub channels: usize,
}

/// A decoded stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    pub size: Size,
    /// `[channel][third][second][first]`.
    pub values: Vec<f32>,
    /// Distance of voxels along each axis, in the unit of the file (millimetres by custom).
    pub spacing: [f32; 3],
    /// Stored as bytes: shown as they are.
    bytes: bool,
    /// Axes point right, anterior and superior: pictures are drawn upside up.
    pub anatomical: bool,
    /// Per channel, the values shown as black and white: 0.5 % and 99.5 % of the values lie beyond.
    window: Vec<[f32; 2]>,
}

/// One slice of a stack: across `axis`, the `index`-th.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    /// 0, 1 or 2.
    pub axis: usize,
    pub index: usize,
}

/// What kind of stack a name says a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Nifti,
    Npy,
    Tiff,
}

/// By the ending of the name.
pub(super) fn format(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    if name.ends_with(".nii") || name.ends_with(".nii.gz") {
        Some(Format::Nifti)
    } else if name.ends_with(".npy") {
        Some(Format::Npy)
    } else if name.ends_with(".tif") || name.ends_with(".tiff") {
        Some(Format::Tiff)
    } else {
        None
    }
}

/// Whether a file must be read as a stack: always, but for TIFF files that hold one common picture.
pub(super) fn is_stack(path: &Path) -> bool {
    match format(path) {
        Some(Format::Tiff) => tiff_pages::is_deep(path).unwrap_or(false),
        Some(Format::Nifti | Format::Npy) => true,
        None => false,
    }
}

/// Extents from the header alone, axes as [`read`] gives them.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn size(path: &Path) -> Result<(Size, [f32; 3]), String> {
    match format(path) {
        Some(Format::Nifti) => nifti::size(path),
        Some(Format::Npy) => npy::size(path).map(|size| (size, [1.0; 3])),
        Some(Format::Tiff) => tiff_pages::size(path).map(|size| (size, [1.0; 3])),
        None => Err("is not a stack (nii, nii.gz, npy, tif)".to_owned()),
    }
}

/// How the axes are stored, where the file says so: `LAS` runs left, anterior, superior.
#[must_use]
pub fn orientation(path: &Path) -> Option<String> {
    match format(path) {
        Some(Format::Nifti) => nifti::orientation(path).ok(),
        _ => None,
    }
}

/// Decodes a whole stack.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn read(path: &Path) -> Result<Volume, String> {
    let mut volume = match format(path) {
        Some(Format::Nifti) => nifti::read(path)?,
        Some(Format::Npy) => npy::read(path)?,
        Some(Format::Tiff) => tiff_pages::read(path)?,
        None => return Err("is not a stack (nii, nii.gz, npy, tif)".to_owned()),
    };
    volume.window = volume.windows();
    Ok(volume)
}

/// NIfTI from bytes, for tests and for fuzzing.
///
/// # Errors
/// What is wrong with them.
pub fn nifti_from(bytes: &[u8]) -> Result<Volume, String> {
    nifti::from_reader(bytes)
}

/// A numpy array from bytes, for tests and for fuzzing.
///
/// # Errors
/// What is wrong with them.
pub fn npy_from(bytes: &[u8]) -> Result<Volume, String> {
    npy::from_reader(bytes)
}

impl Size {
    fn checked(self) -> Result<Self, String> {
        let mut values = self.channels;
        for extent in self.along {
            values = values
                .checked_mul(extent)
                .ok_or("declares a size beyond measure")?;
        }
        let [x, y, z] = self.along;
        let channels = self.channels;
        if values == 0 {
            return Err(format!("is empty: {x} × {y} × {z} × {channels}"));
        }
        if values > MOST_VALUES {
            return Err(format!(
                "is {x} × {y} × {z} × {channels}, more than the limit of {MOST_VALUES} values"
            ));
        }
        Ok(self)
    }

    fn values(self) -> usize {
        self.along.iter().product::<usize>() * self.channels
    }

    /// The axis that pictures are cut across when nothing is said: along which voxels lie farthest
    /// apart, else along which there are fewest; the last in doubt.
    #[must_use]
    pub fn natural_axis(self, spacing: [f32; 3]) -> usize {
        let widest = spacing.iter().copied().fold(0.0, f32::max);
        let narrowest = spacing.iter().copied().fold(f32::MAX, f32::min);
        if widest > narrowest * 1.5
            && let Some(axis) = (0..3).rev().find(|&a| spacing[a] >= widest * 0.99)
        {
            return axis;
        }
        let fewest = self.along.iter().copied().min().unwrap_or(1);
        let most = self.along.iter().copied().max().unwrap_or(1);
        if fewest * 3 < most * 2 {
            (0..3).rev().find(|&a| self.along[a] == fewest).unwrap_or(2)
        } else {
            2
        }
    }

    /// Width and height of a slice across `axis`.
    #[must_use]
    pub fn across(self, axis: usize) -> [usize; 2] {
        match axis {
            0 => [self.along[1], self.along[2]],
            1 => [self.along[0], self.along[2]],
            _ => [self.along[0], self.along[1]],
        }
    }
}

impl Volume {
    fn new(size: Size, values: Vec<f32>) -> Self {
        Self {
            size,
            values,
            spacing: [1.0; 3],
            bytes: false,
            anatomical: false,
            window: Vec::new(),
        }
    }

    /// Values of one channel of a slice, row by row from the top.
    ///
    /// # Errors
    /// When there is no such slice.
    pub fn slice(&self, slice: Slice, channel: usize) -> Result<Vec<f32>, String> {
        let Slice { axis, index } = slice;
        let [nx, ny, nz] = self.size.along;
        if axis > 2 || index >= self.size.along[axis] || channel >= self.size.channels {
            return Err(format!(
                "has no slice {index} across axis {axis} in channel {channel}: it is {nx} × {ny} × {nz}, \
                 {} channels",
                self.size.channels
            ));
        }
        let [width, height] = self.size.across(axis);
        let base = channel * nx * ny * nz;
        let mut out = Vec::with_capacity(width * height);
        for row in 0..height {
            let v = if self.anatomical {
                height - 1 - row
            } else {
                row
            };
            for u in 0..width {
                let (x, y, z) = match axis {
                    0 => (index, u, v),
                    1 => (u, index, v),
                    _ => (u, v, index),
                };
                out.push(self.values[base + (z * ny + y) * nx + x]);
            }
        }
        Ok(out)
    }

    /// A slice as a picture: each channel's window stretched to 0..=255.
    ///
    /// # Errors
    /// When there is no such slice.
    pub fn image(&self, slice: Slice) -> Result<Image, String> {
        let [width, height] = self.size.across(slice.axis);
        let channels = self.size.channels;
        let mut pixels = vec![0; width * height * channels];
        for channel in 0..channels {
            let values = self.slice(slice, channel)?;
            let [low, high] = self.window.get(channel).copied().unwrap_or([0.0, 255.0]);
            for (at, value) in values.into_iter().enumerate() {
                pixels[at * channels + channel] = stretched(value, low, high);
            }
        }
        Ok(Image {
            width,
            height,
            channels,
            pixels,
        })
    }

    /// The whole stack as one picture: each page (along the third axis) of each channel is a channel
    /// of it, stretched to 0..=255 by itself.
    ///
    /// # Errors
    /// When there is no page.
    pub fn pages(&self) -> Result<Image, String> {
        let [width, height] = self.size.across(2);
        let channels = self.size.channels * self.size.along[2];
        let mut pixels = vec![0; width * height * channels];
        let each = (0..self.size.along[2])
            .flat_map(|index| (0..self.size.channels).map(move |channel| (index, channel)));
        for (to, (index, channel)) in each.enumerate() {
            let values = self.slice(Slice { axis: 2, index }, channel)?;
            let [low, high] = if self.bytes {
                [0.0, 255.0]
            } else {
                window(&values)
            };
            for (at, value) in values.into_iter().enumerate() {
                pixels[at * channels + to] = stretched(value, low, high);
            }
        }
        Ok(Image {
            width,
            height,
            channels,
            pixels,
        })
    }

    /// A slice as ids. Negative ids become large ones (two's complement).
    ///
    /// # Errors
    /// When there is no such slice, or values are no whole numbers.
    pub fn mask(&self, slice: Slice) -> Result<RawMask, String> {
        let [width, height] = self.size.across(slice.axis);
        let mut values = Vec::with_capacity(width * height);
        for value in self.slice(slice, 0)? {
            if !value.is_finite() || (value - value.round()).abs() > 1e-3 {
                return Err(format!("holds {value}, expected whole numbers in a mask"));
            }
            // -1 becomes 0xFFFF_FFFF: no id is that large, and none collides with it.
            values.push(value.round() as i64 as u32);
        }
        Ok(RawMask {
            width,
            height,
            values: Values::Words(values),
            kind: Kind::Grey(16),
        })
    }

    fn windows(&self) -> Vec<[f32; 2]> {
        if self.bytes {
            return vec![[0.0, 255.0]; self.size.channels];
        }
        let per_channel = self.size.along.iter().product::<usize>();
        self.values.chunks(per_channel.max(1)).map(window).collect()
    }
}

/// The values below and above which 0.5 % of them lie; bytes stay as they are.
fn window(values: &[f32]) -> [f32; 2] {
    window_of(values.len(), |at| values[at])
}

/// As `window`, of `count` values that `value` gives by their number.
pub(super) fn window_of(count: usize, value: impl Fn(usize) -> f32) -> [f32; 2] {
    const SAMPLED: usize = 1 << 18;
    let step = count.div_ceil(SAMPLED).max(1);
    let mut some: Vec<f32> = (0..count).step_by(step).map(value).collect();
    some.retain(|v| v.is_finite());
    if some.is_empty() {
        return [0.0, 1.0];
    }
    let last = some.len() - 1;
    let mut at = |place: usize| *some.select_nth_unstable_by(place, f32::total_cmp).1;
    let cut = (last + 1) / 200;
    let (mut low, mut high) = (at(cut), at(last - cut));
    if low >= high {
        // Nearly all values are equal: what stands out must still be seen.
        (low, high) = (at(0), at(last));
    }
    if low >= high {
        high = low + 1.0;
    }
    [low, high]
}

/// 0..=255 within the window.
pub(super) fn stretched(value: f32, low: f32, high: f32) -> u8 {
    ((value - low) / (high - low) * 255.0)
        .round()
        .clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_of_anatomical_stacks_have_their_last_row_on_top() {
        let size = Size {
            along: [2, 2, 1],
            channels: 1,
        };
        let mut volume = Volume::new(size, vec![1.0, 2.0, 3.0, 4.0]);
        let top = Slice { axis: 2, index: 0 };
        assert_eq!(volume.slice(top, 0).unwrap(), [1.0, 2.0, 3.0, 4.0]);
        volume.anatomical = true;
        assert_eq!(volume.slice(top, 0).unwrap(), [3.0, 4.0, 1.0, 2.0]);
        let side = Slice { axis: 0, index: 1 };
        assert_eq!(volume.slice(side, 0).unwrap(), [2.0, 4.0]);
        assert!(volume.slice(Slice { axis: 2, index: 1 }, 0).is_err());
    }

    #[test]
    fn the_axis_with_the_widest_spacing_is_cut_across() {
        let size = Size {
            along: [100, 30, 100],
            channels: 1,
        };
        assert_eq!(size.natural_axis([1.0, 1.0, 5.0]), 2);
        assert_eq!(size.natural_axis([1.0; 3]), 1);
        assert_eq!(size.across(1), [100, 100]);
    }

    #[test]
    fn fractions_are_no_ids_and_negative_ids_stay_apart() {
        let size = Size {
            along: [2, 1, 1],
            channels: 1,
        };
        let slice = Slice { axis: 2, index: 0 };
        let ids = Volume::new(size, vec![-1.0, 3.0]).mask(slice).unwrap();
        assert_eq!(ids.values, Values::Words(vec![u32::MAX, 3]));
        let message = Volume::new(size, vec![0.5, 3.0]).mask(slice).unwrap_err();
        assert!(message.contains("0.5"), "{message}");
    }
}
