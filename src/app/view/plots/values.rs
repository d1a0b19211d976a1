//! The table of exact values under the cursor, for reading off and taking along.

use egui::{Panel, RichText, Sense, Ui, vec2};

use super::{Plots, Shown, class_names};
use crate::app::view::readout::exact;
use crate::app::view::series::nearest;
use crate::run::StepPoint;

/// One run's values at the cursor, as text.
type Row = Vec<String>;

impl Plots {
    /// Draws the table below the plots.
    pub(super) fn values(&mut self, ui: &mut Ui, shown: &[Shown], cursor: Option<f64>) {
        let heading = self.heading(shown);
        Panel::bottom("exact values")
            .resizable(true)
            .default_size((40.0 + 24.0 * shown.len() as f32).clamp(64.0, 170.0))
            .show(ui, |ui| {
                let Some(x) = cursor else {
                    ui.weak("Point at a plot to read off its values; a click fastens the cursor.");
                    return;
                };
                let rows: Vec<Row> = shown.iter().map(|s| self.row(s, shown, x)).collect();
                ui.horizontal(|ui| {
                    ui.label(RichText::new(self.along.describe(x)).strong());
                    if self.pinned.is_some() {
                        let free = ui.small_button("Let go").on_hover_text(
                            "The cursor follows the pointer again (Esc, or a click in a plot).",
                        );
                        if free.clicked() {
                            self.pinned = None;
                        }
                    } else {
                        ui.weak("click in a plot to stay here");
                    }
                    let copy = ui
                        .small_button("Copy values")
                        .on_hover_text("Copy this table, tab-separated: for a spreadsheet.");
                    if copy.clicked() {
                        let lines: Vec<String> = std::iter::once(&heading)
                            .chain(&rows)
                            .map(|row| row.join("\t"))
                            .collect();
                        ui.ctx().copy_text(lines.join("\n") + "\n");
                    }
                });
                egui::ScrollArea::both().auto_shrink(false).show(ui, |ui| {
                    egui::Grid::new("exact values of runs")
                        .striped(true)
                        .spacing(vec2(14.0, 3.0))
                        .show(ui, |ui| {
                            for title in &heading {
                                ui.label(RichText::new(title).strong());
                            }
                            ui.end_row();
                            for (s, row) in shown.iter().zip(&rows) {
                                for (at, cell) in row.iter().enumerate() {
                                    if at > 0 {
                                        ui.monospace(cell);
                                        continue;
                                    }
                                    ui.horizontal(|ui| {
                                        let (rect, _) =
                                            ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
                                        ui.painter().rect_filled(rect, 2.0, s.color);
                                        ui.label(cell);
                                    });
                                }
                                ui.end_row();
                            }
                        });
                });
            });
    }

    fn heading(&self, shown: &[Shown]) -> Row {
        let fixed = [
            "run",
            "step",
            "seconds",
            "training loss",
            "smoothed",
            "gradient norm",
            "learning rate",
            "validated at",
            "validation loss",
        ];
        let score = self.score.name();
        let mut heading: Row = fixed.map(str::to_owned).into();
        heading.push(format!("mean {score}"));
        heading.extend(
            class_names(shown)
                .iter()
                .map(|name| format!("{score} {name}")),
        );
        heading
    }

    fn row(&self, s: &Shown, shown: &[Shown], x: f64) -> Row {
        let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), exact);
        let run = s.run;
        let place = |p: &StepPoint| self.along.place(run, p.step, p.secs);
        let at = nearest(&run.steps, x, place);
        let point = at.map(|at| run.steps[at]);
        let series = self.series.get(&run.id);
        let validated = self.validation_at(run, x);
        let validation = validated.map(|at| &run.validations[at]);
        let whole =
            |step: Option<u64>| step.map_or_else(|| "–".to_owned(), |step| step.to_string());
        let mut row = vec![
            s.name.clone(),
            whole(point.map(|p| p.step)),
            number(point.map(|p| p.secs)),
            number(point.map(|p| p.loss)),
            number(at.and_then(|at| series?.smoothed(at))),
            number(point.map(|p| p.grad_norm)),
            number(point.map(|p| p.learning_rate)),
            whole(validation.map(|v| v.step)),
            number(validation.map(|v| v.loss)),
            number(validated.and_then(|at| series?.mean_score(run, self.score, at))),
        ];
        for name in class_names(shown) {
            let class = run.classes.iter().position(|class| *class == name);
            let score = || series?.class_score(run, self.score, validated?, class?);
            row.push(number(score()));
        }
        row
    }
}
