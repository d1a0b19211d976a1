//! Exact Euclidean distances of pixels to the border of a mask.
//!
//! Separable (Felzenszwalb & Huttenlocher 2012): distances within columns first, then the nearest of
//! them along rows. There sixteen pixels at a time search to both sides, as far as anything nearer can
//! be; where that is far, the row is left to the lower envelope of parabolas, which is linear in its
//! pixels.

use super::Path;

/// Pixels of a row that are worked on side by side.
const LANES: usize = 16;
/// How far a pixel looks along its row before the row is left to the envelope.
const NEAR: usize = 64;
/// In place of a distance where there is none: larger than any, and its square a number.
const FAR: f32 = 1e9;

/// Room for what [`squares`] works with, to be used again.
#[derive(Debug, Default)]
pub struct Scratch {
    /// ±1 for every pixel.
    sides: Vec<f32>,
    /// Distances within columns from below.
    below: Vec<f32>,
    /// Squared distances within columns, with the sign of their pixel's side; nothing around them.
    signed: Vec<f32>,
    stretch: Vec<f64>,
    lowest: Vec<(usize, f64, f64)>,
}

/// Squared distance of each pixel to the nearest one that is on where it is off, or off where it is
/// on: a whole number of at least 1. 0 all over where there is no such pixel.
///
/// # Panics
/// When there is not a place in `squares` for every value, in rows of `width`.
pub fn squares<T>(
    values: &[T],
    is_on: impl Fn(&T) -> bool,
    width: usize,
    squares: &mut [f32],
    scratch: &mut Scratch,
) {
    squares_on(Path::best(), values, is_on, width, squares, scratch);
}

/// As [`squares`], on one instruction set.
pub(super) fn squares_on<T>(
    path: Path,
    values: &[T],
    is_on: impl Fn(&T) -> bool,
    width: usize,
    squares: &mut [f32],
    scratch: &mut Scratch,
) {
    assert_eq!(values.len(), squares.len(), "a place for every value");
    let sides = &mut scratch.sides;
    sides.clear();
    sides.extend(values.iter().map(|x| if is_on(x) { 1.0 } else { -1.0 }));
    of_sides(path, width, squares, scratch);
}

/// As [`squares`], of the sides that are in `scratch`.
fn of_sides(path: Path, width: usize, squares: &mut [f32], scratch: &mut Scratch) {
    let Scratch {
        sides,
        below,
        signed,
        stretch,
        lowest,
    } = scratch;
    if sides.iter().all(|side| *side == sides[0]) {
        squares.fill(0.0);
        return;
    }
    path.compiled(
        #[inline(always)]
        || {
            to_above(sides, width, squares);
            below.clear();
            below.resize(width, FAR);
            // With room for the last sixteen pixels, and numbers that are nothing's neighbours.
            let padded = width.next_multiple_of(LANES);
            signed.clear();
            signed.resize(padded + 2 * NEAR, f32::NAN);
            let rows = squares
                .chunks_exact_mut(width)
                .zip(sides.chunks_exact(width));
            let mut next: Option<&[f32]> = None;
            for (row, side) in rows.rev() {
                if let Some(next) = next {
                    step(below, side, next);
                }
                next = Some(side);
                let own = &mut signed[NEAR..][..width];
                let columns = row.iter_mut().zip(&*below).zip(side).zip(own);
                for (((height, &below), &side), own) in columns {
                    let least = if below < *height { below } else { *height };
                    *height = least * least;
                    *own = *height * side;
                }
                if !along_row(signed, side, row) {
                    by_stretches(&signed[NEAR..], side, row, stretch, lowest);
                }
            }
        },
    );
}

/// Distance of each pixel to the nearest of the other side above it in its column.
#[inline(always)]
fn to_above(sides: &[f32], width: usize, distances: &mut [f32]) {
    distances[..width].fill(FAR);
    for start in (width..sides.len()).step_by(width) {
        let (before, here) = distances.split_at_mut(start);
        let here = &mut here[..width];
        here.copy_from_slice(&before[start - width..]);
        step(
            here,
            &sides[start..][..width],
            &sides[start - width..][..width],
        );
    }
}

/// From the distances of one row's pixels to those of the next one's.
#[inline(always)]
fn step(distances: &mut [f32], side: &[f32], last: &[f32]) {
    for ((distance, &side), &last) in distances.iter_mut().zip(side).zip(last) {
        *distance = if side == last { *distance + 1.0 } else { 1.0 };
    }
}

/// Replaces squares of distances within columns by squares of distances; false where that was given
/// up: a pixel's nearest is too far away.
#[inline(always)]
fn along_row(signed: &[f32], sides: &[f32], row: &mut [f32]) -> bool {
    for start in (0..row.len()).step_by(LANES) {
        let len = LANES.min(row.len() - start);
        // Beyond the end pixels are there already.
        let (mut side, mut best) = ([0f32; LANES], [0f32; LANES]);
        side[..len].copy_from_slice(&sides[start..][..len]);
        best[..len].copy_from_slice(&row[start..][..len]);
        let mut away = 1;
        while best
            .iter()
            .fold(false, |any, best| any | (*best > (away * away) as f32))
        {
            if away > NEAR {
                return false;
            }
            let square = (away * away) as f32;
            for from in [NEAR + start - away, NEAR + start + away] {
                let Some(other) = signed[from..].first_chunk::<LANES>() else {
                    continue;
                };
                for lane in 0..LANES {
                    // A pixel of the same side tells how far its own nearest is, one of the other
                    // is the nearest itself; NaN is no pixel and passes through to the comparison.
                    let height = side[lane] * other[lane];
                    let height = if height < 0.0 { 0.0 } else { height };
                    let found = height + square;
                    best[lane] = if found < best[lane] {
                        found
                    } else {
                        best[lane]
                    };
                }
            }
            away += 1;
        }
        row[start..start + len].copy_from_slice(&best[..len]);
    }
    true
}

/// The squares of distances of a row from those within columns: of each stretch of pixels of one side
/// by itself, with the other side at its ends. What lies beyond these is farther than they are.
fn by_stretches(
    signed: &[f32],
    sides: &[f32],
    row: &mut [f32],
    stretch: &mut Vec<f64>,
    lowest: &mut Vec<(usize, f64, f64)>,
) {
    let mut start = 0;
    while start < row.len() {
        let side = sides[start];
        let length = sides[start..].iter().take_while(|x| **x == side).count();
        let end = start + length;
        stretch.clear();
        stretch.extend((start > 0).then_some(0.0));
        stretch.extend(signed[start..end].iter().map(|height| match height.abs() {
            height if height < FAR => f64::from(height),
            _ => f64::INFINITY,
        }));
        stretch.extend((end < row.len()).then_some(0.0));
        lower_envelope(stretch, lowest);
        let inside = stretch.iter().skip(usize::from(start > 0));
        for (to, square) in row[start..end].iter_mut().zip(inside) {
            *to = *square as f32;
        }
        start = end;
    }
}

/// Replaces `f` by the minimum over q of `f[q] + (p − q)²`. `lowest` is only to be used again.
pub fn lower_envelope(f: &mut [f64], lowest: &mut Vec<(usize, f64, f64)>) {
    // Parabolas that are lowest somewhere: their vertex, its height, and where they begin to be.
    lowest.clear();
    for (q, &own) in f.iter().enumerate() {
        if own.is_infinite() {
            continue;
        }
        let mut start = f64::NEG_INFINITY;
        while let Some(&(v, height, begins)) = lowest.last() {
            let (qf, vf) = (q as f64, v as f64);
            start = ((own + qf * qf) - (height + vf * vf)) / (2.0 * (qf - vf));
            if start > begins {
                break;
            }
            lowest.pop();
            start = f64::NEG_INFINITY;
        }
        lowest.push((q, own, start));
    }
    if lowest.is_empty() {
        return;
    }
    let mut k = 0;
    for (p, value) in f.iter_mut().enumerate() {
        while k + 1 < lowest.len() && lowest[k + 1].2 < p as f64 {
            k += 1;
        }
        let away = p as f64 - lowest[k].0 as f64;
        *value = lowest[k].1 + away * away;
    }
}
