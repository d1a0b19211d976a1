//! The distances between classes as a grid with named rows and columns. Both halves are one: what is
//! set for a pair holds in both directions. Undo is the draft's own.

use egui::{DragValue, Grid, RichText, ScrollArea, Ui};

/// Draws the grid of `names.len()`² `distances`; empty stands for 1 between any two classes.
pub fn ui(ui: &mut Ui, distances: &mut Vec<f64>, names: &[String]) {
    let classes = names.len();
    let fits = distances.is_empty() || distances.len() == classes * classes;
    ui.label("Distances between classes").on_hover_text(
        "What it costs to take one class for another, without a unit: only ratios matter where the \
         largest is 1. Key: distances",
    );
    if !fits {
        ui.colored_label(
            super::super::theme::bad(ui),
            format!(
                "{} distances for {classes} classes: expected {classes} x {classes}.",
                distances.len()
            ),
        );
    }
    let mut all = match fits && !distances.is_empty() {
        true => distances.clone(),
        false => equal(classes),
    };
    let mut changed = false;
    // Of one height in both grids: that of a field.
    let text = ui.text_style_height(&ui.style().drag_value_text_style);
    let field = text + 2.0 * ui.spacing().button_padding.y;
    let height = ui.spacing().interact_size.y.max(field).ceil();
    ui.horizontal_top(|ui| {
        // Names of rows stay where they are when many classes scroll.
        let grid = Grid::new("rows of distances").striped(true);
        grid.min_row_height(height).show(ui, |ui| {
            ui.label("");
            ui.end_row();
            for own in names {
                ui.label(RichText::new(short(own)).small())
                    .on_hover_text(own);
                ui.end_row();
            }
        });
        let scrolling = ScrollArea::horizontal().id_salt("distances");
        scrolling.show(ui, |ui| {
            let grid = Grid::new("distances").striped(true);
            grid.min_row_height(height).show(ui, |ui| {
                for name in names {
                    ui.label(RichText::new(short(name)).small())
                        .on_hover_text(format!("{name}, as the other class of the pair"));
                }
                ui.end_row();
                for (row, own) in names.iter().enumerate() {
                    for (column, other) in names.iter().enumerate() {
                        if row == column {
                            ui.weak("0").on_hover_text("A class is at 0 from itself.");
                            continue;
                        }
                        let pair = format!("{own} and {other}");
                        let mut value = all[row * classes + column];
                        let drag = DragValue::new(&mut value).range(0.0..=1e6).speed(0.01);
                        let response = ui.add(drag).on_hover_text(format!(
                            "Distance between {pair}: at 0 taking one for the other costs nothing \
                             (default 1)."
                        ));
                        response.widget_info(|| {
                            let label = format!("Distance between {pair}");
                            egui::WidgetInfo::labeled(egui::Role::SpinButton, true, label)
                        });
                        if response.changed() {
                            all[row * classes + column] = value;
                            all[column * classes + row] = value;
                            changed = true;
                        }
                    }
                    ui.end_row();
                }
            });
        });
    });
    let reset = egui::Button::new("All 1").small();
    let can = !distances.is_empty();
    if ui
        .add_enabled(can, reset)
        .on_hover_text("Every confusion costs the same again.")
        .clicked()
    {
        distances.clear();
    } else if changed {
        *distances = all;
    }
}

/// 1 off the diagonal.
fn equal(classes: usize) -> Vec<f64> {
    (0..classes * classes)
        .map(|at| f64::from(u8::from(at / classes != at % classes)))
        .collect()
}

/// The beginning of a name, for a narrow column.
fn short(name: &str) -> String {
    const MOST: usize = 9;
    match name.chars().count() > MOST {
        true => name.chars().take(MOST - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    #[test]
    fn what_is_set_for_a_pair_holds_both_ways() {
        let names = ["Background", "road", "car"].map(str::to_owned);
        let mut harness = Harness::new_ui_state(
            move |ui, distances: &mut Vec<f64>| super::ui(ui, distances, &names),
            Vec::new(),
        );
        harness.run();
        assert!(harness.state().is_empty(), "drawing changes nothing");
        let field = harness
            .get_all_by_label("Distance between road and car")
            .next();
        field.unwrap().focus();
        harness.run();
        harness.key_press(egui::Key::ArrowUp);
        harness.run();
        let found = harness.state().clone();
        assert_eq!(found.len(), 9);
        assert!(found[5] != 1.0 && found[5] == found[7], "{found:?}");
        assert_eq!((found[0], found[1], found[4]), (0.0, 1.0, 0.0));
    }

    #[test]
    fn names_stand_beside_their_rows() {
        let names: Vec<String> = (0..12).map(|class| format!("class {class}")).collect();
        let mut harness = Harness::new_ui_state(
            move |ui, distances: &mut Vec<f64>| super::ui(ui, distances, &names),
            Vec::new(),
        );
        harness.run();
        for class in 1..12 {
            // The first of this name is the row's, the second the column's.
            let own = format!("class {class}");
            let name = harness.get_all_by_label(&own).next();
            let pair = format!("Distance between class {class} and class 0");
            let (name, field) = (name.unwrap().rect(), harness.get_by_label(&pair).rect());
            let off = (name.center().y - field.center().y).abs();
            assert!(off < 1.5, "class {class}: {name}, {field}");
        }
    }
}
