//! Charts as SVG text, or as the pixels of a PNG, on a white ground.

pub mod bars;
pub mod lines;
pub mod parallel;

use std::error::Error;
use std::sync::Once;

use plotters::coord::Shift;
use plotters::prelude::*;

pub use bars::{Bar, Bars};
pub use lines::{Chart, Line};
pub use parallel::{Axis, Parallel};

/// Whether a drawing went well, which its text and pixels never prevent.
pub type Drawn = Result<(), Box<dyn Error>>;

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

    /// An `<svg>` element; its texts are texts.
    ///
    /// # Errors
    /// When the drawing fails, which its text never should.
    fn svg(&self) -> Result<String, String> {
        let mut text = String::new();
        let root = SVGBackend::with_string(&mut text, self.size()).into_drawing_area();
        finished(self, &root, 1)?;
        drop(root);
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
        let mut file = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_raw(width, height, pixels)
            .ok_or("the picture has another size than was asked for")?
            .write_to(&mut file, image::ImageFormat::Png)
            .map_err(|error| error.to_string())?;
        Ok(file.into_inner())
    }
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

/// At most so many characters, the last an ellipsis where some are left out.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept = text.chars().take(most.saturating_sub(1));
    kept.chain(['…']).collect()
}
