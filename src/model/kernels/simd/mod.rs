//! One vector of `f32` per instruction set, behind one trait. Knows nothing of convolutions.
//!
//! Functions of the AVX types are only sound where the processor has the instructions: they are
//! called from functions with the matching `target_feature` alone, see [`compiled`] and `tile`.
#![expect(
    unsafe_code,
    reason = "vector instructions and the raw pointers they load from"
)]

#[cfg(target_arch = "aarch64")]
mod arm;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::Path;
#[cfg(target_arch = "aarch64")]
pub use arm::Neon;
pub use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

/// A register full of `f32`.
pub trait Vector: Copy {
    /// Numbers in a register.
    const LANES: usize;

    /// Rows that a matrix product keeps in registers, two vectors each, beside what it reads.
    const ROWS: usize;

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

    /// `value` in every lane.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn fill(value: f32) -> Self;

    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn plus(self, other: Self) -> Self;

    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn minus(self, other: Self) -> Self;

    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn times(self, other: Self) -> Self;

    /// The larger of both; `self` where that is NaN.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn at_least(self, floor: Self) -> Self;

    /// The smaller of both; `self` where that is NaN.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn least(self, other: Self) -> Self;

    /// Where `a` is less than `b`: `yes`, elsewhere `no`.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn where_less(a: Self, b: Self, yes: Self, no: Self) -> Self;

    /// Zero where `of` is at most zero, `self` elsewhere, also where `of` is NaN.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn passed_by(self, of: Self) -> Self;

    /// Where `a` is larger than `b` or is NaN: `yes`, elsewhere `no`.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn where_larger(a: Self, b: Self, yes: Self, no: Self) -> Self;

    /// Of the numbers of `low` and then `high`: those at even places, and those at odd ones.
    ///
    /// # Safety
    /// See [`Vector::zero`].
    unsafe fn unzip(low: Self, high: Self) -> [Self; 2];

    /// Turns a square of `LANES` × `LANES` numbers: what is number `j` at `from(i)` becomes number
    /// `i` at `to(j)`.
    ///
    /// # Safety
    /// `LANES` numbers can be read from each `from(i)` and written to each `to(i)`; none is both.
    unsafe fn transpose(from: impl Fn(usize) -> *const f32, to: impl Fn(usize) -> *mut f32);
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
    #[cfg(target_arch = "aarch64")]
    #[target_feature(enable = "neon")]
    fn neon<R>(work: impl FnOnce() -> R) -> R {
        work()
    }
    match path {
        // SAFETY: a path is only taken where `Path::available` has found its instructions; outside
        // of this crate there is no other way to one.
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => unsafe { avx512(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => unsafe { avx2(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Path::Neon => unsafe { neon(work) },
        Path::Portable => work(),
    }
}

/// Runs a block with `$vector` standing for the vector of `$path`, compiled for its instructions as
/// far as it can be inlined.
macro_rules! with_vector {
    ($path:expr, $vector:ident => $work:expr) => {
        match $path {
            #[cfg(target_arch = "x86_64")]
            $crate::Path::Avx512 => $crate::simd::compiled(
                $crate::Path::Avx512,
                #[inline(always)]
                || {
                    type $vector = $crate::simd::Avx512;
                    $work
                },
            ),
            #[cfg(target_arch = "x86_64")]
            $crate::Path::Avx2 => $crate::simd::compiled(
                $crate::Path::Avx2,
                #[inline(always)]
                || {
                    type $vector = $crate::simd::Avx2;
                    $work
                },
            ),
            #[cfg(target_arch = "aarch64")]
            $crate::Path::Neon => $crate::simd::compiled(
                $crate::Path::Neon,
                #[inline(always)]
                || {
                    type $vector = $crate::simd::Neon;
                    $work
                },
            ),
            $crate::Path::Portable => {
                type $vector = $crate::simd::Portable;
                $work
            }
        }
    };
}
pub(crate) use with_vector;
