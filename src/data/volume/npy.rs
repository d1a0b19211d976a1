//! numpy's `.npy`: one array, format versions 1 to 3, C order or Fortran order.
//!
//! Two dimensions are a picture (rows, columns). Three are channels if the first or last extent is at
//! most 4, else a stack; four are channels first, then a stack.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::{Size, Volume};

/// Longer headers are something else.
const MOST_HEADER: usize = 1 << 16;

struct Header {
    kind: char,
    bytes: usize,
    big: bool,
    fortran: bool,
    shape: Vec<usize>,
}

pub(super) fn size(path: &Path) -> Result<Size, String> {
    let mut file = BufReader::new(File::open(path).map_err(|e| e.to_string())?);
    header(&mut file).and_then(|header| Ok(arranged(&header.shape)?.0))
}

pub(super) fn read(path: &Path) -> Result<Volume, String> {
    from_stream(&mut BufReader::new(
        File::open(path).map_err(|e| e.to_string())?,
    ))
}

pub(super) fn from_reader(bytes: &[u8]) -> Result<Volume, String> {
    from_stream(&mut { bytes })
}

fn header(from: &mut impl Read) -> Result<Header, String> {
    let cut = |_| "is cut off in its header".to_owned();
    let mut start = [0; 8];
    from.read_exact(&mut start).map_err(cut)?;
    if !start.starts_with(b"\x93NUMPY") {
        return Err("is no numpy array".to_owned());
    }
    let length = if start[6] == 1 {
        let mut bytes = [0; 2];
        from.read_exact(&mut bytes).map_err(cut)?;
        usize::from(u16::from_le_bytes(bytes))
    } else {
        let mut bytes = [0; 4];
        from.read_exact(&mut bytes).map_err(cut)?;
        u32::from_le_bytes(bytes) as usize
    };
    if length > MOST_HEADER {
        return Err(format!("declares a header of {length} bytes"));
    }
    let mut text = vec![0; length];
    from.read_exact(&mut text).map_err(cut)?;
    let text = String::from_utf8_lossy(&text);
    let after = |key: &str| {
        let at = text.find(&format!("'{key}'"))?;
        text[at..]
            .split_once(':')
            .map(|(_, rest)| rest.trim_start())
    };
    let unreadable = || format!("has an unreadable header: {}", text.trim());
    let kind = after("descr")
        .and_then(|rest| rest.strip_prefix('\''))
        .and_then(|rest| rest.split('\'').next())
        .ok_or_else(unreadable)?;
    let mut letters = kind.chars();
    let order = letters.next().unwrap_or(' ');
    let letter = letters.next().unwrap_or(' ');
    let bytes: usize = letters.as_str().parse().unwrap_or(0);
    let known = matches!(
        (letter, bytes),
        ('b', 1) | ('i' | 'u', 1 | 2 | 4 | 8) | ('f', 4 | 8)
    );
    if !known {
        return Err(format!(
            "holds `{kind}`; whole numbers of 8 to 64 bits and floats of 32 or 64 are read"
        ));
    }
    let shape = after("shape")
        .and_then(|rest| rest.strip_prefix('('))
        .and_then(|rest| rest.split(')').next())
        .ok_or_else(unreadable)?;
    let shape: Vec<usize> = shape
        .split(',')
        .map(str::trim)
        .filter(|extent| !extent.is_empty())
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| unreadable())?;
    Ok(Header {
        kind: letter,
        bytes,
        big: order == '>',
        fortran: after("fortran_order").is_some_and(|rest| rest.starts_with("True")),
        shape,
    })
}

/// The size, and the strides in values of channel, third, second and first axis for C order.
fn arranged(shape: &[usize]) -> Result<(Size, [usize; 4]), String> {
    // For each of channel, third, second, first: which dimension of the array it is.
    let places: [Option<usize>; 4] = match *shape {
        [_, _] => [None, None, Some(0), Some(1)],
        [_, _, last] if last <= 4 => [Some(2), None, Some(0), Some(1)],
        [first, _, _] if first <= 4 => [Some(0), None, Some(1), Some(2)],
        [_, _, _] => [None, Some(0), Some(1), Some(2)],
        [_, _, _, _] => [Some(0), Some(1), Some(2), Some(3)],
        _ => {
            return Err(format!("has {} dimensions, expected 2 to 4", shape.len()));
        }
    };
    let extent = |place: Option<usize>| place.map_or(1, |p| shape[p]);
    let size = Size {
        along: [extent(places[3]), extent(places[2]), extent(places[1])],
        channels: extent(places[0]),
    }
    .checked()?;
    Ok((size, places.map(|p| p.unwrap_or(usize::MAX))))
}

fn from_stream(from: &mut impl Read) -> Result<Volume, String> {
    let header = header(from)?;
    let (size, places) = arranged(&header.shape)?;
    let expected = size.values() * header.bytes;
    let mut bytes = Vec::new();
    from.take(expected as u64)
        .read_to_end(&mut bytes)
        .map_err(|e| e.to_string())?;
    if bytes.len() < expected {
        return Err(format!(
            "is cut off: {} of {expected} bytes of values",
            bytes.len()
        ));
    }
    let dims = header.shape.len();
    let mut strides = vec![1; dims];
    for at in 1..dims {
        if header.fortran {
            strides[at] = strides[at - 1] * header.shape[at - 1];
        } else {
            let at = dims - 1 - at;
            strides[at] = strides[at + 1] * header.shape[at + 1];
        }
    }
    let stride = places.map(|p| strides.get(p).copied().unwrap_or(0));
    let value = |at: usize| -> f32 {
        let mut raw = [0; 8];
        let part = &mut raw[..header.bytes];
        part.copy_from_slice(&bytes[at * header.bytes..][..header.bytes]);
        if header.big {
            part.reverse();
        }
        let unsigned = u64::from_le_bytes(raw);
        match (header.kind, header.bytes) {
            ('f', 4) => f32::from_bits(unsigned as u32),
            ('f', _) => f64::from_bits(unsigned) as f32,
            ('i', 1) => f32::from(unsigned as i8),
            ('i', 2) => f32::from(unsigned as i16),
            ('i', 4) => unsigned as i32 as f32,
            ('i', _) => unsigned as i64 as f32,
            _ => unsigned as f32,
        }
    };
    let [nx, ny, nz] = size.along;
    let mut values = Vec::with_capacity(size.values());
    for c in 0..size.channels {
        for z in 0..nz {
            for y in 0..ny {
                let row = c * stride[0] + z * stride[1] + y * stride[2];
                values.extend((0..nx).map(|x| value(row + x * stride[3])));
            }
        }
    }
    let mut volume = Volume::new(size, values);
    volume.bytes = header.kind == 'u' && header.bytes == 1;
    Ok(volume)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(descr: &str, fortran: &str, shape: &str, values: &[u8]) -> Vec<u8> {
        let text =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({shape}), }}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(values);
        bytes
    }

    #[test]
    fn types_orders_and_arrangements_are_understood() {
        let signed = array("<i2", "False", "1, 2", &[0xFF, 0xFF, 5, 0]);
        assert_eq!(from_reader(&signed).unwrap().values, [-1.0, 5.0]);
        let big = array(">u2", "False", "1, 2", &[1, 0, 0, 7]);
        assert_eq!(from_reader(&big).unwrap().values, [256.0, 7.0]);
        // Columns first: the rows 1 2 / 3 4 are stored as 1 3 2 4.
        let fortran = array("|u1", "True", "2, 2", &[1, 3, 2, 4]);
        assert_eq!(from_reader(&fortran).unwrap().values, [1.0, 2.0, 3.0, 4.0]);
        // Channels last become channels first.
        let last = array("|u1", "False", "1, 2, 3", &[1, 2, 3, 4, 5, 6]);
        let volume = from_reader(&last).unwrap();
        assert_eq!((volume.size.channels, volume.size.along), (3, [2, 1, 1]));
        assert_eq!(volume.values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn what_is_no_array_says_so() {
        assert!(
            from_reader(b"\x93NUMPY\x01\x00\xFF\xFF")
                .unwrap_err()
                .contains("cut off")
        );
        let text = from_reader(&array("|O", "False", "1, 1", &[])).unwrap_err();
        assert!(text.contains("|O"), "{text}");
        let huge = array("<f8", "False", "90000, 90000", &[]);
        assert!(from_reader(&huge).unwrap_err().contains("limit"));
    }
}
