//! Layouts whose masks or pairs are written in a file: annotations that are drawn, lists and tables.

use std::fs;

use dicebench::data::config::Overlap;
use dicebench::data::{Dataset, IGNORE, Progress};

use super::data_layouts::{IDS, codes, config, ids, names, open, picture, write};

#[test]
fn coco_draws_polygons_and_run_lengths_in_the_order_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for part in ["train", "val"] {
        picture(root.join(format!("{part}2017/1.jpg")));
        write(
            root.join(format!("annotations/instances_{part}2017.json")),
            r#"{"images": [{"id": 1, "file_name": "1.jpg", "width": 4, "height": 2}],
                "categories": [{"id": 5, "name": "cat"}, {"id": 7, "name": "dog"}],
                "annotations": [
                  {"image_id": 1, "category_id": 5, "iscrowd": 0, "segmentation": [[0,0, 1,0, 1,2, 0,2]]},
                  {"image_id": 1, "category_id": 7, "iscrowd": 0,
                   "segmentation": {"counts": [0, 4, 4], "size": [2, 4]}}]}"#
                .replace("\"1.jpg\"", &format!("\"../{part}2017/1.jpg\"")),
        );
    }
    let mut config = config(root);
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(dataset.layout, "COCO");
    assert_eq!(names(&dataset), ["background", "cat", "dog"]);
    assert_eq!((dataset.split.train.len(), dataset.split.val.len()), (1, 1));
    assert_eq!(
        dataset.load(0).unwrap().labels.labels,
        [1, 2, 0, 0, 1, 2, 0, 0]
    );
    config.overlap = Overlap::Later;
    let dataset = Dataset::open(&config, &Progress::default()).unwrap();
    assert_eq!(
        dataset.load(0).unwrap().labels.labels,
        [2, 2, 0, 0, 2, 2, 0, 0]
    );
}

#[test]
fn labelme_reads_pictures_inside_its_files_and_ignores_what_it_should() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    picture(root.join("inside.png"));
    let bytes = fs::read(root.join("inside.png")).unwrap();
    fs::remove_file(root.join("inside.png")).unwrap();
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let file = |path: &str, data: &str| {
        format!(
            r#"{{"imagePath": "{path}", "imageData": {data}, "imageWidth": 4, "imageHeight": 2, "shapes": [
                {{"label": "cat", "shape_type": "rectangle", "points": [[0, 0], [1, 9]]}},
                {{"label": "__ignore__", "shape_type": "rectangle", "points": [[3, 0], [3, 0]]}}]}}"#
        )
    };
    write(root.join("a.json"), file("a.json", &format!("\"{data}\"")));
    picture(root.join("b.jpg"));
    write(root.join("b.json"), file("folder\\\\b.jpg", "null"));
    write(root.join("c.json"), file("gone.jpg", "null"));
    picture(root.join("photos/d.jpg"));
    write(
        root.join("shapes/d.json"),
        file("..\\\\photos\\\\d.jpg", "null"),
    );
    let dataset = open(root);
    assert_eq!(
        (dataset.layout.as_str(), dataset.items.len()),
        ("LabelMe", 3)
    );
    assert_eq!(names(&dataset), ["background", "cat"]);
    for index in 0..3 {
        let labels = dataset.load(index).unwrap().labels;
        assert_eq!(labels.labels, [1, 1, 0, IGNORE, 1, 1, 0, 0]);
    }
    for code in ["listed-but-missing", "points-outside", "embedded-image"] {
        assert!(
            codes(&dataset).contains(&code),
            "{code} in {:?}",
            codes(&dataset)
        );
    }
}

#[test]
fn lists_and_tables_name_pairs_and_parts() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for stem in ["a", "b", "c"] {
        picture(root.join(format!("pics/{stem}.png")));
        ids(root.join(format!("other/{stem}.png")), IDS);
    }
    write(
        root.join("data.csv"),
        "image,mask,split\npics/a.png,other/a.png,train\npics/b.png,other/b.png,train\n\
         pics/c.png,other/c.png,val\npics/d.png,other/d.png,val\n",
    );
    let dataset = open(root);
    assert_eq!(dataset.layout, "CSV list");
    assert_eq!((dataset.split.train.len(), dataset.split.val.len()), (2, 1));
    assert!(codes(&dataset).contains(&"listed-but-missing"));
    fs::remove_file(root.join("data.csv")).unwrap();
    write(root.join("train.txt"), "/far/pics/a.png /far/other/a.png\n");
    write(root.join("val.txt"), "C:\\pics\\b.png,C:\\other\\b.png\n");
    let dataset = open(root);
    assert_eq!(dataset.layout, "list files");
    assert_eq!((dataset.split.train.len(), dataset.split.val.len()), (1, 1));
}

#[test]
fn segnet_follows_lists_of_a_root_that_is_not_there_and_ignores_its_last_id() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for (part, stems) in [("train", &["a", "b"][..]), ("val", &["c"])] {
        let mut list = String::new();
        for stem in stems {
            picture(root.join(format!("{part}/{stem}.png")));
            ids(
                root.join(format!("{part}annot/{stem}.png")),
                [0, 1, 3, 3, 5, 8, 10, 11],
            );
            list += &format!(
                "/SegNet/CamVid/{part}/{stem}.png /SegNet/CamVid/{part}annot/{stem}.png\n"
            );
        }
        write(root.join(format!("{part}.txt")), list);
    }
    let dataset = open(root);
    assert_eq!(dataset.layout, "SegNet CamVid");
    assert_eq!((dataset.split.train.len(), dataset.split.val.len()), (2, 1));
    assert_eq!(names(&dataset)[..4], ["Sky", "Building", "Pole", "Road"]);
    assert_eq!(
        (dataset.classes.len(), &dataset.classes.ignore[..]),
        (11, &[11][..])
    );
    let labels = dataset.load(0).unwrap().labels;
    assert_eq!(labels.labels, [0, 1, 3, 3, 5, 8, 10, IGNORE]);
    // With an id beyond CamVid's, the names are not believed.
    ids(root.join("trainannot/b.png"), [0, 1, 3, 3, 5, 8, 10, 12]);
    assert_ne!(names(&open(root))[0], "Sky");
}

#[test]
fn what_systems_leave_behind_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for stem in ["a", "b", "c"] {
        picture(root.join(format!("images/{stem}.png")));
        ids(root.join(format!("masks/{stem}.png")), IDS);
    }
    let clean = open(root);
    for litter in [
        "images/._a.png",
        "masks/._a.png",
        "images/Thumbs.db",
        "images/.DS_Store",
        "__MACOSX/images/._b.png",
        "images/.ipynb_checkpoints/a-checkpoint.png",
    ] {
        write(root.join(litter), b"no picture");
    }
    let dataset = open(root);
    assert_eq!(dataset.items.len(), 3);
    assert_eq!(dataset.findings, clean.findings);
}
