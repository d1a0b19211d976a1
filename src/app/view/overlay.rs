//! Pixels of one picture: image, labels in colour, errors, doubt. No widgets.

use egui::{Color32, ColorImage};

use crate::data::{IGNORE, Image};

use super::color::{INVENTED, MISSED};

/// Colour of ignored pixels.
const IGNORED: Color32 = Color32::from_rgb(70, 70, 70);

/// How labels are laid over the image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// 0 = image alone, 1 = labels alone.
    pub opacity: f32,
    /// Only the outlines of the classes.
    pub contours: bool,
}

/// The image itself.
#[must_use]
pub fn picture(image: &Image) -> ColorImage {
    let pixels = (0..image.width * image.height)
        .map(|at| base(image, at))
        .collect();
    ColorImage::new([image.width, image.height], pixels)
}

/// Labels in class colours over the image; `shown[class]` says which.
#[must_use]
pub fn labels(
    image: &Image,
    labels: &[u8],
    colors: &[Color32],
    shown: &[bool],
    style: Style,
) -> ColorImage {
    let (w, h) = (image.width, image.height);
    let label = |at: usize| labels.get(at).copied().unwrap_or(IGNORE);
    let pixels = (0..w * h)
        .map(|at| {
            let class = label(at);
            let base = base(image, at);
            if class == IGNORE {
                // Hatched, so that it can't be taken for a class.
                let hatch = (at % w + at / w).is_multiple_of(4);
                return if hatch {
                    mix(base, IGNORED, 0.8 * style.opacity.max(0.3))
                } else {
                    base
                };
            }
            let class = usize::from(class);
            if !shown.get(class).copied().unwrap_or(true) {
                return base;
            }
            if style.contours && !is_edge(at, w, h, &label) {
                return base;
            }
            let color = colors.get(class).copied().unwrap_or(Color32::WHITE);
            mix(
                base,
                color,
                if style.contours { 1.0 } else { style.opacity },
            )
        })
        .collect();
    ColorImage::new([w, h], pixels)
}

/// Right pixels as they are and dimmed, missed and invented ones in colour. A pixel that is another
/// class than it should be is missed for one and invented for the other; where the truth is class 0
/// it counts as invented, else as missed.
#[must_use]
pub fn errors(image: &Image, truth: &[u8], predicted: &[u8]) -> ColorImage {
    let pixels = (0..image.width * image.height)
        .map(|at| {
            let base = mix(base(image, at), Color32::BLACK, 0.35);
            match (truth.get(at), predicted.get(at)) {
                (Some(&IGNORE), _) | (None, _) | (_, None) => mix(base, IGNORED, 0.6),
                (Some(t), Some(p)) if t == p => base,
                (Some(0), Some(_)) => rgb(INVENTED),
                _ => rgb(MISSED),
            }
        })
        .collect();
    ColorImage::new([image.width, image.height], pixels)
}

/// Entropy of the prediction from dark (sure) to bright (no idea).
#[must_use]
pub fn doubt(image: &Image, entropy: &[u8]) -> ColorImage {
    let pixels = (0..image.width * image.height)
        .map(|at| {
            let e = f32::from(entropy.get(at).copied().unwrap_or(0)) / 255.0;
            mix(
                mix(base(image, at), Color32::BLACK, 0.6),
                Color32::from_rgb(255, 230, 80),
                e,
            )
        })
        .collect();
    ColorImage::new([image.width, image.height], pixels)
}

fn rgb([r, g, b]: [u8; 3]) -> Color32 {
    Color32::from_rgb(r, g, b)
}

fn base(image: &Image, at: usize) -> Color32 {
    let pixel = &image.pixels[at * image.channels..(at + 1) * image.channels];
    match pixel {
        [r, g, b] => Color32::from_rgb(*r, *g, *b),
        [grey, ..] => Color32::from_gray(*grey),
        [] => Color32::BLACK,
    }
}

fn mix(a: Color32, b: Color32, share: f32) -> Color32 {
    let channel =
        |x: u8, y: u8| (f32::from(x) + (f32::from(y) - f32::from(x)) * share).round() as u8;
    Color32::from_rgb(
        channel(a.r(), b.r()),
        channel(a.g(), b.g()),
        channel(a.b(), b.b()),
    )
}

/// Whether a neighbour to the right or below, or to the left or above, is of another class.
fn is_edge(at: usize, w: usize, h: usize, label: &impl Fn(usize) -> u8) -> bool {
    let (x, y) = (at % w, at / w);
    let own = label(at);
    (x + 1 < w && label(at + 1) != own)
        || (y + 1 < h && label(at + w) != own)
        || (x > 0 && label(at - 1) != own)
        || (y > 0 && label(at - w) != own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey() -> Image {
        Image {
            width: 4,
            height: 1,
            channels: 1,
            pixels: vec![100; 4],
        }
    }

    #[test]
    fn errors_tell_missed_from_invented_and_leave_ignored_pixels_alone() {
        let shown = errors(&grey(), &[0, 1, 1, IGNORE], &[1, 0, 1, 1]);
        assert_eq!(shown.pixels[0], rgb(INVENTED));
        assert_eq!(shown.pixels[1], rgb(MISSED));
        assert_ne!(shown.pixels[2], shown.pixels[3]);
        assert!(![rgb(INVENTED), rgb(MISSED)].contains(&shown.pixels[2]));
    }

    #[test]
    fn hidden_classes_show_the_image() {
        let style = Style {
            opacity: 1.0,
            contours: false,
        };
        let colors = [Color32::RED, Color32::GREEN];
        let shown = labels(&grey(), &[0, 1, 1, 0], &colors, &[false, true], style);
        assert_eq!(shown.pixels[0], Color32::from_gray(100));
        assert_eq!(shown.pixels[1], Color32::GREEN);
    }
}
