//! Pictures side by side under one lens, zoomed and panned together.

use std::hash::{DefaultHasher, Hash, Hasher};

use egui::{
    Color32, ColorImage, Pos2, Rect, Role, Sense, Stroke, StrokeKind, TextureHandle, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::lens::Lens;
use super::paint::{self, Map, Overlay, Palette};
use crate::data::{Image, LabelMap, Sample};
use crate::train::session::Prediction;

/// What a pane shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pane {
    Image,
    Truth,
    Prediction,
    Errors,
    Doubt,
}

impl Pane {
    pub const ALL: [Self; 5] = [
        Self::Image,
        Self::Truth,
        Self::Prediction,
        Self::Errors,
        Self::Doubt,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "Image",
            Self::Truth => "Truth",
            Self::Prediction => "Prediction",
            Self::Errors => "Errors",
            Self::Doubt => "Doubt",
        }
    }

    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Image => "The image as the network sees it.",
            Self::Truth => "The classes of the mask, over the image.",
            Self::Prediction => "The most probable class of each pixel, over the image.",
            Self::Errors => {
                "Where truth and prediction differ, seen from the classes that are shown: missed, \
                 invented, or one taken for another."
            }
            Self::Doubt => {
                "How unsure the network is of each pixel: entropy of its probabilities, from \
                 black (sure) to light yellow (all classes alike)."
            }
        }
    }

    /// Whether it shows nothing without a prediction.
    #[must_use]
    pub fn needs_prediction(self) -> bool {
        matches!(self, Self::Prediction | Self::Errors | Self::Doubt)
    }
}

/// What is to be drawn, borrowed from whoever made it.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub sample: &'a Sample,
    pub prediction: Option<&'a Prediction>,
    pub palette: &'a Palette,
    pub overlay: Overlay,
}

impl<'a> Scene<'a> {
    #[must_use]
    pub fn truth(&self) -> Map<'a> {
        let labels: &LabelMap = &self.sample.labels;
        Map {
            width: labels.width,
            height: labels.height,
            data: &labels.labels,
        }
    }

    #[must_use]
    pub fn predicted(&self) -> Option<Map<'a>> {
        self.prediction.map(|prediction| Map {
            width: prediction.width,
            height: prediction.height,
            data: &prediction.labels,
        })
    }

    fn paint(&self, pane: Pane) -> Option<ColorImage> {
        let image: &Image = &self.sample.image;
        let prediction = self.prediction?;
        let size = [image.width, image.height];
        let doubt = Map {
            width: prediction.width,
            height: prediction.height,
            data: &prediction.entropy,
        };
        Some(match pane {
            Pane::Image | Pane::Truth => return self.paint_known(pane),
            Pane::Prediction => {
                paint::overlay(image, self.predicted()?, self.palette, self.overlay)
            }
            Pane::Errors => paint::errors(image, self.truth(), self.predicted()?, self.palette),
            Pane::Doubt => paint::entropy(size, doubt),
        })
    }

    /// Panes that need no prediction.
    fn paint_known(&self, pane: Pane) -> Option<ColorImage> {
        let image: &Image = &self.sample.image;
        match pane {
            Pane::Image => Some(paint::picture(image)),
            Pane::Truth => Some(paint::overlay(
                image,
                self.truth(),
                self.palette,
                self.overlay,
            )),
            _ => None,
        }
    }

    /// What a pane shows, pixel by pixel; `None` without the prediction that it needs.
    #[must_use]
    pub fn picture(&self, pane: Pane) -> Option<ColorImage> {
        if pane.needs_prediction() && self.prediction.is_none() {
            return None;
        }
        self.paint_known(pane).or_else(|| self.paint(pane))
    }

    /// Equal for two predictions that draw alike, wherever they lie in memory.
    #[must_use]
    pub fn prediction_key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        if let Some(p) = self.prediction {
            (p.item, p.step, p.width, p.height).hash(&mut hasher);
            digest(&p.labels).hash(&mut hasher);
            digest(&p.entropy).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// A fast digest of many bytes: enough to see that a picture has changed.
fn digest(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    let word = |hash: u64, word: u64| (hash ^ word).wrapping_mul(ODD).rotate_left(23);
    let hash = words.iter().fold(bytes.len() as u64, |hash, bytes| {
        word(hash, u64::from_le_bytes(*bytes))
    });
    rest.iter()
        .fold(hash, |hash, &byte| word(hash, u64::from(byte)))
}

/// Space between panes.
const GAP: f32 = 4.0;

/// Places for `count` panes in `area`, row by row, such that pictures of `aspect` (width by height)
/// below titles of height `title` are largest; each place has room for its title.
#[must_use]
pub fn cells(area: Rect, count: usize, aspect: f32, title: f32) -> Vec<Rect> {
    let columns = columns(count, area.size(), aspect, title);
    let rows = count.div_ceil(columns);
    let cell = vec2(
        (area.width() - GAP * (columns - 1) as f32) / columns as f32,
        (area.height() - GAP * (rows.max(1) - 1) as f32) / rows.max(1) as f32,
    );
    let place = |at: usize| {
        let step = vec2(
            (cell.x + GAP) * (at % columns) as f32,
            (cell.y + GAP) * (at / columns) as f32,
        );
        Rect::from_min_size(area.min + step, cell)
    };
    (0..count).map(place).collect()
}

/// Columns for `count` panes in `space` that show a picture of `aspect` (width by height) largest.
fn columns(count: usize, space: Vec2, aspect: f32, title: f32) -> usize {
    let scale = |columns: usize| {
        let rows = count.div_ceil(columns) as f32;
        let width = space.x / columns as f32;
        (width / aspect).min(space.y / rows - title)
    };
    (1..=count.max(1))
        .max_by(|&a, &b| scale(a).total_cmp(&scale(b)))
        .unwrap_or(1)
}

/// Draws the picture of the pane with number `at` under `lens`; returns the pixel under the pointer, in 0..1 of the picture.
pub fn draw(
    ui: &Ui,
    at: usize,
    rect: Rect,
    texture: &TextureHandle,
    size: [usize; 2],
    lens: &mut Lens,
    name: &str,
) -> (egui::Response, Option<Vec2>) {
    let response = ui.interact(
        rect,
        ui.make_persistent_id(("pane", at)),
        Sense::click_and_drag(),
    );
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let turned = ui.input(|input| input.smooth_scroll_delta().y);
    let pinched = ui.input(egui::InputState::zoom_delta);
    if let Some(pointer) = response.hover_pos() {
        let factor = (turned / 240.0).exp() * pinched;
        if factor != 1.0 {
            lens.zoom_at(factor, pointer, rect, size);
        }
    }
    if response.dragged() {
        lens.pan(response.drag_delta(), rect, size);
    }
    if response.double_clicked() {
        *lens = Lens::default();
    }
    // Keys move it without knowing any pane.
    lens.settle(rect, size);
    let placed = lens.place(rect, size);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    painter.image(texture.id(), placed, whole, Color32::WHITE);
    if response.has_focus() {
        let focus = ui.visuals().selection.stroke;
        painter.rect_stroke(rect, 0.0, focus, StrokeKind::Inside);
    }
    let under = (response.hover_pos())
        .map(|pos| (pos - placed.min) / placed.size())
        .filter(|at| (0.0..1.0).contains(&at.x) && (0.0..1.0).contains(&at.y));
    (response, under)
}

/// Draws a texture that shows the part `place` (in 0..1) of the picture, where that lies under `lens`.
pub fn inset(
    ui: &Ui,
    rect: Rect,
    texture: &TextureHandle,
    size: [usize; 2],
    lens: &Lens,
    place: Rect,
) {
    let placed = lens.place(rect, size);
    let at = |of: Pos2| placed.min + of.to_vec2() * placed.size();
    let to = Rect::from_min_max(at(place.min), at(place.max));
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    painter.image(texture.id(), to, whole, Color32::WHITE);
}

/// A cross at `at` (in 0..1 of the picture), where the pointer is in another pane.
pub fn cross(ui: &Ui, rect: Rect, size: [usize; 2], lens: &Lens, at: Vec2) {
    let placed = lens.place(rect, size);
    let center = placed.min + at * placed.size();
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    for (width, color) in [(3.0, Color32::BLACK), (1.0, Color32::WHITE)] {
        for arm in [vec2(6.0, 0.0), vec2(0.0, 6.0)] {
            painter.line_segment([center - arm, center + arm], Stroke::new(width, color));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_stand_so_that_pictures_are_largest() {
        assert_eq!(columns(4, vec2(400.0, 400.0), 1.0, 0.0), 2);
        assert_eq!(columns(4, vec2(1600.0, 300.0), 1.0, 16.0), 4);
        assert_eq!(columns(3, vec2(300.0, 1200.0), 1.3, 16.0), 1);
        assert_eq!(columns(1, vec2(10.0, 10.0), 1.0, 16.0), 1);
    }

    #[test]
    fn a_changed_byte_changes_the_digest() {
        let bytes = [7_u8; 100];
        for at in [0, 50, 97, 99] {
            let mut other = bytes;
            other[at] ^= 1;
            assert_ne!(digest(&bytes), digest(&other), "byte {at}");
        }
        assert_ne!(digest(&[0; 8]), digest(&[0; 16]));
    }
}
