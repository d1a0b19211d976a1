//! The X-ray against what can be worked out by other means.

use super::look::Slope;
use super::oracle::{self, Truth};
use super::xray::{self, Exam, Subject};
use crate::experiment::ExperimentConfig;

fn subject() -> Subject {
    let (n, h, w) = (2, 8, 8);
    let labels = (0..n * h * w)
        .map(|i| match (i % w, i / w % h, i / (w * h)) {
            (0..=2, 0..=2, _) => 1,
            (5, 5, 0) => 2,
            (x, 7, 1) if x < 2 => 255,
            _ => 0,
        })
        .collect();
    Subject {
        labels,
        shape: [n, h, w],
        class_names: ["ground", "block", "speck"].map(str::to_owned).to_vec(),
        class_weights: Vec::new(),
    }
}

fn config(settings: &[(&str, &str)]) -> ExperimentConfig {
    let mut config = ExperimentConfig::default();
    for (key, value) in settings {
        config.set(key, value).unwrap();
    }
    config
}

#[test]
fn the_untrained_loss_is_what_theory_says() {
    for settings in [
        &[("loss.kind", "cross_entropy")][..],
        &[("loss.kind", "dice")],
        &[("loss.kind", "sum")],
        &[
            ("activation", "sigmoid"),
            ("loss.kind", "binary_cross_entropy"),
        ],
        &[("activation", "sigmoid"), ("loss.kind", "dice")],
    ] {
        let xray = xray::take(&config(settings), &subject()).unwrap();
        let theory = xray.theory.expect("a closed form");
        assert!(
            (xray.initial - theory.value).abs() < 1e-4 * theory.value,
            "{settings:?}: {} instead of {} = {}",
            xray.initial,
            theory.value,
            theory.formula
        );
    }
    // A sigmoid under softmax cross-entropy has no closed form that could reassure.
    let twice = config(&[("activation", "sigmoid"), ("loss.kind", "cross_entropy")]);
    assert_eq!(xray::take(&twice, &subject()).unwrap().theory, None);
}

#[test]
fn the_gradient_picture_is_the_slope_of_the_loss() {
    let subject = subject();
    let config = config(&[("loss.kind", "dice")]);
    let exam = Exam::new(&config, &subject).unwrap();
    let gradient = exam.gradient("uniform").unwrap();
    let truth = Truth {
        labels: &subject.labels,
        shape: subject.shape,
        class_names: &subject.class_names,
    };
    let oracles = oracle::all(truth, config.activation);
    let uniform = oracles.iter().find(|o| o.name == "uniform").unwrap();
    let largest = gradient.iter().fold(0.0f32, |m, g| m.max(g.abs()));
    assert!(largest > 0.0);
    // Steps of 1/4 in single precision: the loss is smooth, so that central differences are within
    // a few per cent of the largest slope.
    for at in [0, 9, 63, 64, 64 + 45, 128 + 45, 200, 300] {
        let loss = |by: f32| {
            let mut logits = uniform.logits.clone();
            logits[at] += by;
            exam.loss(&logits).unwrap()
        };
        let slope = (loss(0.25) - loss(-0.25)) / 0.5;
        let error = (slope - f64::from(gradient[at])).abs();
        assert!(
            error < 0.03 * f64::from(largest),
            "{at}: {slope} instead of {}",
            gradient[at]
        );
    }
}

#[test]
fn the_picture_is_the_gradient_on_one_mask() {
    let subject = subject();
    let config = config(&[("loss.kind", "dice")]);
    let exam = Exam::new(&config, &subject).unwrap();
    let all = exam.gradient("all-background").unwrap();
    let slope = exam.slope("all-background").unwrap();
    assert_eq!(slope.frame.image, 0, "the mask with the speck");
    assert_eq!(slope.class(2), &all[128..192]);
    assert_eq!(slope.values.len(), 192);
    let same = Slope::new("all-background", slope.frame, all[..192].to_vec());
    assert_eq!(slope, same);
    assert!(exam.slope("nothing").is_err());
}

#[test]
fn shares_of_the_loss_name_the_class_that_is_not_heard() {
    let shares = |settings: &[(&str, &str)]| {
        let xray = xray::take(&config(settings), &subject()).unwrap();
        let loss: Vec<f64> = xray.class_shares.iter().map(|s| s.loss).collect();
        loss
    };
    // Cross-entropy is a mean over pixels: a class's share is its share of the pixels.
    let pixels: f64 = 126.0;
    let found = shares(&[("loss.kind", "cross_entropy")]);
    for (found, count) in found.iter().zip([107.0, 18.0, 1.0]) {
        assert!((found - count / pixels).abs() < 1e-4, "{found}");
    }
    // Without the background nothing is gained by answering the background right alone … but for
    // the false alarms that it ends, so the others must be heard more than under cross-entropy.
    let without = shares(&[("loss.kind", "dice"), ("loss.include_background", "false")]);
    assert!(without[1] + without[2] > found[1] + found[2]);
    assert!((without.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}
