//! Whether a device computes what the CPU computes: two tiny training steps on both.

use burn::prelude::*;

use super::Adapter;
use crate::experiment::TrainConfig;
use crate::loss::{LossConfig, LossContext, OutputActivation, Target};
use crate::model::{ModelConfig, UNet};
use crate::train::lane::guarded;
use crate::train::learner::Learner;

const CLASSES: usize = 3;
const SIDE: usize = 16;
const STEPS: usize = 2;
/// Relative. Sums in another order differ by rounding alone; a wrong kernel differs by far more.
const TOLERANCE: f64 = 1e-3;

/// Compares an adapter with the CPU.
///
/// # Errors
/// What went wrong: a panic's message, or the numbers that differ.
pub fn check(adapter: &Adapter) -> Result<(), String> {
    let expected = guarded(|| steps(&Device::flex()))?;
    let found = guarded(|| steps(&adapter.open()))?;
    for (step, (a, b)) in expected.iter().zip(&found).enumerate() {
        for (what, a, b) in [("loss", a.0, b.0), ("gradient norm", a.1, b.1)] {
            let error = (a - b).abs();
            // NaN is an error too.
            if error.is_nan() || error > TOLERANCE * a.abs().max(1e-3) {
                let step = step + 1;
                return Err(format!("computes {what} {b} in step {step}, the CPU {a}"));
            }
        }
    }
    Ok(())
}

/// `(loss, gradient norm)` of each step.
fn steps(device: &Device) -> Result<Vec<(f64, f64)>, String> {
    let device = device.clone().autodiff();
    let config = ModelConfig {
        depth: 2,
        base: 4,
        ..ModelConfig::default()
    };
    let mut learner = Learner::new(
        UNet::new(&config, 3, CLASSES, 1, &device),
        &TrainConfig::default(),
    );
    let context = LossContext {
        num_classes: CLASSES,
        class_weights: Vec::new(),
        device: device.clone(),
    };
    let loss = LossConfig::default()
        .build(&context)
        .map_err(|e| e.to_string())?;
    let pixels = SIDE * SIDE;
    let images: Vec<f32> = (0..2 * 3 * pixels)
        .map(|i| ((i * 37 % 101) as f32 / 50.0) - 1.0)
        .collect();
    let labels: Vec<u8> = (0..2 * pixels).map(|i| (i / 7 % CLASSES) as u8).collect();
    let target = Target::from_labels(&labels, [2, SIDE, SIDE], CLASSES, &device);
    (0..STEPS)
        .map(|_| {
            let data = TensorData::new(images.clone(), [2, 3, SIDE, SIDE]);
            let images = Tensor::from_data(data, &device);
            learner
                .step(
                    images,
                    None,
                    OutputActivation::Softmax,
                    &target,
                    &*loss,
                    1e-2,
                )
                .map(|measured| (measured.loss, measured.grad_norm))
                .map_err(|broken| broken.to_string())
        })
        .collect()
}
