//! One vector of `f32` per instruction set, behind one trait. Knows nothing of convolutions.
//!
//! Functions of the AVX types are only sound where the processor has the instructions: they are
//! called from functions with the matching `target_feature` alone, see `tile`.
#![expect(
    unsafe_code,
    reason = "vector instructions and the raw pointers they load from"
)]

use super::Path;

/// A register full of `f32`.
pub trait Vector: Copy {
    /// Numbers in a register.
    const LANES: usize;

    /// All zero.
    ///
    /// # Safety
    /// Here and below: the processor has the instructions of this type.
    unsafe fn zero() -> Self;

    /// The number at `p` in every lane.
    ///
    /// # Safety
    /// `p` can be read.
    unsafe fn splat(p: *const f32) -> Self;

    /// # Safety
    /// `LANES` numbers can be read from `p` (no alignment needed).
    unsafe fn load(p: *const f32) -> Self;

    /// The lower half of the lanes from `low`, the upper half from `high`.
    ///
    /// # Safety
    /// `LANES / 2` numbers can be read from each.
    unsafe fn load2(low: *const f32, high: *const f32) -> Self;

    /// # Safety
    /// `LANES` numbers can be written to `p`.
    unsafe fn store(self, p: *mut f32);

    /// `self + a · b`.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn fma(self, a: Self, b: Self) -> Self;

    /// Sum of the lanes of each.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn sum4(of: [Self; 4]) -> [f32; 4];
}

/// Four numbers in plain Rust: what the compiler makes of it on any processor (NEON on Arm).
#[derive(Clone, Copy)]
pub struct Portable([f32; 4]);

/// Where the hardware always has a fused multiply-add, it is one instruction; elsewhere
/// `mul_add` would be a call.
#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(target_arch = "aarch64") {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}

impl Vector for Portable {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0.0; 4])
    }

    #[inline(always)]
    unsafe fn splat(p: *const f32) -> Self {
        // SAFETY: the caller promises that `p` can be read.
        Self([unsafe { *p }; 4])
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the caller promises four numbers; arrays of f32 are aligned as f32 is.
        Self(unsafe { *p.cast::<[f32; 4]>() })
    }

    #[inline(always)]
    unsafe fn load2(low: *const f32, high: *const f32) -> Self {
        // SAFETY: the caller promises two numbers at each.
        let (low, high) = unsafe { (*low.cast::<[f32; 2]>(), *high.cast::<[f32; 2]>()) };
        Self([low[0], low[1], high[0], high[1]])
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller promises room for four numbers.
        unsafe { *p.cast::<[f32; 4]>() = self.0 };
    }

    #[inline(always)]
    unsafe fn fma(self, a: Self, b: Self) -> Self {
        let (c, a, b) = (self.0, a.0, b.0);
        Self([
            multiply_add(a[0], b[0], c[0]),
            multiply_add(a[1], b[1], c[1]),
            multiply_add(a[2], b[2], c[2]),
            multiply_add(a[3], b[3], c[3]),
        ])
    }

    #[inline(always)]
    unsafe fn sum4(of: [Self; 4]) -> [f32; 4] {
        of.map(|v| (v.0[0] + v.0[1]) + (v.0[2] + v.0[3]))
    }
}

/// Calls `work`, compiled for `path` as far as it can be inlined: for loops in plain Rust that the
/// compiler turns into vector instructions by itself.
///
/// A closure of some length is only inlined where it says `#[inline(always)]`, and so does what it
/// calls; otherwise it is compiled for the least of processors.
#[inline(always)]
pub fn compiled<R>(path: Path, work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    fn avx512<R>(work: impl FnOnce() -> R) -> R {
        work()
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn avx2<R>(work: impl FnOnce() -> R) -> R {
        work()
    }
    match path {
        // SAFETY: a path is only taken where `Path::available` has found its instructions.
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => unsafe { avx512(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => unsafe { avx2(work) },
        Path::Portable => work(),
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Vector;
    use std::arch::x86_64::*;

    /// Eight numbers; needs `avx2` and `fma`.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256);

    // SAFETY, for every block of this implementation: the caller promises the instructions and
    // that the pointers are good for as many numbers as the trait says; all loads and stores are
    // the unaligned kind.
    impl Vector for Avx2 {
        const LANES: usize = 8;

        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_setzero_ps() })
        }

        #[inline(always)]
        unsafe fn splat(p: *const f32) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_set1_ps(*p) })
        }

        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_loadu_ps(p) })
        }

        #[inline(always)]
        unsafe fn load2(low: *const f32, high: *const f32) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_set_m128(_mm_loadu_ps(high), _mm_loadu_ps(low)) })
        }

        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            // SAFETY: as above.
            unsafe { _mm256_storeu_ps(p, self.0) }
        }

        #[inline(always)]
        unsafe fn fma(self, a: Self, b: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
        }

        #[inline(always)]
        unsafe fn sum4(of: [Self; 4]) -> [f32; 4] {
            let mut sums = [0.0; 4];
            // SAFETY: as above; `sums` has room for the four numbers.
            unsafe {
                // Each 128-bit half: [a, b, c, d] of that half.
                let ab = _mm256_hadd_ps(of[0].0, of[1].0);
                let cd = _mm256_hadd_ps(of[2].0, of[3].0);
                let abcd = _mm256_hadd_ps(ab, cd);
                let low = _mm256_castps256_ps128(abcd);
                let high = _mm256_extractf128_ps::<1>(abcd);
                _mm_storeu_ps(sums.as_mut_ptr(), _mm_add_ps(low, high));
            }
            sums
        }
    }

    /// Sixteen numbers; needs `avx512f`.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);

    // SAFETY, for every block of this implementation: as for `Avx2`.
    impl Vector for Avx512 {
        const LANES: usize = 16;

        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_setzero_ps() })
        }

        #[inline(always)]
        unsafe fn splat(p: *const f32) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_set1_ps(*p) })
        }

        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_loadu_ps(p) })
        }

        #[inline(always)]
        unsafe fn load2(low: *const f32, high: *const f32) -> Self {
            // SAFETY: as above. The casts only rename the register.
            Self(unsafe {
                let low = _mm512_castps256_ps512(_mm256_loadu_ps(low));
                let high = _mm256_castps_pd(_mm256_loadu_ps(high));
                let both = _mm512_insertf64x4::<1>(_mm512_castps_pd(low), high);
                _mm512_castpd_ps(both)
            })
        }

        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            // SAFETY: as above.
            unsafe { _mm512_storeu_ps(p, self.0) }
        }

        #[inline(always)]
        unsafe fn fma(self, a: Self, b: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
        }

        #[inline(always)]
        unsafe fn sum4(of: [Self; 4]) -> [f32; 4] {
            let mut sums = [0.0; 4];
            // SAFETY: as above; `sums` has room for the four numbers.
            unsafe {
                let [a, b, c, d] = [of[0].0, of[1].0, of[2].0, of[3].0];
                let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
                let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
                let (ab, cd) = (_mm512_castps_pd(ab), _mm512_castps_pd(cd));
                let low = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
                let high = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
                // Each 128-bit quarter: [a, b, c, d] of that quarter.
                let abcd = _mm512_add_ps(low, high);
                let swapped = _mm512_shuffle_f32x4::<0b01_00_11_10>(abcd, abcd);
                let halves = _mm512_add_ps(abcd, swapped);
                let swapped = _mm512_shuffle_f32x4::<0b10_11_00_01>(halves, halves);
                let sum = _mm512_castps512_ps128(_mm512_add_ps(halves, swapped));
                _mm_storeu_ps(sums.as_mut_ptr(), sum);
            }
            sums
        }
    }
}
