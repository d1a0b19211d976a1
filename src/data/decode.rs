//! Opening image files with limits: a declared size is checked before anything is decoded.

use std::io::Read;
use std::path::Path;

use image::{DynamicImage, ImageFormat, ImageReader, Limits};

use super::Image;

/// Larger pictures are refused by their declared size: 2^27 pixels are 512 MiB as RGBA.
pub const MAX_PIXELS: usize = 1 << 27;

/// File endings that are read, lower case.
pub const ENDINGS: &[&str] = &[
    "png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp", "gif", "pgm", "ppm", "pnm", "tga",
];

/// Whether the name ends like an image and is not a system's litter (`._x.png`, `Thumbs.db`).
#[must_use]
pub fn is_image_name(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let ending = path
        .extension()
        .map(|e| e.to_string_lossy().to_ascii_lowercase());
    !hidden && ending.is_some_and(|e| ENDINGS.contains(&e.as_str()))
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

fn reader(path: &Path) -> Result<ImageReader<std::io::BufReader<std::fs::File>>, String> {
    let length = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if length == 0 {
        return Err("is empty (0 bytes)".to_owned());
    }
    let mut reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|e| e.to_string())?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS as u64 * 8);
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

/// Decodes a whole picture.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn open(path: &Path) -> Result<DynamicImage, String> {
    let (width, height) = dimensions(path)?;
    if width * height > MAX_PIXELS {
        return Err(format!(
            "is {width} × {height}, more than the limit of {MAX_PIXELS} pixels"
        ));
    }
    reader(path)?.decode().map_err(|e| e.to_string())
}

/// Decodes a picture as grey (1 channel) or RGB (3 channels), 8 bits each.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn read(path: &Path) -> Result<Image, String> {
    let decoded = open(path)?;
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let grey = matches!(
        decoded.color(),
        image::ColorType::L8
            | image::ColorType::L16
            | image::ColorType::La8
            | image::ColorType::La16
    );
    let (channels, pixels) = if grey {
        (1, decoded.to_luma8().into_raw())
    } else {
        (3, decoded.to_rgb8().into_raw())
    };
    Ok(Image {
        width,
        height,
        channels,
        pixels,
    })
}
