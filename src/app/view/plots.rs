//! Curves of one or several runs: loss and scores, over one x axis, read off at one cursor.

use std::collections::{BTreeMap, BTreeSet};

use egui::{Align, Layout, Rangef, RichText, Role, Ui, Vec2b, WidgetInfo, vec2};
use egui_plot::{LineStyle, Plot, PlotPoint, PlotUi, VLine};

use super::chip::{Chip, legend};
use super::color::{class_color, on_ground, run_color};
use super::lines::{Shown, class_key, draw, extent, loss_title, validation_color};
use super::readout;
use super::series::{Score, Series, Trace, View, XAxis, nearest};
use super::ticks;
use crate::run::{Outcome, Run};

/// Keys of what the legend can hide; runs and classes have their own prefix.
pub(super) const TRAINING: &str = "training";
pub(super) const VALIDATION: &str = "validation";
pub(super) const MEAN: &str = "mean";

/// Points over all lines of a plot, so that many runs cost no more than a few.
const BUDGET: usize = 12_000;

/// Curves of the ticked runs, and how they are looked at.
#[derive(Debug)]
pub struct Plots {
    smoothing: f64,
    pub(super) axis: XAxis,
    log: bool,
    pub(super) score: Score,
    pub(super) hidden: BTreeSet<String>,
    pub(super) series: BTreeMap<String, Series>,
    /// Where the pointer is on the x axis, in either plot.
    cursor: Option<f64>,
    /// Visible part of the x axis after zooming.
    range: Option<(f64, f64)>,
    reset: bool,
}

impl Default for Plots {
    fn default() -> Self {
        Self {
            smoothing: 0.9,
            axis: XAxis::default(),
            log: false,
            score: Score::default(),
            hidden: BTreeSet::new(),
            series: BTreeMap::new(),
            cursor: None,
            range: None,
            reset: false,
        }
    }
}

impl Plots {
    /// Draws all plots of `runs` into the space that `ui` has.
    pub fn ui(&mut self, ui: &mut Ui, runs: &[&Run]) {
        self.controls(ui);
        let shown = self.shown(ui, runs);
        if shown
            .iter()
            .all(|s| s.run.steps.is_empty() && s.run.validations.is_empty())
        {
            empty(ui, !runs.is_empty());
            return;
        }
        for s in &shown {
            let series = self.series.entry(s.run.id.clone()).or_default();
            series.update(s.run, self.smoothing);
        }
        self.series
            .retain(|id, _| shown.iter().any(|s| s.run.id == *id));
        self.legend(ui, &shown);

        let shown: Vec<Shown> = (shown.into_iter())
            .filter(|s| !self.hidden.contains(&s.key))
            .collect();
        let space = ui.available_size();
        let beside = space.x > 900.0 && space.y < 420.0;
        let cursor = self.snapped(&shown);
        let range = self.range;
        let mut pointed = None;
        let mut seen = None;
        let layout = if beside {
            Layout::left_to_right(Align::TOP)
        } else {
            Layout::top_down(Align::LEFT)
        };
        let gap = ui.spacing().item_spacing;
        let size = if beside {
            vec2((space.x - gap.x) / 2.0, space.y)
        } else {
            vec2(space.x, (space.y - gap.y) / 2.0)
        };
        ui.with_layout(layout, |ui| {
            for which in [Which::Loss, Which::Score] {
                ui.allocate_ui_with_layout(size, Layout::top_down(Align::LEFT), |ui| {
                    ui.set_min_size(size);
                    let looked = self.plot(ui, &shown, which, cursor);
                    pointed = pointed.or(looked.pointed);
                    seen = Some(looked.range);
                });
            }
        });
        self.reset = false;
        self.cursor = pointed;
        self.range = seen.flatten();
        if self.snapped(&shown) != cursor || self.range != range {
            ui.ctx().request_repaint();
        }
    }

    fn controls(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("Smoothing");
            ui.spacing_mut().slider_width = 90.0;
            ui.add(egui::Slider::new(&mut self.smoothing, 0.0..=0.99).fixed_decimals(2))
                .labelled_by(label.id)
                .on_hover_text(
                    "How far the strong line of the training loss looks back: share that the \
                     moving average keeps at each step. 0 is the raw loss; default 0.90.",
                );
            ui.separator();
            for axis in XAxis::ALL {
                let over = match axis {
                    XAxis::Steps => "Draw curves over training steps (default).",
                    XAxis::Epochs => "Draw curves over passes through the training images.",
                    XAxis::Time => "Draw curves over the time spent, pauses left out.",
                };
                let chosen = ui
                    .selectable_value(&mut self.axis, axis, axis.name())
                    .on_hover_text(over);
                if chosen.changed() {
                    self.reset = true;
                }
            }
            ui.separator();
            let log = ui.checkbox(&mut self.log, "Log loss").on_hover_text(
                "Logarithmic loss axis: small differences late in training become visible. \
                 Losses of 0 and below have no place on it.",
            );
            if log.changed() {
                self.reset = true;
            }
            ui.separator();
            ui.selectable_value(&mut self.score, Score::Dice, "Dice")
                .on_hover_text("Score: 2·TP / (2·TP + FP + FN) over all validation pixels.");
            ui.selectable_value(&mut self.score, Score::Iou, "IoU")
                .on_hover_text("Score: TP / (TP + FP + FN) over all validation pixels.");
            ui.separator();
            let zoom = ui.button("Reset zoom").on_hover_text(
                "Show everything again, as a double click in a plot does. The wheel zooms, \
                 dragging moves, and dragging with the right button zooms into a box.",
            );
            if zoom.clicked() {
                self.reset = true;
            }
        });
    }

    fn shown<'a>(&self, ui: &Ui, runs: &[&'a Run]) -> Vec<Shown<'a>> {
        let dark = ui.visuals().dark_mode;
        runs.iter()
            .map(|run| Shown {
                run,
                color: on_ground(run_color(ui.ctx(), &run.id), dark),
                key: format!("run {}", run.id),
            })
            .collect()
    }

    fn legend(&mut self, ui: &mut Ui, shown: &[Shown]) {
        let dark = ui.visuals().dark_mode;
        let strong = ui.visuals().strong_text_color();
        let chip = |key: &str, name: &str, color| Chip {
            key: key.to_owned(),
            name: name.to_owned(),
            color,
        };
        ui.horizontal_wrapped(|ui| {
            if let [one] = shown {
                // Its own legend can't hide a single run.
                self.hidden.remove(&one.key);
                let loss = [
                    chip(TRAINING, "training", one.color),
                    chip(VALIDATION, "validation", validation_color(one.color, dark)),
                ];
                legend(ui, &loss, &mut self.hidden);
                ui.separator();
                let mut scores = vec![chip(MEAN, "mean", strong)];
                scores.extend(one.run.classes.iter().enumerate().map(|(class, name)| {
                    let color = on_ground(class_color(&one.run.class_colors, class), dark);
                    chip(&class_key(name), name, color)
                }));
                legend(ui, &scores, &mut self.hidden);
            } else {
                let runs: Vec<Chip> = shown
                    .iter()
                    .map(|s| chip(&s.key, &s.run.name, s.color))
                    .collect();
                legend(ui, &runs, &mut self.hidden);
                ui.separator();
                let kinds = [
                    chip(TRAINING, "training (solid)", ui.visuals().text_color()),
                    chip(VALIDATION, "validation (dashed)", ui.visuals().text_color()),
                ];
                legend(ui, &kinds, &mut self.hidden);
            }
        });
    }

    /// The cursor's place on the x axis: at a recorded step while there is one run.
    fn snapped(&self, shown: &[Shown]) -> Option<f64> {
        let x = self.cursor?;
        let (low, high) = extent(self.axis, shown);
        let x = x.clamp(low, high);
        let [one] = shown else { return Some(x) };
        let place = |p: &crate::run::StepPoint| self.axis.place(one.run, p.step, p.secs);
        let at = nearest(&one.run.steps, x, place);
        Some(at.map_or(x, |at| place(&one.run.steps[at])))
    }

    fn plot(&mut self, ui: &mut Ui, shown: &[Shown], which: Which, cursor: Option<f64>) -> Looked {
        let title = match which {
            Which::Loss => loss_title(shown),
            Which::Score => self.score_title(shown),
        };
        ui.add(egui::Label::new(RichText::new(&title).strong()).truncate())
            .on_hover_text(match which {
                Which::Loss => {
                    "Loss of every training step (faint), its moving average (strong) \
                                and the loss over the validation images (dashed, with points)."
                }
                Which::Score => {
                    "Scores over all validation images, from one confusion matrix. \
                                 A class that is in neither truth nor prediction has no score."
                }
            });
        let view = View {
            axis: self.axis,
            log: self.log && which == Which::Loss,
            range: self.range,
            budget: (BUDGET / (2 * shown.len()).max(1)).clamp(300, 2000),
        };
        let strokes = match which {
            Which::Loss => {
                for s in shown {
                    if let Some(series) = self.series.get_mut(&s.run.id) {
                        series.prepare(s.run, Trace::Raw, view);
                        series.prepare(s.run, Trace::Smooth, view);
                    }
                }
                self.validation_strokes(ui, shown, &view)
            }
            Which::Score => self.score_strokes(ui, shown),
        };
        let (low, high) = extent(self.axis, shown);
        let axis = self.axis;
        let mut plot = Plot::new(which)
            .height(ui.available_height())
            .link_axis(
                ui.make_persistent_id("dicebench curves"),
                Vec2b::new(true, false),
            )
            .allow_scroll(false)
            .allow_drag(Vec2b::new(true, false))
            .allow_zoom(Vec2b::new(true, false))
            .show_x(false)
            .show_y(false)
            .set_margin_fraction(vec2(0.01, 0.04))
            .y_axis_min_width(44.0)
            .include_x(low)
            .include_x(high)
            .grid_spacing(Rangef::new(ticks::MIN_SPACING, 40.0))
            .grid_color(ui.visuals().text_color().gamma_multiply(0.16))
            .x_grid_spacer(move |input| ticks::along(axis, &input))
            .y_grid_spacer(move |input| ticks::upward(view.log, &input))
            .x_axis_formatter(move |mark, _| ticks::x_label(axis, mark.value))
            .y_axis_formatter(move |mark, range| ticks::y_label(mark.value, view.log, range));
        if which == Which::Score {
            plot = plot.include_y(0.0).include_y(1.0);
        }
        if self.reset {
            plot = plot.reset();
        }
        let plots = &*self;
        let cursor_color = ui.visuals().hyperlink_color;
        let bad = ui.visuals().error_fg_color;
        let shows = plot.show(ui, |plot| {
            if which == Which::Loss && !plots.hidden.contains(TRAINING) {
                plots.training_lines(plot, shown);
            }
            for stroke in &strokes {
                draw(plot, stroke);
            }
            for s in shown {
                if which == Which::Score {
                    plots.mark_best(plot, s);
                }
                if let Some(Outcome::Diverged { at_step, .. }) = s.run.outcome {
                    let secs = s.run.steps.last().map_or(0.0, |p| p.secs);
                    let line = VLine::new("diverged", axis.place(s.run, at_step, secs));
                    plot.vline(line.color(bad).style(LineStyle::dashed_loose()).width(1.0));
                }
            }
            if let Some(x) = cursor {
                plot.vline(VLine::new("cursor", x).color(cursor_color).width(1.0));
            }
            wheel(plot, low, high);
            plot.auto_bounds().x
        });
        let name = format!("{} plot, {}", which.name(self.score), title);
        (shows.response).widget_info(|| WidgetInfo::labeled(Role::Figure, true, &name));
        let bounds = *shows.transform.bounds();
        let frame = *shows.transform.frame();
        if let Some(x) = cursor {
            let entries = match which {
                Which::Loss => self.loss_entries(ui, shown, x),
                Which::Score => self.score_entries(ui, shown, x),
            };
            let at = shows
                .transform
                .position_from_point(&PlotPoint::new(x, 0.0))
                .x;
            let title = self.moment(shown, which, x);
            if !entries.is_empty() && frame.x_range().contains(at) {
                let id = ui.make_persistent_id(("readout", which));
                readout::show(ui, id, frame, at, &title, &entries);
            }
        }
        Looked {
            pointed: (shows.response.hover_pos())
                .map(|pos| shows.transform.value_from_position(pos).x),
            range: (!shows.inner).then(|| (bounds.min()[0], bounds.max()[0])),
        }
    }
}

/// What looking at a plot gave.
struct Looked {
    pointed: Option<f64>,
    range: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Which {
    Loss,
    Score,
}

impl Which {
    fn name(self, score: Score) -> &'static str {
        match self {
            Self::Loss => "Loss",
            Self::Score => score.name(),
        }
    }
}

/// The wheel zooms the x axis around the pointer; zooming out past everything shows everything.
fn wheel(plot: &mut PlotUi, low: f64, high: f64) {
    if !plot.response().hovered() {
        return;
    }
    let turned = plot.ctx().input(|input| input.smooth_scroll_delta().y);
    let (true, Some(center)) = (turned != 0.0, plot.pointer_coordinate()) else {
        return;
    };
    let factor = f64::from((-turned / 240.0).exp());
    let bounds = plot.plot_bounds();
    let [from, to] = [bounds.min()[0], bounds.max()[0]].map(|x| center.x + (x - center.x) * factor);
    if from <= low && to >= high {
        plot.set_auto_bounds(Vec2b::TRUE);
    } else if to - from > (high - low) * 1e-5 {
        plot.set_plot_bounds_x(from..=to);
    }
}

/// What to do while there is nothing to draw.
fn empty(ui: &mut Ui, waiting: bool) {
    let (head, body) = if waiting {
        (
            "Waiting for the first step",
            "Curves appear as soon as a step is done.",
        )
    } else {
        (
            "No curves yet",
            "Press Train (Ctrl+Enter) to start a run, or tick runs in the list to lay their \
             curves over one another.",
        )
    };
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.35).max(8.0));
        ui.heading(head);
        ui.label(RichText::new(body).weak());
    });
}
