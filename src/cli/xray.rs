//! `dicebench xray`: what a loss says about answers whose worth is known, before any training.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{failed, no_dataset, print_json, train, usage};
use crate::data::{Dataset, Progress};
use crate::doctor::curves::{Curve, Verdict};
use crate::doctor::look::Slope;
use crate::doctor::xray::Exam;
use crate::doctor::{self, Masks, Xray};
use crate::experiment::ExperimentConfig;
use crate::run::checkpoints::Checkpoint;

/// X-ray a configuration's loss on a dataset's masks: does it prefer the right answer? Exit code 3
/// when it prefers a worse one.
#[derive(Debug, Clone, clap::Args)]
pub struct XrayArgs {
    /// A preset's name or a preset file.
    #[arg(long, value_name = "NAME|FILE")]
    pub preset: Option<String>,
    /// Folder of the dataset, or `sample` for the generated one.
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Change a parameter, such as `activation=none`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Write d loss / d logit as a picture: one panel per class, blue where a step of training
    /// raises the class, orange where it lowers it.
    #[arg(long, value_name = "PNG")]
    gradient: Option<PathBuf>,
    /// The answer at which the gradient is taken, by the name that `--json` gives it.
    #[arg(long, default_value = "uniform", value_name = "ANSWER")]
    at: String,
    /// Also say how loss and gradient respond while one object's probability, size and place, and
    /// the share of the rarest class that is found, go from wrong to right.
    #[arg(long)]
    curves: bool,
    /// With `--curves`: another preset or preset file beside it, up to three times.
    #[arg(long, value_name = "NAME|FILE", requires = "curves")]
    compare: Vec<String>,
    /// What-if: ask the loss about the answers of this run's network to its validation images, beside
    /// the run's own loss. `--set` (and `--preset`) change the loss; nothing is trained.
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// With `--run`: which of its stored weights answer: `best`, `last`, or the step of a validation
    /// whose weights were kept (`train.weights_mib`).
    #[arg(long, default_value_t, requires = "run", value_name = "WEIGHTS")]
    pub weights: Checkpoint,
    /// With `--run`: folder that holds the runs.
    #[arg(long, requires = "run", value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// The curves of one configuration.
#[derive(Debug, serde::Serialize)]
struct Laid {
    name: String,
    curves: Vec<Curve>,
}

#[derive(Debug, serde::Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    xray: &'a Xray,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    curves: Vec<Laid>,
}

pub fn run(args: &XrayArgs) -> ExitCode {
    if let Some(run) = &args.run {
        return super::what_if::run(args, run);
    }
    let preset = args.preset.as_deref().unwrap_or("default");
    let (name, config) = match train::configuration(preset, args.data.as_ref(), None, &args.set) {
        Ok(found) => found,
        Err(message) => return usage(&message),
    };
    let rivals = match rivals(&args.compare, &config) {
        Ok(rivals) => rivals,
        Err(message) => return usage(&message),
    };
    let dataset = match Dataset::open(&config.data, &Progress::default()) {
        Ok(dataset) => dataset,
        Err(error) => return no_dataset(&error),
    };
    let examined = Masks::read(&dataset, &config)
        .and_then(|masks| Ok((doctor::examine(&masks, &config)?, masks)));
    let (subject, masks) = match examined {
        Ok(examined) => examined,
        Err(error) => return failed(&error.to_string()),
    };
    let taken = Exam::new(&config, &subject).and_then(|exam| Ok((exam.xray()?, exam)));
    let (xray, exam) = match taken {
        Ok(taken) => taken,
        Err(error) => return failed(&error.to_string()),
    };
    if let Some(path) = &args.gradient
        && let Err(message) = picture(path, &exam, xray.class_names.len(), &args.at)
    {
        return failed(&message);
    }
    let mut curves = Vec::new();
    if args.curves {
        for (name, config) in std::iter::once((name, config.clone())).chain(rivals) {
            let laid = doctor::examine(&masks, &config)
                .and_then(|subject| doctor::curves::respond(&config, &subject, &|| false));
            match laid {
                Ok(found) => curves.push(Laid {
                    name,
                    curves: found.unwrap_or_default(),
                }),
                Err(error) => return failed(&format!("{name}: {error}")),
            }
        }
    }
    if args.json {
        print_json(&Report {
            xray: &xray,
            curves,
        });
    } else {
        print(&xray);
        curves.iter().for_each(print_curves);
    }
    if xray.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(3)
    }
}

/// The losses to compare with, all else as in `config`.
fn rivals(
    presets: &[String],
    config: &ExperimentConfig,
) -> Result<Vec<(String, ExperimentConfig)>, String> {
    if presets.len() > 3 {
        return Err(format!(
            "`--compare` was given {} times: expected up to three",
            presets.len()
        ));
    }
    (presets.iter())
        .map(|preset| {
            let (name, rival) = train::configuration(preset, None, None, &[])?;
            Ok((name, config.with_loss_of(&rival)))
        })
        .collect()
}

fn print_curves(laid: &Laid) {
    for curve in &laid.curves {
        println!("\n{} – {}", laid.name, curve.title);
        println!("{:>28} {:>12} {:>12}", curve.axis, "loss", "gradient");
        for point in &curve.points {
            println!(
                "{:>28} {:>12.5} {:>12.3e}",
                point.at, point.loss, point.gradient
            );
        }
        match curve.verdict() {
            Some(Verdict::Elsewhere(at)) => println!("✖ lowest at {at}, where it is wrong"),
            Some(Verdict::Blind) => println!("✖ the loss does not notice"),
            Some(Verdict::Right) => println!("✔ lowest where the answer is right"),
            None => println!("✖ not finite"),
        }
    }
}

/// Every answer with what the loss says of it, and those that it prefers to better ones.
pub fn print_answers(xray: &Xray) {
    println!("{:<38} {:>10} {:>8}", "answer", "loss", "quality");
    for bar in &xray.oracles {
        println!("{:<38} {:>10.4} {:>8.3}", bar.title, bar.loss, bar.quality);
    }
    for violation in &xray.violations {
        println!("✖ {}", violation.message);
    }
}

fn print(xray: &Xray) {
    print_answers(xray);
    println!("range      {:.4} to {:.4}", xray.lowest, xray.highest);
    println!("floor      {:.4} (the perfect answer)", xray.floor);
    match &xray.theory {
        Some(theory) => println!(
            "untrained  {:.4} (theory: {:.4} = {})",
            xray.initial, theory.value, theory.formula
        ),
        None => println!("untrained  {:.4}", xray.initial),
    }
    println!(
        "{:<20} {:>10} {:>10} {:>10}",
        "class", "pixels", "loss", "gradient"
    );
    for share in &xray.class_shares {
        let none = if share.gradient == 0.0 {
            "   no gradient: it can't be learned"
        } else {
            ""
        };
        println!(
            "{:<20} {:>8.2} % {:>8.2} % {:>8.2} %{none}",
            share.class,
            share.pixels * 100.0,
            share.loss * 100.0,
            share.gradient * 100.0
        );
    }
    println!("taken in {:.0} ms", xray.millis);
}

/// One panel per class, side by side.
fn picture(path: &Path, exam: &Exam<'_>, classes: usize, at: &str) -> Result<(), String> {
    let slope = exam.slope(at).map_err(|error| error.to_string())?;
    let (width, height) = (slope.frame.width, slope.frame.height);
    let mut image = image::RgbImage::new((width * classes) as u32, height as u32);
    for class in 0..classes {
        for (pixel, color) in colors(&slope, class).enumerate() {
            let (x, y) = (class * width + pixel % width, pixel / width);
            image.put_pixel(x as u32, y as u32, image::Rgb(color));
        }
    }
    image
        .save(path)
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn colors(slope: &Slope, class: usize) -> impl Iterator<Item = [u8; 3]> {
    let largest = slope.largest;
    (slope.class(class).iter()).map(move |value| doctor::look::diverging(*value, largest))
}
