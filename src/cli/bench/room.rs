//! `dicebench bench room`: how fast a large dataset opens, and how long frames take while scrolling
//! through it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use crate::app::measure::{Frames, scroll};

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Folder of a dataset; without one, pairs of tiny PNG files are made.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// How many pairs are made.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    pub pairs: u64,
    /// Frames that are drawn while scrolling.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub frames: u64,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    bench: &'static str,
    pairs: Option<u64>,
    #[serde(flatten)]
    frames: Frames,
    /// Largest memory the process has used, in MiB, where the system says.
    peak_mib: Option<u64>,
}

pub fn run(args: &Args) -> ExitCode {
    super::tell(report(args), args.json, print)
}

fn report(args: &Args) -> Result<Report, String> {
    let say = |error: std::io::Error| error.to_string();
    let home = tempfile::tempdir().map_err(say)?;
    let made = tempfile::tempdir().map_err(say)?;
    let path = match &args.data {
        Some(path) => path.clone(),
        None => {
            make(made.path(), args.pairs)?;
            made.path().to_owned()
        }
    };
    let frames = scroll(&path, home.path(), args.frames as usize)?;
    Ok(Report {
        bench: "room",
        pairs: args.data.is_none().then_some(args.pairs),
        frames,
        peak_mib: peak_mib(),
    })
}

/// Pairs of 16×16 pixels in `images` and `masks`: copies of a few, so that making them takes no time.
fn make(root: &Path, pairs: u64) -> Result<(), String> {
    const KINDS: u8 = 8;
    let png = |image: &image::DynamicImage| -> Result<Vec<u8>, String> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image
            .write_to(&mut bytes, image::ImageFormat::Png)
            .map_err(|error| error.to_string())?;
        Ok(bytes.into_inner())
    };
    let kinds: Result<Vec<[Vec<u8>; 2]>, String> = (0..KINDS)
        .map(|kind| {
            let image = image::RgbImage::from_fn(16, 16, |x, y| {
                image::Rgb([x as u8 * 15, y as u8 * 15, kind * 30])
            });
            let mask = image::GrayImage::from_fn(16, 16, |x, y| {
                image::Luma([u8::from(x > y) * (kind % 4)])
            });
            Ok([png(&image.into())?, png(&mask.into())?])
        })
        .collect();
    let kinds = kinds?;
    let write = |path: PathBuf, bytes: &[u8]| {
        std::fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))
    };
    for folder in ["images", "masks"] {
        let folder = root.join(folder);
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    for at in 0..pairs {
        let [image, mask] = &kinds[(at % u64::from(KINDS)) as usize];
        write(root.join(format!("images/{at:07}.png")), image)?;
        write(root.join(format!("masks/{at:07}.png")), mask)?;
    }
    Ok(())
}

/// The most memory this process ever had, where the system tells.
pub fn peak_mib() -> Option<u64> {
    crate::train::room::resident().map(|[_, peak]| peak >> 20)
}

fn print(report: &Report) {
    let frames = &report.frames;
    println!(
        "the card is there after {:.0} ms; {} frames while scrolling: median {:.1} ms, 99 % within {:.1} ms, longest {:.1} ms",
        frames.card_ms, frames.frames, frames.median_ms, frames.p99_ms, frames.max_ms
    );
    println!(
        "{} small pictures kept, {:.1} MiB{}",
        frames.pictures,
        frames.picture_bytes as f64 / f64::from(1 << 20),
        report
            .peak_mib
            .map_or_else(String::new, |mib| format!("; {mib} MiB in all at most"))
    );
}
