//! The Compare tab in the real window: two lanes of a race, the epoch slider, blink, swipe,
//! disagreement, orders, the confusion matrix, the keyboard.

use std::path::Path;
use std::time::Duration;

use dicebench::app::view::versus::{Mode, Show};
use dicebench::app::{App, Tab};
use dicebench::run::pictures::Album;
use dicebench::run::versus::Order;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::window::wait_up_to;

fn start(home: &Path, size: [f32; 2]) -> Harness<'static, App> {
    let home = home.to_path_buf();
    let mut builder = Harness::builder().with_size(size);
    if std::env::var_os("VIEW_SHOTS").is_some() {
        builder = builder.wgpu();
    }
    builder.build_eframe(move |cc| App::new(&cc.egui_ctx, home, None))
}

fn wait(harness: &mut Harness<'_, App>, what: &str, done: impl Fn(&App) -> bool) {
    wait_up_to(Duration::from_secs(180), harness, what, done);
}

/// Trains two losses side by side for three validations.
fn raced(harness: &mut Harness<'_, App>) {
    wait(harness, "the sample dataset", |app| {
        app.lab.dataset().is_some()
    });
    let app = harness.state_mut();
    for (key, value) in [
        ("data.width", "32"),
        ("data.height", "32"),
        ("model.depth", "2"),
        ("model.base", "4"),
        ("train.batch", "4"),
        ("train.steps", "30"),
        ("train.validate_every", "10"),
        ("train.device", "cpu"),
    ] {
        app.lab.set(key, value).unwrap();
    }
    let mut other = app.lab.draft.clone();
    other.set("loss.kind", "tversky").unwrap();
    let entries = vec![
        ("one".to_owned(), app.lab.draft.clone()),
        ("two".to_owned(), other),
    ];
    app.lab.race(entries);
    wait(harness, "the race", |app| {
        !app.lab.is_busy()
            && app.lab.runs.len() == 2
            && app.lab.runs.iter().all(|run| run.outcome.is_some())
    });
}

fn settle(harness: &mut Harness<'_, App>) {
    // Pictures come from another thread: drawn a moment after they were asked for.
    let mut painted = harness.state().compare.painted();
    let mut same = 0;
    for _ in 0..400 {
        std::thread::sleep(Duration::from_millis(5));
        harness.step();
        let now = harness.state().compare.painted();
        same = if now == painted { same + 1 } else { 0 };
        painted = now;
        if same > 12 {
            return;
        }
    }
}

/// Whether the picture of the run of this name is the one of that step.
fn shows(harness: &Harness<'_, App>, name: &str, step: u64) -> bool {
    let step = format!("· step {step} ·");
    let mut panes = harness.query_all_by_label_contains(&step);
    panes.any(|pane| {
        pane.accesskit_node()
            .label()
            .is_some_and(|label| label.starts_with(name))
    })
}

fn press(harness: &mut Harness<'_, App>, key: Key) {
    harness.key_press_modifiers(Modifiers::NONE, key);
    harness.step();
    harness.step();
}

#[test]
fn two_lanes_are_compared_picture_by_picture_with_the_keyboard() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path(), [1280.0, 720.0]);
    raced(&mut harness);
    // Every validation of every lane kept its predictions.
    for run in &harness.state().lab.runs {
        let album = Album::open(&dir.path().join("runs").join(&run.id));
        assert_eq!(
            album.steps.keys().copied().collect::<Vec<_>>(),
            [10, 20, 30]
        );
        assert_eq!(album.names.len(), run.validations[0].per_image.len());
        assert!(
            album
                .steps
                .values()
                .all(|places| places.len() == album.names.len())
        );
        let validation = &run.validations[2];
        let mut counted = dicebench::run::metrics::Confusion::new(run.classes.len());
        for place in 0..album.names.len() {
            let (truth, labels) = (
                album.truth(place).unwrap(),
                album.labels(30, place).unwrap(),
            );
            counted.add(&truth.data, &labels.data);
        }
        assert_eq!(counted, validation.confusion, "pictures and scores agree");
    }
    harness.state_mut().tab = Tab::Compare;
    harness.step();
    settle(&mut harness);
    assert!(harness.state().compare.painted() >= 3, "truth and two runs");
    assert!(shows(&harness, "one", 30) && shows(&harness, "two", 30));

    // The epoch slider: one step back, for both.
    press(&mut harness, Key::ArrowDown);
    settle(&mut harness);
    assert_eq!(harness.state().compare.moment, Some(20));
    assert!(shows(&harness, "one", 20) && shows(&harness, "two", 20));
    // Back and forth paints nothing anew.
    let painted = harness.state().compare.painted();
    press(&mut harness, Key::ArrowUp);
    settle(&mut harness);
    assert_eq!(harness.state().compare.moment, None, "follows the newest");
    assert_eq!(harness.state().compare.painted(), painted);

    // Blink shows the one, then the other.
    press(&mut harness, Key::B);
    assert_eq!(harness.state().compare.mode, Mode::Blink);
    press(&mut harness, Key::T);
    let front = |harness: &Harness<'_, App>| shows(harness, "one", 30);
    let first = front(&harness);
    press(&mut harness, Key::T);
    assert_ne!(first, front(&harness));

    press(&mut harness, Key::S);
    settle(&mut harness);
    assert!(harness.query_by_label_contains("Swipe line").is_some());
    press(&mut harness, Key::D);
    settle(&mut harness);
    assert!(
        harness
            .query_by_label_contains("A right, B wrong:")
            .is_some()
    );
    for (key, show) in [(Key::U, Show::Doubt), (Key::E, Show::Errors)] {
        press(&mut harness, Key::G);
        press(&mut harness, key);
        settle(&mut harness);
        assert_eq!(harness.state().compare.show, show);
    }

    // Worst first: the first image has the lowest Dice of A.
    press(&mut harness, Key::F);
    assert_eq!(harness.state().compare.order, Order::Difference);
    harness.get_by_label("Worst first").click();
    harness.step();
    harness.step();
    assert_eq!(harness.state().compare.order, Order::Worst);
    press(&mut harness, Key::ArrowRight);
    let second = harness.state().compare.image.clone();
    assert!(second.is_some());
    // A cell of the confusion matrix leads to the images that cause it.
    let run = harness.state().lab.runs.last().unwrap();
    let confusion = &run.validations[2].confusion;
    let n = confusion.classes;
    let cell = (0..n * n).find(|at| at / n != at % n && confusion.counts[*at] > 0);
    let cell = cell.expect("thirty steps do not make it perfect");
    let (truth, prediction) = (cell / n, cell % n);
    let label = format!(
        "{} taken for {}: {}",
        run.classes[truth], run.classes[prediction], confusion.counts[cell]
    );
    harness.get_by_label_contains(&label).click();
    harness.step();
    harness.step();
    let order = harness.state().compare.order;
    assert_eq!(order, Order::Cell { truth, prediction });
    shot(&mut harness, "compare-1280");
    // The list beside the pictures stays as wide as it is.
    let left = |harness: &Harness<'_, App>| {
        let label = format!(
            "“{}” taken for “{}”",
            run_class(harness, truth),
            run_class(harness, prediction)
        );
        harness.get_by_label(&label).rect().left()
    };
    let before = left(&harness);
    harness.run_steps(10);
    assert_eq!(left(&harness), before);

    // The slider itself: at its left end is the first validation.
    let slider = harness
        .get_by_role_and_label(egui::accesskit::Role::Slider, "Epoch")
        .rect();
    let left = slider.left_center() + egui::vec2(2.0, 0.0);
    harness.hover_at(left);
    harness.drag_at(left);
    harness.run_steps(2);
    harness.drop_at(left);
    harness.run_steps(2);
    assert_eq!(harness.state().compare.moment, Some(10));
    // The next class, by the keyboard.
    press(&mut harness, Key::C);
    assert!(matches!(harness.state().compare.order, Order::Class(_)));
    harness.get_by_label("Biggest difference first").click();
    harness.run_steps(2);
    assert_eq!(harness.state().compare.order, Order::Difference);
    settle(&mut harness);

    // What is compared as files.
    let saved = dir.path().join("saved");
    harness.state_mut().saving.folder = Some(saved.clone());
    for (choice, file) in [
        ("Pictures as SVG…", "comparison.svg"),
        ("Pictures as PNG…", "comparison.png"),
        ("Scores as CSV…", "images.csv"),
        ("Scores as JSON…", "images.json"),
    ] {
        harness.get_by_label("Save").click();
        harness.run_steps(2);
        harness.get_by_label(choice).click();
        harness.run_steps(2);
        let path = saved.join(file);
        wait(&mut harness, file, |_| path.is_file());
    }
    let svg = std::fs::read_to_string(saved.join("comparison.svg")).unwrap();
    let lines: Vec<&str> = svg.lines().map(str::trim).collect();
    for words in ["Truth", "Errors of one", "Errors of two", "cell", "missed"] {
        assert!(lines.contains(&words), "{words} is text: {svg}");
    }
    let noted = |line: &&&str| line.starts_with("Dice 0.") && line.contains("step 10 · epoch ");
    assert_eq!(
        lines.iter().filter(noted).count(),
        2,
        "both say when and how good"
    );
    assert!(svg.contains(" · validation image "), "which image it is");
    assert_eq!(svg.matches("<image").count(), 3);
    let picture = image::open(saved.join("comparison.png")).unwrap();
    let [wide, high] = [picture.width(), picture.height()];
    // 32 pixels are shown 16 times as large, three beside one another.
    assert!(wide > 3 * 512 && wide < 3 * 512 + 150, "{wide}");
    assert!(high > 512 && high < 512 + 300, "{high}");
    let csv = std::fs::read_to_string(saved.join("images.csv")).unwrap();
    let images = harness.state().lab.runs[0].validations[0].per_image.len();
    assert_eq!(csv.lines().count(), 1 + images);
    assert!(csv.starts_with("image,ordered by,one,two"), "{csv}");
    // Its rows are in the order shown: those on which the two differ most first.
    let gaps: Vec<f64> = (csv.lines().skip(1))
        .map(|row| {
            let dice: Vec<f64> = (row.split(',').skip(2))
                .map(|cell| cell.parse().unwrap())
                .collect();
            (dice[0] - dice[1]).abs()
        })
        .collect();
    assert!(gaps[0] > 0.0 && gaps.is_sorted_by(|a, b| a >= b), "{csv}");

    // A and B change places, and the next of two runs is none other.
    let ids: Vec<Option<String>> = (harness.state().lab.runs.iter().rev())
        .map(|run| Some(run.id.clone()))
        .collect();
    press(&mut harness, Key::X);
    assert_eq!(
        harness.state().compare.pair,
        [ids[1].clone(), ids[0].clone()]
    );
    press(&mut harness, Key::A);
    assert_eq!(harness.state().compare.pair[0], ids[1]);

    // By name, from another tab; what is typed there is a search and no key.
    harness.state_mut().tab = Tab::Runs;
    harness.run_steps(2);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::K);
    harness.run_steps(2);
    harness
        .get_by_label("Find a command")
        .type_text("swipe between");
    harness.step();
    harness.key_press(Key::Enter);
    harness.run_steps(3);
    assert_eq!(harness.state().tab, Tab::Compare);
    assert_eq!(harness.state().compare.mode, Mode::Swipe);
    // Keys of this tab do nothing on another.
    harness.state_mut().tab = Tab::Runs;
    press(&mut harness, Key::G);
    assert_eq!(harness.state().compare.mode, Mode::Swipe);
}

fn run_class(harness: &Harness<'_, App>, class: usize) -> String {
    harness.state().lab.runs[0].classes[class].clone()
}

/// A picture for the eye, when `VIEW_SHOTS` names a folder.
fn shot(harness: &mut Harness<'_, App>, name: &str) {
    let Some(folder) = std::env::var_os("VIEW_SHOTS") else {
        return;
    };
    settle(harness);
    let image = harness.render().unwrap();
    image
        .save(Path::new(&folder).join(format!("{name}.png")))
        .unwrap();
}
