//! The original question, answered before training: on the sample, and on CamVid where it lies beside
//! the checkout. Expected numbers are those of a separate analysis in double precision with TensorFlow,
//! MONAI and Keras, cited where they are used.

use std::path::{Path, PathBuf};

use dicebench::data::{Dataset, Progress};
use dicebench::doctor::xray::{self, Subject};
use dicebench::doctor::{self, Diagnosis, Evidence, Masks, Xray};
use dicebench::experiment::{ExperimentConfig, Preset};
use dicebench::finding::Severity;

/// What names the three defects, each with a fix of its own.
const DEFECTS: [&str; 3] = [
    "doubled-activation",
    "ids-as-targets",
    "one-sum-over-all-classes",
];

fn preset(name: &str) -> ExperimentConfig {
    let all = Preset::bundled();
    all.into_iter().find(|p| p.name == name).unwrap().config
}

fn set(mut config: ExperimentConfig, settings: &[(&str, &str)]) -> ExperimentConfig {
    for (key, value) in settings {
        config.set(key, value).unwrap();
    }
    config
}

fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// The question's loss in closed form, where the mean label is `m` and each pixel's probabilities,
/// squashed twice, sum to `q`: 1 − 2·m·q / (C·m + q).
fn question(classes: usize, m: f64, q: f64) -> f64 {
    1.0 - 2.0 * m * q / (classes as f64 * m + q)
}

/// What a one-hot answer, nothing, and everything sum to after two sigmoids.
fn one_hot(classes: usize) -> f64 {
    logistic(1.0) + (classes - 1) as f64 * logistic(0.0)
}

fn undecided(classes: usize) -> f64 {
    classes as f64 * logistic(0.5)
}

fn everything(classes: usize) -> f64 {
    classes as f64 * logistic(1.0)
}

/// One mask of 100 × 10 pixels that holds each class as often as said.
fn subject(counts: &[usize]) -> Subject {
    assert_eq!(counts.iter().sum::<usize>(), 1000);
    let each = counts.iter().enumerate();
    Subject {
        labels: each.flat_map(|(c, n)| vec![c as u8; *n]).collect(),
        shape: [1, 10, 100],
        class_names: (0..counts.len()).map(|c| format!("class {c}")).collect(),
        class_weights: Vec::new(),
    }
}

fn loss(xray: &Xray, answer: &str) -> f64 {
    let bar = xray.oracles.iter().find(|bar| bar.name == answer);
    bar.unwrap_or_else(|| panic!("no {answer}")).loss
}

fn near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!(
        (found - expected).abs() < tolerance,
        "{what}: {found} instead of {expected}"
    );
}

#[test]
fn the_second_sigmoid_leaves_a_floor_of_the_size_that_was_analysed() {
    let doubled = set(
        preset("museum-second-sigmoid"),
        &[
            ("loss.group", "all"),
            ("loss.smooth_numerator", "0.000001"),
            ("loss.smooth_denominator", "0.000001"),
        ],
    );
    // Analysis 1.1, Q1: perfect with one-hot labels, and at z = 0.
    for (counts, perfect, start) in [
        (&[500, 500][..], 0.345, 0.446),
        (&[500, 300, 200], 0.465, 0.566),
        (&[100; 10], 0.765, 0.828),
    ] {
        let xray = xray::take(&doubled, &subject(counts)).unwrap();
        let classes = counts.len();
        near(xray.floor, perfect, 1e-3, &format!("{classes} classes"));
        near(xray.initial, start, 1e-3, &format!("{classes} classes"));
        let single = set(doubled.clone(), &[("loss.input_activation", "none")]);
        let xray = xray::take(&single, &subject(counts)).unwrap();
        assert!(xray.floor < 1e-4, "{}", xray.floor);
    }
    // Q10: probabilities given as logits, floor log(1 + (C − 1)/e).
    let logits = preset("museum-probabilities-as-logits");
    for (counts, floor) in [
        (&[500, 500][..], 0.3133),
        (&[500, 300, 200], 0.5514),
        (&[100; 10], 1.4612),
    ] {
        let xray = xray::take(&logits, &subject(counts)).unwrap();
        near(xray.floor, floor, 1e-4, "softmax as logits");
    }
}

#[test]
fn the_questions_loss_has_the_values_that_were_analysed() {
    let config = preset("question");
    // Q5: ten classes, no background, mean label 5: −0.107 at z = 0, −0.2757 with every channel on.
    let without = [0, 112, 111, 111, 111, 110, 111, 111, 111, 112];
    let xray = xray::take(&config, &subject(&without)).unwrap();
    near(loss(&xray, "uniform"), -0.107, 1e-3, "Q5 at z = 0");
    near(loss(&xray, "all-on"), -0.2757, 1e-4, "Q5, every channel on");
    // Q5, the least of all: every label 9, every channel on: 1 − 18·0.7311/9.7311.
    let xray = xray::take(&config, &subject(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 1000])).unwrap();
    near(xray.lowest, -0.352, 1e-3, "Q5, the floor");
    // Q3: half background, ten classes: 0.0009 undecided, 0.1330 perfect. Its labels were drawn; the
    // first number says that their mean was 2.529, and from that the second follows.
    let drawn = [500, 51, 56, 55, 56, 56, 56, 56, 57, 57];
    let mean: usize = drawn.iter().enumerate().map(|(c, n)| c * n).sum();
    assert_eq!(mean, 2529);
    let xray = xray::take(&config, &subject(&drawn)).unwrap();
    near(loss(&xray, "uniform"), 0.0009, 1e-3, "Q3 undecided");
    near(xray.floor, 0.1330, 1e-3, "Q3 perfect");
    assert!(
        xray.floor > xray.initial,
        "it rises on the way to the truth"
    );
    // Q2: every pixel confidently the next class scores the same.
    assert!(xray.class_blind && xray.next_class_cost.abs() < 1e-3);
    // Q4: one sign for all channels of a pixel, on 100 % of the pixels.
    near(xray.one_sign_pixels, 1.0, 1e-9, "Q4");
}

#[test]
fn one_sum_over_all_classes_is_accuracy() {
    let pooled = set(
        preset("museum-one-global-sum"),
        &[
            ("loss.smooth_numerator", "0.0001"),
            ("loss.smooth_denominator", "0.0001"),
        ],
    );
    let apart = set(pooled.clone(), &[("loss.group", "class")]);
    let background = |config: &_, counts: &[usize]| {
        loss(
            &xray::take(config, &subject(counts)).unwrap(),
            "all-background",
        )
    };
    // Q7: only background, 5 % foreground: pooled 0.050; per class 0.342 with one class absent, 0.675
    // with all three.
    near(background(&pooled, &[950, 50, 0]), 0.050, 1e-4, "pooled");
    near(background(&apart, &[950, 50, 0]), 0.342, 1e-3, "one absent");
    near(background(&apart, &[950, 25, 25]), 0.675, 1e-3, "all there");
    // 1 − mean p of the true class, exactly: 1 − 1/C where nothing is known.
    let xray = xray::take(&pooled, &subject(&[950, 25, 25])).unwrap();
    near(xray.initial, 1.0 - 1.0 / 3.0, 1e-5, "undecided");
    near(loss(&xray, "rarest-missing"), 0.025, 1e-4, "its pixels");
}

fn examined(dataset: &Dataset, config: &ExperimentConfig) -> (Xray, Vec<Diagnosis>) {
    let masks = Masks::read(dataset, config).unwrap();
    let subject = doctor::examine(&masks, config).unwrap();
    let xray = xray::take(config, &subject).unwrap();
    let found = doctor::diagnose(Evidence {
        config,
        dataset: Some(dataset),
        xray: Some(&xray),
        run: None,
    });
    (xray, found)
}

/// Red before training, three causes with three fixes, numbers as the closed form says, green after.
fn is_answered(data: &str) {
    let mut config = preset("question");
    data.clone_into(&mut config.data.path);
    let dataset = Dataset::open(&config.data, &Progress::default()).unwrap();
    let (xray, found) = examined(&dataset, &config);

    let preferred: Vec<&str> = (xray.violations.iter())
        .filter(|v| v.over == "perfect")
        .map(|v| v.preferred.as_str())
        .collect();
    assert!(preferred.contains(&"all-on"), "{data}: {preferred:?}");
    assert_eq!(found[0].finding.code, "wrong-answer-preferred");
    assert_eq!(found[0].finding.severity, Severity::Error);

    let classes = xray.class_names.len();
    let m: f64 = (xray.class_shares.iter().enumerate())
        .map(|(class, share)| class as f64 * share.pixels)
        .sum();
    for (answer, sum) in [
        ("perfect", one_hot(classes)),
        ("uniform", undecided(classes)),
        ("all-on", everything(classes)),
    ] {
        let what = format!("{data}: {answer}");
        near(loss(&xray, answer), question(classes, m, sum), 2e-4, &what);
    }

    let fixes: Vec<&doctor::Fix> = DEFECTS
        .iter()
        .map(|code| {
            let diagnosis = found.iter().find(|d| d.finding.code == *code);
            let diagnosis = diagnosis.unwrap_or_else(|| panic!("{data}: no {code}"));
            diagnosis.fix.as_ref().unwrap()
        })
        .collect();
    for (at, fix) in fixes.iter().enumerate() {
        let others = fixes.iter().skip(at + 1);
        assert!(others.clone().all(|other| other.settings != fix.settings));
    }
    // As "Clone with all fixes" does: in the doctor's order.
    let all = found
        .iter()
        .filter(|d| DEFECTS.contains(&d.finding.code.as_str()));
    for (key, value) in all.flat_map(|d| &d.fix.as_ref().unwrap().settings) {
        config.set(key, value).unwrap();
    }
    let (xray, left) = examined(&dataset, &config);
    assert_eq!(xray.violations, [], "{data}");
    assert!(
        left.iter().all(|d| d.finding.severity == Severity::Hint),
        "{data}: {left:?}"
    );
    assert!(xray.floor < 0.01 && !xray.class_blind, "{data}");
}

#[test]
fn on_the_sample_it_is_red_has_three_causes_and_their_fixes_make_it_green() {
    is_answered("sample");
}

fn camvid() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/camvid_segnet/CamVid");
    folder.is_dir().then_some(folder)
}

#[test]
fn on_street_scenes_it_is_the_same() {
    if let Some(folder) = camvid() {
        is_answered(folder.to_str().unwrap());
    }
}
