//! What a training asks of its device: kernels that are started on it, and numbers that are read
//! back from it, which waits for all that was started.

use std::cell::Cell;
use std::ops::Sub;
use std::sync::Arc;

use burn::cubecl::logging::{LaunchObservation, LaunchObserver};
use serde::Serialize;

thread_local! {
    static LAUNCHES: Cell<u64> = const { Cell::new(0) };
    static READ_BACKS: Cell<u64> = const { Cell::new(0) };
}

/// Counts of one thread since it started, or between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Traffic {
    /// Kernels, on a GPU while a [`Counting`] lives. Those that are timed to find the fastest are
    /// started by another thread and not among them.
    pub launches: u64,
    /// Transactions, each of any number of tensors. Losses have none.
    pub read_backs: u64,
}

impl Traffic {
    /// Of the calling thread.
    #[must_use]
    pub fn so_far() -> Self {
        Self {
            launches: LAUNCHES.get(),
            read_backs: READ_BACKS.get(),
        }
    }
}

impl Sub for Traffic {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            launches: self.launches - earlier.launches,
            read_backs: self.read_backs - earlier.read_backs,
        }
    }
}

impl std::fmt::Display for Traffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = if self.read_backs == 1 { "" } else { "s" };
        let Self {
            launches,
            read_backs,
        } = self;
        write!(f, "{launches} kernels and {read_backs} read-back{plural}")
    }
}

/// Something is read back.
pub(in crate::train) fn read_back() {
    READ_BACKS.set(READ_BACKS.get() + 1);
}

/// While this lives, kernels are counted, each on the thread that asks for it.
#[derive(Debug)]
pub struct Counting {
    _observation: LaunchObservation,
}

impl Counting {
    #[must_use]
    pub fn start() -> Self {
        Self {
            _observation: LaunchObservation::new(Arc::new(Counter)),
        }
    }
}

struct Counter;

impl LaunchObserver for Counter {
    fn launched(&self, _kernel: &'static str) {
        LAUNCHES.set(LAUNCHES.get() + 1);
    }
}
