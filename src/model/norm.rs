//! Normalisation and the activation after it, as one step of a block.
//!
//! One module for all kinds, so that saved weights are called the same whatever was chosen.

use burn::module::{Param, RunningState};
use burn::prelude::*;
use burn::tensor::activation;

use super::config::{HiddenActivation, Normalization};
use super::conv::{self, Conv, Init, Map};

/// Added to the variance, as PyTorch does.
const EPSILON: f64 = 1e-5;
/// Share of the newest batch in the running statistics, as PyTorch does.
const MOMENTUM: f64 = 0.1;
/// Most channels in a group of group normalisation.
const GROUP: usize = 8;

/// Scale, shift and (batch normalisation) running statistics of `[C]` channels.
#[derive(Module, Debug)]
pub struct Norm {
    pub gamma: Param<Tensor<1>>,
    pub beta: Param<Tensor<1>>,
    pub running_mean: Option<RunningState<Tensor<1>>>,
    pub running_var: Option<RunningState<Tensor<1>>>,
    /// Groups the channels are normalised in; 0 for batch normalisation.
    groups: usize,
}

impl Norm {
    /// `None` when there is nothing to normalise.
    #[must_use]
    pub fn new(kind: Normalization, channels: usize, init: &mut Init<'_>) -> Option<Self> {
        let running = |value: f32| {
            let values = TensorData::new(vec![value; channels], [channels]);
            RunningState::new(Tensor::from_data(values, init.device()))
        };
        let batch = kind == Normalization::Batch;
        let groups = match kind {
            Normalization::None => return None,
            Normalization::Batch => 0,
            Normalization::Instance => channels,
            Normalization::Group => groups(channels),
        };
        Some(Self {
            gamma: init.constant(1.0, channels),
            beta: init.constant(0.0, channels),
            running_mean: batch.then(|| running(0.0)),
            running_var: batch.then(|| running(1.0)),
            groups,
        })
    }

    /// Normalises `[N, C, H, W]` and applies the activation. On a device with autodiff the
    /// batch's own statistics are used and remembered, otherwise the remembered ones.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, then: HiddenActivation) -> Map {
        let (Some(mean), Some(variance)) = (&self.running_mean, &self.running_var) else {
            return activate(self.grouped(x), then).into();
        };
        let relu = then == HiddenActivation::Relu;
        let y = if x.device().is_autodiff() {
            let (gamma, beta) = (self.gamma.val(), self.beta.val());
            let result = conv::batch_norm_train(x, gamma, beta, EPSILON, relu);
            remember(mean, result.mean);
            remember(variance, result.variance);
            result.output
        } else {
            conv::batch_norm_eval(x, self.remembered(mean, variance), EPSILON, relu).into()
        };
        if relu {
            return y;
        }
        activate(y.finish(), then).into()
    }

    /// [`Norm::forward`] of a convolution without bias of the channels of `a`, then those of `b`:
    /// as one operation where nothing else needs what is between them.
    #[must_use]
    pub fn forward_conv(
        &self,
        conv: &Conv,
        (a, b): (Map, Option<Map>),
        then: HiddenActivation,
    ) -> Map {
        if let (Some(mean), Some(variance), None) =
            (&self.running_mean, &self.running_var, &conv.bias)
            && !a.device().is_autodiff()
        {
            let relu = then == HiddenActivation::Relu;
            let statistics = self.remembered(mean, variance);
            let weight = conv.weight.val();
            let y = conv::conv2d_norm_eval((a, b), weight, statistics, EPSILON, relu);
            return if relu { y } else { activate(y, then) }.into();
        }
        self.forward(conv.forward_all(a, b), then)
    }

    fn remembered(
        &self,
        mean: &RunningState<Tensor<1>>,
        variance: &RunningState<Tensor<1>>,
    ) -> [Tensor<1>; 4] {
        let (gamma, beta) = (self.gamma.val(), self.beta.val());
        [gamma, beta, mean.value(), variance.value()]
    }

    /// Normalises each group of channels of each image by itself.
    fn grouped(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let x = x.reshape([n, self.groups, c / self.groups * h * w]);
        let x = x.clone() - x.mean_dim(2);
        let variance = x.clone().square().mean_dim(2);
        let x = x / (variance + EPSILON).sqrt();
        let gamma = self.gamma.val().reshape([1, c, 1, 1]);
        let beta = self.beta.val().reshape([1, c, 1, 1]);
        x.reshape([n, c, h, w]) * gamma + beta
    }
}

fn remember(state: &RunningState<Tensor<1>>, newest: Tensor<1>) {
    let old = state.value_sync();
    let new = old.mul_scalar(1.0 - MOMENTUM) + newest.mul_scalar(MOMENTUM);
    state.update(new.detach());
}

/// As few groups as possible with at most [`GROUP`] channels each.
fn groups(channels: usize) -> usize {
    let size = (1..=GROUP)
        .rev()
        .find(|size| channels.is_multiple_of(*size));
    channels / size.unwrap_or(1)
}

/// The activation between layers.
#[must_use]
pub fn activate(x: Tensor<4>, activation: HiddenActivation) -> Tensor<4> {
    match activation {
        HiddenActivation::Relu => activation::relu(x),
        HiddenActivation::LeakyRelu => activation::leaky_relu(x, 0.01),
        HiddenActivation::Gelu => gelu(x),
        HiddenActivation::Silu => activation::silu(x),
    }
}

/// x·Φ(x) from its definition. burn's own has this value everywhere, yet on GPUs the gradient of the
/// tanh approximation beside it, 0.25 % off; written out, the gradient is that of the value.
fn gelu(x: Tensor<4>) -> Tensor<4> {
    let phi = ((x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
    x * phi
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against Φ(x) + x·φ(x), with values of the standard normal distribution from its tables.
    #[test]
    fn gelu_has_the_gradient_of_its_value() {
        let device = Device::flex().autodiff();
        let x: Tensor<4> = Tensor::from_floats([[[[-1.0, 0.0, 1.0, 2.0]]]], &device).require_grad();
        let y = gelu(x.clone());
        let values: Vec<f32> = y.clone().into_data().try_to_vec().unwrap();
        let grads = y.sum().backward();
        let grads: Vec<f32> = x.grad(&grads).unwrap().into_data().try_to_vec().unwrap();
        let phi = [0.158_655, 0.5, 0.841_345, 0.977_25];
        let density = [0.241_971, 0.398_942, 0.241_971, 0.053_991];
        for (at, x) in [-1.0, 0.0, 1.0, 2.0].into_iter().enumerate() {
            assert!((values[at] - x * phi[at]).abs() < 1e-5, "{values:?}");
            assert!(
                (grads[at] - phi[at] - x * density[at]).abs() < 1e-5,
                "{grads:?}"
            );
        }
    }

    #[test]
    fn groups_have_at_most_eight_channels_and_divide_them() {
        assert_eq!(groups(16), 2);
        assert_eq!(groups(12), 2); // 6 each
        assert_eq!(groups(7), 1);
        assert_eq!(groups(11), 11);
    }

    #[test]
    fn every_kind_gives_zero_mean_and_unit_deviation() {
        let device = Device::flex().autodiff();
        for kind in [
            Normalization::Batch,
            Normalization::Group,
            Normalization::Instance,
        ] {
            let norm = Norm::new(kind, 4, &mut Init::new(0, &device)).unwrap();
            let values: Vec<f32> = (0..128).map(|i| ((i * 37 % 101) as f32) * 3.0).collect();
            let x = Tensor::<4>::from_data(TensorData::new(values, [2, 4, 4, 4]), &device);
            // LeakyReLU can be undone, so that the normalised values can be looked at.
            let y = norm.forward(x, HiddenActivation::LeakyRelu).finish();
            let y: Vec<f32> = y.into_data().try_to_vec().unwrap();
            let y: Vec<f32> = y
                .iter()
                .map(|&v| if v < 0.0 { v / 0.01 } else { v })
                .collect();
            let mean = y.iter().sum::<f32>() / y.len() as f32;
            let variance = y.iter().map(|v| v * v).sum::<f32>() / y.len() as f32;
            assert!(mean.abs() < 1e-4, "{kind}: mean {mean}");
            assert!((variance - 1.0).abs() < 1e-3, "{kind}: variance {variance}");
        }
    }

    #[test]
    fn batch_statistics_are_remembered_and_used_in_evaluation() {
        let device = Device::flex().autodiff();
        let norm = Norm::new(Normalization::Batch, 1, &mut Init::new(0, &device)).unwrap();
        let x = TensorData::new(vec![1.0f32, 3.0], [1, 1, 1, 2]); // mean 2, variance 1
        for _ in 0..200 {
            let _ = norm.forward(
                Tensor::from_data(x.clone(), &device),
                HiddenActivation::Relu,
            );
        }
        let evaluated = norm.valid().forward(
            Tensor::from_data(x, &Device::flex()),
            HiddenActivation::LeakyRelu,
        );
        let y: Vec<f32> = evaluated.finish().into_data().try_to_vec().unwrap();
        assert!(
            (y[0] + 0.01).abs() < 1e-3 && (y[1] - 1.0).abs() < 1e-3,
            "{y:?}"
        );
    }
}
