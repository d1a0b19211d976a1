//! AdamW, Adam and SGD: from gradients to updates.
//!
//! burn's own optimisers are not used, for two reasons: their saved state loads onto the process's
//! default device, which may be a graphics driver nobody chose, and they offer clipping per tensor
//! only. [`adam`] and [`sgd`] are seams: one function per parameter tensor and step.

use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::prelude::*;
use burn::store::{ModuleSnapshot, SafetensorsStore};

use crate::experiment::TrainConfig;
use crate::experiment::train_config::Optimizer as Kind;
use crate::model::kernels::{extension, update};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;
/// Momentum of SGD.
const MOMENTUM: f64 = 0.9;

/// What an optimiser remembers of each parameter tensor, in the order the model is walked in.
#[derive(Module, Debug, Default)]
struct Moments {
    /// Mean of the gradient (Adam) or velocity (SGD), flat.
    first: Vec<Param<Tensor<1>>>,
    /// Mean of the squared gradient (Adam only), flat.
    second: Vec<Param<Tensor<1>>>,
}

/// Adam, AdamW or SGD with Nesterov momentum over all parameters of a model.
#[derive(Clone)]
pub struct Optimizer {
    kind: Kind,
    weight_decay: f64,
    moments: Moments,
    /// Updates made so far.
    steps: u64,
}

impl Optimizer {
    #[must_use]
    pub fn new(config: &TrainConfig) -> Self {
        Self {
            kind: config.optimizer,
            weight_decay: config.weight_decay,
            moments: Moments::default(),
            steps: 0,
        }
    }

    /// One update; a parameter without a gradient stays as it is.
    #[must_use]
    pub fn step<M: Module>(&mut self, model: M, grads: GradientsParams, rate: f64) -> M {
        self.steps += 1;
        let mut old = std::mem::take(&mut self.moments);
        // Taken from the end one by one, so that no tensor is shared and each can be overwritten.
        old.first.reverse();
        old.second.reverse();
        let mut update = Update {
            optimizer: self,
            old,
            grads,
            rate,
        };
        model.map(&mut update)
    }

    /// # Errors
    /// When the file can't be written.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let mut store = SafetensorsStore::from_file(path).overwrite(true);
        self.moments
            .save_into(&mut store)
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Takes up where `steps` updates left off.
    ///
    /// # Errors
    /// When the file can't be read or does not fit `model`.
    pub fn load<M: Module>(
        &mut self,
        path: &Path,
        steps: u64,
        model: &M,
        device: &Device,
    ) -> Result<(), String> {
        let mut shapes = Trainable::default();
        model.visit(&mut shapes);
        let zeros = || -> Vec<Param<Tensor<1>>> {
            let zero = |&len: &usize| frozen(Tensor::zeros([len], device));
            shapes.lengths.iter().map(zero).collect()
        };
        let mut moments = Moments {
            first: zeros(),
            second: match self.kind {
                Kind::Sgd => Vec::new(),
                Kind::Adam | Kind::AdamW => zeros(),
            },
        };
        if steps > 0 {
            moments
                .load_from(&mut SafetensorsStore::from_file(path))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        self.moments = moments;
        self.steps = steps;
        Ok(())
    }
}

fn frozen(tensor: Tensor<1>) -> Param<Tensor<1>> {
    Param::from_tensor(tensor).set_require_grad(false)
}

/// Lengths of the parameter tensors that get a gradient.
#[derive(Default)]
struct Trainable {
    lengths: Vec<usize>,
}

impl ModuleVisitor for Trainable {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if param.is_require_grad() {
            self.lengths.push(param.shape().num_elements());
        }
    }
}

struct Update<'a> {
    optimizer: &'a mut Optimizer,
    old: Moments,
    grads: GradientsParams,
    rate: f64,
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(grad) = self.grads.remove::<D>(param.id) else {
            return param;
        };
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.dims();
        let strategy = tensor.gradient_checkpointing_strategy();
        let value = tensor.inner().reshape([-1]);
        let grad = grad.reshape([-1]);
        let take = |moments: &mut Vec<Param<Tensor<1>>>| {
            let moment = moments.pop().map(|moment| moment.consume().1.inner());
            moment.unwrap_or_else(|| grad.zeros_like())
        };
        let optimizer = &mut *self.optimizer;
        let decay = optimizer.weight_decay;
        let value = match optimizer.kind {
            Kind::Adam | Kind::AdamW => {
                let state = [take(&mut self.old.first), take(&mut self.old.second)];
                let decay = match optimizer.kind {
                    Kind::AdamW => decay,
                    Kind::Adam | Kind::Sgd => 0.0,
                };
                let (value, [first, second]) =
                    adam(value, grad, state, optimizer.steps, self.rate, decay);
                optimizer.moments.first.push(frozen(first));
                optimizer.moments.second.push(frozen(second));
                value
            }
            Kind::Sgd => {
                let velocity = take(&mut self.old.first);
                let (value, velocity) = sgd(value, grad, velocity, self.rate, decay);
                optimizer.moments.first.push(frozen(velocity));
                value
            }
        };
        // The new value is recomputed or kept in the backward pass as the old one was.
        let tensor = match strategy {
            Some(strategy) => Tensor::from_inner(value.reshape(shape))
                .with_gradient_checkpointing_strategy(strategy),
            None => Tensor::from_inner(value.reshape(shape)),
        };
        let tensor = tensor.require_grad();
        Param::from_mapped_value(id, tensor, mapper)
    }
}

/// One update of Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019),
/// as PyTorch computes it. `step` is 1 at the first update; `state` is `[mean, mean square]`.
#[must_use]
pub fn adam(
    value: Tensor<1>,
    grad: Tensor<1>,
    state: [Tensor<1>; 2],
    step: u64,
    rate: f64,
    decay: f64,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let [first, second] = state;
    if extension::fits(&value) {
        let step = step as f64;
        let with = update::Adam {
            old: [BETA_1 as f32, BETA_2 as f32],
            new: [(1.0 - BETA_1) as f32, (1.0 - BETA_2) as f32],
            size: (rate / (1.0 - BETA_1.powf(step))) as f32,
            correction: (1.0 / (1.0 - BETA_2.powf(step)).sqrt()) as f32,
            epsilon: EPSILON as f32,
            keep: (1.0 - rate * decay) as f32,
        };
        return update::adam_step([value, grad, first, second], with);
    }
    let second = second * BETA_2 + grad.clone().square() * (1.0 - BETA_2);
    let first = first * BETA_1 + grad * (1.0 - BETA_1);
    let step = step as f64;
    let correction = (1.0 - BETA_2.powf(step)).sqrt();
    let size = rate / (1.0 - BETA_1.powf(step));
    let denominator = second.clone().sqrt() / correction + EPSILON;
    let value = if decay == 0.0 {
        value
    } else {
        value * (1.0 - rate * decay)
    };
    let value = value - first.clone() / denominator * size;
    (value, [first, second])
}

/// One update of SGD with Nesterov momentum and L2 weight decay, as PyTorch computes it.
#[must_use]
pub fn sgd(
    value: Tensor<1>,
    grad: Tensor<1>,
    velocity: Tensor<1>,
    rate: f64,
    decay: f64,
) -> (Tensor<1>, Tensor<1>) {
    let grad = if decay == 0.0 {
        grad
    } else {
        grad + value.clone() * decay
    };
    let velocity = velocity * MOMENTUM + grad.clone();
    let value = value - (grad + velocity.clone() * MOMENTUM) * rate;
    (value, velocity)
}

/// Sum of the squares of all gradients: a tensor, so that it can be read together with the loss.
#[must_use]
pub fn square_sum<M: Module>(model: &M, grads: &GradientsParams) -> Option<Tensor<1>> {
    struct Sum<'a> {
        grads: &'a GradientsParams,
        parts: Vec<Tensor<1>>,
    }
    impl ModuleVisitor for Sum<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.grads.get::<D>(param.id) {
                self.parts.push(if extension::fits(&grad) {
                    update::sum_of_squares(grad)
                } else {
                    grad.square().sum()
                });
            }
        }
    }
    let parts = Vec::new();
    let mut sum = Sum { grads, parts };
    model.visit(&mut sum);
    (!sum.parts.is_empty()).then(|| Tensor::cat(sum.parts, 0).sum())
}

/// Multiplies every gradient by `factor`.
pub fn scale<M: Module>(model: &M, grads: &mut GradientsParams, factor: f64) {
    struct Scale<'a> {
        grads: &'a mut GradientsParams,
        factor: f64,
    }
    impl ModuleVisitor for Scale<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.grads.remove::<D>(param.id) {
                self.grads.register(param.id, grad * self.factor);
            }
        }
    }
    model.visit(&mut Scale { grads, factor });
}

/// As [`scale`] so that the global norm is at most `most`, where `square_sum` is its square: all on the
/// device.
pub fn clip<M: Module>(model: &M, grads: &mut GradientsParams, square_sum: Tensor<1>, most: f64) {
    struct Clip<'a> {
        grads: &'a mut GradientsParams,
        factor: Tensor<1>,
    }
    impl ModuleVisitor for Clip<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.grads.remove::<D>(param.id) {
                let factor = self.factor.clone().reshape([1; D]);
                self.grads.register(param.id, grad * factor);
            }
        }
    }
    // A norm of 0 makes it infinite, and so 1.
    let factor = (square_sum.sqrt().recip() * most).clamp_max(1.0);
    model.visit(&mut Clip { grads, factor });
}

/// Path of the first parameter whose gradient is not finite.
#[must_use]
pub fn first_non_finite<M: Module>(model: &M, grads: &GradientsParams) -> Option<String> {
    struct Find<'a> {
        grads: &'a GradientsParams,
        path: Vec<String>,
        found: Option<String>,
    }
    impl ModuleVisitor for Find<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if self.found.is_some() {
                return;
            }
            if let Some(grad) = self.grads.get::<D>(param.id)
                && !all_finite(grad)
            {
                self.found = Some(self.path.join("."));
            }
        }
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
    }
    let mut find = Find {
        grads,
        path: Vec::new(),
        found: None,
    };
    model.visit(&mut find);
    find.found
}

/// Whether every element is a number. Read on the CPU: only asked when something is wrong.
#[must_use]
pub fn all_finite<const D: usize>(tensor: Tensor<D>) -> bool {
    tensor
        .try_into_data()
        .is_ok_and(|data| data.iter::<f32>().all(f32::is_finite))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(value: f32) -> Tensor<1> {
        Tensor::from_data(TensorData::new(vec![value], [1]), &Device::flex())
    }

    fn number(tensor: Tensor<1>) -> f64 {
        f64::from(tensor.into_scalar::<f32>())
    }

    /// At the first step the corrected means are g and g², so the update is `rate·sign(g)`.
    #[test]
    fn adams_first_step_is_the_learning_rate_whatever_the_gradient() {
        for gradient in [1e-3, 1.0, -250.0] {
            let state = [scalar(0.0), scalar(0.0)];
            let (value, _) = adam(scalar(1.0), scalar(gradient), state, 1, 0.01, 0.0);
            let expected = 1.0 - 0.01 * f64::from(gradient).signum();
            assert!((number(value) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn decay_of_adamw_is_apart_from_the_gradient() {
        let state = [scalar(0.0), scalar(0.0)];
        let (value, _) = adam(scalar(2.0), scalar(0.0), state, 1, 0.1, 0.5);
        assert!((number(value) - 2.0 * (1.0 - 0.1 * 0.5)).abs() < 1e-6);
    }

    /// The second step by hand: g = 1 then 3.
    #[test]
    fn adams_second_step_corrects_both_means() {
        let state = [scalar(0.0), scalar(0.0)];
        let (value, state) = adam(scalar(0.0), scalar(1.0), state, 1, 0.1, 0.0);
        let (value, _) = adam(value, scalar(3.0), state, 2, 0.1, 0.0);
        let mean = (0.1 * 0.9 + 3.0 * 0.1) / (1.0 - 0.81);
        let square = (0.001 * 0.999 + 9.0 * 0.001) / (1.0 - 0.998_001);
        let expected = -0.1 - 0.1 * mean / f64::sqrt(square);
        assert!((number(value) - expected).abs() < 1e-5);
    }

    #[test]
    fn clipping_on_the_device_is_scaling_where_the_norm_is_too_large_and_nothing_elsewhere() {
        use crate::model::UNet;
        use crate::model::config::ModelConfig;
        let config = ModelConfig {
            depth: 1,
            base: 4,
            ..ModelConfig::default()
        };
        let device = Device::flex().autodiff();
        let model = UNet::new(&config, 1, 2, 1, &device);
        let images = TensorData::new((0..64).map(|i| i as f32 / 9.0).collect(), [1, 1, 8, 8]);
        let images: Tensor<4> = Tensor::from_data(images, &device);
        let grads = || {
            let loss = model.forward(images.clone()).square().mean();
            GradientsParams::from_grads(loss.backward(), &model)
        };
        let norm = |grads: &GradientsParams| number(square_sum(&model, grads).unwrap()).sqrt();
        let before = norm(&grads());
        for most in [before / 3.0, before * 3.0] {
            let mut grads = grads();
            let sum = square_sum(&model, &grads).unwrap();
            clip(&model, &mut grads, sum, most);
            let (after, expected) = (norm(&grads), before.min(most));
            assert!(
                (after - expected).abs() < 1e-5 * expected,
                "{after} {expected}"
            );
        }
    }

    /// Two Nesterov steps by hand: v = g, then 0.9·v + g; update `g + 0.9·v`.
    #[test]
    fn sgd_looks_ahead() {
        let (value, velocity) = sgd(scalar(0.0), scalar(1.0), scalar(0.0), 0.1, 0.0);
        assert!((number(value.clone()) + 0.1 * 1.9).abs() < 1e-6);
        let (value, velocity) = sgd(value, scalar(2.0), velocity, 0.1, 0.0);
        assert!((number(velocity) - 2.9).abs() < 1e-6);
        assert!((number(value) - (-0.19 - 0.1 * (2.0 + 0.9 * 2.9))).abs() < 1e-6);
    }

    #[test]
    fn decay_of_sgd_is_part_of_the_gradient() {
        let (value, _) = sgd(scalar(2.0), scalar(0.0), scalar(0.0), 0.1, 0.5);
        assert!((number(value) - (2.0 - 0.1 * 1.9)).abs() < 1e-6);
    }
}
