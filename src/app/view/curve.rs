//! Long series made drawable: a min/max pyramid over indices, and the debiased moving average.
//!
//! Pure arithmetic on slices; it knows neither runs nor widgets. The pyramid stores *indices* of
//! the extremes, so it stays valid when the x axis or a monotone y scale (logarithm) changes, and
//! grows with the series at amortised constant cost per point.

use std::ops::Range;

/// Points per bucket of the finest stored level.
const BASE: usize = 16;
/// Buckets merged into one bucket of the next coarser level.
const FACTOR: usize = 4;
/// No finite value in the bucket.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    min_at: u32,
    max_at: u32,
}

/// Where the smallest and the largest value of every stretch of a series are.
#[derive(Debug, Clone, Default)]
pub struct Pyramid {
    /// Finest first; only full buckets are stored.
    levels: Vec<Vec<Bucket>>,
    len: usize,
}

impl Pyramid {
    /// Number of points folded in.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Folds in the points up to `len`; a shorter series than before starts anew.
    pub fn extend(&mut self, len: usize, value: impl Fn(usize) -> f64) {
        if len < self.len {
            *self = Self::default();
        }
        self.len = len;
        let mut level = 0;
        loop {
            if self.levels.len() <= level {
                self.levels.push(Vec::new());
            }
            let have = self.levels[level].len();
            let want = if level == 0 {
                len / BASE
            } else {
                self.levels[level - 1].len() / FACTOR
            };
            for at in have..want {
                let bucket = if level == 0 {
                    scan(at * BASE..(at + 1) * BASE, &value)
                } else {
                    let finer = &self.levels[level - 1][at * FACTOR..(at + 1) * FACTOR];
                    merge(finer, &value)
                };
                self.levels[level].push(bucket);
            }
            if want < FACTOR {
                break;
            }
            level += 1;
        }
    }

    /// Indices, ascending, whose points draw like the whole of `range`: all of them while there
    /// are at most `max_points`, else the smallest and the largest of each stretch. Spikes survive
    /// whatever the zoom; points that are not finite are left out.
    pub fn select(
        &self,
        range: Range<usize>,
        max_points: usize,
        value: impl Fn(usize) -> f64,
        out: &mut Vec<usize>,
    ) {
        let range = range.start.min(self.len)..range.end.min(self.len);
        let mut width = 1;
        let mut level = None;
        let buckets = (max_points / 2).max(2);
        if range.len() > max_points.max(4) {
            width = BASE;
            level = Some(0);
            while range.len() / width > buckets && level.is_some_and(|l| l + 1 < self.levels.len())
            {
                width *= FACTOR;
                level = level.map(|l| l + 1);
            }
        }
        let Some(level) = level else {
            out.extend(range.filter(|&at| value(at).is_finite()));
            return;
        };
        let stored = &self.levels[level];
        // Ragged ends, and buckets that are not full yet, are scanned point by point.
        let first = range.start.div_ceil(width);
        let last = (range.end / width).min(stored.len()).max(first);
        push(
            scan(range.start..(first * width).min(range.end), &value),
            out,
        );
        for bucket in &stored[first.min(stored.len())..last.min(stored.len())] {
            push(*bucket, out);
        }
        let mut at = (last * width).clamp(range.start, range.end);
        while at < range.end {
            let end = (at + width).min(range.end);
            push(scan(at..end, &value), out);
            at = end;
        }
    }
}

fn scan(range: Range<usize>, value: &impl Fn(usize) -> f64) -> Bucket {
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut bucket = Bucket {
        min_at: NONE,
        max_at: NONE,
    };
    for at in range {
        let v = value(at);
        if !v.is_finite() {
            continue;
        }
        let index = u32::try_from(at).unwrap_or(NONE);
        if bucket.min_at == NONE || v < min {
            min = v;
            bucket.min_at = index;
        }
        if bucket.max_at == NONE || v > max {
            max = v;
            bucket.max_at = index;
        }
    }
    bucket
}

fn merge(finer: &[Bucket], value: &impl Fn(usize) -> f64) -> Bucket {
    let best = |pick: fn(&Bucket) -> u32, sign: f64| {
        finer
            .iter()
            .map(pick)
            .filter(|&at| at != NONE)
            .min_by(|&a, &b| (sign * value(a as usize)).total_cmp(&(sign * value(b as usize))))
            .unwrap_or(NONE)
    };
    Bucket {
        min_at: best(|b| b.min_at, 1.0),
        max_at: best(|b| b.max_at, -1.0),
    }
}

fn push(bucket: Bucket, out: &mut Vec<usize>) {
    if bucket.min_at == NONE {
        return;
    }
    let (a, b) = (bucket.min_at as usize, bucket.max_at as usize);
    out.push(a.min(b));
    if a != b {
        out.push(a.max(b));
    }
}

/// Exponential moving average without the pull towards zero at the start: `m / (1 - βᵗ)`.
///
/// Points that are not finite leave the average as it was.
#[derive(Debug, Clone, Default)]
pub struct Ema {
    weight: f64,
    moment: f64,
    /// `1 - βᵗ`, t counting the finite points.
    mass: f64,
    /// One value per point folded in.
    pub values: Vec<f64>,
}

/// The strongest smoothing there is: at 1 a curve would be a flat line at its first value.
pub const MAX_SMOOTHING: f64 = 0.999;

impl Ema {
    /// `weight` is β: 0 gives the series itself.
    #[must_use]
    pub fn new(weight: f64) -> Self {
        Self {
            weight: weight.clamp(0.0, MAX_SMOOTHING),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Folds in the points up to `len`; a shorter series than before starts anew.
    pub fn extend(&mut self, len: usize, value: impl Fn(usize) -> f64) {
        if len < self.values.len() {
            *self = Self::new(self.weight);
        }
        for at in self.values.len()..len {
            let v = value(at);
            if v.is_finite() {
                self.moment = self.weight * self.moment + (1.0 - self.weight) * v;
                self.mass = self.weight * self.mass + (1.0 - self.weight);
            }
            self.values.push(if self.mass > 0.0 {
                self.moment / self.mass
            } else {
                f64::NAN
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(at: usize) -> f64 {
        // Deterministic and rough, with no help from a random generator.
        let x = at as f64;
        (x * 0.37).sin() + 0.2 * (x * 12.9).cos()
    }

    fn picked(series: &[f64], range: Range<usize>, max_points: usize) -> Vec<usize> {
        let mut pyramid = Pyramid::default();
        pyramid.extend(series.len(), |at| series[at]);
        let mut out = Vec::new();
        pyramid.select(range, max_points, |at| series[at], &mut out);
        out
    }

    #[test]
    fn few_points_are_all_drawn() {
        let series: Vec<f64> = (0..100).map(wave).collect();
        assert_eq!(picked(&series, 10..60, 64), (10..60).collect::<Vec<_>>());
    }

    #[test]
    fn a_single_spike_survives_any_down_sampling() {
        let mut series: Vec<f64> = (0..100_000).map(wave).collect();
        series[77_777] = 50.0;
        series[3] = -50.0;
        for max_points in [16, 100, 1000] {
            let out = picked(&series, 0..series.len(), max_points);
            assert!(out.contains(&77_777), "spike lost at {max_points} points");
            assert!(out.contains(&3), "dip lost at {max_points} points");
            assert!(
                out.len() <= 4 * max_points + 2 * BASE,
                "{} drawn",
                out.len()
            );
            assert!(out.is_sorted());
        }
    }

    #[test]
    fn extremes_of_any_range_equal_those_of_the_raw_points() {
        let series: Vec<f64> = (0..20_011).map(wave).collect();
        for range in [0..20_011, 5..20_000, 1_001..1_900, 15_990..20_011, 17..18] {
            let out = picked(&series, range.clone(), 50);
            let raw = &series[range.clone()];
            let extreme = |v: &mut dyn Iterator<Item = f64>| {
                v.fold((f64::MAX, f64::MIN), |(lo, hi), x| (lo.min(x), hi.max(x)))
            };
            assert!(out.iter().all(|at| range.contains(at)));
            assert_eq!(
                extreme(&mut out.iter().map(|&at| series[at])),
                extreme(&mut raw.iter().copied()),
                "{range:?}"
            );
        }
    }

    #[test]
    fn growing_point_by_point_equals_building_at_once() {
        let series: Vec<f64> = (0..5_003).map(wave).collect();
        let mut grown = Pyramid::default();
        for len in 0..=series.len() {
            grown.extend(len, |at| series[at]);
        }
        let mut at_once = Pyramid::default();
        at_once.extend(series.len(), |at| series[at]);
        assert_eq!(grown.levels, at_once.levels);
    }

    #[test]
    fn points_that_are_not_finite_are_never_drawn() {
        let mut series: Vec<f64> = (0..1_000).map(wave).collect();
        for at in (0..1_000).step_by(3) {
            series[at] = f64::NAN;
        }
        for value in &mut series[320..480] {
            *value = f64::INFINITY;
        }
        let out = picked(&series, 0..1_000, 40);
        assert!(!out.is_empty());
        assert!(out.iter().all(|&at| series[at].is_finite()));
    }

    #[test]
    fn average_of_a_constant_is_the_constant_from_the_first_point() {
        let mut ema = Ema::new(0.99);
        ema.extend(200, |_| 0.7);
        for value in &ema.values {
            assert!((value - 0.7).abs() < 1e-12, "{value}");
        }
    }

    #[test]
    fn average_follows_its_definition_and_ignores_gaps() {
        // By hand, β = 0.5 over 1, 3: (0.25·1 + 0.5·3) / 0.75; the NaN between changes nothing.
        let series = [1.0, f64::NAN, 3.0];
        let mut ema = Ema::new(0.5);
        ema.extend(3, |at| series[at]);
        assert!((ema.values[0] - 1.0).abs() < 1e-12);
        assert!((ema.values[1] - 1.0).abs() < 1e-12);
        assert!((ema.values[2] - 1.75 / 0.75).abs() < 1e-12);
    }

    #[test]
    fn smoothing_of_zero_is_the_series_and_one_is_refused() {
        let mut ema = Ema::new(0.0);
        ema.extend(50, wave);
        assert!((0..50).all(|at| (ema.values[at] - wave(at)).abs() < 1e-12));
        assert!(Ema::new(1.0).weight() < 1.0);
    }
}
