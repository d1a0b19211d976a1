//! Draws the loss's formula with numbers in it. Reads values only.

use egui::{Grid, RichText, Ui};

use super::view::readout;
use crate::lab::Lab;
use crate::lab::formulas::Terms;
use crate::loss::LOSSES;
use crate::loss::breakdown::{ClassPart, TermPart};

/// The draft's, on the masks of the X-ray; `names` are the classes'.
pub fn ui(ui: &mut Ui, parts: &[TermPart], names: &[String]) {
    if parts.is_empty() {
        return;
    }
    ui.label(RichText::new("The formula, with numbers").strong()).on_hover_text(
        "The loss of an untrained network (every class equally likely) on the masks of the X-ray. \
         It follows every setting. While something trains, the Training tab shows it for the batch \
         that is being trained on.",
    );
    terms(ui, parts, names);
}

/// The strip under the curves: a line to open and close it, and the losses of the batch that is being
/// trained on, the run's own and that of the settings where they differ.
pub fn of_batch(ui: &mut Ui, lab: &Lab, open: &mut bool) {
    let triangle = if *open { "⏷" } else { "⏵" };
    let title = format!("{triangle} The formula of this batch, with numbers");
    let head = egui::Button::selectable(*open, title).truncate();
    let head = ui.add(head).on_hover_text(
        "The loss taken apart on the batch that is being trained on, class by class: as trained, and \
         as the present settings would have it",
    );
    if head.clicked() {
        *open = !*open;
    }
    if !*open {
        return;
    }
    let told = (lab.formulas.batch.told.as_ref())
        .filter(|told| lab.active.as_ref().is_none_or(|id| *id == told.run));
    let Some(told) = told else {
        // One short line alone would make the strip small, and it would stay so.
        ui.take_available_space();
        ui.weak(match (lab.is_busy(), lab.is_paused()) {
            (true, false) => "It appears with the next step.",
            (true, true) => "Paused: it appears with the next step.",
            _ => "Nothing trains. Press Train (Ctrl+Enter) to watch it; the Runs tab has the formula of recorded runs.",
        });
        return;
    };
    let names: Vec<String> = (told.glance.dataset.classes.classes.iter())
        .map(|class| class.name.clone())
        .collect();
    egui::ScrollArea::both().auto_shrink(false).show(ui, |ui| {
        let images = told.glance.shape[0];
        let (step, loss) = (told.glance.step, told.glance.loss);
        ui.weak(format!("step {step}: {images} images, loss {loss:.4}"));
        let block = |ui: &mut Ui, title: &str, result: &Terms| {
            ui.push_id(title, |ui| {
                match result {
                    Ok(parts) => {
                        let sum: f64 = parts.iter().map(|part| part.contribution).sum();
                        ui.strong(format!("{title}: {sum:.4}"));
                        terms(ui, parts, &names);
                    }
                    Err(problem) => {
                        ui.strong(title);
                        ui.colored_label(super::theme::bad(ui), problem);
                    }
                };
            });
        };
        block(ui, "As it is trained", &told.own);
        if let Some(draft) = &told.draft {
            ui.add_space(6.0);
            block(ui, "As the present settings would have it", draft);
        }
    });
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
            ui.push_id(&run.id, |ui| match lab.formulas.recorded.get(&key) {
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

/// One block per term; `names` are the classes'.
pub fn terms(ui: &mut Ui, parts: &[TermPart], names: &[String]) {
    for (index, part) in parts.iter().enumerate() {
        let info = LOSSES.iter().find(|info| info.kind == part.kind);
        let (title, formula) = info.map_or((part.kind, ""), |info| (info.title, info.formula));
        ui.horizontal_wrapped(|ui| {
            ui.label(title);
            ui.monospace(format!(
                "{} × {:.4} = {:.4}",
                factor(part.weight),
                part.value,
                part.contribution
            ))
            .on_hover_text("Weight of the term × its value = what it adds to the loss.");
        });
        ui.label(RichText::new(formula).monospace().small());
        if part.classes.is_empty() {
            continue;
        }
        let ratios = part.classes.iter().any(|class| class.ratio.is_some());
        let heads = || HEAD.iter().filter(|head| ratios || !head.of_ratios);
        let grid = Grid::new(("formula", index)).num_columns(heads().count());
        grid.striped(true).show(ui, |ui| {
            for head in heads() {
                let name = RichText::new(format!("{:>1$}", head.name, head.width));
                let name = if head.width > 0 {
                    name.monospace()
                } else {
                    name
                };
                ui.label(name.weak()).on_hover_text(head.help);
            }
            ui.end_row();
            for class in &part.classes {
                row(ui, class, part.weight, names);
                ui.end_row();
            }
        });
    }
}

/// A weight without zeros at its end: most are 1, and one that a schedule moves has many digits.
fn factor(weight: f64) -> String {
    let text = readout::short(weight);
    match text.contains('.') && !text.contains('e') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn row(ui: &mut Ui, class: &ClassPart, weight: f64, names: &[String]) {
    let name = class.class.and_then(|class| names.get(class));
    ui.label(name.map_or("all classes", String::as_str));
    for pixels in [class.intersection, class.predicted, class.truth] {
        ui.monospace(format!("{pixels:>PIXELS$.1}"));
    }
    if let Some(ratio) = &class.ratio {
        let value = if ratio.denominator > 0.0 {
            ratio.numerator / ratio.denominator
        } else {
            f64::NAN
        };
        ui.monospace(format!("{value:>RATIO$.4}"));
        for share in [ratio.smoothing_numerator, ratio.smoothing_denominator] {
            ui.monospace(format!("{:>1$.2} %", share * 100.0, SHARE - 2));
        }
    }
    ui.monospace(format!("{:>WEIGHT$.3}", class.weight));
    ui.monospace(match class.contribution {
        Some(adds) => format!("{:>ADDS$.4}", adds * weight),
        None => format!("{:>ADDS$}", "–"),
    });
    if let Some(ratio) = &class.ratio {
        ui.label(RichText::new(&ratio.written).monospace().small());
    }
}

/// Letters that a number takes, so that its heading stands over its end.
const PIXELS: usize = 9;
const RATIO: usize = 8;
const SHARE: usize = 12;
const WEIGHT: usize = 7;
const ADDS: usize = 9;

/// A column.
struct Head {
    name: &'static str,
    help: &'static str,
    /// Letters of the numbers below; 0 over words.
    width: usize,
    /// Only where there is a ratio of volumes.
    of_ratios: bool,
}

const fn head(name: &'static str, width: usize, help: &'static str) -> Head {
    Head {
        name,
        help,
        width,
        of_ratios: false,
    }
}

const fn of_ratios(name: &'static str, width: usize, help: &'static str) -> Head {
    Head {
        name,
        help,
        width,
        of_ratios: true,
    }
}

const HEAD: &[Head] = &[
    head("class", 0, "Class of the row."),
    head(
        "I",
        PIXELS,
        "Intersection: Σpy over all pixels that count, in pixels.",
    ),
    head(
        "P",
        PIXELS,
        "Predicted volume: Σp (to the power that is set), in pixels.",
    ),
    head("Y", PIXELS, "True volume: Σy, in pixels."),
    of_ratios(
        "ratio",
        RATIO,
        "Numerator / denominator, smoothing included; of the mean image where each image has a ratio of its own.",
    ),
    of_ratios(
        "smooth above",
        SHARE,
        "Smoothing's share of the numerator, in per cent.",
    ),
    of_ratios(
        "smooth below",
        SHARE,
        "Smoothing's share of the denominator, in per cent.",
    ),
    head(
        "weight",
        WEIGHT,
        "Weight of the class in the mean; with volume weights, its share of the one denominator.",
    ),
    head(
        "adds",
        ADDS,
        "What the class (in a sum over pixels: its pixels) adds to the loss, times the term's weight: \
         the column sums to the term's contribution. None where the classes are not added up.",
    ),
    of_ratios(
        "filled in",
        0,
        "The ratio with the numbers of this row in it; of the mean image where each image has a ratio of its own.",
    ),
];

#[cfg(test)]
mod tests {
    use super::factor;

    #[test]
    fn a_weight_has_as_many_digits_as_one_reads() {
        for (weight, text) in [
            (1.0, "1"),
            (0.905, "0.905"),
            (0.010_388_594_689_117_125, "0.0104"),
            (0.0, "0"),
            (100.0, "100"),
            (1e-5, "1.00e-5"),
        ] {
            assert_eq!(factor(weight), text);
        }
    }
}
