//! The Compare tab: the same validation image for several runs, at one moment of their training.
//!
//! It chooses runs, image and moment, asks the gallery for what is on disk and hands plain pictures
//! to [`super::view::versus`]. Nothing is read here.

mod controls;
pub mod files;
mod gather;
mod pictures;
mod side;
pub mod strip;
pub mod wishes;

use std::sync::Arc;

use egui::{Panel, Ui};

use super::view::canvas::Canvas;
use super::view::save::Save;
use super::view::versus::{Mode, Show};
use super::{App, theme};
use crate::lab::Lab;
use crate::lab::gallery::Gallery;
use crate::run::Run;
use crate::run::versus::{Order, rank};
use files::Asked;
use gather::Side;

/// As many runs as can be looked at at once: two races of eight lanes.
const MOST: usize = 16;

/// How runs are compared; what is remembered between frames.
pub struct Compare {
    pub mode: Mode,
    pub show: Show,
    pub order: Order,
    /// Name of the image that is looked at.
    pub image: Option<String>,
    /// The step that is looked at; the last one there is while `None`.
    pub moment: Option<u64>,
    /// Ids of the two runs of swipe, blink and disagreement.
    pub pair: [Option<String>; 2],
    /// Blink: whether B is in front.
    pub flipped: bool,
    /// Blink: taking turns by itself.
    pub blinking: bool,
    /// Seconds that each of the two is in front.
    pub period: f32,
    /// Class map over the photograph, 0..1.
    opacity: f32,
    contours: bool,
    swipe: f32,
    turned: f64,
    /// Height of what stands below the pictures.
    foot: f32,
    canvas: Canvas,
    gallery: Gallery,
    /// Ticked runs that find no room.
    left_out: usize,
    /// What was wished for, until the runs are known.
    wishes: Vec<wishes::Wish>,
    /// What was chosen to be saved, until it is made.
    asked: Option<Asked>,
    /// What is to be saved, until it is taken.
    pub saves: Vec<Result<Save, String>>,
}

impl Compare {
    /// `gallery` reads the pictures.
    #[must_use]
    pub fn new(gallery: Gallery) -> Self {
        Self {
            mode: Mode::Grid,
            show: Show::Prediction,
            order: Order::Split,
            image: None,
            moment: None,
            pair: [None, None],
            flipped: false,
            blinking: true,
            period: 0.6,
            opacity: 0.6,
            contours: false,
            swipe: 0.5,
            turned: 0.0,
            foot: 44.0,
            canvas: Canvas::default(),
            gallery,
            left_out: 0,
            wishes: Vec::new(),
            asked: None,
            saves: Vec::new(),
        }
    }

    /// Does this in the next frame.
    pub fn wish(&mut self, wish: wishes::Wish) {
        self.wishes.push(wish);
    }

    /// Pictures painted so far; for tests of what is painted anew.
    #[must_use]
    pub fn painted(&self) -> u64 {
        self.canvas.painted()
    }
}

/// The runs that are compared: those that are ticked; without any, the lanes of the training and the
/// run that is looked at.
fn chosen<'a>(lab: &'a Lab, ticked: &std::collections::BTreeSet<String>) -> Vec<&'a Run> {
    let mut runs: Vec<&Run> = (lab.runs.iter().filter(|run| ticked.contains(&run.id))).collect();
    if runs.is_empty() {
        let wanted = |run: &&Run| lab.is_lane(&run.id) || lab.active.as_ref() == Some(&run.id);
        runs = lab.runs.iter().filter(wanted).collect();
    }
    // The oldest first: lanes stand in the order in which they were started.
    runs.reverse();
    runs.truncate(MOST);
    runs
}

/// How many runs are compared.
#[must_use]
pub fn count(app: &App) -> usize {
    chosen(&app.lab, &app.runs.ticked).len()
}

pub fn show(app: &mut App, ui: &mut Ui) {
    let App {
        lab,
        compare,
        runs: table,
        ..
    } = app;
    compare.gallery.tick();
    compare.canvas.begin(ui.ctx());
    let runs = chosen(lab, &table.ticked);
    compare.left_out = match runs.len() {
        MOST => table.ticked.len().saturating_sub(MOST),
        _ => 0,
    };
    if runs.is_empty() {
        compare.wishes.clear();
        let newest: Vec<String> = lab.runs.iter().take(2).map(|run| run.id.clone()).collect();
        if nothing(ui, newest.len()) {
            table.ticked.extend(newest);
        }
        return;
    }
    let steps = gather::steps(&runs);
    let Some(names) = gather::names(&mut compare.gallery, &runs) else {
        compare.wishes.clear();
        waiting(ui, &runs);
        return;
    };
    let [a, _] = gather::pair(&compare.pair, &runs);
    let before = gather::moment(compare.moment, &steps);
    let of_a = gather::at(runs[a], before).map(|(_, validation)| validation);
    let images = compare.grant(&runs, &steps, of_a);
    let step = gather::moment(compare.moment, &steps);
    let validations: Vec<_> = runs.iter().map(|run| gather::at(run, step)).collect();
    let [a, b] = gather::pair(&compare.pair, &runs);
    // A is what worst-first and the confusion matrix are about.
    let mut sorted: Vec<&crate::run::Validation> = Vec::new();
    sorted.extend(validations[a].map(|(_, v)| v));
    let others = (0..runs.len()).filter(|at| *at != a);
    sorted.extend(others.filter_map(|at| validations[at].map(|(_, v)| v)));
    let ranked = rank(compare.order, &sorted, names.len());
    let at = gather::place(compare.image.as_deref(), &names, &ranked);
    let at = controls::step_image(compare, ui, (at, images), &names, &ranked);
    let position = ranked.get(at).map(|r| r.position);

    let titles: Vec<String> = (runs.iter())
        .map(|run| super::view::summary::distinct(run, &runs))
        .collect();
    controls::controls(compare, ui, &runs, &titles, [a, b]);
    controls::moments(compare, ui, &runs, &steps, step);
    let scene = gather::scene(
        compare,
        lab,
        ui,
        &runs,
        &titles,
        &validations,
        &names,
        position,
    );
    let side = Side {
        runs: &runs,
        titles: &titles,
        validations: &validations,
        names: &names,
        ranked: &ranked,
        at,
        order: compare.order,
        pair: [a, b],
    };
    if let Some(asked) = compare.asked.take_if(|asked| !asked.is_picture()) {
        compare.saves.push(files::scores(asked, &side));
    }
    let asked = Panel::right("images of the comparison")
        .resizable(true)
        .default_size(330.0)
        .size_range(200.0..=520.0)
        .show(ui, |ui| theme::within(ui, |ui| side::show(ui, &side)))
        .inner;
    if let Some(order) = asked.order {
        compare.order = order;
        // The first of the new order is what was asked for.
        compare.image = None;
    }
    if let Some(position) = asked.image {
        compare.image = names.get(position).cloned();
    }
    let title = position.and_then(|at| {
        Some(format!(
            "{} · validation image {} of {}",
            names.get(at)?,
            at + 1,
            names.len()
        ))
    });
    let title = title.unwrap_or_default();
    pictures::show(compare, ui, &scene, &runs, [a, b], &title);
}

/// What to do while nothing is ticked; returns whether the newest runs shall be.
fn nothing(ui: &mut Ui, newest: usize) -> bool {
    let mut asked = false;
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.35).max(8.0));
        ui.heading("Nothing to compare yet");
        if newest == 0 {
            ui.weak(
                "Train a run, or race several: what each predicts is kept at every validation.",
            );
        } else {
            ui.weak("Tick runs in the Runs tab, or");
            asked = ui
                .button("Compare the newest runs")
                .on_hover_text("Tick the two runs that were started last.")
                .clicked();
        }
    });
    asked
}

fn waiting(ui: &mut Ui, runs: &[&Run]) {
    let text = if runs.iter().all(|run| run.validations.is_empty()) {
        "Pictures appear after the first validation."
    } else {
        "These runs kept no pictures. Runs keep them at every validation while \
         “train.picture_mib” in the settings is above 0."
    };
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.35).max(8.0));
        ui.heading("No predictions are kept here yet");
        ui.weak(text);
    });
}

/// The gallery of the runs in `home`.
#[must_use]
pub fn gallery(home: &std::path::Path, wake: Arc<dyn Fn() + Send + Sync>) -> Gallery {
    Gallery::start(home.join("runs"), wake)
}
