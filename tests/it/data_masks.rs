//! Masks of many values: panoptic numbers, damaged colours, a colour for each object; and masks that lie
//! a few pixels beside their images.

use std::fs;
use std::path::Path;

use dicebench::data::mask::{Kind, Values};
use dicebench::data::{Dataset, IGNORE, Progress, forensics};

use super::data_layouts::{codes, colors, config, open, picture, write};

#[test]
fn panoptic_numbers_become_the_classes_of_their_segments() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    // 1 + 256·2 + 65536·3 = 197121; 7; and 300 = 44 + 256·1.
    for name in ["a", "b"] {
        picture(root.join(format!("val2017/{name}.jpg")));
        let (large, other, cat) = ([1, 2, 3], [44, 1, 0], [7, 0, 0]);
        colors(
            root.join(format!("annotations/panoptic_val2017/{name}.png")),
            [large, large, other, cat, [0; 3], [9, 9, 9], cat, cat],
        );
    }
    write(
        root.join("annotations/panoptic_val2017.json"),
        r#"{"images": [{"id": 1, "file_name": "a.jpg", "width": 8, "height": 8},
                       {"id": 2, "file_name": "b.jpg", "width": 8, "height": 8}],
            "annotations": [
              {"image_id": 1, "file_name": "a.png", "segments_info": [
                {"id": 197121, "category_id": 18, "iscrowd": 0}, {"id": 300, "category_id": 18},
                {"id": 7, "category_id": 200}]},
              {"image_id": 2, "file_name": "b.png", "segments_info": [
                {"id": 197121, "category_id": 18}, {"id": 300, "category_id": 200},
                {"id": 7, "category_id": 200}]}],
            "categories": [{"id": 18, "name": "dog", "isthing": 1, "color": [1, 2, 3]},
                           {"id": 200, "name": "rug", "isthing": 0, "color": [4, 5, 6]}]}"#,
    );
    let dataset = open(root);
    assert_eq!(dataset.layout, "COCO panoptic");
    let names: Vec<&str> = (dataset.classes.classes.iter().map(|c| c.name.as_str())).collect();
    assert_eq!(names, ["dog", "rug"]);
    let first = dataset.load(0).unwrap().labels.labels[..8].to_vec();
    assert_eq!(first, [0, 0, 0, 1, IGNORE, IGNORE, 1, 1]);
    let second = dataset.load(1).unwrap().labels.labels[..8].to_vec();
    assert_eq!(second, [0, 0, 1, 1, IGNORE, IGNORE, 1, 1]);
    // 9 + 256·9 + 65536·9 is a segment that no list knows; 0 is none on purpose.
    assert!(codes(&dataset).contains(&"unknown-label"));
}

fn image_of(path: &Path, side: u32, color: impl Fn(u32, u32) -> [u8; 3]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::RgbImage::from_fn(side, side, |x, y| image::Rgb(color(x, y)))
        .save(path)
        .unwrap();
}

/// Three classes, and borders blended between them: hundreds of colours.
fn blended(root: &Path, count: u32) {
    for number in 0..count {
        let path = root.join(format!("images/{number}.png"));
        image_of(&path, 64, |x, y| [x as u8, y as u8, number as u8]);
        let path = root.join(format!("masks/{number}.png"));
        image_of(&path, 64, |x, y| {
            let red = f64::from((x + number) % 64);
            let mix = |low: f64, high: f64, at: f64| low + (high - low) * at.clamp(0.0, 1.0);
            let edge = ((red - 30.0) / 5.0) + f64::from(y % 7) * 0.05;
            let lower = f64::from(y) - 45.0;
            [
                mix(0.0, 200.0, edge) as u8,
                mix(0.0, 180.0, lower / 3.0 + f64::from(x % 5) * 0.04) as u8,
                0,
            ]
        });
    }
}

#[test]
fn hundreds_of_blended_colours_are_few_classes_and_the_rest_waits_for_consent() {
    let dir = tempfile::tempdir().unwrap();
    blended(dir.path(), 6);
    let mut asked = config(dir.path());
    let plain = open(dir.path());
    let true_colors = [[0, 0, 0], [200, 0, 0], [0, 180, 0], [200, 180, 0]];
    let found: Vec<[u8; 3]> = plain.classes.classes.iter().map(|c| c.color).collect();
    assert_eq!(found.len(), 4, "{found:?}");
    for color in true_colors {
        assert!(found.contains(&color), "{color:?} in {found:?}");
    }
    let stray = |dataset: &Dataset| dataset.census.ignored_train + dataset.census.ignored_val;
    assert!(stray(&plain) > 500, "{}", stray(&plain));
    let finding = plain.findings.iter().find(|f| f.code == "unknown-color");
    let consent = [("data.nearest_color".to_owned(), "true".to_owned())];
    assert_eq!(finding.unwrap().settings, consent);
    asked.nearest_color = true;
    let near = Dataset::open(&asked, &Progress::default()).unwrap();
    // Colours far from every class stay out even then.
    assert!(stray(&near) * 5 < stray(&plain), "{}", stray(&near));
}

#[test]
fn a_colour_for_each_object_is_one_class_on_black() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..8_u32 {
        let path = dir.path().join(format!("images/{number}.png"));
        image_of(&path, 64, |x, y| [x as u8, y as u8, number as u8]);
        let path = dir.path().join(format!("masks/{number}.png"));
        image_of(&path, 64, |x, y| {
            if x % 8 == 0 || y % 8 == 0 {
                return [0; 3];
            }
            let object = (x / 8 + y / 8 * 8 + number * 64 + 1).wrapping_mul(2_654_435_761);
            [
                (object >> 8) as u8 | 1,
                (object >> 16) as u8,
                (object >> 24) as u8,
            ]
        });
    }
    let dataset = open(dir.path());
    let names: Vec<&str> = (dataset.classes.classes.iter().map(|c| c.name.as_str())).collect();
    assert_eq!(names, ["background", "object"]);
    assert!(codes(&dataset).contains(&"instance-ids"));
    let labels = &dataset.load(0).unwrap().labels.labels;
    let objects = labels.iter().filter(|label| **label == 1).count();
    // 8 × 8 objects of 7 × 7 pixels.
    assert_eq!(objects, 64 * 49);
}

/// Bright shapes at places of their own, and masks moved by (`dx`, `dy`) against them.
fn scenes(root: &Path, count: u32, dx: i32, dy: i32) {
    for number in 0..count {
        let inside = move |x: i32, y: i32| {
            let at = |k: u32| {
                let mixed = number.wrapping_mul(2_654_435_761).wrapping_add(k * 40_503);
                (mixed >> 7) as i32 % 60
            };
            (0..3_u32).any(|k| {
                let (left, top) = (12 + at(2 * k), 12 + at(2 * k + 1));
                (left..left + 17).contains(&x) && (top..top + 13).contains(&y)
            })
        };
        let path = root.join(format!("images/{number}.png"));
        image_of(&path, 100, |x, y| {
            let noise = ((x * 31 + y * 17 + number * 7) % 23) as u8;
            [if inside(x as i32, y as i32) { 170 } else { 60 } + noise; 3]
        });
        let path = root.join(format!("masks/{number}.png"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let label = |x: u32, y: u32| image::Luma([u8::from(inside(x as i32 - dx, y as i32 - dy))]);
        image::GrayImage::from_fn(100, 100, label)
            .save(path)
            .unwrap();
    }
}

#[test]
fn masks_a_few_pixels_aside_are_found_with_the_step_that_mends_them() {
    for (by, said) in [
        ([4, -3], "4 pixels to the left and 3 down"),
        ([0, 2], "2 pixels up"),
        ([-6, 0], "6 pixels to the right"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        scenes(dir.path(), 16, by[0], by[1]);
        let report = forensics::examine(&open(dir.path()), None, &Progress::default()).unwrap();
        let found = report.findings.iter().find(|f| f.code == "shifted-masks");
        let found = found.unwrap_or_else(|| panic!("{by:?}: {:?}", report.findings));
        assert!(found.message.contains(said), "{by:?}: {}", found.message);
    }
    let dir = tempfile::tempdir().unwrap();
    scenes(dir.path(), 16, 0, 0);
    let report = forensics::examine(&open(dir.path()), None, &Progress::default()).unwrap();
    let codes: Vec<&str> = report.findings.iter().map(|f| f.code.as_str()).collect();
    assert!(!codes.contains(&"shifted-masks"), "{codes:?}");
}

/// A bitmap with a palette whose entries all have one colour, of 1, 2, 4 or 8 bits.
fn one_coloured_bmp(path: &Path, rows: &[Vec<u8>], bits: usize, from_top: bool) {
    let (width, height) = (rows[0].len(), rows.len() as i32);
    let colors = 1 << bits;
    let data = 14 + 40 + 4 * colors;
    let line = (width * bits).div_ceil(32) * 4;
    let mut bytes = b"BM".to_vec();
    let number = |bytes: &mut Vec<u8>, value: u32| bytes.extend(value.to_le_bytes());
    number(&mut bytes, data + (line * rows.len()) as u32);
    number(&mut bytes, 0);
    number(&mut bytes, data);
    number(&mut bytes, 40);
    number(&mut bytes, width as u32);
    number(&mut bytes, if from_top { -height } else { height } as u32);
    // One plane, not compressed.
    bytes.extend([1, 0, bits as u8, 0]);
    for value in [0, 0, 0, 0, colors, 0] {
        number(&mut bytes, value);
    }
    bytes.extend([9, 9, 9, 0].repeat(colors as usize));
    let mut lines: Vec<Vec<u8>> = (rows.iter())
        .map(|row| {
            let mut packed = vec![0; line];
            for (x, index) in row.iter().enumerate() {
                packed[x * bits / 8] |= index << (8 - bits - x * bits % 8);
            }
            packed
        })
        .collect();
    if !from_top {
        lines.reverse();
    }
    bytes.extend(lines.concat());
    std::fs::write(path, bytes).unwrap();
}

/// A TIFF of 8 bits with such a palette, in either order of bytes.
fn one_coloured_tiff(path: &Path, width: u32, rows: &[&[u8]], big: bool) {
    let two = |value: u16| match big {
        true => value.to_be_bytes(),
        false => value.to_le_bytes(),
    };
    let four = |value: u32| match big {
        true => value.to_be_bytes(),
        false => value.to_le_bytes(),
    };
    let pixels = rows.concat();
    let length = pixels.len() as u32;
    let directory = 8 + length.next_multiple_of(2);
    let map = directory + 2 + 10 * 12 + 4;
    let mut bytes = if big { b"MM".to_vec() } else { b"II".to_vec() };
    bytes.extend(two(42));
    bytes.extend(four(directory));
    bytes.extend(&pixels);
    bytes.resize(directory as usize, 0);
    bytes.extend(two(10));
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let entries = [
        (256, LONG, 1, width),
        (257, LONG, 1, rows.len() as u32),
        (258, SHORT, 1, 8),
        (259, SHORT, 1, 1),
        (262, SHORT, 1, 3),
        (273, LONG, 1, 8),
        (277, SHORT, 1, 1),
        (278, LONG, 1, rows.len() as u32),
        (279, LONG, 1, length),
        (320, SHORT, 768, map),
    ];
    for (tag, kind, count, value) in entries {
        bytes.extend(two(tag));
        bytes.extend(two(kind));
        bytes.extend(four(count));
        if kind == SHORT && count == 1 {
            bytes.extend(two(value as u16));
            bytes.extend([0; 2]);
        } else {
            bytes.extend(four(value));
        }
    }
    bytes.extend(four(0));
    bytes.extend(two(0x0909).repeat(768));
    fs::write(path, bytes).unwrap();
}

#[test]
fn palettes_are_read_by_their_indices_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let rows: [&[u8]; 2] = [&[0, 1, 2], &[3, 2, 1]];
    let read = |name: &str| dicebench::data::mask::read(&dir.path().join(name)).unwrap();
    let lines = rows.map(<[u8]>::to_vec);
    one_coloured_bmp(&dir.path().join("mask.bmp"), &lines, 8, false);
    one_coloured_tiff(&dir.path().join("little.tif"), 3, &rows, false);
    one_coloured_tiff(&dir.path().join("big.tif"), 3, &rows, true);
    let mut file = fs::File::create(dir.path().join("mask.gif")).unwrap();
    let mut gif = gif::Encoder::new(&mut file, 3, 2, &[9; 12]).unwrap();
    let frame = gif::Frame::from_indexed_pixels(3, 2, rows.concat(), None);
    gif.write_frame(&frame).unwrap();
    drop(gif);
    for name in ["mask.bmp", "little.tif", "big.tif", "mask.gif"] {
        let mask = read(name);
        assert_eq!(mask.values, Values::Bytes(vec![0, 1, 2, 3, 2, 1]), "{name}");
        let Kind::Palette(palette) = mask.kind else {
            panic!("{name} is {:?}", mask.kind);
        };
        assert_eq!(palette[..4], [0x0009_0909; 4], "{name}");
    }
    // A palette in a format whose indices can't be had is refused, not turned into colours.
    let mut tga = vec![0, 1, 1, 0, 0, 1, 0, 24, 0, 0, 0, 0, 1, 0, 1, 0, 8, 0];
    tga.extend([9, 9, 9, 0]);
    fs::write(dir.path().join("mask.tga"), tga).unwrap();
    let refused = dicebench::data::mask::read(&dir.path().join("mask.tga"));
    assert!(refused.unwrap_err().contains("palette"));
}

#[test]
fn bitmaps_are_read_by_their_indices_however_many_share_a_byte() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mask.bmp");
    let read = || dicebench::data::mask::read(&path);
    for bits in [1, 2, 4, 8] {
        // A width that ends within a byte, and one that fills its line.
        for width in [13, 32] {
            let index = |x: usize, y: usize| ((x * 7 + y * 5) % (1 << bits)) as u8;
            let row = |y| (0..width).map(|x| index(x, y)).collect();
            let rows: Vec<Vec<u8>> = (0..3).map(row).collect();
            let expected = Values::Bytes(rows.concat());
            for from_top in [true, false] {
                one_coloured_bmp(&path, &rows, bits, from_top);
                let mask = read().unwrap();
                assert_eq!([mask.width, mask.height], [width, 3]);
                assert_eq!(
                    mask.values, expected,
                    "{bits} bits, {width} wide, {from_top}"
                );
            }
        }
    }
    // The last one as if run-length coded: refused, as the library would turn indices into colours.
    let mut bytes = fs::read(&path).unwrap();
    bytes[30] = 1;
    fs::write(&path, &bytes).unwrap();
    assert!(read().unwrap_err().contains("run-length"));
}

/// An indexed PNG of 8×8: the upper half 0, then 1 and 2 side by side.
fn indexed(path: &Path, palette: [[u8; 3]; 3]) {
    let file = fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(file, 8, 8);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    let value = |at: u8| match (at / 8, at % 8) {
        (0..4, _) => 0,
        (_, 0..4) => 1,
        _ => 2,
    };
    let pixels: Vec<u8> = (0..64).map(value).collect();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
}

#[test]
fn where_each_file_sorts_its_palette_anew_colours_are_the_classes() {
    const BLACK: [u8; 3] = [0; 3];
    const RED: [u8; 3] = [200, 0, 0];
    const BLUE: [u8; 3] = [0, 0, 200];
    let set = |palette: &dyn Fn(u8) -> [[u8; 3]; 3]| {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("masks")).unwrap();
        for at in 0..6 {
            image_of(&dir.path().join(format!("images/{at}.png")), 8, |x, y| {
                [x as u8, y as u8, at]
            });
            indexed(&dir.path().join(format!("masks/{at}.png")), palette(at));
        }
        let dataset = open(dir.path());
        let labels = [0, 1].map(|at| dataset.load(at).unwrap().labels.labels.clone());
        (dir, dataset, labels)
    };
    let (_dir, sorted, labels) = set(&|at| match at % 2 {
        0 => [BLACK, RED, BLUE],
        _ => [BLUE, BLACK, RED],
    });
    assert!(
        codes(&sorted).contains(&"palettes-differ"),
        "{:?}",
        codes(&sorted)
    );
    // The same number, another colour; the same colour, the same class.
    assert_ne!(labels[0][0], labels[1][0]);
    assert_eq!(labels[0][0], labels[1][63 - 7]);
    assert_eq!(labels[0][63], labels[1][0]);
    // Colours by chance say nothing: numbers are the classes.
    let (_dir, random, labels) = set(&|at| [BLACK, [at * 40, 9, 7], [3, 250 - at * 30, 60]]);
    assert!(codes(&random).contains(&"palettes-differ"));
    assert_eq!(labels[0], labels[1]);
    assert_eq!(random.classes.len(), 3);
    let (_dir, same, _) = set(&|_| [BLACK, RED, BLUE]);
    assert!(!codes(&same).contains(&"palettes-differ"));
}

#[test]
fn compressed_greys_are_the_few_values_that_they_gather_around() {
    let dir = tempfile::tempdir().unwrap();
    for at in 0..6_u32 {
        image_of(&dir.path().join(format!("images/{at}.png")), 128, |x, y| {
            [x as u8, y as u8, at as u8]
        });
        fs::create_dir_all(dir.path().join("masks")).unwrap();
        let mask = image::GrayImage::from_fn(128, 128, |x, y| {
            image::Luma([match (x + 5 * at, y) {
                (40..90, 30..70) => 80,
                (_, 90..) => 160,
                _ => 0,
            }])
        });
        let file = fs::File::create(dir.path().join(format!("masks/{at}.jpg"))).unwrap();
        let jpeg = image::codecs::jpeg::JpegEncoder::new_with_quality(file, 60);
        mask.write_with_encoder(jpeg).unwrap();
    }
    let plain = open(dir.path());
    let values: Vec<u32> = plain.classes.classes.iter().map(|c| c.values[0]).collect();
    assert_eq!(values.len(), 3, "{values:?}");
    for (found, right) in values.iter().zip([0, 80, 160]) {
        assert!(found.abs_diff(right) <= 2, "{values:?}");
    }
    let stray = |d: &Dataset| d.census.ignored_train + d.census.ignored_val;
    assert!(stray(&plain) > 0);
    let finding = plain
        .findings
        .iter()
        .find(|f| f.code == "interpolated-edges");
    assert!(!finding.unwrap().settings.is_empty());
    let mut asked = config(dir.path());
    asked.nearest_color = true;
    let near = Dataset::open(&asked, &Progress::default()).unwrap();
    assert_eq!(stray(&near), 0);
}

#[test]
fn colours_of_16_bits_are_taken_exactly_or_refused() {
    type Deep = image::ImageBuffer<image::Rgb<u16>, Vec<u16>>;
    let dir = tempfile::tempdir().unwrap();
    let read = |name: &str, of: [u16; 3]| {
        let path = dir.path().join(name);
        Deep::from_fn(2, 1, |x, _| image::Rgb(if x == 0 { [0; 3] } else { of }))
            .save(&path)
            .unwrap();
        dicebench::data::mask::read(&path).map(|mask| mask.values)
    };
    for name in ["a.png", "a.tif"] {
        // Ids: their high bytes are 0, which a conversion to 8 bits would keep.
        assert_eq!(
            read(name, [2, 1, 0]),
            Ok(Values::Words(vec![0, 0x0002_0100]))
        );
        assert_eq!(
            read(name, [0x8080, 0, 0xFFFF]),
            Ok(Values::Words(vec![0, 0x0080_00FF]))
        );
        assert_eq!(
            read(name, [0x8000, 0, 0xFF00]),
            Ok(Values::Words(vec![0, 0x0080_00FF]))
        );
        assert!(read(name, [0x8012, 0, 3]).unwrap_err().contains("16 bits"));
    }
}

/// 16×16 pixels of 0 and 200, as libwebp 1.6 wrote them at quality 50.
const LOSSY: [u8; 56] = [
    82, 73, 70, 70, 48, 0, 0, 0, 87, 69, 66, 80, 86, 80, 56, 32, 36, 0, 0, 0, 144, 1, 0, 157, 1,
    42, 16, 0, 16, 0, 2, 192, 76, 37, 164, 0, 2, 157, 54, 43, 0, 0, 254, 251, 110, 117, 175, 229,
    121, 127, 202, 3, 224, 0, 0, 0,
];

#[test]
fn a_lossy_webp_is_told_from_an_exact_one() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["images", "masks"] {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    for at in 0..3 {
        image_of(&dir.path().join(format!("images/{at}.png")), 8, |x, y| {
            [x as u8, y as u8, 0]
        });
        image_of(&dir.path().join(format!("masks/{at}.webp")), 8, |x, _| {
            [u8::from(x > 3); 3]
        });
    }
    let dataset = open(dir.path());
    assert_eq!(dataset.classes.len(), 2);
    assert!(dataset.findings.iter().all(|f| f.code != "lossy-mask"));
    for at in 0..3 {
        image_of(&dir.path().join(format!("images/{at}.png")), 16, |x, y| {
            [x as u8, y as u8, 0]
        });
        std::fs::write(dir.path().join(format!("masks/{at}.webp")), LOSSY).unwrap();
    }
    let dataset = open(dir.path());
    assert!(
        dataset.findings.iter().any(|f| f.code == "lossy-mask"),
        "{:?}",
        dataset.findings
    );
}
