//! −log p of each pixel's true class, straight from logits: what cross-entropy and focal losses are
//! made of. One number per pixel instead of one per class and pixel.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use super::Path;
use super::band::{Size, View};
use super::memory::Output;
use super::softmax::{CHUNK, Part, exp, for_parts, largest, part_of, read};

/// The largest logit of each pixel of `part`, and the sum of eᶻ⁻ᵐ over its classes.
#[inline(always)]
fn normaliser(x: View<'_>, part: Part, size: Size) -> [[f32; CHUNK]; 2] {
    let (most, mut sum) = (largest(x, part, size), [0f32; CHUNK]);
    for channel in 0..x.channels {
        let pixels = sum.iter_mut().zip(&most);
        for ((sum, &most), &x) in pixels.zip(read(x, channel, part, size)) {
            *sum += exp(x - most);
        }
    }
    [most, sum]
}

/// The labels of `part`.
#[inline(always)]
fn of_part(labels: &[u8], part: Part, size: Size) -> &[u8] {
    &labels[part.image * size.plane() + part.from..][..part.len]
}

/// Logits `[N, C, H, W]`, labels `[N, H, W]` → `[N, 1, H, W]`; 0 where the label is no class.
pub fn forward(path: Path, x: View<'_>, labels: &[u8], size: Size) -> Vec<f32> {
    let mut output = Output::new(size.pixels());
    let out = output.pointer();
    for_parts(size, |part| {
        path.compiled(
            #[inline(always)]
            || {
                let [most, sum] = normaliser(x, part, size);
                let labels = of_part(labels, part, size);
                // SAFETY: one plane to an image, and every task has its own pixels.
                let to = unsafe { part_of(out, 1, 0, part, size) };
                to.fill(0.0);
                for channel in 0..x.channels {
                    for ((to, &x), &label) in
                        to.iter_mut().zip(read(x, channel, part, size)).zip(labels)
                    {
                        *to = if usize::from(label) == channel {
                            x
                        } else {
                            *to
                        };
                    }
                }
                let pixels = to.iter_mut().zip(most).zip(sum).zip(labels);
                for (((to, most), sum), &label) in pixels {
                    let cost = sum.ln() - (*to - most);
                    *to = if usize::from(label) < x.channels {
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
    let out = output.pointer();
    for_parts(size, |part| {
        path.compiled(
            #[inline(always)]
            || {
                let [most, mut sum] = normaliser(x, part, size);
                let labels = of_part(labels, part, size);
                let grad = &grad[part.image * size.plane() + part.from..][..part.len];
                let mut wanted = [0f32; CHUNK];
                let pixels = wanted.iter_mut().zip(&mut sum).zip(grad).zip(labels);
                for (((wanted, sum), &grad), &label) in pixels {
                    *wanted = if usize::from(label) < x.channels {
                        grad
                    } else {
                        0.0
                    };
                    *sum = *wanted / *sum;
                }
                for channel in 0..x.channels {
                    // SAFETY: every task has its own pixels.
                    let to = unsafe { part_of(out, x.channels, channel, part, size) };
                    let x = read(x, channel, part, size).iter().zip(&most);
                    let pixels = to
                        .iter_mut()
                        .zip(x)
                        .zip(labels)
                        .zip(wanted.iter().zip(&sum));
                    for (((to, (&x, &most)), &label), (&wanted, &share)) in pixels {
                        let own = if usize::from(label) == channel {
                            wanted
                        } else {
                            0.0
                        };
                        *to = exp(x - most) * share - own;
                    }
                }
            },
        );
    });
    // SAFETY: every pixel of every channel has been written.
    unsafe { output.finish() }
}
