//! `dicebench bench frame`: how long the real window's frames take beside a training, and what the
//! window costs the training.

use std::process::ExitCode;

use serde::Serialize;

use crate::app::live::{self, Live, Load};

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Recorded runs that are plotted beside the live one.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(0..=64))]
    pub runs: u64,
    /// Steps of each recorded run.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(20..=1_000_000))]
    pub steps: u64,
    /// Seconds that each tab is looked at and then used, and that the training is timed without a
    /// window, before and after.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Width and height of the window, in points.
    #[arg(long, num_args = 2, default_values_t = [1920.0, 1080.0])]
    pub size: Vec<f32>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    runs: u64,
    steps: u64,
    #[serde(flatten)]
    live: Live,
}

pub fn run(args: &Args) -> ExitCode {
    super::tell(report(args), args.json, print)
}

fn report(args: &Args) -> Result<Report, String> {
    if !(args.seconds.is_finite() && args.seconds >= 1.0) {
        return Err(format!("--seconds {}: expected at least 1", args.seconds));
    }
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let load = Load {
        runs: args.runs as usize,
        steps: args.steps,
        seconds: args.seconds,
        size: [args.size[0], args.size[1]],
    };
    Ok(Report {
        bench: "frame",
        runs: args.runs,
        steps: args.steps,
        live: live::measure(&load, home.path())?,
    })
}

fn print(report: &Report) {
    let live = &report.live;
    println!(
        "first frame after {:.0} ms, painted by {}",
        live.first_frame_ms, live.painter
    );
    for (view, times) in [
        ("Training, looked at", &live.training_tab),
        ("Runs, looked at", &live.runs_tab),
        ("Training, in use", &live.training_tab_in_use),
        ("Runs, in use", &live.runs_tab_in_use),
    ] {
        println!("{view}: {:.1} frames a second", times.frames_per_s);
        for (what, times) in [
            ("whole frames", times.frame),
            ("layout alone", times.layout),
        ] {
            println!(
                "  {what}: {} frames, median {:.2} ms, 99 % within {:.2} ms, longest {:.1} ms, {:.2} % over 16 ms",
                times.frames,
                times.median_ms,
                times.p99_ms,
                times.longest_ms,
                times.late_share * 100.0
            );
        }
        if let (Some(window), Some(paint)) = (times.window_thread_ms, times.software_paint_ms) {
            println!(
                "  processor time a frame: {window:.1} ms of the window's thread, {paint:.1} ms of threads that paint in software"
            );
        }
        let mut causes: Vec<(&String, &u64)> = times.causes.iter().collect();
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (cause, count) in causes.iter().take(4) {
            println!("  {count} frames because of {cause}");
        }
    }
    println!(
        "training: {:.2} steps a second beside the window, {:.2} and {:.2} without (before, after): the window costs {:.1} %; {:.2} while it is in use",
        live.speed,
        live.speed_alone[0],
        live.speed_alone[1],
        live.lost_share * 100.0,
        live.speed_in_use
    );
}
