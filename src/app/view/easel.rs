//! A thread beside the window, for pictures that take longer to paint than a frame has time.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use egui::Context;

struct Desk<P, J, M> {
    /// By place; the newest wish replaces one that was not begun.
    wanted: BTreeMap<P, J>,
    made: BTreeMap<P, M>,
    closed: bool,
}

struct Shared<P, J, M> {
    desk: Mutex<Desk<P, J, M>>,
    more: Condvar,
}

impl<P, J, M> Shared<P, J, M> {
    fn desk(&self) -> MutexGuard<'_, Desk<P, J, M>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Paints jobs `J` for places `P`, the first place first; its thread starts with the first job.
pub struct Easel<P, J, M> {
    paint: fn(&J) -> M,
    shared: Option<Arc<Shared<P, J, M>>>,
}

impl<P, J, M> Drop for Easel<P, J, M> {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.desk().closed = true;
            shared.more.notify_all();
        }
    }
}

impl<P: Ord + Copy + Send + 'static, J: Send + 'static, M: Send + 'static> Easel<P, J, M> {
    pub fn new(paint: fn(&J) -> M) -> Self {
        Self {
            paint,
            shared: None,
        }
    }

    /// Wishes for this; whatever was wished for the same place and is not begun is forgotten.
    pub fn ask(&mut self, place: P, job: J, ctx: &Context) {
        let shared = self.shared.get_or_insert_with(|| start(self.paint, ctx));
        shared.desk().wanted.insert(place, job);
        shared.more.notify_all();
    }

    /// What was painted since the last call.
    pub fn take(&mut self) -> BTreeMap<P, M> {
        let shared = self.shared.as_ref();
        shared.map_or_else(BTreeMap::new, |shared| {
            std::mem::take(&mut shared.desk().made)
        })
    }
}

fn start<P, J, M>(paint: fn(&J) -> M, ctx: &Context) -> Arc<Shared<P, J, M>>
where
    P: Ord + Copy + Send + 'static,
    J: Send + 'static,
    M: Send + 'static,
{
    let shared = Arc::new(Shared {
        desk: Mutex::new(Desk {
            wanted: BTreeMap::new(),
            made: BTreeMap::new(),
            closed: false,
        }),
        more: Condvar::new(),
    });
    let (of, ctx) = (Arc::clone(&shared), ctx.clone());
    let spawned = std::thread::Builder::new()
        .name("large pictures".to_owned())
        .spawn(move || work(&of, paint, &ctx));
    if let Err(error) = spawned {
        log::warn!("no thread for large pictures: {error}");
    }
    shared
}

fn work<P: Ord, J, M>(shared: &Shared<P, J, M>, paint: fn(&J) -> M, ctx: &Context) {
    loop {
        let mut desk = shared.desk();
        let (place, job) = loop {
            if desk.closed {
                return;
            }
            if let Some(next) = desk.wanted.pop_first() {
                break next;
            }
            desk = (shared.more.wait(desk)).unwrap_or_else(PoisonError::into_inner);
        };
        drop(desk);
        let made = paint(&job);
        // Before it is shown: what it was painted from may be large.
        drop(job);
        shared.desk().made.insert(place, made);
        ctx.request_repaint();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn the_newest_wish_of_a_place_is_what_comes_of_it() {
        let ctx = Context::default();
        let mut easel: Easel<u8, u32, u32> = Easel::new(|job| job * 10);
        for job in 1..=50 {
            easel.ask(1, job, &ctx);
        }
        easel.ask(0, 7, &ctx);
        let mut made = BTreeMap::new();
        let start = Instant::now();
        while made != BTreeMap::from([(0, 70), (1, 500)]) {
            made.append(&mut easel.take());
            assert!(start.elapsed() < Duration::from_secs(60), "{made:?}");
            std::thread::yield_now();
        }
    }
}
