//! −log p of each pixel's true class, straight from logits: what cross-entropy and focal losses are
//! made of. One number per pixel instead of one per class and pixel.
//!
//! Labels are compared as numbers of 32 bits, as wide as those that the comparison chooses between.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use super::Path;
use super::band::{Size, View};
use super::memory::Output;
use super::softmax::{CHUNK, Part, exp, for_parts, largest, part_of, read};
use super::unary::ln;

/// The largest logit of each pixel of `part`, and the sums of eᶻ⁻ᵐ over the true class and over all
/// others. Apart, because where a network is right and sure the others' are what is left of 1 − p.
#[inline(always)]
fn normaliser(x: View<'_>, labels: &[u8], part: Part, size: Size) -> [[f32; CHUNK]; 3] {
    let most = largest(x, part, size);
    let (mut own, mut others) = ([0f32; CHUNK], [0f32; CHUNK]);
    for channel in 0..x.channels {
        let given = read(x, channel, part, size).iter().zip(labels);
        let channel = channel as u32;
        let pixels = own.iter_mut().zip(&mut others).zip(&most);
        for (((own, others), &most), (&x, &label)) in pixels.zip(given) {
            let share = exp(x - most);
            let is_own = u32::from(label) == channel;
            *own += if is_own { share } else { 0.0 };
            *others += if is_own { 0.0 } else { share };
        }
    }
    [most, own, others]
}

/// The labels of `part`.
#[inline(always)]
fn of_part(labels: &[u8], part: Part, size: Size) -> &[u8] {
    &labels[part.image * size.plane() + part.from..][..part.len]
}

/// Logits `[N, C, H, W]`, labels `[N, H, W]` → `[N, 1, H, W]`; 0 where the label is no class.
pub fn forward(path: Path, x: View<'_>, labels: &[u8], size: Size) -> Vec<f32> {
    let mut output = Output::new(size.pixels());
    let (out, classes) = (output.pointer(), x.channels as u32);
    for_parts(size, |part| {
        path.compiled(
            #[inline(always)]
            || {
                let labels = of_part(labels, part, size);
                let [most, own, others] = normaliser(x, labels, part, size);
                // SAFETY: one plane to an image, and every task has its own pixels.
                let to = unsafe { part_of(out, 1, 0, part, size) };
                to.fill(0.0);
                for channel in 0..x.channels {
                    let own = channel as u32;
                    let given = read(x, channel, part, size).iter().zip(labels);
                    for (to, (&x, &label)) in to.iter_mut().zip(given) {
                        // Read by itself: what is only written here and there is no vector's work.
                        let before = *to;
                        *to = if u32::from(label) == own { x } else { before };
                    }
                }
                let sums = own.iter().zip(&others);
                let pixels = to.iter_mut().zip(&most).zip(sums).zip(labels);
                for (((to, most), (own, others)), &label) in pixels {
                    let sum = own + others;
                    // What rounding takes from the sum are digits of small others, whose cost is log(1 + others).
                    let lost = others - (sum - own);
                    let cost = ln(sum) + lost / sum - (*to - most);
                    *to = if u32::from(label) < classes {
                        cost
                    } else {
                        0.0
                    };
                }
            },
        );
    });
    // SAFETY: every pixel has been written.
    unsafe { output.finish() }
}

/// Gradient of the logits from that of [`forward`]'s output.
pub fn backward(path: Path, x: View<'_>, labels: &[u8], grad: &[f32], size: Size) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * x.channels);
    let (out, classes) = (output.pointer(), x.channels as u32);
    for_parts(size, |part| {
        path.compiled(
            #[inline(always)]
            || {
                let labels = of_part(labels, part, size);
                let [most, mut own, others] = normaliser(x, labels, part, size);
                let grad = &grad[part.image * size.plane() + part.from..][..part.len];
                // The gradient over the sum of all classes.
                let pixels = own.iter_mut().zip(&others).zip(grad).zip(labels);
                for (((own, others), &grad), &label) in pixels {
                    *own = if u32::from(label) < classes {
                        grad / (*own + others)
                    } else {
                        0.0
                    };
                }
                let share = own;
                for channel in 0..x.channels {
                    // SAFETY: every task has its own pixels.
                    let to = unsafe { part_of(out, x.channels, channel, part, size) };
                    let x = read(x, channel, part, size).iter().zip(&most);
                    let own = channel as u32;
                    let pixels = to
                        .iter_mut()
                        .zip(x)
                        .zip(labels)
                        .zip(others.iter().zip(&share));
                    for (((to, (&x, &most)), &label), (&others, &share)) in pixels {
                        // p, and p − 1 of the true class: what the others have.
                        let mass = if u32::from(label) == own {
                            -others
                        } else {
                            exp(x - most)
                        };
                        *to = mass * share;
                    }
                }
            },
        );
    });
    // SAFETY: every pixel of every channel has been written.
    unsafe { output.finish() }
}
