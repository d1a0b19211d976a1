//! What a LabelMe file holds, and the shapes that it draws.
//!
//! Source: labelme's `utils/shape.py` (`shapes_to_label`): shapes are painted in the order of the
//! file, lines 10 pixels wide, points with a radius of 5.

use std::collections::BTreeSet;

use base64::Engine;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::data::shapes::{Drawing, Form, Shape};
use crate::finding::counted;

const LINE_WIDTH: f64 = 10.0;
const POINT_RADIUS: f64 = 5.0;

/// One annotation file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotation {
    shapes: Vec<Drawn>,
    #[serde(default)]
    pub(super) image_path: Option<String>,
    #[serde(default)]
    pub(super) image_data: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) image_width: Option<usize>,
    #[serde(default)]
    pub(super) image_height: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Drawn {
    label: String,
    points: Vec<[f64; 2]>,
    #[serde(default)]
    shape_type: Option<String>,
    #[serde(default)]
    mask: Option<String>,
}

/// Reads an annotation file.
///
/// # Errors
/// Where the text is no such JSON.
pub fn parse(text: &[u8]) -> Result<Annotation, String> {
    serde_json::from_slice(text).map_err(|e| e.to_string())
}

impl Annotation {
    /// The labels that occur.
    #[must_use]
    pub fn labels(&self) -> BTreeSet<String> {
        self.shapes
            .iter()
            .map(|shape| shape.label.clone())
            .collect()
    }

    /// What to paint, given the value of each label and the size of the picture where the file does
    /// not say it; and what could not be drawn.
    #[must_use]
    pub fn drawing(
        &self,
        value: impl Fn(&str) -> Option<u32>,
        size: (usize, usize),
    ) -> (Drawing, Vec<String>) {
        let mut drawing = Drawing {
            width: self.image_width.filter(|w| *w > 0).unwrap_or(size.0),
            height: self.image_height.filter(|h| *h > 0).unwrap_or(size.1),
            shapes: Vec::new(),
        };
        let mut faults = Vec::new();
        for shape in &self.shapes {
            let Some(value) = value(&shape.label) else {
                continue;
            };
            match shape.forms() {
                Ok(forms) => drawing
                    .shapes
                    .extend(forms.into_iter().map(|form| Shape { value, form })),
                Err(fault) => faults.push(format!("`{}` {fault}", shape.label)),
            }
        }
        (drawing, faults)
    }

    /// Shapes with a point beyond the picture.
    pub(super) fn outside(&self) -> usize {
        let (Some(width), Some(height)) = (self.image_width, self.image_height) else {
            return 0;
        };
        let beyond =
            |p: &[f64; 2]| p[0] < 0.0 || p[1] < 0.0 || p[0] > width as f64 || p[1] > height as f64;
        let shapes = self.shapes.iter();
        shapes
            .filter(|shape| shape.points.iter().any(beyond))
            .count()
    }
}

impl Drawn {
    fn forms(&self) -> Result<Vec<Form>, String> {
        // LabelMe drops fractions and fills up to and including the corners' pixels.
        let pixel = |p: &[f64; 2]| [p[0].trunc() + 0.5, p[1].trunc() + 0.5];
        let points: Vec<[f64; 2]> = self.points.iter().map(pixel).collect();
        let need = |count: usize| {
            if points.len() < count {
                let kind = self.shape_type.as_deref().unwrap_or("polygon");
                return Err(format!(
                    "is a {kind} of {}, expected {count} or more",
                    counted(points.len(), ["point", "points"])
                ));
            }
            Ok(())
        };
        let ring = |ring: Vec<[f64; 2]>| Form::Rings {
            rings: vec![ring],
            outline: true,
        };
        let dot = |center: &[f64; 2]| Form::Circle {
            center: *center,
            radius: POINT_RADIUS,
        };
        match self.shape_type.as_deref().unwrap_or("polygon") {
            "polygon" | "oriented_rectangle" => {
                need(3)?;
                Ok(vec![ring(points)])
            }
            "rectangle" => {
                need(2)?;
                let (a, b) = (points[0], points[1]);
                Ok(vec![ring(vec![a, [b[0], a[1]], b, [a[0], b[1]]])])
            }
            "circle" => {
                need(2)?;
                let (a, b) = (points[0], points[1]);
                Ok(vec![Form::Circle {
                    center: a,
                    radius: (a[0] - b[0]).hypot(a[1] - b[1]),
                }])
            }
            "line" | "linestrip" => {
                need(2)?;
                let width = LINE_WIDTH;
                Ok(vec![Form::Line { points, width }])
            }
            "point" | "points" => {
                need(1)?;
                Ok(points.iter().map(dot).collect())
            }
            "mask" => {
                need(1)?;
                let text = self
                    .mask
                    .as_deref()
                    .ok_or("is a mask without its picture")?;
                let png = base64::engine::general_purpose::STANDARD
                    .decode(text.trim())
                    .map_err(|e| format!("is a mask that is no base64: {e}"))?;
                Ok(vec![Form::Bitmap {
                    left: self.points[0][0] as i64,
                    top: self.points[0][1] as i64,
                    png,
                }])
            }
            other => Err(format!("is a {other}, a shape that is not known")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_shape_is_drawn_in_the_order_of_the_file() {
        let text = br#"{"imagePath": "a.jpg", "imageData": null, "imageWidth": 20, "imageHeight": 20, "shapes": [
            {"label": "a", "shape_type": "rectangle", "points": [[1, 1], [3.9, 2]]},
            {"label": "b", "shape_type": "polygon", "points": [[2, 2], [6, 2], [6, 6], [2, 6]]},
            {"label": "_background_", "shape_type": "circle", "points": [[4, 4], [4, 5]]},
            {"label": "c", "points": [[-9, 15], [5, 15], [5, 99]]},
            {"label": "d", "shape_type": "linestrip", "points": [[1, 1]]},
            {"label": "d", "shape_type": "blob", "points": [[1, 1]]}]}"#;
        let annotation = parse(text).unwrap();
        assert_eq!(annotation.outside(), 1);
        let value = |label: &str| match label.trim_matches('_') {
            "background" => Some(0),
            other => Some(u32::from(other.as_bytes()[0] - b'a') + 1),
        };
        let (drawing, faults) = annotation.drawing(value, (0, 0));
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("1 point,") && faults[1].contains("blob"));
        let mask = drawing.paint().unwrap().values.to_vec();
        let at = |x: usize, y: usize| mask[y * 20 + x];
        // The rectangle holds its corners' pixels; the polygon covers one of them.
        assert_eq!((at(1, 1), at(3, 1), at(4, 1), at(3, 2)), (1, 1, 0, 2));
        assert_eq!((at(6, 6), at(4, 4), at(7, 7)), (2, 0, 0));
        assert_eq!((at(0, 15), at(5, 19)), (3, 3));
    }
}
