//! Named bars of one unit, below one another.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::lines::number;
use super::{Drawn, Figure, shortened};

const WIDTH: u32 = 760;
const HEAD: u32 = 52;
const ROW: u32 = 22;
const NAMES: i32 = 290;
const NUMBERS: i32 = 76;
const GAP: i32 = 10;

/// One bar from 0 to its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    pub name: String,
    pub value: f64,
    pub color: [u8; 3],
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bars {
    pub title: String,
    pub unit: String,
    pub bars: Vec<Bar>,
    /// An upright line through all bars.
    pub line: Option<f64>,
}

impl Figure for Bars {
    fn title(&self) -> &str {
        &self.title
    }

    fn size(&self) -> (u32, u32) {
        (WIDTH, HEAD + ROW * self.bars.len() as u32 + 12)
    }

    fn draw<B: DrawingBackend>(&self, root: &DrawingArea<B, Shift>, scale: u32) -> Drawn
    where
        B::ErrorType: 'static,
    {
        let s = scale as i32;
        let letters = |size: u32| ("sans-serif", size * scale).into_font();
        let left = Pos::new(HPos::Left, VPos::Center);
        let right = Pos::new(HPos::Right, VPos::Center);
        let text = |words: &str, at: (i32, i32), size: u32, pos: Pos| {
            let style = TextStyle::from(letters(size)).pos(pos);
            root.draw(&Text::new(words.to_owned(), (at.0 * s, at.1 * s), style))
        };
        text(&shortened(&self.title, 90), (GAP, 16), 15, left)?;
        text(&shortened(&self.unit, 110), (GAP, 37), 12, left)?;
        let known = || self.bars.iter().map(|bar| bar.value).chain(self.line);
        let known = || known().filter(|value| value.is_finite());
        let low = known().fold(0.0, f64::min);
        let span = (known().fold(0.0, f64::max) - low).max(1e-12);
        let track = (NAMES, WIDTH as i32 - NUMBERS);
        let x = |value: f64| {
            let share = (value - low) / span;
            ((f64::from(track.0) + share * f64::from(track.1 - track.0)) * f64::from(s)) as i32
        };
        for (at, bar) in self.bars.iter().enumerate() {
            let top = HEAD as i32 + at as i32 * ROW as i32;
            let middle = top + ROW as i32 / 2;
            let (y0, y1) = ((top + 4) * s, (top + ROW as i32 - 4) * s);
            let ground = [(track.0 * s, y0), (track.1 * s, y1)];
            root.draw(&Rectangle::new(ground, RGBColor(240, 240, 240).filled()))?;
            if bar.value.is_finite() {
                let [r, g, b] = bar.color;
                let (from, to) = (x(0.0), x(bar.value));
                let (from, to) = (from.min(to), from.max(to).max(from.min(to) + s));
                let fill = RGBColor(r, g, b).filled();
                root.draw(&Rectangle::new([(from, y0), (to, y1)], fill))?;
            }
            text(&shortened(&bar.name, 46), (GAP, middle), 12, left)?;
            let value = match bar.value.is_finite() {
                true => number(bar.value),
                false => bar.value.to_string(),
            };
            text(&value, (WIDTH as i32 - GAP, middle), 12, right)?;
        }
        if let Some(value) = self.line.filter(|value| value.is_finite()) {
            let bottom = HEAD as i32 + self.bars.len() as i32 * ROW as i32;
            let ends = vec![(x(value), HEAD as i32 * s), (x(value), bottom * s)];
            root.draw(&PathElement::new(
                ends,
                RGBColor(0, 158, 115).stroke_width(scale),
            ))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars() -> Bars {
        let bar = |name: &str, value| Bar {
            name: name.to_owned(),
            value,
            color: [200, 40, 10],
        };
        Bars {
            title: "Answers & losses".to_owned(),
            unit: "loss".to_owned(),
            bars: vec![bar("a < b", 0.5), bar("below", -1.0), bar("none", f64::NAN)],
            line: Some(0.25),
        }
    }

    #[test]
    fn names_and_numbers_are_text_and_what_is_no_number_has_no_bar() {
        let text = bars().svg().unwrap();
        for word in ["Answers &amp; losses", "a &lt; b", "0.5", "NaN"] {
            assert!(
                text.lines().any(|line| line.trim() == word),
                "{word}: {text}"
            );
        }
        assert_eq!(text.matches("#C8280A").count(), 2, "{text}");
    }

    /// The longer bar is the longer one, and both begin at 0.
    #[test]
    fn bars_are_as_long_as_their_values() {
        let image = image::load_from_memory(&bars().png(1).unwrap()).unwrap();
        let image = image.to_rgb8();
        let filled = |row: u32| -> Vec<u32> {
            let y = HEAD + row * ROW + ROW / 2;
            (0..image.width())
                .filter(|x| image.get_pixel(*x, y).0 == [200, 40, 10])
                .collect()
        };
        let (up, down) = (filled(0), filled(1));
        assert!((down.len() as i64 - 2 * up.len() as i64).abs() <= 4);
        assert!(down.last() <= up.first().map(|x| x + 1).as_ref());
        assert!(filled(2).is_empty());
    }
}
