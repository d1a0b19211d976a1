//! Ways to train with less memory: they change what is kept, not what is learned; and what is said
//! where memory does not suffice.

use std::sync::Arc;

use burn::prelude::Device;
use dicebench::data::{Dataset, Progress};
use dicebench::experiment::ExperimentConfig;
use dicebench::run::RunEvent;
use dicebench::train::Session;

use crate::training::tiny;

/// `(loss, gradient norm)` of the first steps.
fn steps(config: &ExperimentConfig, count: usize) -> Vec<[f64; 2]> {
    let dataset = Arc::new(Dataset::open(&config.data, &Progress::default()).unwrap());
    let mut session = Session::new(config, dataset, &Device::flex(), "cpu").unwrap();
    let mut found = Vec::new();
    while found.len() < count {
        for event in session.step().unwrap() {
            if let RunEvent::Step {
                loss, grad_norm, ..
            } = event
            {
                found.push([loss, grad_norm]);
            }
        }
    }
    found
}

fn with(pairs: &[(&str, &str)]) -> ExperimentConfig {
    let mut config = tiny();
    for (key, value) in pairs {
        config.set(key, value).unwrap();
    }
    config
}

/// What is computed again is computed the same way: not one bit differs.
#[test]
fn computing_activations_again_changes_no_number() {
    for upsampling in ["nearest", "transposed"] {
        let keep = with(&[("model.upsampling", upsampling)]);
        let again = with(&[
            ("model.upsampling", upsampling),
            ("train.checkpointing", "true"),
        ]);
        assert_eq!(steps(&keep, 3), steps(&again, 3), "{upsampling}");
    }
}

/// Weights that were read from disk are recomputed with like those they replace.
#[test]
fn a_run_that_computes_activations_again_can_be_taken_up() {
    let config = with(&[("train.checkpointing", "true")]);
    let dataset = Arc::new(Dataset::open(&config.data, &Progress::default()).unwrap());
    let make = || Session::new(&config, Arc::clone(&dataset), &Device::flex(), "cpu").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut first = make();
    first.step().unwrap();
    first.save_state(&state, &[]).unwrap();
    let mut second = make();
    second.load_state(&state).unwrap();
    let loss = |events: Vec<RunEvent>| match &events[0] {
        RunEvent::Step { step, loss, .. } => (*step, *loss),
        other => panic!("{other:?}"),
    };
    assert_eq!(loss(first.step().unwrap()), loss(second.step().unwrap()));
}

/// Without anything that looks at the batch as a whole, parts add up to it; 4 images in 3 parts
/// are 2 and 2.
#[test]
fn a_batch_in_parts_has_the_loss_and_gradient_of_the_whole() {
    let whole = [
        ("model.normalization", "none"),
        ("model.dropout", "0.25"),
        ("loss.kind", "cross_entropy"),
    ];
    let expected = steps(&with(&whole), 1)[0];
    for parts in ["2", "3", "4", "9"] {
        let mut pairs = whole.to_vec();
        pairs.push(("train.accumulate", parts));
        let found = steps(&with(&pairs), 1)[0];
        for (a, b) in expected.iter().zip(found) {
            assert!(
                (a - b).abs() < 1e-5 * a.abs(),
                "{parts}: {expected:?} {found:?}"
            );
        }
    }
}

/// `ulimit -v` stands in for a small machine.
#[test]
#[cfg(target_os = "linux")]
fn a_training_that_can_not_fit_is_refused_with_the_batch_that_does() {
    let home = tempfile::tempdir().unwrap();
    let command = "ulimit -v 8000000; exec \"$0\" train --device cpu --set train.batch=64 \
                   --set data.width=1024 --set data.height=1024 --set train.steps=1";
    let output = std::process::Command::new("sh")
        .args(["-c", command, env!("CARGO_BIN_EXE_dicebench")])
        .env("DICEBENCH_HOME", home.path())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("`train.batch` = "), "{said}");
    assert!(said.contains("train.accumulate"), "{said}");
}

/// What a training is told to take beside what it takes: the yardstick's step, whose loss has two
/// terms, in a process of its own.
#[test]
#[cfg(target_os = "linux")]
fn memory_is_foretold_within_a_fifth() {
    let home = tempfile::tempdir().unwrap();
    for (batch, size, base) in [("4", "256", "16"), ("8", "128", "16"), ("2", "128", "32")] {
        let shape = ["--batch", batch, "--size", size, "--base", base];
        let steps = ["bench", "step", "--threads", "2", "--steps", "3", "--json"];
        let output = crate::cli::dicebench(home.path(), &[&steps[..], &shape[..]].concat());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let megabytes = |key: &str| report[key].as_f64().unwrap();
        let taken = megabytes("peak_mb") - megabytes("before_mb");
        let told = megabytes("estimated_mb");
        assert!(
            (told / taken - 1.0).abs() < 0.2,
            "{shape:?}: {told} MB were foretold, {taken} MB were taken"
        );
    }
}
