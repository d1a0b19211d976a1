//! Datasets of every layout and trap, made in small; the real ones where they are present.

use std::fs;
use std::path::{Path, PathBuf};

use dicebench::data::mask::write_indexed;
use dicebench::data::{
    ClassMap, DataConfig, DataError, Dataset, IGNORE, LabelMap, Progress, synthetic,
};

fn open(path: &Path) -> Result<Dataset, DataError> {
    let config = DataConfig {
        path: path.display().to_string(),
        ..DataConfig::default()
    };
    Dataset::open(&config, &Progress::default())
}

fn codes(dataset: &Dataset) -> Vec<&str> {
    dataset.findings.iter().map(|f| f.code.as_str()).collect()
}

fn save_rgb(path: &Path, width: u32, height: u32, color: impl Fn(u32, u32) -> [u8; 3]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let image = image::RgbImage::from_fn(width, height, |x, y| image::Rgb(color(x, y)));
    image.save(path).unwrap();
}

fn save_grey(path: &Path, width: u32, height: u32, value: impl Fn(u32, u32) -> u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let image = image::GrayImage::from_fn(width, height, |x, y| image::Luma([value(x, y)]));
    image.save(path).unwrap();
}

/// `count` pairs in `images` and `masks` whose masks hold `value(x, y)`.
fn pairs(root: &Path, count: usize, value: impl Fn(u32, u32) -> u8 + Copy) {
    for i in 0..count {
        save_rgb(&root.join(format!("images/{i}.png")), 6, 4, |x, y| {
            [x as u8, y as u8, 0]
        });
        save_grey(&root.join(format!("masks/{i}.png")), 6, 4, value);
    }
}

#[test]
fn the_written_sample_is_the_generated_one() {
    let dir = tempfile::tempdir().unwrap();
    synthetic::write(dir.path(), 1).unwrap();
    let written = open(dir.path()).unwrap();
    let generated = Dataset::open(&DataConfig::default(), &Progress::default()).unwrap();
    assert_eq!(written.items.len(), generated.items.len());
    assert_eq!(written.census.train_pixels, generated.census.train_pixels);
    assert_eq!(written.census.val_pixels, generated.census.val_pixels);
    let names = |d: &Dataset| {
        d.classes
            .classes
            .iter()
            .map(|c| c.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&written), names(&generated));
    let (a, b) = (written.load(3).unwrap(), generated.load(3).unwrap());
    assert_eq!((a.image, a.labels), (b.image, b.labels));
}

#[test]
fn masks_may_be_arrays_beside_pictures() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 4, |_, _| 0);
    fs::remove_dir_all(dir.path().join("masks")).unwrap();
    fs::create_dir(dir.path().join("masks")).unwrap();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 6), }";
    let mut bytes = b"\x93NUMPY\x01\x00\x46\x00".to_vec();
    bytes.extend(format!("{header:<69}\n").as_bytes());
    bytes.extend((0..24).map(|at| u8::from(at >= 12)));
    for at in 0..4 {
        fs::write(dir.path().join(format!("masks/{at}.npy")), &bytes).unwrap();
    }
    let dataset = open(dir.path()).unwrap();
    assert_eq!((dataset.items.len(), dataset.classes.len()), (4, 2));
    assert_eq!(dataset.load(0).unwrap().labels.labels, bytes[80..]);
}

#[cfg(unix)]
#[test]
fn palette_masks_are_indices_even_when_two_entries_have_one_color() {
    let dir = tempfile::tempdir().unwrap();
    let map = ClassMap {
        classes: synthetic::class_map()
            .classes
            .into_iter()
            .map(|c| dicebench::data::Class {
                color: [9, 9, 9],
                ..c
            })
            .collect(),
        ..ClassMap::default()
    };
    let labels = LabelMap {
        width: 6,
        height: 1,
        labels: vec![0, 1, 2, 3, 4, IGNORE],
    };
    for name in ["a", "b"] {
        save_rgb(
            &dir.path().join(format!("images/{name}.jpg")),
            6,
            1,
            |_, _| [5, 5, 5],
        );
        fs::create_dir_all(dir.path().join("masks")).unwrap();
        write_indexed(&dir.path().join(format!("masks/{name}.png")), &labels, &map).unwrap();
    }
    let dataset = open(dir.path()).unwrap();
    assert_eq!(*dataset.load(0).unwrap().labels, labels);
    assert_eq!(dataset.classes.len(), 5);
    assert_eq!(dataset.census.ignored_train + dataset.census.ignored_val, 2);
}

#[test]
fn unknown_values_are_ignored_and_named_never_a_class() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 4, |x, y| {
        if (x, y) == (0, 0) {
            77
        } else {
            u8::from(x > 2)
        }
    });
    let mut config = DataConfig {
        path: dir.path().display().to_string(),
        ..DataConfig::default()
    };
    let mut classes = synthetic::class_map();
    classes.classes.truncate(2);
    classes.ignore.clear();
    config.classes = Some(classes);
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    let finding = dataset
        .findings
        .iter()
        .find(|f| f.code == "unknown-label")
        .unwrap();
    assert!(finding.message.contains("77 (4 px)"), "{}", finding.message);
    assert_eq!(dataset.load(0).unwrap().labels.labels[0], IGNORE);
}

#[test]
fn color_masks_follow_their_table_and_damaged_colors_are_read_only_on_request() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        let root = dir.path().join("train");
        save_rgb(&root.join(format!("sky/{name}.png")), 4, 1, |_, _| {
            [1, 1, 1]
        });
        save_rgb(
            &root.join(format!("labels/{name}.png")),
            4,
            1,
            |x, _| match x {
                0 => [128, 0, 0],
                1 => [120, 4, 0],
                _ => [0, 0, 0],
            },
        );
    }
    fs::write(
        dir.path().join("class_dict.csv"),
        "name,r,g,b\ncloud,128,0,0\nvoid,0,0,0\n",
    )
    .unwrap();
    let mut config = DataConfig {
        path: dir.path().display().to_string(),
        ..DataConfig::default()
    };
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(dataset.load(0).unwrap().labels.labels, [0, IGNORE, 1, 1]);
    assert!(codes(&dataset).contains(&"unknown-color"));
    config.nearest_color = true;
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(dataset.load(0).unwrap().labels.labels, [0, 0, 1, 1]);
    assert!(!codes(&dataset).contains(&"unknown-color"));
}

#[test]
fn one_bit_masks_in_the_same_folder_as_their_images_are_found_by_suffix() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..3 {
        save_rgb(&dir.path().join(format!("x_{i}.jpg")), 9, 2, |_, _| {
            [7, 7, 7]
        });
        let file = fs::File::create(dir.path().join(format!("x_{i}_mask.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, 9, 2);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[0b1000_0000, 0x80, 0, 0]).unwrap();
    }
    let dataset = open(dir.path()).unwrap();
    let labels = &dataset.load(0).unwrap().labels.labels;
    assert_eq!(labels[..9], [1, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert!(labels[9..].iter().all(|l| *l == 0));
}

#[test]
fn a_class_without_training_pixels_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for (part, value) in [("train", 1), ("val", 2)] {
        for i in 0..3 {
            let path = dir.path().join(part);
            save_rgb(&path.join(format!("images/{i}.png")), 4, 4, |_, _| {
                [0, 0, 0]
            });
            save_grey(&path.join(format!("masks/{i}.png")), 4, 4, |x, _| {
                if x == 0 { value } else { 0 }
            });
        }
    }
    let dataset = open(dir.path()).unwrap();
    assert_eq!((dataset.split.train.len(), dataset.split.val.len()), (3, 3));
    assert!(
        codes(&dataset).contains(&"class-not-in-training"),
        "{:?}",
        dataset.findings
    );
    assert!(codes(&dataset).contains(&"class-not-in-validation"));
}

/// The real datasets, where the machine has them.
fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    path.exists().then_some(path)
}

fn percent(pixels: &[u64], ignored: u64) -> Vec<f64> {
    let total = (pixels.iter().sum::<u64>() + ignored) as f64;
    pixels.iter().map(|n| *n as f64 / total * 100.0).collect()
}

#[test]
fn camvid_opens_as_segnet_with_its_published_shares() {
    let Some(path) = real("camvid_segnet/CamVid") else {
        return;
    };
    let dataset = open(&path).unwrap();
    assert_eq!(dataset.layout, "SegNet CamVid");
    assert_eq!(
        (dataset.split.train.len(), dataset.split.val.len()),
        (160, 50)
    );
    assert_eq!(dataset.classes.len(), 11);
    let train = percent(&dataset.census.train_pixels, dataset.census.ignored_train);
    let expected = [
        16.74, 23.28, 0.99, 31.42, 4.48, 9.84, 1.18, 1.11, 6.02, 0.68, 0.28,
    ];
    for (a, b) in train.iter().zip(expected) {
        assert!((a - b).abs() <= 0.01, "{train:?}");
    }
}

#[test]
fn cloudshadow_mixes_palette_and_color_masks() {
    let Some(path) = real("cloudshadow_rgb/data") else {
        return;
    };
    let mut config = DataConfig {
        path: path.display().to_string(),
        ..DataConfig::default()
    };
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(
        (dataset.split.train.len(), dataset.split.val.len()),
        (172, 40)
    );
    assert!(codes(&dataset).contains(&"unknown-color"));
    let train = percent(&dataset.census.train_pixels, dataset.census.ignored_train);
    for (a, b) in train.iter().zip([21.69, 16.34, 61.27]) {
        assert!((a - b).abs() <= 0.01, "{train:?}");
    }
    config.nearest_color = true;
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(dataset.census.ignored_train, 0, "{:?}", dataset.findings);
}

#[test]
fn the_other_real_sets_open_as_what_they_are() {
    for (name, pairs, classes) in [
        ("isbi_membrane/data", 30, 2),
        ("chasedb1", 28, 2),
        ("layouts/mmseg/pseudo_dataset", 5, 4),
        ("layouts/mmseg/pseudo_cityscapes_dataset", 1, 0),
        ("layouts/mmseg/pseudo_lip_dataset", 2, 0),
        ("layouts/mmseg/pseudo_refuge_dataset", 1, 3),
        ("layouts/keras_segmentation_example", 8, 0),
        (
            "layouts/labelme/semantic_segmentation/data_dataset_voc",
            3,
            0,
        ),
    ] {
        let Some(path) = real(name) else { continue };
        let dataset = open(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(dataset.items.len(), pairs, "{name}: {:?}", dataset.findings);
        if classes > 0 {
            assert_eq!(dataset.classes.len(), classes, "{name}");
        }
    }
}
