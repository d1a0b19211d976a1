//! Coloured chips that show and hide things: a legend that can be clicked and read aloud.

use std::collections::BTreeSet;

use egui::{
    Color32, CornerRadius, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2,
};

/// One thing that can be hidden.
#[derive(Debug, Clone)]
pub struct Chip {
    /// What is remembered while it is hidden.
    pub key: String,
    pub name: String,
    pub color: Color32,
}

/// A chip with `name`; hollow and faint while `on` is false.
pub fn chip(ui: &mut Ui, color: Color32, name: &str, on: bool) -> Response {
    const SWATCH: f32 = 10.0;
    const PAD: f32 = 5.0;
    let font = egui::FontId::proportional(11.5);
    let text = if on {
        ui.visuals().text_color()
    } else {
        ui.visuals().weak_text_color()
    };
    let galley = ui.painter().layout_no_wrap(shortened(name), font, text);
    let size = vec2(
        SWATCH + galley.size().x + 3.0 * PAD,
        galley.size().y.max(SWATCH) + 6.0,
    );
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), on, name));
    if ui.is_rect_visible(rect) {
        let visuals = ui.style().interact(&response);
        if response.hovered() || response.has_focus() {
            let painter = ui.painter();
            painter.rect(
                rect,
                CornerRadius::same(4),
                visuals.weak_bg_fill,
                visuals.bg_stroke,
                StrokeKind::Inside,
            );
        }
        let square = egui::Rect::from_center_size(
            egui::pos2(rect.left() + PAD + SWATCH / 2.0, rect.center().y),
            vec2(SWATCH, SWATCH),
        );
        let fill = if on { color } else { Color32::TRANSPARENT };
        ui.painter().rect(
            square,
            CornerRadius::same(2),
            fill,
            Stroke::new(1.5, color),
            StrokeKind::Inside,
        );
        let at = egui::pos2(
            square.right() + PAD,
            rect.center().y - galley.size().y / 2.0,
        );
        ui.painter().galley(at, galley, text);
    }
    response
}

/// A name that leaves room for others: its end is what tells repetitions apart.
fn shortened(name: &str) -> String {
    const LONGEST: usize = 30;
    let count = name.chars().count();
    if count <= LONGEST {
        return name.to_owned();
    }
    let head = name.chars().take(LONGEST / 2 - 1);
    let tail = name.chars().skip(count - LONGEST / 2);
    head.chain(['…']).chain(tail).collect()
}

/// A wrapping row of chips over the set of what is hidden. A double click shows one alone, or all
/// again.
pub fn legend(ui: &mut Ui, chips: &[Chip], hidden: &mut BTreeSet<String>) {
    // Not in a scope of its own: chips wrap with what stands before them.
    let usual = std::mem::replace(&mut ui.spacing_mut().item_spacing, vec2(2.0, 1.0));
    for item in chips {
        let shown = !hidden.contains(&item.key);
        let response = chip(ui, item.color, &item.name, shown).on_hover_text(format!(
            "Show or hide {}. A double click shows it alone, or all again.",
            item.name
        ));
        if response.double_clicked() {
            solo(chips, &item.key, hidden);
        } else if response.clicked() {
            if shown {
                hidden.insert(item.key.clone());
            } else {
                hidden.remove(&item.key);
            }
        }
    }
    ui.spacing_mut().item_spacing = usual;
}

/// In a wrapping row: begins the next one where what comes would not fit into this one as a whole.
pub fn keep_together(ui: &mut Ui, width: f32) {
    if ui.available_size_before_wrap().x < width {
        ui.end_row();
        ui.set_row_height(ui.spacing().interact_size.y);
    }
}

/// A line between what stands in a wrapping row and what comes, `width` points wide; where that begins
/// the next row, there is nothing to part.
pub fn part(ui: &mut Ui, width: f32) {
    let line = 6.0 + 2.0 * ui.spacing().item_spacing.x;
    if ui.available_size_before_wrap().x < width + line {
        ui.end_row();
        ui.set_row_height(ui.spacing().interact_size.y);
    } else {
        ui.separator();
    }
}

fn solo(chips: &[Chip], key: &str, hidden: &mut BTreeSet<String>) {
    let alone = chips
        .iter()
        .all(|chip| (chip.key == key) || hidden.contains(&chip.key));
    for chip in chips {
        if alone || chip.key == key {
            hidden.remove(&chip.key);
        } else {
            hidden.insert(chip.key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_ends() {
        assert_eq!(shortened("dice, seed 1"), "dice, seed 1");
        let short = shortened("generalised dice with everything on, seed 1");
        assert_eq!(short.chars().count(), 30);
        assert!(
            short.starts_with("generalised") && short.ends_with(", seed 1"),
            "{short}"
        );
    }

    #[test]
    fn a_double_click_shows_one_alone_and_then_all_again() {
        let chips: Vec<Chip> = ["a", "b", "c"]
            .map(|key| Chip {
                key: key.to_owned(),
                name: key.to_owned(),
                color: Color32::RED,
            })
            .into();
        // Another legend's entry is not touched.
        let mut hidden = BTreeSet::from(["b".to_owned(), "other".to_owned()]);
        solo(&chips, "b", &mut hidden);
        assert_eq!(hidden, ["a", "c", "other"].map(str::to_owned).into());
        solo(&chips, "b", &mut hidden);
        assert_eq!(hidden, ["other"].map(str::to_owned).into());
    }
}
