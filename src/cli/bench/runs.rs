//! `dicebench bench runs`: how fast very many recorded runs are listed and drawn.

use std::process::ExitCode;

use serde::Serialize;

use crate::app::measure_runs::{Listed, Load, measure};

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How many runs are made, in a folder that is thrown away.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub runs: u64,
    /// Training steps of each.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(20..=10_000_000))]
    pub steps: u64,
    /// Runs that are ticked at once.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub ticked: u64,
    /// Points of the one long curve that is zoomed.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10..=100_000_000))]
    pub points: u64,
    /// Frames that are drawn while scrolling, and while zooming.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub frames: u64,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    runs: u64,
    steps: u64,
    ticked: u64,
    points: u64,
    #[serde(flatten)]
    listed: Listed,
    /// Largest memory the process has used, in MiB, where the system says.
    peak_mib: Option<u64>,
}

pub fn run(args: &Args) -> ExitCode {
    super::tell(report(args), args.json, print)
}

fn report(args: &Args) -> Result<Report, String> {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let load = Load {
        runs: args.runs as usize,
        steps: args.steps,
        ticked: args.ticked.min(args.runs) as usize,
        points: args.points as usize,
        frames: args.frames as usize,
    };
    Ok(Report {
        bench: "runs",
        runs: args.runs,
        steps: args.steps,
        ticked: args.ticked.min(args.runs),
        points: args.points,
        listed: measure(&load, home.path())?,
        peak_mib: super::room::peak_mib(),
    })
}

fn print(report: &Report) {
    let Report { listed, .. } = report;
    println!(
        "{} runs of {} steps: listed after {:.0} ms (the first time {:.0} ms, the newest of them after {:.0} ms); frames while scrolling: median {:.1} ms, longest {:.1} ms",
        report.runs,
        report.steps,
        listed.list_ms,
        listed.first_list_ms,
        listed.first_rows_ms,
        listed.scroll_median_ms,
        listed.scroll_max_ms
    );
    println!(
        "ticking {} draws their curves after {:.0} ms; with every run ticked once, {:.0} MiB of curves are kept{}",
        report.ticked,
        listed.tick_ms,
        listed.curves_mib,
        report
            .peak_mib
            .map_or_else(String::new, |mib| format!("; {mib} MiB in all at most"))
    );
    println!(
        "{} points: first frame {:.1} ms, frames while zooming: median {:.1} ms, longest {:.1} ms",
        report.points, listed.long_first_ms, listed.zoom_median_ms, listed.zoom_max_ms
    );
}
