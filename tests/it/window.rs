//! The real window, driven through accessibility: first start, train, stop, compare.

use std::path::Path;
use std::time::{Duration, Instant};

use dicebench::app::{App, Tab};
use dicebench::data::config::SplitBy;
use dicebench::lab::Opened;
use dicebench::run::Outcome;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

pub fn start(home: &Path) -> Harness<'static, App> {
    let home = home.to_path_buf();
    Harness::builder()
        .with_size([1280.0, 800.0])
        .build_eframe(move |cc| App::new(&cc.egui_ctx, home, None))
}

/// Draws frames until `done`, as a person waits.
pub fn wait(harness: &mut Harness<'_, App>, what: &str, done: impl Fn(&App) -> bool) {
    wait_up_to(Duration::from_secs(120), harness, what, done);
}

/// As [`wait`], with another end to patience.
pub fn wait_up_to(
    most: Duration,
    harness: &mut Harness<'_, App>,
    what: &str,
    done: impl Fn(&App) -> bool,
) {
    let start = Instant::now();
    while !done(harness.state()) {
        assert!(start.elapsed() < most, "waited too long for: {what}");
        std::thread::sleep(Duration::from_millis(20));
        harness.step();
    }
    harness.step();
}

pub fn make_tiny(app: &mut App) {
    for (key, value) in [
        ("data.width", "32"),
        ("data.height", "32"),
        ("model.depth", "2"),
        ("model.base", "4"),
        ("train.batch", "4"),
        ("train.steps", "20"),
        ("train.validate_every", "10"),
        ("train.device", "cpu"),
    ] {
        app.lab.set(key, value).unwrap();
    }
}

#[test]
fn a_new_user_trains_with_one_click_and_sees_curves_and_picture() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    wait(&mut harness, "the sample dataset", |app| {
        app.lab.dataset().is_some()
    });
    wait(&mut harness, "a picture", |app| app.lab.preview.is_some());
    make_tiny(harness.state_mut());
    harness.step();
    harness.get_by_label_contains("Train now").click();
    harness.step();
    wait(&mut harness, "the run", |app| {
        app.lab
            .active_run()
            .is_some_and(|run| run.outcome.is_some())
    });
    let run = harness.state().lab.active_run().unwrap();
    assert_eq!(run.outcome, Some(Outcome::Completed));
    assert_eq!((run.steps.len(), run.validations.len()), (20, 2));
    wait(&mut harness, "a prediction", |app| {
        app.lab
            .preview
            .as_ref()
            .is_some_and(|preview| !preview.prediction.labels.is_empty())
    });
    // It is in the table of runs, and can be ticked there.
    harness.state_mut().tab = Tab::Runs;
    harness.step();
    harness.step();
    harness.get_by_label_contains("Compare ").click();
    harness.step();
    harness.step();
    assert!(harness.query_by_label_contains("completed").is_some());
}

#[test]
fn stop_keeps_the_run_and_a_second_start_lists_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    wait(&mut harness, "the sample dataset", |app| {
        app.lab.dataset().is_some()
    });
    make_tiny(harness.state_mut());
    harness
        .state_mut()
        .lab
        .set("train.steps", "100000")
        .unwrap();
    harness.step();
    harness.get_by_label("▶ Train").click();
    harness.step();
    wait(&mut harness, "three steps", |app| {
        app.lab.active_run().is_some_and(|run| run.steps.len() > 3)
    });
    harness.get_by_label("⏹ Stop").click();
    wait(&mut harness, "the end", |app| !app.lab.is_busy());
    wait(&mut harness, "the outcome", |app| {
        app.lab
            .active_run()
            .is_some_and(|run| run.outcome == Some(Outcome::Stopped))
    });
    drop(harness);
    let mut again = start(dir.path());
    wait(&mut again, "the list of runs", |app| {
        !app.lab.runs.is_empty()
    });
    assert_eq!(again.state().lab.runs[0].outcome, Some(Outcome::Stopped));
    assert_eq!(
        again.state().lab.draft.train.steps,
        100_000,
        "the draft is remembered"
    );
}

#[test]
fn the_question_is_red_before_training_and_its_fixes_make_it_green() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    wait(&mut harness, "the sample dataset", |app| {
        app.lab.dataset().is_some()
    });
    let question = harness
        .state()
        .lab
        .presets
        .iter()
        .find(|p| p.name == "question")
        .cloned();
    harness.state_mut().lab.apply_preset(&question.unwrap());
    wait(&mut harness, "the X-ray", |app| {
        app.lab
            .xray
            .as_ref()
            .is_some_and(|xray| !xray.violations.is_empty())
    });
    let codes: Vec<&str> = harness
        .state()
        .lab
        .diagnoses
        .iter()
        .map(|d| d.finding.code.as_str())
        .collect();
    for code in [
        "wrong-answer-preferred",
        "doubled-activation",
        "ids-as-targets",
        "one-sum-over-all-classes",
    ] {
        assert!(codes.contains(&code), "{codes:?} lacks {code}");
    }
    for (key, value) in [("loss.kind", "dice"), ("activation", "softmax")] {
        harness.state_mut().lab.set(key, value).unwrap();
    }
    wait(&mut harness, "the cure", |app| {
        app.lab
            .xray
            .as_ref()
            .is_some_and(|xray| xray.violations.is_empty())
    });
}

#[test]
fn a_missing_folder_is_a_message_and_the_window_lives_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    wait(&mut harness, "the sample dataset", |app| {
        app.lab.dataset().is_some()
    });
    harness.state_mut().lab.open("/no/such/folder");
    wait(&mut harness, "the message", |app| {
        app.lab
            .notices
            .all()
            .iter()
            .any(|notice| notice.text.contains("/no/such/folder"))
    });
    harness.state_mut().lab.open("sample");
    wait(&mut harness, "the sample dataset", |app| {
        app.lab.dataset().is_some()
    });
}

/// As after "Choose a list…" where the system has no dialog.
#[test]
fn a_split_by_a_list_that_is_not_there_never_bars_the_next_folder() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("pairs");
    for part in ["images", "masks"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
        for at in 0..4 {
            let grey = image::GrayImage::from_fn(8, 8, |x, _| image::Luma([u8::from(x > 3)]));
            grey.save(folder.join(part).join(format!("{at}.png")))
                .unwrap();
        }
    }
    let mut harness = start(dir.path());
    wait(&mut harness, "the sample dataset", |app| {
        app.lab.dataset().is_some()
    });
    let lab = &mut harness.state_mut().lab;
    lab.set("data.split", "list").unwrap();
    lab.set("data.val_list", "/nowhere.txt").unwrap();
    lab.open(&folder.display().to_string());
    assert_eq!(lab.draft.data.split, SplitBy::Own);
    wait(&mut harness, "the folder", |app| {
        app.lab
            .dataset()
            .is_some_and(|dataset| dataset.items.len() == 4)
    });
    // The same folder, with a list that is not named: the Data tab opens it without.
    let lab = &mut harness.state_mut().lab;
    lab.set("data.split", "list").unwrap();
    lab.reopen();
    wait(
        &mut harness,
        "the refusal",
        |app| matches!(&app.lab.dataset, Opened::Failed { message, .. } if message.contains("val_list")),
    );
    harness.state_mut().tab = Tab::Data;
    harness.step();
    harness.get_by_label("Read it as it looks").click();
    wait(&mut harness, "the folder", |app| {
        app.lab.dataset().is_some()
    });
}

#[test]
fn undo_takes_back_a_change_and_redo_brings_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    wait(&mut harness, "the sample dataset", |app| {
        app.lab.dataset().is_some()
    });
    let before = harness.state().lab.draft.train.batch;
    harness.state_mut().lab.set("train.batch", "5").unwrap();
    harness.step();
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
    harness.step();
    harness.step();
    assert_eq!(harness.state().lab.draft.train.batch, before);
    harness.state_mut().lab.redo();
    assert_eq!(harness.state().lab.draft.train.batch, 5);
}

#[test]
fn a_loss_is_searched_read_about_and_chosen_with_the_keyboard() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    wait(&mut harness, "the sample dataset", |app| {
        app.lab.dataset().is_some()
    });
    harness.state_mut().lab.set("loss.kind", "dice").unwrap();
    harness.step();
    harness
        .get_by_role_and_label(egui::accesskit::Role::Button, "Loss")
        .click();
    harness.run_steps(3);
    // One row below the other, and a text beside them that can be read.
    let first = harness.get_by_label("Weighted sum").rect();
    let second = harness.get_by_label_contains("monai.DiceCELoss").rect();
    assert!(second.top() >= first.bottom() - 1.0, "{first:?} {second:?}");
    let button = harness.get_by_label("Use this loss").rect();
    assert!(button.width() > 60.0 && button.left() > first.right());

    harness.get_by_label("Search losses").type_text("lovasz");
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
    assert_eq!(harness.state().lab.draft.loss.kind(), "lovasz");
    assert!(harness.query_by_label_contains("Changed: ").is_some());
}

/// By keyboard alone: Ctrl+K, a few letters, Enter.
#[test]
fn the_palette_finds_commands_tabs_and_presets() {
    use dicebench::lab::settings::Theme;
    use egui::{Key, Modifiers};

    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    wait(&mut harness, "the presets", |app| {
        app.lab
            .presets
            .iter()
            .any(|preset| preset.name == "question")
    });
    let mut carry_out = |search: &str| {
        harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
        harness.step();
        harness.step();
        harness.get_by_label("Find a command").type_text(search);
        harness.step();
        harness.key_press(Key::Enter);
        harness.step();
        harness.step();
        assert!(harness.query_by_label("Find a command").is_none());
        let app = harness.state();
        (app.tab, app.lab.settings.theme, app.lab.preset.name.clone())
    };
    assert_eq!(carry_out("x-ray").0, Tab::Xray);
    assert_eq!(carry_out("light").1, Theme::Light);
    assert_eq!(carry_out("preset question").2, "question");
}
