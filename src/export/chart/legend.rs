//! What colours mean: names in rows below what they belong to, each after a piece of its colour.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Drawn, measured};

/// Points from one row to the next, sizes of letters and of what stands before a name.
pub const ROW: u32 = 19;
const LETTERS: u32 = 15;
const PIECE: u32 = 10;
const LINE: u32 = 18;
const AFTER_PIECE: u32 = 5;
const AFTER_NAME: u32 = 14;

/// How a colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Area,
    Line,
    Dashes,
    Dot,
}

impl Mark {
    fn wide(self) -> u32 {
        match self {
            Self::Area | Self::Dot => PIECE,
            Self::Line | Self::Dashes => LINE,
        }
    }
}

/// One name and its colour.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub name: String,
    pub color: [u8; 3],
    pub mark: Mark,
}

/// Left ends and rows of the keys in a width in points, and how many rows there are.
fn flow(keys: &[Key], width: u32) -> (Vec<(u32, u32)>, u32) {
    let (mut left, mut row) = (0, 0);
    let mut places = Vec::new();
    for key in keys {
        let long = key.mark.wide() + AFTER_PIECE + measured(&key.name, LETTERS);
        if left > 0 && left + long > width {
            (left, row) = (0, row + 1);
        }
        places.push((left, row));
        left += long + AFTER_NAME;
    }
    let rows = if keys.is_empty() { 0 } else { row + 1 };
    (places, rows)
}

/// Points from top to bottom in a width.
pub fn height(keys: &[Key], width: u32) -> u32 {
    flow(keys, width).1 * ROW
}

/// Draws the keys, the upper left corner of the first at `corner`, all in points.
pub fn draw<B: DrawingBackend>(
    root: &DrawingArea<B, Shift>,
    keys: &[Key],
    corner: (u32, u32),
    width: u32,
    scale: u32,
) -> Drawn
where
    B::ErrorType: 'static,
{
    let to = |x: u32, y: u32| ((x * scale) as i32, (y * scale) as i32);
    let font = ("sans-serif", LETTERS * scale).into_font();
    let style = TextStyle::from(font).color(&RGBColor(20, 20, 20));
    let style = style.pos(Pos::new(HPos::Left, VPos::Center));
    for (key, (left, row)) in keys.iter().zip(flow(keys, width).0) {
        let (x, y) = (corner.0 + left, corner.1 + row * ROW + ROW / 2);
        piece(root, key, (x, y), scale)?;
        let beside = x + key.mark.wide() + AFTER_PIECE;
        root.draw(&Text::new(key.name.clone(), to(beside, y), style.clone()))?;
    }
    Ok(())
}

/// The piece of a colour whose left end is at `(x, y)`, in points.
pub fn piece<B: DrawingBackend>(
    root: &DrawingArea<B, Shift>,
    key: &Key,
    (x, y): (u32, u32),
    scale: u32,
) -> Drawn
where
    B::ErrorType: 'static,
{
    let [r, g, b] = key.color;
    let color = RGBColor(r, g, b);
    let to = |x: u32, y: u32| ((x * scale) as i32, (y * scale) as i32);
    // Small letters are what the eye takes for the middle of a row: a little above it.
    let y = y.saturating_sub(2);
    let line = |from: u32, until: u32| {
        let ends = vec![to(x + from, y), to(x + until, y)];
        root.draw(&PathElement::new(ends, color.stroke_width(2 * scale)))
    };
    match key.mark {
        Mark::Area => {
            let half = PIECE / 2;
            let ends = [to(x, y.saturating_sub(half)), to(x + PIECE, y + half)];
            root.draw(&Rectangle::new(ends, color.filled()))?;
            let rim = RGBColor(120, 120, 120).stroke_width(scale);
            root.draw(&Rectangle::new(ends, rim))?;
        }
        Mark::Line => line(0, LINE)?,
        Mark::Dashes => {
            line(0, 7)?;
            line(11, LINE)?;
        }
        Mark::Dot => {
            let size = 4 * scale;
            root.draw(&Circle::new(to(x + PIECE / 2, y), size, color.filled()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_do_not_fit_go_on_in_the_next_row() {
        let key = |name: &str| Key {
            name: name.to_owned(),
            color: [1, 2, 3],
            mark: Mark::Area,
        };
        let keys = ["one", "another", "a third one"].map(key);
        assert_eq!(height(&keys, 1000), ROW);
        assert_eq!(height(&keys, 10), 3 * ROW);
        let (places, rows) = flow(&keys, 150);
        assert_eq!((places[0], rows), ((0, 0), 2));
        assert!(
            places[1].0 > 30 && places[1].1 == 0 && places[2] == (0, 1),
            "{places:?}"
        );
        assert_eq!(height(&[], 100), 0);
    }
}
