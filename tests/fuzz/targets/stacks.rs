#![no_main]
//! NIfTI, numpy arrays and deep TIFF.

use dicebench_fuzz::data::volume::{self, Slice, Volume};
use libfuzzer_sys::fuzz_target;

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

fuzz_target!(|bytes: &[u8]| {
    for read in [volume::nifti_from, volume::npy_from] {
        if let Ok(volume) = read(bytes) {
            look(&volume);
        }
    }
    let path = dicebench_fuzz::file(bytes, "tif");
    if volume::size(&path).is_ok_and(|(size, _)| {
        size.along.iter().product::<usize>() * size.channels <= 1 << 22
    }) && let Ok(volume) = volume::read(&path)
    {
        look(&volume);
    }
});
