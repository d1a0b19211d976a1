//! Mask files → the exact numbers they hold → classes. No scaling, no colour conversion, no guessing.
//!
//! Palettes are read by index: those of PNG in `png`, those of other formats in `indexed`.

mod indexed;
mod lookup;
mod narrow;
mod png;
mod read;
mod values;
mod write;

use std::collections::BTreeMap;

use super::Coding;

pub use lookup::Lookup;
pub use read::{read, read_alpha};
pub use values::Values;
pub use write::{write_grey, write_indexed};

/// A mask as stored: one number per pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct RawMask {
    pub width: usize,
    pub height: usize,
    /// Ids, or `0xRRGGBB`.
    pub values: Values,
    pub kind: Kind,
}

/// How the file stores its numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Grey values as stored, of this many bits.
    Grey(u8),
    /// Palette indices, with the palette as `0xRRGGBB`.
    Palette(Vec<u32>),
    /// Colours.
    Rgb,
    /// Values of a lossy format: edges can't be trusted.
    Lossy,
}

impl Kind {
    /// Whether values are `0xRRGGBB`, or greys of one byte.
    fn has_colors(&self) -> bool {
        matches!(self, Self::Rgb | Self::Lossy)
    }

    /// What a stored value stands for under a coding: ids stay, colours go through the palette where
    /// there is one. `grey` says that every colour of the mask is grey, so that it is an id spread over
    /// three channels.
    pub(super) fn under(&self, value: u32, coding: Coding, grey: bool) -> u32 {
        match (coding, self) {
            (Coding::Colors, Self::Palette(palette)) => {
                palette.get(value as usize).copied().unwrap_or(value)
            }
            (Coding::Colors, Self::Grey(_)) => packed([value.min(255) as u8; 3]),
            (Coding::Ids, Self::Rgb) if grey => value & 0xFF,
            _ => value,
        }
    }
}

/// `0xRRGGBB`.
#[must_use]
pub fn packed([r, g, b]: [u8; 3]) -> u32 {
    u32::from(r) << 16 | u32::from(g) << 8 | u32::from(b)
}

/// The inverse of [`packed`].
#[must_use]
pub fn unpacked(color: u32) -> [u8; 3] {
    [(color >> 16) as u8, (color >> 8) as u8, color as u8]
}

/// Whether a colour has equal channels.
pub(super) fn is_grey(color: u32) -> bool {
    let [r, g, b] = unpacked(color);
    r == g && g == b
}

/// A tree of more colours than this is slower than a table of all there are.
const FEW: usize = 4096;

/// A photo has a colour of its own at nearly every pixel.
fn by_color(words: &[u32]) -> BTreeMap<u32, u64> {
    let mut table = vec![0_u32; 1 << 24];
    for word in words {
        table[(*word & 0xFF_FFFF) as usize] += 1;
    }
    let counts = (0..).zip(table).filter(|(_, count)| *count > 0);
    counts
        .map(|(color, count)| (color, u64::from(count)))
        .collect()
}

impl RawMask {
    /// Pixels per value, ascending.
    #[must_use]
    pub fn histogram(&self) -> BTreeMap<u32, u64> {
        match &self.values {
            Values::Bytes(bytes) => {
                let mut counts = [0_u64; 256];
                for byte in bytes {
                    counts[usize::from(*byte)] += 1;
                }
                (0..).zip(counts).filter(|(_, count)| *count > 0).collect()
            }
            // Masks are mostly runs of equal values: count runs, not pixels.
            Values::Words(words) => {
                let mut counts = BTreeMap::new();
                for run in words.chunk_by(|a, b| a == b) {
                    *counts.entry(run[0]).or_insert(0) += run.len() as u64;
                    if counts.len() > FEW && self.kind.has_colors() {
                        return by_color(words);
                    }
                }
                counts
            }
        }
    }
}
