//! Choosing what to race: losses of presets against each other, everything else as in the settings.

use std::collections::BTreeSet;

use egui::Context;

use crate::lab::Lab;

/// More lanes than this can't be told apart.
const MOST: usize = 8;

/// The starting grid.
#[derive(Default)]
pub struct State {
    pub open: bool,
    chosen: BTreeSet<String>,
    without_draft: bool,
}

/// Draws the window; says whether a race was started.
pub fn window(ctx: &Context, state: &mut State, lab: &mut Lab) -> bool {
    let mut started = false;
    let mut open = state.open;
    egui::Window::new("Race losses").open(&mut open).resizable(false).show(ctx, |ui| {
        ui.set_max_width(430.0);
        ui.label(
            "Each lane takes output activation, loss and class weights from its preset, and everything \
             else from the settings: the same images, the same first weights, the same batches. Only \
             the loss differs.",
        );
        ui.add_space(6.0);
        let mut with_draft = !state.without_draft;
        ui.checkbox(&mut with_draft, "the settings as they are now");
        state.without_draft = !with_draft;
        for preset in &lab.presets {
            let mut chosen = state.chosen.contains(&preset.name);
            let response = ui.checkbox(&mut chosen, &preset.name).on_hover_text(&preset.about);
            if response.changed() {
                if chosen {
                    state.chosen.insert(preset.name.clone());
                } else {
                    state.chosen.remove(&preset.name);
                }
            }
        }
        ui.add_space(6.0);
        let lanes = state.chosen.len() + usize::from(with_draft);
        let obstacle = lab.obstacle().or_else(|| match lanes {
            0 | 1 => Some("Choose at least two lanes.".to_owned()),
            n if n > MOST => Some(format!("{n} lanes are too many: at most {MOST}.")),
            _ => None,
        });
        let button = egui::Button::new(format!("Start {lanes} lanes"));
        let response = ui.add_enabled(obstacle.is_none(), button);
        if let Some(text) = obstacle {
            ui.weak(text);
        }
        if response.clicked() {
            let mut entries = Vec::new();
            if with_draft {
                entries.push((lab.preset_name(), lab.draft.clone()));
            }
            for preset in lab.presets.iter().filter(|p| state.chosen.contains(&p.name)) {
                entries.push((preset.name.clone(), lab.draft.with_loss_of(&preset.config)));
            }
            lab.race(entries);
            started = true;
        }
    });
    state.open = open && !started;
    started
}
