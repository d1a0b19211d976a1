//! Winograd's convolution, also where the plain sum would be taken.

use super::super::Path;
use super::super::conv::After;
use super::super::winograd::{self, Bank};
use super::{CHANNELS, SIZES, assert_close, case, numbers, size, view};

#[test]
fn it_equals_burns_convolution_on_every_path() {
    for dims in SIZES {
        for [i, o] in CHANNELS {
            let case = case(dims, [i, o], 3);
            let x = view(&case.x, i, case.size);
            let grad = view(&case.grad, o, case.size);
            for path in Path::available() {
                let what = format!("{path:?} {dims:?} {i}→{o}");
                let of = |row, plane| (row * i + plane) * 9;
                let y = winograd::convolve(
                    path,
                    &[x],
                    &bank(&case.weight, [o, i], false, of),
                    After::bias(&case.bias),
                    &[o],
                    case.size,
                );
                assert_close(&y[0], &case.expected[0], &what);
                let of = |row, plane| (plane * i + row) * 9;
                let turned = bank(&case.weight, [i, o], true, of);
                let dx =
                    winograd::convolve(path, &[grad], &turned, After::default(), &[i], case.size);
                assert_close(&dx[0], &case.expected[1], &format!("dx {what}"));
                let dw = winograd::weight_gradient(path, &[x], grad, case.size);
                assert_close(&dw, &case.expected[2], &format!("dw {what}"));
            }
        }
    }
}

/// Many channels, of which a plain sum would lose as many digits, and too many to be held at the
/// points at once.
#[test]
fn five_hundred_channels_equal_burns() {
    let dims = [1, 16, 18];
    let [i, o] = [512, 150];
    let case = case(dims, [i, o], 3);
    let x = view(&case.x, i, case.size);
    let grad = view(&case.grad, o, case.size);
    for path in Path::available() {
        let what = format!("{path:?}");
        let of = |row, plane| (row * i + plane) * 9;
        let y = winograd::convolve(
            path,
            &[x],
            &bank(&case.weight, [o, i], false, of),
            After::bias(&case.bias),
            &[o],
            case.size,
        );
        assert_close(&y[0], &case.expected[0], &what);
        let of = |row, plane| (plane * i + row) * 9;
        let turned = bank(&case.weight, [i, o], true, of);
        let parts = [200, 312];
        let dx = winograd::convolve(path, &[grad], &turned, After::default(), &parts, case.size);
        let plane = case.size.plane();
        let [first, rest] = case.expected[1].split_at(200 * plane).into();
        assert_close(&dx[0], first, &format!("first dx {what}"));
        assert_close(&dx[1], rest, &format!("rest of dx {what}"));
        let dw = winograd::weight_gradient(path, &[x], grad, case.size);
        assert_close(&dw, &case.expected[2], &format!("dw {what}"));
    }
}

fn bank<F>(weights: &[f32], [rows, planes]: [usize; 2], flip: bool, of: F) -> Bank<'_, F> {
    Bank {
        weights,
        rows,
        planes,
        flip,
        of,
    }
}

/// A pixel is the same whatever lies beside its image in the batch, and however it was cut.
#[test]
fn an_image_is_the_same_alone_and_in_a_batch() {
    let all = size([5, 12, 20]);
    let one = size([1, 12, 20]);
    let [i, o] = [18, 20];
    let x = numbers(all.pixels() * i, 1);
    let weight = numbers(i * o * 9, 2);
    for path in Path::available() {
        let of = |row, plane| (row * i + plane) * 9;
        let kernels = bank(&weight, [o, i], false, of);
        let run = |x: &[f32], size| {
            let x = view(x, i, size);
            winograd::convolve(path, &[x], &kernels, After::default(), &[o], size)
        };
        let batch = run(&x, all);
        let len = one.pixels() * i;
        for image in 0..all.images {
            let alone = run(&x[image * len..][..len], one);
            let len = one.pixels() * o;
            assert_eq!(
                alone[0],
                &batch[0][image * len..][..len],
                "{path:?} {image}"
            );
        }
    }
}
