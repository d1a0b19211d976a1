//! One validation image: picture, truth, prediction and error, zoomed and panned together.

use std::sync::Arc;

use egui::{
    Color32, ColorImage, Key, Rect, Sense, TextureHandle, TextureOptions, Ui, Vec2, pos2, vec2,
};

use super::color::{INVENTED, MISSED};
use super::overlay::{self, Style};
use crate::data::{IGNORE, Sample};
use crate::train::session::Prediction;

crate::choices! {
    /// One picture of the view.
    pub enum Pane {
        Image = "Image": "The picture alone.",
        Truth = "Truth": "The labels of the dataset over the picture.",
        Prediction = "Prediction": "What the network says now (hold T for the truth).",
        Errors = "Errors": "Right, missed and invented pixels.",
        Doubt = "Doubt": "Entropy of the prediction: bright = undecided.",
    }
}

/// The picture view and how it is looked at.
pub struct Viewer {
    /// The images to step through: index into `Dataset::items` and name; set by the owner.
    pub items: Vec<(usize, String)>,
    panes: Vec<bool>,
    opacity: f32,
    contours: bool,
    hidden: Vec<bool>,
    zoom: f32,
    /// Middle of the view, as a share of the picture.
    center: Vec2,
    textures: Vec<Option<(Made, TextureHandle)>>,
}

/// What a texture was made of; made again when one of these changes.
#[derive(Debug, Clone, PartialEq)]
struct Made {
    sample: usize,
    prediction: (usize, u64),
    style: Style,
    hidden: Vec<bool>,
    flipped: bool,
}

impl Default for Viewer {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            panes: vec![true, true, true, true, false],
            opacity: 0.6,
            contours: false,
            hidden: Vec::new(),
            zoom: 1.0,
            center: vec2(0.5, 0.5),
            textures: Vec::new(),
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
        let mut response = ViewerResponse::default();
        self.hidden.resize(classes.len(), false);
        self.chooser(ui, sample, &mut response);
        self.controls(ui);
        self.legend(ui, classes);
        let Some(sample) = sample else {
            ui.add_space(20.0);
            ui.weak("The picture is being loaded…");
            return response;
        };
        match prediction {
            Some(p) => ui.weak(format!("prediction after {} steps", p.step)),
            None => ui.weak("no prediction yet: train to see one"),
        };
        self.grid(ui, sample, prediction, classes);
        response
    }

    fn chooser(&self, ui: &mut Ui, sample: Option<&Sample>, response: &mut ViewerResponse) {
        ui.horizontal(|ui| {
            let shown = sample.and_then(|s| self.items.iter().position(|(_, name)| *name == s.id));
            let mut ask = |at: usize| response.asked_item = self.items.get(at).map(|item| item.0);
            let count = self.items.len();
            if ui
                .button("◀")
                .on_hover_text("Previous validation image (←)")
                .clicked()
                && count > 0
            {
                ask((shown.unwrap_or(0) + count - 1) % count);
            }
            if ui
                .button("▶")
                .on_hover_text("Next validation image (→)")
                .clicked()
                && count > 0
            {
                ask((shown.unwrap_or(count - 1) + 1) % count);
            }
            let name = sample.map_or("–", |sample| sample.id.as_str());
            egui::ComboBox::from_id_salt("item")
                .selected_text(name)
                .truncate()
                .width((ui.available_width() - 70.0).max(80.0))
                .show_ui(ui, |ui| {
                    let row = ui.text_style_height(&egui::TextStyle::Button) + 4.0;
                    egui::ScrollArea::vertical().max_height(260.0).show_rows(
                        ui,
                        row,
                        count,
                        |ui, range| {
                            for at in range {
                                if ui
                                    .selectable_label(shown == Some(at), &self.items[at].1)
                                    .clicked()
                                {
                                    ask(at);
                                }
                            }
                        },
                    );
                })
                .response
                .on_hover_text("Which validation image is shown");
            ui.weak(shown.map_or(String::new(), |at| format!("{}/{count}", at + 1)));
        });
    }

    fn controls(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            for (index, pane) in Pane::ALL.iter().enumerate() {
                let help = crate::param::Choice::helps(pane)[index];
                ui.toggle_value(&mut self.panes[index], pane.name())
                    .on_hover_text(help);
            }
            ui.separator();
            ui.spacing_mut().slider_width = 60.0;
            let slider = egui::Slider::new(&mut self.opacity, 0.0..=1.0).show_value(false);
            let response = ui
                .add(slider)
                .on_hover_text("How strongly the labels cover the picture");
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::Slider, true, "Opacity of the labels")
            });
            ui.checkbox(&mut self.contours, "contours")
                .on_hover_text("Outlines instead of areas");
        });
    }

    fn legend(&mut self, ui: &mut Ui, classes: &[(String, [u8; 3])]) {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(4.0, 3.0);
            for (index, (name, [r, g, b])) in classes.iter().enumerate() {
                let text = egui::RichText::new(format!("■ {name}")).color(if self.hidden[index] {
                    ui.visuals().weak_text_color()
                } else {
                    super::color::on_ground([*r, *g, *b], ui.visuals().dark_mode)
                });
                let text = if self.hidden[index] {
                    text.strikethrough()
                } else {
                    text
                };
                let help = format!("Show or hide {name} (colour {r},{g},{b})");
                if ui
                    .selectable_label(false, text)
                    .on_hover_text(help)
                    .clicked()
                {
                    self.hidden[index] = !self.hidden[index];
                }
            }
        });
    }

    fn grid(
        &mut self,
        ui: &mut Ui,
        sample: &Sample,
        prediction: Option<&Prediction>,
        classes: &[(String, [u8; 3])],
    ) {
        let shown: Vec<usize> = (0..self.panes.len())
            .filter(|&i| self.panes[i] && (i < 2 || prediction.is_some()))
            .collect();
        if shown.is_empty() {
            ui.weak("Choose a picture above.");
            return;
        }
        let space = ui.available_size() - vec2(4.0, 8.0);
        let ratio = sample.image.height as f32 / sample.image.width as f32;
        let (columns, width) = arrange(shown.len(), space, ratio);
        let size = vec2(width, (width * ratio).max(8.0));
        egui::Grid::new("panes").spacing([6.0, 4.0]).show(ui, |ui| {
            for (position, &index) in shown.iter().enumerate() {
                ui.vertical(|ui| {
                    let pane = Pane::ALL[index];
                    if pane == Pane::Errors {
                        ui.horizontal(|ui| {
                            ui.spacing_mut().item_spacing.x = 5.0;
                            ui.small("Errors:");
                            for (text, [r, g, b]) in [("missed", MISSED), ("invented", INVENTED)] {
                                let color =
                                    super::color::on_ground([r, g, b], ui.visuals().dark_mode);
                                ui.label(
                                    egui::RichText::new(format!("■ {text}"))
                                        .small()
                                        .color(color),
                                );
                            }
                        });
                    } else {
                        ui.small(pane.name());
                    }
                    self.pane(ui, index, size, sample, prediction, classes);
                });
                if (position + 1) % columns == 0 {
                    ui.end_row();
                }
            }
        });
    }

    fn pane(
        &mut self,
        ui: &mut Ui,
        index: usize,
        size: Vec2,
        sample: &Sample,
        prediction: Option<&Prediction>,
        classes: &[(String, [u8; 3])],
    ) {
        let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
        response.widget_info(|| {
            egui::WidgetInfo::labeled(
                egui::Role::Image,
                true,
                format!("{} of {}", Pane::ALL[index].name(), sample.id),
            )
        });
        let flipped = response.hovered() && ui.input(|input| input.key_down(Key::T));
        self.navigate(ui, rect, &response);
        let key = Made {
            sample: Arc::as_ptr(&sample.image) as usize,
            prediction: prediction.map_or((0, 0), |p| (p.item, p.step)),
            style: Style {
                opacity: self.opacity,
                contours: self.contours,
            },
            hidden: self.hidden.clone(),
            flipped,
        };
        if self.textures.len() <= index {
            self.textures.resize_with(Pane::ALL.len(), || None);
        }
        if self.textures[index]
            .as_ref()
            .is_none_or(|(old, _)| *old != key)
        {
            let image = self.compose(
                Pane::ALL[index],
                sample,
                prediction,
                classes,
                key.style,
                flipped,
            );
            let options = TextureOptions {
                magnification: egui::TextureFilter::Nearest,
                ..TextureOptions::LINEAR
            };
            let texture = ui
                .ctx()
                .load_texture(format!("pane {index}"), image, options);
            self.textures[index] = Some((key, texture));
        }
        let half = 0.5 / self.zoom;
        let middle = self
            .center
            .clamp(Vec2::splat(half), Vec2::splat(1.0 - half));
        let uv = Rect::from_min_max(
            pos2(middle.x - half, middle.y - half),
            pos2(middle.x + half, middle.y + half),
        );
        if let Some((_, texture)) = &self.textures[index] {
            ui.painter().image(texture.id(), rect, uv, Color32::WHITE);
        }
        if let Some(at) = response.hover_pos() {
            let share = (at - rect.min) / rect.size();
            let (x, y) = (
                uv.left() + share.x * uv.width(),
                uv.top() + share.y * uv.height(),
            );
            response.on_hover_text_at_pointer(under(x, y, sample, prediction, classes));
        }
    }

    /// Wheel zooms around the pointer, dragging moves, a double click shows everything.
    fn navigate(&mut self, ui: &Ui, rect: Rect, response: &egui::Response) {
        if response.double_clicked() {
            (self.zoom, self.center) = (1.0, vec2(0.5, 0.5));
        }
        if response.dragged() {
            self.center -= response.drag_delta() / rect.size() / self.zoom;
        }
        if let Some(at) = response.hover_pos() {
            let (scroll, pinch) = ui.input(|i| (i.smooth_scroll_delta().y, i.zoom_delta()));
            let factor = (scroll * 0.005).exp() * pinch;
            if factor != 1.0 {
                let share = (at - rect.min) / rect.size() - vec2(0.5, 0.5);
                let before = self.zoom;
                self.zoom = (self.zoom * factor).clamp(1.0, 40.0);
                self.center += share * (1.0 / before - 1.0 / self.zoom);
            }
        }
        let half = Vec2::splat(0.5 / self.zoom);
        self.center = self.center.clamp(half, Vec2::splat(1.0) - half);
    }

    fn compose(
        &self,
        pane: Pane,
        sample: &Sample,
        prediction: Option<&Prediction>,
        classes: &[(String, [u8; 3])],
        style: Style,
        flipped: bool,
    ) -> ColorImage {
        let image = &sample.image;
        let colors: Vec<Color32> = classes
            .iter()
            .map(|(_, [r, g, b])| Color32::from_rgb(*r, *g, *b))
            .collect();
        let shown: Vec<bool> = self.hidden.iter().map(|hidden| !hidden).collect();
        let truth = &sample.labels.labels;
        let over = |labels: &[u8]| overlay::labels(image, labels, &colors, &shown, style);
        match (pane, prediction) {
            (Pane::Truth, _) => over(truth),
            (Pane::Prediction, Some(_)) if flipped => over(truth),
            (Pane::Prediction, Some(p)) => over(&p.labels),
            (Pane::Errors, Some(p)) => overlay::errors(image, truth, &p.labels),
            (Pane::Doubt, Some(p)) => overlay::doubt(image, &p.entropy),
            (Pane::Image, _) | (_, None) => overlay::picture(image),
        }
    }
}

/// Columns and width of each picture, so that all fit.
fn arrange(count: usize, space: Vec2, ratio: f32) -> (usize, f32) {
    const TITLE: f32 = 24.0;
    let width = |columns: usize| {
        let rows = count.div_ceil(columns) as f32;
        let by_width = space.x / columns as f32 - 6.0;
        let by_height = (space.y / rows - TITLE) / ratio;
        by_width.min(by_height).max(16.0)
    };
    (1..=count)
        .map(|columns| (columns, width(columns)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or((1, 16.0))
}

/// What lies under the pointer, in words.
fn under(
    x: f32,
    y: f32,
    sample: &Sample,
    prediction: Option<&Prediction>,
    classes: &[(String, [u8; 3])],
) -> String {
    let (w, h) = (sample.labels.width, sample.labels.height);
    let (px, py) = (
        ((x * w as f32) as usize).min(w - 1),
        ((y * h as f32) as usize).min(h - 1),
    );
    let at = py * w + px;
    let name = |label: Option<&u8>| match label {
        Some(&IGNORE) => "ignored".to_owned(),
        Some(&label) => classes
            .get(usize::from(label))
            .map_or(label.to_string(), |c| c.0.clone()),
        None => "–".to_owned(),
    };
    let mut text = format!(
        "pixel {px}, {py}\ntruth: {}",
        name(sample.labels.labels.get(at))
    );
    if let Some(p) = prediction {
        text.push_str(&format!("\nprediction: {}", name(p.labels.get(at))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_arranged_as_large_as_they_fit() {
        assert_eq!(arrange(4, vec2(600.0, 650.0), 1.0).0, 2);
        assert_eq!(arrange(3, vec2(900.0, 300.0), 1.0).0, 3);
        assert_eq!(arrange(3, vec2(200.0, 900.0), 1.0).0, 1);
    }
}
