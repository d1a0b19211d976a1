//! Racing a mistake of the museum against its fixed twin, on the images that it is about.

use super::notices::Level;
use super::{Lab, Opened};
use crate::data::DataConfig;
use crate::experiment::{ExperimentConfig, Preset};

/// A mistake and its repair: asked for, and the runs that they became.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    pub exhibit: Preset,
    /// Ids of the runs, the mistake first; fewer than two until both are opened.
    pub ids: Vec<String>,
    /// What waits for its images.
    waiting: Option<[(String, ExperimentConfig); 2]>,
}

impl Pair {
    /// Whether the images are still being opened.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}

/// The mistake's own configuration, on other images: what it does wrong to them stays.
fn elsewhere(mistake: &ExperimentConfig, images: &DataConfig) -> ExperimentConfig {
    let own = &mistake.data;
    ExperimentConfig {
        data: DataConfig {
            width: own.width,
            height: own.height,
            mask_resize: own.mask_resize,
            mask_values: own.mask_values,
            ..images.clone()
        },
        ..mistake.clone()
    }
}

impl Lab {
    /// Whether the open images are other ones than those of the sample.
    #[must_use]
    pub fn has_own_images(&self) -> bool {
        self.dataset().is_some() && self.draft.data.path != crate::data::open::SAMPLE
    }

    /// Races `exhibit` against its fixed twin, from the configuration `base` of the mistake: on the
    /// images that it was made for, which are opened first, or on those that are open now.
    pub fn race_pair(&mut self, exhibit: &Preset, base: &ExperimentConfig, on_own_images: bool) {
        if self.is_busy() {
            self.notices
                .push(Level::Warning, "A training is running: stop it first.");
            return;
        }
        let mut base = base.clone();
        if on_own_images {
            base = elsewhere(&base, &self.draft.data);
        }
        base.train.device.clone_from(&self.draft.train.device);
        let entries = match exhibit.pair(&base) {
            Ok(entries) => entries,
            Err(message) => {
                self.notices.push(Level::Error, message);
                return;
            }
        };
        let wanted = &base.data;
        if wanted.reading() != self.opened.reading()
            || wanted.splitting() != self.opened.splitting()
            || !matches!(self.dataset, Opened::Ready(_))
        {
            self.draft.data.path.clone_from(&base.data.path);
            self.draft.data.classes.clone_from(&base.data.classes);
            if wanted.splitting() != self.draft.data.splitting()
                || wanted.reading() != self.draft.data.reading()
            {
                // Something else about the images was changed by hand.
                self.draft.data = base.data.clone();
            }
            self.reopen();
        }
        self.pair = Some(Pair {
            exhibit: exhibit.clone(),
            ids: Vec::new(),
            waiting: Some(entries),
        });
        self.start_pair();
    }

    /// Starts the pair that waits, once its images are there.
    pub(super) fn start_pair(&mut self) {
        let ready = match &self.dataset {
            Opened::Opening { .. } => return,
            Opened::Ready(_) => true,
            Opened::Failed { .. } => false,
        };
        let Some(pair) = &mut self.pair else { return };
        let Some(entries) = pair.waiting.take() else {
            return;
        };
        if !ready {
            // Why it failed was said when it did.
            self.pair = None;
            return;
        }
        let pair = self.pair.take();
        self.race(entries.into());
        self.pair = pair.filter(|_| self.is_busy());
    }

    /// A lane of the training got its folder.
    pub(super) fn pair_opened(&mut self, id: &str) {
        if let Some(pair) = self.pair.as_mut().filter(|pair| pair.ids.len() < 2) {
            pair.ids.push(id.to_owned());
        }
    }
}
