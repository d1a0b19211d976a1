//! The class weights that the settings give on this dataset, as numbers and bars.

use egui::Ui;

use crate::lab::Lab;
use crate::loss::weights::WeightScheme;

pub fn show(ui: &mut Ui, lab: &Lab) {
    let Some(dataset) = lab.dataset() else { return };
    if lab.draft.class_weights.scheme == WeightScheme::Uniform {
        return;
    }
    let census = &dataset.census;
    let weights = lab
        .draft
        .class_weights
        .weights(&census.train_pixels, &census.train_presence_pixels);
    let weights = match weights {
        Ok(weights) => weights,
        Err(error) => {
            ui.colored_label(super::super::theme::bad(ui), error.to_string());
            return;
        }
    };
    let largest = weights.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    egui::Grid::new("weights")
        .num_columns(3)
        .spacing([8.0, 2.0])
        .show(ui, |ui| {
            for (class, weight) in dataset.classes.classes.iter().zip(&weights) {
                ui.label(&class.name);
                let (rect, response) =
                    ui.allocate_exact_size(egui::vec2(110.0, 11.0), egui::Sense::hover());
                let mut bar = rect;
                bar.set_width((weight / largest) as f32 * rect.width());
                let [r, g, b] = class.color;
                ui.painter()
                    .rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
                ui.painter()
                    .rect_filled(bar, 2.0, egui::Color32::from_rgb(r, g, b));
                response.on_hover_text(format!("{} weighs {weight}", class.name));
                ui.monospace(format!("{weight:.3}"));
                ui.end_row();
            }
        });
}
