//! Every finding about a dataset: planted, it is there; nearly planted, it is not.

use std::fs;
use std::path::Path;

use dicebench::data::forensics;
use dicebench::data::{Dataset, Progress};
use image::GrayImage;

use super::data_layouts::{colors, ids, open, picture, write};

/// A dataset in small, made in a folder.
pub type Make = fn(&Path);

/// A code, what has it, and what nearly has it.
pub const CASES: &[(&str, Make, Make)] = &[
    // What a close look finds, in the order of its declaration.
    (
        "undecodable",
        |root| {
            scenes(root, 8);
            // Whole by its ends, damaged in the middle.
            let path = root.join("train/images/3.png");
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x55;
            fs::write(path, bytes).unwrap();
        },
        |root| {
            scenes(root, 8);
            let path = root.join("train/images/3.png");
            let bytes = fs::read(&path).unwrap();
            fs::write(path, [bytes.as_slice(), b"more"].concat()).unwrap();
        },
    ),
    (
        "no-validation-images",
        |root| scenes(root, 1),
        |root| scenes(root, 2),
    ),
    (
        "constant-mask",
        |root| {
            scenes(root, 8);
            masked(root, 3, |_, _| 0);
        },
        |root| {
            scenes(root, 8);
            masked(root, 3, |x, y| u8::from((x, y) == (9, 9)));
        },
    ),
    (
        "blank-image",
        |root| {
            scenes(root, 8);
            seen(root, "train", 3, |_, _| 77);
        },
        |root| {
            scenes(root, 8);
            seen(root, "train", 3, |x, _| if x < 32 { 77 } else { 79 });
        },
    ),
    (
        "much-ignored",
        |root| ignoring(root, 23, 8),
        |root| ignoring(root, 18, 8),
    ),
    // All but nothing of one mask, though little of all.
    (
        "much-ignored",
        |root| ignoring(root, 59, 1),
        |root| ignoring(root, 56, 1),
    ),
    (
        "interpolated-edges",
        |root| outlined(root, 1),
        |root| outlined(root, 3),
    ),
    (
        "same-image",
        |root| {
            scenes(root, 8);
            let images = root.join("train/images");
            fs::copy(images.join("2.png"), images.join("3.png")).unwrap();
        },
        |root| {
            scenes(root, 8);
            seen(root, "train", 3, |x, y| {
                photo(2)(x, y) + u8::from((x, y) == (0, 0))
            });
        },
    ),
    (
        "duplicate-across-splits",
        |root| {
            parts(root, 12);
            seen(root, "val", 9, |x, y| photo(3)(x, y) + 9);
        },
        // Twice on one side.
        |root| {
            parts(root, 12);
            seen(root, "train", 4, |x, y| photo(3)(x, y) + 9);
        },
    ),
    (
        "shifted-masks",
        |root| moved(root, 3),
        // A pixel is a matter of how borders are drawn.
        |root| moved(root, 1),
    ),
    (
        "turned-masks",
        |root| {
            scenes(root, 24);
            for seed in 0..24 {
                masked(root, seed, |x, y| truth(seed)(63 - x, y));
            }
        },
        // Two that are mirrored are no rule.
        |root| {
            scenes(root, 24);
            for seed in 0..2 {
                masked(root, seed, |x, y| truth(seed)(63 - x, y));
            }
        },
    ),
    (
        "misaligned",
        |root| {
            scenes(root, 24);
            for seed in 0..24 {
                masked(root, seed, truth(seed + 1));
            }
        },
        // Half of them still say that masks belong to images.
        |root| {
            scenes(root, 24);
            for seed in 0..12 {
                masked(root, seed, truth(seed + 1));
            }
        },
    ),
    (
        "misplaced-mask",
        |root| {
            scenes(root, 24);
            masked(root, 5, truth(99));
        },
        |root| {
            scenes(root, 24);
            masked(root, 5, |x, y| truth(5)(x.saturating_sub(1), y));
        },
    ),
    (
        "class-share-shift",
        |root| sized(root, 40),
        |root| sized(root, 30),
    ),
    // What opening finds.
    (
        "no-class-table",
        |root| coloured(root),
        |root| {
            coloured(root);
            let table = "name,r,g,b\nsky,0,0,0\nroad,200,10,0\n";
            write(root.join("class_dict.csv"), table);
        },
    ),
    (
        "palette-order",
        |root| numbered(root, [[200, 10, 0], [0; 3]]),
        |root| numbered(root, [[0; 3], [200, 10, 0]]),
    ),
    // One in ten, and two in ten.
    ("odd-sizes", |root| large(root, 1), |root| large(root, 2)),
    (
        "maybe-instances",
        |root| counting(root, [3, 4, 5, 6]),
        |root| counting(root, [3, 3, 3, 3]),
    ),
    (
        "exif-ignored",
        |root| photographed(root, 6),
        |root| photographed(root, 1),
    ),
    (
        "trimap",
        |root| trimaps(root, "annotations/trimaps"),
        |root| trimaps(root, "masks"),
    ),
    (
        "other-json",
        |root| {
            labelled(root, "cat\n");
            write(root.join("notes.json"), r#"{"by": "me"}"#);
        },
        |root| labelled(root, "cat\n"),
    ),
    (
        "unlisted-label",
        |root| labelled(root, "dog\n"),
        |root| labelled(root, "cat\ndog\n"),
    ),
    (
        "unreadable-stack",
        |root| {
            stacks(root);
            write(root.join("labels/1.npy"), b"\x93NUMPY\x01\x00");
        },
        stacks,
    ),
    (
        "unusable-annotation",
        // Runs of more pixels than the picture has.
        |root| {
            let runs = r#"{"counts": [2, 2, 9], "size": [2, 4]}"#;
            annotated(root, &[[0, 1], [1, 1]], runs);
        },
        |root| annotated(root, &[[0, 1], [1, 1]], SQUARE),
    ),
    (
        "unusable-annotation",
        // Two points are no polygon.
        |root| annotated(root, &[[0, 1], [1, 1]], "[[0,0, 4,4]]"),
        |root| annotated(root, &[[0, 1], [1, 1]], SQUARE),
    ),
    (
        "image-without-objects",
        |root| annotated(root, &[[0, 1]], SQUARE),
        |root| annotated(root, &[[0, 1], [1, 1]], SQUARE),
    ),
    (
        "categories-differ",
        |root| {
            annotated(root, &[[0, 1], [1, 1]], SQUARE);
            let other = coco(&[[0, 1]], SQUARE).replace("\"cat\"", "\"dog\"");
            write(root.join("more.json"), other);
        },
        |root| {
            annotated(root, &[[0, 1], [1, 1]], SQUARE);
            write(root.join("more.json"), coco(&[[0, 1]], SQUARE));
        },
    ),
];

/// Whether a pixel of 64 × 64 lies in one of a scene's rectangles; each seed is a scene of its own.
fn inside(seed: u32, x: u32, y: u32) -> bool {
    let at = |k: u32| (seed.wrapping_mul(2_654_435_761).wrapping_add(k * 40_503) >> 7) % 40;
    (0..3).any(|k| {
        let (left, top) = (at(2 * k), at(2 * k + 1));
        (left..left + 16).contains(&x) && (top..top + 12).contains(&y)
    })
}

pub fn photo(seed: u32) -> impl Fn(u32, u32) -> u8 {
    move |x, y| {
        let noise = (x * 31 + y * 17 + seed * 7) % 9;
        (if inside(seed, x, y) { 200 } else { 30 }) + noise as u8
    }
}

pub fn truth(seed: u32) -> impl Fn(u32, u32) -> u8 {
    move |x, y| u8::from(inside(seed, x, y))
}

pub fn save(path: &Path, value: impl Fn(u32, u32) -> u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let grey = GrayImage::from_fn(64, 64, |x, y| image::Luma([value(x, y)]));
    grey.save(path).unwrap();
}

pub fn seen(root: &Path, part: &str, number: u32, value: impl Fn(u32, u32) -> u8) {
    save(&root.join(format!("{part}/images/{number}.png")), value);
}

pub fn masked(root: &Path, number: u32, value: impl Fn(u32, u32) -> u8) {
    save(&root.join(format!("train/masks/{number}.png")), value);
}

/// Healthy pairs.
pub fn scenes(root: &Path, count: u32) {
    for seed in 0..count {
        seen(root, "train", seed, photo(seed));
        masked(root, seed, truth(seed));
    }
}

/// Healthy pairs on two sides, from 8 on on the second.
pub fn parts(root: &Path, count: u32) {
    for seed in 0..count {
        let part = if seed < 8 { "train" } else { "val" };
        seen(root, part, seed, photo(seed));
        let path = root.join(format!("{part}/masks/{seed}.png"));
        save(&path, truth(seed));
    }
}

/// The lowest rows of some of 8 masks are ignored.
fn ignoring(root: &Path, rows: u32, masks: u32) {
    scenes(root, 8);
    for seed in 0..8 {
        let from = if seed < masks { 64 - rows } else { 63 };
        masked(root, seed, |x, y| match y >= from {
            true => 255,
            false => truth(seed)(x, y),
        });
    }
}

/// Squares of 2 on 0 with a rim of 1.
fn outlined(root: &Path, rim: u32) {
    scenes(root, 8);
    for seed in 0..8 {
        masked(root, seed, |x, y| {
            let far = x.abs_diff(30).max(y.abs_diff(20 + seed));
            match far {
                0..10 => 2,
                _ if far < 10 + rim => 1,
                _ => 0,
            }
        });
    }
}

/// Masks to the right of what they show.
fn moved(root: &Path, by: u32) {
    scenes(root, 24);
    for seed in 0..24 {
        masked(root, seed, |x, y| truth(seed)(x.saturating_sub(by), y));
    }
}

/// Objects of 20 × 20 pixels in training, of another side in validation.
fn sized(root: &Path, side: u32) {
    parts(root, 14);
    for seed in 0..14 {
        let (part, side) = if seed < 8 {
            ("train", 20)
        } else {
            ("val", side)
        };
        let path = root.join(format!("{part}/masks/{seed}.png"));
        save(&path, |x, y| u8::from(x < side && y < side));
    }
}

fn coloured(root: &Path) {
    let (sky, road) = ([0; 3], [200, 10, 0]);
    for i in 0..3 {
        picture(root.join(format!("images/{i}.png")));
        let mask = [sky, sky, road, road, sky, sky, road, road];
        colors(root.join(format!("masks/{i}.png")), mask);
    }
}

/// Masks that count 0, 1, 2, 3 … to a last number.
fn counting(root: &Path, lasts: [u8; 4]) {
    for (i, last) in lasts.into_iter().enumerate() {
        picture(root.join(format!("images/{i}.png")));
        let mask = std::array::from_fn(|at| (at as u8).min(last));
        ids(root.join(format!("masks/{i}.png")), mask);
    }
}

/// Square photographs whose EXIF data has this orientation.
pub fn photographed(root: &Path, orientation: u8) {
    for i in 0..2 {
        let path = root.join(format!("images/{i}.jpg"));
        save(&path, photo(i));
        let jpeg = fs::read(&path).unwrap();
        let tiff = [
            b"II*\0\x08\0\0\0\x01\0".as_slice(),
            &[0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0],
        ]
        .concat();
        let mut marked = jpeg[..2].to_vec();
        marked.extend([0xFF, 0xE1]);
        marked.extend((tiff.len() as u16 + 8).to_be_bytes());
        marked.extend(b"Exif\0\0");
        marked.extend(tiff);
        marked.extend(&jpeg[2..]);
        fs::write(&path, marked).unwrap();
        save(&root.join(format!("masks/{i}.png")), truth(i));
    }
}

fn trimaps(root: &Path, masks: &str) {
    for i in 0..3 {
        picture(root.join(format!("images/Birman_{i}.jpg")));
        let mask = [1, 1, 2, 2, 3, 3, 2, 2];
        ids(root.join(format!("{masks}/Birman_{i}.png")), mask);
    }
}

/// Two LabelMe files with a cat each, and the list of labels.
fn labelled(root: &Path, list: &str) {
    for i in 0..2 {
        picture(root.join(format!("{i}.png")));
        let text = format!(
            r#"{{"imagePath": "{i}.png", "imageHeight": 2, "imageWidth": 4, "imageData": null, "shapes": [
                {{"label": "cat", "shape_type": "rectangle", "points": [[0, 0], [1, 1]]}}]}}"#
        );
        write(root.join(format!("{i}.json")), text);
    }
    write(
        root.join("labels.txt"),
        format!("__ignore__\n_background_\n{list}"),
    );
}

/// Three stacks of 2 × 4 values with their masks.
fn stacks(root: &Path) {
    let array = |name: String| {
        let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 4), }";
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend((0..8_i16).flat_map(|at| (at % 2).to_le_bytes()));
        write(root.join(name), bytes);
    };
    for i in 0..3 {
        array(format!("images/{i}.npy"));
        array(format!("labels/{i}.npy"));
    }
}

const SQUARE: &str = "[[0, 0, 2, 0, 2, 2, 0, 2]]";

/// Annotations, each of an image and a category, of two images.
fn coco(annotations: &[[u32; 2]], last: &str) -> String {
    let all = annotations
        .iter()
        .enumerate()
        .map(|(at, [image, category])| {
            let form = if at + 1 == annotations.len() {
                last
            } else {
                SQUARE
            };
            format!(
                r#"{{"id": {at}, "image_id": {image}, "category_id": {category}, "iscrowd": 0,
                "segmentation": {form}}}"#
            )
        });
    let all: Vec<String> = all.collect();
    format!(
        r#"{{"images": [{{"id": 0, "file_name": "0.png", "width": 4, "height": 2}},
                       {{"id": 1, "file_name": "1.png", "width": 4, "height": 2}}],
            "categories": [{{"id": 1, "name": "cat"}}], "annotations": [{}]}}"#,
        all.join(", ")
    )
}

fn annotated(root: &Path, annotations: &[[u32; 2]], last: &str) {
    for i in 0..2 {
        picture(root.join(format!("{i}.png")));
    }
    write(root.join("annotations.json"), coco(annotations, last));
}

/// Ten pairs, the first few of them larger.
fn large(root: &Path, count: u32) {
    for i in 0..10 {
        let side = if i < count { 24 } else { 16 };
        for folder in ["images", "masks"] {
            let path = root.join(format!("{folder}/{i}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let grey = image::GrayImage::from_fn(side, side, |x, _| image::Luma([u8::from(x > 7)]));
            grey.save(path).unwrap();
        }
    }
}

/// Masks of two colours with this palette, and a table of both: black first.
fn numbered(root: &Path, palette: [[u8; 3]; 2]) {
    write(
        root.join("class_dict.csv"),
        "name,r,g,b\nroad,0,0,0\nsky,200,10,0\n",
    );
    for i in 0..3 {
        picture(root.join(format!("images/{i}.png")));
        write(root.join(format!("masks/{i}.png")), []);
        let file = fs::File::create(root.join(format!("masks/{i}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, 4, 2);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(palette.concat());
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[0, 0, 1, 1, 0, 0, 1, 1]).unwrap();
    }
}

/// Codes of all that opening and a close look find.
pub fn found(make: Make) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let dataset: Dataset = open(dir.path());
    let report = forensics::examine(&dataset, None, &Progress::default()).unwrap();
    let all = dataset.findings.iter().chain(&report.findings);
    all.map(|finding| finding.code.clone()).collect()
}

#[test]
fn every_close_look_finding_has_a_case() {
    for code in forensics::codes() {
        assert!(CASES.iter().any(|case| case.0 == code), "{code}");
    }
}

#[test]
fn what_is_planted_is_found_and_what_is_nearly_planted_is_not() {
    check(CASES);
}

pub fn check(cases: &[(&str, Make, Make)]) {
    for (code, planted, near) in cases {
        let codes = found(*planted);
        assert!(codes.iter().any(|c| c == code), "{code} not in {codes:?}");
        let codes = found(*near);
        assert!(!codes.iter().any(|c| c == code), "{code} in {codes:?}");
    }
}
