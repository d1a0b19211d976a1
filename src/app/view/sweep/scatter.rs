//! One parameter against the result.

use std::collections::BTreeMap;

use egui::{Color32, Role, Ui, Vec2b, WidgetInfo, vec2};
use egui_plot::{GridMark, Line, LineStyle, Plot, Points};

use super::{Axis, Outcome, Scale, said};
use crate::run::Run;

/// Draws a dot for each run, and the mean at each value; returns which run was clicked.
pub fn ui(
    ui: &mut Ui,
    axis: &Axis,
    outcome: Outcome,
    runs: &[&Run],
    results: &[Option<f64>],
    color: &dyn Fn(&Run) -> Color32,
) -> Option<usize> {
    let dots: Vec<(usize, [f64; 2])> = (axis.places.iter().zip(results).enumerate())
        .filter_map(|(at, (x, y))| Some((at, [(*x)?, (*y)?])))
        .collect();
    let means = means(&dots);
    let (low, high) = axis.ends();
    let margin = (high - low) * 0.04;
    let label = axis.clone();
    let marks = axis.clone();
    let words = matches!(axis.scale, Scale::Words(_));
    let mut plot = Plot::new(("sweep", &axis.name, outcome.name()))
        .height(ui.available_height())
        .allow_scroll(false)
        .allow_zoom(Vec2b::TRUE)
        .show_x(false)
        .show_y(false)
        .include_x(low - margin)
        .include_x(high + margin)
        .set_margin_fraction(vec2(0.02, 0.08))
        .grid_color(ui.visuals().text_color().gamma_multiply(0.16))
        .x_axis_label(axis.name.as_str())
        .y_axis_label(outcome.name())
        .x_axis_formatter(move |mark, _| label.label(mark.value));
    if let Some(values) = marks.few() {
        // The values themselves, where they can be told apart.
        let step_size = (high - low).max(1e-9);
        let lines: Vec<GridMark> = (values.into_iter())
            .map(|value| GridMark { value, step_size })
            .collect();
        plot = plot.x_grid_spacer(move |_| lines.clone());
    }
    let strong = ui.visuals().strong_text_color();
    let shows = plot.show(ui, |plot| {
        let line: Vec<[f64; 2]> = means.iter().map(|(x, y, _)| [*x, *y]).collect();
        if !words && line.len() > 1 {
            let line = Line::new("mean", line.clone()).color(strong.gamma_multiply(0.5));
            plot.line(line.width(1.2).style(LineStyle::dashed_dense()));
        }
        for (at, point) in &dots {
            let dot = Points::new("", vec![*point]).radius(5.0);
            plot.points(dot.color(color(runs[*at])));
        }
        let bars = Points::new("mean", line).color(strong).radius(7.0);
        plot.points(bars.shape(egui_plot::MarkerShape::Plus));
    });
    let name = format!(
        "Scatter plot of {} against {}, {} runs",
        outcome.name(),
        axis.name,
        dots.len()
    );
    (shows.response).widget_info(|| WidgetInfo::labeled(Role::Figure, true, &name));
    let pointer = shows.response.hover_pos()?;
    let place = |point: &[f64; 2]| {
        let point = egui_plot::PlotPoint::new(point[0], point[1]);
        shows.transform.position_from_point(&point)
    };
    let nearest = dots
        .iter()
        .map(|(at, point)| (place(point).distance(pointer), *at))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(distance, _)| *distance < 16.0)?
        .1;
    let clicked = shows.response.clicked();
    let around = axis.places[nearest];
    let mean = means.iter().find(|(x, _, _)| Some(*x) == around);
    shows.response.on_hover_ui_at_pointer(|ui| {
        ui.strong(&runs[nearest].name);
        ui.label(format!("{} = {}", axis.name, axis.texts[nearest]));
        ui.label(format!("{}: {}", outcome.name(), said(results[nearest])));
        if let Some((_, y, n)) = mean.filter(|(_, _, n)| *n > 1) {
            ui.label(format!("mean of {n} runs here: {}", said(Some(*y))));
        }
        ui.weak("A click shows the run.");
    });
    clicked.then_some(nearest)
}

/// Place, mean result and number of runs at each value.
pub(super) fn means(dots: &[(usize, [f64; 2])]) -> Vec<(f64, f64, usize)> {
    let mut at: BTreeMap<u64, (f64, Vec<f64>)> = BTreeMap::new();
    for (_, [x, y]) in dots {
        at.entry(x.to_bits()).or_insert((*x, Vec::new())).1.push(*y);
    }
    let mut means: Vec<(f64, f64, usize)> = (at.into_values())
        .map(|(x, ys)| (x, ys.iter().sum::<f64>() / ys.len() as f64, ys.len()))
        .collect();
    means.sort_by(|a, b| a.0.total_cmp(&b.0));
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_averaged_where_the_value_is_the_same() {
        let dots = [(0, [2.0, 0.2]), (1, [-1.0, 0.5]), (2, [2.0, 0.4])];
        let found = means(&dots);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].0, found[0].2), (-1.0, 1));
        assert!((found[1].1 - 0.3).abs() < 1e-12 && found[1].2 == 2);
    }
}
