//! The parameters of the chosen loss, term by term.

use std::collections::HashMap;

use egui::{RichText, Ui};

use super::{param, picker};
use crate::loss::schedule::Schedule;
use crate::loss::sum::Term;
use crate::loss::{LOSSES, LossConfig, OutputActivation};

#[expect(clippy::too_many_arguments, reason = "a row needs what surrounds it")]
pub fn show(
    ui: &mut Ui,
    loss: &mut LossConfig,
    key: &str,
    defaults: &HashMap<String, String>,
    matches: &dyn Fn(&str, &str) -> bool,
    chooser: &mut picker::State,
    activation: Option<&mut OutputActivation>,
    names: &[String],
) {
    ui.push_id(key, |ui| {
        // Lines come and go there: in a frame of their own they don't change the ids of what follows,
        // which would lose the focus, or be let go, at its first change.
        ui.vertical(|ui| picker::show(chooser, ui, loss, key, activation));
        let info = LOSSES.iter().find(|info| info.kind == loss.kind());
        if let Some(info) = info {
            ui.label(RichText::new(info.formula).monospace().small())
                .on_hover_text(format!(
                    "{}\n\nWhen to use: {}\nWatch for: {}\n\n{}",
                    info.purpose, info.when_to_use, info.watch_for, info.reference
                ));
        }
        if let LossConfig::Sum(sum) = loss {
            let mut removed = None;
            let several = sum.terms.len() > 1;
            for (index, term) in sum.terms.iter_mut().enumerate() {
                ui.group(|ui| {
                    // All frames alike, whichever rows have a button to reset them.
                    ui.set_min_width(ui.available_width());
                    ui.horizontal(|ui| {
                        ui.strong(format!("Term {}", index + 1));
                        if several
                            && ui
                                .small_button("✖")
                                .on_hover_text("Remove this term")
                                .clicked()
                        {
                            removed = Some(index);
                        }
                    });
                    let path = format!("{key}.terms.{index}");
                    let scheduled = term.schedule != Schedule::Constant;
                    for mut param in term.params() {
                        if !scheduled && matches!(param.key.as_str(), "start" | "over") {
                            continue;
                        }
                        let label = param::pretty(&param.key);
                        param = param.under(&path);
                        let default = defaults.get(&param.key);
                        param::row(ui, &mut param, &label, default);
                    }
                    show(
                        ui,
                        &mut term.loss,
                        &format!("{path}.loss"),
                        defaults,
                        matches,
                        chooser,
                        None,
                        names,
                    );
                });
            }
            if let Some(index) = removed {
                sum.terms.remove(index);
                // The terms after it have other keys now.
                chooser.forget();
            }
            if sum.terms.len() < 6
                && ui
                    .small_button("+ term")
                    .on_hover_text("Add a loss to the sum")
                    .clicked()
            {
                let loss =
                    LossConfig::CrossEntropy(crate::loss::cross_entropy::CrossEntropy::default());
                sum.terms.push(Term::new(1.0, loss));
            }
            return;
        }
        let advanced = [
            "kappa",
            "volume",
            "empty",
            "floor",
            "exponent",
            "final",
            "log_cosh",
            "zero_ratio",
            "divisor",
            "classes",
            "clip",
            "renormalize",
            "log_eps",
            "poly",
            "generalized_q",
            "ohem",
            "normalizer",
            "alpha_per_class",
            "drop_",
        ];
        let is_advanced = |name: &str| advanced.iter().any(|part| name.contains(part));
        let rows = |ui: &mut Ui, loss: &mut LossConfig, more: bool| {
            for mut param in loss.params() {
                let full = format!("{key}.{}", param.key);
                // Where classes have names, their distances have a grid.
                if (param.key == "distances" && !names.is_empty())
                    || is_advanced(&param.key) != more
                    || !matches(&full, param.help)
                {
                    continue;
                }
                let label = param::pretty(&param.key);
                param::row(ui, &mut param, &label, defaults.get(&full));
            }
        };
        rows(ui, loss, false);
        if let LossConfig::Wasserstein(config) = loss
            && !names.is_empty()
            && matches(&format!("{key}.distances"), "distance matrix classes")
        {
            super::distances::ui(ui, &mut config.distances, names);
        }
        let any = loss.params().iter().any(|param| is_advanced(&param.key));
        if any {
            ui.collapsing("More", |ui| rows(ui, loss, true));
        }
    });
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT, Queryable};

    use super::*;

    /// The first change of a library's function makes the line with its name go.
    #[test]
    fn what_is_changed_keeps_the_focus() {
        let mut chooser = picker::State::default();
        let mut harness = Harness::new_ui_state(
            move |ui, loss: &mut LossConfig| {
                let defaults = HashMap::new();
                let all = |_: &str, _: &str| true;
                show(ui, loss, "loss", &defaults, &all, &mut chooser, None, &[]);
            },
            LossConfig::like("monai.TverskyLoss").unwrap(),
        );
        harness.run();
        let alpha = |loss: &LossConfig| match loss {
            LossConfig::Tversky(config) => config.alpha,
            other => panic!("{other:?}"),
        };
        let mut values = vec![alpha(harness.state())];
        harness
            .get_all_by_label("Alpha")
            .find(|node| node.accesskit_node().role() == egui::accesskit::Role::Slider)
            .unwrap()
            .focus();
        harness.run();
        for _ in 0..3 {
            harness.key_press(egui::Key::ArrowLeft);
            harness.run();
            values.push(alpha(harness.state()));
        }
        assert!(
            values.windows(2).all(|pair| pair[1] < pair[0]),
            "{values:?}"
        );
    }
}
