//! Choosing, saving and deleting presets.

use egui::{RichText, Ui};

use crate::experiment::Preset;
use crate::lab::Lab;

/// The dialog for saving.
#[derive(Default)]
pub struct State {
    saving: bool,
    name: String,
    about: String,
}

pub fn show(state: &mut State, lab: &mut Lab, ui: &mut Ui) {
    let mut chosen: Option<Preset> = None;
    let mut deleted = None;
    ui.horizontal(|ui| {
        let label = ui.label(RichText::new("Preset").strong());
        egui::ComboBox::from_id_salt("preset")
            .selected_text(lab.preset_name())
            .width((ui.available_width() - 62.0).max(100.0))
            .height(400.0)
            .show_ui(ui, |ui| {
                ui.set_min_width(320.0);
                for preset in &lab.presets {
                    let text = format!("{}\n    {}", preset.name, preset.about);
                    let response = ui.selectable_label(preset.name == lab.preset.name, text);
                    let clicked = if preset.story.is_empty() {
                        response.clicked()
                    } else {
                        response.on_hover_text(&preset.story).clicked()
                    };
                    if clicked {
                        chosen = Some(preset.clone());
                    }
                }
            })
            .response
            .labelled_by(label.id)
            .on_hover_text(
                "A complete configuration with a story. The dataset that is open stays.",
            );
        if ui
            .button("💾")
            .on_hover_text("Save these settings as a preset")
            .clicked()
        {
            state.saving = !state.saving;
        }
        if !lab.preset.bundled && !lab.preset.name.is_empty() {
            let delete = ui.button("🗑").on_hover_text("Delete this preset of yours");
            if delete.clicked() {
                deleted = Some(lab.preset.name.clone());
            }
        }
    });
    if state.saving {
        ui.group(|ui| {
            let name = ui.add(egui::TextEdit::singleline(&mut state.name).hint_text("name"));
            name.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Name of the preset")
            });
            let about = ui.add(
                egui::TextEdit::singleline(&mut state.about)
                    .hint_text("what it is for, in one line"),
            );
            about.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::TextInput, true, "What the preset is for")
            });
            let named = !state.name.trim().is_empty();
            if ui.add_enabled(named, egui::Button::new("Save")).clicked() {
                lab.save_preset(&state.name, &state.about);
                *state = State::default();
            }
        });
    }
    if !lab.preset.story.is_empty() {
        ui.label(RichText::new(&lab.preset.story).small());
    }
    if let Some(preset) = chosen {
        lab.apply_preset(&preset);
    }
    if let Some(name) = deleted {
        lab.delete_preset(&name);
    }
}
