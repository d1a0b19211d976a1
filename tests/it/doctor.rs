//! The Doctor and Museum tabs in the real window, driven as a person does.

use std::path::Path;

use dicebench::app::{App, Tab};
use dicebench::finding::Severity;
use dicebench::lab::consulting::Heart;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use crate::window::wait;

fn start(home: &Path) -> Harness<'static, App> {
    let home = home.to_path_buf();
    let mut harness = Harness::builder()
        .with_size([1280.0, 900.0])
        .build_eframe(move |cc| App::new(&cc.egui_ctx, home, None));
    wait(&mut harness, "the sample dataset", |app| {
        app.lab.dataset().is_some()
    });
    harness
}

/// Makes a preset the settings, small enough to train in a moment.
fn choose(harness: &mut Harness<'static, App>, name: &str) {
    apply(harness, name);
    small(&mut harness.state_mut().lab);
    harness.step();
    wait(harness, "the doctor", |app| app.lab.has_errors().is_some());
}

fn apply(harness: &mut Harness<'static, App>, name: &str) {
    let lab = &mut harness.state_mut().lab;
    let preset = lab.presets.iter().find(|p| p.name == name).cloned();
    lab.apply_preset(&preset.unwrap());
}

const SMALL: &[(&str, &str)] = &[
    ("data.width", "32"),
    ("data.height", "32"),
    ("model.depth", "2"),
    ("model.base", "4"),
    ("train.batch", "4"),
    ("train.steps", "6"),
    ("train.validate_every", "3"),
    ("train.device", "cpu"),
];

fn small(lab: &mut dicebench::lab::Lab) {
    for (key, value) in SMALL {
        lab.set(key, value).unwrap();
    }
}

#[test]
fn an_error_stops_train_until_it_is_overridden() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    choose(&mut harness, "question");
    harness.get_by_label("▶ Train").click();
    harness.run_steps(3);
    assert_eq!(harness.state().tab, Tab::Doctor);
    assert!(!harness.state().lab.is_busy() && harness.state().lab.runs.is_empty());
    harness.get_by_label("Train anyway").click();
    harness.step();
    assert_eq!(harness.state().tab, Tab::Training);
    wait(&mut harness, "the run", |app| {
        app.lab
            .active_run()
            .is_some_and(|run| run.outcome.is_some())
    });
}

#[test]
fn all_fixes_at_once_make_the_question_green_and_undo_brings_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    apply(&mut harness, "question");
    harness.state_mut().tab = Tab::Doctor;
    wait(&mut harness, "the doctor", |app| {
        app.lab.has_errors() == Some(true)
    });
    harness.step();
    let before = harness.state().lab.draft.clone();
    harness.get_by_label_contains("Clone with all ").click();
    harness.step();
    wait(&mut harness, "the doctor", |app| {
        app.lab.has_errors().is_some()
    });
    let lab = &harness.state().lab;
    assert!(lab.xray.as_ref().unwrap().violations.is_empty());
    let worse = |d: &&dicebench::doctor::Diagnosis| d.finding.severity > Severity::Hint;
    assert_eq!(lab.diagnoses.iter().find(worse), None);
    assert_ne!(lab.draft, before);
    harness.state_mut().lab.undo();
    assert_eq!(harness.state().lab.draft, before);
}

#[test]
fn one_fix_is_one_click_and_the_test_on_one_batch_says_what_came_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    choose(&mut harness, "museum-second-sigmoid");
    harness.state_mut().tab = Tab::Doctor;
    harness.run_steps(2);
    harness
        .get_by_label_contains("Clone with fix: Leave the activation")
        .click();
    harness.run_steps(2);
    let value = |app: &App, key: &str| {
        let values = app.lab.draft.values();
        values.into_iter().find(|(k, _)| k == key).unwrap().1
    };
    assert_eq!(value(harness.state(), "loss.input_activation"), "none");
    wait(&mut harness, "the doctor", |app| {
        app.lab.has_errors() == Some(false)
    });
    harness.get_by_label("Overfit one batch").click();
    harness.step();
    wait(&mut harness, "the test", |app| {
        matches!(app.lab.consultation.heart, Heart::Tried { .. })
    });
    let Heart::Tried { result, .. } = &harness.state().lab.consultation.heart else {
        panic!("it was tried");
    };
    assert_eq!(result.as_ref().unwrap().losses.len(), 50);
    harness.run_steps(2);
    assert!(
        harness
            .query_by_label("one batch can be learned by heart")
            .is_some()
    );
    assert!(harness.state().lab.runs.is_empty(), "nothing is recorded");
}

#[test]
fn a_pair_of_the_museum_runs_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    harness.state_mut().tab = Tab::Museum;
    harness.run_steps(3);
    for exhibit in dicebench::experiment::Preset::exhibits() {
        let name = format!("Run the pair: {}", exhibit.name);
        assert!(harness.query_by_label(&name).is_some(), "{name}");
    }
    // The real exhibit takes a minute: the same button with a small one.
    let mut exhibit = dicebench::experiment::Preset::exhibits()
        .into_iter()
        .find(|p| p.name == "museum-absent-class-weight")
        .unwrap();
    for (key, value) in SMALL {
        exhibit.config.set(key, value).unwrap();
    }
    harness.state_mut().race_pair(&exhibit);
    harness.step();
    assert!(
        harness.state().lab.pair.as_ref().unwrap().is_waiting(),
        "its sixth class must be opened first"
    );
    let ended = |app: &App| {
        let ids = app.lab.pair.as_ref().map_or(&[][..], |pair| &pair.ids);
        let run = |id: &String| app.lab.runs.iter().find(|run| &run.id == id);
        ids.len() == 2 && (ids.iter().filter_map(run)).all(|run| run.outcome.is_some())
    };
    wait(&mut harness, "both runs", ended);
    harness.run_steps(3);
    assert!(harness.query_by_label("✖ The mistake").is_some());
    assert!(harness.query_by_label("✔ The fixed twin").is_some());
    let lab = &harness.state().lab;
    let pair = lab.pair.as_ref().unwrap();
    let run = |at: usize| lab.runs.iter().find(|run| run.id == pair.ids[at]).unwrap();
    assert_eq!(run(0).name, "museum-absent-class-weight");
    assert_eq!((run(0).classes.len(), run(1).classes.len()), (6, 6));
    assert_eq!(run(0).steps.len(), 6);
    // Another preset takes the sixth class away again.
    choose(&mut harness, "default");
    wait(&mut harness, "five classes", |app| {
        app.lab.dataset().is_some_and(|d| d.classes.len() == 5)
    });
}

#[test]
fn the_tour_goes_from_the_question_to_its_findings_and_gives_the_settings_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    harness.state_mut().lab.set("train.batch", "5").unwrap();
    harness.run_steps(2);
    let own = harness.state().lab.draft.clone();
    harness.get_by_label_contains("Take the tour").click();
    harness.run_steps(2);
    assert!(harness.query_by_label("What was asked").is_some());
    assert_eq!(harness.state().lab.draft.loss.kind(), "question_dice");
    wait(&mut harness, "the doctor", |app| {
        app.lab.has_errors() == Some(true)
    });
    harness.key_press(egui::Key::Enter);
    harness.run_steps(2);
    assert_eq!(harness.state().tab, Tab::Xray);
    harness.key_press(egui::Key::Backspace);
    harness.run_steps(2);
    assert_eq!(harness.state().tab, Tab::Training);
    harness.key_press(egui::Key::Escape);
    harness.run_steps(2);
    assert_eq!(harness.state().lab.draft, own);
    assert!(harness.query_by_label("Leave the tour").is_none());
}
