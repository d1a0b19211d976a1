//! What soft clDice asks of probabilities and labels, in the sweeps that make the skeletons: four sums
//! for each image, and their gradient. Neither skeleton is ever written down.

use rayon::prelude::*;

use super::super::Path;
use super::super::band::{Size, View};
use super::super::memory::Output;
use super::super::sums::long_sum;
use super::truth::{self, Bits};
use super::{Strip, of_strips, reach, sweep};

/// Sums to an image: of the skeleton where its class is true, of the skeleton, of the probabilities on
/// the true skeleton, of the true skeleton.
pub const SUMS: usize = 4;

/// The class of every pixel.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// `[N, H, W]`. A pixel whose label is no class is as if no class were there.
    pub labels: &'a [u8],
    /// Classes before this count for nothing.
    pub first: usize,
}

impl Truth<'_> {
    /// Classes that count.
    fn kept(self, p: View<'_>) -> usize {
        let of = p.channels;
        assert!(self.first <= of, "{of} classes, none from {}", self.first);
        of - self.first
    }
}

/// One class of an image: what a task works on a strip of.
struct Plane<'a> {
    p: &'a [f32],
    labels: &'a [u8],
    /// As wide as a number, so that a comparison fills no more than a vector of these.
    class: u32,
    classes: u32,
    size: Size,
}

impl<'a> Plane<'a> {
    /// Number `index` of those that count.
    fn new(p: View<'a>, truth: Truth<'a>, index: usize, size: Size) -> Self {
        let kept = truth.kept(p);
        let (image, class) = (index / kept, truth.first + index % kept);
        Self {
            p: p.plane(image, class, size),
            labels: &truth.labels[image * size.plane()..][..size.plane()],
            class: class as u32,
            classes: p.channels as u32,
            size,
        }
    }

    /// Row `y` of a strip.
    #[inline(always)]
    fn read(&self, strip: &Strip, y: usize, to: &mut [f32]) {
        let p = strip.row(self.p, y, self.size);
        let labels = strip.row(self.labels, y, self.size);
        for ((to, &p), &label) in to.iter_mut().zip(p).zip(labels) {
            *to = if u32::from(label) < self.classes {
                p
            } else {
                0.0
            };
        }
    }

    /// `own` where the class is true in row `y` of a strip, `other` elsewhere.
    #[inline(always)]
    fn choose(&self, strip: &Strip, y: usize, [own, other]: [f32; 2], to: &mut [f32]) {
        for (to, &label) in to.iter_mut().zip(strip.row(self.labels, y, self.size)) {
            *to = if u32::from(label) == self.class {
                own
            } else {
                other
            };
        }
    }
}

/// Probabilities `[N, C, H, W]` → `[N, 4]`, the [`SUMS`] over all classes that count, and the true
/// skeletons, for [`backward`].
pub fn forward(
    path: Path,
    p: View<'_>,
    truth: Truth<'_>,
    iterations: usize,
    size: Size,
) -> (Vec<f32>, Vec<Bits>) {
    let kept = truth.kept(p);
    let dims = [size.height, size.width];
    let bits = truth::of_labels(truth.labels, [truth.first, p.channels], dims, iterations);
    let of_strip = |index: usize, strip: &Strip| {
        let plane = Plane::new(p, truth, index, size);
        let (mut sums, mut on) = ([0f64; SUMS], vec![0f32; size.width]);
        sweep::forward(
            path,
            strip.dims(size),
            iterations,
            #[inline(always)]
            |y, to| plane.read(strip, y, to),
            #[inline(always)]
            |y, skeleton| {
                let row = strip.all.start + y;
                if strip.rows.contains(&row) {
                    plane.choose(strip, y, [1.0, 0.0], &mut on);
                    sums[0] += long_sum([skeleton, &on]);
                    sums[1] += long_sum([skeleton]);
                    bits[index].write_row(row, &mut on);
                    sums[2] += long_sum([strip.row(plane.p, y, size), &on]);
                    sums[3] += f64::from(bits[index].count(row));
                }
            },
        );
        (index / kept, sums)
    };
    let mut sums = vec![[0f64; SUMS]; size.images];
    for (image, found) in of_strips(size.images * kept, size, reach(iterations), of_strip) {
        sums[image]
            .iter_mut()
            .zip(found)
            .for_each(|(to, x)| *to += x);
    }
    let sums = sums.as_flattened().iter().map(|sum| *sum as f32).collect();
    (sums, bits)
}

/// Gradient of the input of [`forward`] from that of its sums and the true skeletons.
pub fn backward(
    path: Path,
    p: View<'_>,
    truth: Truth<'_>,
    (grad, bits): (&[f32], &[Bits]),
    iterations: usize,
    size: Size,
) -> Vec<f32> {
    let kept = truth.kept(p);
    let mut output = Output::new(size.pixels() * p.channels);
    let out = output.pointer();
    (0..size.images).into_par_iter().for_each(|image| {
        let start = image * p.channels * size.plane();
        // SAFETY: within the output; the planes of classes that count for nothing, no other task's.
        unsafe { out.slice(start, truth.first * size.plane()) }.fill(0.0);
    });
    of_strips(
        size.images * kept,
        size,
        2 * reach(iterations),
        |index, strip| {
            let plane = Plane::new(p, truth, index, size);
            let image = index / kept;
            let [of_own, of_all, of_found] = [0, 1, 2].map(|at| grad[image * SUMS + at]);
            let grads = [of_own + of_all, of_all];
            let to = image * p.channels + truth.first + index % kept;
            let mut found = vec![0f32; size.width];
            sweep::backward(
                path,
                strip.dims(size),
                iterations,
                #[inline(always)]
                |y, to| plane.read(strip, y, to),
                #[inline(always)]
                |y, to| plane.choose(strip, y, grads, to),
                #[inline(always)]
                |y, row| {
                    // SAFETY: a plane of the output; the strip is this task's.
                    let Some(to) = (unsafe { strip.output(out, to, y, size) }) else {
                        return;
                    };
                    bits[index].write_row(strip.all.start + y, &mut found);
                    let labels = strip.row(plane.labels, y, size);
                    for (((to, &x), &found), &label) in
                        to.iter_mut().zip(row).zip(&found).zip(labels)
                    {
                        let x = if u32::from(label) < plane.classes {
                            x
                        } else {
                            0.0
                        };
                        *to = x + found * of_found;
                    }
                },
            );
        },
    );
    // SAFETY: every row of every plane has been written.
    unsafe { output.finish() }
}
