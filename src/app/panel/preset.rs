//! Choosing, saving and deleting presets.

use egui::{RichText, Ui};

use crate::experiment::Preset;
use crate::experiment::preset::Shelf;
use crate::lab::Lab;
use crate::param::Choice;

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
            .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
            .show_ui(ui, |ui| {
                ui.set_min_width(320.0);
                chosen = list(ui, lab);
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

/// The presets on their shelves. The museum is folded up, unless the present preset is from there: it
/// is to look at and not to use, and the Museum tab tells more.
fn list(ui: &mut Ui, lab: &Lab) -> Option<Preset> {
    let mut chosen = None;
    let helps = Shelf::default().helps();
    for (shelf, help) in Shelf::ALL.iter().zip(helps) {
        let on_it: Vec<&Preset> = (lab.presets.iter())
            .filter(|preset| preset.shelf() == *shelf)
            .collect();
        if on_it.is_empty() {
            continue;
        }
        let mut entries = |ui: &mut Ui| {
            for preset in &on_it {
                let text = format!("{}\n    {}", preset.name, preset.about);
                let mut response = ui.selectable_label(preset.name == lab.preset.name, text);
                if !preset.story.is_empty() {
                    response = response.on_hover_text(&preset.story);
                }
                if response.clicked() {
                    chosen = Some((*preset).clone());
                    ui.close();
                }
            }
        };
        let title = RichText::new(shelf.name()).strong();
        if *shelf == Shelf::Museum {
            egui::CollapsingHeader::new(title)
                .default_open(lab.preset.shelf() == Shelf::Museum)
                .show(ui, entries)
                .header_response
                .on_hover_text(*help);
        } else {
            ui.label(title).on_hover_text(*help);
            entries(ui);
        }
        ui.add_space(4.0);
    }
    chosen
}
