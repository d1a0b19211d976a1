//! Response curves of the draft, and of what is laid over it, kept up to date in the background.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Lab;
use crate::doctor::Masks;
use crate::doctor::curves::Curve;
use crate::experiment::ExperimentConfig;

/// Configurations laid over each other at most, the draft among them.
pub const MOST: usize = 4;
/// What the draft is called beside presets and runs.
pub const DRAFT: &str = "these settings";

/// The curves of one configuration.
#[derive(Debug, Clone)]
pub struct Laid {
    pub name: String,
    pub config: ExperimentConfig,
    /// Or why there are none.
    pub curves: Result<Vec<Curve>, String>,
}

/// What is laid over each other.
#[derive(Default)]
pub struct Responses {
    /// Beside the draft, in the order they were chosen.
    pub others: Vec<(String, ExperimentConfig)>,
    /// What is known, the draft first; that of the last settings while new ones are looked at.
    pub laid: Vec<Laid>,
    asked: Vec<(String, ExperimentConfig)>,
    masks: Option<Arc<Masks>>,
    stop: Arc<AtomicBool>,
    number: u64,
}

impl Responses {
    /// Lays one more over the others, unless it is there or there are enough.
    pub fn add(&mut self, name: &str, config: &ExperimentConfig) {
        let known = self.others.iter().any(|(other, _)| other == name);
        if !known && self.others.len() + 1 < MOST {
            self.others.push((name.to_owned(), config.clone()));
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.others.retain(|(other, _)| other != name);
    }
}

impl Lab {
    /// Starts anew when the draft, its company or the masks changed; what ran before is stopped.
    pub(super) fn respond(&mut self) {
        let Some(masks) = self.examiner.masks() else {
            return;
        };
        let mut wanted = vec![(DRAFT.to_owned(), super::xraying::relevant(&self.draft))];
        for (name, config) in &self.responses.others {
            let config = self.draft.with_loss_of(config);
            wanted.push((name.clone(), super::xraying::relevant(&config)));
        }
        let responses = &mut self.responses;
        let same = (responses.masks.as_ref()).is_some_and(|old| Arc::ptr_eq(old, &masks));
        if same && responses.asked == wanted {
            return;
        }
        responses.stop.store(true, Ordering::Relaxed);
        responses.stop = Arc::default();
        responses.number += 1;
        let known = match same {
            true => responses.laid.clone(),
            false => Vec::new(),
        };
        responses.masks = Some(Arc::clone(&masks));
        responses.asked.clone_from(&wanted);
        let (number, stop) = (responses.number, Arc::clone(&responses.stop));
        self.jobs.respond(number, masks, wanted, known, stop);
    }

    pub(super) fn responded(&mut self, number: u64, laid: Vec<Laid>) {
        if number == self.responses.number {
            self.responses.laid = laid;
        }
    }
}
