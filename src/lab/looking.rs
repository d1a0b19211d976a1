//! The close look at every pixel of the open dataset: a job that runs beside everything else, and
//! whose findings join those of opening.

use std::sync::Arc;

use super::{Lab, Opened};
use crate::data::forensics::Report;
use crate::data::{DataError, Dataset, Progress};
use crate::finding::Finding;

/// Larger datasets are looked at when the user asks: it reads every image.
const UNASKED: usize = 20_000;

/// The close look at the open dataset.
#[derive(Default)]
pub struct Look {
    /// The dataset without what the look found.
    before: Option<Arc<Dataset>>,
    /// Under way.
    pub progress: Option<Arc<Progress>>,
    pub report: Option<Arc<Report>>,
}

impl Look {
    fn stop(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.cancel();
        }
    }
}

impl Lab {
    /// Call it whenever another dataset or split is open.
    pub(super) fn dataset_changed(&mut self) {
        self.look.stop();
        self.look.report = None;
        self.look.before = self.dataset().cloned();
        let items = self.dataset().map_or(0, |dataset| dataset.items.len());
        if items > 0 && items <= UNASKED {
            self.look_closely();
        }
    }

    /// Starts the close look, unless it is under way or done.
    pub fn look_closely(&mut self) {
        if self.look.progress.is_some() || self.look.report.is_some() {
            return;
        }
        if let Some(dataset) = self.look.before.clone() {
            let progress = Arc::new(Progress::default());
            self.jobs.look_closely(&dataset, &progress);
            self.look.progress = Some(progress);
        }
    }

    /// Ends a look that is under way; what is found so far is lost.
    pub fn stop_looking(&mut self) {
        self.look.stop();
    }

    pub(super) fn looked(&mut self, of: &Arc<Dataset>, result: Result<Report, DataError>) {
        let same = (self.look.before.as_ref()).is_some_and(|before| Arc::ptr_eq(before, of));
        if !same || self.look.progress.take().is_none() {
            return;
        }
        let (Ok(report), Opened::Ready(now)) = (result, &self.dataset) else {
            return;
        };
        let dataset = Dataset {
            findings: joined(&of.findings, &report.findings),
            // Renamed in the meantime.
            classes: now.classes.clone(),
            ..Dataset::clone(now)
        };
        self.dataset = Opened::Ready(Arc::new(dataset));
        self.look.report = Some(Arc::new(report));
    }

    /// The open dataset without what the look found: what another split starts from.
    pub(super) fn unlooked(&self) -> Option<Arc<Dataset>> {
        self.look.before.clone()
    }
}

/// Findings of opening and of looking, worst first; what both found is said once.
fn joined(opening: &[Finding], looking: &[Finding]) -> Vec<Finding> {
    let mut all = opening.to_vec();
    for finding in looking {
        if !all.iter().any(|known| known.code == finding.code) {
            all.push(finding.clone());
        }
    }
    all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn what_both_found_is_said_once_and_the_worst_comes_first() {
        let finding = |code, severity| Finding::new(code, severity, "");
        let opening = [finding("a", Severity::Hint)];
        let looking = [finding("b", Severity::Error), finding("a", Severity::Hint)];
        let codes: Vec<String> = joined(&opening, &looking)
            .into_iter()
            .map(|f| f.code)
            .collect();
        assert_eq!(codes, ["b", "a"]);
    }
}
