//! A sweep as files.

use super::parallel::{MOST, result, scale_color, share};
use super::scatter::means;
use super::{Axis, Outcome, Scale};
use crate::app::view::color::{OKABE_ITO, on_ground};
use crate::export::chart::{self, Chart, Line, Parallel};
use crate::run::Run;

const SIZE: (u32, u32) = (680, 440);

/// A dot for each run, and the mean at each value.
pub fn scatter(axis: &Axis, outcome: Outcome, results: &[Option<f64>]) -> Chart {
    let dots: Vec<(usize, [f64; 2])> = (axis.places.iter().zip(results).enumerate())
        .filter_map(|(at, (x, y))| Some((at, [(*x)?, (*y)?])))
        .collect();
    let color = on_ground(OKABE_ITO[0], false);
    let color = [color.r(), color.g(), color.b()];
    let words = match &axis.scale {
        Scale::Words(words) => words.clone(),
        Scale::Linear | Scale::Log => Vec::new(),
    };
    let runs = Line {
        name: "runs".to_owned(),
        color,
        points: dots.iter().map(|(_, [x, y])| (*x, *y)).collect(),
        dots: true,
        ..Line::default()
    };
    let mean = Line {
        name: "mean".to_owned(),
        color: [60, 60, 60],
        points: means(&dots).iter().map(|(x, y, _)| (*x, *y)).collect(),
        dashed: words.is_empty(),
        // Between words there is nothing.
        dots: !words.is_empty(),
        ..Line::default()
    };
    Chart {
        title: format!("{} by {}", outcome.name(), axis.name),
        x: axis.name.clone(),
        y_name: outcome.name().to_owned(),
        size: SIZE,
        lines: vec![runs, mean],
        log_x: axis.scale == Scale::Log,
        x_words: words,
        legend: true,
        ..Chart::default()
    }
}

/// An axis for each parameter and the result, a line for each run.
pub fn parallel(axes: &[Axis], outcome: Outcome, results: &[Option<f64>]) -> Parallel {
    let result = result(outcome, results);
    let shown: Vec<&Axis> = axes.iter().take(MOST).chain([&result]).collect();
    let axis = |axis: &&Axis| {
        let (low, high) = axis.ends();
        let places = axis.few().unwrap_or_else(|| vec![low, high]);
        let mark = |place: f64| ((place - low) / (high - low), axis.label(place));
        chart::Axis {
            name: axis.name.clone(),
            marks: places.into_iter().map(mark).collect(),
        }
    };
    let line = |run: usize| {
        let shares: Vec<Option<f64>> = (shown.iter())
            .map(|axis| share(axis, run).map(f64::from))
            .collect();
        let color = match shares.last().copied().flatten() {
            Some(share) => scale_color(share as f32, false),
            None => egui::Color32::GRAY,
        };
        (shares, [color.r(), color.g(), color.b()])
    };
    Parallel {
        title: format!("{} by all that was varied", result.name),
        axes: shown.iter().map(axis).collect(),
        lines: (0..results.len()).map(line).collect(),
    }
}

/// Every run with what was varied, and its result.
pub fn rows(
    axes: &[Axis],
    outcome: Outcome,
    runs: &[&Run],
    results: &[Option<f64>],
) -> Vec<Vec<String>> {
    let mut heading = vec!["run".to_owned(), "name".to_owned()];
    heading.extend(axes.iter().map(|axis| axis.name.clone()));
    heading.push(outcome.name().to_owned());
    let mut rows = vec![heading];
    for (at, (run, result)) in runs.iter().zip(results).enumerate() {
        let mut row = vec![run.id.clone(), run.name.clone()];
        row.extend(axes.iter().map(|axis| axis.texts[at].clone()));
        row.push(result.map(|value| value.to_string()).unwrap_or_default());
        rows.push(row);
    }
    rows
}
