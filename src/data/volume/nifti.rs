//! NIfTI-1 and NIfTI-2 in one file (`.nii`, `.nii.gz`), any byte order; axes are turned so that they
//! point right, anterior and superior, whatever order they are stored in.
//!
//! Source: the NIfTI-1.1 and NIfTI-2 headers of nifti.nimh.nih.gov.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::{Size, Volume};

struct Header {
    big: bool,
    /// As stored.
    along: [usize; 3],
    channels: usize,
    kind: i16,
    offset: u64,
    read: u64,
    slope: f64,
    inter: f64,
    spacing: [f32; 3],
    /// For each axis right, anterior, superior: the stored axis, and whether it runs backwards.
    axes: [(usize, bool); 3],
}

pub(super) fn size(path: &Path) -> Result<(Size, [f32; 3]), String> {
    let header = header(&mut open(path)?)?;
    Ok((turned_size(&header), turned_spacing(&header)))
}

/// The directions of the stored axes, such as `LAS`.
pub(super) fn orientation(path: &Path) -> Result<String, String> {
    let header = header(&mut open(path)?)?;
    let mut letters = ['?'; 3];
    for ((stored, backwards), names) in header.axes.iter().zip(["RL", "AP", "SI"]) {
        letters[*stored] = names.chars().nth(usize::from(*backwards)).unwrap_or('?');
    }
    Ok(letters.iter().collect())
}

pub(super) fn read(path: &Path) -> Result<Volume, String> {
    from_stream(&mut open(path)?)
}

/// Compressed or not, told by the first bytes.
pub(super) fn from_reader(bytes: &[u8]) -> Result<Volume, String> {
    if bytes.starts_with(&[0x1F, 0x8B]) {
        from_stream(&mut MultiGzDecoder::new(bytes))
    } else {
        from_stream(&mut { bytes })
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, String> {
    let mut head = [0; 2];
    let mut file = File::open(path).map_err(|e| e.to_string())?;
    file.read_exact(&mut head)
        .map_err(|_| "is empty or cut off".to_owned())?;
    let file = BufReader::new(File::open(path).map_err(|e| e.to_string())?);
    Ok(if head == [0x1F, 0x8B] {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    })
}

struct Fields<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl Fields<'_> {
    fn take<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        if let Some(found) = self.bytes.get(at..at + N) {
            bytes.copy_from_slice(found);
        }
        if self.big {
            bytes.reverse();
        }
        bytes
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.take(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.take(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.take(at))
    }

    fn f32(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.take(at)))
    }

    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.take(at))
    }
}

fn header(from: &mut impl Read) -> Result<Header, String> {
    let mut bytes = vec![0; 348];
    from.read_exact(&mut bytes)
        .map_err(|e| format!("has no whole NIfTI header: {e}"))?;
    let declared = [bytes[0], bytes[1], bytes[2], bytes[3]];
    let (version, big) = match (i32::from_le_bytes(declared), i32::from_be_bytes(declared)) {
        (348, _) => (1, false),
        (_, 348) => (1, true),
        (540, _) => (2, false),
        (_, 540) => (2, true),
        (other, _) => {
            return Err(format!(
                "is no NIfTI file: its header says {other} bytes, expected 348 or 540"
            ));
        }
    };
    if version == 2 {
        bytes.resize(540, 0);
        from.read_exact(&mut bytes[348..])
            .map_err(|e| format!("has no whole NIfTI header: {e}"))?;
    }
    let fields = Fields { bytes: &bytes, big };
    let one = version == 1;
    let dim = |i: usize| -> i64 {
        if one {
            i64::from(fields.i16(40 + 2 * i))
        } else {
            fields.i64(16 + 8 * i)
        }
    };
    let real = |first: usize, second: usize, i: usize| {
        if one {
            fields.f32(first + 4 * i)
        } else {
            fields.f64(second + 8 * i)
        }
    };
    let count = dim(0);
    if !(1..=7).contains(&count) {
        return Err(format!("declares {count} dimensions, expected 1 to 7"));
    }
    let extent = |i: i64| -> Result<usize, String> {
        if i > count {
            return Ok(1);
        }
        let value = dim(i as usize);
        usize::try_from(value)
            .ok()
            .filter(|v| *v > 0)
            .ok_or_else(|| format!("declares an extent of {value} along axis {i}"))
    };
    let along = [extent(1)?, extent(2)?, extent(3)?];
    let mut channels = 1_usize;
    for i in 4..=7 {
        channels = channels
            .checked_mul(extent(i)?)
            .ok_or("declares a size beyond measure")?;
    }
    let mut spacing = [1.0; 3];
    for (axis, spacing) in spacing.iter_mut().enumerate() {
        let declared = real(76, 104, axis + 1).abs();
        if declared.is_finite() && declared > 0.0 {
            *spacing = declared as f32;
        }
    }
    let offset = if one {
        fields.f32(108)
    } else {
        fields.i64(168) as f64
    };
    let read = bytes.len() as u64;
    if !offset.is_finite() || offset < 0.0 || offset > (1_u64 << 30) as f64 {
        return Err(format!("declares its values at byte {offset}"));
    }
    let (code_q, code_s) = if one {
        (i32::from(fields.i16(252)), i32::from(fields.i16(254)))
    } else {
        (fields.i32(344), fields.i32(348))
    };
    let rows: [[f64; 3]; 3] = if code_s > 0 {
        let row = |r: usize| [0, 1, 2].map(|c| real(280 + 16 * r, 400 + 32 * r, c));
        [row(0), row(1), row(2)]
    } else if code_q > 0 {
        let quaternion = [0, 1, 2].map(|i| real(256, 352, i));
        rotation(quaternion, real(76, 104, 0))
    } else {
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    };
    Size { along, channels }.checked()?;
    let kind = if one { fields.i16(70) } else { fields.i16(12) };
    bytes_of(kind)?;
    Ok(Header {
        big,
        along,
        channels,
        kind,
        offset: (offset as u64).max(read),
        read,
        slope: real(112, 176, 0),
        inter: real(116, 184, 0),
        spacing,
        axes: nearest_axes(rows),
    })
}

/// The rotation that a NIfTI quaternion means; `qfac` -1 turns the third axis round.
fn rotation([b, c, d]: [f64; 3], qfac: f64) -> [[f64; 3]; 3] {
    let a = (1.0 - (b * b + c * c + d * d)).max(0.0).sqrt();
    let sign = if qfac < 0.0 { -1.0 } else { 1.0 };
    [
        [
            a * a + b * b - c * c - d * d,
            2.0 * (b * c - a * d),
            sign * 2.0 * (b * d + a * c),
        ],
        [
            2.0 * (b * c + a * d),
            a * a + c * c - b * b - d * d,
            sign * 2.0 * (c * d - a * b),
        ],
        [
            2.0 * (b * d - a * c),
            2.0 * (c * d + a * b),
            sign * (a * a + d * d - c * c - b * b),
        ],
    ]
}

/// Which stored axis runs along each world axis, taken in falling order of agreement.
fn nearest_axes(rows: [[f64; 3]; 3]) -> [(usize, bool); 3] {
    let length = |axis: usize| (0..3).map(|r| rows[r][axis].powi(2)).sum::<f64>().sqrt();
    let mut agreements: Vec<(f64, usize, usize)> = Vec::new();
    for (world, row) in rows.iter().enumerate() {
        for (stored, value) in row.iter().enumerate() {
            let agreement = value.abs() / length(stored).max(f64::MIN_POSITIVE);
            let agreement = if agreement.is_finite() {
                agreement
            } else {
                0.0
            };
            agreements.push((agreement, world, stored));
        }
    }
    // Ties keep the stored order.
    agreements.sort_by(|a, b| {
        b.0.total_cmp(&a.0)
            .then((a.1 != a.2).cmp(&(b.1 != b.2)))
            .then(a.1.cmp(&b.1))
    });
    let mut axes = [None; 3];
    let mut used = [false; 3];
    for (_, world, stored) in agreements {
        if axes[world].is_none() && !used[stored] {
            axes[world] = Some((stored, rows[world][stored] < 0.0));
            used[stored] = true;
        }
    }
    [0, 1, 2].map(|world| axes[world].unwrap_or((world, false)))
}

fn turned_size(header: &Header) -> Size {
    Size {
        along: header.axes.map(|(stored, _)| header.along[stored]),
        channels: header.channels,
    }
}

fn turned_spacing(header: &Header) -> [f32; 3] {
    header.axes.map(|(stored, _)| header.spacing[stored])
}

fn bytes_of(kind: i16) -> Result<usize, String> {
    match kind {
        2 | 256 => Ok(1),
        4 | 512 => Ok(2),
        8 | 16 | 768 => Ok(4),
        64 | 1024 | 1280 => Ok(8),
        other => Err(format!(
            "holds values of NIfTI type {other}; whole numbers of 8 to 64 bits and floats are read"
        )),
    }
}

fn from_stream(from: &mut impl Read) -> Result<Volume, String> {
    let header = header(from)?;
    let skipped = header.offset - header.read;
    std::io::copy(&mut from.by_ref().take(skipped), &mut std::io::sink())
        .map_err(|e| e.to_string())?;
    let size = turned_size(&header);
    let width = bytes_of(header.kind)?;
    let expected = size.values() * width;
    // Grows as bytes arrive: a declared size alone allocates nothing.
    let mut bytes = Vec::new();
    from.take(expected as u64)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("can't be unpacked: {e}"))?;
    if bytes.len() < expected {
        return Err(format!(
            "is cut off: {} of {expected} bytes of values",
            bytes.len()
        ));
    }
    let scaled = header.slope != 0.0 && header.slope.is_finite() && header.inter.is_finite();
    let (slope, inter) = if scaled {
        (header.slope, header.inter)
    } else {
        (1.0, 0.0)
    };
    let value = |at: usize| -> f32 {
        let fields = Fields {
            bytes: &bytes,
            big: header.big,
        };
        let at = at * width;
        let stored = match header.kind {
            2 => f64::from(bytes[at]),
            256 => f64::from(bytes[at] as i8),
            4 => f64::from(fields.i16(at)),
            512 => f64::from(fields.i16(at) as u16),
            8 => f64::from(fields.i32(at)),
            768 => f64::from(fields.i32(at) as u32),
            16 => fields.f32(at),
            64 => fields.f64(at),
            1024 => fields.i64(at) as f64,
            _ => fields.i64(at) as u64 as f64,
        };
        (stored * slope + inter) as f32
    };
    let stride = [1, header.along[0], header.along[0] * header.along[1]];
    let per_channel: usize = header.along.iter().product();
    let [nx, ny, nz] = size.along;
    // Where a step along a world axis leads among the stored values.
    let place = |world: usize, index: usize| {
        let (stored, backwards) = header.axes[world];
        let index = if backwards {
            header.along[stored] - 1 - index
        } else {
            index
        };
        index * stride[stored]
    };
    let mut values = Vec::with_capacity(size.values());
    for channel in 0..size.channels {
        for z in 0..nz {
            let z = channel * per_channel + place(2, z);
            for y in 0..ny {
                let y = z + place(1, y);
                values.extend((0..nx).map(|x| value(y + place(0, x))));
            }
        }
    }
    let mut volume = Volume::new(size, values);
    volume.spacing = turned_spacing(&header);
    volume.anatomical = true;
    volume.bytes = header.kind == 2 && !scaled;
    Ok(volume)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 2 × 3 × 1 stack of `i16` with the given order of bytes and affine rows.
    fn file(big: bool, rows: [[f32; 4]; 3]) -> Vec<u8> {
        let mut bytes = vec![0; 352];
        let mut put = |at: usize, value: &[u8]| {
            let mut value = value.to_vec();
            if big {
                value.reverse();
            }
            bytes[at..at + value.len()].copy_from_slice(&value);
        };
        put(0, &348_i32.to_le_bytes());
        for (i, extent) in [3_i16, 2, 3, 1].iter().enumerate() {
            put(40 + 2 * i, &extent.to_le_bytes());
        }
        put(70, &4_i16.to_le_bytes());
        put(108, &352_f32.to_le_bytes());
        put(254, &1_i16.to_le_bytes());
        for (r, row) in rows.iter().enumerate() {
            for (c, value) in row.iter().enumerate() {
                put(280 + 16 * r + 4 * c, &value.to_le_bytes());
            }
        }
        for value in [-1_i16, 1, 2, 3, 4, 5] {
            let value = if big {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            };
            bytes.extend(value);
        }
        bytes
    }

    const RAS: [[f32; 4]; 3] = [
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0],
    ];

    #[test]
    fn both_byte_orders_and_compression_give_the_same_values() {
        let expected = [-1.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        for big in [false, true] {
            let plain = file(big, RAS);
            assert_eq!(from_reader(&plain).unwrap().values, expected);
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut packed, &plain).unwrap();
            let packed = packed.finish().unwrap();
            assert_eq!(from_reader(&packed).unwrap().values, expected);
        }
    }

    #[test]
    fn axes_are_turned_right_anterior_superior() {
        // The first axis runs left: rows are read backwards.
        let mut las = RAS;
        las[0][0] = -1.0;
        let volume = from_reader(&file(false, las)).unwrap();
        assert_eq!(volume.values, [1.0, -1.0, 3.0, 2.0, 5.0, 4.0]);
        // First and second axis exchanged.
        let swapped = [RAS[1], RAS[0], RAS[2]];
        let volume = from_reader(&file(false, swapped)).unwrap();
        assert_eq!(volume.size.along, [3, 2, 1]);
        assert_eq!(volume.values, [-1.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    }

    #[test]
    fn sizes_are_refused_as_declared_and_cuts_are_named() {
        let mut huge = file(false, RAS);
        for axis in 1..=3 {
            huge[40 + 2 * axis..42 + 2 * axis].copy_from_slice(&30_000_i16.to_le_bytes());
        }
        assert!(from_reader(&huge).unwrap_err().contains("limit"));
        let whole = file(false, RAS);
        let message = from_reader(&whole[..whole.len() - 2]).unwrap_err();
        assert!(message.contains("10 of 12 bytes"), "{message}");
        assert!(from_reader(&whole[..100]).unwrap_err().contains("header"));
    }
}
