//! Parallel coordinates: an axis for each parameter that was varied and one for the result, a line for
//! each run. Ranges that are dragged along the axes keep the lines that pass through all of them.

use std::collections::BTreeMap;

use egui::{
    Align2, Color32, FontId, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use super::{Axis, Outcome, said};
use crate::app::view::{paint, titles};

/// Axes that have room beside one another; what was varied least tells least.
pub(super) const MOST: usize = 9;
const TOP: f32 = 50.0;
const SIDE: f32 = 70.0;
const BOTTOM: f32 = 12.0;

/// Ranges that are kept, in shares of an axis from its lower end; the axis by its index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Brushes {
    kept: BTreeMap<usize, (f32, f32)>,
    /// Where a drag began.
    from: Option<(usize, f32)>,
}

impl Brushes {
    pub fn any(&self) -> bool {
        !self.kept.is_empty()
    }

    fn keeps(&self, shares: &[Option<f32>]) -> bool {
        self.kept.iter().all(|(axis, (low, high))| {
            let share = shares.get(*axis).copied().flatten();
            share.is_some_and(|share| (*low..=*high).contains(&share))
        })
    }
}

/// The axis of the results.
pub(super) fn result(outcome: Outcome, results: &[Option<f64>]) -> Axis {
    Axis {
        name: outcome.name().to_owned(),
        texts: results.iter().map(|value| said(*value)).collect(),
        places: results.to_vec(),
        scale: super::Scale::Linear,
    }
}

/// Draws the lines; returns which run was clicked.
pub fn ui(
    ui: &mut Ui,
    axes: &[Axis],
    outcome: Outcome,
    names: &[&str],
    results: &[Option<f64>],
    brushes: &mut Brushes,
) -> Option<usize> {
    let result = result(outcome, results);
    let left_out = axes.len().saturating_sub(MOST);
    let shown: Vec<&Axis> = axes.iter().take(MOST).chain([&result]).collect();
    let size = ui.available_size().max(vec2(260.0, 120.0));
    let (area, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let said = format!(
        "Parallel coordinates of {} parameters, {} runs",
        shown.len() - 1,
        names.len()
    );
    response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, &said));
    let bottom = if left_out > 0 { BOTTOM + 16.0 } else { BOTTOM };
    let inner = Rect::from_min_max(area.min + vec2(SIDE, TOP), area.max - vec2(SIDE, bottom));
    let x = |axis: usize| {
        let share = axis as f32 / (shown.len() - 1) as f32;
        inner.left() + share * inner.width()
    };
    // Where each run crosses each axis, in shares from the lower end.
    let shares: Vec<Vec<Option<f32>>> = (0..names.len())
        .map(|run| shown.iter().map(|axis| share(axis, run)).collect())
        .collect();
    let point = |axis: usize, share: f32| pos2(x(axis), inner.bottom() - share * inner.height());
    let line = |run: usize| -> Vec<Pos2> {
        let crossings = shares[run].iter().enumerate();
        crossings
            .filter_map(|(axis, share)| Some(point(axis, (*share)?)))
            .collect()
    };
    brush(&response, inner, brushes, shown.len(), &x);
    let under = response.hover_pos().and_then(|pointer| {
        let distances = (0..names.len()).filter(|run| brushes.keeps(&shares[*run]));
        distances
            .map(|run| (distance(&line(run), pointer), run))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(distance, _)| *distance < 8.0)
            .map(|(_, run)| run)
    });
    let painter = ui.painter().with_clip_rect(area.intersect(ui.clip_rect()));
    let last = shown.len() - 1;
    // The chosen over the others, the pointed at over all.
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|run| (Some(*run) == under, brushes.keeps(&shares[*run])));
    for run in order {
        let kept = brushes.keeps(&shares[run]);
        let color = match shares[run][last] {
            _ if !kept => ui.visuals().weak_text_color().gamma_multiply(0.25),
            Some(share) => scale_color(share, ui.visuals().dark_mode),
            None => ui.visuals().weak_text_color(),
        };
        let width = if Some(run) == under { 4.0 } else { 1.6 };
        painter.add(Shape::line(line(run), Stroke::new(width, color)));
    }
    draw_axes(ui, &shown, inner, brushes, &x);
    if left_out > 0 {
        let words = format!("{left_out} more parameters are not shown");
        let color = ui.visuals().weak_text_color();
        painter.text(
            area.left_bottom(),
            Align2::LEFT_BOTTOM,
            words,
            FontId::proportional(11.0),
            color,
        );
    }
    let clicked = response.clicked();
    if let Some(run) = under {
        response.on_hover_ui_at_pointer(|ui| {
            ui.strong(names[run]);
            for axis in &shown {
                ui.label(format!("{}: {}", axis.name, axis.texts[run]));
            }
            ui.weak("A click shows the run.");
        });
    }
    under.filter(|_| clicked)
}

/// How far up an axis a run crosses it, 0 to 1.
pub(super) fn share(axis: &Axis, run: usize) -> Option<f32> {
    let place = axis.places.get(run).copied().flatten()?;
    let (low, high) = axis.ends();
    Some(((place - low) / (high - low)) as f32)
}

/// Low is blue, high is yellow, as in the doubt map; told apart by height at the last axis too.
pub(super) fn scale_color(share: f32, dark: bool) -> Color32 {
    let [r, g, b] = paint::ramp((40.0 + 200.0 * share.clamp(0.0, 1.0)) as u8);
    crate::app::view::color::on_ground([r, g, b], dark)
}

fn brush(
    response: &egui::Response,
    inner: Rect,
    brushes: &mut Brushes,
    axes: usize,
    x: &dyn Fn(usize) -> f32,
) {
    const REACH: f32 = 18.0;
    let up = |pos: Pos2| ((inner.bottom() - pos.y) / inner.height()).clamp(0.0, 1.0);
    let axis_at = |pos: Pos2| (0..axes).find(|axis| (x(*axis) - pos.x).abs() < REACH);
    if response.drag_started()
        && let Some(pos) = response.ctx.input(|input| input.pointer.press_origin())
    {
        brushes.from = axis_at(pos).map(|axis| (axis, up(pos)));
    }
    if response.dragged()
        && let (Some((axis, from)), Some(pos)) = (brushes.from, response.interact_pointer_pos())
    {
        let to = up(pos);
        brushes.kept.insert(axis, (from.min(to), from.max(to)));
    }
    if response.clicked()
        && let Some(axis) = response.interact_pointer_pos().and_then(axis_at)
    {
        brushes.kept.remove(&axis);
    }
}

fn draw_axes(ui: &Ui, shown: &[&Axis], inner: Rect, brushes: &Brushes, x: &dyn Fn(usize) -> f32) {
    let text = ui.visuals().text_color();
    let weak = ui.visuals().weak_text_color();
    let room = inner.width() / (shown.len() - 1).max(1) as f32 - 6.0;
    let font = FontId::proportional(12.0);
    let short = |axis: &Axis| {
        axis.name
            .rsplit('.')
            .next()
            .unwrap_or(&axis.name)
            .to_owned()
    };
    let lay = |words: &str| (ui.painter()).layout_no_wrap(words.to_owned(), font.clone(), text);
    // Names that do not fit beside one another take turns on two lines.
    let turns = shown.iter().any(|axis| lay(&short(axis)).size().x > room);
    let beside = room.max(40.0);
    let room = if turns { 2.0 * room } else { room }.max(60.0);
    for (at, axis) in shown.iter().enumerate() {
        let left = x(at);
        ui.painter()
            .vline(left, inner.y_range(), Stroke::new(1.0, weak));
        let name = titles::telling(&[&short(axis)], 0, |words| lay(words).size().x <= room);
        let line = if turns && at % 2 == 1 { 40.0 } else { 24.0 };
        let name = lay(&name);
        // The outer ones stay within the drawing.
        let half = name.size().x / 2.0;
        let edges = ui.clip_rect().x_range().shrink(half);
        let x = left.clamp(edges.min.min(left), edges.max.max(left));
        let place = Align2::CENTER_CENTER.anchor_size(pos2(x, inner.top() - line), name.size());
        ui.painter().galley(place.min, name, text);
        let (low, high) = axis.ends();
        let few = axis.few().filter(|values| values.len() <= 16);
        let ends = || vec![low, f64::midpoint(low, high), high];
        let marks = few.filter(|_| at + 1 < shown.len()).unwrap_or_else(ends);
        for place in marks {
            let share = ((place - low) / (high - low)) as f32;
            let y = inner.bottom() - share * inner.height();
            let font = FontId::proportional(10.5);
            ui.painter()
                .hline(left - 3.0..=left + 3.0, y, Stroke::new(1.0, weak));
            let lay =
                |words: &str| (ui.painter()).layout_no_wrap(words.to_owned(), font.clone(), text);
            // It ends before the next axis.
            let label = axis.label(place);
            let label = titles::telling(&[&label], 0, |words| lay(words).size().x < beside);
            let words = lay(&label);
            let at = Align2::LEFT_CENTER.anchor_size(pos2(left + 6.0, y), words.size());
            // Lines cross here: letters have a ground of their own.
            ui.painter().rect_filled(
                at.expand(1.5),
                2.0,
                ui.visuals().panel_fill.gamma_multiply(0.8),
            );
            ui.painter().galley(at.min, words, text);
        }
        if let Some((from, to)) = brushes.kept.get(&at) {
            let y = |share: f32| inner.bottom() - share * inner.height();
            let rect = Rect::from_x_y_ranges(left - 5.0..=left + 5.0, y(*to)..=y(*from));
            let ink = ui.visuals().hyperlink_color;
            ui.painter().rect(
                rect,
                2.0,
                ink.gamma_multiply(0.25),
                Stroke::new(1.0, ink),
                egui::StrokeKind::Inside,
            );
        }
    }
}

/// Distance of a point from a line through points, in pixels.
fn distance(line: &[Pos2], point: Pos2) -> f32 {
    let segments = line.windows(2).map(|ends| {
        let [a, b] = [ends[0], ends[1]];
        let along = b - a;
        let share = ((point - a).dot(along) / along.length_sq().max(1e-6)).clamp(0.0, 1.0);
        (a + along * share).distance(point)
    });
    segments.fold(f32::INFINITY, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_far_as_its_nearest_piece() {
        let line = [pos2(0.0, 0.0), pos2(10.0, 0.0), pos2(10.0, 10.0)];
        assert_eq!(distance(&line, pos2(5.0, 3.0)), 3.0);
        assert_eq!(distance(&line, pos2(14.0, 5.0)), 4.0);
        assert_eq!(distance(&line[..1], pos2(0.0, 0.0)), f32::INFINITY);
    }

    #[test]
    fn only_lines_through_every_range_are_kept() {
        let brushes = Brushes {
            kept: BTreeMap::from([(0, (0.0, 0.5)), (2, (0.9, 1.0))]),
            from: None,
        };
        assert!(brushes.keeps(&[Some(0.2), None, Some(1.0)]));
        assert!(!brushes.keeps(&[Some(0.2), None, Some(0.5)]));
        assert!(!brushes.keeps(&[None, None, Some(1.0)]));
        assert!(Brushes::default().keeps(&[]));
    }
}
