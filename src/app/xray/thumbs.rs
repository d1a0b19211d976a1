//! Small pictures of the oracles, made once per X-ray.

use egui::{Color32, ColorImage, Context, TextureHandle, TextureOptions};

use crate::data::IGNORE;
use crate::doctor::look::Look;
use crate::doctor::xray::Xray;

/// Drawn over nothing: what the loss does not look at.
const IGNORED: Color32 = Color32::from_gray(90);

/// The pictures of one X-ray, in the order of its bars.
#[derive(Default)]
pub struct Thumbs {
    /// Which X-ray they are of.
    taken: u64,
    textures: Vec<Option<TextureHandle>>,
    truth: Option<TextureHandle>,
}

impl Thumbs {
    /// Makes the pictures anew when `taken` tells another X-ray than the last.
    pub fn update(&mut self, ctx: &Context, xray: &Xray, taken: u64, colors: &[[u8; 3]]) {
        if self.taken == taken && self.textures.len() == xray.oracles.len() {
            return;
        }
        self.taken = taken;
        let load = |name: &str, image| ctx.load_texture(name, image, TextureOptions::NEAREST);
        self.textures = (xray.oracles.iter())
            .map(|bar| {
                let image = image(bar.look.as_ref()?, xray, colors)?;
                Some(load(&bar.name, image))
            })
            .collect();
        self.truth = truth_image(xray, colors).map(|image| load("truth", image));
    }

    pub fn of(&self, bar: usize) -> Option<&TextureHandle> {
        self.textures.get(bar)?.as_ref()
    }

    pub fn truth(&self) -> Option<&TextureHandle> {
        self.truth.as_ref()
    }
}

/// The answers as pictures, under their names; those that no picture shows are left out.
pub fn images(xray: &Xray, colors: &[[u8; 3]]) -> Vec<(String, ColorImage)> {
    let answers = xray.oracles.iter().filter_map(|bar| {
        let image = image(bar.look.as_ref()?, xray, colors)?;
        Some((format!("{}: {:.3}", bar.title, bar.loss), image))
    });
    answers.collect()
}

/// The truth of the mask that is shown.
pub fn truth_image(xray: &Xray, colors: &[[u8; 3]]) -> Option<ColorImage> {
    image(&Look::Labels(xray.labels.clone()), xray, colors)
}

fn image(look: &Look, xray: &Xray, colors: &[[u8; 3]]) -> Option<ColorImage> {
    let size = [xray.frame.width, xray.frame.height];
    let pixels = pixels(look, &xray.labels, colors);
    (pixels.len() == size[0] * size[1] && !pixels.is_empty()).then(|| ColorImage::new(size, pixels))
}

fn pixels(look: &Look, truth: &[u8], colors: &[[u8; 3]]) -> Vec<Color32> {
    let color = |class: usize| colors.get(class).copied().unwrap_or([128; 3]);
    let of_label = |label: u8| {
        let [r, g, b] = color(usize::from(label));
        Color32::from_rgb(r, g, b)
    };
    let mut pixels: Vec<Color32> = match look {
        Look::Labels(labels) => labels.iter().map(|label| of_label(*label)).collect(),
        Look::Flat(shares) => vec![mixed(shares, color); truth.len()],
    };
    for (pixel, truth) in pixels.iter_mut().zip(truth) {
        if *truth == IGNORE {
            *pixel = IGNORED;
        }
    }
    pixels
}

/// The classes' colours in the shares given; with all classes on, their mean.
fn mixed(shares: &[f32], color: impl Fn(usize) -> [u8; 3]) -> Color32 {
    let total = shares.iter().sum::<f32>().max(1.0);
    let mut sum = [0.0f32; 3];
    for (class, share) in shares.iter().enumerate() {
        for (sum, part) in sum.iter_mut().zip(color(class)) {
            *sum += share / total * f32::from(part);
        }
    }
    let [r, g, b] = sum.map(|c| c as u8);
    Color32::from_rgb(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_on_is_their_mean_and_every_class_off_is_black() {
        let color = |class: usize| [[200, 0, 0], [0, 100, 0]][class];
        assert_eq!(mixed(&[1.0, 1.0], color), Color32::from_rgb(100, 50, 0));
        assert_eq!(mixed(&[0.0, 0.0], color), Color32::BLACK);
        assert_eq!(mixed(&[0.5, 0.0], color), Color32::from_rgb(100, 0, 0));
    }

    #[test]
    fn what_is_ignored_is_grey_in_every_picture() {
        let colors = [[1, 2, 3], [4, 5, 6]];
        let truth = [0, IGNORE];
        for look in [Look::Labels(vec![0, 1]), Look::Flat(vec![1.0, 0.0])] {
            let found = pixels(&look, &truth, &colors);
            assert_eq!(found, [Color32::from_rgb(1, 2, 3), IGNORED]);
        }
    }
}
