//! Draws the loss's formula with numbers in it. Reads values only.

use egui::{Grid, RichText, Ui};

use crate::lab::Lab;
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
    terms(ui, parts, names);
}

/// One block per run; `ids` are the runs'.
pub fn of_runs(ui: &mut Ui, lab: &Lab, ids: &[String]) {
    if ids.is_empty() {
        ui.weak("Tick a run above to see its loss taken apart.");
        return;
    }
    let ticked = lab.runs.iter().filter(|run| ids.contains(&run.id));
    egui::ScrollArea::both().auto_shrink(false).show(ui, |ui| {
        for run in ticked {
            let key = (run.id.clone(), run.validations.len());
            ui.push_id(&run.id, |ui| match lab.formulas.get(&key) {
                Some(Some(Ok(Some(told)))) => {
                    ui.strong(&run.name).on_hover_text(
                        "The loss as it was configured, on the pictures kept last, at the weights \
                         of the end of training. Pictures hold answers, not probabilities: each \
                         answer is taken as certain.",
                    );
                    ui.weak(format!("step {}, {} images", told.step, told.images));
                    terms(ui, &told.terms, &run.classes);
                }
                Some(Some(Ok(None))) => {
                    ui.strong(&run.name);
                    ui.weak("No picture was kept of this run's predictions.");
                }
                Some(Some(Err(problem))) => {
                    ui.strong(&run.name);
                    ui.colored_label(super::theme::bad(ui), problem);
                }
                _ => {
                    ui.strong(&run.name);
                    ui.horizontal(|ui| {
                        ui.spinner();
                        ui.weak("taking the loss apart");
                    });
                }
            });
            ui.add_space(8.0);
        }
    });
}

fn terms(ui: &mut Ui, parts: &[TermPart], names: &[String]) {
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
        let grid = Grid::new(("formula", index)).num_columns(9).striped(true);
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
                ui.monospace(match class.contribution {
                    Some(adds) => format!("{:.4}", adds * part.weight),
                    None => "–".to_owned(),
                });
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
    (
        "adds",
        "What the class adds to the loss, times the term's weight: the column sums to the term's \
         contribution. None where one ratio puts the classes together.",
    ),
];
