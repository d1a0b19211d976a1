//! Parallel coordinates: upright axes beside one another, and a line for each run across them.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Drawn, Figure, measured, shortened};

/// Points from one axis to the next: at least, and at most.
const STEP: [u32; 2] = [130, 280];
const SIDE: i32 = 90;
const TOP: i32 = 64;
const BOTTOM: i32 = 24;
const HEIGHT: u32 = 440;
/// Sizes of letters.
const NAME: u32 = 14;
const MARK: u32 = 13;

/// One axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    pub name: String,
    /// Places in 0..=1 from the lower end, and what stands there.
    pub marks: Vec<(f64, String)>,
}

/// What is drawn. Lines are given by the share of each axis they cross, and a colour.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parallel {
    pub title: String,
    pub axes: Vec<Axis>,
    pub lines: Vec<(Vec<Option<f64>>, [u8; 3])>,
}

impl Parallel {
    /// Points from one axis to the next: names stand beside one another, and marks end before the
    /// next axis.
    fn step(&self) -> u32 {
        let names = self.axes.iter().map(|axis| measured(&axis.name, NAME) + 14);
        let marks = self.axes.iter().flat_map(|axis| &axis.marks);
        let marks = marks.map(|(_, word)| measured(word, MARK) + 16);
        let widest = names.chain(marks).max().unwrap_or(0);
        widest.clamp(STEP[0], STEP[1])
    }
}

impl Figure for Parallel {
    fn title(&self) -> &str {
        &self.title
    }

    fn size(&self) -> (u32, u32) {
        let between = self.axes.len().saturating_sub(1).max(1) as u32;
        (2 * SIDE as u32 + self.step() * between, HEIGHT)
    }

    fn draw<B: DrawingBackend>(&self, root: &DrawingArea<B, Shift>, scale: u32) -> Drawn
    where
        B::ErrorType: 'static,
    {
        let s = scale as i32;
        let text = |words: &str, at: (i32, i32), size: u32, pos: Pos| {
            let font = ("sans-serif", size * scale).into_font();
            let style = TextStyle::from(font).pos(pos);
            root.draw(&Text::new(words.to_owned(), (at.0 * s, at.1 * s), style))
        };
        let step = self.step();
        let x = |axis: usize| SIDE + axis as i32 * step as i32;
        let most = |letters: u32| (step * 2 / letters) as usize;
        let foot = HEIGHT as i32 - BOTTOM;
        let y = |share: f64| foot - (share * f64::from(foot - TOP)) as i32;
        let left = Pos::new(HPos::Left, VPos::Center);
        text(&shortened(&self.title, 80), (10, 16), 15, left)?;
        for (crossings, [r, g, b]) in &self.lines {
            let points: Vec<(i32, i32)> = (crossings.iter().enumerate())
                .filter_map(|(axis, share)| Some((x(axis) * s, y((*share)?) * s)))
                .collect();
            let style = RGBColor(*r, *g, *b).stroke_width(2 * scale);
            root.draw(&PathElement::new(points, style))?;
        }
        let grey = RGBColor(120, 120, 120);
        for (at, axis) in self.axes.iter().enumerate() {
            let ends = vec![(x(at) * s, y(0.0) * s), (x(at) * s, y(1.0) * s)];
            root.draw(&PathElement::new(ends, grey.stroke_width(scale)))?;
            let name = shortened(&axis.name, most(NAME));
            let above = Pos::new(HPos::Center, VPos::Center);
            text(&name, (x(at), TOP - 18), NAME, above)?;
            for (share, word) in &axis.marks {
                text(
                    &shortened(word, most(MARK)),
                    (x(at) + 5, y(*share)),
                    MARK,
                    left,
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_crosses_the_axes_it_has_a_value_for() {
        let axis = |name: &str| Axis {
            name: name.to_owned(),
            marks: vec![(0.0, "low".to_owned()), (1.0, "high".to_owned())],
        };
        let figure = Parallel {
            title: "Sweep".to_owned(),
            axes: vec![axis("rate"), axis("smooth"), axis("dice")],
            lines: vec![
                (vec![Some(0.0), Some(1.0), Some(0.5)], [1, 2, 3]),
                (vec![Some(1.0), None, Some(0.0)], [3, 2, 1]),
            ],
        };
        let text = figure.svg().unwrap();
        let points = |color: &str| {
            let line = text.lines().find(|line| line.contains(color)).unwrap();
            let list = line.split("points=\"").nth(1).unwrap();
            list.split('"').next().unwrap().split_whitespace().count()
        };
        assert_eq!((points("#010203"), points("#030201")), (3, 2));
        assert_eq!(text.lines().filter(|line| line.trim() == "high").count(), 3);
    }
}
