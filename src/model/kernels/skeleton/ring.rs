//! A few rows of a map that is swept from top to bottom.

/// The rows of a map that are in use, each with one number more to both sides. A new row takes the
/// place of one that is not needed any more.
pub struct Ring<'a> {
    rows: &'a mut [f32],
    pitch: usize,
    /// One less than the number of rows, a power of two.
    mask: usize,
}

/// Rows that a ring has, for those that are read when they are up to `age` rows behind the newest.
pub fn depth(age: usize) -> usize {
    (age + 1).next_power_of_two()
}

impl<'a> Ring<'a> {
    /// Takes its part of `scratch`.
    pub fn take(scratch: &mut &'a mut [f32], age: usize, width: usize) -> Self {
        let (pitch, depth) = (width + 2, depth(age));
        let (rows, rest) = std::mem::take(scratch).split_at_mut(depth * pitch);
        *scratch = rest;
        Self {
            rows,
            pitch,
            mask: depth - 1,
        }
    }

    #[inline(always)]
    fn start(&self, y: isize) -> usize {
        (y as usize & self.mask) * self.pitch
    }

    /// Row `y` (−1 and that below the last are rows too) with a number to both sides.
    #[inline(always)]
    pub fn wide(&self, y: isize) -> &[f32] {
        &self.rows[self.start(y)..][..self.pitch]
    }

    #[inline(always)]
    pub fn wide_mut(&mut self, y: isize) -> &mut [f32] {
        let start = self.start(y);
        &mut self.rows[start..][..self.pitch]
    }

    /// Row `y`.
    #[inline(always)]
    pub fn row(&self, y: isize) -> &[f32] {
        &self.wide(y)[1..self.pitch - 1]
    }

    #[inline(always)]
    pub fn row_mut(&mut self, y: isize) -> &mut [f32] {
        let pitch = self.pitch;
        &mut self.wide_mut(y)[1..pitch - 1]
    }

    /// The rows above `y`, `y` itself, and below.
    #[inline(always)]
    pub fn three(&self, y: isize) -> [&[f32]; 3] {
        [self.row(y - 1), self.row(y), self.row(y + 1)]
    }

    /// As [`Ring::three`], to be written to.
    ///
    /// # Panics
    /// When the ring has fewer rows.
    #[inline(always)]
    pub fn three_mut(&mut self, y: isize) -> [&mut [f32]; 3] {
        let of = |y| self.start(y) + 1..self.start(y) + self.pitch - 1;
        let places = [of(y - 1), of(y), of(y + 1)];
        match self.rows.get_disjoint_mut(places) {
            Ok(rows) => rows,
            Err(error) => panic!("a ring of less than three rows: {error}"),
        }
    }
}
