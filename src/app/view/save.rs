//! Something that is to be saved as a file, its name and its bytes; and the menu that asks for pictures. Who asked
//! for it and where it goes is its owner's business.

use egui::{ColorImage, Role, Ui, WidgetInfo};
use image::RgbImage;

use crate::export::chart::{Figure, Plate, Plates};

/// Pixels to a point of a PNG.
pub const SCALE: u32 = 2;

/// See the head of this file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Save {
    /// Suggested name of the file, with its ending.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl Save {
    /// `name` is made fit for a file.
    #[must_use]
    pub fn new(name: &str, ending: &str, bytes: Vec<u8>) -> Self {
        Self {
            name: format!("{}.{ending}", crate::files::slug(name)),
            bytes,
        }
    }
}

/// A menu of two choices, text and help of each: the pictures beside it as SVG or as PNG. Whether SVG
/// was asked for.
pub fn pictures_menu(ui: &mut Ui, choices: [(&str, &str); 2]) -> Option<bool> {
    let mut asked = None;
    let menu = ui.menu_button("Save", |ui| {
        for ((text, help), svg) in choices.into_iter().zip([true, false]) {
            if ui.button(text).on_hover_text(help).clicked() {
                asked = Some(svg);
                ui.close();
            }
        }
    });
    // The plots beside have a menu of this name, too.
    (menu.response).widget_info(|| WidgetInfo::labeled(Role::Button, true, "Save pictures"));
    menu.response.on_hover_text("These pictures as a file.");
    asked
}

/// Rows of text as CSV; the first is the heading.
///
/// # Errors
/// When a row has another length than the heading.
pub fn csv(rows: &[Vec<String>]) -> Result<Vec<u8>, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer
            .write_record(row)
            .map_err(|error| error.to_string())?;
    }
    writer.into_inner().map_err(|error| error.to_string())
}

/// Rows as JSON: an object for each, by the names in the heading; what reads as a number is one.
///
/// # Errors
/// When the text can't be made.
pub fn json(rows: &[Vec<String>]) -> Result<Vec<u8>, String> {
    let Some((heading, rows)) = rows.split_first() else {
        return Ok(b"[]".to_vec());
    };
    let value = |text: &String| match text.parse::<f64>() {
        _ if text.is_empty() || text == crate::experiment::ABSENT => serde_json::Value::Null,
        Ok(number) if number.is_finite() => serde_json::json!(number),
        // Names stay names, and what is no number in JSON stays a word.
        _ => serde_json::json!(text),
    };
    let objects: Vec<serde_json::Map<String, serde_json::Value>> = (rows.iter())
        .map(|row| heading.iter().cloned().zip(row.iter().map(value)).collect())
        .collect();
    serde_json::to_vec_pretty(&objects).map_err(|error| error.to_string())
}

/// A picture with its name, for a file.
#[must_use]
pub fn plate(name: impl Into<String>, picture: &ColorImage) -> Plate {
    let [width, height] = picture.size.map(|side| side as u32);
    let pixels = picture.pixels.iter();
    let pixels = pixels.flat_map(|p| [p.r(), p.g(), p.b()]).collect();
    Plate {
        name: name.into(),
        picture: RgbImage::from_raw(width, height, pixels),
        ..Plate::default()
    }
}

/// Pictures with their names as one file.
///
/// # Errors
/// When there is no picture, or they can't be packed.
pub fn plates(name: &str, plates: &Plates, svg: bool) -> Result<Save, String> {
    if plates.plates.iter().all(|plate| plate.picture.is_none()) {
        return Err("no picture is there yet to be saved".to_owned());
    }
    Ok(match svg {
        true => Save::new(name, "svg", plates.svg()?.into_bytes()),
        false => Save::new(name, "png", plates.png(SCALE)?),
    })
}

#[cfg(test)]
mod tests {
    use egui::Color32;

    use super::*;

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).into();
        vec![
            row(["run", "loss", "dice"]),
            row(["a, b", "0.25", "–"]),
            row(["c", "NaN", ""]),
        ]
    }

    #[test]
    fn tables_are_quoted_in_csv_and_typed_in_json() {
        let text = String::from_utf8(csv(&rows()).unwrap()).unwrap();
        assert_eq!(text, "run,loss,dice\n\"a, b\",0.25,–\nc,NaN,\n");
        let value: serde_json::Value = serde_json::from_slice(&json(&rows()).unwrap()).unwrap();
        assert_eq!(value[0]["loss"], 0.25);
        assert!(value[0]["dice"].is_null() && value[1]["dice"].is_null());
        assert_eq!(
            (&value[0]["run"], &value[1]["loss"]),
            (&"a, b".into(), &"NaN".into())
        );
        assert_eq!(json(&[]).unwrap(), b"[]");
    }

    #[test]
    fn a_picture_keeps_its_pixels_and_an_empty_panel_is_no_file() {
        let pixels = [[1, 2, 3], [250, 0, 9]].map(|[r, g, b]| Color32::from_rgb(r, g, b));
        let picture = ColorImage::new([2, 1], pixels.to_vec());
        let mut all = Plates {
            plates: vec![plate("a", &picture)],
            ..Plates::default()
        };
        let kept = all.plates[0].picture.as_ref().unwrap();
        assert_eq!(kept.as_raw(), &[1, 2, 3, 250, 0, 9]);
        let (svg, png) = (plates("x y", &all, true), plates("x y", &all, false));
        assert_eq!(svg.unwrap().name, "x-y.svg");
        assert!(image::load_from_memory(&png.unwrap().bytes).is_ok());
        all.plates[0].picture = None;
        assert!(plates("x", &all, true).is_err() && plates("x", &all, false).is_err());
    }
}
