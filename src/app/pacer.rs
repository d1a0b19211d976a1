//! How often news from other threads are painted. What the user does is painted at once; egui sees
//! to that.
//!
//! A training sends more news than anyone can see, and a frame takes processor time from it: a
//! little where a graphics card paints, a lot where software does. So frames for news are spaced by
//! what a frame costs, and more rarely still while nobody does anything.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// No more often than this, however cheap a frame is.
const SHORTEST: Duration = Duration::from_millis(33);
/// No more rarely than this, however dear.
const LONGEST: Duration = Duration::from_secs(1);
/// No more rarely than this while somebody uses the window.
const LONGEST_IN_USE: Duration = Duration::from_millis(200);
/// The window is in use for this long after the last move or key.
const IN_USE: Duration = Duration::from_secs(1);
/// Time between two frames for news, in times of what a frame takes: of one core …
const SHARE: f64 = 20.0;
/// … and where painting takes all of them.
const SHARE_BY_SOFTWARE: f64 = 130.0;
const SHARE_IN_USE: f64 = 8.0;
/// How much of the old mean a new frame leaves.
const MEMORY: f64 = 0.8;
/// egui paints twice where it is asked for a frame at once, in case that the first has moved
/// something; news move nothing.
const SOON: Duration = Duration::from_millis(1);

/// Spaces the frames for news.
#[derive(Debug, Default)]
pub struct Pacer {
    /// When the last frame was painted, for whatever reason.
    last: Mutex<Option<Instant>>,
    /// When the user last did something.
    used: Mutex<Option<Instant>>,
    /// Microseconds that a frame takes, a moving mean.
    cost: AtomicU64,
    /// No graphics card paints, but the cores that train.
    by_software: AtomicBool,
}

impl Pacer {
    /// Frames are painted by the driver of this name.
    pub fn painted_by(&self, renderer: &str) {
        let name = renderer.to_lowercase();
        let software = [
            "llvmpipe",
            "softpipe",
            "swiftshader",
            "lavapipe",
            "software",
        ];
        let known = software.iter().any(|sign| name.contains(sign));
        self.by_software.store(known, Ordering::Relaxed);
    }

    /// A frame was painted, and the one before it took this long on the processor.
    pub fn painted(&self, frame: Duration) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let old = self.cost.load(Ordering::Relaxed);
        let new = frame.as_micros() as f64;
        let mean = if old == 0 {
            new
        } else {
            MEMORY * old as f64 + (1.0 - MEMORY) * new
        };
        self.cost.store(mean as u64, Ordering::Relaxed);
    }

    /// The user moved the pointer or pressed something.
    pub fn in_use(&self) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = Some(Instant::now());
    }

    /// Time between two frames for news.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = used.is_some_and(|at| at.elapsed() < IN_USE);
        let (share, longest) = if in_use {
            (SHARE_IN_USE, LONGEST_IN_USE)
        } else if self.by_software.load(Ordering::Relaxed) {
            (SHARE_BY_SOFTWARE, LONGEST)
        } else {
            (SHARE, LONGEST)
        };
        let cost = Duration::from_micros(self.cost.load(Ordering::Relaxed));
        cost.mul_f64(share).clamp(SHORTEST, longest)
    }

    /// What other threads call when there are news: the first after a while are shown at once, a flood
    /// of them frame by frame.
    pub fn waker(self: &Arc<Self>, ctx: &egui::Context) -> Arc<dyn Fn() + Send + Sync> {
        let (pacer, ctx) = (Arc::clone(self), ctx.clone());
        Arc::new(move || {
            let last = *pacer.last.lock().unwrap_or_else(PoisonError::into_inner);
            let since = last.map_or(Duration::MAX, |at| at.elapsed());
            let wait = pacer.interval().saturating_sub(since).max(SOON);
            ctx.request_repaint_after(wait);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pacer(frame: Duration) -> Pacer {
        let pacer = Pacer::default();
        for _ in 0..50 {
            pacer.painted(frame);
        }
        pacer
    }

    #[test]
    fn dear_frames_are_painted_rarely_and_cheap_ones_often() {
        assert_eq!(Pacer::default().interval(), SHORTEST);
        assert_eq!(pacer(Duration::from_micros(300)).interval(), SHORTEST);
        let interval = pacer(Duration::from_millis(10)).interval().as_secs_f64();
        assert!((interval - 0.2).abs() < 0.01, "{interval}");
        assert_eq!(pacer(Duration::from_secs(2)).interval(), LONGEST);
    }

    #[test]
    fn news_come_more_often_while_the_window_is_used_and_rarely_where_software_paints() {
        let pacer = pacer(Duration::from_millis(10));
        let usual = pacer.interval();
        pacer.painted_by("llvmpipe (LLVM 19.1.7, 256 bits)");
        let by_software = pacer.interval();
        assert!(
            by_software > usual && by_software <= LONGEST,
            "{by_software:?}"
        );
        pacer.in_use();
        assert!(pacer.interval() < usual, "{:?}", pacer.interval());
        pacer.painted_by("AMD Radeon RX 7600 (radeonsi)");
        *pacer.used.lock().unwrap() = None;
        assert_eq!(pacer.interval(), usual);
    }

    #[test]
    fn news_cost_one_frame_each() {
        let ctx = egui::Context::default();
        let frame = || {
            let mut output = ctx.run_ui(egui::RawInput::default(), |_| ());
            output.textures_delta.clear();
            output.viewport_output[&egui::ViewportId::ROOT].repaint_delay
        };
        while frame() != Duration::MAX {}
        let pacer = Arc::new(Pacer::default());
        let wake = pacer.waker(&ctx);
        wake();
        assert_eq!(frame(), Duration::MAX, "a second frame is asked for");
        pacer.painted(Duration::from_millis(10));
        // The next news wait for their turn, whatever asked for the frame before them.
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        ctx.set_request_repaint_callback(move |info| seen.lock().unwrap().push(info.delay));
        wake();
        let delays = asked.lock().unwrap().clone();
        assert!(
            matches!(delays[..], [delay] if delay > SHORTEST),
            "{delays:?}"
        );
    }
}
