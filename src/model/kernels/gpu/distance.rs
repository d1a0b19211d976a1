//! Exact Euclidean distances to the border of p > ½, as [`crate::distance`] finds them on the CPU:
//! within columns first, then the nearest of these along rows.

use burn::backend::TensorMetadata;
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::{each, room};

/// In place of a distance where there is none: larger than any, and its square a number.
const FAR: f32 = 1e9;
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
    let (count, units) = each(&squares, n * c * h * w);
    along_rows::launch(
        &client,
        count,
        units,
        signed.into_buffer_arg(),
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

/// The least of squared distances within columns plus those along the row. A unit looks to both sides
/// of its pixel, as far as anything nearer can be.
#[cube(launch)]
fn along_rows(signed: &[f32], squares: &mut [f32], width: u32) {
    let at = ABSOLUTE_POS;
    if at >= squares.len() {
        terminate!();
    }
    let width = width as usize;
    let x = at % width;
    let own = signed[at];
    let side = select(own > 0.0, f32::new(1.0), f32::new(-1.0));
    let mut best = own * side;
    let mut away = 1usize;
    let mut square = f32::new(1.0);
    while away < width && square < best {
        // A pixel of the same side tells how far its own nearest is, one of the other is the nearest
        // itself.
        if away <= x {
            best = min(best, square + max(side * signed[at - away], 0.0));
        }
        if x + away < width {
            best = min(best, square + max(side * signed[at + away], 0.0));
        }
        away += 1;
        square = f32::cast_from(away * away);
    }
    squares[at] = select(best < NONE, best, 0.0);
}
