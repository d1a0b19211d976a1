//! Small pictures of the images on the screen, and one at full size: read in the background, newest
//! wish first, kept within a budget of memory. Plain pixels; who draws them makes textures.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::data::mask::RawMask;
use crate::data::{Dataset, Image, LabelMap, LentPicture, Room, Sample, shrink};

/// Longest side of a small picture in pixels.
pub const SIDE: usize = 192;
/// Bytes of small pictures that are kept.
const BUDGET: usize = 96 << 20;
/// Threads that read small pictures; more would take the trainer's cores for pictures that scroll by.
const WORKERS: usize = 2;

/// One image and its mask, small.
#[derive(Debug, Clone)]
pub struct Thumb {
    pub image: Image,
    pub labels: LabelMap,
}

/// One image at its own size, with what its mask file holds.
#[derive(Debug, Clone)]
pub struct Full {
    pub item: usize,
    /// Width and height.
    pub size: [usize; 2],
    pub channels: usize,
    pixels: Pixels,
}

#[derive(Debug, Clone)]
enum Pixels {
    Kept(Sample, Arc<RawMask>),
    /// A large one makes room for who reads other large ones.
    Lent(Arc<LentPicture>),
}

/// The pixels of a picture at its own size.
pub struct Seen {
    pub sample: Sample,
    /// Values as they are stored.
    pub raw: Arc<RawMask>,
    /// To be kept beside whatever keeps the pixels.
    pub room: Option<Room>,
}

/// Pictures of more pixels are only lent: see [`Full::pixels`].
const LARGE: usize = 1 << 20;

impl Full {
    /// Whether it takes longer to paint than a frame has time, and may have to make room for others.
    #[must_use]
    pub fn is_large(&self) -> bool {
        is_large(self.size)
    }

    /// The picture and the mask's values as stored. Of a large one, `None` once another thread needed its
    /// room: [`Pictures::again`] has it read again. Not to be held beyond a frame.
    #[must_use]
    pub fn pixels(&self) -> Option<Seen> {
        let (sample, raw, room) = match &self.pixels {
            Pixels::Kept(sample, raw) => (sample.clone(), Arc::clone(raw), None),
            Pixels::Lent(lent) => {
                let ((sample, raw), room) = lent.get()?;
                (sample, raw, Some(room))
            }
        };
        Some(Seen { sample, raw, room })
    }
}

fn is_large([width, height]: [usize; 2]) -> bool {
    width * height > LARGE
}

/// What the readers are to do; replaced as a whole, so that what scrolled away is never read.
#[derive(Default)]
struct Wanted {
    dataset: Option<Arc<Dataset>>,
    generation: u64,
    full: Option<usize>,
    thumbs: VecDeque<usize>,
    /// Being read now.
    taken: Vec<usize>,
    closed: bool,
}

enum Made {
    Thumb(u64, usize, Result<Thumb, String>),
    Full(u64, usize, Box<Result<Full, String>>),
}

struct Shared {
    wanted: Mutex<Wanted>,
    more: Condvar,
    made: Mutex<Vec<Made>>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Shared {
    fn wanted(&self) -> std::sync::MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Kept {
    made: Arc<Result<Thumb, String>>,
    bytes: usize,
    used: u64,
}

/// The pictures of the dataset that is open.
pub struct Pictures {
    shared: Arc<Shared>,
    started: bool,
    dataset: Option<Arc<Dataset>>,
    generation: u64,
    kept: HashMap<usize, Kept>,
    bytes: usize,
    clock: u64,
    asked: Option<usize>,
    full: Option<Result<Full, String>>,
    /// What was asked for is not read yet.
    reading: bool,
}

impl Pictures {
    #[must_use]
    pub fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self {
            shared: Arc::new(Shared {
                wanted: Mutex::default(),
                more: Condvar::new(),
                made: Mutex::default(),
                wake,
            }),
            started: false,
            dataset: None,
            generation: 0,
            kept: HashMap::new(),
            bytes: 0,
            clock: 0,
            asked: None,
            full: None,
            reading: false,
        }
    }

    /// Looks at this dataset from now on; the pictures of another are forgotten.
    pub fn begin(&mut self, dataset: &Arc<Dataset>) {
        let (same, alike) = match &self.dataset {
            Some(old) => (Arc::ptr_eq(old, dataset), old.same_pixels(dataset)),
            None => (false, false),
        };
        if !same {
            self.dataset = Some(Arc::clone(dataset));
            if !alike {
                self.generation += 1;
                self.kept.clear();
                self.bytes = 0;
                self.full = None;
                self.asked = None;
            }
            let mut wanted = self.shared.wanted();
            wanted.dataset = Some(Arc::clone(dataset));
            wanted.generation = self.generation;
            wanted.thumbs.clear();
            wanted.full = self.asked;
            self.reading = self.asked.is_some();
        }
        self.clock += 1;
        self.collect();
    }

    /// Grows whenever the pictures are those of other pixels.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    fn collect(&mut self) {
        let made = std::mem::take(
            &mut *self
                .shared
                .made
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for made in made {
            match made {
                Made::Thumb(generation, item, thumb) if generation == self.generation => {
                    let bytes = match &thumb {
                        Ok(thumb) => thumb.image.pixels.len() + thumb.labels.labels.len(),
                        Err(message) => message.len(),
                    };
                    self.bytes += bytes;
                    let kept = Kept {
                        made: Arc::new(thumb),
                        bytes,
                        used: self.clock,
                    };
                    if let Some(old) = self.kept.insert(item, kept) {
                        self.bytes -= old.bytes;
                    }
                }
                Made::Full(generation, item, full)
                    if generation == self.generation && self.asked == Some(item) =>
                {
                    self.full = Some(*full);
                    self.reading = false;
                }
                _ => {}
            }
        }
        if self.bytes > BUDGET {
            self.forget();
        }
    }

    /// Forgets what was not looked at for longest, down to three quarters of the budget.
    fn forget(&mut self) {
        let mut oldest: Vec<(u64, usize)> = self
            .kept
            .iter()
            .map(|(item, kept)| (kept.used, *item))
            .collect();
        oldest.sort_unstable();
        for (used, item) in oldest {
            if self.bytes <= BUDGET / 4 * 3 || used == self.clock {
                break;
            }
            if let Some(kept) = self.kept.remove(&item) {
                self.bytes -= kept.bytes;
            }
        }
    }

    /// The small picture of an item where it is there, or why it can't be.
    pub fn thumb(&mut self, item: usize) -> Option<Arc<Result<Thumb, String>>> {
        let clock = self.clock;
        let kept = self.kept.get_mut(&item)?;
        kept.used = clock;
        Some(Arc::clone(&kept.made))
    }

    /// These items are on the screen and have no picture: read them, and none that was asked before.
    pub fn want(&mut self, items: &[usize]) {
        let mut wanted = self.shared.wanted();
        if items.is_empty() && wanted.thumbs.is_empty() {
            return;
        }
        let taken = std::mem::take(&mut wanted.taken);
        wanted.thumbs.clear();
        wanted
            .thumbs
            .extend(items.iter().filter(|item| !taken.contains(item)));
        wanted.taken = taken;
        drop(wanted);
        self.start();
        self.shared.more.notify_all();
    }

    /// The item at full size; `None` while it is read.
    pub fn full(&mut self, item: usize) -> Option<&Result<Full, String>> {
        if self.asked != Some(item) {
            self.asked = Some(item);
            self.full = None;
            self.reading = false;
            self.again();
        }
        self.full.as_ref()
    }

    /// Reads the item at full size again, where its pixels had to make room; once, however often it is
    /// asked for.
    pub fn again(&mut self) {
        if self.reading || self.asked.is_none() {
            return;
        }
        self.reading = true;
        self.shared.wanted().full = self.asked;
        self.start();
        self.shared.more.notify_all();
    }

    /// Whether the item at full size is being read, or waits for room.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.reading
    }

    /// Lets the picture at full size go.
    pub fn close_full(&mut self) {
        self.asked = None;
        self.full = None;
        self.reading = false;
    }

    /// Small pictures kept, and their bytes.
    #[must_use]
    pub fn kept(&self) -> (usize, usize) {
        (self.kept.len(), self.bytes)
    }

    fn start(&mut self) {
        if self.started {
            return;
        }
        self.started = true;
        for number in 0..=WORKERS {
            let shared = Arc::clone(&self.shared);
            let reads = if number == 0 { Size::Full } else { Size::Small };
            let spawned = std::thread::Builder::new()
                .name(format!("pictures {number}"))
                .spawn(move || work(&shared, reads));
            if let Err(error) = spawned {
                log::warn!("no thread for pictures: {error}");
            }
        }
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        self.shared.wanted().closed = true;
        self.shared.more.notify_all();
    }
}

enum Task {
    Thumb(usize),
    Full(usize),
}

/// What a thread reads. The picture that a person waits for has one of its own: the small ones of large
/// images may have to wait for room.
#[derive(Clone, Copy)]
enum Size {
    Full,
    Small,
}

fn work(shared: &Shared, reads: Size) {
    loop {
        let mut wanted = shared.wanted();
        let (dataset, generation, task) = loop {
            if wanted.closed {
                return;
            }
            let task = match reads {
                Size::Full => wanted.full.take().map(Task::Full),
                Size::Small => wanted.thumbs.pop_front().map(Task::Thumb),
            };
            if let (Some(task), Some(dataset)) = (task, wanted.dataset.clone()) {
                break (dataset, wanted.generation, task);
            }
            wanted = shared
                .more
                .wait(wanted)
                .unwrap_or_else(PoisonError::into_inner);
        };
        if let Task::Thumb(item) = task {
            wanted.taken.push(item);
        }
        drop(wanted);
        // A file that makes a decoder panic must not end the thread: the others are waiting.
        let made = match task {
            Task::Thumb(item) => {
                let thumb = crate::train::lane::guarded(|| thumb(&dataset, item));
                Made::Thumb(generation, item, thumb)
            }
            Task::Full(item) => {
                let full = crate::train::lane::guarded(|| full(&dataset, item, shared));
                Made::Full(generation, item, Box::new(full))
            }
        };
        shared
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(made);
        if let Task::Thumb(item) = task {
            shared.wanted().taken.retain(|other| *other != item);
        }
        (shared.wake)();
    }
}

fn thumb(dataset: &Dataset, item: usize) -> Result<Thumb, String> {
    let small = dataset.with(item, |sample| shrink(&sample, SIDE));
    let (image, labels) = small.map_err(|error| error.to_string())??;
    Ok(Thumb { image, labels })
}

fn full(dataset: &Dataset, item: usize, shared: &Shared) -> Result<Full, String> {
    let wake = Arc::clone(&shared.wake);
    let lent = dataset.lend(item, Box::new(move || wake()));
    let lent = lent.map_err(|error| error.to_string())?;
    let Some(((sample, raw), _room)) = lent.get() else {
        return Err("made room for another picture before it could be shown: open it again".into());
    };
    let size = [sample.image.width, sample.image.height];
    Ok(Full {
        item,
        size,
        channels: sample.image.channels,
        pixels: if is_large(size) {
            Pixels::Lent(lent)
        } else {
            Pixels::Kept(sample, raw)
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataConfig, Progress};
    use std::time::{Duration, Instant};

    fn open() -> Arc<Dataset> {
        Arc::new(Dataset::open(&DataConfig::default(), &Progress::default()).unwrap())
    }

    fn until(
        pictures: &mut Pictures,
        dataset: &Arc<Dataset>,
        done: impl Fn(&mut Pictures) -> bool,
    ) {
        let start = Instant::now();
        loop {
            pictures.begin(dataset);
            if done(pictures) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "waited too long");
            std::thread::yield_now();
        }
    }

    #[test]
    fn only_what_is_wanted_is_read_and_another_dataset_forgets_it() {
        let dataset = open();
        let mut pictures = Pictures::new(Arc::new(|| ()));
        pictures.begin(&dataset);
        pictures.want(&[4, 9]);
        until(&mut pictures, &dataset, |p| p.kept().0 == 2);
        assert!(pictures.thumb(4).is_some() && pictures.thumb(5).is_none());
        let thumb = pictures.thumb(9).unwrap();
        let thumb = thumb.as_ref().as_ref().unwrap();
        let expected = dataset.load(9).unwrap();
        assert_eq!(
            thumb.labels, *expected.labels,
            "128 pixels need no shrinking"
        );
        // Another split of the same pixels keeps them, other pixels don't.
        let resplit = DataConfig {
            split: crate::data::config::SplitBy::Ratio,
            ..DataConfig::default()
        };
        let again = Arc::new(dataset.resplit(&resplit).unwrap());
        pictures.begin(&again);
        assert_eq!(pictures.kept().0, 2);
        let other = DataConfig {
            seed: 5,
            ..DataConfig::default()
        };
        let other = Arc::new(Dataset::open(&other, &Progress::default()).unwrap());
        pictures.begin(&other);
        assert_eq!(pictures.kept(), (0, 0));
    }

    #[test]
    fn the_last_asked_full_picture_comes_with_its_mask_values() {
        let dataset = open();
        let mut pictures = Pictures::new(Arc::new(|| ()));
        pictures.begin(&dataset);
        pictures.full(1);
        pictures.full(2);
        until(&mut pictures, &dataset, |p| p.full(2).is_some());
        let full = pictures.full(2).unwrap().as_ref().unwrap();
        assert_eq!(full.item, 2);
        let seen = full.pixels().unwrap();
        assert_eq!(seen.raw.values.len(), seen.sample.labels.labels.len());
        pictures.close_full();
        assert!(pictures.full.is_none());
    }
}
