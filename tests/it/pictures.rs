//! The picture view, the table of runs and the comparison, read back through accessibility.

use std::sync::Arc;

use dicebench::app::view::compare::diff_table;
use dicebench::app::view::runs::{Action, RunsTable};
use dicebench::app::view::viewer::{Viewer, ViewerResponse};
use dicebench::data::{IGNORE, Image, LabelMap, Sample};
use dicebench::run::Run;
use dicebench::train::session::Prediction;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use crate::views::{harness, made_up_run, shot};

const WIDTH: usize = 96;
const HEIGHT: usize = 64;

fn classes() -> Vec<(String, [u8; 3])> {
    vec![
        ("background".to_owned(), [0, 0, 0]),
        ("disc".to_owned(), [230, 159, 0]),
        ("ring".to_owned(), [86, 180, 233]),
    ]
}

/// A disc in a ring on a shaded ground, with an ignored strip at the left.
fn sample() -> Sample {
    let label = |x: usize, y: usize, at: (f32, f32)| {
        let far = ((x as f32 - at.0).powi(2) + (y as f32 - at.1).powi(2)).sqrt();
        match far {
            _ if x < 8 => IGNORE,
            f if f < 12.0 => 1,
            f if f < 20.0 => 2,
            _ => 0,
        }
    };
    let places = || (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
    let labels: Vec<u8> = places().map(|(x, y)| label(x, y, (48.0, 32.0))).collect();
    let pixels = places()
        .zip(&labels)
        .flat_map(|((x, y), &label)| {
            let light = 60 + (x + y) as u8 / 2;
            let own = [0, 60, 30][usize::from(label.min(2)) % 3];
            [light + own, light, light.saturating_sub(own / 2)]
        })
        .collect();
    Sample {
        id: "val/disc".to_owned(),
        image: Arc::new(Image {
            width: WIDTH,
            height: HEIGHT,
            channels: 3,
            pixels,
        }),
        labels: Arc::new(LabelMap {
            width: WIDTH,
            height: HEIGHT,
            labels,
        }),
    }
}

/// The truth, moved by some pixels, as a network that is nearly right would say it.
fn prediction(step: u64) -> Prediction {
    let truth = sample().labels;
    let moved = |at: usize| {
        let (x, y) = (at % WIDTH, at / WIDTH);
        let label = truth.labels[y * WIDTH + (x + WIDTH - 4) % WIDTH];
        if label == IGNORE { 0 } else { label }
    };
    let labels: Vec<u8> = (0..WIDTH * HEIGHT).map(moved).collect();
    Prediction {
        item: 7,
        step,
        width: WIDTH,
        height: HEIGHT,
        entropy: (0..WIDTH * HEIGHT).map(|at| (at % 256) as u8).collect(),
        labels,
    }
}

struct Looking {
    viewer: Viewer,
    sample: Option<Sample>,
    prediction: Option<Prediction>,
    last: ViewerResponse,
}

fn looking(sample: Option<Sample>, prediction: Option<Prediction>) -> Harness<'static, Looking> {
    let mut viewer = Viewer::default();
    viewer.items = ["val/box", "val/disc", "val/star"]
        .into_iter()
        .zip(6..)
        .map(|(name, item)| (item, name.to_owned()))
        .collect();
    let state = Looking {
        viewer,
        sample,
        prediction,
        last: ViewerResponse::default(),
    };
    harness([620.0, 600.0], state, |ui, look: &mut Looking| {
        let (sample, prediction) = (look.sample.as_ref(), look.prediction.as_ref());
        let response = look.viewer.ui(ui, sample, prediction, &classes());
        if response.asked_item.is_some() {
            look.last = response;
        }
    })
}

fn images<State>(harness: &Harness<'_, State>) -> Vec<String> {
    harness
        .get_all_by_role(egui::Role::Image)
        .filter_map(|node| node.accesskit_node().label())
        .collect()
}

#[test]
fn without_a_sample_the_viewer_says_what_to_do() {
    let mut harness = looking(None, None);
    harness.run_steps(2);
    harness.get_by_label("Loading the image…");
    harness.state_mut().viewer.items.clear();
    harness.run_steps(2);
    harness.get_by_label("No image yet");
    shot(&mut harness, "viewer-empty");
}

#[test]
fn panes_show_image_truth_prediction_and_errors() {
    let mut harness = looking(Some(sample()), Some(prediction(40)));
    harness.run_steps(3);
    let shown = images(&harness);
    assert_eq!(shown.len(), 4, "{shown:?}");
    assert!(
        shown[2].starts_with("Prediction · Dice 0.") && shown[2].ends_with(" · step 40"),
        "{shown:?}"
    );
    harness.get_by_label("Doubt").click();
    harness.run_steps(3);
    assert_eq!(images(&harness).len(), 5);
    shot(&mut harness, "viewer-panes");
    harness.get_by_label("One picture").click();
    harness.run_steps(3);
    assert_eq!(images(&harness).len(), 1);
    harness.get_by_label("Contours").click();
    harness.run_steps(3);
    shot(&mut harness, "viewer-one");
}

#[test]
fn panes_are_saved_pixel_by_pixel() {
    let mut harness = looking(Some(sample()), Some(prediction(40)));
    harness.run_steps(3);
    for choice in ["Pictures as PNG…", "Pictures as SVG…"] {
        harness.get_by_label("Save pictures").click();
        harness.run_steps(2);
        harness.get_by_label(choice).click();
        harness.run_steps(2);
    }
    let saves = std::mem::take(&mut harness.state_mut().viewer.saves);
    let saves: Vec<_> = saves.into_iter().map(|save| save.expect("made")).collect();
    assert_eq!(
        [&saves[0].name, &saves[1].name],
        ["pictures.png", "pictures.svg"]
    );
    let picture = image::load_from_memory(&saves[0].bytes).unwrap().to_rgb8();
    let svg = String::from_utf8(saves[1].bytes.clone()).unwrap();
    let lines: Vec<&str> = svg.lines().map(str::trim).collect();
    for words in [
        "val/disc",
        "Image",
        "Truth",
        "Prediction",
        "Errors",
        "missed",
    ] {
        assert!(lines.contains(&words), "{words} is text: {svg}");
    }
    assert_eq!(svg.matches("<image").count(), 4);
    // The photograph is in the file, every pixel a square of the same side.
    let times = 520 / WIDTH.max(HEIGHT);
    let pixels = &sample().image.pixels;
    let shows = |left: u32, top: u32| {
        (0..WIDTH * HEIGHT).all(|at| {
            let [x, y] = [at % WIDTH, at / WIDTH].map(|place| (place * times + times / 2) as u32);
            picture.get_pixel(left + x, top + y).0 == pixels[at * 3..][..3]
        })
    };
    let (across, down) = (WIDTH * times, HEIGHT * times);
    let free = [
        picture.width() - across as u32,
        picture.height() - down as u32,
    ];
    let found = (0..free[1]).any(|top| (0..free[0]).any(|left| shows(left, top)));
    assert!(found, "the photograph, pixel by pixel");
}

#[test]
fn pictures_are_painted_once_until_something_changes() {
    let mut harness = looking(Some(sample()), Some(prediction(40)));
    harness.run_steps(5);
    assert_eq!(harness.state().viewer.painted(), 4);
    harness.state_mut().prediction = Some(prediction(60));
    harness.run_steps(5);
    // Prediction and errors are new, image and truth are not.
    assert_eq!(harness.state().viewer.painted(), 6);
    harness.get_by_label("ring").click();
    harness.run_steps(5);
    // The image itself has no classes.
    assert_eq!(harness.state().viewer.painted(), 9);
    harness.state_mut().sample = Some(sample());
    harness.run_steps(5);
    assert_eq!(harness.state().viewer.painted(), 13);
}

#[test]
fn the_pixel_under_the_pointer_is_named_and_t_flips() {
    let mut harness = looking(Some(sample()), Some(prediction(40)));
    harness.get_by_label("One picture").click();
    harness.run_steps(3);
    let pane = harness.get_by_role(egui::Role::Image).rect();
    harness.hover_at(pane.center());
    harness.run_steps(3);
    let said = |harness: &Harness<'_, Looking>| {
        let labels = harness.get_all_by_role(egui::Role::Label);
        let mut said = labels.filter_map(|node| node.accesskit_node().value());
        said.find(|said| said.starts_with("x ")).unwrap_or_default()
    };
    assert_eq!(said(&harness), "x 48, y 32 · truth disc · prediction disc");
    harness.key_press(egui::Key::T);
    harness.run_steps(3);
    assert_eq!(images(&harness), ["Truth"]);
    harness.key_press(egui::Key::T);
    harness.run_steps(3);
    assert!(images(&harness)[0].starts_with("Prediction"));
    // The ignored strip at the left edge of the picture.
    let scale = (pane.width() / WIDTH as f32).min(pane.height() / HEIGHT as f32);
    let left = pane.center() - egui::vec2((WIDTH as f32 / 2.0 - 2.0) * scale, 0.0);
    harness.hover_at(left);
    harness.run_steps(3);
    assert!(
        said(&harness).contains("truth ignored"),
        "{}",
        said(&harness)
    );
}

#[test]
fn the_next_image_is_asked_for_by_its_index() {
    let mut harness = looking(Some(sample()), None);
    harness.run_steps(2);
    harness.get_by_label("Next image").click();
    harness.run_steps(2);
    assert_eq!(harness.state().last.asked_item, Some(8));
    // While it is on its way, the next one on that side does not exist.
    harness.get_by_label("Previous image").click();
    harness.run_steps(2);
    assert_eq!(harness.state().last.asked_item, Some(7));
}

#[test]
fn a_prediction_of_another_size_is_drawn_all_the_same() {
    let mut small = prediction(1);
    small.width = 10;
    small.height = 300;
    small.labels.truncate(50);
    small.entropy.clear();
    let mut harness = looking(Some(sample()), Some(small));
    harness.get_by_label("Doubt").click();
    harness.run_steps(3);
    assert_eq!(images(&harness).len(), 5);
}

fn runs() -> Vec<Run> {
    let mut runs: Vec<Run> = ["a", "b", "c"]
        .into_iter()
        .zip([0.01, 0.05, 0.02])
        .map(|(id, rate)| made_up_run(id, 100, rate))
        .collect();
    runs[1].config.set("train.seed", "77").expect("a seed");
    runs[2].config.set("loss.kind", "focal").expect("a loss");
    runs[2].outcome = Some(dicebench::run::Outcome::Diverged {
        at_step: 99,
        message: "loss is NaN".to_owned(),
    });
    runs
}

struct Table {
    table: RunsTable,
    runs: Vec<Run>,
    asked: Vec<Action>,
}

fn table() -> Harness<'static, Table> {
    let state = Table {
        table: RunsTable::default(),
        runs: runs(),
        asked: Vec::new(),
    };
    harness([640.0, 300.0], state, |ui, state: &mut Table| {
        state.asked.extend(state.table.ui(ui, &state.runs));
    })
}

/// Names of the runs from top to bottom.
fn order(harness: &Harness<'_, Table>) -> Vec<String> {
    let labels = harness.get_all_by_role(egui::Role::Label);
    labels
        .filter_map(|node| node.accesskit_node().value())
        .filter(|said| said.starts_with("run "))
        .collect()
}

#[test]
fn runs_are_ticked_sorted_and_filtered() {
    let mut harness = table();
    harness.run_steps(3);
    assert_eq!(order(&harness), ["run a", "run b", "run c"]);
    harness.get_by_label("Compare run b").click();
    harness.run_steps(3);
    assert_eq!(harness.state().asked, [Action::Tick("b".to_owned(), true)]);
    assert!(harness.state().table.ticked.contains("b"));
    harness.get_by_label("Sort by Best Dice").click();
    harness.run_steps(3);
    assert_eq!(order(&harness), ["run b", "run c", "run a"]);
    shot(&mut harness, "runs");
    harness.get_by_label("Filter runs").click();
    harness.run_steps(2);
    harness.get_by_label("Filter runs").type_text("focal");
    harness.run_steps(3);
    assert_eq!(order(&harness), ["run c"]);
}

#[test]
fn a_run_is_renamed_in_place() {
    let mut harness = table();
    harness.run_steps(3);
    harness.get_by_label("run c").click_secondary();
    harness.run_steps(3);
    harness.get_by_label("Rename").click();
    harness.run_steps(3);
    harness
        .get_by_label("New name of run c")
        .type_text(" again");
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
    let renamed = Action::Rename("c".to_owned(), "run c again".to_owned());
    assert_eq!(harness.state().asked, [renamed]);
    harness.get_by_label("run a").click_secondary();
    harness.run_steps(3);
    harness.get_by_label("Delete").click();
    harness.run_steps(3);
    assert_eq!(harness.state().asked[1], Action::Delete("a".to_owned()));
}

#[test]
fn the_comparison_lists_what_differs() {
    let state = runs();
    let mut harness = harness([640.0, 420.0], state, |ui, runs: &mut Vec<Run>| {
        diff_table(ui, &runs.iter().collect::<Vec<_>>());
    });
    harness.run_steps(3);
    harness.get_by_label("loss.kind");
    harness.get_by_label("train.seed");
    harness.get_by_label("77");
    harness.get_by_label("diverged");
    assert!(harness.query_by_label("train.learning_rate").is_none());
    shot(&mut harness, "compare");
    harness.state_mut().truncate(1);
    harness.run_steps(2);
    assert!(
        harness
            .query_by_label_contains("Tick two or more")
            .is_some()
    );
}
