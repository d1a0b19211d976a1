//! Pixels; the only folder that knows egui.
//!
//! [`App`] owns the [`Lab`] (what the user works on) and what only a window needs: which tab is
//! open, caches of the views, toasts. Every frame it lets the lab fold in news, draws, and carries
//! out what was asked.

mod commands;
pub mod compare;
mod doctor;
mod formula;
mod frames;
pub mod live;
pub mod measure;
pub mod measure_runs;
mod museum;
mod opening;
mod pacer;
mod palette;
mod panel;
mod race;
mod room;
pub mod runs_tab;
mod saving;
mod taking;
mod theme;
mod toasts;
mod toolbar;
mod tour;
mod training;
pub mod view;
pub mod xray;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use egui::{CentralPanel, Panel, Ui};

use crate::finding::Severity;
use crate::lab::Lab;
use crate::run::store::home;
use opening::Opening;
use view::plots::Plots;
use view::runs::RunsTable;
use view::viewer::Viewer;

crate::choices! {
    /// What the middle of the window shows.
    pub enum Tab {
        Training = "Training": "Curves and pictures of the present run.",
        Data = "Data": "What is in the dataset.",
        Xray = "X-ray": "Whether the loss prefers the right answer, before training.",
        Doctor = "Doctor": "What is wrong with settings and run, why, and what puts it right.",
        Runs = "Runs": "What was recorded, compared.",
        Compare = "Compare": "What each run predicts for the same image, at the same moment.",
        Museum = "Museum": "Real mistakes, each beside its repair.",
    }
}

/// The window's state.
pub struct App {
    pub lab: Lab,
    pub tab: Tab,
    plots: Plots,
    viewer: Viewer,
    /// All lanes of a race side by side.
    pub lanes: view::lanes::Lanes,
    /// The formula of the batch in training is shown.
    pub batch_formula: bool,
    pub runs: RunsTable,
    /// What the Runs tab shows of the ticked runs.
    pub below: runs_tab::Below,
    pub compare: compare::Compare,
    panel: panel::State,
    opening: Opening,
    /// What the views that keep no list of their own have made into files, until it is taken.
    pub saves: Vec<Result<view::save::Save, String>>,
    /// Files that are being saved.
    pub saving: saving::Saving,
    taking: taking::Taking,
    room: room::State,
    race: race::State,
    museum: museum::State,
    doctor: doctor::State,
    palette: palette::State,
    tour: Option<tour::Tour>,
    xray: xray::State,
    toasts: toasts::Toasts,
    windows: Windows,
    /// How long the frames took.
    pub frames: frames::FrameTimes,
    pacer: Arc<pacer::Pacer>,
    title: String,
    /// The window has the panels' colour before anything is painted.
    cleared: bool,
}

/// Which small windows are open.
#[derive(Debug, Default)]
struct Windows {
    keys: bool,
    notices: bool,
    about: bool,
    frames: bool,
}

impl App {
    /// `home` holds runs, presets and settings.
    #[must_use]
    pub fn new(ctx: &egui::Context, home: PathBuf, open: Option<PathBuf>) -> Self {
        let pacer = Arc::new(pacer::Pacer::default());
        let wake = pacer.waker(ctx);
        let gallery = compare::gallery(&home, wake.clone());
        let mut lab = Lab::new(home, wake);
        theme::apply(ctx, lab.settings.theme);
        let runs = RunsTable::restored(&lab.settings.runs);
        let mut tabs = Tab::ALL.iter().copied();
        let tab = tabs.find(|tab| tab.name() == lab.settings.tab);
        let below = runs_tab::Below::restored(&lab.settings.side);
        if let Some(path) = open {
            lab.open(&path.to_string_lossy());
        }
        Self {
            plots: Plots::restored(&lab.settings.curves),
            lab,
            tab: tab.unwrap_or_default(),
            viewer: Viewer::default(),
            lanes: view::lanes::Lanes::default(),
            batch_formula: false,
            runs,
            below,
            compare: compare::Compare::new(gallery),
            panel: panel::State::default(),
            opening: Opening::default(),
            saves: Vec::new(),
            saving: saving::Saving::default(),
            taking: taking::Taking::default(),
            room: room::State::default(),
            race: race::State::default(),
            museum: museum::State::default(),
            doctor: doctor::State::default(),
            palette: palette::State::default(),
            tour: None,
            xray: xray::State::default(),
            toasts: toasts::Toasts::default(),
            windows: Windows::default(),
            frames: frames::FrameTimes::default(),
            pacer,
            title: String::new(),
            cleared: false,
        }
    }

    /// As [`App::new`], in a real window.
    fn in_window(cc: &eframe::CreationContext<'_>, home: PathBuf, open: Option<PathBuf>) -> Self {
        let mut app = Self::new(&cc.egui_ctx, home, open);
        app.cleared = true;
        app.pacer.painted_by(&painter(cc));
        app
    }

    /// Draws one frame.
    pub fn draw(&mut self, ui: &mut Ui) {
        (self.lab).watch_batch(self.batch_formula && self.tab == Tab::Training);
        self.lab.tick();
        let ctx = ui.ctx().clone();
        self.follow_runs(&ctx);
        self.resume_training();
        tour::tick(self);
        tour::keys(self, &ctx);
        commands::handle(self, &ctx);
        if self.opening.receive(&ctx, &mut self.lab) {
            self.tab = Tab::Data;
        }

        let (edge, middle) = self.frames_of_panels(ui);
        Panel::top("toolbar")
            .frame(edge)
            .show(ui, |ui| toolbar::show(self, ui));
        Panel::bottom("status")
            .frame(edge)
            .show(ui, |ui| toolbar::status(self, ui));
        tour::strip(self, ui);
        Panel::left("settings")
            .frame(edge)
            .default_size(340.0)
            .size_range(300.0..=520.0)
            .show(ui, |ui| {
                theme::within(ui, |ui| panel::show(&mut self.panel, &mut self.lab, ui));
            });
        CentralPanel::default()
            .frame(middle)
            .show(ui, |ui| self.middle(ui));

        self.keep_places();
        self.save_files(&ctx);
        self.small_windows(&ctx);
        self.opening.overlay(&ctx);
        self.show_toasts(&ctx);
        self.lab
            .settle(ctx.egui_is_using_pointer() || ctx.egui_wants_keyboard_input());
    }

    /// Those of the panels at the edges and in the middle. A window is cleared in their colour: where
    /// software paints, to fill each pixel once more is a good part of a frame.
    fn frames_of_panels(&self, ui: &Ui) -> (egui::Frame, egui::Frame) {
        let frames = (
            egui::Frame::side_top_panel(ui.style()),
            egui::Frame::central_panel(ui.style()),
        );
        if !self.cleared {
            return frames;
        }
        let bare = |frame: egui::Frame| frame.fill(egui::Color32::TRANSPARENT);
        (bare(frames.0), bare(frames.1))
    }

    fn middle(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            for (tab, help) in Tab::ALL
                .iter()
                .zip(crate::param::Choice::helps(&Tab::default()))
            {
                let mut text = egui::RichText::new(tab.name()).size(15.0);
                if let Some(bad) = self.alarm(*tab) {
                    text = egui::RichText::new(bad).size(15.0).color(theme::bad(ui));
                }
                if ui
                    .selectable_label(self.tab == *tab, text)
                    .on_hover_text(*help)
                    .clicked()
                {
                    self.tab = *tab;
                }
            }
        });
        ui.separator();
        match self.tab {
            Tab::Training => training::show(self, ui),
            Tab::Data => {
                if let Some(asked) =
                    room::show(&mut self.room, &mut self.lab, &mut self.opening, ui)
                {
                    self.lab.show_item(Some(asked));
                    self.tab = Tab::Training;
                }
            }
            Tab::Xray => self.xray_tab(ui),
            Tab::Doctor => doctor::show(self, ui),
            Tab::Runs => runs_tab::show(self, ui),
            Tab::Compare => compare::show(self, ui),
            Tab::Museum => museum::show(self, ui),
        }
    }

    /// A tab's name with a mark, where it has something bad to tell.
    fn alarm(&self, tab: Tab) -> Option<String> {
        match tab {
            Tab::Xray => {
                let wrong = |xray: &crate::doctor::Xray| !xray.violations.is_empty();
                (self.lab.xray.as_ref().is_some_and(wrong)).then(|| "✖ X-ray".to_owned())
            }
            Tab::Doctor => {
                let error = |d: &&crate::doctor::Diagnosis| d.finding.severity == Severity::Error;
                let errors = self.lab.diagnoses.iter().filter(error).count();
                (errors > 0).then(|| format!("✖ Doctor ({errors})"))
            }
            _ => None,
        }
    }

    fn xray_tab(&mut self, ui: &mut Ui) {
        let mut asked = xray::Asked::default();
        let colors: Vec<[u8; 3]> = (self.lab.dataset().iter())
            .flat_map(|dataset| dataset.classes.classes.iter().map(|class| class.color))
            .collect();
        egui::ScrollArea::vertical()
            .auto_shrink(false)
            .show(ui, |ui| {
                if let Some(error) = &self.lab.xray_error {
                    ui.colored_label(theme::bad(ui), error);
                }
                let shown = xray::Shown {
                    xray: self.lab.xray.as_ref(),
                    formula: match &self.lab.formulas.draft {
                        Some(Ok(terms)) => Some(terms),
                        _ => None,
                    },
                    slope: self.lab.slope.as_ref(),
                    taken: self.lab.xrays,
                    colors: &colors,
                    diagnoses: &self.lab.diagnoses,
                    laid: &self.lab.responses.laid,
                    presets: (self.lab.presets.iter())
                        .map(|preset| (preset.name.clone(), &preset.config))
                        .collect(),
                    runs: (self.lab.runs.iter())
                        .map(|run| (run.name.clone(), &run.config))
                        .collect(),
                    what_if: &self.lab.what_if,
                    candidates: (self.lab.runs.iter())
                        .filter(|run| run.best.is_some() || run.is_brief())
                        .map(|run| (run.name.clone(), run.id.clone()))
                        .collect(),
                };
                asked = xray::ui(ui, &mut self.xray, &shown);
            });
        self.saves.extend(asked.save.take());
        if let Some(answer) = asked.slope_at {
            self.lab.slope_at = answer;
            ui.ctx().request_repaint();
        }
        match asked.what_if {
            Some(xray::WhatIfAsked::Freeze(run, checkpoint)) => self.lab.freeze(&run, checkpoint),
            Some(xray::WhatIfAsked::Thaw) => self.lab.thaw(),
            None => {}
        }
        if let Some((name, config)) = asked.curves.add {
            self.lab.responses.add(&name, &config);
            ui.ctx().request_repaint();
        }
        if let Some(name) = asked.curves.remove {
            self.lab.responses.remove(&name);
            ui.ctx().request_repaint();
        }
        if let Some(fix) = asked.fix {
            self.lab.clone_with_fix(None, &fix);
        }
    }

    fn small_windows(&mut self, ctx: &egui::Context) {
        self.close_one_window(ctx);
        commands::sheet::show(ctx, &mut self.windows.keys);
        palette::show(self, ctx);
        toolbar::notices_window(ctx, &mut self.windows.notices, &self.lab.notices);
        toolbar::about_window(ctx, &mut self.windows.about);
        self.frames.window(ctx, &mut self.windows.frames);
        if race::window(ctx, &mut self.race, &mut self.lab) {
            self.tab = Tab::Training;
        }
    }

    /// Escape closes the small windows, one after the other.
    fn close_one_window(&mut self, ctx: &egui::Context) {
        if ctx.egui_wants_keyboard_input() || self.tour.is_some() || self.palette.is_open() {
            return;
        }
        // A list that is open is closed first.
        if egui::Popup::is_any_open(ctx) {
            return;
        }
        let Windows {
            keys,
            notices,
            about,
            frames,
        } = &mut self.windows;
        let all = [keys, notices, about, frames, &mut self.race.open];
        if let Some(open) = all.into_iter().find(|open| **open)
            && ctx.input_mut(|input| input.consume_key(egui::Modifiers::NONE, egui::Key::Escape))
        {
            *open = false;
        }
    }

    fn show_toasts(&mut self, ctx: &egui::Context) {
        for notice in self.lab.notices.take_fresh() {
            self.toasts.add(notice);
        }
        self.toasts.show(ctx);
    }

    /// Step and loss in the title bar, so that a minimised window still tells.
    fn name_window(&mut self, frame: &eframe::Frame) {
        let title = match self.lab.active_run().filter(|_| self.lab.is_busy()) {
            Some(run) => {
                let pace = crate::lab::pace::pace(run);
                let loss = run.steps.last().map_or(f64::NAN, |point| point.loss);
                format!("{}/{} · loss {loss:.3} – Dicebench", pace.step, pace.total)
            }
            None => "Dicebench".to_owned(),
        };
        if title != self.title {
            // egui's own command has the window painted twice more for it.
            if let Some(window) = frame.winit_window() {
                window.set_title(&title);
            }
            self.title = title;
        }
    }
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        if let Some(seconds) = frame.info().cpu_usage {
            self.frames.add(f64::from(seconds) * 1e3);
            self.pacer
                .painted(Duration::from_secs_f32(seconds.max(0.0)));
        }
        let used = |input: &egui::InputState| !input.events.is_empty();
        if ui.ctx().input(used) {
            self.pacer.in_use();
        }
        self.draw(ui);
        self.name_window(frame);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

/// What the window is opened with.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// A dataset's folder.
    pub open: Option<PathBuf>,
    /// Show how long frames take, and print it when the window is closed.
    pub profile: bool,
}

/// Opens the window and stays until it is closed.
///
/// # Errors
/// When the system gives no window.
pub fn run(start: &Start) -> Result<(), String> {
    let times = Arc::default();
    open_window([1280.0, 800.0], |cc| {
        let mut app = App::in_window(cc, home(), start.open.clone());
        app.windows.frames = start.profile;
        Box::new(Profiled {
            app,
            times: Arc::clone(&times),
        })
    })?;
    let summary = times.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(summary) = summary.filter(|_| start.profile) {
        let line = serde_json::to_string(&summary).map_err(|error| error.to_string())?;
        println!("{line}");
    }
    Ok(())
}

/// Leaves its frame times behind when the window is closed.
struct Profiled {
    app: App,
    times: Arc<Mutex<Option<frames::Summary>>>,
}

impl eframe::App for Profiled {
    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.app.ui(ui, frame);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        self.app.clear_color(visuals)
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        let summary = self.app.frames.summary();
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) = Some(summary);
    }
}

/// Name of the graphics driver that paints the window.
#[expect(unsafe_code, reason = "a question to OpenGL")]
fn painter(cc: &eframe::CreationContext<'_>) -> String {
    use eframe::glow::{self, HasContext};
    if let Some(gl) = &cc.gl {
        // SAFETY: eframe has made the context current on this thread; RENDERER is a name that every
        // version of OpenGL answers.
        return unsafe { gl.get_parameter_string(glow::RENDERER) };
    }
    let state = cc.wgpu_render_state.as_ref();
    state.map_or_else(String::new, |state| {
        let info = state.adapter.get_info();
        match info.device_type {
            wgpu::DeviceType::Cpu => format!("{} (software)", info.name),
            _ => info.name,
        }
    })
}

/// A window of this size in points: through OpenGL, which every desktop has, else through wgpu.
///
/// # Errors
/// When the system gives no window.
fn open_window(
    size: [f32; 2],
    make: impl Fn(&eframe::CreationContext<'_>) -> Box<dyn eframe::App>,
) -> Result<(), String> {
    crate::train::priority::put_training_behind_window();
    let options = |renderer| eframe::NativeOptions {
        renderer,
        // Nothing here is a gradient; where software paints, the noise costs a tenth of a frame.
        dithering: false,
        viewport: egui::ViewportBuilder::default()
            .with_title("Dicebench")
            .with_app_id("dicebench")
            .with_inner_size(size)
            .with_min_inner_size([900.0, 560.0])
            .with_drag_and_drop(true),
        // Sizes of panels and the like lie beside everything else of the user's.
        persistence_path: Some(home().join("window.ron")),
        ..eframe::NativeOptions::default()
    };
    let start =
        |renderer| eframe::run_native("dicebench", options(renderer), Box::new(|cc| Ok(make(cc))));
    start(eframe::Renderer::Glow).or_else(|first| {
        log::warn!("no window through OpenGL: {first}");
        start(eframe::Renderer::Wgpu).map_err(|second| {
            format!(
                "no window can be opened: {first}; {second}. `dicebench train` works without one"
            )
        })
    })
}
