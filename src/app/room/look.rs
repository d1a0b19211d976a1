//! One image at its own size: zoom, move, and the mask's value under the pointer.

use std::collections::BTreeSet;

use egui::{Button, RichText, Role, Sense, Ui, Vec2, WidgetInfo, vec2};

use super::super::theme;
use super::super::view::captions;
use super::super::view::chip::{Chip, legend};
use super::super::view::color::on_ground;
use super::super::view::lens::Lens;
use super::super::view::paint::{Overlay, Palette};
use super::super::view::panes::{self, Pane, Scene};
use super::super::view::save;
use super::super::view::textures::Textures;
use super::large::{self, Large, Of};
use super::{State as Room, bands::Bands, grid, percent, size_text};
use crate::data::mask::{Kind, RawMask, unpacked};
use crate::data::{self, Dataset, IGNORE, Sample};
use crate::export::chart::Plates;
use crate::lab::Lab;
use crate::lab::browse::Side;
use crate::lab::rooming::{Full, Seen};

pub struct State {
    /// The item that is looked at.
    pub open: Option<usize>,
    lens: Lens,
    textures: Textures,
    large: Large,
    beside: bool,
    bands: Bands,
    opacity: f32,
    contours: bool,
    hidden: BTreeSet<String>,
    /// Classes of the last call: with new ones, all are shown but that for nothing.
    known: Vec<String>,
    /// Place under the pointer, in 0..1 of the picture.
    pointed: Option<Vec2>,
    /// What was said last of a pixel, with its item and place.
    spoken: Option<(usize, [usize; 2], String)>,
    /// The pictures are to be saved: as SVG, or as PNG.
    save_as: Option<bool>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            open: None,
            lens: Lens::default(),
            textures: Textures::default(),
            large: Large::default(),
            beside: true,
            bands: Bands::default(),
            opacity: 0.6,
            contours: false,
            hidden: BTreeSet::new(),
            known: Vec::new(),
            pointed: None,
            spoken: None,
            save_as: None,
        }
    }
}

impl State {
    pub fn close(&mut self) {
        self.open = None;
        self.lens = Lens::default();
        self.pointed = None;
        self.spoken = None;
        // The pixels of a large picture are not to be held for nothing.
        self.textures = Textures::default();
        self.large = Large::default();
        self.bands.forget();
    }

    pub fn close_missing(&mut self, dataset: &Dataset) {
        if self.open.is_some_and(|item| item >= dataset.items.len()) {
            self.close();
        }
    }
}

/// Draws the item; returns it when it is to be shown in the Training tab.
pub(super) fn show(
    room: &mut Room,
    lab: &mut Lab,
    dataset: &Dataset,
    chosen: &[usize],
    item: usize,
    ui: &mut Ui,
) -> Option<usize> {
    let asked = head(room, lab, dataset, chosen, item, ui);
    if room.look.open.is_none() {
        lab.pictures.close_full();
        return None;
    }
    let full: Full = match lab.pictures.full(item) {
        Some(Ok(full)) => full.clone(),
        Some(Err(message)) => {
            ui.add_space(20.0);
            ui.colored_label(theme::bad(ui), format!("✖ {message}"));
            return asked;
        }
        None => {
            ui.vertical_centered(|ui| {
                ui.add_space(60.0);
                ui.spinner();
                ui.weak(
                    "The image is read at its full size, as soon as other large ones make room.",
                );
            });
            return asked;
        }
    };
    let look = &mut room.look;
    let names = || dataset.classes.classes.iter().map(|class| &class.name);
    if !look.known.iter().eq(names()) {
        look.known = names().cloned().collect();
        let nothing = names().filter(|name| grid::is_nothing(name));
        look.hidden = nothing.cloned().collect();
    }
    chips(look, dataset, item, ui);
    let palette = Palette {
        shown: (dataset.classes.classes.iter())
            .map(|class| !look.hidden.contains(&class.name))
            .collect(),
        ..grid::palette(dataset)
    };
    let of = (lab.pictures.generation(), item);
    let pixels = full.pixels();
    if pixels.is_none() && !full.is_large() {
        lab.pictures.again();
    }
    // A large one is brought into shape where it is painted.
    let sample = (pixels.as_ref()).map(|seen| match full.is_large() {
        true => seen.sample.clone(),
        false => look.bands.picture(&seen.sample),
    });
    let ready = match full.is_large() {
        true => look.large.overview().cloned(),
        false => sample.clone(),
    };
    if let Some(sample) = ready
        && let Some(svg) = look.save_as.take()
    {
        let scene = scene(look, &sample, &palette);
        let shown = shown(look.beside);
        let panes = shown.iter();
        let plate = |pane: &Pane| Some(save::plate(pane.name(), &scene.picture(*pane)?));
        let classes: Vec<_> = (dataset.classes.classes.iter())
            .map(|class| (class.name.clone(), class.color))
            .collect();
        let plates = Plates {
            title: dataset.items[item].id.clone(),
            plates: panes.filter_map(plate).collect(),
            legend: captions::legend(shown, &classes, &palette),
        };
        room.saves.push(save::plates("image", &plates, svg));
    }
    let room = pixels.as_ref().and_then(|seen| seen.room.clone());
    let asks = pictures(look, (of, &full), sample.as_ref(), room, &palette, ui);
    let (said, lacks) = spoken(look, dataset, &full, pixels.as_ref());
    if asks || lacks {
        lab.pictures.again();
    }
    ui.add(egui::Label::new(RichText::new(said).monospace()).truncate());
    asked
}

fn head(
    room: &mut Room,
    lab: &Lab,
    dataset: &Dataset,
    chosen: &[usize],
    item: usize,
    ui: &mut Ui,
) -> Option<usize> {
    let mut asked = None;
    let at = chosen.iter().position(|other| *other == item);
    ui.horizontal_wrapped(|ui| {
        if ui
            .button("✖ Close")
            .on_hover_text("Back to all images (Esc)")
            .clicked()
        {
            room.look.close();
        }
        let before = at.and_then(|at| at.checked_sub(1));
        let after = at.map(|at| at + 1).filter(|at| *at < chosen.len());
        for (sign, name, key, to) in [
            ("◀", "Previous image", "arrow left", before),
            ("▶", "Next image", "arrow right", after),
        ] {
            let response = ui
                .add_enabled(to.is_some(), Button::new(sign))
                .on_hover_text(format!("{name} ({key})"))
                .on_disabled_hover_text("There is no further image on this side.");
            response.widget_info(|| WidgetInfo::labeled(Role::Button, to.is_some(), name));
            if response.clicked()
                && let Some(to) = to
            {
                room.look.open = Some(chosen[to]);
                room.grid.select(to);
            }
        }
        if let Some(at) = at {
            ui.label(format!("{} of {}", at + 1, chosen.len()));
        }
        let id = &dataset.items[item].id;
        ui.add(egui::Label::new(RichText::new(id).strong()).truncate())
            .on_hover_text(format!(
                "image {}\nmask {}",
                dataset.items[item].image.display(),
                dataset.items[item].mask.display()
            ));
        let side = room.known.as_ref().and_then(|k| k.facets.sides.get(item));
        ui.weak(match side {
            Some(Side::Val) => "validates",
            Some(Side::Train) => "trains",
            _ => "not used",
        });
    });
    let look = &mut room.look;
    ui.horizontal_wrapped(|ui| {
        ui.selectable_value(&mut look.beside, true, "Side by side")
            .on_hover_text("The image, and beside it the image under its mask");
        ui.selectable_value(&mut look.beside, false, "Mask over image")
            .on_hover_text("One picture: the mask over the image");
        ui.separator();
        let label = ui.label("Mask");
        ui.scope(|ui| {
            ui.spacing_mut().slider_width = 70.0;
            let slider = egui::Slider::new(&mut look.opacity, 0.0..=1.0).fixed_decimals(2);
            ui.add_enabled(!look.contours, slider)
                .labelled_by(label.id)
                .on_hover_text("How far the classes cover the image: 0 none, 1 all; default 0.60");
        });
        ui.checkbox(&mut look.contours, "Contours")
            .on_hover_text("Draw only the borders of the classes");
        if ui
            .add_enabled(look.lens != Lens::default(), Button::new("Fit"))
            .on_hover_text("Show the whole picture again (double click)")
            .clicked()
        {
            look.lens = Lens::default();
        }
        look.bands.show(dataset.channels, ui);
        let choices = [
            (
                "Pictures as SVG…",
                "What is shown, unzoomed; its title stays text.",
            ),
            (
                "Pictures as PNG…",
                "What is shown, unzoomed, pixel by pixel.",
            ),
        ];
        look.save_as = save::pictures_menu(ui, choices).or(look.save_as);
        if dataset.split.val.contains(&item) || lab.active_run().is_some() {
            ui.separator();
            if ui
                .button("Show in Training")
                .on_hover_text("Look at it beside what the network predicts")
                .clicked()
            {
                asked = Some(item);
            }
        }
    });
    asked
}

/// The classes of this image, which can be hidden.
fn chips(look: &mut State, dataset: &Dataset, item: usize, ui: &mut Ui) {
    let dark = ui.visuals().dark_mode;
    let counts = dataset.counts.get(item);
    let chips: Vec<Chip> = (counts.iter())
        .flat_map(|counts| {
            counts
                .present
                .iter()
                .map(move |(class, _)| (*counts, *class))
        })
        .filter_map(|(counts, class)| {
            let of = dataset.classes.classes.get(usize::from(class))?;
            Some(Chip {
                key: of.name.clone(),
                name: format!("{} {}", of.name, percent(counts.share(class))),
                color: on_ground(of.color, dark),
            })
        })
        .collect();
    egui::ScrollArea::vertical()
        .id_salt("chips")
        .max_height(64.0)
        .show(ui, |ui| {
            ui.horizontal_wrapped(|ui| legend(ui, &chips, &mut look.hidden));
        });
}

fn shown(beside: bool) -> &'static [Pane] {
    if beside {
        &[Pane::Image, Pane::Truth]
    } else {
        &[Pane::Truth]
    }
}

fn overlay(look: &State) -> Overlay {
    Overlay {
        opacity: look.opacity,
        contours: look.contours,
    }
}

fn scene<'a>(look: &State, sample: &'a Sample, palette: &'a Palette) -> Scene<'a> {
    Scene {
        sample,
        prediction: None,
        palette,
        overlay: overlay(look),
    }
}

/// Draws the panes; returns whether that takes pixels that had to make room.
fn pictures(
    look: &mut State,
    (of, full): (Of, &Full),
    sample: Option<&Sample>,
    room: Option<data::Room>,
    palette: &Palette,
    ui: &mut Ui,
) -> bool {
    let size = full.size;
    let large = full.is_large();
    if large {
        look.large.begin(of, ui.ctx());
    } else if let Some(sample) = sample {
        look.textures.hold(sample);
    }
    let status =
        ui.text_style_height(&egui::TextStyle::Monospace) + ui.spacing().item_spacing.y + 4.0;
    let space = vec2(
        ui.available_width(),
        (ui.available_height() - status).max(40.0),
    );
    let (area, _) = ui.allocate_exact_size(space, Sense::hover());
    let shown = shown(look.beside);
    let aspect = size[0].max(1) as f32 / size[1].max(1) as f32;
    let cells = panes::cells(area, shown.len(), aspect, 0.0);
    let pointed = look.pointed.take();
    let mut hovered = None;
    for (at, (pane, &rect)) in shown.iter().zip(&cells).enumerate() {
        ui.painter()
            .rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
        let texture = match sample {
            _ if large => look.large.whole(*pane),
            Some(sample) => {
                let scene = scene(look, sample, palette);
                look.textures.get(ui, *pane, &scene, 0)
            }
            None => None,
        };
        let Some(texture) = texture else {
            let side = Vec2::splat(24.0);
            let place = egui::Rect::from_center_size(rect.center(), side);
            egui::Spinner::new().paint_at(ui, place);
            continue;
        };
        let name = if *pane == Pane::Image {
            "Image at full size"
        } else {
            "Mask at full size"
        };
        let (response, under) = panes::draw(ui, at, rect, texture, size, &mut look.lens, name);
        if let Some((texture, place)) = look.large.close(*pane, size) {
            panes::inset(ui, rect, texture, size, &look.lens, place);
        }
        if response.contains_pointer() {
            hovered = Some(under);
        } else if let Some(place) = pointed {
            panes::cross(ui, rect, size, &look.lens, place);
        }
    }
    let mut asks = false;
    if large && let Some(&cell) = cells.first() {
        let view = large::Look {
            of,
            size,
            sample,
            room,
            bands: look.bands.choice(full.channels),
            panes: shown,
            palette,
            overlay: overlay(look),
        };
        asks = look.large.end(&view, &look.lens, cell, ui.ctx());
    }
    look.pointed = hovered.flatten();
    if look.pointed != pointed {
        ui.ctx().request_repaint();
    }
    asks
}

/// What is said below the panes, and whether that lacks pixels that had to make room.
fn spoken(
    look: &mut State,
    dataset: &Dataset,
    full: &Full,
    pixels: Option<&Seen>,
) -> (String, bool) {
    let Some(at) = look.pointed else {
        let text = format!(
            "{} pixels · wheel zooms, drag moves, double click shows all · point at a pixel for its value",
            size_text(full.size)
        );
        return (text, false);
    };
    let place = |share: f32, length: usize| {
        ((share * length as f32) as usize).min(length.saturating_sub(1))
    };
    let place = [place(at.x, full.size[0]), place(at.y, full.size[1])];
    if let Some(seen) = pixels {
        let text = under(dataset, &seen.sample, &seen.raw, place);
        look.spoken = Some((full.item, place, text.clone()));
        return (text, false);
    }
    match &look.spoken {
        Some((item, known, text)) if (*item, *known) == (full.item, place) => (text.clone(), false),
        _ => {
            let [x, y] = place;
            let text = format!(
                "x {x}, y {y} · the pixels made room for another large picture and are read again"
            );
            (text, true)
        }
    }
}

/// What lies at a pixel: image values, the mask's value as stored, the class.
fn under(dataset: &Dataset, sample: &Sample, raw: &RawMask, [x, y]: [usize; 2]) -> String {
    let image = &sample.image;
    let index = y * image.width + x;
    let channels = image.channels.max(1);
    let values: Vec<String> = (image.pixels.iter().skip(index * channels).take(channels))
        .map(u8::to_string)
        .collect();
    let stored = raw.values.get(index).map_or_else(
        || "–".to_owned(),
        |value| match &raw.kind {
            Kind::Rgb => {
                let [r, g, b] = unpacked(value);
                format!("{r},{g},{b}")
            }
            Kind::Palette(palette) => match palette.get(value as usize) {
                Some(color) => {
                    let [r, g, b] = unpacked(*color);
                    format!("{value} (palette: {r},{g},{b})")
                }
                None => value.to_string(),
            },
            _ => value.to_string(),
        },
    );
    let label = sample.labels.labels.get(index).copied();
    let label = label.unwrap_or(IGNORE);
    let class = match dataset.classes.classes.get(usize::from(label)) {
        Some(class) => format!("{} (class {label})", class.name),
        None => "ignored".to_owned(),
    };
    format!(
        "x {x}, y {y} · image {} · mask value {stored} · {class}",
        values.join(",")
    )
}
