//! How the window copes with a thousand long runs: until they are listed, until ten of them are drawn,
//! and how long a frame takes while the wheel zooms into a million points. Frames are drawn without a
//! screen: everything but the graphics card's part.

use std::path::Path;
use std::time::{Duration, Instant};

use egui::{Event, Modifiers, MouseWheelSource, MouseWheelUnit, TouchPhase, pos2, vec2};

use super::measure::{frame, millis};
use super::view::plots::Plots;
use super::{App, Tab};
use crate::experiment::ExperimentConfig;
use crate::run::metrics::{Confusion, mean};
use crate::run::store::{Store, StoreError};
use crate::run::{Outcome, Run, RunEvent, StepPoint};

const PATIENCE: Duration = Duration::from_secs(300);
/// A screen of 60 Hz.
const FRAME: Duration = Duration::from_millis(16);
const CLASSES: usize = 5;
const VALIDATIONS: u64 = 20;
/// Rows of the list that a screen shows, and some more.
const SCREEN: usize = 60;
/// Validation images of each run.
const IMAGES: usize = 50;

/// What was measured; times in milliseconds.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Listed {
    /// From the start of the program until the newest runs are in the list, more than a screen shows,
    /// the first time: summaries of the records are made.
    pub first_rows_ms: f64,
    /// … and until every run is.
    pub first_list_ms: f64,
    /// The same at every further start.
    pub list_ms: f64,
    /// From ticking the runs until the frame with their curves is drawn.
    pub tick_ms: f64,
    /// Frames while scrolling through the list.
    pub scroll_median_ms: f64,
    pub scroll_max_ms: f64,
    /// Curves in memory after every run was ticked once, in MiB.
    pub curves_mib: f64,
    /// Frames while zooming into the long curve, after the first.
    pub zoom_median_ms: f64,
    pub zoom_max_ms: f64,
    /// The first frame with the long curve: what down-sampling prepares once.
    pub long_first_ms: f64,
}

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub runs: usize,
    pub steps: u64,
    /// Runs that are ticked at once.
    pub ticked: usize,
    /// Points of the long curve.
    pub points: usize,
    pub frames: usize,
}

/// Writes the runs into `home` and measures.
///
/// # Errors
/// When they can't be written, or are not listed in time.
pub fn measure(load: &Load, home: &Path) -> Result<Listed, String> {
    record(&Store::new(home.join("runs")), load).map_err(|error| error.to_string())?;
    let (_, first_rows_ms, first_list_ms) = list(load, home)?;
    let ((ctx, mut app), _, list_ms) = list(load, home)?;

    let over = Event::PointerMoved(pos2(700.0, 180.0));
    frame(&ctx, &mut app, vec![over]);
    let scrolled = wheel(load.frames, -90.0, |events| frame(&ctx, &mut app, events));

    let ids: Vec<String> = app.lab.runs.iter().map(|run| run.id.clone()).collect();
    app.runs.ticked = ids.iter().take(load.ticked).cloned().collect();
    let start = Instant::now();
    let here = |app: &App| app.lab.runs.iter().filter(|run| !run.is_brief()).count();
    draw_until(&ctx, &mut app, |app| here(app) >= load.ticked)?;
    frame(&ctx, &mut app, Vec::new());
    let tick_ms = millis(start.elapsed());

    for some in ids.chunks(16) {
        app.runs.ticked = some.iter().cloned().collect();
        draw_until(&ctx, &mut app, |app| {
            let shown = |run: &&Run| app.runs.ticked.contains(&run.id);
            app.lab.runs.iter().filter(shown).all(|run| !run.is_brief())
        })?;
    }
    let curves_mib = app.lab.curve_bytes() as f64 / f64::from(1 << 20);
    drop(app);
    let (long_first_ms, zoomed) = zoom(load);
    Ok(Listed {
        first_rows_ms,
        first_list_ms,
        list_ms,
        tick_ms,
        scroll_median_ms: scrolled.0,
        scroll_max_ms: scrolled.1,
        curves_mib,
        zoom_median_ms: zoomed.0,
        zoom_max_ms: zoomed.1,
        long_first_ms,
    })
}

/// Starts the program and waits for the whole list; when its first rows were there, and the last.
fn list(load: &Load, home: &Path) -> Result<((egui::Context, App), f64, f64), String> {
    let start = Instant::now();
    let ctx = egui::Context::default();
    let mut app = App::new(&ctx, home.to_owned(), None);
    app.tab = Tab::Runs;
    let mut until = |runs: usize| -> Result<f64, String> {
        draw_until(&ctx, &mut app, |app| app.lab.runs.len() >= runs)?;
        frame(&ctx, &mut app, Vec::new());
        Ok(millis(start.elapsed()))
    };
    let (rows, all) = (until(load.runs.min(SCREEN))?, until(load.runs)?);
    // What a new dataset sets off is not part of the list.
    app.lab.stop_looking();
    Ok(((ctx, app), rows, all))
}

fn draw_until(
    ctx: &egui::Context,
    app: &mut App,
    done: impl Fn(&App) -> bool,
) -> Result<(), String> {
    let start = Instant::now();
    loop {
        frame(ctx, app, Vec::new());
        if done(app) {
            return Ok(());
        }
        if start.elapsed() > PATIENCE {
            return Err(format!("runs are not there after {PATIENCE:?}"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Median and longest time of frames in which the wheel turns.
fn wheel(frames: usize, turn: f32, mut draw: impl FnMut(Vec<Event>)) -> (f64, f64) {
    let mut times: Vec<f64> = (0..frames.max(1))
        .map(|_| {
            let turned = Event::MouseWheel {
                unit: MouseWheelUnit::Point,
                delta: vec2(0.0, turn),
                phase: TouchPhase::Move,
                source: MouseWheelSource::Wheel,
                modifiers: Modifiers::NONE,
            };
            let start = Instant::now();
            draw(vec![turned]);
            let took = start.elapsed();
            std::thread::sleep(FRAME.saturating_sub(took));
            millis(took)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() - 1])
}

/// One curve of very many points, zoomed by the wheel.
fn zoom(load: &Load) -> (f64, (f64, f64)) {
    let mut run = Run {
        id: "long".to_owned(),
        name: "long".to_owned(),
        steps_per_epoch: 100,
        ..Run::default()
    };
    run.steps = (1..=load.points as u64)
        .map(|step| StepPoint {
            step,
            loss: loss(step, load.points as u64, 0),
            learning_rate: 1e-3,
            grad_norm: 1.0,
            secs: step as f64 * 0.01,
        })
        .collect();
    let ctx = egui::Context::default();
    let mut plots = Plots::default();
    let mut draw = |events: Vec<Event>| {
        let input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(
                pos2(0.0, 0.0),
                vec2(1280.0, 800.0),
            )),
            events,
            focused: true,
            ..egui::RawInput::default()
        };
        let mut output = ctx.run_ui(input, |ui| plots.ui(ui, &[&run]));
        let shapes = std::mem::take(&mut output.shapes);
        std::hint::black_box(ctx.tessellate(shapes, output.pixels_per_point));
        output.textures_delta.clear();
    };
    let start = Instant::now();
    draw(Vec::new());
    let first = millis(start.elapsed());
    draw(vec![Event::PointerMoved(pos2(640.0, 250.0))]);
    (first, wheel(load.frames, 12.0, draw))
}

/// A loss that falls with some noise, as real ones do.
fn loss(step: u64, steps: u64, run: u64) -> f64 {
    let noise = ((step * 7919 + run * 104_729) % 1000) as f64 / 1000.0;
    (-2.0 * step as f64 / steps as f64).exp() + 0.2 * noise
}

fn record(store: &Store, load: &Load) -> Result<(), StoreError> {
    let mut config = ExperimentConfig::default();
    for run in 0..load.runs as u64 {
        config.train.seed = run;
        let mut recorder = store.create(&format!("recorded {run}"), &config)?;
        recorder.append(&RunEvent::Started {
            device: "CPU".to_owned(),
            total_steps: load.steps,
            steps_per_epoch: (load.steps / VALIDATIONS).max(1),
            parameters: 0,
            memory_estimate: 0,
            classes: (0..CLASSES).map(|class| format!("class {class}")).collect(),
            class_colors: vec![[200, 60, 60]; CLASSES],
            class_weights: Vec::new(),
            dataset: String::new(),
            unix_secs: 1_700_000_000 + run,
        })?;
        for step in 1..=load.steps {
            let secs = step as f64 * 0.1;
            recorder.append(&RunEvent::Step {
                step,
                loss: loss(step, load.steps, run),
                learning_rate: 1e-3,
                grad_norm: 1.0 + loss(step, load.steps, run + 1),
                secs,
            })?;
            if step % (load.steps / VALIDATIONS).max(1) == 0 {
                recorder.append(&validation(step, load.steps, run, secs))?;
            }
        }
        recorder.append(&RunEvent::Finished {
            outcome: Outcome::Completed,
            step: load.steps,
            secs: load.steps as f64 * 0.1,
        })?;
    }
    Ok(())
}

fn validation(step: u64, steps: u64, run: u64, secs: f64) -> RunEvent {
    let mut image = Confusion::new(CLASSES);
    for class in 0..CLASSES {
        image.counts[class * CLASSES + class] = 1000 * step / steps + run % 7;
        image.counts[class * CLASSES + (class + 1) % CLASSES] = 1000 - 1000 * step / steps;
    }
    let mut confusion = Confusion::new(CLASSES);
    for _ in 0..IMAGES {
        confusion.merge(&image);
    }
    let dice = confusion.dice();
    RunEvent::Validated {
        step,
        loss: loss(step, steps, run),
        mean_dice: mean(&dice),
        dice,
        confusion,
        per_image: vec![image; IMAGES],
        calibration: Default::default(),
        secs,
    }
}
