//! The values under the cursor, as a small table laid over a plot, beside the cursor's line.

use egui::{Align2, Color32, CornerRadius, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Entry {
    pub color: Color32,
    pub name: String,
    pub value: String,
}

/// A number in few characters, exact enough to compare curves.
#[must_use]
pub fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "–".to_owned();
    }
    if size != 0.0 && !(1e-3..1e5).contains(&size) {
        format!("{value:.2e}")
    } else if size >= 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.4}")
    }
}

/// A number with every digit that it was recorded with.
#[must_use]
pub fn exact(value: f64) -> String {
    let size = value.abs();
    if value.is_finite() && size != 0.0 && !(1e-4..1e9).contains(&size) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// A score, or a dash where the class is absent.
#[must_use]
pub fn score(value: Option<f64>) -> String {
    value
        .filter(|v| v.is_finite())
        .map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"))
}

/// Paints `entries` inside `plot`, on the side of the cursor at `cursor_x` that has more room.
pub fn show(ui: &Ui, id: egui::Id, plot: Rect, cursor_x: f32, title: &str, entries: &[Entry]) {
    const PAD: f32 = 6.0;
    const SWATCH: f32 = 8.0;
    let font = egui::FontId::proportional(11.5);
    let text = ui.visuals().text_color();
    let painter = ui.painter().with_clip_rect(plot.intersect(ui.clip_rect()));
    let lay = |words: &str| painter.layout_no_wrap(words.to_owned(), font.clone(), text);
    let heading = lay(title);
    let line = heading.size().y + 2.0;
    let rows = (((plot.height() - 4.0 * PAD) / line) as usize)
        .saturating_sub(1)
        .max(1);
    let columns = entries.len().div_ceil(rows).max(1);
    let rows = entries.len().div_ceil(columns);
    let values: Vec<_> = entries.iter().map(|entry| lay(&entry.value)).collect();
    let value = values.iter().map(|v| v.size().x).fold(0.0, f32::max);
    // Numbers are never cut; names are, where the plot is narrow.
    let room = (plot.width() - 8.0 - PAD) / columns as f32 - (SWATCH + value + 4.0 * PAD);
    let shortened = |words: &str| {
        let mut job =
            egui::text::LayoutJob::simple_singleline(words.to_owned(), font.clone(), text);
        job.wrap = egui::text::TextWrapping::truncate_at_width(room.max(24.0));
        painter.layout_job(job)
    };
    let names: Vec<_> = entries.iter().map(|entry| shortened(&entry.name)).collect();
    let name = names.iter().map(|n| n.size().x).fold(0.0, f32::max);
    let column = SWATCH + name + value + 4.0 * PAD;
    let size = vec2(
        (column * columns as f32).max(heading.size().x + PAD) + PAD,
        line * (rows + 1) as f32 + 2.0 * PAD,
    );
    let left = if cursor_x > plot.center().x {
        (cursor_x - size.x - 10.0).max(plot.left() + 4.0)
    } else {
        (cursor_x + 10.0).min(plot.right() - size.x - 4.0)
    };
    let frame = Rect::from_min_size(pos2(left, plot.top() + 4.0), size);
    painter.rect(
        frame,
        CornerRadius::same(4),
        ui.visuals().window_fill().gamma_multiply(0.94),
        ui.visuals().window_stroke(),
        egui::StrokeKind::Inside,
    );
    let top = frame.top() + PAD;
    painter.galley(pos2(frame.left() + PAD, top), heading, text);
    let laid = names.into_iter().zip(values).zip(entries);
    for (at, ((name, value), entry)) in laid.enumerate() {
        let x = frame.left() + PAD + column * (at / rows) as f32;
        let y = top + line * (at % rows + 1) as f32;
        let swatch = Rect::from_min_size(
            pos2(x, y + line / 2.0 - SWATCH / 2.0 - 1.0),
            vec2(SWATCH, SWATCH),
        );
        painter.rect_filled(swatch, CornerRadius::same(2), entry.color);
        painter.galley(pos2(x + SWATCH + PAD, y), name, text);
        let right = pos2(x + column - 2.0 * PAD, y);
        let place = Align2::RIGHT_TOP.anchor_size(right, value.size());
        painter.galley(place.min, value, text);
    }
    // What is painted is said too.
    let response = ui.interact(frame, id, Sense::empty());
    response.widget_info(|| {
        let values: Vec<String> = entries
            .iter()
            .map(|entry| format!("{} {}", entry.name, entry.value))
            .collect();
        WidgetInfo::labeled(Role::Label, true, format!("{title}: {}", values.join(", ")))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_absence_is_a_dash() {
        let read = [0.0, 0.123_456, 12.5, 1234.56, 1e-5, 3e7, f64::NAN].map(short);
        assert_eq!(
            read,
            [
                "0.0000", "0.1235", "12.5000", "1234.6", "1.00e-5", "3.00e7", "–"
            ]
        );
        assert_eq!(score(None), "–");
        assert_eq!(score(Some(0.5)), "0.500");
    }
}
