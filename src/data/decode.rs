//! Opening image files with limits: a declared size is checked before anything is decoded.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{Image, volume};

/// Larger pictures are refused by their declared size: 2^27 pixels are 512 MiB as RGBA.
pub const MAX_PIXELS: usize = 1 << 27;

/// Pictures of fewer pixels wait for nobody.
const SMALL: usize = 1 << 22;

/// Pixels of large pictures that are being decoded, all threads together.
static DECODING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// The right to decode a large picture; given back when it is dropped.
#[must_use]
pub(super) struct Turn(usize);

/// Waits until the large pictures that are being decoded, with this one, are of no more than
/// [`MAX_PIXELS`]: one of the largest takes more than a gigabyte on its way, and as many as there are
/// cores would take the machine's memory. While it is held, nothing may wait for another thread.
pub(super) fn turn(pixels: usize) -> Turn {
    if pixels < SMALL {
        return Turn(0);
    }
    let lock = DECODING.0.lock().unwrap_or_else(PoisonError::into_inner);
    let full = |now: &mut usize| *now > 0 && *now + pixels > MAX_PIXELS;
    let waited = DECODING.1.wait_while(lock, full);
    *waited.unwrap_or_else(PoisonError::into_inner) += pixels;
    Turn(pixels)
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.0 > 0 {
            *DECODING.0.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
            DECODING.1.notify_all();
        }
    }
}

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
    let (width, height) = dimensions(path)?;
    if width * height > MAX_PIXELS {
        return Err(format!(
            "is {width} × {height}, more than the limit of {MAX_PIXELS} pixels"
        ));
    }
    reader(path)?.decode().map_err(|e| e.to_string())
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
    let mut decoded = open(path)?;
    if upright {
        decoded.apply_orientation(orientation(path));
    }
    Ok(eight_bit(&decoded))
}

/// As [`read`], from memory.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<Image, String> {
    let reader = || -> Result<_, String> {
        let mut reader = ImageReader::new(std::io::Cursor::new(bytes))
            .with_guessed_format()
            .map_err(|e| e.to_string())?;
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_PIXELS as u64 * 8);
        reader.limits(limits);
        Ok(reader)
    };
    let (width, height) = reader()?.into_dimensions().map_err(|e| e.to_string())?;
    if width as usize * height as usize > MAX_PIXELS {
        return Err(format!(
            "is {width} × {height}, more than the limit of {MAX_PIXELS} pixels"
        ));
    }
    Ok(eight_bit(&reader()?.decode().map_err(|e| e.to_string())?))
}

fn eight_bit(decoded: &DynamicImage) -> Image {
    use image::ColorType::{L8, L16, La8, La16, Rgb16, Rgb32F, Rgba16, Rgba32F};
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let (channels, pixels) = match decoded.color() {
        L8 | La8 => (1, decoded.to_luma8().into_raw()),
        L16 | La16 => (1, stretch(&decoded.to_luma32f().into_raw())),
        Rgb16 | Rgba16 | Rgb32F | Rgba32F => (3, stretch(&decoded.to_rgb32f().into_raw())),
        _ => (3, decoded.to_rgb8().into_raw()),
    };
    Image {
        width,
        height,
        channels,
        pixels,
    }
}

/// A camera or scanner of 12 bits in a file of 16 fills a sixteenth of the range: dividing by 256
/// would leave it black.
fn stretch(values: &[f32]) -> Vec<u8> {
    let [low, high] = volume::window(values);
    let eight = |v: &f32| volume::stretched(*v, low, high);
    values.iter().map(eight).collect()
}

/// Whether a picture has transparent parts (not only room for them).
pub(super) fn has_transparency(path: &Path) -> Result<bool, String> {
    let decoder = reader(path)?.into_decoder().map_err(|e| e.to_string())?;
    if !decoder.color_type().has_alpha() {
        return Ok(false);
    }
    let rgba = open(path)?.to_rgba8();
    Ok(rgba.pixels().any(|p| p.0[3] < 128) && rgba.pixels().any(|p| p.0[3] >= 128))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn large_pictures_take_turns_and_small_ones_do_not_wait() {
        let first = turn(MAX_PIXELS);
        drop(turn(SMALL - 1));
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _second = turn(SMALL);
                sender.send(()).unwrap();
            });
            assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
            drop(first);
            receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        });
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
