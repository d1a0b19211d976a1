//! Numbers of a tensor that is on the CPU, for what burn computes there and no kernel does: double
//! precision, and targets that a mistake on purpose has changed. A GPU is never asked for its numbers
//! within a loss: what needs them there is a kernel of the device.

use burn::prelude::*;
use dicebench_kernels::gpu;

/// The numbers of `x`, in order.
pub(super) fn numbers(x: Tensor<4>) -> TensorData {
    debug_assert!(!gpu::holds(&x), "a loss waits for its device");
    x.into_data()
}
