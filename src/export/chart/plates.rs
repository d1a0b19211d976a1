//! Pictures in a grid, each below its name, under one heading and above what the colours mean.

use image::RgbImage;
use image::imageops::FilterType;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::legend::{self, Key, Mark};
use super::{Drawn, Figure, Placed};

/// Points around the whole and between its parts.
const EDGE: u32 = 14;
const GAP: u32 = 12;
/// Points of the longer side of a picture that is small, about.
const SIDE: u32 = 260;
/// Points a column has at least, for the names above the pictures.
const NARROWEST: u32 = 190;
/// Points from one line of text to the next, and sizes of letters.
const LINE: u32 = 19;
const HEADING: u32 = 30;
const LETTERS: u32 = 15;
const SWATCH: u32 = 10;
/// Width by height that the whole comes close to.
const ASPECT: f64 = 1.8;

/// One picture and what stands over it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plate {
    pub name: String,
    /// A second line: epoch, score and the like; may be empty. Where the picture is missing, why.
    pub note: String,
    /// A swatch before the name.
    pub color: Option<[u8; 3]>,
    pub picture: Option<RgbImage>,
}

/// What is drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plates {
    pub title: String,
    pub plates: Vec<Plate>,
    /// What the colours in the pictures mean.
    pub legend: Vec<(String, [u8; 3])>,
}

/// Where everything goes, in points.
struct Layout {
    columns: usize,
    /// Of one place in the grid, its text included.
    cell: (u32, u32),
    /// Lines of each name, cut to the width of a place.
    names: Vec<Vec<String>>,
    /// Lines that every place keeps for its name and its note.
    lines: u32,
    /// Tops of the grid and of the legend.
    grid: u32,
    legend: u32,
    size: (u32, u32),
}

impl Plates {
    /// Size of the pictures: that of the first.
    fn pixels(&self) -> (u32, u32) {
        let first = self.plates.iter().find_map(|plate| plate.picture.as_ref());
        first.map_or((4, 3), |picture| (picture.width(), picture.height()))
    }

    /// Width and height of a picture in points: at two pixels to a point a pixel of the picture is a
    /// whole number of pixels.
    fn shown(&self) -> (f64, f64) {
        let (width, height) = self.pixels();
        let times = (2 * SIDE / width.max(height).max(1)).max(1);
        let points = |pixels: u32| f64::from(pixels * times) / 2.0;
        (points(width), points(height))
    }

    fn keys(&self) -> Vec<Key> {
        let entries = self.legend.iter();
        entries.map(|(name, color)| key(name, *color)).collect()
    }

    fn layout(&self) -> Layout {
        let (width, height) = self.shown();
        let wide = (width.ceil() as u32).max(NARROWEST);
        let names: Vec<Vec<String>> = (self.plates.iter())
            .map(|plate| {
                let swatch = plate.color.map_or(0, |_| SWATCH + 5);
                wrapped(&plate.name, wide - swatch)
            })
            .collect();
        let noted = |plate: &Plate| plate.picture.is_some() && !plate.note.is_empty();
        let lines = (self.plates.iter().zip(&names))
            .map(|(plate, name)| name.len() as u32 + u32::from(noted(plate)))
            .max()
            .unwrap_or(0);
        let tall = height.ceil() as u32 + LINE * lines + 4;
        let columns = columns(self.plates.len(), (wide + GAP, tall + GAP));
        let rows = self.plates.len().div_ceil(columns) as u32;
        let whole = 2 * EDGE + columns as u32 * (wide + GAP) - GAP;
        let grid = EDGE + HEADING;
        let legend = grid + rows * (tall + GAP);
        let foot = legend::height(&self.keys(), whole - 2 * EDGE);
        Layout {
            columns,
            cell: (wide, tall),
            names,
            lines,
            grid,
            legend,
            size: (whole, legend + foot + EDGE - GAP),
        }
    }
}

impl Layout {
    fn corner(&self, at: usize) -> (u32, u32) {
        let (column, row) = ((at % self.columns) as u32, (at / self.columns) as u32);
        let (wide, tall) = self.cell;
        (EDGE + column * (wide + GAP), self.grid + row * (tall + GAP))
    }

    /// Top of the picture in a place.
    fn below_text(&self) -> u32 {
        LINE * self.lines + 2
    }
}

impl Figure for Plates {
    fn title(&self) -> &str {
        &self.title
    }

    fn size(&self) -> (u32, u32) {
        self.layout().size
    }

    fn pictures(&self) -> Vec<Placed<'_>> {
        let layout = self.layout();
        let size = self.shown();
        (self.plates.iter().enumerate())
            .filter_map(|(at, plate)| {
                let (left, top) = layout.corner(at);
                Some(Placed {
                    at: (left, top + layout.below_text()),
                    size,
                    picture: plate.picture.as_ref()?,
                })
            })
            .collect()
    }

    fn draw<B: DrawingBackend>(&self, root: &DrawingArea<B, Shift>, scale: u32) -> Drawn
    where
        B::ErrorType: 'static,
    {
        let s = scale as i32;
        let layout = self.layout();
        let to = |(x, y): (u32, u32)| (x as i32 * s, y as i32 * s);
        let (ink, grey) = (RGBColor(20, 20, 20), RGBColor(90, 90, 90));
        let text = |words: &str, at: (u32, u32), size: u32, color: RGBColor| {
            let font = ("sans-serif", size * scale).into_font();
            let style = TextStyle::from(font).color(&color);
            let style = style.pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(words.to_owned(), to(at), style))
        };
        text(&self.title, (EDGE, EDGE + 8), 19, ink)?;
        let (wide, _) = layout.cell;
        let (_, high) = self.shown();
        for (at, plate) in self.plates.iter().enumerate() {
            let (left, top) = layout.corner(at);
            let indent = plate.color.map_or(0, |_| SWATCH + 5);
            if let Some(color) = plate.color {
                legend::piece(root, &key("", color), (left, top + LINE / 2), scale)?;
            }
            for (line, words) in layout.names[at].iter().enumerate() {
                let y = top + LINE * line as u32 + LINE / 2;
                text(words, (left + indent, y), LETTERS, ink)?;
            }
            let below = top + layout.below_text();
            if plate.picture.is_some() {
                let y = top + LINE * layout.names[at].len() as u32 + LINE / 2;
                text(&plate.note, (left, y), LETTERS - 1, grey)?;
            } else {
                let ends = [to((left, below)), to((left + wide, below + high as u32))];
                root.draw(&Rectangle::new(ends, RGBColor(240, 240, 240).filled()))?;
                for (line, words) in wrapped(&plate.note, wide - 20).iter().enumerate() {
                    let y = below + high as u32 / 2 + LINE * line as u32;
                    text(words, (left + 10, y), LETTERS - 1, grey)?;
                }
            }
        }
        let room = layout.size.0 - 2 * EDGE;
        legend::draw(root, &self.keys(), (EDGE, layout.legend), room, scale)?;
        Ok(())
    }
}

fn key(name: &str, color: [u8; 3]) -> Key {
    Key {
        name: name.to_owned(),
        color,
        mark: Mark::Area,
    }
}

/// Columns for `count` places of `cell` points: few holes, and a whole that fits a page or a screen.
fn columns(count: usize, (wide, tall): (u32, u32)) -> usize {
    let cost = |columns: usize| {
        let rows = count.div_ceil(columns);
        let aspect = columns as f64 * f64::from(wide) / (rows as f64 * f64::from(tall));
        let holes = (columns * rows - count) as f64 / count as f64;
        (aspect / ASPECT).ln().abs() + holes
    };
    (1..=count)
        .min_by(|a, b| cost(*a).total_cmp(&cost(*b)))
        .unwrap_or(1)
}

fn measured(words: &str) -> u32 {
    super::measured(words, LETTERS)
}

/// `text` in lines of at most `room` points, broken at spaces or, in a word that is longer, anywhere.
fn wrapped(text: &str, room: u32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let fits = |line: &str, more: &str| measured(format!("{line}{more}").trim_end()) <= room;
        let last = lines.len() - 1;
        if fits(&lines[last], word) {
            lines[last] += word;
            continue;
        }
        if !lines[last].is_empty() {
            lines.push(String::new());
        }
        for letter in word.chars() {
            let last = lines.len() - 1;
            let letter = letter.to_string();
            if lines[last].is_empty() || fits(&lines[last], &letter) {
                lines[last] += &letter;
            } else {
                lines.push(letter);
            }
        }
    }
    lines
        .iter_mut()
        .for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

/// `picture` at `size` pixels: as it is, pixel by pixel, where that is a multiple of its own.
pub(super) fn enlarged(picture: &RgbImage, (width, height): (u32, u32)) -> RgbImage {
    image::imageops::resize(picture, width.max(1), height.max(1), FilterType::Nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plate(name: &str, color: u8) -> Plate {
        Plate {
            name: name.to_owned(),
            note: "epoch 3 · Dice 0.500".to_owned(),
            color: Some([1, 2, 3]),
            picture: Some(RgbImage::from_pixel(64, 48, image::Rgb([color, 7, 9]))),
        }
    }

    fn plates(count: u8) -> Plates {
        Plates {
            title: "street & tree".to_owned(),
            plates: (0..count)
                .map(|at| plate(&format!("run {at}"), 100 + at))
                .collect(),
            legend: vec![
                ("sky".to_owned(), [4, 5, 6]),
                ("car <red>".to_owned(), [7, 8, 9]),
            ],
        }
    }

    #[test]
    fn every_picture_stands_below_its_name_pixel_by_pixel() {
        let plates = plates(8);
        let placed = plates.pictures();
        let file = image::load_from_memory(&plates.png(2).unwrap())
            .unwrap()
            .to_rgb8();
        let (width, height) = plates.size();
        assert_eq!(file.dimensions(), (2 * width, 2 * height));
        for (at, one) in placed.iter().enumerate() {
            // 64 pixels are enlarged eight times.
            assert_eq!(one.size, (256.0, 192.0));
            let (left, top) = (2 * one.at.0, 2 * one.at.1);
            let own = image::Rgb([100 + at as u8, 7, 9]);
            let count = file.pixels().filter(|p| **p == own).count();
            assert_eq!(count, 512 * 384, "picture {at}");
            assert_eq!(*file.get_pixel(left, top), own);
            assert_eq!(*file.get_pixel(left + 511, top + 383), own);
        }
        let letters = file.pixels().filter(|p| p.0 == [20, 20, 20]).count();
        assert!(letters > 300, "names, notes, heading, legend: {letters}");
    }

    #[test]
    fn an_svg_holds_texts_as_text_and_pictures_as_they_are() {
        let mut plates = plates(2);
        plates.plates[1].picture = None;
        plates.plates[1].note = "Not validated yet.".to_owned();
        let svg = plates.svg().unwrap();
        for word in [
            "street &amp; tree",
            "run 0",
            "car &lt;red&gt;",
            "Not validated yet.",
        ] {
            assert!(svg.lines().any(|line| line.trim() == word), "{word}: {svg}");
        }
        assert_eq!(svg.matches("<image").count(), 1);
        assert!(svg.trim_end().ends_with("</svg>"));
        let data = svg
            .split("base64,")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        use base64::Engine;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(data)
            .unwrap();
        let picture = image::load_from_memory(&bytes).unwrap().to_rgb8();
        assert_eq!(Some(&picture), plates.plates[0].picture.as_ref());
    }

    #[test]
    fn nothing_lies_over_anything_else() {
        for count in 1..=9 {
            let plates = plates(count);
            let (width, height) = plates.size();
            let placed = plates.pictures();
            for (at, one) in placed.iter().enumerate() {
                let [right, bottom] = [
                    f64::from(one.at.0) + one.size.0,
                    f64::from(one.at.1) + one.size.1,
                ];
                assert!(right <= f64::from(width) && bottom < f64::from(height));
                for other in &placed[at + 1..] {
                    let beside = f64::from(other.at.0) >= right || one.at.0 > other.at.0;
                    assert!(beside || f64::from(other.at.1) >= bottom, "{count}: {at}");
                }
            }
        }
    }

    #[test]
    fn long_names_are_broken_and_lose_no_letter() {
        let name = "camvid · loss.kind = weighted_cross_entropy, averageofeverythingthatisknownandmore, seed 3";
        let lines = wrapped(name, 190);
        assert!(lines.len() > 2);
        assert!(lines.iter().all(|line| measured(line) <= 190), "{lines:?}");
        let bare = |text: &str| text.replace(' ', "");
        assert_eq!(bare(&lines.concat()), bare(name));
    }

    #[test]
    fn eight_pictures_of_a_street_fill_two_rows() {
        assert_eq!(columns(8, (270, 240)), 4);
        assert_eq!(columns(1, (270, 240)), 1);
        assert_eq!(columns(4, (270, 240)), 2);
        assert_eq!(columns(9, (270, 240)), 3);
    }
}
