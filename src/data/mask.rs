//! Mask files → the exact numbers they hold. No scaling, no colour conversion, no guessing.
//!
//! PNG is read without transformations, because the usual decoders expand a palette to colours and
//! stretch 1-, 2- and 4-bit greys; palettes of other formats are the business of `indexed`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::{DynamicImage, ImageFormat};

use super::decode::{self, MAX_PIXELS};
use super::{ClassMap, Coding, IGNORE, LabelMap, indexed};

/// A mask as stored: one number per pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct RawMask {
    pub width: usize,
    pub height: usize,
    /// Ids, or `0xRRGGBB`.
    pub values: Vec<u32>,
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

/// Reads the transparency of a picture: 0 where it is clear, 1 where it is mostly opaque.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn read_alpha(path: &Path) -> Result<RawMask, String> {
    let image = decode::open(path)?;
    if !image.color().has_alpha() {
        return Err("has no transparency".to_owned());
    }
    let rgba = image.to_rgba8();
    Ok(RawMask {
        width: rgba.width() as usize,
        height: rgba.height() as usize,
        values: rgba.pixels().map(|p| u32::from(p.0[3] >= 128)).collect(),
        kind: Kind::Grey(1),
    })
}

/// Reads a mask exactly.
///
/// # Errors
/// What is wrong with the file, without its name.
pub fn read(path: &Path) -> Result<RawMask, String> {
    if decode::is_png(path)? {
        return read_png(path);
    }
    let format = decode::format(path);
    if let Some(format) = format
        && let Some(indexed) = indexed::read(path, format)?
    {
        return Ok(indexed);
    }
    let image = decode::open(path)?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    let lossy = match format {
        Some(ImageFormat::Jpeg) => true,
        Some(ImageFormat::WebP) => decode::is_lossy_webp(path)?,
        _ => false,
    };
    let (values, kind) = match image {
        DynamicImage::ImageLuma8(grey) => (widened(grey.as_raw()), Kind::Grey(8)),
        DynamicImage::ImageLuma16(grey) => (
            grey.as_raw().iter().map(|v| u32::from(*v)).collect(),
            Kind::Grey(16),
        ),
        DynamicImage::ImageRgb16(rgb) => (narrowed(rgb.as_raw(), 3)?, Kind::Rgb),
        DynamicImage::ImageRgba16(rgba) => (narrowed(rgba.as_raw(), 4)?, Kind::Rgb),
        other => {
            let rgb = other.to_rgb8();
            let grey = lossy && rgb.pixels().all(|p| p.0[0] == p.0[1] && p.0[1] == p.0[2]);
            let value = |p: &image::Rgb<u8>| if grey { u32::from(p.0[0]) } else { packed(p.0) };
            (rgb.pixels().map(value).collect(), Kind::Rgb)
        }
    };
    Ok(RawMask {
        width,
        height,
        values,
        kind: if lossy { Kind::Lossy } else { kind },
    })
}

fn read_png(path: &Path) -> Result<RawMask, String> {
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
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| "is too large to decode".to_owned())?;
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(|e| e.to_string())?;
    let line = frame.line_size;
    let mut values = Vec::with_capacity(width * height);
    for row in bytes.chunks_exact(line).take(height) {
        match (color, bits) {
            (png::ColorType::Grayscale | png::ColorType::Indexed, 1 | 2 | 4) => {
                let per_byte = usize::from(8 / bits);
                let mask = (1_u8 << bits) - 1;
                values.extend((0..width).map(|x| {
                    let shift = 8 - usize::from(bits) * (x % per_byte + 1);
                    u32::from((row[x / per_byte] >> shift) & mask)
                }));
            }
            (png::ColorType::Grayscale | png::ColorType::Indexed, 8) => {
                values.extend(row[..width].iter().map(|v| u32::from(*v)));
            }
            (png::ColorType::Grayscale, _) => values.extend(sixteen_bit(row, 1, width)),
            (png::ColorType::GrayscaleAlpha, 8) => {
                values.extend(row.chunks_exact(2).map(|p| u32::from(p[0])));
            }
            (png::ColorType::GrayscaleAlpha, _) => values.extend(sixteen_bit(row, 2, width)),
            (png::ColorType::Rgb, 8) => {
                values.extend(row.chunks_exact(3).map(|p| packed([p[0], p[1], p[2]])));
            }
            (png::ColorType::Rgba, 8) => {
                values.extend(row.chunks_exact(4).map(|p| packed([p[0], p[1], p[2]])));
            }
            // All at once, below.
            (png::ColorType::Rgb | png::ColorType::Rgba, _) => break,
            (png::ColorType::Indexed, _) => return Err(format!("has a {bits}-bit palette")),
        }
    }
    if bits == 16 && matches!(color, png::ColorType::Rgb | png::ColorType::Rgba) {
        let sample = |two: &[u8]| u16::from_be_bytes([two[0], two[1]]);
        let samples: Vec<u16> = bytes.chunks_exact(2).map(sample).collect();
        values = narrowed(&samples, color.samples())?;
    }
    let kind = match color {
        png::ColorType::Indexed => Kind::Palette(palette),
        png::ColorType::Grayscale | png::ColorType::GrayscaleAlpha => Kind::Grey(bits),
        png::ColorType::Rgb | png::ColorType::Rgba => Kind::Rgb,
    };
    Ok(RawMask {
        width,
        height,
        values,
        kind,
    })
}

/// Colours of 16 bits a channel as those of 8 that they are: numbers below 256, or colours that were
/// stretched. Others are refused: rounding them would make colours that are not there.
fn narrowed(samples: &[u16], channels: usize) -> Result<Vec<u32>, String> {
    let each = || {
        let pixels = samples.chunks_exact(channels);
        pixels.flat_map(|pixel| pixel.iter().take(3).copied())
    };
    let low = each().all(|v| v < 256) || each().all(|v| v >> 8 == v & 0xFF);
    if !low && !each().all(|v| v & 0xFF == 0) {
        return Err(
            "holds colours of 16 bits a channel, expected numbers below 256 or colours of 8 bits"
                .to_owned(),
        );
    }
    let eight = |v: u16| if low { v as u8 } else { (v >> 8) as u8 };
    let pixels = samples.chunks_exact(channels);
    Ok(pixels
        .map(|p| packed([eight(p[0]), eight(p[1]), eight(p[2])]))
        .collect())
}

/// The first sample of each pixel of a big-endian 16-bit row.
fn sixteen_bit(row: &[u8], samples: usize, width: usize) -> impl Iterator<Item = u32> {
    row.chunks_exact(2 * samples)
        .take(width)
        .map(|p| u32::from(u16::from_be_bytes([p[0], p[1]])))
}

fn widened(bytes: &[u8]) -> Vec<u32> {
    bytes.iter().map(|v| u32::from(*v)).collect()
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

impl RawMask {
    /// The pixel values under a coding: ids stay, colours go through the palette where there is one.
    #[must_use]
    pub fn under(mut self, coding: Coding) -> Self {
        match (coding, &self.kind) {
            (Coding::Colors, Kind::Palette(palette)) => {
                for value in &mut self.values {
                    *value = palette.get(*value as usize).copied().unwrap_or(*value);
                }
            }
            (Coding::Colors, Kind::Grey(_)) => {
                for value in &mut self.values {
                    let grey = (*value).min(255);
                    *value = packed([grey as u8; 3]);
                }
            }
            (Coding::Ids, Kind::Rgb) if self.is_grey() => {
                for value in &mut self.values {
                    *value &= 0xFF;
                }
            }
            _ => {}
        }
        self
    }

    /// Whether an RGB mask has equal channels everywhere, so that its "colour" is an id.
    #[must_use]
    pub fn is_grey(&self) -> bool {
        self.values.iter().all(|&v| {
            let [r, g, b] = unpacked(v);
            r == g && g == b
        })
    }

    /// Pixels per value, ascending.
    #[must_use]
    pub fn histogram(&self) -> BTreeMap<u32, u64> {
        let mut counts = BTreeMap::new();
        let mut run = (self.values.first().copied().unwrap_or(0), 0_u64);
        // Masks are mostly runs of equal values: count runs, not pixels.
        for &value in &self.values {
            if value == run.0 {
                run.1 += 1;
            } else {
                *counts.entry(run.0).or_insert(0) += run.1;
                run = (value, 1);
            }
        }
        if run.1 > 0 {
            *counts.entry(run.0).or_insert(0) += run.1;
        }
        counts
    }
}

/// Mask value → class index, for one class map.
#[derive(Debug, Clone)]
pub struct Lookup {
    coding: Coding,
    exact: std::collections::HashMap<u32, u8>,
    classes: usize,
    /// Colours of the classes, when damaged colours may be read as their nearest class.
    nearest: Option<Vec<(u32, u8)>>,
}

/// Euclidean distance in RGB beyond which a colour is not "nearly" another.
const NEAREST_LIMIT: u32 = 96;
/// Ids of classes that lie at least this far apart may be told by the nearer one.
const APART: u32 = 24;

impl Lookup {
    /// `nearest_color` reads off-table colours as the nearest class within a limit.
    #[must_use]
    pub fn new(map: &ClassMap, nearest_color: bool) -> Self {
        let pairs: Vec<(u32, u8)> = map
            .classes
            .iter()
            .enumerate()
            .flat_map(|(index, class)| class.values.iter().map(move |&v| (v, index as u8)))
            .collect();
        let mut exact: std::collections::HashMap<u32, u8> = pairs.iter().copied().collect();
        for &value in &map.ignore {
            exact.insert(value, IGNORE);
        }
        // Ids are only "near" one another where classes lie far apart, as 0 and 255 do.
        let mut ids: Vec<u32> = pairs.iter().map(|(value, _)| *value).collect();
        ids.sort_unstable();
        let apart = ids.windows(2).all(|pair| pair[1] - pair[0] >= APART);
        let usable = map.coding == Coding::Colors || (apart && ids.len() > 1);
        let nearest = (nearest_color && usable).then_some(pairs);
        Self {
            coding: map.coding,
            exact,
            classes: map.len(),
            nearest,
        }
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The class of a value; `None` where no class claims it.
    #[must_use]
    pub fn class(&self, value: u32) -> Option<u8> {
        if let Some(&class) = self.exact.get(&value) {
            return Some(class);
        }
        let nearest = self.nearest.as_ref()?;
        if self.coding == Coding::Ids {
            let near = nearest
                .iter()
                .map(|&(id, class)| (id.abs_diff(value), class));
            return near
                .min()
                .filter(|(d, _)| *d <= 255)
                .map(|(_, class)| class);
        }
        let distance = |a: u32, b: u32| -> u32 {
            let (a, b) = (unpacked(a), unpacked(b));
            (0..3).map(|i| u32::from(a[i].abs_diff(b[i])).pow(2)).sum()
        };
        nearest
            .iter()
            .map(|&(color, class)| (distance(color, value), class))
            .min()
            .filter(|(d, _)| *d <= NEAREST_LIMIT * NEAREST_LIMIT)
            .map(|(_, class)| class)
    }

    /// Class index per pixel; unknown values become [`IGNORE`].
    #[must_use]
    pub fn apply(&self, mask: RawMask) -> LabelMap {
        let mask = mask.under(self.coding);
        let mut last = (u32::MAX, IGNORE);
        let labels = mask
            .values
            .iter()
            .map(|&value| {
                if value != last.0 {
                    last = (value, self.class(value).unwrap_or(IGNORE));
                }
                last.1
            })
            .collect();
        LabelMap {
            width: mask.width,
            height: mask.height,
            labels,
        }
    }
}

/// Writes labels as an indexed PNG whose palette holds the classes' colours.
///
/// # Errors
/// When the file can't be written.
pub fn write_indexed(path: &Path, labels: &LabelMap, map: &ClassMap) -> Result<(), String> {
    let file = File::create(path).map_err(|e| e.to_string())?;
    let mut encoder = png::Encoder::new(
        std::io::BufWriter::new(file),
        labels.width as u32,
        labels.height as u32,
    );
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    let mut palette = vec![0; 256 * 3];
    for (index, class) in map.classes.iter().enumerate() {
        palette[index * 3..index * 3 + 3].copy_from_slice(&class.color);
    }
    // The colour that Pascal VOC shows for "void".
    palette[255 * 3..].copy_from_slice(&[224, 224, 192]);
    encoder.set_palette(palette);
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    writer
        .write_image_data(&labels.labels)
        .and_then(|()| writer.finish())
        .map_err(|e| e.to_string())
}

/// Writes labels as a grey PNG of 8 bits.
///
/// # Errors
/// When the file can't be written.
pub fn write_grey(path: &Path, labels: &LabelMap) -> Result<(), String> {
    let file = File::create(path).map_err(|e| e.to_string())?;
    let mut encoder = png::Encoder::new(
        std::io::BufWriter::new(file),
        labels.width as u32,
        labels.height as u32,
    );
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    writer
        .write_image_data(&labels.labels)
        .and_then(|()| writer.finish())
        .map_err(|e| e.to_string())
}
