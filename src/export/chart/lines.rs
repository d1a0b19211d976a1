//! Lines over two axes.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::legend::{self, Key, Mark};
use super::{Drawn, Figure};

/// One line, and the band around it where it is the mean of several.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    /// In the legend; lines without a name are not in it.
    pub name: String,
    pub color: [u8; 3],
    pub points: Vec<(f64, f64)>,
    /// x, lower end, upper end.
    pub band: Vec<(f64, f64, f64)>,
    pub dashed: bool,
    /// Points alone.
    pub dots: bool,
    /// In the background: what another line smooths.
    pub faint: bool,
}

/// What a chart shows; `y` fixes the range of the axis, otherwise the lines decide it.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    pub title: String,
    pub x: String,
    /// Name of the upright axis; none where the title says it.
    pub y_name: String,
    pub y: Option<Range<f64>>,
    /// Without the names below.
    pub size: (u32, u32),
    pub lines: Vec<Line>,
    /// Words along the axis in place of numbers: the first at 0, the next at 1.
    pub x_words: Vec<String>,
    /// Points are decimal logarithms of what the axes say.
    pub log_x: bool,
    pub log_y: bool,
    /// Names of the lines below the chart.
    pub legend: bool,
}

impl Figure for Chart {
    fn title(&self) -> &str {
        &self.title
    }

    fn size(&self) -> (u32, u32) {
        let (width, height) = self.size;
        let keys = keys(self);
        let foot = match keys.is_empty() {
            true => 0,
            false => legend::height(&keys, width - 2 * EDGE) + EDGE,
        };
        (width, height + foot)
    }

    fn draw<B: DrawingBackend>(&self, root: &DrawingArea<B, Shift>, scale: u32) -> Drawn
    where
        B::ErrorType: 'static,
    {
        draw(self, root, scale)
    }
}

/// Points around the names below.
const EDGE: u32 = 10;

/// Names below the chart, each once.
fn keys(chart: &Chart) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for line in chart
        .lines
        .iter()
        .filter(|line| chart.legend && !line.name.is_empty())
    {
        let mark = match (line.dots, line.dashed) {
            (true, _) => Mark::Dot,
            (_, true) => Mark::Dashes,
            _ => Mark::Line,
        };
        let key = Key {
            name: line.name.clone(),
            color: line.color,
            mark,
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

fn draw<B: DrawingBackend>(chart: &Chart, root: &DrawingArea<B, Shift>, scale: u32) -> Drawn
where
    B::ErrorType: 'static,
{
    let (x, y) = ranges(chart);
    let letters = |size: u32| ("sans-serif", size * scale);
    let shown = |log: bool, value: f64| if log { 10_f64.powf(value) } else { value };
    let word = |value: f64| {
        let whole = (value >= 0.0 && value.fract() == 0.0).then_some(value as usize);
        (whole.and_then(|at| chart.x_words.get(at))).map_or_else(String::new, Clone::clone)
    };
    let marks = match chart.x_words.len() {
        0 => 6,
        words => words.max(2),
    };
    let (width, height) = chart.size;
    let corner = (EDGE, height);
    legend::draw(root, &keys(chart), corner, width - 2 * EDGE, scale)?;
    let (upper, _) = root.split_vertically((height * scale) as i32);
    let mut context = ChartBuilder::on(&upper)
        .caption(&chart.title, letters(18))
        .margin(8 * scale)
        .x_label_area_size(40 * scale)
        .y_label_area_size(56 * scale)
        .build_cartesian_2d(x, y)?;
    context
        .configure_mesh()
        .x_desc(&chart.x)
        .y_desc(&chart.y_name)
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .axis_style(RGBColor(120, 120, 120))
        .label_style(letters(14))
        .x_labels(marks)
        .y_labels(6)
        .x_label_formatter(&|value| {
            if chart.x_words.is_empty() {
                number(shown(chart.log_x, *value))
            } else {
                word(*value)
            }
        })
        .y_label_formatter(&|value| number(shown(chart.log_y, *value)))
        .draw()?;
    for line in &chart.lines {
        let [r, g, b] = line.color;
        let color = RGBColor(r, g, b).mix(if line.faint { 0.35 } else { 1.0 });
        let width = if line.faint { scale } else { 2 * scale };
        if line.band.len() > 1 {
            let upper = line.band.iter().map(|(x, _, high)| (*x, *high));
            let lower = line.band.iter().rev().map(|(x, low, _)| (*x, *low));
            let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
            context.draw_series([Polygon::new(outline, color.mix(0.18))])?;
        }
        // Where a value is missing the line is broken, not bridged.
        for part in line.points.split(|(_, y)| !y.is_finite()) {
            let style = color.stroke_width(width);
            let points = part.iter().copied();
            if line.dots {
                let size = 4 * scale;
                context.draw_series(points.map(|at| Circle::new(at, size, color.filled())))?;
            } else if line.dashed {
                let dashes = DashedLineSeries::new(points, 6 * scale, 4 * scale, style);
                context.draw_series(dashes)?;
            } else {
                context.draw_series(LineSeries::new(points, style))?;
            }
        }
    }
    Ok(())
}

/// A number beside an axis: as many digits as it needs, no more.
pub(super) fn number(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Ranges of both axes, never empty.
fn ranges(chart: &Chart) -> (Range<f64>, Range<f64>) {
    let points = || chart.lines.iter().flat_map(|line| &line.points);
    let bands = || chart.lines.iter().flat_map(|line| &line.band);
    let x = match chart.x_words.len() {
        0 => around(points().map(|p| p.0)),
        words => -0.5..words as f64 - 0.5,
    };
    let y = chart.y.clone().unwrap_or_else(|| {
        let ends = bands().flat_map(|(_, low, high)| [*low, *high]);
        around(points().map(|p| p.1).chain(ends))
    });
    (x, y)
}

fn around(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    match low.partial_cmp(&high) {
        Some(std::cmp::Ordering::Less) => low..high,
        Some(std::cmp::Ordering::Equal) => low - 0.5..high + 0.5,
        _ => 0.0..1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_drawn_is_left_out_and_names_are_no_markup() {
        let line = Line {
            name: "a".to_owned(),
            color: [0, 114, 178],
            points: vec![(1.0, 0.5), (2.0, f64::NAN), (3.0, 0.7), (4.0, 0.8)],
            ..Line::default()
        };
        let chart = Chart {
            title: "a < b & c".to_owned(),
            x: "step".to_owned(),
            size: (400, 200),
            lines: vec![line],
            ..Chart::default()
        };
        let text = chart.svg().unwrap();
        assert!(text.contains("a &lt; b &amp; c"), "{text}");
        assert!(!text.contains("NaN"), "{text}");
        assert!(text.matches("<polyline").count() >= 2);
        let empty = Chart {
            lines: Vec::new(),
            ..chart
        }
        .svg()
        .unwrap();
        assert!(empty.starts_with("<svg"));
    }

    #[test]
    fn a_legend_is_text_and_a_logarithmic_axis_says_the_numbers_themselves() {
        let line = |name: &str, dashed| Line {
            name: name.to_owned(),
            points: vec![(0.0, -3.0), (1.0, -1.0), (3.0, 0.0)],
            dashed,
            ..Line::default()
        };
        let lines = vec![
            line("dice & co", false),
            line("focal", true),
            line("", false),
        ];
        let chart = Chart {
            title: "Loss".to_owned(),
            x: "step".to_owned(),
            size: (480, 300),
            lines,
            log_x: true,
            log_y: true,
            legend: true,
            ..Chart::default()
        };
        let text = chart.svg().unwrap();
        for word in ["dice &amp; co", "focal", "1000", "0.001"] {
            assert!(
                text.lines().any(|line| line.trim() == word),
                "{word}: {text}"
            );
        }
        let image = image::load_from_memory(&chart.png(2).unwrap()).unwrap();
        assert_eq!(
            (image.width(), image.height()),
            (960, 600 + 2 * (legend::ROW + EDGE))
        );
        let dark = image
            .to_rgb8()
            .pixels()
            .filter(|p| p.0 == [0, 0, 0])
            .count();
        assert!(dark > 200, "lines and letters: {dark}");
    }
}
