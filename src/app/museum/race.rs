//! A mistake and its fixed twin beside one another: findings, curves and pictures, while they train
//! and afterwards.

use egui::{Panel, RichText, Ui, vec2};

use super::super::compare::strip;
use super::super::{App, Tab, theme, view};
use crate::doctor::symptom::{Seen, judge};
use crate::experiment::Preset;
use crate::lab::pace::pace;
use crate::run::Run;

pub fn show(app: &mut App, ui: &mut Ui) {
    let App {
        lab,
        compare,
        plots,
        museum,
        tab,
        runs: table,
        ..
    } = app;
    let Some(pair) = &lab.pair else {
        return;
    };
    ui.horizontal_wrapped(|ui| {
        let back = ui.button("◀ All exhibits");
        if back
            .on_hover_text("Back to the cards; the training goes on")
            .clicked()
        {
            museum.cards = true;
        }
        ui.label(RichText::new(&pair.exhibit.about).strong().size(16.0));
    });
    ui.label(RichText::new(&pair.exhibit.symptom).weak());
    ui.add_space(4.0);
    let runs: Vec<&Run> = (pair.ids.iter())
        .filter_map(|id| lab.runs.iter().find(|run| &run.id == id))
        .collect();
    let [mistake, fixed] = runs[..] else {
        ui.vertical_centered(|ui| {
            ui.add_space(ui.available_height() * 0.3);
            ui.heading(if pair.is_waiting() {
                "The images of this exhibit are being opened"
            } else {
                "Both networks are being prepared"
            });
        });
        return;
    };
    ui.columns(2, |columns| {
        lane(&mut columns[0], "✖ The mistake", false, mistake);
        lane(&mut columns[1], "✔ The fixed twin", true, fixed);
    });
    claims(ui, &pair.exhibit, mistake, fixed);
    let mut again = false;
    ui.horizontal_wrapped(|ui| {
        let free = !lab.is_busy();
        again = ui
            .add_enabled(free, egui::Button::new("▶ Run again"))
            .on_hover_text("Race this pair once more, from the same weights")
            .on_disabled_hover_text("A training is running.")
            .clicked();
        let more = ui.button("Compare closely").on_hover_text(
            "Both runs on the Compare tab: errors, swipe, blink, every image, every moment",
        );
        if more.clicked() {
            table.ticked = pair.ids.iter().cloned().collect();
            *tab = Tab::Compare;
        }
    });
    if again {
        let exhibit = pair.exhibit.clone();
        app.race_pair(&exhibit);
        return;
    }
    let space = ui.available_height();
    Panel::bottom("pictures of the pair")
        .resizable(true)
        .default_size(space * 0.52)
        .size_range(120.0..=(space - 150.0).max(121.0))
        .show(ui, |ui| {
            // Before the first pictures there is little to see: the panel is to stay as it is.
            ui.set_min_height(ui.available_height());
            let titles = ["mistake".to_owned(), "fixed".to_owned()];
            let space = vec2(ui.available_width(), ui.available_height());
            strip::show(compare, lab, ui, &[mistake, fixed], &titles, space);
        });
    plots.ui(ui, &[mistake, fixed]);
}

/// What the exhibit says of its run, beside the numbers so far.
fn claims(ui: &mut Ui, exhibit: &Preset, mistake: &Run, fixed: &Run) {
    let of = |run| Seen {
        run: Some(run),
        ..Seen::default()
    };
    for claim in exhibit.shows.iter().filter(|c| c.measure.needs_run()) {
        let verdict = judge(claim, of(mistake), of(fixed));
        let (Some(shown), Some(a), Some(b)) = (verdict.shown, verdict.mistake, verdict.twin) else {
            continue;
        };
        let (mark, color) = match shown {
            true => ("✔ seen", theme::good(ui)),
            false => ("… not yet", ui.visuals().weak_text_color()),
        };
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(mark).color(color));
            ui.label(format!("{}: {a:.3}, the twin {b:.3}", verdict.sentence))
                .on_hover_text("What this exhibit claims to show, at the last validation of both");
        });
    }
}

/// Where one of the two stands, and what the doctor said while it trained.
fn lane(ui: &mut Ui, title: &str, good: bool, run: &Run) {
    let color = if good {
        theme::good(ui)
    } else {
        theme::bad(ui)
    };
    egui::Frame::group(ui.style()).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            let ground = view::color::run_color(ui.ctx(), &run.id);
            let line = view::color::on_ground(ground, ui.visuals().dark_mode);
            let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), egui::Sense::hover());
            ui.painter().rect_filled(rect, 2.0, line);
            ui.label(RichText::new(title).strong().color(color))
                .on_hover_text(&run.name);
            let pace = pace(run);
            ui.label(format!("step {} of {}", pace.step, pace.total));
            if let Some(last) = run.validations.last() {
                ui.separator();
                ui.label(format!("loss {:.3}", last.loss))
                    .on_hover_text("Loss over the validation images, at the last validation");
                let dice = view::readout::score(last.mean_dice);
                ui.label(format!("mean Dice {dice}")).on_hover_text(
                    "Mean Dice over the classes of the validation images, at the last validation",
                );
            }
            if run.outcome.is_some() {
                ui.weak(view::summary::outcome(run).0);
            }
        });
        match run.findings.last() {
            None => {
                ui.weak("The doctor has seen nothing while it trains.");
            }
            Some((step, finding)) => {
                let text = format!("⚠ step {step}: {}", finding.message);
                ui.add(egui::Label::new(RichText::new(text).color(theme::warn(ui))).truncate())
                    .on_hover_text(&finding.message);
            }
        }
    });
}
