//! Facts kept between sessions, by content: one file per folder and class map.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ItemFacts;
use crate::data::{DataError, Dataset};

/// Raised when facts are measured otherwise.
const VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    version: u32,
    items: T,
}

pub(super) struct Cache {
    path: PathBuf,
    known: HashMap<[String; 2], ItemFacts>,
}

impl Cache {
    /// An unreadable or older file counts as empty.
    pub fn open(folder: &Path, dataset: &Dataset) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(dataset.root.to_string_lossy().as_bytes());
        // Class indices depend on the class map, and on how stray colours are read.
        hasher.update(format!("{:?} {}", dataset.classes, dataset.layout).as_bytes());
        if let crate::data::Source::Files { nearest_color, .. } = dataset.source {
            hasher.update(&[u8::from(nearest_color)]);
        }
        let name = format!("{}.json", &hasher.finalize().to_hex()[..24]);
        let path = folder.join(name);
        let kept = std::fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Kept<Vec<ItemFacts>>>(&bytes).ok())
            .filter(|kept| kept.version == VERSION);
        let items = kept.map(|kept| kept.items).unwrap_or_default();
        let known = items.into_iter().map(|f| (f.hash.clone(), f)).collect();
        Self { path, known }
    }

    pub fn get(&self, hash: &[String; 2]) -> Option<ItemFacts> {
        self.known.get(hash).cloned()
    }

    pub fn save<'a>(&self, items: impl Iterator<Item = &'a ItemFacts>) -> Result<(), DataError> {
        let fail = |message: String| DataError::File {
            path: self.path.display().to_string(),
            message,
        };
        let kept = Kept {
            version: VERSION,
            items: items.collect::<Vec<_>>(),
        };
        let bytes = serde_json::to_vec(&kept).map_err(|e| fail(e.to_string()))?;
        crate::files::write_atomically(&self.path, &bytes).map_err(|e| fail(e.to_string()))
    }
}
