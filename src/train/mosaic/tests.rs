use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::data::config::Sampling;
use crate::data::crop::covering;
use crate::data::loader::Loader;
use crate::data::{DataConfig, Dataset, Progress};
use crate::experiment::ExperimentConfig;
use crate::model::UNet;
use crate::model::config::{ModelConfig, Normalization};
use crate::run::RunEvent;
use crate::run::metrics::Confusion;
use crate::train::{Session, answers, device};

/// Pairs of images and masks of a size.
fn pairs(dir: &Path, [width, height]: [u32; 2]) {
    for folder in ["images", "masks"] {
        std::fs::create_dir_all(dir.join(folder)).unwrap();
    }
    for at in 0..4_u32 {
        let image = image::RgbImage::from_fn(width, height, |x, y| {
            let wave = |a: u32, b: u32| ((x * a + y * b + at * 31) % 251) as u8;
            image::Rgb([wave(3, 5), wave(7, 2), wave(1, 11)])
        });
        let mask = image::GrayImage::from_fn(width, height, |x, y| {
            image::Luma([u8::from((x / 9 + y / 7 + at) % 3 == 0)])
        });
        image.save(dir.join(format!("images/{at}.png"))).unwrap();
        mask.save(dir.join(format!("masks/{at}.png"))).unwrap();
    }
}

fn loader(dir: &Path, tile: u64, overlap: f64, sampling: Sampling) -> Loader {
    let config = DataConfig {
        path: dir.display().to_string(),
        width: tile,
        height: tile,
        sampling,
        crop_overlap: overlap,
        ..DataConfig::default()
    };
    let dataset = Arc::new(Dataset::open(&config, &Progress::default()).unwrap());
    Loader::new(dataset, &config, 2, 1).unwrap()
}

/// A network that sees one pixel: class `c` has `c` times the first channel, less 0.3.
fn by_pixel(batch: &Batch) -> Result<Vec<f32>, Broken> {
    let [n, channels, h, w] = batch.shape;
    let plane = h * w;
    let of = |at: usize, class: usize| {
        let red = &batch.images[at * channels * plane..][..plane];
        red.iter().map(move |value| class as f32 * value - 0.3)
    };
    let logits = (0..n).flat_map(|at| (0..3).flat_map(move |class| of(at, class)));
    Ok(logits.collect())
}

#[test]
fn what_one_pixel_decides_is_the_same_in_windows_as_in_the_whole() {
    for size in [[70, 50], [20, 41], [33, 32]] {
        let dir = tempfile::tempdir().unwrap();
        pairs(dir.path(), size);
        let [width, height] = size.map(|side| side as usize);
        for overlap in [0.0, 0.25, 0.6] {
            let loader = loader(dir.path(), 32, overlap, Sampling::Crop);
            let mut mosaic = Mosaic::new(loader.whole(1).unwrap(), 3);
            let sample = mosaic.whole().sample();
            let expected = |class: usize, x: usize, y: usize| {
                let red = f32::from(sample.image.pixels[(y * width + x) * 3]) / 255.0;
                class as f32 * (red - 0.5) * 4.0 - 0.3
            };
            for y in 0..height {
                let row = mosaic.row(y, &by_pixel).unwrap();
                assert_eq!(row.len(), 3 * width);
                for (at, value) in row.iter().enumerate() {
                    let right = expected(at / width, at % width, y);
                    assert!((value - right).abs() < 1e-4, "{size:?} {overlap} {at} {y}");
                }
            }
            // The same by windows, 0 where there is no image.
            let mut mosaic = Mosaic::new(loader.whole(1).unwrap(), 3);
            for window in covering([width, height], [32, 32]) {
                let logits = mosaic.window(window, &by_pixel).unwrap();
                for (at, value) in logits.iter().enumerate() {
                    let x = window.left + (at % 32) as isize;
                    let y = window.top + (at / 32 % 32) as isize;
                    let inside =
                        (0..width as isize).contains(&x) && (0..height as isize).contains(&y);
                    let right = match inside {
                        true => expected(at / 1024, x as usize, y as usize),
                        false => 0.0,
                    };
                    assert!((value - right).abs() < 1e-4, "{size:?} {overlap} {x} {y}");
                }
            }
        }
    }
}

/// Largest differences of a network's answers in windows of 64 from its answer to the whole of an image:
/// `[where no border is near, anywhere]`, and the mean anywhere. Windows must begin at multiples of 4,
/// where pooling cuts.
fn differences(side: usize, overlap: f64, far: impl Fn(usize) -> bool) -> ([f32; 2], f32) {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), [side as u32; 2]);
    let (device, _) = device::open("cpu").unwrap();
    let device = device.without_autodiff();
    let config = ModelConfig {
        depth: 2,
        base: 4,
        // What any other reads of a window reaches all over it.
        normalization: Normalization::None,
        ..ModelConfig::default()
    };
    let model = UNet::new(&config, 3, 2, 5, &device);
    let answer = |batch: &Batch| answers::read(answers::forward(&model, batch, &device));
    let whole = loader(dir.path(), side as u64, overlap, Sampling::Resize);
    let whole = answer(&whole.sample(2).unwrap().1).unwrap();
    let windows = loader(dir.path(), 64, overlap, Sampling::Crop);
    let mut mosaic = Mosaic::new(windows.whole(2).unwrap(), 2);
    let (mut most, mut sum) = ([0.0_f32; 2], 0.0);
    for y in 0..side {
        let row = mosaic.row(y, &answer).unwrap();
        for (at, value) in row.iter().enumerate() {
            let (class, x) = (at / side, at % side);
            let off = (value - whole[(class * side + y) * side + x]).abs();
            most[1] = most[1].max(off);
            sum += off;
            if far(x) && far(y) {
                most[0] = most[0].max(off);
            }
        }
    }
    (most, sum / whole.len() as f32)
}

#[test]
fn a_networks_answer_in_windows_is_that_to_the_whole_where_its_view_ends_before_their_borders() {
    // Five convolutions of 3×3 at the top, five at half the size and two at a quarter see 5 + 10 + 8 = 23
    // pixels around one, and a few more by where pooling cuts. Away from borders of windows at 64 and 96,
    // and at 48 and 112, that leaves 76 to 84 in the middle; in the corner, 0 to 24.
    let ([far, anywhere], _) = differences(160, 0.25, |at| at < 24 || (76..84).contains(&at));
    assert!(far < 1e-5, "{far}");
    assert!(anywhere > 100.0 * far, "borders show nowhere: {anywhere}");
    // Nearer to the whole than windows laid side by side.
    let (_, blended) = differences(192, 0.5, |_| false);
    let (_, side_by_side) = differences(192, 0.0, |_| false);
    assert!(
        blended < 0.8 * side_by_side,
        "{blended} against {side_by_side}"
    );
}

#[test]
fn what_is_kept_and_shown_of_a_run_on_crops_is_the_whole_image() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), [75, 50]);
    let mut config = ExperimentConfig::default();
    for (key, value) in [
        ("data.path", dir.path().to_str().unwrap()),
        ("data.sampling", "crop"),
        ("data.width", "32"),
        ("data.height", "32"),
        ("model.depth", "2"),
        ("model.base", "4"),
        ("train.batch", "2"),
        ("train.steps", "2"),
        ("train.validate_every", "2"),
    ] {
        config.set(key, value).unwrap();
    }
    let dataset = Arc::new(Dataset::open(&config.data, &Progress::default()).unwrap());
    let (device, _) = device::open("cpu").unwrap();
    let mut session = Session::new(&config, Arc::clone(&dataset), &device, "cpu").unwrap();
    assert_eq!(session.pixels_kept(), 75 * 50);
    session.keep(vec![0]);
    let mut events = session.step().unwrap();
    events.extend(session.step().unwrap());
    let kept = session.take_kept().remove(0);
    let item = dataset.split.val[0];
    assert_eq!((kept.position, kept.width, kept.height), (0, 75, 50));
    assert_eq!(kept.truth, dataset.load(item).unwrap().labels.labels);
    let (sample, prediction) = session.preview(item).unwrap();
    assert_eq!((sample.image.width, sample.image.height), (75, 50));
    assert_eq!(prediction.labels, kept.labels);
    assert_eq!(prediction.entropy, kept.doubt);
    // The scores are those of the pictures.
    let Some(RunEvent::Validated { per_image, .. }) = events
        .iter()
        .find(|event| matches!(event, RunEvent::Validated { .. }))
    else {
        panic!("{events:?}");
    };
    let mut confusion = Confusion::new(dataset.classes.len());
    confusion.add(&kept.truth, &kept.labels);
    assert_eq!(per_image[0], confusion);
}
