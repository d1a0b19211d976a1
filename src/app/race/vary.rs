//! Which parameters are varied over which values, and how often all of it is repeated.

use egui::{Role, ScrollArea, TextEdit, Ui, WidgetInfo};

use super::{SEEDS, State};
use crate::experiment::ExperimentConfig;
use crate::experiment::sweep::Axis;

pub fn ui(ui: &mut Ui, state: &mut State, draft: &ExperimentConfig) {
    let mut gone = None;
    for at in 0..state.axes.len() {
        ui.horizontal(|ui| {
            ui.label("Vary");
            parameter(ui, state, at, draft);
            ui.label("over");
            let field = TextEdit::singleline(&mut state.axes[at][1])
                .hint_text("values, as 0.001, 0.01, 0.1")
                .desired_width(230.0);
            let response = ui.add(field).on_hover_text(
                "Values with commas between them; one that holds commas itself in brackets",
            );
            response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Values"));
            let remove = ui.small_button("🗙").on_hover_text("Don't vary this");
            remove.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Don't vary this"));
            if remove.clicked() {
                gone = Some(at);
            }
        });
    }
    if let Some(at) = gone {
        state.axes.remove(at);
    }
    ui.horizontal(|ui| {
        if ui
            .button("+ vary a parameter")
            .on_hover_text("Every combination of the values becomes a lane")
            .clicked()
        {
            state.axes.push(Default::default());
        }
        ui.separator();
        let label = ui.label("Seeds");
        ui.add(egui::DragValue::new(&mut state.seeds).range(1..=SEEDS))
            .labelled_by(label.id)
            .on_hover_text(
                "How often all of it is repeated, each time from other weights and batches: curves \
                 then show mean and band, with N in the legend (Runs, grouped)",
            );
    });
}

/// The chooser of one parameter: what losses are made of first, found by a few letters.
fn parameter(ui: &mut Ui, state: &mut State, at: usize, draft: &ExperimentConfig) {
    let State {
        axes,
        wanted,
        finding,
        ..
    } = state;
    let key = &mut axes[at][0];
    let shown = if key.is_empty() {
        "a parameter"
    } else {
        key.as_str()
    };
    let combo = egui::ComboBox::from_id_salt(("vary", at))
        .selected_text(shown)
        .width(210.0)
        .truncate()
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .show_ui(ui, |ui| {
            let field = TextEdit::singleline(wanted).hint_text("find");
            let field = ui.add(field.desired_width(f32::INFINITY));
            // The letters typed first are looked for.
            if finding.replace(at) != Some(at) {
                field.request_focus();
            }
            field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Find a parameter"));
            ScrollArea::vertical().max_height(220.0).show(ui, |ui| {
                for (name, value) in found(draft, wanted) {
                    let text = ui.selectable_label(*key == name, &name);
                    if text.on_hover_text(format!("now {value}")).clicked() {
                        *key = name;
                        wanted.clear();
                        ui.close();
                    }
                }
            });
        });
    if combo.inner.is_none() && *finding == Some(at) {
        *finding = None;
    }
    (combo.response).on_hover_text("Each lane is repeated for each value of this parameter");
}

/// Keys that hold the letters, with their values: loss and class weights, then training, then the rest.
fn found(draft: &ExperimentConfig, wanted: &str) -> Vec<(String, String)> {
    let wanted = wanted.trim().to_lowercase();
    let mut all = draft.values();
    all.retain(|(key, _)| key.contains(&wanted));
    all.sort_by_key(|(key, _)| match key.split('.').next() {
        Some("loss" | "activation" | "class_weights") => 0,
        Some("train") => 1,
        Some("model") => 2,
        _ => 3,
    });
    all
}

/// What is varied.
///
/// # Errors
/// Says what is missing, or what can't be read.
pub fn axes(state: &State, draft: &ExperimentConfig) -> Result<Vec<Axis>, String> {
    let axis = |[key, values]: &[String; 2]| {
        if key.is_empty() {
            return Err("Choose the parameter that is varied.".to_owned());
        }
        if values.trim().is_empty() {
            let now = draft.values().into_iter().find(|(known, _)| known == key);
            let now = now.map_or_else(String::new, |(_, value)| format!("; now it is {value}"));
            return Err(format!(
                "Type the values of {key}, with commas between them{now}."
            ));
        }
        Axis::parse(&format!("{key}={values}"))
    };
    state.axes.iter().map(axis).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_words() {
        let draft = ExperimentConfig::default();
        let mut state = State {
            axes: vec![[String::new(), String::new()]],
            ..State::default()
        };
        let said = |state: &State| axes(state, &draft).unwrap_err();
        assert_eq!(said(&state), "Choose the parameter that is varied.");
        state.axes[0][0] = "train.learning_rate".to_owned();
        assert!(said(&state).starts_with("Type the values of train.learning_rate, with commas"));
        state.axes[0][1] = "0.1, 0.2".to_owned();
        assert_eq!(axes(&state, &draft).unwrap()[0].key, "train.learning_rate");
    }

    #[test]
    fn parameters_of_losses_are_offered_first_and_found_by_letters() {
        let draft = ExperimentConfig::default();
        let all = found(&draft, "");
        assert_eq!(all.len(), draft.values().len());
        assert!(
            all[0].0.starts_with("loss") || all[0].0 == "activation",
            "{}",
            all[0].0
        );
        let rates = found(&draft, " learning_R");
        assert!(!rates.is_empty() && rates.iter().all(|(key, _)| key.contains("learning_r")));
    }
}
