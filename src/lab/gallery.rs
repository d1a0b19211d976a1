//! Pictures of runs, read and decoded on a thread of their own: asked for while drawing, there a
//! moment later. The newest question is answered first; what was not asked for long is forgotten.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::data::loader::Loader;
use crate::data::{DataConfig, Dataset, Image};
use crate::run::pictures::{Album, Plane};

/// Bytes of decoded pictures that are kept.
const MOST: usize = 256 << 20;

/// What can be asked for. Runs are named by their id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// Which pictures a run has after this many validations.
    Album(String, usize),
    Truth(String, usize),
    Labels(String, u64, usize),
    Doubt(String, u64, usize),
    /// An item of the open dataset at this size, with this many channels.
    Photo(usize, u64, u64, u64),
}

/// What was found.
#[derive(Debug, Clone)]
pub enum Found {
    Album(Arc<Album>),
    Plane(Arc<Plane>),
    Photo(Arc<Image>),
    Failed(String),
}

impl Found {
    fn bytes(&self) -> usize {
        match self {
            Self::Album(album) => album.steps.len() * 64 + album.names.len() * 32,
            Self::Plane(plane) => plane.data.len(),
            Self::Photo(image) => image.pixels.len(),
            Self::Failed(message) => message.len(),
        }
    }
}

enum Work {
    Album(PathBuf),
    Plane(Arc<Album>, Key),
    Photo(Arc<Dataset>, Box<DataConfig>, usize),
}

#[derive(Debug)]
struct Entry {
    /// None while it is being read.
    found: Option<Found>,
    used: u64,
}

/// See the head of this file.
pub struct Gallery {
    asks: Option<Sender<(Key, Work)>>,
    answers: Receiver<(Key, Found)>,
    entries: HashMap<Key, Entry>,
    now: u64,
    /// The dataset that photographs were asked of.
    dataset: Option<Arc<Dataset>>,
    runs: PathBuf,
}

impl Gallery {
    /// `runs` is the folder of the runs; `wake` is called when something was found.
    #[must_use]
    pub fn start(runs: PathBuf, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let (asks, inbox) = unbounded::<(Key, Work)>();
        let (outbox, answers) = unbounded();
        let work = move || {
            let mut waiting = Vec::new();
            while let Ok(first) = inbox.recv() {
                waiting.push(first);
                loop {
                    waiting.extend(inbox.try_iter());
                    // The newest first: it is what the eyes are on.
                    let Some((key, work)) = waiting.pop() else {
                        break;
                    };
                    let found = crate::train::lane::guarded(|| Ok(answer(work)))
                        .unwrap_or_else(Found::Failed);
                    if outbox.send((key, found)).is_err() {
                        return;
                    }
                    wake();
                }
            }
        };
        let started = std::thread::Builder::new()
            .name("pictures".to_owned())
            .spawn(work);
        Self {
            asks: started
                .map_err(|error| log::warn!("no pictures of runs can be shown: {error}"))
                .is_ok()
                .then_some(asks),
            answers,
            entries: HashMap::new(),
            now: 0,
            dataset: None,
            runs,
        }
    }

    /// Takes in what was found; call it once a frame.
    pub fn tick(&mut self) {
        self.now += 1;
        for (key, found) in self.answers.try_iter() {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.found = Some(found);
            }
        }
        let bytes = |entries: &HashMap<Key, Entry>| -> usize {
            let found = entries.values().filter_map(|entry| entry.found.as_ref());
            found.map(Found::bytes).sum()
        };
        if self.entries.len() > 64 && bytes(&self.entries) > MOST {
            let mut used: Vec<u64> = self.entries.values().map(|entry| entry.used).collect();
            used.sort_unstable();
            // Half of what is kept, but never what is on the screen.
            let middle = used[used.len() / 2].min(self.now - 1);
            let kept = |entry: &Entry| entry.used >= middle || entry.found.is_none();
            self.entries.retain(|_, entry| kept(entry));
        }
    }

    /// Which pictures the run has; `validations` says how far it is, so that a growing run is looked
    /// at again. While that is read, what was known before is given.
    pub fn album(&mut self, id: &str, validations: usize) -> Option<Arc<Album>> {
        let key = |n| Key::Album(id.to_owned(), n);
        let dir = self.runs.join(id);
        let newest = self.ask(key(validations), || Work::Album(dir));
        let older = |n: usize| match self.entries.get(&key(n))?.found.as_ref()? {
            Found::Album(album) => Some(Arc::clone(album)),
            _ => None,
        };
        match newest {
            Some(Found::Album(album)) => Some(album),
            _ => validations.checked_sub(1).and_then(older),
        }
    }

    /// One map of a run; `None` while it is read.
    pub fn plane(&mut self, album: &Arc<Album>, key: Key) -> Option<Result<Arc<Plane>, String>> {
        let work = Work::Plane(Arc::clone(album), key.clone());
        match self.ask(key, || work)? {
            Found::Plane(plane) => Some(Ok(plane)),
            Found::Failed(message) => Some(Err(message)),
            Found::Album(_) | Found::Photo(_) => None,
        }
    }

    /// The photograph of an item, at the size of `config`; `None` while it is read or where it
    /// can't be.
    pub fn photo(
        &mut self,
        dataset: &Arc<Dataset>,
        config: &DataConfig,
        item: usize,
    ) -> Option<Arc<Image>> {
        let same = (self.dataset.as_ref()).is_some_and(|known| Arc::ptr_eq(known, dataset));
        if !same {
            let photo = |key: &Key| matches!(key, Key::Photo(..));
            self.entries.retain(|key, _| !photo(key));
            self.dataset = Some(Arc::clone(dataset));
        }
        let key = Key::Photo(item, config.width, config.height, config.channels);
        let work = || Work::Photo(Arc::clone(dataset), Box::new(config.clone()), item);
        match self.ask(key, work)? {
            Found::Photo(image) => Some(image),
            _ => None,
        }
    }

    fn ask(&mut self, key: Key, work: impl FnOnce() -> Work) -> Option<Found> {
        let asks = self.asks.as_ref()?;
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.used = self.now;
            return entry.found.clone();
        }
        // Fails only when the thread has ended, and then nothing is found.
        let _ = asks.send((key.clone(), work()));
        let entry = Entry {
            found: None,
            used: self.now,
        };
        self.entries.insert(key, entry);
        None
    }
}

fn answer(work: Work) -> Found {
    match work {
        Work::Album(dir) => Found::Album(Arc::new(Album::open(&dir))),
        Work::Plane(album, key) => {
            let plane = match key {
                Key::Truth(_, position) => album.truth(position),
                Key::Labels(_, step, position) => album.labels(step, position),
                Key::Doubt(_, step, position) => album.doubt(step, position),
                Key::Album(..) | Key::Photo(..) => Err("not a map of a run".to_owned()),
            };
            plane.map_or_else(Found::Failed, |plane| Found::Plane(Arc::new(plane)))
        }
        Work::Photo(dataset, config, item) => Loader::new(dataset, &config, 1, 0)
            .and_then(|loader| loader.picture(item))
            .map_or_else(
                |error| Found::Failed(error.to_string()),
                |sample| Found::Photo(sample.image),
            ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::pictures::{Kept, Shelf};

    fn wait<T>(gallery: &mut Gallery, mut look: impl FnMut(&mut Gallery) -> Option<T>) -> T {
        let start = std::time::Instant::now();
        loop {
            gallery.tick();
            if let Some(found) = look(gallery) {
                return found;
            }
            assert!(start.elapsed().as_secs() < 60, "nothing was found");
            std::thread::yield_now();
        }
    }

    #[test]
    fn pictures_of_a_run_are_found_a_moment_after_they_were_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut shelf = Shelf::new(
            &dir.path().join("a"),
            vec!["x".into()],
            vec![[1; 3]],
            4,
            1,
            9999,
        );
        let kept = Kept {
            position: 0,
            width: 2,
            height: 2,
            truth: vec![0; 4],
            labels: vec![0, 1, 0, 1],
            doubt: vec![9; 4],
        };
        shelf.write(7, &[kept]).unwrap();
        let mut gallery = Gallery::start(dir.path().to_path_buf(), Arc::new(|| {}));
        let album = wait(&mut gallery, |g| g.album("a", 1));
        assert_eq!(album.nearest(99, 0), Some(7));
        let labels = Key::Labels("a".to_owned(), 7, 0);
        let plane = wait(&mut gallery, |g| g.plane(&album, labels.clone()));
        assert_eq!(plane.unwrap().data, [0, 1, 0, 1]);
        let missing = Key::Labels("a".to_owned(), 8, 0);
        let error = wait(&mut gallery, |g| g.plane(&album, missing.clone())).unwrap_err();
        assert!(error.contains("000008"), "{error}");
    }
}
