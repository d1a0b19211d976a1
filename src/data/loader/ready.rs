//! One item in the loader's shape, and how its values become network input.

use std::sync::{Arc, PoisonError};

use rayon::prelude::*;

use super::Loader;
use crate::data::cache::{Ready, Shape};
use crate::data::config::Normalize;
use crate::data::normalize::{Counts, Scale};
use crate::data::turn::turn;
use crate::data::{DataError, Image, MaskResize, Sample, resize};

impl Loader {
    /// How pixel values become network input; counted over the training set where that is asked,
    /// once.
    ///
    /// # Errors
    /// Naming the file that can't be read.
    pub fn scale(&self) -> Result<&Scale, DataError> {
        let scale = self.scale.get_or_init(|| {
            let channels = self.shape.channels;
            if self.config.normalize != Normalize::Dataset {
                return Ok(Scale::fixed(channels));
            }
            let count = |item: &usize| -> Result<Counts, DataError> {
                let mut counts = Counts::new(channels);
                self.ready(*item, |ready| counts.add(&ready.image))?;
                Ok(counts)
            };
            let all = self
                .dataset
                .split
                .train
                .par_iter()
                .map(count)
                .try_reduce(|| Counts::new(channels), |a, b| Ok(a.merged(&b)))?;
            Ok(Scale::of_counts(&all))
        });
        scale.as_ref().map_err(Clone::clone)
    }

    /// As [`Loader::scale`], for one item, of which `image` is the whole.
    pub(super) fn scale_of(&self, item: usize, image: &Image) -> Result<Scale, DataError> {
        if self.config.normalize != Normalize::Image {
            return self.scale().cloned();
        }
        let own = || {
            self.own_scales
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(scale) = own().get(&item) {
            return Ok(scale.clone());
        }
        let scale = Scale::of_image(image);
        own().insert(item, scale.clone());
        Ok(scale)
    }

    /// Hands `use_it` the item in shape: from memory, from disk, or made. Until it returns, other threads
    /// make no more large images than memory has room for: it may not wait for them.
    pub(super) fn ready<T>(
        &self,
        item: usize,
        use_it: impl FnOnce(&Ready) -> T,
    ) -> Result<T, DataError> {
        let shape = Shape {
            blended: self.shape.size.is_some()
                && self.config.mask_resize == MaskResize::Bilinear
                && self.trains.get(item).copied().unwrap_or(false),
            ..self.shape
        };
        if let Some(hit) = self.dataset.cache.get(item, shape) {
            return Ok(use_it(&hit));
        }
        let disk = self.disk.as_ref();
        let done = |ready: &Ready| {
            let budget = (self.config.cache_mb as usize).saturating_mul(1 << 20);
            self.dataset.cache.put(item, shape, ready, budget);
            use_it(ready)
        };
        if disk.is_some() {
            let pixels = match shape.size {
                Some([width, height]) => width * height,
                None => self.dataset.pixels(item),
            };
            let _turn = turn(pixels, shape.channels);
            if let Some(kept) = disk.and_then(|disk| disk.get(&self.dataset, item, shape)) {
                return Ok(done(&kept));
            }
        }
        self.dataset.with(item, |sample| {
            let ready = made(sample, shape)?;
            if let Some(disk) = disk {
                disk.put(&self.dataset, item, shape, &ready);
            }
            Ok(done(&ready))
        })?
    }
}

fn made(sample: Sample, shape: Shape) -> Result<Ready, DataError> {
    let own = [sample.image.width, sample.image.height];
    let [width, height] = shape.size.unwrap_or(own);
    if shape.size.is_none_or(|size| size == own) && sample.image.channels == shape.channels {
        return Ok(Ready {
            image: sample.image,
            labels: sample.labels,
        });
    }
    let image = resize::image(&sample.image, width, height, shape.channels).map_err(|message| {
        DataError::File {
            path: sample.id.clone(),
            message,
        }
    })?;
    let labels = if shape.blended {
        resize::blended_labels(&sample.labels, width, height)
    } else {
        resize::labels(&sample.labels, width, height)
    };
    Ok(Ready {
        image: Arc::new(image),
        labels: Arc::new(labels),
    })
}
