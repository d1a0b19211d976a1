//! The settings of runs as text, made once for each run: asking a configuration for all its settings
//! takes too long to do it for a thousand runs in one frame.

use std::collections::HashMap;

use crate::experiment::ExperimentConfig;
use crate::run::Run;

/// Settings made in one frame at most.
const AT_ONCE: usize = 40;

type Settings = Vec<(String, String)>;

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Values {
    of: HashMap<String, Settings>,
    defaults: Settings,
    /// Differences from the baseline of this id.
    against: Option<String>,
    differences: HashMap<String, String>,
}

impl Values {
    /// Makes some more; whether all of `runs` are there now.
    pub fn fill<'a>(&mut self, runs: impl Iterator<Item = &'a Run>) -> bool {
        let mut left = AT_ONCE;
        for run in runs {
            if self.of.contains_key(&run.id) {
                continue;
            }
            if left == 0 {
                return false;
            }
            left -= 1;
            self.of.insert(run.id.clone(), run.config.values());
        }
        true
    }

    /// How many runs are known: changes with every [`Values::fill`] that made some.
    pub fn known(&self) -> usize {
        self.of.len()
    }

    fn of(&mut self, run: &Run) -> &Settings {
        (self.of.entry(run.id.clone())).or_insert_with(|| run.config.values())
    }

    pub fn get(&mut self, run: &Run, key: &str) -> Option<String> {
        let found = self.of(run).iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.clone())
    }

    /// All settings of `run`, by name.
    pub fn keys(&mut self, run: &Run) -> Vec<String> {
        self.of(run).iter().map(|(key, _)| key.clone()).collect()
    }

    /// Whether `run` has `value` for a setting whose name ends in `key`, if its settings are known.
    pub fn has(&self, run: &Run, key: &str, value: &str) -> bool {
        self.of.get(&run.id).is_some_and(|settings| {
            settings.iter().any(|(known, own)| {
                let known = known.to_lowercase();
                let name = known == key || known.ends_with(&format!(".{key}"));
                name && own.to_lowercase() == value
            })
        })
    }

    /// `loss.kind = focal, train.seed = 3`: what `run` has that the baseline (or the default
    /// configuration) has not.
    pub fn differences(&mut self, run: &Run, baseline: Option<&Run>) -> String {
        let against = baseline.map(|run| run.id.clone());
        if self.against != against {
            (self.against, self.differences) = (against, HashMap::new());
        }
        if let Some(known) = self.differences.get(&run.id) {
            return known.clone();
        }
        if self.defaults.is_empty() {
            self.defaults = ExperimentConfig::default().values();
        }
        let base = match baseline {
            Some(baseline) => self.of(baseline).clone(),
            None => self.defaults.clone(),
        };
        // What only this kind of loss has follows from its kind, as long as it is as usual.
        let mut alike = ExperimentConfig::default();
        let usual = match alike.set("loss.kind", run.config.loss.kind()) {
            Ok(()) => alike.values(),
            Err(_) => Vec::new(),
        };
        let own = self.of(run);
        let expected = |setting: &&(String, String)| {
            let (key, _) = setting;
            let known = base.iter().any(|(other, _)| other == key);
            base.contains(setting) || (!known && usual.contains(setting))
        };
        let differing: Vec<String> = (own.iter())
            .filter(|setting| !expected(setting))
            // Which folder and device tell runs apart that are alike; they have their own columns.
            .filter(|(key, _)| key != "data.path" && key != "train.device")
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        let text = differing.join(", ");
        self.differences.insert(run.id.clone(), text.clone());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, settings: &[(&str, &str)]) -> Run {
        let mut run = Run {
            id: id.to_owned(),
            ..Run::default()
        };
        for (key, value) in settings {
            run.config.set(key, value).expect("a valid setting");
        }
        run
    }

    #[test]
    fn differences_are_those_from_the_baseline_or_the_defaults() {
        let a = run("a", &[("train.seed", "2")]);
        let b = run("b", &[("train.seed", "2"), ("train.batch", "3")]);
        let mut values = Values::default();
        assert_eq!(values.differences(&a, None), "train.seed = 2");
        assert_eq!(values.differences(&b, Some(&a)), "train.batch = 3");
        assert_eq!(values.differences(&a, Some(&b)), "train.batch = 8");
        assert_eq!(values.differences(&a, Some(&a)), "");
        // A focal loss has a gamma; that it is the usual one goes without saying.
        let focal = run("c", &[("loss.kind", "focal"), ("train.seed", "2")]);
        assert_eq!(values.differences(&focal, Some(&a)), "loss.kind = focal");
        let other = [
            ("loss.kind", "focal"),
            ("loss.gamma", "3.5"),
            ("train.seed", "2"),
        ];
        let said = values.differences(&run("d", &other), Some(&a));
        assert_eq!(said, "loss.kind = focal, loss.gamma = 3.5");
    }

    #[test]
    fn settings_are_made_a_few_at_a_time_and_found_by_the_end_of_their_name() {
        let runs: Vec<Run> = (0..AT_ONCE + 1)
            .map(|at| run(&at.to_string(), &[]))
            .collect();
        let mut values = Values::default();
        assert!(!values.fill(runs.iter()));
        assert_eq!(values.known(), AT_ONCE);
        assert!(values.fill(runs.iter()));
        assert!(values.has(&runs[0], "seed", "1") && values.has(&runs[0], "train.seed", "1"));
        assert!(!values.has(&runs[0], "eed", "1") && !values.has(&runs[0], "seed", "2"));
    }
}
