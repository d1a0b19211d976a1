//! What a close look at the pixels finds in scenes that are made for it, and how it is kept.

use std::fs;
use std::path::Path;

use dicebench::data::{DataError, Progress, forensics};

use super::data_layouts::{ids, open};
use super::data_traps::{examine, finding, pairs};

/// A scene of its own for each seed: bright rectangles on dark, and their mask.
fn scene(root: &Path, part: &str, name: &str, seed: u32, mirrored: bool) {
    let inside = move |x: u32, y: u32| {
        let at = |k: u32| (seed.wrapping_mul(2_654_435_761).wrapping_add(k * 40_503) >> 7) % 40;
        (0..3).any(|k| {
            let (left, top) = (at(2 * k), at(2 * k + 1));
            (left..left + 16).contains(&x) && (top..top + 12).contains(&y)
        })
    };
    let (images, masks) = (
        root.join(part).join("images"),
        root.join(part).join("masks"),
    );
    fs::create_dir_all(&images).unwrap();
    fs::create_dir_all(&masks).unwrap();
    let image = image::GrayImage::from_fn(64, 64, |x, y| {
        let noise = (x * 31 + y * 17 + seed * 7) % 9;
        image::Luma([if inside(x, y) { 200 } else { 30 } + noise as u8])
    });
    image.save(images.join(format!("{name}.png"))).unwrap();
    let mask = image::GrayImage::from_fn(64, 64, |x, y| {
        image::Luma([u8::from(inside(if mirrored { 63 - x } else { x }, y))])
    });
    mask.save(masks.join(format!("{name}.png"))).unwrap();
}

#[test]
fn doubles_across_the_split_are_found_and_other_scenes_are_not() {
    let dir = tempfile::tempdir().unwrap();
    for seed in 0..12 {
        let part = if seed < 8 { "train" } else { "val" };
        scene(dir.path(), part, &format!("{seed}"), seed, false);
    }
    let report = examine(&open(dir.path()));
    let has =
        |report: &forensics::Report, code: &str| report.findings.iter().any(|f| f.code == code);
    assert!(
        !has(&report, "duplicate-across-splits"),
        "{:?}",
        report.findings
    );
    // Scene 3 again, brighter, in validation.
    scene(dir.path(), "val", "again", 3, false);
    let path = dir.path().join("val/images/again.png");
    let image = image::open(&path).unwrap().brighten(9);
    image.save(&path).unwrap();
    let dataset = open(dir.path());
    let report = examine(&dataset);
    let found = finding(&report.findings, "duplicate-across-splits");
    assert!(
        found
            .message
            .contains("again.png looks like train/images/3.png"),
        "{}",
        found.message
    );
    let index = dataset
        .items
        .iter()
        .position(|i| i.id.ends_with("again"))
        .unwrap();
    assert_eq!(report.by_item[index].len(), 1);
}

#[test]
fn masks_that_are_mirrored_or_strangers_are_found() {
    let healthy = tempfile::tempdir().unwrap();
    let mirrored = tempfile::tempdir().unwrap();
    for seed in 0..24 {
        scene(healthy.path(), "train", &format!("{seed}"), seed, false);
        scene(mirrored.path(), "train", &format!("{seed}"), seed, true);
    }
    let of = |path: &Path| -> Vec<String> {
        let findings = examine(&open(path)).findings;
        findings.into_iter().map(|f| f.code).collect()
    };
    let codes = of(healthy.path());
    for code in ["turned-masks", "misaligned", "misplaced-mask"] {
        assert!(!codes.iter().any(|c| c == code), "{codes:?}");
    }
    assert!(of(mirrored.path()).contains(&"turned-masks".to_owned()));
    // Every mask belongs to the next image.
    let masks = healthy.path().join("train/masks");
    fs::rename(masks.join("0.png"), masks.join("24.png")).unwrap();
    for seed in 0..24 {
        fs::rename(
            masks.join(format!("{}.png", seed + 1)),
            masks.join(format!("{seed}.png")),
        )
        .unwrap();
    }
    assert!(of(healthy.path()).contains(&"misaligned".to_owned()));
}

#[test]
fn facts_are_counted_and_kept_by_content() {
    let dir = tempfile::tempdir().unwrap();
    let kept = tempfile::tempdir().unwrap();
    pairs(dir.path(), 4, [1, 0, 0, 1, 0, 0, 0, 1]);
    ids(dir.path().join("masks/3.png"), [0; 8]);
    let dataset = open(dir.path());
    let look = || forensics::examine(&dataset, Some(kept.path()), &Progress::default()).unwrap();
    let first = look();
    let facts = first.items[0].as_ref().unwrap();
    // Two regions of class 1, of one and of two pixels; all pixels touch another class but two.
    assert_eq!(facts.classes[1].objects, [1, 1]);
    assert_eq!((facts.classes[1].pixels, facts.share(1)), (3, 0.375));
    assert_eq!(first.classes[1].regions(), 6);
    let constant = finding(&first.findings, "constant-mask");
    assert_eq!(constant.files, ["masks/3.png"]);
    assert_eq!(first.cached, 0);
    let second = look();
    assert_eq!(second.cached, 4);
    assert_eq!(second.items, first.items);
    ids(dir.path().join("masks/0.png"), [1; 8]);
    assert_eq!(look().cached, 3);
    let progress = Progress::default();
    progress.cancel();
    let cancelled = forensics::examine(&dataset, None, &progress);
    assert_eq!(cancelled.unwrap_err(), DataError::Cancelled);
}
