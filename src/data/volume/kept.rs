//! The stacks that were decoded last: slices of one stack are asked for one after the other.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use super::{Volume, read};

type Slot = Arc<OnceLock<Result<Arc<Volume>, String>>>;

struct Entry {
    path: PathBuf,
    changed: Option<SystemTime>,
    slot: Slot,
}

static KEPT: LazyLock<Mutex<Vec<Entry>>> = LazyLock::new(Mutex::default);

/// Bytes of decoded stacks that are kept; the one in use always is.
const MOST_BYTES: usize = 1 << 29;
const MOST_STACKS: usize = 16;

/// The decoded stack; decoded once, however many threads ask.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn get(path: &Path) -> Result<Arc<Volume>, String> {
    let changed = std::fs::metadata(path).and_then(|m| m.modified()).ok();
    let slot = {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept
            .iter()
            .position(|e| e.path == path && e.changed == changed);
        let entry = match at {
            Some(at) => kept.remove(at),
            None => Entry {
                path: path.to_owned(),
                changed,
                slot: Slot::default(),
            },
        };
        let slot = Arc::clone(&entry.slot);
        // The most recently used is last; the first go.
        kept.push(entry);
        let bytes = |entry: &Entry| match entry.slot.get() {
            Some(Ok(volume)) => volume.values.len() * size_of::<f32>(),
            _ => 0,
        };
        let mut total: usize = kept.iter().map(bytes).sum();
        while kept.len() > 1 && (total > MOST_BYTES || kept.len() > MOST_STACKS) {
            total -= bytes(&kept.remove(0));
        }
        slot
    };
    slot.get_or_init(|| read(path).map(Arc::new)).clone()
}
