//! What `unsafe` relies on is looked at before: what does not fit is refused, and where there is nothing
//! to read nothing is read.

use std::panic::catch_unwind;

use burn::prelude::*;

use super::super::conv::After;
use super::super::skeleton::{self, overlap};
use super::super::winograd;
use super::super::{Path, conv, extension};
use super::{numbers, size, tensor, view};

/// The first line of what `work` panics with.
fn refusal<R>(work: impl FnOnce() -> R + std::panic::UnwindSafe) -> String {
    let panic = catch_unwind(work).err().expect("a refusal");
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
    text.unwrap_or_default().lines().next().unwrap_or("").into()
}

#[test]
fn a_convolution_asks_for_one_bias_for_each_channel() {
    let small = size([1, 5, 7]);
    // The plain sum, and Winograd's.
    for (size, channels) in [(small, 17), (small, 3), (size([1, 16, 16]), 32)] {
        let x = numbers(size.pixels() * channels, 1);
        let weight = numbers(channels * channels * 9, 2);
        for path in Path::available() {
            for len in [1, channels - 1, channels + 1] {
                let bias = numbers(len, 3);
                let found = refusal(|| {
                    let x = view(&x, channels, size);
                    let after = After::bias(&bias);
                    conv::forward(path, &[x], &weight, after, [channels, 3], size)
                });
                assert_eq!(found, format!("{len} numbers for {channels} channels"));
            }
        }
    }
    let device = Device::flex();
    let [x, weight] = [[1, 2, 5, 7], [17, 2, 3, 3]].map(|dims: [usize; 4]| {
        let numbers = numbers(dims.iter().product(), 1);
        tensor(&numbers, dims, &device)
    });
    let bias: Tensor<1> = tensor(&[1.0; 3], [3], &device);
    let work = std::panic::AssertUnwindSafe(|| extension::conv(x, weight, Some(bias), false));
    assert_eq!(refusal(work), "3 numbers for 17 channels");
}

#[test]
fn a_gradient_of_weights_asks_for_a_number_for_every_pixel() {
    // Of whole vectors to a row, so that the gradient is read in place.
    let size = size([2, 4, 16]);
    let x = numbers(size.pixels() * 3, 1);
    let grad = numbers(size.pixels() * 5 - 1, 2);
    for path in Path::available() {
        for kernel in [1, 3] {
            let found = refusal(|| {
                let (x, grad) = (view(&x, 3, size), view(&grad, 5, size));
                conv::weight_gradient(path, &[x], grad, kernel, size)
            });
            assert_eq!(found, "a gradient for every number");
        }
    }
}

#[test]
fn without_images_weights_have_no_gradient() {
    let none = size([0, 5, 7]);
    for path in Path::available() {
        let (x, grad) = (view(&[], 3, none), view(&[], 5, none));
        for kernel in [1, 3] {
            let found = conv::weight_gradient(path, &[x], grad, kernel, none);
            assert_eq!(found, vec![0.0; 15 * kernel * kernel]);
        }
        let found = winograd::weight_gradient(path, &[x], grad, none);
        assert_eq!(found, vec![0.0; 15 * 9]);
    }
}

#[test]
fn a_plane_without_columns_has_no_skeleton() {
    let none = size([2, 5, 0]);
    for path in Path::available() {
        let x = view(&[], 3, none);
        assert!(skeleton::forward(path, x, 2, none).is_empty());
        assert!(skeleton::backward(path, x, x, 2, none).is_empty());
    }
}

#[test]
fn classes_that_are_not_there_do_not_count() {
    let size = size([1, 4, 4]);
    let p = numbers(size.pixels() * 2, 1);
    let labels = vec![0; size.pixels()];
    let truth = overlap::Truth {
        labels: &labels,
        first: 3,
    };
    for path in Path::available() {
        let forward = || overlap::forward(path, view(&p, 2, size), truth, 1, size);
        assert_eq!(refusal(forward), "2 classes, none from 3");
        let backward = || {
            let given = (&[0.0; overlap::SUMS][..], &[][..]);
            overlap::backward(path, view(&p, 2, size), truth, given, 1, size)
        };
        assert_eq!(refusal(backward), "2 classes, none from 3");
    }
}
