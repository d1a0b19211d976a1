//! What no dataset may do: run away with memory, or stop the program by a file that can't be read.

use std::fs;
use std::path::Path;

use dicebench::data::{DataConfig, DataError, Dataset, IGNORE, Progress};
use dicebench::finding::Finding;

use super::data_layouts::{codes, config, ids, picture, write};

fn open(path: &Path) -> Result<Dataset, DataError> {
    Dataset::open(&config(path), &Progress::default())
}

fn finding<'a>(dataset: &'a Dataset, code: &str) -> &'a Finding {
    let found = dataset.findings.iter().find(|f| f.code == code);
    found.unwrap_or_else(|| panic!("{code} in {:?}", codes(dataset)))
}

fn save_grey(path: &Path, width: u32, height: u32, value: impl Fn(u32, u32) -> u8) {
    let image = image::GrayImage::from_fn(width, height, |x, y| image::Luma([value(x, y)]));
    image.save(path).unwrap();
}

/// `count` pairs of 4 × 2 pixels.
fn pairs(root: &Path, count: usize) {
    for i in 0..count {
        picture(root.join(format!("images/{i}.png")));
        ids(
            root.join(format!("masks/{i}.png")),
            [0, 0, 1, 1, 0, 0, 1, 1],
        );
    }
}

/// Masks of 64 × 64 pixels and a table of two classes: a quarter is red, a quarter nearly red (a colour for
/// each pixel), the rest is nearly no class.
fn photos(root: &Path, count: u32) {
    write(
        root.join("class_dict.csv"),
        "name,r,g,b\nsky,250,0,0\nroad,0,0,0\n",
    );
    for i in 0..count {
        for folder in ["images", "masks"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        save_grey(&root.join(format!("images/{i}.png")), 64, 64, |x, y| {
            (x ^ y) as u8
        });
        let mask = image::RgbImage::from_fn(64, 64, |x, y| {
            let (a, b) = (x as u8, y as u8);
            image::Rgb(match (x < 32, y < 32) {
                (true, true) => [250, 0, 0],
                (true, false) => [250 - a, b - 31, i as u8],
                _ => [a * 2, 255 - b, 255],
            })
        });
        mask.save(root.join(format!("masks/{i}.png"))).unwrap();
    }
}

#[test]
fn masks_of_a_great_many_colours_are_counted_to_the_pixel() {
    let dir = tempfile::tempdir().unwrap();
    photos(dir.path(), 3);
    let exact = open(dir.path()).unwrap();
    let near = DataConfig {
        nearest_color: true,
        ..config(dir.path())
    };
    let near = Dataset::open(&near, &Progress::default()).unwrap();
    for (dataset, red) in [(&exact, 32 * 32), (&near, 2 * 32 * 32)] {
        for (item, counts) in dataset.counts.iter().enumerate() {
            // As the loader reads them.
            let labels = &dataset.load(item).unwrap().labels.labels;
            let of = |label: u8| labels.iter().filter(|l| **l == label).count() as u64;
            assert_eq!([counts.pixels(0), counts.ignored], [red, 64 * 64 - red]);
            assert_eq!([of(0), of(IGNORE)], [red, 64 * 64 - red]);
        }
    }
    // A quarter has a blue of its own in each mask, a half is alike in all of them.
    let unknown = finding(&exact, "unknown-color");
    let colours = 3 * 32 * 32 + 32 * 64;
    assert!(
        unknown.message.starts_with(&format!("{colours} colours")),
        "{}",
        unknown.message
    );
    assert_eq!(unknown.files.len(), 3);
    // Another pixel is another dataset.
    let other = tempfile::tempdir().unwrap();
    photos(other.path(), 3);
    assert_eq!(open(other.path()).unwrap().fingerprint, exact.fingerprint);
    let path = other.path().join("masks/1.png");
    let mut mask = image::open(&path).unwrap().into_rgb8();
    mask.put_pixel(50, 50, image::Rgb([1, 2, 3]));
    mask.save(&path).unwrap();
    assert_ne!(open(other.path()).unwrap().fingerprint, exact.fingerprint);
}

#[test]
fn folders_that_are_called_like_pictures_are_no_pictures() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 3);
    fs::create_dir(dir.path().join("images/9.png")).unwrap();
    fs::create_dir(dir.path().join("masks/9.png")).unwrap();
    assert_eq!(open(dir.path()).unwrap().items.len(), 3);
}

#[test]
fn a_missing_folder_and_a_folder_without_pairs_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("nowhere");
    let message = open(&missing).unwrap_err().to_string();
    assert!(
        message.contains("nowhere") && message.contains("no such folder"),
        "{message}"
    );
    let message = open(dir.path()).unwrap_err().to_string();
    assert!(message.contains("no pictures"), "{message}");
    picture(dir.path().join("a.png"));
    let message = open(dir.path()).unwrap_err().to_string();
    assert!(
        message.contains("1 picture,") && message.contains("masks"),
        "{message}"
    );
}

#[test]
fn bad_files_are_left_out_and_named() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 6);
    let cut = dir.path().join("images/0.png");
    let bytes = fs::read(&cut).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 12]).unwrap();
    fs::write(dir.path().join("masks/1.png"), b"").unwrap();
    save_grey(&dir.path().join("masks/2.png"), 3, 2, |_, _| 0);
    fs::remove_file(dir.path().join("masks/3.png")).unwrap();
    let dataset = open(dir.path()).unwrap();
    assert_eq!(dataset.items.len(), 2);
    for (code, file) in [
        ("unreadable-image", "0.png"),
        ("unreadable-mask", "1.png"),
        ("size-mismatch", "2.png"),
        ("image-without-mask", "3.png"),
    ] {
        let finding = finding(&dataset, code);
        assert!(finding.files[0].ends_with(file), "{finding:?}");
    }
}

#[test]
fn links_are_followed_loops_end_and_dead_ones_are_named() {
    use std::os::unix::fs::symlink;
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    pairs(elsewhere.path(), 4);
    symlink(elsewhere.path().join("images"), dir.path().join("images")).unwrap();
    fs::create_dir(dir.path().join("masks")).unwrap();
    for at in 0..4 {
        let name = format!("masks/{at}.png");
        symlink(elsewhere.path().join(&name), dir.path().join(&name)).unwrap();
    }
    symlink(dir.path(), dir.path().join("masks/again")).unwrap();
    // To what holds the dataset, and everything else.
    symlink("/", dir.path().join("images_of_all")).unwrap();
    symlink(
        dir.path().join("nowhere"),
        dir.path().join("masks/lost.png"),
    )
    .unwrap();
    let dataset = open(dir.path()).unwrap();
    assert_eq!(dataset.items.len(), 4);
    let hidden = finding(&dataset, "unreadable-folder");
    assert_eq!(hidden.files, ["masks/lost.png"]);
    assert!(dataset.load(3).is_ok());
}

#[test]
fn opening_can_be_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 2);
    let progress = Progress::default();
    progress.cancel();
    let opened = Dataset::open(&config(dir.path()), &progress);
    assert_eq!(opened.unwrap_err(), DataError::Cancelled);
}
#[test]
fn a_declared_size_beyond_the_limit_is_refused_without_decoding() {
    let dir = tempfile::tempdir().unwrap();
    pairs(dir.path(), 3);
    // The header of a picture of 60 000 × 60 000 pixels, with hardly anything behind it.
    let bomb = |path: &str| {
        let file = fs::File::create(dir.path().join(path)).unwrap();
        let mut encoder = png::Encoder::new(file, 60_000, 60_000);
        encoder.set_color(png::ColorType::Rgba);
        let mut writer = encoder.write_header().unwrap();
        writer
            .write_chunk(png::chunk::IDAT, &[0x78, 0x9C, 0x63, 0, 0])
            .unwrap();
    };
    bomb("images/0.png");
    bomb("masks/1.png");
    let dataset = open(dir.path()).unwrap();
    assert_eq!(dataset.items.len(), 1);
    for code in ["unreadable-image", "unreadable-mask"] {
        let message = &finding(&dataset, code).message;
        assert!(message.contains("60000"), "{message}");
    }
}

#[test]
fn annotations_that_draw_nothing_say_why() {
    let with = |segmentation: &str| {
        let dir = tempfile::tempdir().unwrap();
        picture(dir.path().join("0.png"));
        let text = format!(
            r#"{{"images": [{{"id": 1, "file_name": "0.png", "width": 4, "height": 2}}],
                "annotations": [{{"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2] {segmentation}}}],
                "categories": [{{"id": 1, "name": "cat"}}]}}"#
        );
        write(dir.path().join("annotations.json"), text);
        open(dir.path()).unwrap_err().to_string()
    };
    let boxes = with("");
    assert!(boxes.contains("1 annotation holds a box only"), "{boxes}");
    let line = with(r#", "segmentation": [[0, 0, 2, 2]]"#);
    assert!(line.contains("0.png has a polygon of 2 points"), "{line}");
}

#[test]
fn a_description_of_cases_that_are_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let meta = r#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1},
        "numTraining": 7, "file_ending": ".nii.gz"}"#;
    write(dir.path().join("dataset.json"), meta);
    let message = open(dir.path()).unwrap_err().to_string();
    assert!(message.contains("describes 7 cases"), "{message}");
    // Another program's file of the same name says nothing.
    write(dir.path().join("dataset.json"), r#"{"name": "x"}"#);
    let message = open(dir.path()).unwrap_err().to_string();
    assert!(message.contains("no pictures"), "{message}");
}
