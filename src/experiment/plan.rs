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
}

/// What a comparison compares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement {
    /// Keys in which the lanes differ.
    pub differ: Vec<String>,
    /// Those of them that decide where a network starts and what it sees: more differs than a loss.
    pub unequal: Vec<String>,
    /// Lanes that are the same as one before them.
    pub twins: Vec<String>,
}

impl Plan {
    /// The races, one after the other: every lane from the same seed, [`LANES`] at a time, then all
    /// of it from the next seed. Names tell the seed where there are several.
    #[must_use]
    pub fn races(&self) -> Vec<Vec<Lane>> {
        let seeds = self.seeds.max(1);
        let mut races = Vec::new();
        for repetition in 0..seeds {
            let lanes: Vec<Lane> = (self.lanes.iter())
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
        Statement {
            differ: (differences(&configs).into_iter())
                .map(|(key, _)| key)
                .collect(),
            unequal: unequal_start(&configs),
            twins,
        }
    }
}

/// Name of a repetition, as groups of runs take it apart again.
#[must_use]
pub fn seeded_name(name: &str, seed: u64) -> String {
    format!("{name}, seed {seed}")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let races = Plan { lanes, seeds: 3 }.races();
        assert_eq!(
            races.iter().map(Vec::len).collect::<Vec<_>>(),
            [8, 2, 8, 2, 8, 2]
        );
        let seed = ExperimentConfig::default().train.seed;
        assert_eq!(races[4][3].config.train.seed, seed + 2);
        assert_eq!(races[4][3].name, format!("l3, seed {}", seed + 2));
        let once = Plan {
            lanes: vec![lane("a", &[])],
            seeds: 0,
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
        };
        let said = plan.statement();
        assert_eq!(said.differ, ["model.depth", "train.learning_rate"]);
        assert_eq!(said.unequal, ["model.depth"]);
        assert_eq!(said.twins, ["c"]);
    }
}
