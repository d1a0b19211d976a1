//! Golden cases: a configuration in library-neutral terms with inputs, the loss and its gradient as
//! computed by a reference library. This is how a loss is proven to be the one it claims to be.

mod file;
mod given;
pub mod other;
mod tolerance;
mod vector;

pub use file::CaseFile;
pub use given::{Code, Elsewhere, Given};
pub use tolerance::Tolerance;

use burn::prelude::*;
use burn::tensor::DType;
use dicebench_kernels::extension::fits;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use tolerance::Arithmetic;

use super::{LossConfig, LossContext, OutputActivation, Prediction, Target};

/// One case of a loss.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    pub id: String,
    pub family: String,
    pub activation: String,
    #[serde(default)]
    pub params: Map<String, Json>,
    /// `[N, C, H, W]`.
    pub shape: [usize; 4],
    pub logits: Vec<f64>,
    /// `[N, H, W]`.
    pub labels: Vec<u32>,
    pub loss: f64,
    pub grad: Vec<f64>,
    #[serde(default)]
    pub tol: Tolerance,
}

/// What our engine says about a case.
#[derive(Debug, Clone)]
pub struct Answer {
    pub loss: f64,
    /// `[N, C, H, W]`.
    pub grad: Vec<f64>,
    pub ok: bool,
    /// Why less is asked of it than of others, where it needs that: what 32 bits can't hold.
    pub exception: Option<&'static str>,
    /// |loss − reference| / max(1, |reference|).
    pub loss_error: f64,
    /// max |grad − reference| / max(max |reference|, 1e-4).
    pub grad_error: f64,
}

impl Case {
    /// Evaluates the case in the given float type. What is asked in 32 bits, and of which cases it
    /// can't be asked, stands in `tolerance.rs`.
    ///
    /// # Errors
    /// What in the case can't be understood, or does not fit together.
    pub fn evaluate(&self, device: &Device, dtype: DType) -> Result<Answer, String> {
        let mut given = self.given()?;
        let loss = given.loss()?;
        self.run(loss, given, device, dtype)
    }

    /// Evaluates `loss`, on a network that ends in `head`, on the inputs of the case: is it what the
    /// case's reference computes?
    ///
    /// # Errors
    /// As [`Case::evaluate`].
    pub fn evaluate_as(
        &self,
        loss: LossConfig,
        head: OutputActivation,
        device: &Device,
        dtype: DType,
    ) -> Result<Answer, String> {
        let mut given = self.given()?;
        // Weights of classes and pixels stay the case's, those in terms of a sum too.
        given.loss()?;
        given.head = head;
        self.run(loss, given, device, dtype)
    }

    fn given(&self) -> Result<Given<'_>, String> {
        Given::new(&self.family, &self.activation, &self.params)
    }

    fn run(
        &self,
        loss: LossConfig,
        given: Given,
        device: &Device,
        dtype: DType,
    ) -> Result<Answer, String> {
        let [n, c, h, w] = self.shape;
        let values = count(&self.shape)?;
        let pixels = n * h * w;
        for (name, found, expected) in [
            ("logits", self.logits.len(), values),
            ("labels", self.labels.len(), pixels),
            ("grad", self.grad.len(), values),
        ] {
            if found != expected {
                let shape = self.shape;
                return Err(format!(
                    "`{name}` has {found} numbers, expected {expected} for shape {shape:?}"
                ));
            }
        }
        if let Some(bad) = self.logits.iter().find(|v| !v.is_finite()) {
            return Err(format!("`logits` holds {bad}: expected finite numbers"));
        }
        let ignored = u32::from(u8::MAX);
        let unknown = |l: &&u32| **l as usize >= c && **l != ignored;
        if let Some(label) = self.labels.iter().find(unknown) {
            return Err(format!(
                "`labels` holds {label}: expected 0 to {} or {ignored} (ignored)",
                c - 1
            ));
        }
        let device = device.clone().autodiff();
        let context = LossContext {
            num_classes: c,
            class_weights: given.class_weights,
            device: device.clone(),
        };
        let loss = loss.build(&context).map_err(|e| e.to_string())?;
        let data = TensorData::new(self.logits.clone(), self.shape);
        let logits: Tensor<4> = Tensor::from_data(data, (&device, dtype));
        let logits = logits.require_grad();
        let labels: Vec<u8> = self
            .labels
            .iter()
            .map(|&l| u8::try_from(l).unwrap_or(255))
            .collect();
        let mut target = Target::with_dtype(&labels, [n, h, w], c, &device, dtype);
        if let Some(map) = given.pixel_weights {
            if map.len() != pixels {
                return Err(format!(
                    "`weight_map` has {} numbers, expected {pixels}",
                    map.len()
                ));
            }
            let data = TensorData::new(map, [n, 1, h, w]);
            target.pixel_weights = Some(Tensor::from_data(data, (&device, dtype)));
        }
        let prediction = Prediction {
            logits: logits.clone(),
            activation: given.head,
        };
        let value = loss.forward(&prediction, &target);
        let grads = value.backward();
        let grad = logits.grad(&grads).map_or_else(
            || Ok(vec![0.0; values]),
            |grad| read(grad.reshape([values])),
        )?;
        let value = read(value.inner())?.first().copied().unwrap_or(f64::NAN);
        let largest = self.grad.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        let worst = grad
            .iter()
            .zip(&self.grad)
            .map(|(a, b)| (a - b).abs())
            // `max` would pass over NaN.
            .fold(0.0f64, |m, e| if e.is_nan() || e > m { e } else { m });
        let arithmetic = match dtype {
            DType::F64 => Arithmetic::Double,
            _ if fits(&logits) => Arithmetic::Single,
            _ => Arithmetic::SingleGpu,
        };
        let loss_error = (value - self.loss).abs() / self.loss.abs().max(1.0);
        let grad_error = worst / largest.max(1e-4);
        let errors = [loss_error, grad_error];
        let (ok, exception) = self.tol.judge(arithmetic, &self.family, largest, errors);
        Ok(Answer {
            loss: value,
            grad,
            ok,
            exception,
            loss_error,
            grad_error,
        })
    }
}

fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>, String> {
    let data = tensor.try_into_data().map_err(|e| e.to_string())?;
    Ok(data.iter::<f64>().collect())
}

/// How many numbers a shape holds.
fn count(shape: &[usize; 4]) -> Result<usize, String> {
    let product = shape
        .iter()
        .try_fold(1usize, |m, side| m.checked_mul(*side));
    match product {
        Some(0) => Err(format!(
            "`shape` = {shape:?}: expected four numbers above 0"
        )),
        Some(count) => Ok(count),
        None => Err(format!("`shape` = {shape:?} is too large")),
    }
}
