//! Textures of the panes, painted once: small ones where they are drawn, large ones beside the window.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use egui::{ColorImage, Context, TextureHandle, TextureOptions, Ui};

use super::easel::Easel;
use super::paint::{self, Overlay, Palette};
use super::panes::{Pane, Scene};
use crate::data::{Image, LabelMap, Sample};
use crate::train::session::Prediction;

/// Pictures of more pixels are painted beside the window: they take longer than a frame has time.
const LARGE: usize = 1 << 18;

/// A picture that is painted beside the window.
struct Work {
    key: u64,
    /// Which sample it is of, of those that were held.
    generation: u64,
    pane: Pane,
    sample: Sample,
    prediction: Option<Arc<Prediction>>,
    palette: Palette,
    overlay: Overlay,
    /// Longest side of a texture.
    most: usize,
}

/// What became of it.
struct Painted {
    key: u64,
    generation: u64,
    picture: Option<ColorImage>,
}

impl Work {
    fn paint(&self) -> Painted {
        let scene = Scene {
            sample: &self.sample,
            prediction: self.prediction.as_deref(),
            palette: &self.palette,
            overlay: self.overlay,
        };
        let picture = scene.picture(self.pane);
        Painted {
            key: self.key,
            generation: self.generation,
            picture: picture.map(|picture| paint::fitted(picture, self.most)),
        }
    }
}

/// Textures of the panes, kept for as long as what they show stays the same.
pub struct Textures {
    /// Held, so that an address never comes to mean another picture.
    held: Option<(Arc<Image>, Arc<LabelMap>)>,
    /// Grows with each sample that is held.
    generation: u64,
    made: BTreeMap<Pane, (u64, TextureHandle)>,
    /// How many pictures were painted since the start.
    painted: u64,
    easel: Easel<Pane, Work, Painted>,
    /// What was asked of it last.
    asked: BTreeMap<Pane, u64>,
    /// A copy of the prediction for it, with its key.
    predicted: Option<(u64, Arc<Prediction>)>,
}

impl Default for Textures {
    fn default() -> Self {
        Self {
            held: None,
            generation: 0,
            made: BTreeMap::new(),
            painted: 0,
            easel: Easel::new(Work::paint),
            asked: BTreeMap::new(),
            predicted: None,
        }
    }
}

impl std::fmt::Debug for Textures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Textures({} made)", self.made.len())
    }
}

impl Textures {
    /// Forgets everything when `sample` is not the one of the last call, and returns whether.
    pub fn hold(&mut self, sample: &Sample) -> bool {
        let same = (self.held.as_ref()).is_some_and(|(image, labels)| {
            Arc::ptr_eq(image, &sample.image) && Arc::ptr_eq(labels, &sample.labels)
        });
        if !same {
            for (key, _) in self.made.values_mut() {
                *key = 0;
            }
            self.generation += 1;
            self.asked.clear();
            self.predicted = None;
            self.held = Some((Arc::clone(&sample.image), Arc::clone(&sample.labels)));
        }
        !same
    }

    /// Pictures painted so far; grows only when something changed.
    #[must_use]
    pub fn painted(&self) -> u64 {
        self.painted
    }

    /// The texture of `pane`; `prediction_key` is that of `scene`. `None` without the prediction that it
    /// needs, and until a large one is painted.
    pub fn get(
        &mut self,
        ui: &Ui,
        pane: Pane,
        scene: &Scene,
        prediction_key: u64,
    ) -> Option<&TextureHandle> {
        let mut hasher = DefaultHasher::new();
        if pane.needs_prediction() {
            prediction_key.hash(&mut hasher);
        }
        if pane != Pane::Image {
            scene.palette.hash(&mut hasher);
        }
        if matches!(pane, Pane::Truth | Pane::Prediction) {
            (scene.overlay.contours, scene.overlay.opacity.to_bits()).hash(&mut hasher);
        }
        // 0 stands for "never".
        let key = hasher.finish().max(1);
        let most = ui.input(|input| input.max_texture_side);
        if scene.sample.image.width * scene.sample.image.height > LARGE {
            self.collect(ui.ctx());
            self.ask(ui.ctx(), pane, scene, [key, prediction_key], most);
            // What is shown of this sample stays until there is better.
            let made = self.made.get(&pane).filter(|(made, _)| *made != 0);
            return made.map(|(_, texture)| texture);
        }
        if self.made.get(&pane).is_none_or(|(made, _)| *made != key) {
            let picture = paint::fitted(scene.picture(pane)?, most);
            self.put(ui.ctx(), pane, key, picture);
        }
        self.made.get(&pane).map(|(_, texture)| texture)
    }

    fn put(&mut self, ctx: &Context, pane: Pane, key: u64, picture: ColorImage) {
        self.painted += 1;
        let options = if pane == Pane::Image {
            TextureOptions {
                minification: egui::TextureFilter::Linear,
                ..TextureOptions::NEAREST
            }
        } else {
            TextureOptions::NEAREST
        };
        if let Some((made, texture)) = self.made.get_mut(&pane) {
            texture.set(picture, options);
            *made = key;
        } else {
            let texture = ctx.load_texture(pane.name(), picture, options);
            self.made.insert(pane, (key, texture));
        }
    }

    /// Takes in what was painted beside the window.
    fn collect(&mut self, ctx: &Context) {
        for (pane, painted) in self.easel.take() {
            // What was asked for another sample comes too late.
            if painted.generation == self.generation
                && let Some(picture) = painted.picture
            {
                self.put(ctx, pane, painted.key, picture);
            }
        }
    }

    /// Has a large picture painted, once.
    fn ask(
        &mut self,
        ctx: &Context,
        pane: Pane,
        scene: &Scene,
        [key, of_prediction]: [u64; 2],
        most: usize,
    ) {
        if pane.needs_prediction() && scene.prediction.is_none()
            || self.asked.get(&pane) == Some(&key)
        {
            return;
        }
        self.asked.insert(pane, key);
        if let Some(prediction) = scene.prediction
            && self
                .predicted
                .as_ref()
                .is_none_or(|(key, _)| *key != of_prediction)
        {
            self.predicted = Some((of_prediction, Arc::new(prediction.clone())));
        }
        let work = Work {
            key,
            generation: self.generation,
            pane,
            sample: scene.sample.clone(),
            prediction: scene
                .prediction
                .and(self.predicted.as_ref())
                .map(|(_, p)| Arc::clone(p)),
            palette: scene.palette.clone(),
            overlay: scene.overlay,
            most,
        };
        self.easel.ask(pane, work, ctx);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn sample(side: usize, grey: u8) -> Sample {
        let image = Image {
            width: side,
            height: side,
            channels: 1,
            pixels: vec![grey; side * side],
        };
        let labels = LabelMap {
            width: side,
            height: side,
            labels: vec![0; side * side],
        };
        Sample {
            id: String::new(),
            image: Arc::new(image),
            labels: Arc::new(labels),
        }
    }

    /// One frame; whether the picture was there to be drawn.
    fn frame(ctx: &Context, textures: &mut Textures, sample: &Sample, opacity: f32) -> bool {
        let palette = Palette::default();
        let mut there = false;
        let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
            let scene = Scene {
                sample,
                prediction: None,
                palette: &palette,
                overlay: Overlay {
                    opacity,
                    contours: false,
                },
            };
            textures.hold(sample);
            there = textures.get(ui, Pane::Truth, &scene, 0).is_some();
            assert!(textures.get(ui, Pane::Doubt, &scene, 0).is_none());
        });
        output.textures_delta.clear();
        there
    }

    #[test]
    fn a_small_picture_is_there_at_once_and_a_large_one_never_within_its_frame() {
        let ctx = Context::default();
        let mut textures = Textures::default();
        assert!(frame(&ctx, &mut textures, &sample(512, 9), 0.5));
        assert_eq!(textures.painted(), 1);
        let large = sample(513, 9);
        assert!(!frame(&ctx, &mut textures, &large, 0.5));
        let wait = |textures: &mut Textures, large: &Sample, opacity, painted| {
            let start = Instant::now();
            while textures.painted() < painted {
                frame(&ctx, textures, large, opacity);
                assert!(start.elapsed() < Duration::from_secs(60));
                std::thread::yield_now();
            }
        };
        wait(&mut textures, &large, 0.5, 2);
        // It stays until what is wished now is painted, once.
        assert!(frame(&ctx, &mut textures, &large, 0.7));
        wait(&mut textures, &large, 0.7, 3);
        for _ in 0..3 {
            assert!(frame(&ctx, &mut textures, &large, 0.7));
        }
        assert_eq!(textures.painted(), 3);
        // Another sample is never shown as this one.
        assert!(!frame(&ctx, &mut textures, &sample(513, 8), 0.7));
    }
}
