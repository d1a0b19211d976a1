//! How many large pictures are in memory at once, all threads together.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes that may be in flight; a larger picture comes alone.
const BUDGET: usize = 512 << 20;
/// Pictures of fewer bytes wait for nobody.
const SMALL: usize = 8 << 20;

static IN_FLIGHT: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// The right to hold a decoded picture with its mask; given back when it is dropped.
#[must_use]
pub(super) struct Turn(usize);

/// Waits until there is room for a picture of so many pixels: as many as there are cores would take the
/// machine's memory. While it is held, nothing may wait for another thread, nor ask for another turn.
pub(super) fn turn(pixels: usize, channels: usize) -> Turn {
    // The image, a byte of mask and of label, and as much again as a decoder holds on its way.
    let bytes = pixels.saturating_mul(2 * (channels + 1));
    if bytes < SMALL {
        return Turn(0);
    }
    let lock = IN_FLIGHT.0.lock().unwrap_or_else(PoisonError::into_inner);
    let full = |now: &mut usize| *now > 0 && now.saturating_add(bytes) > BUDGET;
    let waited = IN_FLIGHT.1.wait_while(lock, full);
    let mut now = waited.unwrap_or_else(PoisonError::into_inner);
    // Beyond the budget it is alone, and what it counts is given back as it was taken.
    *now = now.saturating_add(bytes);
    Turn(bytes)
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.0 > 0 {
            let mut now = IN_FLIGHT.0.lock().unwrap_or_else(PoisonError::into_inner);
            *now = now.saturating_sub(self.0);
            IN_FLIGHT.1.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use rayon::prelude::*;

    use super::*;
    use crate::data::{Image, resize};

    #[test]
    fn who_holds_one_resizes_it_without_the_threads_that_wait() {
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
}
