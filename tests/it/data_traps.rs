//! What is wrong with masks in the field, made in small: found, named, and read right.

use std::fs;
use std::path::Path;

use dicebench::data::config::{GroupBy, SplitBy};
use dicebench::data::convert::{Arrangement, convert};
use dicebench::data::{DataConfig, Dataset, IGNORE, Progress, forensics};
use dicebench::finding::{Finding, Severity};

use super::data_layouts::{codes, colors, config, ids, open, picture, write};

pub fn finding<'a>(list: &'a [Finding], code: &str) -> &'a Finding {
    let codes: Vec<&str> = list.iter().map(|f| f.code.as_str()).collect();
    let found = list.iter().find(|f| f.code == code);
    found.unwrap_or_else(|| panic!("{code} in {codes:?}"))
}

pub fn pairs(root: &Path, count: usize, values: [u8; 8]) {
    for i in 0..count {
        picture(root.join(format!("images/{i}.png")));
        ids(root.join(format!("masks/{i}.png")), values);
    }
}

pub fn examine(dataset: &Dataset) -> forensics::Report {
    forensics::examine(dataset, None, &Progress::default()).unwrap()
}

#[test]
fn a_table_with_red_and_blue_exchanged_is_found_and_read_right() {
    let dir = tempfile::tempdir().unwrap();
    let (sky, road) = ([200, 10, 0], [0, 60, 90]);
    for i in 0..3 {
        picture(dir.path().join(format!("images/{i}.png")));
        colors(
            dir.path().join(format!("masks/{i}.png")),
            [sky, sky, road, road, sky, sky, road, road],
        );
    }
    write(
        dir.path().join("class_dict.csv"),
        "name,r,g,b\nsky,0,10,200\nroad,90,60,0\n",
    );
    let dataset = open(dir.path());
    assert_eq!(
        dataset.load(0).unwrap().labels.labels,
        [0, 0, 1, 1, 0, 0, 1, 1]
    );
    let found = finding(&dataset.findings, "table-mismatch");
    assert!(found.message.contains("red and blue"), "{}", found.message);
}

#[test]
fn a_table_whose_colours_are_nearly_right_is_mapped_and_one_that_fits_nothing_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..2 {
        picture(dir.path().join(format!("images/{i}.png")));
        colors(
            dir.path().join(format!("masks/{i}.png")),
            [[127, 0, 0], [127, 0, 0], [0, 127, 0], [0, 127, 0]]
                .repeat(2)
                .try_into()
                .unwrap(),
        );
    }
    write(
        dir.path().join("class_dict.csv"),
        "name,r,g,b\ncloud,128,0,0\nshadow,0,128,0\n",
    );
    let dataset = open(dir.path());
    assert_eq!(dataset.load(0).unwrap().labels.labels[..4], [0, 0, 1, 1]);
    assert_eq!(
        finding(&dataset.findings, "table-mismatch").severity,
        Severity::Warning
    );
    write(
        dir.path().join("class_dict.csv"),
        "name,r,g,b\ncloud,9,90,9\nshadow,70,80,220\n",
    );
    let dataset = open(dir.path());
    let found = finding(&dataset.findings, "table-mismatch");
    assert_eq!(found.severity, Severity::Error);
    assert!(found.message.contains("127,0,0"), "{}", found.message);
}

#[test]
fn ids_that_are_one_too_large_for_their_list_are_found() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 3, [1, 1, 2, 2, 3, 3, 3, 3]);
    write(dir.path().join("classes.txt"), "sky\nroad\ntree\n");
    let dataset = open(dir.path());
    assert_eq!(
        dataset.load(0).unwrap().labels.labels,
        [0, 0, 1, 1, 2, 2, 2, 2]
    );
    finding(&dataset.findings, "ids-shifted");
    // The list fits: nothing is shifted.
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 3, [1, 1, 2, 2, 0, 0, 1, 1]);
    write(dir.path().join("classes.txt"), "sky\nroad\ntree\n");
    assert!(!codes(&open(dir.path())).contains(&"ids-shifted"));
}

#[test]
fn masks_stored_in_several_ways_in_one_folder_mean_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let (a, b) = ([128, 0, 0], [0, 128, 0]);
    for i in 0..3 {
        picture(root.join(format!("images/{i}.png")));
    }
    colors(root.join("masks/0.png"), [a, b, a, b, a, b, a, b]);
    // Row numbers as grey ids.
    ids(root.join("masks/1.png"), [0, 1, 0, 1, 0, 1, 0, 1]);
    // A palette in another order than the table.
    let file = fs::File::create(root.join("masks/2.png")).unwrap();
    let mut encoder = png::Encoder::new(file, 4, 2);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette([b, a].concat());
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[1, 0, 1, 0, 1, 0, 1, 0]).unwrap();
    writer.finish().unwrap();
    write(
        root.join("class_dict.csv"),
        "name,r,g,b\ncloud,128,0,0\nshadow,0,128,0\n",
    );
    let dataset = open(root);
    for index in 0..3 {
        assert_eq!(
            dataset.load(index).unwrap().labels.labels,
            [0, 1, 0, 1, 0, 1, 0, 1],
            "{index}"
        );
    }
    finding(&dataset.findings, "mixed-encodings");
}

#[test]
fn smoothed_edges_of_0_and_255_are_ignored_until_the_nearer_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..3 {
        let root = dir.path();
        let image = image::RgbImage::from_fn(40, 40, |x, y| image::Rgb([x as u8, y as u8, 1]));
        fs::create_dir_all(root.join("images")).unwrap();
        fs::create_dir_all(root.join("masks")).unwrap();
        image.save(root.join(format!("images/{i}.png"))).unwrap();
        let mask = image::GrayImage::from_fn(40, 40, |x, y| {
            image::Luma([match x {
                0..=18 => 0,
                19 => 20 + y as u8,
                20 => 180 + y as u8,
                _ => 255,
            }])
        });
        mask.save(root.join(format!("masks/{i}.png"))).unwrap();
    }
    let mut config = config(dir.path());
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    let found = finding(&dataset.findings, "interpolated-edges");
    assert_eq!(
        found.settings,
        [("data.nearest_color".to_owned(), "true".to_owned())]
    );
    assert_eq!(
        dataset.load(0).unwrap().labels.labels[18..22],
        [0, IGNORE, IGNORE, 1]
    );
    config.nearest_color = true;
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(dataset.load(0).unwrap().labels.labels[18..22], [0, 0, 1, 1]);
}

#[test]
fn negative_ids_are_ignored_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let array = |name: &str, values: &[i16]| {
        let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 4), }";
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        write(dir.path().join(name), bytes);
    };
    for i in 0..2 {
        array(&format!("images/{i}.npy"), &[-900, 0, 0, 0, 0, 0, 0, 3000]);
        array(&format!("labels/{i}.npy"), &[-1, 0, 0, 2, 2, 0, 0, 1]);
    }
    let dataset = open(dir.path());
    let sample = dataset.load(0).unwrap();
    assert_eq!(sample.labels.labels, [IGNORE, 0, 0, 2, 2, 0, 0, 1]);
    assert_eq!((sample.image.pixels[0], sample.image.pixels[7]), (0, 255));
    assert!(
        finding(&dataset.findings, "negative-ids")
            .message
            .contains("-1")
    );
}

#[test]
fn images_that_lie_on_their_side_are_turned_when_their_masks_stand() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..2 {
        fs::create_dir_all(dir.path().join("images")).unwrap();
        let path = dir.path().join(format!("images/{i}.jpg"));
        // Bright on the left half; turned clockwise, the bright half is on top.
        let image =
            image::RgbImage::from_fn(32, 16, |x, _| image::Rgb([if x < 16 { 250 } else { 5 }; 3]));
        image.save(&path).unwrap();
        let jpeg = fs::read(&path).unwrap();
        // Orientation 6: turn by a quarter to the right.
        let tiff = [
            b"II*\0\x08\0\0\0\x01\0".as_slice(),
            b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
        ]
        .concat();
        let mut turned = jpeg[..2].to_vec();
        turned.extend([0xFF, 0xE1]);
        turned.extend((tiff.len() as u16 + 8).to_be_bytes());
        turned.extend(b"Exif\0\0");
        turned.extend(tiff);
        turned.extend(&jpeg[2..]);
        fs::write(&path, turned).unwrap();
        fs::create_dir_all(dir.path().join("masks")).unwrap();
        let mask = image::GrayImage::from_fn(16, 32, |_, y| image::Luma([u8::from(y < 16)]));
        mask.save(dir.path().join(format!("masks/{i}.png")))
            .unwrap();
    }
    let dataset = open(dir.path());
    finding(&dataset.findings, "exif-turned");
    let image = dataset.load(0).unwrap().image;
    assert_eq!((image.width, image.height), (16, 32));
    let bright = |y: usize| image.pixels[(y * 16 + 8) * image.channels] > 128;
    assert!(bright(4) && !bright(28));
}

#[test]
fn the_user_chooses_among_annotators() {
    let dir = tempfile::tempdir().unwrap();
    for stem in ["p_1", "p_2"] {
        picture(dir.path().join(format!("{stem}.jpg")));
        ids(
            dir.path().join(format!("{stem}_1stHO.png")),
            [1, 0, 0, 0, 0, 0, 0, 0],
        );
        ids(
            dir.path().join(format!("{stem}_2ndHO.png")),
            [0, 0, 0, 0, 0, 0, 0, 1],
        );
    }
    let mut config = config(dir.path());
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(dataset.load(0).unwrap().labels.labels[0], 1);
    let found = finding(&dataset.findings, "several-masks");
    assert_eq!(
        found.settings,
        [("data.masks".to_owned(), "2ndHO".to_owned())]
    );
    config.masks = "2ndHO".to_owned();
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(dataset.load(0).unwrap().labels.labels[7], 1);
    config.masks = "3rd".to_owned();
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(
        finding(&dataset.findings, "several-masks").severity,
        Severity::Warning
    );
}

#[test]
fn classes_times_a_thousand_plus_an_object_are_joined() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..2 {
        picture(dir.path().join(format!("images/{i}.png")));
        fs::create_dir_all(dir.path().join("masks")).unwrap();
        let values = [0_u16, 7, 26_000, 26_001, 26_002, 33_000, 7, 0];
        let mask = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(4, 2, values.to_vec());
        mask.unwrap()
            .save(dir.path().join(format!("masks/{i}.png")))
            .unwrap();
    }
    let dataset = open(dir.path());
    assert_eq!(
        dataset.load(0).unwrap().labels.labels,
        [0, 1, 2, 2, 2, 3, 1, 0]
    );
    finding(&dataset.findings, "instance-ids");
}

#[test]
fn masks_saved_as_jpeg_are_named_and_keep_their_two_ends() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..2 {
        picture(dir.path().join(format!("images/{i}.png")));
        let image = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([x as u8, y as u8, 0]));
        image
            .save(dir.path().join(format!("images/{i}.png")))
            .unwrap();
        fs::create_dir_all(dir.path().join("masks")).unwrap();
        let disc = |x: u32, y: u32| (x as i32 - 30).pow(2) + (y as i32 - 33).pow(2) < 300;
        let mask = image::GrayImage::from_fn(64, 64, |x, y| {
            image::Luma([if disc(x, y) { 255 } else { 0 }])
        });
        mask.save(dir.path().join(format!("masks/{i}.jpg")))
            .unwrap();
    }
    let mut config = config(dir.path());
    config.nearest_color = true;
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    finding(&dataset.findings, "lossy-mask");
    assert_eq!(dataset.classes.len(), 2);
    let labels = dataset.load(0).unwrap().labels;
    assert_eq!((labels.labels[33 * 64 + 30], labels.labels[0]), (1, 0));
    assert!(!labels.labels.contains(&IGNORE));
}

#[test]
fn masks_of_one_value_only_are_an_error() {
    for value in [0, 1, 7] {
        let dir = tempfile::tempdir().unwrap();
        pairs(dir.path(), 3, [value; 8]);
        let names = "background\ncell\n";
        // With a list of classes, and without.
        for list in [None, Some(names)] {
            if let Some(names) = list {
                write(dir.path().join("classes.txt"), names);
            }
            let report = examine(&open(dir.path()));
            let found = finding(&report.findings, "constant-mask");
            assert_eq!(found.severity, Severity::Error, "{value} {list:?}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 3, [255; 8]);
    let refused = Dataset::open(&config(dir.path()), &Progress::default());
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("nothing but 255"), "{refused}");
}

#[test]
fn frames_of_one_film_on_both_sides_are_pointed_out() {
    let dir = tempfile::tempdir().unwrap();
    for (part, film, frames) in [("train", "aa", 6), ("train", "bb", 6), ("val", "bb", 4)] {
        for frame in 0..frames {
            let name = format!("{film}_{part}{frame}");
            picture(dir.path().join(format!("{part}/images/{name}.png")));
            ids(
                dir.path().join(format!("{part}/masks/{name}.png")),
                [0, 0, 0, 0, 1, 1, 1, 1],
            );
        }
    }
    let dataset = open(dir.path());
    let found = finding(&dataset.findings, "torn-sequence");
    assert!(found.message.starts_with("4 of 4"), "{}", found.message);
    assert_eq!(found.files.len(), 4);
    let prefix = ("data.group_by".to_owned(), "prefix".to_owned());
    assert!(found.settings.contains(&prefix));
    // Another split of what is open is judged as one that is opened so.
    let own = config(dir.path());
    let ratio = |group_by| DataConfig {
        split: SplitBy::Ratio,
        group_by,
        ..own.clone()
    };
    let (mixed, whole) = (ratio(GroupBy::None), ratio(GroupBy::Prefix));
    let mut torn = Vec::new();
    for config in [&mixed, &whole, &own] {
        let opened = Dataset::open(config, &Progress::default()).unwrap();
        assert_eq!(dataset.resplit(config).unwrap().findings, opened.findings);
        torn.push(codes(&opened).contains(&"torn-sequence"));
    }
    assert_eq!(torn, [true, false, true]);
}

#[test]
fn a_converted_copy_opens_with_the_same_labels_and_split() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("from");
    let (a, b, stray) = ([128, 0, 0], [0, 128, 0], [1, 2, 3]);
    for part in ["train", "val"] {
        for i in 0..2 {
            picture(root.join(format!("{part}/sky/{i}.png")));
            colors(
                root.join(format!("{part}/labels/{i}.png")),
                [a, b, a, b, a, b, a, stray],
            );
        }
    }
    write(
        root.join("class_dict.csv"),
        "name,r,g,b\nbackground,0,128,0\ncloud,128,0,0\n",
    );
    let source = open(&root);
    let expected = [1, 0, 1, 0, 1, 0, 1, IGNORE];
    assert_eq!(source.load(0).unwrap().labels.labels, expected);
    for (to, layout) in [
        (Arrangement::Folders, "image/mask pairs"),
        (Arrangement::Voc, "labelme2voc"),
        (Arrangement::NnUnet, "nnU-Net"),
    ] {
        let out = dir.path().join(to.name());
        assert_eq!(convert(&source, &out, to, &Progress::default()).unwrap(), 4);
        let copy = open(&out);
        assert_eq!((copy.layout.as_str(), copy.items.len()), (layout, 4));
        assert_eq!(
            (copy.split.train.len(), copy.split.val.len()),
            (2, 2),
            "{layout}"
        );
        assert_eq!(copy.classes.classes[1].name, "cloud");
        for index in 0..4 {
            let sample = copy.load(index).unwrap();
            assert_eq!(sample.labels.labels, expected, "{layout}");
            assert_eq!(sample.image, source.load(index).unwrap().image, "{layout}");
        }
        let record = fs::read_to_string(out.join("mapping.json")).unwrap();
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        assert_eq!(record["classes"][1]["source_values"][0], 0x80_0000);
        assert_eq!(record["items"].as_array().unwrap().len(), 4);
        // A second time would mix two datasets.
        let again = convert(&source, &out, to, &Progress::default());
        assert!(again.unwrap_err().to_string().contains("not empty"));
    }
}

#[test]
fn settings_of_findings_are_settings() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 3, [0, 1, 0, 1, 0, 1, 0, 1]);
    let mut config = DataConfig::default();
    let dataset = open(dir.path());
    for finding in dataset.findings.iter().chain(&examine(&dataset).findings) {
        for (key, value) in &finding.settings {
            let key = key.strip_prefix("data.").unwrap();
            dicebench::param::set(config.params(), key, value).unwrap();
        }
    }
}
