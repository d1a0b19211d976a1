//! Pictures inside a LabelMe file: `imageData`, base64 of a PNG or JPEG.

use std::io::Cursor;
use std::path::Path;

use base64::Engine;
use serde::Deserialize;

use super::{Image, decode};

/// Longer files are refused.
const MOST_BYTES: u64 = 1 << 28;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "imageData")]
    data: Option<String>,
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MOST_BYTES {
        return Err(format!(
            "has {size} bytes, expected at most {MOST_BYTES} in a LabelMe file"
        ));
    }
    let text = std::fs::read(path).map_err(|e| e.to_string())?;
    from_json(&text)
}

/// The picture's own bytes.
///
/// # Errors
/// What is wrong with the text.
pub fn from_json(text: &[u8]) -> Result<Vec<u8>, String> {
    let file: File = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    let data = file.data.ok_or("has no imageData")?;
    base64::engine::general_purpose::STANDARD
        .decode(data.trim())
        .map_err(|e| format!("has imageData that is no base64: {e}"))
}

pub(super) fn dimensions(path: &Path) -> Result<(usize, usize), String> {
    let bytes = bytes(path)?;
    let reader = image::ImageReader::new(Cursor::new(&bytes))
        .with_guessed_format()
        .map_err(|e| e.to_string())?;
    let (width, height) = reader.into_dimensions().map_err(|e| e.to_string())?;
    Ok((width as usize, height as usize))
}

pub(super) fn image(path: &Path) -> Result<Image, String> {
    decode::from_bytes(&bytes(path)?)
}
