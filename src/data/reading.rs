//! How the pixels of one item are read, where it is more than one picture and one mask file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mask::{self, Kind, RawMask, Values};
use super::shapes::Drawing;
use super::volume::{self, Slice};
use super::{Image, decode, embedded};

/// Beside an item's image and mask path.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Reading {
    /// Files of further channels, beside the image.
    pub channels: Vec<PathBuf>,
    /// Where the image is a stack: which slice.
    pub image_slice: Option<Slice>,
    /// The pages of the stack are channels of one picture.
    pub pages: bool,
    /// Where the mask is a stack: which slice.
    pub mask_slice: Option<Slice>,
    /// The image is the base64 text inside a LabelMe file.
    pub embedded: bool,
    /// The image is turned as its EXIF orientation says, because its mask is.
    pub upright: bool,
    pub truth: Truth,
}

/// Where the labels are.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Truth {
    /// In the mask file.
    #[default]
    File,
    /// In these files, one per object: what is not 0 in any of them is 1.
    Objects(Arc<[PathBuf]>),
    /// Drawn.
    Drawn(Arc<Drawing>),
    /// The mask's colours number segments (R + 256·G + 65536·B), each of one value.
    Segments(Arc<Segments>),
    /// In the transparency of the image itself.
    Alpha,
}

/// Number of a segment to the value of its class.
pub(crate) type Segments = BTreeMap<u32, u32>;

impl Truth {
    /// The value of pixels of no segment.
    pub const NO_SEGMENT: u32 = u16::MAX as u32;
    /// The value of pixels whose number no list knows: no class claims it, so that it is found.
    const STRAY: u32 = Self::NO_SEGMENT - 1;
}

impl Reading {
    /// Whether the image is one picture file, read as it is.
    pub fn is_plain(&self) -> bool {
        self.channels.is_empty()
            && self.image_slice.is_none()
            && !self.embedded
            && !self.upright
            && self.truth != Truth::Alpha
    }

    /// Width and height of the image, from headers where possible.
    ///
    /// # Errors
    /// What is wrong with the file, without its name.
    pub fn size(&self, image: &Path) -> Result<(usize, usize), String> {
        let (width, height) = if let Some(slice) = self.image_slice {
            let [width, height] = volume::size(image)?.0.across(slice.axis);
            (width, height)
        } else if self.embedded {
            embedded::dimensions(image)?
        } else {
            decode::dimensions(image)?
        };
        if self.upright && decode::turns_sideways(image) {
            return Ok((height, width));
        }
        Ok((width, height))
    }

    /// How many channels the image has, from headers; 3 for a common picture file, grey or not.
    pub fn channels_of(&self, image: &Path) -> usize {
        let one = match self.image_slice.map(|_| volume::size(image)) {
            Some(Ok((size, _))) if self.pages => size.channels * size.along[2],
            Some(Ok((size, _))) => size.channels,
            _ if self.channels.is_empty() => 3,
            _ => decode::channels(image),
        };
        one * (1 + self.channels.len())
    }

    /// Decodes the image with all its channels.
    ///
    /// # Errors
    /// What is wrong with the file, without its name.
    pub fn image(&self, root: &Path, image: &Path) -> Result<Image, String> {
        let first = self.picture(&root.join(image))?;
        if self.channels.is_empty() {
            return Ok(first);
        }
        let mut planes = vec![first];
        for path in &self.channels {
            let plane = self
                .picture(&root.join(path))
                .map_err(|e| format!("has a channel {} that {e}", path.display()))?;
            if (plane.width, plane.height) != (planes[0].width, planes[0].height) {
                return Err(format!(
                    "is {} × {}, its channel {} {} × {}",
                    planes[0].width,
                    planes[0].height,
                    path.display(),
                    plane.width,
                    plane.height
                ));
            }
            planes.push(plane);
        }
        Ok(stacked(&planes))
    }

    fn picture(&self, path: &Path) -> Result<Image, String> {
        if let Some(slice) = self.image_slice {
            let stack = volume::get(path)?;
            if self.pages {
                return stack.pages();
            }
            return stack.image(slice);
        }
        if self.embedded {
            return embedded::image(path);
        }
        decode::read(path, self.upright)
    }

    /// Reads the mask's numbers.
    ///
    /// # Errors
    /// What is wrong with the file, without its name.
    pub fn mask(&self, root: &Path, mask: &Path) -> Result<RawMask, String> {
        match &self.truth {
            Truth::File => match self.mask_slice {
                Some(slice) => volume::get(&root.join(mask))?.mask(slice),
                None => mask::read(&root.join(mask)),
            },
            Truth::Objects(files) => union(root, files),
            Truth::Drawn(drawing) => drawing.paint(),
            Truth::Segments(known) => segments(mask::read(&root.join(mask))?, known),
            Truth::Alpha => mask::read_alpha(&root.join(mask)),
        }
    }
}

fn stacked(planes: &[Image]) -> Image {
    let channels: usize = planes.iter().map(|p| p.channels).sum();
    let (width, height) = (planes[0].width, planes[0].height);
    let mut pixels = Vec::with_capacity(width * height * channels);
    for at in 0..width * height {
        for plane in planes {
            pixels.extend_from_slice(&plane.pixels[at * plane.channels..][..plane.channels]);
        }
    }
    Image {
        width,
        height,
        channels,
        pixels,
    }
}

fn segments(mut mask: RawMask, known: &Segments) -> Result<RawMask, String> {
    let (Kind::Rgb, Values::Words(words)) = (&mask.kind, &mut mask.values) else {
        return Err("is not in colour, expected segments numbered by colour".to_owned());
    };
    for run in words.chunk_by_mut(|a, b| a == b) {
        let [r, g, b] = mask::unpacked(run[0]).map(u32::from);
        let number = r | g << 8 | b << 16;
        let of = match known.get(&number) {
            Some(of) => *of,
            None if number == 0 => Truth::NO_SEGMENT,
            None => Truth::STRAY,
        };
        run.fill(of);
    }
    mask.kind = Kind::Grey(16);
    Ok(mask)
}

fn union(root: &Path, files: &[PathBuf]) -> Result<RawMask, String> {
    let mut all: Option<(usize, usize, Vec<u8>)> = None;
    for path in files {
        let one = mask::read(&root.join(path)).map_err(|e| format!("{} {e}", path.display()))?;
        let (width, height, all) =
            all.get_or_insert_with(|| (one.width, one.height, vec![0; one.values.len()]));
        if (one.width, one.height) != (*width, *height) {
            return Err(format!(
                "{} is {} × {}, its siblings {width} × {height}",
                path.display(),
                one.width,
                one.height,
            ));
        }
        for (any, value) in all.iter_mut().zip(one.values.iter()) {
            *any |= u8::from(value != 0);
        }
    }
    let (width, height, all) = all.ok_or("has no object masks")?;
    Ok(RawMask {
        width,
        height,
        values: Values::Bytes(all),
        kind: Kind::Grey(8),
    })
}
