//! Several predictions of one image: what is painted of each, and of where they disagree. Plain data; what
//! is shown and why is its owner's business, and [`super::canvas`] draws it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use egui::{Color32, ColorImage};

use super::paint::{self, Map, Overlay, Palette};
use super::save;
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
#[derive(Clone)]
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
    /// It is being read: what was there before it may stay until then.
    pub pending: bool,
}

/// What is drawn in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    Truth,
    Run(usize, Show),
    Disagreement(usize, usize),
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
    pub(super) fn size(&self) -> Option<[usize; 2]> {
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

    pub(super) fn name(&self, layer: Layer) -> String {
        let of = |at: usize| self.looks.get(at).map_or("", |look| look.name.as_str());
        match layer {
            Layer::Truth => "Truth".to_owned(),
            Layer::Run(at, Show::Prediction) => of(at).to_owned(),
            Layer::Run(at, show) => format!("{} of {}", show.name(), of(at)),
            Layer::Disagreement(a, b) => format!("A: {}  against  B: {}", of(a), of(b)),
        }
    }

    pub(super) fn notes(&self, layer: Layer) -> &[String] {
        match layer {
            Layer::Run(at, _) => self.looks.get(at).map_or(&[], |look| &look.notes),
            Layer::Truth | Layer::Disagreement(..) => &[],
        }
    }

    pub(super) fn color(&self, layer: Layer) -> Option<Color32> {
        match layer {
            Layer::Run(at, _) => self.looks.get(at).map(|look| look.color),
            Layer::Truth | Layer::Disagreement(..) => None,
        }
    }

    /// Why a layer can't be drawn.
    pub(super) fn missing(&self, layer: Layer) -> &str {
        match layer {
            Layer::Truth if self.has(layer) => "Painting…",
            Layer::Truth => "The truth is kept beside the first prediction.",
            Layer::Run(..) if self.has(layer) => "Painting…",
            Layer::Run(at, _) => self.looks.get(at).map_or("", |look| &look.missing),
            Layer::Disagreement(..) if self.has(layer) => "Painting…",
            Layer::Disagreement(a, b) => {
                let lacking = [a, b].into_iter().find_map(|at| {
                    let look = self.looks.get(at)?;
                    look.labels.is_none().then_some(look.missing.as_str())
                });
                lacking.unwrap_or("The truth is not there.")
            }
        }
    }

    /// Whether there is all that it takes to paint it.
    pub(super) fn has(&self, layer: Layer) -> bool {
        let truth = self.ground.truth.is_some();
        let of = |at: usize| self.looks.get(at);
        let labels = |at: usize| of(at).is_some_and(|look| look.labels.is_some());
        match layer {
            Layer::Truth => truth,
            Layer::Run(at, Show::Prediction) => labels(at),
            Layer::Run(at, Show::Errors) => truth && labels(at),
            Layer::Run(at, Show::Doubt) => of(at).is_some_and(|look| look.doubt.is_some()),
            Layer::Disagreement(a, b) => truth && labels(a) && labels(b),
        }
    }

    /// Whether it is still to come.
    pub(super) fn pending(&self, layer: Layer) -> bool {
        let of = |at: usize| self.looks.get(at).is_some_and(|look| look.pending);
        match layer {
            Layer::Truth => self.looks.iter().any(|look| look.pending),
            Layer::Run(at, _) => of(at),
            Layer::Disagreement(a, b) => of(a) || of(b),
        }
    }

    /// Whose picture it is, and of which kind, whatever its moment.
    pub(super) fn subject(&self, layer: Layer) -> u64 {
        let mut hasher = DefaultHasher::new();
        (layer, self.name(layer)).hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn key(&self, layer: Layer) -> u64 {
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

    pub(super) fn paint(&self, layer: Layer, size: [usize; 2]) -> Option<ColorImage> {
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
