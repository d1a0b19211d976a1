//! The picture of a finding: bars, or lines over the steps of a run.

use egui::{Align2, FontId, Role, Sense, Ui, WidgetInfo, vec2};
use egui_plot::{Legend, Line, Plot};

use super::super::theme;
use crate::app::view::readout::short;
use crate::doctor::rules::{Bar, Picture};

const ROW: f32 = 17.0;
const NUMBER: f32 = 62.0;
const LINES: f32 = 130.0;

pub fn show(ui: &mut Ui, code: &str, picture: &Picture) {
    match picture {
        Picture::Bars { unit, bars } => shown_bars(ui, unit, bars),
        Picture::Lines { lines } => {
            Plot::new(("finding", code))
                .height(LINES)
                .allow_scroll(false)
                .allow_drag(false)
                .allow_zoom(false)
                .allow_boxed_zoom(false)
                .legend(Legend::default())
                .show(ui, |plot| {
                    for line in lines {
                        plot.line(Line::new(line.name.clone(), line.points.clone()).width(1.8));
                    }
                });
            ui.weak("over the steps of the run");
        }
    }
}

fn shown_bars(ui: &mut Ui, unit: &str, bars: &[Bar]) {
    ui.weak(unit);
    let values = || bars.iter().map(|bar| bar.value).filter(|v| v.is_finite());
    let low = values().fold(0.0, f64::min);
    let high = values().fold(0.0, f64::max);
    let span = (high - low).max(1e-12);
    let width = ui.available_width();
    let names = (width * 0.42).min(190.0);
    for bar in bars {
        let (rect, response) = ui.allocate_exact_size(vec2(width, ROW), Sense::hover());
        let name = format!("{}: {} {unit}", bar.name, short(bar.value));
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
        response.on_hover_text(name);
        let font = FontId::proportional(12.0);
        let text = ui.visuals().text_color();
        let label = rect.with_max_x(rect.left() + names - 4.0);
        let mark = if bar.marked { "▶ " } else { "" };
        ui.painter().with_clip_rect(label).text(
            label.left_center(),
            Align2::LEFT_CENTER,
            format!("{mark}{}", bar.name),
            font,
            text,
        );
        let track = rect
            .with_min_x(rect.left() + names)
            .with_max_x(rect.right() - NUMBER)
            .shrink2(vec2(0.0, 3.0));
        ui.painter()
            .rect_filled(track, 2.0, ui.visuals().faint_bg_color);
        let at = |value: f64| track.left() + track.width() * ((value - low) / span) as f32;
        if bar.value.is_finite() {
            let (from, to) = (at(0.0), at(bar.value));
            let filled = track
                .with_min_x(from.min(to))
                .with_max_x(from.max(to).max(from.min(to) + 1.5));
            let color = if bar.marked {
                theme::bad(ui)
            } else {
                ui.visuals().weak_text_color()
            };
            ui.painter().rect_filled(filled, 2.0, color);
        }
        ui.painter().text(
            rect.right_center(),
            Align2::RIGHT_CENTER,
            short(bar.value),
            FontId::monospace(11.5),
            text,
        );
    }
}
