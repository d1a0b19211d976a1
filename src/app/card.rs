//! The Data tab: what was found, class shares, split, problems, and the class map.

use egui::{RichText, ScrollArea, Ui};
use egui_extras::{Column, TableBuilder};

use super::opening::Opening;
use super::theme;
use crate::data::{ClassMap, Dataset};
use crate::finding::Severity;
use crate::lab::{Lab, Opened};

/// The class map while it is edited.
#[derive(Default)]
pub struct State {
    editing: Option<ClassMap>,
}

/// Draws the card; returns an item to look at.
pub fn show(state: &mut State, lab: &mut Lab, opening: &mut Opening, ui: &mut Ui) -> Option<usize> {
    opening.path_box(ui, lab);
    ui.add_space(4.0);
    let dataset = match &lab.dataset {
        Opened::Ready(dataset) => std::sync::Arc::clone(dataset),
        Opened::Opening { path, progress } => {
            let (done, total) = progress.counts();
            ui.label(format!("Opening {path}: {done} of {total}"));
            ui.ctx()
                .request_repaint_after(std::time::Duration::from_millis(100));
            if ui.button("Cancel").clicked() {
                lab.cancel_opening();
            }
            return None;
        }
        Opened::Failed { path, message } => {
            ui.colored_label(theme::bad(ui), message);
            ui.weak(path);
            return None;
        }
    };
    let mut asked = None;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.heading(&dataset.layout);
        ui.label(&dataset.reason);
        ui.label(format!(
            "{} images with masks: {} train, {} validate ({}).",
            dataset.items.len(),
            dataset.split.train.len(),
            dataset.split.val.len(),
            dataset.split.origin
        ));
        ui.add_space(8.0);
        classes(state, lab, &dataset, ui);
        ui.add_space(8.0);
        findings(&dataset, ui);
        ui.add_space(8.0);
        ui.collapsing(format!("Images ({})", dataset.items.len()), |ui| {
            asked = items(&dataset, ui);
        });
    });
    asked
}

fn classes(state: &mut State, lab: &mut Lab, dataset: &Dataset, ui: &mut Ui) {
    let census = &dataset.census;
    let total = |pixels: &[u64], ignored: u64| (pixels.iter().sum::<u64>() + ignored).max(1) as f32;
    let train_total = total(&census.train_pixels, census.ignored_train);
    let val_total = total(&census.val_pixels, census.ignored_val);
    let largest = census
        .train_pixels
        .iter()
        .copied()
        .max()
        .unwrap_or(1)
        .max(1) as f32;
    let editing = state.editing.is_some();
    let mut moved: Option<(usize, usize)> = None;
    let mut removed = None;
    egui::Grid::new("classes").num_columns(6).striped(true).spacing([12.0, 4.0]).show(ui, |ui| {
        for title in ["", "class", "share of training pixels", "train", "val", "images"] {
            ui.label(RichText::new(title).weak());
        }
        ui.end_row();
        let names = state.editing.clone().unwrap_or_else(|| dataset.classes.clone());
        for (index, class) in names.classes.iter().enumerate() {
            let mut color = class.color;
            if let Some(map) = &mut state.editing {
                if ui.color_edit_button_srgb(&mut color).changed() {
                    map.classes[index].color = color;
                }
                let name = &mut map.classes[index].name;
                ui.add(egui::TextEdit::singleline(name).desired_width(120.0));
            } else {
                let (rect, _) = ui.allocate_exact_size(egui::vec2(16.0, 16.0), egui::Sense::hover());
                let [r, g, b] = color;
                ui.painter().rect_filled(rect, 3.0, egui::Color32::from_rgb(r, g, b));
                ui.label(&class.name);
            }
            let count = |pixels: &[u64]| pixels.get(index).copied().unwrap_or(0) as f32;
            let train = count(&census.train_pixels);
            let (rect, response) = ui.allocate_exact_size(egui::vec2(180.0, 14.0), egui::Sense::hover());
            let [r, g, b] = color;
            let mut bar = rect;
            bar.set_width((train / largest).sqrt() * rect.width());
            ui.painter().rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
            ui.painter().rect_filled(bar, 2.0, egui::Color32::from_rgb(r, g, b));
            response.on_hover_text(format!(
                "{train} training pixels; the bar's length is the square root of the share, so that rare classes show"
            ));
            ui.label(format!("{:.2} %", train / train_total * 100.0));
            ui.label(format!("{:.2} %", count(&census.val_pixels) / val_total * 100.0));
            let images = |list: &[u64]| list.get(index).copied().unwrap_or(0);
            ui.label(format!("{} + {}", images(&census.train_images), images(&census.val_images)))
                .on_hover_text("Images that hold the class: training + validation");
            if editing {
                if ui.small_button("⬆").on_hover_text("Move up").clicked() && index > 0 {
                    moved = Some((index, index - 1));
                }
                if ui.small_button("ignore").on_hover_text("Its pixels take no part any more").clicked() {
                    removed = Some(index);
                }
            }
            ui.end_row();
        }
    });
    let ignored = census.ignored_train + census.ignored_val;
    if ignored > 0 {
        let share = ignored as f32 / (train_total + val_total) * 100.0;
        ui.weak(format!("{share:.2} % of the pixels are ignored"));
    }
    if let Some(map) = &mut state.editing {
        if let Some((a, b)) = moved {
            map.classes.swap(a, b);
        }
        if let Some(index) = removed.filter(|_| map.classes.len() > 1) {
            let class = map.classes.remove(index);
            map.ignore.extend(class.values);
        }
    }
    ui.horizontal(|ui| match state.editing.take() {
        None => {
            if ui
                .button("Edit classes")
                .on_hover_text("Rename, recolour, reorder, ignore; kept with the preset")
                .clicked()
            {
                state.editing = Some(dataset.classes.clone());
            }
            if lab.draft.data.classes.is_some() && ui.button("Reset classes").clicked() {
                lab.set_classes(None);
            }
        }
        Some(map) => {
            if ui.button("Apply").clicked() {
                lab.set_classes(Some(map));
            } else if !ui.button("Cancel").clicked() {
                state.editing = Some(map);
            }
        }
    });
}

fn findings(dataset: &Dataset, ui: &mut Ui) {
    if dataset.findings.is_empty() {
        ui.colored_label(theme::good(ui), "✔ No problems found.");
        return;
    }
    for finding in &dataset.findings {
        let (mark, color) = match finding.severity {
            Severity::Error => ("✖", theme::bad(ui)),
            Severity::Warning => ("⚠", theme::warn(ui)),
            Severity::Hint => ("ℹ", ui.visuals().weak_text_color()),
        };
        ui.horizontal_wrapped(|ui| {
            ui.colored_label(color, mark);
            ui.label(&finding.message);
        });
        if !finding.remedy.is_empty() {
            ui.horizontal_wrapped(|ui| {
                ui.add_space(18.0);
                ui.weak(&finding.remedy);
            });
        }
        if !finding.files.is_empty() {
            ui.push_id(&finding.code, |ui| {
                ui.collapsing(format!("{} files", finding.files.len()), |ui| {
                    let row = ui.text_style_height(&egui::TextStyle::Body);
                    ScrollArea::vertical().max_height(120.0).show_rows(
                        ui,
                        row,
                        finding.files.len(),
                        |ui, range| {
                            for file in &finding.files[range] {
                                ui.monospace(file);
                            }
                        },
                    );
                });
            });
        }
    }
}

fn items(dataset: &Dataset, ui: &mut Ui) -> Option<usize> {
    let mut asked = None;
    let val: std::collections::HashSet<usize> = dataset.split.val.iter().copied().collect();
    let train: std::collections::HashSet<usize> = dataset.split.train.iter().copied().collect();
    TableBuilder::new(ui)
        .column(Column::remainder())
        .column(Column::exact(80.0))
        .max_scroll_height(260.0)
        .body(|body| {
            body.rows(20.0, dataset.items.len(), |mut row| {
                let index = row.index();
                row.col(|ui| {
                    if ui
                        .link(&dataset.items[index].id)
                        .on_hover_text("Look at it")
                        .clicked()
                    {
                        asked = Some(index);
                    }
                });
                row.col(|ui| {
                    ui.weak(if val.contains(&index) {
                        "validate"
                    } else if train.contains(&index) {
                        "train"
                    } else {
                        "not used"
                    });
                });
            });
        });
    asked
}
