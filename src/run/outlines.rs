//! How well outlines are met, class by class: boundary IoU and distances between surfaces, from the
//! pictures that a run has kept. It knows neither networks nor windows.

use rayon::prelude::*;

use super::pictures::Album;
use super::surface::Surfaces;

/// Width of the band of boundary IoU as a share of the image's diagonal (Cheng et al. 2021).
const BAND: f64 = 0.02;
/// Within how many pixels a surface counts as met.
const NEAR: f64 = 1.0;

/// Means over the images; NaN for a class that no image can tell anything about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outlines {
    /// Images that were looked at.
    pub images: usize,
    /// Pixels, per class.
    pub hausdorff95: Vec<f64>,
    /// Pixels, per class; both directions together.
    pub average: Vec<f64>,
    /// Share of both surfaces that is within one pixel of the other, per class.
    pub surface_dice: Vec<f64>,
    /// Per class.
    pub boundary_iou: Vec<f64>,
}

impl Outlines {
    /// Of the pictures kept at `step`, with `classes` classes. Without pictures there is nothing.
    ///
    /// # Errors
    /// Naming the picture that can't be read.
    pub fn of(album: &Album, step: u64, classes: usize) -> Result<Option<Self>, String> {
        let Some(places) = album.steps.get(&step) else {
            return Ok(None);
        };
        let each = places.par_iter().map(|&place| {
            let (truth, seen) = (album.truth(place)?, album.labels(step, place)?);
            let size = [truth.height, truth.width];
            Ok(image(&truth.data, &seen.data, size, classes))
        });
        let each: Vec<Vec<[f64; 4]>> = each.collect::<Result<_, String>>()?;
        let mean = |score: usize| -> Vec<f64> {
            let of = |class: usize| {
                let known = each.iter().map(|image| image[class][score]);
                // A surface that has no other is infinitely far: such images have no mean.
                let known: Vec<f64> = known.filter(|value| value.is_finite()).collect();
                known.iter().sum::<f64>() / known.len() as f64
            };
            (0..classes).map(of).collect()
        };
        Ok(Some(Self {
            images: each.len(),
            hausdorff95: mean(0),
            average: mean(1),
            surface_dice: mean(2),
            boundary_iou: mean(3),
        }))
    }
}

/// Every class of one image; pixels whose truth is no class belong to none.
fn image(truth: &[u8], seen: &[u8], [h, w]: [usize; 2], classes: usize) -> Vec<[f64; 4]> {
    let counts = |label: u8| usize::from(label) < classes;
    let band = band_width(h, w);
    let of = |class: usize| {
        let mask = |labels: &[u8]| -> Vec<bool> {
            let both = labels.iter().zip(truth);
            both.map(|(label, truth)| usize::from(*label) == class && counts(*truth))
                .collect()
        };
        let (truth, seen) = (mask(truth), mask(seen));
        let surfaces = Surfaces::between(&truth, &seen, h, w);
        [
            surfaces.hausdorff(95.0),
            surfaces.average(),
            surfaces.dice(NEAR),
            boundary_iou(&truth, &seen, h, w, band),
        ]
    };
    (0..classes).map(of).collect()
}

/// Pixels: 2 % of the diagonal, at least one.
#[must_use]
pub fn band_width(h: usize, w: usize) -> usize {
    let diagonal = ((h * h + w * w) as f64).sqrt();
    ((BAND * diagonal).round() as usize).max(1)
}

/// IoU of the two bands that lie inside each mask along its border, `band` pixels wide; the image's
/// edge is a border too. NaN where neither mask has a pixel.
#[must_use]
pub fn boundary_iou(truth: &[bool], seen: &[bool], h: usize, w: usize, band: usize) -> f64 {
    let (a, b) = (inner_band(truth, h, w, band), inner_band(seen, h, w, band));
    let both = a.iter().zip(&b).filter(|(a, b)| **a && **b).count();
    let either = a.iter().zip(&b).filter(|(a, b)| **a || **b).count();
    both as f64 / either as f64
}

/// The pixels of `mask` that `band` erosions by 3 × 3 take away.
fn inner_band(mask: &[bool], h: usize, w: usize, band: usize) -> Vec<bool> {
    // As many erosions by 3 × 3 are one by a square: first along rows, then along columns.
    let mut rows = vec![false; h * w];
    for y in 0..h {
        erode(
            |x| mask[y * w + x],
            w,
            band,
            |x, left| rows[y * w + x] = left,
        );
    }
    let mut left = vec![false; h * w];
    for x in 0..w {
        erode(|y| rows[y * w + x], h, band, |y, on| left[y * w + x] = on);
    }
    mask.iter()
        .zip(left)
        .map(|(on, left)| *on && !left)
        .collect()
}

/// Tells of each pixel of a line whether all within `band` of it are on; beyond the ends all is off.
fn erode(on: impl Fn(usize) -> bool, len: usize, band: usize, mut tell: impl FnMut(usize, bool)) {
    let (mut run, window) = (0, 2 * band + 1);
    for at in 0..len {
        run = if on(at) { run + 1 } else { 0 };
        if run >= window {
            tell(at - band, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::pictures::{Kept, Shelf};

    /// A square whose upper left corner is at `from`, `side` pixels wide, on 12 × 14.
    fn square(from: usize, side: usize) -> Vec<bool> {
        let within = |at: usize| (from..from + side).contains(&at);
        (0..12 * 14)
            .map(|i| within(i % 14) && within(i / 14))
            .collect()
    }

    /// The definition word for word: erosion by 3 × 3, again and again.
    fn eroded(mask: &[bool], h: usize, w: usize) -> Vec<bool> {
        let at = |y: isize, x: isize| {
            (0..h as isize).contains(&y)
                && (0..w as isize).contains(&x)
                && mask[y as usize * w + x as usize]
        };
        let all = |i: usize| {
            let (y, x) = ((i / w) as isize, (i % w) as isize);
            (-1..=1).all(|dy| (-1..=1).all(|dx| at(y + dy, x + dx)))
        };
        (0..h * w).map(all).collect()
    }

    #[test]
    fn the_band_is_what_repeated_erosions_take() {
        let odd: Vec<bool> = (0..12 * 14).map(|i| (i * i + i / 14) % 9 != 4).collect();
        for mask in [square(2, 8), square(0, 12), odd] {
            let mut left = mask.clone();
            for band in 1..=4 {
                left = eroded(&left, 12, 14);
                let taken: Vec<bool> = mask.iter().zip(&left).map(|(a, b)| *a && !b).collect();
                assert_eq!(inner_band(&mask, 12, 14, band), taken, "band {band}");
            }
        }
    }

    /// Rings of one pixel: 8 × 8 has 28 pixels. Moved by one along both axes, they share only the
    /// two crossings; inside one another they share nothing, though the masks overlap.
    #[test]
    fn outlines_are_judged_not_areas() {
        let iou = |a: &[bool], b: &[bool]| boundary_iou(a, b, 12, 14, 1);
        assert_eq!(iou(&square(2, 8), &square(2, 8)), 1.0);
        assert_eq!(iou(&square(2, 8), &square(3, 8)), 2.0 / 54.0);
        assert_eq!(iou(&square(2, 8), &square(3, 6)), 0.0);
        assert!(iou(&[false; 168], &[false; 168]).is_nan());
        assert_eq!(band_width(256, 256), 7);
        assert_eq!(band_width(4, 4), 1);
    }

    #[test]
    fn a_runs_pictures_give_means_per_class() {
        let dir = tempfile::tempdir().unwrap();
        let names = vec!["one".to_owned(), "two".to_owned()];
        let mut shelf = Shelf::new(dir.path(), names, vec![[9; 3]; 3], 168, 1, 1 << 20);
        let labels = |mask: Vec<bool>| -> Vec<u8> { mask.into_iter().map(u8::from).collect() };
        let kept = |position, seen| Kept {
            position,
            width: 14,
            height: 12,
            truth: labels(square(2, 8)),
            labels: labels(seen),
            doubt: vec![0; 168],
        };
        // One is met, the other is missed: that one has no distance.
        let kept = [kept(0, square(2, 8)), kept(1, vec![false; 168])];
        shelf.write(7, &kept).unwrap();
        let album = Album::open(dir.path());
        let found = Outlines::of(&album, 7, 3).unwrap().unwrap();
        assert_eq!(found.images, 2);
        assert_eq!((found.hausdorff95[1], found.average[1]), (0.0, 0.0));
        assert_eq!((found.boundary_iou[1], found.surface_dice[1]), (0.5, 0.5));
        assert!(found.hausdorff95[2].is_nan() && found.boundary_iou[2].is_nan());
        assert_eq!(Outlines::of(&album, 8, 3).unwrap(), None);
    }
}
