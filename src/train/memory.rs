//! How much memory a training will take, before it is started: counted from the network's shape,
//! and from what its operations keep between forward and backward pass.

use serde::Serialize;

use super::room;
use crate::data::DataConfig;
use crate::experiment::ExperimentConfig;
use crate::experiment::train_config::Optimizer;
use crate::loss::LossConfig;
use crate::model::config::{HiddenActivation, ModelConfig, Normalization, Upsampling};
use crate::model::conv::LARGE;

/// Bytes of a number.
const NUMBER: f64 = 4.0;
/// Batches that wait beside the one in use.
const WAITING: f64 = 3.0;
/// What the kernels' threads keep between calls, and what of the program itself a first step brings
/// in.
const SCRATCH: u64 = 12_000_000;
/// Share of the estimate that it may be wrong by; a training is refused only if it can't fit even
/// then.
const ERROR: f64 = 0.2;

/// Bytes of one training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// The network's parameters.
    pub weights: u64,
    /// Gradients, and what the optimiser remembers.
    pub optimizer: u64,
    /// What the forward pass keeps for the backward pass, and the gradients in between.
    pub activations: u64,
    /// Images and labels that wait for their turn.
    pub batches: u64,
    /// What convolutions take beside their maps.
    pub kernels: u64,
}

impl Estimate {
    #[must_use]
    pub fn total(&self) -> u64 {
        self.weights + self.optimizer + self.activations + self.batches + self.kernels
    }

    /// What the parts are, for people.
    #[must_use]
    pub fn parts(&self) -> String {
        format!(
            "weights {}, gradients and optimiser {}, activations {}, waiting batches {}, kernels {}",
            size(self.weights),
            size(self.optimizer),
            size(self.activations),
            size(self.batches),
            size(self.kernels)
        )
    }
}

/// Bytes for people: `210 MB`, `3.4 GB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 999.5 {
        format!("{megabytes:.0} MB")
    } else {
        format!("{:.1} GB", megabytes / 1e3)
    }
}

/// What training `config` on `classes` classes takes. `own_kernels`: on the CPU, whose kernels keep
/// less than the operations on GPUs.
#[must_use]
pub fn estimate(config: &ExperimentConfig, classes: usize, own_kernels: bool) -> Estimate {
    let DataConfig {
        width,
        height,
        channels,
        ..
    } = config.data;
    let (channels, classes) = (channels as f64, classes as f64);
    let pixels = (width * height) as f64;
    let parameters = parameters(&config.model, channels, classes);
    let moments = match config.train.optimizer {
        Optimizer::Sgd => 1.0,
        Optimizer::Adam | Optimizer::AdamW => 2.0,
    };
    // A GPU's numbers are read a step late; until then the weights before that step are kept.
    let versions = if own_kernels { 1.0 } else { 3.0 };
    let at_once = config.train.images_at_once() as f64;
    let kept = Kept {
        model: &config.model,
        pixels: at_once * pixels,
        own_kernels,
        recompute: config.train.checkpointing,
    };
    let by_loss = by_loss(&config.loss) * classes;
    // The loss's maps are gone when the first layers' gradients are made. A GPU's memory pool keeps
    // them.
    let on_top = if own_kernels {
        kept.on_the_way().max(by_loss)
    } else {
        kept.on_the_way() + by_loss
    };
    let per_pixel = channels + kept.by_network() + on_top;
    // Validation is not in parts, and its larger buffers come on top of those already there.
    let whole_batch = if at_once < config.train.batch as f64 {
        config.train.batch as f64 * kept.by_evaluation()
    } else {
        0.0
    };
    // One byte for each label beside the image's numbers.
    let waiting = WAITING * config.train.batch as f64 * pixels * (channels + 0.25);
    let bytes = |numbers: f64| (numbers * NUMBER) as u64;
    Estimate {
        weights: bytes(parameters * versions),
        optimizer: bytes(parameters * (1.0 + moments * versions)),
        activations: bytes(pixels * (at_once * per_pixel + whole_batch)),
        batches: bytes(waiting),
        kernels: if own_kernels {
            bytes(at_winograds_points(&config.model)) + SCRATCH
        } else {
            0
        },
    }
}

/// Why `config` can't be trained in `room` bytes, with the settings that would fit; `None` when it
/// can, as far as an estimate says.
#[must_use]
pub fn obstacle(
    config: &ExperimentConfig,
    classes: usize,
    own_kernels: bool,
    room: u64,
) -> Option<String> {
    let needed = estimate(config, classes, own_kernels).total();
    if needed as f64 * (1.0 - ERROR) <= room as f64 {
        return None;
    }
    Some(format!(
        "training takes about {}, but only {} are free: {}",
        size(needed),
        size(room),
        advice(config, classes, own_kernels, room)
    ))
}

/// As [`obstacle`], with the memory that this process has left.
#[must_use]
pub fn obstacle_here(
    config: &ExperimentConfig,
    classes: usize,
    own_kernels: bool,
) -> Option<String> {
    obstacle(config, classes, own_kernels, room::available()?)
}

/// The largest batch that fits `room` bytes with all else as it is; `None` when not even one image
/// does.
#[must_use]
pub fn fitting_batch(
    config: &ExperimentConfig,
    classes: usize,
    own_kernels: bool,
    room: u64,
) -> Option<u64> {
    let mut other = config.clone();
    other.train.accumulate = 1;
    let (mut fits, mut fails) = (0, config.train.batch + 1);
    while fails - fits > 1 {
        other.train.batch = u64::midpoint(fits, fails);
        if estimate(&other, classes, own_kernels).total() <= room {
            fits = other.train.batch;
        } else {
            fails = other.train.batch;
        }
    }
    (fits > 0).then_some(fits)
}

fn advice(config: &ExperimentConfig, classes: usize, own_kernels: bool, room: u64) -> String {
    let Some(batch) = fitting_batch(config, classes, own_kernels, room) else {
        return "not even one image at a time fits; choose a smaller `data.width` and \
                `data.height`, or a smaller `model.base`"
            .to_owned();
    };
    let parts = config.train.batch.div_ceil(batch);
    format!(
        "`train.batch` = {batch} fits, or `train.accumulate` = {parts} keeps the batch of {} in \
         {parts} parts",
        config.train.batch
    )
}

/// What to try after the device said that its memory is full.
#[must_use]
pub fn advice_when_full(config: &ExperimentConfig) -> String {
    let at_once = config.train.images_at_once();
    if at_once < 2 {
        return "the device's memory is full with one image at a time: choose a smaller \
                `data.width` and `data.height`, or a smaller `model.base`"
            .to_owned();
    }
    format!(
        "the device's memory is full: `train.batch` = {} takes half, and so does \
         `train.accumulate` = {}, which keeps the batch; `train.checkpointing` saves more",
        at_once / 2,
        2 * config.train.accumulate
    )
}

/// Trainable parameters of the network.
fn parameters(model: &ModelConfig, channels: f64, classes: f64) -> f64 {
    let norm = if model.normalization == Normalization::None {
        1.0 // the bias that stands in for it
    } else {
        2.0
    };
    let block =
        |inputs: f64, outputs: f64| 9.0 * outputs * (inputs + outputs) + 2.0 * norm * outputs;
    let depth = model.depth as i32;
    let width = |level: i32| model.base as f64 * 2f64.powi(level);
    let taps = match model.upsampling {
        Upsampling::Transposed => 4.0,
        Upsampling::Nearest => 9.0,
    };
    let mut sum = (width(0) + 1.0) * classes;
    let mut inputs = channels;
    for level in 0..depth {
        sum += block(inputs, width(level));
        sum += block(2.0 * width(level), width(level));
        sum += width(level) * (taps * width(level + 1) + 1.0);
        inputs = width(level);
    }
    sum + block(inputs, width(depth))
}

/// Numbers of the largest kernel that is taken to Winograd's 36 points.
fn at_winograds_points(model: &ModelConfig) -> f64 {
    /// As many as are held at a time: ten megabytes.
    const MOST: f64 = (10 << 20) as f64 / NUMBER;
    let bottom = (model.base << model.depth) as f64;
    (36.0 * bottom.powi(2)).min(MOST)
}

/// What stays in memory from forward to backward pass, in numbers for each pixel of an image.
struct Kept<'a> {
    model: &'a ModelConfig,
    /// Of all images at once.
    pixels: f64,
    own_kernels: bool,
    recompute: bool,
}

impl Kept<'_> {
    /// Maps of one convolution with its normalisation and activation.
    fn by_layer(&self) -> f64 {
        let normalised = match (self.model.normalization, self.own_kernels) {
            // The convolution's output; the next one's input is computed again.
            (Normalization::Batch, true) => 1.0,
            // The convolution's output, and the next one's input.
            (Normalization::Batch, false) | (Normalization::None, _) => 2.0,
            // The difference from the mean, the quotient, its product, and the next one's input.
            (Normalization::Group | Normalization::Instance, _) => 4.0,
        };
        let own_norm = self.own_norm();
        let activated = match self.model.hidden_activation {
            HiddenActivation::Relu
                if own_norm || self.model.normalization != Normalization::Batch =>
            {
                0.0
            }
            HiddenActivation::Relu | HiddenActivation::LeakyRelu | HiddenActivation::Gelu => 1.0,
            HiddenActivation::Silu => 2.0,
        };
        if self.recompute && !own_norm {
            // What follows the convolution is computed again from its output, and half of that
            // lives again at the same time.
            1.5
        } else {
            normalised + activated
        }
    }

    /// Normalisation and activation are done by whoever reads a map.
    fn fused(&self) -> bool {
        self.own_norm() && self.model.hidden_activation == HiddenActivation::Relu
    }

    /// Batch normalisation by the CPU's kernels.
    fn own_norm(&self) -> bool {
        self.own_kernels && self.model.normalization == Normalization::Batch
    }

    fn by_network(&self) -> f64 {
        let layer = self.by_layer();
        let depth = self.model.depth as i32;
        let base = self.model.base as f64;
        let mut sum = 0.0;
        for level in 0..depth {
            // Channels double and pixels are quartered from level to level.
            let map = base * 2f64.powi(level) / 4f64.powi(level);
            // Encoder and decoder have two layers each. The CPU computes an encoder's large maps again,
            // when those of the decoder are no longer there.
            let again = self.own_kernels && self.pixels * map * NUMBER >= LARGE as f64;
            let kept_again = if again { layer - 1.0 } else { layer };
            sum += 2.0 * (layer + kept_again) * map;
            // The pooled image, and which of four was taken: a byte each on the CPU, which computes
            // the image again where what it was pooled from is there.
            let pooled = match (self.own_kernels, again) {
                (true, true) => 1.25,
                (true, false) => 0.25,
                (false, _) => 2.0,
            };
            sum += map / 4.0 * pooled;
            sum += match self.model.upsampling {
                // Computed again on the CPU.
                Upsampling::Transposed if self.own_kernels => 0.0,
                Upsampling::Transposed => map,
                // The repeated image has twice the channels.
                Upsampling::Nearest if self.recompute => map,
                Upsampling::Nearest => 3.0 * map,
            };
            if !self.own_kernels {
                sum += 2.0 * map; // skip and upper half put together
            }
        }
        let bottom = base * 2f64.powi(depth) / 4f64.powi(depth);
        sum + 2.0 * layer * bottom
    }

    /// Without gradients: the skips of all levels, and what goes into and comes out of a layer.
    fn by_evaluation(&self) -> f64 {
        5.0 * self.model.base as f64
    }

    /// Gradients that live at the same time, at the top of the U where they are largest; what is
    /// computed again lives beside them.
    fn on_the_way(&self) -> f64 {
        let maps = if self.fused() {
            1.0 // a gradient becomes that of the layer before in its place
        } else if self.recompute || self.own_kernels {
            3.0
        } else {
            2.0
        };
        maps * self.model.base as f64
    }
}

/// Maps of one class each that logits, target and loss keep.
fn by_loss(loss: &LossConfig) -> f64 {
    // The logits, the target, and their gradient.
    const ALWAYS: f64 = 3.0;
    // Probabilities, logarithms, products with the target, and the gradients of these.
    const EACH: f64 = 5.0;
    let terms = match loss {
        LossConfig::Sum(sum) => sum.terms.len().max(1),
        _ => 1,
    };
    ALWAYS + EACH * terms as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UNet;
    use burn::prelude::Device;

    #[test]
    fn parameters_are_counted_as_the_network_counts_them() {
        for &normalization in Normalization::ALL {
            for &upsampling in Upsampling::ALL {
                for depth in [1, 3] {
                    let model = ModelConfig {
                        depth,
                        base: 6,
                        normalization,
                        upsampling,
                        ..ModelConfig::default()
                    };
                    let net = UNet::new(&model, 3, 5, 1, &Device::flex());
                    let counted = parameters(&model, 3.0, 5.0) as u64;
                    assert_eq!(counted, net.parameters(), "{model:?}");
                }
            }
        }
    }

    #[test]
    fn twice_the_images_take_twice_the_activations_and_no_more_weights() {
        let mut config = ExperimentConfig::default();
        let one = estimate(&config, 5, true);
        config.train.batch *= 2;
        let two = estimate(&config, 5, true);
        assert_eq!(one.weights, two.weights);
        assert_eq!(one.optimizer, two.optimizer);
        assert!(two.activations.abs_diff(2 * one.activations) <= 1);
        config.train.accumulate = 2;
        let parts = estimate(&config, 5, true).activations;
        assert!(one.activations < parts && parts < two.activations);
        config.train.checkpointing = true;
        assert!(estimate(&config, 5, true).activations < parts);
    }

    #[test]
    fn the_batch_that_is_proposed_fits_and_the_next_does_not() {
        let mut config = ExperimentConfig::default();
        config.train.batch = 64;
        let room = estimate(&config, 5, true).total() / 3;
        let message = obstacle(&config, 5, true, room).unwrap();
        let batch = fitting_batch(&config, 5, true, room).unwrap();
        assert!(
            message.contains(&format!("`train.batch` = {batch} ")),
            "{message}"
        );
        assert!(message.contains("train.accumulate"), "{message}");
        config.train.batch = batch;
        assert!(estimate(&config, 5, true).total() <= room);
        config.train.batch = batch + 1;
        assert!(estimate(&config, 5, true).total() > room);
        assert_eq!(obstacle(&config, 5, true, u64::MAX), None);
    }

    #[test]
    fn a_machine_too_small_for_one_image_is_told_what_else_to_change() {
        let config = ExperimentConfig::default();
        let message = obstacle(&config, 5, true, 1 << 20).unwrap();
        assert!(message.contains("data.width"), "{message}");
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(size(210_000_000), "210 MB");
        assert_eq!(size(3_400_000_000), "3.4 GB");
        assert_eq!(size(999_800_000), "1.0 GB");
    }
}
