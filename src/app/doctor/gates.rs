//! What must hold whatever is trained, as a list of ticks, and the button that trains on one batch.

use egui::{Button, RichText, Ui};
use egui_plot::{Line, Plot};

use super::super::theme;
use super::super::view::prose;
use super::Asked;
use crate::doctor::Gate;
use crate::doctor::gates::{OVERFIT_DICE, OVERFIT_STEPS, overfit};
use crate::lab::Lab;
use crate::lab::consulting::Heart;

pub fn show(lab: &Lab, ui: &mut Ui, asked: &mut Option<Asked>) {
    if lab.xray.is_none() {
        return;
    }
    egui::Frame::group(ui.style()).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new("Before the first epoch").strong())
            .on_hover_text("What must hold whatever is trained");
        for gate in &lab.consultation.gates {
            line(ui, gate);
        }
        by_heart(lab, ui, asked);
    });
}

fn line(ui: &mut Ui, gate: &Gate) {
    let (mark, color, said) = match gate.passed {
        Some(true) => ("✔", theme::good(ui), "it holds"),
        Some(false) => ("✖", theme::bad(ui), "it does not hold"),
        None => ("–", ui.visuals().weak_text_color(), "not to be told here"),
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(mark).color(color).strong())
            .on_hover_text(said);
        ui.label(gate.name);
        ui.label(prose::prose(ui, &gate.message, RichText::weak));
    });
}

/// The test that one batch can be learned by heart, and what came of it.
fn by_heart(lab: &Lab, ui: &mut Ui, asked: &mut Option<Asked>) {
    let heart = &lab.consultation.heart;
    match heart {
        Heart::Tried {
            config,
            result: Ok(result),
        } => {
            line(ui, &overfit(result));
            if **config != lab.draft {
                ui.weak("These were other settings: try again with the present ones.");
            }
            let points: Vec<[f64; 2]> = (result.losses.iter().enumerate())
                .map(|(step, loss)| [step as f64 + 1.0, *loss])
                .collect();
            Plot::new("one batch")
                .height(90.0)
                .width(320.0)
                .allow_scroll(false)
                .allow_drag(false)
                .allow_zoom(false)
                .allow_boxed_zoom(false)
                .show(ui, |plot| {
                    plot.line(Line::new("loss on the batch", points).width(1.8));
                });
            ui.weak("loss on the one batch, over the steps");
        }
        Heart::Tried {
            result: Err(message),
            ..
        } => {
            ui.colored_label(theme::bad(ui), message);
        }
        Heart::Untried | Heart::Trying { .. } => {}
    }
    ui.horizontal_wrapped(|ui| {
        if matches!(heart, Heart::Trying { .. }) {
            ui.spinner();
            ui.label("Learning one batch by heart…");
            let stop = ui.button("Stop this test");
            if stop.on_hover_text("End the test on one batch").clicked() {
                *asked = Some(Asked::StopByHeart);
            }
            return;
        }
        let free = lab.obstacle().is_none();
        let button = ui
            .add_enabled(free, Button::new("Overfit one batch"))
            .on_hover_text(format!(
                "Train on two images alone, without variation: any working combination of network, \
                 loss and rate exceeds Dice {OVERFIT_DICE} there within {OVERFIT_STEPS} steps. \
                 Nothing is recorded.",
            ))
            .on_disabled_hover_text("Possible when a dataset is open and nothing trains.");
        if button.clicked() {
            *asked = Some(Asked::TryByHeart);
        }
        if matches!(heart, Heart::Untried) {
            ui.weak(format!(
                "{OVERFIT_STEPS} steps on one batch must exceed Dice {OVERFIT_DICE}"
            ));
        }
    });
}
