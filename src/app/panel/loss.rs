//! Which loss: a searchable picker with what each is for, and the parameters of the chosen one.

use std::collections::HashMap;

use egui::{RichText, Ui};

use super::param;
use crate::loss::sum::Term;
use crate::loss::{LOSSES, LossConfig, LossInfo};

pub fn show(
    ui: &mut Ui,
    loss: &mut LossConfig,
    key: &str,
    defaults: &HashMap<String, String>,
    matches: &dyn Fn(&str, &str) -> bool,
    search: &mut String,
) {
    ui.push_id(key, |ui| {
        let info = LOSSES.iter().find(|info| info.kind == loss.kind());
        ui.horizontal(|ui| {
            let title = param::title(ui, "Loss");
            picker(ui, loss, search, key != "loss").labelled_by(title.id);
        });
        if let Some(info) = info {
            ui.label(RichText::new(info.formula).monospace().small())
                .on_hover_text(describe(info));
        }
        if let LossConfig::Sum(sum) = loss {
            let mut removed = None;
            let several = sum.terms.len() > 1;
            for (index, term) in sum.terms.iter_mut().enumerate() {
                ui.group(|ui| {
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
                    let mut weight = crate::param::Param::float(
                        format!("{path}.weight"),
                        &mut term.weight,
                        0.0..=1e3,
                        "Weight of this term in the sum.",
                    );
                    param::row(
                        ui,
                        &mut weight,
                        "Weight",
                        defaults.get(&format!("{path}.weight")),
                    );
                    show(
                        ui,
                        &mut term.loss,
                        &format!("{path}.loss"),
                        defaults,
                        matches,
                        search,
                    );
                });
            }
            if let Some(index) = removed {
                sum.terms.remove(index);
            }
            if sum.terms.len() < 6
                && ui
                    .small_button("+ term")
                    .on_hover_text("Add a loss to the sum")
                    .clicked()
            {
                let loss =
                    LossConfig::CrossEntropy(crate::loss::cross_entropy::CrossEntropy::default());
                sum.terms.push(Term { weight: 1.0, loss });
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
            "normalizer",
            "alpha_per_class",
            "drop_",
        ];
        let is_advanced = |name: &str| advanced.iter().any(|part| name.contains(part));
        let rows = |ui: &mut Ui, loss: &mut LossConfig, more: bool| {
            for mut param in loss.params() {
                let full = format!("{key}.{}", param.key);
                if is_advanced(&param.key) != more || !matches(&full, param.help) {
                    continue;
                }
                let label = param::pretty(&param.key);
                param::row(ui, &mut param, &label, defaults.get(&full));
            }
        };
        rows(ui, loss, false);
        let any = loss.params().iter().any(|param| is_advanced(&param.key));
        if any {
            ui.collapsing("More", |ui| rows(ui, loss, true));
        }
    });
}

fn picker(
    ui: &mut Ui,
    loss: &mut LossConfig,
    search: &mut String,
    is_term: bool,
) -> egui::Response {
    let title = LOSSES
        .iter()
        .find(|info| info.kind == loss.kind())
        .map_or(loss.kind(), |info| info.title);
    let mut chosen = None;
    let response = egui::ComboBox::from_id_salt("kind")
        .width((ui.available_width() - 26.0).max(80.0))
        .height(420.0)
        .selected_text(title)
        .show_ui(ui, |ui| {
            ui.set_min_width(300.0);
            let edit = egui::TextEdit::singleline(search).hint_text("search");
            let response = ui.add(edit);
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Search losses")
            });
            let wanted = search.to_lowercase();
            let hit = |info: &&LossInfo| {
                let all = [
                    info.kind,
                    info.title,
                    info.family,
                    info.purpose,
                    info.reference,
                ];
                all.iter().any(|text| text.to_lowercase().contains(&wanted))
            };
            let mut family = "";
            for info in LOSSES
                .iter()
                .filter(hit)
                .filter(|info| !(is_term && info.kind == "sum"))
            {
                if info.family != family {
                    family = info.family;
                    ui.weak(family);
                }
                let text = format!("{}\n    {}", info.title, info.purpose);
                let response = ui.selectable_label(info.kind == loss.kind(), text);
                if response.on_hover_text(describe(info)).clicked() {
                    chosen = Some(info.kind);
                }
            }
        })
        .response;
    if let Some(kind) = chosen {
        // Every kind of the list can be made.
        let _ = loss.set_kind(kind);
        search.clear();
    }
    response
}

fn describe(info: &LossInfo) -> String {
    format!(
        "{}\n{}\n\n{}\n\nWhen to use: {}\nWatch for: {}\n\n{}",
        info.title, info.purpose, info.formula, info.when_to_use, info.watch_for, info.reference
    )
}
