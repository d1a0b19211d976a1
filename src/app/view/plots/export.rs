//! Plots and their values as files: what is on the screen, on a white ground.

use egui::Ui;

use super::grouped::Lot;
use super::{Plots, Shown, TRAINING, Which, class_names};
use crate::app::view::color::{OKABE_ITO, on_ground, run_color};
use crate::app::view::save::{self, Save};
use crate::app::view::series::Trace;
use crate::export::chart::{Chart, Figure, Line};
use crate::run::Run;
use crate::run::group::Spread;

const SIZE: (u32, u32) = (760, 440);
/// Pixels to a point of a PNG.
const SCALE: u32 = 2;

/// What was chosen in the menu.
enum Asked {
    Svg(Which),
    Png(Which),
    Csv,
    Json,
}

impl Plots {
    /// The menu; what is chosen waits in [`Plots::saves`].
    pub(super) fn save_menu(&mut self, ui: &mut Ui, shown: &[Shown], lots: &[Lot]) {
        let mut asked = None;
        let menu = ui.menu_button("Save", |ui| {
            let mut all = vec![Which::Loss, Which::Score];
            all.extend(class_names(shown).into_iter().map(Which::Class));
            egui::ScrollArea::vertical()
                .max_height(300.0)
                .show(ui, |ui| {
                    for which in all {
                        let name = self.name(&which);
                        ui.horizontal(|ui| {
                            let svg = ui
                                .button(format!("{name} as SVG…"))
                                .on_hover_text("Lines and letters that stay sharp at any size.");
                            let png = ui
                                .button("PNG…")
                                .on_hover_text("Pixels, on a white ground.");
                            png.widget_info(|| {
                                let label = format!("{name} as PNG");
                                egui::WidgetInfo::labeled(egui::Role::Button, true, label)
                            });
                            if svg.clicked() {
                                asked = Some(Asked::Svg(which.clone()));
                            } else if png.clicked() {
                                asked = Some(Asked::Png(which));
                            }
                        });
                    }
                });
            ui.separator();
            for (name, ask) in [("CSV…", Asked::Csv), ("JSON…", Asked::Json)] {
                let button = ui.button(format!("All values as {name}")).on_hover_text(
                    "Every step and validation of the shown runs, with every digit.",
                );
                if button.clicked() {
                    asked = Some(ask);
                }
            }
            if asked.is_some() {
                ui.close();
            }
        });
        menu.response
            .on_hover_text("Plots as pictures, values as tables.");
        let Some(asked) = asked else {
            return;
        };
        let made = match asked {
            Asked::Svg(which) => self.drawn(ui, shown, lots, &which, |chart| {
                chart.svg().map(|text| ("svg", text.into_bytes()))
            }),
            Asked::Png(which) => self.drawn(ui, shown, lots, &which, |chart| {
                chart.png(SCALE).map(|bytes| ("png", bytes))
            }),
            Asked::Csv => save::csv(&values(shown)).map(|bytes| Save::new("values", "csv", bytes)),
            Asked::Json => {
                save::json(&values(shown)).map(|bytes| Save::new("values", "json", bytes))
            }
        };
        self.saves.push(made);
    }

    /// One plot as it is looked at now.
    fn drawn(
        &mut self,
        ui: &Ui,
        shown: &[Shown],
        lots: &[Lot],
        which: &Which,
        draw: impl Fn(&Chart) -> Result<(&'static str, Vec<u8>), String>,
    ) -> Result<Save, String> {
        let view = self.view(which, shown.len());
        let rgb = |color: egui::Color32| [color.r(), color.g(), color.b()];
        let mut lines = Vec::new();
        if lots.is_empty() {
            if *which == Which::Loss && !self.hidden.contains(TRAINING) {
                for (trace, faint) in [(Trace::Raw, true), (Trace::Smooth, false)] {
                    for s in shown {
                        let Some(series) = self.series.get_mut(&s.run.id) else {
                            continue;
                        };
                        series.prepare(s.run, trace, view);
                        let points = series.points(trace).iter();
                        lines.push(Line {
                            name: if faint { String::new() } else { s.name.clone() },
                            color: rgb(on_ground(run_color(ui.ctx(), &s.run.id), false)),
                            points: points.map(|p| (p.x, p.y)).collect(),
                            faint,
                            ..Line::default()
                        });
                    }
                }
            }
            // As on a white screen: strokes know their colours.
            for stroke in self.strokes(ui, shown, which, &view) {
                let dashed = stroke.style != egui_plot::LineStyle::Solid;
                lines.push(Line {
                    name: if *which == Which::Loss {
                        String::new()
                    } else {
                        stroke.name
                    },
                    color: on_white(stroke.color),
                    points: stroke.points.iter().map(|p| (p[0], p[1])).collect(),
                    dashed,
                    ..Line::default()
                });
            }
        } else {
            let curves = self.curves(lots, shown, which, &view);
            for (at, curve) in curves.iter().enumerate() {
                let color = OKABE_ITO[at % OKABE_ITO.len()];
                lines.extend(curve.lines(rgb(on_ground(color, false)), &view));
            }
        }
        if let Some((from, to)) = self.range {
            for line in &mut lines {
                line.points.retain(|(x, _)| (from..=to).contains(x));
                line.band.retain(|(x, _, _)| (from..=to).contains(x));
            }
        }
        let mut title = match which {
            Which::Score => format!("Mean {} over classes", self.score.name()),
            _ => self.name(which),
        };
        if !lots.is_empty() {
            let band = match self.spread {
                Spread::StandardDeviation => "one standard deviation",
                Spread::StandardError => "one standard error",
                Spread::MinMax => "worst to best run",
            };
            title += &format!(" (bands: {band})");
        }
        let chart = Chart {
            title,
            x: self.along.axis.unit().to_owned(),
            y: (*which != Which::Loss).then_some(0.0..1.0),
            size: SIZE,
            lines,
            log_x: self.along.log,
            log_y: view.log,
            legend: true,
            ..Chart::default()
        };
        let (ending, bytes) = draw(&chart)?;
        Ok(Save::new(&self.name(which), ending, bytes))
    }

    /// What is to be saved since the last call.
    pub fn take_saves(&mut self) -> Vec<Result<Save, String>> {
        std::mem::take(&mut self.saves)
    }
}

/// White lines are black on white.
fn on_white(color: egui::Color32) -> [u8; 3] {
    let shown = on_ground([color.r(), color.g(), color.b()], false);
    [shown.r(), shown.g(), shown.b()]
}

/// Everything that the plots draw, a row for each step and validation.
fn values(shown: &[Shown]) -> Vec<Vec<String>> {
    let classes = class_names(shown);
    let mut heading: Vec<String> = [
        "run",
        "name",
        "kind",
        "step",
        "epoch",
        "secs",
        "images",
        "loss",
        "learning_rate",
        "grad_norm",
        "mean_dice",
    ]
    .map(str::to_owned)
    .into();
    heading.extend(classes.iter().map(|class| format!("dice {class}")));
    let width = heading.len();
    let mut rows = vec![heading];
    let place = |run: &Run, kind: &str, step: u64, secs: f64| -> Vec<String> {
        let epoch = step as f64 / run.steps_per_epoch.max(1) as f64;
        let images = step * run.config.train.batch;
        vec![
            run.id.clone(),
            run.name.clone(),
            kind.to_owned(),
            step.to_string(),
            epoch.to_string(),
            secs.to_string(),
            images.to_string(),
        ]
    };
    let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    for s in shown {
        for p in &s.run.steps {
            let mut row = place(s.run, "training", p.step, p.secs);
            row.extend([p.loss, p.learning_rate, p.grad_norm].map(|v| v.to_string()));
            row.resize(width, String::new());
            rows.push(row);
        }
        for v in &s.run.validations {
            let mut row = place(s.run, "validation", v.step, v.secs);
            row.extend([
                v.loss.to_string(),
                String::new(),
                String::new(),
                number(v.mean_dice),
            ]);
            row.extend(classes.iter().map(|name| {
                let at = s.run.classes.iter().position(|class| class == name);
                number(at.and_then(|at| v.dice.get(at).copied()?))
            }));
            rows.push(row);
        }
    }
    rows
}
