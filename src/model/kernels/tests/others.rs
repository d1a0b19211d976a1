//! Everything but the convolution that keeps the size.

use burn::prelude::*;
use burn::tensor::activation::relu;
use burn::tensor::ops::{
    ConvTransposeOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions,
};
use burn::tensor::{DType, module};

use super::super::update::{self, Adam};
use super::super::{Path, extension, norm, pool, upconv};
use super::{assert_close, numbers, read, size, tensor, values, view};

const SIZES: [[usize; 3]; 6] = [
    [1, 5, 7],
    [3, 5, 7],
    [2, 8, 8],
    [1, 4, 16],
    [2, 6, 34],
    [1, 33, 40],
];

#[test]
fn transposed_convolutions_equal_burns_on_every_path() {
    let device = Device::flex().autodiff();
    for dims in SIZES {
        for [i, o] in [[1, 1], [3, 5], [16, 3], [17, 16], [5, 17], [40, 33]] {
            let size = size(dims);
            let [n, h, w] = dims;
            let x = numbers(size.pixels() * i, 1);
            let weight = numbers(i * o * 4, 2);
            let bias = numbers(o, 3);
            let grad = numbers(size.pixels() * o * 4, 4);
            let tx = tensor(&x, [n, i, h, w], &device).require_grad();
            let tw = tensor(&weight, [i, o, 2, 2], &device).require_grad();
            let tb = tensor(&bias, [o], &device).require_grad();
            let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
            let y = module::conv_transpose2d(tx.clone(), tw.clone(), Some(tb.clone()), options);
            let tg = tensor(&grad, [n, o, 2 * h, 2 * w], &device);
            let grads = (y.clone() * tg.clone()).sum().backward();
            let expected = [
                values(y.inner()),
                values(tx.grad(&grads).unwrap()),
                values(tw.grad(&grads).unwrap()),
                values(tb.grad(&grads).unwrap()),
            ];
            let vx = view(&x, i, size);
            let vg = view(&grad, o, size.doubled());
            for path in Path::available() {
                let what = format!("{path:?} {dims:?} {i}→{o}");
                let y = upconv::forward(path, vx, &weight, &bias, size);
                assert_close(&y, &expected[0], &what);
                let dx = upconv::data_gradient(path, vg, &weight, i, size);
                assert_close(&dx, &expected[1], &format!("dx {what}"));
                let dw = upconv::weight_gradient(path, vx, vg, size);
                assert_close(&dw, &expected[2], &format!("dw {what}"));
            }
            let y = extension::up_conv(tx.clone(), tw.clone(), Some(tb.clone()));
            let grads = (y.clone() * tg).sum().backward();
            assert_close(&values(y.inner()), &expected[0], "extension");
            assert_close(&values(tx.grad(&grads).unwrap()), &expected[1], "dx");
            assert_close(&values(tw.grad(&grads).unwrap()), &expected[2], "dw");
            assert_close(&values(tb.grad(&grads).unwrap()), &expected[3], "db");
        }
    }
}

#[test]
fn batch_normalisation_equals_burns_on_every_path() {
    let device = Device::flex().autodiff();
    for dims in SIZES {
        for c in [1, 3, 17] {
            for rectify in [false, true] {
                let size = size(dims);
                let [n, h, w] = dims;
                // Means far from zero, one in each channel.
                let plane = size.plane();
                let x: Vec<f32> = numbers(size.pixels() * c, 1)
                    .iter()
                    .enumerate()
                    .map(|(index, x)| x + (index / plane % c) as f32 - 1.0)
                    .collect();
                let [gamma, beta] = [numbers(c, 2), numbers(c, 3)];
                let grad = numbers(size.pixels() * c, 4);
                let run = |precision: DType, own: bool| {
                    let wide = |x: Tensor<4>| x.cast(precision);
                    let tx = wide(tensor(&x, [n, c, h, w], &device)).require_grad();
                    let [tg, tb] = [&gamma, &beta]
                        .map(|x| tensor(x, [c], &device).cast(precision).require_grad());
                    let parameters = [tx.clone(), wide(tensor(&grad, [n, c, h, w], &device))];
                    let [input, seed] = parameters;
                    let (y, mean, variance) = if own {
                        let (y, mean, variance) =
                            extension::norm(input, tg.clone(), tb.clone(), 1e-5, rectify);
                        (y.finish(), mean, variance)
                    } else {
                        let all = module::batch_norm_train(input, tg.clone(), tb.clone(), 1e-5);
                        let y = if rectify {
                            relu(all.output)
                        } else {
                            all.output
                        };
                        (y, all.mean, all.variance)
                    };
                    let grads = (y.clone() * seed).sum().backward();
                    [
                        values(y.inner().cast(DType::F32)),
                        values(mean.inner().cast(DType::F32)),
                        values(variance.inner().cast(DType::F32)),
                        values(tx.grad(&grads).unwrap().cast(DType::F32)),
                        values(tg.grad(&grads).unwrap().cast(DType::F32)),
                        values(tb.grad(&grads).unwrap().cast(DType::F32)),
                    ]
                };
                // In double precision: how burn adds up in single precision, and with what error,
                // depends on the features it was built with.
                let expected = run(DType::F64, false);
                let found = run(DType::F32, true);
                let names = ["y", "mean", "variance", "dx", "dgamma", "dbeta"];
                for ((found, expected), name) in found.iter().zip(&expected).zip(names) {
                    assert_close(found, expected, &format!("{name} {dims:?} {c} {rectify}"));
                }
                for path in Path::available() {
                    let what = format!("{path:?} {dims:?} {c} {rectify}");
                    let vx = view(&x, c, size);
                    let found = norm::statistics(path, vx, [&gamma, &beta], 1e-5, size);
                    let y = norm::finished(path, read(vx, &found.readings(rectify)), size);
                    assert_close(&y, &expected[0], &what);
                    let mut dx = grad.clone();
                    let back = norm::backward(path, vx, &mut dx, &found.channels, rectify, size);
                    assert_close(&dx, &expected[3], &format!("dx {what}"));
                    assert_close(&back.gamma, &expected[4], &format!("dgamma {what}"));
                    assert_close(&back.beta, &expected[5], &format!("dbeta {what}"));
                }
            }
        }
    }
}

#[test]
fn pooling_and_repeating_equal_burns() {
    let device = Device::flex().autodiff();
    for [n, h, w] in SIZES {
        let c = 3;
        let x = tensor(&numbers(n * c * h * w, 1), [n, c, h, w], &device).require_grad();
        let run = |y: Tensor<4>| {
            let dims = y.dims();
            let grad = numbers(dims.iter().product(), 2);
            let grads = (y.clone() * tensor(&grad, dims, &device)).sum().backward();
            [values(y.inner()), values(x.grad(&grads).unwrap())]
        };
        let options = MaxPoolOptions::new([2, 2]).with_stride([2, 2]);
        let expected = run(module::max_pool2d(x.clone(), options));
        assert_eq!(run(extension::max_pool(x.clone())), expected);
        let options = InterpolateOptions::new(InterpolateMode::Nearest)
            .with_align_corners(false)
            .with_output_size([h * 2, w * 2]);
        let expected = run(module::interpolate(x.clone(), options));
        let found = run(extension::repeat(x.clone()));
        assert_eq!(found[0], expected[0]);
        assert_close(&found[1], &expected[1], "gradient of repeating");
    }
}

/// A run that has broken must not look healthy because `max` swallows what is not a number.
#[test]
fn not_a_number_is_passed_on() {
    let size = size([1, 4, 6]);
    for broken in [f32::NAN, f32::INFINITY] {
        for at in [0, 7] {
            let mut x = numbers(24, 1);
            x[at] = broken;
            let x = view(&x, 1, size);
            let (pooled, _) = pool::max_forward(Path::best(), x, size);
            assert!(!pooled[at / 2 % 3].is_finite(), "{broken} at {at}");
            let found = norm::statistics(Path::best(), x, [&[1.0], &[0.0]], 1e-5, size);
            let readings = found.readings(true);
            let y = norm::finished(Path::best(), read(x, &readings), size);
            assert!(y.iter().any(|y| y.is_nan()), "{broken} at {at}");
            let (pooled, _) = pool::max_forward(Path::best(), read(x, &readings), size);
            assert!(pooled.iter().any(|y| y.is_nan()), "{broken} at {at}");
        }
    }
}

#[test]
fn a_step_of_adam_equals_its_formula_on_every_path() {
    let with = Adam {
        old: [0.9, 0.999],
        new: [0.1, 0.001],
        size: 0.02,
        correction: 3.0,
        epsilon: 1e-8,
        keep: 0.99,
    };
    for len in [1, 17, 40_000] {
        let start = [1, 2, 3].map(|seed| numbers(len, seed));
        let second: Vec<f32> = start[2].iter().map(|x| x.abs()).collect();
        let grad = numbers(len, 4);
        let wide = |x: f32| f64::from(x);
        let mut expected = [vec![], vec![], vec![]];
        for i in 0..len {
            let first = wide(start[1][i]) * 0.9 + wide(grad[i]) * 0.1;
            let second = wide(second[i]) * 0.999 + wide(grad[i]).powi(2) * 0.001;
            let step = first / (second.sqrt() * 3.0 + 1e-8) * 0.02;
            expected[0].push((wide(start[0][i]) * 0.99 - step) as f32);
            expected[1].push(first as f32);
            expected[2].push(second as f32);
        }
        for path in Path::available() {
            let [mut value, mut first, _] = start.clone();
            let mut second = second.clone();
            update::adam(path, with, &grad, [&mut value, &mut first, &mut second]);
            for (found, expected) in [value, first, second].iter().zip(&expected) {
                assert_close(found, expected, &format!("{path:?} {len}"));
            }
            let squares: f64 = grad.iter().map(|&x| wide(x).powi(2)).sum();
            assert_close(&[update::square_sum(path, &grad)], &[squares as f32], "sum");
        }
        // Who still holds the old weights must not see them change.
        let device = Device::flex();
        let old = tensor(&start[0], [len], &device);
        let others = [&grad, &start[1], &second].map(|x| tensor(x, [len], &device));
        let [grad, first, second] = others;
        let (new, _) = update::adam_step([old.clone(), grad, first, second], with);
        assert_close(&values(new), &expected[0], "through the extension");
        assert_eq!(values(old), start[0]);
    }
}
