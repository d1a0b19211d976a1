//! Runs from end to end on the CPU: the same twice, stopped, diverged, failed, recorded.

use std::sync::Arc;
use std::time::Duration;

use dicebench::data::{Dataset, Progress};
use dicebench::experiment::{ExperimentConfig, Preset};
use dicebench::run::store::Store;
use dicebench::run::{Outcome, RunEvent};
use dicebench::train::handle::{Control, Job, TrainerEvent, TrainerHandle};

/// A configuration that trains in a second.
pub fn tiny() -> ExperimentConfig {
    let mut config = ExperimentConfig::default();
    for (key, value) in [
        ("data.width", "32"),
        ("data.height", "32"),
        ("model.depth", "2"),
        ("model.base", "4"),
        ("train.batch", "4"),
        ("train.steps", "12"),
        ("train.validate_every", "6"),
        ("train.device", "cpu"),
    ] {
        config.set(key, value).unwrap();
    }
    config
}

pub fn jobs(configs: &[ExperimentConfig]) -> Vec<Job> {
    let dataset = Arc::new(Dataset::open(&configs[0].data, &Progress::default()).unwrap());
    let job = |config: &ExperimentConfig| Job {
        name: "test".to_owned(),
        config: config.clone(),
        dataset: Arc::clone(&dataset),
        resume: None,
    };
    configs.iter().map(job).collect()
}

/// Trains to the end; events per lane, and ids.
pub fn train(configs: &[ExperimentConfig], store: &Store) -> (Vec<Vec<RunEvent>>, Vec<String>) {
    let trainer = TrainerHandle::spawn(Arc::new(|| {}));
    trainer.start(jobs(configs), store.clone()).unwrap();
    let mut events = vec![Vec::new(); configs.len()];
    let mut ids = Vec::new();
    loop {
        match trainer.wait(Duration::from_secs(120)) {
            Some(TrainerEvent::Run { lane, event }) => events[lane].push(event),
            Some(TrainerEvent::Opened { id, .. }) => ids.push(id),
            Some(TrainerEvent::Idle) => return (events, ids),
            Some(_) => {}
            None => panic!("the trainer is silent"),
        }
    }
}

/// An event without what differs between two runs of the same: the clock.
pub fn timeless(event: &RunEvent) -> String {
    let mut value = serde_json::to_value(event).unwrap();
    for key in ["secs", "unix_secs"] {
        value.as_object_mut().unwrap().remove(key);
    }
    value.to_string()
}

#[test]
fn the_same_configuration_gives_the_same_events_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    let (first, _) = train(&[tiny()], &store);
    let (second, _) = train(&[tiny()], &store);
    let first: Vec<String> = first[0].iter().map(timeless).collect();
    let second: Vec<String> = second[0].iter().map(timeless).collect();
    assert_eq!(first, second);
    assert_eq!(
        first.len(),
        1 + 12 + 2 + 1,
        "started, steps, validations, finished"
    );
}

#[test]
fn what_was_recorded_is_what_happened_and_the_weights_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    let (events, ids) = train(&[tiny()], &store);
    let run = store.load(&ids[0]).unwrap();
    assert_eq!(run.outcome, Some(Outcome::Completed));
    assert_eq!(run.steps.len(), 12);
    assert_eq!(run.config, tiny());
    let validated = events[0]
        .iter()
        .filter(|e| matches!(e, RunEvent::Validated { .. }))
        .count();
    assert_eq!(run.validations.len(), validated);
    // One matrix over the whole set is the sum of those per image.
    let last = run.validations.last().unwrap();
    let pixels: u64 = last.confusion.counts.iter().sum();
    assert_eq!(pixels, 24 * 32 * 32);
    assert_eq!(last.per_image.len(), 24);
    for name in ["best.safetensors", "last.safetensors", "last.state"] {
        assert!(store.dir(&ids[0]).join(name).exists(), "{name}");
    }
}

#[test]
fn lanes_of_a_race_start_from_the_same_weights_and_see_the_same_batches() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = tiny();
    other.set("train.learning_rate", "0.01").unwrap();
    let (events, _) = train(&[tiny(), other], &Store::new(dir.path()));
    let first_loss = |lane: usize| {
        events[lane].iter().find_map(|event| match event {
            RunEvent::Step { step: 1, loss, .. } => Some(*loss),
            _ => None,
        })
    };
    assert!(first_loss(0).is_some());
    assert_eq!(first_loss(0), first_loss(1));
    assert_ne!(
        timeless(events[0].iter().rev().nth(1).unwrap()),
        timeless(events[1].iter().rev().nth(1).unwrap())
    );
}

#[test]
fn a_run_can_be_paused_and_stopped_and_keeps_what_it_learned() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    let mut config = tiny();
    config.set("train.steps", "100000").unwrap();
    let trainer = TrainerHandle::spawn(Arc::new(|| {}));
    trainer.start(jobs(&[config]), store.clone()).unwrap();
    let (mut steps, mut after_pause, mut paused, mut id) = (0, 0, false, String::new());
    let mut resumed = false;
    let outcome = loop {
        match trainer.wait(Duration::from_secs(60)) {
            Some(TrainerEvent::Opened { id: opened, .. }) => id = opened,
            Some(TrainerEvent::Run {
                event: RunEvent::Step { .. },
                ..
            }) => {
                steps += 1;
                after_pause += usize::from(paused);
                // The second time after it has gone on.
                if steps == 3 || (resumed && !paused) {
                    trainer.control(Control::Pause);
                }
            }
            Some(TrainerEvent::Paused) => {
                paused = true;
                assert!(
                    trainer.wait(Duration::from_millis(300)).is_none(),
                    "nothing happens in a pause"
                );
                // Stopped from within a pause: while it runs, how many steps fit between an event and
                // the answer to it is chance.
                trainer.control(if resumed {
                    Control::Stop
                } else {
                    Control::Resume
                });
            }
            Some(TrainerEvent::Resumed) => (paused, resumed) = (false, true),
            Some(TrainerEvent::Run {
                event: RunEvent::Finished { outcome, .. },
                ..
            }) => break outcome,
            Some(_) => {}
            None => panic!("the trainer is silent"),
        }
    };
    assert_eq!(outcome, Outcome::Stopped);
    assert!(
        paused && resumed && after_pause <= 1,
        "{after_pause} steps between pause and stop"
    );
    assert!(store.dir(&id).join("last.safetensors").exists());
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_as_diverged_and_keeps_what_was_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    let mut config = tiny();
    for (key, value) in [
        ("activation", "none"),
        ("loss.kind", "cross_entropy"),
        ("train.learning_rate", "10"),
        ("train.optimizer", "sgd"),
        ("train.clip_norm", "0"),
        ("model.normalization", "none"),
        ("train.steps", "200"),
    ] {
        config.set(key, value).unwrap();
    }
    let (events, ids) = train(&[config], &store);
    let Some(RunEvent::Finished {
        outcome: Outcome::Diverged { at_step, message },
        ..
    }) = events[0].last()
    else {
        panic!("{:?}", events[0].last());
    };
    let run = store.load(&ids[0]).unwrap();
    assert_eq!(run.steps.len() as u64 + 1, *at_step);
    assert!(
        message.contains("finite") || message.contains("NaN"),
        "{message}"
    );
}

#[test]
fn an_unwritable_folder_fails_the_run_with_its_name_and_the_trainer_lives_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("not-a-folder");
    std::fs::write(&file, "x").unwrap();
    let (events, _) = train(&[tiny()], &Store::new(&file));
    let Some(RunEvent::Finished {
        outcome: Outcome::Failed { message },
        ..
    }) = events[0].last()
    else {
        panic!("{:?}", events[0].last());
    };
    assert!(message.contains("not-a-folder"), "{message}");
}

#[test]
fn every_bundled_preset_trains_a_few_steps() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    for preset in Preset::bundled() {
        let mut config = preset.config;
        let base = tiny();
        (config.data.width, config.data.height) = (32, 32);
        config.model = base.model;
        config.train = base.train;
        config.train.steps = 2;
        let (events, _) = train(&[config], &store);
        let outcome = events[0].iter().find_map(|event| match event {
            RunEvent::Finished { outcome, .. } => Some(outcome.clone()),
            _ => None,
        });
        assert_eq!(outcome, Some(Outcome::Completed), "{}", preset.name);
    }
}
