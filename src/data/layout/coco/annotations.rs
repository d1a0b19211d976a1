//! The format: `images`, `annotations` and `categories`, and the drawing of each image that follows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::super::{Row, Table};
use super::MOST_CLASSES;
use crate::data::config::Overlap;
use crate::data::shapes::{Drawing, Form, Shape, rle};
use crate::finding::counted;

/// One annotation file.
#[derive(Debug, Deserialize)]
pub struct Annotations {
    pub(super) images: Vec<Picture>,
    pub(super) annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Picture {
    pub(super) id: Value,
    pub(super) file_name: String,
    #[serde(default)]
    width: usize,
    #[serde(default)]
    height: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct Annotation {
    image_id: Value,
    category_id: i64,
    #[serde(default)]
    segmentation: Option<Segmentation>,
    #[serde(default)]
    iscrowd: Value,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Segmentation {
    Polygons(Vec<Vec<f64>>),
    Runs { counts: Counts, size: [usize; 2] },
    Other(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Counts {
    Plain(Vec<u32>),
    Letters(String),
}

#[derive(Debug, Deserialize)]
struct Category {
    id: i64,
    name: String,
}

/// What could not be drawn of one annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Id of the picture.
    pub image: String,
    /// Begins with the picture's name, where that is known.
    pub message: String,
}

/// Reads an annotation file.
///
/// # Errors
/// Where the text is no such JSON.
pub fn parse(text: &[u8]) -> Result<Annotations, String> {
    serde_json::from_slice(text).map_err(|e| e.to_string())
}

impl Annotations {
    /// The drawing of each picture, by its id; and what could not be drawn.
    #[must_use]
    pub fn drawings(&self, overlap: Overlap) -> (HashMap<String, Drawing>, Vec<Fault>) {
        let ids = self.values();
        let mut names: HashMap<String, &str> = HashMap::new();
        let mut drawings: HashMap<String, Drawing> = HashMap::new();
        for picture in &self.images {
            let drawing = Drawing {
                width: picture.width,
                height: picture.height,
                shapes: Vec::new(),
            };
            names.insert(picture.id.to_string(), &picture.file_name);
            drawings.insert(picture.id.to_string(), drawing);
        }
        let mut crowds: HashMap<String, Vec<Shape>> = HashMap::new();
        let mut faults = Vec::new();
        for annotation in &self.annotations {
            let image = annotation.image_id.to_string();
            let name = names.get(&image).copied().unwrap_or_default();
            let mut fault = |message: String| {
                faults.push(Fault {
                    image: image.clone(),
                    message,
                });
            };
            let Some(drawing) = drawings.get_mut(&image) else {
                fault(format!(
                    "an annotation of image {image}, which is not listed"
                ));
                continue;
            };
            let Some(&value) = ids.get(&annotation.category_id) else {
                fault(format!(
                    "an annotation in {name} of category {}, which is not listed",
                    annotation.category_id
                ));
                continue;
            };
            match annotation.form(drawing, &mut |why| fault(format!("{name} {why}"))) {
                Ok(Some(form)) => {
                    let crowd = matches!(&annotation.iscrowd, Value::Number(n) if n.as_f64() != Some(0.0))
                        || annotation.iscrowd == Value::Bool(true);
                    let shape = Shape { value, form };
                    if crowd {
                        crowds.entry(image).or_default().push(shape);
                    } else {
                        drawing.shapes.push(shape);
                    }
                }
                Ok(None) => {}
                Err(why) => fault(format!("{name} {why}")),
            }
        }
        for (image, drawing) in &mut drawings {
            if overlap == Overlap::Smaller {
                let area = |shape: &Shape| Drawing::area(&shape.form);
                drawing.shapes.sort_by(|a, b| area(b).total_cmp(&area(a)));
            }
            if let Some(mut under) = crowds.remove(image) {
                under.append(&mut drawing.shapes);
                drawing.shapes = under;
            }
        }
        (drawings, faults)
    }

    /// Category to mask value: its id; shifted by one where id 0 is a category that is drawn, because
    /// 0 is the background.
    fn values(&self) -> BTreeMap<i64, u32> {
        let drawn: BTreeSet<i64> = self.annotations.iter().map(|a| a.category_id).collect();
        let zero = self.categories.iter().find(|c| c.id == 0);
        let shift = i64::from(zero.is_some_and(|c| drawn.contains(&0) && !is_background(&c.name)));
        let categories = self.categories.iter();
        categories
            .filter_map(|c| Some((c.id, u32::try_from(c.id.checked_add(shift)?).ok()?)))
            .collect()
    }

    pub(super) fn table(&self, origin: String) -> Table {
        let drawn: BTreeSet<i64> = self.annotations.iter().map(|a| a.category_id).collect();
        let values = self.values();
        let mut rows = vec![Row {
            name: "background".to_owned(),
            color: None,
            value: Some(0),
        }];
        for category in &self.categories {
            let Some(&value) = values.get(&category.id) else {
                continue;
            };
            // Roboflow lists the project itself as category 0, without objects.
            let used = drawn.contains(&category.id);
            let few = self.categories.len() <= MOST_CLASSES;
            if value > 0 && (used || few) {
                rows.push(Row {
                    name: category.name.clone(),
                    color: None,
                    value: Some(value),
                });
            }
        }
        rows.sort_by_key(|row| row.value);
        rows.dedup_by_key(|row| row.value);
        Table {
            origin,
            rows,
            ignore: Vec::new(),
            only_if_ids_below: None,
        }
    }
}

fn is_background(name: &str) -> bool {
    name.trim_matches('_').eq_ignore_ascii_case("background")
}

impl Annotation {
    /// `None` where there is only a box; rings that enclose nothing are left out and said.
    fn form(
        &self,
        drawing: &Drawing,
        left_out: &mut dyn FnMut(String),
    ) -> Result<Option<Form>, String> {
        match &self.segmentation {
            None => Ok(None),
            Some(Segmentation::Polygons(rings)) => {
                let mut whole = Vec::new();
                for numbers in rings {
                    match ring(numbers) {
                        Ok(ring) => whole.push(ring),
                        Err(fault) => left_out(fault),
                    }
                }
                Ok((!whole.is_empty()).then_some(Form::Rings {
                    rings: whole,
                    outline: false,
                }))
            }
            Some(Segmentation::Runs { counts, size }) => {
                if *size != [drawing.height, drawing.width] {
                    return Err(format!(
                        "has run lengths of {} × {}, expected {} × {}",
                        size[1], size[0], drawing.width, drawing.height
                    ));
                }
                let runs = match counts {
                    Counts::Plain(runs) => runs.clone(),
                    Counts::Letters(text) => rle::counts(text)?,
                };
                let covered: u64 = runs.iter().map(|n| u64::from(*n)).sum();
                let pixels = drawing.width as u64 * drawing.height as u64;
                if covered > pixels {
                    return Err(format!(
                        "has runs of {covered} pixels, its picture has {pixels}"
                    ));
                }
                Ok(Some(Form::Runs(runs)))
            }
            Some(Segmentation::Other(_)) => {
                Err("has a segmentation that is neither polygons nor run lengths".to_owned())
            }
        }
    }
}

/// The points of a polygon, written x, y, x, y.
fn ring(numbers: &[f64]) -> Result<Vec<[f64; 2]>, String> {
    let (points, rest) = numbers.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(format!(
            "has a polygon of {} numbers, expected pairs of x and y",
            numbers.len()
        ));
    }
    if points.len() < 3 {
        return Err(format!(
            "has a polygon of {}, expected at least 3",
            counted(points.len(), ["point", "points"])
        ));
    }
    let whole = Form::Rings {
        rings: vec![points.to_vec()],
        outline: false,
    };
    if Drawing::area(&whole) > 0.0 {
        Ok(points.to_vec())
    } else {
        Err(format!(
            "has a polygon of {} points that encloses nothing",
            points.len()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotations(segmentations: &[(i64, &str, u8)]) -> Annotations {
        let list: Vec<String> = segmentations
            .iter()
            .map(|(category, text, crowd)| {
                format!(
                    r#"{{"image_id": 7, "category_id": {category}, "iscrowd": {crowd}, "segmentation": {text}}}"#
                )
            })
            .collect();
        let text = format!(
            r#"{{"images": [{{"id": 7, "file_name": "a.jpg", "width": 4, "height": 2}}],
                "categories": [{{"id": 0, "name": "cat"}}, {{"id": 3, "name": "dog"}}],
                "annotations": [{}]}}"#,
            list.join(",")
        );
        parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_smaller_object_is_on_top_unless_the_later_is_wanted() {
        let small = "[[0,0, 1,0, 1,2, 0,2]]";
        let large = "[[0,0, 4,0, 4,2, 0,2]]";
        let both = annotations(&[(0, small, 0), (3, large, 0)]);
        let paint = |overlap| {
            both.drawings(overlap).0["7"]
                .paint()
                .unwrap()
                .values
                .to_vec()
        };
        // Category 0 is drawn, so that all values move up by one.
        assert_eq!(paint(Overlap::Smaller), [1, 4, 4, 4, 1, 4, 4, 4]);
        assert_eq!(paint(Overlap::Later), [4; 8]);
        let table = both.table("x".to_owned());
        let names: Vec<_> = table
            .rows
            .iter()
            .map(|r| (r.name.as_str(), r.value))
            .collect();
        assert_eq!(
            names,
            [("background", Some(0)), ("cat", Some(1)), ("dog", Some(4))]
        );
    }

    #[test]
    fn polygons_that_enclose_nothing_are_said_and_those_beside_them_drawn() {
        let whole = "[0,0, 1,0, 1,2, 0,2]";
        let broken = annotations(&[
            (3, &format!("[{whole}, [2,0, 3,1]]"), 0),
            (3, "[[2,0, 3,0, 3,1, 9]]", 0),
            (3, "[[2,0, 3,0, 4,0]]", 0),
        ]);
        let (drawings, faults) = broken.drawings(Overlap::Later);
        let expected = [
            "2 points, expected at least 3",
            "7 numbers",
            "encloses nothing",
        ];
        assert_eq!(faults.len(), 3, "{faults:?}");
        for (fault, expected) in faults.iter().zip(expected) {
            assert!(
                fault.message.starts_with("a.jpg has") && fault.message.contains(expected),
                "{fault:?}"
            );
        }
        // Category 0 is not drawn here, so that 3 stays.
        let values = drawings["7"].paint().unwrap().values.to_vec();
        assert_eq!(values, [3, 0, 0, 0, 3, 0, 0, 0]);
        let sound = annotations(&[(3, &format!("[{whole}]"), 0), (3, "[[2,0, 3,0, 3,1]]", 0)]);
        assert!(sound.drawings(Overlap::Later).1.is_empty());
    }

    #[test]
    fn run_lengths_are_read_plain_and_compressed_and_checked() {
        let plain = annotations(&[(3, r#"{"counts": [2, 2, 4], "size": [2, 4]}"#, 1)]);
        let (drawings, faults) = plain.drawings(Overlap::Later);
        assert!(faults.is_empty());
        assert_eq!(
            drawings["7"].paint().unwrap().values.to_vec(),
            [0, 3, 0, 0, 0, 3, 0, 0]
        );
        let letters = annotations(&[(3, r#"{"counts": "224", "size": [2, 4]}"#, 0)]);
        let (drawings, _) = letters.drawings(Overlap::Later);
        assert_eq!(
            drawings["7"].paint().unwrap().values.to_vec(),
            [0, 3, 0, 0, 0, 3, 0, 0]
        );
        let wrong = annotations(&[(3, r#"{"counts": [2, 2, 9], "size": [2, 4]}"#, 0)]);
        assert!(
            wrong.drawings(Overlap::Later).1[0]
                .message
                .contains("13 pixels")
        );
        let size = annotations(&[(3, r#"{"counts": [1], "size": [4, 2]}"#, 0)]);
        assert!(size.drawings(Overlap::Later).1[0].message.contains("2 × 4"));
    }
}
