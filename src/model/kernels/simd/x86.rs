//! AVX2 and AVX-512.
#![expect(
    clippy::needless_range_loop,
    reason = "rows in registers: constant bounds that the compiler unrolls"
)]
#![expect(unsafe_code, reason = "vector instructions")]

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
    const ROWS: usize = 6;

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

    #[inline(always)]
    unsafe fn fill(value: f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn times(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn at_least(self, floor: Self) -> Self {
        // SAFETY: as above. Where one is NaN, this instruction gives its second operand.
        Self(unsafe { _mm256_max_ps(floor.0, self.0) })
    }

    #[inline(always)]
    unsafe fn least(self, other: Self) -> Self {
        // SAFETY: as above. Where one is NaN, this instruction gives its second operand.
        Self(unsafe { _mm256_min_ps(other.0, self.0) })
    }

    #[inline(always)]
    unsafe fn where_less(a: Self, b: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_blendv_ps(no.0, yes.0, _mm256_cmp_ps::<_CMP_LT_OQ>(a.0, b.0)) })
    }

    #[inline(always)]
    unsafe fn passed_by(self, of: Self) -> Self {
        // SAFETY: as above. "Not less or equal" holds for NaN.
        Self(unsafe {
            let passed = _mm256_cmp_ps::<_CMP_NLE_UQ>(of.0, _mm256_setzero_ps());
            _mm256_and_ps(self.0, passed)
        })
    }

    #[inline(always)]
    unsafe fn where_larger(a: Self, b: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let larger = _mm256_cmp_ps::<_CMP_GT_OQ>(a.0, b.0);
            let nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(a.0, a.0);
            _mm256_blendv_ps(no.0, yes.0, _mm256_or_ps(larger, nan))
        })
    }

    #[inline(always)]
    unsafe fn unzip(low: Self, high: Self) -> [Self; 2] {
        // SAFETY: as above.
        unsafe {
            // Pairs of lanes in the order 0, 2, 1, 3 after the shuffle.
            let pick = |mixed| {
                let pairs = _mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(mixed));
                Self(_mm256_castpd_ps(pairs))
            };
            [
                pick(_mm256_shuffle_ps::<0b10_00_10_00>(low.0, high.0)),
                pick(_mm256_shuffle_ps::<0b11_01_11_01>(low.0, high.0)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: impl Fn(usize) -> *const f32, to: impl Fn(usize) -> *mut f32) {
        // SAFETY: as above.
        unsafe {
            // Pairs of rows, then fours, then the two halves.
            let mut rows = [_mm256_setzero_ps(); 8];
            for row in 0..8 {
                rows[row] = _mm256_loadu_ps(from(row));
            }
            let mut pairs = rows;
            for pair in 0..4 {
                let (a, b) = (rows[2 * pair], rows[2 * pair + 1]);
                pairs[2 * pair] = _mm256_unpacklo_ps(a, b);
                pairs[2 * pair + 1] = _mm256_unpackhi_ps(a, b);
            }
            let mut fours = pairs;
            for four in 0..2 {
                for half in 0..2 {
                    let a = _mm256_castps_pd(pairs[4 * four + half]);
                    let b = _mm256_castps_pd(pairs[4 * four + 2 + half]);
                    let low = _mm256_unpacklo_pd(a, b);
                    let high = _mm256_unpackhi_pd(a, b);
                    fours[4 * four + 2 * half] = _mm256_castpd_ps(low);
                    fours[4 * four + 2 * half + 1] = _mm256_castpd_ps(high);
                }
            }
            for column in 0..4 {
                let (a, b) = (fours[column], fours[column + 4]);
                _mm256_storeu_ps(to(column), _mm256_permute2f128_ps::<0x20>(a, b));
                _mm256_storeu_ps(to(column + 4), _mm256_permute2f128_ps::<0x31>(a, b));
            }
        }
    }
}

/// Sixteen numbers; needs `avx512f`.
#[derive(Clone, Copy)]
pub struct Avx512(__m512);

// SAFETY, for every block of this implementation: as for `Avx2`.
impl Vector for Avx512 {
    const LANES: usize = 16;
    const ROWS: usize = 12;

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

    #[inline(always)]
    unsafe fn fill(value: f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn times(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn at_least(self, floor: Self) -> Self {
        // SAFETY: as above. Where one is NaN, this instruction gives its second operand.
        Self(unsafe { _mm512_max_ps(floor.0, self.0) })
    }

    #[inline(always)]
    unsafe fn least(self, other: Self) -> Self {
        // SAFETY: as above. Where one is NaN, this instruction gives its second operand.
        Self(unsafe { _mm512_min_ps(other.0, self.0) })
    }

    #[inline(always)]
    unsafe fn where_less(a: Self, b: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let less = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a.0, b.0);
            _mm512_mask_blend_ps(less, no.0, yes.0)
        })
    }

    #[inline(always)]
    unsafe fn passed_by(self, of: Self) -> Self {
        // SAFETY: as above. "Not less or equal" holds for NaN.
        Self(unsafe {
            let passed = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(of.0, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(passed, self.0)
        })
    }

    #[inline(always)]
    unsafe fn where_larger(a: Self, b: Self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let larger = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a.0, b.0);
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a.0, a.0);
            _mm512_mask_blend_ps(larger | nan, no.0, yes.0)
        })
    }

    #[inline(always)]
    unsafe fn unzip(low: Self, high: Self) -> [Self; 2] {
        // SAFETY: as above.
        unsafe {
            let even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
            let odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
            [
                Self(_mm512_permutex2var_ps(low.0, even, high.0)),
                Self(_mm512_permutex2var_ps(low.0, odd, high.0)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: impl Fn(usize) -> *const f32, to: impl Fn(usize) -> *mut f32) {
        // SAFETY: as above.
        unsafe {
            // Pairs of rows, then fours, then eights, then all sixteen.
            let mut rows = [_mm512_setzero_ps(); 16];
            for row in 0..16 {
                rows[row] = _mm512_loadu_ps(from(row));
            }
            let mut pairs = rows;
            for pair in 0..8 {
                let (a, b) = (rows[2 * pair], rows[2 * pair + 1]);
                pairs[2 * pair] = _mm512_unpacklo_ps(a, b);
                pairs[2 * pair + 1] = _mm512_unpackhi_ps(a, b);
            }
            // `fours[4 f + j]`: of the rows 4 f …, columns j, j + 4, j + 8 and j + 12.
            let mut fours = pairs;
            for four in 0..4 {
                for half in 0..2 {
                    let a = _mm512_castps_pd(pairs[4 * four + half]);
                    let b = _mm512_castps_pd(pairs[4 * four + 2 + half]);
                    let low = _mm512_unpacklo_pd(a, b);
                    let high = _mm512_unpackhi_pd(a, b);
                    fours[4 * four + 2 * half] = _mm512_castpd_ps(low);
                    fours[4 * four + 2 * half + 1] = _mm512_castpd_ps(high);
                }
            }
            for column in 0..4 {
                let [a, b] = [fours[column], fours[column + 4]];
                let [c, d] = [fours[column + 8], fours[column + 12]];
                // Quarters 0 and 2, and 1 and 3, of each two.
                let ab = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
                let ab_odd = _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b);
                let cd = _mm512_shuffle_f32x4::<0b10_00_10_00>(c, d);
                let cd_odd = _mm512_shuffle_f32x4::<0b11_01_11_01>(c, d);
                let first = _mm512_shuffle_f32x4::<0b10_00_10_00>(ab, cd);
                let third = _mm512_shuffle_f32x4::<0b11_01_11_01>(ab, cd);
                let second = _mm512_shuffle_f32x4::<0b10_00_10_00>(ab_odd, cd_odd);
                let fourth = _mm512_shuffle_f32x4::<0b11_01_11_01>(ab_odd, cd_odd);
                _mm512_storeu_ps(to(column), first);
                _mm512_storeu_ps(to(column + 4), second);
                _mm512_storeu_ps(to(column + 8), third);
                _mm512_storeu_ps(to(column + 12), fourth);
            }
        }
    }
}
