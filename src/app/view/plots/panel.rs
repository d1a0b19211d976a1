//! One plot: its axes, its lines, its marks, and the values at the cursor.

use egui::{Pos2, Rangef, Rect, RichText, Role, Ui, Vec2b, WidgetInfo, pos2, vec2};
use egui_plot::{LineStyle, MarkerShape, Plot, PlotPoint, PlotUi, Points, VLine};

use super::flags;
use super::grouped::{self, Lot};
use super::lines::{draw, draw_area, extent};
use super::{Plots, Shown, TRAINING, Which};
use crate::app::view::series::{Trace, View};
use crate::app::view::{readout, ticks};
use crate::run::Outcome;

/// Points over all lines of a plot, so that many runs cost no more than a few.
const BUDGET: usize = 12_000;

/// What looking at a plot gave.
pub struct Looked {
    pub pointed: Option<f64>,
    pub range: Option<(f64, f64)>,
    pub clicked: bool,
}

impl Plots {
    pub(super) fn view(&self, which: &Which, runs: usize) -> View {
        View {
            along: self.along,
            log: self.log && *which == Which::Loss,
            clip: self.clip,
            range: self.range,
            budget: (BUDGET / (2 * runs).max(1)).clamp(300, 2000),
        }
    }

    pub(super) fn panel(
        &mut self,
        ui: &mut Ui,
        shown: &[Shown],
        lots: &[Lot],
        which: &Which,
        cursor: Option<f64>,
    ) -> Looked {
        let title = self.title(shown, lots, which);
        let help = match which {
            Which::Loss => {
                "Loss of every training step (faint), its moving average (strong) and the loss \
                 over the validation images (dashed, with points). Crosses at the lower edge are \
                 losses that are no numbers; rings and triangles are outliers."
            }
            Which::Score => {
                "Scores over all validation images, from one confusion matrix. A class that is in \
                 neither truth nor prediction has no score. Diamonds are the best validations."
            }
            Which::Class(_) => {
                "Score of one class over all validation images; nothing where it is in neither \
                 truth nor prediction."
            }
        };
        ui.add(egui::Label::new(RichText::new(&title).strong()).truncate())
            .on_hover_text(help);
        let view = self.view(which, shown.len());
        let single = lots.is_empty();
        if single && *which == Which::Loss {
            for s in shown {
                if let Some(series) = self.series.get_mut(&s.run.id) {
                    series.prepare(s.run, Trace::Raw, view);
                    series.prepare(s.run, Trace::Smooth, view);
                }
            }
        }
        let curves = self.curves(lots, shown, which, &view);
        let (areas, mut strokes) = grouped::drawn(&curves, &view);
        if single {
            strokes = self.strokes(ui, shown, which, &view);
        }
        let (low, high) = extent(self.along, shown);
        let along = self.along;
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
            .x_grid_spacer(move |input| ticks::across(along, &input))
            .y_grid_spacer(move |input| ticks::upward(view.log, &input))
            .x_axis_formatter(move |mark, _| ticks::x_label(along, mark.value))
            .y_axis_formatter(move |mark, range| ticks::y_label(mark.value, view.log, range));
        if *which != Which::Loss {
            plot = plot.include_y(0.0).include_y(1.0);
        }
        if self.reset {
            plot = plot.reset();
        }
        let plots = &*self;
        let cursor_color = ui.visuals().hyperlink_color;
        let bad = ui.visuals().error_fg_color;
        let shows = plot.show(ui, |plot| {
            for area in &areas {
                draw_area(plot, area);
            }
            if single && *which == Which::Loss && !plots.hidden.contains(TRAINING) {
                plots.training_lines(plot, shown);
                plots.outlier_marks(plot, shown, &view);
            }
            for stroke in &strokes {
                draw(plot, stroke);
            }
            for s in shown {
                if single && *which == Which::Score {
                    plots.mark_best(plot, s);
                }
                if let Some(Outcome::Diverged { at_step, .. }) = s.run.outcome {
                    let secs = s.run.steps.last().map_or(0.0, |p| p.secs);
                    let line = VLine::new("diverged", along.place(s.run, at_step, secs));
                    plot.vline(line.color(bad).style(LineStyle::dashed_loose()).width(1.0));
                }
            }
            if let Some(x) = cursor {
                let width = if plots.pinned.is_some() { 2.0 } else { 1.0 };
                plot.vline(VLine::new("cursor", x).color(cursor_color).width(width));
            }
            wheel(plot, low, high);
            plot.auto_bounds().x
        });
        let name = format!("{} plot, {}", self.name(which), title);
        (shows.response).widget_info(|| WidgetInfo::labeled(Role::Figure, true, &name));
        let bounds = *shows.transform.bounds();
        let frame = *shows.transform.frame();
        let across = |x: f64| {
            shows
                .transform
                .position_from_point(&PlotPoint::new(x, 0.0))
                .x
        };
        if *which == Which::Loss {
            let places = self.holes(shown);
            holes(ui, frame, places.into_iter().map(across));
        }
        flags::show(ui, frame, along, shown, across);
        if let Some(x) = cursor {
            let entries = match which {
                _ if !single => grouped::entries(&curves, x),
                Which::Loss => self.loss_entries(ui, shown, x),
                _ => self.score_entries(ui, shown, which, x),
            };
            let at = across(x);
            let title = if single {
                self.moment(shown, which, x)
            } else {
                along.describe(x)
            };
            if !entries.is_empty() && frame.x_range().contains(at) {
                let id = ui.make_persistent_id(("readout", which));
                readout::show(ui, id, frame, at, &title, &entries);
            }
        }
        Looked {
            pointed: (shows.response.hover_pos())
                .map(|pos| shows.transform.value_from_position(pos).x),
            range: (!shows.inner).then(|| (bounds.min()[0], bounds.max()[0])),
            clicked: shows.response.clicked(),
        }
    }

    pub(super) fn name(&self, which: &Which) -> String {
        match which {
            Which::Loss => "Loss".to_owned(),
            Which::Score => self.score.name().to_owned(),
            Which::Class(class) => format!("{} of {class}", self.score.name()),
        }
    }

    /// Rings around outliers; triangles at the edge for those that are clipped.
    fn outlier_marks(&self, plot: &mut PlotUi, shown: &[Shown], view: &View) {
        for s in shown {
            let Some(series) = self.series.get(&s.run.id) else {
                continue;
            };
            let marks = series.outliers(s.run, view);
            for (beyond, shape) in [
                (0, MarkerShape::Circle),
                (1, MarkerShape::Up),
                (-1, MarkerShape::Down),
            ] {
                let here: Vec<[f64; 2]> = (marks.iter())
                    .filter(|(_, side)| *side == beyond)
                    .map(|(point, _)| *point)
                    .collect();
                if !here.is_empty() {
                    let points = Points::new("outliers", here).shape(shape).color(s.color);
                    plot.points(points.filled(beyond != 0).radius(4.0));
                }
            }
        }
    }

    /// Where on the x axis losses are no numbers.
    fn holes(&self, shown: &[Shown]) -> Vec<f64> {
        const MOST: usize = 200;
        let mut places = Vec::new();
        for s in shown {
            let series = self.series.get(&s.run.id);
            let steps = series.map_or(&[][..], |series| series.not_numbers());
            let steps = steps.iter().filter_map(|at| s.run.steps.get(*at));
            let steps = steps.map(|p| self.along.place(s.run, p.step, p.secs));
            let validations = (s.run.validations.iter())
                .filter(|v| !v.loss.is_finite())
                .map(|v| self.along.place(s.run, v.step, v.secs));
            places.extend(steps.take(MOST).chain(validations.take(MOST)));
        }
        places
    }
}

/// Crosses at the lower edge of a plot: painted, because what has no height has no place on the axis.
fn holes(ui: &Ui, frame: Rect, places: impl Iterator<Item = f32>) {
    const ARM: f32 = 4.0;
    let painter = ui.painter().with_clip_rect(frame.intersect(ui.clip_rect()));
    let stroke = egui::Stroke::new(1.8, ui.visuals().error_fg_color);
    for x in places.filter(|x| frame.x_range().contains(*x)) {
        let center: Pos2 = pos2(x, frame.bottom() - 2.0 - ARM);
        for arm in [vec2(ARM, ARM), vec2(ARM, -ARM)] {
            painter.line_segment([center - arm, center + arm], stroke);
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
