//! What was found: in plain words, with the files and the one click that helps.

use egui::{Color32, RichText, Role, ScrollArea, Ui, WidgetInfo};

use super::super::theme;
use super::{Part, State};
use crate::data::Dataset;
use crate::finding::{Finding, Severity};
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
    pub settings: &'static [(&'static str, &'static str)],
}

/// Where a finding can be helped by settings; other remedies are work outside this program, or in
/// the class map.
pub(super) fn remedy(code: &str, lab: &Lab) -> Option<Remedy> {
    let data = &lab.draft.data;
    match code {
        "unknown-color" if !data.nearest_color => Some(Remedy {
            label: "Read them as the nearest class",
            help: "Sets data.nearest_color; undo with Ctrl+Z",
            settings: &[("data.nearest_color", "true")],
        }),
        "class-not-in-validation" | "class-not-in-training" | "class-missing-from-split"
            if data.split != crate::data::config::SplitBy::Ratio || !data.stratify =>
        {
            Some(Remedy {
                label: "Draw a split with every class on both sides",
                help: "Sets data.split = ratio and data.stratify; undo with Ctrl+Z",
                settings: &[("data.split", "ratio"), ("data.stratify", "true")],
            })
        }
        _ => None,
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
        ui.label(&finding.message);
        ui.weak(format!("[{}]", finding.code));
    });
    if !finding.remedy.is_empty() {
        ui.horizontal_wrapped(|ui| {
            ui.add_space(18.0);
            ui.label(RichText::new(&finding.remedy).weak());
        });
    }
    let mut wanted = None;
    ui.horizontal_wrapped(|ui| {
        ui.add_space(18.0);
        if let Some(remedy) = remedy(&finding.code, lab)
            && ui.button(remedy.label).on_hover_text(remedy.help).clicked()
        {
            for (key, value) in remedy.settings {
                if let Err(message) = lab.set(key, value) {
                    lab.notices.push(Level::Error, message);
                }
            }
            lab.notices.push(
                Level::Info,
                format!("{}: done in the settings (undo: Ctrl+Z)", remedy.label),
            );
        }
        if finding.code.starts_with("unknown")
            && ui
                .button("Edit classes")
                .on_hover_text("Give the values to a class, or ignore them")
                .clicked()
        {
            state.classes.edit(dataset);
            wanted = Some(Part::Classes);
        }
        let known = state.known.as_ref();
        let named = known.map_or(0, |known| {
            let of = known.facets.findings.values();
            of.filter(|of| of.contains(&at)).count()
        });
        let text = match named {
            1 => "Show the image".to_owned(),
            several => format!("Show {several} images"),
        };
        if named > 0 && {
            let response = ui
                .button(&text)
                .on_hover_text("Only these images, in the grid");
            let label = format!("{text}: {}", finding.code);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
            response.clicked()
        } {
            state.filter = Filter {
                finding: Some(at),
                ..Filter::default()
            };
            wanted = Some(Part::Images);
        }
    });
    if !finding.files.is_empty() {
        files(state, finding, ui);
    }
    wanted
}

/// The files by name; those that are images of the dataset open at a click.
fn files(state: &mut State, finding: &Finding, ui: &mut Ui) {
    let title = match finding.files.len() {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
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
