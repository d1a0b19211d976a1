//! TIFF with values that common decoders drop: several pages, more samples than a colour has, 16 and
//! 32 bits, signed numbers, floats.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::{MOST_VALUES, Size, Volume};

/// Pages that are counted at most.
const MOST_PAGES: usize = 1 << 14;

type Pages = Decoder<BufReader<File>>;

fn open(path: &Path) -> Result<Pages, String> {
    let file = BufReader::new(File::open(path).map_err(|e| e.to_string())?);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MOST_VALUES * 4;
    limits.intermediate_buffer_size = MOST_VALUES * 4;
    Ok(Decoder::new(file)
        .map_err(|e| e.to_string())?
        .with_limits(limits))
}

/// Width, height and samples of the current page.
fn page(decoder: &mut Pages) -> Result<[usize; 3], String> {
    let (width, height) = decoder.dimensions().map_err(|e| e.to_string())?;
    let samples = decoder
        .colortype()
        .map_err(|e| e.to_string())?
        .num_samples();
    Ok([width as usize, height as usize, usize::from(samples)])
}

/// Whether the sample after the colours is transparency; without a word about it, it is a channel
/// like the others (near infrared, mostly).
fn has_alpha(decoder: &mut Pages) -> bool {
    let extra = decoder.find_tag(Tag::ExtraSamples).ok().flatten();
    let extra = extra.and_then(|value| value.into_u16_vec().ok());
    extra.is_some_and(|extra| extra.first().is_some_and(|kind| matches!(kind, 1 | 2)))
}

/// What of the samples of a page is kept: all but transparency.
fn kept(decoder: &mut Pages, samples: usize) -> usize {
    use tiff::ColorType::{GrayA, RGBA};
    match decoder.colortype() {
        Ok(GrayA(_) | RGBA(_)) if has_alpha(decoder) => samples - 1,
        _ => samples,
    }
}

/// Pages of another size than the first (previews) are passed over.
pub(super) fn size(path: &Path) -> Result<Size, String> {
    let mut decoder = open(path)?;
    let first = page(&mut decoder)?;
    let channels = kept(&mut decoder, first[2]);
    let mut pages = 1;
    while decoder.more_images() && pages < MOST_PAGES {
        decoder.next_image().map_err(|e| e.to_string())?;
        pages += usize::from(page(&mut decoder).is_ok_and(|p| p == first));
    }
    Size {
        along: [first[0], first[1], pages],
        channels,
    }
    .checked()
}

pub(super) fn read(path: &Path) -> Result<Volume, String> {
    let size = size(path)?;
    let mut decoder = open(path)?;
    let [width, height, pages] = size.along;
    let (plane, samples) = (width * height, page(&mut decoder)?[2]);
    let mut values = vec![0.0; size.values()];
    let mut at = 0;
    let mut bytes = true;
    loop {
        if page(&mut decoder)? == [width, height, samples] {
            let mut result = DecodingResult::U8(Vec::new());
            let layout = decoder
                .read_image_to_buffer(&mut result)
                .map_err(|e| e.to_string())?;
            let planar = layout.planes > 1;
            bytes &= matches!(result, DecodingResult::U8(_));
            let page = floats(result);
            if page.len() < plane * samples {
                return Err(format!(
                    "is cut off: page {} holds {} of {} values",
                    at + 1,
                    page.len(),
                    plane * samples
                ));
            }
            for sample in 0..size.channels {
                let to = &mut values[(sample * pages + at) * plane..][..plane];
                for (pixel, to) in to.iter_mut().enumerate() {
                    *to = if planar {
                        page[sample * plane + pixel]
                    } else {
                        page[pixel * samples + sample]
                    };
                }
            }
            at += 1;
        }
        if at >= pages || !decoder.more_images() {
            break;
        }
        decoder.next_image().map_err(|e| e.to_string())?;
    }
    let mut volume = Volume::new(size, values);
    volume.bytes = bytes;
    Ok(volume)
}

fn floats(result: DecodingResult) -> Vec<f32> {
    match result {
        DecodingResult::U8(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::U16(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::U32(v) => v.into_iter().map(|x| x as f32).collect(),
        DecodingResult::U64(v) => v.into_iter().map(|x| x as f32).collect(),
        DecodingResult::F16(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::F32(v) => v,
        DecodingResult::F64(v) => v.into_iter().map(|x| x as f32).collect(),
        DecodingResult::I8(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::I16(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::I32(v) => v.into_iter().map(|x| x as f32).collect(),
        DecodingResult::I64(v) => v.into_iter().map(|x| x as f32).collect(),
    }
}

/// Whether the usual way of decoding would drop something: pages, samples, bits.
pub(super) fn is_deep(path: &Path) -> Result<bool, String> {
    use tiff::ColorType::{CMYK, Gray, GrayA, Palette, RGB, RGBA};
    let mut decoder = open(path)?;
    let color = decoder.colortype().map_err(|e| e.to_string())?;
    let common = matches!(
        color,
        Gray(1..=8) | GrayA(8) | RGB(8) | RGBA(8) | CMYK(8) | Palette(_)
    );
    let common = common && (!matches!(color, RGBA(_)) || has_alpha(&mut decoder));
    Ok(!common || decoder.more_images())
}
