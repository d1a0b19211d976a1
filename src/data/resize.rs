//! To the network's input size: images smoothly, labels by nearest neighbour only.

use fast_image_resize as fir;
use fir::images::{TypedImage, TypedImageRef};

use super::{Image, LabelMap, Sample};

/// Resizes with a triangle filter that widens when shrinking (no aliasing), and converts to
/// `channels` (1 = grey, 3 = RGB; more stay as many as they are).
///
/// # Errors
/// What did not fit, in words.
pub fn image(
    source: &Image,
    width: usize,
    height: usize,
    channels: usize,
) -> Result<Image, String> {
    let resized = match source.channels {
        1 => resized::<fir::pixels::U8>,
        3 => resized::<fir::pixels::U8x3>,
        0 => return Err("has no channels".to_owned()),
        many if many == channels => return planes(source, width, height),
        _ => return image(&three_of(source), width, height, channels),
    };
    let pixels = if (source.width, source.height) == (width, height) {
        source.pixels.clone()
    } else {
        resized(source, width, height)?
    };
    let pixels = match (source.channels, channels) {
        (1, 3) => pixels.iter().flat_map(|&v| [v; 3]).collect(),
        // Luma of ITU-R BT.601, as the usual decoders do.
        (3, 1) => pixels
            .chunks_exact(3)
            .map(|p| {
                let [r, g, b] = [p[0], p[1], p[2]].map(u32::from);
                ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
            })
            .collect(),
        (held, wanted) if held != wanted => {
            return Err(format!("has {held} channels, expected {wanted}"));
        }
        _ => pixels,
    };
    Ok(Image {
        width,
        height,
        channels,
        pixels,
    })
}

/// Of one kind of pixel. Asked with kinds that are known at run time alone, the library brings code for
/// fifteen of them, several megabytes.
fn resized<P: fir::PixelTrait>(
    source: &Image,
    width: usize,
    height: usize,
) -> Result<Vec<u8>, String> {
    let size = [source.width, source.height, width, height];
    let [from_width, from_height, width, height] = size.map(|side| side as u32);
    let from = TypedImageRef::<P>::from_buffer(from_width, from_height, &source.pixels)
        .map_err(|e| e.to_string())?;
    let mut pixels = vec![0; source.channels * width as usize * height as usize];
    let mut to =
        TypedImage::<P>::from_buffer(width, height, &mut pixels).map_err(|e| e.to_string())?;
    let filter = fir::ResizeAlg::Convolution(fir::FilterType::Bilinear);
    let options = fir::ResizeOptions::new().resize_alg(filter);
    fir::Resizer::new()
        .resize_typed(&from, &mut to, &options)
        .map_err(|e| e.to_string())?;
    Ok(pixels)
}

/// Channel by channel, for images of more than a colour's.
fn planes(source: &Image, width: usize, height: usize) -> Result<Image, String> {
    let channels = source.channels;
    let mut pixels = vec![0; width * height * channels];
    for channel in 0..channels {
        let plane = Image {
            channels: 1,
            pixels: (source
                .pixels
                .iter()
                .skip(channel)
                .step_by(channels)
                .copied())
            .collect(),
            ..*source
        };
        let small = image(&plane, width, height, 1)?;
        let places = pixels.iter_mut().skip(channel).step_by(channels);
        for (to, value) in places.zip(small.pixels) {
            *to = value;
        }
    }
    Ok(Image {
        width,
        height,
        channels,
        pixels,
    })
}

/// The first three channels; the third is black where there are only two.
#[must_use]
pub fn three_of(source: &Image) -> Image {
    let each = source.pixels.chunks_exact(source.channels.max(1));
    let at = |p: &[u8], channel: usize| p.get(channel).copied().unwrap_or(0);
    Image {
        channels: 3,
        pixels: each.flat_map(|p| [at(p, 0), at(p, 1), at(p, 2)]).collect(),
        ..*source
    }
}

/// Width and height with a longer side of at most `side`; never enlarged, the aspect kept.
fn within(size: [usize; 2], side: usize) -> [usize; 2] {
    let longest = size[0].max(size[1]).max(1);
    size.map(|length| match longest <= side {
        true => length,
        false => (length * side / longest).max(1),
    })
}

/// Longest side of what is painted while it changes: more pixels would hold up the window, and few
/// screens have them.
pub const SCREEN: usize = 2048;

/// The sample as it is painted: a very large one is shrunk.
#[must_use]
pub fn for_screen(sample: Sample) -> Sample {
    if sample.image.width.max(sample.image.height) <= SCREEN {
        return sample;
    }
    match shrink(&sample, SCREEN) {
        Ok((image, labels)) => Sample {
            image: image.into(),
            labels: labels.into(),
            ..sample
        },
        Err(_) => sample,
    }
}

/// A map of bytes about a sample, at the size that [`for_screen`] gives it.
#[must_use]
pub fn map_for_screen(map: LabelMap) -> LabelMap {
    match within([map.width, map.height], SCREEN) {
        size if size == [map.width, map.height] => map,
        [width, height] => labels(&map, width, height),
    }
}

/// A sample whose longer side has at most `side` pixels; never enlarged, its aspect kept.
///
/// # Errors
/// What did not fit, in words.
pub fn shrink(sample: &Sample, side: usize) -> Result<(Image, LabelMap), String> {
    let [width, height] = within([sample.image.width, sample.image.height], side);
    let channels = if sample.image.channels == 1 { 1 } else { 3 };
    let small = image(&sample.image, width, height, channels)?;
    Ok((small, labels(&sample.labels, width, height)))
}

/// Nearest neighbour with pixel centres aligned: no label appears that was not there.
#[must_use]
pub fn labels(source: &LabelMap, width: usize, height: usize) -> LabelMap {
    let nearest = |to: usize, from: usize| -> Vec<usize> {
        (0..to).map(|i| (2 * i + 1) * from / (2 * to)).collect()
    };
    let (xs, ys) = (nearest(width, source.width), nearest(height, source.height));
    let mut labels = Vec::with_capacity(width * height);
    for y in ys {
        let row = &source.labels[y * source.width..(y + 1) * source.width];
        labels.extend(xs.iter().map(|&x| row[x]));
    }
    LabelMap {
        width,
        height,
        labels,
    }
}

/// What a program that takes a mask for a picture does to it: class numbers are averaged, so that
/// between 0 and 4 lie 1, 2 and 3. Never for training that is to work.
#[must_use]
pub fn blended_labels(source: &LabelMap, width: usize, height: usize) -> LabelMap {
    // Place of a target pixel's centre among the source pixels: two neighbours and the second's share.
    let places = |to: usize, from: usize| -> Vec<(usize, usize, f32)> {
        (0..to)
            .map(|i| {
                let at = (i as f32 + 0.5) * from as f32 / to as f32 - 0.5;
                let at = at.clamp(0.0, (from - 1) as f32);
                let low = at.floor() as usize;
                (low, (low + 1).min(from - 1), at - low as f32)
            })
            .collect()
    };
    let (xs, ys) = (places(width, source.width), places(height, source.height));
    let mut labels = Vec::with_capacity(width * height);
    for &(above, below, down) in &ys {
        for &(left, right, along) in &xs {
            let at = |x: usize, y: usize| f32::from(source.labels[y * source.width + x]);
            let top = at(left, above) * (1.0 - along) + at(right, above) * along;
            let bottom = at(left, below) * (1.0 - along) + at(right, below) * along;
            labels.push((top * (1.0 - down) + bottom * down).round() as u8);
        }
    }
    LabelMap {
        width,
        height,
        labels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_values_and_places() {
        let source = LabelMap {
            width: 4,
            height: 2,
            labels: vec![0, 1, 2, 3, 4, 5, 6, 255],
        };
        assert_eq!(labels(&source, 4, 2), source);
        // Halving takes the pixel right of each centre, doubling repeats each.
        assert_eq!(labels(&source, 2, 1).labels, [5, 255]);
        let doubled = labels(&source, 8, 2).labels;
        assert_eq!(doubled[..8], [0, 0, 1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn blending_invents_classes_at_borders_and_nowhere_else() {
        let source = LabelMap {
            width: 4,
            height: 1,
            labels: vec![0, 0, 4, 4],
        };
        assert_eq!(blended_labels(&source, 4, 1), source);
        assert_eq!(
            blended_labels(&source, 8, 1).labels,
            [0, 0, 0, 1, 3, 4, 4, 4]
        );
    }

    #[test]
    fn grey_and_colour_convert_both_ways() {
        let grey = Image {
            width: 2,
            height: 1,
            channels: 1,
            pixels: vec![10, 200],
        };
        let rgb = image(&grey, 2, 1, 3).unwrap();
        assert_eq!(rgb.pixels, [10, 10, 10, 200, 200, 200]);
        assert_eq!(image(&rgb, 2, 1, 1).unwrap(), grey);
    }

    #[test]
    fn shrinking_averages() {
        let checks = Image {
            width: 4,
            height: 4,
            channels: 1,
            pixels: (0..16)
                .map(|i| if (i % 4 + i / 4) % 2 == 0 { 0 } else { 200 })
                .collect(),
        };
        let small = image(&checks, 1, 1, 1).unwrap();
        assert!((95..=105).contains(&small.pixels[0]), "{:?}", small.pixels);
    }
}
