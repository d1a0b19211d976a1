//! Scores in the definitions in use: they differ in what they pool and in what an absent class is
//! worth. The program's own scores are [`Confusion::dice`] and [`Confusion::iou`].

use super::calibration::Calibration;
use super::metrics::Confusion;

crate::choices! {
    /// What a class without a score is worth.
    pub enum Empty {
        Skip = "skip": "NaN where truth and prediction lack the class (torchmetrics dice_score).",
        SkipWithoutTruth = "skip_without_truth": "NaN where the truth lacks it, even if it was predicted (MONAI, ignore_empty = True).",
        Perfect = "perfect": "1 where both lack it (MONAI, ignore_empty = False).",
        Zero = "zero": "0 where both lack it (scikit-learn, zero_division = 0).",
        MinusOne = "minus_one": "−1 where both lack it (torchmetrics mean_iou).",
    }
}

impl Empty {
    /// The score of a class, `over / under`, where `truth` says whether the truth has it.
    fn score(self, over: u64, under: u64, truth: bool) -> f64 {
        match (self, under, truth) {
            (Self::SkipWithoutTruth, _, false) | (Self::Skip, 0, _) => f64::NAN,
            (Self::Perfect, 0, _) => 1.0,
            (Self::MinusOne, 0, _) => -1.0,
            (_, 0, _) => 0.0,
            _ => over as f64 / under as f64,
        }
    }
}

impl Confusion {
    /// Pixels of truth, of prediction and of both, per class.
    fn volumes(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        (0..self.classes).map(|class| {
            let (hit, invented, missed) = self.tp_fp_fn(class);
            (hit + missed, hit + invented, hit)
        })
    }

    #[must_use]
    pub fn dice_as(&self, empty: Empty) -> Vec<f64> {
        let dice = |(truth, predicted, hit)| empty.score(2 * hit, truth + predicted, truth > 0);
        self.volumes().map(dice).collect()
    }

    #[must_use]
    pub fn iou_as(&self, empty: Empty) -> Vec<f64> {
        let iou = |(truth, predicted, hit)| empty.score(hit, truth + predicted - hit, truth > 0);
        self.volumes().map(iou).collect()
    }

    /// Share of what was predicted that is right; 0 where nothing was.
    #[must_use]
    pub fn precision(&self) -> Vec<f64> {
        let share = |(_, predicted, hit)| Empty::Zero.score(hit, predicted, true);
        self.volumes().map(share).collect()
    }

    /// Share of the truth that was found; 0 where there is none.
    #[must_use]
    pub fn recall(&self) -> Vec<f64> {
        let share = |(truth, _, hit)| Empty::Zero.score(hit, truth, true);
        self.volumes().map(share).collect()
    }

    /// Share of pixels that are right; NaN without pixels.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        let hits: u64 = self.volumes().map(|(_, _, hit)| hit).sum();
        hits as f64 / self.total() as f64
    }

    /// Cohen's κ: agreement beyond that of chance; NaN where chance alone agrees fully.
    #[must_use]
    pub fn kappa(&self) -> f64 {
        let total = self.total() as f64;
        let chance = |(truth, predicted, _)| truth as f64 * predicted as f64 / (total * total);
        let chance: f64 = self.volumes().map(chance).sum();
        (self.accuracy() - chance) / (1.0 - chance)
    }

    /// Matthews correlation over all classes; 0 where truth or prediction has only one class.
    #[must_use]
    pub fn matthews(&self) -> f64 {
        let total = self.total() as f64;
        let (mut hits, mut both, mut truths, mut predictions) = (0.0, 0.0, 0.0, 0.0);
        for (truth, predicted, hit) in self.volumes() {
            let (truth, predicted) = (truth as f64, predicted as f64);
            hits += hit as f64;
            both += truth * predicted;
            truths += truth * truth;
            predictions += predicted * predicted;
        }
        let below = ((total * total - predictions) * (total * total - truths)).sqrt();
        if below == 0.0 {
            return 0.0;
        }
        (hits * total - both) / below
    }

    /// One Dice for several classes from their pixels together; NaN where there are none.
    #[must_use]
    pub fn dice_pooled(&self, from_class: usize) -> f64 {
        let add = |sum: (u64, u64), (t, p, hit)| (sum.0 + 2 * hit, sum.1 + t + p);
        let (over, under) = self.volumes().skip(from_class).fold((0, 0), add);
        Empty::Skip.score(over, under, true)
    }

    /// Dice per class, averaged with the classes' true volumes as weights; NaN where neither truth
    /// nor prediction has any of them.
    #[must_use]
    pub fn dice_by_volume(&self, from_class: usize) -> f64 {
        let dice = self.dice_as(Empty::Zero);
        let classes = self.volumes().zip(dice).skip(from_class);
        let (mut sum, mut volume) = (0.0, 0.0);
        for ((truth, _, _), dice) in classes {
            sum += truth as f64 * dice;
            volume += truth as f64;
        }
        if volume == 0.0 {
            return self.dice_pooled(from_class);
        }
        sum / volume
    }

    /// One ratio for all classes, each weighted by 1 / its true volume²; a class that the truth lacks
    /// weighs as much as the heaviest that it has. Where no class weighs anything: 1 without a
    /// prediction, else 0 (MONAI).
    #[must_use]
    pub fn generalized_dice(&self) -> f64 {
        let weight = |truth: u64| 1.0 / (truth as f64).powi(2);
        let present = self.volumes().filter(|(truth, ..)| *truth > 0);
        let heaviest = present.map(|(truth, ..)| weight(truth)).fold(0.0, f64::max);
        let (mut over, mut under, mut predictions) = (0.0, 0.0, 0);
        for (truth, predicted, hit) in self.volumes() {
            let weight = if truth > 0 { weight(truth) } else { heaviest };
            over += 2.0 * weight * hit as f64;
            under += weight * (truth + predicted) as f64;
            predictions += predicted;
        }
        if under == 0.0 {
            return f64::from(u8::from(predictions == 0));
        }
        over / under
    }

    fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Mean of the numbers that are not NaN; NaN without any.
#[must_use]
pub fn mean_of_present(scores: &[f64]) -> f64 {
    let present: Vec<f64> = scores.iter().copied().filter(|s| !s.is_nan()).collect();
    present.iter().sum::<f64>() / present.len() as f64
}

/// Expected calibration error: how far the confidence of the chosen class is from the share of
/// pixels that are right, over `bins` equal intervals of confidence. `probs` is `[N, C, P]` with P
/// pixels a plane, `labels` `[N, P]`; a label that is no class is passed over.
#[must_use]
pub fn calibration_error(
    probs: &[f64],
    labels: &[u8],
    classes: usize,
    plane: usize,
    bins: usize,
) -> f64 {
    let mut found = Calibration::new(bins);
    for (at, &label) in labels.iter().enumerate() {
        if usize::from(label) >= classes {
            continue;
        }
        let of = |class: usize| probs[(at / plane * classes + class) * plane + at % plane];
        let mut best = 0;
        for class in 1..classes {
            if of(class) > of(best) {
                best = class;
            }
        }
        found.add(of(best), best == usize::from(label));
    }
    found.expected_error()
}
