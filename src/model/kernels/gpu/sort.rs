//! Sorts many lists of pairs of whole numbers side by side: a bitonic network, whose comparisons do
//! not depend on what is sorted.
//!
//! Every comparison puts the lesser pair first, so that a list of any length is sorted as if it were
//! filled up with the greatest pair: what would be beyond its end never moves, and is left out.
//! A unit makes three comparisons of each of [`HELD`] pairs at once, in its registers; those of pairs
//! less than a [`TILE`] apart follow each other in shared memory.

use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::{UNITS, each, together};

/// Pairs that a unit holds.
const HELD: usize = 8;
/// Pairs that one cube sorts: 16 KiB, the shared memory that every device has.
const TILE: usize = HELD * UNITS as usize;
/// Beyond the end of a list.
const GREATEST: u32 = u32::MAX;

/// Sorts `lists` lists of `len` pairs each, by `keys` first and `values` second.
pub(super) fn sort(keys: &CubeTensor, values: &CubeTensor, lists: usize, len: usize) {
    in_tiles(keys, values, lists, len, false);
    let mut block = TILE * 2;
    while block < len * 2 {
        apart(keys, values, lists, len, block, true);
        // The last one may begin what is done in tiles: again, it changes nothing.
        let mut part = block / HELD;
        while part > TILE {
            apart(keys, values, lists, len, part, false);
            part /= HELD;
        }
        in_tiles(keys, values, lists, len, true);
        block *= 2;
    }
}

fn in_tiles(keys: &CubeTensor, values: &CubeTensor, lists: usize, len: usize, merge: bool) {
    let (count, units) = together(keys, lists * len.div_ceil(TILE));
    tile::launch(
        &keys.client,
        count,
        units,
        keys.clone().into_buffer_arg(),
        values.clone().into_buffer_arg(),
        lists as u32,
        len as u32,
        merge,
    );
}

fn apart(
    keys: &CubeTensor,
    values: &CubeTensor,
    lists: usize,
    len: usize,
    block: usize,
    mirrored: bool,
) {
    let (count, units) = each(keys, lists * len.div_ceil(block) * (block / HELD));
    exchange::launch(
        &keys.client,
        count,
        units,
        keys.clone().into_buffer_arg(),
        values.clone().into_buffer_arg(),
        lists as u32,
        len as u32,
        block as u32,
        mirrored,
    );
}

/// Where the pair is that unit `index` holds as its `held`th: a [`HELD`]th of a `block` from one to the
/// next. `mirrored`, the second half is taken from its end, so that a pair and what it is compared with
/// first are as far from the middle.
#[cube]
fn place_of(
    index: usize,
    block: usize,
    #[comptime] held: usize,
    #[comptime] mirrored: bool,
) -> usize {
    let part = block / HELD;
    // Of a power of two.
    let at = index & (part - 1);
    let start = (index - at) * HELD + part * held;
    if comptime!(mirrored && held >= HELD / 2) {
        start + part - 1 - at
    } else {
        start + at
    }
}

/// Compares the pairs that a unit holds, in blocks of `block`: two sorted halves are joined end to end
/// first, `mirrored`; then halves are compared place by place.
#[cube]
fn compare(
    keys: &mut Array<u32>,
    values: &mut Array<u32>,
    #[comptime] block: usize,
    #[comptime] mirrored: bool,
) {
    let half = comptime!(block / 2);
    #[unroll]
    for index in 0..HELD / 2 {
        let first = comptime!(index / half * block + index % half);
        let second = comptime!(if mirrored {
            index / half * block + block - 1 - index % half
        } else {
            first + half
        });
        let (key, other_key) = (keys[first], keys[second]);
        let (value, other_value) = (values[first], values[second]);
        let turned = other_key < key || (other_key == key && other_value < value);
        keys[first] = select(turned, other_key, key);
        keys[second] = select(turned, key, other_key);
        values[first] = select(turned, other_value, value);
        values[second] = select(turned, value, other_value);
    }
}

/// The three comparisons of what a unit holds of one block.
#[cube]
fn compare_thrice(keys: &mut Array<u32>, values: &mut Array<u32>, #[comptime] mirrored: bool) {
    compare(keys, values, HELD, mirrored);
    compare(keys, values, comptime!(HELD / 2), false);
    compare(keys, values, comptime!(HELD / 4), false);
}

/// Three comparisons of pairs that are far apart.
#[cube(launch)]
fn exchange(
    keys: &mut [u32],
    values: &mut [u32],
    lists: u32,
    len: u32,
    block: u32,
    #[comptime] mirrored: bool,
) {
    let (len, block) = (len as usize, block as usize);
    let units = len.div_ceil(block) * (block / HELD);
    let list = ABSOLUTE_POS / units;
    if list >= lists as usize {
        terminate!();
    }
    let index = ABSOLUTE_POS % units;
    let from = list * len;
    let mut held_keys = Array::<u32>::new(HELD);
    let mut held_values = Array::<u32>::new(HELD);
    #[unroll]
    for held in 0..HELD {
        let place = place_of(index, block, held, mirrored);
        held_keys[held] = GREATEST;
        held_values[held] = GREATEST;
        if place < len {
            held_keys[held] = keys[from + place];
            held_values[held] = values[from + place];
        }
    }
    compare_thrice(&mut held_keys, &mut held_values, mirrored);
    #[unroll]
    for held in 0..HELD {
        let place = place_of(index, block, held, mirrored);
        if place < len {
            keys[from + place] = held_keys[held];
            values[from + place] = held_values[held];
        }
    }
}

/// All comparisons of a cube's tile: from nothing, or to `merge`, the last ones of a larger block.
#[cube(launch)]
fn tile(keys: &mut [u32], values: &mut [u32], lists: u32, len: u32, #[comptime] merge: bool) {
    let len = len as usize;
    let tiles = len.div_ceil(TILE);
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
        tile_keys[at] = GREATEST;
        tile_values[at] = GREATEST;
        if at < inside {
            tile_keys[at] = keys[from + at];
            tile_values[at] = values[from + at];
        }
        at += UNITS as usize;
    }
    sync_cube();
    if comptime!(merge) {
        halves(&mut tile_keys, &mut tile_values, TILE);
    } else {
        by_units(&mut tile_keys, &mut tile_values);
        whole(&mut tile_keys, &mut tile_values, HELD);
    }
    let mut at = UNIT_POS as usize;
    while at < inside {
        keys[from + at] = tile_keys[at];
        values[from + at] = tile_values[at];
        at += UNITS as usize;
    }
}

/// Joins blocks of `sorted` pairs, then those, and so on to the whole tile.
#[cube]
fn whole(keys: &mut Shared<[u32]>, values: &mut Shared<[u32]>, sorted: usize) {
    let mut block = sorted;
    while block < TILE {
        block *= 2;
        pass(keys, values, block, true);
        halves(keys, values, block / HELD);
    }
}

/// Compares halves of blocks, then halves of these, and so on to the last; to begin with some again
/// changes nothing.
#[cube]
fn halves(keys: &mut Shared<[u32]>, values: &mut Shared<[u32]>, largest: usize) {
    let mut block = largest;
    while block > HELD {
        pass(keys, values, block, false);
        block /= HELD;
    }
    pass(keys, values, HELD, false);
}

/// Three comparisons of every pair of a tile.
#[cube]
fn pass(
    keys: &mut Shared<[u32]>,
    values: &mut Shared<[u32]>,
    block: usize,
    #[comptime] mirrored: bool,
) {
    let index = UNIT_POS as usize;
    let mut held_keys = Array::<u32>::new(HELD);
    let mut held_values = Array::<u32>::new(HELD);
    #[unroll]
    for held in 0..HELD {
        let place = place_of(index, block, held, mirrored);
        held_keys[held] = keys[place];
        held_values[held] = values[place];
    }
    compare_thrice(&mut held_keys, &mut held_values, mirrored);
    #[unroll]
    for held in 0..HELD {
        let place = place_of(index, block, held, mirrored);
        keys[place] = held_keys[held];
        values[place] = held_values[held];
    }
    sync_cube();
}

/// Each unit sorts pairs that lie beside each other.
#[cube]
fn by_units(keys: &mut Shared<[u32]>, values: &mut Shared<[u32]>) {
    let from = UNIT_POS as usize * HELD;
    let mut held_keys = Array::<u32>::new(HELD);
    let mut held_values = Array::<u32>::new(HELD);
    #[unroll]
    for held in 0..HELD {
        held_keys[held] = keys[from + held];
        held_values[held] = values[from + held];
    }
    compare(&mut held_keys, &mut held_values, 2usize, true);
    compare(&mut held_keys, &mut held_values, 4usize, true);
    compare(&mut held_keys, &mut held_values, 2usize, false);
    compare_thrice(&mut held_keys, &mut held_values, true);
    #[unroll]
    for held in 0..HELD {
        keys[from + held] = held_keys[held];
        values[from + held] = held_values[held];
    }
    sync_cube();
}
