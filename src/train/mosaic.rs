//! One answer for a whole image from overlapping windows of it, as nnU-Net and MONAI infer: logits are
//! averaged where windows overlap, the middle of a window counting most.
//!
//! Only a band of rows is held at a time, so that memory grows with an image's width and not with its
//! area. It knows no network: whoever answers windows is a function.

use std::collections::VecDeque;

use super::learner::Broken;
use crate::data::Batch;
use crate::data::crop::{Window, importance};
use crate::data::loader::Whole;

/// What answers a batch of windows with logits, `[N, C, H, W]`.
pub type Answer<'a> = dyn Fn(&Batch) -> Result<Vec<f32>, Broken> + 'a;

/// One row of an image.
struct Row {
    /// `[C, W]`: weighted sums of logits.
    sums: Vec<f32>,
    /// `[W]`.
    weights: Vec<f32>,
}

/// The answers to one image, asked for from its top to its bottom.
pub struct Mosaic<'a> {
    whole: Whole<'a>,
    classes: usize,
    /// Of a window's columns and rows.
    importance: [Vec<f32>; 2],
    band: VecDeque<Row>,
    /// Which row of the image is the first of `band`.
    first: usize,
    /// Rows of windows that have been answered.
    answered: usize,
}

impl<'a> Mosaic<'a> {
    #[must_use]
    pub fn new(whole: Whole<'a>, classes: usize) -> Self {
        Self {
            importance: whole.tile().map(importance),
            whole,
            classes,
            band: VecDeque::new(),
            first: 0,
            answered: 0,
        }
    }

    #[must_use]
    pub fn whole(&self) -> &Whole<'a> {
        &self.whole
    }

    /// Logits of the image's row `y`, `[C, W]`. Rows are asked for in ascending order: one that was
    /// passed is empty.
    ///
    /// # Errors
    /// What `answer` says, or when pixels can't be brought into shape.
    pub fn row(&mut self, y: usize, answer: &Answer) -> Result<Vec<f32>, Broken> {
        self.prepare(y, y + 1, answer)?;
        let mut logits = vec![0.0; self.classes * self.whole.size()[0]];
        self.read(y, 0, &mut logits);
        Ok(logits)
    }

    /// Logits of `window`, `[C, H, W]`; 0 beyond the image. Windows are asked for in ascending order of
    /// their tops.
    ///
    /// # Errors
    /// As [`Mosaic::row`].
    pub fn window(&mut self, window: Window, answer: &Answer) -> Result<Vec<f32>, Broken> {
        let [width, height] = self.whole.tile();
        let [_, rows] = self.whole.size();
        let end = (window.top + height as isize).clamp(0, rows as isize) as usize;
        self.prepare(window.top.max(0) as usize, end, answer)?;
        let mut logits = vec![0.0; self.classes * width * height];
        let mut line = vec![0.0; self.classes * width];
        for y in 0..height {
            let at = window.top + y as isize;
            if (0..end as isize).contains(&at) {
                self.read(at as usize, window.left, &mut line);
                for (class, values) in line.chunks_exact(width).enumerate() {
                    let to = (class * height + y) * width;
                    logits[to..to + width].copy_from_slice(values);
                }
            }
        }
        Ok(logits)
    }

    /// A line of row `y`, `[C, line width]`, from column `left` on; 0 beyond the image.
    fn read(&self, y: usize, left: isize, line: &mut [f32]) {
        line.fill(0.0);
        let Some(row) = y.checked_sub(self.first).and_then(|at| self.band.get(at)) else {
            return;
        };
        let width = self.whole.size()[0];
        let length = line.len() / self.classes.max(1);
        for (class, values) in line.chunks_exact_mut(length.max(1)).enumerate() {
            for (x, value) in values.iter_mut().enumerate() {
                let at = left + x as isize;
                if (0..width as isize).contains(&at) {
                    let at = at as usize;
                    *value = row.sums[class * width + at] / row.weights[at];
                }
            }
        }
    }

    /// Forgets the rows above `top`, and answers every window that reaches a row above `bottom`.
    fn prepare(&mut self, top: usize, bottom: usize, answer: &Answer) -> Result<(), Broken> {
        while self.first < top && self.band.pop_front().is_some() {
            self.first += 1;
        }
        loop {
            let next = self.whole.rows().get(self.answered);
            let Some(begin) = next.and_then(|row| row.first()).map(|window| window.top) else {
                return Ok(());
            };
            if begin >= bottom as isize {
                return Ok(());
            }
            self.add_row(answer)?;
        }
    }

    /// Answers the next row of windows.
    fn add_row(&mut self, answer: &Answer) -> Result<(), Broken> {
        let Self {
            whole,
            classes,
            importance,
            band,
            first,
            answered,
        } = self;
        let [width, height] = whole.size();
        let [across, down] = whole.tile();
        for (windows, batch) in whole.batches(*answered) {
            let logits = answer(&batch.map_err(Broken::Data)?)?;
            let each = *classes * across * down;
            for (window, logits) in windows.iter().zip(logits.chunks_exact(each)) {
                for (y, vertical) in importance[1].iter().enumerate() {
                    let at = window.top + y as isize;
                    if at < *first as isize || at >= height as isize {
                        continue;
                    }
                    let place = at as usize - *first;
                    while band.len() <= place {
                        band.push_back(Row {
                            sums: vec![0.0; *classes * width],
                            weights: vec![0.0; width],
                        });
                    }
                    let row = &mut band[place];
                    // Columns of the window that lie in the image.
                    let skip = window.left.min(0).unsigned_abs().min(across);
                    let to = (window.left + skip as isize) as usize;
                    let count = (across - skip).min(width.saturating_sub(to));
                    let horizontal = &importance[0][skip..skip + count];
                    let weights = &mut row.weights[to..to + count];
                    for (sum, weight) in weights.iter_mut().zip(horizontal) {
                        *sum += vertical * weight;
                    }
                    for class in 0..*classes {
                        let from = (class * down + y) * across + skip;
                        let logits = &logits[from..from + count];
                        let sums = &mut row.sums[class * width + to..class * width + to + count];
                        for ((sum, weight), logit) in sums.iter_mut().zip(horizontal).zip(logits) {
                            *sum += vertical * weight * logit;
                        }
                    }
                }
            }
        }
        *answered += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
