//! The live views, drawn with made-up runs and pictures, and read back through accessibility.

use dicebench::app::view::plots::Plots;
use dicebench::run::metrics::{Confusion, mean};
use dicebench::run::{Outcome, Run, RunEvent};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

const CLASSES: [&str; 4] = ["background", "disc", "ring", "dot"];

/// A run of `steps` steps whose loss falls like `1 / (1 + rate·step)`, validated every tenth of it.
pub fn made_up_run(id: &str, steps: u64, rate: f64) -> Run {
    let mut run = Run {
        id: id.to_owned(),
        name: format!("run {id}"),
        ..Run::default()
    };
    run.apply(&RunEvent::Started {
        device: "CPU".to_owned(),
        total_steps: steps,
        steps_per_epoch: 25,
        parameters: 1000,
        classes: CLASSES.map(str::to_owned).into(),
        class_colors: vec![[0, 0, 0], [230, 159, 0], [86, 180, 233], [0, 158, 115]],
        class_weights: vec![1.0; 4],
        dataset: "made up".to_owned(),
        unix_secs: 1_700_000_000,
        memory_estimate: 0,
    });
    for step in 1..=steps {
        let at = step as f64;
        let falling = 1.0 / (1.0 + rate * at);
        run.apply(&RunEvent::Step {
            step,
            loss: falling + 0.1 * (at * 1.7).sin() * falling,
            learning_rate: 1e-3,
            grad_norm: 1.0,
            secs: at * 0.2,
        });
        if step % (steps / 10).max(1) == 0 {
            let right = (900.0 * (1.0 - falling)) as u64 + 50;
            let mut confusion = Confusion::new(4);
            for class in 0..3_u64 {
                let wrong = (1000 - right) / (4 - class);
                confusion.counts[(class * 5) as usize] = right;
                confusion.counts[(class * 4 + (class + 1) % 3) as usize] = wrong;
            }
            let dice = confusion.dice();
            run.apply(&RunEvent::Validated {
                step,
                loss: falling * 1.2 + 0.05,
                mean_dice: mean(&dice),
                dice,
                confusion,
                per_image: Vec::new(),
                calibration: Default::default(),
                secs: at * 0.2,
            });
        }
    }
    run.apply(&RunEvent::Finished {
        outcome: Outcome::Completed,
        step: steps,
        secs: steps as f64 * 0.2,
    });
    run
}

/// A window of this size that draws one view; with pictures only when they are wanted.
pub fn harness<State: 'static>(
    size: [f32; 2],
    state: State,
    mut draw: impl FnMut(&mut egui::Ui, &mut State) + 'static,
) -> Harness<'static, State> {
    let mut builder = Harness::builder().with_size(size);
    if std::env::var_os("VIEW_SHOTS").is_some() {
        builder = builder.wgpu();
    }
    builder.build_ui_state(
        move |ui, state: &mut State| {
            egui::CentralPanel::default().show(ui, |ui| draw(ui, state));
        },
        state,
    )
}

fn plots(runs: Vec<Run>) -> Harness<'static, Plots> {
    harness([900.0, 640.0], Plots::default(), move |ui, plots| {
        plots.ui(ui, &runs.iter().collect::<Vec<_>>());
    })
}

/// Saves what is drawn into the folder that VIEW_SHOTS names, for people to look at.
pub fn shot<State>(harness: &mut Harness<'_, State>, name: &str) {
    let Some(folder) = std::env::var_os("VIEW_SHOTS") else {
        return;
    };
    for (theme, suffix) in [(egui::Theme::Dark, "dark"), (egui::Theme::Light, "light")] {
        harness.ctx.set_theme(theme);
        harness.run_steps(4);
        let path = std::path::Path::new(&folder).join(format!("{name}-{suffix}.png"));
        let picture = harness.render().expect("software Vulkan renders");
        picture.save(path).expect("the folder can be written");
    }
}

/// Middle of the figure whose name starts like this.
fn figure<State>(harness: &Harness<'_, State>, name: &str) -> egui::Pos2 {
    let mut figures = harness.get_all_by_role(egui::Role::Figure);
    let found = figures.find(|node| {
        let label = node.accesskit_node().label();
        label.is_some_and(|label| label.starts_with(name))
    });
    found.expect("the figure is there").rect().center()
}

/// What the readouts say.
fn readouts<State>(harness: &Harness<'_, State>) -> Vec<String> {
    let labels = harness.get_all_by_role(egui::Role::Label);
    labels
        .filter_map(|node| node.accesskit_node().value())
        .filter(|said| said.starts_with("step ") || said.starts_with("epoch "))
        .collect()
}

#[test]
fn without_runs_the_plots_say_what_to_do() {
    let mut harness = plots(Vec::new());
    harness.run_steps(2);
    harness.get_by_label("No curves yet");
    assert!(harness.query_by_label_contains("Press Train").is_some());
    shot(&mut harness, "plots-empty");
}

#[test]
fn one_run_shows_its_losses_and_a_line_per_class() {
    let mut harness = plots(vec![made_up_run("a", 200, 0.05)]);
    harness.run_steps(4);
    let figures: Vec<String> = harness
        .get_all_by_role(egui::Role::Figure)
        .filter_map(|node| node.accesskit_node().label())
        .collect();
    assert_eq!(figures.len(), 2, "{figures:?}");
    assert!(figures[0].starts_with("Loss plot"), "{figures:?}");
    assert!(figures[1].starts_with("Dice plot"), "{figures:?}");
    assert!(figures[1].contains("best"), "{figures:?}");
    for class in CLASSES {
        harness.get_by_label(class);
    }
    harness.get_by_label("IoU").click();
    harness.run_steps(2);
    assert!(harness.query_by_label_contains("IoU plot").is_some());
    shot(&mut harness, "plots-one");
}

#[test]
fn the_cursor_reads_the_same_step_in_every_plot() {
    let mut harness = plots(vec![made_up_run("a", 200, 0.05)]);
    harness.run_steps(4);
    let over = figure(&harness, "Loss plot");
    harness.hover_at(over);
    harness.run_steps(3);
    let said = readouts(&harness);
    assert_eq!(said.len(), 2, "a readout in each plot: {said:?}");
    let loss = said.iter().find(|s| s.contains("smoothed")).expect("loss");
    let dice = said.iter().find(|s| s.contains("mean")).expect("scores");
    let step = |said: &str| -> u64 {
        let number = said["step ".len()..].split(' ').next().unwrap_or_default();
        number.parse().expect("a step")
    };
    // Validated every 20 steps: the scores are those of the validation nearest to the loss's step.
    assert!(step(loss).abs_diff(step(dice)) <= 10, "{said:?}");
    assert!(dice.contains("dot –"), "an absent class is a dash: {dice}");
    shot(&mut harness, "plots-hover");
}

#[test]
fn the_legend_hides_a_class() {
    let mut harness = plots(vec![made_up_run("a", 200, 0.05)]);
    harness.run_steps(4);
    let shown = |harness: &Harness<'_, Plots>| {
        let ring = harness.get_by_label("ring");
        ring.accesskit_node().toggled() == Some(egui::accesskit::Toggled::True)
    };
    assert!(shown(&harness));
    harness.get_by_label("ring").click();
    harness.run_steps(2);
    assert!(!shown(&harness));
    let over = figure(&harness, "Dice plot");
    harness.hover_at(over);
    harness.run_steps(3);
    let said = readouts(&harness);
    let said = said.iter().find(|s| s.contains("mean")).expect("scores");
    assert!(said.contains("disc") && !said.contains("ring"), "{said}");
}

#[test]
fn several_runs_are_laid_over_one_another() {
    let runs: Vec<Run> = (0..4)
        .map(|at| made_up_run(&at.to_string(), 300 + 100 * at, 0.02 * (at + 1) as f64))
        .collect();
    let mut harness = plots(runs);
    harness.run_steps(4);
    for at in 0..4 {
        harness.get_by_label(&format!("run {at}"));
    }
    harness.get_by_label("Log loss").click();
    harness.get_by_label("Epochs").click();
    harness.run_steps(3);
    let over = figure(&harness, "Loss plot");
    harness.hover_at(over);
    harness.run_steps(3);
    assert_eq!(readouts(&harness).len(), 2);
    shot(&mut harness, "plots-several");
}

/// Points that were handed to the painter.
fn drawn(shape: &egui::Shape) -> usize {
    match shape {
        egui::Shape::Path(path) => path.points.len(),
        egui::Shape::Band(band) => band.points.len(),
        egui::Shape::Vec(shapes) => shapes.iter().map(drawn).sum(),
        _ => 1,
    }
}

#[test]
fn eight_long_runs_cost_no_more_points_than_can_be_seen() {
    let runs: Vec<Run> = (0..8)
        .map(|at| made_up_run(&at.to_string(), 10_000, 0.01 * (at + 1) as f64))
        .collect();
    let mut harness = plots(runs);
    harness.run_steps(4);
    let points: usize = (harness.output().shapes.iter())
        .map(|clipped| drawn(&clipped.shape))
        .sum();
    assert!(points > 4_000, "the curves are there: {points}");
    assert!(points < 30_000, "of 160 000 points, {points} were drawn");
}
