//! Several predictions of one image under one lens: a grid, a swipe between two, a blink, a map of
//! where they disagree. Draws plain data; what is shown and why is its owner's business.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use egui::{
    Color32, ColorImage, Rect, Sense, Stroke, TextureHandle, TextureOptions, Ui, Vec2, pos2, vec2,
};

use super::captions::{self, TITLE};
use super::lens::Lens;
use super::paint::{self, Map, Overlay, Palette};
use super::{panes, save};
use crate::data::Image;
use crate::export::chart::Plate;
use crate::run::pictures::Plane;
use crate::run::versus::{Verdict, judge};

/// Pixels that A has right and B has not.
pub const ONLY_A: [u8; 3] = [86, 180, 233];
/// Pixels that B has right and A has not.
pub const ONLY_B: [u8; 3] = [230, 159, 0];
/// Pixels that neither has right.
pub const BOTH_WRONG: [u8; 3] = [213, 60, 120];

/// What the colours of a map of disagreement mean.
pub const DISAGREEMENT: [(&str, [u8; 3]); 3] = [
    ("A right, B wrong", ONLY_A),
    ("B right, A wrong", ONLY_B),
    ("both wrong", BOTH_WRONG),
];

/// Textures that are not drawn are kept this many, so that a slider moved back is not painted again.
const KEPT: usize = 96;

crate::choices! {
    /// How predictions stand to one another.
    pub enum Mode {
        Grid = "Grid": "Truth and every run beside one another, zoomed and moved together (G).",
        Swipe = "Swipe": "Two runs in one picture, divided by a line that can be dragged (S).",
        Blink = "Blink": "Two runs in one place, taking turns: what differs jumps to the eye (B).",
        Disagree = "Disagreement": "Where one run is right and the other wrong, and where both are wrong (D).",
    }
}

crate::choices! {
    /// What is shown of a run.
    pub enum Show {
        Prediction = "Prediction": "The most probable class of each pixel (P).",
        Errors = "Errors": "Missed, invented and swapped pixels (E).",
        Doubt = "Doubt": "Entropy of the probabilities, black is sure (U).",
    }
}

/// The picture that all lie over.
#[derive(Clone)]
pub struct Ground {
    pub photo: Option<Arc<Image>>,
    pub truth: Option<Arc<Plane>>,
    /// Changes when photograph or truth do.
    pub key: u64,
}

/// One run's part.
pub struct Look {
    /// What stands over it.
    pub name: String,
    /// What is said beside the name as far as there is room, the most telling first.
    pub notes: Vec<String>,
    pub color: Color32,
    /// Changes when the maps do.
    pub key: u64,
    pub labels: Option<Arc<Plane>>,
    pub doubt: Option<Arc<Plane>>,
    /// What to say where there is no picture.
    pub missing: String,
}

/// What is drawn in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    Truth,
    Run(usize, Show),
    Disagreement(usize, usize),
}

/// Lens and textures, kept between frames.
#[derive(Default)]
pub struct Canvas {
    pub lens: Lens,
    textures: HashMap<u64, (TextureHandle, u64)>,
    frame: u64,
    /// How many pictures were painted since the start.
    painted: u64,
}

/// What is to be drawn.
pub struct Table<'a> {
    pub ground: &'a Ground,
    pub looks: &'a [Look],
    pub palette: &'a Palette,
    pub classes: usize,
    pub overlay: Overlay,
}

fn map(plane: &Plane) -> Map<'_> {
    Map {
        width: plane.width,
        height: plane.height,
        data: &plane.data,
    }
}

impl Table<'_> {
    /// Size of the pictures: that of the first map there is.
    fn size(&self) -> Option<[usize; 2]> {
        let maps = (self.looks.iter()).flat_map(|look| [&look.labels, &look.doubt]);
        let plane = maps.chain([&self.ground.truth]).flatten().next()?;
        Some([plane.width, plane.height])
    }

    /// The photograph, or an even ground where there is none.
    fn photo(&self, size: [usize; 2]) -> Arc<Image> {
        let fits = |image: &&Arc<Image>| [image.width, image.height] == size;
        let photo = self.ground.photo.as_ref().filter(fits);
        photo.map_or_else(
            || {
                Arc::new(Image {
                    width: size[0],
                    height: size[1],
                    channels: 1,
                    pixels: vec![70; size[0] * size[1]],
                })
            },
            Arc::clone,
        )
    }

    fn name(&self, layer: Layer) -> String {
        let of = |at: usize| self.looks.get(at).map_or("", |look| look.name.as_str());
        match layer {
            Layer::Truth => "Truth".to_owned(),
            Layer::Run(at, Show::Prediction) => of(at).to_owned(),
            Layer::Run(at, show) => format!("{} of {}", show.name(), of(at)),
            Layer::Disagreement(a, b) => format!("A: {}  against  B: {}", of(a), of(b)),
        }
    }

    fn notes(&self, layer: Layer) -> &[String] {
        match layer {
            Layer::Run(at, _) => self.looks.get(at).map_or(&[], |look| &look.notes),
            Layer::Truth | Layer::Disagreement(..) => &[],
        }
    }

    fn color(&self, layer: Layer) -> Option<Color32> {
        match layer {
            Layer::Run(at, _) => self.looks.get(at).map(|look| look.color),
            Layer::Truth | Layer::Disagreement(..) => None,
        }
    }

    /// Why a layer can't be drawn.
    fn missing(&self, layer: Layer) -> &str {
        match layer {
            Layer::Truth => "The truth is kept beside the first prediction.",
            Layer::Run(at, _) => self.looks.get(at).map_or("", |look| &look.missing),
            Layer::Disagreement(a, b) => {
                let lacking = [a, b].into_iter().find_map(|at| {
                    let look = self.looks.get(at)?;
                    look.labels.is_none().then_some(look.missing.as_str())
                });
                lacking.unwrap_or("The truth is not there.")
            }
        }
    }

    fn key(&self, layer: Layer) -> u64 {
        let mut hasher = DefaultHasher::new();
        layer.hash(&mut hasher);
        self.ground.key.hash(&mut hasher);
        self.palette.hash(&mut hasher);
        (self.overlay.contours, self.overlay.opacity.to_bits()).hash(&mut hasher);
        let of = |at: usize| self.looks.get(at).map_or(0, |look| look.key);
        match layer {
            Layer::Truth => {}
            Layer::Run(at, _) => of(at).hash(&mut hasher),
            Layer::Disagreement(a, b) => (of(a), of(b)).hash(&mut hasher),
        }
        hasher.finish()
    }

    /// `layers` as they are painted; those that can't be say why.
    #[must_use]
    pub fn plates(&self, layers: &[Layer]) -> Vec<Plate> {
        let plate = |layer: &Layer| {
            let name = self.name(*layer);
            let painted = self.size().and_then(|size| self.paint(*layer, size));
            let plate = match painted {
                Some(picture) => Plate {
                    note: self.notes(*layer).join(" · "),
                    ..save::plate(name, &picture)
                },
                None => Plate {
                    name,
                    note: self.missing(*layer).to_owned(),
                    ..Plate::default()
                },
            };
            let color = self
                .color(*layer)
                .map(|color| [color.r(), color.g(), color.b()]);
            Plate { color, ..plate }
        };
        layers.iter().map(plate).collect()
    }

    fn paint(&self, layer: Layer, size: [usize; 2]) -> Option<ColorImage> {
        let photo = self.photo(size);
        let truth = self.ground.truth.as_deref().map(map);
        let overlay = |labels: Map| {
            let bare = self.ground.photo.is_none();
            let how = Overlay {
                opacity: if bare { 1.0 } else { self.overlay.opacity },
                ..self.overlay
            };
            paint::overlay(&photo, labels, self.palette, how)
        };
        match layer {
            Layer::Truth => Some(overlay(truth?)),
            Layer::Run(at, show) => {
                let look = self.looks.get(at)?;
                let labels = look.labels.as_deref().map(map);
                match show {
                    Show::Prediction => Some(overlay(labels?)),
                    Show::Errors => Some(paint::errors(&photo, truth?, labels?, self.palette)),
                    Show::Doubt => Some(paint::entropy(size, map(look.doubt.as_deref()?))),
                }
            }
            Layer::Disagreement(a, b) => {
                let of = |at: usize| self.looks.get(at)?.labels.as_deref().map(map);
                let (a, b) = (of(a)?, of(b)?);
                Some(disagreement(&photo, truth?, a, b, self.classes))
            }
        }
    }
}

/// A right and B wrong, B right and A wrong, both wrong, over a dark grey photograph. Stripes lean
/// to one side for A and to the other for B, so that the colours need not be told apart.
#[must_use]
pub fn disagreement(photo: &Image, truth: Map, a: Map, b: Map, classes: usize) -> ColorImage {
    let size = [photo.width, photo.height];
    paint::build(size, |x, y| {
        let dim = paint::dimmed(photo, x, y);
        let striped = |color: [u8; 3], phase: usize| {
            let share = if phase % 4 < 2 { 1.0 } else { 0.68 };
            paint::mix(dim, color, share)
        };
        let verdict = judge(
            truth.at(x, y, size),
            a.at(x, y, size),
            b.at(x, y, size),
            classes,
        );
        match verdict {
            Verdict::BothRight => dim,
            Verdict::OnlyA => striped(ONLY_A, x + y),
            Verdict::OnlyB => striped(ONLY_B, x + 4096 - y % 4096),
            Verdict::BothWrong => paint::mix(dim, BOTH_WRONG, 0.9),
            Verdict::Void => paint::hatched(dim, x, y),
        }
    })
}

impl Canvas {
    /// Pictures painted so far; grows only when something new is shown.
    #[must_use]
    pub fn painted(&self) -> u64 {
        self.painted
    }

    /// All pictures closer or further away.
    pub fn zoom(&mut self, factor: f32) {
        self.lens.zoom_by(factor);
    }

    /// What is seen of all pictures moves by a share of it.
    pub fn pan(&mut self, share: Vec2) {
        self.lens.move_by(share);
    }

    /// All pictures as a whole.
    pub fn reset(&mut self) {
        self.lens = Lens::default();
    }

    /// Call once a frame, before drawing.
    pub fn begin(&mut self) {
        self.frame += 1;
        if self.textures.len() > KEPT {
            let mut used: Vec<u64> = self.textures.values().map(|(_, used)| *used).collect();
            used.sort_unstable();
            let oldest = used[used.len() - KEPT];
            self.textures.retain(|_, (_, used)| *used >= oldest);
        }
    }

    fn texture(&mut self, ui: &Ui, table: &Table, layer: Layer) -> Option<TextureHandle> {
        let key = table.key(layer);
        if let Some((texture, used)) = self.textures.get_mut(&key) {
            *used = self.frame;
            return Some(texture.clone());
        }
        let most = ui.input(|input| input.max_texture_side);
        let picture = paint::fitted(table.paint(layer, table.size()?)?, most);
        let options = TextureOptions::NEAREST;
        let texture = ui.ctx().load_texture("prediction", picture, options);
        self.painted += 1;
        self.textures.insert(key, (texture.clone(), self.frame));
        Some(texture)
    }

    /// One layer with its title in `whole`; returns the point under the pointer, in 0..1.
    fn pane(
        &mut self,
        ui: &Ui,
        at: usize,
        whole: Rect,
        table: &Table,
        layer: Layer,
    ) -> Option<Vec2> {
        let rect = head(ui, whole, table, layer);
        let size = table.size();
        let (Some(texture), Some(size)) = (self.texture(ui, table, layer), size) else {
            note(ui, rect, table.missing(layer));
            return None;
        };
        let mut title = table.name(layer);
        for note in table.notes(layer) {
            title += &format!(" · {note}");
        }
        panes::draw(ui, at, rect, &texture, size, &mut self.lens, &title).1
    }

    /// All `layers` beside one another in the space there is; returns the point under the pointer.
    pub fn grid(
        &mut self,
        ui: &mut Ui,
        space: Vec2,
        table: &Table,
        layers: &[Layer],
    ) -> Option<Vec2> {
        let (area, _) = ui.allocate_exact_size(space, Sense::hover());
        let [w, h] = table.size().unwrap_or([1, 1]);
        let cells = panes::cells(area, layers.len(), w as f32 / h.max(1) as f32, TITLE);
        let mut pointed = None;
        for (at, (layer, whole)) in layers.iter().zip(&cells).enumerate() {
            if let Some(under) = self.pane(ui, at, *whole, table, *layer) {
                pointed = Some((at, under));
            }
        }
        let (here, under) = pointed?;
        if let Some(size) = table.size() {
            for (at, whole) in cells.into_iter().enumerate() {
                if at != here {
                    let picture = Rect::from_min_max(whole.min + vec2(0.0, TITLE), whole.max);
                    panes::cross(ui, picture, size, &self.lens, under);
                }
            }
        }
        Some(under)
    }

    /// `left` and `right` of a line at `share` of the width, which can be dragged.
    pub fn swipe(
        &mut self,
        ui: &mut Ui,
        space: Vec2,
        table: &Table,
        [left, right]: [Layer; 2],
        share: &mut f32,
    ) -> Option<Vec2> {
        let (area, _) = ui.allocate_exact_size(space, Sense::hover());
        let title = format!("{}  |  {}", table.name(left), table.name(right));
        captions::head(ui, area, &[&title], 0, &[]);
        let rect = Rect::from_min_max(pos2(area.left(), area.top() + TITLE), area.max);
        ui.painter()
            .rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
        let size = table.size()?;
        let (Some(a), Some(b)) = (
            self.texture(ui, table, left),
            self.texture(ui, table, right),
        ) else {
            let lacking = [left, right].map(|layer| table.missing(layer));
            note(
                ui,
                rect,
                if lacking[0].is_empty() {
                    lacking[1]
                } else {
                    lacking[0]
                },
            );
            return None;
        };
        let under = panes::draw(ui, 0, rect, &b, size, &mut self.lens, &title).1;
        let placed = self.lens.place(rect, size);
        let seen = placed.intersect(rect);
        let x = seen.left() + seen.width() * share.clamp(0.0, 1.0);
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        let clip = Rect::from_min_max(rect.min, pos2(x, rect.max.y));
        // The ground hides what lies below: A may be narrower than nothing at all.
        ui.painter()
            .with_clip_rect(clip.intersect(ui.clip_rect()))
            .image(a.id(), placed, whole, Color32::WHITE);
        for (width, color) in [(4.0, Color32::BLACK), (2.0, Color32::WHITE)] {
            ui.painter()
                .vline(x, seen.y_range(), Stroke::new(width, color));
        }
        let handle = Rect::from_center_size(pos2(x, seen.center().y), vec2(14.0, seen.height()));
        let id = ui.make_persistent_id("swipe line");
        let response = ui.interact(handle, id, Sense::click_and_drag());
        response.widget_info(|| {
            let percent = f64::from(*share) * 100.0;
            egui::WidgetInfo::slider(true, percent, "Swipe line, percent of A")
        });
        if response.hovered() || response.dragged() {
            ui.set_cursor_icon(egui::CursorIcon::ResizeHorizontal);
        }
        if let Some(pointer) = response
            .interact_pointer_pos()
            .filter(|_| response.dragged())
        {
            *share = ((pointer.x - seen.left()) / seen.width().max(1.0)).clamp(0.0, 1.0);
        }
        under
    }
}

/// Draws the title; returns what is left below it.
fn head(ui: &Ui, whole: Rect, table: &Table, layer: Layer) -> Rect {
    let mut line = whole;
    if let Some(color) = table.color(layer) {
        let swatch = Rect::from_min_size(whole.min + vec2(1.0, 4.0), vec2(10.0, 10.0));
        ui.painter().rect_filled(swatch, 2.0, color);
        line.min.x += 15.0;
    }
    // What the names of all have in common need not be read in each of them.
    let show = match layer {
        Layer::Run(_, show) => show,
        _ => Show::Prediction,
    };
    let all: Vec<String> = match layer {
        Layer::Run(..) => (0..table.looks.len())
            .map(|at| table.name(Layer::Run(at, show)))
            .collect(),
        _ => vec![table.name(layer)],
    };
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let at = match layer {
        Layer::Run(at, _) => at,
        _ => 0,
    };
    captions::head(ui, line, &all, at, table.notes(layer));
    let rect = Rect::from_min_max(pos2(whole.left(), whole.top() + TITLE), whole.max);
    ui.painter()
        .rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
    rect
}

fn note(ui: &Ui, rect: Rect, text: &str) {
    let font = egui::FontId::proportional(13.0);
    let color = ui.visuals().weak_text_color();
    let wide = (rect.width() - 16.0).max(40.0);
    let galley = ui.painter().layout(text.to_owned(), font, color, wide);
    let at = rect.center() - galley.size() / 2.0;
    ui.painter().galley(at, galley, color);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_disagreement_has_its_own_look() {
        let photo = Image {
            width: 5,
            height: 1,
            channels: 1,
            pixels: vec![200; 5],
        };
        let row = |data: &'static [u8]| Map {
            width: 5,
            height: 1,
            data,
        };
        let drawn = disagreement(
            &photo,
            row(&[0, 0, 1, 1, 255]),
            row(&[0, 0, 0, 0, 0]),
            row(&[0, 1, 1, 0, 0]),
            2,
        );
        let colors: std::collections::BTreeSet<[u8; 4]> =
            drawn.pixels.iter().map(|c| c.to_array()).collect();
        assert_eq!(colors.len(), 5);
        let [r, _, b, _] = drawn.pixels[1].to_array();
        assert!(b > r, "A alone is right: blue");
        let [r, _, b, _] = drawn.pixels[2].to_array();
        assert!(r > b, "B alone is right: orange");
    }
}
