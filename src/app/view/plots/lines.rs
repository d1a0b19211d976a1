//! What the plots draw for a run: strokes, marks, titles, and the values at the cursor.

use egui::{Color32, Ui};
use egui_plot::{FilledArea, Line, LineStyle, MarkerShape, PlotPoints, PlotUi, Points};

use super::grouped::Lot;
use super::{MEAN, Plots, Shown, VALIDATION, Which};
use crate::app::view::color::{OKABE_ITO, class_color, on_ground};
use crate::app::view::readout::{Entry, score, short};
use crate::app::view::series::{Along, Trace, View, XAxis, duration, nearest, reaches, stretches};
use crate::run::{Run, StepPoint};

/// A line that is ready to be drawn.
pub struct Stroke {
    /// What it is the line of, for legends outside the window.
    pub name: String,
    pub color: Color32,
    pub width: f32,
    pub style: LineStyle,
    pub points: Vec<[f64; 2]>,
}

impl Stroke {
    pub fn line(color: Color32, points: Vec<[f64; 2]>, dashed: bool) -> Self {
        Self {
            name: String::new(),
            color,
            width: if dashed { 1.6 } else { 2.2 },
            style: if dashed {
                LineStyle::dashed_dense()
            } else {
                LineStyle::Solid
            },
            points,
        }
    }
}

/// What lies between two lines.
pub struct Area {
    pub color: Color32,
    pub x: Vec<f64>,
    pub low: Vec<f64>,
    pub high: Vec<f64>,
}

impl Plots {
    /// The lines of single runs that are not drawn from caches.
    pub(super) fn strokes(
        &self,
        ui: &Ui,
        shown: &[Shown],
        which: &Which,
        view: &View,
    ) -> Vec<Stroke> {
        match which {
            Which::Loss => self.validation_strokes(ui, shown, view),
            Which::Score => self.score_strokes(ui, shown),
            Which::Class(name) => self.class_strokes(ui, shown, name),
        }
    }

    /// One class, a line for each run.
    fn class_strokes(&self, ui: &Ui, shown: &[Shown], name: &str) -> Vec<Stroke> {
        let dark = ui.visuals().dark_mode;
        let mut strokes = Vec::new();
        for s in shown {
            let class = s.run.classes.iter().position(|class| class == name);
            let (Some(class), Some(series)) = (class, self.series.get(&s.run.id)) else {
                continue;
            };
            let color = if shown.len() > 1 {
                s.color
            } else {
                on_ground(class_color(&s.run.class_colors, class), dark)
            };
            let value = |at, _: &_| series.class_score(s.run, self.score, at, class);
            let lines = stretches(s.run, self.along, value).into_iter();
            strokes.extend(lines.enumerate().map(|(at, points)| Stroke {
                name: if at == 0 {
                    s.name.clone()
                } else {
                    String::new()
                },
                ..Stroke::line(color, points, false)
            }));
        }
        strokes
    }

    /// The score that a plot is about, at the validation with index `at`.
    pub(super) fn value(&self, run: &Run, which: &Which, at: usize) -> Option<f64> {
        let series = self.series.get(&run.id)?;
        match which {
            Which::Loss => run.validations.get(at).map(|v| v.loss),
            Which::Score => series.mean_score(run, self.score, at),
            Which::Class(name) => {
                let class = run.classes.iter().position(|class| class == name)?;
                series.class_score(run, self.score, at, class)
            }
        }
    }

    pub(super) fn title(&self, shown: &[Shown], lots: &[Lot], which: &Which) -> String {
        match which {
            Which::Loss => self.loss_title(shown),
            Which::Score if lots.is_empty() => self.score_title(shown),
            Which::Score => format!("{} · mean over classes", self.score.name()),
            Which::Class(_) => self.name(which),
        }
    }

    pub(super) fn training_lines<'a>(&'a self, plot: &mut PlotUi<'a>, shown: &[Shown]) {
        let faint = if shown.len() == 1 { 0.45 } else { 0.22 };
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
            for points in stretches(s.run, view.along, |_, v| Some(view.height(v.loss))) {
                strokes.push(Stroke {
                    name: s.name.clone(),
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
        let mut add = |name: &str, color, width, lines: Vec<Vec<[f64; 2]>>| {
            strokes.extend(lines.into_iter().enumerate().map(|(at, points)| Stroke {
                name: if at == 0 {
                    name.to_owned()
                } else {
                    String::new()
                },
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
                    add(name, color, 1.4, stretches(s.run, self.along, value));
                }
            }
            if shown.len() > 1 || !self.hidden.contains(MEAN) {
                let color = if shown.len() > 1 {
                    s.color
                } else {
                    ui.visuals().strong_text_color()
                };
                let name = if shown.len() > 1 { &s.name } else { MEAN };
                let value = |at, _: &_| series.mean_score(s.run, self.score, at);
                add(name, color, 2.6, stretches(s.run, self.along, value));
            }
        }
        strokes
    }

    pub(super) fn mark_best(&self, plot: &mut PlotUi, s: &Shown) {
        let (Some(at), Some(series)) = (s.run.best, self.series.get(&s.run.id)) else {
            return;
        };
        let Some(best) = s.run.validations.get(at) else {
            return;
        };
        if let Some(y) = series.mean_score(s.run, self.score, at) {
            let x = self.along.place(s.run, best.step, best.secs);
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

    fn loss_title(&self, shown: &[Shown]) -> String {
        let mut title = "Loss".to_owned();
        if let [one] = shown {
            if let Some(last) = one.run.steps.last() {
                title += &format!(" · training {} at step {}", short(last.loss), last.step);
            }
            if let Some(last) = one.run.validations.last() {
                title += &format!(" · validation {}", short(last.loss));
            }
        }
        let series = || shown.iter().filter_map(|s| self.series.get(&s.run.id));
        let holes: usize = series().map(|s| s.not_numbers().len()).sum();
        let outliers: usize = series().map(super::Series::outlier_count).sum();
        if holes > 0 {
            title += &format!(" · {holes} not a number");
        }
        match outliers {
            0 => {}
            1 => title += " · 1 outlier",
            _ => title += &format!(" · {outliers} outliers"),
        }
        title
    }

    pub(super) fn moment(&self, shown: &[Shown], which: &Which, x: f64) -> String {
        let [one] = shown else {
            return self.along.describe(x);
        };
        let run = one.run;
        let (step, secs) = match which {
            Which::Loss => {
                let place = |p: &StepPoint| self.along.place(run, p.step, p.secs);
                nearest(&run.steps, x, place).map(|at| (run.steps[at].step, run.steps[at].secs))
            }
            _ => self
                .validation_at(run, x)
                .map(|at| (run.validations[at].step, run.validations[at].secs)),
        }
        .unwrap_or_default();
        let epoch = XAxis::Epochs.place(run, step, secs);
        format!("step {step} · epoch {epoch:.2} · {}", duration(secs))
    }

    pub(super) fn validation_at(&self, run: &Run, x: f64) -> Option<usize> {
        nearest(&run.validations, x, |v| {
            self.along.place(run, v.step, v.secs)
        })
    }

    pub(super) fn loss_entries(&self, ui: &Ui, shown: &[Shown], x: f64) -> Vec<Entry> {
        let dark = ui.visuals().dark_mode;
        let mut entries = Vec::new();
        for s in shown {
            let place = |p: &StepPoint| self.along.place(s.run, p.step, p.secs);
            // Beside others, a run that ended before has nothing to say here.
            let reaches = shown.len() == 1 || reaches(&s.run.steps, x, place);
            let at = nearest(&s.run.steps, x, place).filter(|_| reaches);
            let smooth = at.and_then(|at| self.series.get(&s.run.id)?.smoothed(at));
            let raw = at.map(|at| s.run.steps[at].loss);
            let validation = self
                .validation_at(s.run, x)
                .filter(|_| reaches)
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
                push(s.color, s.name.clone(), value);
            }
        }
        entries
    }

    pub(super) fn score_entries(
        &self,
        ui: &Ui,
        shown: &[Shown],
        which: &Which,
        x: f64,
    ) -> Vec<Entry> {
        let dark = ui.visuals().dark_mode;
        let mut entries = Vec::new();
        for s in shown {
            let (Some(at), Some(series)) =
                (self.validation_at(s.run, x), self.series.get(&s.run.id))
            else {
                continue;
            };
            let mean = score(self.value(s.run, which, at));
            if shown.len() > 1 || *which != Which::Score {
                let (color, name) = (s.color, s.name.clone());
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

pub fn class_key(name: &str) -> String {
    format!("class {name}")
}

/// A colour for the validation loss, as far from the run's as the palette has.
pub fn validation_color(run: Color32, dark: bool) -> Color32 {
    let far = |other: &Color32| {
        let parts = run.to_array().into_iter().zip(other.to_array());
        parts
            .map(|(a, b)| u32::from(a.abs_diff(b)).pow(2))
            .sum::<u32>()
    };
    let choices = [OKABE_ITO[5], OKABE_ITO[0]].map(|rgb| on_ground(rgb, dark));
    choices.into_iter().max_by_key(far).unwrap_or(run)
}

/// First and last place on the x axis of anything in `shown`.
pub fn extent(along: Along, shown: &[Shown]) -> (f64, f64) {
    let place = |s: &Shown, step, secs| along.place(s.run, step, secs);
    let ends = shown.iter().flat_map(|s| {
        let points = [s.run.steps.first(), s.run.steps.last()].into_iter();
        let points = points.flatten().map(|p| place(s, p.step, p.secs));
        let validations = [s.run.validations.first(), s.run.validations.last()].into_iter();
        points.chain(validations.flatten().map(|v| place(s, v.step, v.secs)))
    });
    let none = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = ends.fold(none, |(low, high), x| (low.min(x), high.max(x)));
    if !low.is_finite() || !high.is_finite() {
        return (0.0, 1.0);
    }
    // Beginnings differ by a step or so; on a linear axis nought is where everything began.
    let low = if along.log { low } else { 0.0 };
    (low, high.max(low + f64::MIN_POSITIVE))
}

pub fn draw_area(plot: &mut PlotUi, area: &Area) {
    if area.x.len() > 1 {
        let drawn = FilledArea::new("", &area.x, &area.low, &area.high);
        plot.add(drawn.fill_color(area.color).allow_hover(false));
    }
}

pub fn draw(plot: &mut PlotUi, stroke: &Stroke) {
    let points = &stroke.points;
    if points.len() <= 60 {
        let dots = Points::new("", points.clone()).radius(stroke.width + 0.9);
        plot.points(dots.color(stroke.color));
    }
    let line = Line::new("", points.clone()).color(stroke.color);
    plot.line(line.width(stroke.width).style(stroke.style));
}
