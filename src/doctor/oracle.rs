//! Answers whose worth is known beforehand, written as the network would put them out: logits.
//!
//! An oracle is made from the true labels alone. Its [`quality`](Oracle::quality) is the mean soft
//! Dice per present class of its (single) activation against the truth, so that "worse" has a
//! meaning that no loss under test decides.

use crate::data::IGNORE;
use crate::loss::OutputActivation;

/// Logit of a class that is certainly there; its opposite certainly not.
const SURE: f32 = 12.0;
/// A perfect answer as a well-trained network gives it: right, not infinitely so.
const CONFIDENT: f32 = 4.0;

/// One answer to all masks of the examination.
#[derive(Debug, Clone)]
pub struct Oracle {
    /// Stable name: `perfect`, `all-background`, …
    pub name: String,
    /// For people: "perfect, but the rarest class (speck) is missing".
    pub title: String,
    /// `[N, C, H, W]`.
    pub logits: Vec<f32>,
    /// Mean soft Dice over the classes that occur, 0..=1.
    pub quality: f64,
}

/// The true labels that oracles are made from: `[N, H, W]`.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    pub labels: &'a [u8],
    /// `[N, H, W]`.
    pub shape: [usize; 3],
    pub class_names: &'a [String],
}

impl Truth<'_> {
    fn classes(&self) -> usize {
        self.class_names.len()
    }

    /// Pixels per class.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.classes()];
        for &label in self.labels {
            if let Some(count) = counts.get_mut(usize::from(label)) {
                *count += 1;
            }
        }
        counts
    }

    /// The class with the fewest pixels among those that occur, other than class 0.
    #[must_use]
    pub fn rarest(&self) -> Option<usize> {
        self.counts()
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(_, count)| **count > 0)
            .min_by_key(|(_, count)| **count)
            .map(|(class, _)| class)
    }
}

/// Logit of a class that is certainly there, or certainly not; without an activation the output
/// itself is read as a probability: 1 or 0.
#[must_use]
pub fn certain(activation: OutputActivation, on: bool) -> f32 {
    match (activation, on) {
        (OutputActivation::None, true) => 1.0,
        (OutputActivation::None, false) => 0.0,
        (_, true) => SURE,
        (_, false) => -SURE,
    }
}

/// What a network says that gives every class the same chance.
#[must_use]
pub fn uniform(truth: Truth<'_>, activation: OutputActivation) -> Oracle {
    let logits = vec![0.0; truth.classes()];
    Maker { truth, activation }.constant("uniform", "every class equally likely", &logits)
}

/// Every oracle for this truth and output activation, in no particular order.
#[must_use]
pub fn all(truth: Truth<'_>, activation: OutputActivation) -> Vec<Oracle> {
    let classes = truth.classes();
    let maker = Maker { truth, activation };
    let mut oracles = vec![
        maker.of_labels("perfect", "perfect, without a doubt", truth.labels, SURE),
        maker.of_labels(
            "confident",
            "perfect, as a trained network says it",
            truth.labels,
            CONFIDENT,
        ),
        uniform(truth, activation),
        maker.class_shares(),
    ];
    if activation != OutputActivation::Softmax {
        // Under softmax "everything on" is the uniform answer once more.
        oracles.push(maker.constant("all-on", "every class on, everywhere", &vec![SURE; classes]));
        oracles.push(maker.constant(
            "all-off",
            "every class off, everywhere",
            &vec![-SURE; classes],
        ));
    }
    for class in 0..classes {
        let title = format!("{} everywhere", truth.class_names[class]);
        let labels = vec![class as u8; truth.labels.len()];
        let name = if class == 0 {
            "all-background".to_owned()
        } else {
            format!("all-{class}")
        };
        oracles.push(maker.of_labels(&name, &title, &labels, SURE));
    }
    if let Some(rarest) = truth.rarest() {
        let labels: Vec<u8> = truth
            .labels
            .iter()
            .map(|&l| if usize::from(l) == rarest { 0 } else { l })
            .collect();
        let title = format!("perfect, but {} is missing", truth.class_names[rarest]);
        oracles.push(maker.of_labels("rarest-missing", &title, &labels, SURE));
    }
    for percent in [10, 25, 50] {
        let title = format!("{percent} % of the pixels labelled wrong");
        let name = format!("wrong-{percent}");
        oracles.push(maker.of_labels(&name, &title, &maker.corrupted(percent), SURE));
    }
    for pixels in [1, 2, 3] {
        let name = format!("eroded-{pixels}");
        let title = format!("objects {pixels} px too small");
        oracles.push(maker.of_labels(&name, &title, &maker.moved_border(pixels, false), SURE));
        let name = format!("dilated-{pixels}");
        let title = format!("objects {pixels} px too large");
        oracles.push(maker.of_labels(&name, &title, &maker.moved_border(pixels, true), SURE));
    }
    oracles.push(maker.of_labels(
        "shuffled",
        "the right objects in the wrong images",
        &maker.shuffled(),
        SURE,
    ));
    oracles
}

/// Logits of a perfect answer whose channels are moved on by one: the next class at each pixel.
/// A loss that scores this like the perfect answer cannot tell classes apart.
#[must_use]
pub fn next_class(truth: Truth<'_>, activation: OutputActivation) -> Oracle {
    let classes = truth.classes() as u8;
    let labels: Vec<u8> = truth
        .labels
        .iter()
        .map(|&l| if l < classes { (l + 1) % classes } else { l })
        .collect();
    Maker { truth, activation }.of_labels(
        "next-class",
        "every pixel confidently the next class",
        &labels,
        SURE,
    )
}

struct Maker<'a> {
    truth: Truth<'a>,
    activation: OutputActivation,
}

impl Maker<'_> {
    fn of_labels(&self, name: &str, title: &str, labels: &[u8], logit: f32) -> Oracle {
        let [n, h, w] = self.truth.shape;
        let (classes, area) = (self.truth.classes(), h * w);
        // Without an activation the output itself is read as a probability: 0 or 1.
        let (off, on) = match self.activation {
            OutputActivation::None => (0.0, 1.0),
            _ => (-logit, logit),
        };
        let mut logits = vec![off; n * classes * area];
        for (pixel, &label) in labels.iter().enumerate() {
            let class = usize::from(label);
            if class < classes {
                logits[(pixel / area * classes + class) * area + pixel % area] = on;
            }
        }
        self.finish(name, title, logits)
    }

    fn constant(&self, name: &str, title: &str, per_class: &[f32]) -> Oracle {
        let [n, h, w] = self.truth.shape;
        let area = h * w;
        let mut logits = Vec::with_capacity(n * per_class.len() * area);
        for _ in 0..n {
            for &logit in per_class {
                logits.extend(std::iter::repeat_n(logit, area));
            }
        }
        self.finish(name, title, logits)
    }

    /// Each pixel gets the classes' overall shares as its probabilities.
    fn class_shares(&self) -> Oracle {
        let counts = self.truth.counts();
        let total: u64 = counts.iter().sum::<u64>().max(1);
        let per_class: Vec<f32> = counts
            .iter()
            .map(|&count| {
                let share = (count as f32 / total as f32).clamp(1e-6, 1.0 - 1e-6);
                match self.activation {
                    OutputActivation::Softmax => share.ln(),
                    OutputActivation::Sigmoid => (share / (1.0 - share)).ln(),
                    OutputActivation::None => share,
                }
            })
            .collect();
        self.constant(
            "class-shares",
            "each class by its overall share",
            &per_class,
        )
    }

    fn finish(&self, name: &str, title: &str, logits: Vec<f32>) -> Oracle {
        let quality = self.quality(&logits);
        Oracle {
            name: name.to_owned(),
            title: title.to_owned(),
            logits,
            quality,
        }
    }

    /// Mean over the classes that occur of 2·Σpy / (Σp + Σy), with one activation applied once.
    fn quality(&self, logits: &[f32]) -> f64 {
        let [n, h, w] = self.truth.shape;
        let (classes, area) = (self.truth.classes(), h * w);
        let (mut both, mut predicted, mut actual) = (
            vec![0.0_f64; classes],
            vec![0.0_f64; classes],
            vec![0.0_f64; classes],
        );
        let mut probs = vec![0.0_f32; classes];
        for image in 0..n {
            for pixel in 0..area {
                let label = self.truth.labels[image * area + pixel];
                if label == IGNORE {
                    continue;
                }
                for (class, prob) in probs.iter_mut().enumerate() {
                    *prob = logits[(image * classes + class) * area + pixel];
                }
                activate(&mut probs, self.activation);
                for (class, &prob) in probs.iter().enumerate() {
                    predicted[class] += f64::from(prob);
                    if class == usize::from(label) {
                        both[class] += f64::from(prob);
                        actual[class] += 1.0;
                    }
                }
            }
        }
        let scores: Vec<f64> = (0..classes)
            .filter(|&class| actual[class] > 0.0)
            .map(|class| 2.0 * both[class] / (predicted[class] + actual[class]))
            .collect();
        scores.iter().sum::<f64>() / scores.len().max(1) as f64
    }

    /// Labels with `percent` of the pixels moved to another class, spread evenly and repeatably.
    fn corrupted(&self, percent: u32) -> Vec<u8> {
        let classes = self.truth.classes() as u32;
        let mut state = 0x9E37_79B9_u32;
        self.truth
            .labels
            .iter()
            .map(|&label| {
                // xorshift32: the choice of pixels needs to be even, not secret.
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                if u32::from(label) >= classes || state % 100 >= percent || classes < 2 {
                    return label;
                }
                let step = 1 + (state / 100) % (classes - 1);
                ((u32::from(label) + step) % classes) as u8
            })
            .collect()
    }

    /// Objects (classes other than 0) grown into, or shrunk towards, class 0 by `pixels`.
    fn moved_border(&self, pixels: usize, grow: bool) -> Vec<u8> {
        let [n, h, w] = self.truth.shape;
        let mut labels = self.truth.labels.to_vec();
        for _ in 0..pixels {
            let before = labels.clone();
            for image in 0..n {
                let at = |y: usize, x: usize| before[(image * h + y) * w + x];
                for y in 0..h {
                    for x in 0..w {
                        let here = at(y, x);
                        let around = [
                            (y > 0).then(|| at(y - 1, x)),
                            (y + 1 < h).then(|| at(y + 1, x)),
                            (x > 0).then(|| at(y, x - 1)),
                            (x + 1 < w).then(|| at(y, x + 1)),
                        ];
                        let mut around = around.into_iter().flatten();
                        let changed = if grow {
                            (here == 0).then(|| around.find(|&l| l != 0 && l != IGNORE))
                        } else {
                            (here != 0 && here != IGNORE).then(|| around.find(|&l| l == 0))
                        };
                        if let Some(Some(label)) = changed {
                            labels[(image * h + y) * w + x] = label;
                        }
                    }
                }
            }
        }
        labels
    }

    /// Each image answered with the next image's truth (one image: with itself turned upside down).
    fn shuffled(&self) -> Vec<u8> {
        let [n, h, w] = self.truth.shape;
        let mut labels = self.truth.labels.to_vec();
        if n > 1 {
            labels.rotate_left(h * w);
        } else {
            labels.reverse();
        }
        for label in &mut labels {
            if *label == IGNORE {
                *label = 0;
            }
        }
        labels
    }
}

/// Applies the output activation to one pixel's logits, in place.
fn activate(values: &mut [f32], activation: OutputActivation) {
    match activation {
        OutputActivation::None => {}
        OutputActivation::Sigmoid => {
            for value in values {
                *value = 1.0 / (1.0 + (-*value).exp());
            }
        }
        OutputActivation::Softmax => {
            let max = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for value in values.iter_mut() {
                *value = (*value - max).exp();
                sum += *value;
            }
            for value in values {
                *value /= sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(classes: usize) -> Vec<String> {
        (0..classes).map(|c| format!("class {c}")).collect()
    }

    fn find<'a>(oracles: &'a [Oracle], name: &str) -> &'a Oracle {
        oracles.iter().find(|o| o.name == name).unwrap()
    }

    #[test]
    fn qualities_are_ordered_as_a_person_would_order_them() {
        let mut labels = vec![0_u8; 2 * 16 * 16];
        for y in 4..12 {
            for x in 4..12 {
                labels[y * 16 + x] = 1;
                labels[256 + y * 16 + x] = if x < 6 { 2 } else { 1 };
            }
        }
        let names = names(3);
        let truth = Truth {
            labels: &labels,
            shape: [2, 16, 16],
            class_names: &names,
        };
        for activation in [OutputActivation::Softmax, OutputActivation::Sigmoid] {
            let oracles = all(truth, activation);
            let quality = |name: &str| find(&oracles, name).quality;
            assert!(quality("perfect") > 0.999);
            assert!(quality("perfect") > quality("confident"));
            assert!(quality("confident") > quality("dilated-1"));
            assert!(quality("dilated-1") > quality("dilated-3"));
            assert!(quality("eroded-1") > quality("eroded-3"));
            assert!(quality("wrong-10") > quality("wrong-25"));
            assert!(quality("wrong-25") > quality("wrong-50"));
            assert!(quality("perfect") > quality("rarest-missing") + 0.3);
            assert!(quality("all-background") < 0.5);
            assert!(next_class(truth, activation).quality < 0.05);
        }
    }

    #[test]
    fn the_share_of_wrong_labels_is_what_it_says() {
        let labels = vec![1_u8; 10_000];
        let names = names(4);
        let truth = Truth {
            labels: &labels,
            shape: [1, 100, 100],
            class_names: &names,
        };
        let maker = Maker {
            truth,
            activation: OutputActivation::Softmax,
        };
        let wrong = maker.corrupted(25).iter().filter(|&&l| l != 1).count();
        assert!((2300..2700).contains(&wrong), "{wrong}");
    }
}
