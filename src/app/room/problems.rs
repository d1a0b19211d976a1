//! What was found: in plain words, with the files and the one click that helps.

use egui::{Color32, Role, ScrollArea, Ui, WidgetInfo};

use super::super::theme;
use super::super::view::prose;
use super::{Part, State};
use crate::data::config::{GroupBy, SplitBy};
use crate::data::{DataConfig, Dataset};
use crate::finding::{Finding, Severity, counted};
use crate::lab::Lab;
use crate::lab::browse::Filter;
use crate::lab::notices::Level;

/// Sign and colour of a severity.
pub(super) fn mark(ui: &Ui, severity: Severity) -> (&'static str, Color32) {
    match severity {
        Severity::Error => ("✖", theme::bad(ui)),
        Severity::Warning => ("⚠", theme::warn(ui)),
        Severity::Hint => ("ℹ", ui.visuals().weak_text_color()),
    }
}

/// A remedy that is a change of the settings: what the button says, and the keys it sets.
pub(super) struct Remedy {
    pub label: &'static str,
    pub help: &'static str,
    pub settings: Settings,
}

/// Keys and values.
type Settings = &'static [(&'static str, &'static str)];

/// Findings whose remedy is an edit of the class map.
const CLASS_MAP: &[&str] = &[
    "class-not-in-training",
    "ids-shifted",
    "ids-without-zero",
    "instance-ids",
    "maybe-instances",
    "much-ignored",
    "negative-ids",
    "no-class-table",
    "sparse-ids",
    "table-mismatch",
    "trimap",
    "two-values",
    "unknown-color",
    "unknown-label",
    "unlisted-label",
    "zero-may-be-ignored",
];

/// Where a finding can be helped by settings; other remedies are work outside this program, or in
/// the class map.
pub(super) fn remedies(code: &str, data: &DataConfig) -> Vec<Remedy> {
    let drawn = |group: GroupBy, label, help, settings: Settings| {
        (data.split != SplitBy::Ratio || data.group_by != group).then_some(Remedy {
            label,
            help,
            settings,
        })
    };
    match code {
        "unknown-color" | "interpolated-edges" if !data.nearest_color => vec![Remedy {
            label: "Read them as the nearest class",
            help: "Sets data.nearest_color; undo with Ctrl+Z",
            settings: &[("data.nearest_color", "true")],
        }],
        "class-not-in-validation" | "class-not-in-training" | "class-share-shift"
            if data.split != SplitBy::Ratio || !data.stratify =>
        {
            vec![Remedy {
                label: "Draw a split in proportion",
                help: "Sets data.split = ratio and data.stratify: each class on both sides; undo with Ctrl+Z",
                settings: &[("data.split", "ratio"), ("data.stratify", "true")],
            }]
        }
        "duplicate-across-splits" => [
            drawn(
                GroupBy::Prefix,
                "Keep like name beginnings together",
                "Sets data.split = ratio and data.group_by = prefix: for frames of films; undo with Ctrl+Z",
                &[("data.split", "ratio"), ("data.group_by", "prefix")],
            ),
            drawn(
                GroupBy::Number,
                "Keep like numbers together",
                "Sets data.split = ratio and data.group_by = number: for patients and crops; undo with Ctrl+Z",
                &[("data.split", "ratio"), ("data.group_by", "number")],
            ),
        ]
        .into_iter()
        .flatten()
        .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn show(state: &mut State, lab: &mut Lab, dataset: &Dataset, ui: &mut Ui) {
    if dataset.findings.is_empty() {
        ui.add_space(8.0);
        ui.colored_label(theme::good(ui), "✔ No problems found.");
        return;
    }
    let mut wanted: Option<Part> = None;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for (at, finding) in dataset.findings.iter().enumerate() {
            ui.push_id(at, |ui| {
                ui.group(|ui| {
                    ui.set_width(ui.available_width());
                    if let Some(part) = one(state, lab, dataset, at, finding, ui) {
                        wanted = Some(part);
                    }
                });
            });
        }
    });
    if let Some(part) = wanted {
        state.part = part;
    }
}

fn one(
    state: &mut State,
    lab: &mut Lab,
    dataset: &Dataset,
    at: usize,
    finding: &Finding,
    ui: &mut Ui,
) -> Option<Part> {
    let (sign, color) = mark(ui, finding.severity);
    ui.horizontal_wrapped(|ui| {
        ui.colored_label(color, sign)
            .on_hover_text(finding.severity.name());
        ui.label(prose::plain(ui, &finding.message));
        ui.weak(format!("[{}]", finding.code));
    });
    if !finding.remedy.is_empty() {
        ui.horizontal_wrapped(|ui| {
            ui.add_space(18.0);
            ui.label(prose::plain(ui, &finding.remedy));
        });
    }
    let wanted = actions(state, lab, dataset, at, finding, ui);
    if !finding.files.is_empty() {
        files(state, finding, ui);
    }
    wanted
}

/// What can be done about it here and now, as buttons; no row where there is nothing.
fn actions(
    state: &mut State,
    lab: &mut Lab,
    dataset: &Dataset,
    at: usize,
    finding: &Finding,
    ui: &mut Ui,
) -> Option<Part> {
    let named = state.known.as_ref().map_or(0, |known| {
        let of = known.facets.findings.values();
        of.filter(|of| of.contains(&at)).count()
    });
    let offered = remedies(&finding.code, &lab.draft.data);
    // What the finding itself brings, where no button has better words for it.
    let own =
        !finding.settings.is_empty() && remedies(&finding.code, &DataConfig::default()).is_empty();
    let classes = CLASS_MAP.contains(&finding.code.as_str());
    let files = !finding.files.is_empty();
    if offered.is_empty() && !own && !classes && named == 0 && !files {
        return None;
    }
    let mut wanted = None;
    ui.horizontal_wrapped(|ui| {
        ui.add_space(18.0);
        for remedy in offered {
            if ui.button(remedy.label).on_hover_text(remedy.help).clicked() {
                set(lab, remedy.settings.iter().copied(), remedy.label);
            }
        }
        if own {
            let pairs = finding.settings.iter();
            let pairs: Vec<String> = pairs.map(|(k, v)| format!("{k} = {v}")).collect();
            let label = format!("Set {}", pairs.join(", "));
            let help = "Changes these settings; undo with Ctrl+Z";
            if ui.button(&label).on_hover_text(help).clicked() {
                let settings = finding.settings.iter();
                set(lab, settings.map(|(k, v)| (k.as_str(), v.as_str())), &label);
            }
        }
        if classes
            && ui
                .button("Edit classes")
                .on_hover_text("Name, merge, move or ignore the values in the class map")
                .clicked()
        {
            state.classes.edit(dataset);
            wanted = Some(Part::Classes);
        }
        if named > 0 {
            let text = match named {
                1 => "Show the image".to_owned(),
                several => format!("Show {several} images"),
            };
            let response = ui
                .button(&text)
                .on_hover_text("Only these images, in the grid");
            let label = format!("{text}: {}", finding.code);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
            if response.clicked() {
                state.filter = Filter {
                    finding: Some(at),
                    ..Filter::default()
                };
                wanted = Some(Part::Images);
            }
        }
        if files {
            let response = ui
                .button("Copy file names")
                .on_hover_text("One a line, relative to the dataset's folder");
            let label = format!("Copy file names: {}", finding.code);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
            if response.clicked() {
                ui.ctx().copy_text(finding.files.join("\n"));
                let count = counted(finding.files.len(), ["file name is", "file names are"]);
                let text = format!("{count} in the clipboard");
                lab.notices.push(Level::Info, text);
            }
        }
    });
    wanted
}

/// Changes settings and says so.
fn set<'a>(lab: &mut Lab, settings: impl Iterator<Item = (&'a str, &'a str)>, label: &str) {
    for (key, value) in settings {
        if let Err(message) = lab.set(key, value) {
            lab.notices.push(Level::Error, message);
        }
    }
    let done = format!("{label}: done in the settings (undo: Ctrl+Z)");
    lab.notices.push(Level::Info, done);
}

/// The files by name; those that are images of the dataset open at a click.
fn files(state: &mut State, finding: &Finding, ui: &mut Ui) {
    let title = counted(finding.files.len(), ["file", "files"]);
    egui::CollapsingHeader::new(title)
        .id_salt(&finding.code)
        .show(ui, |ui| {
            let row = ui.text_style_height(&egui::TextStyle::Body);
            ScrollArea::vertical().max_height(140.0).show_rows(
                ui,
                row,
                finding.files.len(),
                |ui, range| {
                    for file in &finding.files[range] {
                        let known = state.known.as_ref();
                        let item = known
                            .and_then(|known| known.facets.files.get(file))
                            .copied();
                        match item {
                            Some(item) => {
                                if ui.link(file).on_hover_text("Look at it").clicked() {
                                    state.look.open = Some(item);
                                }
                            }
                            None => {
                                ui.monospace(file);
                            }
                        }
                    }
                },
            );
        });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::ExperimentConfig;

    #[test]
    fn every_remedy_can_be_set_and_is_not_offered_again() {
        for code in [
            "unknown-color",
            "interpolated-edges",
            "class-not-in-validation",
            "class-not-in-training",
            "class-share-shift",
            "duplicate-across-splits",
        ] {
            let offered = remedies(code, &DataConfig::default());
            assert!(!offered.is_empty(), "{code}");
            for remedy in offered {
                let mut config = ExperimentConfig::default();
                for (key, value) in remedy.settings {
                    config.set(key, value).unwrap();
                }
                let left = remedies(code, &config.data);
                assert!(left.iter().all(|other| other.label != remedy.label));
            }
        }
        assert!(remedies("constant-mask", &DataConfig::default()).is_empty());
    }
}
