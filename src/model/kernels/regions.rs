//! Sums over the pixels of each plane of functions of a number and of whether its class is the true
//! one, told by labels: what overlaps, volumes and class-wise costs are made of. One pass for all of
//! them, and one for their gradient.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::Output;
use super::softmax::{Part, exp, part_of, parts, read};
use super::sums::LANES;
use super::unary::ln;

/// What is summed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Regions {
    /// p where the class is true, p everywhere, and 1 where the class is true.
    Overlap,
    /// p where the class is true, p² everywhere, and 1 where the class is true.
    SquaredOverlap,
    /// Of p kept `clip` away from 0 and 1, where the class is true: p, 1 − p and −log p, which is
    /// times (1 − p)^`gamma` for class 0; where it is not: p.
    UnifiedFocal { clip: f32, gamma: f32 },
}

impl Regions {
    /// Numbers to a plane.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Overlap | Self::SquaredOverlap => 3,
            Self::UnifiedFocal { .. } => 4,
        }
    }
}

/// Functions of `p` and of whether it is that of the true class.
trait Of<const K: usize>: Copy + Sync {
    /// Their values.
    fn values(self, p: f32, own: bool) -> [f32; K];

    /// Their slopes.
    fn slopes(self, p: f32, own: bool) -> [f32; K];
}

#[derive(Clone, Copy)]
struct Overlap;

impl Of<3> for Overlap {
    #[inline(always)]
    fn values(self, p: f32, own: bool) -> [f32; 3] {
        let one = if own { 1.0 } else { 0.0 };
        [if own { p } else { 0.0 }, p, one]
    }

    #[inline(always)]
    fn slopes(self, _: f32, own: bool) -> [f32; 3] {
        [if own { 1.0 } else { 0.0 }, 1.0, 0.0]
    }
}

#[derive(Clone, Copy)]
struct SquaredOverlap;

impl Of<3> for SquaredOverlap {
    #[inline(always)]
    fn values(self, p: f32, own: bool) -> [f32; 3] {
        let one = if own { 1.0 } else { 0.0 };
        [if own { p } else { 0.0 }, p * p, one]
    }

    #[inline(always)]
    fn slopes(self, p: f32, own: bool) -> [f32; 3] {
        [if own { 1.0 } else { 0.0 }, 2.0 * p, 0.0]
    }
}

/// Of the foreground: every true class's cost is plain.
#[derive(Clone, Copy)]
struct Plain {
    clip: f32,
}

impl Plain {
    /// `p` kept away from 0 and 1, and whether it was already.
    #[inline(always)]
    fn kept(self, p: f32) -> (f32, bool) {
        let most = 1.0 - self.clip;
        let raised = if p < self.clip { self.clip } else { p };
        let kept = if raised > most { most } else { raised };
        (kept, p >= self.clip && p <= most)
    }

    #[inline(always)]
    fn with(kept: f32, cost: f32, own: bool) -> [f32; 4] {
        let if_own = |x| if own { x } else { 0.0 };
        let other = if own { 0.0 } else { kept };
        [if_own(kept), if_own(1.0 - kept), other, if_own(cost)]
    }

    #[inline(always)]
    fn slopes_with(inside: bool, cost: f32, own: bool) -> [f32; 4] {
        let slope = if inside { 1.0 } else { 0.0 };
        let if_own = |x: f32| if own { x * slope } else { 0.0 };
        let other = if own { 0.0 } else { slope };
        [if_own(1.0), if_own(-1.0), other, if_own(cost)]
    }
}

impl Of<4> for Plain {
    #[inline(always)]
    fn values(self, p: f32, own: bool) -> [f32; 4] {
        let (p, _) = self.kept(p);
        Self::with(p, -ln(p), own)
    }

    #[inline(always)]
    fn slopes(self, p: f32, own: bool) -> [f32; 4] {
        let (p, inside) = self.kept(p);
        Self::slopes_with(inside, -1.0 / p, own)
    }
}

/// Of the background: as [`Plain`], its cost turned down where it is easy.
#[derive(Clone, Copy)]
struct Focal {
    plain: Plain,
    gamma: f32,
}

impl Focal {
    /// (1 − p)^γ.
    #[inline(always)]
    fn easy(self, p: f32) -> f32 {
        exp(self.gamma * ln(1.0 - p))
    }
}

impl Of<4> for Focal {
    #[inline(always)]
    fn values(self, p: f32, own: bool) -> [f32; 4] {
        let (p, _) = self.plain.kept(p);
        Plain::with(p, -ln(p) * self.easy(p), own)
    }

    #[inline(always)]
    fn slopes(self, p: f32, own: bool) -> [f32; 4] {
        let (p, inside) = self.plain.kept(p);
        let slope = self.easy(p) * (self.gamma * ln(p) / (1.0 - p) - 1.0 / p);
        Plain::slopes_with(inside, slope, own)
    }
}

/// What the pixels of a batch are known by.
#[derive(Clone, Copy)]
pub struct Truth<'a> {
    /// `[N, H, W]`.
    pub labels: &'a [u8],
    /// `[N, 1, H, W]`, what each pixel counts for.
    pub weights: View<'a>,
    /// The class that the first channel stands for.
    pub first: usize,
}

impl Truth<'_> {
    /// Labels and weights of `part`.
    #[inline(always)]
    fn of(&self, part: Part, size: Size) -> (&[u8], &[f32]) {
        let labels = &self.labels[part.image * size.plane() + part.from..][..part.len];
        (labels, read(self.weights, 0, part, size))
    }

    #[inline(always)]
    fn is_own(&self, label: u8, channel: usize) -> bool {
        usize::from(label) == self.first + channel
    }
}

/// `[N, C, K]`: the sums of every plane.
pub fn forward(path: Path, p: View<'_>, truth: Truth<'_>, of: Regions, size: Size) -> Vec<f32> {
    let count = of.count();
    let of_task = |task: &[Part]| {
        let mut sums = vec![0f64; p.channels * count];
        for &part in task {
            for (channel, sums) in sums.chunks_exact_mut(count).enumerate() {
                path.compiled(
                    #[inline(always)]
                    || match of {
                        Regions::Overlap => add(p, truth, Overlap, channel, part, size, sums),
                        Regions::SquaredOverlap => {
                            add(p, truth, SquaredOverlap, channel, part, size, sums);
                        }
                        Regions::UnifiedFocal { clip, gamma } => {
                            let plain = Plain { clip };
                            if truth.first + channel == 0 {
                                let focal = Focal { plain, gamma };
                                add(p, truth, focal, channel, part, size, sums);
                            } else {
                                add(p, truth, plain, channel, part, size, sums);
                            }
                        }
                    },
                );
            }
        }
        (task[0].image, sums)
    };
    let found: Vec<(usize, Vec<f64>)> = parts(size).par_iter().map(|task| of_task(task)).collect();
    let mut sums = vec![0f64; size.images * p.channels * count];
    for (image, found) in found {
        let to = &mut sums[image * p.channels * count..][..found.len()];
        to.iter_mut().zip(found).for_each(|(to, x)| *to += x);
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// Adds the sums of one channel of `part`.
#[inline(always)]
fn add<const K: usize>(
    p: View<'_>,
    truth: Truth<'_>,
    of: impl Of<K>,
    channel: usize,
    part: Part,
    size: Size,
    sums: &mut [f64],
) {
    let mut lanes = [[0f32; LANES]; K];
    let is_own = |label: u8| truth.is_own(label, channel);
    let (labels, weights) = truth.of(part, size);
    let (p, p_rest) = read(p, channel, part, size).as_chunks();
    let (labels, labels_rest) = labels.as_chunks();
    let (weights, weights_rest) = weights.as_chunks();
    for ((p, labels), weights) in p.iter().zip(labels).zip(weights) {
        add_lanes(&mut lanes, of, p, labels.map(is_own), weights);
    }
    if !p_rest.is_empty() {
        // What is beyond the last pixel counts for nothing.
        let (mut p, mut labels, mut weights) = ([0.0; LANES], [0; LANES], [0.0; LANES]);
        p[..p_rest.len()].copy_from_slice(p_rest);
        labels[..p_rest.len()].copy_from_slice(labels_rest);
        weights[..p_rest.len()].copy_from_slice(weights_rest);
        add_lanes(&mut lanes, of, &p, labels.map(is_own), &weights);
    }
    for (to, lanes) in sums.iter_mut().zip(&lanes) {
        *to += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
    }
}

#[inline(always)]
fn add_lanes<const K: usize>(
    lanes: &mut [[f32; LANES]; K],
    of: impl Of<K>,
    p: &[f32; LANES],
    own: [bool; LANES],
    weights: &[f32; LANES],
) {
    for lane in 0..LANES {
        let found = of.values(p[lane], own[lane]);
        for (lanes, found) in lanes.iter_mut().zip(found) {
            lanes[lane] += found * weights[lane];
        }
    }
}

/// Gradient of `p` from that of [`forward`]'s output.
pub fn backward(
    path: Path,
    p: View<'_>,
    truth: Truth<'_>,
    grad: &[f32],
    of: Regions,
    size: Size,
) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * p.channels);
    let (out, count) = (output.pointer(), of.count());
    parts(size).par_iter().for_each(|task| {
        for &part in task {
            for channel in 0..p.channels {
                let grad = &grad[(part.image * p.channels + channel) * count..][..count];
                // SAFETY: every task has its own pixels.
                let to = unsafe { part_of(out, p.channels, channel, part, size) };
                let of_channel = (p, channel, part, size);
                path.compiled(
                    #[inline(always)]
                    || match of {
                        Regions::Overlap => scale(of_channel, truth, Overlap, grad, to),
                        Regions::SquaredOverlap => {
                            scale(of_channel, truth, SquaredOverlap, grad, to);
                        }
                        Regions::UnifiedFocal { clip, gamma } => {
                            let plain = Plain { clip };
                            if truth.first + channel == 0 {
                                scale(of_channel, truth, Focal { plain, gamma }, grad, to);
                            } else {
                                scale(of_channel, truth, plain, grad, to);
                            }
                        }
                    },
                );
            }
        }
    });
    // SAFETY: every pixel of every channel has been written.
    unsafe { output.finish() }
}

/// The gradient of one channel of a part.
#[inline(always)]
fn scale<const K: usize>(
    (p, channel, part, size): (View<'_>, usize, Part, Size),
    truth: Truth<'_>,
    of: impl Of<K>,
    grad: &[f32],
    to: &mut [f32],
) {
    let mut by = [0f32; K];
    by.copy_from_slice(grad);
    let (labels, weights) = truth.of(part, size);
    let given = read(p, channel, part, size).iter().zip(labels).zip(weights);
    for (to, ((&p, &label), &weight)) in to.iter_mut().zip(given) {
        let slopes = of.slopes(p, truth.is_own(label, channel));
        let mut slope = 0.0;
        for (one, by) in slopes.iter().zip(&by) {
            slope += one * by;
        }
        *to = slope * weight;
    }
}
