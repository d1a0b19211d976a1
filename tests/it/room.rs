//! The data room, driven through accessibility: grid, filter, viewer, class map, split.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use dicebench::app::{App, Tab};
use dicebench::data::Dataset;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

/// Opens a window of this size on a folder (or `sample`), at the Data tab.
fn room(home: &Path, open: &str, size: [f32; 2]) -> Harness<'static, App> {
    let (home, open) = (home.to_path_buf(), Path::new(open).to_path_buf());
    let mut harness = Harness::builder()
        .with_size(size)
        .build_eframe(move |cc| App::new(&cc.egui_ctx, home, Some(open)));
    harness.state_mut().tab = Tab::Data;
    let open = |app: &App| app.lab.dataset().is_some();
    crate::window::wait_up_to(Duration::from_secs(600), &mut harness, "the dataset", open);
    harness.step();
    harness
}

fn wait(harness: &mut Harness<'_, App>, what: &str, done: impl Fn(&App) -> bool) {
    crate::window::wait(harness, what, done);
    harness.step();
}

fn dataset(harness: &Harness<'_, App>) -> std::sync::Arc<Dataset> {
    harness.state().lab.dataset().cloned().expect("it is open")
}

/// Images whose tiles are on the screen.
fn tiles(harness: &Harness<'_, App>) -> usize {
    harness.query_all_by_label_contains("Image ").count()
}

fn click(harness: &mut Harness<'_, App>, label: &str) {
    harness.get_by_label(label).click();
    harness.run_steps(3);
}

#[test]
fn images_are_found_by_name_opened_by_key_and_closed_again() {
    let home = tempfile::tempdir().unwrap();
    let mut harness = room(home.path(), "sample", [1280.0, 800.0]);
    let id = dataset(&harness).items[17].id.clone();
    let all = tiles(&harness);
    assert!(all > 8, "{all} tiles on the screen");
    harness.key_press(egui::Key::Slash);
    harness.run_steps(3);
    harness.get_by_label("Find images by name").type_text(&id);
    harness.run_steps(3);
    assert_eq!(tiles(&harness), 1);
    harness.get_by_label(&format!("Image {id}"));
    // Esc leaves the box, an arrow chooses the image, Enter opens it.
    for key in [egui::Key::Escape, egui::Key::ArrowRight, egui::Key::Enter] {
        harness.key_press(key);
        harness.run_steps(3);
    }
    wait(&mut harness, "the picture", |_| true);
    let start = Instant::now();
    while harness.query_by_label("Mask at full size").is_none() {
        assert!(start.elapsed() < Duration::from_secs(60));
        harness.step();
    }
    let over = harness.get_by_label("Mask at full size").rect().center();
    harness.hover_at(over);
    harness.run_steps(4);
    assert!(harness.query_by_label_contains("mask value").is_some());
    harness.key_press(egui::Key::Escape);
    harness.run_steps(3);
    assert!(harness.query_by_label("Mask at full size").is_none());
    click(&mut harness, "Show all");
    assert_eq!(tiles(&harness), all);
}

#[test]
fn a_class_is_merged_undone_and_merged_for_good() {
    let home = tempfile::tempdir().unwrap();
    let mut harness = room(home.path(), "sample", [1280.0, 800.0]);
    let before = dataset(&harness);
    let names: Vec<String> = (before.classes.classes.iter())
        .map(|class| class.name.clone())
        .collect();
    // What it finds changes the row of buttons.
    wait(&mut harness, "the close look", |app| {
        app.lab.look.progress.is_none()
    });
    click(&mut harness, &format!("Classes ({})", names.len()));
    click(&mut harness, "Edit classes");
    let merge = |harness: &mut Harness<'_, App>| {
        click(harness, &format!("Merge {}", names[2]));
        harness.get_all_by_label(&names[1]).last().unwrap().click();
        harness.run_steps(3);
    };
    merge(&mut harness);
    assert!(
        harness
            .query_by_label(&format!("Merge {}", names[2]))
            .is_none()
    );
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
    harness.run_steps(3);
    assert!(
        harness
            .query_by_label(&format!("Merge {}", names[2]))
            .is_some()
    );
    merge(&mut harness);
    click(&mut harness, "Apply");
    wait(&mut harness, "the merged classes", |app| {
        let dataset = app.lab.dataset();
        dataset.is_some_and(|d| d.classes.len() == names.len() - 1)
    });
    let merged = dataset(&harness);
    let pixels = |d: &Dataset, class: usize| d.census.train_pixels[class];
    assert_eq!(
        pixels(&merged, 1),
        pixels(&before, 1) + pixels(&before, 2),
        "the pixels of both"
    );
    assert_eq!(
        pixels(&merged, 2),
        pixels(&before, 3),
        "the others stay what they were"
    );
    // Undo of the settings brings the old classes back.
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
    wait(&mut harness, "the old classes", |app| {
        let dataset = app.lab.dataset();
        dataset.is_some_and(|d| d.classes.len() == names.len())
    });
    assert_eq!(dataset(&harness).census, before.census);
}

#[test]
fn another_split_is_drawn_without_reading_a_file_and_filters_follow_it() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    dicebench::data::synthetic::write(folder.path(), 1).unwrap();
    let path = folder.path().display().to_string();
    let mut harness = room(home.path(), &path, [1280.0, 800.0]);
    let own = dataset(&harness);
    // Nothing is left to be read: another split must not need it.
    fs::remove_dir_all(folder.path().join("images")).ok();
    click(&mut harness, "Split");
    let data = &mut harness.state_mut().lab.draft.data;
    data.split = dicebench::data::config::SplitBy::Ratio;
    data.val_ratio = 0.5;
    wait(&mut harness, "half and half", |app| {
        let dataset = app.lab.dataset();
        dataset.is_some_and(|d| d.split.val.len() == d.items.len() / 2)
    });
    let half = dataset(&harness);
    assert_eq!(half.fingerprint, own.fingerprint);
    let seed = harness.state().lab.draft.data.seed;
    click(&mut harness, "Another draw");
    wait(&mut harness, "another draw", |app| {
        app.lab
            .dataset()
            .is_some_and(|d| d.split.val != half.split.val)
    });
    assert_eq!(harness.state().lab.draft.data.seed, seed + 1);
}

/// `count` pairs of 8×8 pixels in `images` and `masks`: eight files under many names, so that it takes no
/// time.
fn many(root: &Path, count: usize) {
    for folder in ["images", "masks"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let made: Vec<(Vec<u8>, Vec<u8>)> = (0..8_u8)
        .map(|k| {
            let mut out = [Vec::new(), Vec::new()];
            let rgb = image::RgbImage::from_fn(8, 8, |x, y| {
                image::Rgb([x as u8 * 30, y as u8 * 30, k * 30])
            });
            let grey =
                image::GrayImage::from_fn(8, 8, |x, _| image::Luma([u8::from(x >= 4) * (k % 3)]));
            let png = image::ImageFormat::Png;
            rgb.write_to(&mut std::io::Cursor::new(&mut out[0]), png)
                .unwrap();
            grey.write_to(&mut std::io::Cursor::new(&mut out[1]), png)
                .unwrap();
            let [image, mask] = out;
            (image, mask)
        })
        .collect();
    for at in 0..count {
        let name = |folder: &str, at: usize| root.join(format!("{folder}/{at:06}.png"));
        let (image, mask) = &made[at % 8];
        for (folder, bytes) in [("images", image), ("masks", mask)] {
            let path = name(folder, at);
            // A file may have so many names and no more.
            let first = at % 8 + at / 80_000 * 80_000;
            if first == at || fs::hard_link(name(folder, first), &path).is_err() {
                fs::write(path, bytes).unwrap();
            }
        }
    }
}

#[test]
fn a_hundred_thousand_images_lay_out_and_read_only_what_is_on_the_screen() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    many(folder.path(), 100_000);
    let path = folder.path().display().to_string();
    let mut harness = room(home.path(), &path, [900.0, 560.0]);
    assert_eq!(dataset(&harness).items.len(), 100_000);
    // It reads every file, which is its purpose.
    harness.state_mut().lab.stop_looking();
    let shown = tiles(&harness);
    assert!(shown > 2 && shown < 80, "{shown} tiles");
    wait(&mut harness, "the small pictures", |app| {
        app.lab.pictures.kept().0 >= 3
    });
    harness.key_press(egui::Key::End);
    harness.run_steps(4);
    let last = dataset(&harness).items[99_999].id.clone();
    harness.get_by_label(&format!("Image {last}"));
    wait(&mut harness, "the pictures at the end", |app| {
        app.lab.pictures.kept().0 >= 6
    });
    let read = harness.state().lab.pictures.kept().0;
    assert!(
        read < 200,
        "{read} small pictures were read for two screens"
    );
}

#[test]
fn findings_lead_to_their_images() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    many(folder.path(), 24);
    // One mask with a value of its own, that a class map by hand does not know.
    let odd = image::GrayImage::from_fn(8, 8, |_, _| image::Luma([77]));
    let path = folder.path().join("masks/000005.png");
    // A file of its own under this name.
    fs::remove_file(&path).unwrap();
    odd.save(path).unwrap();
    let path = folder.path().display().to_string();
    let mut harness = room(home.path(), &path, [1280.0, 800.0]);
    let mut classes = dataset(&harness).classes.clone();
    classes.classes.retain(|class| !class.values.contains(&77));
    harness.state_mut().lab.set_classes(Some(classes));
    wait(&mut harness, "the finding", |app| {
        let dataset = app.lab.dataset();
        dataset.is_some_and(|d| d.findings.iter().any(|f| f.code == "unknown-label"))
    });
    let label = harness
        .query_all_by_label_contains("Problems (")
        .next()
        .map(|node| node.rect().center());
    assert!(label.is_some(), "the number of problems is on the screen");
    harness.get_by_label_contains("Problems (").click();
    harness.run_steps(3);
    harness
        .get_by_label("Show the image: unknown-label")
        .click();
    harness.run_steps(3);
    assert_eq!(tiles(&harness), 1);
    harness.get_by_label("Image images/000005");
}

fn bench(args: &[&str]) -> serde_json::Value {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_dicebench"))
        .arg("bench")
        .args(args)
        .arg("--json")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_benches_say_how_fast_the_room_and_the_loader_are() {
    let room = bench(&["room", "--pairs", "30", "--frames", "5"]);
    assert_eq!(room["frames"], 5);
    for key in ["card_ms", "median_ms", "max_ms"] {
        assert!(room[key].as_f64().is_some_and(|ms| ms > 0.0), "{room}");
    }
    let loader = bench(&["loader", "--sizes", "32", "--batch", "4", "--crop"]);
    assert_eq!(loader["sampling"], "crop");
    let row = &loader["rows"][0];
    for key in ["cold", "cached", "trainer"] {
        assert!(row[key].as_f64().is_some_and(|rate| rate > 0.0), "{loader}");
    }
}

#[test]
fn another_annotators_masks_are_chosen_on_the_card() {
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for at in 0..4_u8 {
        let image = image::RgbImage::from_fn(16, 16, |x, y| image::Rgb([x as u8, y as u8, at]));
        let path = |end: &str| folder.path().join(format!("p_{at}{end}.png"));
        image.save(path("")).unwrap();
        for (end, top) in [("_1stHO", 4), ("_2ndHO", 8)] {
            let mask = image::GrayImage::from_fn(16, 16, |_, y| image::Luma([u8::from(y < top)]));
            mask.save(path(end)).unwrap();
        }
    }
    let path = folder.path().display().to_string();
    let mut harness = room(home.path(), &path, [900.0, 560.0]);
    let inside = |harness: &Harness<'_, App>| {
        let census = &dataset(harness).census;
        census.train_pixels[1] + census.val_pixels[1]
    };
    assert_eq!(inside(&harness), 4 * 4 * 16);
    click(&mut harness, "Masks to train on");
    click(&mut harness, "2ndHO");
    assert_eq!(harness.state().lab.draft.data.masks, "2ndHO");
    wait(&mut harness, "the second annotator's masks", |app| {
        let dataset = app.lab.dataset();
        dataset.is_some_and(|d| d.census.train_pixels[1] + d.census.val_pixels[1] == 4 * 8 * 16)
    });
    // A layout that the folder does not have is refused in words, and auto brings it back.
    click(&mut harness, "Read as: choose");
    click(&mut harness, "voc");
    wait(&mut harness, "the refusal", |app| {
        matches!(app.lab.dataset, dicebench::lab::Opened::Failed { .. })
    });
    click(&mut harness, "Read it as it looks");
    wait(&mut harness, "the first annotator's masks", |app| {
        let dataset = app.lab.dataset();
        dataset.is_some_and(|d| d.census.train_pixels[1] + d.census.val_pixels[1] == 4 * 4 * 16)
    });
}
