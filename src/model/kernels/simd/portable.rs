//! Plain Rust.
#![expect(unsafe_code, reason = "the trait it implements")]

use super::Vector;

/// Four numbers in plain Rust: what the compiler makes of it on any processor.
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
    const ROWS: usize = 4;

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

    #[inline(always)]
    unsafe fn fill(value: f32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }

    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] - other.0[lane]))
    }

    #[inline(always)]
    unsafe fn times(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * other.0[lane]))
    }

    #[inline(always)]
    unsafe fn at_least(self, floor: Self) -> Self {
        Self(std::array::from_fn(|lane| {
            let (x, floor) = (self.0[lane], floor.0[lane]);
            if x < floor { floor } else { x }
        }))
    }

    #[inline(always)]
    unsafe fn least(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| {
            let (x, other) = (self.0[lane], other.0[lane]);
            if other < x { other } else { x }
        }))
    }

    #[inline(always)]
    unsafe fn where_less(a: Self, b: Self, yes: Self, no: Self) -> Self {
        Self(std::array::from_fn(|lane| {
            if a.0[lane] < b.0[lane] {
                yes.0[lane]
            } else {
                no.0[lane]
            }
        }))
    }

    #[inline(always)]
    unsafe fn passed_by(self, of: Self) -> Self {
        Self(std::array::from_fn(|lane| {
            if of.0[lane] <= 0.0 { 0.0 } else { self.0[lane] }
        }))
    }

    #[inline(always)]
    unsafe fn where_larger(a: Self, b: Self, yes: Self, no: Self) -> Self {
        Self(std::array::from_fn(|lane| {
            let (a, b) = (a.0[lane], b.0[lane]);
            if a > b || a.is_nan() {
                yes.0[lane]
            } else {
                no.0[lane]
            }
        }))
    }

    #[inline(always)]
    unsafe fn unzip(low: Self, high: Self) -> [Self; 2] {
        let ([a, b, c, d], [e, f, g, h]) = (low.0, high.0);
        [Self([a, c, e, g]), Self([b, d, f, h])]
    }

    #[inline(always)]
    unsafe fn transpose(from: impl Fn(usize) -> *const f32, to: impl Fn(usize) -> *mut f32) {
        // SAFETY: the caller promises four numbers at each.
        unsafe {
            let rows: [[f32; 4]; 4] = std::array::from_fn(|row| *from(row).cast());
            for column in 0..4 {
                *to(column).cast() = rows.map(|row| row[column]);
            }
        }
    }
}
