//! The settings: preset, loss, class weights, network, training, data. All of it is drawn from the
//! configuration's own list of parameters.

mod distances;
mod loss;
pub mod param;
mod picker;
mod preset;
mod weights;

use std::collections::HashMap;

use egui::{CollapsingHeader, RichText, ScrollArea, Ui};

use crate::lab::Lab;
use crate::train::memory;

/// What only the panel needs.
#[derive(Default)]
pub struct State {
    filter: String,
    preset: preset::State,
    picker: picker::State,
    /// The preset that was shown last.
    shown: String,
}

/// Sections by the first part of the key.
const SECTIONS: &[(&str, &str, bool)] = &[
    ("train", "Training", true),
    ("model", "Network", false),
    ("data", "Data and augmentation", false),
];

pub fn show(state: &mut State, lab: &mut Lab, ui: &mut Ui) {
    ui.add_space(4.0);
    preset::show(&mut state.preset, lab, ui);
    if state.shown != lab.preset.name {
        state.shown.clone_from(&lab.preset.name);
        state.picker.forget();
    }
    ui.separator();
    ui.horizontal(|ui| {
        ui.label("🔍");
        let edit = egui::TextEdit::singleline(&mut state.filter)
            .hint_text("find a setting")
            .desired_width(f32::INFINITY);
        let response = ui.add(edit);
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Find a setting")
        });
    });
    let defaults: HashMap<String, String> = lab.preset.config.values().into_iter().collect();
    let filter = state.filter.trim().to_lowercase();
    let matches = |key: &str, help: &str| {
        filter.is_empty()
            || key.to_lowercase().contains(&filter)
            || help.to_lowercase().contains(&filter)
    };
    let names: Vec<String> = lab.dataset().map_or_else(Vec::new, |dataset| {
        let classes = dataset.classes.classes.iter();
        classes.map(|class| class.name.clone()).collect()
    });
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let draft = &mut lab.draft;
        section(ui, "Output and loss", true, |ui| {
            for mut param in draft.params().into_iter().filter(|p| p.key == "activation") {
                if matches(&param.key, param.help) {
                    param::row(
                        ui,
                        &mut param,
                        "Output activation",
                        defaults.get("activation"),
                    );
                }
            }
            loss::show(
                ui,
                &mut draft.loss,
                "loss",
                &defaults,
                &matches,
                &mut state.picker,
                Some(&mut draft.activation),
                &names,
            );
        });
        section(ui, "Class weights", false, |ui| {
            for mut param in draft.class_weights.params() {
                let key = format!("class_weights.{}", param.key);
                if matches(&key, param.help) {
                    let label = param::pretty(&param.key);
                    param::row(ui, &mut param, &label, defaults.get(&key));
                }
            }
        });
        weights::show(ui, lab);
        let classes = lab.dataset().map(|dataset| dataset.classes.len());
        for (prefix, title, open) in SECTIONS {
            let draft = &mut lab.draft;
            section(ui, title, *open || !filter.is_empty(), |ui| {
                let prefix = format!("{prefix}.");
                for mut param in draft.params() {
                    let Some(short) = param.key.strip_prefix(&prefix) else {
                        continue;
                    };
                    // The path has its own box on the Data tab, the device its own list below.
                    if param.key == "data.path"
                        || param.key == "train.device"
                        || !matches(&param.key, param.help)
                    {
                        continue;
                    }
                    let label = param::pretty(short);
                    let default = defaults.get(&param.key);
                    param::row(ui, &mut param, &label, default);
                }
                if prefix == "train." && matches("train.device", "device gpu cpu") {
                    device(ui, &mut draft.train.device, &lab.devices, lab.probing);
                    if let Some(classes) = classes {
                        needed_memory(ui, draft, classes);
                    }
                }
            });
        }
        if let Err(problems) = lab.draft.validate() {
            ui.separator();
            for problem in problems {
                ui.colored_label(super::theme::bad(ui), problem);
            }
        }
        ui.add_space(12.0);
    });
}

fn section(ui: &mut Ui, title: &str, open: bool, body: impl FnOnce(&mut Ui)) {
    CollapsingHeader::new(RichText::new(title).strong())
        .default_open(open)
        .show(ui, body);
}

/// What the training will take of the device's memory.
fn needed_memory(ui: &mut Ui, draft: &crate::experiment::ExperimentConfig, classes: usize) {
    let on_cpu = !draft.train.device.starts_with("gpu");
    let needed = memory::estimate(draft, classes, on_cpu);
    ui.horizontal(|ui| {
        param::title(ui, "Memory");
        ui.label(format!("about {}", memory::size(needed.total())))
            .on_hover_text(format!(
                "Estimate: {}. A smaller batch, accumulation or checkpointing takes less.",
                needed.parts()
            ));
    });
}

fn device(
    ui: &mut Ui,
    chosen: &mut String,
    devices: &[crate::train::device::DeviceInfo],
    probing: bool,
) {
    ui.horizontal(|ui| {
        let label = param::title(ui, "Device");
        let name = devices.iter().find(|d| d.id == *chosen).map_or(chosen.as_str(), |d| &d.name);
        let text = if chosen == "auto" { "auto: the fastest usable" } else { name };
        egui::ComboBox::from_id_salt("device")
            .selected_text(text)
            .truncate()
            .show_ui(ui, |ui| {
                ui.selectable_value(chosen, "auto".to_owned(), "auto: the fastest usable");
                for device in devices {
                    let usable = device.problem.is_none();
                    ui.add_enabled_ui(usable, |ui| {
                        let response = ui.selectable_value(chosen, device.id.clone(), &device.name);
                        if let Some(problem) = &device.problem {
                            response.on_disabled_hover_text(problem);
                        }
                    });
                }
            })
            .response
            .labelled_by(label.id)
            .on_hover_text("What trains: the CPU, or a GPU that computed the same as the CPU in a check. Key: train.device");
        if probing {
            ui.spinner().on_hover_text("Looking for GPUs and checking them");
        }
    });
}
