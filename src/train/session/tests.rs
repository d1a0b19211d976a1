use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::prelude::*;

use super::*;
use crate::data::Progress as Opening;
use crate::train::device::traffic::Traffic;

/// A small run of the generated dataset; `late` as on a GPU, whose numbers are read a step late.
fn session(late: bool, change: impl Fn(&mut ExperimentConfig)) -> Session {
    let mut config = ExperimentConfig::default();
    (config.data.width, config.data.height) = (32, 32);
    (config.model.depth, config.model.base) = (1, 4);
    (config.train.epochs, config.train.steps) = (0, 7);
    (config.train.batch, config.train.validate_every) = (4, 3);
    change(&mut config);
    let dataset = Arc::new(Dataset::open(&config.data, &Opening::default()).unwrap());
    let mut session = Session::new(&config, dataset, &Device::flex(), "CPU").unwrap();
    session.late = late;
    session
}

fn run(mut session: Session) -> Vec<RunEvent> {
    let mut events = Vec::new();
    while !session.is_finished() {
        events.extend(session.step().unwrap());
    }
    events
}

/// What an event says, without the time.
fn said(event: &RunEvent) -> (String, Vec<f64>) {
    match event {
        RunEvent::Step {
            step,
            loss,
            grad_norm,
            learning_rate,
            ..
        } => (
            format!("step {step}"),
            vec![*loss, *grad_norm, *learning_rate],
        ),
        RunEvent::Validated { step, loss, .. } => (format!("validated {step}"), vec![*loss]),
        other => {
            let mut other = serde_json::to_value(other).unwrap();
            other["secs"] = serde_json::Value::Null;
            (other.to_string(), Vec::new())
        }
    }
}

fn assert_alike(a: &[RunEvent], b: &[RunEvent]) {
    assert_eq!(a.len(), b.len(), "{a:#?} {b:#?}");
    for (a, b) in a.iter().zip(b) {
        let ((what, numbers), (other, others)) = (said(a), said(b));
        assert_eq!(what, other);
        for (a, b) in numbers.iter().zip(&others) {
            // The gradient is clipped by a factor in single precision where it is not read.
            assert!((a - b).abs() <= 1e-4 * a.abs().max(1e-3), "{what}: {a} {b}");
        }
    }
}

#[test]
fn numbers_that_are_read_late_are_those_that_are_read_at_once() {
    for clip_norm in [0.0, 0.05] {
        for accumulate in [1, 2] {
            let change = |config: &mut ExperimentConfig| {
                config.train.clip_norm = clip_norm;
                config.train.accumulate = accumulate;
                config.model.dropout = 0.2;
            };
            assert_alike(&run(session(false, change)), &run(session(true, change)));
        }
    }
}

#[test]
fn a_step_is_told_one_call_later_and_before_the_next_validation() {
    let mut late = session(true, |_| ());
    let steps = |events: &[RunEvent]| -> Vec<u64> {
        let step = |event: &RunEvent| match event {
            RunEvent::Step { step, .. } => Some(*step),
            RunEvent::Validated { step, .. } => Some(100 + *step),
            _ => None,
        };
        events.iter().filter_map(step).collect()
    };
    let told: Vec<Vec<u64>> = (0..4).map(|_| steps(&late.step().unwrap())).collect();
    assert_eq!(told, [vec![], vec![1], vec![2, 3, 103], vec![]]);
    // Stopped with one on its way.
    let events = late.stop();
    assert_eq!(steps(&events), [4]);
    assert!(matches!(
        events.last(),
        Some(RunEvent::Finished { step: 4, .. })
    ));
}

/// The step that breaks is found one step later, and told as if it had been looked at in time: with
/// the same number, the same words, and the weights before it.
#[test]
fn a_loss_that_is_not_finite_is_found_late_and_told_alike() {
    let change = |config: &mut ExperimentConfig| {
        config.train.learning_rate = 1e30;
        config.train.warmup_steps = 0;
        config.train.clip_norm = 0.0;
        config.train.validate_every = 100;
        config.train.steps = 50;
    };
    let runs = [false, true].map(|late| {
        let mut session = session(late, change);
        let mut events = Vec::new();
        while !session.is_finished() {
            events.extend(session.step().unwrap());
        }
        (events, weights(&session))
    });
    let [(at_once, weights), (late, late_weights)] = runs;
    let diverged = |events: &[RunEvent]| match events.last() {
        Some(RunEvent::Finished {
            outcome: Outcome::Diverged { at_step, message },
            ..
        }) => (*at_step, message.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(diverged(&at_once), diverged(&late));
    assert!(diverged(&late).0 > 1, "{late:?}");
    assert_alike(&at_once, &late);
    assert!(
        weights == late_weights,
        "the weights are not those before it"
    );
    assert!(weights.concat().iter().all(|weight| weight.is_finite()));
}

/// What is trained.
fn weights(session: &Session) -> Vec<Vec<f32>> {
    struct Collect(Vec<Vec<f32>>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if param.is_require_grad() {
                self.0.push(param.val().into_data().try_into_vec().unwrap());
            }
        }
    }
    let mut collect = Collect(Vec::new());
    session.learner.model().visit(&mut collect);
    collect.0
}

#[test]
fn a_step_reads_back_once_late_or_not_whatever_the_loss() {
    for late in [false, true] {
        for kind in ["dice", "cross_entropy", "lovasz", "hausdorff"] {
            let mut session = session(late, |config| {
                config.loss = crate::loss::LossConfig::of_kind(kind).unwrap();
                config.train.validate_every = 100;
            });
            let told: Vec<Option<Traffic>> = (0..4)
                .map(|_| {
                    session.step().unwrap();
                    session.traffic()
                })
                .collect();
            let expected = Traffic {
                launches: 0,
                read_backs: 1,
            };
            assert_eq!(told[1..], [Some(expected); 3], "{kind}, late: {late}");
        }
    }
}
