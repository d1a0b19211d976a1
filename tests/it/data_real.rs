//! The real datasets, where the machine has them: each opens as what it is, its traps are findings, and
//! its class shares are those that its description states.

use std::path::{Path, PathBuf};

use dicebench::data::{DataConfig, Dataset, Progress, forensics};

fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    path.exists().then_some(path)
}

fn open_with(path: &Path, change: impl FnOnce(&mut DataConfig)) -> Dataset {
    let mut config = DataConfig {
        path: path.display().to_string(),
        ..DataConfig::default()
    };
    change(&mut config);
    let opened = Dataset::open(&config, &Progress::default());
    opened.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Percent of all pixels, ignored ones included.
fn shares(pixels: &[u64], ignored: u64) -> Vec<f64> {
    let total = (pixels.iter().sum::<u64>() + ignored) as f64;
    pixels.iter().map(|n| *n as f64 / total * 100.0).collect()
}

fn both(dataset: &Dataset) -> Vec<f64> {
    let census = &dataset.census;
    let pixels = census.train_pixels.iter().zip(&census.val_pixels);
    let pixels: Vec<u64> = pixels.map(|(a, b)| a + b).collect();
    shares(&pixels, census.ignored_train + census.ignored_val)
}

fn near(found: &[f64], stated: &[f64], what: &str) {
    assert_eq!(found.len(), stated.len(), "{what}");
    for (a, b) in found.iter().zip(stated) {
        assert!(
            (a - b).abs() <= 0.01,
            "{what}: {found:?}, stated {stated:?}"
        );
    }
}

#[test]
fn every_set_opens_as_what_it_is() {
    for (name, layout, pairs, classes) in [
        ("camvid_segnet", "SegNet CamVid", 210, 11),
        ("cloudshadow_rgb", "class_dict.csv folders", 212, 3),
        ("isbi_membrane", "image/mask pairs", 30, 2),
        ("chasedb1", "image/mask pairs", 28, 2),
        (
            "layouts/keras_segmentation_example",
            "image/mask pairs",
            8,
            12,
        ),
        (
            "layouts/labelme/semantic_segmentation/data_annotated",
            "LabelMe",
            3,
            7,
        ),
        (
            "layouts/labelme/semantic_segmentation/data_dataset_voc",
            "labelme2voc",
            3,
            21,
        ),
        (
            "layouts/labelme/instance_segmentation/data_annotated",
            "LabelMe",
            3,
            7,
        ),
        (
            "layouts/labelme/instance_segmentation/data_dataset_coco",
            "COCO",
            3,
            21,
        ),
        (
            "layouts/labelme/instance_segmentation/data_dataset_voc",
            "labelme2voc",
            3,
            21,
        ),
        // Folders that hold several sets: the most specific of them.
        ("layouts", "Cityscapes", 1, 19),
        ("layouts/labelme", "labelme2voc", 6, 21),
        (
            "layouts/labelme/semantic_segmentation",
            "labelme2voc",
            3,
            21,
        ),
        (
            "layouts/labelme/instance_segmentation",
            "labelme2voc",
            3,
            21,
        ),
        ("layouts/mmseg", "Cityscapes", 1, 19),
        ("layouts/stardist_tiff16", "image/mask pairs", 33, 2),
        ("layouts/labelme/primitives", "LabelMe", 1, 8),
        ("layouts/labelme/tutorial", "LabelMe", 1, 5),
        (
            "layouts/labelme/tutorial/apc2016_obj3",
            "image/mask pairs",
            1,
            5,
        ),
        (
            "layouts/mmseg/pseudo_cityscapes_dataset",
            "Cityscapes",
            1,
            19,
        ),
        ("layouts/mmseg/pseudo_dataset", "image/mask pairs", 5, 4),
        ("layouts/mmseg/pseudo_lip_dataset", "image/mask pairs", 2, 8),
        (
            "layouts/mmseg/pseudo_potsdam_dataset",
            "mmsegmentation",
            1,
            6,
        ),
        (
            "layouts/mmseg/pseudo_loveda_dataset",
            "mmsegmentation",
            1,
            5,
        ),
        (
            "layouts/mmseg/pseudo_refuge_dataset",
            "mmsegmentation",
            1,
            3,
        ),
        (
            "layouts/mmseg/pseudo_bdd100k_dataset",
            "image/mask pairs",
            6,
            2,
        ),
        ("layouts/nifti_monai", "image/mask pairs", 25, 2),
        ("layouts/stardist_tiff16/images", "image/mask pairs", 32, 2),
        (
            "layouts/stardist_tiff16/tests_data",
            "image/mask pairs",
            1,
            2,
        ),
    ] {
        let Some(path) = real(name) else { continue };
        let dataset = open_with(&path, |_| {});
        assert_eq!(dataset.layout, layout, "{name}");
        assert_eq!(dataset.items.len(), pairs, "{name}: {:?}", dataset.findings);
        assert_eq!(dataset.classes.len(), classes, "{name}");
        // None of these is moved, however roughly it was drawn.
        let report = forensics::examine(&dataset, None, &Progress::default()).unwrap();
        let codes: Vec<&str> = report.findings.iter().map(|f| f.code.as_str()).collect();
        assert!(!codes.contains(&"shifted-masks"), "{name}: {codes:?}");
        for index in [0, dataset.items.len() - 1] {
            dataset
                .load(index)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

#[test]
fn class_shares_are_the_stated_ones() {
    if let Some(path) = real("camvid_segnet") {
        let dataset = open_with(&path, |_| {});
        let census = &dataset.census;
        // Counted over all pixels; the description states these to two places.
        near(
            &shares(&census.train_pixels, census.ignored_train),
            &[
                16.74, 23.28, 0.99, 31.42, 4.48, 9.84, 1.18, 1.11, 6.02, 0.68, 0.28,
            ],
            "CamVid, train",
        );
        near(
            &shares(&census.val_pixels, census.ignored_val),
            &[
                9.17, 25.93, 0.56, 28.86, 8.82, 16.33, 0.89, 3.04, 1.78, 0.66, 2.20,
            ],
            "CamVid, val",
        );
    }
    if let Some(path) = real("cloudshadow_rgb") {
        let census = open_with(&path, |_| {}).census;
        let train = shares(&census.train_pixels, census.ignored_train);
        near(&train, &[21.69, 16.34, 61.27], "cloudshadow, train");
        let val = shares(&census.val_pixels, census.ignored_val);
        near(&val, &[24.16, 13.41, 62.44], "cloudshadow, val");
    }
    if let Some(path) = real("isbi_membrane") {
        near(&both(&open_with(&path, |_| {})), &[21.96, 78.04], "ISBI");
    }
    if let Some(path) = real("chasedb1") {
        near(
            &both(&open_with(&path, |_| {})),
            &[93.07, 6.93],
            "first observer",
        );
        let second = open_with(&path, |c| "2ndHO".clone_into(&mut c.masks));
        near(&both(&second), &[93.36, 6.64], "second observer");
    }
    if let Some(path) = real("layouts/mmseg/pseudo_refuge_dataset") {
        near(
            &both(&open_with(&path, |_| {})),
            &[97.96, 0.86, 1.18],
            "REFUGE",
        );
    }
}

#[test]
fn the_listed_traps_are_findings() {
    for (name, wanted) in [
        ("camvid_segnet", &["class-share-shift", "torn-sequence"][..]),
        (
            "cloudshadow_rgb",
            &[
                "unknown-color",
                "mixed-encodings",
                "palette-order",
                "odd-sizes",
            ],
        ),
        (
            "isbi_membrane",
            &["two-values", "test-without-mask", "few-images"],
        ),
        ("chasedb1", &["several-masks", "torn-sequence"]),
        ("layouts/labelme/tutorial", &["embedded-image"]),
        (
            "layouts/labelme/semantic_segmentation/data_annotated",
            &["points-outside"],
        ),
        ("layouts/mmseg", &["several-datasets"]),
        (
            "layouts/mmseg/pseudo_cityscapes_dataset",
            &["several-masks"],
        ),
        (
            "layouts/mmseg/pseudo_loveda_dataset",
            &["ids-without-zero", "zero-may-be-ignored"],
        ),
        (
            "layouts/mmseg/pseudo_potsdam_dataset",
            &["zero-may-be-ignored"],
        ),
        (
            "layouts/mmseg/pseudo_bdd100k_dataset",
            &["mask-without-image"],
        ),
        ("layouts/stardist_tiff16", &["instance-ids"]),
        ("layouts/stardist_tiff16/images", &["instance-ids"]),
        ("layouts/stardist_tiff16/tests_data", &["instance-ids"]),
        ("layouts", &["several-datasets"]),
        ("layouts/labelme", &["same-image"]),
        (
            "layouts/labelme/instance_segmentation",
            &["several-datasets", "several-masks"],
        ),
        (
            "layouts/labelme/instance_segmentation/data_dataset_voc",
            &["several-masks"],
        ),
        (
            "layouts/labelme/instance_segmentation/data_dataset_coco",
            &["class-not-in-training"],
        ),
        ("layouts/mmseg/pseudo_lip_dataset", &["sparse-ids"]),
        (
            "layouts/mmseg/pseudo_refuge_dataset",
            &["zero-may-be-ignored"],
        ),
        ("layouts/nifti_monai", &["constant-mask"]),
    ] {
        let Some(path) = real(name) else { continue };
        let dataset = open_with(&path, |_| {});
        let report = forensics::examine(&dataset, None, &Progress::default()).unwrap();
        let codes: Vec<&str> = dataset
            .findings
            .iter()
            .chain(&report.findings)
            .map(|f| f.code.as_str())
            .collect();
        for code in wanted {
            assert!(codes.contains(code), "{name}: {code} in {codes:?}");
        }
        for wrong in ["turned-masks", "misaligned", "undecodable"] {
            assert!(!codes.contains(&wrong), "{name}: {wrong}");
        }
    }
}

#[test]
fn instances_times_a_thousand_become_classes() {
    let Some(path) = real("layouts/mmseg/pseudo_cityscapes_dataset") else {
        return;
    };
    let instances = open_with(&path, |c| "instanceIds".clone_into(&mut c.masks));
    let labels = open_with(&path, |c| "labelIds".clone_into(&mut c.masks));
    assert!(instances.findings.iter().any(|f| f.code == "instance-ids"));
    // Cars are 26 and 26000 to 26002 there.
    let cars = instances
        .classes
        .classes
        .iter()
        .position(|c| c.name == "class 26")
        .unwrap();
    let known = labels
        .classes
        .classes
        .iter()
        .position(|c| c.name == "car")
        .unwrap();
    let count = |dataset: &Dataset, class: usize| {
        dataset.census.train_pixels[class] + dataset.census.val_pixels[class]
    };
    assert!(count(&labels, known) > 0);
    assert_eq!(count(&instances, cars), count(&labels, known));
}

#[test]
fn drawn_shapes_agree_with_the_masks_that_their_tool_wrote() {
    let (Some(drawn), Some(written)) = (
        real("layouts/labelme/semantic_segmentation/data_annotated"),
        real("layouts/labelme/semantic_segmentation/data_dataset_voc"),
    ) else {
        return;
    };
    let (drawn, written) = (open_with(&drawn, |_| {}), open_with(&written, |_| {}));
    let name = |dataset: &Dataset, label: u8| {
        let class = dataset.classes.classes.get(usize::from(label));
        class.map(|c| c.name.clone())
    };
    for index in 0..3 {
        let (a, b) = (drawn.load(index).unwrap(), written.load(index).unwrap());
        let pairs = a.labels.labels.iter().zip(&b.labels.labels);
        let agree = pairs
            .filter(|(a, b)| name(&drawn, **a) == name(&written, **b))
            .count();
        let share = agree as f64 / a.labels.labels.len() as f64;
        assert!(share > 0.99, "{}: {share}", a.id);
    }
}
