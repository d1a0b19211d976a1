//! `dicebench bench loader`: samples per second that the loader makes, cold and cached, next to what a
//! trainer eats on the same machine.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::step;
use crate::data::config::Sampling;
use crate::data::loader::Loader;
use crate::data::{DataConfig, Dataset, Progress, synthetic};

/// Cached batches are made for at least this long.
const LONG_ENOUGH: Duration = Duration::from_millis(700);

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Folder of a dataset; without one, the generated sample is written as PNG files and read back.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Input sizes in pixels, each measured by itself.
    #[arg(long, value_delimiter = ',', default_values_t = [128, 256])]
    pub sizes: Vec<u64>,
    /// Images per batch.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=512))]
    pub batch: u64,
    /// Cut windows from the images instead of resizing them.
    #[arg(long)]
    pub crop: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// One input size; all rates are samples per second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub size: u64,
    /// One epoch with nothing in memory: read, decode, bring into shape, vary.
    pub cold: f64,
    /// The same once it is in memory.
    pub cached: f64,
    /// Training steps of a U-Net of base 16 and depth 4, on the CPU.
    pub trainer: f64,
    /// Bytes per sample kept in memory.
    pub bytes: usize,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub bench: &'static str,
    pub data: String,
    pub images: usize,
    pub batch: u64,
    pub sampling: &'static str,
    pub cores: usize,
    pub rows: Vec<Row>,
}

pub fn run(args: &Args) -> ExitCode {
    super::tell(report(args), args.json, print)
}

fn report(args: &Args) -> Result<Report, String> {
    // Removed when it is dropped, at the end.
    let mut written = None;
    let path = match &args.data {
        Some(path) => path.clone(),
        None => {
            let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
            synthetic::write(folder.path(), 1).map_err(|error| error.to_string())?;
            let path = folder.path().to_owned();
            written = Some(folder);
            path
        }
    };
    let sampling = if args.crop {
        Sampling::Crop
    } else {
        Sampling::Resize
    };
    let config = DataConfig {
        path: path.display().to_string(),
        sampling,
        ..DataConfig::default()
    };
    let dataset = Dataset::open(&config, &Progress::default()).map_err(|e| e.to_string())?;
    let dataset = Arc::new(dataset);
    let rows: Result<Vec<Row>, String> = args
        .sizes
        .iter()
        .map(|&size| row(&dataset, &config, size, args.batch))
        .collect();
    let report = Report {
        bench: "loader",
        data: if written.is_some() {
            "generated sample, as PNG".to_owned()
        } else {
            config.path
        },
        images: dataset.items.len(),
        batch: args.batch,
        sampling: sampling.name(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        rows: rows?,
    };
    Ok(report)
}

fn row(dataset: &Arc<Dataset>, config: &DataConfig, size: u64, batch: u64) -> Result<Row, String> {
    let config = DataConfig {
        width: size,
        height: size,
        ..config.clone()
    };
    let loader = Loader::new(Arc::clone(dataset), &config, batch as usize, 1)
        .map_err(|error| error.to_string())?;
    let make = |step: u64| loader.train_batch(step).map_err(|error| error.to_string());
    let epoch = loader.steps_per_epoch();
    let rate = |steps: u64, start: Instant| (steps * batch) as f64 / start.elapsed().as_secs_f64();
    loader.forget();
    let start = Instant::now();
    for step in 0..epoch {
        make(step)?;
    }
    let cold = rate(epoch, start);
    let (samples, bytes) = loader.cached();
    let (mut steps, start) = (0, Instant::now());
    while start.elapsed() < LONG_ENOUGH || steps < epoch {
        make(epoch + steps)?;
        steps += 1;
    }
    let cached = rate(steps, start);
    let trained = step::measure(
        &step::Args {
            batch,
            size,
            base: 16,
            depth: 4,
            steps: 5,
            warmup: 1,
            checkpointing: false,
            threads: None,
            scaling: false,
            device: "cpu".to_owned(),
            loss: None,
            json: false,
        },
        true,
    )?;
    Ok(Row {
        size,
        cold,
        cached,
        trainer: batch as f64 * 1000.0 / trained.median_ms,
        bytes: bytes / samples.max(1),
    })
}

fn print(report: &Report) {
    println!(
        "{} images ({}), batches of {}, {} cores, {}",
        report.images, report.data, report.batch, report.cores, report.sampling
    );
    println!(
        "{:>9} {:>12} {:>12} {:>12} {:>9} {:>12}",
        "size", "cold /s", "cached /s", "trainer /s", "ahead", "bytes each"
    );
    for row in &report.rows {
        println!(
            "{:>9} {:>12.0} {:>12.0} {:>12.1} {:>8.0}x {:>12}",
            format!("{0}x{0}", row.size),
            row.cold,
            row.cached,
            row.trainer,
            row.cached / row.trainer,
            row.bytes
        );
    }
}
