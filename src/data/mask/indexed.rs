//! Masks with a palette in formats whose usual decoders look colours up: BMP, GIF and TIFF by their
//! indices. (PNG is read so in `png`.)

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use image::codecs::bmp::BmpDecoder;
use image::{ImageDecoder, ImageFormat};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::{Kind, RawMask, Values, packed};
use crate::data::decode::MAX_PIXELS;

/// A TIFF's number for "colours come from a palette", and for "0 is black".
const PALETTE: u16 = 3;
const BLACK_IS_ZERO: [u8; 2] = [0, 1];

/// The indices; `None` where the file has no palette.
pub(super) fn read(path: &Path, format: ImageFormat) -> Result<Option<RawMask>, String> {
    match format {
        ImageFormat::Bmp => bmp(path),
        ImageFormat::Gif => gif(path).map(Some),
        ImageFormat::Tiff => tiff(path),
        ImageFormat::Tga => tga(path),
        _ => Ok(None),
    }
}

fn open(path: &Path) -> Result<BufReader<File>, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    Ok(BufReader::new(file))
}

/// Width and height, where they are not beyond the limit.
fn checked(width: u32, height: u32) -> Result<[usize; 2], String> {
    let [width, height] = [width as usize, height as usize];
    if width.saturating_mul(height) > MAX_PIXELS {
        return Err(format!(
            "is {width} × {height}, more than the limit of {MAX_PIXELS} pixels"
        ));
    }
    Ok([width, height])
}

fn mask([width, height]: [usize; 2], indices: Vec<u8>, palette: Vec<u32>) -> RawMask {
    RawMask {
        width,
        height,
        values: Values::Bytes(indices),
        kind: Kind::Palette(palette),
    }
}

fn bmp(path: &Path) -> Result<Option<RawMask>, String> {
    let mut file = open(path)?;
    let decoder = BmpDecoder::new(&mut file).map_err(|e| e.to_string())?;
    let Some(palette) = decoder.get_palette() else {
        return Ok(None);
    };
    let palette = palette.iter().copied().map(packed).collect();
    let (width, height) = decoder.dimensions();
    let size = checked(width, height)?;
    file.rewind().map_err(|e| e.to_string())?;
    let indices = bmp_indices(&mut file, size)?;
    Ok(Some(mask(size, indices, palette)))
}

/// The library can be asked for indices, but takes packed ones for one a byte, and those of a run for
/// colours. Its decoder has found the header to be sound.
fn bmp_indices<R: Read + Seek>(
    file: &mut R,
    [width, height]: [usize; 2],
) -> Result<Vec<u8>, String> {
    /// Size of the oldest header, with two bytes a side and no compression.
    const CORE: u32 = 12;
    let mut head = [0; 34];
    // An old header may be shorter than this, its pixels included; what is missing stays 0.
    let mut start = Vec::new();
    let limit = head.len() as u64;
    file.by_ref()
        .take(limit)
        .read_to_end(&mut start)
        .map_err(|e| e.to_string())?;
    head[..start.len()].copy_from_slice(&start);
    let four = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|of| head[at + of]));
    let core = four(14) == CORE;
    let bits = usize::from(head[if core { 24 } else { 28 }]);
    if !matches!(bits, 1 | 2 | 4 | 8) || (!core && four(30) != 0) {
        return Err("has a palette with run-length coded indices: save it as PNG".to_owned());
    }
    // A negative height means that the first row is the upper one.
    let from_top = !core && four(22) > i32::MAX as u32;
    file.seek(SeekFrom::Start(four(10).into()))
        .map_err(|e| e.to_string())?;
    let mut line = vec![0; (bits * width).div_ceil(32) * 4];
    let mut indices = vec![0; width * height];
    for y in 0..height {
        file.read_exact(&mut line).map_err(|e| e.to_string())?;
        let row = if from_top { y } else { height - 1 - y };
        for (x, index) in indices[row * width..][..width].iter_mut().enumerate() {
            // The first of a byte lies in its highest bits.
            let (byte, place) = (x * bits / 8, x * bits % 8);
            *index = line[byte] << place >> (8 - bits);
        }
    }
    Ok(indices)
}

/// The first picture; what it leaves free of the canvas is index 0.
fn gif(path: &Path) -> Result<RawMask, String> {
    let mut options = gif::DecodeOptions::new();
    options.check_frame_consistency(true);
    let mut decoder = options.read_info(open(path)?).map_err(|e| e.to_string())?;
    let [width, height] = checked(decoder.width().into(), decoder.height().into())?;
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    let frame = decoder.read_next_frame().map_err(|e| e.to_string())?;
    let frame = frame.ok_or("holds no picture")?;
    let palette = frame.palette.as_ref().or(global.as_ref());
    let palette = palette.ok_or("has no palette")?.chunks_exact(3);
    let palette = palette.map(|c| packed([c[0], c[1], c[2]])).collect();
    let mut indices = vec![0; width * height];
    let [left, top, wide] = [frame.left, frame.top, frame.width].map(usize::from);
    let rows = frame.buffer.chunks_exact(wide.max(1)).enumerate();
    for (y, row) in rows {
        let from = (top + y) * width + left;
        if left + wide <= width
            && let Some(to) = indices.get_mut(from..from + wide)
        {
            to.copy_from_slice(row);
        }
    }
    Ok(mask([width, height], indices, palette))
}

fn tiff(path: &Path) -> Result<Option<RawMask>, String> {
    let mut decoder = tiff_decoder(open(path)?)?;
    let number = |decoder: &mut Decoder<BufReader<File>>, tag| {
        let value = decoder.find_tag(tag).ok().flatten();
        value.and_then(|value| value.into_u16_vec().ok())
    };
    if number(&mut decoder, Tag::PhotometricInterpretation) != Some(vec![PALETTE]) {
        return Ok(None);
    }
    let bits = number(&mut decoder, Tag::BitsPerSample).unwrap_or_default();
    if bits != [8] {
        return Err(format!(
            "has a palette with indices of {bits:?} bits, expected 8: save it as PNG"
        ));
    }
    let colors = number(&mut decoder, Tag::ColorMap).ok_or("has a palette that can't be read")?;
    // All reds, then all greens, then all blues, of 16 bits.
    let count = colors.len() / 3;
    let channel = |at: usize, of: usize| (colors[of * count + at] >> 8) as u8;
    let palette = (0..count).map(|at| packed([0, 1, 2].map(|of| channel(at, of))));
    let palette: Vec<u32> = palette.collect();
    let (width, height) = decoder.dimensions().map_err(|e| e.to_string())?;
    let size = checked(width, height)?;
    let mut bytes = Vec::new();
    let mut file = open(path)?.take(MAX_PIXELS as u64 * 2);
    file.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    as_grey(&mut bytes).ok_or("has a palette that can't be read")?;
    let mut decoder = tiff_decoder(Cursor::new(bytes))?;
    match decoder.read_image().map_err(|e| e.to_string())? {
        DecodingResult::U8(indices) if indices.len() == size[0] * size[1] => {
            Ok(Some(mask(size, indices, palette)))
        }
        _ => Err("has a palette that can't be read".to_owned()),
    }
}

fn tiff_decoder<R: Read + Seek>(from: R) -> Result<Decoder<R>, String> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_PIXELS;
    limits.intermediate_buffer_size = MAX_PIXELS;
    let decoder = Decoder::new(from).map_err(|e| e.to_string())?;
    Ok(decoder.with_limits(limits))
}

/// Has the first page say that its numbers are greys: the decoder refuses palettes, though the numbers
/// are stored alike.
fn as_grey(bytes: &mut [u8]) -> Option<()> {
    const PHOTOMETRIC: u16 = 262;
    let little = match bytes.get(..4)? {
        [b'I', b'I', 42, 0] => true,
        [b'M', b'M', 0, 42] => false,
        _ => return None,
    };
    let two = |bytes: &[u8], at: usize| -> Option<u16> {
        let two = [*bytes.get(at)?, *bytes.get(at + 1)?];
        Some(match little {
            true => u16::from_le_bytes(two),
            false => u16::from_be_bytes(two),
        })
    };
    let (a, b) = (two(bytes, 4)?, two(bytes, 6)?);
    let (high, low) = if little { (b, a) } else { (a, b) };
    let page = usize::from(high) << 16 | usize::from(low);
    let entries = usize::from(two(bytes, page)?);
    let mut entries = (0..entries).map(|at| page + 2 + 12 * at);
    let entry = entries.find(|&at| two(bytes, at) == Some(PHOTOMETRIC))?;
    let mut value = BLACK_IS_ZERO;
    if little {
        value.reverse();
    }
    bytes
        .get_mut(entry + 8..entry + 10)?
        .copy_from_slice(&value);
    Some(())
}

/// Refused: rare, and its colours would hide indices.
fn tga(path: &Path) -> Result<Option<RawMask>, String> {
    let mut head = [0; 3];
    open(path)?
        .read_exact(&mut head)
        .map_err(|e| e.to_string())?;
    // A palette is there, and pixels are indices into it (packed or not).
    if head[1] == 1 && matches!(head[2], 1 | 9) {
        return Err(
            "is a TGA with a palette, whose indices can't be read: save it as PNG".to_owned(),
        );
    }
    Ok(None)
}
