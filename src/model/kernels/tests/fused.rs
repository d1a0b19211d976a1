//! What takes a loss's pixels in one pass, on every instruction set, against the same written out.

use std::sync::Arc;

use burn::prelude::*;

use super::super::distance::{Scratch, squares_on};
use super::super::fused::{self, Far, Labels, Lovasz, Regions};
use super::super::skeleton::overlap;
use super::super::{Path, hausdorff, lovasz, regions, undecided};
use super::losses::{assert_both, both, skeleton_of};
use super::{SIZES, assert_close, numbers, size, tensor, values, view};

/// A batch: probabilities (not of a softmax), labels of which some are no class, and weights.
struct Batch {
    dims: [usize; 4],
    p: Vec<f32>,
    labels: Vec<u8>,
    weights: Vec<f32>,
}

impl Batch {
    fn new([n, h, w]: [usize; 3], c: usize) -> Self {
        let pixels = n * h * w;
        Self {
            dims: [n, c, h, w],
            p: numbers(pixels * c, 1).iter().map(|x| x + 0.5).collect(),
            labels: (0..pixels).map(|at| (at * 7 % (c + 1)) as u8).collect(),
            weights: numbers(pixels, 2).iter().map(|x| x + 1.0).collect(),
        }
    }

    fn labels(&self, first: usize) -> Labels {
        Labels {
            of: Arc::new(self.labels.clone()),
            first,
        }
    }

    fn p(&self, device: &Device) -> Tensor<4> {
        tensor(&self.p, self.dims, device).require_grad()
    }

    fn weights(&self, device: &Device) -> Tensor<4> {
        let [n, _, h, w] = self.dims;
        tensor(&self.weights, [n, 1, h, w], device)
    }

    /// 1 at the class of each pixel, where channels stand for the classes from `first` on.
    fn truth(&self, first: usize, device: &Device) -> Tensor<4> {
        let [_, c, h, w] = self.dims;
        let one = |at: usize| {
            let (plane, pixel) = (at / (h * w), at % (h * w));
            let label = self.labels[plane / c * h * w + pixel];
            f32::from(u8::from(usize::from(label) == plane % c + first))
        };
        let truth: Vec<f32> = (0..self.p.len()).map(one).collect();
        tensor(&truth, self.dims, device)
    }
}

fn sums(x: Tensor<4>) -> Tensor<3> {
    let [n, c, _, _] = x.dims();
    x.sum_dim(2).sum_dim(3).reshape([n, c, 1])
}

#[test]
fn sums_over_regions_equal_burns() {
    let device = Device::flex().autodiff();
    for shape in SIZES.into_iter().chain([[1, 70, 80]]) {
        for (c, first) in [(1, 0), (3, 0), (3, 1)] {
            let batch = Batch::new(shape, c);
            let (p, y) = (batch.p(&device), batch.truth(first, &device));
            let weights = batch.weights(&device);
            for of in [
                Regions::Overlap,
                Regions::SquaredOverlap,
                Regions::UnifiedFocal {
                    clip: 1e-2,
                    gamma: 0.3,
                },
            ] {
                let written = match of {
                    Regions::Overlap => vec![p.clone() * y.clone(), p.clone(), y.clone()],
                    Regions::SquaredOverlap => {
                        vec![p.clone() * y.clone(), p.clone() * p.clone(), y.clone()]
                    }
                    Regions::UnifiedFocal { clip, gamma } => {
                        let q = p.clone().clamp(clip, 1.0 - clip);
                        let mut cost: Vec<_> = q.clone().log().neg().split(1, 1);
                        if first == 0 {
                            let easy = -q.clone().narrow(1, 0, 1) + 1.0;
                            cost[0] = cost[0].clone() * easy.powf_scalar(gamma);
                        }
                        let cost = Tensor::cat(cost, 1);
                        vec![
                            q.clone() * y.clone(),
                            (-q.clone() + 1.0) * y.clone(),
                            q * (-y.clone() + 1.0),
                            cost * y.clone(),
                        ]
                    }
                };
                let columns = written.into_iter().map(|x| sums(x * weights.clone()));
                let expected = both(&p, Tensor::cat(columns.collect(), 2));
                let what = format!("{of:?} {shape:?}, {c} from {first}");
                let found = fused::regions(p.clone(), weights.clone(), batch.labels(first), of);
                assert_both(&both(&p, found), &expected, &what);
                let [n, h, w] = shape;
                let (size, grad) = (size(shape), numbers(n * c * of.count(), 9));
                for path in Path::available() {
                    let truth = regions::Truth {
                        labels: &batch.labels,
                        weights: view(&batch.weights, 1, size),
                        first,
                    };
                    let p = view(&batch.p, c, size);
                    let values = regions::forward(path, p, truth, of, size);
                    let slopes = regions::backward(path, p, truth, &grad, of, size);
                    assert_eq!(slopes.len(), n * c * h * w);
                    assert_both(&[values, slopes], &expected, &format!("{path:?} {what}"));
                }
            }
        }
    }
}

#[test]
fn undecided_pixels_cost_what_burn_says() {
    let device = Device::flex().autodiff();
    for shape in SIZES.into_iter().chain([[1, 70, 80]]) {
        for c in [2, 5] {
            let batch = Batch::new(shape, c);
            let (p, weights) = (batch.p(&device), batch.weights(&device));
            let away = (p.clone() - 1.0 / c as f64).abs().mean_dim(1);
            let cost = (away + 0.01).recip() * weights.clone();
            let expected = both(&p, sums(cost).reshape([shape[0]]));
            let what = format!("{shape:?}, {c}");
            let found = fused::undecided(p.clone(), weights, 0.01);
            assert_both(&both(&p, found), &expected, &what);
            let size = size(shape);
            let grad = numbers(shape[0], 9);
            for path in Path::available() {
                let weights = view(&batch.weights, 1, size);
                let p = view(&batch.p, c, size);
                let [values, mut slopes] = undecided::forward(path, p, weights, 0.01, size);
                let images = slopes.chunks_mut(size.plane() * c).zip(&grad);
                images.for_each(|(of, grad)| of.iter_mut().for_each(|slope| *slope *= grad));
                assert_both(&[values, slopes], &expected, &format!("{path:?} {what}"));
            }
        }
    }
}

#[test]
fn overlaps_of_skeletons_equal_burns() {
    let device = Device::flex().autodiff();
    // The last is worked on in several strips.
    for shape @ [n, h, w] in SIZES.into_iter().chain([[1, 301, 130]]) {
        for (c, first, iterations) in [(1, 0, 3), (3, 0, 0), (3, 1, 1), (3, 1, 4)] {
            let mut batch = Batch::new(shape, c);
            // Blobs, so that masks have insides.
            let labels = (0..n * h * w).map(|at| (at % w / 7 + at / w / 5) % (c + 1));
            batch.labels = labels.map(|label| label as u8).collect();
            let valid: Vec<f32> = batch
                .labels
                .iter()
                .map(|l| f32::from(*l < c as u8))
                .collect();
            let valid = tensor(&valid, [n, 1, h, w], &device);
            let p = batch.p(&device);
            let counting = |x: Tensor<4>| x.narrow(1, first, c - first);
            let (masked, truth) = (
                counting(p.clone()) * valid,
                counting(batch.truth(0, &device)),
            );
            let soft = skeleton_of(masked.clone(), iterations);
            let hard = skeleton_of(truth.clone(), iterations);
            let written = [soft.clone() * truth, soft, masked * hard.clone(), hard];
            let of_image = |x: Tensor<4>| sums(x).sum_dim(1).reshape([n, 1]);
            let expected = both(&p, Tensor::cat(written.map(of_image).into(), 1));
            let what = format!("{shape:?}, {c} from {first}, {iterations} iterations");
            let found = fused::skeleton_overlap(p.clone(), batch.labels(first), iterations);
            assert_both(&both(&p, found), &expected, &what);
            let (size, grad) = (size(shape), numbers(n * overlap::SUMS, 9));
            for path in Path::available() {
                let truth = overlap::Truth {
                    labels: &batch.labels,
                    first,
                };
                let p = view(&batch.p, c, size);
                let (values, bits) = overlap::forward(path, p, truth, iterations, size);
                let known = (&grad[..], &bits[..]);
                let slopes = overlap::backward(path, p, truth, known, iterations, size);
                assert_both(&[values, slopes], &expected, &format!("{path:?} {what}"));
            }
        }
    }
}

/// The nearest pixel of the other side, by looking at all of them.
fn searched(on: &[bool], width: usize) -> Vec<f32> {
    let square = |a: usize, b: usize| {
        let (dy, dx) = (
            (a / width).abs_diff(b / width),
            (a % width).abs_diff(b % width),
        );
        (dy * dy + dx * dx) as f32
    };
    let nearest = |at: usize| {
        let others = (0..on.len()).filter(|other| on[*other] != on[at]);
        others
            .map(|other| square(at, other))
            .fold(f32::INFINITY, f32::min)
    };
    let none = on.iter().all(|x| *x == on[0]);
    let of = |at| if none { 0.0 } else { nearest(at) };
    (0..on.len()).map(of).collect()
}

#[test]
fn distances_are_those_of_a_search() {
    let mut scratch = Scratch::default();
    for (h, w) in [(1, 1), (1, 90), (70, 1), (5, 7), (17, 33), (9, 200)] {
        let random = numbers(h * w, 4);
        for kind in 0..6 {
            let on = |at: usize| match kind {
                0 => random[at] > 0.3,
                1 => (at % w / 9 + at / w / 5).is_multiple_of(2),
                2 => at % w > w / 2 && at / w < h / 3,
                // Farther than a pixel looks along its row.
                3 => at == 0,
                4 => at % w == w - 1,
                _ => true,
            };
            let mask: Vec<bool> = (0..h * w).map(on).collect();
            let expected = searched(&mask, w);
            for path in Path::available() {
                let mut found = vec![-1.0; h * w];
                squares_on(path, &mask, |on| *on, w, &mut found, &mut scratch);
                assert_eq!(found, expected, "{path:?} {h} × {w}, mask {kind}");
            }
        }
    }
}

#[test]
fn errors_by_distance_equal_burns() {
    let device = Device::flex().autodiff();
    for shape @ [n, h, w] in [[1, 1, 1], [3, 5, 7], [2, 13, 33], [1, 40, 48]] {
        for (first, alpha) in [(0, 2.0), (1, 2.0), (1, 1.5)] {
            let c = 3;
            let batch = Batch::new(shape, c);
            let truth: Vec<f32> = numbers(n * c * h * w, 5)
                .iter()
                .map(|x| ((x + 0.5) * 30.0).round())
                .collect();
            let predicted: Vec<f32> = (batch.p.chunks(h * w))
                .flat_map(|p| searched(&p.iter().map(|p| *p > 0.5).collect::<Vec<_>>(), w))
                .collect();
            let far = |squares: &[f32]| {
                let squares: Vec<f32> = squares.iter().map(|x| x.powf(alpha / 2.0)).collect();
                tensor(&squares, batch.dims, &device)
            };
            let (p, y) = (batch.p(&device), batch.truth(0, &device));
            let error = p.clone() - y;
            let cost = error.clone() * error * (far(&truth) + far(&predicted));
            let mut counts = vec![1.0f32; c];
            counts[..first].fill(0.0);
            let counts = tensor(&counts, [1, c, 1, 1], &device);
            let cost = cost * batch.weights(&device) * counts;
            let expected = both(&p, sums(cost).reshape([n, c]));
            let what = format!("{shape:?} from {first}, α {alpha}");
            let by = Far {
                squares: Arc::new(truth.clone()),
                alpha,
            };
            let weights = batch.weights(&device);
            let found = fused::hausdorff(p.clone(), weights, batch.labels(first), by);
            assert_both(&both(&p, found), &expected, &what);
            let (size, grad) = (size(shape), numbers(n * c, 9));
            for path in Path::available() {
                let truth = hausdorff::Truth {
                    labels: &batch.labels,
                    weights: view(&batch.weights, 1, size),
                    squares: &truth,
                    first,
                    alpha,
                };
                let p = view(&batch.p, c, size);
                let [values, mut slopes] = hausdorff::forward(path, p, truth, size);
                let planes = slopes.chunks_mut(h * w).zip(&grad);
                planes.for_each(|(of, grad)| of.iter_mut().for_each(|slope| *slope *= grad));
                assert_both(&[values, slopes], &expected, &format!("{path:?} {what}"));
            }
        }
    }
}

/// The extension as its paper has it: errors sorted by comparing, in double precision.
fn written_out(batch: &Batch, form: Lovasz) -> (f64, Vec<f64>) {
    let [n, c, h, w] = batch.dims;
    let plane = h * w;
    let groups: Vec<Vec<usize>> = match form.per_image {
        true => (0..n).map(|image| vec![image]).collect(),
        false => vec![(0..n).collect()],
    };
    let (mut loss, mut slopes) = (0.0, vec![0.0; batch.p.len()]);
    for images in &groups {
        let pixels: Vec<(usize, usize)> = (images.iter())
            .flat_map(|image| (0..plane).map(move |at| (*image, at)))
            .filter(|(image, at)| usize::from(batch.labels[image * plane + at]) < c)
            .collect();
        let label = |(image, at): (usize, usize)| usize::from(batch.labels[image * plane + at]);
        let own = |class: usize| pixels.iter().filter(|at| label(**at) == class).count();
        let counting: Vec<usize> = (0..c)
            .filter(|class| !pixels.is_empty() && (form.absent || own(*class) > 0))
            .collect();
        for &class in &counting {
            let place = |(image, at): (usize, usize)| (image * c + class) * plane + at;
            let error = |at| match label(at) == class {
                true => 1.0 - batch.p[place(at)],
                false => batch.p[place(at)],
            };
            let mut order: Vec<_> = pixels.iter().rev().copied().collect();
            order.sort_by(|a, b| error(*b).total_cmp(&error(*a)));
            let all = own(class) as f64;
            let (mut missed, mut union, mut before) = (0.0, all, 0.0);
            for at in order {
                match label(at) == class {
                    true => missed += 1.0,
                    false => union += 1.0,
                }
                let now = 1.0 - (all - missed) / union;
                let step = (now - before) / (counting.len() * groups.len()) as f64;
                before = now;
                loss += f64::from(error(at)) * step;
                slopes[place(at)] = if label(at) == class { -step } else { step };
            }
        }
    }
    (loss, slopes)
}

#[test]
fn the_lovasz_extension_is_that_of_sorting_by_comparison() {
    let device = Device::flex().autodiff();
    for shape @ [n, h, w] in [[1, 1, 1], [3, 5, 7], [2, 13, 33], [2, 150, 160]] {
        for c in [1, 2, 4] {
            // As they are; with many equals; sure ones, most of them 0 or 1 or nearly; not probabilities
            // at all.
            for kind in 0..4 {
                let mut batch = Batch::new(shape, c);
                for p in &mut batch.p {
                    *p = match kind {
                        0 => *p,
                        1 => (*p * 6.0).round() / 6.0,
                        2 => 1.0 / (1.0 + (200.0 * (0.5 - *p)).exp()),
                        _ => (*p - 0.5) * 20.0,
                    };
                }
                for (per_image, absent) in [(false, false), (true, true)] {
                    let form = Lovasz { per_image, absent };
                    let (loss, slopes) = written_out(&batch, form);
                    let what = format!("{form:?} of {n} × {c} × {h} × {w}, kind {kind}");
                    let expected: Vec<f32> = slopes.iter().map(|x| *x as f32).collect();
                    for path in Path::available() {
                        let size = size(shape);
                        let p = view(&batch.p, c, size);
                        let (value, found) = lovasz::forward(path, p, &batch.labels, form, size);
                        let off = (value - loss).abs();
                        assert!(
                            off <= 1e-9 * loss.abs().max(1.0),
                            "{value} not {loss}, {what}"
                        );
                        assert_eq!(found, expected, "{path:?} {what}");
                    }
                    let p = batch.p(&device);
                    let found = fused::lovasz(p.clone(), batch.labels(0), form);
                    let grads = (found.clone() * 0.5).backward();
                    let half: Vec<f32> = expected.iter().map(|x| x * 0.5).collect();
                    assert_close(&values(found.inner()), &[loss as f32], &what);
                    assert_eq!(values(p.grad(&grads).unwrap()), half, "{what}");
                }
            }
        }
    }
}
