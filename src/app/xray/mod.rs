//! Draws the X-ray: what the loss says about answers whose worth is known, and what the doctor
//! makes of it. Reads values only; the one thing it gives back is a fix to clone with.

mod curves;
mod files;
mod slope;
mod thumbs;
mod what_if;

use egui::{Align2, Color32, CornerRadius, FontId, RichText, Sense, Stroke, Ui, vec2};

use crate::app::view::offer;
use crate::app::view::prose;
use crate::app::view::save::Save;
use crate::doctor::Diagnosis;
use crate::doctor::look::Slope;
use crate::doctor::rules::Fix;
use crate::doctor::xray::{Bar, Xray};
use crate::experiment::ExperimentConfig;
use crate::finding::Severity;
use crate::lab::freezing::WhatIf;
use crate::lab::responding::Laid;
use crate::loss::breakdown::TermPart;

pub use curves::Asked as CurvesAsked;
pub use what_if::Asked as WhatIfAsked;

/// Vermillion and bluish green of Okabe–Ito: told apart by every kind of colour vision.
const WRONG: Color32 = Color32::from_rgb(0xD5, 0x5E, 0x00);
const RIGHT: Color32 = Color32::from_rgb(0x00, 0x9E, 0x73);
const OTHER: Color32 = Color32::from_rgb(0x56, 0x8C, 0xB4);

const ROW: f32 = 24.0;
const LABEL: f32 = 270.0;
const NUMBER: f32 = 56.0;

/// What the panel keeps between frames.
#[derive(Default)]
pub struct State {
    thumbs: thumbs::Thumbs,
    picture: slope::Picture,
    what_if: what_if::State,
}

/// What is to be drawn.
pub struct Shown<'a> {
    pub xray: Option<&'a Xray>,
    /// The draft's formula, which is here before the X-ray is.
    pub formula: Option<&'a Vec<TermPart>>,
    pub slope: Option<&'a Slope>,
    /// Counts X-rays, so that pictures are made once for each.
    pub taken: u64,
    /// sRGB, by class.
    pub colors: &'a [[u8; 3]],
    pub diagnoses: &'a [Diagnosis],
    /// Response curves, the present settings first.
    pub laid: &'a [Laid],
    /// What may be laid over them.
    pub presets: Vec<(String, &'a ExperimentConfig)>,
    pub runs: Vec<(String, &'a ExperimentConfig)>,
    /// A run's frozen answers.
    pub what_if: &'a WhatIf,
    /// Runs to freeze: name and id.
    pub candidates: Vec<(String, String)>,
}

/// What the user asked for.
#[derive(Default)]
pub struct Asked {
    /// The fix whose button was pressed.
    pub fix: Option<Fix>,
    /// Take the gradient at the answer of this name.
    pub slope_at: Option<String>,
    pub curves: CurvesAsked,
    pub what_if: Option<WhatIfAsked>,
    /// A file of what is shown.
    pub save: Option<Result<Save, String>>,
}

/// Draws the panel.
pub fn ui(ui: &mut Ui, state: &mut State, shown: &Shown<'_>) -> Asked {
    let mut asked = Asked::default();
    let Some(xray) = shown.xray else {
        ui.weak("The X-ray appears as soon as a dataset is open and the loss is valid.");
        return asked;
    };
    (state.thumbs).update(ui.ctx(), xray, shown.taken, shown.colors);
    ui.horizontal_wrapped(|ui| {
        headline(ui, xray);
        asked.save = offer::menu(ui, "X-ray", &files::offers(state, shown, xray));
    });
    ui.weak(
        "What the loss says of answers whose worth is known, made of your own masks: the best answer on \
         top, a longer bar for a higher loss. Training moves towards short bars, so these belong on top.",
    );
    ui.add_space(4.0);
    chart(ui, xray, &state.thumbs);
    ui.add_space(6.0);
    facts(ui, xray);
    ui.horizontal_wrapped(|ui| {
        ui.vertical(|ui| shares(ui, xray));
        if let Some(slope) = shown.slope {
            ui.add_space(24.0);
            ui.vertical(|ui| {
                let truth = state.thumbs.truth();
                asked.slope_at = (state.picture).ui(ui, xray, slope, shown.taken, truth);
            });
        }
    });
    ui.add_space(6.0);
    asked.curves = curves::ui(ui, shown.laid, &shown.presets, &shown.runs);
    ui.add_space(6.0);
    asked.what_if = what_if::ui(
        ui,
        &mut state.what_if,
        shown.what_if,
        &shown.candidates,
        shown.colors,
    );
    ui.add_space(6.0);
    let formula = shown.formula.unwrap_or(&xray.formula);
    crate::app::formula::ui(ui, formula, &xray.class_names);
    ui.add_space(6.0);
    asked.fix = findings(ui, shown.diagnoses);
    asked
}

fn headline(ui: &mut Ui, xray: &Xray) {
    match xray.violations.first() {
        None => {
            ui.label(
                RichText::new("✔ This loss prefers right answers to wrong ones.")
                    .color(RIGHT)
                    .strong(),
            );
        }
        Some(worst) => {
            ui.label(
                RichText::new(format!("✖ {}.", worst.message))
                    .color(WRONG)
                    .strong(),
            )
            .on_hover_text(
                "Training moves towards what scores lowest, so it would move to this answer.",
            );
        }
    }
}

/// One row per oracle, best answer first; orange where a worse answer beats a better one.
fn chart(ui: &mut Ui, xray: &Xray, thumbs: &thumbs::Thumbs) {
    let low = xray.lowest.min(0.0);
    let span = (xray.highest - low).max(1e-12);
    for (index, bar) in xray.oracles.iter().enumerate() {
        let violation = xray.violations.iter().find(|v| v.preferred == bar.name);
        let color = match (violation, bar.name.as_str()) {
            (Some(_), _) => WRONG,
            (None, "perfect" | "confident") => RIGHT,
            _ => OTHER,
        };
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
        if !ui.is_rect_visible(rect) {
            continue;
        }
        let font = FontId::proportional(12.5);
        let text = ui.visuals().text_color();
        let label = if violation.is_some() {
            format!("✖ {}", bar.title)
        } else {
            bar.title.clone()
        };
        let painter = ui.painter().with_clip_rect(rect);
        let aspect = xray.frame.width as f32 / xray.frame.height.max(1) as f32;
        let small = (ROW - 2.0) * aspect.clamp(0.5, 2.0);
        if let Some(texture) = thumbs.of(index) {
            let place = rect.with_max_x(rect.left() + small).shrink2(vec2(0.0, 1.0));
            let whole = egui::Rect::from_min_max(egui::Pos2::ZERO, egui::pos2(1.0, 1.0));
            painter.image(texture.id(), place, whole, Color32::WHITE);
        }
        painter.text(
            rect.left_center() + vec2(small + 8.0, 0.0),
            Align2::LEFT_CENTER,
            label,
            font.clone(),
            text,
        );
        let track = rect
            .with_min_x(rect.left() + LABEL)
            .with_max_x(rect.right() - NUMBER)
            .shrink2(vec2(0.0, 3.0));
        painter.rect_filled(track, CornerRadius::same(2), ui.visuals().faint_bg_color);
        let at = |value: f64| track.left() + track.width() * ((value - low) / span) as f32;
        let (from, to) = (at(0.0_f64.max(low)), at(bar.loss));
        let filled = track
            .with_min_x(from.min(to))
            .with_max_x(from.max(to).max(from + 1.5));
        painter.rect_filled(filled, CornerRadius::same(2), color);
        if xray.floor.is_finite() {
            let x = at(xray.floor);
            painter.vline(
                x,
                rect.y_range(),
                Stroke::new(1.0, RIGHT.gamma_multiply(0.6)),
            );
        }
        painter.text(
            rect.right_center(),
            Align2::RIGHT_CENTER,
            format!("{:.3}", bar.loss),
            FontId::monospace(12.0),
            text,
        );
        let name = format!("{}: loss {:.3}", bar.title, bar.loss);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, name.clone()));
        let words = explanation(bar, violation.map(|v| v.message.as_str()));
        response.on_hover_ui(|ui| {
            ui.label(words);
            if let Some(texture) = thumbs.of(index) {
                let size = texture.size_vec2();
                ui.image((texture.id(), size * (200.0 / size.max_elem().max(1.0))));
            }
        });
    }
}

fn explanation(bar: &Bar, violation: Option<&str>) -> String {
    let mut text = format!(
        "{}\nloss {:.5}\nworth {:.3} (mean soft Dice of the classes that occur)",
        bar.title, bar.loss, bar.quality
    );
    if let Some(violation) = violation {
        text.push_str("\n\n");
        text.push_str(violation);
    }
    text
}

fn facts(ui: &mut Ui, xray: &Xray) {
    ui.horizontal_wrapped(|ui| {
        fact(
            ui,
            "range",
            format!("{:.3} … {:.3}", xray.lowest, xray.highest),
            "Smallest and largest loss over all answers.",
        );
        fact(
            ui,
            "floor",
            format!("{:.3}", xray.floor),
            "What the perfect answer still scores: below it nothing right can go.",
        );
        fact(
            ui,
            "untrained",
            format!("{:.3}", xray.initial),
            "Loss of a network that gives every class the same chance.",
        );
        if let Some(theory) = &xray.theory {
            let agrees = (theory.value - xray.initial).abs() < 0.01 * theory.value.abs().max(0.01);
            let mark = if agrees { "✔" } else { "✖" };
            fact(
                ui,
                "theory",
                format!("{:.3} {mark}", theory.value),
                &format!("What it must be: {}", theory.formula),
            );
        }
        if let Some(cost) = xray.rarest_cost {
            fact(
                ui,
                "missing the rarest class costs",
                format!("{:.1} %", cost * 100.0),
                "Share of the loss's range that is lost when the rarest class is not found at all.",
            );
        }
    });
}

/// Pixels, loss and gradient of each class; a class without gradient is named.
fn shares(ui: &mut Ui, xray: &Xray) {
    ui.label(RichText::new("Who is heard").strong())
        .on_hover_text("How the loss divides its attention among the classes.");
    egui::Grid::new("xray-shares")
        .num_columns(4)
        .striped(true)
        .show(ui, |ui| {
            ui.weak("class");
            ui.weak("pixels").on_hover_text("Share of the masks' pixels.");
            ui.weak("loss").on_hover_text(
                "How much of the loss falls when this class's pixels alone are answered right, as a \
                 share of what falls so over all classes.",
            );
            ui.weak("gradient").on_hover_text(
                "How much of the push goes to this class's channel when every class is equally likely.",
            );
            ui.end_row();
            for share in &xray.class_shares {
                ui.label(&share.class);
                for part in [share.pixels, share.loss, share.gradient] {
                    ui.monospace(format!("{:>6.2} %", part * 100.0));
                }
                if share.gradient == 0.0 {
                    ui.colored_label(WRONG, "no gradient");
                }
                ui.end_row();
            }
        });
}

fn fact(ui: &mut Ui, name: &str, value: String, help: &str) {
    ui.weak(name);
    ui.monospace(value).on_hover_text(help);
    ui.add_space(8.0);
}

/// The doctor's findings as cards; returns the fix that was asked for.
pub fn findings(ui: &mut Ui, diagnoses: &[Diagnosis]) -> Option<Fix> {
    let mut asked = None;
    if diagnoses.is_empty() {
        ui.weak("The doctor has nothing to say about this configuration.");
    }
    for diagnosis in diagnoses {
        let finding = &diagnosis.finding;
        let (mark, color) = match finding.severity {
            Severity::Error => ("✖", WRONG),
            Severity::Warning => ("⚠", Color32::from_rgb(0xE6, 0x9F, 0x00)),
            Severity::Hint => ("ℹ", OTHER),
        };
        egui::Frame::group(ui.style()).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(mark).color(color).strong())
                    .on_hover_text(finding.severity.name());
                ui.label(prose::prose(ui, &finding.message, RichText::strong));
            });
            ui.label(prose::plain(ui, &diagnosis.why));
            ui.horizontal_wrapped(|ui| {
                if let Some(fix) = &diagnosis.fix {
                    let settings: Vec<String> = fix
                        .settings
                        .iter()
                        .map(|(k, v)| format!("{k} = {v}"))
                        .collect();
                    if ui
                        .button(format!("Clone with fix: {}", fix.label))
                        .on_hover_text(settings.join("\n"))
                        .clicked()
                    {
                        asked = Some(fix.clone());
                    }
                } else {
                    ui.label(prose::plain(ui, &finding.remedy));
                }
                ui.weak(format!("Met in: {}", diagnosis.met));
            });
        });
    }
    asked
}
