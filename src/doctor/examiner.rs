//! From a dataset to the few masks that stand for all of it.

use super::xray::{Subject, Xray, take};
use crate::data::{Dataset, IGNORE};
use crate::experiment::ExperimentConfig;
use crate::loss::LossError;

/// Masks looked at, and the largest side they are reduced to (nearest neighbour): enough for the
/// shares of rare classes, small enough to answer while a slider moves.
const IMAGES: usize = 8;
const SIDE: usize = 96;

/// Reduced masks of one dataset, read once and examined often.
#[derive(Debug, Clone)]
pub struct Masks {
    pub labels: Vec<u8>,
    pub shape: [usize; 3],
    pub class_names: Vec<String>,
    train_pixels: Vec<u64>,
    train_presence_pixels: Vec<u64>,
}

impl Masks {
    /// Reads up to eight training masks, such that every class that occurs among the candidates is
    /// among them. Blocking: call it from a background thread.
    ///
    /// # Errors
    /// When no mask can be read.
    pub fn read(dataset: &Dataset, config: &ExperimentConfig) -> Result<Self, LossError> {
        let (width, height) = reduced(config.data.width, config.data.height);
        let classes = dataset.classes.len();
        let mut candidates = Vec::new();
        let stride = (dataset.split.train.len() / (IMAGES * 4)).max(1);
        for &item in dataset.split.train.iter().step_by(stride) {
            let reduced = dataset.with(item, |sample| {
                let map = &sample.labels;
                let mut labels = Vec::with_capacity(width * height);
                for y in 0..height {
                    let row = (2 * y + 1) * map.height / (2 * height) * map.width;
                    labels.extend(
                        (0..width).map(|x| map.labels[row + (2 * x + 1) * map.width / (2 * width)]),
                    );
                }
                labels
            });
            // An unreadable image is the dataset's finding already.
            candidates.extend(reduced);
        }
        if candidates.is_empty() {
            return Err(LossError::Invalid(
                "no training mask could be read, so there is nothing to examine".to_owned(),
            ));
        }
        let chosen = choose(&candidates, classes);
        let labels: Vec<u8> = chosen
            .iter()
            .flat_map(|&index| candidates[index].iter().copied())
            .collect();
        Ok(Self {
            shape: [chosen.len(), height, width],
            labels,
            class_names: dataset
                .classes
                .classes
                .iter()
                .map(|c| c.name.clone())
                .collect(),
            train_pixels: dataset.census.train_pixels.clone(),
            train_presence_pixels: dataset.census.train_presence_pixels.clone(),
        })
    }
}

/// The subject of an X-ray: these masks, with the class weights that `config` would train with.
///
/// # Errors
/// When the class weights can't be found.
pub fn examine(masks: &Masks, config: &ExperimentConfig) -> Result<Subject, LossError> {
    Ok(Subject {
        labels: masks.labels.clone(),
        shape: masks.shape,
        class_names: masks.class_names.clone(),
        class_weights: config
            .class_weights
            .weights(&masks.train_pixels, &masks.train_presence_pixels)?,
    })
}

/// The X-ray of a configuration on a dataset's masks. Blocking, as [`Masks::read`].
///
/// # Errors
/// When no mask can be read, or the loss does not fit the classes or gives no number.
pub fn xray(dataset: &Dataset, config: &ExperimentConfig) -> Result<Xray, LossError> {
    let masks = Masks::read(dataset, config)?;
    take(config, &examine(&masks, config)?)
}

fn reduced(width: u64, height: u64) -> (usize, usize) {
    let (width, height) = (width as usize, height as usize);
    let factor = width.max(height).div_ceil(SIDE).max(1);
    ((width / factor).max(8), (height / factor).max(8))
}

/// Greedy: first what brings classes not yet seen, then an even spread.
fn choose(candidates: &[Vec<u8>], classes: usize) -> Vec<usize> {
    let present: Vec<Vec<bool>> = candidates
        .iter()
        .map(|labels| {
            let mut seen = vec![false; classes];
            for &label in labels {
                if label != IGNORE && usize::from(label) < classes {
                    seen[usize::from(label)] = true;
                }
            }
            seen
        })
        .collect();
    let mut covered = vec![false; classes];
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < IMAGES.min(candidates.len()) {
        let gain = |i: usize| {
            (0..classes)
                .filter(|&c| present[i][c] && !covered[c])
                .count()
        };
        let left = || (0..candidates.len()).filter(|i| !chosen.contains(i));
        let Some(best) = left().max_by_key(|&i| (gain(i), std::cmp::Reverse(i))) else {
            break;
        };
        let next = if gain(best) > 0 {
            best
        } else {
            // Nothing new to see: take the candidate in the middle of the largest gap.
            left()
                .max_by_key(|&i| {
                    let gap = chosen.iter().map(|&c| c.abs_diff(i)).min().unwrap_or(0);
                    (gap, std::cmp::Reverse(i))
                })
                .unwrap_or(best)
        };
        for (covered, present) in covered.iter_mut().zip(&present[next]) {
            *covered |= present;
        }
        chosen.push(next);
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_class_is_always_among_the_masks() {
        let mut candidates = vec![vec![0_u8; 64]; 32];
        candidates[17][3] = 2;
        candidates[30][5] = 1;
        let chosen = choose(&candidates, 3);
        assert_eq!(chosen.len(), IMAGES);
        assert!(chosen.contains(&17) && chosen.contains(&30));
    }
}
