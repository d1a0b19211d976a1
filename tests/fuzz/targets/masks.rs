#![no_main]
//! Masks and images of any format, told by their content.

use dicebench_fuzz::data::{decode, mask};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = dicebench_fuzz::file(bytes, "png");
    // Larger ones are right, but slow.
    if decode::dimensions(&path).is_ok_and(|(w, h)| w * h > 1 << 20) {
        return;
    }
    if let Ok(mask) = mask::read(&path) {
        assert_eq!(mask.values.len(), mask.width * mask.height);
        assert_eq!(mask.histogram().values().sum::<u64>(), mask.values.len() as u64);
    }
    if let Ok(image) = decode::read(&path, bytes.len() % 2 == 0) {
        assert_eq!(image.pixels.len(), image.width * image.height * image.channels);
    }
});
