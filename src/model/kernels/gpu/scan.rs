//! Counts of marked places before each place of many lists side by side, tile by tile.

use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::{UNITS, room, together};

/// Places that one cube counts, so many for each of its units.
pub(super) const TILE: usize = UNITS as usize * EACH;
pub(super) const EACH: usize = 8;

/// Marked places of lists: whole numbers whose lowest bit is set.
pub(super) struct Marked {
    /// `[lists, tiles]`: in the tiles before.
    pub before: CubeTensor,
    /// `[lists]`: in all.
    pub all: CubeTensor,
}

/// Counts the marked places of `lists` lists of `len` numbers each.
pub(super) fn marked(values: &CubeTensor, lists: usize, len: usize) -> Marked {
    let tiles = len.div_ceil(TILE);
    let counts = room(values, Shape::new([lists, tiles]), DType::U32);
    let (count, units) = together(values, lists * tiles);
    count_tiles::launch(
        &values.client,
        count,
        units,
        values.clone().into_buffer_arg(),
        counts.clone().into_buffer_arg(),
        lists as u32,
        len as u32,
    );
    let all = room(values, Shape::new([lists]), DType::U32);
    let (count, units) = together(values, lists);
    before_tiles::launch(
        &values.client,
        count,
        units,
        counts.clone().into_buffer_arg(),
        all.clone().into_buffer_arg(),
        tiles as u32,
    );
    Marked {
        before: counts,
        all,
    }
}

/// What the units of a cube up to this one have, summed; `sums` has room for [`UNITS`].
#[cube]
pub(super) fn up_to_here(own: u32, sums: &mut Shared<[u32]>) -> u32 {
    let unit = UNIT_POS as usize;
    sums[unit] = own;
    sync_cube();
    let mut sum = own;
    let mut away = 1usize;
    while away < UNITS as usize {
        let mut more = 0u32;
        if unit >= away {
            more = sums[unit - away];
        }
        sync_cube();
        sum += more;
        sums[unit] = sum;
        sync_cube();
        away *= 2;
    }
    sum
}

/// A cube for every tile.
#[cube(launch)]
fn count_tiles(values: &[u32], counts: &mut [u32], lists: u32, len: u32) {
    let len = len as usize;
    let tiles = len.div_ceil(TILE);
    let list = CUBE_POS / tiles;
    if list >= lists as usize {
        terminate!();
    }
    let start = CUBE_POS % tiles * TILE;
    let inside = min(len - start, TILE);
    let mut sums = Shared::new_slice(UNITS as usize);
    let mut own = 0u32;
    let mut at = UNIT_POS as usize;
    while at < inside {
        own += values[list * len + start + at] & 1;
        at += UNITS as usize;
    }
    let sum = up_to_here(own, &mut sums);
    if UNIT_POS == UNITS - 1 {
        counts[CUBE_POS] = sum;
    }
}

/// A cube for every list: from the counts of its tiles to those before each, and of all.
#[cube(launch)]
fn before_tiles(counts: &mut [u32], all: &mut [u32], tiles: u32) {
    if CUBE_POS >= all.len() {
        terminate!();
    }
    let tiles = tiles as usize;
    let mut sums = Shared::new_slice(UNITS as usize);
    let mut before = 0u32;
    let mut start = 0usize;
    while start < tiles {
        let at = start + UNIT_POS as usize;
        let mut own = 0u32;
        if at < tiles {
            own = counts[CUBE_POS * tiles + at];
        }
        let sum = up_to_here(own, &mut sums);
        if at < tiles {
            counts[CUBE_POS * tiles + at] = before + sum - own;
        }
        before += sums[UNITS as usize - 1];
        sync_cube();
        start += UNITS as usize;
    }
    if UNIT_POS == 0 {
        all[CUBE_POS] = before;
    }
}
