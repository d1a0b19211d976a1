//! `dicebench bench xray`: how long formula, X-ray and response curves of a loss take on a dataset.

use std::process::ExitCode;
use std::time::Instant;

use serde::Serialize;

use crate::cli::train::configuration;
use crate::data::{Dataset, Progress};
use crate::doctor::{self, Masks, curves, xray};

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// A preset's name or a preset file.
    #[arg(long, default_value = "default", value_name = "NAME|FILE")]
    pub preset: String,
    /// Folder of the dataset, or `sample` for the generated one.
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Change a parameter, such as `data.width=128`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How often each is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub repeat: u64,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Times are medians in milliseconds.
#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    masks: usize,
    classes: usize,
    width: usize,
    height: usize,
    /// Opening the dataset and reading the masks: once for each dataset.
    open_ms: f64,
    read_ms: f64,
    /// The formula with its numbers: what follows a slider.
    formula_ms: f64,
    xray_ms: f64,
    curves_ms: f64,
    /// Opened, read and X-rayed: what `dicebench xray --json` takes but for starting.
    all_ms: f64,
}

pub fn run(args: &Args) -> ExitCode {
    super::tell(report(args), args.json, print)
}

fn report(args: &Args) -> Result<Report, String> {
    let (_, config) = configuration(&args.preset, args.data.as_ref(), None, &args.set)?;
    let start = Instant::now();
    let dataset =
        Dataset::open(&config.data, &Progress::default()).map_err(|error| error.to_string())?;
    let open_ms = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let masks = Masks::read(&dataset, &config).map_err(|error| error.to_string())?;
    let read_ms = start.elapsed().as_secs_f64() * 1e3;
    let subject = doctor::examine(&masks, &config).map_err(|error| error.to_string())?;
    let (mut formulas, mut xrays, mut responses) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.repeat {
        let start = Instant::now();
        xray::formula(&config, &subject).map_err(|error| error.to_string())?;
        formulas.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        xray::take(&config, &subject).map_err(|error| error.to_string())?;
        xrays.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        curves::respond(&config, &subject, &|| false).map_err(|error| error.to_string())?;
        responses.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let [images, height, width] = masks.shape;
    let xray_ms = median(xrays);
    Ok(Report {
        bench: "xray",
        masks: images,
        classes: masks.class_names.len(),
        width,
        height,
        open_ms,
        read_ms,
        formula_ms: median(formulas),
        xray_ms,
        curves_ms: median(responses),
        all_ms: open_ms + read_ms + xray_ms,
    })
}

/// The middle one; of an even number, the larger of the two in the middle.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print(report: &Report) {
    println!(
        "{} masks of {}×{}, {} classes: opened in {:.0} ms, read in {:.0} ms; formula {:.1} ms, X-ray \
         {:.0} ms, response curves {:.0} ms; opening, reading and X-ray {:.0} ms",
        report.masks,
        report.width,
        report.height,
        report.classes,
        report.open_ms,
        report.read_ms,
        report.formula_ms,
        report.xray_ms,
        report.curves_ms,
        report.all_ms
    );
}
