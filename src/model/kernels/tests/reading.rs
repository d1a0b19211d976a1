//! Maps that are read otherwise than they stand: as if what is read had been written down first.

use burn::prelude::*;
use burn::tensor::activation::relu;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{DType, module};

use super::super::conv::After;
use super::super::extension::{self, Map};
use super::super::reading::{AS_IT_STANDS, Reading};
use super::super::{Path, conv, norm, pool, upconv};
use super::{CHANNELS, SIZES, assert_close, numbers, read, size, tensor, values, view};

/// One in three as it stands; the scale of some is negative, the floor of some is zero.
fn readings(channels: usize) -> Vec<Reading> {
    let numbers = numbers(3 * channels, 9);
    let of = |(channel, of): (usize, &[f32])| match channel % 3 {
        2 => AS_IT_STANDS,
        1 => [of[0], of[1], of[2], f32::NEG_INFINITY],
        _ => [of[0], of[1], of[2], 0.0],
    };
    numbers.chunks(3).enumerate().map(of).collect()
}

/// To the last bit: the arithmetic is the same wherever a map is read.
#[test]
fn every_kernel_reads_what_would_have_been_written() {
    for dims in SIZES {
        for [i, o] in CHANNELS {
            let size = size(dims);
            let x = numbers(size.pixels() * i, 1);
            let other = numbers(size.pixels() * 3, 2);
            let readings = readings(i);
            let (raw, other) = (view(&x, i, size), view(&other, 3, size));
            let lazy = read(raw, &readings);
            for path in Path::available() {
                let what = format!("{path:?} {dims:?} {i}→{o}");
                let written = norm::finished(path, lazy, size);
                let written = view(&written, i, size);
                assert_eq!(written.plane(0, 0, size), {
                    let [mean, scale, shift, floor] = readings[0];
                    let plane = raw.plane(0, 0, size).iter();
                    let number = |x: &f32| (x - mean).mul_add(scale, shift).max(floor);
                    plane.map(number).collect::<Vec<f32>>()
                });
                for kernel in [1, 3] {
                    let weight = numbers((i + 3) * o * kernel * kernel, 3);
                    let forward = |x| {
                        let after = After::default();
                        conv::forward(path, &[x, other], &weight, after, [o, kernel], size)
                    };
                    assert_eq!(forward(lazy), forward(written), "{what}");
                    let grad = numbers(size.pixels() * o, 4);
                    let grad = view(&grad, o, size);
                    let weights = |x| conv::weight_gradient(path, &[x, other], grad, kernel, size);
                    assert_eq!(weights(lazy), weights(written), "weights {what}");
                }
                let weight = numbers(i * o * 4, 5);
                let bias = numbers(o, 6);
                let up = |x| upconv::forward(path, x, &weight, &bias, size);
                assert_eq!(up(lazy), up(written), "up {what}");
                let pooled = |x| pool::max_forward(path, x, size);
                assert_eq!(pooled(lazy), pooled(written), "pooled {what}");
                let repeated = |x| pool::repeat_forward(path, x, size);
                assert_eq!(repeated(lazy), repeated(written), "repeated {what}");
            }
        }
    }
}

/// The operations of a small U-Net, as this crate has them and as burn has them.
trait Network {
    type Map: Clone;
    fn conv(x: Self::Map, weight: Tensor<4>, again: bool) -> Tensor<4>;
    fn conv_cat(a: Self::Map, b: Tensor<4>, weight: Tensor<4>) -> Tensor<4>;
    fn norm(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>) -> Self::Map;
    fn pool(x: Self::Map) -> Self::Map;
    fn up(x: Self::Map, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4>;
    fn stands(x: Tensor<4>) -> Self::Map;
}

struct Own;

impl Network for Own {
    type Map = Map;

    fn conv(x: Map, weight: Tensor<4>, again: bool) -> Tensor<4> {
        extension::conv(x, weight, None, again)
    }

    fn conv_cat(a: Map, b: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
        extension::conv_cat(a, b, weight, None)
    }

    fn norm(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>) -> Map {
        extension::norm(x, gamma, beta, 1e-5, true).0
    }

    fn pool(x: Map) -> Map {
        extension::max_pool(x).into()
    }

    fn up(x: Map, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
        extension::up_conv(x, weight, Some(bias))
    }

    fn stands(x: Tensor<4>) -> Map {
        x.into()
    }
}

struct Burns;

impl Network for Burns {
    type Map = Tensor<4>;

    fn conv(x: Tensor<4>, weight: Tensor<4>, _again: bool) -> Tensor<4> {
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        module::conv2d(x, weight, None, options)
    }

    fn conv_cat(a: Tensor<4>, b: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
        Self::conv(Tensor::cat(vec![a, b], 1), weight, false)
    }

    fn norm(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>) -> Tensor<4> {
        relu(module::batch_norm_train(x, gamma, beta, 1e-5).output)
    }

    fn pool(x: Tensor<4>) -> Tensor<4> {
        module::max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
    }

    fn up(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>) -> Tensor<4> {
        let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
        module::conv_transpose2d(x, weight, Some(bias), options)
    }

    fn stands(x: Tensor<4>) -> Tensor<4> {
        x
    }
}

/// Output, and gradients of all weights and, where one is asked for, of the image.
fn gradients<N: Network>(
    precision: DType,
    [h, w]: [usize; 2],
    again: bool,
    image_too: bool,
) -> Vec<Vec<f32>> {
    let device = Device::flex().autodiff();
    let [n, i, c] = [2, 3, 17];
    let wide = |dims: [usize; 4], seed| {
        let values = numbers(dims.iter().product(), seed);
        tensor(&values, dims, &device).cast(precision)
    };
    let vector = |seed, add: f32| {
        let values: Vec<f32> = numbers(c, seed).iter().map(|x| x + add).collect();
        let vector = tensor(&values, [c], &device).cast(precision);
        vector.require_grad()
    };
    let mut image = wide([n, i, h, w], 1);
    if image_too {
        image = image.require_grad();
    }
    let shapes = [
        [c, i, 3, 3],
        [c, c, 3, 3],
        [c, c, 3, 3],
        [c, c, 2, 2],
        [4, 2 * c, 3, 3],
    ];
    let weights: Vec<Tensor<4>> = (2..)
        .zip(shapes)
        .map(|(seed, shape)| wide(shape, seed).require_grad())
        .collect();
    let vectors: Vec<Tensor<1>> = (10..17)
        .map(|seed| vector(seed, f32::from(seed % 2 == 0)))
        .collect();
    let norm = |x, at: usize| N::norm(x, vectors[2 * at].clone(), vectors[2 * at + 1].clone());
    let x = N::conv(N::stands(image.clone()), weights[0].clone(), again);
    let skip = norm(N::conv(norm(x, 0), weights[1].clone(), again), 1);
    let below = norm(N::conv(N::pool(skip.clone()), weights[2].clone(), false), 2);
    let up = N::up(below, weights[3].clone(), vectors[6].clone());
    let y = N::conv_cat(skip, up, weights[4].clone());
    let seed = wide([n, 4, h, w], 30);
    let grads = (y.clone() * seed).sum().backward();
    let plain = |x: Tensor<4>| values(x.cast(DType::F32));
    let mut all = vec![plain(y.inner())];
    all.extend(weights.iter().map(|x| plain(x.grad(&grads).unwrap())));
    all.extend(
        vectors
            .iter()
            .map(|x| values(x.grad(&grads).unwrap().cast(DType::F32))),
    );
    all.extend(image_too.then(|| plain(image.grad(&grads).unwrap())));
    all
}

/// Against burn in double precision: whatever is read late, handed on or computed again, every
/// gradient is the one of the network as it is written.
#[test]
fn a_small_network_has_burns_gradients_whatever_is_kept() {
    // The maps of the second size are large, see `extension::LARGE`.
    for size in [[12, 20], [16, 20]] {
        for image_too in [false, true] {
            let expected = gradients::<Burns>(DType::F64, size, false, image_too);
            for again in [false, true] {
                let found = gradients::<Own>(DType::F32, size, again, image_too);
                assert_eq!(found.len(), expected.len());
                for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                    let what = format!("{at} {size:?} {again} {image_too}");
                    assert_close(found, expected, &what);
                }
            }
        }
    }
}
