//! The one place where a loss may look at numbers of a tensor: each look waits for the device and
//! copies. Counted, so that a test can hold every loss to what it declares.

use std::cell::Cell;

use burn::prelude::*;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// How often losses of this thread have read a tensor back.
#[must_use]
pub fn count() -> u64 {
    COUNT.get()
}

/// Counts a look for which nothing is copied: on the CPU a kernel sorts or measures the numbers where
/// they are. What a loss declares is the same on every device.
pub(super) fn in_place() {
    COUNT.set(COUNT.get() + 1);
}

/// The numbers of a tensor, in order; `None` when the device failed.
pub(super) fn read(x: Tensor<4>) -> Option<TensorData> {
    COUNT.set(COUNT.get() + 1);
    x.try_into_data().ok()
}
