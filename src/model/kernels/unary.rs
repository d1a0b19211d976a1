//! Functions of one number that losses are made of, over whole tensors at once.
#![expect(unsafe_code, reason = "tasks write to separate places of one output")]

use rayon::prelude::*;

use super::Path;
use super::memory::Output;
use super::softmax::exp;

/// Numbers to a task.
const CHUNK: usize = 1 << 13;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unary {
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|).
    Softplus,
    /// −log max(x, 10⁻³⁰); its slope is 0 below.
    MinusLog,
}

/// The least that [`Unary::MinusLog`] takes the logarithm of.
const FLOOR: f32 = 1e-30;

/// 1 / (1 + e⁻ˣ) without overflow on either side.
#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    let share = exp(-x.abs());
    let above = if x < 0.0 { share } else { 1.0 };
    above / (1.0 + share)
}

/// Natural logarithm of a positive normal number, within two units in the last place; NaN for NaN.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    // x = m · 2ⁿ with m between √½ and √2 (Cephes' `logf`, Moshier 1989).
    let bits = x.to_bits();
    let shifted = bits.wrapping_sub(std::f32::consts::FRAC_1_SQRT_2.to_bits());
    let n = (shifted as i32 >> 23) as f32;
    let mantissa = bits.wrapping_sub(shifted & 0xFF80_0000);
    let r = f32::from_bits(mantissa) - 1.0;
    let square = r * r;
    let mut p = 7.037_683_6e-2;
    p = p * r - 0.115_146_1;
    p = p * r + 0.116_769_99;
    p = p * r - 0.124_201_41;
    p = p * r + 0.142_493_23;
    p = p * r - 0.166_680_58;
    p = p * r + 0.200_007_14;
    p = p * r - 0.249_999_94;
    p = p * r + 0.333_333_3;
    let p = p * r * square + n * -2.121_944_4e-4 - 0.5 * square;
    let y = r + p + n * 0.693_359_4;
    if x.is_nan() { x } else { y }
}

impl Unary {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        match self {
            Self::Sigmoid => sigmoid(x),
            Self::Softplus => {
                let above = if x < 0.0 { 0.0 } else { x };
                above + ln(1.0 + exp(-x.abs()))
            }
            Self::MinusLog => -ln(if x < FLOOR { FLOOR } else { x }),
        }
    }

    #[inline(always)]
    fn slope(self, x: f32) -> f32 {
        match self {
            Self::Sigmoid => {
                // Not y(1 − y), whose second factor has lost its digits where y is close to 1.
                let share = exp(-x.abs());
                share / ((1.0 + share) * (1.0 + share))
            }
            Self::Softplus => sigmoid(x),
            Self::MinusLog => {
                if x < FLOOR {
                    0.0
                } else {
                    -1.0 / x
                }
            }
        }
    }
}

/// The function of every number.
pub fn forward(path: Path, of: Unary, x: &[f32]) -> Vec<f32> {
    written(x.len(), |start, y| {
        let x = &x[start..start + y.len()];
        path.compiled(
            #[inline(always)]
            || {
                // One loop each: the compiler makes vectors of what has no choice inside.
                match of {
                    Unary::Sigmoid => fill(y, x, |x| Unary::Sigmoid.value(x)),
                    Unary::Softplus => fill(y, x, |x| Unary::Softplus.value(x)),
                    Unary::MinusLog => fill(y, x, |x| Unary::MinusLog.value(x)),
                }
            },
        );
    })
}

#[inline(always)]
fn fill(y: &mut [f32], x: &[f32], of: impl Fn(f32) -> f32) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = of(x);
    }
}

/// Gradient of the input.
pub fn backward(path: Path, of: Unary, x: &[f32], grad: &[f32]) -> Vec<f32> {
    written(x.len(), |start, out| {
        let range = start..start + out.len();
        let (x, grad) = (&x[range.clone()], &grad[range]);
        path.compiled(
            #[inline(always)]
            || match of {
                Unary::Sigmoid => scale(out, x, grad, |x| Unary::Sigmoid.slope(x)),
                Unary::Softplus => scale(out, x, grad, |x| Unary::Softplus.slope(x)),
                Unary::MinusLog => scale(out, x, grad, |x| Unary::MinusLog.slope(x)),
            },
        );
    })
}

#[inline(always)]
fn scale(out: &mut [f32], x: &[f32], grad: &[f32], slope: impl Fn(f32) -> f32) {
    for ((out, &x), &grad) in out.iter_mut().zip(x).zip(grad) {
        *out = grad * slope(x);
    }
}

/// `len` numbers that `work` writes, a chunk at a time, told where it starts.
fn written(len: usize, work: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut output = Output::new(len);
    let out = output.pointer();
    (0..len.div_ceil(CHUNK)).into_par_iter().for_each(|chunk| {
        let start = chunk * CHUNK;
        // SAFETY: within the output; these numbers belong to this task.
        work(start, unsafe { out.slice(start, CHUNK.min(len - start)) });
    });
    // SAFETY: every chunk has been written.
    unsafe { output.finish() }
}
