//! What is fuzzed: one function per target, which must neither panic nor take much memory, whatever the
//! bytes. Also run by the ordinary tests over a few damaged files, so that it can't fall behind.

use std::path::PathBuf;

use super::data::config::Overlap;
use super::data::volume::{self, Slice, Volume};
use super::data::{decode, drawn, embedded, mask};

/// The bytes as a file in memory, where the system has such a place; one for each thread.
fn file(bytes: &[u8], ending: &str) -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    let folder = if shm.is_dir() {
        shm
    } else {
        std::env::temp_dir()
    };
    let thread = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    let path = folder.join(format!(
        "dicebench-fuzz-{}-{thread}.{ending}",
        std::process::id()
    ));
    std::fs::write(&path, bytes).expect("a writable folder for temporary files");
    path
}

/// Annotation files: COCO, LabelMe, pictures inside them, and what they draw.
pub fn json(bytes: &[u8]) {
    for overlap in [Overlap::Smaller, Overlap::Later] {
        if let Ok(drawings) = drawn::coco(bytes, overlap) {
            for drawing in drawings.into_iter().take(4) {
                if drawing.width.saturating_mul(drawing.height) <= 1 << 18 {
                    let _ = drawing.paint();
                }
            }
        }
    }
    if let Ok(drawing) = drawn::labelme(bytes)
        && drawing.width.saturating_mul(drawing.height) <= 1 << 18
    {
        let _ = drawing.paint();
    }
    let _ = embedded::from_json(bytes);
}

/// Masks and images of any format, told by their content.
pub fn masks(bytes: &[u8]) {
    let path = file(bytes, "png");
    // Larger ones are right, but slow.
    if decode::dimensions(&path).is_ok_and(|(w, h)| w * h > 1 << 20) {
        return;
    }
    if let Ok(mask) = mask::read(&path) {
        assert_eq!(mask.values.len(), mask.width * mask.height);
        assert_eq!(
            mask.histogram().values().sum::<u64>(),
            mask.values.len() as u64
        );
    }
    if let Ok(image) = decode::read(&path, bytes.len().is_multiple_of(2)) {
        assert_eq!(
            image.pixels.len(),
            image.width * image.height * image.channels
        );
    }
}

/// NIfTI, numpy arrays and deep TIFF.
pub fn stacks(bytes: &[u8]) {
    for read in [volume::nifti_from, volume::npy_from] {
        if let Ok(volume) = read(bytes) {
            look(&volume);
        }
    }
    let path = file(bytes, "tif");
    if volume::size(&path)
        .is_ok_and(|(size, _)| size.along.iter().product::<usize>() * size.channels <= 1 << 22)
        && let Ok(volume) = volume::read(&path)
    {
        look(&volume);
        let pages = volume.pages().expect("a stack has a page");
        assert_eq!(
            pages.pixels.len(),
            pages.width * pages.height * pages.channels
        );
    }
}

fn look(volume: &Volume) {
    for axis in 0..3 {
        let index = volume.size.along[axis] - 1;
        let slice = Slice { axis, index };
        let [width, height] = volume.size.across(axis);
        if width * height > 1 << 20 {
            continue;
        }
        assert!(volume.image(slice).is_ok());
        let _ = volume.mask(slice);
    }
}
