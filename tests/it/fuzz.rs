//! The entry points of the fuzz targets over whole and damaged files: short, so that the targets stay
//! true to the code between the long runs.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageFormat};

// The fuzz package compiles the same file against its own copy of the data layer.
pub use dicebench::data;

#[path = "../fuzz/entry.rs"]
mod entry;

/// The file whole, cut off at every eighth of it, and with single bytes changed all over.
fn damaged(seed: &[u8], target: fn(&[u8])) {
    target(seed);
    for eighth in 0..8 {
        target(&seed[..seed.len() * eighth / 8]);
    }
    let step = seed.len().div_ceil(120).max(1);
    for at in (0..seed.len()).step_by(step) {
        for value in [0, 0x7F, 0xFF, seed[at] ^ 1] {
            let mut bytes = seed.to_vec();
            bytes[at] = value;
            target(&bytes);
        }
    }
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn pictures() -> [DynamicImage; 4] {
    let value = |x: u32, y: u32| (x * 37 + y * 11) as u8;
    [
        image::GrayImage::from_fn(9, 7, |x, y| image::Luma([value(x, y) % 3])).into(),
        image::RgbImage::from_fn(9, 7, |x, y| image::Rgb([value(x, y), 9, x as u8])).into(),
        image::RgbaImage::from_fn(9, 7, |x, y| image::Rgba([value(x, y), 1, 2, y as u8])).into(),
        image::ImageBuffer::from_fn(9, 7, |x, y| image::Luma([u16::from(value(x, y)) * 200]))
            .into(),
    ]
}

/// A bitmap with a palette of two colours, 13 × 2, the smallest of its kind.
fn one_bit_bitmap() -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    // Length, reserved, where the pixels start; header, width, height; planes and bits.
    for value in [70_u32, 0, 62, 40, 13, 2, 1 << 16 | 1, 0, 0, 0, 0, 2, 0] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0, 0, 0, 0, 255, 255, 255, 0]);
    bytes.extend([0xA5, 0x58, 0, 0, 0x3C, 0xF0, 0, 0]);
    bytes
}

#[test]
fn damaged_masks_and_images_are_refused_or_read() {
    for picture in pictures() {
        for format in [ImageFormat::Png, ImageFormat::Tiff] {
            damaged(&encoded(&picture, format), entry::masks);
        }
    }
    let [grey, colour, ..] = pictures();
    for format in [ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Gif] {
        damaged(&encoded(&colour, format), entry::masks);
    }
    damaged(&encoded(&grey, ImageFormat::Jpeg), entry::masks);
    damaged(&one_bit_bitmap(), entry::masks);
}

/// The package stands outside the workspace, so that nothing else would notice.
#[test]
fn the_fuzz_package_has_every_package_that_the_data_layer_uses() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let dependencies = |path: &str| {
        let table: toml::Table = read(path).parse().unwrap();
        let names = table["dependencies"].as_table().unwrap().keys();
        names.map(|n| n.replace('-', "_")).collect::<Vec<_>>()
    };
    let there = dependencies("tests/fuzz/Cargo.toml");
    let own = read("tests/fuzz/data.rs");
    let sources = walkdir::WalkDir::new(root.join("src/data")).into_iter();
    let sources: String = sources
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "rs"))
        .map(|entry| std::fs::read_to_string(entry.path()).unwrap())
        .collect();
    let words: std::collections::BTreeSet<&str> = sources
        .split("::")
        .chain(sources.split(" as "))
        .filter_map(|before| {
            before
                .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
        })
        .collect();
    let lacking: Vec<String> = dependencies("Cargo.toml")
        .into_iter()
        .filter(|name| words.contains(name.as_str()))
        .filter(|name| !there.contains(name) && !own.contains(&format!("as {name};")))
        .collect();
    assert_eq!(lacking, Vec::<String>::new());
    // It does see what is used.
    assert!(words.contains("fast_image_resize") && words.contains("dicebench_kernels"));
}

#[test]
fn damaged_stacks_are_refused_or_read() {
    for picture in pictures() {
        damaged(&encoded(&picture, ImageFormat::Tiff), entry::stacks);
    }
    let mut nifti = vec![0; 352];
    nifti[..4].copy_from_slice(&348_i32.to_le_bytes());
    for (at, extent) in [3_i16, 4, 3, 2].iter().enumerate() {
        nifti[40 + 2 * at..42 + 2 * at].copy_from_slice(&extent.to_le_bytes());
    }
    nifti[70..72].copy_from_slice(&2_i16.to_le_bytes());
    nifti[72..74].copy_from_slice(&8_i16.to_le_bytes());
    nifti[108..112].copy_from_slice(&352_f32.to_le_bytes());
    nifti.extend(0..24);
    damaged(&nifti, entry::stacks);
    let mut npy = b"\x93NUMPY\x01\x00\x46\x00".to_vec();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4), }";
    npy.extend(format!("{header:<69}\n").as_bytes());
    npy.extend([0; 96]);
    damaged(&npy, entry::stacks);
}

#[test]
fn damaged_annotations_are_refused_or_drawn() {
    let coco = r#"{"images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 7}],
        "categories": [{"id": 1, "name": "cat"}], "annotations": [
        {"image_id": 1, "category_id": 1, "iscrowd": 0, "segmentation": [[0,0, 5,0, 5,5, 0,5]]},
        {"image_id": 1, "category_id": 1, "iscrowd": 1,
         "segmentation": {"counts": [2, 20, 9], "size": [7, 9]}},
        {"image_id": 1, "category_id": 1, "segmentation": {"counts": "224", "size": [7, 9]}}]}"#;
    let labelme = r#"{"imagePath": "a.jpg", "imageWidth": 9, "imageHeight": 7, "imageData": "iVBORw0KGgo=",
        "shapes": [{"label": "a", "shape_type": "polygon", "points": [[0, 0], [5, -2], [30, 6.5]]},
        {"label": "b", "shape_type": "circle", "points": [[4, 4], [6, 4]]},
        {"label": "c", "shape_type": "rectangle", "points": [[1, 1], [3, 30]]},
        {"label": "d", "shape_type": "linestrip", "points": [[1, 1], [8, 6], [1e9, -1e9]]},
        {"label": "e", "shape_type": "point", "points": [[2, 2]]},
        {"label": "f", "shape_type": "mask", "points": [[0, 0], [1, 1]], "mask": "iVBORw0KGgo="}]}"#;
    for text in [coco, labelme] {
        damaged(text.as_bytes(), entry::json);
    }
}
