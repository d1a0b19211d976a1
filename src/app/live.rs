//! The real window under load, measured: eight recorded runs and a live one plotted, overlays
//! following the training, both tabs shown in turn, first only looked at, then with the pointer
//! always on the move. And what the window costs the training: the same training is timed without a
//! window before and after.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use egui::{Ui, ViewportCommand};
use serde::Serialize;

use super::frames::{FrameTimes, Summary};
use super::{App, Tab, open_window, painter};
use crate::data::{Dataset, Progress};
use crate::experiment::ExperimentConfig;
use crate::lab::Opened;
use crate::run::metrics::Confusion;
use crate::run::store::Store;
use crate::run::{Outcome, RunEvent};
use crate::train::handle::{Control, Job, TrainerEvent, TrainerHandle};

/// A training's first seconds are not counted: threads start, memory is taken.
const WARM_UP: f64 = 2.0;
/// Seconds that a tab which was just opened is not counted.
const COMING: f64 = 1.0;
/// A dataset or first step that takes longer is given up; so is the first look at the graphics
/// drivers, which takes minutes where software compiles the shaders.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is to be shown.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Recorded runs that are plotted beside the live one, and their steps.
    pub runs: usize,
    pub steps: u64,
    /// How long each tab is looked at, and the training timed without a window.
    pub seconds: f64,
    /// Points.
    pub size: [f32; 2],
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Live {
    /// From the start of the program's window to the end of its first frame, in milliseconds.
    pub first_frame_ms: f64,
    /// Name of the graphics driver that paints.
    pub painter: String,
    /// Curves and overlay of the live run.
    pub training_tab: Times,
    /// Every run plotted.
    pub runs_tab: Times,
    /// Both while the pointer moves all the time, so that frame follows frame.
    pub training_tab_in_use: Times,
    pub runs_tab_in_use: Times,
    /// Steps a second beside a window that is looked at, and one that is in use all the time.
    pub speed: f64,
    pub speed_in_use: f64,
    /// Without a window, before and after.
    pub speed_alone: [f64; 2],
    /// Of the speed without a window, what the window costs: 0.03 is 3 %; below 0 is noise.
    pub lost_share: f64,
}

/// Frames of one tab.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Times {
    /// Everything but waiting for the screen.
    pub frame: Summary,
    /// What this program lays out, without the graphics driver.
    pub layout: Summary,
    /// Frames in a second.
    pub frames_per_s: f64,
    /// Milliseconds of all cores that a frame takes the window's own thread, and the threads that
    /// paint where software does; absent where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_thread_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_paint_ms: Option<f64>,
    /// What asked for frames, and how often.
    pub causes: BTreeMap<String, u64>,
}

/// Measures; opens a window. `home` is a folder for this alone.
///
/// # Errors
/// When no window can be opened or nothing can be trained.
pub fn measure(load: &Load, home: &Path) -> Result<Live, String> {
    let store = Store::new(home.join("runs"));
    let config = config()?;
    record(&store, &config, load).map_err(|error| error.to_string())?;
    let dataset = Dataset::open(&config.data, &Progress::default()).map_err(|e| e.to_string())?;
    let dataset = Arc::new(dataset);
    let alone = Store::new(home.join("alone"));
    // Before, too: other programs are to disturb all three alike.
    crate::train::priority::put_training_behind_window();
    let before = train_alone(&config, &dataset, &alone, load.seconds)?;
    let seen = look(load, home, &config)?;
    let after = train_alone(&config, &dataset, &alone, load.seconds)?;
    let usual = f64::midpoint(before, after);
    let [training_tab, runs_tab, training_tab_in_use, runs_tab_in_use] = seen.views;
    Ok(Live {
        first_frame_ms: seen.first_frame_ms,
        painter: seen.painter,
        training_tab,
        runs_tab,
        training_tab_in_use,
        runs_tab_in_use,
        speed: seen.speed,
        speed_in_use: seen.speed_in_use,
        speed_alone: [before, after],
        lost_share: 1.0 - seen.speed / usual,
    })
}

/// A training that outlasts the measurement.
fn config() -> Result<ExperimentConfig, String> {
    let mut config = ExperimentConfig::default();
    for (key, value) in [("train.device", "cpu"), ("train.epochs", "100000")] {
        config.set(key, value).map_err(|error| error.to_string())?;
    }
    Ok(config)
}

/// Writes runs whose curves fall with some noise, as real ones do.
fn record(
    store: &Store,
    config: &ExperimentConfig,
    load: &Load,
) -> Result<(), crate::run::store::StoreError> {
    const CLASSES: usize = 5;
    for run in 0..load.runs {
        let mut recorder = store.create(&format!("recorded {run}"), config)?;
        recorder.append(&RunEvent::Started {
            device: "CPU".to_owned(),
            total_steps: load.steps,
            steps_per_epoch: (load.steps / 20).max(1),
            parameters: 0,
            classes: (0..CLASSES).map(|class| format!("class {class}")).collect(),
            class_colors: vec![[200, 60 + run as u8 * 20, 60]; CLASSES],
            class_weights: Vec::new(),
            dataset: String::new(),
            unix_secs: 0,
            memory_estimate: 0,
        })?;
        for step in 1..=load.steps {
            let at = step as f64 / load.steps as f64;
            let noise = ((step * 7919 + run as u64 * 104_729) % 1000) as f64 / 1000.0;
            let secs = step as f64 * 0.1;
            recorder.append(&RunEvent::Step {
                step,
                loss: (-2.0 * at).exp() + 0.2 * noise,
                learning_rate: 1e-3,
                grad_norm: 1.0 + noise,
                secs,
            })?;
            if step % (load.steps / 20).max(1) == 0 {
                recorder.append(&RunEvent::Validated {
                    step,
                    loss: (-2.0 * at).exp(),
                    dice: vec![Some(at); CLASSES],
                    mean_dice: Some(at),
                    confusion: Confusion::new(CLASSES),
                    per_image: Vec::new(),
                    calibration: Default::default(),
                    secs,
                })?;
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

/// Steps a second of the training with nothing else in this process.
fn train_alone(
    config: &ExperimentConfig,
    dataset: &Arc<Dataset>,
    store: &Store,
    seconds: f64,
) -> Result<f64, String> {
    let trainer = TrainerHandle::spawn(Arc::new(|| ()));
    let job = Job {
        name: "alone".to_owned(),
        config: config.clone(),
        dataset: Arc::clone(dataset),
        resume: None,
    };
    trainer.start(vec![job], store.clone())?;
    let mut points = Vec::new();
    loop {
        match trainer.wait(PATIENCE) {
            Some(TrainerEvent::Run { event, .. }) => match event {
                RunEvent::Step { step, secs, .. } => {
                    points.push((secs, step));
                    if secs > WARM_UP + seconds {
                        trainer.control(Control::Stop);
                    }
                }
                RunEvent::Finished {
                    outcome: Outcome::Failed { message } | Outcome::Diverged { message, .. },
                    ..
                } => return Err(message),
                _ => {}
            },
            Some(TrainerEvent::Idle) => return speed(&points, WARM_UP, WARM_UP + seconds),
            Some(_) => {}
            None => return Err(format!("no training step within {PATIENCE:?}")),
        }
    }
}

/// Steps a second between two times of a run.
fn speed(points: &[(f64, u64)], from: f64, until: f64) -> Result<f64, String> {
    let mut within = points
        .iter()
        .filter(|(secs, _)| *secs >= from && *secs <= until);
    match (within.next(), within.next_back()) {
        (Some(first), Some(last)) if last.0 > first.0 => {
            Ok((last.1 - first.1) as f64 / (last.0 - first.0))
        }
        _ => Err("too few training steps: measure for longer".to_owned()),
    }
}

/// What the window showed.
struct Seen {
    first_frame_ms: f64,
    painter: String,
    /// In the order of [`VIEWS`].
    views: [Times; VIEWS.len()],
    speed: f64,
    speed_in_use: f64,
}

fn look(load: &Load, home: &Path, config: &ExperimentConfig) -> Result<Seen, String> {
    let found: Arc<Mutex<Option<Result<Seen, String>>>> = Arc::default();
    let start = Instant::now();
    open_window(load.size, |cc| {
        let mut app = App::in_window(cc, home.to_owned(), None);
        app.lab.draft = config.clone();
        Box::new(Driver {
            app,
            load: *load,
            start,
            first_frame_ms: None,
            painter: painter(cc),
            stage: Stage::Opening,
            counted: Default::default(),
            found: Arc::clone(&found),
        })
    })?;
    let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
    found.unwrap_or_else(|| Err("the window was closed before the measurement's end".to_owned()))
}

/// Uses the window as a person would, by the clock.
struct Driver {
    app: App,
    load: Load,
    start: Instant,
    first_frame_ms: Option<f64>,
    painter: String,
    stage: Stage,
    counted: [Counted; VIEWS.len()],
    found: Arc<Mutex<Option<Result<Seen, String>>>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Until the dataset and the recorded runs are there.
    Opening,
    /// Until the training runs evenly.
    WarmUp,
    /// The view at this index of [`VIEWS`], which has just been opened, until this second of the run:
    /// what is new is painted several times.
    Coming(usize, f64),
    /// As before, since this second.
    Looking(usize, f64),
    Done,
}

/// A tab, and whether the pointer moves over it all the time.
const VIEWS: [(Tab, bool); 4] = [
    (Tab::Training, false),
    (Tab::Runs, false),
    (Tab::Training, true),
    (Tab::Runs, true),
];

/// Frames of one view.
#[derive(Default)]
struct Counted {
    whole: FrameTimes,
    /// Without handing the frame to the graphics driver.
    layout: FrameTimes,
    /// Seconds of the run.
    since: f64,
    until: f64,
    cores_before: Option<Cores>,
    cores_after: Option<Cores>,
    causes: BTreeMap<String, u64>,
}

impl Counted {
    fn times(&self) -> Times {
        let frame = self.whole.summary();
        let cores = self.cores_before.as_ref().zip(self.cores_after.as_ref());
        let per_frame = |of: fn(&Cores) -> f64| {
            cores.map(|(before, after)| (of(after) - of(before)) / frame.frames.max(1) as f64)
        };
        Times {
            frame,
            layout: self.layout.summary(),
            frames_per_s: frame.frames as f64 / (self.until - self.since),
            window_thread_ms: per_frame(|cores| cores.window_ms),
            software_paint_ms: per_frame(|cores| cores.paint_ms),
            causes: self.causes.clone(),
        }
    }
}

/// Milliseconds that threads of this process have had a core for.
struct Cores {
    window_ms: f64,
    paint_ms: f64,
}

impl Cores {
    /// As Linux tells it; call it on the window's thread.
    fn now() -> Option<Self> {
        let on_core = |thread: &Path| -> Option<f64> {
            let told = std::fs::read_to_string(thread.join("schedstat")).ok()?;
            let nanoseconds: u64 = told.split_whitespace().next()?.parse().ok()?;
            Some(nanoseconds as f64 * 1e-6)
        };
        let paint = std::fs::read_dir("/proc/self/task").ok()?.flatten();
        let paint = paint.filter_map(|thread| {
            let name = std::fs::read_to_string(thread.path().join("comm")).ok()?;
            name.starts_with("llvmpipe")
                .then(|| on_core(&thread.path()))?
        });
        Some(Self {
            window_ms: on_core(Path::new("/proc/thread-self"))?,
            paint_ms: paint.sum(),
        })
    }
}

impl Driver {
    fn advance(&mut self, ctx: &egui::Context) {
        let secs = (self.app.lab.active_run())
            .and_then(|run| run.steps.last())
            .map_or(0.0, |point| point.secs);
        match self.stage {
            Stage::Opening => {
                let listed = self.app.lab.runs.len() >= self.load.runs;
                let lab = &self.app.lab;
                // What a new dataset sets off is over: it is not the window's painting.
                let settled = lab.xray.is_some() && lab.look.progress.is_none() && !lab.probing;
                if listed && settled && matches!(lab.dataset, Opened::Ready(_)) {
                    let ids = self.app.lab.runs.iter().map(|run| run.id.clone());
                    self.app.runs.ticked = ids.collect();
                    self.app.lab.train();
                    self.stage = Stage::WarmUp;
                } else if self.start.elapsed() > PATIENCE {
                    self.finish(ctx, Err(format!("not open within {PATIENCE:?}")));
                }
            }
            Stage::WarmUp if secs > WARM_UP => {
                self.app.runs.ticked.extend(self.app.lab.active.clone());
                self.stage = Stage::Coming(0, secs + COMING);
            }
            Stage::Coming(at, until) if secs > until => self.begin(at, secs),
            Stage::WarmUp | Stage::Coming(..) => {}
            Stage::Looking(at, since) if secs > since + self.load.seconds => {
                self.counted[at].until = secs;
                self.counted[at].cores_after = Cores::now();
                if at + 1 == VIEWS.len() {
                    self.finish(ctx, self.seen());
                } else {
                    self.stage = Stage::Coming(at + 1, secs + COMING);
                }
            }
            Stage::Looking(..) | Stage::Done => {}
        }
        if let Some((tab, _)) = self.view() {
            self.app.tab = tab;
        }
        let idle = !self.app.lab.is_busy();
        if idle && (self.view().is_some() || self.stage == Stage::WarmUp) {
            self.finish(ctx, Err("the training ended early".to_owned()));
        }
    }

    /// What is shown.
    fn view(&self) -> Option<(Tab, bool)> {
        match self.stage {
            Stage::Coming(at, _) | Stage::Looking(at, _) => Some(VIEWS[at]),
            Stage::Opening | Stage::WarmUp | Stage::Done => None,
        }
    }

    fn begin(&mut self, at: usize, secs: f64) {
        self.stage = Stage::Looking(at, secs);
        self.counted[at].since = secs;
        self.counted[at].cores_before = Cores::now();
    }

    fn seen(&self) -> Result<Seen, String> {
        let run = self.app.lab.active_run().ok_or("there is no run")?;
        let points: Vec<(f64, u64)> = (run.steps.iter())
            .map(|point| (point.secs, point.step))
            .collect();
        let during = |first: usize, last: usize| {
            speed(&points, self.counted[first].since, self.counted[last].until)
        };
        Ok(Seen {
            first_frame_ms: self.first_frame_ms.unwrap_or(f64::NAN),
            painter: self.painter.clone(),
            views: std::array::from_fn(|at| self.counted[at].times()),
            speed: during(0, 1)?,
            speed_in_use: during(2, 3)?,
        })
    }

    fn finish(&mut self, ctx: &egui::Context, result: Result<Seen, String>) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        self.stage = Stage::Done;
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }
}

impl eframe::App for Driver {
    fn raw_input_hook(&mut self, _ctx: &egui::Context, input: &mut egui::RawInput) {
        if let Some((_, true)) = self.view() {
            // To and fro over the middle, where plots and pictures are.
            let turn = self.start.elapsed().as_secs_f32();
            let size = egui::Vec2::from(self.load.size);
            let at = egui::vec2(0.6 + 0.25 * turn.sin(), 0.5 + 0.3 * (1.7 * turn).cos());
            let to = (at * size).to_pos2();
            input.events.push(egui::Event::PointerMoved(to));
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        self.app.clear_color(visuals)
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        if let Some(seconds) = frame.info().cpu_usage {
            self.first_frame_ms
                .get_or_insert_with(|| self.start.elapsed().as_secs_f64() * 1e3);
            if let Stage::Looking(at, _) = self.stage {
                self.counted[at].whole.add(f64::from(seconds) * 1e3);
            }
        }
        if let Stage::Looking(at, _) = self.stage {
            for cause in ui.ctx().repaint_causes() {
                *self.counted[at]
                    .causes
                    .entry(cause.to_string())
                    .or_default() += 1;
            }
        }
        let start = Instant::now();
        self.app.ui(ui, frame);
        if let Stage::Looking(at, _) = self.stage {
            let took = start.elapsed().as_secs_f64() * 1e3;
            self.counted[at].layout.add(took);
        }
        if let Some((_, true)) = self.view() {
            ui.ctx().request_repaint();
        }
        self.advance(ui.ctx());
    }
}
