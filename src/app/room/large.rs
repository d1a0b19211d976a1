//! Pictures too large to be painted within a frame: cut, shrunk and painted on a thread of their own,
//! at the resolution of what is on the screen.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use egui::{ColorImage, Context, Rect, TextureHandle, TextureOptions, Vec2, vec2};

use super::super::view::easel::Easel;
use super::super::view::lens::Lens;
use super::super::view::paint::{Overlay, Palette};
use super::super::view::panes::{Pane, Scene};
use super::bands;
use crate::data::{Image, LabelMap, Room, SCREEN, Sample, for_screen};

/// What is painted beyond the border of what is seen, in parts of its side, so that a small move needs
/// nothing new.
const MARGIN: f32 = 0.25;

/// A part of the picture in its own pixels: left, top, width, height.
type Part = [usize; 4];

/// Which picture: the generation of what is open, and the item.
pub(super) type Of = (u64, usize);

/// What is to be painted.
#[derive(Clone)]
struct Job {
    of: Of,
    key: u64,
    sample: Sample,
    /// Kept until it is painted.
    _room: Option<Room>,
    part: Part,
    bands: Option<[usize; 3]>,
    panes: Vec<Pane>,
    palette: Palette,
    overlay: Overlay,
}

/// What was painted.
struct Painted {
    of: Of,
    key: u64,
    part: Part,
    /// As it was painted: cut, shrunk, in the channels that are shown.
    sample: Sample,
    panes: Vec<(Pane, ColorImage)>,
}

/// The whole picture, or the part that is looked at closely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Whole,
    Close,
}

/// Textures of one layer.
#[derive(Default)]
struct Shown {
    /// What was asked for last.
    asked: u64,
    asked_part: Part,
    /// What is shown.
    key: u64,
    part: Part,
    sample: Option<Sample>,
    textures: BTreeMap<Pane, TextureHandle>,
}

/// The pictures of one large image.
pub(super) struct Large {
    easel: Easel<Layer, Job, Painted>,
    /// What the textures are of.
    of: Option<Of>,
    layers: [Shown; 2],
}

/// How a large picture is to look.
pub(super) struct Look<'a> {
    pub of: Of,
    pub size: [usize; 2],
    /// Its pixels, where they did not have to make room.
    pub sample: Option<&'a Sample>,
    /// What was granted for them.
    pub room: Option<Room>,
    pub bands: Option<[usize; 3]>,
    pub panes: &'a [Pane],
    pub palette: &'a Palette,
    pub overlay: Overlay,
}

impl Default for Large {
    fn default() -> Self {
        Self {
            easel: Easel::new(paint),
            of: None,
            layers: Default::default(),
        }
    }
}

impl Large {
    /// Takes in what was painted; the textures of another picture are forgotten.
    pub fn begin(&mut self, of: Of, ctx: &Context) {
        if self.of != Some(of) {
            self.of = Some(of);
            self.layers = Default::default();
        }
        for (layer, painted) in self.easel.take() {
            let shown = &mut self.layers[layer as usize];
            // What was asked for another picture comes too late.
            if painted.of != of || shown.asked == 0 {
                continue;
            }
            shown.key = painted.key;
            shown.part = painted.part;
            shown.sample = Some(painted.sample);
            shown.textures.clear();
            for (pane, picture) in painted.panes {
                let options = TextureOptions {
                    minification: egui::TextureFilter::Linear,
                    ..TextureOptions::NEAREST
                };
                let texture = ctx.load_texture(pane.name(), picture, options);
                shown.textures.insert(pane, texture);
            }
        }
    }

    /// Asks for what this view needs; returns whether that takes pixels that had to make room.
    #[must_use]
    pub fn end(&mut self, look: &Look, lens: &Lens, pane: Rect, ctx: &Context) -> bool {
        let size = look.size;
        let whole = self.ask(Layer::Whole, look, [0, 0, size[0], size[1]], ctx);
        let placed = lens.place(pane, size);
        let visible = placed.intersect(pane);
        let place = |at: egui::Pos2| ((at - placed.min) / placed.size()).to_pos2();
        let seen = Rect::from_min_max(place(visible.min), place(visible.max));
        let needed = placed.width() * ctx.pixels_per_point() / size[0].max(1) as f32;
        let close = &mut self.layers[Layer::Close as usize];
        let close = match close_up(seen, needed, size, close.asked_part) {
            Some(part) => self.ask(Layer::Close, look, part, ctx),
            None => {
                *close = Shown::default();
                true
            }
        };
        !(whole && close)
    }

    /// The whole picture as it was painted last.
    pub fn overview(&self) -> Option<&Sample> {
        self.layers[Layer::Whole as usize].sample.as_ref()
    }

    /// The texture of a pane; `None` until it was painted.
    pub fn whole(&self, pane: Pane) -> Option<&TextureHandle> {
        self.layers[Layer::Whole as usize].textures.get(&pane)
    }

    /// What is painted of a pane at a higher resolution, and where it lies in the picture, in 0..1.
    pub fn close(&self, pane: Pane, size: [usize; 2]) -> Option<(&TextureHandle, Rect)> {
        let shown = &self.layers[Layer::Close as usize];
        let [left, top, width, height] = shown.part.map(|at| at as f32);
        let size = vec2(size[0].max(1) as f32, size[1].max(1) as f32);
        let corner = (vec2(left, top) / size).to_pos2();
        let place = Rect::from_min_size(corner, vec2(width, height) / size);
        shown.textures.get(&pane).map(|texture| (texture, place))
    }

    /// Whether that is, or will be, painted.
    fn ask(&mut self, layer: Layer, look: &Look, part: Part, ctx: &Context) -> bool {
        let mut hasher = DefaultHasher::new();
        (look.of, part, look.bands, look.panes, look.palette).hash(&mut hasher);
        (look.overlay.opacity.to_bits(), look.overlay.contours).hash(&mut hasher);
        let key = hasher.finish();
        let shown = &mut self.layers[layer as usize];
        if shown.asked == key {
            return true;
        }
        let Some(sample) = look.sample else {
            return false;
        };
        (shown.asked, shown.asked_part) = (key, part);
        let job = Job {
            of: look.of,
            key,
            sample: sample.clone(),
            _room: look.room.clone(),
            part,
            bands: look.bands,
            panes: look.panes.to_vec(),
            palette: look.palette.clone(),
            overlay: look.overlay,
        };
        self.easel.ask(layer, job, ctx);
        true
    }
}

/// Which part is to be painted closely, `needed` points of the screen's for each of the picture's pixels:
/// `known` where that does; `None` where the whole picture does.
fn close_up(seen: Rect, needed: f32, size: [usize; 2], known: Part) -> Option<Part> {
    let sides = vec2(size[0].max(1) as f32, size[1].max(1) as f32);
    // A tenth less than is needed does not show.
    let does = |longest: f32| (SCREEN as f32 / longest.max(1.0)).min(1.0) >= 0.9 * needed.min(1.0);
    if does(sides.max_elem()) {
        return None;
    }
    let [left, top, width, height] = known.map(|at| at as f32);
    let corner = (vec2(left, top) / sides).to_pos2();
    let place = Rect::from_min_size(corner, vec2(width, height) / sides);
    // A pixel's tolerance: parts end on whole pixels.
    if place.expand2(Vec2::splat(1.0) / sides).contains_rect(seen) && does(width.max(height)) {
        return Some(known);
    }
    let part = seen.expand2(seen.size() * MARGIN);
    let clamped = |at: egui::Pos2| at.to_vec2().clamp(Vec2::ZERO, Vec2::splat(1.0)) * sides;
    let (from, to) = (clamped(part.min).floor(), clamped(part.max).ceil());
    let [left, top, right, bottom] = [from.x, from.y, to.x, to.y].map(|at| at as usize);
    let (width, height) = (right.min(size[0]) - left, bottom.min(size[1]) - top);
    (width > 0 && height > 0).then_some([left, top, width, height])
}

fn paint(job: &Job) -> Painted {
    let sample = brought(job);
    let scene = Scene {
        sample: &sample,
        prediction: None,
        palette: &job.palette,
        overlay: job.overlay,
    };
    let panes = job.panes.iter();
    let panes: Vec<_> = panes
        .filter_map(|pane| Some((*pane, scene.picture(*pane)?)))
        .collect();
    Painted {
        of: job.of,
        key: job.key,
        part: job.part,
        panes,
        sample,
    }
}

/// The part in the channels that are shown, at most [`SCREEN`] pixels long.
fn brought(job: &Job) -> Sample {
    let image = &job.sample.image;
    let mut part = if job.part == [0, 0, image.width, image.height] {
        job.sample.clone()
    } else {
        cut(&job.sample, job.part)
    };
    if let Some(shown) = job.bands {
        part.image = Arc::new(bands::chosen(&part.image, shown));
    }
    for_screen(part)
}

/// A copy of a part.
fn cut(sample: &Sample, [left, top, width, height]: Part) -> Sample {
    let Sample { id, image, labels } = sample;
    let rows = |line: usize, each: usize, from: &[u8]| -> Vec<u8> {
        (top..top + height)
            .filter_map(|y| from.get((y * line + left) * each..(y * line + left + width) * each))
            .flatten()
            .copied()
            .collect()
    };
    let channels = image.channels.max(1);
    Sample {
        id: id.clone(),
        image: Arc::new(Image {
            width,
            height,
            channels,
            pixels: rows(image.width, channels, &image.pixels),
        }),
        labels: Arc::new(LabelMap {
            width,
            height,
            labels: rows(labels.width, 1, &labels.labels),
        }),
    }
}

#[cfg(test)]
mod tests {
    use egui::pos2;

    use super::*;

    const SIZE: [usize; 2] = [10_000, 8_000];

    fn seen_at(zoom: f32) -> Rect {
        let half = 0.5 / zoom;
        Rect::from_min_max(pos2(0.5 - half, 0.5 - half), pos2(0.5 + half, 0.5 + half))
    }

    #[test]
    fn the_whole_does_until_its_pixels_would_show_and_a_part_that_is_there_is_kept() {
        // A pane of 1000 × 800 points: a tenth of a point for each pixel at zoom 1.
        let part_at = |zoom: f32, known| close_up(seen_at(zoom), zoom / 10.0, SIZE, known);
        assert_eq!(part_at(1.0, [0; 4]), None);
        assert_eq!(part_at(2.0, [0; 4]), None);
        // A quarter of each side is seen, and a quarter of that beyond each border.
        let part = [3125, 2500, 3750, 3000];
        assert_eq!(part_at(4.0, [0; 4]), Some(part));
        assert_eq!(part_at(4.2, part), Some(part));
        let moved = seen_at(4.0).translate(vec2(0.1, 0.0));
        let next = close_up(moved, 0.4, SIZE, part).unwrap();
        assert_eq!(next, [4125, 2500, 3750, 3000]);
        // Closer still, its pixels would show, until they are those of the picture.
        let closer = part_at(16.0, part).unwrap();
        assert!(closer[2] < SCREEN && closer[3] < SCREEN);
        assert_eq!(part_at(60.0, closer), Some(closer));
        // At a corner, nothing beyond the picture is asked for.
        let corner = Rect::from_min_max(pos2(0.9, 0.9), pos2(1.0, 1.0));
        assert_eq!(
            close_up(corner, 1.0, SIZE, [0; 4]),
            Some([8750, 7000, 1250, 1000])
        );
    }

    #[test]
    fn a_part_is_a_copy_and_only_what_is_too_long_is_shrunk() {
        let image = Image {
            width: 4,
            height: 3,
            channels: 3,
            pixels: (0..36).collect(),
        };
        let labels = LabelMap {
            width: 4,
            height: 3,
            labels: (0..12).collect(),
        };
        let sample = Sample {
            id: String::new(),
            image: Arc::new(image),
            labels: Arc::new(labels),
        };
        let part = cut(&sample, [1, 1, 2, 2]);
        assert_eq!(part.labels.labels, [5, 6, 9, 10]);
        assert_eq!(part.image.pixels[..6], [15, 16, 17, 18, 19, 20]);
        assert_eq!(part.image.pixels.len(), 12);
    }
}
