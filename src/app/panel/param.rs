//! One parameter as a labelled widget: drag, slider, list, box, reset.

use egui::{Ui, Widget};

use crate::param::{Param, Value};

/// Width of the labels' column.
pub const LABEL: f32 = 132.0;
/// Room behind a widget for the button that resets it: with less, each frame would push the panel wider.
pub const RESET: f32 = 36.0;
/// Ranges longer than this are moved by ratios.
const LONG: f64 = 1000.0;

/// `smooth_numerator` → `Smooth numerator`; units as they are written.
pub fn pretty(key: &str) -> String {
    let text = key
        .rsplit("augment.")
        .next()
        .unwrap_or(key)
        .replace(['_', '.'], " ")
        .replace(" mib", " MiB");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Draws the row; `default` is the preset's value, to which ↺ resets.
pub fn row(ui: &mut Ui, param: &mut Param<'_>, label: &str, default: Option<&String>) {
    let expects = param.value.expectation();
    let help = format!(
        "{}\n\nExpects {expects}.{}\nKey: {}",
        param.help,
        default.map_or_else(String::new, |value| format!(" Preset: {value}.")),
        param.key
    );
    let salt = param.key.clone();
    ui.push_id(salt, |ui| {
        ui.horizontal(|ui| {
            let title = title(ui, label).on_hover_text(&help);
            let now = param.value.to_string();
            let width = (ui.available_width() - RESET).max(80.0);
            control(ui, &mut param.value, width, label)
                .labelled_by(title.id)
                .on_hover_text(&help);
            if let Some(default) = default.filter(|default| **default != now)
                && ui
                    .small_button("↺")
                    .on_hover_text(format!("Reset to {default}"))
                    .clicked()
            {
                // The preset's value was valid when the preset was read.
                let _ = param.set(default);
            }
        });
    });
}

/// A label in the left column.
pub fn title(ui: &mut Ui, text: &str) -> egui::Response {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(egui::vec2(LABEL, 18.0), layout, |ui| {
        ui.set_min_width(LABEL);
        ui.add(egui::Label::new(text).truncate())
    })
    .inner
}

fn control(ui: &mut Ui, value: &mut Value<'_>, width: f32, label: &str) -> egui::Response {
    let number = 64.0;
    ui.spacing_mut().slider_width = (width - number - 10.0).clamp(40.0, 150.0);
    match value {
        Value::Float { value, range, log } => {
            let long = range.end() - range.start() > LONG;
            egui::Slider::new(*value, range.clone())
                .logarithmic(*log || long)
                .smallest_positive(1e-7)
                .max_decimals(9)
                .ui(ui)
        }
        Value::Int { value, range } => {
            let long = (range.end() - range.start()) as f64 > LONG;
            egui::Slider::new(*value, range.clone())
                .logarithmic(long)
                .ui(ui)
        }
        Value::Flag(value) => {
            let response = ui.checkbox(value, "");
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::CheckBox, true, label));
            response
        }
        Value::Choice(choice) => {
            let (names, helps) = (choice.names(), choice.helps());
            let mut index = choice.index();
            let response = egui::ComboBox::from_id_salt("choice")
                .width(width)
                .selected_text(names[index])
                .show_ui(ui, |ui| {
                    for (at, name) in names.iter().enumerate() {
                        let response = ui.selectable_value(&mut index, at, *name);
                        if let Some(help) = helps.get(at).filter(|help| !help.is_empty()) {
                            response.on_hover_text(*help);
                        }
                    }
                })
                .response;
            if index != choice.index() {
                choice.choose(index);
            }
            response
        }
        Value::Floats { value, range } => floats(ui, value, range, width),
        Value::Text(value) => ui.add(egui::TextEdit::singleline(*value).desired_width(width)),
    }
}

/// Numbers as text; taken over when all of them are numbers in range.
fn floats(
    ui: &mut Ui,
    value: &mut Vec<f64>,
    range: &std::ops::RangeInclusive<f64>,
    width: f32,
) -> egui::Response {
    let id = ui.scope_id().with("floats");
    let shown = value
        .iter()
        .map(f64::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let mut text = ui
        .data_mut(|data| data.get_temp::<String>(id))
        .unwrap_or_else(|| shown.clone());
    let parsed: Option<Vec<f64>> = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().ok().filter(|number| range.contains(number)))
        .collect();
    let mut edit = egui::TextEdit::singleline(&mut text)
        .hint_text("1, 2, 5")
        .desired_width(width);
    if parsed.is_none() {
        edit = edit.text_color(super::super::theme::bad(ui));
    }
    let response = ui.add(edit);
    if response.has_focus() {
        ui.data_mut(|data| data.insert_temp(id, text));
        if let Some(parsed) = parsed {
            *value = parsed;
        }
    } else {
        ui.data_mut(|data| data.remove::<String>(id));
    }
    response
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_read_as_labels() {
        assert_eq!(super::pretty("smooth_numerator"), "Smooth numerator");
        assert_eq!(super::pretty("augment.flip_vertical"), "Flip vertical");
        assert_eq!(super::pretty("picture_mib"), "Picture MiB");
    }
}
