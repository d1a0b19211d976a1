//! From items to batches: decode, resize, vary, in parallel, deterministic by (seed, step).

use std::sync::{Arc, Mutex, PoisonError};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::augment::{Draw, normalized};
use super::{Batch, DataConfig, DataError, Dataset, Image, LabelMap, MaskResize, Sample, resize};

/// Bytes of resized samples that are kept in memory; what goes beyond is decoded again each time.
const CACHE_BYTES: usize = 1 << 30;

/// An item at input size.
#[derive(Clone)]
struct Resized {
    image: Arc<Image>,
    labels: Arc<LabelMap>,
}

/// Feeds one dataset at one input size; keeps decoded, resized samples in memory.
pub struct Loader {
    dataset: Arc<Dataset>,
    config: DataConfig,
    batch: usize,
    seed: u64,
    cache: Mutex<Cache>,
}

struct Cache {
    items: Vec<Option<Resized>>,
    free: usize,
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
        let cache = Cache {
            items: vec![None; dataset.items.len()],
            free: CACHE_BYTES,
        };
        Ok(Self {
            dataset,
            config: config.clone(),
            batch,
            seed,
            cache: Mutex::new(cache),
        })
    }

    /// Steps that make one pass over the training items (the last incomplete batch is dropped).
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        (self.dataset.split.train.len() / self.batch) as u64
    }

    /// The batch of `step` (0-based): the same for the same seed, whatever was asked before.
    ///
    /// # Errors
    /// Naming the file that can't be read.
    pub fn train_batch(&self, step: u64) -> Result<Batch, DataError> {
        let steps = self.steps_per_epoch();
        let (epoch, within) = (step / steps, (step % steps) as usize);
        let mut order = self.dataset.split.train.clone();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        // Stream 0 of a seed initialises weights; streams from the top down order the epochs.
        rng.set_stream(u64::MAX - epoch);
        order.shuffle(&mut rng);
        let items = order[within * self.batch..(within + 1) * self.batch].to_vec();
        let square = self.config.width == self.config.height;
        let draws: Vec<Draw> = (0..self.batch)
            .map(|slot| {
                let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ 0xA5A5_5A5A_A5A5_5A5A);
                rng.set_stream(step * self.batch as u64 + slot as u64);
                Draw::new(&self.config.augment, square, &mut rng)
            })
            .collect();
        self.assemble(items, Some(&draws))
    }

    /// Validation items in batches of at most the batch size, in order, without augmentation.
    #[must_use]
    pub fn val_batches(&self) -> usize {
        self.dataset.split.val.len().div_ceil(self.batch)
    }

    /// # Errors
    /// Naming the file that can't be read.
    pub fn val_batch(&self, index: usize) -> Result<Batch, DataError> {
        let val = &self.dataset.split.val;
        let end = ((index + 1) * self.batch).min(val.len());
        let items = val
            .get(index * self.batch..end)
            .unwrap_or_default()
            .to_vec();
        self.assemble(items, None)
    }

    /// One item at input size, without augmentation: what the preview shows and predicts on.
    ///
    /// # Errors
    /// Naming the file that can't be read.
    pub fn sample(&self, item: usize) -> Result<(Sample, Batch), DataError> {
        let resized = self.resized(item)?;
        let sample = Sample {
            id: self.dataset.items[item].id.clone(),
            image: resized.image,
            labels: resized.labels,
        };
        Ok((sample, self.assemble(vec![item], None)?))
    }

    fn assemble(&self, items: Vec<usize>, draws: Option<&[Draw]>) -> Result<Batch, DataError> {
        let (width, height) = (self.config.width as usize, self.config.height as usize);
        let channels = self.config.channels as usize;
        let plane = width * height;
        let mut images = vec![0.0; items.len() * channels * plane];
        let mut labels = vec![0; items.len() * plane];
        images
            .par_chunks_mut(channels * plane)
            .zip(labels.par_chunks_mut(plane))
            .zip(&items)
            .enumerate()
            .try_for_each(|(slot, ((image, label), &item))| -> Result<(), DataError> {
                let resized = self.resized(item)?;
                match draws.and_then(|draws| draws.get(slot)) {
                    Some(draw) => {
                        draw.image(&resized.image, image);
                        label.copy_from_slice(&draw.labels(&resized.labels));
                    }
                    None => {
                        for (at, pixel) in resized.image.pixels.chunks_exact(channels).enumerate() {
                            for (c, &value) in pixel.iter().enumerate() {
                                image[c * plane + at] = normalized(value);
                            }
                        }
                        label.copy_from_slice(&resized.labels.labels);
                    }
                }
                Ok(())
            })?;
        Ok(Batch {
            images,
            labels,
            shape: [items.len(), channels, height, width],
            items,
        })
    }

    fn resized(&self, item: usize) -> Result<Resized, DataError> {
        let cached = |cache: &Cache| cache.items.get(item).cloned().flatten();
        if let Some(hit) = cached(&self.cache.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(hit);
        }
        let sample = self.dataset.load(item)?;
        let (width, height) = (self.config.width as usize, self.config.height as usize);
        let image = resize::image(&sample.image, width, height, self.config.channels as usize)
            .map_err(|message| DataError::File {
                path: sample.id.clone(),
                message,
            })?;
        let blend = self.config.mask_resize == MaskResize::Bilinear
            && self.dataset.split.train.contains(&item);
        let labels = if blend {
            resize::blended_labels(&sample.labels, width, height)
        } else {
            resize::labels(&sample.labels, width, height)
        };
        let resized = Resized {
            image: Arc::new(image),
            labels: Arc::new(labels),
        };
        let bytes = resized.image.pixels.len() + resized.labels.labels.len();
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes <= cache.free && cache.items[item].is_none() {
            cache.free -= bytes;
            cache.items[item] = Some(resized.clone());
        }
        Ok(resized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Progress;

    fn loader(seed: u64) -> Loader {
        let config = DataConfig {
            width: 32,
            height: 32,
            ..DataConfig::default()
        };
        let dataset = Arc::new(Dataset::open(&config, &Progress::default()).unwrap());
        Loader::new(dataset, &config, 8, seed).unwrap()
    }

    #[test]
    fn a_batch_depends_on_seed_and_step_alone() {
        let (a, b) = (loader(1), loader(1));
        let first = a.train_batch(7).unwrap();
        b.train_batch(3).unwrap();
        assert_eq!(b.train_batch(7).unwrap(), first);
        assert_ne!(loader(2).train_batch(7).unwrap().items, first.items);
    }

    #[test]
    fn an_epoch_shows_every_item_once_and_never_a_validation_item() {
        let loader = loader(1);
        let steps = loader.steps_per_epoch();
        let mut seen: Vec<usize> = (0..steps)
            .flat_map(|step| loader.train_batch(step).unwrap().items)
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, loader.dataset.split.train);
        let next: Vec<usize> = loader.train_batch(steps).unwrap().items;
        assert_ne!(next, loader.train_batch(0).unwrap().items, "another order");
        let val: Vec<usize> = (0..loader.val_batches())
            .flat_map(|index| loader.val_batch(index).unwrap().items)
            .collect();
        assert_eq!(val, loader.dataset.split.val);
    }

    #[test]
    fn a_batch_larger_than_the_set_is_refused_by_number() {
        let config = DataConfig::default();
        let dataset = Arc::new(Dataset::open(&config, &Progress::default()).unwrap());
        let train = dataset.split.train.len();
        let message = Loader::new(dataset, &config, 5000, 1)
            .err()
            .unwrap()
            .to_string();
        assert!(
            message.contains("5000") && message.contains(&train.to_string()),
            "{message}"
        );
    }
}
