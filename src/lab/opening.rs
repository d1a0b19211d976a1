//! The dataset: opened in the background, looked at image by image.

use std::sync::Arc;

use super::Lab;
use super::notices::Level;
use crate::data::config::LayoutName;
use crate::data::{ClassMap, DataError, Dataset, Progress};

/// The dataset that is open, or what stands in its place.
pub enum Opened {
    Opening {
        path: String,
        progress: Arc<Progress>,
    },
    Ready(Arc<Dataset>),
    Failed {
        path: String,
        message: String,
    },
}

impl Lab {
    /// Opens a folder (or `sample`) in the background; what was being opened is cancelled.
    pub fn open(&mut self, path: &str) {
        let path = path.trim().trim_matches('"').to_owned();
        if path.is_empty() {
            return;
        }
        self.cancel_opening();
        if self.draft.data.path != path {
            let data = &mut self.draft.data;
            data.path.clone_from(&path);
            // What was chosen for the folder before means nothing here.
            data.classes = None;
            data.layout = LayoutName::Auto;
            data.masks.clear();
            data.forget_list();
        }
        self.reopen();
    }

    /// Opens the draft's dataset again, with its class map and split.
    pub fn reopen(&mut self) {
        self.cancel_opening();
        let progress = Arc::new(Progress::default());
        self.jobs.open_dataset(&self.draft.data, &progress);
        self.stop_looking();
        self.opened = self.draft.data.clone();
        self.split_error = None;
        self.dataset = Opened::Opening {
            path: self.draft.data.path.clone(),
            progress,
        };
    }

    /// Stops an opening that is under way.
    pub fn cancel_opening(&mut self) {
        if let Opened::Opening { path, progress } = &self.dataset {
            progress.cancel();
            self.dataset = Opened::Failed {
                path: path.clone(),
                message: "opening was cancelled".to_owned(),
            };
        }
    }

    pub(super) fn dataset_opened(&mut self, path: &str, result: Result<Box<Dataset>, DataError>) {
        let wanted = matches!(&self.dataset, Opened::Opening { path: p, .. } if p == path);
        if !wanted || matches!(result, Err(DataError::Cancelled)) {
            return;
        }
        match result {
            Ok(dataset) => {
                self.settings.remember(path);
                self.shown = dataset.split.val.first().copied();
                self.preview = None;
                self.dataset = Opened::Ready(Arc::from(dataset));
                self.dataset_changed();
                self.show_item(self.shown);
                self.keep_settings();
            }
            Err(error) => {
                let message = error.to_string();
                self.notices.push(Level::Error, message.clone());
                self.dataset = Opened::Failed {
                    path: path.to_owned(),
                    message,
                };
            }
        }
    }

    #[must_use]
    pub fn dataset(&self) -> Option<&Arc<Dataset>> {
        match &self.dataset {
            Opened::Ready(dataset) => Some(dataset),
            _ => None,
        }
    }

    /// Uses an edited class map; it is kept with the draft (and with presets saved from it).
    pub fn set_classes(&mut self, classes: Option<ClassMap>) {
        self.draft.data.classes = classes;
        self.follow_data();
    }

    /// Chooses the image that is looked at.
    pub fn show_item(&mut self, item: Option<usize>) {
        self.shown = item;
        let (Some(item), Some(dataset)) = (item, self.dataset().cloned()) else {
            return;
        };
        // The trainer answers with a prediction when it has a network; until then the picture alone.
        self.trainer
            .control(crate::train::handle::Control::Preview(item));
        if !self.live.has_network() {
            self.jobs.load_sample(&dataset, &self.draft.data, item);
        }
    }

    /// Loads the picture again when the network's input size has changed under it.
    pub(super) fn refit_picture(&mut self) {
        let (width, height) = (self.draft.data.width, self.draft.data.height);
        let stale = self.preview.as_ref().is_some_and(|preview| {
            let labels = &preview.sample.labels;
            (labels.width as u64, labels.height as u64) != (width, height)
        });
        if stale
            && !self.is_busy()
            && !self.live.has_network()
            && self.asked_size != (width, height)
        {
            self.asked_size = (width, height);
            self.show_item(self.shown);
        }
    }
}
