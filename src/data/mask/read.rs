//! Mask files of any format → the exact numbers they hold.

use std::path::Path;

use image::{DynamicImage, ImageFormat};

use super::narrow::Narrow;
use super::{Kind, RawMask, Values, indexed, packed, png};
use crate::data::decode;

/// Reads the transparency of a picture: 0 where it is clear, 1 where it is mostly opaque.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn read_alpha(path: &Path) -> Result<RawMask, String> {
    let image = decode::open(path)?;
    if !image.color().has_alpha() {
        return Err("has no transparency".to_owned());
    }
    let rgba = image.into_rgba8();
    Ok(RawMask {
        width: rgba.width() as usize,
        height: rgba.height() as usize,
        values: Values::Bytes(rgba.pixels().map(|p| u8::from(p.0[3] >= 128)).collect()),
        kind: Kind::Grey(1),
    })
}

/// Reads a mask exactly.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn read(path: &Path) -> Result<RawMask, String> {
    if decode::is_png(path)? {
        return png::read(path);
    }
    let format = decode::format(path);
    if let Some(format) = format
        && let Some(indexed) = indexed::read(path, format)?
    {
        return Ok(indexed);
    }
    let image = decode::open(path)?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    let lossy = match format {
        Some(ImageFormat::Jpeg) => true,
        Some(ImageFormat::WebP) => decode::is_lossy_webp(path)?,
        _ => false,
    };
    let (values, kind) = match image {
        DynamicImage::ImageLuma8(grey) => (Values::Bytes(grey.into_raw()), Kind::Grey(8)),
        DynamicImage::ImageLuma16(grey) => {
            let words = grey.as_raw().iter().map(|v| u32::from(*v));
            (Values::Words(words.collect()), Kind::Grey(16))
        }
        DynamicImage::ImageRgb16(rgb) => (narrowed(rgb.as_raw(), 3)?, Kind::Rgb),
        DynamicImage::ImageRgba16(rgba) => (narrowed(rgba.as_raw(), 4)?, Kind::Rgb),
        other => {
            let rgb = other.into_rgb8();
            let grey = lossy && rgb.pixels().all(|p| p.0[0] == p.0[1] && p.0[1] == p.0[2]);
            let values = match grey {
                true => Values::Bytes(rgb.pixels().map(|p| p.0[0]).collect()),
                false => Values::Words(rgb.pixels().map(|p| packed(p.0)).collect()),
            };
            (values, Kind::Rgb)
        }
    };
    Ok(RawMask {
        width,
        height,
        values,
        kind: if lossy { Kind::Lossy } else { kind },
    })
}

/// Colours of 16 bits a channel, the first three of `channels`.
fn narrowed(samples: &[u16], channels: usize) -> Result<Values, String> {
    let mut narrow = Narrow::default();
    let pixels = samples.chunks_exact(channels);
    let color = |p: &[u16]| packed([0, 1, 2].map(|at| narrow.byte(p[at])));
    let words = pixels.map(color).collect();
    narrow.check()?;
    Ok(Values::Words(words))
}
