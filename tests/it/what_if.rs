//! A run's answers frozen: its own loss says of them what the run recorded, others say otherwise.

use std::sync::Arc;
use std::time::Duration;

use dicebench::data::{Dataset, Progress};
use dicebench::run::RunEvent;
use dicebench::run::checkpoints::{Checkpoint, stored};
use dicebench::run::store::Store;
use dicebench::train::frozen::Frozen;
use dicebench::train::handle::{Control, TrainerEvent, TrainerHandle};

use crate::training::{tiny, train};

#[test]
fn the_runs_own_loss_is_the_recorded_one_and_half_of_it_is_half() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::new(home.path());
    let (_, ids) = train(&[tiny()], &store);
    let run = store.load(&ids[0]).unwrap();
    let dataset = Arc::new(Dataset::open(&run.config.data, &Progress::default()).unwrap());
    let dir = store.dir(&run.id);
    let kept = stored(&run, &dir);
    // Every validation, and two of them by name.
    assert_eq!(kept.len(), run.validations.len() + 2, "{kept:?}");
    for (checkpoint, step) in kept {
        let frozen = Frozen::take(&run, &dir, checkpoint, Arc::clone(&dataset)).unwrap();
        assert_eq!(frozen.step, step);
        let recorded = frozen.recorded.unwrap();
        let own = frozen.ask(&run.config, &|| false).unwrap().unwrap();
        assert!(
            (own.loss - recorded).abs() < 1e-4 * recorded.abs(),
            "{checkpoint:?}: {} was recorded, {} is said",
            recorded,
            own.loss
        );
        let shares: f64 = own.classes.iter().map(|class| class.gradient).sum();
        assert!((shares - 1.0).abs() < 1e-9, "{shares}");
        // Both terms at half their weight: half the loss and half the push, shared alike.
        let mut half = run.config.clone();
        for term in ["0", "1"] {
            half.set(&format!("loss.terms.{term}.weight"), "0.5")
                .unwrap();
        }
        let halved = frozen.ask(&half, &|| false).unwrap().unwrap();
        assert!((halved.loss - own.loss / 2.0).abs() < 1e-5, "{halved:?}");
        assert!((halved.gradient - own.gradient / 2.0).abs() < 1e-4 * own.gradient);
        let slope = frozen.slope(&run.config).unwrap();
        assert_eq!(slope.class(0).len(), frozen.truth().len());
        assert_eq!(frozen.answer().len(), frozen.truth().len());
        assert_eq!(frozen.ask(&half, &|| true).unwrap(), None);
    }
}

/// A run that trains may have written better weights than its record tells of.
#[test]
fn the_step_is_that_of_the_weights_that_answer() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::new(home.path());
    let (_, ids) = train(&[tiny()], &store);
    let run = store.load(&ids[0]).unwrap();
    let (dir, [first, second]) = (store.dir(&run.id), [6, 12]);
    let best = Checkpoint::Best.file(&dir);
    for step in [first, second] {
        std::fs::copy(Checkpoint::Step(step).file(&dir), &best).unwrap();
        let dataset = Arc::new(Dataset::open(&run.config.data, &Progress::default()).unwrap());
        let frozen = Frozen::take(&run, &dir, Checkpoint::Best, dataset).unwrap();
        assert_eq!(frozen.step, step);
    }
}

#[test]
fn answers_in_blended_windows_are_those_that_were_validated() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::new(home.path());
    let mut config = tiny();
    config.set("data.sampling", "crop").unwrap();
    let (_, ids) = train(&[config], &store);
    let run = store.load(&ids[0]).unwrap();
    let dataset = Arc::new(Dataset::open(&run.config.data, &Progress::default()).unwrap());
    let frozen = Frozen::take(&run, &store.dir(&run.id), Checkpoint::Last, dataset).unwrap();
    let recorded = frozen.recorded.unwrap();
    let own = frozen.ask(&run.config, &|| false).unwrap().unwrap();
    assert!(
        (own.loss - recorded).abs() < 1e-4 * recorded.abs(),
        "{} {recorded}",
        own.loss
    );
}

#[test]
fn weights_that_are_not_there_are_named() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::new(home.path());
    let (_, ids) = train(&[tiny()], &store);
    let run = store.load(&ids[0]).unwrap();
    let dataset = Arc::new(Dataset::open(&run.config.data, &Progress::default()).unwrap());
    let file = store.dir(&run.id).join("last.safetensors");
    std::fs::remove_file(&file).unwrap();
    let error = Frozen::take(&run, &store.dir(&run.id), Checkpoint::Last, dataset);
    let error = error.err().unwrap();
    assert!(error.contains("last.safetensors"), "{error}");
    let dataset = Arc::new(Dataset::open(&run.config.data, &Progress::default()).unwrap());
    let error = Frozen::take(&run, &store.dir(&run.id), Checkpoint::Step(1), dataset);
    let error = error.err().unwrap();
    let there = format!("stored are {},", run.validations[0].step);
    assert!(
        error.contains("000001") && error.contains(&there),
        "{error}"
    );
}

/// While it trains: the formula of the batch adds up to the loss that the step recorded, and that of
/// another loss is another.
#[test]
fn the_formula_of_a_batch_in_training_adds_up_to_its_loss() {
    let home = tempfile::tempdir().unwrap();
    let mut config = tiny();
    config.set("train.steps", "2000").unwrap();
    // Weights that move: the formula is to have those of the moment.
    for (key, value) in [
        ("loss.terms.0.schedule", "ramp"),
        ("loss.terms.0.start", "0.1"),
        ("loss.terms.0.over", "1"),
    ] {
        config.set(key, value).unwrap();
    }
    let trainer = TrainerHandle::spawn(Arc::new(|| {}));
    let jobs = crate::training::jobs(&[config.clone()]);
    trainer.start(jobs, Store::new(home.path())).unwrap();
    trainer.control(Control::Glance(Some(0)));
    let (mut steps, mut glances) = (Vec::new(), Vec::new());
    while glances.len() < 2 {
        let event = trainer.wait(Duration::from_secs(120));
        if let TrainerEvent::Run { event, .. } = event.expect("the trainer is not silent")
            && let RunEvent::Step { step, loss, .. } = event
        {
            steps.push((step, loss));
        }
        if let Some((lane, glance)) = trainer.slots.lock().unwrap().glance.take() {
            assert_eq!(lane, 0);
            glances.push(glance);
        }
    }
    trainer.control(Control::Stop);
    while trainer.is_busy() {
        if let Some(TrainerEvent::Run { event, .. }) = trainer.wait(Duration::from_secs(120))
            && let RunEvent::Step { step, loss, .. } = event
        {
            steps.push((step, loss));
        }
    }
    for glance in &glances {
        let sum = |config| -> f64 {
            let parts = glance.formula(config).unwrap();
            parts.iter().map(|part| part.contribution).sum()
        };
        let recorded = steps.iter().find(|(step, _)| *step == glance.step).unwrap();
        assert_eq!(glance.loss, recorded.1);
        let own = sum(&config);
        assert!((own - glance.loss).abs() < 1e-5, "{own} {}", glance.loss);
        let mut other = config.clone();
        other.set("loss.terms.1.weight", "3").unwrap();
        assert!(sum(&other) > own + 0.1);
    }
    assert!(glances[0].step < glances[1].step);
}
