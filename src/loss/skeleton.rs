//! The soft skeleton of a true mask, which is of zeros and ones alone: erosions and openings of
//! sixty-four pixels at a time, on the CPU, from the labels. Equal to what `cldice` computes of
//! probabilities.

use rayon::prelude::*;

/// A mask's rows, a bit to a pixel, in words of 64; bits beyond the width have no meaning.
struct Bits {
    rows: Vec<Vec<u64>>,
    width: usize,
}

/// `[N, C, H, W]` as zeros and ones, for the classes from `first` on: skeletons of labels `[N, H, W]`
/// after `iterations` erosions.
pub(super) fn of_labels(
    labels: &[u8],
    [first, classes]: [usize; 2],
    [h, w]: [usize; 2],
    iterations: u64,
) -> Vec<f32> {
    let images: Vec<&[u8]> = labels.chunks((h * w).max(1)).collect();
    let planes: Vec<Vec<f32>> = (0..images.len() * (classes - first))
        .into_par_iter()
        .map(|plane| {
            let class = first + plane % (classes - first);
            let mask = Bits::of_class(images[plane / (classes - first)], class, w);
            mask.skeleton(iterations).numbers()
        })
        .collect();
    planes.concat()
}

impl Bits {
    fn of_class(labels: &[u8], class: usize, width: usize) -> Self {
        let bit = |(at, label): (usize, &u8)| u64::from(usize::from(*label) == class) << at;
        let word = |pixels: &[u8]| pixels.iter().enumerate().map(bit).sum();
        let row = |row: &[u8]| row.chunks(64).map(word).collect();
        Self {
            rows: labels.chunks(width.max(1)).map(row).collect(),
            width,
        }
    }

    fn numbers(&self) -> Vec<f32> {
        let bit = |row: &[u64], x: usize| (row[x / 64] >> (x % 64) & 1) as f32;
        let rows = self.rows.iter();
        rows.flat_map(|row| (0..self.width).map(move |x| bit(row, x)))
            .collect()
    }

    /// Every pixel's word and those of its neighbours above, below, left and right; outside of the
    /// image all bits are `outside`.
    fn joined(&self, outside: bool, of: impl Fn(u64, [u64; 4]) -> u64) -> Self {
        let fill = if outside { u64::MAX } else { 0 };
        let words = self.width.div_ceil(64);
        let beyond = match self.width % 64 {
            0 => 0,
            used => u64::MAX << used,
        };
        // A row with the outside where it has no pixels.
        let closed = |row: &[u64]| -> Vec<u64> {
            let mut row = row.to_vec();
            if let Some(last) = row.last_mut() {
                *last = (*last & !beyond) | (fill & beyond);
            }
            row
        };
        let closed: Vec<Vec<u64>> = self.rows.iter().map(|row| closed(row)).collect();
        let none = vec![fill; words];
        let row = |y: usize| {
            let own = &closed[y];
            let above = y.checked_sub(1).map_or(&none, |y| &closed[y]);
            let below = closed.get(y + 1).unwrap_or(&none);
            let word = |at: usize| {
                let before = at.checked_sub(1).map_or(fill, |at| own[at]);
                let after = own.get(at + 1).copied().unwrap_or(fill);
                let left = own[at] << 1 | before >> 63;
                let right = own[at] >> 1 | after << 63;
                of(own[at], [above[at], below[at], left, right])
            };
            (0..words).map(word).collect()
        };
        Self {
            rows: (0..self.rows.len()).map(row).collect(),
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

    fn each(&self, other: &Self, of: impl Fn(u64, u64) -> u64) -> Self {
        let row = |(a, b): (&Vec<u64>, &Vec<u64>)| {
            let words = a.iter().zip(b);
            words.map(|(a, b)| of(*a, *b)).collect()
        };
        Self {
            rows: self.rows.iter().zip(&other.rows).map(row).collect(),
            width: self.width,
        }
    }

    /// What openings take away at each erosion, together.
    fn skeleton(self, iterations: u64) -> Self {
        let mut eroded = self;
        let mut skeleton: Option<Self> = None;
        for _ in 0..=iterations {
            let smaller = eroded.erode();
            let taken = eroded.each(&smaller.dilate(), |whole, opened| whole & !opened);
            skeleton = Some(match skeleton {
                Some(before) => before.each(&taken, |a, b| a | b),
                None => taken,
            });
            eroded = smaller;
        }
        // The loop runs at least once.
        skeleton.unwrap_or(eroded)
    }
}
