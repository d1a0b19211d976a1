//! Whether runs differ by more than luck: computed once for each choice of runs, in the background.

use super::Lab;
use crate::run::{Run, group, statistics};

/// What was compared last.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// Id and number of validations of each run.
    key: Vec<(String, usize)>,
    sentences: Option<Vec<String>>,
}

impl Lab {
    /// Sentences about the runs of these ids, whose curves are here; `None` until they are known.
    pub fn verdicts(&mut self, ids: &[String]) -> Option<&[String]> {
        let runs = || self.runs.iter().filter(|run| ids.contains(&run.id));
        let key = || runs().map(|run| (&run.id, run.validations.len()));
        let known = self.verdicts.key.iter().map(|(id, n)| (id, *n));
        if !key().eq(known) {
            // The test needs validations alone: curves are not copied.
            let light: Vec<Run> = runs()
                .map(|run| Run {
                    id: run.id.clone(),
                    name: run.name.clone(),
                    config: run.config.clone(),
                    dataset: run.dataset.clone(),
                    classes: run.classes.clone(),
                    validations: run.validations.clone(),
                    best: run.best,
                    ..Run::default()
                })
                .collect();
            self.verdicts = Verdicts {
                key: key().map(|(id, n)| (id.clone(), n)).collect(),
                sentences: None,
            };
            self.jobs.judge(self.verdicts.key.clone(), light);
        }
        self.verdicts.sentences.as_deref()
    }

    pub(super) fn judged(&mut self, key: &[(String, usize)], sentences: Vec<String>) {
        if self.verdicts.key == key {
            self.verdicts.sentences = Some(sentences);
        }
    }
}

/// The sentences about `runs`.
pub(super) fn judge(runs: &[Run]) -> Vec<String> {
    let runs: Vec<&Run> = runs.iter().collect();
    statistics::against_best(&group::groups(&runs))
}
