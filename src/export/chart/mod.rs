//! Charts as SVG text, or as the pixels of a PNG, on a white ground.

pub mod bars;
mod legend;
pub mod lines;
pub mod parallel;
pub mod plates;

use std::error::Error;
use std::sync::Once;

use base64::Engine;
use image::{ImageFormat, RgbImage};
use plotters::coord::Shift;
use plotters::prelude::*;

pub use bars::{Bar, Bars};
pub use lines::{Chart, Line};
pub use parallel::{Axis, Parallel};
pub use plates::{Plate, Plates};

/// Whether a drawing went well, which its text and pixels never prevent.
pub type Drawn = Result<(), Box<dyn Error>>;

/// A picture within a figure: its upper left corner and its size in points.
pub struct Placed<'a> {
    pub at: (u32, u32),
    pub size: (f64, f64),
    pub picture: &'a RgbImage,
}

/// Something that can be drawn at any size.
pub trait Figure {
    fn title(&self) -> &str;

    /// Width and height in points.
    fn size(&self) -> (u32, u32);

    /// Draws into `root`, `scale` pixels to a point; the ground is white already.
    ///
    /// # Errors
    /// When the backend fails.
    fn draw<B: DrawingBackend>(&self, root: &DrawingArea<B, Shift>, scale: u32) -> Drawn
    where
        B::ErrorType: 'static;

    /// Pictures that lie over what is drawn.
    fn pictures(&self) -> Vec<Placed<'_>> {
        Vec::new()
    }

    /// An `<svg>` element; its texts are texts.
    ///
    /// # Errors
    /// When the drawing fails, which its text never should.
    fn svg(&self) -> Result<String, String> {
        let mut text = String::new();
        let root = SVGBackend::with_string(&mut text, self.size()).into_drawing_area();
        finished(self, &root, 1)?;
        drop(root);
        if let Some(end) = text.rfind("</svg>") {
            let pictures: Result<String, String> = self.pictures().iter().map(element).collect();
            text.insert_str(end, &pictures?);
        }
        Ok(text)
    }

    /// A PNG file, `scale` pixels to a point.
    ///
    /// # Errors
    /// When the drawing fails, which its pixels never should.
    fn png(&self, scale: u32) -> Result<Vec<u8>, String> {
        let (width, height) = self.size();
        let (width, height) = (width * scale, height * scale);
        let mut pixels = vec![0; (width * height * 3) as usize];
        let root = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        finished(self, &root, scale)?;
        drop(root);
        let mut whole = RgbImage::from_raw(width, height, pixels)
            .ok_or("the picture has another size than was asked for")?;
        for placed in self.pictures() {
            let pixels = |points: f64| (points * f64::from(scale)).round() as u32;
            let size = (pixels(placed.size.0), pixels(placed.size.1));
            let shown = plates::enlarged(placed.picture, size);
            let (left, top) = (placed.at.0 * scale, placed.at.1 * scale);
            image::imageops::replace(&mut whole, &shown, left.into(), top.into());
        }
        png(&whole)
    }
}

/// The bytes of a PNG file.
fn png(picture: &RgbImage) -> Result<Vec<u8>, String> {
    let mut file = std::io::Cursor::new(Vec::new());
    (picture.write_to(&mut file, ImageFormat::Png)).map_err(|error| error.to_string())?;
    Ok(file.into_inner())
}

/// A picture in the text of an SVG.
fn element(placed: &Placed) -> Result<String, String> {
    let Placed {
        at: (x, y),
        size: (width, height),
        picture,
    } = placed;
    let data = base64::engine::general_purpose::STANDARD.encode(png(picture)?);
    Ok(format!(
        "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
         preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" \
         href=\"data:image/png;base64,{data}\"/>\n"
    ))
}

fn finished<F: Figure + ?Sized, B: DrawingBackend>(
    figure: &F,
    root: &DrawingArea<B, Shift>,
    scale: u32,
) -> Result<(), String>
where
    B::ErrorType: 'static,
{
    fonts();
    let drawn = || -> Drawn {
        root.fill(&WHITE)?;
        figure.draw(root, scale)?;
        root.present()?;
        Ok(())
    };
    drawn().map_err(|error| format!("{}: {error}", figure.title()))
}

/// The window's own letters, so that a chart looks alike on every machine.
fn fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let bytes = epaint_default_fonts::UBUNTU_LIGHT;
        if plotters::style::register_font("sans-serif", FontStyle::Normal, bytes).is_err() {
            log::warn!("charts have no letters");
        }
    });
}

/// Points that words take in letters of this size, with some to spare: other programs draw an SVG's
/// letters wider than the ones measured here.
fn measured(words: &str, letters: u32) -> u32 {
    const SLACK: f64 = 1.12;
    fonts();
    // Without letters there is nothing to measure with, but half their height is near.
    let guess = words.chars().count() as f64 * f64::from(letters) / 2.0;
    let font = ("sans-serif", letters).into_font();
    let width = font
        .box_size(words)
        .map_or(guess, |(width, _)| f64::from(width));
    (width * SLACK).ceil() as u32
}

/// At most so many characters, the last an ellipsis where some are left out.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept = text.chars().take(most.saturating_sub(1));
    kept.chain(['…']).collect()
}
