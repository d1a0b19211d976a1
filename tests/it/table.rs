//! The table of runs in the real window: curves are read when they are ticked, labels and the table
//! itself are there again after a restart.

use std::path::Path;
use std::time::Duration;

use dicebench::app::{App, Tab};
use dicebench::experiment::ExperimentConfig;
use dicebench::run::metrics::Confusion;
use dicebench::run::store::Store;
use dicebench::run::{Outcome, RunEvent};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::window::wait_up_to;

/// A finished run of 40 steps and 4 validations that reaches this Dice; returns its id.
pub fn record(home: &Path, name: &str, settings: &[(&str, &str)], dice: f64) -> String {
    let mut config = ExperimentConfig::default();
    for (key, value) in settings {
        config.set(key, value).unwrap();
    }
    let store = Store::new(home.join("runs"));
    let mut recorder = store.create(name, &config).unwrap();
    let mut say = |event: RunEvent| recorder.append(&event).unwrap();
    say(RunEvent::Started {
        device: "CPU".to_owned(),
        total_steps: 40,
        steps_per_epoch: 10,
        parameters: 7,
        classes: vec!["ground".to_owned(), "thing".to_owned()],
        class_colors: vec![[0, 0, 0], [230, 159, 0]],
        class_weights: vec![1.0; 2],
        dataset: "made up".to_owned(),
        memory_estimate: 0,
        unix_secs: 1_700_000_000,
    });
    for step in 1..=40_u64 {
        let at = step as f64 / 40.0;
        say(RunEvent::Step {
            step,
            loss: 1.0 - 0.9 * at,
            learning_rate: 1e-3,
            grad_norm: 1.0,
            secs: step as f64 * 0.5,
        });
        if step % 10 == 0 {
            // Best at step 30, a little worse at the end.
            let now = if step == 40 {
                dice - 0.05
            } else {
                dice * (step as f64) / 30.0
            };
            let image = |shift: f64| {
                let right = ((now + shift).clamp(0.0, 1.0) * 1000.0) as u64;
                Confusion {
                    classes: 2,
                    counts: vec![right, 1000 - right, 1000 - right, right],
                }
            };
            let per_image: Vec<Confusion> = (0..12)
                .map(|at| image((f64::from(at) - 5.5) * 0.01))
                .collect();
            let mut confusion = Confusion::new(2);
            for image in &per_image {
                confusion.merge(image);
            }
            say(RunEvent::Validated {
                step,
                loss: 1.0 - now,
                dice: confusion.dice(),
                mean_dice: Some(now),
                confusion,
                per_image,
                calibration: Default::default(),
                secs: step as f64 * 0.5,
            });
        }
    }
    say(RunEvent::Finished {
        outcome: Outcome::Completed,
        step: 40,
        secs: 20.0,
    });
    recorder.id
}

/// The window on the Runs tab, with `runs` runs listed.
pub fn start(home: &Path, size: [f32; 2], runs: usize) -> Harness<'static, App> {
    let home = home.to_path_buf();
    let mut builder = Harness::builder().with_size(size);
    if std::env::var_os("VIEW_SHOTS").is_some() {
        builder = builder.wgpu();
    }
    let mut harness = builder.build_eframe(move |cc| App::new(&cc.egui_ctx, home, None));
    harness.state_mut().tab = Tab::Runs;
    wait_up_to(Duration::from_secs(60), &mut harness, "the list", |app| {
        app.lab.runs.len() == runs
    });
    harness.run_steps(2);
    harness
}

pub fn wait(harness: &mut Harness<'_, App>, what: &str, done: impl Fn(&App) -> bool) {
    wait_up_to(Duration::from_secs(60), harness, what, done);
    harness.run_steps(3);
}

/// Names in the table from top to bottom.
fn names(harness: &Harness<'_, App>) -> Vec<String> {
    (harness.get_all_by_role(egui::Role::CheckBox))
        .filter_map(|node| node.accesskit_node().label())
        .filter_map(|label| label.strip_prefix("Compare ").map(str::to_owned))
        .collect()
}

fn write(harness: &mut Harness<'_, App>, field: &str, text: &str) {
    let role = egui::accesskit::Role::TextInput;
    harness.get_by_role_and_label(role, field).click();
    harness.run_steps(2);
    harness.get_by_role_and_label(role, field).type_text(text);
    harness.run_steps(2);
}

#[test]
fn curves_are_read_when_a_run_is_ticked_and_labels_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    record(home, "weak", &[], 0.6);
    let good = record(home, "strong", &[("loss.kind", "focal")], 0.8);
    record(home, "middling", &[("train.seed", "5")], 0.7);
    let mut harness = start(home, [1280.0, 720.0], 3);
    assert!(harness.state().lab.runs.iter().all(|run| run.is_brief()));

    // Best first, whether or not the curves are here.
    harness.get_by_label("Sort by Best Dice").click();
    harness.run_steps(3);
    assert_eq!(names(&harness), ["strong", "middling", "weak"]);
    harness.get_by_label("Compare strong").click();
    harness.run_steps(2);
    wait(&mut harness, "its curves", |app| {
        app.lab.runs.iter().filter(|run| !run.is_brief()).count() == 1
    });
    assert!(harness.query_by_label_contains("Loss plot").is_some());

    // A star, tags and a note.
    harness.get_by_label("Star of weak").click();
    harness.get_by_label("strong").click_secondary();
    harness.run_steps(3);
    harness.get_by_label("Star, tags and note…").click();
    harness.run_steps(3);
    write(&mut harness, "Tags", "paper, second");
    harness.run_steps(2);
    harness.get_by_label("Keep the label").click();
    harness.run_steps(3);
    harness.get_by_label("middling").click_secondary();
    harness.run_steps(3);
    harness.get_by_label("Make it the baseline").click();
    harness.run_steps(4);
    assert!(
        harness.query_by_label("+0.100").is_some(),
        "to the baseline"
    );
    assert!(
        harness
            .query_by_label_contains("loss.kind = focal")
            .is_some()
    );

    write(&mut harness, "Filter runs", "PAPER");
    harness.run_steps(4);
    assert_eq!(names(&harness), ["strong"]);
    let wanted = harness.state().lab.runs.iter().find(|run| run.id == good);
    assert_eq!(wanted.unwrap().label.tags, ["paper", "second"]);
    wait(&mut harness, "labels on disk", |_| {
        let store = Store::new(home.join("runs"));
        let runs = store.survey().0;
        runs.iter().filter(|run| run.label.star).count() == 1
            && runs.iter().any(|run| run.label.tags.len() == 2)
    });
    drop(harness);

    let mut harness = start(home, [1280.0, 720.0], 3);
    wait(&mut harness, "the ticked run's curves", |app| {
        app.lab.runs.iter().any(|run| !run.is_brief())
    });
    assert_eq!(names(&harness), ["strong"], "the filter is still there");
    let table = harness.state().runs.kept();
    assert_eq!(table.ticked.into_iter().collect::<Vec<_>>(), [good]);
    assert_eq!(
        (table.sort.as_deref(), table.down),
        (Some("best_dice"), true)
    );
    assert!(table.baseline.is_some());
}

#[test]
fn how_curves_were_looked_at_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    let mut ids = Vec::new();
    for (name, batch) in [("a", "4"), ("b", "16"), ("c", "16")] {
        ids.push(record(home, name, &[("train.batch", batch)], 0.5));
    }
    let mut harness = start(home, [1280.0, 720.0], 3);
    for name in ["a", "b", "c"] {
        harness.get_by_label(&format!("Compare {name}")).click();
    }
    harness.run_steps(2);
    let curves = |app: &App| app.lab.runs.iter().filter(|run| !run.is_brief()).count();
    wait(&mut harness, "curves", |app| curves(app) == 3);
    harness.get_by_label("Group runs by").click();
    harness.run_steps(3);
    harness.get_by_label("train.batch").click();
    harness.run_steps(3);
    for choice in ["min-max", "Images", "Log x", "IoU"] {
        harness.get_by_label(choice).click();
        harness.run_steps(3);
    }
    harness.get_by_label("batch = 16 (N = 2)");
    drop(harness);

    let mut harness = start(home, [1280.0, 720.0], 3);
    wait(&mut harness, "curves again", |app| curves(app) == 3);
    harness.get_by_label("batch = 16 (N = 2)");
    let kept = harness.state().lab.settings.curves.clone();
    assert_eq!(kept.group.as_deref(), Some("train.batch"));
    assert_eq!((kept.along.as_str(), kept.log_x), ("Images", true));
    assert_eq!(
        (kept.score.as_str(), kept.spread.name()),
        ("IoU", "min-max")
    );
    // Runs that don't differ in it are drawn singly, and it is not forgotten for that.
    harness.get_by_label("Compare a").click();
    harness.run_steps(4);
    assert!(harness.query_by_label_contains("(N = ").is_none());
    harness.get_by_label("Compare a").click();
    harness.run_steps(4);
    harness.get_by_label("batch = 16 (N = 2)");
}

#[test]
fn a_setting_is_a_column_and_a_filter() {
    let dir = tempfile::tempdir().unwrap();
    for (name, batch) in [("a", "4"), ("b", "16"), ("c", "8")] {
        record(dir.path(), name, &[("train.batch", batch)], 0.5);
    }
    let mut harness = start(dir.path(), [1400.0, 720.0], 3);
    harness.get_by_label("Columns").click();
    harness.run_steps(3);
    write(&mut harness, "Find a column", "train.ba");
    harness.run_steps(3);
    harness
        .get_by_role_and_label(egui::accesskit::Role::CheckBox, "train.batch")
        .click();
    harness.run_steps(2);
    harness.key_press(egui::Key::Escape);
    harness.run_steps(3);
    harness.get_by_label("Sort by batch").click();
    harness.run_steps(3);
    assert_eq!(names(&harness), ["a", "c", "b"]);
    write(&mut harness, "Filter runs", "batch=16");
    harness.run_steps(4);
    assert_eq!(names(&harness), ["b"]);
}

#[test]
fn listing_many_runs_can_be_measured() {
    let home = tempfile::tempdir().unwrap();
    let asked = "bench runs --runs 3 --steps 40 --ticked 2 --points 1000 --frames 2 --json";
    let args: Vec<&str> = asked.split(' ').collect();
    let output = crate::cli::dicebench(home.path(), &args);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        crate::cli::stderr(&output)
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (report["runs"].as_u64(), report["ticked"].as_u64()),
        (Some(3), Some(2))
    );
    for time in [
        "first_rows_ms",
        "first_list_ms",
        "list_ms",
        "tick_ms",
        "zoom_median_ms",
        "long_first_ms",
    ] {
        assert!(report[time].as_f64().is_some_and(|ms| ms > 0.0), "{time}");
    }
    assert!(report["curves_mib"].as_f64().is_some_and(|mib| mib > 0.0));
}
