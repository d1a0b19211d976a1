//! Draws the loss's formula with numbers in it. Reads values only.

use egui::{Grid, RichText, Ui};

use crate::loss::LOSSES;
use crate::loss::breakdown::TermPart;

/// One block per term; `names` are the classes'.
pub fn ui(ui: &mut Ui, parts: &[TermPart], names: &[String]) {
    if parts.is_empty() {
        return;
    }
    ui.label(RichText::new("The formula, with numbers").strong()).on_hover_text(
        "The loss of an untrained network (every class equally likely) on the masks of the X-ray. \
         It follows every setting.",
    );
    for (index, part) in parts.iter().enumerate() {
        let info = LOSSES.iter().find(|info| info.kind == part.kind);
        let (title, formula) = info.map_or((part.kind, ""), |info| (info.title, info.formula));
        ui.horizontal_wrapped(|ui| {
            ui.label(title);
            ui.monospace(format!(
                "{} × {:.4} = {:.4}",
                part.weight, part.value, part.contribution
            ))
            .on_hover_text("Weight of the term × its value = what it adds to the loss.");
        });
        ui.label(RichText::new(formula).monospace().small());
        if part.classes.is_empty() {
            continue;
        }
        let grid = Grid::new(("formula", index)).num_columns(8).striped(true);
        grid.show(ui, |ui| {
            for (name, help) in HEAD {
                ui.weak(*name).on_hover_text(*help);
            }
            ui.end_row();
            for class in &part.classes {
                let name = class.class.and_then(|class| names.get(class));
                ui.label(name.map_or("all classes", String::as_str));
                for pixels in [class.intersection, class.predicted, class.truth] {
                    ui.monospace(format!("{pixels:.1}"));
                }
                let ratio = if class.denominator > 0.0 {
                    class.numerator / class.denominator
                } else {
                    f64::NAN
                };
                ui.monospace(format!("{ratio:.4}"));
                for share in [class.smoothing_numerator, class.smoothing_denominator] {
                    ui.monospace(format!("{:.2} %", share * 100.0));
                }
                ui.monospace(format!("{:.3}", class.weight));
                ui.end_row();
            }
        });
    }
}

const HEAD: &[(&str, &str)] = &[
    ("class", "Class of the row."),
    (
        "I",
        "Intersection: Σpy over all pixels that count, in pixels.",
    ),
    (
        "P",
        "Predicted volume: Σp (to the power that is set), in pixels.",
    ),
    ("Y", "True volume: Σy, in pixels."),
    (
        "ratio",
        "Numerator / denominator, smoothing included; of the mean image where each image has a ratio of its own.",
    ),
    (
        "smooth above",
        "Smoothing's share of the numerator, in per cent.",
    ),
    (
        "smooth below",
        "Smoothing's share of the denominator, in per cent.",
    ),
    (
        "weight",
        "Weight of the class in the mean; with volume weights, its share of the one denominator.",
    ),
];
