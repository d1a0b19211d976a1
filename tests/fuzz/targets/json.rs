#![no_main]
//! Annotation files: COCO, LabelMe, pictures inside them, and what they draw.

use dicebench_fuzz::data::{config::Overlap, drawn, embedded};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
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
});
