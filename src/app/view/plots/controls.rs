//! The row above the plots: what the axes are, how much is smoothed, what is grouped.

use egui::{Key, Role, Ui, WidgetInfo};

use super::grouped::GroupBy;
use super::{MOST_SMOOTH, Plots};
use crate::app::view::chip::part;
use crate::app::view::series::{Score, XAxis};
use crate::param::Choice;
use crate::run::definitions::DEFINITIONS;
use crate::run::group::Spread;

impl Plots {
    pub(super) fn controls(&mut self, ui: &mut Ui, runs: usize) {
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("Smoothing");
            ui.spacing_mut().slider_width = 90.0;
            ui.add(egui::Slider::new(&mut self.smoothing, 0.0..=MOST_SMOOTH).fixed_decimals(2))
                .labelled_by(label.id)
                .on_hover_text(
                    "How far the strong line of the training loss looks back: share that the \
                     moving average keeps at each step. 0 is the raw loss; default 0.90.",
                );
            part(ui, 240.0);
            self.axes(ui);
            part(ui, 180.0);
            ui.selectable_value(&mut self.score, Score::Dice, "Dice")
                .on_hover_text(about(
                    "Score: 2·TP / (2·TP + FP + FN) over all validation pixels.",
                    "Dice, all pixels",
                ));
            ui.selectable_value(&mut self.score, Score::Iou, "IoU")
                .on_hover_text(about(
                    "Score: TP / (TP + FP + FN) over all validation pixels.",
                    "IoU, all pixels",
                ));
            ui.checkbox(&mut self.multiples, "Each class")
                .on_hover_text(
                    "A small plot for every class below the others (default off). All plots share \
                 the x axis and the cursor.",
                );
            if runs > 1 {
                part(ui, 260.0);
                self.grouping(ui);
            }
            part(ui, 160.0);
            ui.checkbox(&mut self.table, "Values").on_hover_text(
                "A table of the exact values under the cursor (default off). A click in a plot \
                 fastens the cursor, another click or Esc lets it go.",
            );
            let zoom = ui.button("Reset zoom").on_hover_text(
                "Show everything again, as a double click in a plot does. The wheel zooms, \
                 dragging moves, and dragging with the right button zooms into a box.",
            );
            if zoom.clicked() {
                self.reset = true;
            }
        });
        if self.pinned.is_some()
            && !ui.ctx().text_edit_focused()
            && ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, Key::Escape))
        {
            self.pinned = None;
        }
    }

    fn axes(&mut self, ui: &mut Ui) {
        for axis in XAxis::ALL {
            let over = match axis {
                XAxis::Steps => "Draw curves over training steps (default).",
                XAxis::Epochs => "Draw curves over passes through the training images.",
                XAxis::Time => "Draw curves over the time spent, pauses left out.",
                XAxis::Images => {
                    "Draw curves over the training images seen: steps times the batch size. Runs \
                     of different batches are compared fairly over this axis."
                }
            };
            let chosen = ui
                .selectable_value(&mut self.along.axis, axis, axis.name())
                .on_hover_text(over);
            if chosen.changed() {
                (self.reset, self.pinned) = (true, None);
            }
        }
        let wide = ui.checkbox(&mut self.along.log, "Log x").on_hover_text(
            "Logarithmic x axis: the first steps get as much room as the last thousands \
             (default off).",
        );
        if wide.changed() {
            (self.reset, self.pinned) = (true, None);
        }
        part(ui, 200.0);
        let log = ui.checkbox(&mut self.log, "Log loss").on_hover_text(
            "Logarithmic loss axis: small differences late in training become visible. \
             Losses of 0 and below have no place on it.",
        );
        let clip = ui.checkbox(&mut self.clip, "Clip outliers").on_hover_text(
            "Scale the loss axis to what is usual; single spikes are drawn at its edge as \
                 triangles (default off: they are drawn where they are, as rings). A spike lies \
                 more than three interquartile ranges away from the moving average before it.",
        );
        if log.changed() || clip.changed() {
            self.reset = true;
        }
    }

    fn grouping(&mut self, ui: &mut Ui) {
        let keys = &self.differing.1;
        let before = self.grouped_by();
        let mut group = before.clone();
        let combo = egui::ComboBox::from_id_salt("group runs by")
            .width(120.0)
            .truncate()
            .selected_text(group.name())
            .show_ui(ui, |ui| {
                for by in [GroupBy::Nothing, GroupBy::Repetitions] {
                    let name = by.name();
                    ui.selectable_value(&mut group, by, name);
                }
                for key in keys {
                    ui.selectable_value(&mut group, GroupBy::Key(key.clone()), key);
                }
            });
        (combo.response).widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Group runs by"));
        combo.response.on_hover_text(
            "Draw one line with a band for all runs that share the value of a setting: \
             repetitions (equal but for the seed), or any setting in which these runs differ.",
        );
        let single = group == GroupBy::Nothing;
        if group != *before {
            self.group = group;
        }
        if single {
            return;
        }
        for (spread, help) in Spread::ALL.iter().zip(self.spread.helps()) {
            ui.selectable_value(&mut self.spread, *spread, spread.name())
                .on_hover_text(format!("Band: {help}"));
        }
    }
}

/// What a score is, and which library reports it as the definition of this name does.
fn about(what: &str, name: &str) -> String {
    let definition = DEFINITIONS
        .iter()
        .find(|definition| definition.name == name);
    definition.map_or_else(
        || what.to_owned(),
        |definition| format!("{what}\n\nReported this way by: {}", definition.library),
    )
}
