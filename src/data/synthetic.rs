//! The generated sample dataset: microscope-like pictures with four kinds of object.
//!
//! Made so that a network has to learn shape and texture, not a colour: every kind is drawn in
//! random colours over a textured, unevenly lit, noisy background. Class shares are strongly
//! unequal (specks are far below 0.5 % of the pixels) and most images lack some class.
//! Everything follows from the seed.

use std::f32::consts::TAU;
use std::path::Path;
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Class, ClassMap, DataError, Image, LabelMap, Sample, palette};

/// Images, and the side of each in pixels.
pub const IMAGES: usize = 120;
pub const SIDE: usize = 128;

const CELL: u8 = 1;
const RING: u8 = 2;
const FIBRE: u8 = 3;
const SPECK: u8 = 4;

/// Names, colours and mask values of the sample's classes.
#[must_use]
pub fn class_map() -> ClassMap {
    let names = ["background", "cell", "ring", "fibre", "speck"];
    let classes = names
        .iter()
        .enumerate()
        .map(|(index, name)| Class {
            name: (*name).to_owned(),
            color: palette::color(index),
            values: vec![index as u32],
        })
        .collect();
    ClassMap {
        coding: super::Coding::Ids,
        classes,
        ignore: vec![u32::from(super::IGNORE)],
    }
}

/// All samples of a seed.
#[must_use]
pub fn samples(seed: u64) -> Vec<Sample> {
    (0..IMAGES)
        .into_par_iter()
        .map(|index| sample(seed, index))
        .collect()
}

fn sample(seed: u64, index: usize) -> Sample {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index as u64);
    let mut scene = Scene::new(&mut rng);
    scene.background(&mut rng);
    for _ in 0..rng.random_range(1..=3) {
        scene.fibre(&mut rng);
    }
    for _ in 0..rng.random_range(2..=5) {
        scene.cell(&mut rng);
    }
    if rng.random_bool(0.65) {
        for _ in 0..rng.random_range(1..=2) {
            scene.ring(&mut rng);
        }
    }
    if rng.random_bool(0.6) {
        for _ in 0..rng.random_range(1..=4) {
            scene.speck(&mut rng);
        }
    }
    scene.light_and_noise(&mut rng);
    Sample {
        id: format!("sample-{index:03}"),
        image: Arc::new(Image {
            width: SIDE,
            height: SIDE,
            channels: 3,
            pixels: scene.bytes(),
        }),
        labels: Arc::new(LabelMap {
            width: SIDE,
            height: SIDE,
            labels: scene.labels,
        }),
    }
}

/// A picture being painted: linear RGB in 0..=1 and the label of each pixel.
struct Scene {
    pixels: Vec<[f32; 3]>,
    labels: Vec<u8>,
    /// Overall tint; objects differ from it in brightness and texture rather than in hue.
    tint: [f32; 3],
}

impl Scene {
    fn new(rng: &mut ChaCha8Rng) -> Self {
        let tint = [0; 3].map(|_| rng.random_range(0.75..1.0));
        Self {
            pixels: vec![[0.0; 3]; SIDE * SIDE],
            labels: vec![0; SIDE * SIDE],
            tint,
        }
    }

    fn background(&mut self, rng: &mut ChaCha8Rng) {
        let base = rng.random_range(0.35..0.55);
        let texture = Texture::new(rng, 3.0..9.0);
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let value = base + 0.10 * texture.at((i % SIDE) as f32, (i / SIDE) as f32);
            *pixel = self.tint.map(|t| t * value);
        }
    }

    /// Paints where `inside(x, y)` gives an opacity above 0; labels where it is above one half.
    fn paint(
        &mut self,
        label: u8,
        color: [f32; 3],
        inside: impl Fn(f32, f32) -> f32,
        shade: impl Fn(f32, f32) -> f32,
    ) {
        for y in 0..SIDE {
            for x in 0..SIDE {
                let (fx, fy) = (x as f32 + 0.5, y as f32 + 0.5);
                let alpha = inside(fx, fy).clamp(0.0, 1.0);
                if alpha <= 0.0 {
                    continue;
                }
                let value = shade(fx, fy);
                let pixel = &mut self.pixels[y * SIDE + x];
                for (channel, c) in pixel.iter_mut().zip(color) {
                    *channel += (c * value - *channel) * alpha;
                }
                if alpha > 0.5 {
                    self.labels[y * SIDE + x] = label;
                }
            }
        }
    }

    fn color(&self, rng: &mut ChaCha8Rng, brightness: std::ops::Range<f32>) -> [f32; 3] {
        let value = rng.random_range(brightness);
        self.tint
            .map(|t| (t * value + rng.random_range(-0.06..0.06)).clamp(0.0, 1.0))
    }

    /// A filled, wobbly disc with a fine texture; brighter or darker than the background.
    fn cell(&mut self, rng: &mut ChaCha8Rng) {
        let outline = Outline::new(rng, 7.0..15.0);
        let bright = rng.random_bool(0.5);
        let color = self.color(rng, if bright { 0.62..0.8 } else { 0.15..0.3 });
        let texture = Texture::new(rng, 1.2..2.2);
        self.paint(
            CELL,
            color,
            |x, y| outline.depth(x, y),
            |x, y| 1.0 + 0.25 * texture.at(x, y),
        );
    }

    /// A hollow disc: only the rim is labelled, so colour alone can't tell it from a cell.
    fn ring(&mut self, rng: &mut ChaCha8Rng) {
        let outline = Outline::new(rng, 9.0..14.0);
        let width = rng.random_range(2.5..4.0);
        let bright = rng.random_bool(0.5);
        let color = self.color(rng, if bright { 0.62..0.8 } else { 0.15..0.3 });
        let texture = Texture::new(rng, 1.2..2.2);
        self.paint(
            RING,
            color,
            |x, y| {
                let depth = outline.depth(x, y);
                depth.min(width - depth)
            },
            |x, y| 1.0 + 0.2 * texture.at(x, y),
        );
    }

    /// A long, thin, bent line from edge to edge.
    fn fibre(&mut self, rng: &mut ChaCha8Rng) {
        let angle = rng.random_range(0.0..TAU);
        let (sin, cos) = angle.sin_cos();
        let half = SIDE as f32 / 2.0;
        let offset = rng.random_range(-0.7 * half..0.7 * half);
        let (amplitude, period, phase) = (
            rng.random_range(2.0..7.0),
            rng.random_range(30.0..70.0_f32),
            rng.random_range(0.0..TAU),
        );
        let width = rng.random_range(1.1..2.0);
        let color = self.color(rng, 0.1..0.26);
        self.paint(
            FIBRE,
            color,
            |x, y| {
                let (dx, dy) = (x - half, y - half);
                let along = dx * cos + dy * sin;
                let bend = amplitude * (along / period * TAU + phase).sin();
                width - (-dx * sin + dy * cos - offset - bend).abs() + 0.5
            },
            |_, _| 1.0,
        );
    }

    /// A tiny bright point with a dark halo.
    fn speck(&mut self, rng: &mut ChaCha8Rng) {
        let (cx, cy) = (
            rng.random_range(4.0..SIDE as f32 - 4.0),
            rng.random_range(4.0..SIDE as f32 - 4.0),
        );
        let radius = rng.random_range(1.3..2.2);
        let distance = move |x: f32, y: f32| ((x - cx).powi(2) + (y - cy).powi(2)).sqrt();
        let dark = self.color(rng, 0.05..0.12);
        for y in 0..SIDE {
            for x in 0..SIDE {
                let d = distance(x as f32 + 0.5, y as f32 + 0.5);
                if d < radius + 1.6 {
                    self.pixels[y * SIDE + x] = dark;
                }
            }
        }
        let color = self.color(rng, 0.85..1.0);
        self.paint(
            SPECK,
            color,
            |x, y| radius - distance(x, y) + 0.5,
            |_, _| 1.0,
        );
    }

    /// Uneven illumination, then sensor noise.
    fn light_and_noise(&mut self, rng: &mut ChaCha8Rng) {
        let angle = rng.random_range(0.0..TAU);
        let (sin, cos) = angle.sin_cos();
        let strength = rng.random_range(0.1..0.45);
        let noise = rng.random_range(0.02..0.05);
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let (x, y) = ((i % SIDE) as f32, (i / SIDE) as f32);
            let t = ((x * cos + y * sin) / SIDE as f32).clamp(-1.0, 1.0);
            let light = 1.0 + strength * t;
            for channel in pixel {
                // The sum of three uniform numbers is near enough to a normal distribution.
                let grain: f32 = (0..3).map(|_| rng.random_range(-1.0..1.0)).sum();
                *channel = *channel * light + noise * grain;
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.pixels
            .iter()
            .flat_map(|pixel| pixel.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8))
            .collect()
    }
}

/// A disc whose radius wobbles with the angle.
struct Outline {
    x: f32,
    y: f32,
    radius: f32,
    waves: [(f32, f32, f32); 2],
}

impl Outline {
    fn new(rng: &mut ChaCha8Rng, radius: std::ops::Range<f32>) -> Self {
        let margin = 8.0;
        Self {
            x: rng.random_range(margin..SIDE as f32 - margin),
            y: rng.random_range(margin..SIDE as f32 - margin),
            radius: rng.random_range(radius),
            waves: [2.0, 3.0]
                .map(|k| (k, rng.random_range(0.02..0.14), rng.random_range(0.0..TAU))),
        }
    }

    /// Distance inside the outline in pixels, negative outside.
    fn depth(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = (x - self.x, y - self.y);
        let angle = dy.atan2(dx);
        let wobble: f32 = self
            .waves
            .iter()
            .map(|(k, amplitude, phase)| amplitude * (k * angle + phase).sin())
            .sum();
        self.radius * (1.0 + wobble) - dx.hypot(dy)
    }
}

/// A smooth random pattern in -1..=1: a few plane waves of one scale.
struct Texture {
    waves: [(f32, f32, f32); 4],
}

impl Texture {
    fn new(rng: &mut ChaCha8Rng, scale: std::ops::Range<f32>) -> Self {
        Self {
            waves: [0; 4].map(|_| {
                let angle = rng.random_range(0.0..TAU);
                let frequency = 1.0 / rng.random_range(scale.clone());
                (
                    frequency * angle.cos(),
                    frequency * angle.sin(),
                    rng.random_range(0.0..TAU),
                )
            }),
        }
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        self.waves
            .iter()
            .map(|(fx, fy, phase)| (x * fx + y * fy + phase).sin())
            .sum::<f32>()
            / 4.0
    }
}

/// Writes the dataset as an ordinary one: `{train,val}/{images,masks}/*.png` with indexed masks,
/// and `class_dict.csv`.
///
/// # Errors
/// Naming the file that can't be written.
pub fn write(dir: &Path, seed: u64) -> Result<(), DataError> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| DataError::File {
        path: path.display().to_string(),
        message: error.to_string(),
    };
    let map = class_map();
    let samples = samples(seed);
    let (train, val) = split_point();
    for part in ["train", "val"] {
        for kind in ["images", "masks"] {
            let folder = dir.join(part).join(kind);
            std::fs::create_dir_all(&folder).map_err(|e| failed(&folder, &e))?;
        }
    }
    samples
        .par_iter()
        .enumerate()
        .try_for_each(|(index, sample)| {
            let part = if index < train { "train" } else { "val" };
            let name = format!("{}.png", sample.id);
            let path = dir.join(part).join("images").join(&name);
            image::save_buffer(
                &path,
                &sample.image.pixels,
                SIDE as u32,
                SIDE as u32,
                image::ColorType::Rgb8,
            )
            .map_err(|e| failed(&path, &e))?;
            let path = dir.join(part).join("masks").join(&name);
            super::mask::write_indexed(&path, &sample.labels, &map).map_err(|e| failed(&path, &e))
        })?;
    debug_assert_eq!(train + val, samples.len());
    let table = dir.join("class_dict.csv");
    let mut text = "name,r,g,b\n".to_owned();
    for class in &map.classes {
        let [r, g, b] = class.color;
        text.push_str(&format!("{},{r},{g},{b}\n", class.name));
    }
    std::fs::write(&table, text).map_err(|e| failed(&table, &e))
}

/// How many of the samples train, and how many validate.
#[must_use]
pub fn split_point() -> (usize, usize) {
    let val = IMAGES / 5;
    (IMAGES - val, val)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_pixels_and_another_seed_others() {
        assert_eq!(sample(1, 3).image, sample(1, 3).image);
        assert_ne!(sample(1, 3).image, sample(2, 3).image);
        assert_ne!(sample(1, 3).labels, sample(1, 4).labels);
    }

    #[test]
    fn the_rarest_class_is_below_half_a_percent_and_classes_are_absent_in_places() {
        let samples = samples(1);
        let mut counts = [0_usize; 5];
        let mut with_speck = 0;
        for sample in &samples {
            for &label in &sample.labels.labels {
                counts[usize::from(label)] += 1;
            }
            with_speck += usize::from(sample.labels.labels.contains(&SPECK));
        }
        let total = (IMAGES * SIDE * SIDE) as f64;
        let shares = counts.map(|c| c as f64 / total);
        assert!(shares[4] < 0.005 && shares[4] > 0.0003, "{shares:?}");
        assert!(shares[0] > 0.7, "{shares:?}");
        assert!(shares[1..].iter().all(|s| *s > 0.0), "{shares:?}");
        assert!(
            with_speck > IMAGES / 4 && with_speck < IMAGES * 3 / 4,
            "{with_speck}"
        );
    }
}
