//! The bar at the top (menu, training, progress), the line at the bottom, and small windows.

use egui::{Button, RichText, Ui};

use super::commands::{self, Menu};
use super::{App, Tab, theme};
use crate::finding::counted;
use crate::lab::notices::{Level, Notices};
use crate::lab::pace::{clock, in_turns, pace};
use crate::run::Run;
use crate::train::device::tuning;

pub fn show(app: &mut App, ui: &mut Ui) {
    ui.add_space(2.0);
    ui.horizontal_wrapped(|ui| {
        menus(app, ui);
        ui.separator();
        buttons(app, ui);
        ui.separator();
        progress(app, ui);
    });
    ui.add_space(2.0);
}

/// The menus, out of the list of commands; recent folders come from the settings.
fn menus(app: &mut App, ui: &mut Ui) {
    let ctx = ui.ctx().clone();
    for menu in Menu::ALL {
        ui.menu_button(menu.name(), |ui| {
            for command in commands::all().filter(|command| command.menu == menu) {
                let obstacle = (command.obstacle)(app);
                let button = Button::new(command.name).shortcut_text(command.keys.text(&ctx));
                let response = ui
                    .add_enabled(obstacle.is_none(), button)
                    .on_hover_text(command.help)
                    .on_disabled_hover_text(obstacle.unwrap_or_default());
                if response.clicked() {
                    command.carry_out(app, &ctx);
                    ui.close();
                }
            }
            if menu == Menu::File {
                recent(app, ui);
            }
        });
    }
}

fn recent(app: &mut App, ui: &mut Ui) {
    let recent = app.lab.settings.recent.clone();
    ui.menu_button("Recent", |ui| {
        if recent.is_empty() {
            ui.weak("nothing yet");
        }
        for path in recent {
            if ui.button(&path).clicked() {
                app.lab.open(&path);
                ui.close();
            }
        }
    });
}

fn buttons(app: &mut App, ui: &mut Ui) {
    if app.lab.is_busy() {
        let (text, help) = if app.lab.is_paused() {
            ("▶ Resume", "Go on training (Space)")
        } else {
            ("⏸ Pause", "Pause after this step (Space)")
        };
        let ready = !app.lab.is_stopping();
        if ui
            .add_enabled(ready, Button::new(text))
            .on_hover_text(help)
            .clicked()
        {
            app.lab.pause_or_resume();
        }
        let stop = ui.add_enabled(ready, Button::new("⏹ Stop"));
        if stop
            .on_hover_text("End the run and keep what was learned (Ctrl+.)")
            .clicked()
        {
            app.lab.stop();
        }
        return;
    }
    let obstacle = app.lab.obstacle();
    let button = Button::new(
        RichText::new("▶ Train")
            .color(egui::Color32::WHITE)
            .strong(),
    )
    .fill(theme::ACTION);
    let response = ui.add_enabled(obstacle.is_none(), button);
    let response = response.on_hover_text("Train these settings on this dataset (Ctrl+Enter)");
    let response = match obstacle {
        Some(text) => response.on_disabled_hover_text(text),
        None => response,
    };
    if response.clicked() {
        app.start_training();
    }
    let race = ui
        .button("🏁 Race…")
        .on_hover_text("Train several losses from the same weights and batches");
    if race.clicked() {
        app.race.open = !app.race.open;
    }
}

fn progress(app: &App, ui: &mut Ui) {
    let Some(run) = app.lab.active_run() else {
        ui.weak(format!("preset: {}", app.lab.preset_name()));
        return;
    };
    let pace = pace(run);
    let share = if pace.total > 0 {
        pace.step as f32 / pace.total as f32
    } else {
        0.0
    };
    let bar = egui::ProgressBar::new(share)
        .desired_width(150.0)
        .text(format!("{} / {}", pace.step, pace.total));
    ui.add(bar).on_hover_text("Updates made, of all updates");
    ui.label(format!("epoch {:.1}", pace.epoch));
    if let Some(point) = run.steps.last() {
        ui.label(format!("loss {:.4}", point.loss))
            .on_hover_text("Training loss of the last step");
    }
    if let Some(best) = run.best.and_then(|best| run.validations[best].mean_dice) {
        ui.label(format!("best Dice {best:.3}")).on_hover_text(
            "Best mean Dice over the validation set, as torchmetrics' DiceScore (global, \
                 macro) reports it",
        );
    }
    if let Some(kernels) = app.lab.tuning() {
        let progress = tuning::progress(kernels, &run.config.model);
        ui.colored_label(theme::warn(ui), format!("tuning kernels: {progress}"))
            .on_hover_text(
                "This GPU is given the fastest kernel for each shape: once, then it is kept on disk",
            );
        ui.ctx()
            .request_repaint_after(std::time::Duration::from_secs(1));
    }
    if app.lab.is_busy() {
        let lanes = app.lab.lanes().into_iter();
        let going: Vec<&Run> = lanes
            .filter(|(lane, _)| !app.lab.is_held(*lane))
            .map(|(_, run)| run)
            .collect();
        let (speed, left) = match going.len() {
            0 | 1 => (pace.steps_per_second, pace.left),
            _ => in_turns(&going),
        };
        if let Some(speed) = speed {
            ui.label(format!("{speed:.1} it/s"))
                .on_hover_text("Steps a second of each run that trains, validation included");
        }
        if app.lab.is_paused() {
            ui.colored_label(theme::warn(ui), "paused");
        } else if let Some(left) = left {
            ui.label(format!("{} left", clock(left)));
        }
    }
    ui.weak(&run.device)
        .on_hover_text("Where this run is computed");
    if let Some(traffic) = app.lab.traffic(&run.id) {
        ui.weak(format!("{traffic} a step")).on_hover_text(
            "What a step starts on the GPU, and how often it waits for numbers from it. Those of a \
             step are read while the next is computed.",
        );
    }
}

/// The line at the bottom.
pub fn status(app: &mut App, ui: &mut Ui) {
    ui.horizontal(|ui| {
        if let Some(dataset) = app.lab.dataset() {
            let problems = dataset.findings.len();
            ui.label(format!(
                "{}: {}, {}",
                dataset.layout,
                counted(dataset.items.len(), ["image", "images"]),
                counted(dataset.classes.len(), ["class", "classes"])
            ));
            let said = counted(problems, ["finding", "findings"]);
            if problems > 0
                && ui
                    .link(RichText::new(said).color(theme::warn(ui)))
                    .on_hover_text("Show them")
                    .clicked()
            {
                app.tab = Tab::Data;
            }
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui
                .small_button("? keys")
                .on_hover_text("List of keyboard shortcuts")
                .clicked()
            {
                app.windows.keys = !app.windows.keys;
            }
            let messages = match app.lab.notices.all().len() {
                0 => "no messages".to_owned(),
                some => counted(some, ["message", "messages"]),
            };
            if ui
                .small_button(messages)
                .on_hover_text("Everything that was said")
                .clicked()
            {
                app.windows.notices = !app.windows.notices;
            }
        });
    });
}

/// Everything that was said since the start.
pub fn notices_window(ctx: &egui::Context, open: &mut bool, notices: &Notices) {
    egui::Window::new("Messages")
        .open(open)
        // Above the button that opens it.
        .pivot(egui::Align2::RIGHT_BOTTOM)
        .default_pos(ctx.content_rect().right_bottom() - egui::vec2(12.0, 36.0))
        .default_size([420.0, 260.0])
        .show(ctx, |ui| {
            egui::ScrollArea::vertical()
                .stick_to_bottom(true)
                .auto_shrink(false)
                .show(ui, |ui| {
                    if notices.all().is_empty() {
                        ui.weak("Nothing has been said yet.");
                    }
                    for notice in notices.all() {
                        let color = match notice.level {
                            Level::Info => ui.visuals().text_color(),
                            Level::Success => theme::good(ui),
                            Level::Warning => theme::warn(ui),
                            Level::Error => theme::bad(ui),
                        };
                        ui.horizontal_wrapped(|ui| {
                            if let Ok(at) = jiff::Timestamp::try_from(notice.at) {
                                let local = at.to_zoned(jiff::tz::TimeZone::system());
                                ui.weak(local.strftime("%H:%M:%S").to_string());
                            }
                            ui.colored_label(color, &notice.text);
                        });
                    }
                });
        });
}

pub fn about_window(ctx: &egui::Context, open: &mut bool) {
    egui::Window::new("About")
        .open(open)
        .pivot(egui::Align2::CENTER_CENTER)
        .default_pos(ctx.content_rect().center())
        .resizable(false)
        .show(ctx, |ui| {
            ui.heading("Dicebench");
            ui.label(format!("version {}", env!("CARGO_PKG_VERSION")));
            ui.label("See what a segmentation loss really does, on your own images.");
        });
}
