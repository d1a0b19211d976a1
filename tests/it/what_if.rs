//! A run's answers frozen: its own loss says of them what the run recorded, others say otherwise.

use std::sync::Arc;

use dicebench::data::{Dataset, Progress};
use dicebench::run::store::Store;
use dicebench::train::frozen::{Checkpoint, Frozen};

use crate::training::{tiny, train};

#[test]
fn the_runs_own_loss_is_the_recorded_one_and_half_of_it_is_half() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::new(home.path());
    let (_, ids) = train(&[tiny()], &store);
    let run = store.load(&ids[0]).unwrap();
    let dataset = Arc::new(Dataset::open(&run.config.data, &Progress::default()).unwrap());
    for checkpoint in [Checkpoint::Best, Checkpoint::Last] {
        let dir = store.dir(&run.id);
        let frozen = Frozen::take(&run, &dir, checkpoint, Arc::clone(&dataset)).unwrap();
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
}
