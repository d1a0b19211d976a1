//! Curves of one or several runs: loss and scores, over one x axis, read off at one cursor.

use std::collections::{BTreeMap, BTreeSet};

use egui::{Align, Color32, Layout, Rect, RichText, Role, Ui, Vec2b, WidgetInfo, vec2};
use egui_plot::{Line, LineStyle, MarkerShape, Plot, PlotPoint, PlotPoints, PlotUi, Points, VLine};

use super::chip::{Chip, legend};
use super::color::{OKABE_ITO, class_color, on_ground, run_color};
use super::readout::{self, Entry, score, short};
use super::series::{Score, Series, Trace, View, XAxis, duration, nearest, stretches};
use crate::run::{Outcome, Run};

/// Keys of what the legend can hide; runs and classes have their own prefix.
const TRAINING: &str = "training";
const VALIDATION: &str = "validation";
const MEAN: &str = "mean";

/// Points over all lines of a plot, so that many runs cost no more than a few.
const BUDGET: usize = 12_000;

/// Curves of the ticked runs, and how they are looked at.
#[derive(Debug)]
pub struct Plots {
    smoothing: f64,
    axis: XAxis,
    log: bool,
    score: Score,
    hidden: BTreeSet<String>,
    series: BTreeMap<String, Series>,
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

/// A run with the colour of its lines.
struct Shown<'a> {
    run: &'a Run,
    color: Color32,
    key: String,
}

/// A line that is ready to be drawn.
struct Stroke {
    color: Color32,
    width: f32,
    style: LineStyle,
    points: Vec<[f64; 2]>,
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
            .x_axis_formatter(move |mark, _| match axis {
                XAxis::Time => duration(mark.value),
                _ if mark.value.fract() == 0.0 => format!("{:.0}", mark.value),
                _ => format!("{:.2}", mark.value),
            })
            .y_axis_formatter(move |mark, range| y_label(mark.value, view.log, range));
        if which == Which::Score {
            plot = plot.include_y(0.0).include_y(1.0);
        }
        if self.reset {
            plot = plot.reset();
        }
        let plots = &*self;
        let cursor_color = ui.visuals().weak_text_color();
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
            self.readout(ui, which, frame, at, &title, &entries);
        }
        Looked {
            pointed: (shows.response.hover_pos())
                .map(|pos| shows.transform.value_from_position(pos).x),
            range: (!shows.inner).then(|| (bounds.min()[0], bounds.max()[0])),
        }
    }

    fn readout(
        &self,
        ui: &mut Ui,
        which: Which,
        frame: Rect,
        x: f32,
        title: &str,
        entries: &[Entry],
    ) {
        if !entries.is_empty() && frame.x_range().contains(x) {
            ui.push_id(which, |ui| readout::show(ui, frame, x, title, entries));
        }
    }

    fn training_lines<'a>(&'a self, plot: &mut PlotUi<'a>, shown: &[Shown]) {
        let faint = if shown.len() == 1 { 0.35 } else { 0.18 };
        for (trace, opacity, width) in [(Trace::Raw, faint, 1.0), (Trace::Smooth, 1.0, 2.0)] {
            for s in shown {
                let Some(series) = self.series.get(&s.run.id) else {
                    continue;
                };
                // A single point has no line; it is drawn all the same.
                if let [only] = series.points(trace) {
                    let dot = Points::new("training", vec![[only.x, only.y]]).radius(3.0);
                    plot.points(dot.color(s.color));
                    continue;
                }
                let line = Line::new("training", PlotPoints::Borrowed(series.points(trace)))
                    .color(s.color.gamma_multiply(opacity))
                    .width(width);
                plot.line(line);
            }
        }
    }

    fn validation_strokes(&self, ui: &Ui, shown: &[Shown], view: &View) -> Vec<Stroke> {
        if self.hidden.contains(VALIDATION) {
            return Vec::new();
        }
        let dark = ui.visuals().dark_mode;
        let several = shown.len() > 1;
        let mut strokes = Vec::new();
        for s in shown {
            let color = if several {
                s.color
            } else {
                validation_color(s.color, dark)
            };
            for points in stretches(s.run, view.axis, |_, v| Some(view.height(v.loss))) {
                strokes.push(Stroke {
                    color,
                    width: 1.6,
                    style: LineStyle::dashed_dense(),
                    points,
                });
            }
        }
        strokes
    }

    fn score_strokes(&self, ui: &Ui, shown: &[Shown]) -> Vec<Stroke> {
        let dark = ui.visuals().dark_mode;
        let mut strokes = Vec::new();
        let mut add = |color, width, lines: Vec<Vec<[f64; 2]>>| {
            strokes.extend(lines.into_iter().map(|points| Stroke {
                color,
                width,
                style: LineStyle::Solid,
                points,
            }));
        };
        for s in shown {
            let Some(series) = self.series.get(&s.run.id) else {
                continue;
            };
            if let [one] = shown {
                for (class, name) in one.run.classes.iter().enumerate() {
                    if self.hidden.contains(&class_key(name)) {
                        continue;
                    }
                    let color = on_ground(class_color(&one.run.class_colors, class), dark);
                    let value = |at, _: &_| series.class_score(s.run, self.score, at, class);
                    add(color, 1.4, stretches(s.run, self.axis, value));
                }
            }
            if shown.len() > 1 || !self.hidden.contains(MEAN) {
                let color = if shown.len() > 1 {
                    s.color
                } else {
                    ui.visuals().strong_text_color()
                };
                let value = |at, _: &_| series.mean_score(s.run, self.score, at);
                add(color, 2.6, stretches(s.run, self.axis, value));
            }
        }
        strokes
    }

    fn mark_best(&self, plot: &mut PlotUi, s: &Shown) {
        let (Some(at), Some(series)) = (s.run.best, self.series.get(&s.run.id)) else {
            return;
        };
        let Some(best) = s.run.validations.get(at) else {
            return;
        };
        if let Some(y) = series.mean_score(s.run, self.score, at) {
            let x = self.axis.place(s.run, best.step, best.secs);
            let mark = Points::new("best", vec![[x, y]]);
            plot.points(mark.shape(MarkerShape::Diamond).radius(6.0).color(s.color));
        }
    }

    fn score_title(&self, shown: &[Shown]) -> String {
        let name = self.score.name();
        match shown {
            [one] => {
                let series = self.series.get(&one.run.id);
                let of = |at: usize| series.and_then(|s| s.mean_score(one.run, self.score, at));
                let Some(last) = one.run.validations.len().checked_sub(1) else {
                    return format!("{name} · after the first validation");
                };
                let best = one.run.best.map_or_else(String::new, |best| {
                    let step = one.run.validations[best].step;
                    format!(" · best {} at step {step}", score(of(best)))
                });
                format!("{name} · mean {}{best}", score(of(last)))
            }
            _ => format!("{name} · mean over classes, best marked"),
        }
    }

    fn moment(&self, shown: &[Shown], which: Which, x: f64) -> String {
        let [one] = shown else {
            return self.axis.describe(x);
        };
        let run = one.run;
        let (step, secs) = match which {
            Which::Loss => {
                let place = |p: &crate::run::StepPoint| self.axis.place(run, p.step, p.secs);
                nearest(&run.steps, x, place).map(|at| (run.steps[at].step, run.steps[at].secs))
            }
            Which::Score => self
                .validation_at(run, x)
                .map(|at| (run.validations[at].step, run.validations[at].secs)),
        }
        .unwrap_or_default();
        let epoch = XAxis::Epochs.place(run, step, secs);
        format!("step {step} · epoch {epoch:.2} · {}", duration(secs))
    }

    fn validation_at(&self, run: &Run, x: f64) -> Option<usize> {
        nearest(&run.validations, x, |v| {
            self.axis.place(run, v.step, v.secs)
        })
    }

    fn loss_entries(&self, ui: &Ui, shown: &[Shown], x: f64) -> Vec<Entry> {
        let dark = ui.visuals().dark_mode;
        let mut entries = Vec::new();
        for s in shown {
            let place = |p: &crate::run::StepPoint| self.axis.place(s.run, p.step, p.secs);
            let at = nearest(&s.run.steps, x, place);
            let smooth = at.and_then(|at| self.series.get(&s.run.id)?.smoothed(at));
            let raw = at.map(|at| s.run.steps[at].loss);
            let validation = self
                .validation_at(s.run, x)
                .map(|at| s.run.validations[at].loss);
            let text = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), short);
            let mut push = |color, name: String, value| entries.push(Entry { color, name, value });
            if shown.len() == 1 {
                push(s.color, "training".to_owned(), text(raw));
                push(s.color, "smoothed".to_owned(), text(smooth));
                let color = validation_color(s.color, dark);
                push(color, "validation".to_owned(), text(validation));
            } else {
                let value = format!("{} · val {}", text(smooth), text(validation));
                push(s.color, s.run.name.clone(), value);
            }
        }
        entries
    }

    fn score_entries(&self, ui: &Ui, shown: &[Shown], x: f64) -> Vec<Entry> {
        let dark = ui.visuals().dark_mode;
        let mut entries = Vec::new();
        for s in shown {
            let (Some(at), Some(series)) =
                (self.validation_at(s.run, x), self.series.get(&s.run.id))
            else {
                continue;
            };
            let mean = score(series.mean_score(s.run, self.score, at));
            if shown.len() > 1 {
                let (color, name) = (s.color, s.run.name.clone());
                entries.push(Entry {
                    color,
                    name,
                    value: mean,
                });
                continue;
            }
            entries.push(Entry {
                color: ui.visuals().strong_text_color(),
                name: "mean".to_owned(),
                value: mean,
            });
            for (class, name) in s.run.classes.iter().enumerate() {
                if !self.hidden.contains(&class_key(name)) {
                    entries.push(Entry {
                        color: on_ground(class_color(&s.run.class_colors, class), dark),
                        name: name.clone(),
                        value: score(series.class_score(s.run, self.score, at, class)),
                    });
                }
            }
        }
        entries
    }
}

/// What looking at a plot gave.
struct Looked {
    pointed: Option<f64>,
    range: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Which {
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

fn class_key(name: &str) -> String {
    format!("class {name}")
}

/// A colour for the validation loss that differs from the run's.
fn validation_color(run: Color32, dark: bool) -> Color32 {
    let (first, second) = (on_ground(OKABE_ITO[5], dark), on_ground(OKABE_ITO[4], dark));
    if run == first { second } else { first }
}

fn loss_title(shown: &[Shown]) -> String {
    let [one] = shown else {
        return "Loss".to_owned();
    };
    let mut title = "Loss".to_owned();
    if let Some(last) = one.run.steps.last() {
        title += &format!(" · training {} at step {}", short(last.loss), last.step);
    }
    if let Some(last) = one.run.validations.last() {
        title += &format!(" · validation {}", short(last.loss));
    }
    title
}

/// First and last place on the x axis of anything in `shown`.
fn extent(axis: XAxis, shown: &[Shown]) -> (f64, f64) {
    let last = shown.iter().map(|s| {
        let step = s
            .run
            .steps
            .last()
            .map(|p| axis.place(s.run, p.step, p.secs));
        let validation = s
            .run
            .validations
            .last()
            .map(|v| axis.place(s.run, v.step, v.secs));
        step.unwrap_or(0.0).max(validation.unwrap_or(0.0))
    });
    (0.0, last.fold(0.0, f64::max).max(f64::MIN_POSITIVE))
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

fn draw(plot: &mut PlotUi, stroke: &Stroke) {
    let points = &stroke.points;
    if points.len() <= 60 {
        let dots = Points::new("", points.clone()).radius(stroke.width + 0.9);
        plot.points(dots.color(stroke.color));
    }
    let line = Line::new("", points.clone()).color(stroke.color);
    plot.line(line.width(stroke.width).style(stroke.style));
}

fn y_label(value: f64, log: bool, range: &std::ops::RangeInclusive<f64>) -> String {
    if log {
        let value = 10_f64.powf(value);
        return if (1e-3..1e5).contains(&value) {
            let places = (2 - value.log10().floor() as i32).clamp(0, 5) as usize;
            format!("{value:.places$}")
        } else {
            format!("{value:.1e}")
        };
    }
    let span = (range.end() - range.start()).abs();
    if span.is_nan() || span >= 1e5 || (span > 0.0 && span < 1e-4) {
        return format!("{value:.1e}");
    }
    let places = if span > 0.0 {
        (1 - span.log10().floor() as i32).clamp(0, 6) as usize
    } else {
        2
    };
    format!("{value:.places$}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_labels_show_the_loss_itself_whatever_the_scale() {
        assert_eq!(y_label(-1.0, true, &(-2.0..=0.0)), "0.100");
        assert_eq!(y_label(2.0, true, &(0.0..=3.0)), "100");
        assert_eq!(y_label(0.5, false, &(0.0..=1.0)), "0.5");
        assert_eq!(y_label(0.125, false, &(0.1..=0.15)), "0.125");
    }
}
