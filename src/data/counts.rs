//! What the masks hold, per item and per split, under a class map. Counts only: no pixels, no files.

use super::{Census, Split};

/// What one item's mask holds: the light facts that filters, splits and charts read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemCounts {
    /// Width and height of the mask in pixels.
    pub size: [usize; 2],
    /// Class and its pixels, ascending by class; only classes that occur.
    pub present: Box<[(u8, u64)]>,
    /// Pixels that take no part.
    pub ignored: u64,
}

impl ItemCounts {
    /// Sums pixels by class; `None` stands for pixels that take no part.
    pub fn new(size: [usize; 2], each: impl IntoIterator<Item = (Option<u8>, u64)>) -> Self {
        let mut pixels = std::collections::BTreeMap::new();
        let mut ignored = 0;
        for (class, count) in each.into_iter().filter(|(_, count)| *count > 0) {
            match class.filter(|class| *class != super::IGNORE) {
                Some(class) => *pixels.entry(class).or_insert(0) += count,
                None => ignored += count,
            }
        }
        Self {
            size,
            present: pixels.into_iter().collect(),
            ignored,
        }
    }

    /// Pixels of one class.
    #[must_use]
    pub fn pixels(&self, class: u8) -> u64 {
        let at = self.present.binary_search_by_key(&class, |(c, _)| *c);
        at.map_or(0, |at| self.present[at].1)
    }

    /// Pixels that take part.
    #[must_use]
    pub fn claimed(&self) -> u64 {
        self.present.iter().map(|(_, count)| count).sum()
    }

    /// Share of all pixels, 0..=1, that are this class.
    #[must_use]
    pub fn share(&self, class: u8) -> f64 {
        self.pixels(class) as f64 / (self.claimed() + self.ignored).max(1) as f64
    }
}

impl Census {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            train_pixels: vec![0; classes],
            val_pixels: vec![0; classes],
            train_images: vec![0; classes],
            val_images: vec![0; classes],
            train_presence_pixels: vec![0; classes],
            ignored_train: 0,
            ignored_val: 0,
        }
    }

    /// Adds up the items of both sides of a split.
    #[must_use]
    pub fn of(counts: &[ItemCounts], split: &Split, classes: usize) -> Self {
        let mut census = Self::new(classes);
        for (side, train) in [(&split.train, true), (&split.val, false)] {
            for item in side.iter().filter_map(|&item| counts.get(item)) {
                census.add(item, train);
            }
        }
        census
    }

    fn add(&mut self, item: &ItemCounts, train: bool) {
        let all = item.claimed();
        let (pixels, images, ignored) = if train {
            (
                &mut self.train_pixels,
                &mut self.train_images,
                &mut self.ignored_train,
            )
        } else {
            (
                &mut self.val_pixels,
                &mut self.val_images,
                &mut self.ignored_val,
            )
        };
        *ignored += item.ignored;
        for &(class, count) in &item.present {
            let class = usize::from(class);
            if class >= pixels.len() {
                continue;
            }
            pixels[class] += count;
            images[class] += 1;
            if train {
                self.train_presence_pixels[class] += all;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_summed_by_class_and_census_by_side() {
        let each = [
            (Some(2), 3),
            (None, 1),
            (Some(0), 4),
            (Some(2), 2),
            (Some(1), 0),
        ];
        let item = ItemCounts::new([5, 2], each);
        assert_eq!(*item.present, [(0, 4), (2, 5)]);
        assert_eq!((item.pixels(1), item.ignored), (0, 1));
        assert!((item.share(2) - 0.5).abs() < 1e-12);
        let split = Split {
            train: vec![0],
            val: vec![1],
            origin: String::new(),
        };
        let other = ItemCounts::new([1, 1], [(Some(1), 1)]);
        let census = Census::of(&[item, other], &split, 3);
        assert_eq!(census.train_pixels, [4, 0, 5]);
        assert_eq!(census.val_images, [0, 1, 0]);
        assert_eq!(census.train_presence_pixels, [9, 0, 9]);
        assert_eq!((census.ignored_train, census.ignored_val), (1, 0));
    }
}
