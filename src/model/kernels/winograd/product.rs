//! Matrix product in register tiles, `c[m][n] = Σ_k a[m][k] · b[k][n]`, with vectors along `n`.
#![expect(
    clippy::needless_range_loop,
    reason = "register tiles: constant bounds that the compiler unrolls, several arrays per index"
)]
#![expect(unsafe_code, reason = "raw pointers into scratch, vector instructions")]

use super::super::simd::Vector;

/// The matrices of a product with one or two vectors along `n`.
#[derive(Debug, Clone, Copy)]
pub struct Matrices {
    pub a: *const f32,
    /// From `m` to the next, and from `k` to the next.
    pub a_steps: [usize; 2],
    pub b: *const f32,
    /// From `k` to the next.
    pub b_step: usize,
    pub c: *mut f32,
    /// From `m` to the next.
    pub c_step: usize,
    pub depth: usize,
    /// Adds to what is in `c`.
    pub add: bool,
}

/// `M` rows × `N` vectors, held in registers over the whole sum.
#[inline(always)]
unsafe fn tile<V: Vector, const M: usize, const N: usize>(of: Matrices) {
    // SAFETY: the caller of `multiply` promises every pointer.
    unsafe {
        let mut sums = [[V::zero(); N]; M];
        if of.add {
            for m in 0..M {
                for n in 0..N {
                    sums[m][n] = V::load(of.c.add(m * of.c_step + n * V::LANES));
                }
            }
        }
        let (mut a, mut b) = (of.a, of.b);
        for _ in 0..of.depth {
            let mut columns = [V::zero(); N];
            for n in 0..N {
                columns[n] = V::load(b.add(n * V::LANES));
            }
            for m in 0..M {
                let row = V::splat(a.add(m * of.a_steps[0]));
                for n in 0..N {
                    sums[m][n] = sums[m][n].fma(row, columns[n]);
                }
            }
            a = a.add(of.a_steps[1]);
            b = b.add(of.b_step);
        }
        for m in 0..M {
            for n in 0..N {
                sums[m][n].store(of.c.add(m * of.c_step + n * V::LANES));
            }
        }
    }
}

/// `rows`, an even number, by `N` vectors.
///
/// # Safety
/// The processor has the instructions of `V`; everything the matrices name can be read, and `c`
/// be written by this call alone.
#[inline(always)]
pub unsafe fn multiply<V: Vector, const N: usize>(rows: usize, of: Matrices) {
    // Rows are dealt out in pairs and evenly, so that no tile is left with few.
    let pairs = rows / 2;
    let tiles = pairs.div_ceil(V::ROWS / 2);
    for index in 0..tiles {
        let from = pairs * index / tiles * 2;
        let to = pairs * (index + 1) / tiles * 2;
        // SAFETY: as promised by the caller.
        unsafe {
            let of = Matrices {
                a: of.a.add(from * of.a_steps[0]),
                c: of.c.add(from * of.c_step),
                ..of
            };
            match to - from {
                12 if V::ROWS >= 12 => tile::<V, 12, N>(of),
                10 if V::ROWS >= 12 => tile::<V, 10, N>(of),
                8 if V::ROWS >= 12 => tile::<V, 8, N>(of),
                6 if V::ROWS >= 6 => tile::<V, 6, N>(of),
                4 => tile::<V, 4, N>(of),
                _ => tile::<V, 2, N>(of),
            }
        }
    }
}
