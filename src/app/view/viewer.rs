//! One validation image: picture, truth, prediction and error, zoomed and panned together.

use std::collections::BTreeSet;

use egui::{Align2, Key, Rect, RichText, Sense, Ui, Vec2, pos2, vec2};

use super::captions::{self, TITLE};
use super::chip::{Chip, legend};
use super::color::{class_color, on_ground};
use super::lens::Lens;
use super::paint::{Overlay, Palette};
use super::panes::{self, Pane, Scene};
use super::save::{self, Save};
use super::textures::Textures;
use crate::data::Sample;
use crate::export::chart::{Plate, Plates};
use crate::run::metrics::{Confusion, mean};
use crate::train::session::Prediction;

/// The picture view and how it is looked at.
#[derive(Debug)]
pub struct Viewer {
    /// The images to step through: index into `Dataset::items` and name; set by the owner.
    pub items: Vec<(usize, String)>,
    /// Panes beside one another; otherwise one, with truth or prediction laid over the image.
    beside: bool,
    panes: BTreeSet<Pane>,
    opacity: f32,
    contours: bool,
    /// Truth and prediction have changed places.
    flipped: bool,
    hidden: BTreeSet<String>,
    /// Classes of the last call: with new ones, all are shown but the background.
    known: Vec<String>,
    lens: Lens,
    textures: Textures,
    /// Pixel under the pointer, in 0..1 of the picture.
    pointed: Option<Vec2>,
    /// Asked for and not here yet.
    asked: Option<usize>,
    /// Mean Dice of this image, for the prediction with this key.
    dice: Option<(u64, Option<f64>)>,
    /// Saving was chosen: as SVG, otherwise as PNG.
    save_as: Option<bool>,
    /// What is to be saved, until it is taken.
    pub saves: Vec<Result<Save, String>>,
}

impl Default for Viewer {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            beside: true,
            panes: [Pane::Image, Pane::Truth, Pane::Prediction, Pane::Errors].into(),
            opacity: 0.6,
            contours: false,
            flipped: false,
            hidden: BTreeSet::new(),
            known: Vec::new(),
            lens: Lens::default(),
            textures: Textures::default(),
            pointed: None,
            asked: None,
            dice: None,
            save_as: None,
            saves: Vec::new(),
        }
    }
}

/// What the user asked for while looking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ViewerResponse {
    /// Show this item (index into `Dataset::items`) from now on.
    pub asked_item: Option<usize>,
}

impl Viewer {
    /// Draws `sample`, and over or beside it its truth and `prediction`; `classes` are names and
    /// sRGB colours by index.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        sample: Option<&Sample>,
        prediction: Option<&Prediction>,
        classes: &[(String, [u8; 3])],
    ) -> ViewerResponse {
        let asked_item = self.choose(ui, sample, prediction);
        let response = ViewerResponse { asked_item };
        let Some(sample) = sample else {
            self.pointed = None;
            captions::empty(ui, !self.items.is_empty());
            return response;
        };
        self.controls(ui);
        self.class_chips(ui, classes);

        let palette = self.palette(classes);
        let scene = Scene {
            sample,
            prediction,
            palette: &palette,
            overlay: Overlay {
                opacity: self.opacity,
                contours: self.contours,
            },
        };
        if let Some(svg) = self.save_as.take() {
            let plates = self.plates(&scene, classes);
            self.saves.push(save::plates("pictures", &plates, svg));
        }
        // One line below the pictures, whatever it says.
        let status = ui.spacing().interact_size.y + ui.spacing().item_spacing.y;
        let space = vec2(ui.available_width(), ui.available_height() - status);
        self.pictures(ui, space.max(vec2(40.0, 40.0)), &scene, classes.len());
        match self.pointed {
            Some(at) => {
                let said = captions::pixel(&scene, classes, at);
                ui.add(egui::Label::new(RichText::new(said).weak()).truncate());
            }
            None => captions::meanings(ui, &self.shown()),
        }
        response
    }

    /// The row that says which image is shown; another item that was asked for.
    pub(super) fn choose(
        &mut self,
        ui: &mut Ui,
        sample: Option<&Sample>,
        prediction: Option<&Prediction>,
    ) -> Option<usize> {
        let current = self.current(sample, prediction);
        if self.asked.is_some() && self.asked == current {
            self.asked = None;
        }
        let asked = self.chooser(ui, current);
        if asked.is_some() {
            self.asked = asked;
        }
        asked
    }

    /// How far classes cover the image, and whether only their borders do.
    pub(super) fn overlay(&self) -> (f32, bool) {
        (self.opacity, self.contours)
    }

    /// The item that is shown now, where that can be told.
    fn current(&self, sample: Option<&Sample>, prediction: Option<&Prediction>) -> Option<usize> {
        let named = sample.and_then(|sample| self.items.iter().find(|item| item.1 == sample.id));
        named
            .map(|item| item.0)
            .or_else(|| prediction.map(|prediction| prediction.item))
    }

    fn chooser(&self, ui: &mut Ui, current: Option<usize>) -> Option<usize> {
        if self.items.is_empty() {
            return None;
        }
        let chosen = self.asked.or(current);
        let at = chosen.and_then(|c| self.items.iter().position(|item| item.0 == c));
        let mut asked = None;
        ui.horizontal_wrapped(|ui| {
            let count = self.items.len();
            let mut step = |ui: &mut Ui, sign: &str, to: Option<usize>, tip: &str, key: &str| {
                let button = egui::Button::new(sign).min_size(vec2(24.0, 0.0));
                let response = ui
                    .add_enabled(to.is_some(), button)
                    .on_hover_text(format!("{tip} ({key})"))
                    .on_disabled_hover_text("There is no further image on this side.");
                response.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::Role::Button, to.is_some(), tip)
                });
                if response.clicked() {
                    asked = to.map(|to| self.items[to].0);
                }
            };
            step(
                ui,
                "◀",
                at.and_then(|at| at.checked_sub(1)),
                "Previous image",
                "arrow left",
            );
            let after = at.map_or(0, |at| at + 1);
            step(
                ui,
                "▶",
                (after < count).then_some(after),
                "Next image",
                "arrow right",
            );
            let name = at.map_or("choose an image", |at| self.items[at].1.as_str());
            let width = (ui.available_width() - 60.0).clamp(80.0, 260.0);
            let combo = egui::ComboBox::from_id_salt("validation image")
                .width(width)
                .truncate()
                .selected_text(name)
                .show_ui(ui, |ui| {
                    let row = ui.spacing().interact_size.y;
                    // Only the visible names are laid out: a dataset may hold thousands.
                    egui::ScrollArea::vertical().max_height(280.0).show_rows(
                        ui,
                        row,
                        count,
                        |ui, range| {
                            for (item, name) in &self.items[range] {
                                if ui.selectable_label(chosen == Some(*item), name).clicked() {
                                    asked = Some(*item);
                                }
                            }
                        },
                    );
                });
            let label = format!("Validation image: {name}");
            combo
                .response
                .widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &label));
            combo
                .response
                .on_hover_text("The validation image that is shown and predicted.");
            if let Some(at) = at {
                ui.label(format!("{} of {count}", at + 1));
            }
            if self.asked.is_some() {
                ui.spinner();
            }
        });
        asked
    }

    fn controls(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut self.beside, true, "Side by side")
                .on_hover_text("The chosen pictures beside one another.");
            ui.selectable_value(&mut self.beside, false, "One picture")
                .on_hover_text("Prediction or truth over the image; T flips between them.");
            ui.separator();
            if self.beside {
                for pane in Pane::ALL {
                    let shown = self.panes.contains(&pane);
                    if ui
                        .selectable_label(shown, pane.name())
                        .on_hover_text(pane.help())
                        .clicked()
                    {
                        if !shown {
                            self.panes.insert(pane);
                        } else if self.panes.len() > 1 {
                            self.panes.remove(&pane);
                        }
                    }
                }
            }
        });
        ui.horizontal_wrapped(|ui| {
            self.overlay_controls(ui);
            ui.separator();
            let flip = ui
                .selectable_label(self.flipped, "Flip")
                .on_hover_text("Let truth and prediction change places (T over the pictures).");
            if flip.clicked() {
                self.flipped = !self.flipped;
            }
            let choices = [
                (
                    "Pictures as SVG…",
                    "The panes, unzoomed; their titles stay text.",
                ),
                (
                    "Pictures as PNG…",
                    "The panes beside one another, unzoomed.",
                ),
            ];
            if let Some(svg) = save::pictures_menu(ui, choices) {
                self.save_as = Some(svg);
            }
            if ui
                .add_enabled(self.lens != Lens::default(), egui::Button::new("Fit"))
                .on_hover_text("Show the whole picture again (double click).")
                .clicked()
            {
                self.lens = Lens::default();
            }
        });
    }

    pub(super) fn overlay_controls(&mut self, ui: &mut Ui) {
        let label = ui.label("Opacity");
        ui.spacing_mut().slider_width = 70.0;
        let slider = egui::Slider::new(&mut self.opacity, 0.0..=1.0).fixed_decimals(2);
        ui.add_enabled(!self.contours, slider)
            .labelled_by(label.id)
            .on_hover_text("How far the classes cover the image: 0 none, 1 all; default 0.60.");
        ui.checkbox(&mut self.contours, "Contours")
            .on_hover_text("Draw only the borders of the classes (default off).");
    }

    pub(super) fn class_chips(&mut self, ui: &mut Ui, classes: &[(String, [u8; 3])]) {
        if !self.known.iter().eq(classes.iter().map(|(name, _)| name)) {
            self.known = classes.iter().map(|(name, _)| name.clone()).collect();
            // Its colour would only hide the image, on most of its pixels.
            let empty = background(classes).map(|at| key(at, &classes[at].0));
            self.hidden = empty.into_iter().collect();
        }
        let dark = ui.visuals().dark_mode;
        let chips: Vec<Chip> = (classes.iter().enumerate())
            .map(|(at, (name, color))| Chip {
                key: key(at, name),
                name: name.clone(),
                color: on_ground(*color, dark),
            })
            .collect();
        ui.horizontal_wrapped(|ui| legend(ui, &chips, &mut self.hidden));
    }

    pub(super) fn palette(&self, classes: &[(String, [u8; 3])]) -> Palette {
        let colors: Vec<[u8; 3]> = classes.iter().map(|(_, color)| *color).collect();
        Palette {
            shown: (classes.iter().enumerate())
                .map(|(at, (name, _))| !self.hidden.contains(&key(at, name)))
                .collect(),
            colors: (0..colors.len())
                .map(|at| class_color(&colors, at))
                .collect(),
            background: background(classes),
        }
    }

    fn shown(&self) -> Vec<Pane> {
        if self.beside {
            self.panes.iter().copied().collect()
        } else {
            vec![Pane::Prediction]
        }
    }

    /// What is shown as it is saved.
    fn plates(&mut self, scene: &Scene, classes: &[(String, [u8; 3])]) -> Plates {
        let shown = self.shown();
        let dice = self.image_dice(scene, scene.prediction_key(), classes.len());
        let plate = |pane: &Pane| {
            let picture = scene.picture(*pane)?;
            Some(Plate {
                note: captions::notes(*pane, scene.prediction, dice).join(" · "),
                ..save::plate(pane.name(), &picture)
            })
        };
        Plates {
            title: scene.sample.id.clone(),
            plates: shown.iter().filter_map(plate).collect(),
            legend: captions::legend(&shown, classes, scene.palette),
        }
    }

    fn pictures(&mut self, ui: &mut Ui, space: Vec2, scene: &Scene, classes: usize) {
        let prediction_key = scene.prediction_key();
        if self.textures.hold(scene.sample) {
            self.dice = None;
        }
        let dice = self.image_dice(scene, prediction_key, classes);
        let shown = self.shown();
        let size = [scene.sample.image.width, scene.sample.image.height];
        let (area, _) = ui.allocate_exact_size(space, Sense::hover());
        let aspect = size[0].max(1) as f32 / size[1].max(1) as f32;
        let cells = panes::cells(area, shown.len(), aspect, TITLE);
        let pointed = self.pointed.take();
        let mut hovered = None;
        for (at, (pane, whole)) in shown.into_iter().zip(cells).enumerate() {
            let rect = Rect::from_min_max(pos2(whole.left(), whole.top() + TITLE), whole.max);
            let content = match (pane, self.flipped) {
                (Pane::Truth, true) => Pane::Prediction,
                (Pane::Prediction, true) => Pane::Truth,
                (other, _) => other,
            };
            let notes = captions::notes(content, scene.prediction, dice);
            captions::head(ui, whole, &[content.name()], 0, &notes);
            let name = [vec![content.name().to_owned()], notes]
                .concat()
                .join(" · ");
            ui.painter()
                .rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
            let Some(texture) = self.textures.get(ui, content, scene, prediction_key) else {
                if !content.needs_prediction() || scene.prediction.is_some() {
                    let place = Rect::from_center_size(rect.center(), Vec2::splat(24.0));
                    ui.put(place, egui::Spinner::new());
                    continue;
                }
                let text = "No prediction yet";
                let color = ui.visuals().weak_text_color();
                let font = egui::FontId::proportional(13.0);
                ui.painter()
                    .text(rect.center(), Align2::CENTER_CENTER, text, font, color);
                continue;
            };
            let (response, under) = panes::draw(ui, at, rect, texture, size, &mut self.lens, &name);
            if response.contains_pointer() {
                hovered = Some((at, under));
            } else if let Some(place) = pointed {
                panes::cross(ui, rect, size, &self.lens, place);
            }
        }
        self.pointed = hovered.and_then(|(_, under)| under);
        if self.pointed != pointed {
            ui.ctx().request_repaint();
        }
        let typing = ui.ctx().egui_wants_keyboard_input();
        if hovered.is_some() && !typing && ui.input(|input| input.key_pressed(Key::T)) {
            self.flipped = !self.flipped;
            ui.ctx().request_repaint();
        }
    }

    /// Mean Dice of this one image, counted once per prediction.
    fn image_dice(&mut self, scene: &Scene, key: u64, classes: usize) -> Option<f64> {
        let (truth, predicted) = (scene.truth(), scene.predicted()?);
        if (truth.width, truth.height) != (predicted.width, predicted.height) {
            return None;
        }
        if let Some((counted, dice)) = self.dice
            && counted == key
        {
            return dice;
        }
        let mut confusion = Confusion::new(classes);
        confusion.add(truth.data, predicted.data);
        let dice = mean(&confusion.dice());
        self.dice = Some((key, dice));
        dice
    }

    /// How many pictures were painted since the start: grows only when what is shown changes.
    #[must_use]
    pub fn painted(&self) -> u64 {
        self.textures.painted()
    }
}

fn key(at: usize, name: &str) -> String {
    format!("{at} {name}")
}

/// The class that stands for "nothing there", told by its name.
pub fn background(classes: &[(String, [u8; 3])]) -> Option<usize> {
    let (name, _) = classes.first()?;
    crate::run::definitions::background(name).then_some(0)
}
