//! Every layout in small: made, opened, and recognised as what it is.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use dicebench::data::config::{LayoutName, SliceAxis};
use dicebench::data::{DataConfig, DataError, Dataset, IGNORE, Progress};

pub fn config(path: &Path) -> DataConfig {
    DataConfig {
        path: path.display().to_string(),
        ..DataConfig::default()
    }
}

pub fn open(path: &Path) -> Dataset {
    let opened = Dataset::open(&config(path), &Progress::default());
    opened.unwrap_or_else(|e| panic!("{e}"))
}

pub fn codes(dataset: &Dataset) -> Vec<&str> {
    dataset.findings.iter().map(|f| f.code.as_str()).collect()
}

pub fn names(dataset: &Dataset) -> Vec<&str> {
    let classes = dataset.classes.classes.iter();
    classes.map(|class| class.name.as_str()).collect()
}

pub fn write(path: PathBuf, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A picture of 4 × 2 pixels.
pub fn picture(path: PathBuf) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let image = image::RgbImage::from_fn(4, 2, |x, y| image::Rgb([x as u8 * 60, y as u8 * 90, 7]));
    image.save(path).unwrap();
}

/// Grey ids of 4 × 2 pixels.
pub fn ids(path: PathBuf, values: [u8; 8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::GrayImage::from_raw(4, 2, values.to_vec())
        .unwrap()
        .save(path)
        .unwrap();
}

pub fn colors(path: PathBuf, values: [[u8; 3]; 8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::RgbImage::from_raw(4, 2, values.concat())
        .unwrap()
        .save(path)
        .unwrap();
}

pub const IDS: [u8; 8] = [0, 1, 1, 2, 0, 0, 1, 2];

#[test]
fn nnunet_joins_channel_files_and_reads_its_own_names() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for case in ["a_01", "a_02", "b_01"] {
        for channel in 0..2 {
            ids(
                root.join(format!("imagesTr/{case}_000{channel}.png")),
                [channel * 100 + 3; 8],
            );
        }
        ids(root.join(format!("labelsTr/{case}.png")), IDS);
    }
    picture(root.join("imagesTs/z_0000.png"));
    write(
        root.join("dataset.json"),
        r#"{"channel_names": {"0": "a", "1": "b"}, "labels": {"background": 0, "cell": 1, "ignore": 2},
            "numTraining": 3, "file_ending": ".png"}"#,
    );
    let dataset = open(root);
    assert_eq!(dataset.layout, "nnU-Net");
    assert_eq!(names(&dataset), ["background", "cell"]);
    let sample = dataset.load(0).unwrap();
    assert_eq!(sample.image.channels, 2);
    assert_eq!(sample.image.pixels[..2], [3, 103]);
    assert_eq!(sample.labels.labels[3], IGNORE);
    assert!(codes(&dataset).contains(&"test-without-mask"));
}

/// A NIfTI-1 file of `u8` values.
fn nifti(path: PathBuf, along: [i16; 3], values: &[u8]) {
    nifti_towards(path, along, values, 1.0);
}

/// As above, its first axis running right (1) or left (-1).
fn nifti_towards(path: PathBuf, along: [i16; 3], values: &[u8], right: f32) {
    let mut bytes = vec![0; 352];
    bytes[254..256].copy_from_slice(&1_i16.to_le_bytes());
    for (at, value) in [(280, right), (300, 1.0), (320, 1.0)] {
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    bytes[..4].copy_from_slice(&348_i32.to_le_bytes());
    for (i, extent) in [3, along[0], along[1], along[2]].iter().enumerate() {
        bytes[40 + 2 * i..42 + 2 * i].copy_from_slice(&extent.to_le_bytes());
    }
    bytes[70..72].copy_from_slice(&2_i16.to_le_bytes());
    bytes[108..112].copy_from_slice(&352_f32.to_le_bytes());
    bytes.extend(values);
    if path.extension().is_some_and(|e| e == "gz") {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&bytes).unwrap();
        bytes = packed.finish().unwrap();
    }
    write(path, bytes);
}

#[test]
fn the_decathlon_is_cut_into_slices_along_the_axis_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let values: Vec<u8> = (0..24).collect();
    let labels: Vec<u8> = (0..24).map(|v| u8::from(v % 2 == 0)).collect();
    for case in ["la_001", "la_002"] {
        nifti(
            root.join(format!("imagesTr/{case}.nii.gz")),
            [2, 3, 4],
            &values,
        );
        nifti(
            root.join(format!("labelsTr/{case}.nii")),
            [2, 3, 4],
            &labels,
        );
    }
    write(
        root.join("dataset.json"),
        r#"{"modality": {"0": "MRI"}, "labels": {"0": "background", "1": "heart"}}"#,
    );
    let mut config = config(root);
    for (axis, slices, size) in [
        (SliceAxis::First, 2, (3, 4)),
        (SliceAxis::Second, 3, (2, 4)),
        (SliceAxis::Third, 4, (2, 3)),
    ] {
        config.axis = axis;
        let dataset = Dataset::open(&config, &Progress::default()).unwrap();
        assert_eq!(dataset.layout, "Medical Segmentation Decathlon");
        assert_eq!(dataset.items.len(), 2 * slices);
        // One stack trains, the other validates.
        assert_eq!(dataset.split.train.len(), slices);
        let sample = dataset.load(0).unwrap();
        assert_eq!((sample.image.width, sample.image.height), size);
    }
    // Third axis, first slice: rows from back to front are shown with the front on top.
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(dataset.load(0).unwrap().image.pixels, [4, 5, 2, 3, 0, 1]);
    assert_eq!(dataset.load(0).unwrap().labels.labels, [1, 0, 1, 0, 1, 0]);
}

#[test]
fn a_mask_in_another_orientation_is_turned_to_its_image_and_named() {
    let dir = tempfile::tempdir().unwrap();
    nifti_towards(
        dir.path().join("scan.nii"),
        [2, 1, 2],
        &[10, 20, 10, 20],
        1.0,
    );
    nifti_towards(
        dir.path().join("scan_label.nii"),
        [2, 1, 2],
        &[1, 0, 1, 0],
        -1.0,
    );
    let dataset = open(dir.path());
    assert!(
        codes(&dataset).contains(&"orientation-differs"),
        "{:?}",
        codes(&dataset)
    );
    let sample = dataset.load(0).unwrap();
    let bright = |i: usize| sample.image.pixels[i] == 20;
    let marked = |i: usize| sample.labels.labels[i] == 1;
    assert!(
        (0..sample.labels.labels.len()).all(|i| bright(i) == marked(i)),
        "{sample:?}"
    );
}

#[test]
fn voc_cvat_and_labelme2voc_are_told_apart_and_follow_their_lists() {
    for (extra, text, layout) in [
        ("readme.txt", "x", "Pascal VOC"),
        (
            "labelmap.txt",
            "# label:color_rgb\nsky:0,0,0::\nsea:1,1,1::\nland:2,2,2::\n",
            "CVAT masks",
        ),
        ("class_names.txt", "_background_\ncat\ndog\n", "labelme2voc"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for stem in ["a", "b", "c"] {
            picture(root.join(format!("JPEGImages/{stem}.jpg")));
            ids(root.join(format!("SegmentationClass/{stem}.png")), IDS);
            ids(root.join(format!("SegmentationObject/{stem}.png")), [3; 8]);
        }
        picture(root.join("JPEGImages/unlabelled.jpg"));
        write(root.join("ImageSets/Segmentation/train.txt"), "a\nb\n");
        write(root.join("ImageSets/Segmentation/val.txt"), "c\n");
        write(root.join(extra), text);
        let dataset = open(root);
        assert_eq!(dataset.layout, layout);
        assert_eq!((dataset.split.train.len(), dataset.split.val.len()), (2, 1));
        assert_eq!(dataset.classes.len(), 3);
        assert_eq!(dataset.load(0).unwrap().labels.labels, IDS);
        let mut objects = config(root);
        objects.masks = "segmentationobject".to_owned();
        let objects = Dataset::open(&objects, &Progress::default()).unwrap();
        assert!(objects.items[0].mask.starts_with("SegmentationObject"));
    }
}

#[test]
fn cityscapes_prefers_training_ids_and_maps_label_ids_to_the_same_classes() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let image = |kind: &str, part: &str, city: &str| {
        let folder = if kind == "leftImg8bit" {
            kind
        } else {
            "gtFine"
        };
        root.join(format!(
            "{folder}/{part}/{city}/{city}_000001_000019_{kind}.png"
        ))
    };
    for (part, city) in [("train", "ulm"), ("val", "bonn")] {
        picture(image("leftImg8bit", part, city));
        ids(
            image("gtFine_labelTrainIds", part, city),
            [0, 0, 2, 2, 10, 10, 255, 255],
        );
        ids(
            image("gtFine_labelIds", part, city),
            [7, 7, 11, 11, 23, 23, 0, 4],
        );
    }
    let dataset = open(root);
    assert_eq!(
        (dataset.layout.as_str(), dataset.classes.len()),
        ("Cityscapes", 19)
    );
    assert_eq!((dataset.split.train.len(), dataset.split.val.len()), (1, 1));
    let train_ids = dataset.load(0).unwrap().labels;
    assert_eq!(train_ids.labels, [0, 0, 2, 2, 10, 10, IGNORE, IGNORE]);
    let mut config = config(root);
    config.masks = "labelIds".to_owned();
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(dataset.load(0).unwrap().labels, train_ids);
    assert!(
        !codes(&dataset).contains(&"unknown-label"),
        "{:?}",
        dataset.findings
    );
}

#[test]
fn folders_of_the_benchmarks_are_recognised() {
    for (layout, images, masks) in [
        ("ADE20K", "images/training", "annotations/training"),
        ("mmsegmentation", "img_dir/train", "ann_dir/train"),
        ("COCO-Stuff", "images/train2017", "annotations/train2017"),
        ("DeepMIB", "TrainImages", "TrainLabels"),
        ("DeepMIB", "1_Training/Images", "1_Training/Labels"),
        ("image/mask pairs", "images", "masks"),
        ("image/mask pairs", "x", "y"),
        ("image/mask pairs", "input", "groundtruth"),
        ("image/mask pairs", "train_images", "train_annotations"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        for stem in ["1", "2", "10"] {
            picture(dir.path().join(images).join(format!("{stem}.jpg")));
            ids(dir.path().join(masks).join(format!("{stem}.png")), IDS);
        }
        let dataset = open(dir.path());
        assert_eq!(dataset.layout, layout, "{images}");
        assert_eq!(
            (dataset.items.len(), dataset.classes.len()),
            (3, 3),
            "{images}"
        );
        assert!(
            dataset.items[2].id.ends_with("10"),
            "{images}: natural order"
        );
        assert!(!dataset.reason.is_empty());
    }
}

#[test]
fn one_folder_pairs_by_suffix_prefix_or_word() {
    for (image, mask) in [
        ("1_sat.jpg", "1_mask.png"),
        ("1.jpg", "1_seg.png"),
        ("img_1.png", "mask_1.png"),
        ("img1.png", "mask1.png"),
        ("1-rgb.png", "1-labels.png"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        for number in ["1", "2", "3"] {
            picture(dir.path().join(image.replace('1', number)));
            ids(dir.path().join(mask.replace('1', number)), IDS);
        }
        assert_eq!(open(dir.path()).items.len(), 3, "{image} {mask}");
    }
}

#[test]
fn roboflow_pet_and_datumaro_bring_their_tables() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for part in ["train", "valid"] {
        picture(root.join(format!("{part}/a_jpg.rf.1.jpg")));
        ids(root.join(format!("{part}/a_jpg.rf.1_mask.png")), IDS);
        write(
            root.join(format!("{part}/_classes.csv")),
            "Pixel Value, Class\n0, background\n1, cat\n2, dog\n",
        );
    }
    let dataset = open(root);
    assert_eq!(dataset.layout, "Roboflow");
    assert_eq!(names(&dataset), ["background", "cat", "dog"]);
    assert_eq!(dataset.split.val.len(), 1);

    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for stem in ["cat_1", "dog_1"] {
        picture(root.join(format!("images/{stem}.jpg")));
        ids(
            root.join(format!("annotations/trimaps/{stem}.png")),
            [1, 2, 2, 2, 3, 3, 1, 1],
        );
        write(
            root.join(format!("annotations/trimaps/._{stem}.png")),
            "litter",
        );
    }
    write(root.join("annotations/trainval.txt"), "cat_1 1 1 1\n");
    write(root.join("annotations/test.txt"), "# name\ndog_1 2 2 1\n");
    let dataset = open(root);
    assert_eq!(dataset.layout, "Oxford-IIIT Pet");
    assert_eq!(dataset.load(0).unwrap().labels.labels[..3], [1, 0, 0]);
    assert_eq!((dataset.split.train.len(), dataset.split.val.len()), (1, 1));

    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for stem in ["1", "2"] {
        picture(root.join(format!("images/{stem}.png")));
        colors(
            root.join(format!("masks/{stem}.png")),
            [[0, 0, 0], [9, 0, 0]].repeat(4).try_into().unwrap(),
        );
    }
    write(
        root.join("dataset_meta.json"),
        r#"{"label_map": {"0": "background", "1": "road"}, "segmentation_colors": [[0,0,0],[9,0,0]]}"#,
    );
    let dataset = open(root);
    assert_eq!(dataset.layout, "Datumaro");
    assert_eq!(names(&dataset), ["background", "road"]);
    assert_eq!(
        dataset.load(0).unwrap().labels.labels,
        [0, 1, 0, 1, 0, 1, 0, 1]
    );
}

#[test]
fn masks_of_single_objects_are_joined() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for case in ["aa", "bb"] {
        picture(root.join(format!("{case}/images/{case}.png")));
        ids(
            root.join(format!("{case}/masks/one.png")),
            [255, 0, 0, 0, 0, 0, 0, 0],
        );
        ids(
            root.join(format!("{case}/masks/two.png")),
            [0, 0, 0, 255, 0, 0, 0, 255],
        );
    }
    let dataset = open(root);
    assert!(dataset.layout.starts_with("DSB2018"), "{}", dataset.layout);
    assert_eq!(
        dataset.load(1).unwrap().labels.labels,
        [1, 0, 0, 1, 0, 0, 0, 1]
    );
}

#[test]
fn transparency_is_a_mask_where_there_is_no_other() {
    let dir = tempfile::tempdir().unwrap();
    for stem in ["a", "b"] {
        let image = image::RgbaImage::from_fn(4, 2, |x, _| {
            image::Rgba([9, 9, 9, if x > 1 { 255 } else { 0 }])
        });
        image.save(dir.path().join(format!("{stem}.png"))).unwrap();
    }
    let dataset = open(dir.path());
    assert_eq!(dataset.layout, "transparent pictures");
    assert_eq!(
        dataset.load(0).unwrap().labels.labels,
        [0, 0, 1, 1, 0, 0, 1, 1]
    );
}

#[test]
fn a_layout_that_is_asked_for_is_used_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for stem in ["a", "b"] {
        picture(root.join(format!("JPEGImages/{stem}.jpg")));
        ids(root.join(format!("SegmentationClass/{stem}.png")), IDS);
    }
    let mut config = config(root);
    config.layout = LayoutName::Pairs;
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(dataset.layout, "image/mask pairs");
    config.layout = LayoutName::NnUnet;
    let error = Dataset::open(&config, &Progress::default()).unwrap_err();
    assert!(matches!(error, DataError::NoPairs { .. }));
    assert!(error.to_string().contains("dataset.json"), "{error}");
}

#[test]
fn equal_names_in_nested_folders_do_not_collide() {
    let dir = tempfile::tempdir().unwrap();
    for (folder, value) in [("left", 1), ("right", 2)] {
        for stem in ["1", "2"] {
            picture(dir.path().join(format!("images/{folder}/{stem}.png")));
            ids(
                dir.path().join(format!("masks/{folder}/{stem}.png")),
                [0, value, 0, value, 0, 0, 0, 0],
            );
        }
    }
    let dataset = open(dir.path());
    assert_eq!(dataset.items.len(), 4);
    for (index, item) in dataset.items.iter().enumerate() {
        let folder = if item.id.contains("left") {
            "left"
        } else {
            "right"
        };
        assert!(item.mask.to_string_lossy().contains(folder), "{item:?}");
        let class = if folder == "left" { 1 } else { 2 };
        assert_eq!(dataset.load(index).unwrap().labels.labels[1], class);
    }
}
