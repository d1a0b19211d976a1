//! What the doctor said while a run trained, as flags at the upper edge of its plots.

use egui::{Align2, FontId, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{Along, Shown};
use crate::app::theme;
use crate::finding::Severity;

const SIZE: f32 = 14.0;
/// Flags nearer than this to each other are one, in points.
const NEAR: f32 = 7.0;

/// A place on the x axis and what was said there.
struct Flag {
    x: f32,
    worst: Severity,
    said: Vec<String>,
}

/// Draws the flags; `across` says where on the screen a place of the x axis is.
pub fn show(ui: &Ui, frame: Rect, along: Along, shown: &[Shown], across: impl Fn(f64) -> f32) {
    let mut flags: Vec<Flag> = Vec::new();
    for s in shown {
        for (step, finding) in s.run.findings.iter().filter(|(step, _)| *step > 0) {
            let at = s.run.steps.partition_point(|point| point.step < *step);
            let secs = s.run.steps.get(at).map_or(0.0, |point| point.secs);
            let x = across(along.place(s.run, *step, secs));
            if !frame.x_range().contains(x) {
                continue;
            }
            let name = if shown.len() > 1 {
                format!("{}, ", s.name)
            } else {
                String::new()
            };
            let text = format!(
                "{name}step {step}, {}: {}",
                finding.severity.name(),
                finding.message
            );
            match flags.iter_mut().find(|flag| (flag.x - x).abs() < NEAR) {
                Some(flag) => {
                    flag.worst = flag.worst.max(finding.severity);
                    flag.said.push(text);
                }
                None => flags.push(Flag {
                    x,
                    worst: finding.severity,
                    said: vec![text],
                }),
            }
        }
    }
    for (at, flag) in flags.iter().enumerate() {
        let (sign, color) = match flag.worst {
            Severity::Error => ("✖", theme::bad(ui)),
            Severity::Warning => ("⚠", theme::warn(ui)),
            Severity::Hint => ("ℹ", ui.visuals().text_color()),
        };
        let painter = ui.painter().with_clip_rect(frame);
        painter.vline(
            flag.x,
            frame.y_range(),
            egui::Stroke::new(1.0, color.gamma_multiply(0.6)),
        );
        let center = pos2(flag.x, frame.top() + SIZE / 2.0 + 1.0);
        let rect = Rect::from_center_size(center, vec2(SIZE, SIZE));
        painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
        painter.text(
            center,
            Align2::CENTER_CENTER,
            sign,
            FontId::proportional(12.0),
            color,
        );
        let id = ui.make_persistent_id(("flag", at));
        let response = ui.interact(rect, id, Sense::hover());
        let said = flag.said.join("\n");
        response.widget_info(|| {
            WidgetInfo::labeled(Role::Label, true, format!("Seen by the doctor: {said}"))
        });
        response.on_hover_text(&said);
    }
}
