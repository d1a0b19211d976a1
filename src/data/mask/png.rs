//! PNG masks without transformations: the usual decoders expand a palette to colours and stretch 1-, 2-
//! and 4-bit greys.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use png::ColorType;

use super::narrow::Narrow;
use super::{Kind, RawMask, Values, packed};
use crate::data::decode::MAX_PIXELS;

pub(super) fn read(path: &Path) -> Result<RawMask, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let mut decoder = png::Decoder::new(BufReader::new(file));
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    if width * height > MAX_PIXELS {
        return Err(format!(
            "is {width} × {height}, more than the limit of {MAX_PIXELS} pixels"
        ));
    }
    let (color, bits) = (info.color_type, info.bit_depth as u8);
    let palette: Vec<u32> = info
        .palette
        .as_deref()
        .unwrap_or_default()
        .chunks_exact(3)
        .map(|c| packed([c[0], c[1], c[2]]))
        .collect();
    let kind = match color {
        ColorType::Indexed if bits > 8 => return Err(format!("has a {bits}-bit palette")),
        ColorType::Indexed => Kind::Palette(palette),
        ColorType::Grayscale | ColorType::GrayscaleAlpha => Kind::Grey(bits),
        ColorType::Rgb | ColorType::Rgba => Kind::Rgb,
    };
    let mut rows = Rows::new(color, bits, width, height);
    if info.interlaced {
        let size = reader.output_buffer_size();
        let mut bytes = vec![0; size.ok_or("is too large to decode")?];
        let frame = reader.next_frame(&mut bytes).map_err(|e| e.to_string())?;
        for row in bytes.chunks_exact(frame.line_size).take(height) {
            rows.add(row);
        }
    } else {
        // Row by row: the numbers of a large mask are enough to hold.
        while let Some(row) = reader.next_row().map_err(|e| e.to_string())? {
            rows.add(row.data());
        }
    }
    let values = rows.finish()?;
    if values.len() != width * height {
        return Err("is cut off: rows are missing".to_owned());
    }
    Ok(RawMask {
        width,
        height,
        values,
        kind,
    })
}

/// Takes rows as they are stored.
struct Rows {
    bits: u8,
    samples: usize,
    width: usize,
    values: Values,
    narrow: Narrow,
}

impl Rows {
    fn new(color: ColorType, bits: u8, width: usize, height: usize) -> Self {
        let wide = bits == 16 || matches!(color, ColorType::Rgb | ColorType::Rgba);
        let count = width * height;
        Self {
            bits,
            samples: color.samples(),
            width,
            values: match wide {
                true => Values::Words(Vec::with_capacity(count)),
                false => Values::Bytes(Vec::with_capacity(count)),
            },
            narrow: Narrow::default(),
        }
    }

    fn add(&mut self, row: &[u8]) {
        let (width, bits) = (self.width, self.bits);
        let colored = self.samples > 2;
        let pixels = row
            .chunks_exact((self.samples * usize::from(bits) / 8).max(1))
            .take(width);
        let wide = |two: &[u8]| u16::from_be_bytes([two[0], two[1]]);
        match &mut self.values {
            // Several a byte, the first in its highest bits.
            Values::Bytes(values) if bits < 8 => {
                let per_byte = usize::from(8 / bits);
                let mask = (1_u8 << bits) - 1;
                values.extend((0..width).map(|x| {
                    let shift = 8 - usize::from(bits) * (x % per_byte + 1);
                    (row[x / per_byte] >> shift) & mask
                }));
            }
            Values::Bytes(values) => values.extend(pixels.map(|pixel| pixel[0])),
            Values::Words(values) if bits == 8 => {
                values.extend(pixels.map(|p| packed([p[0], p[1], p[2]])));
            }
            Values::Words(values) if colored => {
                let narrow = &mut self.narrow;
                let color = |p: &[u8]| [0, 2, 4].map(|at| narrow.byte(wide(&p[at..])));
                values.extend(pixels.map(color).map(packed));
            }
            Values::Words(values) => values.extend(pixels.map(|p| u32::from(wide(p)))),
        }
    }

    fn finish(self) -> Result<Values, String> {
        self.narrow.check()?;
        Ok(self.values)
    }
}
