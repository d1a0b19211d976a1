//! Random variation of a training sample: geometry alike for image and mask, light for the image.

use rand::{Rng, RngExt};

use super::normalize::Scale;
use super::{AugmentConfig, IGNORE, Image, LabelMap};

/// What was drawn for one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    flip_x: bool,
    flip_y: bool,
    /// Quarter turns.
    turns: u8,
    scale: f32,
    /// Where the visible part lies when zoomed, 0..=1 each.
    offset: [f32; 2],
    brightness: f32,
    contrast: f32,
    gamma: f32,
}

impl Draw {
    /// Draws for one sample. Every number is drawn whatever is switched on, so that switching one
    /// thing on leaves the others as they were.
    pub fn new(config: &AugmentConfig, square: bool, rng: &mut impl Rng) -> Self {
        let mut unit = || rng.random_range(-1.0f32..1.0);
        let (x, y, turn) = (unit(), unit(), unit());
        let scale = 1.0 + config.zoom as f32 * unit();
        let offset = [unit().midpoint(1.0), unit().midpoint(1.0)];
        let around_one = |amount: f64, u: f32| 1.0 + amount as f32 * u;
        Self {
            flip_x: config.flip_horizontal && x < 0.0,
            flip_y: config.flip_vertical && y < 0.0,
            turns: if config.rotate && square {
                ((turn + 1.0) * 2.0) as u8 % 4
            } else {
                0
            },
            scale,
            offset,
            brightness: around_one(config.brightness, unit()),
            contrast: around_one(config.contrast, unit()),
            gamma: around_one(config.gamma, unit()).max(0.05),
        }
    }

    /// Where the output pixel's centre comes from, in pixels of the source.
    fn source(&self, x: usize, y: usize, width: usize, height: usize) -> (f32, f32) {
        let (w, h) = (width as f32, height as f32);
        let (mut u, mut v) = (x as f32 + 0.5, y as f32 + 0.5);
        if self.flip_x {
            u = w - u;
        }
        if self.flip_y {
            v = h - v;
        }
        for _ in 0..self.turns {
            (u, v) = (v, w - u);
        }
        if self.scale != 1.0 {
            let [ox, oy] = self.offset;
            u = u / self.scale + ox * (w - w / self.scale);
            v = v / self.scale + oy * (h - h / self.scale);
        }
        (u, v)
    }

    /// Where each output pixel is read when nothing is scaled, as an index: `start + x·steps[0] +
    /// y·steps[1]`. Whole pixels only, so exact.
    fn permutation(&self, width: usize, height: usize) -> (isize, [isize; 2]) {
        let at = |x: usize, y: usize| {
            let (u, v) = self.source(x, y, width, height);
            v.floor() as isize * width as isize + u.floor() as isize
        };
        let start = at(0, 0);
        let step = |x: usize, y: usize| {
            if x < width && y < height {
                at(x, y) - start
            } else {
                0
            }
        };
        (start, [step(1, 0), step(0, 1)])
    }

    /// Labels by nearest neighbour; what lies outside is ignored.
    #[must_use]
    pub fn labels(&self, map: &LabelMap) -> Vec<u8> {
        let (w, h) = (map.width, map.height);
        if self.scale == 1.0 {
            let (start, [dx, dy]) = self.permutation(w, h);
            let mut out = Vec::with_capacity(w * h);
            for y in 0..h as isize {
                let row = start + y * dy;
                out.extend((0..w as isize).map(|x| map.labels[(row + x * dx) as usize]));
            }
            return out;
        }
        let mut out = Vec::with_capacity(w * h);
        for y in 0..h {
            for x in 0..w {
                let (u, v) = self.source(x, y, w, h);
                let (i, j) = (u.floor() as isize, v.floor() as isize);
                let inside = i >= 0 && j >= 0 && (i as usize) < w && (j as usize) < h;
                out.push(if inside {
                    map.labels[j as usize * w + i as usize]
                } else {
                    IGNORE
                });
            }
        }
        out
    }

    /// Writes the image as planes `[C, H, W]`, lit as drawn and scaled by `scale`.
    pub fn image(&self, image: &Image, scale: &Scale, out: &mut [f32]) {
        let (w, h, channels) = (image.width, image.height, image.channels);
        let light = self.light(image);
        let plane = w * h;
        if plane == 0 {
            return;
        }
        let (start, [dx, dy]) = self.permutation(w, h);
        for (c, out) in out.chunks_exact_mut(plane).enumerate().take(channels) {
            let table: [f32; 256] = std::array::from_fn(|value| scale.of(c, light[value]));
            for (y, row) in out.chunks_exact_mut(w).enumerate() {
                if self.scale == 1.0 {
                    let from = start + y as isize * dy;
                    for (x, value) in row.iter_mut().enumerate() {
                        let at = (from + x as isize * dx) as usize * channels + c;
                        *value = table[usize::from(image.pixels[at])];
                    }
                } else {
                    for (x, value) in row.iter_mut().enumerate() {
                        let (u, v) = self.source(x, y, w, h);
                        *value = bilinear(image, u - 0.5, v - 0.5, c, &table);
                    }
                }
            }
        }
    }

    /// Grey value → brightness 0..=1, with brightness, contrast and gamma.
    fn light(&self, image: &Image) -> [f32; 256] {
        let sum: u64 = image.pixels.iter().map(|v| u64::from(*v)).sum();
        let mean = sum as f32 / image.pixels.len().max(1) as f32 / 255.0;
        std::array::from_fn(|value| {
            let mut v = value as f32 / 255.0;
            v = (v - mean) * self.contrast + mean;
            v = (v * self.brightness).clamp(0.0, 1.0);
            if self.gamma != 1.0 {
                v = v.powf(self.gamma);
            }
            v
        })
    }
}

/// Between the four nearest pixels; 0 (mid-grey) outside.
fn bilinear(image: &Image, u: f32, v: f32, channel: usize, table: &[f32; 256]) -> f32 {
    let (x, y) = (u.floor(), v.floor());
    let (fx, fy) = (u - x, v - y);
    let at = |i: isize, j: isize| -> f32 {
        if i < 0 || j < 0 || i >= image.width as isize || j >= image.height as isize {
            return 0.0;
        }
        let index = (j as usize * image.width + i as usize) * image.channels + channel;
        table[usize::from(image.pixels[index])]
    };
    let (x, y) = (x as isize, y as isize);
    let top = at(x, y) * (1.0 - fx) + at(x + 1, y) * fx;
    let bottom = at(x, y + 1) * (1.0 - fx) + at(x + 1, y + 1) * fx;
    top * (1.0 - fy) + bottom * fy
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn still() -> Draw {
        Draw {
            flip_x: false,
            flip_y: false,
            turns: 0,
            scale: 1.0,
            offset: [0.5; 2],
            brightness: 1.0,
            contrast: 1.0,
            gamma: 1.0,
        }
    }

    /// An image whose pixels are its labels, so that the two can be compared after any geometry.
    fn twins() -> (Image, LabelMap) {
        let values: Vec<u8> = (0..9).collect();
        let image = Image {
            width: 3,
            height: 3,
            channels: 1,
            pixels: values.clone(),
        };
        let labels = LabelMap {
            width: 3,
            height: 3,
            labels: values,
        };
        (image, labels)
    }

    #[test]
    fn flips_and_turns_move_image_and_mask_alike() {
        let (image, map) = twins();
        for turns in 0..4 {
            for flips in 0..4 {
                let draw = Draw {
                    flip_x: flips & 1 > 0,
                    flip_y: flips & 2 > 0,
                    turns,
                    ..still()
                };
                let labels = draw.labels(&map);
                let mut pixels = vec![0.0; 9];
                draw.image(&image, &Scale::fixed(1), &mut pixels);
                let unit = |v: u8| f32::from(v) / 255.0;
                let expected: Vec<f32> = labels.iter().map(|&v| (unit(v) - 0.5) * 4.0).collect();
                for (a, b) in pixels.iter().zip(&expected) {
                    assert!((a - b).abs() < 1e-6, "{draw:?}");
                }
                let mut sorted = labels.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, map.labels, "a permutation of the pixels");
            }
        }
        assert_eq!(
            Draw {
                flip_x: true,
                ..still()
            }
            .labels(&map),
            [2, 1, 0, 5, 4, 3, 8, 7, 6]
        );
        assert_eq!(
            Draw {
                flip_y: true,
                ..still()
            }
            .labels(&map),
            [6, 7, 8, 3, 4, 5, 0, 1, 2]
        );
    }

    #[test]
    fn a_shrunk_sample_is_surrounded_by_ignored_pixels() {
        let (_, map) = twins();
        let half = Draw {
            scale: 1.0 / 3.0,
            ..still()
        };
        let labels = half.labels(&map);
        assert_eq!(labels.iter().filter(|l| **l == IGNORE).count(), 8);
        assert_eq!(labels[4], 4);
    }

    #[test]
    fn switching_one_thing_on_leaves_the_others_alone() {
        let draw = |config: &AugmentConfig| {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
            Draw::new(config, true, &mut rng)
        };
        let plain = AugmentConfig {
            brightness: 0.3,
            ..AugmentConfig::default()
        };
        let more = AugmentConfig {
            rotate: true,
            contrast: 0.2,
            ..plain.clone()
        };
        let (a, b) = (draw(&plain), draw(&more));
        assert_eq!((a.flip_x, a.brightness), (b.flip_x, b.brightness));
    }
}
