//! Exact Euclidean distances to a mask, on the CPU, for the losses and scores that need maps of them.
//!
//! Separable in linear time (Felzenszwalb & Huttenlocher 2012). Knows planes of pixels, no loss.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use dicebench_kernels::distance::{Scratch, lower_envelope, squares};
use rayon::prelude::*;

/// Bytes of maps that a [`Maps`] keeps.
const KEPT: usize = 64 << 20;

/// `[C, H, W]` of one image: for each class, the squared distance in pixels of each pixel to the
/// other side of the class's border, a whole number of at least 1; 0 all over where the class is
/// absent or fills the image, and so has no border. A label that is no class belongs to none.
#[must_use]
pub fn to_borders(labels: &[u8], classes: usize, h: usize, w: usize) -> Vec<f32> {
    let plane = |class: usize| {
        let mask: Vec<bool> = labels.iter().map(|l| usize::from(*l) == class).collect();
        to_border(&mask, h, w)
    };
    (0..classes).into_par_iter().flat_map_iter(plane).collect()
}

/// One plane of [`to_borders`].
#[must_use]
pub fn to_border(mask: &[bool], h: usize, w: usize) -> Vec<f32> {
    let mut found = vec![0.0; h * w];
    if w > 0 {
        squares(mask, |on| *on, w, &mut found, &mut Scratch::default());
    }
    found
}

type Kept = HashMap<u64, Arc<Vec<f32>>>;

/// Maps that were made before, by the labels they were made of: without augmentation an image's maps
/// are made once. Full, it keeps what it has.
#[derive(Debug, Default)]
pub struct Maps {
    /// Maps by hash, and how many numbers they hold.
    kept: Mutex<(Kept, usize)>,
}

impl Maps {
    /// [`to_borders`] of every image of a batch, `[N, C, H, W]`.
    #[must_use]
    pub fn of_batch(&self, labels: &[u8], classes: usize, h: usize, w: usize) -> Vec<f32> {
        let images: Vec<Arc<Vec<f32>>> = (labels.par_chunks((h * w).max(1)))
            .map(|labels| self.of_image(labels, classes, h, w))
            .collect();
        images.iter().flat_map(|map| map.iter().copied()).collect()
    }

    fn of_image(&self, labels: &[u8], classes: usize, h: usize, w: usize) -> Arc<Vec<f32>> {
        let mut hasher = DefaultHasher::new();
        (labels, classes, h, w).hash(&mut hasher);
        let key = hasher.finish();
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(map) = lock().0.get(&key) {
            return Arc::clone(map);
        }
        let map = Arc::new(to_borders(labels, classes, h, w));
        let bytes = map.len() * size_of::<f32>();
        let mut kept = lock();
        if kept.1 + bytes <= KEPT && kept.0.insert(key, Arc::clone(&map)).is_none() {
            kept.1 += bytes;
        }
        map
    }
}

/// Squared distance of each pixel of a `h × w` plane to the nearest one where `mask` is true;
/// infinite when there is none.
#[must_use]
pub fn squared_distance(mask: &[bool], h: usize, w: usize) -> Vec<f64> {
    let mut field: Vec<f64> = mask
        .iter()
        .map(|on| if *on { 0.0 } else { f64::INFINITY })
        .collect();
    // Within columns distances only grow by one from the nearest: once down, once up, whole rows
    // at a time.
    for y in 1..h {
        let (above, here) = field.split_at_mut(y * w);
        nearer(&mut here[..w], &above[(y - 1) * w..]);
    }
    for y in (1..h).rev() {
        let (above, here) = field.split_at_mut(y * w);
        nearer(&mut above[(y - 1) * w..], &here[..w]);
    }
    for value in &mut field {
        *value *= *value;
    }
    let mut lowest = Vec::new();
    for row in field.chunks_mut(w.max(1)) {
        for_stretches(row, |stretch| match stretch {
            // One pixel between two of the mask.
            [0.0, between, 0.0] => *between = 1.0,
            _ => lower_envelope(stretch, &mut lowest),
        });
    }
    field
}

/// Calls `work` with the stretches of a row between pixels of height 0, with these at their ends:
/// beyond them nothing is lower than they are.
fn for_stretches(row: &mut [f64], mut work: impl FnMut(&mut [f64])) {
    let mut start = 0;
    for at in 1..row.len() {
        if row[at] == 0.0 {
            if at > start + 1 || row[start] != 0.0 {
                work(&mut row[start..=at]);
            }
            start = at;
        }
    }
    if start + 1 < row.len() {
        work(&mut row[start..]);
    }
}

/// No pixel of a row is farther than one more than the pixel beside it in the row `from`.
fn nearer(row: &mut [f64], from: &[f64]) {
    for (here, there) in row.iter_mut().zip(from) {
        *here = here.min(there + 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_search_over_all_pixels() {
        let (h, w) = (7, 9);
        // Any mask will do; this one has lone pixels, a block and empty rows.
        let mask: Vec<bool> = (0..h * w).map(|i| (i * i) % 11 == 3 || i == 40).collect();
        let found = squared_distance(&mask, h, w);
        for (at, found) in found.iter().enumerate() {
            let (y, x) = ((at / w) as f64, (at % w) as f64);
            let expected = (0..h * w)
                .filter(|other| mask[*other])
                .map(|other| (y - (other / w) as f64).powi(2) + (x - (other % w) as f64).powi(2))
                .fold(f64::INFINITY, f64::min);
            assert_eq!(*found, expected, "pixel {at}");
        }
    }

    /// Masks of lone pixels, of blobs and of large halves: short and long stretches, with and without
    /// ends.
    #[test]
    fn distances_to_the_border_are_those_to_the_other_side() {
        for (h, w) in [(1, 1), (1, 90), (70, 1), (5, 7), (40, 90), (33, 200)] {
            for kind in 0..5 {
                let on = |at: usize| {
                    let (y, x) = (at / w, at % w);
                    match kind {
                        0 => at * at % 11 == 3,
                        1 => (x / 9 + y / 5) % 2 == 0,
                        2 => x > w / 2 && y < h / 3,
                        3 => at == h * w / 2,
                        _ => x * 2 > y,
                    }
                };
                let mask: Vec<bool> = (0..h * w).map(on).collect();
                let other: Vec<bool> = mask.iter().map(|on| !on).collect();
                let to = [
                    squared_distance(&mask, h, w),
                    squared_distance(&other, h, w),
                ];
                let mixed = mask.contains(&true) && mask.contains(&false);
                let found = to_border(&mask, h, w);
                for (at, found) in found.iter().enumerate() {
                    let expected = if mixed { to[0][at].max(to[1][at]) } else { 0.0 };
                    assert_eq!(f64::from(*found), expected, "{h} × {w}, mask {kind}, {at}");
                }
            }
        }
    }

    #[test]
    fn maps_are_made_once_and_are_the_same_again() {
        let labels = [0, 0, 1, 2, 0, 255, 1, 1, 1, 1, 1, 1];
        let maps = Maps::default();
        let first = maps.of_batch(&labels, 3, 2, 3);
        assert_eq!(maps.of_batch(&labels, 3, 2, 3), first);
        assert_eq!(maps.kept.lock().unwrap().0.len(), 2);
        // Class 2 is one pixel of the first image: 1 to its nearest other, squares to it elsewhere.
        assert_eq!(first[12..18], [1.0, 2.0, 5.0, 1.0, 1.0, 4.0]);
        // The second image is class 1 alone: it has no border.
        assert_eq!(first[18..], [0.0; 18]);
    }

    #[test]
    fn an_empty_mask_is_infinitely_far() {
        assert!(
            squared_distance(&[false; 6], 2, 3)
                .iter()
                .all(|d| d.is_infinite())
        );
    }
}
