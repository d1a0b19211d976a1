//! Line charts as SVG text.

use std::ops::Range;

use plotters::prelude::*;

/// One line, and the band around it where it is the mean of several.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub name: String,
    pub color: [u8; 3],
    pub points: Vec<(f64, f64)>,
    /// x, lower end, upper end.
    pub band: Vec<(f64, f64, f64)>,
}

/// What a chart shows; `y` fixes the range of the axis, otherwise the lines decide it.
#[derive(Debug, Clone)]
pub struct Chart<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: Option<Range<f64>>,
    pub size: (u32, u32),
    pub lines: &'a [Line],
}

/// The chart as an `<svg>` element on a white ground.
///
/// # Errors
/// When the drawing fails, which its text never should.
pub fn svg(chart: &Chart<'_>) -> Result<String, String> {
    let mut text = String::new();
    draw(chart, &mut text).map_err(|error| format!("{}: {error}", chart.title))?;
    Ok(text)
}

fn draw(chart: &Chart<'_>, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(text, chart.size).into_drawing_area();
    root.fill(&WHITE)?;
    let (x, y) = ranges(chart);
    let mut context = ChartBuilder::on(&root)
        .caption(chart.title, ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(34)
        .y_label_area_size(48)
        .build_cartesian_2d(x, y)?;
    context
        .configure_mesh()
        .x_desc(chart.x)
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .axis_style(RGBColor(120, 120, 120))
        .label_style(("sans-serif", 12))
        .x_labels(6)
        .y_labels(6)
        .draw()?;
    for line in chart.lines {
        let [r, g, b] = line.color;
        let color = RGBColor(r, g, b);
        if line.band.len() > 1 {
            let upper = line.band.iter().map(|(x, _, high)| (*x, *high));
            let lower = line.band.iter().rev().map(|(x, low, _)| (*x, *low));
            let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
            context.draw_series([Polygon::new(outline, color.mix(0.18))])?;
        }
        // Where a value is missing the line is broken, not bridged.
        for part in line.points.split(|(_, y)| !y.is_finite()) {
            context.draw_series(LineSeries::new(part.iter().copied(), color.stroke_width(2)))?;
        }
    }
    root.present()?;
    Ok(())
}

/// Ranges of both axes, never empty.
fn ranges(chart: &Chart<'_>) -> (Range<f64>, Range<f64>) {
    let points = || chart.lines.iter().flat_map(|line| &line.points);
    let bands = || chart.lines.iter().flat_map(|line| &line.band);
    let x = around(points().map(|p| p.0));
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
            band: Vec::new(),
        };
        let chart = Chart {
            title: "a < b & c",
            x: "step",
            y: None,
            size: (400, 200),
            lines: &[line],
        };
        let text = svg(&chart).unwrap();
        assert!(text.contains("a &lt; b &amp; c"), "{text}");
        assert!(!text.contains("NaN"), "{text}");
        assert!(text.matches("<polyline").count() >= 2);
        let empty = svg(&Chart {
            lines: &[],
            ..chart
        })
        .unwrap();
        assert!(empty.starts_with("<svg"));
    }
}
