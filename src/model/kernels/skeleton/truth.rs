//! The soft skeleton of a true mask, which is of zeros and ones alone: erosions and openings of
//! sixty-four pixels at a time, from the labels. Equal to what [`super::sweep`] computes of
//! probabilities.

use std::borrow::Cow;

use rayon::prelude::*;

/// A mask's rows one after the other, a bit to a pixel, in words of 64; bits beyond the width have no
/// meaning.
#[derive(Debug, Clone)]
pub struct Bits {
    words: Vec<u64>,
    width: usize,
}

/// For every image and each class from `first` on: the skeleton of labels `[N, H, W]` after `iterations`
/// erosions.
pub fn of_labels(
    labels: &[u8],
    [first, classes]: [usize; 2],
    [h, w]: [usize; 2],
    iterations: usize,
) -> Vec<Bits> {
    let (plane, kept) = ((h * w).max(1), classes.saturating_sub(first));
    let of_plane = |at: usize| {
        let labels = &labels[at / kept * plane..][..plane];
        Bits::of_class(labels, first + at % kept, w).skeleton(iterations)
    };
    let planes = labels.len() / plane * kept;
    (0..planes).into_par_iter().map(of_plane).collect()
}

/// The bits of each byte as zeros and ones.
static NUMBERS: [[f32; 8]; 256] = {
    let mut numbers = [[0.0; 8]; 256];
    let mut at = 0;
    while at < 256 * 8 {
        numbers[at / 8][at % 8] = (((at / 8) >> (at % 8)) & 1) as f32;
        at += 1;
    }
    numbers
};

/// A bit for each of up to 64 labels: whether it is `class`.
fn equal(labels: &[u8], class: u8) -> u64 {
    /// One in each byte, and all bits of each but the highest.
    const ONES: u64 = u64::MAX / 255;
    const LOW: u64 = ONES * 127;
    /// Moves the highest bits of eight bytes into the highest byte, in their order.
    const GATHER: u64 = 0x0002_0408_1020_4081;
    let (eights, rest) = labels.as_chunks::<8>();
    let mut word = 0;
    for (at, eight) in eights.iter().enumerate() {
        let differs = u64::from_le_bytes(*eight) ^ (ONES * u64::from(class));
        // The highest bit of each byte that is zero.
        let zero = !(((differs & LOW) + LOW) | differs | LOW);
        word |= (zero.wrapping_mul(GATHER) >> 56) << (8 * at);
    }
    for (at, &label) in rest.iter().enumerate() {
        word |= u64::from(label == class) << (8 * eights.len() + at);
    }
    word
}

impl Bits {
    fn of_class(labels: &[u8], class: usize, width: usize) -> Self {
        // More classes than labels can tell have no pixel.
        let word = |pixels: &[u8]| u8::try_from(class).map_or(0, |class| equal(pixels, class));
        let rows = labels.chunks(width.max(1));
        Self {
            words: rows.flat_map(|row| row.chunks(64).map(word)).collect(),
            width,
        }
    }

    /// All pixels as zeros and ones.
    pub fn write(&self, to: &mut [f32]) {
        for (y, row) in to.chunks_mut(self.width.max(1)).enumerate() {
            self.write_row(y, row);
        }
    }

    /// Row `y` as zeros and ones.
    pub fn write_row(&self, y: usize, to: &mut [f32]) {
        for (pixels, word) in to.chunks_mut(64).zip(self.row(y)) {
            for (pixels, byte) in pixels.chunks_mut(8).zip(word.to_le_bytes()) {
                pixels.copy_from_slice(&NUMBERS[usize::from(byte)][..pixels.len()]);
            }
        }
    }

    /// How many of the pixels of row `y` are on.
    pub fn count(&self, y: usize) -> u32 {
        let beyond = self.beyond();
        let count = |(at, word): (usize, &u64)| match at + 1 == self.pitch() {
            true => (word & !beyond).count_ones(),
            false => word.count_ones(),
        };
        self.row(y).iter().enumerate().map(count).sum()
    }

    fn row(&self, y: usize) -> &[u64] {
        &self.words[y * self.pitch()..][..self.pitch()]
    }

    /// Those bits of a row's last word that are no pixels.
    fn beyond(&self) -> u64 {
        match self.width % 64 {
            0 => 0,
            used => u64::MAX << used,
        }
    }

    /// Words of a row.
    fn pitch(&self) -> usize {
        self.width.div_ceil(64).max(1)
    }

    /// With `outside` where rows have no pixels.
    fn closed(&self, outside: u64) -> Cow<'_, [u64]> {
        let beyond = self.beyond();
        if beyond == 0 {
            return Cow::Borrowed(&self.words);
        }
        let mut words = self.words.clone();
        for last in words
            .iter_mut()
            .skip(self.pitch() - 1)
            .step_by(self.pitch())
        {
            *last = (*last & !beyond) | (outside & beyond);
        }
        Cow::Owned(words)
    }

    /// Every pixel's word and those of its neighbours above, below, left and right; outside of the
    /// image all bits are `outside`.
    fn joined(&self, outside: bool, of: impl Fn(u64, [u64; 4]) -> u64) -> Self {
        let fill = if outside { u64::MAX } else { 0 };
        let closed = self.closed(fill);
        let n = self.pitch();
        let none = vec![fill; n];
        let mut words = Vec::with_capacity(closed.len());
        for start in (0..closed.len()).step_by(n) {
            let own = &closed[start..start + n];
            let above = start
                .checked_sub(n)
                .map_or(&none[..], |y| &closed[y..y + n]);
            let below = closed.get(start + n..start + 2 * n).unwrap_or(&none);
            words.extend((0..n).map(|at| {
                let before = at.checked_sub(1).map_or(fill, |at| own[at]);
                let after = own.get(at + 1).copied().unwrap_or(fill);
                let left = own[at] << 1 | before >> 63;
                let right = own[at] >> 1 | after << 63;
                of(own[at], [above[at], below[at], left, right])
            }));
        }
        Self {
            words,
            width: self.width,
        }
    }

    /// A pixel stays where it and its four neighbours are on.
    fn erode(&self) -> Self {
        self.joined(true, |own, [a, b, c, d]| own & a & b & c & d)
    }

    /// A pixel comes on where any of the 3 × 3 around it is.
    fn dilate(&self) -> Self {
        let rows = self.joined(false, |own, [_, _, left, right]| own | left | right);
        rows.joined(false, |own, [above, below, _, _]| own | above | below)
    }

    /// What openings take away at each erosion, together.
    fn skeleton(self, iterations: usize) -> Self {
        let mut skeleton = Self {
            words: vec![0; self.words.len()],
            width: self.width,
        };
        let mut eroded = self;
        for _ in 0..=iterations {
            let smaller = eroded.erode();
            let opened = smaller.dilate();
            let words = eroded.words.iter().zip(&opened.words);
            for (taken, (whole, opened)) in skeleton.words.iter_mut().zip(words) {
                *taken |= whole & !opened;
            }
            eroded = smaller;
        }
        skeleton
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_for_each_label_and_a_number_for_each_bit() {
        for len in [1, 7, 8, 9, 63, 64] {
            for class in [0u8, 1, 127, 128, 255] {
                let labels: Vec<u8> = (0..len).map(|at| (at * at * 31 + at) as u8).collect();
                let labels = [&labels[..], &[class][..]].concat();
                let labels = &labels[1..];
                let word = equal(labels, class);
                let bits: Vec<bool> = (0..labels.len()).map(|at| word >> at & 1 == 1).collect();
                let expected: Vec<bool> = labels.iter().map(|label| *label == class).collect();
                assert_eq!(bits, expected, "{labels:?} {class}");
                let mut numbers = vec![9.0; len];
                Bits::of_class(labels, class.into(), len).write(&mut numbers);
                let expected: Vec<f32> = bits.iter().map(|bit| f32::from(u8::from(*bit))).collect();
                assert_eq!(numbers, expected);
            }
        }
    }
}
