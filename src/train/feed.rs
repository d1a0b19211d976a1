//! Batches made ahead of the trainer by a thread of their own; lanes that ask for the same step
//! get the same object. Plain data only: the trainer alone makes tensors.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, bounded};

use crate::data::loader::Loader;
use crate::data::{Batch, DataError};

/// Batches waiting beyond the one in use.
const AHEAD: usize = 2;

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
