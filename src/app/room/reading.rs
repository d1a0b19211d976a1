//! How the folder is read, where the user knows better: layout, which masks, across which axis.
//!
//! Changes are settings (`data.layout`, `data.masks`, `data.axis`), so that undo and presets know them;
//! the lab opens the folder again by itself.

use egui::{ComboBox, Role, Ui, WidgetInfo};

use crate::data::Dataset;
use crate::data::open::SAMPLE;
use crate::lab::Lab;
use crate::param::Choice;

/// Boxes for what can be read otherwise in this folder.
pub(super) fn show(lab: &mut Lab, dataset: &Dataset, ui: &mut Ui) {
    if lab.draft.data.path == SAMPLE {
        return;
    }
    let data = &mut lab.draft.data;
    let help = "How the folder is arranged (data.layout); auto finds out, and says why";
    choice(ui, "Read as", help, &mut data.layout);
    if dataset.mask_kinds.len() > 1 {
        masks(ui, dataset, &mut data.masks);
    }
    let stacks = dataset
        .items
        .first()
        .is_some_and(|item| item.id.contains('#'));
    if stacks {
        let help = "Across which axis stacks are cut into pictures (data.axis)";
        choice(ui, "Slices across", help, &mut data.axis);
    }
}

fn choice(ui: &mut Ui, label: &str, help: &str, now: &mut dyn Choice) {
    ui.label(label).on_hover_text(help);
    let (names, at) = (now.names(), now.index());
    let response = ComboBox::from_id_salt(label)
        .width(80.0)
        .selected_text(names.get(at).copied().unwrap_or_default())
        .height(360.0)
        .show_ui(ui, |ui| {
            for (index, (name, what)) in names.iter().zip(now.helps()).enumerate() {
                let one = ui.selectable_label(index == at, *name);
                if one.on_hover_text(*what).clicked() {
                    now.choose(index);
                }
            }
        })
        .response
        .on_hover_text(help);
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("{label}: choose")));
}

fn masks(ui: &mut Ui, dataset: &Dataset, now: &mut String) {
    let help = "Each image has several masks: which of them to train on (data.masks)";
    ui.label("Masks").on_hover_text(help);
    let kinds = &dataset.mask_kinds;
    let chosen = kinds.iter().find(|kind| kind.eq_ignore_ascii_case(now));
    let shown = |kind: &str| {
        if kind.is_empty() {
            "unnamed".to_owned()
        } else {
            kind.to_owned()
        }
    };
    let response = ComboBox::from_id_salt("masks")
        .width(60.0)
        .selected_text(shown(chosen.or(kinds.first()).map_or("", |kind| kind)))
        .show_ui(ui, |ui| {
            for (at, kind) in kinds.iter().enumerate() {
                let is = chosen.map_or(at == 0, |chosen| chosen == kind);
                if ui.selectable_label(is, shown(kind)).clicked() {
                    now.clone_from(kind);
                }
            }
        })
        .response
        .on_hover_text(help);
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Masks to train on"));
}
