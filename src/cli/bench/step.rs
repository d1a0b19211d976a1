//! `dicebench bench step` and `infer`: one training step, or one pass forward, of the U-Net that other
//! frameworks are timed with; against what the processor could do, and over threads.

use std::process::ExitCode;
use std::time::Instant;

use burn::prelude::*;
use burn::tensor::Transaction;
use serde::Serialize;

use super::{CLASSES, median, numbers, yardstick};
use crate::loss::OutputActivation;
use crate::loss::config::KINDS;
use crate::model::UNet;
use crate::model::kernels::threads::Workers;
use crate::train::device;
use crate::train::device::traffic::{Counting, Traffic};
use crate::train::late::Reading;
use crate::train::learner::{Broken, Learner, Part};
use crate::train::room;

/// Rounds in which one thread and all take turns.
const ROUNDS: u64 = 4;
/// Side of the square matrices whose product tells what the processor can do.
const GEMM_SIDE: usize = 1024;

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Images per step.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=512))]
    pub batch: u64,
    /// Width and height of the images in pixels; a multiple of 2^depth.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u64).range(2..=2048))]
    pub size: u64,
    /// Channels of the first level.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=128))]
    pub base: u64,
    /// Poolings between the top and the bottom.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=6))]
    pub depth: u64,
    /// Steps that are timed.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub steps: u64,
    /// Steps before them, not counted.
    #[arg(long, default_value_t = 2)]
    pub warmup: u64,
    /// Compute maps again in the backward pass, as `train.checkpointing` does.
    #[arg(long)]
    pub checkpointing: bool,
    /// Threads to compute with; all of the processor if not given.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub threads: Option<u64>,
    /// Also on one thread, in turns, to tell what the others bring.
    #[arg(long)]
    pub scaling: bool,
    /// `auto`, `cpu`, or a name that `dicebench devices` lists.
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// A kind of loss, as `dicebench losses` names them; cross-entropy and Dice if not given.
    #[arg(long, value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(KINDS))]
    pub loss: Option<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What a measurement found; times are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub bench: &'static str,
    pub device: String,
    pub threads: usize,
    pub parameters: u64,
    pub batch: u64,
    pub size: u64,
    pub base: u64,
    pub depth: u64,
    pub steps: u64,
    pub median_ms: f64,
    pub min_ms: f64,
    pub max_ms: f64,
    /// Loss of the first and of the last step; absent where nothing is trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_loss: Option<f64>,
    /// Absent where the device is no CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor: Option<Processor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    /// What a step asks of the device; absent where it is the CPU, which is called and not asked.
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    pub traffic: Option<Traffic>,
    /// Most memory the process had, megabytes; absent where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_mb: Option<f64>,
    /// What it had before the network was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_mb: Option<f64>,
    /// What a training of the same is told to take beside that; absent where nothing is trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_mb: Option<f64>,
}

/// What was reached of what the processor can do, in 10⁹ operations per second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Processor {
    /// Multiplications and additions of the convolutions alone, 10⁹ a step.
    pub gflop: f64,
    /// These by the best step.
    pub gflop_per_s: f64,
    /// The same processor and threads multiplying large matrices, best of several.
    pub gemm_gflop_per_s: f64,
    /// The former by the latter.
    pub gemm_share: f64,
}

/// What more threads bring.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scaling {
    pub one_thread_median_ms: f64,
    pub one_thread_min_ms: f64,
    /// One thread's median by that of all.
    pub speedup: f64,
}

/// Runs the measurement and prints it.
pub fn run(args: &Args, train: bool) -> ExitCode {
    super::tell(report(args, train), args.json, print)
}

fn report(args: &Args, train: bool) -> Result<Report, String> {
    let threads = args.threads.unwrap_or(rayon::current_num_threads() as u64) as usize;
    let (mut report, scaling) = match args.scaling && threads > 1 {
        true => in_turns(args, train, threads)?,
        false => (on_threads(threads, || measure(args, train))?, None),
    };
    report.scaling = scaling;
    report.threads = threads;
    // Before matrices are multiplied, which take memory of their own.
    report.peak_mb = room::resident().map(|[_, peak]| peak as f64 * 1e-6);
    let (_, info) = device::open(&args.device)?;
    if info.adapter.is_none() {
        let gemm = on_threads(threads, gemm_gflop_per_s)?;
        let gflop = 1e-9 * yardstick::operations(args, train) as f64;
        let reached = gflop / (report.min_ms * 1e-3);
        report.processor = Some(Processor {
            gflop,
            gflop_per_s: reached,
            gemm_gflop_per_s: gemm,
            gemm_share: reached / gemm,
        });
    }
    Ok(report)
}

/// Runs `work` on a thread of its own with as many workers.
fn on_threads<R: Send>(
    threads: usize,
    work: impl FnOnce() -> Result<R, String> + Send,
) -> Result<R, String> {
    let joined = move || {
        let _workers = Workers::of(threads);
        work()
    };
    std::thread::scope(|scope| scope.spawn(joined).join())
        .map_err(|_| "the measurement broke down".to_owned())?
}

/// All threads and one by turns, so that both meet the same disturbances.
fn in_turns(args: &Args, train: bool, threads: usize) -> Result<(Report, Option<Scaling>), String> {
    let part = Args {
        steps: args.steps.div_ceil(ROUNDS),
        ..args.clone()
    };
    let mut times = [Vec::new(), Vec::new()];
    let mut last = None;
    for _ in 0..ROUNDS {
        for (times, threads) in times.iter_mut().zip([threads, 1]) {
            let (report, millis) = on_threads(threads, || timed(&part, train))?;
            times.extend(millis);
            if threads > 1 {
                last = Some(report);
            }
        }
    }
    let [all, one] = &mut times;
    all.sort_by(f64::total_cmp);
    one.sort_by(f64::total_cmp);
    let mut report = last.ok_or("nothing was measured")?;
    report.steps = all.len() as u64;
    report.set_times(all);
    let scaling = Scaling {
        one_thread_median_ms: median(one),
        one_thread_min_ms: one.first().copied().unwrap_or(0.0),
        speedup: median(one) / median(all),
    };
    Ok((report, Some(scaling)))
}

impl Report {
    /// `sorted` milliseconds of each step.
    fn set_times(&mut self, sorted: &[f64]) {
        self.median_ms = median(sorted);
        self.min_ms = sorted.first().copied().unwrap_or(0.0);
        self.max_ms = sorted.last().copied().unwrap_or(0.0);
    }
}

fn print(report: &Report) {
    println!(
        "{} on {}, {} threads: {} parameters, {} × {}×{}",
        report.bench,
        report.device,
        report.threads,
        report.parameters,
        report.batch,
        report.size,
        report.size
    );
    println!(
        "median {:.1} ms, min {:.1} ms, max {:.1} ms over {} steps",
        report.median_ms, report.min_ms, report.max_ms, report.steps
    );
    if let Some(of) = &report.processor {
        println!(
            "convolutions: {:.2} GFLOP a step, {:.0} GFLOP/s by the best, {:.0} % of the {:.0} that matrix products reach here",
            of.gflop,
            of.gflop_per_s,
            100.0 * of.gemm_share,
            of.gemm_gflop_per_s
        );
    }
    if let Some(of) = &report.scaling {
        println!(
            "one thread: median {:.1} ms, min {:.1} ms; {} threads are {:.2} times as fast",
            of.one_thread_median_ms, of.one_thread_min_ms, report.threads, of.speedup
        );
    }
    if let Some(traffic) = &report.traffic {
        println!("a step asks for {traffic}");
    }
    if let Some(peak) = report.peak_mb {
        print!("peak memory {peak:.0} MB");
        match (report.before_mb, report.estimated_mb) {
            (Some(before), Some(estimated)) => println!(
                ", {:.0} MB for the training, of which {estimated:.0} MB were expected",
                peak - before
            ),
            _ => println!(),
        }
    }
    if let (Some(first), Some(last)) = (report.first_loss, report.last_loss) {
        println!("loss {first:.4} → {last:.4}");
    }
}

/// What the processor reaches in the product of two large matrices, best of several.
fn gemm_gflop_per_s() -> Result<f64, String> {
    let device = Device::flex();
    let matrix = || {
        let values: Vec<f32> = numbers(GEMM_SIDE * GEMM_SIDE, 5).collect();
        Tensor::<2>::from_data(TensorData::new(values, [GEMM_SIDE; 2]), &device)
    };
    let (a, b) = (matrix(), matrix());
    let mut best = f64::INFINITY;
    for _ in 0..12 {
        let start = Instant::now();
        let product = a.clone().matmul(b.clone());
        best = best.min(start.elapsed().as_secs_f64());
        drop(product);
    }
    Ok(1e-9 * 2.0 * (GEMM_SIDE as f64).powi(3) / best)
}

/// Times `args.steps` steps on random pixels and labels.
///
/// # Errors
/// When the size does not fit the depth or the device can't be used.
pub fn measure(args: &Args, train: bool) -> Result<Report, String> {
    timed(args, train).map(|(report, _)| report)
}

/// The report, and the milliseconds of every step, sorted.
fn timed(args: &Args, train: bool) -> Result<(Report, Vec<f64>), String> {
    let multiple = 1u64 << args.depth;
    if !args.size.is_multiple_of(multiple) {
        return Err(format!(
            "--size {} does not fit --depth {}: expected a multiple of {multiple}",
            args.size, args.depth
        ));
    }
    let (plain, info) = device::open(&args.device)?;
    let device = match train {
        true => device::for_training(plain, args.checkpointing),
        false => plain,
    };
    let on_cpu = info.adapter.is_none();
    let before = room::resident().map(|[now, _]| now);
    let net = UNet::new(
        &yardstick::model(args),
        yardstick::CHANNELS,
        CLASSES,
        1,
        &device,
    );
    let parameters = net.parameters();
    let images = yardstick::noise(args, &device);
    let mut losses = Vec::new();
    let mut millis = Vec::new();
    let _counting = Counting::start();
    let mut step: Box<dyn FnMut() -> Result<Option<f64>, String>> = if train {
        let mut learner = Learner::new(net, &yardstick::training());
        let target = yardstick::random_target(args, &device);
        let loss = yardstick::build_loss(args.loss.as_deref(), &device)?;
        let on_gpu = info.adapter.is_some();
        let mut launched = None;
        Box::new(move || {
            let softmax = OutputActivation::Softmax;
            let measured = if on_gpu {
                // As in a training: a step's numbers are read while the next is computed.
                let part = Part {
                    share: 1.0,
                    images: images.clone(),
                    keep: None,
                    target: target.clone(),
                };
                let now =
                    (learner.launch(std::iter::once(part), softmax, &*loss, 1e-3)).map_err(said)?;
                match launched.replace(now) {
                    Some(last) => learner.settle(last).map_err(said)?,
                    None => None,
                }
            } else {
                let measured = learner.step(images.clone(), None, softmax, &target, &*loss, 1e-3);
                Some(measured.map_err(said)?)
            };
            Ok(measured.map(|measured| measured.loss))
        })
    } else {
        Box::new(move || {
            let logits = net.forward(images.clone());
            // One number is read back, so that the work is done when the clock stops.
            let transaction = Transaction::default().register(logits.max());
            let read = Reading::start(transaction).wait();
            read.map(|_| None).map_err(|error| error.to_string())
        })
    };
    let mut traffic = Traffic::default();
    for index in 0..args.warmup + args.steps {
        let (start, before) = (Instant::now(), Traffic::so_far());
        losses.extend(step()?);
        traffic = Traffic::so_far() - before;
        if index >= args.warmup {
            millis.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    millis.sort_by(f64::total_cmp);
    let mut report = Report {
        bench: if train { "step" } else { "infer" },
        traffic: info.adapter.is_some().then_some(traffic),
        device: info.name,
        threads: rayon::current_num_threads(),
        parameters,
        batch: args.batch,
        size: args.size,
        base: args.base,
        depth: args.depth,
        steps: args.steps,
        median_ms: 0.0,
        min_ms: 0.0,
        max_ms: 0.0,
        first_loss: losses.first().copied(),
        last_loss: losses.last().copied(),
        processor: None,
        scaling: None,
        peak_mb: None,
        before_mb: before.map(|bytes| bytes as f64 * 1e-6),
        estimated_mb: train.then(|| yardstick::expected(args, on_cpu).total() as f64 * 1e-6),
    };
    report.set_times(&millis);
    Ok((report, millis))
}

fn said(broken: Broken) -> String {
    match broken {
        Broken::NotFinite(message) | Broken::Device(message) => message,
        Broken::Data(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> Args {
        Args {
            batch: 2,
            size: 16,
            base: 4,
            depth: 2,
            steps: 8,
            warmup: 1,
            checkpointing: false,
            threads: None,
            scaling: false,
            device: "cpu".to_owned(),
            loss: None,
            json: false,
        }
    }

    #[test]
    fn training_steps_lower_the_loss_and_times_are_ordered() {
        let report = measure(&tiny(), true).unwrap();
        assert!(report.min_ms > 0.0);
        assert!(report.min_ms <= report.median_ms && report.median_ms <= report.max_ms);
        assert!(report.last_loss.unwrap() < report.first_loss.unwrap());
    }

    #[test]
    fn a_size_that_does_not_halve_often_enough_is_refused() {
        let args = Args { size: 18, ..tiny() };
        let message = measure(&args, true).unwrap_err();
        assert!(message.contains("18") && message.contains('4'), "{message}");
    }

    #[test]
    fn inference_has_no_loss() {
        let report = measure(&tiny(), false).unwrap();
        assert_eq!(report.last_loss, None);
        assert_eq!(report.bench, "infer");
    }

    #[test]
    fn threads_are_compared_in_turns_and_with_matrix_products() {
        let args = Args {
            scaling: true,
            threads: Some(2),
            ..tiny()
        };
        let report = report(&args, true).unwrap();
        assert_eq!((report.threads, report.steps), (2, 8));
        let scaling = report.scaling.unwrap();
        assert!(scaling.one_thread_min_ms <= scaling.one_thread_median_ms);
        let reached = report.processor.unwrap();
        assert!(
            reached.gemm_share > 0.0 && reached.gflop > 0.0,
            "{reached:?}"
        );
    }
}
