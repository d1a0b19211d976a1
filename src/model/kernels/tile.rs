//! The two inner loops that nearly all of a training step is spent in, as register tiles, for each
//! instruction set.
//!
//! * [`product`]: `out[m][p] = bias[m] + Σ_k w[m][k] · x[k][p]`, where `x[k]` is a plane of pixels
//!   seen through a shift (a tap of the convolution). Forward pass and data gradient.
//! * [`correlate`]: `out[m][k] = Σ_p y[m][p] · x[k][p]`. Weight gradient.
//!
//! Neither knows what the planes are: [`super::band`] lays them out.
#![expect(
    clippy::needless_range_loop,
    reason = "register tiles: constant bounds that the compiler unrolls, several arrays per index"
)]
#![expect(
    unsafe_code,
    reason = "raw pointers into planes that many threads read, and instructions that must be there"
)]

use super::Path;
#[cfg(target_arch = "aarch64")]
use super::simd::Neon;
#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512};
use super::simd::{Portable, Vector};

/// Pixels that fill one vector: one piece of a row, or two when rows are no multiple of a vector.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Where each piece starts in a plane of the packed input (the first row and column of the
    /// kernel's window).
    pub src: [usize; 2],
    /// Where each piece starts in a plane of the output.
    pub dst: [usize; 2],
    /// How many pixels of each piece there are; the other lanes are computed and dropped.
    pub len: [usize; 2],
}

/// Work for [`product`].
#[derive(Debug)]
pub struct Product<'a> {
    /// `[blocks][planes][taps][Path::rows()]`.
    pub weights: *const f32,
    /// One number for each row of all blocks, or null for zero.
    pub bias: *const f32,
    pub x: *const f32,
    pub planes: usize,
    pub plane_stride: usize,
    /// Offset of each tap within a plane.
    pub taps: &'a [usize],
    pub spans: &'a [Span],
    /// Whether the spans have two pieces each.
    pub split: bool,
    /// Blocks of `Path::rows()` rows to compute.
    pub blocks: std::ops::Range<usize>,
    /// All spans for one block before the next block: for weights that don't fit the cache.
    pub block_by_block: bool,
    /// Rows of the output there are.
    pub rows: usize,
    /// `[rows][out_stride]`.
    pub out: *mut f32,
    pub out_stride: usize,
}

/// Work for [`correlate`].
#[derive(Debug)]
pub struct Correlation<'a> {
    /// Offset in `x` of each column's plane and tap.
    pub x: *const f32,
    pub columns: &'a [usize],
    /// `[rows][y_stride]`; lanes that a span drops must be zero here.
    pub y: *const f32,
    pub y_stride: usize,
    pub rows: usize,
    /// `src` is for `x`, `dst` for `y`.
    pub spans: &'a [Span],
    pub split: bool,
    /// `[rows][out_stride]`, the first `columns.len()` of each row.
    pub out: *mut f32,
    pub out_stride: usize,
    /// Adds to what is in `out` instead of overwriting it.
    pub add: bool,
}

#[inline(always)]
unsafe fn load<V: Vector, const SPLIT: bool>(p: *const f32, at: [usize; 2]) -> V {
    // SAFETY: the caller promises that every span may be read at every tap.
    unsafe {
        if SPLIT {
            V::load2(p.add(at[0]), p.add(at[1]))
        } else {
            V::load(p.add(at[0]))
        }
    }
}

/// `M` rows × `N` spans, held in registers over the whole sum.
#[inline(always)]
unsafe fn product_tile<V: Vector, const M: usize, const N: usize, const SPLIT: bool>(
    job: &Product<'_>,
    block: usize,
    spans: &[Span],
) {
    // SAFETY: the caller of `product` promises every pointer; `spans` has `N` elements.
    unsafe {
        let mut acc = [[V::zero(); N]; M];
        let first = block * M;
        let rows = M.min(job.rows - first);
        // The sums are only ever indexed by constants, once the short loops here are unrolled:
        // otherwise they would live in memory.
        if !job.bias.is_null() {
            for m in 0..M {
                let bias = V::splat(job.bias.add(first + m));
                for n in 0..N {
                    acc[m][n] = bias;
                }
            }
        }
        let mut at = [[0; 2]; N];
        for n in 0..N {
            at[n] = spans[n].src;
        }
        let mut w = job.weights.add(block * job.planes * job.taps.len() * M);
        let mut plane = job.x;
        for _ in 0..job.planes {
            for &tap in job.taps {
                let p = plane.add(tap);
                let mut x = [V::zero(); N];
                for n in 0..N {
                    x[n] = load::<V, SPLIT>(p, at[n]);
                }
                for m in 0..M {
                    let w = V::splat(w.add(m));
                    for n in 0..N {
                        acc[m][n] = acc[m][n].fma(w, x[n]);
                    }
                }
                w = w.add(M);
            }
            plane = plane.add(job.plane_stride);
        }
        let whole = spans.iter().all(|span| span.len[0] == V::LANES);
        if !SPLIT && whole && rows == M {
            let mut out = job.out.add(first * job.out_stride);
            for m in 0..M {
                for n in 0..N {
                    acc[m][n].store(out.add(spans[n].dst[0]));
                }
                out = out.add(job.out_stride);
            }
            return;
        }
        // Rows beyond the last one were computed from zero weights; they are not written.
        let mut lanes = [[[0f32; 16]; N]; M];
        for m in 0..M {
            for n in 0..N {
                acc[m][n].store(lanes[m][n].as_mut_ptr());
            }
        }
        for (row, lanes) in lanes.iter().enumerate().take(rows) {
            let out = job.out.add((first + row) * job.out_stride);
            for (span, lanes) in spans.iter().zip(lanes) {
                let (low, high) = (span.len[0], span.len[1]);
                let from = lanes.as_ptr();
                from.copy_to_nonoverlapping(out.add(span.dst[0]), low);
                let from = from.add(V::LANES / 2);
                from.copy_to_nonoverlapping(out.add(span.dst[1]), high);
            }
        }
    }
}

#[inline(always)]
unsafe fn product_all<V: Vector, const M: usize, const N: usize, const SPLIT: bool>(
    job: &Product<'_>,
) {
    // The spans are dealt out evenly, so that no tile is left with a single one.
    let tiles = job.spans.len().div_ceil(N);
    let (blocks, first) = (job.blocks.len(), job.blocks.start);
    for step in 0..tiles * blocks {
        let (tile, block) = if job.block_by_block {
            (step % tiles, step / tiles)
        } else {
            (step / blocks, step % blocks)
        };
        let from = job.spans.len() * tile / tiles;
        let to = job.spans.len() * (tile + 1) / tiles;
        let spans = &job.spans[from..to];
        // SAFETY: as promised by the caller; `N` is 3 or less.
        unsafe {
            match spans.len() {
                3 => product_tile::<V, M, 3, SPLIT>(job, first + block, spans),
                2 => product_tile::<V, M, 2, SPLIT>(job, first + block, spans),
                _ => product_tile::<V, M, 1, SPLIT>(job, first + block, spans),
            }
        }
    }
}

/// Rows of a tile of [`correlate`].
const ROWS: usize = 4;

/// Four rows × `K` columns of sums of whole vectors, added up across lanes at the end.
#[inline(always)]
unsafe fn correlate_tile<V: Vector, const K: usize, const SPLIT: bool>(
    job: &Correlation<'_>,
    row: usize,
    column: usize,
) {
    // Tiles that stick out repeat the last row or column and drop the result.
    let rows = ROWS.min(job.rows - row);
    let columns = K.min(job.columns.len() - column);
    // SAFETY: the caller of `correlate` promises every pointer.
    unsafe {
        let mut acc = [[V::zero(); K]; ROWS];
        let mut x = [job.x; K];
        for (k, x) in x.iter_mut().enumerate() {
            *x = x.add(job.columns[column + k.min(columns - 1)]);
        }
        let mut y = [job.y; ROWS];
        for (m, y) in y.iter_mut().enumerate() {
            *y = y.add((row + m.min(rows - 1)) * job.y_stride);
        }
        for span in job.spans {
            let mut window = [V::zero(); K];
            for k in 0..K {
                window[k] = load::<V, SPLIT>(x[k], span.src);
            }
            for m in 0..ROWS {
                let y = load::<V, SPLIT>(y[m], span.dst);
                for k in 0..K {
                    acc[m][k] = acc[m][k].fma(y, window[k]);
                }
            }
        }
        // As above: `k` is a constant once unrolled.
        for k in 0..K {
            let sums = V::sum4([acc[0][k], acc[1][k], acc[2][k], acc[3][k]]);
            if k < columns {
                for (m, sum) in sums.iter().enumerate().take(rows) {
                    let out = job.out.add((row + m) * job.out_stride + column + k);
                    *out = if job.add { *out + sum } else { *sum };
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn correlate_all<V: Vector, const K: usize, const SPLIT: bool>(job: &Correlation<'_>) {
    for column in (0..job.columns.len()).step_by(K) {
        for row in (0..job.rows).step_by(ROWS) {
            // SAFETY: as promised by the caller.
            unsafe { correlate_tile::<V, K, SPLIT>(job, row, column) }
        }
    }
}

/// Names the loops for one instruction set, so that they are compiled for it.
macro_rules! compiled_for {
    ($(#[$feature:meta])? $product:ident, $correlate:ident, $vector:ty,
     $rows:literal x $spans:literal, $k:literal) => {
        $(#[$feature])?
        unsafe fn $product(job: &Product<'_>) {
            // SAFETY: the caller checked the processor and promises the pointers.
            unsafe {
                if job.split {
                    product_all::<$vector, $rows, $spans, true>(job);
                } else {
                    product_all::<$vector, $rows, $spans, false>(job);
                }
            }
        }

        $(#[$feature])?
        unsafe fn $correlate(job: &Correlation<'_>) {
            // SAFETY: the caller checked the processor and promises the pointers.
            unsafe {
                if job.split {
                    correlate_all::<$vector, $k, true>(job);
                } else {
                    correlate_all::<$vector, $k, false>(job);
                }
            }
        }
    };
}

// 24 sums + 3 spans, or 20 sums + 5 windows + 4 gradients, of 32 registers.
#[cfg(target_arch = "x86_64")]
compiled_for!(#[target_feature(enable = "avx512f")] product_avx512, correlate_avx512, Avx512, 8 x 3, 5);
// 12 sums + 2 spans + 1 weight, or 12 sums + 3 windows + 1 gradient, of 16 registers.
#[cfg(target_arch = "x86_64")]
compiled_for!(#[target_feature(enable = "avx2,fma")] product_avx2, correlate_avx2, Avx2, 6 x 2, 3);
// As with AVX-512: 32 registers.
#[cfg(target_arch = "aarch64")]
compiled_for!(#[target_feature(enable = "neon")] product_neon, correlate_neon, Neon, 8 x 3, 5);
// 8 sums, of 16 registers on x86-64.
compiled_for!(product_portable, correlate_portable, Portable, 4 x 2, 2);

impl Path {
    /// Numbers in a vector.
    pub const fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 8,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => 4,
            Self::Portable => 4,
        }
    }

    /// Rows of a block of packed weights.
    pub const fn rows(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 6,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => 8,
            Self::Portable => 4,
        }
    }
}

/// Runs `job`.
///
/// # Safety
/// `path` is one of [`Path::available`]. `x` can be read at every plane, tap and span, a whole
/// vector each; `weights` and `bias` have the length said there; `out` can be written at the kept
/// pixels of every row, by this call alone.
pub unsafe fn product(path: Path, job: &Product<'_>) {
    // SAFETY: as promised by the caller.
    unsafe {
        match path {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => product_avx512(job),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => product_avx2(job),
            #[cfg(target_arch = "aarch64")]
            Path::Neon => product_neon(job),
            Path::Portable => product_portable(job),
        }
    }
}

/// Runs `job`.
///
/// # Safety
/// As for [`product`]; `y` can be read at every row and span, a whole vector each.
pub unsafe fn correlate(path: Path, job: &Correlation<'_>) {
    // SAFETY: as promised by the caller.
    unsafe {
        match path {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => correlate_avx512(job),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => correlate_avx2(job),
            #[cfg(target_arch = "aarch64")]
            Path::Neon => correlate_neon(job),
            Path::Portable => correlate_portable(job),
        }
    }
}
