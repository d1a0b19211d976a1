//! Sorts many lists of pairs of whole numbers side by side: a bitonic network, whose comparisons do
//! not depend on what is sorted.
//!
//! Every comparison puts the lesser pair first, so that a list of any length is sorted as if it were
//! filled up with the greatest pair: what would be beyond its end never moves, and is left out.
//! Comparisons of pairs less than a [`TILE`] apart are made in shared memory, all that follow each
//! other at once.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::{UNITS, each, together};

/// Pairs that one cube sorts: 16 KiB, the shared memory that every device has.
pub(super) const TILE: usize = 2048;
/// Beyond the end of a list.
const GREATEST: u32 = u32::MAX;

/// Sorts `lists` lists of `len` pairs each, by `keys` first and `values` second.
pub(super) fn sort(keys: &CubeTensor, values: &CubeTensor, lists: usize, len: usize) {
    in_tiles(keys, values, lists, len, false);
    let mut span = TILE * 2;
    while span < len * 2 {
        apart(keys, values, lists, len, span, true);
        let mut half = span / 2;
        while half > TILE {
            apart(keys, values, lists, len, half, false);
            half /= 2;
        }
        in_tiles(keys, values, lists, len, true);
        span *= 2;
    }
}

fn in_tiles(keys: &CubeTensor, values: &CubeTensor, lists: usize, len: usize, half_sorted: bool) {
    let tiles = len.div_ceil(TILE);
    let (count, units) = together(keys, lists * tiles);
    tile::launch(
        &keys.client,
        count,
        units,
        keys.clone().into_buffer_arg(),
        values.clone().into_buffer_arg(),
        lists as u32,
        len as u32,
        half_sorted,
    );
}

fn apart(
    keys: &CubeTensor,
    values: &CubeTensor,
    lists: usize,
    len: usize,
    span: usize,
    mirrored: bool,
) {
    let pairs = len.div_ceil(span) * (span / 2);
    let (count, units) = each(keys, lists * pairs);
    exchange::launch(
        &keys.client,
        count,
        units,
        keys.clone().into_buffer_arg(),
        values.clone().into_buffer_arg(),
        lists as u32,
        len as u32,
        span as u32,
        mirrored,
    );
}

/// What the pair at `first` is compared with, `at` places into its block of `span`. Two sorted halves of a block are joined end to end first, `mirrored`; then halves are compared
/// place by place.
#[cube]
fn second_of(first: usize, at: usize, span: usize, #[comptime] mirrored: bool) -> usize {
    if comptime!(mirrored) {
        first + span - 1 - 2 * at
    } else {
        first + span / 2
    }
}

/// Whether the second of two pairs is the lesser one.
#[cube]
fn are_turned(keys: (u32, u32), values: (u32, u32)) -> bool {
    keys.1 < keys.0 || (keys.1 == keys.0 && values.1 < values.0)
}

/// One comparison for each unit, of pairs that are far apart.
#[cube(launch)]
fn exchange(
    keys: &mut [u32],
    values: &mut [u32],
    lists: u32,
    len: u32,
    span: u32,
    #[comptime] mirrored: bool,
) {
    let (len, span) = (len as usize, span as usize);
    let half = span / 2;
    let pairs = (len + span - 1) / span * half;
    let list = ABSOLUTE_POS / pairs;
    let index = ABSOLUTE_POS % pairs;
    let at = index % half;
    let first = index / half * span + at;
    let second = second_of(first, at, span, mirrored);
    if list >= lists as usize || second >= len {
        terminate!();
    }
    let (first, second) = (list * len + first, list * len + second);
    let (key, other_key) = (keys[first], keys[second]);
    let (value, other_value) = (values[first], values[second]);
    if are_turned((key, other_key), (value, other_value)) {
        keys[first] = other_key;
        keys[second] = key;
        values[first] = other_value;
        values[second] = value;
    }
}

/// All comparisons of a cube's tile: from nothing, or the last ones of a larger block whose tiles are
/// `half_sorted`.
#[cube(launch)]
fn tile(keys: &mut [u32], values: &mut [u32], lists: u32, len: u32, #[comptime] half_sorted: bool) {
    let len = len as usize;
    let tiles = (len + TILE - 1) / TILE;
    let list = CUBE_POS / tiles;
    if list >= lists as usize {
        terminate!();
    }
    let start = CUBE_POS % tiles * TILE;
    let from = list * len + start;
    let inside = min(len - start, TILE);
    let mut tile_keys = Shared::new_slice(TILE);
    let mut tile_values = Shared::new_slice(TILE);
    let mut at = UNIT_POS as usize;
    while at < TILE {
        if at < inside {
            tile_keys[at] = keys[from + at];
            tile_values[at] = values[from + at];
        } else {
            tile_keys[at] = GREATEST;
            tile_values[at] = GREATEST;
        }
        at += UNITS as usize;
    }
    sync_cube();
    if comptime!(half_sorted) {
        halves(&mut tile_keys, &mut tile_values, TILE);
    } else {
        let mut span = 2usize;
        while span <= TILE {
            compare(&mut tile_keys, &mut tile_values, span, true);
            halves(&mut tile_keys, &mut tile_values, span / 2);
            span *= 2;
        }
    }
    let mut at = UNIT_POS as usize;
    while at < inside {
        keys[from + at] = tile_keys[at];
        values[from + at] = tile_values[at];
        at += UNITS as usize;
    }
}

/// Compares halves of blocks, then halves of these, and so on.
#[cube]
fn halves(keys: &mut Shared<[u32]>, values: &mut Shared<[u32]>, largest: usize) {
    let mut span = largest;
    while span >= 2 {
        compare(keys, values, span, false);
        span /= 2;
    }
}

/// One comparison of every pair of a tile.
#[cube]
fn compare(
    keys: &mut Shared<[u32]>,
    values: &mut Shared<[u32]>,
    span: usize,
    #[comptime] mirrored: bool,
) {
    let half = span / 2;
    let mut index = UNIT_POS as usize;
    while index < TILE / 2 {
        let at = index % half;
        let first = index / half * span + at;
        let second = second_of(first, at, span, mirrored);
        let (key, other_key) = (keys[first], keys[second]);
        let (value, other_value) = (values[first], values[second]);
        if are_turned((key, other_key), (value, other_value)) {
            keys[first] = other_key;
            keys[second] = key;
            values[first] = other_value;
            values[second] = value;
        }
        index += UNITS as usize;
    }
    sync_cube();
}
