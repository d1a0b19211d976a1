//! The guided tour: five steps over the sample, from the configuration of the original question to its
//! repair. It only opens tabs and starts two small trainings; what it says about them is read from
//! what came out. The user's own settings come back when it ends.

use egui::{Button, Context, Frame, Key, Modifiers, Panel, RichText, Ui};

use super::{App, Tab, theme};
use crate::doctor::Diagnosis;
use crate::experiment::{ExperimentConfig, Preset};
use crate::finding::Severity;
use crate::lab::Lab;
use crate::lab::notices::Level;
use crate::run::Run;

const STEPS: [&str; 5] = [
    "What was asked",
    "The X-ray, before training",
    "What training makes of it",
    "The findings, and what puts them right",
    "The repaired run beside it",
];

/// The preset that the tour is about.
const QUESTION: &str = "question";

/// What both trainings of the tour have in place of the preset's: small enough for a minute on two
/// cores, long enough for the repaired run to find the larger classes.
const SMALL: [(&str, &str); 5] = [
    ("data.width", "96"),
    ("data.height", "96"),
    ("train.steps", "80"),
    ("train.validate_every", "10"),
    ("train.warmup_steps", "5"),
];

/// A tour that is under way.
pub struct Tour {
    step: usize,
    /// The question, with the tour's small settings.
    question: Preset,
    /// What was being worked on before.
    own: (Preset, ExperimentConfig, Tab),
    /// Run of the question alone, once it is opened.
    alone: Started,
    pair: Started,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Started {
    No,
    /// As soon as the images are there and nothing trains.
    Wanted,
    Yes,
}

/// Begins a tour, or begins it again.
pub fn begin(app: &mut App) {
    if app.lab.is_busy() {
        app.lab.notices.push(
            Level::Warning,
            "The tour trains two small networks: stop the present training first.",
        );
        return;
    }
    leave(app);
    let found = Preset::bundled().into_iter().find(|p| p.name == QUESTION);
    let Some(mut question) = found else { return };
    for (key, value) in SMALL {
        if let Err(error) = question.config.set(key, value) {
            app.lab.notices.push(Level::Error, error.to_string());
            return;
        }
    }
    let own = (app.lab.preset.clone(), app.lab.draft.clone(), app.tab);
    (question.config.train.device).clone_from(&app.lab.draft.train.device);
    app.lab.take_over(question.clone(), question.config.clone());
    app.tour = Some(Tour {
        step: 0,
        question,
        own,
        alone: Started::No,
        pair: Started::No,
    });
    app.lab.settings.toured = true;
    app.lab.settings_changed();
    enter(app, 0);
}

/// Ends the tour; the settings of before come back.
fn leave(app: &mut App) {
    if let Some(tour) = app.tour.take() {
        let (preset, draft, tab) = tour.own;
        app.lab.take_over(preset, draft);
        app.tab = tab;
    }
}

fn enter(app: &mut App, step: usize) {
    let Some(tour) = &mut app.tour else { return };
    tour.step = step;
    match step {
        0 => app.tab = Tab::Training,
        1 => app.tab = Tab::Xray,
        2 => {
            if tour.alone == Started::No {
                tour.alone = Started::Wanted;
            }
            app.tab = Tab::Training;
        }
        3 => app.tab = Tab::Doctor,
        _ => {
            if tour.pair == Started::No {
                tour.pair = Started::Wanted;
            }
            app.tab = Tab::Museum;
        }
    }
}

/// Starts what the tour waits for.
pub fn tick(app: &mut App) {
    let Some(tour) = &mut app.tour else { return };
    if app.lab.obstacle().is_some() {
        return;
    }
    if tour.alone == Started::Wanted {
        tour.alone = Started::Yes;
        let config = tour.question.config.clone();
        app.lab.race(vec![(QUESTION.to_owned(), config)]);
    } else if tour.pair == Started::Wanted {
        tour.pair = Started::Yes;
        let question = tour.question.clone();
        app.museum.show_pair();
        app.lab.race_pair(&question, &question.config, false);
    }
}

/// Next, back, leave, from the keyboard. Call it before others look at keys.
pub fn keys(app: &mut App, ctx: &Context) {
    let Some(step) = app.tour.as_ref().map(|tour| tour.step) else {
        return;
    };
    if ctx.egui_wants_keyboard_input() {
        return;
    }
    let typed = |key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if typed(Key::Escape) {
        leave(app);
    } else if typed(Key::Enter) {
        forward(app, step);
    } else if typed(Key::Backspace) && step > 0 {
        enter(app, step - 1);
    }
}

fn forward(app: &mut App, step: usize) {
    if step + 1 < STEPS.len() {
        enter(app, step + 1);
    } else {
        leave(app);
    }
}

/// The tour's strip at the lower edge.
pub fn strip(app: &mut App, ui: &mut Ui) {
    let Some(tour) = &app.tour else { return };
    let step = tour.step;
    let words = words(&app.lab, tour);
    let last = step + 1 == STEPS.len();
    let ground = ui.visuals().selection.bg_fill.gamma_multiply(0.35);
    let frame = Frame::side_top_panel(ui.style())
        .fill(ui.visuals().panel_fill.blend(ground))
        .inner_margin(10.0);
    let (mut next, mut back, mut skip) = (false, false, false);
    Panel::bottom("tour").frame(frame).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(format!("{} of {}", step + 1, STEPS.len())).weak());
            ui.label(RichText::new(STEPS[step]).strong().size(16.0));
        });
        ui.scope(|ui| {
            // Toasts come up at the right.
            ui.set_max_width((ui.available_width() - 370.0).max(500.0));
            ui.label(words);
        });
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            back = ui
                .add_enabled(step > 0, Button::new("Back"))
                .on_hover_text("The step before (Backspace)")
                .clicked();
            let text = if last { "Done" } else { "Next" };
            let text = RichText::new(text).color(egui::Color32::WHITE);
            next = ui
                .add(Button::new(text).fill(theme::ACTION))
                .on_hover_text("Go on (Enter)")
                .clicked();
            skip = ui
                .button("Leave the tour")
                .on_hover_text("Your own settings come back (Esc). Help has the tour again.")
                .clicked();
            ui.weak("Enter: next, Backspace: back, Esc: leave");
        });
    });
    if skip {
        leave(app);
    } else if next {
        forward(app, step);
    } else if back {
        enter(app, step - 1);
    }
}

fn words(lab: &Lab, tour: &Tour) -> String {
    match tour.step {
        0 => "Someone swapped cross-entropy for a Dice loss of their own, and the loss went up. These \
              are their settings, on the generated sample: a network that ends in a sigmoid (left, \
              “Output activation”) and their loss, word for word. Your own settings are kept aside \
              until the tour ends."
            .to_owned(),
        1 => {
            let seen = (lab.xray.as_ref())
                .and_then(|xray| xray.violations.first())
                .map_or_else(|| "It is being taken.".to_owned(), |v| format!("{}.", v.message));
            format!(
                "No step has been made yet. The loss is asked what it says of answers whose worth is \
                 known, best answers first; a longer bar is a higher loss. {seen} Training goes to \
                 what scores lowest, so it can only go wrong."
            )
        }
        2 => format!(
            "Now a small network trains with it. {} Watch the pictures on the right: the loss falls, \
             and the prediction is not what the truth is.",
            alone(lab)
        ),
        3 => {
            let error = |d: &&Diagnosis| d.finding.severity > Severity::Hint && d.fix.is_some();
            let fixes = lab.diagnoses.iter().filter(error).count();
            format!(
                "The doctor names the causes: {fixes} findings here have a fix, each with its numbers, \
                 and where others have met it. “Clone with fix” changes the settings and nothing \
                 else; Ctrl+Z takes it back. Further down: what it saw in the run you have watched."
            )
        }
        _ => pair(lab),
    }
}

fn last_dice(run: &Run) -> Option<f64> {
    run.validations.last()?.mean_dice
}

fn alone(lab: &Lab) -> String {
    let Some(run) = lab.active_run().filter(|run| run.name == QUESTION) else {
        return "It is being prepared.".to_owned();
    };
    let step = run.steps.last().map_or(0, |point| point.step);
    let (first, now) = (run.validations.first(), run.validations.last());
    match (first, now, last_dice(run)) {
        (Some(first), Some(now), Some(dice)) => format!(
            "Step {step} of {}: validation loss {:.3} at first, {:.3} now; mean Dice {dice:.3}.",
            run.total_steps, first.loss, now.loss
        ),
        _ => format!("Step {step} of {}.", run.total_steps),
    }
}

fn pair(lab: &Lab) -> String {
    let head = "The same network from the same weights, on the same images: the question's loss, and \
                beside it the repaired one (softmax, one-hot, each class scored on its own).";
    let runs: Vec<&Run> = (lab.pair.iter().flat_map(|pair| &pair.ids))
        .filter_map(|id| lab.runs.iter().find(|run| &run.id == id))
        .collect();
    let scores: Vec<f64> = runs.iter().filter_map(|run| last_dice(run)).collect();
    match scores[..] {
        [mistake, fixed] => format!(
            "{head} Mean Dice so far: {mistake:.3} and {fixed:.3}. More such pairs are in the museum; \
             your own images open with Ctrl+O."
        ),
        _ => format!("{head} Both are being prepared."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_the_tour_fit_its_preset_and_its_twin() {
        let found = Preset::bundled().into_iter().find(|p| p.name == QUESTION);
        let mut question = found.unwrap();
        for (key, value) in SMALL {
            question.config.set(key, value).unwrap();
        }
        assert!(question.pair(&question.config).is_ok());
    }
}
