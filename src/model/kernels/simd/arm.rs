//! NEON.
#![expect(unsafe_code, reason = "vector instructions")]

use super::Vector;
use std::arch::aarch64::*;

/// Four numbers; needs `neon`.
#[derive(Clone, Copy)]
pub struct Neon(float32x4_t);

// SAFETY, for every block of this implementation: the caller promises the instructions and
// that the pointers are good for as many numbers as the trait says; loads and stores need no
// more than the alignment of one number.
impl Vector for Neon {
    const LANES: usize = 4;
    const ROWS: usize = 12;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: as above.
        Self(unsafe { vdupq_n_f32(0.0) })
    }

    #[inline(always)]
    unsafe fn splat(p: *const f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { vld1q_dup_f32(p) })
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { vld1q_f32(p) })
    }

    #[inline(always)]
    unsafe fn load2(low: *const f32, high: *const f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { vcombine_f32(vld1_f32(low), vld1_f32(high)) })
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: as above.
        unsafe { vst1q_f32(p, self.0) }
    }

    #[inline(always)]
    unsafe fn fma(self, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { vfmaq_f32(self.0, a.0, b.0) })
    }

    #[inline(always)]
    unsafe fn sum4(of: [Self; 4]) -> [f32; 4] {
        let mut sums = [0.0; 4];
        // SAFETY: as above; `sums` has room for the four numbers.
        unsafe {
            let (ab, cd) = (vpaddq_f32(of[0].0, of[1].0), vpaddq_f32(of[2].0, of[3].0));
            vst1q_f32(sums.as_mut_ptr(), vpaddq_f32(ab, cd));
        }
        sums
    }

    #[inline(always)]
    unsafe fn fill(value: f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { vdupq_n_f32(value) })
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { vaddq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { vsubq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn times(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { vmulq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn at_least(self, floor: Self) -> Self {
        // SAFETY: as above. This instruction gives NaN for NaN.
        Self(unsafe { vmaxq_f32(self.0, floor.0) })
    }

    #[inline(always)]
    unsafe fn least(self, other: Self) -> Self {
        // SAFETY: as above. This instruction gives NaN for NaN.
        Self(unsafe { vminq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn where_less(a: Self, b: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { vbslq_f32(vcltq_f32(a.0, b.0), yes.0, no.0) })
    }

    #[inline(always)]
    unsafe fn passed_by(self, of: Self) -> Self {
        // SAFETY: as above. Bits are cleared where the comparison holds.
        Self(unsafe {
            let bits = vreinterpretq_u32_f32(self.0);
            vreinterpretq_f32_u32(vbicq_u32(bits, vcleq_f32(of.0, vdupq_n_f32(0.0))))
        })
    }

    #[inline(always)]
    unsafe fn where_larger(a: Self, b: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above. Only NaN differs from itself.
        Self(unsafe {
            let larger = vorrq_u32(vcgtq_f32(a.0, b.0), vmvnq_u32(vceqq_f32(a.0, a.0)));
            vbslq_f32(larger, yes.0, no.0)
        })
    }

    #[inline(always)]
    unsafe fn unzip(low: Self, high: Self) -> [Self; 2] {
        // SAFETY: as above.
        unsafe {
            [
                Self(vuzp1q_f32(low.0, high.0)),
                Self(vuzp2q_f32(low.0, high.0)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: impl Fn(usize) -> *const f32, to: impl Fn(usize) -> *mut f32) {
        // SAFETY: as above.
        unsafe {
            let [a, b] = [vld1q_f32(from(0)), vld1q_f32(from(1))];
            let [c, d] = [vld1q_f32(from(2)), vld1q_f32(from(3))];
            let [ab_even, ab_odd] = [vtrn1q_f32(a, b), vtrn2q_f32(a, b)];
            let [cd_even, cd_odd] = [vtrn1q_f32(c, d), vtrn2q_f32(c, d)];
            let low = |x, y| vcombine_f32(vget_low_f32(x), vget_low_f32(y));
            let high = |x, y| vcombine_f32(vget_high_f32(x), vget_high_f32(y));
            vst1q_f32(to(0), low(ab_even, cd_even));
            vst1q_f32(to(1), low(ab_odd, cd_odd));
            vst1q_f32(to(2), high(ab_even, cd_even));
            vst1q_f32(to(3), high(ab_odd, cd_odd));
        }
    }
}
