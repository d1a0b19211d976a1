//! From items to batches: decode, bring into shape, vary, in parallel; deterministic by (seed, epoch,
//! place in the epoch), whatever was asked before and on however many cores.

mod order;
mod ready;
mod whole;

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::augment::Draw;
use super::cache::{Disk, Ready, Shape};
use super::config::{LastBatch, Sampling};
use super::crop::{self, Window};
use super::distance::Maps;
use super::normalize::Scale;
use super::{Batch, DataConfig, DataError, Dataset, IGNORE, Sample, resize};
use order::Order;

pub use whole::Whole;

/// Seeds of what is drawn beside the order of an epoch, apart from one another.
const VARY: u64 = 0xA5A5_5A5A_A5A5_5A5A;
const WINDOW: u64 = 0x3C3C_C3C3_3C3C_C3C3;
const CHOOSE: u64 = 0x9696_6969_9696_6969;

/// Feeds one dataset at one input size.
pub struct Loader {
    dataset: Arc<Dataset>,
    config: DataConfig,
    batch: usize,
    seed: u64,
    shape: Shape,
    /// Whether an item trains.
    trains: Vec<bool>,
    /// The class with most training pixels.
    common: Option<u8>,
    /// What validates: an item, or a window of one.
    val: Vec<(usize, Option<Window>)>,
    disk: Option<Disk>,
    order: Order,
    scale: OnceLock<Result<Scale, DataError>>,
    /// Where each image is normalised by itself: by whole images, whatever is cut from them.
    own_scales: Mutex<HashMap<usize, Scale>>,
    /// Present where batches come with distances to borders.
    maps: Option<Maps>,
}

/// What makes a training sample of an item.
struct Variation {
    draw: Draw,
    /// Seed stream of the window, and whether it is forced onto a class.
    window: Option<(u64, bool)>,
}

impl Loader {
    /// `batch` samples a step, order and augmentation from `seed`.
    ///
    /// # Errors
    /// When the split leaves no training item, or `batch` is larger than the training set.
    pub fn new(
        dataset: Arc<Dataset>,
        config: &DataConfig,
        batch: usize,
        seed: u64,
    ) -> Result<Self, DataError> {
        let train = dataset.split.train.len();
        if batch == 0 || batch > train {
            return Err(DataError::Invalid(format!(
                "`train.batch` = {batch} does not fit the dataset: expected 1 to {train}, its number of \
                 training images"
            )));
        }
        if dataset.split.val.is_empty() {
            return Err(DataError::Invalid(
                "the split leaves no validation image: expected at least 2 images".to_owned(),
            ));
        }
        if !matches!(config.channels, 1 | 3) {
            return Err(DataError::Invalid(format!(
                "`data.channels` = {}: expected 1 (grey) or 3 (RGB)",
                config.channels
            )));
        }
        let size = [config.width as usize, config.height as usize];
        let shape = Shape {
            size: (config.sampling == Sampling::Resize).then_some(size),
            channels: config.inputs(dataset.channels),
            blended: false,
        };
        let mut trains = vec![false; dataset.items.len()];
        for &item in &dataset.split.train {
            trains[item] = true;
        }
        let pixels = &dataset.census.train_pixels;
        let common = (0..pixels.len()).max_by_key(|&class| (pixels[class], usize::MAX - class));
        let common = common.and_then(|class| u8::try_from(class).ok());
        let val = dataset.split.val.iter().flat_map(|&item| {
            let windows: Vec<Option<Window>> = match shape.size {
                Some(_) => vec![None],
                None => {
                    let own = own_size(&dataset, item).unwrap_or(size);
                    let windows = crop::covering(own, size);
                    windows.into_iter().map(Some).collect()
                }
            };
            windows.into_iter().map(move |window| (item, window))
        });
        let folder = config.cache_dir.trim();
        Ok(Self {
            val: val.collect(),
            order: Order::new(&dataset, config.class_sampling, common, seed),
            disk: (!folder.is_empty()).then(|| Disk::new(Path::new(folder), &dataset)),
            dataset,
            config: config.clone(),
            batch,
            seed,
            shape,
            trains,
            common,
            scale: OnceLock::new(),
            own_scales: Mutex::default(),
            maps: None,
        })
    }

    /// Batches come with distances to the borders of every class: made beside the images, and kept.
    #[must_use]
    pub fn with_borders(mut self, wanted: bool) -> Self {
        self.maps = wanted.then(Maps::default);
        self
    }

    /// Steps that make one pass over the training items.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        let items = self.dataset.split.train.len();
        match self.config.last_batch {
            LastBatch::Drop => (items / self.batch) as u64,
            LastBatch::Pad => items.div_ceil(self.batch) as u64,
        }
    }

    /// Images in every training batch.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The batch of `step` (0-based): the same for the same seed, whatever was asked before.
    ///
    /// # Errors
    /// Naming the file that can't be read.
    pub fn train_batch(&self, step: u64) -> Result<Batch, DataError> {
        let steps = self.steps_per_epoch();
        let (epoch, within) = (step / steps, (step % steps) as usize);
        let order = self.order.epoch(epoch);
        let end = order.len().min((within + 1) * self.batch);
        let mut items = order[within * self.batch..end].to_vec();
        let full = items.len();
        // What fills up the last batch is there for its size alone.
        items.extend(order.iter().take(self.batch - full));
        let square = self.config.width == self.config.height;
        let first = step * self.batch as u64;
        let stream = |seed: u64, slot: usize| {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ seed);
            rng.set_stream(first + slot as u64);
            rng
        };
        if self.order.is_class_aware() {
            for (slot, item) in items.iter_mut().enumerate() {
                *item = self.order.chosen(*item, &mut stream(CHOOSE, slot));
            }
        }
        // As nnU-Net: a fixed share of every batch, from its end.
        let free = (self.batch as f64 * (1.0 - self.config.crop_foreground)).round() as usize;
        let variations: Vec<Variation> = (0..self.batch)
            .map(|slot| Variation {
                draw: Draw::new(&self.config.augment, square, &mut stream(VARY, slot)),
                window: (self.shape.size.is_none()).then_some((first + slot as u64, slot >= free)),
            })
            .collect();
        let window = |slot: usize, ready: &Ready| {
            let (number, forced) = variations[slot].window?;
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ WINDOW);
            rng.set_stream(number);
            let (tile, own) = (self.tile(), [ready.image.width, ready.image.height]);
            let window = if forced {
                crop::foreground(&ready.labels, tile, self.common, &mut rng)
            } else {
                None
            };
            Some(window.unwrap_or_else(|| crop::anywhere(own, tile, &mut rng)))
        };
        self.scale()?;
        let ready = |slot: usize| self.seen(items[slot], |ready| window(slot, ready));
        let batch = self.assemble(&items, full, &ready, Some(&variations))?;
        Ok(self.bordered(batch))
    }

    /// Validation samples in batches of at most the batch size, in order, without augmentation.
    #[must_use]
    pub fn val_batches(&self) -> usize {
        self.val.len().div_ceil(self.batch)
    }

    /// The samples, counted over all validation batches, of the item at `place` of the split.
    #[must_use]
    pub fn val_rows(&self, place: usize) -> Range<usize> {
        let item = self.dataset.split.val.get(place);
        let of = |row: &&(usize, Option<Window>)| Some(&row.0) == item;
        let first = self.val.iter().position(|row| of(&row));
        let count = self.val.iter().filter(of).count();
        first.map_or(0..0, |first| first..first + count)
    }

    /// Width and height of an item's image in pixels.
    #[must_use]
    pub fn own_size(&self, item: usize) -> [usize; 2] {
        own_size(&self.dataset, item).unwrap_or(self.tile())
    }

    /// With `data.sampling` = crop, several samples may be of the same item, one after the other; each
    /// of its pixels is then labelled in exactly one of them.
    ///
    /// # Errors
    /// Naming the file that can't be read.
    pub fn val_batch(&self, index: usize) -> Result<Batch, DataError> {
        let end = ((index + 1) * self.batch).min(self.val.len());
        let of = self.val.get(index * self.batch..end).unwrap_or_default();
        let items: Vec<usize> = of.iter().map(|(item, _)| *item).collect();
        self.scale()?;
        let ready = |slot: usize| self.seen(items[slot], |_| of[slot].1);
        Ok(self.bordered(self.assemble(&items, items.len(), &ready, None)?))
    }

    /// What the network sees of an item: all, or the window that `window` chooses. The scale of the set
    /// must be known by now, as finding it out needs all threads.
    fn seen(
        &self,
        item: usize,
        window: impl FnOnce(&Ready) -> Option<Window>,
    ) -> Result<(Ready, Scale), DataError> {
        self.ready(item, |ready| {
            let scale = self.scale_of(item, &ready.image)?;
            let seen = match window(ready) {
                None => ready.clone(),
                Some(window) => crop::cut(ready, window, self.tile(), &scale),
            };
            Ok((seen, scale))
        })?
    }

    /// Which item the `row`th sample, counted over all validation batches, is of, and which window of
    /// it; `None` where samples are whole images.
    #[must_use]
    pub fn val_window(&self, row: usize) -> Option<(usize, Window)> {
        let (item, window) = self.val.get(row)?;
        window.map(|window| (*item, window))
    }

    /// Whether the network sees windows of images rather than whole ones.
    #[must_use]
    pub fn crops(&self) -> bool {
        self.shape.size.is_none()
    }

    /// An item at its own size, to be answered window by window: for `data.sampling` = crop.
    ///
    /// # Errors
    /// Naming the file that can't be read.
    pub fn whole(&self, item: usize) -> Result<Whole<'_>, DataError> {
        Whole::new(self, item)
    }

    /// One item at input size, without augmentation. With `data.sampling` = crop, its window with most
    /// classes; the image itself is [`Loader::whole`].
    ///
    /// # Errors
    /// Naming the file that can't be read.
    pub fn sample(&self, item: usize) -> Result<(Sample, Batch), DataError> {
        let (ready, scale) = self.richest(item)?;
        let sample = self.named(item, &ready);
        let ready = |_| Ok((ready.clone(), scale.clone()));
        let batch = self.assemble(&[item], 1, &ready, None)?;
        Ok((sample, self.bordered(batch)))
    }

    /// What is shown of an item: at input size, or whole with `data.sampling` = crop, where only a very
    /// large one is shrunk.
    ///
    /// # Errors
    /// Naming the file that can't be read.
    pub fn picture(&self, item: usize) -> Result<Sample, DataError> {
        self.ready(item, |ready| resize::for_screen(self.named(item, ready)))
    }

    fn named(&self, item: usize, ready: &Ready) -> Sample {
        Sample {
            id: self.dataset.items[item].id.clone(),
            image: Arc::clone(&ready.image),
            labels: Arc::clone(&ready.labels),
        }
    }

    fn richest(&self, item: usize) -> Result<(Ready, Scale), DataError> {
        self.scale()?;
        self.ready(item, |ready| {
            let scale = self.scale_of(item, &ready.image)?;
            if self.shape.size.is_some() {
                return Ok((ready.clone(), scale));
            }
            let own = [ready.image.width, ready.image.height];
            let cuts = crop::covering(own, self.tile()).into_iter().map(|window| {
                // All that it shows is shown, not only what it answers for.
                let owned = [[0, self.tile()[0]], [0, self.tile()[1]]];
                crop::cut(ready, Window { owned, ..window }, self.tile(), &scale)
            });
            let classes = |ready: &Ready| {
                let mut seen = [false; 256];
                for &label in &ready.labels.labels {
                    seen[usize::from(label)] = true;
                }
                seen[..255].iter().filter(|seen| **seen).count()
            };
            // The first of equals, so that it stays the same.
            let best = cuts.reduce(|best, next| {
                if classes(&next) > classes(&best) {
                    next
                } else {
                    best
                }
            });
            Ok((best.unwrap_or_else(|| ready.clone()), scale))
        })?
    }

    fn tile(&self) -> [usize; 2] {
        [self.config.width as usize, self.config.height as usize]
    }

    /// A batch of these items, without borders; all pixels are ignored but those of the first `full`.
    fn assemble(
        &self,
        items: &[usize],
        full: usize,
        ready: &(dyn Fn(usize) -> Result<(Ready, Scale), DataError> + Sync),
        variations: Option<&[Variation]>,
    ) -> Result<Batch, DataError> {
        let [width, height] = self.tile();
        let channels = self.shape.channels;
        let plane = width * height;
        let mut images = vec![0.0; items.len() * channels * plane];
        let mut labels = vec![0; items.len() * plane];
        images
            .par_chunks_mut(channels * plane)
            .zip(labels.par_chunks_mut(plane))
            .enumerate()
            .try_for_each(|(slot, (image, label))| -> Result<(), DataError> {
                let (ready, scale) = ready(slot)?;
                match variations.and_then(|variations| variations.get(slot)) {
                    Some(Variation { draw, .. }) => {
                        draw.image(&ready.image, &scale, image);
                        label.copy_from_slice(&draw.labels(&ready.labels));
                    }
                    None => {
                        for (c, out) in image.chunks_exact_mut(plane).enumerate() {
                            let table: [f32; 256] =
                                std::array::from_fn(|v| scale.of(c, v as f32 / 255.0));
                            let values = ready.image.pixels.iter().skip(c).step_by(channels);
                            for (out, &value) in out.iter_mut().zip(values) {
                                *out = table[usize::from(value)];
                            }
                        }
                        label.copy_from_slice(&ready.labels.labels);
                    }
                }
                Ok(())
            })?;
        labels[full * plane..].fill(IGNORE);
        Ok(Batch {
            borders: Vec::new(),
            images,
            labels,
            shape: [items.len(), channels, height, width],
            items: items.to_vec(),
        })
    }

    /// With distances to borders, where they are wanted.
    fn bordered(&self, mut batch: Batch) -> Batch {
        if let Some(maps) = &self.maps {
            let [_, _, height, width] = batch.shape;
            let classes = self.dataset.classes.len();
            batch.borders = maps.of_batch(&batch.labels, classes, height, width);
        }
        batch
    }

    /// Samples kept in memory, and their bytes.
    #[must_use]
    pub fn cached(&self) -> (usize, usize) {
        self.dataset.cache.size()
    }

    /// Forgets what is kept in memory, as if nothing had been read yet.
    pub fn forget(&self) {
        self.dataset.cache.clear();
    }
}

/// As it was counted; a generated image has the size of all.
fn own_size(dataset: &Dataset, item: usize) -> Option<[usize; 2]> {
    dataset.counts.get(item).map(|counts| counts.size)
}

#[cfg(test)]
mod tests;
