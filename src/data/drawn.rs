//! Annotation files as drawings, from bytes: what the layouts do, for those who have no folder.

use super::config::Overlap;
use super::layout;
use super::shapes::Drawing;

/// The pictures of a COCO file.
///
/// # Errors
/// Where the text is no such JSON.
pub fn coco(text: &[u8], overlap: Overlap) -> Result<Vec<Drawing>, String> {
    let annotations = layout::coco::parse(text)?;
    Ok(annotations.drawings(overlap).0.into_values().collect())
}

/// The picture of a LabelMe file; labels count from 1 in the order of the alphabet.
///
/// # Errors
/// Where the text is no such JSON.
pub fn labelme(text: &[u8]) -> Result<Drawing, String> {
    let annotation = layout::labelme::parse(text)?;
    let labels: Vec<String> = annotation.labels().into_iter().collect();
    let value = |label: &str| {
        let at = labels.iter().position(|known| known == label)?;
        u32::try_from(at + 1).ok()
    };
    Ok(annotation.drawing(value, (1, 1)).0)
}
