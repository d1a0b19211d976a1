//! The curves against closed forms, on squares whose overlap is known by counting.

use super::*;
use crate::loss::LossConfig;

const SIDE: usize = 24;

/// A square of class 1, 10 px wide, at (7, 3) on a mask of 24 × 24.
fn subject() -> Subject {
    let mut labels = vec![0u8; SIDE * SIDE];
    for y in 7..17 {
        for x in 3..13 {
            labels[y * SIDE + x] = 1;
        }
    }
    Subject {
        labels,
        shape: [1, SIDE, SIDE],
        class_names: vec!["ground".into(), "square".into()],
        class_weights: Vec::new(),
    }
}

fn config(kind: &str, sets: &[(&str, &str)]) -> ExperimentConfig {
    let mut config = ExperimentConfig {
        loss: LossConfig::of_kind(kind).unwrap(),
        activation: OutputActivation::Softmax,
        ..ExperimentConfig::default()
    };
    for (key, value) in sets {
        config.loss.set(key, value).unwrap();
    }
    config
}

fn curve(config: &ExperimentConfig, motion: Motion) -> Vec<Point> {
    let curves = respond(config, &subject(), &|| false).unwrap().unwrap();
    let found = curves.into_iter().find(|curve| curve.motion == motion);
    found.unwrap().points
}

/// Cross-entropy of a pixel answered with certainty ±4 in two classes.
fn certain() -> f64 {
    (1.0 + (-8f64).exp()).ln()
}

#[test]
fn cross_entropy_of_a_probability_is_its_logarithm() {
    let pixels = (SIDE * SIDE) as f64;
    for point in curve(&config("cross_entropy", &[]), Motion::Probability) {
        let expected = (-100.0 * point.at.ln() + (pixels - 100.0) * certain()) / pixels;
        assert!((point.loss - expected).abs() < 1e-5, "{point:?} {expected}");
        // Softmax minus truth, in both channels, over the mean.
        let sure = 1.0 / (1.0 + 8f64.exp());
        let slope = 2.0 * (100.0 * (1.0 - point.at) + (pixels - 100.0) * sure) / pixels;
        assert!((point.gradient - slope).abs() < 1e-4, "{point:?} {slope}");
    }
}

#[test]
fn dice_of_a_moved_square_is_the_share_it_still_covers() {
    let none = [
        ("include_background", "false"),
        ("smooth_numerator", "0"),
        ("smooth_denominator", "1e-6"),
    ];
    let points = curve(&config("dice", &none), Motion::Shift);
    assert_eq!((points[0].at, points.len()), (0.0, 7));
    for point in points {
        // Of 10 columns 10 − d still lie where they should; both squares hold 100 pixels.
        let covered = (10.0 - point.at).max(0.0) * 10.0;
        let wrong = 1.0 / (1.0 + 8f64.exp());
        let mass = 100.0 * (1.0 - wrong) + (SIDE * SIDE - 100) as f64 * wrong;
        let overlap = covered * (1.0 - wrong) + (100.0 - covered) * wrong;
        let expected = 1.0 - 2.0 * overlap / (mass + 100.0);
        assert!((point.loss - expected).abs() < 1e-4, "{point:?} {expected}");
    }
}

#[test]
fn a_border_moved_by_edges_makes_counted_pixels_wrong() {
    // Eroded by k: (10 − 2k)². Dilated through edges by k: a square with four stairs.
    let wrong = |k: i32| -> f64 {
        let k = f64::from(k);
        match k < 0.0 {
            true => 100.0 - (10.0 + 2.0 * k).powi(2),
            false => 4.0 * 10.0 * k + 2.0 * k * (k - 1.0),
        }
    };
    let pixels = (SIDE * SIDE) as f64;
    for point in curve(&config("cross_entropy", &[]), Motion::Size) {
        // The square stands three pixels from the left edge: of the fourth step one column of 10
        // pixels would lie outside.
        let outside = if point.at > 3.0 { 10.0 } else { 0.0 };
        let expected = certain() + (wrong(point.at as i32) - outside) * 8.0 / pixels;
        assert!((point.loss - expected).abs() < 1e-4, "{point:?} {expected}");
    }
}

#[test]
fn each_pixel_found_of_the_rarest_class_takes_its_share_of_cross_entropy() {
    let pixels = (SIDE * SIDE) as f64;
    for point in curve(&config("cross_entropy", &[]), Motion::Rarest) {
        let expected = certain() + 100.0 * (1.0 - point.at) * 8.0 / pixels;
        assert!((point.loss - expected).abs() < 1e-4, "{point:?} {expected}");
    }
}

#[test]
fn every_activation_has_curves_and_right_is_lowest() {
    for (activation, kind) in [
        (OutputActivation::Sigmoid, "binary_cross_entropy"),
        (OutputActivation::Softmax, "cross_entropy"),
    ] {
        let config = ExperimentConfig {
            activation,
            ..config(kind, &[])
        };
        for curve in respond(&config, &subject(), &|| false).unwrap().unwrap() {
            let best = curve.points.iter().min_by(|a, b| a.loss.total_cmp(&b.loss));
            let away = (best.unwrap().at - curve.motion.right()).abs();
            assert!(away < 0.02, "{activation:?} {curve:?}");
        }
    }
}

#[test]
fn what_is_no_longer_wanted_stops() {
    let asked = std::cell::Cell::new(0);
    let stop = || {
        asked.set(asked.get() + 1);
        asked.get() > 3
    };
    let config = config("cross_entropy", &[]);
    assert_eq!(respond(&config, &subject(), &stop).unwrap(), None);
    assert_eq!(asked.get(), 4);
}

#[test]
fn a_mask_without_objects_has_no_curves() {
    let empty = Subject {
        labels: vec![0; SIDE * SIDE],
        ..subject()
    };
    let config = config("cross_entropy", &[]);
    assert_eq!(
        respond(&config, &empty, &|| false).unwrap(),
        Some(Vec::new())
    );
}

#[test]
fn small_specks_are_not_what_is_moved() {
    let mut subject = subject();
    subject.class_names.push("speck".into());
    subject.labels[0] = 2;
    let curves = respond(&config("cross_entropy", &[]), &subject, &|| false);
    let curves = curves.unwrap().unwrap();
    assert!(
        curves[1].title.contains("square, 100 px"),
        "{}",
        curves[1].title
    );
    assert!(
        curves[3].title.contains("speck, 1 px"),
        "{}",
        curves[3].title
    );
}

#[test]
fn a_verdict_says_where_the_curve_is_lowest() {
    let curve = |losses: [f64; 3]| Curve {
        motion: Motion::Size,
        title: String::new(),
        axis: Motion::Size.axis(),
        points: (-1..2)
            .zip(losses)
            .map(|(at, loss)| Point {
                at: f64::from(at),
                loss,
                gradient: 0.0,
            })
            .collect(),
    };
    assert_eq!(curve([0.5, 0.1, 0.4]).verdict(), Some(Verdict::Right));
    assert_eq!(
        curve([0.5, 0.3, 0.1]).verdict(),
        Some(Verdict::Elsewhere(1.0))
    );
    assert_eq!(curve([0.5; 3]).verdict(), Some(Verdict::Blind));
    assert_eq!(curve([0.5, 0.1, f64::NAN]).verdict(), None);
    // The wrong sign turns every curve round.
    let points = |loss| {
        respond(&config(loss, &[]), &subject(), &|| false)
            .unwrap()
            .unwrap()
    };
    assert_eq!(points("cross_entropy")[3].verdict(), Some(Verdict::Right));
}
