//! The yardstick: the U-Net, batch and loss that other frameworks are timed with, what it takes and
//! how many operations that is.

use burn::prelude::*;

use super::step::Args;
use super::{CLASSES, numbers};
use crate::experiment::train_config::Optimizer;
use crate::experiment::{ExperimentConfig, TrainConfig};
use crate::loss::{LossConfig, LossContext, LossFn, Target};
use crate::model::config::{ModelConfig, Upsampling};
use crate::train::memory::{Estimate, estimate};

/// Image channels.
pub const CHANNELS: usize = 3;

pub fn model(args: &Args) -> ModelConfig {
    ModelConfig {
        depth: args.depth,
        base: args.base,
        upsampling: Upsampling::Transposed,
        ..ModelConfig::default()
    }
}

/// What a training of the same would be told to take.
pub fn expected(args: &Args, on_cpu: bool) -> Estimate {
    let mut config = ExperimentConfig {
        model: model(args),
        train: training(),
        ..ExperimentConfig::default()
    };
    if let Ok(loss) = loss() {
        config.loss = loss;
    }
    config.train.batch = args.batch;
    config.train.checkpointing = args.checkpointing;
    config.data.width = args.size;
    config.data.height = args.size;
    config.data.channels = CHANNELS as u64;
    Estimate {
        // The one batch is there from the start.
        batches: 0,
        ..estimate(&config, CLASSES, on_cpu)
    }
}

/// Multiplications and additions of all convolutions, of a step or of a pass forward.
pub fn operations(args: &Args, train: bool) -> u64 {
    let width = |level: u64| args.base << level;
    let pixels = |level: u64| args.batch * (args.size >> level).pow(2);
    // Products of a 3×3 convolution.
    let conv = |level: u64, inputs: u64, outputs: u64| 9 * pixels(level) * inputs * outputs;
    let first = conv(0, CHANNELS as u64, width(0));
    let mut products = first + conv(0, width(0), width(0));
    for level in 1..=args.depth {
        products += conv(level, width(level - 1), width(level));
        products += conv(level, width(level), width(level));
    }
    for level in 0..args.depth {
        products += 4 * pixels(level + 1) * width(level + 1) * width(level);
        products += conv(level, 2 * width(level), width(level));
        products += conv(level, width(level), width(level));
    }
    products += pixels(0) * width(0) * CLASSES as u64;
    // Backwards once more for the weights and once for the input; images need no gradient.
    2 * if train {
        3 * products - first
    } else {
        products
    }
}

pub fn training() -> TrainConfig {
    TrainConfig {
        optimizer: Optimizer::Adam,
        clip_norm: 0.0,
        ..TrainConfig::default()
    }
}

/// `[N, 3, S, S]`, zero mean and unit deviation.
pub fn noise(args: &Args, device: &Device) -> Tensor<4> {
    let (n, s) = (args.batch as usize, args.size as usize);
    let values: Vec<f32> = numbers(n * CHANNELS * s * s, 1)
        .map(|unit| (unit - 0.5) * 12f32.sqrt())
        .collect();
    Tensor::from_data(TensorData::new(values, [n, CHANNELS, s, s]), device)
}

/// A class at random for every pixel.
pub fn random_target(args: &Args, device: &Device) -> Target {
    let (n, s) = (args.batch as usize, args.size as usize);
    let pixels = s * s;
    let labels: Vec<u8> = numbers(n * pixels, 2)
        .map(|unit| (unit * CLASSES as f32) as u8)
        .collect();
    Target::from_labels(&labels, [n, s, s], CLASSES, device)
}

fn loss() -> Result<LossConfig, String> {
    LossConfig::of_kind("sum").map_err(|error| error.to_string())
}

/// Mean cross-entropy + 1 − mean over the classes of (2·Σpt + 1) / (Σp + Σt + 1), softmax: the
/// loss that the same step in other frameworks is timed with. It is what a sum of losses starts as. Or
/// another `kind` with its own defaults.
pub fn build_loss(kind: Option<&str>, device: &Device) -> Result<Box<dyn LossFn>, String> {
    let context = LossContext {
        num_classes: CLASSES,
        class_weights: Vec::new(),
        device: device.clone(),
    };
    let config = match kind {
        Some(kind) => LossConfig::of_kind(kind).map_err(|error| error.to_string())?,
        None => loss()?,
    };
    config.build(&context).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{OutputActivation, Prediction};

    /// With equal logits every class has probability 1/5: cross-entropy ln 5, and Dice of classes
    /// of a fifth of the pixels each is (2·n/25 + 1) / (2·n/5 + 1).
    #[test]
    fn the_loss_of_equal_logits_is_known() {
        let device = Device::flex();
        let labels: Vec<u8> = (0..100).map(|i| (i % CLASSES) as u8).collect();
        let target = Target::from_labels(&labels, [1, 10, 10], CLASSES, &device);
        let prediction = Prediction {
            logits: Tensor::zeros([1, CLASSES, 10, 10], &device),
            activation: OutputActivation::Softmax,
        };
        let loss = build_loss(None, &device).unwrap();
        let loss = loss.forward(&prediction, &target).into_scalar::<f32>();
        let expected = 5f64.ln() + 1.0 - (2.0 * 4.0 + 1.0) / (20.0 + 20.0 + 1.0);
        assert!((f64::from(loss) - expected).abs() < 1e-5, "{loss}");
    }

    /// One level, one channel in and out by hand: 3×3 convolutions of 3 → 1, 1 → 1, 1 → 2, 2 → 2,
    /// 2 → 1 and 1 → 1 channels, a 2×2 one of 2 → 1, and the head.
    #[test]
    fn operations_are_those_of_the_convolutions() {
        let args = Args {
            batch: 1,
            size: 2,
            base: 1,
            depth: 1,
            steps: 1,
            warmup: 0,
            checkpointing: false,
            threads: None,
            scaling: false,
            device: "cpu".to_owned(),
            loss: None,
            json: false,
        };
        let top = 9 * 4 * (3 + 1 + 2 + 1);
        let bottom = 9 * (2 + 4);
        let products = top + bottom + 4 * 2 + 4 * CLASSES as u64;
        assert_eq!(operations(&args, false), 2 * products);
        assert_eq!(operations(&args, true), 2 * (3 * products - 9 * 4 * 3));
    }
}
