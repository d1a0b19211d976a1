//! The one-dimensional transforms of Winograd's convolution, for tiles of four outputs and a kernel
//! of three, and for the gradient of that kernel: sums of products of polynomials, taken at six
//! points where they are plain products.
//!
//! ```text
//! four outputs y of six inputs d and a kernel g:    y = Aᵀ[(G g) ∘ (Bᵀ d)]
//! gradient w of the kernel, from four of the output: w = A'ᵀ[(G' y) ∘ (Bᵀ d)]
//! ```
//!
//! The points are 0, ±5/8, ±3/2 and ∞ (as in Intel's oneDNN): with the usual 0, ±1, ±2 and ∞ the
//! error is four times as large. All six numbers of `Bᵀ` are exact in single precision.

#![expect(unsafe_code, reason = "vector instructions")]

use super::super::simd::Vector;

/// Points of one dimension.
pub const POINTS: usize = 6;
/// Points of both dimensions.
pub const SQUARE: usize = POINTS * POINTS;
/// Outputs of a tile in one dimension.
pub const OUT: usize = 4;

const A: f32 = 0.625;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;
const A3: f32 = A * A2;
const B3: f32 = B * B2;
/// `1 / Π (pᵢ − pⱼ)` over the other finite points: of 0, of ±A, of ±B.
const AT_ZERO: f32 = 1.0 / (A2 * B2);
const AT_A: f32 = 1.0 / (2.0 * A2 * (A2 - B2));
const AT_B: f32 = 1.0 / (2.0 * B2 * (B2 - A2));

/// `Bᵀ d`.
///
/// # Safety
/// Here and below: the processor has the instructions of `V`.
#[inline(always)]
pub unsafe fn input<V: Vector>(d: [V; 6]) -> [V; 6] {
    // SAFETY: as promised.
    unsafe {
        let ends = [V::fill(A2 * B2), V::fill(-A2 - B2)];
        let pair = |square: f32, point: f32| {
            let square = V::fill(-square);
            let even = d[4].fma(square, d[2]);
            let odd = d[3].fma(square, d[1]).times(V::fill(point));
            [even.plus(odd), even.minus(odd)]
        };
        let [a, minus_a] = pair(B2, A);
        let [b, minus_b] = pair(A2, B);
        let zero = d[4].fma(ends[1], d[2]).fma(ends[0], d[0]);
        let infinity = d[5].fma(ends[1], d[3]).fma(ends[0], d[1]);
        [zero, a, minus_a, b, minus_b, infinity]
    }
}

/// `Aᵀ m`.
///
/// # Safety
/// See [`input`].
#[inline(always)]
pub unsafe fn output<V: Vector>(m: [V; 6]) -> [V; 4] {
    // SAFETY: as promised.
    unsafe {
        let [a, b] = [m[1].plus(m[2]), m[3].plus(m[4])];
        let [da, db] = [m[1].minus(m[2]), m[3].minus(m[4])];
        [
            m[0].plus(a).plus(b),
            da.times(V::fill(A)).fma(V::fill(B), db),
            a.times(V::fill(A2)).fma(V::fill(B2), b),
            m[5].fma(V::fill(A3), da).fma(V::fill(B3), db),
        ]
    }
}

/// `G g`.
///
/// # Safety
/// See [`input`].
#[inline(always)]
pub unsafe fn kernel<V: Vector>(g: [V; 3]) -> [V; 6] {
    // SAFETY: as promised.
    unsafe {
        let pair = |share: f32, point: f32| {
            let even = g[0]
                .times(V::fill(share))
                .fma(V::fill(share * point * point), g[2]);
            let odd = g[1].times(V::fill(share * point));
            [even.plus(odd), even.minus(odd)]
        };
        let [a, minus_a] = pair(AT_A, A);
        let [b, minus_b] = pair(AT_B, B);
        [g[0].times(V::fill(AT_ZERO)), a, minus_a, b, minus_b, g[2]]
    }
}

/// `G' y`.
///
/// # Safety
/// See [`input`].
#[inline(always)]
pub unsafe fn gradient<V: Vector>(y: [V; 4]) -> [V; 6] {
    // SAFETY: as promised.
    unsafe {
        let pair = |share: f32, point: f32, square: f32| {
            let even = y[0]
                .times(V::fill(share))
                .fma(V::fill(share * square), y[2]);
            let odd = y[1]
                .times(V::fill(share * point))
                .fma(V::fill(share * point * square), y[3]);
            [even.plus(odd), even.minus(odd)]
        };
        let [a, minus_a] = pair(AT_A, A, A2);
        let [b, minus_b] = pair(AT_B, B, B2);
        [y[0].times(V::fill(AT_ZERO)), a, minus_a, b, minus_b, y[3]]
    }
}

/// `A'ᵀ m`.
///
/// # Safety
/// See [`input`].
#[inline(always)]
pub unsafe fn weights<V: Vector>(m: [V; 6]) -> [V; 3] {
    // SAFETY: as promised.
    unsafe {
        let [a, b] = [m[1].plus(m[2]), m[3].plus(m[4])];
        let [da, db] = [m[1].minus(m[2]), m[3].minus(m[4])];
        [
            m[0].plus(a).plus(b),
            da.times(V::fill(A)).fma(V::fill(B), db),
            m[5].fma(V::fill(A2), a).fma(V::fill(B2), b),
        ]
    }
}
