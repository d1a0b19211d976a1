//! A run, watched while it goes on: what its curves say becomes events of the run, once per code.
//!
//! Knows no thread and no tensor: it is fed the run's own events.

use std::collections::BTreeSet;

use super::rules::{self, Diagnosis, Evidence, Probe};
use crate::experiment::ExperimentConfig;
use crate::run::{Run, RunEvent};

/// The part of a run that a network in both modes is worth being asked about: before it, remembered
/// statistics still lag behind.
const PROBE_FROM: f64 = 0.5;

/// Follows one run.
#[derive(Debug, Default)]
pub struct Watch {
    run: Run,
    probes: Vec<Probe>,
    said: BTreeSet<String>,
}

impl Watch {
    #[must_use]
    pub fn new(config: &ExperimentConfig, classes: Vec<String>, total_steps: u64) -> Self {
        Self {
            run: Run {
                config: config.clone(),
                classes,
                total_steps,
                ..Run::default()
            },
            ..Self::default()
        }
    }

    /// Whether a batch in both modes of the network would tell something at this step.
    #[must_use]
    pub fn wants_probe(&self, step: u64) -> bool {
        step as f64 >= PROBE_FROM * self.run.total_steps as f64
    }

    /// What [`Watch::recall`] needs beside the record.
    #[must_use]
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// Takes up a run that was cut off, with its record up to there and the probes of that time.
    pub fn recall(&mut self, record: &[RunEvent], probes: Vec<Probe>) {
        self.probes = probes;
        for event in record {
            if let RunEvent::Finding { finding, .. } = event {
                self.said.insert(finding.code.clone());
            }
            self.fold(event);
        }
    }

    /// Takes a batch in both modes.
    pub fn probe(&mut self, probe: Probe) {
        self.probes.push(probe);
    }

    /// Folds the events of one step in and puts findings among them: after a validation, and before
    /// the end.
    pub fn review(&mut self, events: &mut Vec<RunEvent>) {
        let mut due = false;
        for event in events.iter() {
            due |= matches!(
                event,
                RunEvent::Validated { .. } | RunEvent::Finished { .. }
            );
            self.fold(event);
        }
        if !due {
            return;
        }
        let step = self.run.steps.last().map_or(0, |point| point.step);
        let at = match events.last() {
            Some(RunEvent::Finished { .. }) => events.len() - 1,
            _ => events.len(),
        };
        let fresh: Vec<RunEvent> = self
            .found()
            .into_iter()
            .filter(|diagnosis| self.said.insert(diagnosis.finding.code.clone()))
            .map(|diagnosis| RunEvent::Finding {
                step,
                finding: diagnosis.finding,
            })
            .collect();
        events.splice(at..at, fresh);
    }

    fn fold(&mut self, event: &RunEvent) {
        match event {
            // One matrix over all images is enough; many would fill the memory of a long run.
            RunEvent::Validated { per_image, .. } if !per_image.is_empty() => {
                let mut event = event.clone();
                if let RunEvent::Validated { per_image, .. } = &mut event {
                    per_image.clear();
                }
                self.run.apply(&event);
            }
            RunEvent::Finding { .. } => {}
            event => self.run.apply(event),
        }
    }

    fn found(&self) -> Vec<Diagnosis> {
        let evidence = Evidence {
            config: &self.run.config,
            dataset: None,
            xray: None,
            run: Some(&self.run),
        };
        let mut found = rules::watch(evidence);
        found.extend(rules::watch_probes(evidence, &self.probes));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::metrics::Confusion;

    fn validated(step: u64) -> RunEvent {
        RunEvent::Validated {
            step,
            loss: 0.5,
            dice: vec![Some(0.9), Some(0.0)],
            mean_dice: Some(0.45),
            confusion: Confusion {
                classes: 2,
                counts: vec![900, 0, 100, 0],
            },
            per_image: Vec::new(),
            calibration: Default::default(),
            secs: 0.0,
        }
    }

    fn codes(events: &[RunEvent]) -> Vec<&str> {
        let found = events.iter().filter_map(|event| match event {
            RunEvent::Finding { finding, .. } => Some(finding.code.as_str()),
            _ => None,
        });
        found.collect()
    }

    #[test]
    fn a_finding_is_said_once_and_stands_before_the_end() {
        let names = vec!["background".to_owned(), "cell".to_owned()];
        let mut watch = Watch::new(&ExperimentConfig::default(), names, 40);
        for step in [10, 20] {
            let mut events = vec![validated(step)];
            watch.review(&mut events);
            assert_eq!(codes(&events), Vec::<&str>::new());
        }
        let mut events = vec![validated(30)];
        watch.review(&mut events);
        assert_eq!(codes(&events), ["collapsed-to-background"]);
        let mut events = vec![
            validated(40),
            RunEvent::Finished {
                outcome: crate::run::Outcome::Diverged {
                    at_step: 41,
                    message: "the loss is NaN".to_owned(),
                },
                step: 40,
                secs: 0.0,
            },
        ];
        watch.review(&mut events);
        assert_eq!(codes(&events), ["diverged"]);
        assert!(matches!(events.last(), Some(RunEvent::Finished { .. })));
    }
}
