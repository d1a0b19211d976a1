//! Labels → mask files.

use std::fs::File;
use std::path::Path;

use crate::data::{ClassMap, LabelMap};

/// Writes labels as an indexed PNG whose palette holds the classes' colours.
///
/// # Errors
/// When the file can't be written.
pub fn write_indexed(path: &Path, labels: &LabelMap, map: &ClassMap) -> Result<(), String> {
    let file = File::create(path).map_err(|e| e.to_string())?;
    let mut encoder = png::Encoder::new(
        std::io::BufWriter::new(file),
        labels.width as u32,
        labels.height as u32,
    );
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    let mut palette = vec![0; 256 * 3];
    for (index, class) in map.classes.iter().enumerate() {
        palette[index * 3..index * 3 + 3].copy_from_slice(&class.color);
    }
    // The colour that Pascal VOC shows for "void".
    palette[255 * 3..].copy_from_slice(&[224, 224, 192]);
    encoder.set_palette(palette);
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    writer
        .write_image_data(&labels.labels)
        .and_then(|()| writer.finish())
        .map_err(|e| e.to_string())
}

/// Writes labels as a grey PNG of 8 bits.
///
/// # Errors
/// When the file can't be written.
pub fn write_grey(path: &Path, labels: &LabelMap) -> Result<(), String> {
    let file = File::create(path).map_err(|e| e.to_string())?;
    let mut encoder = png::Encoder::new(
        std::io::BufWriter::new(file),
        labels.width as u32,
        labels.height as u32,
    );
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    writer
        .write_image_data(&labels.labels)
        .and_then(|()| writer.finish())
        .map_err(|e| e.to_string())
}
