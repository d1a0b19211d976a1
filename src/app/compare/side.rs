//! Beside the pictures: the images in their order with the score of each run, the confusion matrix
//! whose cells and classes lead to images, and below the pictures what the colours mean.

use egui::{Align2, Color32, RichText, Role, Sense, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::gather::{Scene, Side};
use crate::app::view::chip::keep_together;
use crate::app::view::color::{on_ground, run_color, text_on};
use crate::app::view::paint::{DOUBT, INVENTED_AND_MISSED, Map};
use crate::app::view::versus::{DISAGREEMENT, Mode, Show};
use crate::run::metrics::Confusion;
use crate::run::versus::{Order, Tally, image_dice, tally};

/// Height of a line that says what colours mean.
const ROW: f32 = 16.0;

/// What was clicked.
#[derive(Default)]
pub struct Asked {
    pub order: Option<Order>,
    /// Place in the validation split.
    pub image: Option<usize>,
}

pub fn show(ui: &mut Ui, side: &Side) -> Asked {
    let mut asked = Asked::default();
    let [a, _] = side.pair;
    if let Some((_, validation)) = side.validations[a] {
        egui::Panel::bottom("confusion of the comparison")
            .resizable(true)
            .default_size((ui.available_height() * 0.5).min(320.0))
            .show(ui, |ui| {
                ui.label(RichText::new(format!("Confusion of {}", side.titles[a])).strong())
                    .on_hover_text(
                        "Rows are the truth, columns what was said, shade is the share of the row. \
                         A click on a cell shows the images that cause it, a click on a class its \
                         worst images.",
                    );
                egui::ScrollArea::both().auto_shrink(false).show(ui, |ui| {
                    let classes = &side.runs[a].classes;
                    if let Some(order) = matrix(ui, &validation.confusion, classes, side.order) {
                        asked.order = Some(order);
                    }
                });
            });
    }
    heading(ui, side);
    let row = ui.spacing().interact_size.y;
    let columns = columns(ui, side);
    let width = ui.available_width();
    egui::ScrollArea::vertical().auto_shrink(false).show_rows(
        ui,
        row,
        side.ranked.len(),
        |ui, range| {
            for at in range {
                let ranked = side.ranked[at];
                let name = &side.names[ranked.position];
                let scores: Vec<String> = (side.validations.iter().take(columns))
                    .map(|v| {
                        let dice = v.and_then(|(_, v)| image_dice(v, ranked.position));
                        dice.map_or_else(|| " –  ".to_owned(), |dice| format!("{dice:.2}"))
                    })
                    .collect();
                let value = match (side.order, ranked.value) {
                    (Order::Cell { .. }, Some(pixels)) => format!("{pixels:.0} px"),
                    (Order::Class(_), Some(dice)) => format!("{dice:.3}"),
                    (Order::Difference, Some(difference)) => format!("Δ {difference:.2}"),
                    _ => String::new(),
                };
                let text = format!("{} {value}", scores.join(" "));
                let (rect, response) = ui.allocate_exact_size(vec2(width, row), Sense::click());
                let said = format!("Image {name}: {text}");
                response
                    .widget_info(|| WidgetInfo::selected(Role::Button, true, at == side.at, &said));
                let visuals = ui.style().interact_selectable(&response, at == side.at);
                if at == side.at || response.hovered() || response.has_focus() {
                    ui.painter().rect_filled(rect, 3.0, visuals.weak_bg_fill);
                }
                let color = visuals.text_color();
                let font = score_font();
                let drawn = ui.painter().text(
                    rect.right_center() - vec2(6.0, 0.0),
                    Align2::RIGHT_CENTER,
                    text,
                    font,
                    color,
                );
                let room = egui::Rect::from_min_max(rect.min, pos2(drawn.left() - 4.0, rect.max.y));
                let font = egui::FontId::proportional(12.5);
                let painter = ui.painter().with_clip_rect(room.intersect(ui.clip_rect()));
                let lay =
                    |words: &str| painter.layout_no_wrap(words.to_owned(), font.clone(), color);
                let mut galley = lay(name);
                // What tells images of one folder apart stands at the end.
                if galley.size().x > room.width() - 4.0
                    && let Some((_, end)) = name.rsplit_once('/')
                {
                    galley = lay(end);
                }
                let place = Align2::LEFT_CENTER
                    .anchor_size(rect.left_center() + vec2(4.0, 0.0), galley.size());
                painter.galley(place.min, galley, color);
                if response.on_hover_text(name).clicked() {
                    asked.image = Some(ranked.position);
                }
            }
        },
    );
    asked
}

fn score_font() -> egui::FontId {
    egui::FontId::monospace(11.5)
}

/// How many runs have a column of scores beside the names of the images, and a square of each one's
/// colour above it.
fn columns(ui: &mut Ui, side: &Side) -> usize {
    /// Points that are left for names at least.
    const NAMES: f32 = 76.0;
    let digit = ui
        .ctx()
        .fonts_mut(|fonts| fonts.glyph_width(&score_font(), '0'));
    // Behind the scores stands what the order goes by.
    let behind = match side.order {
        Order::Split | Order::Worst => 1.0,
        Order::Difference | Order::Class(_) => 7.0,
        Order::Cell { .. } => 9.0,
    };
    let column = 5.0 * digit;
    let room = ui.available_width() - NAMES - 10.0 - behind * digit;
    let columns = ((room / column) as usize).clamp(1, side.runs.len().max(1));
    let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), 12.0), Sense::hover());
    let dark = ui.visuals().dark_mode;
    for (at, run) in side.runs.iter().take(columns).enumerate() {
        let right = line.right() - 6.0 - behind * digit - column * (columns - 1 - at) as f32;
        let center = pos2(right - 2.0 * digit, line.center().y);
        let square = egui::Rect::from_center_size(center, vec2(10.0, 10.0));
        let color = on_ground(run_color(ui.ctx(), &run.id), dark);
        ui.painter().rect_filled(square, 2.0, color);
        let id = ui.make_persistent_id(("column of scores", at));
        ui.interact(square, id, Sense::hover())
            .on_hover_text(format!("Mean Dice of each image in {}", side.titles[at]));
    }
    columns
}

fn heading(ui: &mut Ui, side: &Side) {
    let class = |at: usize| {
        let name = side.runs[side.pair[0]].classes.get(at);
        name.map_or_else(|| format!("class {at}"), Clone::clone)
    };
    let a = &side.titles[side.pair[0]];
    let (text, help) = match side.order {
        Order::Split => ("All validation images".to_owned(), String::new()),
        Order::Worst => (
            "Worst first".to_owned(),
            format!("Lowest mean Dice of {a} first."),
        ),
        Order::Difference => (
            "Biggest difference first".to_owned(),
            "Δ is the largest difference of mean Dice between two of the runs.".to_owned(),
        ),
        Order::Class(at) => (
            format!("Worst “{}” first", class(at)),
            format!("Dice of this class in {a}, lowest first; images without it are left out."),
        ),
        Order::Cell { truth, prediction } => (
            format!("“{}” taken for “{}”", class(truth), class(prediction)),
            format!("Pixels that {a} confused so, most first; images without any are left out."),
        ),
    };
    ui.label(RichText::new(text).strong())
        .on_hover_text(format!(
            "{help} Numbers are the mean Dice of each image, run by run."
        ));
}

/// The matrix as shaded squares; returns the order that was clicked.
fn matrix(ui: &mut Ui, confusion: &Confusion, names: &[String], order: Order) -> Option<Order> {
    let n = confusion.classes;
    let name = |at: usize| names.get(at).map_or("?", String::as_str);
    let font = egui::FontId::proportional(11.0);
    let text = ui.visuals().text_color();
    let widest = (0..n)
        .map(|at| {
            let galley = ui
                .painter()
                .layout_no_wrap(name(at).to_owned(), font.clone(), text);
            galley.size().x
        })
        .fold(30.0, f32::max)
        .min(110.0);
    let room = (ui.available_width() - widest - 12.0) / n.max(1) as f32;
    let cell = room.clamp(14.0, 42.0);
    let size = vec2(widest + 8.0 + cell * n as f32, cell * (n + 1) as f32);
    let (area, _) = ui.allocate_exact_size(size, Sense::hover());
    let mut clicked = None;
    let ground = ui.visuals().extreme_bg_color;
    let ink = ui.visuals().hyperlink_color;
    for truth in 0..n {
        let row = &confusion.counts[truth * n..(truth + 1) * n];
        let total: u64 = row.iter().sum();
        let y = area.top() + cell * (truth + 1) as f32;
        let label = egui::Rect::from_min_size(pos2(area.left(), y), vec2(widest + 6.0, cell));
        let id = ui.make_persistent_id(("class row", truth));
        let response = ui.interact(label, id, Sense::click());
        let said = format!("Worst images of {}", name(truth));
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &said));
        let strong = response.hovered() || order == Order::Class(truth);
        let color = if strong { ink } else { text };
        let painter = ui.painter().with_clip_rect(label.intersect(ui.clip_rect()));
        painter.text(
            label.left_center(),
            Align2::LEFT_CENTER,
            name(truth),
            font.clone(),
            color,
        );
        if response.on_hover_text(said).clicked() {
            clicked = Some(Order::Class(truth));
        }
        for (prediction, &count) in row.iter().enumerate() {
            let x = area.left() + widest + 8.0 + cell * prediction as f32;
            let rect = egui::Rect::from_min_size(pos2(x, y), vec2(cell - 1.0, cell - 1.0));
            let share = count as f32 / total.max(1) as f32;
            let fill = blend(ground, ink, share.sqrt());
            let id = ui.make_persistent_id(("confusion cell", truth, prediction));
            let response = ui.interact(rect, id, Sense::click());
            let said = format!(
                "{} taken for {}: {count} pixels, {:.1} % of the class",
                name(truth),
                name(prediction),
                share * 100.0
            );
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &said));
            ui.painter().rect_filled(rect, 1.0, fill);
            let chosen = order == Order::Cell { truth, prediction };
            if chosen || response.hovered() || response.has_focus() {
                let stroke = egui::Stroke::new(2.0, ui.visuals().strong_text_color());
                ui.painter()
                    .rect_stroke(rect, 1.0, stroke, egui::StrokeKind::Inside);
            }
            if cell >= 26.0 && count > 0 {
                let words = format!("{:.0}", share * 100.0);
                let font = egui::FontId::proportional(10.0);
                ui.painter().text(
                    rect.center(),
                    Align2::CENTER_CENTER,
                    words,
                    font,
                    text_on(fill),
                );
            }
            if response.on_hover_text(said).clicked() {
                clicked = Some(if truth == prediction {
                    Order::Class(truth)
                } else {
                    Order::Cell { truth, prediction }
                });
            }
        }
    }
    // What the columns are: the first letters fit, the whole name is in each cell's tooltip.
    for prediction in 0..n {
        let x = area.left() + widest + 8.0 + cell * (prediction as f32 + 0.5);
        let short: String = name(prediction)
            .chars()
            .take(if cell > 26.0 { 4 } else { 2 })
            .collect();
        ui.painter().text(
            pos2(x, area.top() + cell - 2.0),
            Align2::CENTER_BOTTOM,
            short,
            egui::FontId::proportional(10.0),
            text,
        );
    }
    clicked
}

fn blend(a: Color32, b: Color32, share: f32) -> Color32 {
    let [r, g, b] =
        crate::app::view::paint::mix([a.r(), a.g(), a.b()], [b.r(), b.g(), b.b()], share);
    Color32::from_rgb(r, g, b)
}

/// Pixels that A and B have right or wrong, class by class; none while one of the maps is missing.
pub fn tally_of(scene: &Scene, [a, b]: [usize; 2]) -> Option<Vec<Tally>> {
    let plane = |at: usize| scene.looks.get(at)?.labels.as_deref();
    let (truth, a, b) = (scene.ground.truth.as_deref()?, plane(a)?, plane(b)?);
    Some(tally(&truth.data, &a.data, &b.data, scene.classes.len()))
}

/// Two lines below the pictures: what colours mean or how many pixels, and the pixel pointed at.
pub fn foot(
    ui: &mut Ui,
    scene: &Scene,
    (mode, show): (Mode, Show),
    [a, b]: [usize; 2],
    under: Option<Vec2>,
) {
    if mode == Mode::Disagree
        && let Some(counts) = tally_of(scene, [a, b])
    {
        tallies(ui, scene, &counts);
    } else {
        legend(ui, &meanings(scene, show));
    }
    let said = under.map_or_else(
        || "wheel zooms, drag moves, double click shows all · arrows: image and epoch".to_owned(),
        |at| pixel(scene, at),
    );
    ui.add(egui::Label::new(RichText::new(said).weak()).truncate());
}

/// What the colours of a run's pictures mean.
pub fn meanings(scene: &Scene, show: Show) -> Vec<(&str, [u8; 3])> {
    match show {
        Show::Errors => INVENTED_AND_MISSED.to_vec(),
        Show::Doubt => DOUBT.to_vec(),
        Show::Prediction => (scene.classes.iter())
            .map(|(name, color)| (name.as_str(), *color))
            .collect(),
    }
}

fn legend(ui: &mut Ui, entries: &[(&str, [u8; 3])]) {
    /// Points that many classes may take from the pictures.
    const HIGHEST: f32 = 60.0;
    egui::ScrollArea::vertical()
        .id_salt("meaning of the colours")
        .max_height(HIGHEST)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
                for (word, [r, g, b]) in entries {
                    if ui.available_size_before_wrap().x < 24.0 + 7.0 * word.chars().count() as f32
                    {
                        ui.end_row();
                    }
                    swatch(ui, Color32::from_rgb(*r, *g, *b));
                    ui.label(RichText::new(*word).size(12.0));
                }
            });
        });
}

fn swatch(ui: &mut Ui, color: Color32) {
    // As high as a line of text: it stands in the middle of a wrapped row, too.
    let (line, _) = ui.allocate_exact_size(vec2(9.0, ROW), Sense::hover());
    let rect = egui::Rect::from_center_size(line.center(), vec2(9.0, 9.0));
    let rim = ui.visuals().window_stroke();
    ui.painter()
        .rect(rect, 2.0, color, rim, egui::StrokeKind::Inside);
}

/// How many pixels two runs disagree about, and the colours of the three ways to.
pub fn counted(counts: &[Tally]) -> [(String, [u8; 3]); 3] {
    let sum = |pick: fn(&Tally) -> u64| -> u64 { counts.iter().map(pick).sum() };
    let total = sum(Tally::pixels).max(1);
    let picks: [fn(&Tally) -> u64; 3] = [|t| t.only_a, |t| t.only_b, |t| t.both_wrong];
    std::array::from_fn(|at| {
        let ((word, color), count) = (DISAGREEMENT[at], sum(picks[at]));
        let share = count as f64 / total as f64 * 100.0;
        (format!("{word}: {count} px ({share:.1} %)"), color)
    })
}

fn tallies(ui: &mut Ui, scene: &Scene, counts: &[Tally]) {
    let table = || {
        let mut text = "pixels of each true class: A right, B wrong | B right, A wrong | both wrong | both right".to_owned();
        for ((name, _), count) in scene.classes.iter().zip(counts) {
            if count.pixels() > 0 {
                text += &format!(
                    "\n{name}: {} | {} | {} | {}",
                    count.only_a, count.only_b, count.both_wrong, count.both_right
                );
            }
        }
        text
    };
    let response = ui.horizontal_wrapped(|ui| {
        for (said, [r, g, b]) in counted(counts) {
            keep_together(ui, 24.0 + 7.0 * said.chars().count() as f32);
            swatch(ui, Color32::from_rgb(r, g, b));
            ui.label(RichText::new(said).size(12.0));
        }
        keep_together(ui, 80.0);
        ui.menu_button("per class", |ui| {
            egui::Grid::new("pixels per class")
                .striped(true)
                .num_columns(5)
                .show(ui, |ui| {
                    for head in ["class", "A right", "B right", "both wrong", "both right"] {
                        ui.strong(head);
                    }
                    ui.end_row();
                    for ((name, _), count) in scene.classes.iter().zip(counts) {
                        ui.label(name);
                        for n in [
                            count.only_a,
                            count.only_b,
                            count.both_wrong,
                            count.both_right,
                        ] {
                            ui.monospace(n.to_string());
                        }
                        ui.end_row();
                    }
                });
        })
        .response
        .on_hover_text("Pixels of each true class, counted");
    });
    response.response.on_hover_ui(|ui| {
        ui.label(table());
    });
}

fn pixel(scene: &Scene, at: Vec2) -> String {
    let first = scene.looks.iter().find_map(|look| look.labels.as_deref());
    let Some(first) = first else {
        return String::new();
    };
    let size = [first.width, first.height];
    let place = |share: f32, n: usize| ((share * n as f32) as usize).min(n.saturating_sub(1));
    let (x, y) = (place(at.x, size[0]), place(at.y, size[1]));
    let name = |plane: &crate::run::pictures::Plane| {
        let map = Map {
            width: plane.width,
            height: plane.height,
            data: &plane.data,
        };
        let class = scene.classes.get(usize::from(map.at(x, y, size)));
        class.map_or("ignored", |(name, _)| name.as_str())
    };
    let mut said = format!("x {x}, y {y}");
    if let Some(truth) = scene.ground.truth.as_deref() {
        said += &format!(" · truth {}", name(truth));
    }
    for look in &scene.looks {
        if let Some(labels) = look.labels.as_deref() {
            said += &format!(" · {}: {}", look.name, name(labels));
        }
    }
    said
}
