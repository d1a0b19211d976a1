//! How the classes lie on both sides of the split, as bars.

use egui::{Color32, Ui};
use egui_plot::{Bar, BarChart, Corner, GridMark, Legend, Plot};

use super::percent;
use crate::data::{Census, ClassMap};

/// Shares below this are drawn at the foot of a logarithmic axis.
const FLOOR: f64 = 1e-6;

/// What the bars count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Share of all pixels of a side.
    Pixels,
    /// Share of the images of a side in which the class occurs.
    Images,
}

/// A side's share per class, 0..=1.
pub(super) fn shares(census: &Census, of: Of, [train, val]: [usize; 2]) -> [Vec<f64>; 2] {
    let each = |list: &[u64], all: u64| -> Vec<f64> {
        list.iter().map(|n| *n as f64 / all.max(1) as f64).collect()
    };
    match of {
        Of::Pixels => {
            let sum = |list: &[u64], ignored: u64| list.iter().sum::<u64>() + ignored;
            [
                each(
                    &census.train_pixels,
                    sum(&census.train_pixels, census.ignored_train),
                ),
                each(
                    &census.val_pixels,
                    sum(&census.val_pixels, census.ignored_val),
                ),
            ]
        }
        Of::Images => [
            each(&census.train_images, train as u64),
            each(&census.val_images, val as u64),
        ],
    }
}

/// Draws the bars: training above validation, class by class. `sides` are images per side.
pub(super) fn show(
    ui: &mut Ui,
    classes: &ClassMap,
    census: &Census,
    of: Of,
    log: bool,
    sides: [usize; 2],
) {
    let shares = shares(census, of, sides);
    let names: Vec<String> = classes.classes.iter().map(|c| c.name.clone()).collect();
    let place = |share: f64| {
        if log {
            (share.max(FLOOR) / FLOOR).log10()
        } else {
            share * 100.0
        }
    };
    let dark = ui.visuals().dark_mode;
    let outline = if dark {
        Color32::LIGHT_GRAY
    } else {
        Color32::DARK_GRAY
    };
    let mut charts = Vec::new();
    for (side, (name, shift)) in [("train", 0.2), ("validate", -0.2)].into_iter().enumerate() {
        let bars = (shares[side].iter().zip(&classes.classes).enumerate())
            .map(|(at, (&share, class))| {
                let [r, g, b] = class.color;
                let fill = Color32::from_rgb(r, g, b);
                // Validation is hollow, so that not only the place tells the sides apart.
                let fill = if side == 0 {
                    fill
                } else {
                    fill.gamma_multiply(0.25)
                };
                Bar::new(shift - at as f64, place(share))
                    .name(format!("{}, {name}: {}", class.name, percent(share)))
                    .fill(fill)
                    .stroke(egui::Stroke::new(1.0, outline))
                    .width(0.36)
            })
            .collect();
        charts.push(
            BarChart::new(name, bars)
                .horizontal()
                .color(if side == 0 {
                    outline
                } else {
                    outline.gamma_multiply(0.25)
                })
                .element_formatter(Box::new(|bar, _| bar.name.clone())),
        );
    }
    let count = names.len();
    let longest = shares.iter().flatten().copied().fold(0.0, f64::max);
    let title = match of {
        Of::Pixels => "Share of the pixels per class",
        Of::Images => "Share of the images that hold a class",
    };
    let height = (count as f32 * 26.0 + 46.0).max(110.0);
    let response = Plot::new(("balance", title))
        .height(height)
        .allow_zoom(false)
        .allow_drag(false)
        .allow_scroll(false)
        .show_grid([true, false])
        .include_x(0.0)
        // Room for the legend beside the bars.
        .include_x(place(longest) * 1.2)
        .legend(
            Legend::default()
                .position(Corner::RightBottom)
                .follow_insertion_order(true),
        )
        .label_formatter(|_| None)
        .y_grid_spacer(move |_| {
            let mark = |at: usize| GridMark {
                value: -(at as f64),
                step_size: 1.0,
            };
            (0..count).map(mark).collect()
        })
        .y_axis_formatter(move |mark, _| {
            let at = (-mark.value).round();
            if at < 0.0 || (mark.value + at).abs() > 0.01 {
                return String::new();
            }
            let name = names.get(at as usize).map_or("", String::as_str);
            name.chars().take(16).collect()
        })
        .x_axis_formatter(move |mark, _| {
            if log {
                percent(FLOOR * 10f64.powf(mark.value))
            } else if mark.value > 100.0 {
                // Room for the legend, not a share.
                String::new()
            } else {
                format!("{} %", mark.value)
            }
        })
        .show(ui, |plot| {
            // In a lower corner, a legend grows from its foot.
            for chart in charts.into_iter().rev() {
                plot.bar_chart(chart);
            }
        })
        .response;
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Figure, true, title));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_each_side_by_itself() {
        let census = Census {
            train_pixels: vec![30, 10],
            val_pixels: vec![0, 5],
            train_images: vec![4, 1],
            val_images: vec![0, 2],
            train_presence_pixels: vec![40, 40],
            ignored_train: 60,
            ignored_val: 0,
        };
        let [train, val] = shares(&census, Of::Pixels, [4, 2]);
        assert_eq!((train, val), (vec![0.3, 0.1], vec![0.0, 1.0]));
        let [train, val] = shares(&census, Of::Images, [4, 2]);
        assert_eq!((train, val), (vec![1.0, 0.25], vec![0.0, 1.0]));
    }
}
