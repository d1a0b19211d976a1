//! What blending does to masks: how many pixels get a class that nobody drew there.

use super::{Dataset, resize};

/// Masks looked at: borders are alike all over a dataset.
const MASKS: usize = 8;

/// Share of the pixels, 0..=1, that get a class which none of the pixels around them has when
/// training masks are brought to `width` × `height` as if class numbers were brightness; `None` where
/// no mask can be read.
#[must_use]
pub fn invented(dataset: &Dataset, width: usize, height: usize) -> Option<f64> {
    let train = &dataset.split.train;
    let stride = (train.len() / MASKS).max(1);
    let (mut invented, mut pixels) = (0_usize, 0_usize);
    for &item in train.iter().step_by(stride).take(MASKS) {
        let both = dataset.with(item, |sample| {
            let source = &sample.labels;
            [
                resize::labels(source, width, height).labels,
                resize::blended_labels(source, width, height).labels,
            ]
        });
        // An unreadable mask is the dataset's finding already.
        let Ok([true_map, blended]) = both else {
            continue;
        };
        pixels += blended.len();
        invented += (0..blended.len())
            .filter(|&at| !around(&true_map, at, width, height).any(|l| l == blended[at]))
            .count();
    }
    (pixels > 0).then(|| invented as f64 / pixels as f64)
}

/// The labels of a pixel and of those that touch it.
fn around(map: &[u8], at: usize, width: usize, height: usize) -> impl Iterator<Item = u8> + '_ {
    let (y, x) = (at / width, at % width);
    let rows = y.saturating_sub(1)..(y + 2).min(height);
    rows.flat_map(move |y| {
        let columns = x.saturating_sub(1)..(x + 2).min(width);
        columns.map(move |x| map[y * width + x])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataConfig, Progress};

    #[test]
    fn the_sample_halved_gets_rings_and_as_it_is_gets_none() {
        let dataset = Dataset::open(&DataConfig::default(), &Progress::default()).unwrap();
        let own = dataset.load(0).unwrap().labels;
        assert_eq!(invented(&dataset, own.width, own.height), Some(0.0));
        let smaller = invented(&dataset, own.width * 3 / 4, own.height * 3 / 4).unwrap();
        assert!(smaller > 0.0 && smaller < 0.2, "{smaller}");
    }
}
