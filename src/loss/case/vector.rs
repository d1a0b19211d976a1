//! A case made from one of our own configurations, for comparison with other code.

use burn::prelude::*;
use burn::tensor::DType;
use serde_json::{Map, json};

use super::{Case, Tolerance};
use crate::loss::{LossConfig, OutputActivation};

impl Case {
    /// Inputs drawn from `seed`, and what `loss` on a network ending in `head` makes of them in 64
    /// bits. One image in `shape` (`[N, C, H, W]`) is near its labels, the rest are random.
    ///
    /// # Errors
    /// When the loss can't be built or the device fails.
    pub fn of_config(
        id: &str,
        loss: &LossConfig,
        head: OutputActivation,
        class_weights: &[f64],
        shape: [usize; 4],
        seed: u64,
    ) -> Result<Self, String> {
        let values = super::count(&shape)?;
        let [_, classes, h, w] = shape;
        let mut random = Random(seed);
        let labels: Vec<u32> = (0..values / classes)
            .map(|_| (random.unit() * classes as f64) as u32)
            .collect();
        let plane = h * w;
        let logit = |at: usize| {
            let (image, class, pixel) = (at / plane / classes, at / plane % classes, at % plane);
            let right = labels[image * plane + pixel] as usize == class;
            let offset = if image == 0 && right { 4.0 } else { 0.0 };
            // Three decimals, as text holds them exactly.
            ((random.unit() * 4.0 - 2.0 + offset) * 1e3).round() / 1e3
        };
        let mut params = Map::new();
        params.insert("loss".to_owned(), json!(loss));
        if class_weights.iter().any(|weight| *weight != 1.0) {
            params.insert("class_weights".to_owned(), json!(class_weights));
        }
        let mut case = Self {
            id: id.to_owned(),
            family: "dicebench".to_owned(),
            activation: match head {
                OutputActivation::None => "identity",
                other => other.name(),
            }
            .to_owned(),
            params,
            shape,
            logits: (0..values).map(logit).collect(),
            labels,
            loss: 0.0,
            grad: vec![0.0; values],
            tol: Tolerance::default(),
        };
        let answer = case.evaluate(&Device::flex(), DType::F64)?;
        if !answer.loss.is_finite() || answer.grad.iter().any(|g| !g.is_finite()) {
            return Err(format!(
                "the loss of the case is {}: a case needs finite numbers",
                answer.loss
            ));
        }
        (case.loss, case.grad) = (answer.loss, answer.grad);
        Ok(case)
    }
}

/// Numbers without structure; the same from the same seed on every machine.
struct Random(u64);

impl Random {
    /// From 0 to below 1.
    fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_of_every_kind_is_read_back_and_answered_alike() {
        for kind in crate::loss::config::KINDS {
            let loss = LossConfig::of_kind(kind).unwrap();
            let head = OutputActivation::Softmax;
            let case = Case::of_config(kind, &loss, head, &[1.0, 2.0, 0.5], [2, 3, 4, 4], 1);
            let text = serde_json::to_string(&case.unwrap()).unwrap();
            let read: Case = serde_json::from_str(&text).unwrap();
            let answer = read.evaluate(&Device::flex(), DType::F64).unwrap();
            assert!(answer.ok, "{kind}: {answer:?}");
        }
    }
}
