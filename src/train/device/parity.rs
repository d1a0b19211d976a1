//! Whether a device computes every part of the workbench as the CPU does: each normalisation,
//! upsampling and activation of the network, and each kind of loss, in value and in every gradient; the
//! losses that have kernels of ours on devices also on [`awkward`] batches.
//!
//! More than [`check`](super::check), which guards each start: this takes minutes where shaders are
//! compiled by software, and is run by tests and by those who bring up a new driver.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use serde::Serialize;

use super::{Adapter, awkward};
use crate::experiment::TrainConfig;
use crate::loss::config::KINDS;
use crate::loss::{LossConfig, LossContext, LossFn, OutputActivation, Prediction, Target};
use crate::model::UNet;
use crate::model::config::{HiddenActivation, ModelConfig, Normalization, Upsampling};
use crate::train::lane::guarded;
use crate::train::learner::Learner;

const CLASSES: usize = 3;
const SIDE: usize = 8;
const IMAGES: usize = 2;
/// Of the largest number beside it. Sums in another order and another exponential differ by rounding,
/// which a division by a small variance or volume makes larger (6e-6 was seen on software Vulkan); a
/// wrong kernel or an approximate derivative differs by far more.
const TOLERANCE: f64 = 1e-4;

/// One part, and how far the device is from the CPU.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parity {
    /// `network: batch, nearest, relu` or `loss: dice`.
    pub part: String,
    /// Largest difference in value or gradient, of the largest number beside it.
    pub error: f64,
    /// What is wrong; `None` when equal within the tolerance.
    pub problem: Option<String>,
}

/// Compares every part on an adapter with the CPU; `tell` hears of each as it is done.
pub fn parity(adapter: &Adapter, mut tell: impl FnMut(&Parity)) -> bool {
    let (cpu, device) = (Device::flex().autodiff(), adapter.open().autodiff());
    let mut all_equal = true;
    let mut compare = |part: String, run: &dyn Fn(&Device) -> Result<Numbers, String>| {
        let found = guarded(|| run(&cpu)).and_then(|a| Ok((a, guarded(|| run(&device))?)));
        let (error, problem) = match found {
            Ok((expected, found)) => {
                let (error, at) = difference(&expected, &found);
                // NaN is not within any tolerance.
                let equal = error <= TOLERANCE;
                (
                    error,
                    (!equal).then(|| format!("{at} differs by {error:.1e}")),
                )
            }
            Err(message) => (f64::NAN, Some(message)),
        };
        all_equal &= problem.is_none();
        tell(&Parity {
            part,
            error,
            problem,
        });
    };
    for model in networks() {
        let part = format!(
            "network: {}, {}, {}",
            model.normalization, model.upsampling, model.hidden_activation
        );
        compare(part, &|device| train(&model, device));
    }
    for kind in KINDS {
        compare(format!("loss: {kind}"), &|device| loss(kind, device));
    }
    match awkward::cases() {
        Ok(cases) => {
            for case in cases {
                compare(case.name.clone(), &|device| case.run(device));
            }
        }
        Err(message) => compare("loss".to_owned(), &|_| Err(message.clone())),
    }
    all_equal
}

/// Every normalisation with every upsampling, and every activation.
fn networks() -> Vec<ModelConfig> {
    let tiny = ModelConfig {
        depth: 1,
        base: 4,
        ..ModelConfig::default()
    };
    let mut models = Vec::new();
    for &normalization in Normalization::ALL {
        for &upsampling in Upsampling::ALL {
            models.push(ModelConfig {
                normalization,
                upsampling,
                ..tiny.clone()
            });
        }
    }
    let others = HiddenActivation::ALL.iter().skip(1);
    models.extend(others.map(|&hidden_activation| ModelConfig {
        hidden_activation,
        ..tiny.clone()
    }));
    models
}

/// Names with what was computed under them: the loss first, then gradients.
pub(super) type Numbers = Vec<(String, Vec<f32>)>;

/// The largest difference, and where it is. Every list counts by its own largest number.
fn difference(expected: &Numbers, found: &Numbers) -> (f64, String) {
    let mut worst = (0.0, String::new());
    for ((name, a), (_, b)) in expected.iter().zip(found) {
        let largest = a
            .iter()
            .fold(1e-6, |max: f64, x| max.max(f64::from(x.abs())));
        for (a, b) in a.iter().zip(b) {
            let error = f64::from((a - b).abs()) / largest;
            if error.is_nan() || error > worst.0 {
                worst = (error, name.clone());
            }
        }
        if a.len() != b.len() {
            return (f64::NAN, format!("{name}: the length"));
        }
    }
    if expected.len() != found.len() {
        return (f64::NAN, "the number of gradients".to_owned());
    }
    worst
}

/// Loss and gradients of one step of a tiny network.
fn train(model: &ModelConfig, device: &Device) -> Result<Numbers, String> {
    let net = UNet::new(model, 3, CLASSES, 1, device);
    let learner = Learner::new(net, &TrainConfig::default());
    let images: Vec<f32> = (0..IMAGES * 3 * SIDE * SIDE)
        .map(|i| ((i * 37 % 101) as f32 / 50.0) - 1.0)
        .collect();
    let images = Tensor::from_data(TensorData::new(images, [IMAGES, 3, SIDE, SIDE]), device);
    let loss = built(&LossConfig::default(), CLASSES, device)?;
    let (measured, grads) = learner
        .gradients(
            images,
            None,
            OutputActivation::Softmax,
            &target(device),
            &*loss,
        )
        .map_err(|broken| broken.to_string())?;
    let mut numbers = vec![("loss".to_owned(), vec![measured.loss as f32])];
    numbers.extend(gradients(learner.model(), &grads)?);
    Ok(numbers)
}

/// Value, and gradient by the logits, of a loss with its own defaults.
fn loss(kind: &str, device: &Device) -> Result<Numbers, String> {
    let config = LossConfig::of_kind(kind).map_err(|error| error.to_string())?;
    // Scattered over −2..2. Were the classes of every pixel equally far apart, all pixels would have
    // the same probabilities but for rounding; and where losses sort, or take the least neighbour,
    // the gradient at equal ones is any of several.
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1u32 << 22) as f32 - 2.0
    };
    let logits: Vec<f32> = (0..IMAGES * CLASSES * SIDE * SIDE)
        .map(|_| next())
        .collect();
    let logits = TensorData::new(logits, [IMAGES, CLASSES, SIDE, SIDE]);
    let logits: Tensor<4> = Tensor::from_data(logits, device).require_grad();
    let prediction = Prediction {
        logits: logits.clone(),
        activation: OutputActivation::Softmax,
    };
    let value = built(&config, CLASSES, device)?.forward(&prediction, &target(device));
    answer(value, &logits)
}

/// The value of a loss, and its gradient by what it was given.
pub(super) fn answer(value: Tensor<1>, given: &Tensor<4>) -> Result<Numbers, String> {
    let mut grads = value.backward();
    let grad = given.grad_remove(&mut grads);
    let grad = grad.ok_or("the loss has no gradient")?;
    Ok(vec![
        ("value".to_owned(), numbers(value.inner().into_data())?),
        ("gradient".to_owned(), numbers(grad.into_data())?),
    ])
}

pub(super) fn built(
    config: &LossConfig,
    classes: usize,
    device: &Device,
) -> Result<Box<dyn LossFn>, String> {
    let context = LossContext {
        num_classes: classes,
        class_weights: Vec::new(),
        device: device.clone(),
    };
    config.build(&context).map_err(|error| error.to_string())
}

/// Blobs of every class.
fn target(device: &Device) -> Target {
    let labels: Vec<u8> = (0..IMAGES * SIDE * SIDE)
        .map(|i| {
            let (y, x) = (i / SIDE % SIDE, i % SIDE);
            ((y / 3 + x / 3) % CLASSES) as u8
        })
        .collect();
    Target::from_labels(&labels, [IMAGES, SIDE, SIDE], CLASSES, device)
}

fn gradients(model: &UNet, grads: &GradientsParams) -> Result<Numbers, String> {
    struct Collect<'a> {
        grads: &'a GradientsParams,
        path: Vec<String>,
        found: Vec<(String, TensorData)>,
    }
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.grads.get::<D>(param.id) {
                self.found.push((self.path.join("."), grad.into_data()));
            }
        }
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.path.pop();
        }
    }
    let mut collect = Collect {
        grads,
        path: Vec::new(),
        found: Vec::new(),
    };
    model.visit(&mut collect);
    let found = collect.found.into_iter();
    found
        .map(|(path, data)| Ok((format!("the gradient of {path}"), numbers(data)?)))
        .collect()
}

fn numbers(data: TensorData) -> Result<Vec<f32>, String> {
    data.try_into_vec().map_err(|error| format!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The CPU against itself: every part has numbers to compare, and they are finite.
    #[test]
    fn every_part_gives_finite_numbers_to_compare() {
        let cpu = Device::flex().autodiff();
        for model in networks() {
            let found = train(&model, &cpu).unwrap();
            assert!(found.len() > 6, "{model:?}");
            assert!(found.iter().flat_map(|(_, n)| n).all(|x| x.is_finite()));
        }
        for kind in KINDS {
            let found = loss(kind, &cpu).unwrap();
            assert!(
                found.iter().flat_map(|(_, n)| n).all(|x| x.is_finite()),
                "{kind}"
            );
            assert!(found[1].1.iter().any(|x| *x != 0.0), "{kind}: no gradient");
        }
    }

    #[test]
    fn a_difference_is_found_wherever_it_is() {
        let numbers = |x: f32| vec![("a".to_owned(), vec![1.0, 2.0]), ("b".to_owned(), vec![x])];
        assert_eq!(difference(&numbers(4.0), &numbers(4.0)).0, 0.0);
        let (error, at) = difference(&numbers(4.0), &numbers(5.0));
        assert_eq!((error, at.as_str()), (0.25, "b"));
        assert!(difference(&numbers(4.0), &numbers(f32::NAN)).0.is_nan());
        assert!(
            difference(&numbers(4.0), &vec![("a".to_owned(), vec![1.0])])
                .0
                .is_nan()
        );
    }
}
