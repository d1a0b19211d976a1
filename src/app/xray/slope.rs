//! The gradient picture: which pixels the loss pushes for one class, which way and how hard.

use egui::{
    Color32, ColorImage, ComboBox, RichText, Sense, TextureHandle, TextureOptions, Ui, vec2,
};

use crate::doctor::look::{Slope, diverging};
use crate::doctor::xray::Xray;
use crate::train::frozen::Frozen;

/// What is shown, and its texture.
#[derive(Default)]
pub struct Picture {
    class: usize,
    /// X-ray and class that the texture was made of.
    made: Option<(u64, String, usize)>,
    texture: Option<TextureHandle>,
    /// Truth and answer of a frozen run, and its step.
    sides: Option<(u64, TextureHandle, TextureHandle)>,
}

/// Sides of the pictures, in points.
const SIDE: f32 = 190.0;
/// Of three beside each other.
const THREE: f32 = 140.0;

impl Picture {
    /// Draws truth and gradient beside each other; returns the answer that was chosen to take the
    /// gradient at, by its name.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        xray: &Xray,
        slope: &Slope,
        taken: u64,
        truth: Option<&TextureHandle>,
    ) -> Option<String> {
        let names: Vec<&str> = xray.class_shares.iter().map(|s| s.class.as_str()).collect();
        self.class = self.class.min(names.len().saturating_sub(1));
        let mut asked = None;
        ui.label(RichText::new("Where it pushes").strong())
            .on_hover_text("d loss / d logit of one class at every pixel of one of your masks.");
        ui.horizontal_wrapped(|ui| {
            ui.weak("at");
            asked = answers(ui, xray, &slope.oracle);
            ui.weak("for");
            self.classes(ui, &names, "gradient class");
        });
        self.update(ui, slope, taken);
        let frame = slope.frame;
        let size = vec2(frame.width as f32, frame.height as f32);
        let size = size * (SIDE / size.max_elem().max(1.0));
        ui.horizontal(|ui| {
            for (texture, title) in [(truth, "truth"), (self.texture.as_ref(), "gradient")] {
                let Some(texture) = texture else { continue };
                ui.vertical(|ui| {
                    ui.weak(title);
                    let image = egui::Image::new((texture.id(), size)).alt_text(title);
                    let response = ui.add(image.sense(Sense::hover()));
                    if title == "gradient" {
                        tell(&response, slope, self.class);
                    }
                });
            }
        });
        legend(ui, slope);
        asked
    }

    /// The same of a network's answer to a validation image, with that answer between.
    pub fn present(
        &mut self,
        ui: &mut Ui,
        frozen: &Frozen,
        slope: &Slope,
        count: u64,
        colors: &[[u8; 3]],
    ) {
        let names: Vec<&str> = frozen.class_names.iter().map(String::as_str).collect();
        self.class = self.class.min(names.len().saturating_sub(1));
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("Where these settings would push").strong())
                .on_hover_text(
                    "d loss / d logit of one class at every pixel, at the run's answer.",
                );
            ui.weak("for");
            self.classes(ui, &names, "what-if class");
        });
        self.update(ui, slope, count);
        let frame = slope.frame;
        let shown = [frame.width, frame.height];
        if self
            .sides
            .as_ref()
            .is_none_or(|(step, ..)| *step != frozen.step)
        {
            let load = |name: &str, labels: &[u8]| {
                let image = classes(shown, labels, colors);
                ui.ctx().load_texture(name, image, TextureOptions::NEAREST)
            };
            let truth = load("what-if truth", frozen.truth());
            let answer = load("what-if answer", &frozen.answer());
            self.sides = Some((frozen.step, truth, answer));
        }
        let size = vec2(frame.width as f32, frame.height as f32);
        let size = size * (THREE / size.max_elem().max(1.0));
        ui.horizontal_wrapped(|ui| {
            let sides = self.sides.as_ref();
            let pictures = [
                (sides.map(|(_, truth, _)| truth), "truth"),
                (sides.map(|(_, _, answer)| answer), "the run's answer"),
                (self.texture.as_ref(), "gradient"),
            ];
            for (texture, title) in pictures {
                let Some(texture) = texture else { continue };
                ui.vertical(|ui| {
                    ui.weak(title);
                    let image = egui::Image::new((texture.id(), size)).alt_text(title);
                    let response = ui.add(image.sense(Sense::hover()));
                    if title == "gradient" {
                        tell(&response, slope, self.class);
                    }
                });
            }
        });
        legend(ui, slope);
    }

    fn classes(&mut self, ui: &mut Ui, names: &[&str], salt: &str) {
        let shown = names.get(self.class).copied().unwrap_or("–");
        let combo = ComboBox::from_id_salt(salt).selected_text(shown);
        let response = combo.show_ui(ui, |ui| {
            for (class, name) in names.iter().enumerate() {
                ui.selectable_value(&mut self.class, class, *name);
            }
        });
        (response.response).on_hover_text("The class whose logit is looked at.");
    }

    fn update(&mut self, ui: &Ui, slope: &Slope, taken: u64) {
        let key = (taken, slope.oracle.clone(), self.class);
        if self.made.as_ref() == Some(&key) {
            return;
        }
        self.texture = gradient(slope, self.class)
            .map(|image| (ui.ctx()).load_texture("gradient", image, TextureOptions::NEAREST));
        self.made = Some(key);
    }

    /// The gradient of the class that is looked at, as a picture with its title.
    pub fn image(&self, slope: &Slope, names: &[&str]) -> Option<(String, ColorImage)> {
        let name = names.get(self.class).copied().unwrap_or("–");
        let title = format!("gradient for {name}, ±{:.2e}", slope.largest);
        Some((title, gradient(slope, self.class)?))
    }
}

/// The gradient of one class, in its colours.
fn gradient(slope: &Slope, class: usize) -> Option<ColorImage> {
    let pixels: Vec<Color32> = (slope.class(class).iter())
        .map(|value| {
            let [r, g, b] = diverging(*value, slope.largest);
            Color32::from_rgb(r, g, b)
        })
        .collect();
    let size = [slope.frame.width, slope.frame.height];
    (pixels.len() == size[0] * size[1] && !pixels.is_empty()).then(|| ColorImage::new(size, pixels))
}

/// A map of classes in their colours.
pub fn classes(size: [usize; 2], labels: &[u8], colors: &[[u8; 3]]) -> ColorImage {
    let pixels = labels.iter().map(|label| {
        let color = colors.get(usize::from(*label)).copied();
        let [r, g, b] = color.unwrap_or([90; 3]);
        Color32::from_rgb(r, g, b)
    });
    ColorImage::new(size, pixels.collect())
}

/// The answers to choose from; the one chosen, where it is another.
fn answers(ui: &mut Ui, xray: &Xray, present: &str) -> Option<String> {
    let mut chosen = present.to_owned();
    let title = xray.oracles.iter().find(|bar| bar.name == present);
    let combo = ComboBox::from_id_salt("gradient answer")
        .width(200.0)
        .truncate()
        .selected_text(title.map_or(present, |bar| bar.title.as_str()));
    let response = combo.show_ui(ui, |ui| {
        for bar in &xray.oracles {
            ui.selectable_value(&mut chosen, bar.name.clone(), &bar.title);
        }
    });
    (response.response).on_hover_text("The answer at which the gradient is taken.");
    (chosen != present).then_some(chosen)
}

/// The value under the pointer.
fn tell(response: &egui::Response, slope: &Slope, class: usize) {
    let Some(at) = response.hover_pos() else {
        return;
    };
    let part = (at - response.rect.min) / response.rect.size();
    let x = (part.x * slope.frame.width as f32) as usize;
    let y = (part.y * slope.frame.height as f32) as usize;
    if let Some(value) = slope.class(class).get(y * slope.frame.width + x) {
        (response.clone()).on_hover_text_at_pointer(format!("{value:+.3e} at ({x}, {y})"));
    }
}

fn legend(ui: &mut Ui, slope: &Slope) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.small("raised");
        let (rect, _) = ui.allocate_exact_size(vec2(150.0, 10.0), Sense::hover());
        let steps = 50;
        for step in 0..steps {
            let from = rect.left() + rect.width() * step as f32 / steps as f32;
            let value = 2.0 * step as f32 / (steps - 1) as f32 - 1.0;
            let [r, g, b] = diverging(value.signum() * value * value, 1.0);
            let bar = rect
                .with_min_x(from)
                .with_max_x(from + rect.width() / steps as f32 + 0.5);
            ui.painter().rect_filled(bar, 0.0, Color32::from_rgb(r, g, b));
        }
        ui.small("lowered");
        ui.weak(format!("±{:.2e}", slope.largest)).on_hover_text(
            "Largest gradient of any class at any pixel of this mask: the ends of the scale. Colours \
             grow with the root of the value, so that weak pushes are seen too.",
        );
    });
    if slope.largest == 0.0 {
        ui.weak("No pixel is pushed at all: this answer would never change.");
    }
}
