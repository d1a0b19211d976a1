//! What-if: what the present settings' loss would say of a run's frozen answers, beside the run's
//! own loss, and which pixels of one of its images it would push.

use egui::{ComboBox, RichText, Ui};

use super::slope::Picture;
use super::{OTHER, WRONG};
use crate::lab::freezing::{Asked as Question, WhatIf};
use crate::train::frozen::{Checkpoint, Reading};

/// What is kept between frames.
#[derive(Default)]
pub struct State {
    checkpoint: Checkpoint,
    picture: Picture,
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
    if !matches!(what_if, WhatIf::Frozen(_)) {
        // Pictures of another run's answers are not those of the next.
        state.picture = Picture::default();
    }
    ui.label(RichText::new("What if").strong()).on_hover_text(
        "Freeze the answers of a trained network, then move loss, smoothing, weights or activation \
         in the settings: what the loss would say of the same answers is shown at once, without \
         training.",
    );
    if runs.is_empty() && matches!(what_if, WhatIf::Nothing) {
        ui.weak("Train once: the answers of its network can then be frozen here.");
        return None;
    }
    ui.horizontal_wrapped(|ui| {
        ui.weak("with the");
        let combo = ComboBox::from_id_salt("what-if weights")
            .width(60.0)
            .selected_text(state.checkpoint.name());
        let response = combo.show_ui(ui, |ui| {
            for checkpoint in Checkpoint::ALL {
                ui.selectable_value(&mut state.checkpoint, *checkpoint, checkpoint.name());
            }
        });
        (response.response).on_hover_text("Which of the run's two stored sets of weights answers.");
        ui.weak("weights of");
        let response = ui.menu_button("Freeze a run…", |ui| {
            egui::ScrollArea::vertical()
                .max_height(320.0)
                .show(ui, |ui| {
                    for (name, id) in runs {
                        if ui.button(name).clicked() {
                            asked = Some(Asked::Freeze(id.clone(), state.checkpoint));
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
            WhatIf::Freezing { run } => {
                ui.spinner();
                ui.label(format!("{run} is answering its validation images…"));
            }
            WhatIf::Failed(message) => {
                ui.colored_label(WRONG, format!("✖ {message}"));
            }
            WhatIf::Frozen(question) => {
                let (run, step) = (&question.run, question.frozen.step);
                ui.label(format!(
                    "{run}, step {step}, {} images",
                    question.frozen.images
                ));
                let thaw = ui.small_button("Forget");
                if thaw.on_hover_text("Forget the frozen answers.").clicked() {
                    asked = Some(Asked::Thaw);
                }
            }
        }
    });
    if let WhatIf::Frozen(question) = what_if {
        answer(ui, state, question, colors);
    }
    asked
}

fn answer(ui: &mut Ui, state: &mut State, question: &Question, colors: &[[u8; 3]]) {
    match &question.now {
        None => {
            ui.weak("asking the present settings…");
        }
        Some(Err(message)) => {
            ui.colored_label(WRONG, format!("✖ {message}"));
        }
        Some(Ok((now, slope))) => {
            ui.horizontal_wrapped(|ui| {
                ui.vertical(|ui| table(ui, question, now));
                ui.add_space(24.0);
                ui.vertical(|ui| {
                    (state.picture).present(ui, &question.frozen, slope, question.count, colors);
                });
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
