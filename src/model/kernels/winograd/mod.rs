//! Winograd's convolution 3×3: a quarter of the multiplications of the plain sum. Tiles of four by
//! four pixels and the kernels are taken to 36 points ([`transform`]), where the convolution is a
//! matrix product over channels for each point ([`product`]), and back.
//!
//! A task takes as many tiles as its second-level cache has room for, from the planes and back to
//! the planes ([`pieces`]), so that nothing of the size of an image is ever held at the points. Nor is
//! a large kernel as a whole, which is four times as large there: some channels are done after others.

mod forward;
mod gradient;
mod pieces;
mod product;
mod transform;

pub use forward::{Bank, convolve};
pub use gradient::weight_gradient;

use super::band::Size;

/// Bytes of numbers at the points that a task may have.
const CACHE: usize = 640 << 10;
/// Tiles of a task: with more, nothing is gained.
const MOST: usize = 64;

/// Bytes of kernels, or of sums for them, that are held at the points at a time: so many channels
/// that to take the tiles there once more for the next ones costs nothing beside the products.
const AT_ONCE: usize = 10 << 20;

/// Pairs of channels up to which this is faster: beyond, kernels at the points come from memory.
const PAIRS: usize = 512 * 512;

/// Whether this is faster than the plain sum, by measurement: not where kernels are many and tiles
/// few, nor where tiles stick out far or vectors are half empty.
pub fn pays(inputs: usize, outputs: usize, size: Size) -> bool {
    let [across, down] = pieces::grid(size);
    let tiles = size.images * across * down;
    let area = tiles * transform::OUT * transform::OUT;
    let few = inputs * outputs <= PAIRS && inputs.min(outputs) >= 16;
    few && tiles >= 16 && 3 * size.pixels() >= 2 * area
}

/// Tiles that fit the cache with `channels` numbers for each point.
fn tiles_in_cache(channels: usize) -> usize {
    let tile = channels * transform::SQUARE * size_of::<f32>();
    (CACHE / tile.max(1)).clamp(pieces::LEAST, MOST)
}

/// Blocks of `lanes` channels, a multiple of `panel`, that [`AT_ONCE`] has room for with `channels`
/// on the other side.
fn blocks_at_once(channels: usize, lanes: usize, panel: usize) -> usize {
    let block = channels * lanes * transform::SQUARE * size_of::<f32>();
    (AT_ONCE / block.max(1) / panel * panel).max(panel)
}
