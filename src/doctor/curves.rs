//! Response curves: what loss and gradient do while one thing about an answer goes from wrong to
//! right, on one of the user's own masks. Which thing and which object is found in the truth alone,
//! so that curves of several configurations may be laid over each other.

use serde::Serialize;

use super::look::Frame;
use super::oracle::Truth;
use super::xray::{Bench, Subject};
use crate::data::IGNORE;
use crate::experiment::ExperimentConfig;
use crate::loss::{LossError, OutputActivation};

/// Logit of what a trained network is sure of; its opposite otherwise.
const CONFIDENT: f32 = 4.0;
/// Smaller objects vanish at the first erosion: they are chosen only where there is no other.
const WORTH_MOVING: usize = 25;
/// Largest erosion and dilation, in pixels.
const GROWTH: i32 = 4;

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Motion {
    /// Probability that an object's pixels are given for their class.
    Probability,
    /// Pixels that an object's border lies too far out.
    Size,
    /// Pixels that an object lies beside its place.
    Shift,
    /// Share of the rarest class's pixels that are answered right.
    Rarest,
}

impl Motion {
    pub const ALL: [Self; 4] = [Self::Probability, Self::Size, Self::Shift, Self::Rarest];

    /// What the horizontal axis is.
    #[must_use]
    pub fn axis(self) -> &'static str {
        match self {
            Self::Probability => "probability of the right class",
            Self::Size => "border moved out by, px",
            Self::Shift => "moved aside by, px",
            Self::Rarest => "share of its pixels found",
        }
    }

    /// Where the answer is right.
    #[must_use]
    pub fn right(self) -> f64 {
        match self {
            Self::Probability | Self::Rarest => 1.0,
            Self::Size | Self::Shift => 0.0,
        }
    }
}

/// One answer along the way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// In the unit of [`Motion::axis`].
    pub at: f64,
    pub loss: f64,
    /// Σ|∂loss/∂logit| over all classes and pixels of the mask: how hard the answer is pushed.
    pub gradient: f64,
}

/// Loss and gradient over one motion.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    pub motion: Motion,
    /// "size of one object of car, 214 px".
    pub title: String,
    pub axis: &'static str,
    /// Ascending by [`Point::at`].
    pub points: Vec<Point>,
}

/// What one curve says of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Lowest where the answer is right.
    Right,
    /// Lowest elsewhere: there training goes.
    Elsewhere(f64),
    /// The same all along: nothing is learned from this.
    Blind,
}

impl Curve {
    /// `None` where a loss is not finite.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        let distance = |point: &Point| (point.at - self.motion.right()).abs();
        let right = (self.points.iter()).min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        let lowest = (self.points.iter()).min_by(|a, b| a.loss.total_cmp(&b.loss))?;
        let highest = (self.points.iter()).max_by(|a, b| a.loss.total_cmp(&b.loss))?;
        if !(lowest.loss.is_finite() && highest.loss.is_finite()) {
            return None;
        }
        let range = highest.loss - lowest.loss;
        // f32 sums over a mask are good to about this.
        Some(if range <= 2e-6 * highest.loss.abs().max(1e-3) {
            Verdict::Blind
        } else if right.loss - lowest.loss <= 1e-2 * range {
            Verdict::Right
        } else {
            Verdict::Elsewhere(lowest.at)
        })
    }
}

/// All curves of `config`'s loss; `None` when `stop` said so on the way.
///
/// # Errors
/// When the loss can't be made or gives no number.
pub fn respond(
    config: &ExperimentConfig,
    subject: &Subject,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<Curve>>, LossError> {
    let Some(scene) = Scene::find(subject.truth()) else {
        return Ok(Some(Vec::new()));
    };
    let [height, width] = [scene.height, scene.width];
    let one = Subject {
        labels: scene.labels.clone(),
        shape: [1, height, width],
        ..subject.clone()
    };
    let bench = Bench::new(config, &one)?;
    let mut curves = Vec::new();
    for motion in Motion::ALL {
        let mut points = Vec::new();
        for at in scene.stations(motion) {
            if stop() {
                return Ok(None);
            }
            let logits = scene.answer(motion, at, config.activation);
            let (loss, gradient) = bench.loss_and_gradient(&logits)?;
            points.push(Point {
                at,
                loss,
                gradient: gradient.iter().map(|g| f64::from(g.abs())).sum(),
            });
        }
        curves.push(Curve {
            motion,
            title: scene.title(motion, &subject.class_names),
            axis: motion.axis(),
            points,
        });
    }
    Ok(Some(curves))
}

/// The mask and the object that the answers are made of.
struct Scene {
    /// `[H, W]`.
    labels: Vec<u8>,
    height: usize,
    width: usize,
    classes: usize,
    object: Vec<bool>,
    class: u8,
    /// What lies around the object, and is answered where it is missed.
    around: u8,
    rarest: u8,
}

impl Scene {
    /// The object of the rarest class that is worth moving, on the mask with the most classes;
    /// `None` where there is but one class or no object.
    fn find(truth: Truth<'_>) -> Option<Self> {
        let classes = truth.class_names.len();
        if classes < 2 {
            return None;
        }
        let frame = Frame::fullest(truth);
        let labels = frame.labels(truth).to_vec();
        let (height, width) = (frame.height, frame.width);
        let mut counts = vec![0usize; classes];
        for &label in &labels {
            if let Some(count) = counts.get_mut(usize::from(label)) {
                *count += 1;
            }
        }
        let objects = objects(&labels, height, width, classes);
        let (class, object) = objects
            .into_iter()
            .max_by_key(|(class, pixels)| {
                let large = pixels.len() >= WORTH_MOVING;
                let rare = std::cmp::Reverse(if large {
                    counts[usize::from(*class)]
                } else {
                    0
                });
                (large, rare, pixels.len())
            })
            .map(|(class, pixels)| {
                let mut map = vec![false; labels.len()];
                pixels.iter().for_each(|at| map[*at] = true);
                (class, map)
            })?;
        let rarest = (1..classes)
            .filter(|c| counts[*c] > 0)
            .min_by_key(|c| counts[*c])?;
        Some(Self {
            around: around(&labels, &object, class, height, width, classes),
            labels,
            height,
            width,
            classes,
            object,
            class,
            rarest: rarest as u8,
        })
    }

    fn title(&self, motion: Motion, names: &[String]) -> String {
        let name = |class: u8| names.get(usize::from(class)).map_or("", String::as_str);
        let pixels =
            |map: &dyn Fn(usize) -> bool| (0..self.labels.len()).filter(|p| map(*p)).count();
        let object = || {
            let size = pixels(&|at| self.object[at]);
            format!("one object of {}, {size} px", name(self.class))
        };
        match motion {
            Motion::Probability => format!("Probability: {}", object()),
            Motion::Size => format!("Size: {}", object()),
            Motion::Shift => format!("Place: {}", object()),
            Motion::Rarest => {
                let size = pixels(&|at| self.labels[at] == self.rarest);
                format!("Rarest class: {}, {size} px", name(self.rarest))
            }
        }
    }

    /// Where on the way answers are made.
    fn stations(&self, motion: Motion) -> Vec<f64> {
        match motion {
            Motion::Probability => {
                let mut at = vec![0.01, 0.03];
                at.extend((1..20).map(|i| f64::from(i) / 20.0));
                at.extend([0.97, 0.99]);
                at
            }
            Motion::Size => (-GROWTH..=GROWTH).map(f64::from).collect(),
            Motion::Shift => {
                // One pixel more than the object is wide: then it is beside itself.
                let columns = (0..self.labels.len()).filter(|at| self.object[*at]);
                let columns: Vec<usize> = columns.map(|at| at % self.width).collect();
                let wide = columns.iter().max().zip(columns.iter().min());
                let wide = wide.map_or(1, |(max, min)| max - min + 1);
                let far = (wide + 1).min(self.width / 2).max(1);
                let step = far.div_ceil(10);
                (0..=far.div_ceil(step))
                    .map(|i| (i * step) as f64)
                    .collect()
            }
            Motion::Rarest => (0..=10).map(|i| f64::from(i) / 10.0).collect(),
        }
    }

    /// Logits `[1, C, H, W]` of the answer.
    fn answer(&self, motion: Motion, at: f64, activation: OutputActivation) -> Vec<f32> {
        match motion {
            Motion::Probability => self.of_probability(at, activation),
            Motion::Size => self.of_labels(&self.with_object(&self.grown(at as i32)), activation),
            Motion::Shift => {
                self.of_labels(&self.with_object(&self.shifted(at as usize)), activation)
            }
            Motion::Rarest => self.of_labels(&self.with_rarest(at), activation),
        }
    }

    fn of_labels(&self, labels: &[u8], activation: OutputActivation) -> Vec<f32> {
        let area = labels.len();
        let (on, off) = match activation {
            OutputActivation::None => (1.0, 0.0),
            _ => (CONFIDENT, -CONFIDENT),
        };
        let mut logits = vec![off; self.classes * area];
        for (pixel, &label) in labels.iter().enumerate() {
            if usize::from(label) < self.classes {
                logits[usize::from(label) * area + pixel] = on;
            }
        }
        logits
    }

    /// The object's pixels are given for their class with probability `p`, for what lies around
    /// with what is left of 1.
    fn of_probability(&self, p: f64, activation: OutputActivation) -> Vec<f32> {
        let mut logits = self.of_labels(&self.labels, activation);
        let area = self.labels.len();
        let odds = (p / (1.0 - p)).ln() as f32;
        // Under softmax the two differ by the odds, and the others have no part.
        let (own, other, rest) = match activation {
            OutputActivation::None => (p as f32, 1.0 - p as f32, 0.0),
            OutputActivation::Sigmoid => (odds, -odds, -CONFIDENT),
            OutputActivation::Softmax => (odds / 2.0, -odds / 2.0, -4.0 * CONFIDENT),
        };
        for pixel in (0..area).filter(|pixel| self.object[*pixel]) {
            for class in 0..self.classes {
                logits[class * area + pixel] = match class {
                    c if c == usize::from(self.class) => own,
                    c if c == usize::from(self.around) => other,
                    _ => rest,
                };
            }
        }
        logits
    }

    /// The truth with the object where `map` says.
    fn with_object(&self, map: &[bool]) -> Vec<u8> {
        let label = |at: usize| match (map[at], self.object[at]) {
            (true, _) => self.class,
            (false, true) => self.around,
            (false, false) => self.labels[at],
        };
        (0..self.labels.len()).map(label).collect()
    }

    /// The object's border moved out (or in, where negative) by `pixels`, through edges of pixels.
    fn grown(&self, pixels: i32) -> Vec<bool> {
        let mut map = self.object.clone();
        for _ in 0..pixels.abs() {
            let before = map.clone();
            for (at, now) in map.iter_mut().enumerate() {
                let mut beside = neighbours(at, self.height, self.width);
                *now = match pixels > 0 {
                    true => before[at] || beside.any(|n| before[n]),
                    false => before[at] && beside.all(|n| before[n]),
                };
            }
        }
        map
    }

    /// The object moved sideways, to where there is more room; what leaves the mask is gone.
    fn shifted(&self, pixels: usize) -> Vec<bool> {
        let (mut left, mut right) = (self.width, self.width);
        for at in (0..self.object.len()).filter(|at| self.object[*at]) {
            left = left.min(at % self.width);
            right = right.min(self.width - 1 - at % self.width);
        }
        let mut map = vec![false; self.object.len()];
        for at in (0..self.object.len()).filter(|at| self.object[*at]) {
            let (row, column) = (at / self.width, at % self.width);
            let moved = match right >= left {
                true => Some(column + pixels).filter(|c| *c < self.width),
                false => column.checked_sub(pixels),
            };
            if let Some(column) = moved {
                map[row * self.width + column] = true;
            }
        }
        map
    }

    /// The truth, but only a share of the rarest class is found, spread over all of it; the rest is
    /// answered with the first class.
    fn with_rarest(&self, share: f64) -> Vec<u8> {
        let mut own: Vec<usize> = (0..self.labels.len())
            .filter(|at| self.labels[*at] == self.rarest)
            .collect();
        // Knuth's multiplicative hash: the same scattered order on every machine.
        own.sort_by_key(|at| (*at as u32).wrapping_mul(2_654_435_761));
        let found = (share * own.len() as f64).round() as usize;
        let mut labels = self.labels.clone();
        for at in own.into_iter().skip(found) {
            labels[at] = 0;
        }
        labels
    }
}

fn neighbours(at: usize, height: usize, width: usize) -> impl Iterator<Item = usize> {
    let (y, x) = (at / width, at % width);
    [
        (y > 0).then(|| at - width),
        (y + 1 < height).then(|| at + width),
        (x > 0).then(|| at - 1),
        (x + 1 < width).then(|| at + 1),
    ]
    .into_iter()
    .flatten()
}

/// Connected pixels of one class other than the first, through edges of pixels.
fn objects(labels: &[u8], height: usize, width: usize, classes: usize) -> Vec<(u8, Vec<usize>)> {
    let mut seen = vec![false; labels.len()];
    let mut objects = Vec::new();
    for start in 0..labels.len() {
        let class = labels[start];
        if seen[start] || class == 0 || class == IGNORE || usize::from(class) >= classes {
            continue;
        }
        seen[start] = true;
        let mut pixels = vec![start];
        let mut next = 0;
        while let Some(&at) = pixels.get(next) {
            next += 1;
            for beside in neighbours(at, height, width) {
                if !seen[beside] && labels[beside] == class {
                    seen[beside] = true;
                    pixels.push(beside);
                }
            }
        }
        objects.push((class, pixels));
    }
    objects
}

/// The class that touches the object most; where none does, the first other one.
fn around(
    labels: &[u8],
    object: &[bool],
    class: u8,
    height: usize,
    width: usize,
    classes: usize,
) -> u8 {
    let mut touching = vec![0usize; classes];
    for at in (0..labels.len()).filter(|at| object[*at]) {
        for beside in neighbours(at, height, width).filter(|beside| !object[*beside]) {
            if let Some(count) = touching.get_mut(usize::from(labels[beside])) {
                *count += 1;
            }
        }
    }
    let most = (0..classes).rev().max_by_key(|c| touching[*c]).unwrap_or(0);
    match touching[most] {
        0 => u8::from(class == 0),
        _ => most as u8,
    }
}

#[cfg(test)]
#[path = "curves_tests.rs"]
mod tests;
