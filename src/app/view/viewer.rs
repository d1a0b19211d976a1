//! One validation image: picture, truth, prediction and error, zoomed and panned together.

use std::collections::BTreeSet;

use egui::{Align2, Color32, Key, Rect, RichText, Sense, Ui, Vec2, pos2, vec2};

use super::chip::{Chip, legend};
use super::color::{INVENTED, MISSED, class_color, on_ground};
use super::paint::{Overlay, Palette, RIGHT, SWAPPED, VOID};
use super::panes::{self, Lens, Pane, Scene, Textures};
use crate::data::Sample;
use crate::run::metrics::{Confusion, mean};
use crate::train::session::Prediction;

/// Height of the line above a pane that says what it shows.
const TITLE: f32 = 18.0;

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
    lens: Lens,
    textures: Textures,
    /// Pixel under the pointer, in 0..1 of the picture.
    pointed: Option<Vec2>,
    /// Asked for and not here yet.
    asked: Option<usize>,
    /// Mean Dice of this image, for the prediction with this key.
    dice: Option<(u64, Option<f64>)>,
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
            lens: Lens::default(),
            textures: Textures::default(),
            pointed: None,
            asked: None,
            dice: None,
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
        let current = self.current(sample, prediction);
        if self.asked.is_some() && self.asked == current {
            self.asked = None;
        }
        let asked_item = self.chooser(ui, current);
        if asked_item.is_some() {
            self.asked = asked_item;
        }
        let response = ViewerResponse { asked_item };
        let Some(sample) = sample else {
            self.pointed = None;
            empty(ui, !self.items.is_empty());
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
        // One line below the pictures, whatever it says.
        let status = ui.text_style_height(&egui::TextStyle::Body) + ui.spacing().item_spacing.y;
        let space = vec2(ui.available_width(), ui.available_height() - status);
        self.pictures(ui, space.max(vec2(40.0, 40.0)), &scene, classes.len());
        let said = self.pointed.map_or_else(
            || "wheel: zoom · drag: move · T: flip".to_owned(),
            |at| pixel(&scene, classes, at),
        );
        ui.add(egui::Label::new(RichText::new(said).weak()).truncate());
        response
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
            let label = ui.label("Opacity");
            ui.spacing_mut().slider_width = 70.0;
            let slider = egui::Slider::new(&mut self.opacity, 0.0..=1.0).fixed_decimals(2);
            ui.add_enabled(!self.contours, slider)
                .labelled_by(label.id)
                .on_hover_text("How far the classes cover the image: 0 none, 1 all; default 0.60.");
            ui.checkbox(&mut self.contours, "Contours")
                .on_hover_text("Draw only the borders of the classes (default off).");
            ui.separator();
            let flip = ui
                .selectable_label(self.flipped, "Flip")
                .on_hover_text("Let truth and prediction change places (T over the pictures).");
            if flip.clicked() {
                self.flipped = !self.flipped;
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

    fn class_chips(&mut self, ui: &mut Ui, classes: &[(String, [u8; 3])]) {
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

    fn palette(&self, classes: &[(String, [u8; 3])]) -> Palette {
        let first = classes.first().map(|(name, _)| name.to_lowercase());
        let nothing = [
            "background",
            "bg",
            "none",
            "void",
            "unlabelled",
            "unlabeled",
        ];
        let colors: Vec<[u8; 3]> = classes.iter().map(|(_, color)| *color).collect();
        Palette {
            shown: (classes.iter().enumerate())
                .map(|(at, (name, _))| !self.hidden.contains(&key(at, name)))
                .collect(),
            colors: (0..colors.len())
                .map(|at| class_color(&colors, at))
                .collect(),
            background: first
                .is_some_and(|name| nothing.contains(&name.as_str()))
                .then_some(0),
        }
    }

    fn pictures(&mut self, ui: &mut Ui, space: Vec2, scene: &Scene, classes: usize) {
        let prediction_key = scene.prediction_key();
        if self.textures.hold(scene.sample) {
            self.dice = None;
        }
        let dice = self.image_dice(scene, prediction_key, classes);
        let shown: Vec<Pane> = if self.beside {
            self.panes.iter().copied().collect()
        } else {
            vec![Pane::Prediction]
        };
        let size = [scene.sample.image.width, scene.sample.image.height];
        let (area, _) = ui.allocate_exact_size(space, Sense::hover());
        let aspect = size[0].max(1) as f32 / size[1].max(1) as f32;
        let columns = panes::columns(shown.len(), space, aspect, TITLE);
        let rows = shown.len().div_ceil(columns);
        let gap = 4.0;
        let cell = vec2(
            (space.x - gap * (columns - 1) as f32) / columns as f32,
            (space.y - gap * (rows - 1) as f32) / rows as f32,
        );
        let pointed = self.pointed.take();
        let mut hovered = None;
        for (at, pane) in shown.into_iter().enumerate() {
            let corner = area.min
                + vec2(
                    (cell.x + gap) * (at % columns) as f32,
                    (cell.y + gap) * (at / columns) as f32,
                );
            let whole = Rect::from_min_size(corner, cell);
            let rect = Rect::from_min_max(pos2(whole.left(), whole.top() + TITLE), whole.max);
            let content = match (pane, self.flipped) {
                (Pane::Truth, true) => Pane::Prediction,
                (Pane::Prediction, true) => Pane::Truth,
                (other, _) => other,
            };
            let name = title(content, scene.prediction, dice);
            head(ui, whole, content, &name);
            ui.painter()
                .rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
            let Some(texture) = self.textures.get(ui, content, scene, prediction_key) else {
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

fn title(pane: Pane, prediction: Option<&Prediction>, dice: Option<f64>) -> String {
    match (pane, prediction) {
        (Pane::Prediction, Some(prediction)) => {
            let dice = dice.map_or_else(String::new, |dice| format!(" · Dice {dice:.3}"));
            format!("Prediction · step {}{dice}", prediction.step)
        }
        _ => pane.name().to_owned(),
    }
}

/// The line above a pane: its name, and for the error view what its colours mean.
fn head(ui: &Ui, pane: Rect, content: Pane, name: &str) {
    let line = Rect::from_min_size(pane.min, vec2(pane.width(), TITLE));
    let painter = ui.painter().with_clip_rect(line.intersect(ui.clip_rect()));
    let font = egui::FontId::proportional(12.0);
    let text = ui.visuals().text_color();
    let at = line.left_center() + vec2(1.0, 0.0);
    let mut right = painter
        .text(at, Align2::LEFT_CENTER, name, font.clone(), text)
        .right();
    let meanings: &[(&str, [u8; 3])] = match content {
        Pane::Errors => &[
            ("missed", MISSED),
            ("invented", INVENTED),
            ("swapped", SWAPPED),
            ("right", RIGHT),
            ("void", VOID),
        ],
        Pane::Doubt => &[("sure", [0, 0, 4]), ("unsure", [252, 255, 164])],
        _ => &[],
    };
    for (meaning, [r, g, b]) in meanings {
        let swatch = Rect::from_center_size(pos2(right + 13.0, at.y), vec2(9.0, 9.0));
        let galley = painter.layout_no_wrap((*meaning).to_owned(), font.clone(), text);
        if swatch.right() + 4.0 + galley.size().x > line.right() {
            break;
        }
        painter.rect(
            swatch,
            2.0,
            Color32::from_rgb(*r, *g, *b),
            ui.visuals().window_stroke(),
            egui::StrokeKind::Inside,
        );
        let place = pos2(swatch.right() + 4.0, at.y - galley.size().y / 2.0);
        right = place.x + galley.size().x;
        painter.galley(place, galley, text);
    }
}

/// The pixel at `at`, in words.
fn pixel(scene: &Scene, classes: &[(String, [u8; 3])], at: Vec2) -> String {
    let image = &scene.sample.image;
    let size = [image.width, image.height];
    let x = ((at.x * size[0] as f32) as usize).min(size[0].saturating_sub(1));
    let y = ((at.y * size[1] as f32) as usize).min(size[1].saturating_sub(1));
    let name = |label: u8| {
        let class = classes.get(usize::from(label));
        class.map_or("ignored", |(name, _)| name.as_str())
    };
    let truth = name(scene.truth().at(x, y, size));
    let predicted = scene.predicted().map_or_else(String::new, |map| {
        format!(" · prediction {}", name(map.at(x, y, size)))
    });
    format!("x {x}, y {y} · truth {truth}{predicted}")
}

/// What to do while there is no picture.
fn empty(ui: &mut Ui, coming: bool) {
    let (head, body) = if coming {
        (
            "Loading the image…",
            "It is read and brought to the size of the network's input.",
        )
    } else {
        (
            "No image yet",
            "Open a dataset: a validation image appears here with its truth and, while the \
             network trains, with what it makes of it.",
        )
    };
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.35).max(8.0));
        ui.heading(head);
        ui.label(RichText::new(body).weak());
    });
}
