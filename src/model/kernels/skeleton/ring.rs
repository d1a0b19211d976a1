//! A few rows of a map that is swept from top to bottom.
#![expect(
    unsafe_code,
    reason = "a row is written while others of the same map are read, a vector at a time"
)]

use std::marker::PhantomData;

use super::super::simd::Vector;

/// Numbers to a cache line; no vector has more.
const LINE: usize = 16;

/// The rows of a map that are in use. A new row takes the place of one that is not needed any more.
pub struct Ring<'a> {
    rows: *mut f32,
    /// Numbers from a row to the next.
    pitch: usize,
    /// One less than the number of rows, a power of two.
    mask: usize,
    width: usize,
    scratch: PhantomData<&'a mut [f32]>,
}

/// Numbers of scratch for a ring of rows that are read when they are up to `age` rows behind the newest.
pub fn room(age: usize, width: usize) -> usize {
    depth(age) * pitch(width)
}

fn depth(age: usize) -> usize {
    (age + 1).next_power_of_two()
}

/// A row in whole lines, with one more to both sides. An odd number of them, so that rows are spread
/// over all of the cache whatever the width.
fn pitch(width: usize) -> usize {
    ((width.div_ceil(LINE) + 2) | 1) * LINE
}

impl<'a> Ring<'a> {
    /// Takes its [`room`] of `scratch`.
    pub fn take(scratch: &mut &'a mut [f32], age: usize, width: usize) -> Self {
        let (rows, rest) = std::mem::take(scratch).split_at_mut(room(age, width));
        *scratch = rest;
        Self {
            rows: rows.as_mut_ptr(),
            pitch: pitch(width),
            mask: depth(age) - 1,
            width,
            scratch: PhantomData,
        }
    }

    /// Row `y`; −1 and that below the last are rows too.
    #[inline(always)]
    pub fn row(&self, y: isize) -> Row<'a> {
        let start = (y as usize & self.mask) * self.pitch + LINE;
        Row {
            // SAFETY: within the ring's part of the scratch.
            first: unsafe { self.rows.add(start) },
            width: self.width,
            ring: PhantomData,
        }
    }

    /// The rows above `y`, `y` itself, and below.
    #[inline(always)]
    pub fn three(&self, y: isize) -> [Row<'a>; 3] {
        [self.row(y - 1), self.row(y), self.row(y + 1)]
    }
}

/// A row of a ring. Around its pixels there is a line more to the left, and to the right the rest of the
/// last line and one more.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    first: *mut f32,
    width: usize,
    ring: PhantomData<&'a mut [f32]>,
}

// SAFETY, for every block below: what is read or written is at most one number to the left of the first
// pixel and a line beyond the last, as the callers promise or as stands there, which is within the row's
// part of the scratch; a row has a pixel at least; and a sweep is one thread's.
impl<'a> Row<'a> {
    /// Where each vector of pixels starts.
    #[inline(always)]
    pub fn vectors<V: Vector>(self) -> impl Iterator<Item = usize> {
        (0..self.width).step_by(V::LANES)
    }

    /// The pixels from `x` on.
    ///
    /// # Safety
    /// Here and below: the processor has the instructions of `V`, and `x` is one of [`Row::vectors`].
    #[inline(always)]
    pub unsafe fn at<V: Vector>(self, x: usize) -> V {
        // SAFETY: as above.
        unsafe { V::load(self.first.add(x)) }
    }

    /// Those to the left of them.
    ///
    /// # Safety
    /// See [`Row::at`].
    #[inline(always)]
    pub unsafe fn left<V: Vector>(self, x: usize) -> V {
        // SAFETY: as above.
        unsafe { V::load(self.first.add(x).sub(1)) }
    }

    /// Those to the right of them.
    ///
    /// # Safety
    /// See [`Row::at`].
    #[inline(always)]
    pub unsafe fn right<V: Vector>(self, x: usize) -> V {
        // SAFETY: as above.
        unsafe { V::load(self.first.add(x + 1)) }
    }

    /// Writes the pixels from `x` on.
    ///
    /// # Safety
    /// See [`Row::at`].
    #[inline(always)]
    pub unsafe fn put<V: Vector>(self, x: usize, pixels: V) {
        // SAFETY: as above.
        unsafe { pixels.store(self.first.add(x)) }
    }

    /// Its pixels.
    ///
    /// # Safety
    /// Nothing else looks at this row for so long.
    #[inline(always)]
    pub unsafe fn pixels(self) -> &'a mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.first, self.width) }
    }

    /// Its pixels and the numbers beside them become `value`.
    #[inline(always)]
    pub fn fill(self, value: f32) {
        for x in 0..self.width + 2 {
            // SAFETY: as above.
            unsafe { *self.first.add(x).sub(1) = value };
        }
    }

    /// Its first and last pixel also stand beside them: the least and the largest of neighbours are what
    /// they are without these.
    #[inline(always)]
    pub fn close(self) {
        // SAFETY: as above.
        unsafe {
            *self.first.sub(1) = *self.first;
            *self.first.add(self.width) = *self.first.add(self.width - 1);
        }
    }

    /// Beside its last pixel there is 0.
    #[inline(always)]
    pub fn end(self) {
        // SAFETY: as above.
        unsafe { *self.first.add(self.width) = 0.0 };
    }

    /// Adds the first pixel to that of `to`.
    #[inline(always)]
    pub fn give_first(self, to: Self) {
        // SAFETY: as above.
        unsafe { *to.first += *self.first };
    }
}
