//! What of the race is running, lane by lane, and the races that wait.

use egui::{RichText, Ui};

use super::theme;
use crate::finding::counted;
use crate::lab::Lab;
use crate::lab::pace::{clock, in_turns, pace};
use crate::run::Run;

/// The lanes that train now, each with how far it is and buttons to let it wait or end it.
pub fn running(ui: &mut Ui, lab: &mut Lab) {
    let (mut dropped, mut held) = (None, None);
    let lanes = lab.lanes();
    if lanes.is_empty() {
        return;
    }
    ui.label(RichText::new("Running").strong());
    egui::Grid::new("running lanes")
        .num_columns(5)
        .spacing([12.0, 4.0])
        .striped(true)
        .show(ui, |ui| {
            for (index, run) in lanes {
                let pace = pace(run);
                ui.label(&run.name);
                let share = pace.step as f32 / pace.total.max(1) as f32;
                let text = format!("{} / {}", pace.step, pace.total);
                ui.add(
                    egui::ProgressBar::new(share)
                        .desired_width(140.0)
                        .text(text),
                );
                let best = run.best.and_then(|best| run.validations[best].mean_dice);
                ui.label(best.map_or_else(|| "–".to_owned(), |dice| format!("Dice {dice:.3}")))
                    .on_hover_text("Best mean Dice so far");
                let waits = lab.is_held(index);
                let (text, help, word) = if waits {
                    (
                        "▶ Go on",
                        "Train this lane on from where it stands",
                        "Go on with",
                    )
                } else {
                    (
                        "⏸ Pause",
                        "Let this lane alone wait; the others go on, and it goes on later as if it \
                         had not waited",
                        "Pause",
                    )
                };
                let pause = ui.small_button(text).on_hover_text(help);
                pause.widget_info(|| {
                    let text = format!("{word} lane {}", run.name);
                    egui::WidgetInfo::labeled(egui::Role::Button, true, text)
                });
                if pause.clicked() {
                    held = Some((index, !waits));
                }
                let drop = ui
                    .small_button("⏹ Drop")
                    .on_hover_text("End this lane alone; what it learned is kept");
                drop.widget_info(|| {
                    let text = format!("Drop lane {}", run.name);
                    egui::WidgetInfo::labeled(egui::Role::Button, true, text)
                });
                if drop.clicked() {
                    dropped = Some(index);
                }
                ui.end_row();
            }
        });
    if let Some(index) = dropped {
        lab.drop_lane(index);
    }
    if let Some((index, held)) = held {
        lab.hold_lane(index, held);
    }
    ui.separator();
}

/// Seconds that what waits will take at the speed of what trains now.
fn left(lab: &Lab) -> Option<f64> {
    let lanes = lab.lanes();
    let runs: Vec<&Run> = lanes.iter().map(|(_, run)| *run).collect();
    let first = runs.first()?;
    let (rounds, left) = in_turns(&runs);
    // In a round every lane makes one step.
    let per_step = 1.0 / (rounds? * runs.len() as f64);
    let waiting: u64 = (lab.racing.waiting())
        .flat_map(|race| &race.lanes)
        .map(|lane| lane.config.train.total_steps(first.steps_per_epoch))
        .sum();
    Some(left? + waiting as f64 * per_step)
}

/// The races that wait.
pub fn waiting(ui: &mut Ui, lab: &mut Lab) {
    let races = lab.racing.waiting().count();
    if races == 0 {
        return;
    }
    let lanes: usize = lab.racing.waiting().map(|race| race.lanes.len()).sum();
    ui.horizontal(|ui| {
        let races = counted(races, ["race", "races"]);
        let lanes = counted(lanes, ["lane", "lanes"]);
        ui.label(RichText::new(format!("Waiting: {races}, {lanes}")).strong());
        if let Some(secs) = left(lab) {
            ui.weak(format!("all done in about {}", clock(secs)))
                .on_hover_text("At the speed of what trains now");
        }
        if lab.racing.is_going() {
            let hold = ui.button("⏸ Hold the queue");
            if hold
                .on_hover_text("What trains goes on; nothing starts after it")
                .clicked()
            {
                lab.hold();
            }
        } else {
            let go = ui.button("▶ Go on with the queue");
            if go
                .on_hover_text("Train what waits, race after race")
                .clicked()
            {
                lab.go_on();
            }
            ui.colored_label(theme::warn(ui), "held");
        }
    });
    let mut gone = None;
    for race in lab.racing.waiting() {
        ui.horizontal(|ui| {
            let remove = ui
                .small_button("🗙")
                .on_hover_text("Take this race out of the queue");
            remove.widget_info(|| {
                let text = format!("Take race {} out", race.id);
                egui::WidgetInfo::labeled(egui::Role::Button, true, text)
            });
            if remove.clicked() {
                gone = Some(race.id);
            }
            let names: Vec<&str> = race.lanes.iter().map(|lane| lane.name.as_str()).collect();
            ui.add(egui::Label::new(names.join("  ·  ")).truncate());
        });
    }
    if let Some(id) = gone {
        lab.remove_waiting(id);
    }
    ui.separator();
}
