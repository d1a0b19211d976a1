//! Keeps the open dataset in step with the draft's `data`: opened again where what is read changed,
//! split anew where only the split did, repainted where only names and colours did.

use std::sync::Arc;

use super::{Lab, Opened};
use crate::data::{ClassMap, DataConfig, DataError, Dataset};

impl Lab {
    /// Call it when the user's hand is off: typing a number must not open a folder at every digit.
    pub(super) fn follow_data(&mut self) {
        let wanted = &self.draft.data;
        if *wanted == self.opened {
            return;
        }
        let dataset = match &self.dataset {
            Opened::Ready(dataset) => Some(Arc::clone(dataset)),
            _ => None,
        };
        if wanted.reading() != self.opened.reading() {
            match dataset {
                Some(dataset) if self.only_names_differ(&dataset) => self.rename(&dataset),
                _ => return self.reopen(),
            }
        } else if wanted.splitting() != self.opened.splitting() {
            match self.unlooked().filter(|_| dataset.is_some()) {
                Some(dataset) => self.jobs.resplit(&dataset, wanted),
                None => return self.reopen(),
            }
        }
        self.opened = self.draft.data.clone();
    }

    /// Whether the draft asks for the classes that the dataset has, under other names or colours.
    fn only_names_differ(&self, dataset: &Dataset) -> bool {
        let nameless = |data: &DataConfig| DataConfig {
            classes: None,
            ..data.reading()
        };
        let alike = |a: &ClassMap, b: &ClassMap| {
            a.coding == b.coding
                && a.ignore == b.ignore
                && a.classes.len() == b.classes.len()
                && (a.classes.iter().zip(&b.classes)).all(|(a, b)| a.values == b.values)
        };
        let classes = self.draft.data.classes.as_ref();
        nameless(&self.draft.data) == nameless(&self.opened)
            && self.draft.data.splitting() == self.opened.splitting()
            && classes.is_some_and(|classes| alike(classes, &dataset.classes))
    }

    fn rename(&mut self, dataset: &Arc<Dataset>) {
        if let Some(classes) = self.draft.data.classes.clone() {
            self.dataset = Opened::Ready(Arc::new(Dataset {
                classes,
                ..Dataset::clone(dataset)
            }));
        }
    }

    pub(super) fn resplit(&mut self, config: &DataConfig, result: Result<Box<Dataset>, DataError>) {
        // A later wish is under way.
        if config.splitting() != self.opened.splitting() {
            return;
        }
        let Opened::Ready(now) = &self.dataset else {
            return;
        };
        match result {
            Ok(dataset) if dataset.same_pixels(now) => {
                self.split_error = None;
                let dataset = Dataset {
                    // Renamed in the meantime.
                    classes: now.classes.clone(),
                    ..*dataset
                };
                if !self
                    .shown
                    .is_some_and(|shown| dataset.split.val.contains(&shown))
                {
                    self.shown = dataset.split.val.first().copied();
                }
                self.dataset = Opened::Ready(Arc::new(dataset));
                self.dataset_changed();
                self.show_item(self.shown);
            }
            Ok(_) => {}
            Err(error) => self.split_error = Some(error.to_string()),
        }
    }
}
