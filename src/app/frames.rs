//! How long frames take: counted as the window paints, shown as a histogram on request.
//!
//! A frame's time is what the processor spent on it, layout and drawing commands together, without
//! waiting for the screen. Counting costs an addition a frame, so that it is always on.

use egui::{Color32, Context, Ui};
use egui_plot::{Bar, BarChart, Plot, VLine};
use serde::Serialize;

use super::theme;

/// Width of a bar of the histogram.
const STEP_MS: f64 = 0.25;
/// Frames longer than this share the last bar.
const LONGEST_MS: f64 = 64.0;
const BARS: usize = (LONGEST_MS / STEP_MS) as usize + 1;
/// A frame of a screen of 60 Hz, and half of it.
const BUDGETS_MS: [f64; 2] = [8.0, 16.0];

/// Frame times since the start, or since they were cleared.
#[derive(Debug, Clone)]
pub struct FrameTimes {
    counts: Vec<u64>,
    count: u64,
    longest_ms: f64,
}

impl Default for FrameTimes {
    fn default() -> Self {
        Self {
            counts: vec![0; BARS],
            count: 0,
            longest_ms: 0.0,
        }
    }
}

/// The histogram in a few numbers; times in milliseconds, quantiles rounded up to the next 0.25.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    pub frames: u64,
    pub median_ms: f64,
    pub p99_ms: f64,
    pub longest_ms: f64,
    /// Share of the frames that took longer than a screen of 60 Hz gives them, 0 to 1.
    pub late_share: f64,
}

impl FrameTimes {
    pub fn add(&mut self, ms: f64) {
        let bar = (ms.max(0.0) / STEP_MS) as usize;
        self.counts[bar.min(BARS - 1)] += 1;
        self.count += 1;
        self.longest_ms = self.longest_ms.max(ms);
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The time that this share of the frames did not exceed; 0 without frames.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let wanted = (share * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bar, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return ((bar + 1) as f64 * STEP_MS).min(self.longest_ms);
            }
        }
        0.0
    }

    #[must_use]
    pub fn summary(&self) -> Summary {
        let late_from = (BUDGETS_MS[1] / STEP_MS) as usize;
        let late: u64 = self.counts[late_from..].iter().sum();
        Summary {
            frames: self.count,
            median_ms: self.quantile_ms(0.5),
            p99_ms: self.quantile_ms(0.99),
            longest_ms: self.longest_ms,
            late_share: late as f64 / self.count.max(1) as f64,
        }
    }

    /// The window with the histogram. It asks for no repaint: what is idle stays idle.
    pub fn window(&mut self, ctx: &Context, open: &mut bool) {
        egui::Window::new("Frame times")
            .open(open)
            .default_pos([720.0, 440.0])
            .default_size([420.0, 260.0])
            .show(ctx, |ui| self.ui(ui));
    }

    fn ui(&mut self, ui: &mut Ui) {
        let Summary {
            frames,
            median_ms,
            p99_ms,
            longest_ms,
            late_share,
        } = self.summary();
        ui.label(format!(
            "{frames} frames: median {median_ms:.2} ms, 99 % within {p99_ms:.2} ms, longest \
             {longest_ms:.1} ms; {:.2} % over 16 ms",
            late_share * 100.0
        ))
        .on_hover_text("Time of the processor per frame, without waiting for the screen");
        let clear = ui.button("Start again");
        if clear.on_hover_text("Forget the frames so far").clicked() {
            self.clear();
        }
        let until = (p99_ms.max(BUDGETS_MS[1]) / STEP_MS) as usize + 4;
        let bars: Vec<Bar> = (self.counts.iter().take(until).enumerate())
            .filter(|(_, count)| **count > 0)
            .map(|(bar, count)| {
                let middle = (bar as f64 + 0.5) * STEP_MS;
                let color = match middle {
                    ms if ms > BUDGETS_MS[1] => theme::bad(ui),
                    ms if ms > BUDGETS_MS[0] => theme::warn(ui),
                    _ => theme::good(ui),
                };
                Bar::new(middle, *count as f64).width(STEP_MS).fill(color)
            })
            .collect();
        Plot::new("frame times")
            .x_axis_label("ms a frame")
            .y_axis_label("frames")
            .include_x(0.0)
            .include_x(BUDGETS_MS[1] + 2.0)
            .allow_scroll(false)
            .show(ui, |plot| {
                plot.bar_chart(BarChart::new("frames", bars));
                for budget in BUDGETS_MS {
                    let line = VLine::new(format!("{budget} ms"), budget).color(Color32::GRAY);
                    plot.vline(line);
                }
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact_to_a_bar_and_late_frames_are_counted() {
        let mut times = FrameTimes::default();
        assert_eq!(times.summary().frames, 0);
        assert_eq!(times.quantile_ms(0.5), 0.0);
        for ms in 1..=100 {
            times.add(f64::from(ms) / 10.0 + 0.01);
        }
        times.add(20.0);
        times.add(500.0);
        let summary = times.summary();
        assert_eq!(summary.frames, 102);
        assert!((summary.median_ms - 5.1).abs() <= STEP_MS, "{summary:?}");
        assert!((summary.p99_ms - 20.0).abs() <= STEP_MS, "{summary:?}");
        assert_eq!(summary.longest_ms, 500.0);
        assert!((summary.late_share - 2.0 / 102.0).abs() < 1e-12);
        times.clear();
        assert_eq!(times.summary().frames, 0);
    }
}
