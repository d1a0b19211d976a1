//! Pixels of the picture view: photograph, masks, errors and doubt as colour images.
//!
//! Pure functions of plain data. Maps of different sizes are read by nearest neighbour, and a map
//! that is too short reads as [`IGNORE`]: what is there is drawn, nothing here can panic.

use egui::{Color32, ColorImage};

use super::color::{INVENTED, MISSED, class_color};
use crate::data::{IGNORE, Image};

/// Wrong, but neither missed nor invented: one looked-at class was taken for another.
pub const SWAPPED: [u8; 3] = [240, 228, 66];
/// Right pixels of a class that is looked at.
pub const RIGHT: [u8; 3] = [190, 190, 190];
/// What the colours of a map of errors mean.
pub const INVENTED_AND_MISSED: [(&str, [u8; 3]); 4] = [
    ("missed", MISSED),
    ("invented", INVENTED),
    ("swapped", SWAPPED),
    ("right", RIGHT),
];
/// What the ends of the colours of a map of doubt mean.
pub const DOUBT: [(&str, [u8; 3]); 2] = [("sure", INFERNO[0]), ("unsure", INFERNO[4])];
/// Pixels that take no part, hatched with the ground.
pub const VOID: [u8; 3] = [110, 110, 110];

/// A map of labels (or other bytes) at its own size, `[H, W]`.
#[derive(Debug, Clone, Copy)]
pub struct Map<'a> {
    pub width: usize,
    pub height: usize,
    pub data: &'a [u8],
}

impl Map<'_> {
    /// Value at pixel `(x, y)` of a picture of `size` that this map covers.
    #[must_use]
    pub fn at(&self, x: usize, y: usize, size: [usize; 2]) -> u8 {
        let x = x * self.width / size[0].max(1);
        let y = y * self.height / size[1].max(1);
        if x >= self.width || y >= self.height {
            return IGNORE;
        }
        self.data.get(y * self.width + x).copied().unwrap_or(IGNORE)
    }
}

/// Which classes are looked at, and in which colours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Palette {
    pub colors: Vec<[u8; 3]>,
    pub shown: Vec<bool>,
    /// The class that stands for "nothing there", if any: being it is never an invention.
    pub background: Option<usize>,
}

impl Palette {
    fn shows(&self, label: u8) -> bool {
        self.shown.get(usize::from(label)).copied().unwrap_or(false)
    }

    /// Looked at, and something.
    fn marks(&self, label: u8) -> bool {
        self.shows(label) && self.background != Some(usize::from(label))
    }
}

/// How a mask lies over the photograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlay {
    /// 0 is the photograph alone, 1 the mask alone.
    pub opacity: f32,
    /// Only the borders of the classes.
    pub contours: bool,
}

/// Colour of the photograph at a pixel; one channel is grey, a fourth is left out.
fn photo(image: &Image, x: usize, y: usize) -> [u8; 3] {
    let channels = image.channels.max(1);
    let at = (y * image.width + x) * channels;
    let value = |channel: usize| image.pixels.get(at + channel).copied().unwrap_or(0);
    if channels < 3 {
        [value(0); 3]
    } else {
        [value(0), value(1), value(2)]
    }
}

/// `a` moved towards `b` by `share` of the way.
#[must_use]
pub fn mix(a: [u8; 3], b: [u8; 3], share: f32) -> [u8; 3] {
    let share = share.clamp(0.0, 1.0);
    std::array::from_fn(|i| {
        (f32::from(a[i]) + (f32::from(b[i]) - f32::from(a[i])) * share).round() as u8
    })
}

/// A picture of `size`, pixel by pixel.
pub fn build(size: [usize; 2], color: impl Fn(usize, usize) -> [u8; 3]) -> ColorImage {
    let pixels = (0..size[1])
        .flat_map(|y| (0..size[0]).map(move |x| (x, y)))
        .map(|(x, y)| {
            let [r, g, b] = color(x, y);
            Color32::from_rgb(r, g, b)
        })
        .collect();
    ColorImage::new(size, pixels)
}

/// The photograph.
#[must_use]
pub fn picture(image: &Image) -> ColorImage {
    build([image.width, image.height], |x, y| photo(image, x, y))
}

/// Diagonal stripes, so that void can't be taken for a class.
#[must_use]
pub fn hatched(ground: [u8; 3], x: usize, y: usize) -> [u8; 3] {
    if (x + y) % 6 < 3 {
        mix(ground, VOID, 0.85)
    } else {
        mix(ground, [60; 3], 0.85)
    }
}

/// `labels` over the photograph.
#[must_use]
pub fn overlay(image: &Image, labels: Map, palette: &Palette, how: Overlay) -> ColorImage {
    let size = [image.width, image.height];
    build(size, |x, y| {
        let ground = photo(image, x, y);
        let label = labels.at(x, y, size);
        let known = usize::from(label) < palette.shown.len();
        if known && !palette.shows(label) {
            return ground;
        }
        if how.contours && !on_border(labels, x, y, size) {
            return ground;
        }
        let color = if known {
            class_color(&palette.colors, usize::from(label))
        } else {
            hatched(ground, x, y)
        };
        mix(ground, color, if how.contours { 1.0 } else { how.opacity })
    })
}

fn on_border(labels: Map, x: usize, y: usize, size: [usize; 2]) -> bool {
    let own = labels.at(x, y, size);
    let differs = |x: usize, y: usize| labels.at(x, y, size) != own;
    (x > 0 && differs(x - 1, y))
        || (y > 0 && differs(x, y - 1))
        || (x + 1 < size[0] && differs(x + 1, y))
        || (y + 1 < size[1] && differs(x, y + 1))
}

/// What a pixel of the prediction is, seen from the classes that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Right, or of no interest.
    Quiet,
    Right,
    Missed,
    Invented,
    Swapped,
    Void,
}

/// Judges one pixel.
#[must_use]
pub fn verdict(truth: u8, prediction: u8, palette: &Palette) -> Verdict {
    if usize::from(truth) >= palette.shown.len() {
        return Verdict::Void;
    }
    match (palette.marks(truth), palette.marks(prediction)) {
        (true, _) if truth == prediction => Verdict::Right,
        (true, true) => Verdict::Swapped,
        (true, false) => Verdict::Missed,
        (false, true) => Verdict::Invented,
        (false, false) => Verdict::Quiet,
    }
}

fn grey(image: &Image, x: usize, y: usize) -> [u8; 3] {
    let [r, g, b] = photo(image, x, y).map(u32::from);
    [((r * 3 + g * 6 + b) / 10) as u8; 3]
}

/// The photograph, grey and dark: the ground of maps of errors.
#[must_use]
pub fn dimmed(image: &Image, x: usize, y: usize) -> [u8; 3] {
    mix(grey(image, x, y), [0; 3], 0.45)
}

/// Missed, invented, swapped and right pixels over a darkened, grey photograph.
#[must_use]
pub fn errors(image: &Image, truth: Map, prediction: Map, palette: &Palette) -> ColorImage {
    let size = [image.width, image.height];
    build(size, |x, y| {
        let grey = grey(image, x, y);
        let dim = dimmed(image, x, y);
        match verdict(truth.at(x, y, size), prediction.at(x, y, size), palette) {
            Verdict::Quiet => dim,
            Verdict::Right => mix(dim, RIGHT, 0.5),
            Verdict::Missed => mix(grey, MISSED, 0.85),
            Verdict::Invented => mix(grey, INVENTED, 0.85),
            Verdict::Swapped => mix(grey, SWAPPED, 0.85),
            Verdict::Void => hatched(dim, x, y),
        }
    })
}

/// Doubt of the network: black where it is sure, light where all classes are alike to it.
#[must_use]
pub fn entropy(size: [usize; 2], doubt: Map) -> ColorImage {
    build(size, |x, y| ramp(doubt.at(x, y, size)))
}

/// Five stops of the Inferno colour map (Smith and van der Walt, 2015; CC0), which rises evenly in
/// lightness and can be read by people who see few colours.
const INFERNO: [[u8; 3]; 5] = [
    [0, 0, 4],
    [87, 16, 110],
    [188, 55, 84],
    [249, 142, 9],
    [252, 255, 164],
];

/// The colour of a doubt, from 0 (sure) to 255 (all classes are alike).
#[must_use]
pub fn ramp(value: u8) -> [u8; 3] {
    let place = f32::from(value) / 255.0 * 4.0;
    let below = (place as usize).min(3);
    mix(INFERNO[below], INFERNO[below + 1], place - below as f32)
}

/// Every `n`th pixel of an image whose side is longer than `most`.
#[must_use]
pub fn fitted(image: ColorImage, most: usize) -> ColorImage {
    let [width, height] = image.size;
    let stride = width.max(height).div_ceil(most.max(1));
    if stride <= 1 {
        return image;
    }
    let size = [width.div_ceil(stride), height.div_ceil(stride)];
    let pixels = (0..size[1])
        .flat_map(|y| (0..size[0]).map(move |x| (x * stride, y * stride)))
        .map(|(x, y)| image.pixels[y * width + x])
        .collect();
    ColorImage::new(size, pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn palette() -> Palette {
        Palette {
            colors: vec![[0, 0, 0], [255, 0, 0], [0, 0, 255]],
            shown: vec![true; 3],
            background: Some(0),
        }
    }

    fn grey(width: usize, height: usize) -> Image {
        Image {
            width,
            height,
            channels: 1,
            pixels: vec![100; width * height],
        }
    }

    fn rgb(image: &ColorImage, x: usize, y: usize) -> [u8; 3] {
        let color = image.pixels[y * image.size[0] + x];
        [color.r(), color.g(), color.b()]
    }

    #[test]
    fn errors_are_judged_from_the_classes_that_are_looked_at() {
        let mut palette = palette();
        let of = |palette: &Palette| {
            [(0, 0), (1, 1), (1, 0), (0, 1), (1, 2), (IGNORE, 1)]
                .map(|(truth, prediction)| verdict(truth, prediction, palette))
        };
        use Verdict::{Invented, Missed, Quiet, Right, Swapped, Void};
        assert_eq!(
            of(&palette),
            [Quiet, Right, Missed, Invented, Swapped, Void]
        );
        // With class 2 hidden, taking 1 for 2 is a miss of 1.
        palette.shown[2] = false;
        assert_eq!(of(&palette), [Quiet, Right, Missed, Invented, Missed, Void]);
        // With class 1 hidden, only the invention of 2 is left.
        palette.shown = vec![true, false, true];
        assert_eq!(of(&palette), [Quiet, Quiet, Quiet, Quiet, Invented, Void]);
    }

    #[test]
    fn opacity_runs_from_photograph_to_mask_and_hidden_classes_leave_the_photograph() {
        let (image, data) = (grey(2, 1), [1, 2]);
        let labels = Map {
            width: 2,
            height: 1,
            data: &data,
        };
        let mut palette = palette();
        palette.shown[2] = false;
        let with = |opacity| {
            let how = Overlay {
                opacity,
                contours: false,
            };
            overlay(&image, labels, &palette, how)
        };
        assert_eq!(rgb(&with(0.0), 0, 0), [100; 3]);
        assert_eq!(rgb(&with(1.0), 0, 0), [255, 0, 0]);
        assert_eq!(rgb(&with(1.0), 1, 0), [100; 3]);
    }

    #[test]
    fn contours_are_the_borders_only() {
        let image = grey(4, 1);
        let labels = Map {
            width: 4,
            height: 1,
            data: &[1, 1, 2, 2],
        };
        let how = Overlay {
            opacity: 0.5,
            contours: true,
        };
        let drawn = overlay(&image, labels, &palette(), how);
        let row: Vec<_> = (0..4).map(|x| rgb(&drawn, x, 0)).collect();
        assert_eq!(row, [[100; 3], [255, 0, 0], [0, 0, 255], [100; 3]]);
    }

    #[test]
    fn maps_of_another_size_or_too_short_are_drawn_without_panic() {
        let image = grey(4, 4);
        let half = Map {
            width: 2,
            height: 2,
            data: &[1, 2, 0, 0],
        };
        assert_eq!(half.at(3, 1, [4, 4]), 2);
        let short = Map {
            width: 4,
            height: 4,
            data: &[1],
        };
        assert_eq!(short.at(3, 3, [4, 4]), IGNORE);
        let how = Overlay {
            opacity: 1.0,
            contours: false,
        };
        assert_eq!(overlay(&image, short, &palette(), how).size, [4, 4]);
        assert_eq!(errors(&image, half, short, &palette()).size, [4, 4]);
        let broken = Image {
            pixels: Vec::new(),
            ..image
        };
        assert_eq!(rgb(&picture(&broken), 3, 3), [0; 3]);
        let big = fitted(picture(&grey(9, 3)), 4);
        assert_eq!(big.size, [3, 1]);
    }

    #[test]
    fn doubt_gets_lighter_as_it_grows() {
        // Weights of the relative luminance of sRGB's primaries, in ten-thousandths.
        let light = |value| {
            let [r, g, b] = ramp(value).map(u32::from);
            2126 * r + 7152 * g + 722 * b
        };
        assert!((1..=255).all(|value| light(value) > light(value - 1)));
        assert_eq!(ramp(0), [0, 0, 4]);
        assert_eq!(ramp(255), [252, 255, 164]);
    }
}
