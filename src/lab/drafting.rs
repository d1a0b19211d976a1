//! The settings that are worked on, and the presets that they start from.

use super::Lab;
use crate::experiment::{ExperimentConfig, Preset};

impl Lab {
    /// Call at the end of a frame: remembers a change for undo once the user's hand is off.
    pub fn settle(&mut self, busy_hands: bool) {
        if !busy_hands {
            if self.history.settle(&self.draft) {
                self.keep_settings();
            }
            self.follow_data();
        }
    }

    pub fn undo(&mut self) {
        if let Some(draft) = self.history.undo(&self.draft) {
            self.replace_draft(draft);
        }
    }

    pub fn redo(&mut self) {
        if let Some(draft) = self.history.redo(&self.draft) {
            self.replace_draft(draft);
        }
    }

    #[must_use]
    pub fn can_undo(&self) -> (bool, bool) {
        (self.history.can_undo(&self.draft), self.history.can_redo())
    }

    pub(super) fn replace_draft(&mut self, draft: ExperimentConfig) {
        self.draft = draft;
        self.follow_data();
        self.keep_settings();
    }

    /// Sets one key of the draft, as `--set` does.
    ///
    /// # Errors
    /// Naming key, value and expectation.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        self.draft
            .set(key, value)
            .map_err(|error| error.to_string())
    }

    /// Takes over a preset; a dataset that the user has opened stays unless the preset names one.
    pub fn apply_preset(&mut self, preset: &Preset) {
        let mut config = preset.config.clone();
        let own = &self.draft.data;
        if config.data.path == crate::data::open::SAMPLE {
            config.data.path.clone_from(&own.path);
        }
        // A class map belongs to its images, and one that came with another preset goes with it.
        let came_along = (self.presets.iter()).any(|p| p.config.data.classes == own.classes);
        let same_images = config.data.path == own.path;
        let sample = own.path == crate::data::open::SAMPLE;
        let keeps = if sample {
            !came_along && config.data.classes.is_none()
        } else {
            true
        };
        if same_images && keeps {
            config.data.classes.clone_from(&own.classes);
        }
        self.preset = preset.clone();
        self.replace_draft(config);
    }

    /// Works on `draft` from now on, as a change of `preset`, images included. Undo brings the old
    /// settings back.
    pub fn take_over(&mut self, preset: Preset, draft: ExperimentConfig) {
        self.preset = preset;
        self.replace_draft(draft);
    }

    /// Saves the draft as a preset of the user's own.
    pub fn save_preset(&mut self, name: &str, about: &str) {
        let preset = Preset {
            name: name.trim().to_owned(),
            about: about.trim().to_owned(),
            config: self.draft.clone(),
            ..Preset::default()
        };
        self.preset = preset.clone();
        self.jobs.save_preset(preset);
    }

    pub fn delete_preset(&mut self, name: &str) {
        self.jobs.delete_preset(name);
    }
}
