//! The operations that a U-Net spends its time in, and the two modules that hold their weights.
//!
//! Each function is a seam: the network calls these and nothing else, whatever runs beneath.
//! Weights have burn's (and PyTorch's) layout. This module knows nothing of the network's shape.

use burn::module::Param;
use burn::prelude::*;
use burn::tensor::module;
use burn::tensor::ops::{
    ConvOptions, ConvTransposeOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub use super::kernels::extension::{LARGE, Map};
use super::kernels::{extension, update};

/// Convolution with stride 1 that keeps the size.
///
/// # Shapes
/// `x` `[N, I, H, W]`, `weight` `[O, I, k, k]` with odd `k`, `bias` `[O]` → `[N, O, H, W]`.
#[must_use]
pub fn conv2d_same(x: impl Into<Map>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    conv2d(x.into(), weight, bias, false)
}

/// If `again`, the CPU does not keep a large output for the backward pass, which computes it once more.
fn conv2d(x: Map, weight: Tensor<4>, bias: Option<Tensor<1>>, again: bool) -> Tensor<4> {
    if x.fits() {
        return extension::conv(x, weight, bias, again);
    }
    let x = x.finish();
    let [_, _, kernel, _] = weight.dims();
    let padding = kernel / 2;
    let options = ConvOptions::new([1, 1], [padding, padding], [1, 1], 1);
    module::conv2d(x, weight, bias, options)
}

/// [`conv2d_same`] of the channels of `a` and then those of `b`, without putting them together
/// first where that can be avoided.
#[must_use]
pub fn conv2d_same_cat(
    a: impl Into<Map>,
    b: impl Into<Map>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
) -> Tensor<4> {
    let (a, b) = (a.into(), b.into());
    if a.fits() {
        return extension::conv_cat(a, b, weight, bias);
    }
    conv2d_same(Tensor::cat(vec![a.finish(), b.finish()], 1), weight, bias)
}

/// Transposed convolution, 2×2 with stride 2: doubles height and width.
///
/// # Shapes
/// `x` `[N, I, H, W]`, `weight` `[I, O, 2, 2]`, `bias` `[O]` → `[N, O, 2H, 2W]`.
#[must_use]
pub fn conv_transpose2x2(
    x: impl Into<Map>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
) -> Tensor<4> {
    let x = x.into();
    if x.fits() {
        return extension::up_conv(x, weight, bias);
    }
    let x = x.finish();
    let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
    module::conv_transpose2d(x, weight, bias, options)
}

/// Largest of each 2×2 square; halves height and width.
#[must_use]
pub fn max_pool2x2(x: impl Into<Map>) -> Tensor<4> {
    let x = x.into();
    if x.fits() {
        return extension::max_pool(x);
    }
    module::max_pool2d(x.finish(), MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
}

/// Repeats each pixel 2×2. (Bilinear interpolation has no backward pass on burn 0.22's GPUs.)
#[must_use]
pub fn upsample_nearest2x(x: impl Into<Map>) -> Tensor<4> {
    let x = x.into();
    if x.fits() {
        return extension::repeat(x);
    }
    let x = x.finish();
    let [_, _, height, width] = x.dims();
    let options = InterpolateOptions::new(InterpolateMode::Nearest)
        .with_align_corners(false)
        .with_output_size([height * 2, width * 2]);
    module::interpolate(x, options)
}

/// What [`batch_norm_train`] gives.
pub struct BatchNormOutput {
    /// `[N, C, H, W]`.
    pub output: Map,
    /// `[C]`, detached.
    pub mean: Tensor<1>,
    /// `[C]`, detached; biased.
    pub variance: Tensor<1>,
}

/// Batch normalisation with the statistics of the batch, then `max(0, x)` if `relu`.
///
/// # Shapes
/// `x` `[N, C, H, W]`; `gamma`, `beta` `[C]`.
#[must_use]
pub fn batch_norm_train(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    relu: bool,
) -> BatchNormOutput {
    if extension::fits(&x) {
        let (output, mean, variance) = extension::norm(x, gamma, beta, epsilon, relu);
        return BatchNormOutput {
            output,
            mean: mean.detach(),
            variance: variance.detach(),
        };
    }
    let result = module::batch_norm_train(x, gamma, beta, epsilon);
    let output = if relu {
        burn::tensor::activation::relu(result.output)
    } else {
        result.output
    };
    BatchNormOutput {
        output: output.into(),
        mean: result.mean.detach(),
        variance: result.variance.detach(),
    }
}

/// Batch normalisation with remembered statistics, then `max(0, x)` if `relu`. Has no gradient on
/// the CPU: for evaluation.
///
/// # Shapes
/// `x` `[N, C, H, W]`; all others `[C]`.
#[must_use]
pub fn batch_norm_eval(
    x: Tensor<4>,
    [gamma, beta, mean, variance]: [Tensor<1>; 4],
    epsilon: f64,
    relu: bool,
) -> Tensor<4> {
    if extension::fits(&x) && !x.device().is_autodiff() {
        let [scale, shift] = scale_and_shift([gamma, beta, mean, variance], epsilon);
        return update::rescale(x, scale, shift, relu);
    }
    let y = module::batch_norm(x, gamma, beta, mean, variance, epsilon);
    if relu {
        burn::tensor::activation::relu(y)
    } else {
        y
    }
}

/// What batch normalisation with remembered statistics multiplies with and adds.
fn scale_and_shift([gamma, beta, mean, variance]: [Tensor<1>; 4], epsilon: f64) -> [Tensor<1>; 2] {
    let scale = gamma / (variance + epsilon).sqrt();
    let shift = beta - mean * scale.clone();
    [scale, shift]
}

/// [`conv2d_same`] without bias of the channels of `a` and then those of `b`, if there is one, and
/// [`batch_norm_eval`] of it: in one pass over memory on the CPU. For evaluation.
#[must_use]
pub fn conv2d_norm_eval(
    (a, b): (Map, Option<Map>),
    weight: Tensor<4>,
    statistics: [Tensor<1>; 4],
    epsilon: f64,
    relu: bool,
) -> Tensor<4> {
    // In evaluation every map stands as it is read.
    let (a, b) = (a.finish(), b.map(Map::finish));
    if extension::fits(&a) && !a.device().is_autodiff() {
        let numbers = scale_and_shift(statistics, epsilon);
        return update::conv_rescale((a, b), weight, numbers, relu);
    }
    let y = match b {
        Some(b) => conv2d_same_cat(a, b, weight, None),
        None => conv2d_same(a, weight, None),
    };
    batch_norm_eval(y, statistics, epsilon, relu)
}

/// Source of starting weights: the same numbers for the same seed, whatever the device.
///
/// The device's own generator is global to the process, so two trainings at once would disturb
/// each other, and GPUs draw other numbers than the CPU.
pub struct Init<'a> {
    rng: ChaCha8Rng,
    device: &'a Device,
}

impl<'a> Init<'a> {
    #[must_use]
    pub fn new(seed: u64, device: &'a Device) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            device,
        }
    }

    /// Uniform in ±1/√`fan_in`, which is what PyTorch's layers start from.
    fn uniform<const D: usize>(&mut self, shape: [usize; D], fan_in: usize) -> Param<Tensor<D>> {
        let bound = 1.0 / (fan_in as f32).sqrt();
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| {
                let unit = (self.rng.next_u32() >> 8) as f32 / (1u32 << 24) as f32;
                (2.0 * unit - 1.0) * bound
            })
            .collect();
        Param::from_data(TensorData::new(values, shape), self.device)
    }

    /// The same value everywhere.
    pub fn constant(&self, value: f32, len: usize) -> Param<Tensor<1>> {
        Param::from_data(TensorData::new(vec![value; len], [len]), self.device)
    }

    #[must_use]
    pub fn device(&self) -> &Device {
        self.device
    }
}

/// Weights of a convolution that keeps the size.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[O, I, k, k]`.
    pub weight: Param<Tensor<4>>,
    /// `[O]`; none before a normalisation, which would take it away again.
    pub bias: Option<Param<Tensor<1>>>,
    /// Computed again in the backward pass rather than kept for it, where it is large.
    #[module(skip)]
    again: bool,
}

impl Conv {
    #[must_use]
    pub fn new(
        inputs: usize,
        outputs: usize,
        kernel: usize,
        bias: bool,
        init: &mut Init<'_>,
    ) -> Self {
        let fan_in = inputs * kernel * kernel;
        Self {
            weight: init.uniform([outputs, inputs, kernel, kernel], fan_in),
            bias: bias.then(|| init.uniform([outputs], fan_in)),
            again: false,
        }
    }

    /// The same, but on the CPU a large output is not kept for the backward pass, which computes it
    /// once more.
    #[must_use]
    pub fn computed_again(self) -> Self {
        Self {
            again: true,
            ..self
        }
    }

    #[must_use]
    pub fn forward(&self, x: impl Into<Map>) -> Tensor<4> {
        let bias = self.bias.as_ref().map(Param::val);
        conv2d(x.into(), self.weight.val(), bias, self.again)
    }

    /// As [`Conv::forward`] of the channels of `a`, then those of `b` if there is one.
    #[must_use]
    pub fn forward_all(&self, a: Map, b: Option<Map>) -> Tensor<4> {
        let Some(b) = b else {
            return self.forward(a);
        };
        let bias = self.bias.as_ref().map(Param::val);
        conv2d_same_cat(a, b, self.weight.val(), bias)
    }
}

/// Weights of a transposed convolution that doubles the size.
#[derive(Module, Debug)]
pub struct UpConv {
    /// `[I, O, 2, 2]`.
    pub weight: Param<Tensor<4>>,
    /// `[O]`.
    pub bias: Param<Tensor<1>>,
}

impl UpConv {
    #[must_use]
    pub fn new(inputs: usize, outputs: usize, init: &mut Init<'_>) -> Self {
        // PyTorch takes the second dimension of the weight for the fan-in here too.
        let fan_in = outputs * 4;
        Self {
            weight: init.uniform([inputs, outputs, 2, 2], fan_in),
            bias: init.uniform([outputs], fan_in),
        }
    }

    #[must_use]
    pub fn forward(&self, x: impl Into<Map>) -> Tensor<4> {
        conv_transpose2x2(x, self.weight.val(), Some(self.bias.val()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    fn values(x: Tensor<4>) -> Vec<f32> {
        x.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn a_convolution_correlates_and_pads_with_zeros() {
        // Only the right neighbour counts: the image moves one pixel to the left.
        let x = tensor((1..=9u8).map(f32::from).collect(), [1, 1, 3, 3]);
        let mut kernel = vec![0.0; 9];
        kernel[5] = 1.0;
        let y = conv2d_same(
            x,
            tensor(kernel, [1, 1, 3, 3]),
            Some(tensor(vec![0.5], [1])),
        );
        let expected = [2.5, 3.5, 0.5, 5.5, 6.5, 0.5, 8.5, 9.5, 0.5];
        assert_eq!(values(y), expected);
    }

    #[test]
    fn a_transposed_convolution_stamps_its_kernel() {
        let x = tensor(vec![1.0, 10.0], [1, 1, 1, 2]);
        let weight = tensor(vec![1.0, 2.0, 3.0, 4.0], [1, 1, 2, 2]);
        let y = conv_transpose2x2(x, weight, Some(tensor(vec![0.0], [1])));
        assert_eq!(y.dims(), [1, 1, 2, 4]);
        assert_eq!(values(y), [1.0, 2.0, 10.0, 20.0, 3.0, 4.0, 30.0, 40.0]);
    }

    #[test]
    fn pooling_undoes_nearest_upsampling() {
        let x = tensor((0..8u8).map(f32::from).collect(), [1, 2, 2, 2]);
        let up = upsample_nearest2x(x.clone());
        assert_eq!(up.dims(), [1, 2, 4, 4]);
        assert_eq!(values(up.clone())[..4], [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(values(max_pool2x2(up)), values(x));
    }

    #[test]
    fn nearest_upsampling_sends_the_sum_of_four_gradients_back() {
        let device = Device::flex().autodiff();
        let x = Tensor::<4>::ones([1, 1, 2, 2], &device).require_grad();
        let grads = upsample_nearest2x(x.clone()).sum().backward();
        let gradient = x.grad(&grads).unwrap();
        assert_eq!(values(gradient), [4.0; 4]);
    }

    /// Numbers in -0.5..0.5 that look random.
    fn numbers(len: usize, seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 24) as f32 - 0.5
        };
        (0..len).map(|_| next()).collect()
    }

    #[track_caller]
    fn assert_close(found: &[f32], expected: &[f32], what: &str) {
        assert_eq!(found.len(), expected.len(), "{what}");
        let scale = expected.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() <= 1e-5 * scale, "{what}: {a} instead of {b}");
        }
    }

    #[test]
    fn batch_normalisation_in_evaluation_equals_burns() {
        for [n, h, w] in [[1, 5, 7], [2, 8, 8], [1, 33, 40]] {
            for c in [1, 3, 17] {
                let x = tensor(numbers(n * c * h * w, 1), [n, c, h, w]);
                let [gamma, beta, mean] = [2, 3, 4].map(|seed| tensor(numbers(c, seed), [c]));
                let variance = tensor(numbers(c, 5), [c]).square() + 0.1;
                let all = [gamma, beta, mean, variance];
                let [g, b, m, v] = all.clone();
                let expected = burn::tensor::module::batch_norm(x.clone(), g, b, m, v, 1e-5);
                // Once with the input shared, once where it can be overwritten.
                let kept = x.clone();
                let found = batch_norm_eval(x, all.clone(), 1e-5, false);
                assert_close(&values(found), &values(expected.clone()), "shared");
                let turned = kept.swap_dims(2, 3);
                let found = batch_norm_eval(turned, all, 1e-5, true);
                assert_close(
                    &values(found.swap_dims(2, 3)),
                    &values(burn::tensor::activation::relu(expected)),
                    "turned",
                );
            }
        }
    }

    #[test]
    fn a_convolution_and_its_normalisation_in_one_equal_one_after_the_other() {
        for [a, b, o] in [[3, 0, 5], [16, 0, 16], [9, 8, 17]] {
            let [n, h, w] = [2, 13, 24];
            let image = |channels, seed| {
                let pixels = numbers(n * channels * h * w, seed);
                tensor(pixels, [n, channels, h, w])
            };
            let (first, second) = (image(a, 1), (b > 0).then(|| image(b, 2)));
            let weight = tensor(numbers(o * (a + b) * 9, 3), [o, a + b, 3, 3]);
            let [gamma, beta, mean] = [4, 5, 6].map(|seed| tensor(numbers(o, seed), [o]));
            let variance = tensor(numbers(o, 7), [o]).square() + 0.1;
            let statistics = [gamma, beta, mean, variance];
            let joined = match &second {
                Some(second) => Tensor::cat(vec![first.clone(), second.clone()], 1),
                None => first.clone(),
            };
            for relu in [false, true] {
                let plain = conv2d_same(joined.clone(), weight.clone(), None);
                let expected = batch_norm_eval(plain, statistics.clone(), 1e-5, relu);
                let inputs = (first.clone().into(), second.clone().map(Map::from));
                let weight = weight.clone();
                let found = conv2d_norm_eval(inputs, weight, statistics.clone(), 1e-5, relu);
                assert_close(&values(found), &values(expected), &format!("{a} {b} {o}"));
            }
        }
    }
}
