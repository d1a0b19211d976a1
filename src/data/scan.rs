//! One pass over all pairs: is each file whole, do image and mask fit, and which values do the
//! masks hold? In parallel, cancellable; keeps histograms, not pixels.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::layout::{Pair, some_of};
use super::mask::{self, Kind};
use super::tally::{Pool, Tally};
use super::turn::turn;
use super::{DataError, Progress, decode};
use crate::finding::{Finding, Severity, counted};

/// What a mask holds.
#[derive(Debug, Clone)]
pub(super) struct MaskFacts {
    pub kind: Kind,
    pub tally: Tally,
    /// Bytes of image and mask on disk, for the fingerprint.
    pub bytes: [u64; 2],
    /// Width and height in pixels.
    pub size: [usize; 2],
    /// The image asks to be shown turned, its mask does not, and sizes do not tell who is right.
    pub turned: bool,
}

impl MaskFacts {
    /// Whether every stored colour is grey, so that it is an id spread over three channels.
    pub fn is_grey(&self) -> bool {
        match &self.tally {
            Tally::Whole(counts) => counts.keys().all(|&value| mask::is_grey(value)),
            // There are more values than greys.
            Tally::Summary { .. } => false,
        }
    }
}

/// A pair that can be trained on.
#[derive(Debug, Clone)]
pub(super) struct Scanned {
    pub pair: Pair,
    pub facts: MaskFacts,
}

enum Fault {
    Image(String),
    Mask(String),
    Size(String),
}

/// Facts about every whole pair, what the masks of many values hold together, and findings about the pairs
/// that are not whole.
///
/// # Errors
/// Only when cancelled.
pub(super) fn scan(
    root: &Path,
    pairs: Vec<Pair>,
    progress: &Progress,
) -> Result<(Vec<Scanned>, Pool, Vec<Finding>), DataError> {
    progress.set_total(pairs.len());
    let pool = Mutex::new(Pool::default());
    let results: Vec<(Pair, Option<Result<MaskFacts, Fault>>)> = pairs
        .into_par_iter()
        .map(|mut pair| {
            if progress.is_cancelled() {
                return (pair, None);
            }
            let facts = look(root, &mut pair, &pool);
            progress.advance();
            (pair, Some(facts))
        })
        .collect();
    if progress.is_cancelled() {
        return Err(DataError::Cancelled);
    }
    let mut scanned = Vec::with_capacity(results.len());
    let (mut images, mut masks, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for (pair, facts) in results {
        let image = pair.image.display().to_string();
        match facts {
            Some(Ok(facts)) => scanned.push(Scanned { pair, facts }),
            Some(Err(Fault::Image(message))) => images.push((image, message)),
            Some(Err(Fault::Mask(message))) => {
                masks.push((pair.mask.display().to_string(), message))
            }
            Some(Err(Fault::Size(message))) => sizes.push((image, message)),
            None => {}
        }
    }
    let mut findings = Vec::new();
    let mut report = |code, faults: Vec<(String, String)>, what: [&str; 2], remedy: &str| {
        if faults.is_empty() {
            return;
        }
        let shown: Vec<String> = faults.iter().map(|(f, m)| format!("{f}: {m}")).collect();
        let what = counted(faults.len(), what);
        let message = format!("{what} and left out: {}", some_of(&shown));
        let files = faults.into_iter().map(|(file, _)| file).collect();
        findings.push(
            Finding::new(code, Severity::Warning, message)
                .remedy(remedy)
                .files(files),
        );
    };
    report(
        "unreadable-image",
        images,
        ["image can't be read", "images can't be read"],
        "Replace the files by whole copies, or delete them.",
    );
    report(
        "unreadable-mask",
        masks,
        ["mask can't be read", "masks can't be read"],
        "Replace the files by whole copies, or delete them.",
    );
    report(
        "size-mismatch",
        sizes,
        [
            "image is of another size than its mask",
            "images are of another size than their mask",
        ],
        "Export masks at the size of their images; a mask that is stretched to fit would be wrong.",
    );
    findings.extend(orientations(&scanned));
    let pool = pool.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((scanned, pool, findings))
}

/// What cameras say about up and down, and masks do not.
fn orientations(scanned: &[Scanned]) -> Vec<Finding> {
    let named = |chosen: &dyn Fn(&Scanned) -> bool| -> Vec<String> {
        let chosen = scanned.iter().filter(|one| chosen(one));
        chosen
            .map(|one| one.pair.image.display().to_string())
            .collect()
    };
    let mut findings = Vec::new();
    let upright = named(&|one| one.pair.reading.upright);
    if !upright.is_empty() {
        findings.push(
            Finding::new(
                "exif-turned",
                Severity::Hint,
                format!(
                    "{} as the EXIF orientation says: {}",
                    counted(
                        upright.len(),
                        [
                            "image is stored lying and its mask upright: it is read",
                            "images are stored lying and their masks upright: they are read",
                        ]
                    ),
                    some_of(&upright)
                ),
            )
            .files(upright),
        );
    }
    let doubtful = named(&|one| one.facts.turned);
    if !doubtful.is_empty() {
        findings.push(
            Finding::new(
                "exif-ignored",
                Severity::Warning,
                format!(
                    "{} by the EXIF orientation, which is not done because masks have the size of the \
                     image as stored: {}",
                    counted(
                        doubtful.len(),
                        ["image asks to be turned", "images ask to be turned"]
                    ),
                    some_of(&doubtful)
                ),
            )
            .remedy(
                "Look at an overlay: if it is turned, the masks were drawn on the turned picture. Save \
                 the images turned and without the EXIF mark.",
            )
            .files(doubtful),
        );
    }
    findings
}

fn look(root: &Path, pair: &mut Pair, pool: &Mutex<Pool>) -> Result<MaskFacts, Fault> {
    let (image, mask_path) = (root.join(&pair.image), root.join(&pair.mask));
    let image_size = pair.reading.size(&image).map_err(Fault::Image)?;
    if image_size.0.saturating_mul(image_size.1) > decode::MAX_PIXELS {
        let (w, h) = image_size;
        let limit = decode::MAX_PIXELS;
        return Err(Fault::Image(format!(
            "is {w} × {h}, expected at most {limit} pixels"
        )));
    }
    if !pair.reading.embedded && pair.reading.image_slice.is_none() {
        check_end(&image).map_err(Fault::Image)?;
    }
    for channel in &pair.reading.channels {
        let path = root.join(channel);
        let size = pair.reading.size(&path);
        let size =
            size.map_err(|e| Fault::Image(format!("has {}, which {e}", channel.display())))?;
        if size != image_size {
            return Err(Fault::Image(format!(
                "is {} × {}, its channel {} {} × {}",
                image_size.0,
                image_size.1,
                channel.display(),
                size.0,
                size.1
            )));
        }
    }
    // Only the mask is decoded here.
    let _turn = turn(image_size.0 * image_size.1, 1);
    let mask = pair.reading.mask(root, &pair.mask).map_err(Fault::Mask)?;
    let size = (mask.width, mask.height);
    let sideways = size == (image_size.1, image_size.0);
    let mut turned = false;
    if can_be_turned(&image) && !pair.reading.embedded {
        if size != image_size && sideways && decode::turns_sideways(&image) {
            pair.reading.upright = true;
        } else {
            turned = decode::orientation(&image) != image::metadata::Orientation::NoTransforms;
        }
    }
    if size != image_size && !pair.reading.upright {
        return Err(Fault::Size(format!(
            "is {} × {}, its mask {} × {}",
            image_size.0, image_size.1, size.0, size.1
        )));
    }
    let bytes = [&image, &mask_path].map(|p| std::fs::metadata(p).map_or(0, |m| m.len()));
    Ok(MaskFacts {
        tally: Tally::of(&mask, pool).map_err(Fault::Mask)?,
        kind: mask.kind,
        bytes,
        size: [size.0, size.1],
        turned,
    })
}

/// Formats in which cameras write an orientation.
fn can_be_turned(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_ascii_lowercase());
    ending.is_some_and(|e| ["jpg", "jpeg", "webp"].iter().any(|known| e == *known))
}

/// A PNG or JPEG that was cut off lacks its end mark; seen without decoding it.
fn check_end(path: &Path) -> Result<(), String> {
    let mut file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let mut head = [0; 3];
    file.read_exact(&mut head).map_err(|e| e.to_string())?;
    let length = file.metadata().map_err(|e| e.to_string())?.len();
    let take = length.min(4096);
    file.seek(SeekFrom::Start(length - take))
        .map_err(|e| e.to_string())?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).map_err(|e| e.to_string())?;
    let has = |mark: &[u8]| tail.windows(mark.len()).any(|w| w == mark);
    let whole = match head {
        [0x89, b'P', b'N'] => has(b"IEND"),
        [0xFF, 0xD8, 0xFF] => has(&[0xFF, 0xD9]),
        _ => true,
    };
    if whole {
        Ok(())
    } else {
        Err("is cut off: its end is missing".to_owned())
    }
}
