//! How many large pictures are in memory at once, all threads together.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Bytes that may be in flight; a larger picture comes alone.
const BUDGET: usize = 512 << 20;
/// Pictures of fewer bytes wait for nobody.
const SMALL: usize = 8 << 20;

/// What is lent is there for so long at least, so that it is seen before it is taken back.
const SEEN: Duration = Duration::from_millis(300);

static IN_FLIGHT: (Mutex<InFlight>, Condvar) = (Mutex::new(InFlight::NONE), Condvar::new());

struct InFlight {
    bytes: usize,
    /// How many wait that go before all others.
    next: usize,
    /// What is held for nothing but being looked at: whoever waits takes it back.
    lent: Vec<(Instant, Weak<dyn TakeBack>)>,
}

impl InFlight {
    const NONE: Self = Self {
        bytes: 0,
        next: 0,
        lent: Vec::new(),
    };
}

fn in_flight() -> MutexGuard<'static, InFlight> {
    IN_FLIGHT.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to hold a decoded picture with its mask; given back when it is dropped.
#[must_use]
pub(super) struct Turn(usize);

/// Waits until there is room for a picture of so many pixels: as many as there are cores would take the
/// machine's memory. While it is held, nothing may wait for another thread, nor ask for another turn.
pub(super) fn turn(pixels: usize, channels: usize) -> Turn {
    granted(pixels, channels, false)
}

/// As [`turn`], before all others that wait: a person does.
pub(super) fn next_turn(pixels: usize, channels: usize) -> Turn {
    granted(pixels, channels, true)
}

fn granted(pixels: usize, channels: usize, is_next: bool) -> Turn {
    // The image, a byte of mask and of label, and as much again as a decoder holds on its way.
    let bytes = pixels.saturating_mul(2 * (channels + 1));
    if bytes < SMALL {
        return Turn(0);
    }
    let mut now = in_flight();
    now.next += usize::from(is_next);
    let waits = |now: &InFlight| {
        let full = now.bytes > 0 && now.bytes.saturating_add(bytes) > BUDGET;
        full || (!is_next && now.next > 0)
    };
    while waits(&now) {
        let is_due = |since: &Instant| since.elapsed() >= SEEN;
        let due: Vec<_> = (now.lent)
            .extract_if(.., |(since, _)| is_due(since))
            .collect();
        if due.is_empty() {
            let waited = IN_FLIGHT.1.wait_timeout(now, SEEN);
            now = waited.unwrap_or_else(PoisonError::into_inner).0;
            continue;
        }
        drop(now);
        for one in due.iter().filter_map(|(_, one)| one.upgrade()) {
            one.take_back();
        }
        now = in_flight();
    }
    now.next -= usize::from(is_next);
    // Beyond the budget it is alone, and what it counts is given back as it was taken.
    now.bytes = now.bytes.saturating_add(bytes);
    Turn(bytes)
}

impl Turn {
    /// From now on, so many bytes are held at most.
    fn keep(&mut self, bytes: usize) {
        let before = self.0;
        self.0 = before.min(bytes);
        let mut now = in_flight();
        now.bytes = now.bytes.saturating_sub(before - self.0);
        IN_FLIGHT.1.notify_all();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.keep(0);
    }
}

/// Pixels for the eye: they are there until another thread needs the room to decode a large picture.
pub struct Lent<T> {
    held: Mutex<Option<(T, Room)>>,
    gone: Box<dyn Fn() + Send + Sync>,
}

/// The room that was granted for what was lent: to be kept for as long as any of it is in memory.
#[derive(Clone)]
pub struct Room {
    _turn: Arc<Turn>,
}

trait TakeBack: Send + Sync {
    fn take_back(&self);
}

impl<T: Send + 'static> Lent<T> {
    /// Lends `value` of so many bytes, read under `turn`; `gone` is called when it was taken back. What
    /// is small stays.
    pub(super) fn new(
        value: T,
        bytes: usize,
        mut turn: Turn,
        gone: Box<dyn Fn() + Send + Sync>,
    ) -> Arc<Self> {
        turn.keep(bytes);
        let taken_back = turn.0 > 0;
        let lent = Arc::new(Self {
            held: Mutex::new(Some((
                value,
                Room {
                    _turn: Arc::new(turn),
                },
            ))),
            gone,
        });
        if taken_back {
            let weak: Weak<Self> = Arc::downgrade(&lent);
            let mut now = in_flight();
            now.lent.retain(|(_, other)| other.strong_count() > 0);
            now.lent.push((Instant::now(), weak));
        }
        lent
    }
}

impl<T: Clone> Lent<T> {
    /// What was lent, while it is.
    pub fn get(&self) -> Option<(T, Room)> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }
}

impl<T: Send> TakeBack for Lent<T> {
    fn take_back(&self) {
        let held = (self.held.lock().unwrap_or_else(PoisonError::into_inner)).take();
        if held.is_some() {
            drop(held);
            (self.gone)();
        }
    }
}

impl<T> std::fmt::Debug for Lent<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lent")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use rayon::prelude::*;

    use super::*;
    use crate::data::{Image, resize};

    /// All share what is in flight.
    static ONE_BY_ONE: Mutex<()> = Mutex::new(());

    fn alone() -> MutexGuard<'static, ()> {
        ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn who_holds_one_resizes_it_without_the_threads_that_wait() {
        let _alone = alone();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let image = Image {
                width: 1024,
                height: 1024,
                channels: 3,
                pixels: vec![7; 3 << 20],
            };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
            pool.unwrap().install(|| {
                (0..12).into_par_iter().for_each(|_| {
                    let _turn = turn(BUDGET, 3);
                    resize::image(&image, 300, 200, 3).unwrap();
                });
            });
            sender.send(()).unwrap();
        });
        receiver.recv_timeout(Duration::from_secs(60)).unwrap();
    }

    #[test]
    fn large_pictures_take_turns_and_small_ones_do_not_wait() {
        let _alone = alone();
        let first = turn(BUDGET, 3);
        drop(turn(1000, 3));
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _second = turn(SMALL, 3);
                sender.send(()).unwrap();
            });
            assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
            drop(first);
            receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        });
    }

    fn value(lent: &Lent<i32>) -> Option<i32> {
        lent.get().map(|(value, _)| value)
    }

    #[test]
    fn what_is_lent_makes_room_for_who_waits_and_is_there_until_then() {
        let _alone = alone();
        let (sender, receiver) = channel();
        let gone = Box::new(move || sender.send(()).unwrap());
        let lent = Lent::new(7, SMALL, turn(SMALL, 3), gone);
        drop(turn(SMALL, 3));
        assert_eq!(value(&lent), Some(7), "nobody had to wait");
        drop(turn(BUDGET, 3));
        receiver.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(value(&lent), None);
        // What is small is never taken back.
        let small = Lent::new(8, 1000, turn(1000, 3), Box::new(|| ()));
        drop(turn(BUDGET, 3));
        assert_eq!(value(&small), Some(8));
    }
}
