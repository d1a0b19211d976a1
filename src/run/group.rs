//! Runs that differ in nothing but the seed are one experiment, repeated: its mean, and how far the
//! repetitions lie apart.

use super::Run;
use crate::experiment::ExperimentConfig;

crate::choices! {
    /// What the band around a mean shows.
    pub enum Spread {
        StandardDeviation = "sd": "One standard deviation (n − 1) to either side: how far single runs scatter.",
        StandardError = "se": "One standard error to either side: how sure the mean is.",
        MinMax = "min-max": "From the worst run to the best.",
    }
}

/// One experiment and its repetitions.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<'a> {
    /// Name of its first run, without what tells the seed.
    pub name: String,
    pub runs: Vec<&'a Run>,
}

/// Mean of several numbers and the band around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    pub x: f64,
    pub mean: f64,
    pub low: f64,
    pub high: f64,
    /// How many numbers it is the mean of.
    pub count: usize,
}

/// Groups runs whose configurations are equal but for the seed and the device, in order of their
/// first appearance.
#[must_use]
pub fn groups<'a>(runs: &[&'a Run]) -> Vec<Group<'a>> {
    let key = |run: &Run| {
        let mut config = run.config.clone();
        config.train.seed = 0;
        config.train.device.clear();
        (config, run.dataset.clone())
    };
    let mut found: Vec<(_, Group<'a>)> = Vec::new();
    for run in runs {
        let key = key(run);
        match found.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.runs.push(run),
            None => found.push((
                key,
                Group {
                    name: bare_name(&run.name),
                    runs: vec![run],
                },
            )),
        }
    }
    found.into_iter().map(|(_, group)| group).collect()
}

/// [`crate::experiment::differences`] of the runs' configurations.
#[must_use]
pub fn differences(runs: &[&Run]) -> Vec<(String, Vec<String>)> {
    let configs: Vec<&ExperimentConfig> = runs.iter().map(|run| &run.config).collect();
    crate::experiment::differences(&configs)
}

/// `dice, seed 3` → `dice`.
fn bare_name(name: &str) -> String {
    match name.rsplit_once(", seed ") {
        Some((bare, seed)) if seed.chars().all(|c| c.is_ascii_digit()) => bare.to_owned(),
        _ => name.to_owned(),
    }
}

/// Mean and band of `values`; `None` when there are none.
#[must_use]
pub fn band(x: f64, values: &[f64], spread: Spread) -> Option<Band> {
    let count = values.len();
    if count == 0 {
        return None;
    }
    let n = count as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = if count > 1 {
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        (squares / (n - 1.0)).sqrt()
    } else {
        0.0
    };
    let (low, high) = match spread {
        Spread::StandardDeviation => (mean - deviation, mean + deviation),
        Spread::StandardError => (mean - deviation / n.sqrt(), mean + deviation / n.sqrt()),
        Spread::MinMax => (
            values.iter().copied().fold(f64::INFINITY, f64::min),
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ),
    };
    Some(Band {
        x,
        mean,
        low,
        high,
        count,
    })
}

impl Group<'_> {
    /// `value` of each run by step, where the runs have it: mean and band at every step that any run
    /// was validated at, over those that were.
    #[must_use]
    pub fn over_validations(
        &self,
        spread: Spread,
        value: impl Fn(&super::Validation) -> Option<f64>,
    ) -> Vec<Band> {
        let mut steps: Vec<u64> = (self.runs.iter())
            .flat_map(|run| run.validations.iter().map(|v| v.step))
            .collect();
        steps.sort_unstable();
        steps.dedup();
        let at = |step: u64| -> Vec<f64> {
            let of = |run: &&Run| {
                let found = run.validations.iter().find(|v| v.step == step)?;
                value(found).filter(|v| v.is_finite())
            };
            self.runs.iter().filter_map(of).collect()
        };
        (steps.into_iter())
            .filter_map(|step| band(step as f64, &at(step), spread))
            .collect()
    }

    /// Best mean Dice of each run that has one.
    #[must_use]
    pub fn best(&self) -> Vec<f64> {
        let best = |run: &&Run| run.validations[run.best?].mean_dice;
        self.runs.iter().filter_map(best).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{RunEvent, metrics::Confusion};

    fn run(name: &str, seed: u64, rate: f64, dice: &[f64]) -> Run {
        let mut run = Run {
            name: name.to_owned(),
            ..Run::default()
        };
        run.config.train.seed = seed;
        run.config.train.learning_rate = rate;
        for (at, dice) in dice.iter().enumerate() {
            run.apply(&RunEvent::Validated {
                step: 10 * (at as u64 + 1),
                loss: 1.0,
                dice: vec![Some(*dice)],
                mean_dice: Some(*dice),
                confusion: Confusion::new(1),
                per_image: Vec::new(),
                calibration: Default::default(),
                secs: 0.0,
            });
        }
        run
    }

    #[test]
    fn only_the_seed_may_differ_within_a_group() {
        let runs = [
            run("a, seed 1", 1, 0.1, &[0.2, 0.4]),
            run("b", 1, 0.2, &[0.9]),
            run("a, seed 2", 2, 0.1, &[0.4, 0.8]),
            run("a, seed 3", 3, 0.1, &[0.6]),
        ];
        let all: Vec<&Run> = runs.iter().collect();
        let found = groups(&all);
        let sizes: Vec<(&str, usize)> =
            (found.iter().map(|g| (g.name.as_str(), g.runs.len()))).collect();
        assert_eq!(sizes, [("a", 3), ("b", 1)]);
        assert_eq!(found[0].best(), [0.4, 0.8, 0.6]);

        // By hand: 0.2, 0.4, 0.6 have mean 0.4 and standard deviation 0.2.
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        let curve = found[0].over_validations(Spread::StandardDeviation, |v| v.mean_dice);
        assert_eq!((curve.len(), curve[0].count, curve[1].count), (2, 3, 2));
        assert!(close(curve[0].mean, 0.4) && close(curve[0].low, 0.2) && close(curve[0].high, 0.6));
        let curve = found[0].over_validations(Spread::StandardError, |v| v.mean_dice);
        assert!(close(curve[0].high, 0.4 + 0.2 / 3f64.sqrt()));
        let curve = found[0].over_validations(Spread::MinMax, |v| v.mean_dice);
        assert_eq!((curve[1].low, curve[1].high), (0.4, 0.8));
    }

    #[test]
    fn names_of_repetitions_are_taken_apart_again() {
        assert_eq!(
            bare_name(&crate::experiment::plan::seeded_name("a, b", 12)),
            "a, b"
        );
        assert_eq!(
            bare_name("to seed or not, seed x"),
            "to seed or not, seed x"
        );
    }
}
