//! Cases that are not losses: class weights and activations.

use burn::prelude::*;
use burn::tensor::DType;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::read;
use crate::loss::weights::{ClassWeightsConfig, WeightScheme};
use crate::loss::{InputActivation, OutputActivation, Prediction};

/// Numbers that were computed, and whether they are those of the case.
#[derive(Debug, Clone)]
pub struct Checked {
    pub value: Json,
    pub ok: bool,
    /// Largest |own − reference| / max(1, |reference|).
    pub error: f64,
}

/// A case of family `class_weight`.
#[derive(Debug, Clone, Deserialize)]
pub struct WeightCase {
    scheme: String,
    #[serde(default)]
    params: Map<String, Json>,
    counts: Vec<u64>,
    per_image_presence_counts: Vec<u64>,
    weights: Vec<f64>,
}

impl WeightCase {
    /// # Errors
    /// When the scheme is not known or there is not one number per class.
    pub fn evaluate(&self) -> Result<Checked, String> {
        let scheme = match self.scheme.as_str() {
            "balanced" => WeightScheme::Inverse,
            "inverse_sqrt" => WeightScheme::InverseSqrt,
            "median_frequency" => WeightScheme::MedianFrequency,
            "effective_number" => WeightScheme::EffectiveNumber,
            "enet_log" => WeightScheme::LogFrequency,
            other => return Err(format!("`scheme` = `{other}` is not known")),
        };
        let classes = self.counts.len();
        for (name, found) in [
            (
                "per_image_presence_counts",
                self.per_image_presence_counts.len(),
            ),
            ("weights", self.weights.len()),
        ] {
            if found != classes {
                return Err(format!("`{name}` has {found} numbers, expected {classes}"));
            }
        }
        let mut config = ClassWeightsConfig {
            scheme,
            normalize: self.params.contains_key("normalise"),
            ..ClassWeightsConfig::default()
        };
        if let Some(beta) = self.params.get("beta") {
            config.beta = beta
                .as_f64()
                .ok_or_else(|| format!("`params.beta` = {beta}: expected a number"))?;
        }
        let found = config
            .weights(&self.counts, &self.per_image_presence_counts)
            .map_err(|error| error.to_string())?;
        let error = largest_error(
            &found,
            &self.weights.iter().copied().map(Some).collect::<Vec<_>>(),
        );
        Ok(Checked {
            value: found.into(),
            ok: error <= 1e-9,
            error,
        })
    }
}

/// A case of family `activation`; `None` marks numbers that are not finite in the reference.
#[derive(Debug, Clone, Deserialize)]
pub struct ActivationCase {
    activation: String,
    shape: [usize; 4],
    logits: Vec<f64>,
    output: Vec<Option<f64>>,
    upstream: Vec<f64>,
    grad: Vec<Option<f64>>,
}

impl ActivationCase {
    /// # Errors
    /// When the activation is not known, lengths don't fit, or the device fails.
    pub fn evaluate(&self, device: &Device, dtype: DType) -> Result<Checked, String> {
        let values = super::count(&self.shape)?;
        for (name, found) in [
            ("logits", self.logits.len()),
            ("output", self.output.len()),
            ("upstream", self.upstream.len()),
            ("grad", self.grad.len()),
        ] {
            if found != values {
                return Err(format!("`{name}` has {found} numbers, expected {values}"));
            }
        }
        let device = device.clone().autodiff();
        let tensor = |numbers: &[f64]| -> Tensor<4> {
            let data = TensorData::new(numbers.to_vec(), self.shape);
            Tensor::from_data(data, (&device, dtype))
        };
        let logits = tensor(&self.logits).require_grad();
        let (activation, input, log) = match self.activation.as_str() {
            "softmax" => (OutputActivation::Softmax, InputActivation::None, false),
            "log_softmax" => (OutputActivation::Softmax, InputActivation::None, true),
            "sigmoid" => (OutputActivation::Sigmoid, InputActivation::None, false),
            "logsigmoid" => (OutputActivation::Sigmoid, InputActivation::None, true),
            "sigmoid_of_sigmoid" => (OutputActivation::Sigmoid, InputActivation::Sigmoid, false),
            "softmax_of_softmax" => (OutputActivation::Softmax, InputActivation::Softmax, false),
            other => return Err(format!("`activation` = `{other}` is not known")),
        };
        let prediction = Prediction {
            logits: logits.clone(),
            activation,
        };
        let output = if log {
            prediction.log_probs(input)
        } else {
            prediction.probs(input)
        };
        let grads = (output.clone() * tensor(&self.upstream)).sum().backward();
        let grad = logits.grad(&grads).ok_or("the output has no gradient")?;
        let grad = read(grad.reshape([values]))?;
        let output = read(output.inner().reshape([values]))?;
        let error = largest_error(&output, &self.output).max(largest_error(&grad, &self.grad));
        let tolerance = if dtype == DType::F64 { 1e-9 } else { 1e-5 };
        Ok(Checked {
            value: output.into(),
            ok: error <= tolerance,
            error,
        })
    }
}

/// Infinite when one of ours is not a number.
fn largest_error(found: &[f64], expected: &[Option<f64>]) -> f64 {
    let pairs = found.iter().zip(expected);
    pairs
        .filter_map(|(a, b)| Some((a, (*b)?)))
        .map(|(a, b)| (a - b).abs() / b.abs().max(1.0))
        .fold(
            0.0,
            |m: f64, e| if e.is_nan() { f64::INFINITY } else { m.max(e) },
        )
}
