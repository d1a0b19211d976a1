//! Decoded samples, kept within a budget of memory and, where asked, on disk.
//!
//! What came first stays: an epoch goes through all items once, so that throwing out the oldest would
//! throw out exactly what is needed next. Belongs to the dataset: every loader of it finds what others
//! have read. Knows bytes, not how they are made.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Dataset, Image, LabelMap, Source};

/// How samples are brought into shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// Width and height in pixels; `None` leaves each at its own size.
    pub size: Option<[usize; 2]>,
    pub channels: usize,
    /// Masks blended instead of taken by nearest neighbour.
    pub blended: bool,
}

/// An item in shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ready {
    pub image: Arc<Image>,
    pub labels: Arc<LabelMap>,
}

impl Ready {
    fn bytes(&self) -> usize {
        self.image.pixels.len() + self.labels.labels.len()
    }
}

#[derive(Default)]
struct Kept {
    samples: HashMap<(usize, Shape), Ready>,
    bytes: usize,
}

/// Samples of one dataset.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Kept>);

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = self.kept();
        write!(
            f,
            "Cache({} samples, {} bytes)",
            kept.samples.len(),
            kept.bytes
        )
    }
}

impl Cache {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, item: usize, shape: Shape) -> Option<Ready> {
        self.kept().samples.get(&(item, shape)).cloned()
    }

    /// Keeps a sample if `budget` bytes allow it; samples of other shapes make room.
    pub(super) fn put(&self, item: usize, shape: Shape, ready: &Ready, budget: usize) {
        let mut kept = self.kept();
        let bytes = ready.bytes();
        if kept.bytes + bytes > budget {
            kept.samples.retain(|(_, other), _| *other == shape);
            kept.bytes = kept.samples.values().map(Ready::bytes).sum();
        }
        if kept.bytes + bytes <= budget
            && kept.samples.insert((item, shape), ready.clone()).is_none()
        {
            kept.bytes += bytes;
        }
    }

    /// Samples kept and their bytes.
    #[must_use]
    pub(super) fn size(&self) -> (usize, usize) {
        let kept = self.kept();
        (kept.samples.len(), kept.bytes)
    }

    pub(super) fn clear(&self) {
        *self.kept() = Kept::default();
    }
}

/// First bytes of a file on disk; another number where the format is another.
const MAGIC: &[u8; 8] = b"dicebn01";

/// Samples in a folder, one file each, by content of what they were made from.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    /// What all samples of the dataset have in common.
    seed: blake3::Hasher,
}

impl Disk {
    pub fn new(folder: &Path, dataset: &Dataset) -> Self {
        let mut seed = blake3::Hasher::new();
        let map = &dataset.classes;
        let values: Vec<&Vec<u32>> = map.classes.iter().map(|class| &class.values).collect();
        let nearest = matches!(
            dataset.source,
            Source::Files {
                nearest_color: true,
                ..
            }
        );
        let what = (&dataset.root, &map.coding, &map.ignore, values, nearest);
        seed.update(format!("{what:?} {}", dataset.fingerprint).as_bytes());
        Self {
            folder: folder.to_owned(),
            seed,
        }
    }

    fn path(&self, dataset: &Dataset, item: usize, shape: Shape) -> Option<PathBuf> {
        let files = dataset.items.get(item)?;
        let mut hasher = self.seed.clone();
        for path in [&files.image, &files.mask] {
            let facts = std::fs::metadata(dataset.root.join(path)).ok()?;
            let stamp = (path, facts.len(), facts.modified().ok());
            hasher.update(format!("{stamp:?}").as_bytes());
        }
        hasher.update(format!("{} {shape:?}", files.id).as_bytes());
        let name = hasher.finalize().to_hex();
        Some(self.folder.join(&name[..2]).join(&name[2..40]))
    }

    /// What was kept; `None` where there is nothing, or nothing whole.
    pub fn get(&self, dataset: &Dataset, item: usize, shape: Shape) -> Option<Ready> {
        let bytes = std::fs::read(self.path(dataset, item, shape)?).ok()?;
        let (head, rest) = bytes.split_at_checked(20)?;
        if &head[..8] != MAGIC {
            return None;
        }
        let number = |at: usize| -> usize {
            let four = [head[at], head[at + 1], head[at + 2], head[at + 3]];
            u32::from_le_bytes(four) as usize
        };
        let (width, height, channels) = (number(8), number(12), number(16));
        let plane = width.checked_mul(height)?;
        let pixels = plane.checked_mul(channels)?;
        if channels != shape.channels || rest.len() != pixels.checked_add(plane)? {
            return None;
        }
        let (pixels, labels) = rest.split_at(pixels);
        Some(Ready {
            image: Arc::new(Image {
                width,
                height,
                channels,
                pixels: pixels.to_vec(),
            }),
            labels: Arc::new(LabelMap {
                width,
                height,
                labels: labels.to_vec(),
            }),
        })
    }

    /// Keeps a sample; a disk that refuses only makes the next run slower.
    pub fn put(&self, dataset: &Dataset, item: usize, shape: Shape, ready: &Ready) {
        let Some(path) = self.path(dataset, item, shape) else {
            return;
        };
        let image = &ready.image;
        let mut bytes = Vec::with_capacity(20 + ready.bytes());
        bytes.extend_from_slice(MAGIC);
        for number in [image.width, image.height, image.channels] {
            bytes.extend_from_slice(&(number as u32).to_le_bytes());
        }
        bytes.extend_from_slice(&image.pixels);
        bytes.extend_from_slice(&ready.labels.labels);
        if let Err(error) = write(&path, &bytes) {
            log::warn!("{}: {error}", path.display());
        }
    }
}

/// Beside and renamed, but not flushed: a file that a power cut leaves short is not read back.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(side: usize) -> Ready {
        Ready {
            image: Arc::new(Image {
                width: side,
                height: side,
                channels: 1,
                pixels: vec![7; side * side],
            }),
            labels: Arc::new(LabelMap {
                width: side,
                height: side,
                labels: vec![1; side * side],
            }),
        }
    }

    fn shape(side: usize) -> Shape {
        Shape {
            size: Some([side, side]),
            channels: 1,
            blended: false,
        }
    }

    #[test]
    fn the_budget_holds_what_came_first_stays_and_other_shapes_make_room() {
        let cache = Cache::default();
        let budget = 3 * ready(4).bytes();
        for item in 0..5 {
            cache.put(item, shape(4), &ready(4), budget);
        }
        assert_eq!(cache.size(), (3, budget));
        assert!(cache.get(0, shape(4)).is_some() && cache.get(4, shape(4)).is_none());
        cache.put(0, shape(4), &ready(4), budget);
        assert_eq!(cache.size(), (3, budget), "the same again costs nothing");
        cache.put(4, shape(2), &ready(2), budget);
        assert_eq!(cache.size(), (1, ready(2).bytes()));
        cache.put(5, shape(8), &ready(8), 10);
        assert_eq!(cache.size().0, 0, "too large for the budget");
    }
}
