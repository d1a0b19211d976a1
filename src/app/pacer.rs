//! How often news from other threads are painted. What the user does is painted at once; egui sees
//! to that.
//!
//! A training sends more news than anyone can see, and a frame takes processor time from it: a
//! little where a graphics card paints, a lot where software does. So frames for news are spaced by
//! what a frame costs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// No more often than this, however cheap a frame is.
const SHORTEST: Duration = Duration::from_millis(33);
/// No more rarely than this, however dear.
const LONGEST: Duration = Duration::from_millis(500);
/// Time between two frames for news, in times of what a frame takes.
const SHARE: f64 = 20.0;
/// How much of the old mean a new frame leaves.
const MEMORY: f64 = 0.8;

/// Spaces the frames for news.
#[derive(Debug)]
pub struct Pacer {
    last: Mutex<Instant>,
    /// Microseconds that a frame takes, a moving mean.
    cost: AtomicU64,
}

impl Default for Pacer {
    fn default() -> Self {
        Self {
            last: Mutex::new(Instant::now()),
            cost: AtomicU64::new(0),
        }
    }
}

impl Pacer {
    /// A frame took this long on the processor.
    pub fn learn(&self, frame: Duration) {
        let old = self.cost.load(Ordering::Relaxed);
        let new = frame.as_micros() as f64;
        let mean = if old == 0 {
            new
        } else {
            MEMORY * old as f64 + (1.0 - MEMORY) * new
        };
        self.cost.store(mean as u64, Ordering::Relaxed);
    }

    /// Time between two frames for news.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let cost = Duration::from_micros(self.cost.load(Ordering::Relaxed));
        cost.mul_f64(SHARE).clamp(SHORTEST, LONGEST)
    }

    /// What other threads call when there are news: the first of a while are shown at once, a
    /// flood of them frame by frame.
    pub fn waker(self: &Arc<Self>, ctx: &egui::Context) -> Arc<dyn Fn() + Send + Sync> {
        let (pacer, ctx) = (Arc::clone(self), ctx.clone());
        Arc::new(move || {
            let interval = pacer.interval();
            let mut last = pacer.last.lock().unwrap_or_else(PoisonError::into_inner);
            let since = last.elapsed();
            if since >= interval {
                *last = Instant::now();
                ctx.request_repaint();
            } else {
                ctx.request_repaint_after(interval - since);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dear_frames_are_painted_rarely_and_cheap_ones_often() {
        let pacer = Pacer::default();
        assert_eq!(pacer.interval(), SHORTEST);
        for _ in 0..50 {
            pacer.learn(Duration::from_micros(300));
        }
        assert_eq!(pacer.interval(), SHORTEST);
        for _ in 0..50 {
            pacer.learn(Duration::from_millis(10));
        }
        let interval = pacer.interval().as_secs_f64();
        assert!((interval - 0.2).abs() < 0.01, "{interval}");
        for _ in 0..50 {
            pacer.learn(Duration::from_secs(2));
        }
        assert_eq!(pacer.interval(), LONGEST);
    }
}
