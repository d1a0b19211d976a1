//! Above the pictures of the Compare tab: which image, in which order, at which epoch, how it is shown.

use egui::{RichText, Role, Ui, WidgetInfo, vec2};

use super::Compare;
use super::files::Asked;
use crate::app::commands::sheet;
use crate::app::view::chip::{keep_together, part};
use crate::app::view::versus::{Mode, Show};
use crate::app::{Tab, theme};
use crate::param::Choice;
use crate::run::Run;
use crate::run::versus::{Order, Ranked};

/// The image chooser. `by` so many images it goes on, or back; returns the place in the order.
pub fn step_image(
    compare: &mut Compare,
    ui: &mut Ui,
    (at, by): (usize, i64),
    names: &[String],
    ranked: &[Ranked],
) -> usize {
    let last = ranked.len().saturating_sub(1);
    let mut to = at.saturating_add_signed(by as isize).min(last);
    ui.horizontal(|ui| {
        for (sign, target, name, key) in [
            ("◀", at.saturating_sub(1), "Previous image", "arrow left"),
            ("▶", (at + 1).min(last), "Next image", "arrow right"),
        ] {
            let button = egui::Button::new(sign).min_size(vec2(24.0, 0.0));
            let response = ui
                .add_enabled(target != at, button)
                .on_hover_text(format!("{name} in this order ({key})"))
                .on_disabled_hover_text("There is no further image on this side.");
            response.widget_info(|| WidgetInfo::labeled(Role::Button, target != at, name));
            if response.clicked() {
                to = target;
            }
        }
        let shown = ranked.get(to).and_then(|r| names.get(r.position));
        match shown {
            Some(name) => {
                ui.strong(name);
                ui.label(format!("{} of {}", to + 1, ranked.len()));
            }
            None => {
                ui.colored_label(theme::warn(ui), "no image in this order");
            }
        }
        ui.separator();
        for (order, name, help) in [
            (
                Order::Split,
                "As in the split",
                "Images in the order of the validation split (O).",
            ),
            (
                Order::Worst,
                "Worst first",
                "Lowest mean Dice of run A first (W).",
            ),
            (
                Order::Difference,
                "Biggest difference first",
                "Images on which the runs' mean Dice differ most first (F).",
            ),
        ] {
            let response = ui.selectable_label(compare.order == order, name);
            if response.on_hover_text(help).clicked() {
                (compare.order, compare.image) = (order, None);
                to = 0;
            }
        }
        if matches!(compare.order, Order::Class(_) | Order::Cell { .. }) {
            let name = match compare.order {
                Order::Class(_) => "By class",
                _ => "By mistake",
            };
            ui.selectable_label(true, name)
                .on_hover_text("Chosen in the confusion matrix on the right.");
        }
        keys(ui);
    });
    if to != at {
        compare.image = ranked
            .get(to)
            .and_then(|ranked| names.get(ranked.position))
            .cloned();
    }
    to
}

/// Points that a chooser of a run takes.
const PAIR: f32 = 170.0;

pub fn controls(
    compare: &mut Compare,
    ui: &mut Ui,
    runs: &[&Run],
    titles: &[String],
    [a, b]: [usize; 2],
) {
    ui.horizontal_wrapped(|ui| {
        for (mode, help) in Mode::ALL.iter().zip(compare.mode.helps()) {
            let possible = *mode == Mode::Grid || runs.len() > 1;
            let button = egui::Button::selectable(compare.mode == *mode, mode.name());
            let response = ui
                .add_enabled(possible, button)
                .on_hover_text(*help)
                .on_disabled_hover_text("Needs two runs: tick another in the Runs tab.");
            if response.clicked() {
                compare.mode = *mode;
            }
        }
        if compare.mode != Mode::Disagree {
            ui.separator();
            for (show, help) in Show::ALL.iter().zip(compare.show.helps()) {
                ui.selectable_value(&mut compare.show, *show, show.name())
                    .on_hover_text(*help);
            }
        }
        if runs.len() > 1 {
            part(ui, PAIR);
            for (side, (letter, at)) in [("A", a), ("B", b)].into_iter().enumerate() {
                keep_together(ui, PAIR);
                let combo = egui::ComboBox::from_id_salt(("run of the pair", side))
                    .width(150.0)
                    .truncate()
                    .selected_text(format!("{letter}: {}", titles[at]))
                    .show_ui(ui, |ui| {
                        for (run, title) in runs.iter().zip(titles) {
                            if ui.selectable_label(run.id == runs[at].id, title).clicked() {
                                compare.pair[side] = Some(run.id.clone());
                            }
                        }
                    });
                let label = format!("Run {letter}");
                (combo.response).widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &label));
                combo.response.on_hover_text(format!(
                    "{letter} of swipe, blink and disagreement; A also orders the images (X swaps)."
                ));
            }
        }
        let room = if compare.mode == Mode::Blink {
            190.0
        } else {
            290.0
        };
        part(ui, room);
        if compare.mode == Mode::Blink {
            ui.checkbox(&mut compare.blinking, "By itself")
                .on_hover_text("Take turns by itself; T changes by hand.");
            let label = ui.label("every");
            ui.add_enabled(
                compare.blinking,
                egui::DragValue::new(&mut compare.period)
                    .range(0.2..=3.0)
                    .speed(0.02)
                    .suffix(" s"),
            )
            .labelled_by(label.id)
            .on_hover_text("Seconds that each of the two is in front (default 0.6).");
        } else {
            let label = ui.label("Opacity");
            ui.spacing_mut().slider_width = 60.0;
            let slider = egui::Slider::new(&mut compare.opacity, 0.0..=1.0).fixed_decimals(2);
            ui.add_enabled(!compare.contours, slider)
                .labelled_by(label.id)
                .on_hover_text("How far the classes cover the photograph (default 0.60).");
            ui.checkbox(&mut compare.contours, "Contours")
                .on_hover_text("Draw only the borders of the classes (default off; K).");
        }
        keep_together(ui, 60.0);
        save_menu(compare, ui);
        if compare.left_out > 0 {
            let ticked = runs.len() + compare.left_out;
            ui.weak(format!("the oldest {} of {ticked} ticked runs", runs.len()))
                .on_hover_text("More pictures would be too small: untick some in the Runs tab.");
        }
    });
}

/// The one slider over the validations of all runs.
pub fn moments(compare: &mut Compare, ui: &mut Ui, runs: &[&Run], steps: &[u64], step: u64) {
    ui.horizontal(|ui| {
        let label = ui.label("Epoch");
        let last = steps.len().saturating_sub(1);
        let mut at = steps.iter().position(|s| *s == step).unwrap_or(last);
        let per_epoch = runs[0].steps_per_epoch.max(1);
        let words = format!("{:.1} · step {step}", step as f64 / per_epoch as f64);
        ui.spacing_mut().slider_width = (ui.available_width() - 240.0).max(80.0);
        let response = ui.add_enabled(
            last > 0,
            egui::Slider::new(&mut at, 0..=last).show_value(false),
        );
        response.clone().labelled_by(label.id).on_hover_text(
            "The validation that is shown, for all runs at once (arrow up and down, Home, End). \
                 At the right end the newest is followed.",
        );
        if response.changed() {
            compare.moment = steps.get(at).copied().filter(|_| at < last);
        }
        ui.label(RichText::new(words).monospace())
            .on_hover_text("Passes over the training images, and updates made");
        if compare.moment.is_none() {
            ui.weak("newest");
        }
    });
}

fn save_menu(compare: &mut Compare, ui: &mut Ui) {
    let menu = ui.menu_button("Save", |ui| {
        for (asked, text, help) in [
            (
                Asked::Svg,
                "Pictures as SVG…",
                "The panes as they are chosen now, unzoomed, with names, epochs, scores and the meaning of the colours; letters stay text.",
            ),
            (
                Asked::Png,
                "Pictures as PNG…",
                "The same, pixel by pixel.",
            ),
            (
                Asked::Csv,
                "Scores as CSV…",
                "Mean Dice of each image in each run, in the order shown.",
            ),
            (
                Asked::Json,
                "Scores as JSON…",
                "Mean Dice of each image in each run, in the order shown.",
            ),
        ] {
            if ui.button(text).on_hover_text(help).clicked() {
                compare.asked = Some(asked);
                ui.close();
            }
        }
    });
    menu.response
        .on_hover_text("What is compared here as files.");
}

/// What the keyboard does here, under the pointer.
fn keys(ui: &mut Ui) {
    ui.label(RichText::new("keys").weak().underline())
        .on_hover_ui(|ui| {
            let keys = sheet::of(ui.ctx(), Some(Tab::Compare));
            // Two columns: one would be taller than a small window.
            egui::Grid::new("keys of the comparison")
                .num_columns(4)
                .spacing([12.0, 2.0])
                .show(ui, |ui| {
                    let half = keys.len().div_ceil(2);
                    for at in 0..half {
                        for (key, name) in [keys.get(at), keys.get(half + at)].into_iter().flatten()
                        {
                            ui.strong(key);
                            ui.label(*name);
                        }
                        ui.end_row();
                    }
                });
        });
}
