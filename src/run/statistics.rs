//! Whether one run is better than another, or only luckier: scores paired image by image.
//!
//! Two networks that were scored on the same images are compared by the differences on each image,
//! which is far sharper than comparing two means. What can't be told apart is said to be so: a
//! ranking of noise is no result.

use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::Run;
use super::group::{Group, Spread, band};
use super::metrics::mean;

/// Resamples of the bootstrap: the ends of its interval are then stable to a few per cent of its
/// width.
const RESAMPLES: usize = 10_000;
/// Up to this many images without ties the signed-rank test counts all outcomes instead of
/// approximating them.
const EXACT: usize = 30;
/// Below this a difference is said to be one.
pub const LEVEL: f64 = 0.05;

/// Two samples of the same things, compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paired {
    /// How many things were scored by both.
    pub count: usize,
    /// Mean of `a − b`.
    pub difference: f64,
    /// 95 % percentile bootstrap interval of the mean difference, over the things.
    pub interval: [f64; 2],
    /// Two-sided p-value of the Wilcoxon signed-rank test; 1 where nothing differs.
    pub p_value: f64,
    /// On how many things `a` is better, and on how many `b`.
    pub wins: [usize; 2],
}

/// Why two runs can't be compared image by image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpaired {
    #[error("“{0}” has no validation yet")]
    NoValidation(String),
    #[error("they were scored on different data")]
    OtherData,
    #[error("they were scored on different validation images")]
    OtherImages,
    #[error("“{0}” was recorded without scores of single images")]
    NoImages(String),
}

/// Compares `a` and `b`, paired by index. Not finite pairs are left out.
#[must_use]
pub fn paired(a: &[f64], b: &[f64]) -> Paired {
    let differences: Vec<f64> = (a.iter().zip(b))
        .map(|(a, b)| a - b)
        .filter(|difference| difference.is_finite())
        .collect();
    let count = differences.len();
    let wins = [
        differences.iter().filter(|d| **d > 0.0).count(),
        differences.iter().filter(|d| **d < 0.0).count(),
    ];
    Paired {
        count,
        difference: average(&differences),
        interval: bootstrap(&differences),
        p_value: wilcoxon(&differences),
        wins,
    }
}

/// Mean Dice of each validation image at the run's best validation; `None` where no class is there.
///
/// # Errors
/// When the run was not validated, or kept no scores of single images.
pub fn image_scores(run: &Run) -> Result<Vec<Option<f64>>, Unpaired> {
    let best = run
        .best
        .ok_or_else(|| Unpaired::NoValidation(run.name.clone()))?;
    let images = &run.validations[best].per_image;
    if images.is_empty() {
        return Err(Unpaired::NoImages(run.name.clone()));
    }
    Ok(images.iter().map(|image| mean(&image.dice())).collect())
}

/// One sentence for each group but the best: whether the best is better than it, image by image.
/// With repetitions an image's score is its mean over them; p-values are corrected for the number of
/// comparisons (Holm).
#[must_use]
pub fn against_best(groups: &[Group<'_>]) -> Vec<String> {
    let score = |group: &Group<'_>| band(0.0, &group.best(), Spread::StandardError);
    let ranked = (groups.iter()).filter_map(|group| Some((score(group)?.mean, group)));
    let Some((_, best)) = ranked.max_by(|a, b| a.0.total_cmp(&b.0)) else {
        return Vec::new();
    };
    let others: Vec<&Group<'_>> = (groups.iter())
        .filter(|group| !std::ptr::eq(*group, best))
        .collect();
    let found: Vec<Result<Paired, Unpaired>> = (others.iter())
        .map(|other| compare_groups(best, other))
        .collect();
    let p_values: Vec<f64> = found.iter().flatten().map(|p| p.p_value).collect();
    let mut corrected = holm(&p_values).into_iter();
    (others.iter().zip(found))
        .map(|(other, found)| match found {
            Ok(mut paired) => {
                paired.p_value = corrected.next().unwrap_or(1.0);
                let mut sentence = paired.sentence(&best.name, &other.name);
                if paired.distinguishable(paired.p_value) {
                    sentence.extend(overlap(best, other));
                }
                sentence
            }
            Err(why) => format!("{} and {} can't be compared: {why}.", best.name, other.name),
        })
        .collect()
}

/// A test over images knows nothing of luck with the seed: says so where the repetitions overlap, or
/// where there is only one.
fn overlap(best: &Group<'_>, other: &Group<'_>) -> Option<String> {
    let range = |group: &Group<'_>| band(0.0, &group.best(), Spread::MinMax);
    let (a, b) = (range(best)?, range(other)?);
    if a.count < 2 || b.count < 2 {
        return Some(" One seed each: another may turn it round.".to_owned());
    }
    (a.low <= b.high).then(|| {
        format!(
            " Over the seeds they overlap ({:.3} to {:.3} against {:.3} to {:.3}): another may turn it \
             round.",
            a.low, a.high, b.low, b.high
        )
    })
}

/// Compares two experiments image by image, at each run's best validation: an image's score is its
/// mean Dice, and with repetitions the mean of that over them.
///
/// # Errors
/// When they were not scored on the same images.
pub fn compare_groups(a: &Group<'_>, b: &Group<'_>) -> Result<Paired, Unpaired> {
    Ok(paired(&image_means(a, a)?, &image_means(b, a)?))
}

/// Mean score of each image over a group's repetitions, all scored on the images of `like`.
fn image_means(group: &Group<'_>, like: &Group<'_>) -> Result<Vec<f64>, Unpaired> {
    let mut sums: Vec<f64> = Vec::new();
    for run in &group.runs {
        for other in &like.runs {
            same_images(run, other)?;
        }
        let scores = image_scores(run)?;
        sums.resize(scores.len(), 0.0);
        for (sum, score) in sums.iter_mut().zip(scores) {
            *sum += score.unwrap_or(f64::NAN);
        }
    }
    let count = group.runs.len() as f64;
    Ok(sums.into_iter().map(|sum| sum / count).collect())
}

/// Whether two runs were scored on the same images of the same data.
fn same_images(a: &Run, b: &Run) -> Result<(), Unpaired> {
    if a.dataset != b.dataset {
        return Err(Unpaired::OtherData);
    }
    if image_scores(a)?.len() != image_scores(b)?.len() || a.config.data != b.config.data {
        return Err(Unpaired::OtherImages);
    }
    Ok(())
}

impl Paired {
    /// Whether the difference is more than luck, at a p-value that may have been corrected.
    #[must_use]
    pub fn distinguishable(&self, p_value: f64) -> bool {
        p_value < LEVEL && (self.interval[0] > 0.0 || self.interval[1] < 0.0)
    }

    /// One plain sentence: who is better, by how much, and how sure that is.
    #[must_use]
    pub fn sentence(&self, a: &str, b: &str) -> String {
        let images = match self.count {
            1 => "1 image".to_owned(),
            n => format!("{n} images"),
        };
        let [low, high] = self.interval;
        let figures = format!(
            "mean difference {:+.3} Dice, 95 % interval {low:+.3} to {high:+.3}, {}",
            self.difference,
            p_text(self.p_value),
        );
        if !self.distinguishable(self.p_value) {
            return format!("{a} and {b} are not distinguishable on {images} ({figures}).");
        }
        let (better, worse, won) = if self.difference > 0.0 {
            (a, b, self.wins[0])
        } else {
            (b, a, self.wins[1])
        };
        format!("{better} is better than {worse}, on {won} of {images} ({figures}).")
    }
}

/// A p-value as people write it: "p = 0.034", "p < 0.001".
#[must_use]
pub fn p_text(p: f64) -> String {
    if p < 0.001 {
        "p < 0.001".to_owned()
    } else {
        format!("p = {p:.3}")
    }
}

/// Holm's correction for several comparisons at once, in the order given (Holm 1979).
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut corrected = vec![0.0; p_values.len()];
    let mut largest = 0.0f64;
    for (rank, &at) in order.iter().enumerate() {
        let factor = (p_values.len() - rank) as f64;
        largest = largest.max((p_values[at] * factor).min(1.0));
        corrected[at] = largest;
    }
    corrected
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// 95 % percentile interval of the mean over resamples with replacement. Always the same for the
/// same numbers: the generator's seed is fixed.
fn bootstrap(differences: &[f64]) -> [f64; 2] {
    if differences.is_empty() {
        return [0.0; 2];
    }
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn = (0..differences.len())
                .filter_map(|_| differences.choose(&mut random))
                .sum::<f64>();
            drawn / differences.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    [0.025, 0.975].map(|share| quantile(&means, share))
}

/// Linear interpolation between order statistics, as NumPy's default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}

/// Two-sided p-value of Wilcoxon's signed-rank test; zero differences are left out (Wilcoxon 1945).
fn wilcoxon(differences: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = (differences.iter().copied())
        .filter(|difference| *difference != 0.0)
        .collect();
    if sizes.is_empty() {
        return 1.0;
    }
    sizes.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let n = sizes.len();
    // Ranks from 1, the mean rank among equals; `ties` is Σ t³ − t over groups of equals.
    let (mut positive, mut ties) = (0.0, 0.0);
    let mut start = 0;
    while start < n {
        let same = |x: &&f64| x.abs() == sizes[start].abs();
        let equal = sizes[start..].iter().take_while(same).count();
        let rank = start as f64 + (equal as f64 + 1.0) / 2.0;
        let above = sizes[start..start + equal].iter().filter(|d| **d > 0.0);
        positive += rank * above.count() as f64;
        ties += (equal as f64).powi(3) - equal as f64;
        start += equal;
    }
    let count = n as f64;
    let total = count * (count + 1.0) / 2.0;
    if ties == 0.0 && n == differences.len() && n <= EXACT {
        return exact(n, positive.min(total - positive) as usize);
    }
    let variance = count * (count + 1.0) * (2.0 * count + 1.0) / 24.0 - ties / 48.0;
    let z = (positive - total / 2.0) / variance.sqrt();
    libm::erfc(z.abs() / std::f64::consts::SQRT_2).min(1.0)
}

/// Share of the 2ⁿ assignments of signs whose smaller rank sum is at most `smaller`.
fn exact(n: usize, smaller: usize) -> f64 {
    // ways[s]: subsets of the ranks 1..=n that sum to s.
    let mut ways = vec![0.0f64; n * (n + 1) / 2 + 1];
    ways[0] = 1.0;
    for rank in 1..=n {
        for sum in (rank..ways.len()).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let below: f64 = ways[..=smaller].iter().sum();
    (2.0 * below / 2f64.powi(n as i32)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_differs_and_nothing_is_there() {
        let same = paired(&[0.5, 0.6], &[0.5, 0.6]);
        assert_eq!((same.difference, same.p_value), (0.0, 1.0));
        assert!(same.sentence("a", "b").contains("not distinguishable"));
        let none = paired(&[f64::NAN], &[1.0]);
        assert_eq!((none.count, none.p_value), (0, 1.0));
    }

    #[test]
    fn the_sentence_names_the_better_one_whichever_comes_first() {
        let high: Vec<f64> = (0..20).map(|i| 0.8 + 0.001 * f64::from(i)).collect();
        let low: Vec<f64> = (0..20).map(|i| 0.5 + 0.002 * f64::from(i)).collect();
        let said = paired(&high, &low).sentence("A", "B");
        assert!(
            said.starts_with("A is better than B, on 20 of 20"),
            "{said}"
        );
        let said = paired(&low, &high).sentence("B", "A");
        assert!(
            said.starts_with("A is better than B, on 20 of 20"),
            "{said}"
        );
        assert!(said.contains("p < 0.001"), "{said}");
    }

    #[test]
    fn holm_by_hand() {
        let found = holm(&[0.01, 0.04, 0.03]);
        for (found, expected) in found.iter().zip([0.03, 0.06, 0.06]) {
            assert!((found - expected).abs() < 1e-15);
        }
    }
}
