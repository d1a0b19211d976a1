//! The classes: shares, and the editor of the class map (rename, recolour, merge, ignore, reorder).
//!
//! Edits go to a copy with its own undo; Apply hands it to the draft, where undo takes it back too.

mod change;

use std::path::PathBuf;

use egui::{Button, RichText, Role, ScrollArea, Ui, WidgetInfo};

use self::change::{Change, apply, value_text};
use super::super::theme;
use super::{percent, swatch};
use crate::data::forensics::Report;
use crate::data::{Class, ClassMap, Coding, Dataset};
use crate::lab::Lab;
use crate::lab::history::History;

/// Ignored values that get a button of their own.
const SHOWN_IGNORED: usize = 24;

#[derive(Default)]
pub struct State {
    editing: Option<Editing>,
}

/// A class map under work.
struct Editing {
    /// The folder it belongs to; with another dataset it means nothing.
    root: PathBuf,
    map: ClassMap,
    history: History<ClassMap>,
}

impl State {
    pub fn is_editing(&self) -> bool {
        self.editing.is_some()
    }

    pub fn edit(&mut self, dataset: &Dataset) {
        if self.editing.is_none() {
            self.editing = Some(Editing {
                root: dataset.root.clone(),
                map: dataset.classes.clone(),
                history: History::new(dataset.classes.clone()),
            });
        }
    }

    /// One step of the map under work back or forth; false while nothing is edited.
    pub fn undo(&mut self, redo: bool) -> bool {
        let Some(editing) = &mut self.editing else {
            return false;
        };
        let step = if redo {
            editing.history.redo(&editing.map)
        } else {
            editing.history.undo(&editing.map)
        };
        if let Some(map) = step {
            editing.map = map;
        }
        true
    }
}

/// The mask values of a class, the first few.
fn values_text(coding: Coding, values: &[u32]) -> String {
    let first: Vec<String> = values
        .iter()
        .take(4)
        .map(|value| value_text(coding, *value))
        .collect();
    let more = if values.len() > 4 { " …" } else { "" };
    format!("{}{more}", first.join("  "))
}

/// Which classes of the dataset a class of the edited map takes its pixels from.
fn sources(dataset: &Dataset, class: &Class) -> Vec<usize> {
    let classes = dataset.classes.classes.iter().enumerate();
    classes
        .filter(|(_, old)| old.values.iter().any(|value| class.values.contains(value)))
        .map(|(at, _)| at)
        .collect()
}

/// Draws the classes; returns one whose images are to be shown.
pub(super) fn show(
    state: &mut State,
    lab: &mut Lab,
    dataset: &Dataset,
    ui: &mut Ui,
) -> Option<usize> {
    let mut asked = None;
    let report = lab.look.report.clone();
    state.editing = state.editing.take().filter(|e| e.root == dataset.root);
    buttons(state, lab, dataset, ui);
    let mut change = None;
    ScrollArea::both().auto_shrink(false).show(ui, |ui| {
        asked = table(state, dataset, report.as_deref(), &mut change, ui);
        ignored(state, dataset, &mut change, ui);
    });
    if let Some(editing) = &mut state.editing {
        if let Some(change) = change {
            apply(&mut editing.map, &change);
        }
        // A name is one step of undo, not one per letter.
        if !ui.ctx().text_edit_focused() && !ui.ctx().egui_is_using_pointer() {
            editing.history.settle(&editing.map);
        }
    }
    asked
}

fn buttons(state: &mut State, lab: &mut Lab, dataset: &Dataset, ui: &mut Ui) {
    ui.horizontal_wrapped(|ui| {
        let Some(editing) = &mut state.editing else {
            if ui
                .button("Edit classes")
                .on_hover_text("Rename, recolour, merge, ignore, reorder; kept with the preset")
                .clicked()
            {
                state.edit(dataset);
            }
            if lab.draft.data.classes.is_some()
                && ui
                    .button("Reset classes")
                    .on_hover_text("As the folder says; undo with Ctrl+Z")
                    .clicked()
            {
                lab.set_classes(None);
            }
            ui.weak("Images are counted as training + validation.");
            return;
        };
        let changed = editing.map != dataset.classes;
        let apply = ui
            .add_enabled(changed, Button::new("Apply"))
            .on_hover_text("Use these classes; undo with Ctrl+Z")
            .on_disabled_hover_text("Nothing is changed yet.")
            .clicked();
        let cancel = ui
            .button("Cancel")
            .on_hover_text("Leave the classes as they were")
            .clicked();
        let undo = editing.history.can_undo(&editing.map);
        if ui
            .add_enabled(undo, Button::new("Undo"))
            .on_hover_text("Take the last edit back (Ctrl+Z)")
            .clicked()
            && let Some(map) = editing.history.undo(&editing.map)
        {
            editing.map = map;
        }
        if ui
            .add_enabled(editing.history.can_redo(), Button::new("Redo"))
            .on_hover_text("Do it again (Ctrl+Shift+Z)")
            .clicked()
            && let Some(map) = editing.history.redo(&editing.map)
        {
            editing.map = map;
        }
        if apply {
            lab.set_classes(Some(editing.map.clone()));
        }
        if apply || cancel {
            state.editing = None;
        }
    });
}

fn table(
    state: &mut State,
    dataset: &Dataset,
    report: Option<&Report>,
    change: &mut Option<Change>,
    ui: &mut Ui,
) -> Option<usize> {
    let mut asked = None;
    let census = &dataset.census;
    let sum = |pixels: &[u64], ignored: u64| (pixels.iter().sum::<u64>() + ignored).max(1) as f64;
    let train_total = sum(&census.train_pixels, census.ignored_train);
    let val_total = sum(&census.val_pixels, census.ignored_val);
    let editing = state.editing.is_some();
    let classes = match &state.editing {
        Some(editing) => editing.map.classes.clone(),
        None => dataset.classes.classes.clone(),
    };
    let rows: Vec<Vec<usize>> = classes
        .iter()
        .map(|class| sources(dataset, class))
        .collect();
    let of = |list: &[u64], from: &[usize]| -> u64 {
        from.iter().filter_map(|&class| list.get(class)).sum()
    };
    let largest = rows
        .iter()
        .map(|from| of(&census.train_pixels, from))
        .max()
        .unwrap_or(1)
        .max(1) as f64;
    let names: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
    let coding = dataset.classes.coding;
    egui::Grid::new("classes")
        .num_columns(9)
        .min_col_width(12.0)
        .striped(true)
        .spacing([10.0, 4.0])
        .show(ui, |ui| {
            let last = if editing { "" } else { "objects" };
            for title in [
                "",
                "",
                "class",
                "mask values",
                "share",
                "train",
                "val",
                "images",
                last,
            ] {
                ui.label(RichText::new(title).weak());
            }
            ui.end_row();
            for (at, class) in classes.iter().enumerate() {
                ui.weak(at.to_string());
                if name(state, at, class, ui) {
                    asked = Some(at);
                }
                ui.label(RichText::new(values_text(coding, &class.values)).monospace())
                    .on_hover_text(format!(
                        "{} mask values mean this class",
                        class.values.len()
                    ));
                let train = of(&census.train_pixels, &rows[at]);
                bar(
                    ui,
                    class.color,
                    (train as f64 / largest).sqrt() as f32,
                    train,
                );
                ui.label(percent(train as f64 / train_total))
                    .on_hover_text("Share of all training pixels");
                let val = of(&census.val_pixels, &rows[at]);
                ui.label(percent(val as f64 / val_total))
                    .on_hover_text("Share of all validation pixels");
                let images = |list: &[u64]| match rows[at].as_slice() {
                    [one] => list.get(*one).copied().unwrap_or(0).to_string(),
                    // An image may hold several of the merged classes.
                    several => format!(
                        "≥{}",
                        several
                            .iter()
                            .filter_map(|&c| list.get(c))
                            .max()
                            .unwrap_or(&0)
                    ),
                };
                ui.label(format!(
                    "{} + {}",
                    images(&census.train_images),
                    images(&census.val_images)
                ))
                .on_hover_text("Images that hold the class: training + validation");
                if editing {
                    ui.horizontal(|ui| actions(at, &names, change, ui));
                } else {
                    objects(report, at, ui);
                }
                ui.end_row();
            }
        });
    asked
}

/// Connected regions of a class, once the close look has counted them.
fn objects(report: Option<&Report>, class: usize, ui: &mut Ui) {
    let Some(summary) = report.and_then(|report| report.classes.get(class)) else {
        ui.weak("…")
            .on_hover_text("Counted by the close look at every mask");
        return;
    };
    let median = summary.median_region();
    let size = median.map_or_else(String::new, |pixels| format!(", half ≥ {pixels} px"));
    ui.label(format!("{}{size}", summary.regions())).on_hover_text(
        "Connected regions in all masks at full size, and the size in pixels that half of them reach",
    );
}

/// Colour and name, as widgets while they are edited; whether its images are asked for.
fn name(state: &mut State, at: usize, class: &Class, ui: &mut Ui) -> bool {
    let edited = state
        .editing
        .as_mut()
        .and_then(|editing| editing.map.classes.get_mut(at));
    match edited {
        Some(edited) => {
            let label = format!("Colour of {}", class.name);
            let response = ui
                .color_edit_button_srgb(&mut edited.color)
                .on_hover_text(&label);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
            let edit = egui::TextEdit::singleline(&mut edited.name)
                .desired_width(120.0)
                .min_size(egui::vec2(120.0, 0.0));
            let response = ui.add(edit).on_hover_text("Name of the class");
            let label = format!("Name of class {at}");
            response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, &label));
            false
        }
        None => {
            swatch(ui, class.color, 14.0);
            ui.link(&class.name)
                .on_hover_text("Show its images, those with the largest share first")
                .clicked()
        }
    }
}

fn bar(ui: &mut Ui, [r, g, b]: [u8; 3], length: f32, pixels: u64) {
    let (rect, response) = ui.allocate_exact_size(egui::vec2(120.0, 12.0), egui::Sense::hover());
    ui.painter()
        .rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
    let mut bar = rect;
    bar.set_width(length * rect.width());
    ui.painter().rect(
        bar,
        2.0,
        egui::Color32::from_rgb(r, g, b),
        egui::Stroke::new(1.0, ui.visuals().weak_text_color()),
        egui::StrokeKind::Inside,
    );
    response.on_hover_text(format!(
        "{pixels} training pixels; the bar's length is the square root of the share, so that rare classes show"
    ));
}

fn actions(at: usize, names: &[String], change: &mut Option<Change>, ui: &mut Ui) {
    let count = names.len();
    for (sign, word, to) in [("⬆", "up", at.checked_sub(1)), ("⬇", "down", Some(at + 1))] {
        let to = to.filter(|to| *to < count);
        let response = ui
            .add_enabled(to.is_some(), Button::new(sign).small())
            .on_hover_text(format!(
                "Move {word}: the order is the order of the network's outputs"
            ));
        let label = format!("Move {} {word}", names[at]);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, to.is_some(), &label));
        if response.clicked()
            && let Some(to) = to
        {
            *change = Some(Change::Move(at, to));
        }
    }
    let menu = ui.menu_button("merge", |ui| {
        ui.weak(format!("Make {} part of", names[at]));
        ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
            for (into, name) in names.iter().enumerate().filter(|(into, _)| *into != at) {
                if ui.button(name).clicked() {
                    *change = Some(Change::Merge(at, into));
                    ui.close();
                }
            }
        });
    });
    let label = format!("Merge {}", names[at]);
    menu.response
        .widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
    menu.response
        .on_hover_text("Its pixels become another class's");
    let response = ui
        .add_enabled(count > 1, Button::new("ignore").small())
        .on_hover_text("Its pixels take no part in training and scores any more")
        .on_disabled_hover_text("One class has to stay.");
    let label = format!("Ignore {}", names[at]);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, count > 1, &label));
    if response.clicked() {
        *change = Some(Change::Ignore(at));
    }
}

/// Share of the pixels that take no part under an edited map.
fn ignored_share(dataset: &Dataset, map: &ClassMap) -> f64 {
    let census = &dataset.census;
    let sides = [&census.train_pixels, &census.val_pixels];
    let all: u64 = sides.into_iter().flatten().sum();
    let all = all + census.ignored_train + census.ignored_val;
    let kept: std::collections::BTreeSet<usize> = (map.classes.iter())
        .flat_map(|class| sources(dataset, class))
        .collect();
    let kept = kept.iter().flat_map(|&at| sides.map(|side| side.get(at)));
    let kept: u64 = kept.flatten().sum();
    (all - kept.min(all)) as f64 / all.max(1) as f64
}

/// What takes no part, and the way back.
fn ignored(state: &State, dataset: &Dataset, change: &mut Option<Change>, ui: &mut Ui) {
    let map = state
        .editing
        .as_ref()
        .map_or(&dataset.classes, |editing| &editing.map);
    ui.add_space(6.0);
    let share = ignored_share(dataset, map);
    if share > 0.0 {
        ui.label(format!("{} of the pixels are ignored.", percent(share)));
    }
    if map.ignore.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.weak("Ignored mask values:");
        for &value in map.ignore.iter().take(SHOWN_IGNORED) {
            let text = value_text(map.coding, value);
            if state.is_editing() {
                let response = ui.small_button(&text).on_hover_text("Make a class of it");
                let label = format!("Make a class of {text}");
                response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
                if response.clicked() {
                    *change = Some(Change::Restore(value));
                }
            } else {
                ui.monospace(text);
            }
        }
        if map.ignore.len() > SHOWN_IGNORED {
            ui.weak(format!("and {} more", map.ignore.len() - SHOWN_IGNORED));
        }
    });
    if state.is_editing() {
        ui.colored_label(
            theme::warn(ui),
            "A network that was trained with other classes no longer fits.",
        );
    }
}
