//! The grid of small pictures. Only rows on the screen are laid out; only pictures on the screen are
//! read.

use egui::{
    Align2, Color32, FontId, Key, Rect, RichText, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui,
    WidgetInfo, pos2, vec2,
};

use super::super::view::color::class_color;
use super::super::view::paint::{Overlay, Palette};
use super::problems::mark;
use super::tiles::Shown;
use super::{State as Room, percent, size_text, swatch};
use crate::data::Dataset;
use crate::lab::Lab;
use crate::lab::browse::Side;

/// Space around and line below a picture.
const GAP: f32 = 6.0;
const LINE: f32 = 16.0;
/// Side of a picture in points.
const SIDES: [(&str, f32); 3] = [("Small", 88.0), ("Medium", 128.0), ("Large", 184.0)];

pub struct State {
    /// Place in the filtered list.
    at: Option<usize>,
    /// The selection moved by keyboard: bring it on the screen.
    follow: bool,
    side: f32,
    opacity: f32,
    contours: bool,
    columns: usize,
    rows_on_screen: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            at: None,
            follow: false,
            side: SIDES[1].1,
            opacity: 0.5,
            contours: false,
            columns: 1,
            rows_on_screen: 1,
        }
    }
}

impl State {
    pub fn selected(&self) -> Option<usize> {
        self.at
    }

    pub fn select(&mut self, at: usize) {
        self.at = Some(at);
        self.follow = true;
    }

    /// Moves the selection.
    pub fn keys(&mut self, count: usize, mut typed: impl FnMut(Key) -> bool) {
        if count == 0 {
            self.at = None;
            return;
        }
        let now = self.at.map(|at| at.min(count - 1));
        let page = self.columns * self.rows_on_screen.max(1);
        let moves: [(Key, isize); 6] = [
            (Key::ArrowLeft, -1),
            (Key::ArrowRight, 1),
            (Key::ArrowUp, -(self.columns as isize)),
            (Key::ArrowDown, self.columns as isize),
            (Key::PageUp, -(page as isize)),
            (Key::PageDown, page as isize),
        ];
        let mut next = now;
        for (key, by) in moves {
            if typed(key) {
                next = Some(match now {
                    Some(at) => at.saturating_add_signed(by).min(count - 1),
                    None => 0,
                });
            }
        }
        if typed(Key::Home) {
            next = Some(0);
        }
        if typed(Key::End) {
            next = Some(count - 1);
        }
        if next != now {
            self.follow = true;
        }
        self.at = next;
    }

    /// Size of the pictures and how the masks lie over them.
    pub fn controls(&mut self, ui: &mut Ui) {
        for (name, side) in SIDES {
            if ui
                .selectable_label(self.side == side, name)
                .on_hover_text(format!("{name} pictures: {side} points wide"))
                .clicked()
            {
                self.side = side;
                self.follow = true;
            }
        }
        let label = ui.label("Mask");
        ui.scope(|ui| {
            ui.spacing_mut().slider_width = 60.0;
            let slider = egui::Slider::new(&mut self.opacity, 0.0..=1.0).fixed_decimals(1);
            ui.add_enabled(!self.contours, slider)
                .labelled_by(label.id)
                .on_hover_text("How far the classes cover the images: 0 none, 1 all; default 0.5");
        });
        ui.checkbox(&mut self.contours, "Contours")
            .on_hover_text("Draw only the borders of the classes");
    }
}

/// Whether a class is "nothing there" by name: its colour would only veil the images.
pub(super) fn is_nothing(name: &str) -> bool {
    const NOTHING: [&str; 7] = [
        "background",
        "_background_",
        "bg",
        "none",
        "void",
        "unlabelled",
        "unlabeled",
    ];
    NOTHING.contains(&name.to_lowercase().as_str())
}

/// Every class in its colour but that for nothing.
pub(super) fn palette(dataset: &Dataset) -> Palette {
    let classes = &dataset.classes.classes;
    let colors: Vec<[u8; 3]> = classes.iter().map(|c| c.color).collect();
    Palette {
        shown: classes.iter().map(|c| !is_nothing(&c.name)).collect(),
        colors: (0..colors.len())
            .map(|at| class_color(&colors, at))
            .collect(),
        background: None,
    }
}

pub(super) fn show(
    room: &mut Room,
    lab: &mut Lab,
    dataset: &Dataset,
    chosen: &[usize],
    ui: &mut Ui,
) {
    if chosen.is_empty() {
        ui.vertical_centered(|ui| {
            ui.add_space(40.0);
            ui.heading("No image passes the filter");
            ui.weak("Press “Show all” above, or choose another class, side or size.");
        });
        return;
    }
    let palette = palette(dataset);
    let overlay = Overlay {
        opacity: room.grid.opacity,
        contours: room.grid.contours,
    };
    let side = room.grid.side;
    let width = ui.available_width() - ui.spacing().scroll.bar_width - 6.0;
    let columns = (((width + GAP) / (side + GAP)) as usize).max(1);
    // The pictures share the width that is left over.
    let side = ((width + GAP) / columns as f32 - GAP).floor().max(40.0);
    let cell = vec2(side, (side * 0.78).floor() + LINE);
    let rows = chosen.len().div_ceil(columns);
    room.grid.columns = columns;
    let step = cell.y + GAP;
    room.grid.rows_on_screen = ((ui.available_height() / step) as usize).max(1);
    if let Some(at) = &mut room.grid.at {
        *at = (*at).min(chosen.len() - 1);
    }
    room.tiles.begin();
    ui.spacing_mut().item_spacing = vec2(GAP, GAP);
    let target = std::mem::take(&mut room.grid.follow)
        .then_some(room.grid.at)
        .flatten();
    ScrollArea::vertical()
        .auto_shrink(false)
        .show_viewport(ui, |ui, viewport| {
            ui.set_height(rows as f32 * step);
            let top = ui.min_rect().min;
            if let Some(at) = target {
                let y = top.y + (at / columns) as f32 * step;
                let row = Rect::from_min_size(pos2(top.x, y), vec2(10.0, step));
                ui.scroll_to_rect(row, None);
            }
            let first = (viewport.min.y / step).floor().max(0.0) as usize;
            let last = ((viewport.max.y / step).ceil() as usize).min(rows);
            for row in first..last {
                for column in 0..columns {
                    let at = row * columns + column;
                    let Some(&item) = chosen.get(at) else { break };
                    let corner = top + vec2(column as f32 * (cell.x + GAP), row as f32 * step);
                    let rect = Rect::from_min_size(corner, cell);
                    one(
                        room,
                        lab,
                        dataset,
                        (at, item),
                        rect,
                        (&palette, overlay),
                        ui,
                    );
                }
            }
        });
    room.tiles.end(&mut lab.pictures);
}

fn one(
    room: &mut Room,
    lab: &mut Lab,
    dataset: &Dataset,
    (at, item): (usize, usize),
    rect: Rect,
    (palette, overlay): (&Palette, Overlay),
    ui: &mut Ui,
) {
    let id = &dataset.items[item].id;
    let response = ui.interact(rect, ui.scope_id().with(("tile", item)), Sense::click());
    let selected = room.grid.at == Some(at);
    response
        .widget_info(|| WidgetInfo::selected(Role::Button, true, selected, format!("Image {id}")));
    let picture = Rect::from_min_max(rect.min, pos2(rect.max.x, rect.max.y - LINE));
    ui.painter()
        .rect_filled(picture, 3.0, ui.visuals().faint_bg_color);
    let weak = ui.visuals().weak_text_color();
    let say = |text: &str, color: Color32| {
        let font = FontId::proportional(12.0);
        ui.painter()
            .text(picture.center(), Align2::CENTER_CENTER, text, font, color);
    };
    match room
        .tiles
        .get(ui, &mut lab.pictures, item, palette, overlay)
    {
        Shown::Texture(texture, [w, h]) => {
            let size = vec2(w.max(1) as f32, h.max(1) as f32);
            let scale = (picture.width() / size.x).min(picture.height() / size.y);
            let fitted = Rect::from_center_size(picture.center(), size * scale);
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            ui.painter().image(texture, fitted, whole, Color32::WHITE);
        }
        Shown::Coming => say("…", weak),
        Shown::Failed(message) => {
            say("✖ unreadable", super::theme::bad(ui));
            response.clone().on_hover_text(message);
        }
    }
    let facets = room.known.as_ref().map(|known| &known.facets);
    let side = facets.and_then(|f| f.sides.get(item)).copied();
    let worst = facets.and_then(|f| f.worst(dataset, item));
    caption(ui, rect, id, side, worst.map(|severity| mark(ui, severity)));
    if selected || response.hovered() || response.has_focus() {
        let stroke = if selected {
            Stroke::new(2.5, ui.visuals().selection.bg_fill)
        } else {
            Stroke::new(1.0, weak)
        };
        ui.painter()
            .rect_stroke(rect.expand(1.5), 3.0, stroke, StrokeKind::Outside);
    }
    if response.clicked() {
        room.grid.at = Some(at);
        room.look.open = Some(item);
    }
    response.on_hover_ui(|ui| legend(ui, dataset, item, side, facets));
}

/// The line below a picture: a mark for findings, V for validation, the end of the name.
fn caption(
    ui: &Ui,
    rect: Rect,
    id: &str,
    side: Option<Side>,
    finding: Option<(&'static str, Color32)>,
) {
    let line = Rect::from_min_max(pos2(rect.left(), rect.bottom() - LINE), rect.max);
    let painter = ui.painter().with_clip_rect(line.intersect(ui.clip_rect()));
    let font = FontId::proportional(11.0);
    let mut x = line.left();
    // Returns where the next word begins.
    let put = |x: f32, text: &str, color: Color32| {
        let galley = painter.layout_no_wrap(text.to_owned(), font.clone(), color);
        let at = pos2(x, line.center().y - galley.size().y / 2.0);
        let next = x + galley.size().x + 3.0;
        painter.galley(at, galley, color);
        next
    };
    if let Some((mark, color)) = finding {
        x = put(x, mark, color);
    }
    match side {
        Some(Side::Val) => x = put(x, "V", super::theme::good(ui)),
        Some(Side::Unused) => x = put(x, "–", ui.visuals().weak_text_color()),
        _ => {}
    }
    // The end of a path tells images apart, its beginning rarely does.
    let room = ((line.right() - x) / 5.6).max(4.0) as usize;
    let count = id.chars().count();
    let text: String = if count > room {
        let tail = id.chars().skip(count - room + 1);
        std::iter::once('…').chain(tail).collect()
    } else {
        id.to_owned()
    };
    // Where letters are wider than thought, the end is what stays.
    let color = ui.visuals().text_color();
    let galley = painter.layout_no_wrap(text, font.clone(), color);
    let room = Rect::from_min_max(pos2(x, line.top()), line.max);
    let left = x.min(room.right() - galley.size().x);
    let at = pos2(left, line.center().y - galley.size().y / 2.0);
    let clip = room.intersect(ui.clip_rect());
    painter.with_clip_rect(clip).galley(at, galley, color);
}

/// What the pointer's image holds.
pub(super) fn legend(
    ui: &mut Ui,
    dataset: &Dataset,
    item: usize,
    side: Option<Side>,
    facets: Option<&crate::lab::browse::Facets>,
) {
    let Some(counts) = dataset.counts.get(item) else {
        return;
    };
    ui.strong(&dataset.items[item].id);
    let side = match side {
        Some(Side::Val) => "validates",
        Some(Side::Train) => "trains",
        _ => "not used",
    };
    ui.label(format!("{} pixels · {side}", size_text(counts.size)));
    let mut present: Vec<_> = counts.present.to_vec();
    present.sort_by_key(|(_, pixels)| std::cmp::Reverse(*pixels));
    egui::Grid::new("tile legend")
        .num_columns(3)
        .min_col_width(11.0)
        .spacing([8.0, 2.0])
        .show(ui, |ui| {
            for (class, _) in present.iter().take(12) {
                let Some(of) = dataset.classes.classes.get(usize::from(*class)) else {
                    continue;
                };
                swatch(ui, of.color, 11.0);
                ui.label(&of.name);
                ui.label(percent(counts.share(*class)));
                ui.end_row();
            }
        });
    if present.len() > 12 {
        ui.weak(format!("and {} more classes", present.len() - 12));
    }
    if counts.ignored > 0 {
        let all = counts.claimed() + counts.ignored;
        ui.weak(format!(
            "ignored: {}",
            percent(counts.ignored as f64 / all.max(1) as f64)
        ));
    }
    for &at in facets
        .and_then(|facets| facets.findings.get(&item))
        .into_iter()
        .flatten()
    {
        if let Some(finding) = dataset.findings.get(at) {
            let (sign, color) = mark(ui, finding.severity);
            ui.label(RichText::new(format!("{sign} {}", finding.code)).color(color));
        }
    }
}
