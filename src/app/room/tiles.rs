//! Textures of small pictures: painted when they come on the screen, a few per frame, and forgotten
//! when they have not been seen for long.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use egui::{TextureHandle, TextureOptions, Ui};

use super::super::view::paint::{self, Map, Overlay, Palette};
use crate::lab::rooming::{Pictures, Thumb};

/// Textures kept beyond those on the screen.
const KEPT: usize = 512;
/// Pictures painted and uploaded in one frame: about a millisecond's work.
const PER_FRAME: usize = 16;

/// One small picture's texture.
struct Tile {
    key: u64,
    texture: TextureHandle,
    seen: u64,
}

/// The textures of the grid.
#[derive(Default)]
pub(super) struct Tiles {
    made: HashMap<usize, Tile>,
    frame: u64,
    painted: usize,
    missing: Vec<usize>,
}

/// What there is to draw for an item.
pub(super) enum Shown {
    Texture(egui::TextureId, [usize; 2]),
    Coming,
    Failed(String),
}

impl Tiles {
    pub(super) fn begin(&mut self) {
        self.frame += 1;
        self.painted = 0;
        self.missing.clear();
    }

    pub(super) fn get(
        &mut self,
        ui: &Ui,
        pictures: &mut Pictures,
        item: usize,
        palette: &Palette,
        overlay: Overlay,
    ) -> Shown {
        let mut hasher = DefaultHasher::new();
        palette.hash(&mut hasher);
        (
            overlay.opacity.to_bits(),
            overlay.contours,
            pictures.generation(),
        )
            .hash(&mut hasher);
        let key = hasher.finish();
        if let Some(tile) = self.made.get_mut(&item).filter(|tile| tile.key == key) {
            tile.seen = self.frame;
            return Shown::Texture(tile.texture.id(), tile.texture.size());
        }
        let Some(thumb) = pictures.thumb(item) else {
            self.missing.push(item);
            return Shown::Coming;
        };
        let thumb: &Thumb = match Arc::as_ref(&thumb) {
            Ok(thumb) => thumb,
            Err(message) => return Shown::Failed(message.clone()),
        };
        if self.painted >= PER_FRAME {
            ui.ctx().request_repaint();
            return match self.made.get_mut(&item) {
                // As it was painted before, for a frame more.
                Some(tile) => {
                    tile.seen = self.frame;
                    Shown::Texture(tile.texture.id(), tile.texture.size())
                }
                None => Shown::Coming,
            };
        }
        self.painted += 1;
        let labels = Map {
            width: thumb.labels.width,
            height: thumb.labels.height,
            data: &thumb.labels.labels,
        };
        let picture = paint::overlay(&thumb.image, labels, palette, overlay);
        let options = TextureOptions::LINEAR;
        let texture = match self.made.remove(&item) {
            Some(mut tile) => {
                tile.texture.set(picture, options);
                tile.texture
            }
            None => ui.ctx().load_texture("small picture", picture, options),
        };
        let shown = Shown::Texture(texture.id(), texture.size());
        let seen = self.frame;
        self.made.insert(item, Tile { key, texture, seen });
        shown
    }

    /// Asks for what was missing in this frame and lets go of what was not seen for long.
    pub(super) fn end(&mut self, pictures: &mut Pictures) {
        pictures.want(&self.missing);
        if self.made.len() > 2 * KEPT {
            let mut seen: Vec<u64> = self.made.values().map(|tile| tile.seen).collect();
            seen.sort_unstable_by(|a, b| b.cmp(a));
            let limit = seen[KEPT];
            let frame = self.frame;
            self.made
                .retain(|_, tile| tile.seen > limit || tile.seen == frame);
        }
    }
}
