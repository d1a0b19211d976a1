//! What people say about a run: a star, tags, a note. Kept in the run's own folder, so that it goes
//! where the run goes.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::store::{Store, StoreError};
use crate::files;

const FILE: &str = "label.toml";

/// See the head of this file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Label {
    pub star: bool,
    pub tags: Vec<String>,
    pub note: String,
}

impl Label {
    /// The label of the run in `dir`; none is an empty one, and so is one that can't be read.
    #[must_use]
    pub fn read(dir: &Path) -> Self {
        let path = dir.join(FILE);
        let Ok(text) = std::fs::read_to_string(&path) else {
            return Self::default();
        };
        toml::from_str(&text).unwrap_or_else(|error| {
            log::warn!("{}: {error}", path.display());
            Self::default()
        })
    }

    /// Tags as they are typed: between commas.
    #[must_use]
    pub fn tags_of(text: &str) -> Vec<String> {
        let mut tags: Vec<String> = Vec::new();
        for tag in text.split(',').map(str::trim) {
            if !tag.is_empty() && !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
        tags
    }
}

impl Store {
    /// Keeps what is said about a run.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn label(&self, id: &str, label: &Label) -> Result<(), StoreError> {
        let path = self.dir(id).join(FILE);
        let text = toml::to_string(label).map_err(|e| StoreError::Format {
            path: path.clone(),
            message: e.to_string(),
        })?;
        files::write_atomically(&path, text.as_bytes())
            .map_err(|source| StoreError::Io { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_what_stands_between_commas_each_once() {
        assert_eq!(Label::tags_of(" a, b b,, a ,"), ["a", "b b"]);
        assert!(Label::tags_of("  ").is_empty());
    }

    #[test]
    fn a_label_comes_back_and_a_torn_one_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        std::fs::create_dir(dir.path().join("run")).unwrap();
        let label = Label {
            star: true,
            tags: vec!["good".to_owned()],
            note: "two lines\nof text".to_owned(),
        };
        store.label("run", &label).unwrap();
        assert_eq!(Label::read(&store.dir("run")), label);
        std::fs::write(store.dir("run").join(FILE), "star = tr").unwrap();
        assert_eq!(Label::read(&store.dir("run")), Label::default());
    }
}
