//! Means over a square window around each pixel; beyond the edge there are zeros, which count.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::band::{Size, View};
use super::memory::{Output, with_scratch};

/// `[N, C, H, W]` → means over `side` × `side` pixels, an odd number.
pub fn means(path: Path, x: View<'_>, side: usize, size: Size) -> Vec<f32> {
    let mut output = Output::new(size.pixels() * x.channels);
    let out = output.pointer();
    let (reach, share) = (side / 2, 1.0 / (side * side) as f32);
    (0..size.images * x.channels)
        .into_par_iter()
        .for_each(|plane| {
            let from = x.plane(plane / x.channels, plane % x.channels, size);
            // SAFETY: within the output; this plane belongs to this task.
            let to = unsafe { out.slice(plane * size.plane(), size.plane()) };
            // Sums over the rows of the window, with zeros to both sides.
            with_scratch(size.width + 2 * reach, |sums| {
                for (y, to) in to.chunks_exact_mut(size.width).enumerate() {
                    let rows = y.saturating_sub(reach)..(y + reach + 1).min(size.height);
                    let rows = &from[rows.start * size.width..rows.end * size.width];
                    path.compiled(
                        #[inline(always)]
                        || {
                            sums.fill(0.0);
                            for row in rows.chunks_exact(size.width) {
                                add(&mut sums[reach..], row);
                            }
                            to.fill(0.0);
                            for shift in 0..side {
                                add(to, &sums[shift..]);
                            }
                            to.iter_mut().for_each(|mean| *mean *= share);
                        },
                    );
                }
            });
        });
    // SAFETY: every plane has been written.
    unsafe { output.finish() }
}

#[inline(always)]
fn add(to: &mut [f32], by: &[f32]) {
    for (to, &by) in to.iter_mut().zip(by) {
        *to += by;
    }
}
