//! The Compare tab: the same validation image for several runs, at one moment of their training.
//!
//! It chooses runs, image and moment, asks the gallery for what is on disk and hands plain pictures
//! to [`super::view::versus`]. Nothing is read here.

mod gather;
mod side;
pub mod strip;

use std::sync::Arc;

use egui::{Key, Modifiers, Panel, RichText, Role, Ui, WidgetInfo, vec2};

use super::view::paint::{Overlay, Palette};
use super::view::versus::{Canvas, Layer, Mode, Show, Table};
use super::{App, theme};
use crate::lab::Lab;
use crate::lab::gallery::Gallery;
use crate::param::Choice;
use crate::run::Run;
use crate::run::versus::{Order, Ranked, rank};
use gather::{Scene, Side};

/// As many runs as can be told apart, and looked at, at once.
const MOST: usize = 8;

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
    canvas: Canvas,
    gallery: Gallery,
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
            canvas: Canvas::default(),
            gallery,
        }
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

pub fn show(app: &mut App, ui: &mut Ui) {
    let App {
        lab,
        compare,
        runs: table,
        ..
    } = app;
    compare.gallery.tick();
    compare.canvas.begin();
    let runs = chosen(lab, &table.ticked);
    if runs.is_empty() {
        let newest: Vec<String> = lab.runs.iter().take(2).map(|run| run.id.clone()).collect();
        if nothing(ui, newest.len()) {
            table.ticked.extend(newest);
        }
        return;
    }
    let steps = gather::steps(&runs);
    let Some(names) = gather::names(&mut compare.gallery, &runs) else {
        waiting(ui, &runs);
        return;
    };
    keys(compare, ui, &steps);
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
    let at = step_image(compare, ui, at, &names, &ranked);
    let position = ranked.get(at).map(|r| r.position);

    let titles: Vec<String> = (runs.iter())
        .map(|run| super::view::summary::distinct(run, &lab.runs))
        .collect();
    controls(compare, ui, &runs, &titles, [a, b]);
    moments(compare, ui, &runs, &steps, step);
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
    let asked = Panel::right("images of the comparison")
        .resizable(true)
        .default_size(270.0)
        .size_range(200.0..=520.0)
        .show(ui, |ui| {
            side::show(
                ui,
                &Side {
                    runs: &runs,
                    titles: &titles,
                    validations: &validations,
                    names: &names,
                    ranked: &ranked,
                    at,
                    order: compare.order,
                    pair: [a, b],
                },
            )
        })
        .inner;
    if let Some(order) = asked.order {
        compare.order = order;
        // The first of the new order is what was asked for.
        compare.image = None;
    }
    if let Some(position) = asked.image {
        compare.image = names.get(position).cloned();
    }
    pictures(compare, ui, &scene, &runs, [a, b]);
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

/// Everything that the keyboard does here.
fn keys(compare: &mut Compare, ui: &Ui, steps: &[u64]) {
    if ui.ctx().text_edit_focused() {
        return;
    }
    let typed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    for (key, mode) in [
        (Key::G, Mode::Grid),
        (Key::S, Mode::Swipe),
        (Key::B, Mode::Blink),
        (Key::D, Mode::Disagree),
    ] {
        if typed(key) {
            compare.mode = mode;
        }
    }
    for (key, show) in [
        (Key::P, Show::Prediction),
        (Key::E, Show::Errors),
        (Key::U, Show::Doubt),
    ] {
        if typed(key) {
            compare.show = show;
        }
    }
    if typed(Key::W) {
        (compare.order, compare.image) = (Order::Worst, None);
    }
    if typed(Key::F) {
        (compare.order, compare.image) = (Order::Difference, None);
    }
    if typed(Key::O) {
        compare.order = Order::Split;
    }
    if typed(Key::X) {
        compare.pair.swap(0, 1);
    }
    if typed(Key::T) {
        compare.flipped = !compare.flipped;
        compare.blinking = false;
    }
    let now = gather::moment(compare.moment, steps);
    let at = steps.iter().position(|step| *step == now).unwrap_or(0);
    for (key, to) in [
        (Key::ArrowUp, (at + 1).min(steps.len().saturating_sub(1))),
        (Key::ArrowDown, at.saturating_sub(1)),
        (Key::Home, 0),
        (Key::End, steps.len().saturating_sub(1)),
    ] {
        if typed(key) {
            compare.moment = steps.get(to).copied().filter(|_| to + 1 < steps.len());
        }
    }
}

/// The image chooser, and arrow keys; returns the place in the order.
fn step_image(
    compare: &mut Compare,
    ui: &mut Ui,
    at: usize,
    names: &[String],
    ranked: &[Ranked],
) -> usize {
    let mut to = at;
    let last = ranked.len().saturating_sub(1);
    if !ui.ctx().text_edit_focused() {
        let typed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if typed(Key::ArrowLeft) {
            to = at.saturating_sub(1);
        }
        if typed(Key::ArrowRight) {
            to = (at + 1).min(last);
        }
    }
    ui.horizontal(|ui| {
        for (sign, target, name, key) in [
            ("◀", at.saturating_sub(1), "Previous image", "arrow left"),
            ("▶", (at + 1).min(last), "Next image", "arrow right"),
        ] {
            let button = egui::Button::new(sign).min_size(vec2(24.0, 0.0));
            let response = ui
                .add_enabled(target != at, button)
                .on_hover_text(format!("{name} in this order ({key})"))
                .on_disabled_hover_text("There is no further image on this side.");
            response.widget_info(|| WidgetInfo::labeled(Role::Button, target != at, name));
            if response.clicked() {
                to = target;
            }
        }
        let shown = ranked.get(to).and_then(|r| names.get(r.position));
        match shown {
            Some(name) => {
                ui.strong(name);
                ui.label(format!("{} of {}", to + 1, ranked.len()));
            }
            None => {
                ui.colored_label(theme::warn(ui), "no image in this order");
            }
        }
        ui.separator();
        for (order, name, help) in [
            (
                Order::Split,
                "As in the split",
                "Images in the order of the validation split (O).",
            ),
            (
                Order::Worst,
                "Worst first",
                "Lowest mean Dice of run A first (W).",
            ),
            (
                Order::Difference,
                "Biggest difference first",
                "Images on which the runs' mean Dice differ most first (F).",
            ),
        ] {
            let response = ui.selectable_label(compare.order == order, name);
            if response.on_hover_text(help).clicked() {
                (compare.order, compare.image) = (order, None);
                to = 0;
            }
        }
        if matches!(compare.order, Order::Class(_) | Order::Cell { .. }) {
            ui.selectable_label(true, "By class")
                .on_hover_text("Chosen in the confusion matrix on the right.");
        }
    });
    if to != at {
        compare.image = ranked
            .get(to)
            .and_then(|ranked| names.get(ranked.position))
            .cloned();
    }
    to
}

fn controls(
    compare: &mut Compare,
    ui: &mut Ui,
    runs: &[&Run],
    titles: &[String],
    [a, b]: [usize; 2],
) {
    ui.horizontal_wrapped(|ui| {
        for (mode, help) in Mode::ALL.iter().zip(compare.mode.helps()) {
            let possible = *mode == Mode::Grid || runs.len() > 1;
            let button = egui::Button::selectable(compare.mode == *mode, mode.name());
            let response = ui
                .add_enabled(possible, button)
                .on_hover_text(*help)
                .on_disabled_hover_text("Needs two runs: tick another in the Runs tab.");
            if response.clicked() {
                compare.mode = *mode;
            }
        }
        ui.separator();
        if compare.mode != Mode::Disagree {
            for (show, help) in Show::ALL.iter().zip(compare.show.helps()) {
                ui.selectable_value(&mut compare.show, *show, show.name())
                    .on_hover_text(*help);
            }
            ui.separator();
        }
        if runs.len() > 1 {
            for (side, (letter, at)) in [("A", a), ("B", b)].into_iter().enumerate() {
                let combo = egui::ComboBox::from_id_salt(("run of the pair", side))
                    .width(130.0)
                    .truncate()
                    .selected_text(format!("{letter}: {}", titles[at]))
                    .show_ui(ui, |ui| {
                        for (run, title) in runs.iter().zip(titles) {
                            if ui.selectable_label(run.id == runs[at].id, title).clicked() {
                                compare.pair[side] = Some(run.id.clone());
                            }
                        }
                    });
                let label = format!("Run {letter}");
                (combo.response).widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &label));
                combo.response.on_hover_text(format!(
                    "{letter} of swipe, blink and disagreement; A also orders the images (X swaps)."
                ));
            }
            ui.separator();
        }
        if compare.mode == Mode::Blink {
            ui.checkbox(&mut compare.blinking, "By itself")
                .on_hover_text("Take turns by itself; T changes by hand.");
            let label = ui.label("every");
            ui.add_enabled(
                compare.blinking,
                egui::DragValue::new(&mut compare.period)
                    .range(0.2..=3.0)
                    .speed(0.02)
                    .suffix(" s"),
            )
            .labelled_by(label.id)
            .on_hover_text("Seconds that each of the two is in front (default 0.6).");
        } else {
            let label = ui.label("Opacity");
            ui.spacing_mut().slider_width = 60.0;
            let slider = egui::Slider::new(&mut compare.opacity, 0.0..=1.0).fixed_decimals(2);
            ui.add_enabled(!compare.contours, slider)
                .labelled_by(label.id)
                .on_hover_text("How far the classes cover the photograph (default 0.60).");
            ui.checkbox(&mut compare.contours, "Contours")
                .on_hover_text("Draw only the borders of the classes (default off).");
        }
    });
}

/// The one slider over the validations of all runs.
fn moments(compare: &mut Compare, ui: &mut Ui, runs: &[&Run], steps: &[u64], step: u64) {
    ui.horizontal(|ui| {
        let label = ui.label("Epoch");
        let last = steps.len().saturating_sub(1);
        let mut at = steps.iter().position(|s| *s == step).unwrap_or(last);
        let per_epoch = runs[0].steps_per_epoch.max(1);
        let words = format!("{:.1} · step {step}", step as f64 / per_epoch as f64);
        ui.spacing_mut().slider_width = (ui.available_width() - 210.0).max(80.0);
        let response = ui.add_enabled(
            last > 0,
            egui::Slider::new(&mut at, 0..=last).show_value(false),
        );
        response.clone().labelled_by(label.id).on_hover_text(
            "The validation that is shown, for all runs at once (arrow up and down, Home, End). \
                 At the right end the newest is followed.",
        );
        if response.changed() {
            compare.moment = steps.get(at).copied().filter(|_| at < last);
        }
        ui.label(RichText::new(words).monospace())
            .on_hover_text("Passes over the training images, and updates made");
        if compare.moment.is_none() {
            ui.weak("newest");
        }
    });
}

fn pictures(compare: &mut Compare, ui: &mut Ui, scene: &Scene, runs: &[&Run], [a, b]: [usize; 2]) {
    let classes = scene.classes.len();
    let palette = Palette {
        colors: scene.classes.iter().map(|(_, color)| *color).collect(),
        shown: vec![true; classes],
        background: scene.background,
    };
    let overlay = Overlay {
        opacity: compare.opacity,
        contours: compare.contours,
    };
    let table = Table {
        ground: &scene.ground,
        looks: &scene.looks,
        palette: &palette,
        classes,
        overlay,
    };
    let foot = 2.0 * (ui.spacing().interact_size.y + ui.spacing().item_spacing.y);
    let space = vec2(ui.available_width(), ui.available_height() - foot).max(vec2(60.0, 60.0));
    let mode = if runs.len() > 1 {
        compare.mode
    } else {
        Mode::Grid
    };
    let layer = |at| Layer::Run(at, compare.show);
    let under = match mode {
        Mode::Grid => {
            let mut layers = vec![Layer::Truth];
            layers.extend((0..runs.len()).map(layer));
            compare.canvas.grid(ui, space, &table, &layers)
        }
        Mode::Swipe => {
            let pair = [layer(a), layer(b)];
            compare
                .canvas
                .swipe(ui, space, &table, pair, &mut compare.swipe)
        }
        Mode::Blink => {
            let now = ui.input(|input| input.time);
            let period = f64::from(compare.period);
            if compare.blinking {
                if now - compare.turned >= period {
                    compare.flipped = !compare.flipped;
                    compare.turned = now;
                }
                let left = (compare.turned + period - now).clamp(0.01, period);
                ui.ctx()
                    .request_repaint_after(std::time::Duration::from_secs_f64(left));
            }
            let front = if compare.flipped { b } else { a };
            let one = [layer(front)];
            compare.canvas.grid(ui, space, &table, &one)
        }
        Mode::Disagree => {
            let layers = [Layer::Disagreement(a, b)];
            compare.canvas.grid(ui, space, &table, &layers)
        }
    };
    side::foot(ui, scene, (mode, compare.show), [a, b], under);
}

/// The gallery of the runs in `home`.
#[must_use]
pub fn gallery(home: &std::path::Path, wake: Arc<dyn Fn() + Send + Sync>) -> Gallery {
    Gallery::start(home.join("runs"), wake)
}
