//! Opening image files with limits: a declared size is checked before anything is decoded.

use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{Image, volume};

/// Larger pictures are refused by their declared size: 2^27 pixels are 512 MiB as RGBA.
pub const MAX_PIXELS: usize = 1 << 27;
/// Bytes of a decoded picture, which may have up to four channels of up to four bytes.
const MOST_BYTES: u64 = MAX_PIXELS as u64 * 8;

/// File endings that are read, lower case.
pub const ENDINGS: &[&str] = &[
    "png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp", "gif", "pgm", "ppm", "pnm", "tga",
];

/// Whether the name ends like an image and is not a system's litter (`._x.png`, `Thumbs.db`).
#[must_use]
pub fn is_image_name(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|n| n.to_string_lossy()) else {
        return false;
    };
    let ending = path
        .extension()
        .map(|e| e.to_string_lossy().to_ascii_lowercase());
    let packed = || name.to_ascii_lowercase().ends_with(".nii.gz");
    let known = ending.is_some_and(|e| ENDINGS.contains(&e.as_str()) || e == "nii" || packed());
    known && !name.starts_with('.')
}

/// Whether the first bytes say PNG, whatever the name says.
pub(super) fn is_png(path: &Path) -> Result<bool, String> {
    let mut head = [0; 8];
    let mut file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    match file.read(&mut head) {
        Ok(0) => Err("is empty (0 bytes)".to_owned()),
        Ok(n) => Ok(n == 8 && head == *b"\x89PNG\r\n\x1a\n"),
        Err(e) => Err(e.to_string()),
    }
}

/// The format by content, else by name.
pub(super) fn format(path: &Path) -> Option<ImageFormat> {
    ImageReader::open(path)
        .ok()?
        .with_guessed_format()
        .ok()?
        .format()
}

/// Whether a WebP file holds a lossy picture: its chunk is called `VP8 `, the exact one `VP8L`.
pub(super) fn is_lossy_webp(path: &Path) -> Result<bool, String> {
    let mut file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let mut head = [0; 8];
    // Past `RIFF`, the file's length and `WEBP`.
    let mut at = 12;
    loop {
        file.seek(SeekFrom::Start(at)).map_err(|e| e.to_string())?;
        if file.read_exact(&mut head).is_err() {
            return Ok(false);
        }
        match &head[..4] {
            b"VP8 " => return Ok(true),
            b"VP8L" => return Ok(false),
            _ => {}
        }
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        at += 8 + u64::from(length) + u64::from(length % 2);
    }
}

fn reader(path: &Path) -> Result<ImageReader<std::io::BufReader<std::fs::File>>, String> {
    let length = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if length == 0 {
        return Err("is empty (0 bytes)".to_owned());
    }
    let mut reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|e| e.to_string())?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    Ok(reader)
}

/// Width and height from the header.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn dimensions(path: &Path) -> Result<(usize, usize), String> {
    let (width, height) = reader(path)?.into_dimensions().map_err(|e| e.to_string())?;
    Ok((width as usize, height as usize))
}

/// Channels that [`read`] gives, from the header: 1 or 3; 3 in doubt.
pub(super) fn channels(path: &Path) -> usize {
    let decoder = reader(path).and_then(|r| r.into_decoder().map_err(|e| e.to_string()));
    match decoder {
        Ok(decoder) if !decoder.color_type().has_color() => 1,
        _ => 3,
    }
}

/// Decodes a whole picture.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn open(path: &Path) -> Result<DynamicImage, String> {
    decoded(reader(path)?, false)
}

/// Decodes, after a look at the declared size; turned as its EXIF orientation says if `upright`.
fn decoded<R: BufRead + Seek>(
    reader: ImageReader<R>,
    upright: bool,
) -> Result<DynamicImage, String> {
    let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    if width as usize * height as usize > MAX_PIXELS {
        return Err(format!(
            "is {width} × {height}, more than the limit of {MAX_PIXELS} pixels"
        ));
    }
    if decoder.total_bytes() > MOST_BYTES {
        return Err(format!(
            "takes {} bytes decoded, expected at most {MOST_BYTES}",
            decoder.total_bytes()
        ));
    }
    let orientation = match upright {
        true => decoder.orientation().unwrap_or(Orientation::NoTransforms),
        false => Orientation::NoTransforms,
    };
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Whether the EXIF orientation exchanges width and height.
#[must_use]
pub(super) fn turns_sideways(path: &Path) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    let orientation = orientation(path);
    matches!(
        orientation,
        Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH
    )
}

/// How the file says that it should be turned for showing; not turned where it says nothing.
#[must_use]
pub(super) fn orientation(path: &Path) -> Orientation {
    let found = reader(path).and_then(|reader| {
        let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
        decoder.orientation().map_err(|e| e.to_string())
    });
    found.unwrap_or(Orientation::NoTransforms)
}

/// Decodes a picture as grey (1 channel) or RGB (3 channels), 8 bits each; turned as its EXIF
/// orientation says if `upright`. Deeper values are stretched: 0.5 % of them become black, 0.5 % white.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn read(path: &Path, upright: bool) -> Result<Image, String> {
    Ok(eight_bit(decoded(reader(path)?, upright)?))
}

/// As [`read`], from memory.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<Image, String> {
    let mut reader = ImageReader::new(std::io::Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| e.to_string())?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    Ok(eight_bit(decoded(reader, false)?))
}

/// Takes the picture: a large one is not to be there twice.
fn eight_bit(decoded: DynamicImage) -> Image {
    use DynamicImage::{
        ImageLuma8, ImageLuma16, ImageLumaA8, ImageLumaA16, ImageRgb16, ImageRgb32F, ImageRgba16,
        ImageRgba32F,
    };
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let (channels, pixels) = match decoded {
        ImageLuma8(_) | ImageLumaA8(_) => (1, decoded.into_luma8().into_raw()),
        ImageLuma16(deep) => (1, stretch(&deep, 1, 1)),
        ImageLumaA16(deep) => (1, stretch(&deep, 2, 1)),
        ImageRgb16(deep) => (3, stretch(&deep, 3, 3)),
        ImageRgba16(deep) => (3, stretch(&deep, 4, 3)),
        ImageRgb32F(deep) => (3, stretch(&deep, 3, 3)),
        ImageRgba32F(deep) => (3, stretch(&deep, 4, 3)),
        _ => (3, decoded.into_rgb8().into_raw()),
    };
    Image {
        width,
        height,
        channels,
        pixels,
    }
}

/// The first `taken` of each `channels` samples as bytes. A camera or scanner of 12 bits in a file of 16
/// fills a sixteenth of the range: dividing by 256 would leave it black.
fn stretch<V: Copy + Into<f32>>(samples: &[V], channels: usize, taken: usize) -> Vec<u8> {
    let count = samples.len() / channels * taken;
    let value = |at: usize| samples[at / taken * channels + at % taken].into();
    let [low, high] = volume::window_of(count, value);
    (0..count)
        .map(|at| volume::stretched(value(at), low, high))
        .collect()
}

/// Whether a picture has transparent parts (not only room for them).
pub(super) fn has_transparency(path: &Path) -> Result<bool, String> {
    let decoder = reader(path)?.into_decoder().map_err(|e| e.to_string())?;
    if !decoder.color_type().has_alpha() {
        return Ok(false);
    }
    let rgba = open(path)?.into_rgba8();
    Ok(rgba.pixels().any(|p| p.0[3] < 128) && rgba.pixels().any(|p| p.0[3] >= 128))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_pictures_are_stretched_over_what_they_hold_without_their_transparency() {
        // 12 bits of 16; the alpha of 65535 takes no part.
        let deep = image::ImageBuffer::<image::LumaA<u16>, _>::from_fn(256, 1, |x, _| {
            image::LumaA([x as u16 * 16, u16::MAX])
        });
        let image = eight_bit(DynamicImage::ImageLumaA16(deep));
        assert_eq!((image.channels, image.pixels.len()), (1, 256));
        assert_eq!((image.pixels[0], image.pixels[255]), (0, 255));
        assert!((126..=129).contains(&image.pixels[128]));
        let deep = image::ImageBuffer::<image::Rgba<u16>, _>::from_fn(256, 1, |x, _| {
            image::Rgba([0, x as u16 * 16, 4080, u16::MAX])
        });
        let image = eight_bit(DynamicImage::ImageRgba16(deep));
        assert_eq!((image.channels, image.pixels.len()), (3, 768));
        assert_eq!(image.pixels[..3], [0, 0, 255]);
        assert_eq!(image.pixels[765..], [0, 255, 255]);
    }

    #[test]
    fn a_webp_is_lossy_by_its_chunk() {
        let dir = tempfile::tempdir().unwrap();
        let lossy = |chunks: &[u8]| {
            let path = dir.path().join("a.webp");
            std::fs::write(&path, [b"RIFF\0\0\0\0WEBP", chunks].concat()).unwrap();
            is_lossy_webp(&path)
        };
        assert_eq!(lossy(b"VP8 \x01\0\0\0a"), Ok(true));
        assert_eq!(lossy(b"VP8L\x01\0\0\0a"), Ok(false));
        // An extended file: its pictures come after other chunks, each padded to an even length.
        assert_eq!(lossy(b"VP8X\x03\0\0\0abc\0VP8 \x01\0\0\0a"), Ok(true));
        assert_eq!(lossy(b"VP8X\xFF\xFF\xFF\xFFabc"), Ok(false));
    }
}
