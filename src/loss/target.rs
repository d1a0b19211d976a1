//! The truth of one batch, on the device.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use burn::prelude::*;
use burn::tensor::DType;
use dicebench_kernels::extension::fits;
use dicebench_kernels::fused::Labels;

use super::gpu;
use crate::data::{Batch, distance};

/// The truth of one batch, on the device.
#[derive(Clone, Debug)]
pub struct Target {
    /// `[N, C, H, W]`, 1 at the true class, 0 elsewhere and at ignored pixels.
    pub one_hot: Tensor<4>,
    /// `[N, 1, H, W]`, the class index as a number; 0 at ignored pixels.
    pub index: Tensor<4>,
    /// `[N, 1, H, W]`, 1 where the pixel counts, 0 where it is ignored.
    pub valid: Tensor<4>,
    /// `[N, 1, H, W]`, weight of each pixel; `None` where all weigh 1.
    pub pixel_weights: Option<Tensor<4>>,
    truth: Arc<Truth>,
    /// Whether `one_hot` is what the labels say; a mistake on purpose may have changed it.
    as_labelled: bool,
}

/// What the target was made of, on the CPU: maps are made of it without asking the device.
#[derive(Debug)]
struct Truth {
    /// `[N, H, W]`.
    labels: Arc<Vec<u8>>,
    /// See [`distance::to_borders`].
    borders: OnceLock<Arc<Vec<f32>>>,
}

impl Target {
    /// Uploads labels (`[N, H, W]`, class index or `IGNORE`) once and expands them on the device.
    #[must_use]
    pub fn from_labels(
        labels: &[u8],
        shape: [usize; 3],
        num_classes: usize,
        device: &Device,
    ) -> Self {
        Self::with_dtype(labels, shape, num_classes, device, DType::F32)
    }

    /// As [`Target::from_labels`], in another float type.
    #[must_use]
    pub fn with_dtype(
        labels: &[u8],
        [n, h, w]: [usize; 3],
        num_classes: usize,
        device: &Device,
        dtype: DType,
    ) -> Self {
        let values: Vec<f32> = labels.iter().map(|&label| f32::from(label)).collect();
        let data = TensorData::new(values, [n, 1, h, w]);
        let stored: Tensor<4> = Tensor::from_data(data, (device, dtype));
        let valid = stored
            .clone()
            .lower_elem(num_classes as f64)
            .float()
            .cast(dtype);
        let classes: Vec<f32> = (0..num_classes).map(|class| class as f32).collect();
        let classes = TensorData::new(classes, [1, num_classes, 1, 1]);
        let classes: Tensor<4> = Tensor::from_data(classes, (device, dtype));
        let one_hot = stored
            .clone()
            .expand([n, num_classes, h, w])
            .equal(classes.expand([n, num_classes, h, w]))
            .float()
            .cast(dtype);
        Self {
            index: stored * valid.clone(),
            one_hot,
            valid,
            pixel_weights: None,
            truth: Arc::new(Truth {
                labels: Arc::new(labels.to_vec()),
                borders: OnceLock::new(),
            }),
            as_labelled: true,
        }
    }

    /// The images `range` of a batch; distances to borders that the loader made come along.
    #[must_use]
    pub fn of_batch(
        batch: &Batch,
        range: Range<usize>,
        num_classes: usize,
        device: &Device,
    ) -> Self {
        let [_, _, h, w] = batch.shape;
        let of = |len: usize| range.start * len..range.end * len;
        let labels = batch.labels.get(of(h * w)).unwrap_or_default();
        let target = Self::from_labels(labels, [range.len(), h, w], num_classes, device);
        if let Some(borders) = batch.borders.get(of(num_classes * h * w))
            && !borders.is_empty()
        {
            // A target that was just made has none.
            let _ = target.truth.borders.set(Arc::new(borders.to_vec()));
        }
        target
    }

    /// With `value` in place of 1, and class numbers times `value`: no longer what the labels say.
    pub(super) fn scaled(mut self, value: f64) -> Self {
        self.one_hot = self.one_hot * value;
        self.index = self.index * value;
        self.as_labelled = false;
        self
    }

    /// Whether a kernel that knows the truth by its labels can be used for `p`.
    pub(super) fn told_by_labels(&self, p: &Tensor<4>) -> bool {
        self.as_labelled && fits(p)
    }

    /// The labels it was made of, `[N, H, W]`.
    #[must_use]
    pub fn labels(&self) -> &[u8] {
        &self.truth.labels
    }

    /// Whether any pixel is ignored.
    #[must_use]
    pub(crate) fn ignores(&self) -> bool {
        let classes = self.one_hot.dims()[1];
        self.labels()
            .iter()
            .any(|label| usize::from(*label) >= classes)
    }

    /// The same, to be kept for a backward pass.
    pub(crate) fn shared_labels(&self) -> Arc<Vec<u8>> {
        Arc::clone(&self.truth.labels)
    }

    /// The same, for channels that stand for the classes from `first` on.
    pub(crate) fn labels_from(&self, first: usize) -> Labels {
        let of = self.shared_labels();
        Labels { of, first }
    }

    /// `[N, 1, H, W]`: the number that `values` holds for each pixel's class, 0 where it is ignored.
    #[must_use]
    pub fn per_pixel(&self, values: &[f64]) -> Tensor<4> {
        if fits(&self.one_hot) {
            let of = |label: &u8| values.get(usize::from(*label)).map_or(0.0, |x| *x as f32);
            let numbers: Vec<f32> = self.labels().iter().map(of).collect();
            let data = TensorData::new(numbers, self.index.dims());
            return Tensor::from_data(data, &self.one_hot.device());
        }
        (self.one_hot.clone() * super::per_class(values, &self.one_hot)).sum_dim(1)
    }

    /// `[N, C, H, W]`: distance in pixels to the other side of each class's border, at least 1; 0
    /// where a class has none.
    #[must_use]
    pub fn border_distances(&self) -> Tensor<4> {
        // Squares are whole numbers: the root is as exact as the float type it is taken in.
        self.border_squares().sqrt()
    }

    /// The squares of [`Target::border_distances`]. Made where the target is; for the CPU the loader
    /// may have.
    #[must_use]
    pub fn border_squares(&self) -> Tensor<4> {
        if gpu::holds(&self.one_hot) {
            return gpu::border_squares(self.one_hot.clone());
        }
        let squares = self.shared_border_squares();
        let data = TensorData::new(squares.to_vec(), self.one_hot.dims());
        Tensor::from_data(data, (&self.one_hot.device(), self.one_hot.dtype()))
    }

    /// The same where they were made.
    pub(crate) fn shared_border_squares(&self) -> Arc<Vec<f32>> {
        let [_, classes, h, w] = self.one_hot.dims();
        let squares = self.truth.borders.get_or_init(|| {
            let images = self.truth.labels.chunks((h * w).max(1));
            let maps = images.flat_map(|labels| distance::to_borders(labels, classes, h, w));
            Arc::new(maps.collect())
        });
        Arc::clone(squares)
    }

    /// `[N, 1, H, W]`: what each pixel counts for, ignored ones 0.
    #[must_use]
    pub fn weights(&self) -> Tensor<4> {
        match &self.pixel_weights {
            Some(weights) => weights.clone() * self.valid.clone(),
            None => self.valid.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_pixels_are_nothing_at_all() {
        let device = Device::flex();
        let target = Target::from_labels(&[0, 2, 255, 1], [1, 2, 2], 3, &device);
        let read = |t: Tensor<4>| -> Vec<f32> { t.into_data().iter::<f32>().collect() };
        assert_eq!(
            read(target.one_hot),
            [1., 0., 0., 0., 0., 0., 0., 1., 0., 1., 0., 0.]
        );
        assert_eq!(read(target.valid), [1., 1., 0., 1.]);
        assert_eq!(read(target.index), [0., 2., 0., 1.]);
    }
}
