//! The Training tab: curves on the left, pictures on the right.

use std::collections::BTreeSet;

use egui::{Panel, RichText, Ui};

use super::opening::Opening;
use super::view::color::{OKABE_ITO, on_ground, run_color};
use super::view::lanes::Lane;
use super::view::prose;
use super::{App, theme};
use crate::lab::{Lab, Opened};
use crate::run::Run;

pub fn show(app: &mut App, ui: &mut Ui) {
    if app.lab.active_run().is_some() {
        let (lab, open) = (&app.lab, &mut app.batch_formula);
        let space = ui.available_height();
        // What the curves and their controls need in a window of 1280 × 720.
        let above = 320.0;
        // A panel remembers its size: closed it is another one.
        let panel = match *open {
            true => Panel::bottom("formula of the batch")
                .resizable(true)
                .default_size((space * 0.4).min(330.0))
                .size_range(90.0..=(space - above).max(91.0)),
            false => Panel::bottom("formula of the batch, closed")
                .resizable(false)
                .exact_size(26.0),
        };
        panel.show(ui, |ui| super::formula::of_batch(ui, lab, open));
    }
    let width = ui.available_width();
    Panel::right("pictures")
        .resizable(true)
        .default_size((width * 0.45).max(280.0))
        .size_range(220.0..=(width - 240.0).max(260.0))
        .show(ui, |ui| theme::within(ui, |ui| pictures(app, ui)));
    if app.lab.active_run().is_none() {
        welcome(app, ui);
        return;
    }
    let (shown, left_out) = drawn(&app.lab, &app.runs.ticked);
    if left_out > 0 {
        let runs = if left_out == 1 { "run" } else { "runs" };
        ui.weak(format!("{left_out} ticked {runs} not drawn here"))
            .on_hover_text("No two curves get one colour: more runs than these lie over one another on the Runs tab.");
    }
    app.plots.ui(ui, &shown);
}

/// The runs whose curves are drawn: the one that is looked at, the lanes, and those that are ticked
/// as long as each has a colour of its own; and how many are ticked beyond that.
fn drawn<'a>(lab: &'a Lab, ticked: &BTreeSet<String>) -> (Vec<&'a Run>, usize) {
    let Some(active) = lab.active_run() else {
        return (Vec::new(), 0);
    };
    // The newest stands first in the list; lanes are told in the order of the grid, as their
    // pictures are.
    let others = (lab.runs.iter().rev()).filter(|run| run.id != active.id && !run.is_brief());
    let lanes = others.clone().filter(|run| lab.is_lane(&run.id));
    let mut shown: Vec<&Run> = std::iter::once(active).chain(lanes).collect();
    let beside: Vec<&Run> = others
        .filter(|run| ticked.contains(&run.id) && !lab.is_lane(&run.id))
        .collect();
    if shown.len() > 1 && shown.len() + beside.len() > OKABE_ITO.len() {
        return (shown, beside.len());
    }
    shown.extend(beside);
    (shown, 0)
}

/// Before the first run: what is chosen, and the one thing to do.
fn welcome(app: &mut App, ui: &mut Ui) {
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.add_space(24.0);
            ui.vertical_centered(|ui| {
                ui.set_max_width(ui.available_width().min(460.0));
                ui.label(RichText::new(app.lab.preset_name()).size(22.0).strong());
                ui.label(&app.lab.preset.about);
                ui.add_space(6.0);
                ui.label(RichText::new(&app.lab.preset.story).weak());
                ui.add_space(14.0);
                match app.lab.obstacle() {
                    None => {
                        let text = RichText::new("▶  Train now")
                            .size(20.0)
                            .color(egui::Color32::WHITE);
                        let button = egui::Button::new(text)
                            .fill(theme::ACTION)
                            .min_size(egui::vec2(200.0, 44.0));
                        if ui.add(button).on_hover_text("Ctrl+Enter").clicked() {
                            app.start_training();
                        }
                    }
                    Some(text) => {
                        ui.colored_label(theme::warn(ui), text);
                    }
                }
                ui.add_space(14.0);
                if !app.lab.settings.toured && app.tour.is_none() {
                    let button = ui.button("New here? Take the tour: five steps, three minutes");
                    let help =
                        "From a loss that goes up to its repair, on the sample; Help has it too";
                    if button.on_hover_text(help).clicked() {
                        super::tour::begin(app);
                    }
                    ui.add_space(14.0);
                }
                if let Some(dataset) = app.lab.dataset() {
                    let about = format!("{} – {}", dataset.layout, dataset.reason);
                    ui.label(prose::prose(ui, &about, RichText::weak));
                }
                if let Some(worst) = app
                    .lab
                    .xray
                    .as_ref()
                    .and_then(|xray| xray.violations.first())
                {
                    ui.add_space(8.0);
                    let text = format!("✖ X-ray: {}", worst.message);
                    if ui.link(RichText::new(text).color(theme::bad(ui))).clicked() {
                        app.tab = super::Tab::Xray;
                    }
                }
            });
        });
}

fn pictures(app: &mut App, ui: &mut Ui) {
    match &app.lab.dataset {
        Opened::Opening { path, progress } => {
            ui.add_space(20.0);
            let text = |done, total| format!("{done} / {total}");
            if Opening::progress(ui, path, progress, text) {
                app.lab.cancel_opening();
            }
            return;
        }
        Opened::Failed { path, message } => {
            ui.add_space(20.0);
            ui.colored_label(theme::bad(ui), message);
            ui.weak(path);
            if ui.button("Open the sample dataset").clicked() {
                app.lab.open(crate::data::open::SAMPLE);
            }
            return;
        }
        Opened::Ready(dataset) => {
            if app.viewer.items.len() != dataset.split.val.len()
                || app.viewer.items.first().map(|item| item.0) != dataset.split.val.first().copied()
            {
                app.viewer.items = (dataset.split.val.iter())
                    .map(|&index| (index, dataset.items[index].id.clone()))
                    .collect();
            }
        }
    }
    let classes: Vec<(String, [u8; 3])> = match app.lab.dataset() {
        Some(dataset) => (dataset.classes.classes.iter())
            .map(|class| (class.name.clone(), class.color))
            .collect(),
        None => Vec::new(),
    };
    if all_lanes(app, ui, &classes) {
        return;
    }
    let preview = app.lab.preview.as_ref();
    let sample = preview.map(|preview| &preview.sample);
    let prediction = preview
        .map(|preview| &preview.prediction)
        .filter(|p| !p.labels.is_empty());
    let response = app.viewer.ui(ui, sample, prediction, &classes);
    if let Some(item) = response.asked_item {
        app.lab.show_item(Some(item));
    }
}

/// The lanes of a race side by side, where there is one and that is wanted; whether they were drawn.
fn all_lanes(app: &mut App, ui: &mut Ui, classes: &[(String, [u8; 3])]) -> bool {
    let App {
        lab,
        lanes,
        viewer,
        runs,
        ..
    } = app;
    let found = lab.side_by_side();
    if found.len() < 2 {
        return false;
    }
    lanes.choice(ui, found.len());
    if !lanes.all {
        return false;
    }
    let dark = ui.visuals().dark_mode;
    let (beside, _) = drawn(lab, &runs.ticked);
    let drawn: Vec<Lane> = (found.iter())
        .map(|(at, run, preview)| Lane {
            id: &run.id,
            name: super::view::summary::distinct(run, &beside),
            color: on_ground(run_color(ui.ctx(), &run.id), dark),
            seen: preview.map(|preview| (&preview.sample, &preview.prediction)),
            state: match &run.outcome {
                Some(_) => "ended",
                None if lab.is_held(*at) => "paused",
                None => "",
            },
        })
        .collect();
    lanes.keep_only(&drawn.iter().map(|lane| lane.id).collect::<Vec<_>>());
    let response = lanes.ui(ui, viewer, &drawn, classes);
    if let Some(item) = response.asked_item {
        lab.show_item(Some(item));
    }
    true
}

impl App {
    /// Shows the next or previous validation image.
    pub fn step_item(&mut self, forward: bool) {
        let items = &self.viewer.items;
        if items.is_empty() {
            return;
        }
        let at = items
            .iter()
            .position(|(item, _)| Some(*item) == self.lab.shown)
            .unwrap_or(0);
        let next = if forward {
            at + 1
        } else {
            at + items.len() - 1
        } % items.len();
        self.lab.show_item(Some(items[next].0));
    }
}
