//! From tensors to what the register tiles read: bands of image rows with a rim of zeros around
//! them, the list of spans that covers them, and weights in blocks.

#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use std::ops::Range;

use rayon::prelude::*;

use super::Path;
use super::memory::Output;
use super::reading::{Reading, read};
use super::tile::Span;

/// Some channels of a batch of images; `H·W` numbers to a channel, one channel after the other.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Starts at the first channel of the first image.
    pub data: &'a [f32],
    pub channels: usize,
    /// From an image to the next.
    pub image_stride: usize,
    /// How each channel is to be read; as it stands if empty.
    pub readings: &'a [Reading],
}

/// Size of a batch of planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub images: usize,
    pub height: usize,
    pub width: usize,
}

impl Size {
    /// Pixels of a plane.
    pub fn plane(self) -> usize {
        self.height * self.width
    }

    pub fn pixels(self) -> usize {
        self.images * self.plane()
    }

    /// Half as high and wide, rounded down.
    pub fn halved(self) -> Self {
        Self {
            height: self.height / 2,
            width: self.width / 2,
            ..self
        }
    }

    /// Twice as high and wide.
    pub fn doubled(self) -> Self {
        Self {
            height: 2 * self.height,
            width: 2 * self.width,
            ..self
        }
    }
}

impl<'a> View<'a> {
    /// How channel `channel` is to be read, unless as it stands.
    pub fn reading(&self, channel: usize) -> Option<Reading> {
        self.readings.get(channel).copied()
    }

    /// Channel `channel` of image `image`, as it stands.
    pub fn plane(&self, image: usize, channel: usize, size: Size) -> &'a [f32] {
        let start = image * self.image_stride + channel * size.plane();
        &self.data[start..start + size.plane()]
    }

    /// Whether every plane of every image is there.
    pub fn is_whole(&self, size: Size) -> bool {
        let before_last = size.images.saturating_sub(1) * self.image_stride;
        size.images == 0 || self.data.len() >= before_last + self.channels * size.plane()
    }
}

/// Where packed planes come from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// Channels of several tensors, one after the other, as if they were concatenated.
    Channels(&'a [View<'a>]),
    /// Four planes of each channel of a tensor of twice the size, `[even, odd]` rows × `[even,
    /// odd]` columns.
    Quarters(View<'a>),
}

impl<'a> Source<'a> {
    /// How many planes there are.
    pub fn planes(&self) -> usize {
        match self {
            Self::Channels(views) => views.iter().map(|view| view.channels).sum(),
            Self::Quarters(view) => 4 * view.channels,
        }
    }

    fn channel(views: &[View<'a>], mut index: usize) -> (View<'a>, usize) {
        let mut last = views[0];
        for &view in views {
            if index < view.channels {
                return (view, index);
            }
            index -= view.channels;
            last = view;
        }
        (last, index)
    }
}

/// Rows `rows` of image `image`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    pub image: usize,
    pub rows: Range<usize>,
}

/// The bands that a task works on, all of the same number of rows, as they lie in its scratch:
/// `[planes][bands][rows + 2·pad][pitch]`.
#[derive(Debug, Clone)]
pub struct Layout {
    pub size: Size,
    pub pad: usize,
    pub bands: Vec<Band>,
}

impl Layout {
    /// From a row to the next.
    pub fn pitch(&self) -> usize {
        self.size.width + 2 * self.pad
    }

    /// From a band to the next.
    fn band_stride(&self) -> usize {
        let rows = self.bands.first().map_or(0, |band| band.rows.len());
        (rows + 2 * self.pad) * self.pitch()
    }

    /// From a plane to the next.
    pub fn plane_stride(&self) -> usize {
        self.bands.len() * self.band_stride()
    }

    /// Length of the scratch for `planes` planes: a vector at the last pixel may read beyond.
    pub fn scratch(&self, planes: usize) -> usize {
        planes * self.plane_stride() + 16
    }

    /// Offsets of the taps of a kernel in the order of its weights.
    pub fn taps(&self) -> Vec<usize> {
        let kernel = 2 * self.pad + 1;
        (0..kernel * kernel)
            .map(|tap| tap / kernel * self.pitch() + tap % kernel)
            .collect()
    }

    /// Copies planes into the scratch, with zeros around each band.
    pub fn pack(&self, path: Path, source: Source<'_>, planes: Range<usize>, scratch: &mut [f32]) {
        let used = scratch.len() - 16;
        scratch[used..].fill(0.0);
        let plane_stride = self.plane_stride();
        for (plane, packed) in planes.zip(scratch[..used].chunks_exact_mut(plane_stride)) {
            let bands = packed.chunks_exact_mut(self.band_stride());
            for (band, packed) in self.bands.iter().zip(bands) {
                match source {
                    Source::Channels(views) => {
                        let (view, channel) = Source::channel(views, plane);
                        let plane = view.plane(band.image, channel, self.size);
                        self.pack_band(band, plane, packed, |from, to| {
                            match view.reading(channel) {
                                Some(reading) => read(path, reading, from, to),
                                None => to.copy_from_slice(from),
                            }
                        });
                    }
                    Source::Quarters(view) => {
                        let plane_of = view.plane(band.image, plane / 4, self.size.doubled());
                        self.pack_quarter(band, plane_of, plane % 4, packed);
                    }
                }
            }
        }
    }

    fn pack_band(
        &self,
        band: &Band,
        plane: &[f32],
        packed: &mut [f32],
        copy: impl Fn(&[f32], &mut [f32]),
    ) {
        let (pad, width) = (self.pad, self.size.width);
        for (index, row) in packed.chunks_exact_mut(self.pitch()).enumerate() {
            let y = (band.rows.start + index).wrapping_sub(pad);
            if y >= self.size.height {
                row.fill(0.0);
                continue;
            }
            row[..pad].fill(0.0);
            let from = &plane[y * width..(y + 1) * width];
            copy(from, &mut row[pad..pad + width]);
            row[pad + width..].fill(0.0);
        }
    }

    /// Without a rim, which a kernel of 2×2 with stride 2 has no need of.
    fn pack_quarter(&self, band: &Band, plane: &[f32], quarter: usize, packed: &mut [f32]) {
        let width = self.size.width;
        let (odd_row, odd_column) = (quarter / 2, quarter % 2);
        for (y, row) in band.rows.clone().zip(packed.chunks_exact_mut(width)) {
            let from = &plane[(2 * y + odd_row) * 2 * width..][..2 * width];
            for (to, pair) in row.iter_mut().zip(from.as_chunks::<2>().0) {
                *to = pair[odd_column];
            }
        }
    }

    /// Pieces of rows that fill a vector of `path`, or half of one.
    fn piece(&self, path: Path) -> (usize, bool) {
        let lanes = path.lanes();
        // Half vectors waste less when rows are short or odd; narrower registers need none.
        let split = lanes == 16 && !self.size.width.is_multiple_of(lanes);
        (if split { lanes / 2 } else { lanes }, split)
    }

    /// Spans that cover the bands. `dst` counts within one channel of a tensor whose images are
    /// `image_stride` apart.
    pub fn spans(&self, path: Path, image_stride: usize) -> (Vec<Span>, bool) {
        let width = self.size.width;
        self.spans_from(path, |_, band| {
            band.image * image_stride + band.rows.start * width
        })
    }

    /// Pixels of all bands.
    pub fn pixels(&self) -> usize {
        let rows: usize = self.bands.iter().map(|band| band.rows.len()).sum();
        rows * self.size.width
    }

    /// Spans that cover the bands; `dst` counts from band to band without gaps.
    pub fn local_spans(&self, path: Path) -> (Vec<Span>, bool) {
        let width = self.size.width;
        self.spans_from(path, |index, band| index * band.rows.len() * width)
    }

    fn spans_from(&self, path: Path, start: impl Fn(usize, &Band) -> usize) -> (Vec<Span>, bool) {
        let (piece, split) = self.piece(path);
        let width = self.size.width;
        let mut pieces = Vec::new();
        for (index, band) in self.bands.iter().enumerate() {
            for row in 0..band.rows.len() {
                for x in (0..width).step_by(piece) {
                    let src = index * self.band_stride() + row * self.pitch() + x;
                    let dst = start(index, band) + row * width + x;
                    pieces.push((src, dst, piece.min(width - x)));
                }
            }
        }
        let spans = pieces.chunks(if split { 2 } else { 1 }).map(|pieces| {
            let (first, last) = (pieces[0], pieces[pieces.len() - 1]);
            Span {
                src: [first.0, last.0],
                dst: [first.1, last.1],
                len: [first.2, if pieces.len() == 2 { last.2 } else { 0 }],
            }
        });
        (spans.collect(), split)
    }

    /// Whether every lane of every span is a pixel, so that a tensor can be read in place.
    pub fn is_even(&self, path: Path) -> bool {
        let (piece, split) = self.piece(path);
        let rows: usize = self.bands.iter().map(|band| band.rows.len()).sum();
        let pieces = rows * self.size.width / piece;
        self.size.width.is_multiple_of(piece) && (!split || pieces.is_multiple_of(2))
    }
}

/// Copies `view` span by span, so that each fills a whole vector of `path`, zeros in the lanes
/// that are no pixels; the spans are changed to say so. `scratch` is
/// `[channels][spans][lanes]`.
pub fn pack_dense(path: Path, view: View<'_>, size: Size, spans: &mut [Span], scratch: &mut [f32]) {
    let lanes = path.lanes();
    for (channel, packed) in scratch
        .chunks_exact_mut(spans.len() * lanes)
        .enumerate()
        .take(view.channels)
    {
        let plane = &view.data[channel * size.plane()..];
        for (span, packed) in spans.iter().zip(packed.chunks_exact_mut(lanes)) {
            packed.fill(0.0);
            for (half, packed) in packed.chunks_mut(lanes / 2).enumerate() {
                // A whole vector is one piece in two halves.
                let (from, len) = if span.src[0] == span.src[1] && span.len[1] == 0 {
                    let done = half * lanes / 2;
                    let left = span.len[0].saturating_sub(done);
                    (span.dst[0] + done, left.min(lanes / 2))
                } else {
                    (span.dst[half], span.len[half])
                };
                if len > 0 {
                    packed[..len].copy_from_slice(&plane[from..from + len]);
                }
            }
        }
    }
    for (index, span) in spans.iter_mut().enumerate() {
        span.dst = [index * lanes, index * lanes + lanes / 2];
    }
}

/// Weights in the order the tiles read them: `[blocks][planes][taps][Path::rows()]`, zeros in rows
/// beyond `rows`. `of(row, plane)` gives where the taps of that pair start in `weights`; they are
/// read backwards if `flip`.
pub fn pack_weights(
    path: Path,
    weights: &[f32],
    [rows, planes, taps]: [usize; 3],
    flip: bool,
    of: impl Fn(usize, usize) -> usize + Sync,
) -> Vec<f32> {
    let m = path.rows();
    let block_len = planes * taps * m;
    let blocks = rows.div_ceil(m);
    let mut output = Output::new(blocks * block_len);
    let out = output.pointer();
    let fill = |block: usize| {
        // SAFETY: within the output; this block belongs to this call.
        let packed = unsafe { out.slice(block * block_len, block_len) };
        let from = |row: usize, plane: usize| {
            let row = block * m + row;
            (row < rows).then(|| &weights[of(row, plane)..][..taps])
        };
        match (m, taps) {
            (8, 9) => pack_block::<8, 9>(packed, flip, from),
            (6, 9) => pack_block::<6, 9>(packed, flip, from),
            (4, 9) => pack_block::<4, 9>(packed, flip, from),
            (8, 1) => pack_block::<8, 1>(packed, flip, from),
            _ => {
                for (plane, packed) in packed.chunks_exact_mut(taps * m).enumerate() {
                    for row in 0..m {
                        let from = from(row, plane);
                        for tap in 0..taps {
                            let source = if flip { taps - 1 - tap } else { tap };
                            packed[tap * m + row] = from.map_or(0.0, |from| from[source]);
                        }
                    }
                }
            }
        }
    };
    let each = (1 << 14) / block_len.max(1);
    (0..blocks)
        .into_par_iter()
        .with_min_len(each.max(1))
        .for_each(fill);
    // SAFETY: every block has been written.
    unsafe { output.finish() }
}

/// One block with lengths that the compiler knows.
fn pack_block<'a, const M: usize, const T: usize>(
    packed: &mut [f32],
    flip: bool,
    from: impl Fn(usize, usize) -> Option<&'a [f32]>,
) {
    let planes = packed.as_chunks_mut::<M>().0.as_chunks_mut::<T>().0;
    for (plane, packed) in planes.iter_mut().enumerate() {
        for row in 0..M {
            let taps = from(row, plane).and_then(|taps| taps.first_chunk::<T>());
            let mut taps = taps.copied().unwrap_or([0.0; T]);
            if flip {
                taps.reverse();
            }
            for (packed, tap) in packed.iter_mut().zip(taps) {
                packed[row] = tap;
            }
        }
    }
}
