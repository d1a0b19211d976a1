//! Batches made ahead of the trainer by a thread of their own; lanes that ask for the same step
//! get the same object. Plain data only: the trainer alone makes tensors.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, bounded};

use crate::data::loader::Loader;
use crate::data::{Batch, DataError};

/// Batches waiting beyond the one in use.
const AHEAD: usize = 2;

/// Hands out the validation batches in order; the next is made while one is used.
///
/// # Errors
/// The first that `with` returns, or `fail` of what the loader says.
pub fn each_val_batch<E>(
    loader: &Loader,
    fail: impl Fn(DataError) -> E,
    mut with: impl FnMut(usize, Batch) -> Result<(), E>,
) -> Result<(), E> {
    std::thread::scope(|scope| {
        // Dropped at the end, however it comes: that ends the thread.
        let (sender, ahead) = bounded(1);
        std::thread::Builder::new()
            .name("validation batches".to_owned())
            .spawn_scoped(scope, move || {
                for index in 0..loader.val_batches() {
                    if sender.send(loader.val_batch(index)).is_err() {
                        return;
                    }
                }
            })
            .map_err(|error| {
                fail(DataError::Invalid(format!(
                    "no thread for batches: {error}"
                )))
            })?;
        for (index, batch) in ahead.into_iter().enumerate() {
            with(index, batch.map_err(&fail)?)?;
        }
        Ok(())
    })
}

/// The training batches of one loader, in order, from some step on.
pub struct Feed {
    loader: Arc<Loader>,
    ahead: Receiver<(u64, Result<Arc<Batch>, DataError>)>,
    newest: Mutex<Option<(u64, Arc<Batch>)>>,
}

impl Feed {
    /// Starts making batches `first..end`. The thread ends when the feed is dropped.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(loader: Arc<Loader>, first: u64, end: u64) -> Result<Self, DataError> {
        let (sender, ahead) = bounded(AHEAD);
        let source = Arc::clone(&loader);
        std::thread::Builder::new()
            .name("batches".to_owned())
            .spawn(move || {
                for step in first..end {
                    let batch = source.train_batch(step).map(Arc::new);
                    if sender.send((step, batch)).is_err() {
                        return;
                    }
                }
            })
            .map_err(|error| DataError::Invalid(format!("no thread for batches: {error}")))?;
        Ok(Self {
            loader,
            ahead,
            newest: Mutex::new(None),
        })
    }

    #[must_use]
    pub fn loader(&self) -> &Arc<Loader> {
        &self.loader
    }

    /// The batch of `step`. Steps are expected in order; one that is passed already, or that the
    /// thread will never make, is made here instead.
    ///
    /// # Errors
    /// As the loader says.
    pub fn batch(&self, step: u64) -> Result<Arc<Batch>, DataError> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &*newest {
                Some((at, batch)) if *at == step => return Ok(Arc::clone(batch)),
                Some((at, _)) if *at > step => break,
                _ => {}
            }
            match self.ahead.recv() {
                Ok((at, batch)) => *newest = Some((at, batch?)),
                Err(_) => break,
            }
        }
        self.loader.train_batch(step).map(Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataConfig, Dataset, Progress};

    #[test]
    fn validation_batches_come_in_order_and_an_error_ends_them() {
        let config = DataConfig {
            width: 32,
            height: 32,
            ..DataConfig::default()
        };
        let dataset = Arc::new(Dataset::open(&config, &Progress::default()).unwrap());
        let val = dataset.split.val.clone();
        let loader = Loader::new(dataset, &config, 5, 1).unwrap();
        let mut items = Vec::new();
        let fail = |error: DataError| error.to_string();
        each_val_batch(&loader, fail, |_, batch| {
            items.extend(batch.items);
            Ok(())
        })
        .unwrap();
        assert_eq!(items, val);
        let mut count = 0;
        let ended = each_val_batch(&loader, fail, |index, _| {
            count += 1;
            if index == 1 {
                Err("enough".to_owned())
            } else {
                Ok(())
            }
        });
        assert_eq!((ended, count), (Err("enough".to_owned()), 2));
    }
}
