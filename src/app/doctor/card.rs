//! One finding on a card: what was seen, why it matters, how sure it is, and the fix.

use egui::{Color32, RichText, Ui, vec2};

use super::super::theme;
use super::super::view::prose;
use super::picture;
use crate::doctor::Diagnosis;
use crate::doctor::rules::{Fix, PATTERNS};
use crate::finding::{Finding, Severity};

/// Width that a picture takes beside the text, in points.
const PICTURE: f32 = 300.0;

/// Sign and colour of a severity.
pub fn mark(ui: &Ui, severity: Severity) -> (&'static str, Color32) {
    match severity {
        Severity::Error => ("✖", theme::bad(ui)),
        Severity::Warning => ("⚠", theme::warn(ui)),
        Severity::Hint => ("ℹ", ui.visuals().text_color()),
    }
}

/// Draws the card; returns its fix when that was asked for.
pub fn show(ui: &mut Ui, diagnosis: &Diagnosis) -> Option<Fix> {
    let mut asked = None;
    framed(ui, diagnosis.finding.severity, |ui| {
        let beside = ui.available_width() > 2.0 * PICTURE;
        let picture = diagnosis.picture.as_ref();
        let width = if beside && picture.is_some() {
            ui.available_width() - PICTURE - 16.0
        } else {
            ui.available_width()
        };
        ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                ui.set_width(width);
                asked = words(ui, diagnosis);
            });
            if beside && let Some(picture) = picture {
                ui.add_space(8.0);
                ui.vertical(|ui| {
                    ui.set_width(PICTURE);
                    picture::show(ui, &diagnosis.finding.code, picture);
                });
            }
        });
        if !beside && let Some(picture) = picture {
            picture::show(ui, &diagnosis.finding.code, picture);
        }
    });
    asked
}

/// A finding of which only the record is left.
pub fn recorded(ui: &mut Ui, step: u64, finding: &Finding) {
    framed(ui, finding.severity, |ui| {
        title(ui, finding);
        ui.weak(format!("seen at step {step}, while it trained"));
        if !finding.remedy.is_empty() {
            ui.label(prose::plain(ui, &finding.remedy));
        }
    });
}

fn framed(ui: &mut Ui, severity: Severity, body: impl FnOnce(&mut Ui)) {
    let (_, color) = mark(ui, severity);
    let shown = egui::Frame::group(ui.style())
        .inner_margin(egui::Margin {
            left: 14,
            right: 10,
            top: 8,
            bottom: 8,
        })
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            body(ui);
        });
    let edge = shown.response.rect.shrink2(vec2(0.0, 1.0));
    let edge = edge.with_max_x(edge.left() + 4.0);
    ui.painter().rect_filled(edge, 2.0, color);
}

fn title(ui: &mut Ui, finding: &Finding) {
    let (sign, color) = mark(ui, finding.severity);
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(sign).color(color).strong())
            .on_hover_text(finding.severity.name());
        ui.label(prose::prose(ui, &finding.message, RichText::strong));
    });
}

fn words(ui: &mut Ui, diagnosis: &Diagnosis) -> Option<Fix> {
    let mut asked = None;
    let finding = &diagnosis.finding;
    title(ui, finding);
    if !diagnosis.why.is_empty() {
        ui.label(prose::plain(ui, &diagnosis.why));
    }
    let certain = if diagnosis.certain {
        "Certain: the evidence proves it."
    } else {
        "Suspected: the evidence suggests it, and something else may be the cause."
    };
    ui.label(RichText::new(certain).italics());
    if !finding.files.is_empty() {
        let more = finding.files.len().saturating_sub(3);
        let mut text = finding.files[..finding.files.len().min(3)].join(", ");
        if more > 0 {
            text = format!("{text} and {more} more");
        }
        ui.weak(text).on_hover_text(finding.files.join("\n"));
    }
    ui.horizontal_wrapped(|ui| match &diagnosis.fix {
        Some(fix) => {
            let button = ui.button(format!("Clone with fix: {}", fix.label));
            if button.on_hover_text(changes(fix)).clicked() {
                asked = Some(fix.clone());
            }
            for (key, value) in &fix.settings {
                ui.label(RichText::new(format!("{key} = {value}")).code());
            }
        }
        None if !finding.remedy.is_empty() => {
            let text = format!("What to do: {}", finding.remedy);
            ui.label(prose::plain(ui, &text));
        }
        None => {}
    });
    ui.horizontal_wrapped(|ui| {
        ui.weak(RichText::new(&finding.code).small())
            .on_hover_text("The finding's name on records, in --json and in the museum");
        if let Some(name) = diagnosis.pattern_name() {
            let text = format!(
                "pattern {} of {}: {name}",
                diagnosis.pattern,
                PATTERNS.len()
            );
            ui.weak(RichText::new(text).small());
        }
        if !diagnosis.met.is_empty() {
            let text = format!("met in: {}", diagnosis.met);
            ui.weak(RichText::new(text).small())
                .on_hover_text("Where the field has met it");
        }
    });
    asked
}

fn changes(fix: &Fix) -> String {
    let mut lines: Vec<String> = (fix.settings.iter())
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    if fix.classes.is_some() {
        lines.push("another class map".to_owned());
    }
    lines.push("Undo (Ctrl+Z) takes it back.".to_owned());
    lines.join("\n")
}
