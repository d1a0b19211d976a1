//! Below the table of runs: scores in every definition, whether a difference is more than luck, and
//! what a parameter does to the result.

use dicebench::app::runs_tab::Side;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::table::{record, start, wait};

#[test]
fn scores_are_shown_in_every_definition_with_a_sentence_about_luck() {
    let dir = tempfile::tempdir().unwrap();
    record(dir.path(), "low", &[], 0.5);
    record(dir.path(), "high", &[("loss.kind", "focal")], 0.8);
    let mut harness = start(dir.path(), [1280.0, 900.0], 2);
    harness.get_by_label("Compare low").click();
    harness.get_by_label("Compare high").click();
    harness.run_steps(3);
    harness.get_by_label("Scores").click();
    wait(&mut harness, "curves", |app| {
        app.lab.runs.iter().all(|run| !run.is_brief())
    });
    let said = |harness: &egui_kittest::Harness<'_, dicebench::app::App>| {
        harness
            .query_by_label_contains("high is better than low")
            .is_some()
    };
    for _ in 0..400 {
        if said(&harness) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        harness.step();
    }
    assert!(said(&harness));
    assert!(
        harness
            .query_by_label("Dice per image, absent = 1")
            .is_some()
    );
    let step = |harness: &egui_kittest::Harness<'_, dicebench::app::App>, text: &str| {
        let labels = harness.get_all_by_role(egui::Role::Label);
        labels
            .filter(|node| node.accesskit_node().value().as_deref() == Some(text))
            .count()
    };
    assert_eq!(step(&harness, "30"), 2, "both were best at step 30");
    harness.get_by_label("At the last").click();
    harness.run_steps(3);
    assert_eq!(step(&harness, "30"), 0);
    crate::views::shot(&mut harness, "runs-scores");
}

#[test]
fn a_sweep_is_a_scatter_plot_and_parallel_coordinates() {
    let dir = tempfile::tempdir().unwrap();
    let mut best = String::new();
    for (at, rate) in ["0.0001", "0.001", "0.01", "0.1"].into_iter().enumerate() {
        for seed in ["1", "2"] {
            let settings = [("train.learning_rate", rate), ("train.seed", seed)];
            let dice = 0.5 + 0.1 * at as f64 + if seed == "2" { 0.03 } else { 0.0 };
            best = record(dir.path(), &format!("{rate} {seed}"), &settings, dice);
        }
    }
    let mut harness = start(dir.path(), [1280.0, 900.0], 8);
    harness.get_by_label("Tick these").click();
    harness.run_steps(3);
    harness.get_by_label("Sweep").click();
    harness.run_steps(3);
    assert_eq!(harness.state().below.side, Side::Sweep);
    let label = "Scatter plot of best Dice against train.learning_rate, 8 runs";
    assert!(harness.query_by_label(label).is_some());
    crate::views::shot(&mut harness, "runs-scatter");
    harness.get_by_label("Parallel").click();
    harness.run_steps(3);
    let figure = harness
        .get_by_label("Parallel coordinates of 2 parameters, 8 runs")
        .rect();
    crate::views::shot(&mut harness, "runs-parallel");
    // The best run ends at the top of the last axis.
    let top = egui::pos2(figure.right() - 71.0, figure.top() + 52.0);
    harness.hover_at(top);
    harness.run_steps(3);
    harness.drag_at(top);
    harness.drop_at(top);
    harness.run_steps(3);
    assert_eq!(harness.state().lab.active, Some(best));
}
