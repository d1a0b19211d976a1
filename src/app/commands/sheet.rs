//! The sheet of keys.

use egui::Context;

use super::{Keys, all};
use crate::app::Tab;

/// What the keyboard and the mouse do beside the commands: `(place, (keys, meaning))`.
const GESTURES: &[(&str, &[(&str, &str)])] = &[
    (
        "Training",
        &[("T", "over a picture: truth and prediction change places")],
    ),
    (
        "Data",
        &[(
            "arrows, Enter, Esc, /",
            "move, open an image, back, find a name",
        )],
    ),
    (
        "Pictures and plots",
        &[("wheel, drag, double click", "zoom, move, reset")],
    ),
];

/// Keys and meaning of the commands of the tab `place`, or of those that work everywhere.
pub fn of(ctx: &Context, place: Option<Tab>) -> Vec<(String, &'static str)> {
    let here = all().filter(|command| command.place == place && command.keys != Keys::None);
    here.map(|command| (command.keys.text(ctx), command.name))
        .collect()
}

/// The sheet of keys.
pub fn show(ctx: &Context, open: &mut bool) {
    egui::Window::new("Keys")
        .open(open)
        .pivot(egui::Align2::CENTER_CENTER)
        .default_pos(ctx.content_rect().center())
        .default_height(560.0)
        .resizable(false)
        .vscroll(true)
        .show(ctx, |ui| {
            let row = |ui: &mut egui::Ui, keys: &str, meaning: &str| {
                ui.strong(keys);
                ui.label(meaning);
                ui.end_row();
            };
            egui::Grid::new("keys")
                .num_columns(2)
                .spacing([16.0, 6.0])
                .show(ui, |ui| {
                    for (keys, name) in of(ctx, None) {
                        row(ui, &keys, name);
                    }
                    row(ui, "1 2 3 …", "the tabs, from left to right");
                    let places = GESTURES.iter().map(|(place, _)| *place);
                    for place in places.chain([Tab::Compare.name()]) {
                        ui.weak(place);
                        ui.end_row();
                        let tab = Tab::ALL.iter().find(|tab| tab.name() == place);
                        for (keys, name) in tab.map(|tab| of(ctx, Some(*tab))).unwrap_or_default() {
                            row(ui, &keys, name);
                        }
                        let gestures = GESTURES.iter().find(|(other, _)| *other == place);
                        for (keys, meaning) in gestures.map_or(&[][..], |(_, list)| *list) {
                            row(ui, keys, meaning);
                        }
                    }
                });
        });
}
