//! How far off a case may be, and what 32 bits can hold of it.

use serde::{Deserialize, Serialize};

/// How far off a case may be; the errors are those of [`super::Answer`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Tolerance {
    pub loss: f64,
    pub grad: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self {
            loss: 1e-9,
            grad: 1e-8,
        }
    }
}

/// What our kernels hold in 32 bits: a few units in the last place of the largest numbers.
const SINGLE: Tolerance = Tolerance {
    loss: 1e-6,
    grad: 2e-6,
};

/// What burn's operations on a GPU hold: their softmax takes a sum of nearly 1 from 1, and drivers
/// may approximate exponentials and quotients (Vulkan allows 2.5 units in the last place).
const SINGLE_GPU: Tolerance = Tolerance {
    loss: 1e-5,
    grad: 1e-3,
};

/// Where a case is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    Double,
    /// The kernels of the CPU.
    Single,
    SingleGpu,
}

/// A kind of case that 32 bits can't hold to [`SINGLE`].
struct Exception {
    family: &'static str,
    /// Largest entry of the reference's gradient up to which it is one.
    below: f64,
    grad: f64,
    reason: &'static str,
}

const EXCEPTIONS: [Exception; 1] = [Exception {
    family: "lovasz",
    below: f32::EPSILON as f64,
    grad: 1e-4,
    reason: "all pixels are right and so sure that 1 − p, below the smallest step from 1, is the same \
             for many; this loss weighs pixels by the order of 1 − p",
}];

impl Tolerance {
    /// Whether errors of the loss and of the gradient, whose largest entry is `largest`, pass; and
    /// why they do where the arithmetic can't hold what is asked of it otherwise.
    pub(super) fn judge(
        self,
        arithmetic: Arithmetic,
        family: &str,
        largest: f64,
        [loss, grad]: [f64; 2],
    ) -> (bool, Option<&'static str>) {
        let least = match arithmetic {
            Arithmetic::Double => self,
            Arithmetic::Single => SINGLE,
            Arithmetic::SingleGpu => SINGLE_GPU,
        };
        let asked = Self {
            loss: self.loss.max(least.loss),
            grad: self.grad.max(least.grad),
        };
        if loss <= asked.loss && grad <= asked.grad {
            return (true, None);
        }
        let exception = EXCEPTIONS.iter().find(|exception| {
            let known = exception.family == family && largest <= exception.below;
            arithmetic == Arithmetic::Single && known
        });
        match exception {
            Some(exception) if loss <= asked.loss && grad <= exception.grad => {
                (true, Some(exception.reason))
            }
            _ => (false, None),
        }
    }
}
