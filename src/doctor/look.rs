//! What an oracle looks like on one of the examined masks, for a picture beside its bar, and where
//! the loss pushes on that mask.

use super::oracle::{Oracle, Truth};
use crate::loss::OutputActivation;

/// An answer as a picture of one mask.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// `[H, W]`: the class that the answer gives each pixel.
    Labels(Vec<u8>),
    /// The same everywhere: what each class is given, 0..=1.
    Flat(Vec<f32>),
}

/// Side lengths of a picture, and which of the examined masks it shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Frame {
    pub image: usize,
    pub width: usize,
    pub height: usize,
}

impl Frame {
    /// The mask with the most classes: it shows the most.
    #[must_use]
    pub fn fullest(truth: Truth<'_>) -> Self {
        let [images, height, width] = truth.shape;
        let classes = |image: usize| {
            let mut seen = [false; 256];
            for &label in &truth.labels[image * height * width..(image + 1) * height * width] {
                seen[usize::from(label)] = usize::from(label) < truth.class_names.len();
            }
            seen.iter().filter(|seen| **seen).count()
        };
        // The first of equals.
        let image = (0..images).rev().max_by_key(|image| classes(*image));
        Self {
            image: image.unwrap_or(0),
            width,
            height,
        }
    }

    fn area(&self) -> usize {
        self.width * self.height
    }

    /// The truth in this frame, `[H, W]`.
    #[must_use]
    pub fn labels<'a>(&self, truth: Truth<'a>) -> &'a [u8] {
        &truth.labels[self.image * self.area()..(self.image + 1) * self.area()]
    }

    /// This frame's part of `[N, C, H, W]`: `[C, H, W]`.
    #[must_use]
    pub fn planes<'a>(&self, values: &'a [f32], classes: usize) -> &'a [f32] {
        let size = classes * self.area();
        &values[self.image * size..(self.image + 1) * size]
    }
}

/// What `oracle` looks like in `frame`.
#[must_use]
pub fn look(oracle: &Oracle, frame: Frame, classes: usize, activation: OutputActivation) -> Look {
    let planes = frame.planes(&oracle.logits, classes);
    let area = frame.area();
    let flat = (0..classes).all(|class| {
        let plane = &planes[class * area..(class + 1) * area];
        plane.iter().all(|value| *value == plane[0])
    });
    if flat {
        let logits: Vec<f32> = (0..classes).map(|class| planes[class * area]).collect();
        return Look::Flat(activated(&logits, activation));
    }
    let best = |pixel: usize| {
        let value = |class: usize| planes[class * area + pixel];
        // The first of equals, as argmax.
        (0..classes)
            .rev()
            .max_by(|a, b| value(*a).total_cmp(&value(*b)))
            .map_or(0, |class| class as u8)
    };
    Look::Labels((0..area).map(best).collect())
}

fn activated(logits: &[f32], activation: OutputActivation) -> Vec<f32> {
    match activation {
        OutputActivation::None => logits.iter().map(|z| z.clamp(0.0, 1.0)).collect(),
        OutputActivation::Sigmoid => logits.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect(),
        OutputActivation::Softmax => {
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = logits.iter().map(|z| (z - largest).exp()).sum();
            logits.iter().map(|z| (z - largest).exp() / sum).collect()
        }
    }
}

/// d loss / d logit on one mask.
#[derive(Debug, Clone, PartialEq)]
pub struct Slope {
    /// Name of the oracle at which it was taken.
    pub oracle: String,
    pub frame: Frame,
    /// `[C, H, W]`; positive where a step of descent lowers the class's logit.
    pub values: Vec<f32>,
    /// Largest magnitude over all classes and pixels of the mask.
    pub largest: f32,
}

impl Slope {
    #[must_use]
    pub fn new(oracle: &str, frame: Frame, values: Vec<f32>) -> Self {
        let largest = values
            .iter()
            .fold(0.0f32, |most, value| most.max(value.abs()));
        Self {
            oracle: oracle.to_owned(),
            frame,
            values,
            largest,
        }
    }

    /// `[H, W]` of one class.
    #[must_use]
    pub fn class(&self, class: usize) -> &[f32] {
        let area = self.frame.area();
        self.values
            .get(class * area..(class + 1) * area)
            .unwrap_or_default()
    }
}

/// Colour of a gradient on a scale that colour-blind readers can tell apart: blue where descent raises
/// the logit (`value` < 0), light grey at 0, orange where it lowers it. The root of the magnitude is
/// shown, so that weak pushes are seen beside strong ones.
#[must_use]
pub fn diverging(value: f32, largest: f32) -> [u8; 3] {
    const NOTHING: [f32; 3] = [240.0, 240.0, 240.0];
    const RAISED: [f32; 3] = [0.0, 92.0, 175.0];
    const LOWERED: [f32; 3] = [200.0, 80.0, 0.0];
    if largest <= 0.0 || !value.is_finite() {
        return NOTHING.map(|c| c as u8);
    }
    let part = (value.abs() / largest).sqrt().min(1.0);
    let end = if value < 0.0 { RAISED } else { LOWERED };
    std::array::from_fn(|i| (NOTHING[i] + (end[i] - NOTHING[i]) * part) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::oracle;

    fn names() -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    #[test]
    fn answers_look_like_what_they_say() {
        let names = names();
        let labels = [0, 0, 0, 0, 0, 1, 2, 255];
        let truth = Truth {
            labels: &labels,
            shape: [2, 2, 2],
            class_names: &names,
        };
        let frame = Frame::fullest(truth);
        assert_eq!(frame.image, 1, "three classes against one");
        for activation in [OutputActivation::Softmax, OutputActivation::Sigmoid] {
            let oracles = oracle::all(truth, activation);
            let of = |name: &str| {
                let oracle = oracles.iter().find(|o| o.name == name).unwrap();
                look(oracle, frame, 3, activation)
            };
            let Look::Labels(perfect) = of("perfect") else {
                panic!("perfect is a picture");
            };
            assert_eq!(perfect[..3], labels[4..7]);
            let Look::Flat(uniform) = of("uniform") else {
                panic!("uniform is the same everywhere");
            };
            let each = if activation == OutputActivation::Softmax {
                1.0 / 3.0
            } else {
                0.5
            };
            assert!(uniform.iter().all(|p| (p - each).abs() < 1e-6));
        }
    }
}
