//! Images of more than three channels: every way they are stored opens with all of them, each is scaled
//! by itself, and a network learns from the last one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dicebench::data::config::Normalize;
use dicebench::data::loader::Loader;
use dicebench::data::{Dataset, Progress};
use dicebench::run::RunEvent;
use dicebench::run::store::Store;

use super::data_layouts::{codes, config, open, write};
use super::training::{tiny, train};

const SIDE: usize = 32;
const CHANNELS: usize = 5;

/// Whether a pixel of picture `number` is the object: a square that moves from picture to picture.
fn object(number: usize, at: usize) -> bool {
    let (x, y) = (at % SIDE, at / SIDE);
    let (left, top) = (number * 7 % 18, number * 5 % 18);
    (left..left + 12).contains(&x) && (top..top + 12).contains(&y)
}

/// A value of a channel: the object shows in the last one alone, the others hold stripes.
fn value(number: usize, channel: usize, at: usize) -> u16 {
    let base = 300 * channel as u16;
    if channel + 1 == CHANNELS {
        return base + 400 * u16::from(object(number, at));
    }
    base + ((at * (channel + 2) + number * 11) % 23) as u16 * (channel as u16 + 1)
}

fn mask(path: PathBuf, number: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let pixel =
        |x: u32, y: u32| image::Luma([u8::from(object(number, y as usize * SIDE + x as usize))]);
    image::GrayImage::from_fn(SIDE as u32, SIDE as u32, pixel)
        .save(path)
        .unwrap();
}

/// An uncompressed TIFF of 16 bits: `pages` pages of `samples` samples each.
fn tiff(path: PathBuf, pages: usize, samples: usize, value: impl Fn(usize, usize, usize) -> u16) {
    let mut bytes = b"II*\0\0\0\0\0".to_vec();
    let mut link = 4;
    for page in 0..pages {
        let data = bytes.len();
        for at in 0..SIDE * SIDE {
            for sample in 0..samples {
                bytes.extend(value(page, sample, at).to_le_bytes());
            }
        }
        let lists = bytes.len();
        for number in [16_u16, 1] {
            (0..samples).for_each(|_| bytes.extend(number.to_le_bytes()));
        }
        let directory = bytes.len();
        bytes[link..link + 4].copy_from_slice(&(directory as u32).to_le_bytes());
        let of = |offset: usize, number: u32| {
            if samples > 2 { offset as u32 } else { number }
        };
        let (count, length) = (samples as u32, (SIDE * SIDE * samples * 2) as u32);
        let entries: [(u16, u16, u32, u32); 11] = [
            (256, 3, 1, SIDE as u32),
            (257, 3, 1, SIDE as u32),
            (258, 3, count, of(lists, 16)),
            (259, 3, 1, 1),
            (262, 3, 1, 1),
            (273, 4, 1, data as u32),
            (277, 3, 1, count),
            (278, 3, 1, SIDE as u32),
            (279, 4, 1, length),
            (284, 3, 1, 1),
            (339, 3, count, of(lists + 2 * samples, 1)),
        ];
        bytes.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend(count.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        link = bytes.len();
        bytes.extend([0; 4]);
    }
    write(path, bytes);
}

/// A four-dimensional NIfTI of one slice, channels along the fourth axis.
fn nifti(path: PathBuf, channels: usize, value: impl Fn(usize, usize) -> u16) {
    let mut bytes = vec![0; 352];
    bytes[..4].copy_from_slice(&348_i32.to_le_bytes());
    let dimensions = [4, SIDE as i16, SIDE as i16, 1, channels as i16, 1, 1, 1];
    for (at, extent) in dimensions.iter().enumerate() {
        bytes[40 + 2 * at..42 + 2 * at].copy_from_slice(&extent.to_le_bytes());
    }
    bytes[70..72].copy_from_slice(&512_i16.to_le_bytes());
    bytes[72..74].copy_from_slice(&16_i16.to_le_bytes());
    bytes[108..112].copy_from_slice(&352_f32.to_le_bytes());
    bytes[344..348].copy_from_slice(b"n+1\0");
    for channel in 0..channels {
        for at in 0..SIDE * SIDE {
            bytes.extend(value(channel, at).to_le_bytes());
        }
    }
    write(path, bytes);
}

/// Means and deviations of the channels of all training images as the network is fed them.
fn moments(dataset: &Arc<Dataset>) -> Vec<[f64; 2]> {
    let mut data = config(&dataset.root);
    (data.width, data.height) = (SIDE as u64, SIDE as u64);
    data.normalize = Normalize::Dataset;
    data.augment.flip_horizontal = false;
    let loader = Loader::new(Arc::clone(dataset), &data, 1, 1).unwrap();
    let mut values = vec![Vec::new(); dataset.channels];
    for step in 0..loader.steps_per_epoch() {
        let batch = loader.train_batch(step).unwrap();
        assert_eq!(batch.shape, [1, dataset.channels, SIDE, SIDE]);
        let planes = batch.images.chunks_exact(SIDE * SIDE);
        for (all, plane) in values.iter_mut().zip(planes) {
            all.extend(plane.iter().map(|v| f64::from(*v)));
        }
    }
    let each = values.iter().map(|values| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        [mean, (square / values.len() as f64).sqrt()]
    });
    each.collect()
}

fn fed_with_all(root: &Path, how: &str) {
    let dataset = Arc::new(open(root));
    assert_eq!(dataset.channels, CHANNELS, "{how}");
    assert!(codes(&dataset).contains(&"many-channels"), "{how}");
    let sample = dataset.load(0).unwrap();
    assert_eq!(sample.image.channels, CHANNELS, "{how}");
    // The object is where the last channel is bright.
    let bright: Vec<bool> = (sample.image.pixels.chunks_exact(CHANNELS))
        .map(|p| p[CHANNELS - 1] > 128)
        .collect();
    let is: Vec<bool> = sample.labels.labels.iter().map(|l| *l == 1).collect();
    assert!(bright.iter().any(|b| *b), "{how}");
    assert!(bright == is, "{how}");
    for (channel, [mean, deviation]) in moments(&dataset).into_iter().enumerate() {
        assert!(mean.abs() < 1e-3, "{how}, channel {channel}: {mean}");
        assert!((deviation - 1.0).abs() < 1e-3, "{how}: {deviation}");
    }
}

#[test]
fn samples_pages_files_and_a_fourth_axis_are_all_channels() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..6 {
        let name = format!("p{number}");
        for set in ["samples", "pages"] {
            mask(dir.path().join(format!("{set}/masks/{name}.png")), number);
        }
        let at = |set: &str, end: &str| dir.path().join(format!("{set}/images/{name}.{end}"));
        tiff(at("samples", "tif"), 1, CHANNELS, |_, sample, at| {
            value(number, sample, at)
        });
        tiff(at("pages", "tif"), CHANNELS, 1, |page, _, at| {
            value(number, page, at)
        });
        nifti(at("axis", "nii"), CHANNELS, |channel, at| {
            value(number, channel, at)
        });
        // Rows of both run upwards.
        let label = dir.path().join(format!("axis/masks/{name}.nii"));
        nifti(label, 1, |_, at| u16::from(object(number, at)));
        let files = dir.path().join("files");
        for channel in 0..CHANNELS {
            tiff(
                files.join(format!("imagesTr/{name}_000{channel}.tif")),
                1,
                1,
                |_, _, at| value(number, channel, at),
            );
        }
        mask(files.join(format!("labelsTr/{name}.png")), number);
    }
    write(
        dir.path().join("files/dataset.json"),
        r#"{"channel_names": {"0": "a"}, "labels": {"background": 0, "square": 1}, "file_ending": ".tif"}"#,
    );
    for set in ["samples", "pages", "axis", "files"] {
        fed_with_all(&dir.path().join(set), set);
    }
}

#[test]
fn images_of_other_channels_than_most_are_an_error_that_names_them() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..4 {
        let samples = if number == 2 { 4 } else { CHANNELS };
        let image = dir.path().join(format!("images/p{number}.tif"));
        tiff(image, 1, samples, |_, sample, at| value(number, sample, at));
        mask(dir.path().join(format!("masks/p{number}.png")), number);
    }
    let dataset = open(dir.path());
    let found = dataset
        .findings
        .iter()
        .find(|f| f.code == "channels-differ");
    assert_eq!(found.unwrap().files, ["images/p2.tif"]);
}

#[test]
fn a_network_learns_from_the_fifth_channel() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..24 {
        let image = dir.path().join(format!("set/images/p{number:02}.tif"));
        tiff(image, 1, CHANNELS, |_, sample, at| {
            value(number, sample, at)
        });
        mask(
            dir.path().join(format!("set/masks/p{number:02}.png")),
            number,
        );
    }
    let mut experiment = tiny();
    for (key, value) in [
        ("data.path", dir.path().join("set").to_str().unwrap()),
        ("data.normalize", "dataset"),
        ("train.steps", "60"),
        ("train.validate_every", "60"),
        ("train.learning_rate", "0.01"),
    ] {
        experiment.set(key, value).unwrap();
    }
    let dataset = Dataset::open(&experiment.data, &Progress::default()).unwrap();
    assert_eq!(dataset.channels, CHANNELS);
    let store = Store::new(dir.path().join("runs"));
    let (events, _) = train(&[experiment], &store);
    let scores: Option<Option<f64>> = events[0].iter().rev().find_map(|event| match event {
        RunEvent::Validated { mean_dice, .. } => Some(*mean_dice),
        _ => None,
    });
    let dice = scores.unwrap();
    // The other four channels say nothing about where the square is.
    assert!(dice.unwrap() > 0.9, "{dice:?}");
}
