//! Looking closer at curves: axes, small multiples, groups, marks, the table of exact values.

use dicebench::app::view::plots::Plots;
use dicebench::run::{Run, RunEvent};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::views::{harness, made_up_run, shot};

fn plots(size: [f32; 2], runs: Vec<Run>) -> Harness<'static, Plots> {
    harness(size, Plots::default(), move |ui, plots| {
        plots.ui(ui, &runs.iter().collect::<Vec<_>>());
    })
}

fn figures<State>(harness: &Harness<'_, State>) -> Vec<String> {
    (harness.get_all_by_role(egui::Role::Figure))
        .filter_map(|node| node.accesskit_node().label())
        .collect()
}

/// Everything that is said as a label.
fn said<State>(harness: &Harness<'_, State>) -> Vec<String> {
    (harness.get_all_by_role(egui::Role::Label))
        .filter_map(|node| node.accesskit_node().value())
        .collect()
}

/// `made_up_run` with another seed, learning rate and batch.
fn varied(id: &str, seed: u64, rate: f64) -> Run {
    let mut run = made_up_run(id, 200, rate);
    run.config.train.seed = seed;
    run.config.train.learning_rate = rate;
    run
}

#[test]
fn each_class_has_a_plot_of_its_own_and_all_share_the_cursor() {
    let runs = vec![made_up_run("a", 200, 0.05), made_up_run("b", 200, 0.02)];
    let mut harness = plots([1100.0, 640.0], runs);
    harness.run_steps(3);
    assert_eq!(figures(&harness).len(), 2);
    harness.get_by_label("Each class").click();
    harness.run_steps(4);
    let found = figures(&harness);
    assert_eq!(found.len(), 6, "{found:?}");
    assert!(
        found
            .iter()
            .any(|name| name.starts_with("Dice of ring plot"))
    );
    let over = harness
        .get_by_label_contains("Dice of disc plot")
        .rect()
        .center();
    harness.hover_at(over);
    harness.run_steps(3);
    let readouts = said(&harness);
    let readouts = readouts.iter().filter(|s| s.starts_with("step ")).count();
    // The class “dot” has no score in either run, but its plot says so: six readouts.
    assert_eq!(readouts, 6);
    shot(&mut harness, "plots-classes");
}

#[test]
fn runs_are_grouped_by_any_setting_with_the_number_of_runs() {
    let runs: Vec<Run> = [(1, 0.02), (2, 0.02), (3, 0.02), (1, 0.08), (2, 0.08)]
        .into_iter()
        .enumerate()
        .map(|(at, (seed, rate))| {
            let mut run = varied(&at.to_string(), seed, rate);
            // Repetitions scatter.
            for point in &mut run.steps {
                point.loss *= 1.0 + 0.05 * seed as f64;
            }
            run
        })
        .collect();
    let mut harness = plots([1000.0, 640.0], runs);
    harness.run_steps(3);
    harness.get_by_label("Group runs by").click();
    harness.run_steps(2);
    harness.get_by_label("train.learning_rate").click();
    harness.run_steps(4);
    harness.get_by_label("learning_rate = 0.02 (N = 3)");
    harness.get_by_label("learning_rate = 0.08 (N = 2)");
    let over = harness.get_by_label_contains("Loss plot").rect().center();
    harness.hover_at(over);
    harness.run_steps(3);
    let said = said(&harness);
    let read = said
        .iter()
        .find(|s| s.starts_with("step ") && s.contains("val "));
    assert!(
        read.is_some_and(|s| s.contains("N = 3") && s.contains("N = 2")),
        "{said:?}"
    );
    shot(&mut harness, "plots-grouped");
}

#[test]
fn runs_without_repetitions_stay_single() {
    // Three configurations; then two, one of them from two seeds.
    for (rates, grouped) in [([0.02, 0.04, 0.08], false), ([0.02, 0.02, 0.08], true)] {
        let runs = (rates.into_iter().enumerate())
            .map(|(at, rate)| varied(&at.to_string(), at as u64 + 1, rate))
            .collect();
        let mut harness = plots([1000.0, 640.0], runs);
        harness.run_steps(3);
        harness.get_by_label("Group runs by").click();
        harness.run_steps(2);
        harness.get_by_label("Repetitions").click();
        harness.run_steps(4);
        let mut groups = harness.query_all_by_label_contains("(N = ");
        assert_eq!(groups.next().is_some(), grouped);
    }
}

#[test]
fn what_is_no_number_or_far_off_is_counted_in_the_title() {
    let mut run = made_up_run("a", 400, 0.05);
    run.steps[200].loss = f64::NAN;
    run.steps[300].loss = 40.0;
    run.apply(&RunEvent::Step {
        step: 401,
        loss: f64::INFINITY,
        learning_rate: 0.1,
        grad_norm: 1.0,
        secs: 81.0,
    });
    let mut harness = plots([900.0, 640.0], vec![run]);
    harness.run_steps(3);
    let title = figures(&harness).remove(0);
    assert!(title.contains("2 not a number"), "{title}");
    assert!(title.ends_with("1 outlier"), "{title}");
    harness.get_by_label("Clip outliers").click();
    harness.get_by_label("Log x").click();
    harness.run_steps(4);
    shot(&mut harness, "plots-marks");
}

#[test]
fn a_click_fastens_the_cursor_and_the_table_has_every_digit() {
    let run = made_up_run("a", 200, 0.05);
    let losses: Vec<String> = run.steps.iter().map(|p| p.loss.to_string()).collect();
    let mut harness = plots([900.0, 640.0], vec![run]);
    harness.run_steps(3);
    harness.get_by_label("Values").click();
    harness.run_steps(3);
    assert!(harness.query_by_label_contains("Point at a plot").is_some());
    let over = harness.get_by_label_contains("Loss plot").rect().center();
    harness.hover_at(over);
    harness.run_steps(2);
    harness.drag_at(over);
    harness.drop_at(over);
    harness.run_steps(3);
    // Away from the plots, the values stay.
    harness.hover_at(egui::pos2(5.0, 5.0));
    harness.run_steps(3);
    harness.get_by_label("Let go");
    let shown = said(&harness);
    assert!(shown.iter().any(|cell| losses.contains(cell)), "{shown:?}");
    harness.key_press(egui::Key::Escape);
    harness.run_steps(3);
    assert!(harness.query_by_label_contains("Point at a plot").is_some());
    shot(&mut harness, "plots-values");
}
