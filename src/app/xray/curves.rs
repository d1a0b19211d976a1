//! Response curves: what loss and gradient do while one thing about an answer goes from wrong to
//! right, several configurations over each other.

use egui::{Color32, RichText, Stroke, Ui, vec2};
use egui_plot::{HLine, Line, LineStyle, Plot, PlotPoints, VLine};

use super::{RIGHT, WRONG};
use crate::doctor::curves::{Curve, Motion, Verdict};
use crate::experiment::ExperimentConfig;
use crate::lab::responding::{DRAFT, Laid, MOST};

/// Okabe–Ito, by place; dashes tell them apart without colour.
pub(super) const COLORS: [Color32; MOST] = [
    Color32::from_rgb(0x1F, 0x8A, 0xD0),
    Color32::from_rgb(0xE0, 0x80, 0x10),
    Color32::from_rgb(0xCC, 0x79, 0xA7),
    Color32::from_rgb(0x70, 0x80, 0x90),
];
const HEIGHT: f32 = 120.0;

/// What may be laid over the draft: a name and its configuration.
pub type Choice<'a> = (String, &'a ExperimentConfig);

/// What the user asked for.
#[derive(Default)]
pub struct Asked {
    pub add: Option<(String, ExperimentConfig)>,
    pub remove: Option<String>,
}

/// Draws legend and curves.
pub fn ui(ui: &mut Ui, laid: &[Laid], presets: &[Choice<'_>], runs: &[Choice<'_>]) -> Asked {
    let mut asked = Asked::default();
    ui.label(RichText::new("How it responds").strong())
        .on_hover_text(
            "One thing about an otherwise right answer goes from wrong to right, on one of your \
             masks. A good loss is lowest at the upright green line, where the answer is right, and \
             slopes down to it from everywhere.",
        );
    if laid.is_empty() {
        ui.weak("The curves are being computed…");
        return asked;
    }
    legend(ui, laid, presets, runs, &mut asked);
    for one in laid {
        if let Err(message) = &one.curves {
            ui.colored_label(WRONG, format!("{}: {message}", one.name));
        }
    }
    if laid
        .iter()
        .all(|one| matches!(&one.curves, Ok(curves) if curves.is_empty()))
    {
        ui.weak("The masks hold no object beside the first class, so there is nothing to move.");
        return asked;
    }
    let columns = if ui.available_width() >= 780.0 { 4 } else { 2 };
    for row in Motion::ALL.chunks(columns) {
        ui.columns(row.len(), |uis| {
            for (ui, motion) in uis.iter_mut().zip(row) {
                cell(ui, *motion, laid);
            }
        });
    }
    asked
}

fn style(place: usize) -> LineStyle {
    match place {
        0 => LineStyle::Solid,
        1 => LineStyle::dashed_loose(),
        2 => LineStyle::dotted_dense(),
        _ => LineStyle::dashed_dense(),
    }
}

/// Names with a sample of their line; those laid over the draft can be taken away.
fn legend(
    ui: &mut Ui,
    laid: &[Laid],
    presets: &[Choice<'_>],
    runs: &[Choice<'_>],
    asked: &mut Asked,
) {
    const MARKS: [&str; MOST] = ["——", "– –", "····", "---"];
    ui.horizontal_wrapped(|ui| {
        for (place, one) in laid.iter().enumerate().take(MOST) {
            ui.colored_label(COLORS[place], RichText::new(MARKS[place]).monospace());
            ui.label(&one.name);
            if one.name != DRAFT {
                let button = ui.small_button("✖");
                let name = format!("Take away {}", one.name);
                button.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::Role::Button, true, name.clone())
                });
                if button.on_hover_text(name.clone()).clicked() {
                    asked.remove = Some(one.name.clone());
                }
            }
            ui.add_space(6.0);
        }
        ui.add_enabled_ui(laid.len() < MOST, |ui| {
            let response = ui.menu_button("Lay over…", |ui| {
                egui::ScrollArea::vertical()
                    .max_height(320.0)
                    .show(ui, |ui| {
                        for (title, choices) in [("Presets", presets), ("Runs", runs)] {
                            if choices.is_empty() {
                                continue;
                            }
                            ui.weak(title);
                            for (name, config) in choices {
                                let known = laid.iter().any(|one| one.name == *name);
                                if ui.add_enabled(!known, egui::Button::new(name)).clicked() {
                                    asked.add = Some((name.clone(), (*config).clone()));
                                    ui.close();
                                }
                            }
                        }
                    });
            });
            (response.response)
                .on_hover_text("Draw the curves of another preset's or run's loss over these.")
                .on_disabled_hover_text("Four at most: take one away first.");
        });
    });
}

/// The curves of one motion, each with the place of its configuration.
pub(super) fn of_motion(laid: &[Laid], motion: Motion) -> Vec<(usize, &Curve)> {
    let curves = (laid.iter().enumerate()).filter_map(|(place, one)| {
        let curves = one.curves.as_ref().ok()?;
        Some((place, curves.iter().find(|c| c.motion == motion)?))
    });
    curves.collect()
}

/// Loss above, gradient below, of one motion.
fn cell(ui: &mut Ui, motion: Motion, laid: &[Laid]) {
    let curves = of_motion(laid, motion);
    let Some((_, first)) = curves.first() else {
        return;
    };
    ui.add(egui::Label::new(RichText::new(&first.title).small()).truncate());
    verdict(ui, &curves);
    plot(ui, motion, "loss", &curves, |point| point.loss);
    plot(ui, motion, "gradient", &curves, |point| point.gradient);
    ui.vertical_centered(|ui| ui.small(motion.axis()));
}

/// What the draft's curve says, in words.
fn verdict(ui: &mut Ui, curves: &[(usize, &Curve)]) {
    let Some((_, curve)) = curves.iter().find(|(place, _)| *place == 0) else {
        return;
    };
    let (color, text) = match curve.verdict() {
        Some(Verdict::Right) => (RIGHT, "✔ lowest where right".to_owned()),
        Some(Verdict::Elsewhere(at)) => (WRONG, format!("✖ lowest at {at}, which is wrong")),
        Some(Verdict::Blind) => (WRONG, "✖ the loss does not notice".to_owned()),
        None => (WRONG, "✖ not a number".to_owned()),
    };
    let text = RichText::new(text).small().color(color);
    ui.add(egui::Label::new(text).truncate())
        .on_hover_text("Of your present settings: training moves towards the lowest point.");
}

fn plot(
    ui: &mut Ui,
    motion: Motion,
    what: &str,
    curves: &[(usize, &Curve)],
    value: impl Fn(&crate::doctor::curves::Point) -> f64,
) {
    let axis = motion.axis();
    let what_name = what.to_owned();
    let title = match what {
        "loss" => "loss",
        _ => "push: sum of |d loss / d logit|",
    };
    ui.add(egui::Label::new(RichText::new(title).small().weak()).truncate());
    let response = Plot::new(("response", motion, what))
        .height(HEIGHT)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_grid([false, true])
        .include_y(0.0)
        .y_axis_min_width(38.0)
        .set_margin_fraction(vec2(0.03, 0.08))
        .label_formatter(move |pointed| {
            Some(match pointed {
                egui_plot::HoverPosition::NearDataPoint {
                    plot_name,
                    position,
                    ..
                } => format!(
                    "{plot_name}\n{axis} {:.3}\n{what_name} {:.4}",
                    position.x, position.y
                ),
                egui_plot::HoverPosition::Elsewhere { .. } => return None,
            })
        })
        .show(ui, |plot| {
            plot.hline(HLine::new("", 0.0).stroke(Stroke::new(0.5, Color32::GRAY)));
            plot.vline(VLine::new("right", motion.right()).stroke(Stroke::new(2.0, RIGHT)));
            for (place, curve) in curves.iter().rev() {
                let points = (curve.points.iter())
                    .map(|point| [point.at, value(point)])
                    .filter(|point| point[1].is_finite());
                let line = Line::new(what, PlotPoints::from_iter(points))
                    .color(COLORS[*place])
                    .style(style(*place))
                    .width(if *place == 0 { 2.5 } else { 1.8 });
                plot.line(line);
            }
        })
        .response;
    let name = format!("{what} by {axis}");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, name.clone()));
}
