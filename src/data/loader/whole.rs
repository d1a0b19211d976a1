//! An image at its own size, and the windows through which the network sees all of it.

use rayon::prelude::*;

use super::super::cache::Ready;
use super::super::crop::{self, Window};
use super::super::normalize::Scale;
use super::super::{Batch, DataError, LabelMap, Sample};
use super::Loader;

/// One item of a loader, whole.
pub struct Whole<'a> {
    loader: &'a Loader,
    item: usize,
    ready: Ready,
    scale: Scale,
    rows: Vec<Vec<Window>>,
}

impl<'a> Whole<'a> {
    pub(super) fn new(loader: &'a Loader, item: usize) -> Result<Self, DataError> {
        loader.scale()?;
        let (ready, scale) = loader.seen(item, |_| None)?;
        let size = [ready.image.width, ready.image.height];
        let rows = crop::overlapping(size, loader.tile(), loader.config.crop_overlap);
        Ok(Self {
            loader,
            item,
            ready,
            scale,
            rows,
        })
    }

    #[must_use]
    pub fn item(&self) -> usize {
        self.item
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        [self.ready.image.width, self.ready.image.height]
    }

    /// Width and height of a window in pixels.
    #[must_use]
    pub fn tile(&self) -> [usize; 2] {
        self.loader.tile()
    }

    /// The truth, `[H, W]` of the whole.
    #[must_use]
    pub fn labels(&self) -> &LabelMap {
        &self.ready.labels
    }

    #[must_use]
    pub fn sample(&self) -> Sample {
        self.loader.named(self.item, &self.ready)
    }

    /// Overlapping windows, row by row from the top, that see every pixel.
    #[must_use]
    pub fn rows(&self) -> &[Vec<Window>] {
        &self.rows
    }

    /// Windows of one row in batches of at most the loader's size.
    ///
    /// # Errors
    /// When pixels can't be brought into shape.
    pub fn batches(
        &self,
        row: usize,
    ) -> impl Iterator<Item = (&[Window], Result<Batch, DataError>)> {
        let windows = self.rows.get(row).map_or(&[][..], Vec::as_slice);
        windows.chunks(self.loader.batch.max(1)).map(|some| {
            let tile = self.loader.tile();
            let cuts: Vec<Ready> = some
                .par_iter()
                .map(|window| crop::cut(&self.ready, *window, tile, &self.scale))
                .collect();
            let items = vec![self.item; some.len()];
            let ready = |slot: usize| Ok((cuts[slot].clone(), self.scale.clone()));
            (
                some,
                self.loader.assemble(&items, items.len(), &ready, None),
            )
        })
    }
}
