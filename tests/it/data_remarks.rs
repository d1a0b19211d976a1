//! What opening finds about files, values and sides: planted, it is there; nearly planted, it is not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::data_findings::{self, Make, check, parts, photo, save, scenes, seen, truth};
use super::data_layouts::{colors, ids, picture, write};

/// A code, what has it, and what nearly has it.
const CASES: &[(&str, Make, Make)] = &[
    (
        "image-without-mask",
        |root| {
            scenes(root, 8);
            fs::remove_file(root.join("train/masks/3.png")).unwrap();
        },
        |root| scenes(root, 8),
    ),
    (
        "mask-without-image",
        |root| {
            scenes(root, 8);
            fs::remove_file(root.join("train/images/3.png")).unwrap();
        },
        |root| scenes(root, 8),
    ),
    // Litter of systems is neither.
    (
        "image-without-mask",
        |root| {
            scenes(root, 8);
            seen(root, "train", 99, photo(99));
        },
        |root| {
            scenes(root, 8);
            write(root.join("train/images/._9.png"), b"x");
            write(root.join("train/images/Thumbs.db"), b"x");
        },
    ),
    (
        "size-mismatch",
        |root| sized(root, 63),
        |root| sized(root, 64),
    ),
    // Cut off in the middle, and longer than it should be.
    (
        "unreadable-mask",
        |root| {
            scenes(root, 8);
            let path = root.join("train/masks/3.png");
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
        |root| {
            scenes(root, 8);
            let path = root.join("train/masks/3.png");
            let bytes = fs::read(&path).unwrap();
            fs::write(path, [bytes.as_slice(), b"more"].concat()).unwrap();
        },
    ),
    (
        "unreadable-image",
        |root| {
            scenes(root, 8);
            fs::write(root.join("train/images/3.png"), []).unwrap();
        },
        |root| scenes(root, 8),
    ),
    (
        "two-values",
        |root| paired(root, [0, 0, 255, 255, 0, 0, 255, 255]),
        |root| paired(root, [0, 0, 1, 1, 0, 0, 1, 1]),
    ),
    (
        "sparse-ids",
        |root| paired(root, [0, 0, 1, 1, 5, 5, 1, 1]),
        |root| paired(root, [0, 0, 1, 1, 2, 2, 1, 1]),
    ),
    (
        "ids-without-zero",
        |root| paired(root, [1, 1, 2, 2, 3, 3, 2, 2]),
        |root| paired(root, [0, 0, 2, 2, 1, 1, 2, 2]),
    ),
    (
        "few-images",
        |root| scenes(root, 8),
        |root| scenes(root, 60),
    ),
    // One pixel of a class is enough for it to be there.
    (
        "class-not-in-validation",
        |root| {
            parts(root, 12);
            empty(root, "val", 8..12, &[]);
        },
        |root| {
            parts(root, 12);
            empty(root, "val", 8..12, &[(9, 9)]);
        },
    ),
    (
        "class-not-in-training",
        |root| {
            parts(root, 12);
            empty(root, "train", 0..8, &[]);
        },
        |root| {
            parts(root, 12);
            empty(root, "train", 0..8, &[(9, 9)]);
        },
    ),
    (
        "exif-turned",
        |root| lying(root, 6),
        |root| data_findings::photographed(root, 1),
    ),
    (
        "mixed-encodings",
        |root| tabled(root, true),
        |root| tabled(root, false),
    ),
    // Red and blue exchanged.
    (
        "table-mismatch",
        |root| named(root, "name,r,g,b\nsky,0,10,200\nroad,90,60,0\n"),
        |root| named(root, "name,r,g,b\nsky,200,10,0\nroad,0,60,90\n"),
    ),
    (
        "lossy-mask",
        |root| saved_as(root, "jpg"),
        |root| saved_as(root, "bmp"),
    ),
];

/// Masks of another height than their images.
fn sized(root: &Path, height: u32) {
    scenes(root, 8);
    let mask = image::GrayImage::from_fn(64, height, |x, y| image::Luma([truth(3)(x, y)]));
    mask.save(root.join("train/masks/3.png")).unwrap();
}

/// Three pairs with this mask.
fn paired(root: &Path, mask: [u8; 8]) {
    for i in 0..3 {
        picture(root.join(format!("images/{i}.png")));
        ids(root.join(format!("masks/{i}.png")), mask);
    }
}

/// Masks of a side hold nothing but these pixels.
fn empty(root: &Path, part: &str, numbers: std::ops::Range<u32>, but: &[(u32, u32)]) {
    for number in numbers {
        let path = root.join(format!("{part}/masks/{number}.png"));
        save(&path, |x, y| u8::from(but.contains(&(x, y))));
    }
}

/// Photographs that lie on their side, with masks that stand.
fn lying(root: &Path, orientation: u8) {
    data_findings::photographed(root, orientation);
    for i in 0..2 {
        let path = root.join(format!("images/{i}.jpg"));
        let marked = fs::read(&path).unwrap();
        // The mark of the square one before the pixels of an oblong one.
        let length = usize::from(u16::from_be_bytes([marked[4], marked[5]]));
        let oblong = image::GrayImage::from_fn(64, 32, |x, y| image::Luma([photo(i)(x, y)]));
        oblong.save(&path).unwrap();
        let plain = fs::read(&path).unwrap();
        fs::write(&path, [&marked[..4 + length], &plain[2..]].concat()).unwrap();
        let mask = image::GrayImage::from_fn(32, 64, |x, y| image::Luma([truth(i)(x, y)]));
        mask.save(root.join(format!("masks/{i}.png"))).unwrap();
    }
}

/// Masks in the colours of a table; the last as row numbers where they are mixed.
fn tabled(root: &Path, mixed: bool) {
    let (sky, road) = ([0; 3], [200, 10, 0]);
    for i in 0..3 {
        picture(root.join(format!("images/{i}.png")));
        let path = root.join(format!("masks/{i}.png"));
        if mixed && i == 2 {
            ids(path, [0, 0, 1, 1, 0, 0, 1, 1]);
        } else {
            colors(path, [sky, sky, road, road, sky, sky, road, road]);
        }
    }
    let table = "name,r,g,b\nsky,0,0,0\nroad,200,10,0\n";
    write(root.join("class_dict.csv"), table);
}

/// Masks of two colours, and a table.
fn named(root: &Path, table: &str) {
    let (sky, road) = ([200, 10, 0], [0, 60, 90]);
    for i in 0..3 {
        picture(root.join(format!("images/{i}.png")));
        let mask = [sky, sky, road, road, sky, sky, road, road];
        colors(root.join(format!("masks/{i}.png")), mask);
    }
    write(root.join("class_dict.csv"), table);
}

fn saved_as(root: &Path, ending: &str) {
    scenes(root, 8);
    for number in 0..8 {
        fs::remove_file(root.join(format!("train/masks/{number}.png"))).unwrap();
        let path = root.join(format!("train/masks/{number}.{ending}"));
        save(&path, |x, y| 255 * truth(number)(x, y));
    }
}

/// Codes whose near miss stands in a test of its own, beside what else it is about.
const ELSEWHERE: &[&str] = &[
    "channels-differ",
    "duplicate-across-splits",
    "embedded-image",
    "ids-shifted",
    "instance-ids",
    "listed-but-missing",
    "many-channels",
    "negative-ids",
    "orientation-differs",
    "palettes-differ",
    "points-outside",
    "several-datasets",
    "several-masks",
    "test-without-mask",
    "torn-sequence",
    "unknown-color",
    "unknown-label",
    "unreadable-folder",
    "zero-may-be-ignored",
];

#[test]
fn what_opening_finds_is_planted_and_nearly_planted() {
    check(CASES);
}

#[test]
fn every_finding_of_opening_has_a_case() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/data");
    let mut codes = BTreeSet::new();
    for entry in walkdir::WalkDir::new(data).into_iter().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for call in code.split("Finding::new(").skip(1) {
            let first = call.trim_start().strip_prefix('"');
            codes.extend(
                first
                    .and_then(|rest| rest.split('"').next())
                    .map(str::to_owned),
            );
        }
    }
    assert!(codes.len() > 40, "they are found by reading: {codes:?}");
    let known: Vec<&str> = (CASES.iter().chain(data_findings::CASES))
        .map(|case| case.0)
        .chain(ELSEWHERE.iter().copied())
        .collect();
    codes.retain(|code| !known.contains(&code.as_str()));
    assert_eq!(codes, BTreeSet::new());
}
