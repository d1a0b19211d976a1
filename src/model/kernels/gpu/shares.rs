//! How the Lovász extension of the Jaccard loss grows with each error: the errors of a class in falling
//! order, each times how much the loss grows when its pixel joins the wrong ones. The order is that of
//! [`crate::lovasz`], of equal errors the later pixel first.

use burn::backend::TensorMetadata;
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::tensor::CubeTensor;

use super::scan::{self, EACH, TILE, marked};
use super::sort::sort;
use super::{Lovasz, UNITS, each, room, together};

/// The rank of a pixel that takes no part: after all others.
const NOBODY: u32 = u32::MAX;

pub(super) fn lovasz_shares(
    p: &CubeTensor,
    one_hot: &CubeTensor,
    valid: &CubeTensor,
    form: Lovasz,
) -> CubeTensor {
    let shape = p.shape();
    let [images, classes, height, width] = shape.dims();
    let all = shape.num_elements();
    let shares = room(p, shape, p.dtype);
    if all == 0 {
        return shares;
    }
    let plane = height * width;
    // The errors of one class in images that are sorted together.
    let images_each = if form.per_image { 1 } else { images };
    let (lists, len) = (images / images_each * classes, images_each * plane);
    let ranks = room(p, Shape::new([lists, len]), DType::U32);
    let spots = room(p, Shape::new([lists, len]), DType::U32);
    let (count, units) = each(p, all);
    entries::launch(
        &p.client,
        count,
        units,
        p.clone().into_buffer_arg(),
        one_hot.clone().into_buffer_arg(),
        valid.clone().into_buffer_arg(),
        ranks.clone().into_buffer_arg(),
        spots.clone().into_buffer_arg(),
        classes as u32,
        plane as u32,
        len as u32,
    );
    sort(&ranks, &spots, lists, len);
    let own = marked(&spots, lists, len);
    let (count, units) = together(p, lists * len.div_ceil(TILE));
    steps::launch(
        &p.client,
        count,
        units,
        ranks.into_buffer_arg(),
        spots.into_buffer_arg(),
        own.before.into_buffer_arg(),
        own.all.into_buffer_arg(),
        shares.clone().into_buffer_arg(),
        classes as u32,
        plane as u32,
        len as u32,
        form.absent,
    );
    shares
}

/// Where pixel `spot` of `list` is in `[N, C, H, W]`.
#[cube]
fn place_of(list: usize, spot: usize, classes: usize, plane: usize, len: usize) -> usize {
    let image = list / classes * (len / plane) + spot / plane;
    (image * classes + list % classes) * plane + spot % plane
}

/// A whole number that is the smaller the larger `error` is; NaN is larger than any number.
#[cube]
fn rank_of(error: f32) -> u32 {
    let bits = error.to_bits();
    // The order of floats as that of whole numbers, turned round.
    select(bits >> 31 == 1, bits, !bits ^ 0x8000_0000)
}

/// The rank of each pixel's error, and beside it which pixel of the list it is, counted from the end,
/// and in the lowest bit whether it is of the class.
#[cube(launch)]
fn entries(
    p: &[f32],
    one_hot: &[f32],
    valid: &[f32],
    ranks: &mut [u32],
    spots: &mut [u32],
    classes: u32,
    plane: u32,
    len: u32,
) {
    let entry = ABSOLUTE_POS;
    if entry >= ranks.len() {
        terminate!();
    }
    let (classes, plane, len) = (classes as usize, plane as usize, len as usize);
    let (list, spot) = (entry / len, entry % len);
    let place = place_of(list, spot, classes, plane, len);
    let pixel = place / (classes * plane) * plane + place % plane;
    let is_own = one_hot[place] > 0.5;
    // |y − p|, written without a kink at equality.
    let error = select(is_own, 1.0 - p[place], p[place]);
    ranks[entry] = select(valid[pixel] > 0.5, rank_of(error), NOBODY);
    spots[entry] = (((len - 1 - spot) as u32) << 1) | u32::cast_from(is_own);
}

/// The share of each pixel, from entries in order. A cube takes a tile of a list.
#[cube(launch)]
fn steps(
    ranks: &[u32],
    spots: &[u32],
    own_before: &[u32],
    own_in_all: &[u32],
    shares: &mut [f32],
    classes: u32,
    plane: u32,
    len: u32,
    #[comptime] absent: bool,
) {
    let (classes, plane, len) = (classes as usize, plane as usize, len as usize);
    let tiles = len.div_ceil(TILE);
    let list = CUBE_POS / tiles;
    if list >= own_in_all.len() {
        terminate!();
    }
    // Of the image group, those classes that count.
    let first_list = list / classes * classes;
    let mut counting = 0u32;
    for class in 0..classes {
        if own_in_all[first_list + class] > 0 || comptime!(absent) {
            counting += 1;
        }
    }
    let own = own_in_all[list];
    let mut weight = f32::new(0.0);
    if own > 0 || comptime!(absent) {
        let groups = own_in_all.len() / classes;
        weight = 1.0 / f32::cast_from(counting as usize * groups);
    }

    let start = CUBE_POS % tiles * TILE + UNIT_POS as usize * EACH;
    let end = min(start + EACH, len);
    let mut missed = 0u32;
    let mut at = start;
    while at < end {
        missed += spots[list * len + at] & 1;
        at += 1;
    }
    let mut sums = Shared::new_slice(UNITS as usize);
    let up_to_here = scan::up_to_here(missed, &mut sums);
    missed = own_before[CUBE_POS] + up_to_here - missed;
    at = start;
    while at < end {
        let entry = spots[list * len + at];
        missed += entry & 1;
        let invented = at as u32 + 1 - missed;
        let step = step_of(entry & 1 == 1, own, missed, invented);
        let spot = len - 1 - (entry >> 1) as usize;
        let takes_part = ranks[list * len + at] != NOBODY;
        shares[place_of(list, spot, classes, plane, len)] = select(takes_part, step * weight, 0.0);
        at += 1;
    }
}

/// By how much 1 − (own − missed) / (own + invented) has grown with the last pixel, of a class of `own`
/// pixels. Not as a difference of what it was before and after, which are almost equal.
#[cube]
fn step_of(is_own: bool, own: u32, missed: u32, invented: u32) -> f32 {
    let union = f32::cast_from(own + invented);
    let mut step = f32::new(0.0);
    if is_own {
        step = 1.0 / union;
    } else if own > 0 {
        step = f32::cast_from(own - missed) / (union * f32::cast_from(own + invented - 1));
    } else if invented == 1 {
        // The first wrong pixel of an absent class costs all of it.
        step = f32::new(1.0);
    }
    step
}
