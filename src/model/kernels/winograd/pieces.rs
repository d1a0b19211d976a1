//! What a task works on: rectangles of tiles, and how their pixels get into scratch and back, with
//! the channels of a pixel side by side so that one vector holds the same number of many channels.
#![expect(
    clippy::needless_range_loop,
    reason = "tiles in registers: constant bounds that the compiler unrolls, two axes in turn"
)]
#![expect(
    unsafe_code,
    reason = "raw pointers into planes that many threads read or write"
)]

use std::ops::Range;

use super::super::band::{Size, View};
use super::super::reading::{AS_IT_STANDS, Lanes};
use super::super::simd::Vector;
use super::transform::{OUT, POINTS, gradient, input, output};

/// A rectangle of tiles of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub image: usize,
    /// Counted in tiles.
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

impl Piece {
    pub fn tiles(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// The tiles row by row, and their place in this order.
    fn each(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.rows.len())
            .flat_map(|row| (0..self.columns.len()).map(move |column| (row, column)))
    }
}

/// Tiles that cover a plane: columns and rows.
pub fn grid(size: Size) -> [usize; 2] {
    [size.width.div_ceil(OUT), size.height.div_ceil(OUT)]
}

/// Tiles side by side in a piece: enough that what is read around it is little.
const ACROSS: usize = 32;
/// Tiles in a group: with fewer, the kernels are read for too little.
pub const LEAST: usize = 32;

/// Cuts a batch into groups of pieces of about `most` tiles, or fewer so that there are `groups`.
pub fn cut(size: Size, most: usize, groups: usize) -> Vec<Vec<Piece>> {
    let [across, down] = grid(size);
    let wanted = (size.images * across * down)
        .div_ceil(groups.max(1))
        .clamp(most.min(LEAST), most);
    let whole = |image| Piece {
        image,
        rows: 0..down,
        columns: 0..across,
    };
    if across * down <= wanted {
        let images: Vec<usize> = (0..size.images).collect();
        let together = images.chunks(wanted / (across * down).max(1));
        return together
            .map(|images| images.iter().map(|&image| whole(image)).collect())
            .collect();
    }
    let columns = shares(across, across.div_ceil(ACROSS.min(wanted)));
    let widest = columns.iter().map(Range::len).max().unwrap_or(1);
    let rows = shares(down, down.div_ceil((wanted / widest).max(1)));
    let mut pieces = Vec::new();
    for image in 0..size.images {
        for rows in &rows {
            pieces.extend(columns.iter().map(|columns| {
                vec![Piece {
                    image,
                    rows: rows.clone(),
                    columns: columns.clone(),
                }]
            }));
        }
    }
    pieces
}

/// `0..len` in `parts` ranges of nearly equal length.
pub fn shares(len: usize, parts: usize) -> Vec<Range<usize>> {
    let parts = parts.clamp(1, len.max(1));
    (0..parts)
        .map(|part| len * part / parts..len * (part + 1) / parts)
        .collect()
}

/// Tiles of all pieces.
pub fn tiles(pieces: &[Piece]) -> usize {
    pieces.iter().map(Piece::tiles).sum()
}

/// The planes of as many channels as fit `found` from channel `first` on, of image `image` of
/// tensors that lie one after the other; how many there are.
fn planes(
    views: &[View<'_>],
    first: usize,
    image: usize,
    size: Size,
    found: &mut [*const f32],
) -> usize {
    let (mut channel, mut count) = (0, 0);
    for view in views {
        for index in 0..view.channels {
            if channel >= first && count < found.len() {
                found[count] = view.plane(image, index, size).as_ptr();
                count += 1;
            }
            channel += 1;
        }
    }
    count
}

/// Where the numbers of tiles are at one point: `[points][tiles][channels]`.
#[derive(Debug, Clone, Copy)]
pub struct Points {
    /// Those of the first tile and channel of interest.
    pub start: *mut f32,
    pub point_step: usize,
    pub tile_step: usize,
}

impl Points {
    /// The same from `tile` and `channel` on.
    ///
    /// # Safety
    /// Both are there.
    pub unsafe fn offset(self, tile: usize, channel: usize) -> Self {
        Self {
            // SAFETY: as promised.
            start: unsafe { self.start.add(tile * self.tile_step + channel) },
            ..self
        }
    }
}

/// Numbers that are packed at once, at most, for any of `pieces`.
pub fn packed_most(pieces: &[Piece], halo: usize, lanes: usize) -> usize {
    let each = pieces.iter().map(|piece| packed_len(piece, halo, lanes));
    each.max().unwrap_or(0)
}

/// Numbers that [`pack`] writes for `piece`.
fn packed_len(piece: &Piece, halo: usize, lanes: usize) -> usize {
    (OUT * piece.rows.len() + 2 * halo) * (OUT * piece.columns.len() + 2 * halo) * lanes
}

/// How as many channels as a vector has lanes are to be read, from channel `first` of tensors that
/// lie one after the other; `None` if all as they stand.
///
/// # Safety
/// The processor has the instructions of `V`.
#[inline(always)]
unsafe fn lanes<V: Vector>(views: &[View<'_>], first: usize) -> Option<Lanes<V>> {
    let all = views.iter().flat_map(|view| {
        (0..view.channels).map(|channel| view.reading(channel).unwrap_or(AS_IT_STANDS))
    });
    let mut here = all.skip(first).take(V::LANES);
    let changed = here.clone().any(|reading| reading != AS_IT_STANDS);
    // SAFETY: as promised.
    changed.then(|| unsafe { Lanes::of_channels(&mut here) })
}

/// The pixels of `piece` and `halo` more on each side, read as `lanes` says,
/// `[rows][columns][V::LANES]`; zeros outside of the image and for channels beyond `planes`, of which
/// there are at most `V::LANES`.
///
/// # Safety
/// The processor has the instructions of `V`; the planes have `size`; `to` has [`packed_len`]
/// numbers.
#[inline(always)]
unsafe fn pack<V: Vector>(
    planes: &[*const f32],
    lanes: Option<Lanes<V>>,
    piece: &Piece,
    halo: usize,
    size: Size,
    to: &mut [f32],
) {
    let pitch = OUT * piece.columns.len() + 2 * halo;
    let first = OUT * piece.columns.start;
    // Columns that are in the image: `from..end` there, the first of them number `skip` here.
    let from = first.saturating_sub(halo);
    let end = (first + pitch - halo).min(size.width);
    let skip = from + halo - first;
    let there = end - from;
    for (row, to) in to.chunks_exact_mut(pitch * V::LANES).enumerate() {
        let y = (OUT * piece.rows.start + row).wrapping_sub(halo);
        if y >= size.height {
            to.fill(0.0);
            continue;
        }
        to[..skip * V::LANES].fill(0.0);
        to[(skip + there) * V::LANES..].fill(0.0);
        let to = &mut to[skip * V::LANES..(skip + there) * V::LANES];
        let start = y * size.width + from;
        if planes.len() < V::LANES || there < V::LANES {
            to.fill(0.0);
            for (lane, plane) in planes.iter().enumerate() {
                for (pixel, to) in to.chunks_exact_mut(V::LANES).enumerate() {
                    // SAFETY: these pixels are within the plane's row.
                    to[lane] = unsafe { *plane.add(start + pixel) };
                }
            }
        } else {
            for square in 0..there.div_ceil(V::LANES) {
                // The last one reaches back over pixels that have been copied already.
                let x = (square * V::LANES).min(there - V::LANES);
                let to = to[x * V::LANES..].as_mut_ptr();
                // SAFETY: `V::LANES` pixels from `x` are within each plane's row, and within `to`.
                unsafe {
                    V::transpose(
                        |lane| planes[lane].add(start + x),
                        |pixel| to.add(pixel * V::LANES),
                    );
                }
            }
        }
        if let Some(lanes) = lanes {
            for pixel in to.chunks_exact_mut(V::LANES) {
                // SAFETY: a vector long.
                unsafe {
                    lanes
                        .read(V::load(pixel.as_ptr()))
                        .store(pixel.as_mut_ptr())
                };
            }
        }
    }
}

/// `Bᵀ d B` of every tile of `piece`, for as many channels as a vector has lanes.
///
/// # Safety
/// The processor has the instructions of `V`; `to` has room for the piece's tiles, used by this
/// call alone; `scratch` has [`packed_len`] numbers with a halo of one.
#[inline(always)]
unsafe fn enter<V: Vector>(
    planes: &[*const f32],
    lanes: Option<Lanes<V>>,
    piece: &Piece,
    size: Size,
    to: Points,
    scratch: &mut [f32],
) {
    // SAFETY: as promised.
    unsafe { pack(planes, lanes, piece, 1, size, scratch) };
    let pitch = (OUT * piece.columns.len() + 2) * V::LANES;
    // SAFETY: each tile reads six by six pixels that have been packed, and writes its own numbers.
    unsafe {
        let mut turned = [[V::zero(); POINTS]; POINTS];
        for (tile, (row, column)) in piece.each().enumerate() {
            let from = scratch
                .as_ptr()
                .add(OUT * row * pitch + OUT * column * V::LANES);
            let known = if column == 0 { 0 } else { POINTS - OUT };
            for x in 0..known {
                turned[x] = turned[x + OUT];
            }
            for x in known..POINTS {
                let at = |y: usize| V::load(from.add(y * pitch + x * V::LANES));
                turned[x] = input([at(0), at(1), at(2), at(3), at(4), at(5)]);
            }
            let start = to.start.add(tile * to.tile_step);
            for y in 0..POINTS {
                let row: [V; POINTS] = std::array::from_fn(|x| turned[x][y]);
                for (x, number) in input(row).into_iter().enumerate() {
                    number.store(start.add((y * POINTS + x) * to.point_step));
                }
            }
        }
    }
}

/// `G' y G'ᵀ` of every tile of `piece`, as [`enter`].
///
/// # Safety
/// As for [`enter`], without a halo.
#[inline(always)]
unsafe fn enter_gradient<V: Vector>(
    planes: &[*const f32],
    piece: &Piece,
    size: Size,
    to: Points,
    scratch: &mut [f32],
) {
    // SAFETY: as promised.
    unsafe { pack::<V>(planes, None, piece, 0, size, scratch) };
    let pitch = OUT * piece.columns.len() * V::LANES;
    // SAFETY: each tile reads four by four pixels that have been packed, and writes its own numbers.
    unsafe {
        for (tile, (row, column)) in piece.each().enumerate() {
            let from = scratch
                .as_ptr()
                .add(OUT * row * pitch + OUT * column * V::LANES);
            let mut turned = [[V::zero(); POINTS]; OUT];
            for x in 0..OUT {
                let at = |y: usize| V::load(from.add(y * pitch + x * V::LANES));
                turned[x] = gradient([at(0), at(1), at(2), at(3)]);
            }
            let start = to.start.add(tile * to.tile_step);
            for y in 0..POINTS {
                let row: [V; OUT] = std::array::from_fn(|x| turned[x][y]);
                for (x, number) in gradient(row).into_iter().enumerate() {
                    number.store(start.add((y * POINTS + x) * to.point_step));
                }
            }
        }
    }
}

/// All tiles of `pieces` and all channels of `views`, as [`enter`].
///
/// # Safety
/// The processor has the instructions of `V`; `to` has room for them, used by this call alone;
/// `scratch` has [`packed_most`] numbers with a halo of one.
#[inline(always)]
pub unsafe fn enter_all<V: Vector>(
    views: &[View<'_>],
    pieces: &[Piece],
    size: Size,
    to: Points,
    scratch: &mut [f32],
) {
    let channels: usize = views.iter().map(|view| view.channels).sum();
    let mut found = [std::ptr::null(); 16];
    for channel in (0..channels).step_by(V::LANES) {
        // SAFETY: as promised.
        let lanes = unsafe { lanes(views, channel) };
        let mut first = 0;
        for piece in pieces {
            let count = planes(views, channel, piece.image, size, &mut found[..V::LANES]);
            let packed = &mut scratch[..packed_len(piece, 1, V::LANES)];
            // SAFETY: as promised.
            unsafe {
                enter::<V>(
                    &found[..count],
                    lanes,
                    piece,
                    size,
                    to.offset(first, channel),
                    packed,
                )
            };
            first += piece.tiles();
        }
    }
}

/// All tiles of `pieces` and the channels `channels` of `view`, as [`enter_gradient`].
///
/// # Safety
/// As for [`enter_all`], without a halo.
#[inline(always)]
pub unsafe fn enter_gradients<V: Vector>(
    view: View<'_>,
    channels: Range<usize>,
    pieces: &[Piece],
    size: Size,
    to: Points,
    scratch: &mut [f32],
) {
    let mut found = [std::ptr::null(); 16];
    for channel in channels.clone().step_by(V::LANES) {
        let mut first = 0;
        for piece in pieces {
            let count = planes(&[view], channel, piece.image, size, &mut found[..V::LANES]);
            let packed = &mut scratch[..packed_len(piece, 0, V::LANES)];
            // SAFETY: as promised.
            unsafe {
                let to = to.offset(first, channel - channels.start);
                enter_gradient::<V>(&found[..count], piece, size, to, packed);
            }
            first += piece.tiles();
        }
    }
}

/// `Aᵀ m A` of every tile of `piece`, times `scale`, plus `shift` and at least `floor` (each of
/// `V::LANES` channels): what is in the image, to `planes`, of which there are at most `V::LANES`.
///
/// # Safety
/// The processor has the instructions of `V`; `from` has the piece's tiles; the planes have `size`
/// and the piece's pixels of them are written by this call alone.
#[inline(always)]
pub unsafe fn leave<V: Vector>(
    from: Points,
    piece: &Piece,
    size: Size,
    [scale, shift, floor]: [V; 3],
    planes: &[*mut f32],
) {
    // As many tiles side by side as have a vector of pixels to a row.
    let together = V::LANES / OUT;
    // SAFETY: as promised; what lies beyond the image or the last tile is computed and dropped.
    unsafe {
        // A row of pixels after the other, the channels of each side by side.
        let mut pixels = [0f32; OUT * 16 * 16];
        let row_step = V::LANES * V::LANES;
        for row in 0..piece.rows.len() {
            for first in (0..piece.columns.len()).step_by(together) {
                let tiles = together.min(piece.columns.len() - first);
                for tile in 0..tiles {
                    let place = row * piece.columns.len() + first + tile;
                    let start = from.start.add(place * from.tile_step);
                    let mut turned = [[V::zero(); OUT]; POINTS];
                    for x in 0..POINTS {
                        let at = |y: usize| V::load(start.add((y * POINTS + x) * from.point_step));
                        turned[x] = output([at(0), at(1), at(2), at(3), at(4), at(5)]);
                    }
                    for y in 0..OUT {
                        let numbers = output(std::array::from_fn(|x| turned[x][y]));
                        for (x, number) in numbers.into_iter().enumerate() {
                            let pixel = y * row_step + (tile * OUT + x) * V::LANES;
                            let number = shift.fma(scale, number).at_least(floor);
                            number.store(pixels.as_mut_ptr().add(pixel));
                        }
                    }
                }
                let x = OUT * (piece.columns.start + first);
                let there = (tiles * OUT).min(size.width - x);
                for y in 0..OUT {
                    let line = OUT * (piece.rows.start + row) + y;
                    if line >= size.height {
                        break;
                    }
                    let start = line * size.width + x;
                    let pixels = pixels.as_ptr().add(y * row_step);
                    if there == V::LANES && planes.len() == V::LANES {
                        V::transpose(
                            |pixel| pixels.add(pixel * V::LANES),
                            |lane| planes[lane].add(start),
                        );
                        continue;
                    }
                    for (lane, plane) in planes.iter().enumerate() {
                        for pixel in 0..there {
                            *plane.add(start + pixel) = *pixels.add(pixel * V::LANES + lane);
                        }
                    }
                }
            }
        }
    }
}
