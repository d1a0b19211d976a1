//! Where the grid lines of an axis are, and what stands beside them: few, round, readable.

use std::ops::RangeInclusive;

use egui_plot::{GridInput, GridMark};

use super::series::{Along, XAxis, duration};

/// Pixels that the smallest allowed step stands for; egui_plot's `grid_spacing` minimum.
pub const MIN_SPACING: f32 = 8.0;
/// Never more than this, whatever the bounds are.
const MOST: f64 = 200.0;

/// Lines about 80 pixels apart, at round steps, epochs, times or numbers of images.
#[must_use]
pub fn across(along: Along, input: &GridInput) -> Vec<GridMark> {
    let least = input.base_step_size * 10.0;
    if along.log {
        return decades(least, input.bounds);
    }
    let unit = match along.axis {
        XAxis::Steps | XAxis::Images => nice(least).max(1.0),
        XAxis::Epochs => nice(least),
        XAxis::Time => nice_time(least),
    };
    multiples(unit, input.bounds)
}

/// Lines about 40 pixels apart; on a logarithmic axis at 1, 2 and 5 of each power of ten.
#[must_use]
pub fn upward(log: bool, input: &GridInput) -> Vec<GridMark> {
    let least = input.base_step_size * 4.0;
    if log {
        decades(least, input.bounds)
    } else {
        multiples(nice(least), input.bounds)
    }
}

/// Decimal logarithms of round numbers, `least` or more apart.
fn decades(least: f64, bounds: (f64, f64)) -> Vec<GridMark> {
    let (low, high) = bounds;
    // Room for 1, 2, 5 in a decade: the narrowest of the three gaps is 0.3 of it.
    if high - low > 300.0 || least < 0.05 {
        return multiples(nice(least), bounds);
    }
    let parts: &[f64] = if least < 0.3 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let every = nice(least).max(1.0);
    let mut marks = Vec::new();
    let mut power = (low / every).floor() * every;
    while power <= high && marks.len() < MOST as usize {
        for part in parts {
            let value = power + part.log10();
            if (low..=high).contains(&value) {
                // A step that draws every line alike.
                let step_size = if parts.len() > 1 { least } else { every };
                marks.push(GridMark { value, step_size });
            }
        }
        power += every;
    }
    marks
}

fn multiples(unit: f64, (low, high): (f64, f64)) -> Vec<GridMark> {
    let (first, last) = ((low / unit).ceil(), (high / unit).floor());
    if !(first.is_finite() && last.is_finite()) || last - first > MOST {
        return Vec::new();
    }
    (0..=(last - first).max(-1.0) as i64)
        .take(if last < first { 0 } else { usize::MAX })
        .map(|at| GridMark {
            value: (first + at as f64) * unit,
            step_size: unit,
        })
        .collect()
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `least`.
fn nice(least: f64) -> f64 {
    let least = least.max(1e-12);
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|part| part * power)
        .find(|&unit| unit >= least * 0.999)
        .unwrap_or(power * 10.0)
}

/// As [`nice`], in parts of minutes and hours.
fn nice_time(least: f64) -> f64 {
    const CLOCK: [f64; 14] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    ];
    CLOCK
        .into_iter()
        .find(|&unit| unit >= least)
        .unwrap_or_else(|| nice(least / 3600.0) * 3600.0)
}

/// What stands at a place of the x axis.
#[must_use]
pub fn x_label(along: Along, place: f64) -> String {
    // A logarithm's last bits would make 1000 of 999.9999.
    let value = match (along.log, along.value(place)) {
        (true, value) => (value * 1e6).round() / 1e6,
        (false, value) => value,
    };
    match along.axis {
        XAxis::Time if along.log && value < 60.0 => format!("{} s", trimmed(format!("{value:.3}"))),
        XAxis::Time => duration(value),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        _ => trimmed(format!("{value:.3}")),
    }
}

/// What stands at a height of the y axis; `log` heights are decimal logarithms.
#[must_use]
pub fn y_label(value: f64, log: bool, range: &RangeInclusive<f64>) -> String {
    if log {
        let value = 10_f64.powf(value);
        return if (0.999e-3..1e5).contains(&value) {
            trimmed(format!("{value:.4}"))
        } else {
            format!("{value:.1e}")
        };
    }
    let span = (range.end() - range.start()).abs();
    if !span.is_finite() || span >= 1e5 || (span > 0.0 && span < 1e-4) {
        return format!("{value:.1e}");
    }
    let places = (1.0 - span.max(1e-6).log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.places$}")
}

fn trimmed(text: String) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(marks: &[GridMark]) -> Vec<f64> {
        marks.iter().map(|mark| mark.value).collect()
    }

    fn over(axis: XAxis) -> Along {
        Along { axis, log: false }
    }

    #[test]
    fn marks_are_round_and_inside_the_bounds() {
        let input = |bounds, base_step_size| GridInput {
            bounds,
            base_step_size,
        };
        let steps = across(over(XAxis::Steps), &input((-3.0, 205.0), 2.1));
        assert_eq!(values(&steps), [0.0, 50.0, 100.0, 150.0, 200.0]);
        let time = across(over(XAxis::Time), &input((0.0, 200.0), 4.0));
        assert_eq!(values(&time), [0.0, 60.0, 120.0, 180.0]);
        // Whole steps only, however far one zooms in.
        let close = across(over(XAxis::Steps), &input((4.5, 7.5), 0.01));
        assert_eq!(values(&close), [5.0, 6.0, 7.0]);
        assert!(across(over(XAxis::Epochs), &input((0.5, 0.4), 1.0)).is_empty());
        assert!(across(over(XAxis::Epochs), &input((f64::NAN, 1.0), 1.0)).is_empty());
    }

    #[test]
    fn a_logarithmic_axis_has_its_powers_of_ten() {
        let input = GridInput {
            bounds: (-1.1, 0.1),
            base_step_size: 0.05,
        };
        let marks = upward(true, &input);
        let labels: Vec<String> = (marks.iter())
            .map(|mark| y_label(mark.value, true, &(-1.1..=0.1)))
            .collect();
        assert_eq!(labels, ["0.1", "0.2", "0.5", "1"]);
    }

    #[test]
    fn axis_labels_show_the_loss_itself_whatever_the_scale() {
        assert_eq!(y_label(2.0, true, &(0.0..=3.0)), "100");
        assert_eq!(y_label(0.5, false, &(0.0..=1.0)), "0.5");
        assert_eq!(y_label(0.125, false, &(0.1..=0.15)), "0.125");
        assert_eq!(x_label(over(XAxis::Time), 90.0), "1:30");
        assert_eq!(x_label(over(XAxis::Epochs), 2.5), "2.5");
        let log = |axis| Along { axis, log: true };
        assert_eq!(x_label(log(XAxis::Steps), 1000_f64.log10()), "1000");
        assert_eq!(x_label(log(XAxis::Time), 0.5_f64.log10()), "0.5 s");
    }
}
