//! Something that is to be saved as a file, its name and its bytes; and the menu that asks for pictures. Who asked
//! for it and where it goes is its owner's business.

use std::fmt::Write;

use base64::Engine;
use egui::{Color32, ColorImage, Role, Ui, WidgetInfo};

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

/// A picture as a PNG file.
///
/// # Errors
/// When it can't be packed.
pub fn png(picture: &ColorImage) -> Result<Vec<u8>, String> {
    let [width, height] = picture.size;
    let pixels: Vec<u8> = picture
        .pixels
        .iter()
        .flat_map(|p| [p.r(), p.g(), p.b()])
        .collect();
    let mut file = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_raw(width as u32, height as u32, pixels)
        .ok_or("the picture has another size than its pixels")?
        .write_to(&mut file, image::ImageFormat::Png)
        .map_err(|error| error.to_string())?;
    Ok(file.into_inner())
}

/// Pictures beside one another, each under its title, which stays text.
///
/// # Errors
/// When a picture can't be packed.
pub fn pictures_svg(pictures: &[(String, ColorImage)]) -> Result<String, String> {
    const SIDE: f64 = 320.0;
    const HEAD: f64 = 24.0;
    const GAP: f64 = 10.0;
    let columns = (pictures.len() as f64).sqrt().ceil().max(1.0);
    let mut body = String::new();
    let mut bottom: f64 = 0.0;
    for (at, (title, picture)) in pictures.iter().enumerate() {
        let [width, height] = picture.size.map(|side| side.max(1) as f64);
        let shown = SIDE * height / width;
        let (column, row) = (at as f64 % columns, (at as f64 / columns).floor());
        let (x, y) = (
            GAP + column * (SIDE + GAP),
            GAP + row * (shown + HEAD + GAP),
        );
        let data = base64::engine::general_purpose::STANDARD.encode(png(picture)?);
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            body,
            "<text x=\"{x}\" y=\"{}\" font-family=\"sans-serif\" font-size=\"13\">{title}</text>\
             <image x=\"{x}\" y=\"{}\" width=\"{SIDE}\" height=\"{shown}\" \
             style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{data}\"/>",
            y + 15.0,
            y + HEAD
        );
        bottom = bottom.max(y + HEAD + shown);
    }
    let wide = GAP + columns * (SIDE + GAP);
    let high = bottom + GAP;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" \
         viewBox=\"0 0 {wide} {high}\"><rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n{body}</svg>\n"
    ))
}

/// Panes with their titles as one file: SVG with titles, or the bare pixels beside one another.
///
/// # Errors
/// When there is no pane, or one can't be packed.
pub fn pictures(name: &str, panes: &[(String, ColorImage)], svg: bool) -> Result<Save, String> {
    if panes.is_empty() {
        return Err("no picture is there yet to be saved".to_owned());
    }
    if svg {
        let text = pictures_svg(panes)?;
        return Ok(Save::new(name, "svg", text.into_bytes()));
    }
    let pictures: Vec<&ColorImage> = panes.iter().map(|(_, picture)| picture).collect();
    png(&beside(&pictures)).map(|bytes| Save::new(name, "png", bytes))
}

/// Pictures beside one another, four pixels apart.
fn beside(pictures: &[&ColorImage]) -> ColorImage {
    const GAP: usize = 4;
    let wide: usize = pictures.iter().map(|picture| picture.size[0] + GAP).sum();
    let high = pictures
        .iter()
        .map(|picture| picture.size[1])
        .max()
        .unwrap_or(1);
    let wide = wide.saturating_sub(GAP).max(1);
    let mut all = ColorImage::filled([wide, high], Color32::WHITE);
    let mut left = 0;
    for picture in pictures {
        let [w, h] = picture.size;
        for y in 0..h {
            let to = y * wide + left;
            all.pixels[to..to + w].copy_from_slice(&picture.pixels[y * w..(y + 1) * w]);
        }
        left += w + GAP;
    }
    all
}

#[cfg(test)]
mod tests {
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
    fn a_picture_keeps_its_pixels_and_its_title_is_text() {
        let picture = ColorImage::new(
            [2, 1],
            vec![Color32::from_rgb(1, 2, 3), Color32::from_rgb(250, 0, 9)],
        );
        let read = image::load_from_memory(&png(&picture).unwrap())
            .unwrap()
            .to_rgb8();
        assert_eq!(read.as_raw(), &[1, 2, 3, 250, 0, 9]);
        let panes = [
            ("a < b".to_owned(), picture.clone()),
            ("c".to_owned(), picture),
        ];
        let text = pictures_svg(&panes).unwrap();
        assert!(text.contains(">a &lt; b</text>") && text.matches("<image").count() == 2);
    }

    #[test]
    fn pictures_stand_beside_one_another() {
        let one = ColorImage::filled([2, 3], Color32::RED);
        let other = ColorImage::filled([1, 2], Color32::BLUE);
        let all = beside(&[&one, &other]);
        assert_eq!(all.size, [7, 3]);
        assert_eq!(all.pixels[1], Color32::RED);
        assert_eq!(all.pixels[6], Color32::BLUE);
        assert_eq!(
            (all.pixels[2], all.pixels[20]),
            (Color32::WHITE, Color32::WHITE)
        );
    }
}
