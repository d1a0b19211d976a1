//! Points of a series that stand out: spikes far from where the series was, and values that are no
//! numbers. Pure arithmetic on slices; it knows neither runs nor widgets.

/// Share that the moving average keeps at each point: it looks back over about ten.
const KEEPS: f64 = 0.9;
/// The first points have no past that they could stand out from.
const SETTLED: usize = 20;
/// Fewer points than this have no quartiles worth the name.
const FEWEST: usize = 40;

/// As far away as a point can be: larger numbers have no order that matters.
const FAR: f64 = 1e30;

/// Marks of one series, grown with it.
///
/// A point's distance is that from the moving average of the points before it, in units of their mean
/// distance: a series that falls and calms down is judged by its own neighbourhood. A point is an
/// outlier when its distance lies outside Tukey's outer fences (three interquartile ranges beyond
/// the quartiles of all distances; J. W. Tukey, Exploratory Data Analysis, 1977). Fences are taken
/// anew whenever the series has grown by a twentieth.
#[derive(Debug, Default)]
pub struct Outliers {
    /// Distance of each point from the average before it; NaN where there is none.
    distances: Vec<f32>,
    average: Option<f64>,
    /// Mean distance of the points so far, as far as they count.
    scale: f64,
    /// Length of the series when the fences were last taken.
    fenced: usize,
    at: Vec<usize>,
    missing: Vec<usize>,
    usual: Option<(f64, f64)>,
}

impl Outliers {
    /// Folds in the points up to `len`; a shorter series than before starts anew.
    pub fn extend(&mut self, len: usize, value: impl Fn(usize) -> f64) {
        if len < self.distances.len() {
            *self = Self::default();
        }
        for at in self.distances.len()..len {
            let v = value(at);
            if !v.is_finite() {
                self.missing.push(at);
                self.distances.push(f32::NAN);
                continue;
            }
            let average = self.average.unwrap_or(v);
            let away = v - average;
            self.distances.push(if at < SETTLED {
                f32::NAN
            } else if away == 0.0 {
                0.0
            } else {
                (away / self.scale.max(f64::MIN_POSITIVE)).clamp(-FAR, FAR) as f32
            });
            // A spike must not drag the average to itself, or the points after it stand out too.
            let most = if at < SETTLED {
                f64::MAX
            } else {
                4.0 * self.scale
            };
            let counted = away.clamp(-most, most);
            self.average = Some(average + (1.0 - KEEPS) * counted);
            self.scale += (1.0 - KEEPS) * (counted.abs() - self.scale);
        }
        if len >= FEWEST && len >= self.fenced + (self.fenced / 20).max(16).min(len) {
            self.fence(len, value);
        }
    }

    fn fence(&mut self, len: usize, value: impl Fn(usize) -> f64) {
        self.fenced = len;
        self.at.clear();
        let mut sorted: Vec<f32> = (self.distances.iter().copied())
            .filter(|d| d.is_finite())
            .collect();
        if let Some((low, high)) = fences(&mut sorted) {
            let out = |d: &f32| *d < low || *d > high;
            let all = self.distances.iter().enumerate();
            self.at
                .extend(all.filter(|(_, d)| out(d)).map(|(at, _)| at));
        }
        let mut marked = self.at.iter().copied().peekable();
        let mut usual: Option<(f64, f64)> = None;
        for at in 0..len {
            if marked.next_if_eq(&at).is_some() {
                continue;
            }
            let v = value(at);
            if v.is_finite() {
                let (low, high) = usual.unwrap_or((v, v));
                usual = Some((low.min(v), high.max(v)));
            }
        }
        self.usual = usual;
    }

    /// Indices of the outliers, ascending.
    #[must_use]
    pub fn at(&self) -> &[usize] {
        &self.at
    }

    /// Indices of the values that are no numbers or not finite, ascending.
    #[must_use]
    pub fn missing(&self) -> &[usize] {
        &self.missing
    }

    /// Smallest and largest value without the outliers.
    #[must_use]
    pub fn usual(&self) -> Option<(f64, f64)> {
        self.usual
    }
}

/// Outer fences of `values`, which are reordered; `None` where the middle half is one number.
fn fences(values: &mut [f32]) -> Option<(f32, f32)> {
    let n = values.len();
    if n < FEWEST / 2 {
        return None;
    }
    let lower = *values.select_nth_unstable_by(n / 4, f32::total_cmp).1;
    let upper = *values.select_nth_unstable_by(n * 3 / 4, f32::total_cmp).1;
    let reach = 3.0 * (upper - lower);
    (reach > 0.0).then_some((lower - reach, upper + reach))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rough(at: usize) -> f64 {
        let x = at as f64;
        2.0 - x * 1e-3 + 0.05 * (x * 0.7).sin() + 0.05 * (x * 12.9).cos()
    }

    #[test]
    fn a_spike_and_a_hole_are_found_and_nothing_else() {
        let series: Vec<f64> = (0..1_000)
            .map(|at| match at {
                300 => 9.0,
                555 => f64::NAN,
                700 => -4.0,
                801 => f64::INFINITY,
                _ => rough(at),
            })
            .collect();
        let mut found = Outliers::default();
        found.extend(series.len(), |at| series[at]);
        assert_eq!(found.missing(), [555, 801]);
        assert!(found.at().contains(&300) && found.at().contains(&700));
        // The average is pulled by a spike for a few points after it.
        assert!(
            found
                .at()
                .iter()
                .all(|at| (300..320).contains(at) || (700..720).contains(at)),
            "{:?}",
            found.at()
        );
        let (low, high) = found.usual().expect("numbers");
        assert!(low > 0.5 && high < 2.2, "{low} {high}");
    }

    #[test]
    fn a_constant_has_no_outliers_and_a_short_series_none_yet() {
        let mut found = Outliers::default();
        found.extend(500, |_| 0.25);
        assert_eq!((found.at(), found.usual()), (&[][..], Some((0.25, 0.25))));
        let mut found = Outliers::default();
        found.extend(30, |at| if at == 25 { 1e6 } else { rough(at) });
        assert!(found.at().is_empty());
    }

    #[test]
    fn growing_finds_a_late_spike_and_starting_anew_forgets_it() {
        let mut found = Outliers::default();
        for len in 1..=400 {
            found.extend(len, |at| if at == 350 { 50.0 } else { rough(at) });
        }
        assert!(found.at().contains(&350));
        found.extend(100, rough);
        assert!(found.at().is_empty() && found.missing().is_empty());
    }
}
