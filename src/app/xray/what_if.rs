//! What-if: what the present settings' loss would say of a run's frozen answers, beside the run's
//! own loss, and which pixels of one of its images it would push.

use egui::{ColorImage, ComboBox, RichText, Ui};

use super::slope::{Picture, classes};
use super::{OTHER, WRONG};
use crate::doctor::look::Slope;
use crate::lab::freezing::{Asked as Question, WhatIf};
use crate::run::checkpoints::Checkpoint;
use crate::train::frozen::{Frozen, Reading};

/// What is kept between frames.
#[derive(Default)]
pub struct State {
    picture: Picture,
    /// The run that the picture is of.
    of: String,
}

impl State {
    /// Truth, answer and gradient of the image that is shown.
    pub fn images(
        &self,
        frozen: &Frozen,
        slope: &Slope,
        colors: &[[u8; 3]],
    ) -> Vec<(String, ColorImage)> {
        let size = [slope.frame.width, slope.frame.height];
        let names: Vec<&str> = frozen.class_names.iter().map(String::as_str).collect();
        let mut panes = vec![
            ("truth".to_owned(), classes(size, frozen.truth(), colors)),
            (
                "the run's answer".to_owned(),
                classes(size, &frozen.answer(), colors),
            ),
        ];
        panes.extend(self.picture.image(slope, &names));
        panes
    }
}

/// A run that may be frozen: name and id.
pub type Candidate = (String, String);

/// What the user asked for.
pub enum Asked {
    Freeze(String, Checkpoint),
    Thaw,
}

pub fn ui(
    ui: &mut Ui,
    state: &mut State,
    what_if: &WhatIf,
    runs: &[Candidate],
    colors: &[[u8; 3]],
) -> Option<Asked> {
    let mut asked = None;
    ui.label(RichText::new("What if").strong()).on_hover_text(
        "Freeze the answers of a trained network, then move loss, smoothing, weights or activation \
         in the settings: what the loss would say of the same answers is shown at once, without \
         training. Any moment of the run whose weights were kept can be chosen.",
    );
    if runs.is_empty() && matches!(what_if, WhatIf::Nothing) {
        ui.weak("Train once: the answers of its network can then be frozen here.");
        return None;
    }
    ui.horizontal_wrapped(|ui| {
        let response = ui.menu_button("Freeze a run…", |ui| {
            egui::ScrollArea::vertical()
                .max_height(320.0)
                .show(ui, |ui| {
                    for (name, id) in runs {
                        if ui.button(name).on_hover_text(id).clicked() {
                            asked = Some(Asked::Freeze(id.clone(), Checkpoint::Best));
                            ui.close();
                        }
                    }
                });
        });
        (response.response).on_hover_text(
            "Its network answers all validation images once; this takes as long as a validation.",
        );
        match what_if {
            WhatIf::Nothing => {}
            WhatIf::Freezing {
                run, checkpoint, ..
            } => {
                ui.spinner();
                ui.label(format!(
                    "{run} ({checkpoint}) is answering its validation images…"
                ));
            }
            WhatIf::Failed(message) => {
                ui.colored_label(WRONG, format!("✖ {message}"));
            }
            WhatIf::Frozen(question) => {
                let (run, images) = (&question.run, question.frozen.images);
                ui.label(format!("{run}, {images} images, with the weights of"));
                if let Some(checkpoint) = moments(ui, question) {
                    asked = Some(Asked::Freeze(question.id.clone(), checkpoint));
                }
                let thaw = ui.small_button("Forget");
                if thaw.on_hover_text("Forget the frozen answers.").clicked() {
                    asked = Some(Asked::Thaw);
                }
            }
        }
    });
    if let WhatIf::Frozen(question) = what_if {
        if state.of != question.id {
            // Pictures of another run's answers are not those of this one.
            state.picture = Picture::default();
            state.of.clone_from(&question.id);
        }
        answer(ui, state, question, colors);
    }
    asked
}

/// The moments whose weights the run keeps: a step back, a list, a step on. Returns what was chosen.
fn moments(ui: &mut Ui, question: &Question) -> Option<Checkpoint> {
    let frozen = &question.frozen;
    let current = question.next.unwrap_or(frozen.checkpoint);
    let name = |checkpoint: Checkpoint, step: u64| match checkpoint {
        Checkpoint::Step(_) => format!("step {step}"),
        named => format!("step {step} ({named})"),
    };
    // In the order of training, however they are called.
    let mut all = frozen.stored.clone();
    all.sort_by_key(|(checkpoint, step)| (*step, matches!(checkpoint, Checkpoint::Step(_))));
    let at = all.iter().position(|(it, _)| *it == current);
    let beside = |by: isize| all.get(at?.checked_add_signed(by)?).map(|(it, _)| *it);
    let mut chosen = None;
    for (sign, by, help) in [("◀", -1, "Earlier weights"), ("▶", 1, "Later weights")] {
        let to = beside(by);
        let button = ui.add_enabled(to.is_some(), egui::Button::new(sign).small());
        button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, to.is_some(), help));
        if button
            .on_hover_text(help)
            .on_disabled_hover_text("The run keeps no others this way.")
            .clicked()
        {
            chosen = to;
        }
        if by < 0 {
            let step = (all.get(at.unwrap_or(0))).map_or(frozen.step, |(_, step)| *step);
            let combo = ComboBox::from_id_salt("what-if weights")
                .width(130.0)
                .selected_text(name(current, step));
            let response = combo.show_ui(ui, |ui| {
                for (checkpoint, step) in &all {
                    let here = *checkpoint == current;
                    if ui
                        .selectable_label(here, name(*checkpoint, *step))
                        .clicked()
                        && !here
                    {
                        chosen = Some(*checkpoint);
                    }
                }
            });
            (response.response).on_hover_text(
                "The weights that the run kept: at its validations, within `train.weights_mib`, its \
                 best and its last.",
            );
        }
    }
    if question.next.is_some() {
        ui.spinner();
    }
    if let Some(problem) = &question.problem {
        ui.colored_label(WRONG, format!("✖ {problem}"));
    }
    chosen
}

fn answer(ui: &mut Ui, state: &mut State, question: &Question, colors: &[[u8; 3]]) {
    match &question.now {
        None => {
            ui.weak("asking the present settings…");
        }
        Some(Err(message)) => {
            ui.colored_label(WRONG, format!("✖ {message}"));
        }
        Some(Ok(answered)) => {
            let frozen = &question.frozen;
            ui.horizontal_wrapped(|ui| {
                ui.vertical(|ui| table(ui, question, &answered.reading));
                ui.add_space(24.0);
                ui.vertical(|ui| {
                    (state.picture).present(ui, frozen, &answered.slope, question.count, colors);
                });
            });
            ui.collapsing("The formula of these settings on these answers", |ui| {
                ui.weak(format!(
                    "the {} images of the batch that holds the pictured one",
                    frozen.formula_images()
                ));
                crate::app::formula::terms(ui, &answered.formula, &frozen.class_names);
            });
        }
    }
}

fn table(ui: &mut Ui, question: &Question, now: &Reading) {
    let own = &question.own;
    egui::Grid::new("what-if")
        .num_columns(4)
        .striped(true)
        .show(ui, |ui| {
            ui.weak("of the same answers");
            ui.weak("the run's loss");
            ui.weak("these settings");
            ui.weak("change");
            ui.end_row();
            let recorded = question.frozen.recorded.map_or_else(String::new, |loss| {
                format!(" The run recorded {loss:.5} at this step.")
            });
            ui.label("loss")
                .on_hover_text(format!("Mean over the validation images.{recorded}"));
            ui.monospace(format!("{:.5}", own.loss));
            ui.monospace(format!("{:.5}", now.loss));
            ui.monospace(format!("{:+.5}", now.loss - own.loss));
            ui.end_row();
            ui.label("push").on_hover_text(
                "Sum of |d loss / d logit| over all classes and pixels, mean over the batches.",
            );
            ui.monospace(format!("{:.4}", own.gradient));
            ui.monospace(format!("{:.4}", now.gradient));
            let times = now.gradient / own.gradient.max(f64::MIN_POSITIVE);
            ui.monospace(format!("x {times:.2}"));
            ui.end_row();
            for (own, now) in own.classes.iter().zip(&now.classes) {
                ui.label(&now.class).on_hover_text(format!(
                    "Share of the push that goes to this class; it has {:.2} % of the pixels.",
                    now.pixels * 100.0
                ));
                ui.monospace(format!("{:>6.2} %", own.gradient * 100.0));
                ui.monospace(format!("{:>6.2} %", now.gradient * 100.0));
                let change = (now.gradient - own.gradient) * 100.0;
                let text = RichText::new(format!("{change:+.2} points")).monospace();
                ui.label(match change.abs() >= 1.0 {
                    true => text.color(OTHER).strong(),
                    false => text,
                });
                ui.end_row();
            }
        });
}
