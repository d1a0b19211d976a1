//! News at the window's edge that go away by themselves.
//!
//! The library counts a toast's time down frame by frame, which has the whole window painted sixty
//! times a second for as long as one is shown, beside a training that pays for it. Here a toast
//! stands still until its time is over: the window is painted while it comes and while it goes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use egui::text::LayoutJob;
use egui::{Color32, Context, TextStyle};

use crate::lab::notices::{Level, Notice};

/// Points.
const WIDTH: f32 = 380.0;
/// The rest of a longer text is in the list of messages.
const MOST_ROWS: usize = 8;

/// What is shown, oldest first, each with the end of its time.
pub struct Toasts {
    shown: egui_notify::Toasts,
    /// Not laid out yet.
    fresh: Vec<(Level, String)>,
    ends: VecDeque<Instant>,
}

impl Default for Toasts {
    fn default() -> Self {
        Self {
            shown: egui_notify::Toasts::default().with_anchor(egui_notify::Anchor::BottomRight),
            fresh: Vec::new(),
            ends: VecDeque::new(),
        }
    }
}

impl Toasts {
    pub fn add(&mut self, notice: Notice) {
        self.add_for(
            notice.level,
            notice.text,
            match notice.level {
                Level::Info | Level::Success => Duration::from_secs(5),
                Level::Warning => Duration::from_secs(8),
                Level::Error => Duration::from_secs(14),
            },
            Instant::now(),
        );
    }

    fn add_for(&mut self, level: Level, text: String, time: Duration, now: Instant) {
        self.fresh.push((level, text));
        let end = now + time;
        // They go in the order they came in.
        let last = self.ends.back().copied().unwrap_or(end);
        self.ends.push_back(end.max(last));
    }

    /// The library lets a text run on to beyond the window's edge: it is given lines.
    fn lay_out(&mut self, ctx: &Context) {
        for (level, text) in self.fresh.drain(..) {
            let font = TextStyle::Body.resolve(&ctx.global_style());
            let mut job = LayoutJob::simple(text, font, Color32::PLACEHOLDER, WIDTH);
            job.wrap.max_rows = MOST_ROWS;
            let text = ctx.fonts_mut(|fonts| fonts.layout_job(job));
            let toast = match level {
                Level::Info => self.shown.info(text),
                Level::Success => self.shown.success(text),
                Level::Warning => self.shown.warning(text),
                Level::Error => self.shown.error(text),
            };
            toast.duration(None).width(WIDTH);
        }
    }

    pub fn show(&mut self, ctx: &Context) {
        self.show_at(ctx, Instant::now());
    }

    fn show_at(&mut self, ctx: &Context, now: Instant) {
        self.lay_out(ctx);
        // Those that went, or that were clicked away.
        while self.ends.len() > self.shown.len() {
            self.ends.pop_front();
        }
        if let Some(end) = self.ends.front() {
            let left = end.saturating_duration_since(now);
            if left.is_zero() {
                self.shown.dismiss_oldest_toast();
            } else {
                ctx.request_repaint_after(left);
            }
        }
        self.shown.show(ctx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paints a frame `at` that many seconds after `start`, and says how long no other is needed.
    fn frame(ctx: &Context, toasts: &mut Toasts, start: Instant, at: f64) -> Duration {
        let input = egui::RawInput {
            time: Some(at),
            ..egui::RawInput::default()
        };
        let now = start + Duration::from_secs_f64(at);
        let mut output = ctx.run_ui(input, |ui| toasts.show_at(ui.ctx(), now));
        output.textures_delta.clear();
        let root = &output.viewport_output[&egui::ViewportId::ROOT];
        root.repaint_delay
    }

    #[test]
    fn a_toast_stands_still_without_frames_and_goes_when_its_time_is_over() {
        let (ctx, mut toasts) = (Context::default(), Toasts::default());
        let (start, time) = (Instant::now(), Duration::from_secs(5));
        for text in ["first", "second"] {
            toasts.add_for(Level::Info, text.to_owned(), time, start);
        }
        // They come in.
        for at in 0..60 {
            frame(&ctx, &mut toasts, start, f64::from(at) / 60.0);
        }
        let wait = frame(&ctx, &mut toasts, start, 1.0);
        assert_eq!(
            wait,
            time - Duration::from_secs(1),
            "painted before its time"
        );
        assert_eq!(toasts.shown.len(), 2);
        for at in 300..420 {
            frame(&ctx, &mut toasts, start, f64::from(at) / 60.0);
        }
        assert!(toasts.shown.is_empty() && toasts.ends.len() <= 1);
        assert_eq!(frame(&ctx, &mut toasts, start, 7.1), Duration::MAX);
    }
}
