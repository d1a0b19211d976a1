//! Exact Euclidean distances to the border of p > ½, as [`crate::distance`] finds them on the CPU:
//! within columns first, then the nearest of these along rows.

use burn::backend::TensorMetadata;
use burn::tensor::Shape;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::{each, room};

/// In place of a distance where there is none: larger than any, and its square a number.
const FAR: f32 = 1e9;
/// Pixels of a row that are passed over at once where nothing among them can be the nearest.
const BLOCK: usize = 32;
/// Pixels to either side that are looked at one by one first.
const NEAR: usize = 8;
/// No square of a distance is as large; that of [`FAR`] is.
const NONE: f32 = 1e17;

pub(super) fn border_squares(values: CubeTensor) -> CubeTensor {
    let shape = values.shape();
    let [n, c, h, w] = shape.dims();
    let squares = room(&values, shape.clone(), values.dtype);
    if shape.num_elements() == 0 {
        return squares;
    }
    let client = values.client.clone();
    let signed = room(&values, shape, values.dtype);
    let columns = n * c * w;
    let (count, units) = each(&values, columns);
    within_columns::launch(
        &client,
        count,
        units,
        values.into_buffer_arg(),
        signed.clone().into_buffer_arg(),
        columns as u32,
        h as u32,
        w as u32,
    );
    let blocks = Shape::new([n, c, h, w.div_ceil(BLOCK)]);
    let least = room(&signed, blocks.clone(), signed.dtype);
    let greatest = room(&signed, blocks.clone(), signed.dtype);
    let (count, units) = each(&signed, blocks.num_elements());
    ranges_of_blocks::launch(
        &client,
        count,
        units,
        signed.clone().into_buffer_arg(),
        least.clone().into_buffer_arg(),
        greatest.clone().into_buffer_arg(),
        w as u32,
    );
    let (count, units) = each(&squares, n * c * h * w);
    along_rows::launch(
        &client,
        count,
        units,
        signed.into_buffer_arg(),
        least.into_buffer_arg(),
        greatest.into_buffer_arg(),
        squares.clone().into_buffer_arg(),
        w as u32,
    );
    squares
}

/// Squared distance of each pixel to the nearest of the other side in its column; negative where the
/// pixel is off. A unit goes down a column and up again.
#[cube(launch)]
fn within_columns(values: &[f32], signed: &mut [f32], columns: u32, height: u32, width: u32) {
    if ABSOLUTE_POS >= columns as usize {
        terminate!();
    }
    let (height, width) = (height as usize, width as usize);
    let start = ABSOLUTE_POS / width * (height * width) + ABSOLUTE_POS % width;
    let mut away = f32::new(FAR);
    let mut last = values[start] > 0.5;
    for y in 0..height {
        let at = start + y * width;
        let on = values[at] > 0.5;
        away = select(on == last, away + 1.0, 1.0);
        last = on;
        signed[at] = away;
    }
    away = f32::new(FAR);
    for y in 0..height {
        let at = start + (height - 1 - y) * width;
        let on = values[at] > 0.5;
        away = select(on == last, away + 1.0, 1.0);
        last = on;
        let least = min(signed[at], away);
        signed[at] = select(on, least * least, -least * least);
    }
}

/// The least and the greatest number of each block of a row.
#[cube(launch)]
fn ranges_of_blocks(signed: &[f32], least: &mut [f32], greatest: &mut [f32], width: u32) {
    if ABSOLUTE_POS >= least.len() {
        terminate!();
    }
    let width = width as usize;
    let blocks = width.div_ceil(BLOCK);
    let row = ABSOLUTE_POS / blocks * width;
    let start = ABSOLUTE_POS % blocks * BLOCK;
    let end = min(start + BLOCK, width);
    let mut low = signed[row + start];
    let mut high = signed[row + start];
    for x in start + 1..end {
        low = min(low, signed[row + x]);
        high = max(high, signed[row + x]);
    }
    least[ABSOLUTE_POS] = low;
    greatest[ABSOLUTE_POS] = high;
}

/// The least of squared distances within columns plus those along the row. A unit looks to both sides
/// of its pixel, as far as anything nearer can be: pixel by pixel close by, and beyond that into blocks
/// that may hold something nearer.
#[cube(launch)]
fn along_rows(signed: &[f32], least: &[f32], greatest: &[f32], squares: &mut [f32], width: u32) {
    let at = ABSOLUTE_POS;
    if at >= squares.len() {
        terminate!();
    }
    let width = width as usize;
    let x = at % width;
    let row = at - x;
    let own = signed[at];
    let side = select(own > 0.0, f32::new(1.0), f32::new(-1.0));
    let mut best = own * side;
    let mut away = 1usize;
    while away <= NEAR && square(away) < best {
        if away <= x {
            best = min(best, square(away) + height(signed[at - away], side));
        }
        if x + away < width {
            best = min(best, square(away) + height(signed[at + away], side));
        }
        away += 1;
    }
    let blocks = width.div_ceil(BLOCK);
    let first_block = row / width * blocks;
    let own_block = x / BLOCK;
    let mut further = 0usize;
    // Nothing that has not been seen is as near as `away`.
    while further < blocks && square(away) < best {
        for right in 0..2usize {
            let is_left = right == 0 && further <= own_block;
            if is_left || (right == 1 && further > 0 && own_block + further < blocks) {
                let block = select(right == 1, own_block + further, own_block - further);
                let start = block * BLOCK;
                let end = min(start + BLOCK, width);
                let bound = min(
                    height(least[first_block + block], side),
                    height(greatest[first_block + block], side),
                );
                let mut gap = 0usize;
                if x < start {
                    gap = start - x;
                }
                if x >= end {
                    gap = x + 1 - end;
                }
                if square(gap) + bound < best {
                    for other in start..end {
                        let gap = max(other, x) - min(other, x);
                        best = min(best, square(gap) + height(signed[row + other], side));
                    }
                }
            }
        }
        away = max(away, further * BLOCK + 1);
        further += 1;
    }
    squares[at] = select(best < NONE, best, 0.0);
}

/// Squared distance within its column of a pixel to the side that a pixel of `side` looks for: a pixel
/// of the same side tells how far its own nearest is, one of the other is the nearest itself.
#[cube]
fn height(signed: f32, side: f32) -> f32 {
    max(side * signed, 0.0)
}

#[cube]
fn square(away: usize) -> f32 {
    f32::cast_from(away * away)
}
