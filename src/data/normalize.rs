//! From pixel values to network input: fixed, or by mean and deviation of the training set or of
//! each image.

use super::Image;

/// Deviations below this (of 0..=1) are taken as this: a flat channel must not become noise.
const LEAST: f64 = 1.0 / 255.0;

/// Network input of channel `c` is `(unit − offset[c]) · gain[c]`, where `unit` is 0..=1.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    channels: Vec<(f32, f32)>,
}

impl Scale {
    /// Roughly zero mean and unit deviation: what photographs have about 0.5 ± 0.25.
    #[must_use]
    pub fn fixed(channels: usize) -> Self {
        Self {
            channels: vec![(0.5, 4.0); channels],
        }
    }

    /// Zero mean and unit deviation of what was counted.
    #[must_use]
    pub fn of_counts(counts: &Counts) -> Self {
        let channels = counts.0.iter().map(|histogram| {
            let (mean, deviation) = moments(histogram);
            (mean as f32, (1.0 / deviation.max(LEAST)) as f32)
        });
        Self {
            channels: channels.collect(),
        }
    }

    /// Zero mean and unit deviation of one image.
    #[must_use]
    pub fn of_image(image: &Image) -> Self {
        let mut counts = Counts::new(image.channels);
        counts.add(image);
        Self::of_counts(&counts)
    }

    /// Network input of brightness `unit` (0..=1) in a channel.
    #[must_use]
    pub fn of(&self, channel: usize, unit: f32) -> f32 {
        let (offset, gain) = self.channels.get(channel).copied().unwrap_or((0.5, 4.0));
        (unit - offset) * gain
    }

    /// The pixel value of a channel that becomes about 0: what padding is made of.
    #[must_use]
    pub fn middle(&self, channel: usize) -> u8 {
        let offset = self
            .channels
            .get(channel)
            .map_or(0.5, |(offset, _)| *offset);
        (offset.clamp(0.0, 1.0) * 255.0).round() as u8
    }

    /// Offset and gain per channel, of brightness 0..=1.
    #[must_use]
    pub fn channels(&self) -> &[(f32, f32)] {
        &self.channels
    }
}

/// Pixels per value, channel by channel: exact sums, whatever the order they are added in.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts(Vec<[u64; 256]>);

impl Counts {
    #[must_use]
    pub fn new(channels: usize) -> Self {
        Self(vec![[0; 256]; channels])
    }

    pub fn add(&mut self, image: &Image) {
        for pixel in image.pixels.chunks_exact(image.channels.max(1)) {
            for (histogram, &value) in self.0.iter_mut().zip(pixel) {
                histogram[usize::from(value)] += 1;
            }
        }
    }

    #[must_use]
    pub fn merged(mut self, other: &Self) -> Self {
        for (own, more) in self.0.iter_mut().zip(&other.0) {
            for (own, more) in own.iter_mut().zip(more) {
                *own += more;
            }
        }
        self
    }
}

/// Mean and standard deviation of brightness 0..=1.
fn moments(histogram: &[u64; 256]) -> (f64, f64) {
    let count = histogram.iter().sum::<u64>().max(1) as f64;
    let unit = |value: usize| value as f64 / 255.0;
    let each = || histogram.iter().enumerate();
    let mean = each().map(|(v, n)| unit(v) * *n as f64).sum::<f64>() / count;
    let square = each().map(|(v, n)| (unit(v) - mean).powi(2) * *n as f64);
    (mean, (square.sum::<f64>() / count).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_values_get_zero_mean_and_unit_deviation_in_each_channel() {
        let pixels: Vec<u8> = (0..400_u32)
            .flat_map(|i| [(i % 90) as u8, 200 + (i * 7 % 50) as u8, 9])
            .collect();
        let image = Image {
            width: 20,
            height: 20,
            channels: 3,
            pixels,
        };
        let mut counts = Counts::new(3);
        counts.add(&image);
        let scale = Scale::of_counts(&counts);
        for channel in 0..3 {
            let values: Vec<f64> = (image.pixels.iter().skip(channel).step_by(3))
                .map(|v| f64::from(scale.of(channel, f32::from(*v) / 255.0)))
                .collect();
            let mean = values.iter().sum::<f64>() / 400.0;
            let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 400.0;
            assert!(mean.abs() < 1e-4, "{channel}: {mean}");
            let wanted = if channel == 2 { 0.0 } else { 1.0 };
            assert!((square.sqrt() - wanted).abs() < 1e-4, "{channel}: {square}");
        }
        assert_eq!(scale.middle(2), 9);
        assert_eq!(Scale::of_image(&image), scale);
    }
}
