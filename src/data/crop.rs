//! Windows of large images at their own resolution: drawn for training, covering for validation.
//!
//! A window is copied pixel by pixel: nothing is resized, so a mask keeps its exact values; what lies
//! beyond the image is padding, ignored in the mask.

use rand::{Rng, RngExt};

use super::cache::Ready;
use super::normalize::Scale;
use super::{IGNORE, Image, LabelMap};

/// A window of an image: its upper left corner, which may lie outside, and which part counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub left: isize,
    pub top: isize,
    /// Columns and rows of the window, from and to (exclusive), whose pixels this window answers
    /// for; the others belong to a neighbour that sees more around them.
    pub owned: [[usize; 2]; 2],
}

/// Windows of `tile` (width, height) that cover an image of `size`, and own each pixel exactly once.
/// Evenly spread; between two that overlap, the border is in the middle.
#[must_use]
pub fn covering(size: [usize; 2], tile: [usize; 2]) -> Vec<Window> {
    overlapping(size, tile, 0.0).concat()
}

/// As [`covering`], row by row from the top, where neighbours share at least the part `overlap` (0..1)
/// of their side: more windows, each pixel seen by several.
#[must_use]
pub fn overlapping(size: [usize; 2], tile: [usize; 2], overlap: f64) -> Vec<Vec<Window>> {
    let columns = spans(size[0], tile[0], overlap);
    let row = |&(top, vertical): &(isize, [usize; 2])| {
        let window = |&(left, horizontal): &(isize, [usize; 2])| Window {
            left,
            top,
            owned: [horizontal, vertical],
        };
        columns.iter().map(window).collect()
    };
    spans(size[1], tile[1], overlap).iter().map(row).collect()
}

/// Along one axis: starts, and owned parts relative to them.
fn spans(length: usize, tile: usize, overlap: f64) -> Vec<(isize, [usize; 2])> {
    if length <= tile {
        // In the middle, padded on both sides.
        let before = (tile - length) / 2;
        return vec![(-(before as isize), [before, before + length])];
    }
    let step = ((tile as f64 * (1.0 - overlap)) as usize).clamp(1, tile.max(1));
    let count = (length - tile).div_ceil(step) + 1;
    let start = |at: usize| at * (length - tile) / (count - 1);
    // Where window `at` ends to own and the next begins.
    let border = |at: usize| usize::midpoint(start(at) + tile, start(at + 1));
    (0..count)
        .map(|at| {
            let from = if at == 0 { 0 } else { border(at - 1) };
            let to = if at + 1 == count { length } else { border(at) };
            (start(at) as isize, [from - start(at), to - start(at)])
        })
        .collect()
}

/// How much an answer at each place along a side of `tile` pixels counts: a Gaussian around the middle
/// with a deviation of an eighth of the side. Near its border a window sees little around a pixel.
///
/// Isensee et al., "nnU-Net", Nature Methods 18 (2021); MONAI's `sliding_window_inference` has the
/// same as mode "gaussian", and the same deviation.
#[must_use]
pub fn importance(tile: usize) -> Vec<f32> {
    let middle = (tile as f32 - 1.0) / 2.0;
    let deviation = (tile as f32 / 8.0).max(f32::MIN_POSITIVE);
    let at = |place: usize| (-0.5 * ((place as f32 - middle) / deviation).powi(2)).exp();
    (0..tile).map(at).collect()
}

/// A window anywhere in the image; in the middle along an axis that is shorter than the tile.
pub fn anywhere(size: [usize; 2], tile: [usize; 2], rng: &mut impl Rng) -> Window {
    let start = |axis: usize, unit: f64| -> isize {
        if size[axis] <= tile[axis] {
            return -(((tile[axis] - size[axis]) / 2) as isize);
        }
        let room = size[axis] - tile[axis];
        ((unit * (room + 1) as f64) as usize).min(room) as isize
    };
    // Both numbers are drawn whatever they are needed for, so that draws stay in step.
    let (x, y) = (rng.random_range(0.0..1.0), rng.random_range(0.0..1.0));
    whole(start(0, x), start(1, y), tile)
}

fn whole(left: isize, top: isize, tile: [usize; 2]) -> Window {
    Window {
        left,
        top,
        owned: [[0, tile[0]], [0, tile[1]]],
    }
}

/// As nnU-Net forces foreground: a class drawn among those of the image (but `common`), one of its
/// pixels drawn, and the window around it, moved into the image. `None` where there is no such class.
///
/// Isensee et al., "nnU-Net", Nature Methods 18 (2021), supplementary note 2: 33 % of the samples.
pub fn foreground(
    labels: &LabelMap,
    tile: [usize; 2],
    common: Option<u8>,
    rng: &mut impl Rng,
) -> Option<Window> {
    let (class, pixel): (f64, f64) = (rng.random_range(0.0..1.0), rng.random_range(0.0..1.0));
    let mut counts = [0_usize; 256];
    for &label in &labels.labels {
        counts[usize::from(label)] += 1;
    }
    let present: Vec<u8> = (0..IGNORE)
        .filter(|label| counts[usize::from(*label)] > 0 && Some(*label) != common)
        .collect();
    let nth = |share: f64, of: usize| ((share * of as f64) as usize).min(of.saturating_sub(1));
    let class = *present.get(nth(class, present.len()))?;
    let wanted = nth(pixel, counts[usize::from(class)]);
    let at = labels
        .labels
        .iter()
        .enumerate()
        .filter(|(_, label)| **label == class)
        .nth(wanted)?
        .0;
    let middle = [at % labels.width, at / labels.width];
    let size = [labels.width, labels.height];
    let start = |axis: usize| -> isize {
        if size[axis] <= tile[axis] {
            return -(((tile[axis] - size[axis]) / 2) as isize);
        }
        let wished = middle[axis].saturating_sub(tile[axis] / 2);
        wished.min(size[axis] - tile[axis]) as isize
    };
    Some(whole(start(0), start(1), tile))
}

/// The window's pixels. Beyond the image there is `scale`'s middle, and [`IGNORE`] in the mask, which
/// also stands where the window does not answer.
#[must_use]
pub(super) fn cut(from: &Ready, window: Window, tile: [usize; 2], scale: &Scale) -> Ready {
    let (image, labels) = (&from.image, &from.labels);
    let channels = image.channels.max(1);
    let [width, height] = tile;
    let padding: Vec<u8> = (0..channels).map(|c| scale.middle(c)).collect();
    let mut pixels = padding.repeat(width * height);
    let mut out = vec![IGNORE; width * height];
    // The part of a row of the window that lies in the image.
    let first = window.left.min(0).unsigned_abs().min(width);
    let last = (image.width as isize - window.left).clamp(first as isize, width as isize) as usize;
    let [[from_x, to_x], [from_y, to_y]] = window.owned;
    for y in 0..height {
        let row = window.top + y as isize;
        if row < 0 || row >= image.height as isize || first == last {
            continue;
        }
        let source = row as usize * image.width + (window.left + first as isize) as usize;
        let count = last - first;
        let to = (y * width + first) * channels;
        pixels[to..to + count * channels]
            .copy_from_slice(&image.pixels[source * channels..(source + count) * channels]);
        if !(from_y..to_y).contains(&y) {
            continue;
        }
        let (a, b) = (first.max(from_x), last.min(to_x));
        if a < b {
            let source = source + (a - first);
            out[y * width + a..y * width + b]
                .copy_from_slice(&labels.labels[source..source + (b - a)]);
        }
    }
    Ready {
        image: std::sync::Arc::new(Image {
            width,
            height,
            channels,
            pixels,
        }),
        labels: std::sync::Arc::new(LabelMap {
            width,
            height,
            labels: out,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// An image whose pixels number themselves, so that any window tells where it was cut.
    fn numbered(width: usize, height: usize) -> Ready {
        let values: Vec<u8> = (0..width * height).map(|i| (i % 251) as u8).collect();
        Ready {
            image: std::sync::Arc::new(Image {
                width,
                height,
                channels: 1,
                pixels: values.clone(),
            }),
            labels: std::sync::Arc::new(LabelMap {
                width,
                height,
                labels: values,
            }),
        }
    }

    #[test]
    fn covering_windows_own_every_pixel_exactly_once() {
        for size in [[1, 1], [7, 5], [8, 8], [9, 8], [30, 17], [33, 64], [100, 3]] {
            let tile = [8, 8];
            let source = numbered(size[0], size[1]);
            let mut owned = vec![0_u32; size[0] * size[1]];
            for window in covering(size, tile) {
                let cut = cut(&source, window, tile, &Scale::fixed(1));
                for y in 0..8 {
                    for x in 0..8 {
                        let label = cut.labels.labels[y * 8 + x];
                        if label == IGNORE {
                            continue;
                        }
                        let (sx, sy) = (window.left + x as isize, window.top + y as isize);
                        let at = sy as usize * size[0] + sx as usize;
                        assert_eq!(label, source.labels.labels[at], "an exact copy");
                        assert_eq!(cut.image.pixels[y * 8 + x], source.image.pixels[at]);
                        owned[at] += 1;
                    }
                }
            }
            assert!(owned.iter().all(|count| *count == 1), "{size:?}: {owned:?}");
        }
    }

    #[test]
    fn overlapping_windows_share_what_was_asked_and_still_own_each_pixel_once() {
        for (size, overlap) in [([100, 33], 0.25), ([64, 64], 0.5), ([17, 5], 0.75)] {
            let tile = [16, 16];
            let rows = overlapping(size, tile, overlap);
            let mut owned = vec![0_u32; size[0] * size[1]];
            for window in rows.iter().flatten() {
                let [[a, b], [c, d]] = window.owned;
                for y in c..d {
                    for x in a..b {
                        let (x, y) = (window.left + x as isize, window.top + y as isize);
                        owned[y as usize * size[0] + x as usize] += 1;
                    }
                }
            }
            assert!(owned.iter().all(|count| *count == 1), "{size:?}");
            let most = (16.0 * (1.0 - overlap)) as isize;
            for row in &rows {
                assert!(row.windows(2).all(|two| two[1].left - two[0].left <= most));
            }
            assert!(
                rows.windows(2)
                    .all(|two| two[1][0].top - two[0][0].top <= most)
            );
        }
        // What MONAI's `_get_scan_interval` and nnU-Net's `compute_steps_for_sliding_window` give:
        // steps of half a tile over 64 pixels.
        let lefts: Vec<isize> = overlapping([64, 16], [16, 16], 0.5)[0]
            .iter()
            .map(|window| window.left)
            .collect();
        assert_eq!(lefts, [0, 8, 16, 24, 32, 40, 48]);
    }

    #[test]
    fn the_middle_of_a_window_counts_most_and_its_corner_still_counts() {
        let weights = importance(64);
        assert!((weights[31] - weights[32]).abs() < 1e-6, "symmetric");
        // exp(−½ · (8 / 8)²) eight pixels, one deviation, from the middle at 31.5.
        let value = weights[23] * weights[24];
        assert!(
            (value - (-0.5_f32 * (8.5_f32.powi(2) + 7.5_f32.powi(2)) / 64.0).exp()).abs() < 1e-6
        );
        assert!(weights[0] * weights[0] > f32::MIN_POSITIVE);
        assert!(weights.iter().all(|weight| weight.is_normal()));
        assert!(importance(2048)[0].powi(2).is_normal());
    }

    #[test]
    fn drawn_windows_lie_in_the_image_and_reach_its_corners() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (mut lefts, mut tops) = (Vec::new(), Vec::new());
        for _ in 0..500 {
            let window = anywhere([20, 12], [8, 8], &mut rng);
            lefts.push(window.left);
            tops.push(window.top);
        }
        assert_eq!(
            (lefts.iter().min(), lefts.iter().max()),
            (Some(&0), Some(&12))
        );
        assert_eq!((tops.iter().min(), tops.iter().max()), (Some(&0), Some(&4)));
        let small = anywhere([4, 6], [8, 8], &mut rng);
        assert_eq!((small.left, small.top), (-2, -1), "padded on both sides");
    }

    #[test]
    fn forced_windows_hold_a_rare_class_each_class_as_often() {
        let mut labels = LabelMap {
            width: 64,
            height: 64,
            labels: vec![0; 64 * 64],
        };
        // A large class 1 and a single pixel of class 2, in a corner.
        for at in 2000..3000 {
            labels.labels[at] = 1;
        }
        labels.labels[63] = 2;
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut with_speck = 0;
        for _ in 0..400 {
            let window = foreground(&labels, [16, 16], Some(0), &mut rng).unwrap();
            assert!((0..=48).contains(&window.left) && (0..=48).contains(&window.top));
            let inside = (window.left..window.left + 16).contains(&63) && window.top == 0;
            with_speck += usize::from(inside);
        }
        assert!((150..250).contains(&with_speck), "{with_speck} of 400");
        let empty = LabelMap {
            labels: vec![0; 64 * 64],
            ..labels
        };
        assert_eq!(foreground(&empty, [16, 16], Some(0), &mut rng), None);
    }
}
