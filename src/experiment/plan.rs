//! What is to be raced against what, and how often: lanes, repeated over seeds.

use serde::{Deserialize, Serialize};

use super::sweep::unequal_start;
use super::{ExperimentConfig, differences};

/// Lanes in one race: more would make every step of each a long wait.
pub const LANES: usize = 8;

/// A configuration under a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    pub name: String,
    pub config: ExperimentConfig,
}

/// Lanes that are to be compared.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plan {
    pub lanes: Vec<Lane>,
    /// How often all of it is repeated, each time from another seed; 0 counts as 1.
    pub seeds: u64,
    /// Keys in which lanes differ because somebody asked for it. What a loss is made of (output
    /// activation, loss, class weights) need not be named.
    #[serde(default)]
    pub varied: Vec<String>,
}

/// What a comparison compares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement {
    /// Keys in which the lanes differ.
    pub differ: Vec<String>,
    /// Those of them that decide where a network starts and what it sees: more differs than a loss.
    pub unequal: Vec<String>,
    /// The rest of those that nobody asked for: whatever tells the lanes apart may come from them.
    pub unasked: Vec<String>,
    /// Lanes that are the same as one before them.
    pub twins: Vec<String>,
}

impl Plan {
    /// The races, one after the other: every lane from the same seed, [`LANES`] at a time, then all
    /// of it from the next seed. Names tell the seed where there are several, and no two are the same.
    #[must_use]
    pub fn races(&self) -> Vec<Vec<Lane>> {
        let seeds = self.seeds.max(1);
        let mut races = Vec::new();
        let mut named: Vec<Lane> = Vec::new();
        for lane in &self.lanes {
            let mut lane = lane.clone();
            lane.name = unlike(&named, lane.name);
            named.push(lane);
        }
        for repetition in 0..seeds {
            let lanes: Vec<Lane> = (named.iter())
                .map(|lane| {
                    let mut lane = lane.clone();
                    if seeds > 1 {
                        lane.config.train.seed += repetition;
                        lane.name = seeded_name(&lane.name, lane.config.train.seed);
                    }
                    lane
                })
                .collect();
            races.extend(lanes.chunks(LANES).map(<[Lane]>::to_vec));
        }
        races
    }

    #[must_use]
    pub fn statement(&self) -> Statement {
        let configs: Vec<&ExperimentConfig> = self.lanes.iter().map(|lane| &lane.config).collect();
        let twins = (self.lanes.iter().enumerate())
            .filter(|(at, lane)| self.lanes[..*at].iter().any(|l| l.config == lane.config))
            .map(|(_, lane)| lane.name.clone())
            .collect();
        let differ: Vec<String> = (differences(&configs).into_iter())
            .map(|(key, _)| key)
            .collect();
        let unequal = unequal_start(&configs);
        let unasked = (differ.iter())
            .filter(|key| !self.is_asked(key) && !unequal.contains(key))
            .cloned()
            .collect();
        Statement {
            differ,
            unequal,
            unasked,
            twins,
        }
    }

    /// Whether lanes were meant to differ in `key`.
    fn is_asked(&self, key: &str) -> bool {
        let of_loss = ["loss.", "class_weights."];
        key == "activation"
            || of_loss.iter().any(|part| key.starts_with(part))
            || self.varied.iter().any(|varied| varied == key)
    }
}

/// `name`, with a number behind it where it is taken.
fn unlike(taken: &[Lane], name: String) -> String {
    let free = |name: &String| taken.iter().all(|lane| lane.name != *name);
    let numbered = (2..).map(|n| format!("{name} ({n})"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(free).unwrap_or(name)
}

/// Name of a repetition, as groups of runs take it apart again.
#[must_use]
pub fn seeded_name(name: &str, seed: u64) -> String {
    format!("{name}, seed {seed}")
}

/// Keys, where a few say it all; parts of the configuration, where they differ in many.
#[must_use]
pub fn in_words<'a>(keys: impl Iterator<Item = &'a String>) -> String {
    /// Keys of one part that are named one by one.
    const FEW: usize = 3;
    let mut parts: Vec<(&str, Vec<&str>)> = Vec::new();
    for key in keys {
        let part = key.split('.').next().unwrap_or(key);
        match parts.iter_mut().find(|(name, _)| *name == part) {
            Some((_, keys)) => keys.push(key),
            None => parts.push((part, vec![key])),
        }
    }
    let words = parts.into_iter().map(|(part, keys)| match part {
        "loss" if keys.len() > FEW || keys.contains(&"loss.kind") => "the loss".to_owned(),
        _ if keys.len() > FEW => format!("{} settings of [{part}]", keys.len()),
        _ => keys.join(", "),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::*;
    use crate::param::Value;

    fn lane(name: &str, settings: &[(&str, &str)]) -> Lane {
        let mut config = ExperimentConfig::default();
        for (key, value) in settings {
            config.set(key, value).unwrap();
        }
        Lane {
            name: name.to_owned(),
            config,
        }
    }

    #[test]
    fn every_lane_is_raced_from_every_seed_and_never_more_than_eight_at_once() {
        let lanes: Vec<Lane> = (0..10).map(|i| lane(&format!("l{i}"), &[])).collect();
        let races = Plan {
            lanes,
            seeds: 3,
            ..Plan::default()
        }
        .races();
        assert_eq!(
            races.iter().map(Vec::len).collect::<Vec<_>>(),
            [8, 2, 8, 2, 8, 2]
        );
        let seed = ExperimentConfig::default().train.seed;
        assert_eq!(races[4][3].config.train.seed, seed + 2);
        assert_eq!(races[4][3].name, format!("l3, seed {}", seed + 2));
        let twins = Plan {
            lanes: vec![lane("a", &[]), lane("a", &[]), lane("a", &[])],
            seeds: 2,
            ..Plan::default()
        }
        .races();
        let names: Vec<&str> = twins[0].iter().map(|lane| lane.name.as_str()).collect();
        assert_eq!(names, ["a, seed 1", "a (2), seed 1", "a (3), seed 1"]);
        let once = Plan {
            lanes: vec![lane("a", &[])],
            ..Plan::default()
        }
        .races();
        assert_eq!((once.len(), once[0][0].name.as_str()), (1, "a"));
    }

    #[test]
    fn what_differs_is_said_and_what_should_not_differ_is_told_apart() {
        let plan = Plan {
            lanes: vec![
                lane("a", &[("train.learning_rate", "0.1")]),
                lane("b", &[("train.learning_rate", "0.2"), ("model.depth", "2")]),
                lane("c", &[("train.learning_rate", "0.1")]),
            ],
            seeds: 1,
            varied: vec!["train.learning_rate".to_owned()],
        };
        let said = plan.statement();
        assert_eq!(said.differ, ["model.depth", "train.learning_rate"]);
        assert_eq!(said.unequal, ["model.depth"]);
        assert_eq!(said.unasked, Vec::<String>::new());
        assert_eq!(said.twins, ["c"]);
    }

    /// Gives a field some other value than it has.
    fn change(value: Value<'_>) {
        fn other<T: PartialEq + Copy>(value: &mut T, range: &RangeInclusive<T>) {
            let (low, high) = (*range.start(), *range.end());
            *value = if *value == low { high } else { low };
        }
        match value {
            Value::Float { value, range, .. } => other(value, &range),
            Value::Int { value, range } => other(value, &range),
            Value::Flag(flag) => *flag = !*flag,
            Value::Choice(choice) => choice.choose((choice.index() + 1) % choice.names().len()),
            Value::Floats { value, range } => value.push(*range.end()),
            Value::Text(text) => text.push('x'),
        }
    }

    /// Whatever the key: it is asked for, or warned of.
    #[test]
    fn no_key_differs_in_silence() {
        let base = lane("base", &[]);
        let count = base.config.clone().params().len();
        for at in 0..count {
            let mut other = base.clone();
            let mut params = other.config.params();
            let param = params.swap_remove(at);
            let key = param.key.clone();
            change(param.value);
            drop(params);
            let mut plan = Plan {
                lanes: vec![base.clone(), other],
                ..Plan::default()
            };
            let said = plan.statement();
            assert!(said.differ.contains(&key), "{key}: {said:?}");
            let of_loss = key == "activation"
                || key.starts_with("loss.")
                || key.starts_with("class_weights.");
            let times = [&said.unequal, &said.unasked].map(|keys| keys.contains(&key));
            let times = times.iter().filter(|warned| **warned).count();
            assert_eq!(times, usize::from(!of_loss), "{key}: {said:?}");
            plan.varied = vec![key.clone()];
            assert!(!plan.statement().unasked.contains(&key), "{key}");
        }
    }

    #[test]
    fn many_keys_of_a_part_are_said_in_one_word() {
        let keys = |list: &[&str]| list.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let said = |list: &[&str]| in_words(keys(list).iter());
        assert_eq!(said(&["loss.gamma"]), "loss.gamma");
        assert_eq!(said(&["loss.kind", "activation"]), "the loss, activation");
        assert_eq!(
            said(&[
                "train.a", "train.b", "train.c", "train.d", "loss.x", "loss.y"
            ]),
            "4 settings of [train], loss.x, loss.y"
        );
    }
}
