//! A weighted sum of losses.

use burn::prelude::*;

use super::{LossConfig, LossContext, LossError, LossFn, Prediction, Target};
use crate::param::Param;

/// One summand.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    pub weight: f64,
    pub loss: LossConfig,
}

/// The sum itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Sum {
    pub terms: Vec<Term>,
}

impl Default for Sum {
    /// Dice + cross-entropy, weighted alike: what nnU-Net and MONAI start from.
    fn default() -> Self {
        let term = |loss| Term { weight: 1.0, loss };
        Self {
            terms: vec![
                term(LossConfig::Dice(super::overlap::Overlap::default())),
                term(LossConfig::CrossEntropy(
                    super::cross_entropy::CrossEntropy::default(),
                )),
            ],
        }
    }
}

impl Sum {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        let mut params = Vec::new();
        for (index, term) in self.terms.iter_mut().enumerate() {
            let prefix = format!("terms.{index}");
            params.push(
                Param::float(
                    "weight",
                    &mut term.weight,
                    0.0..=1e3,
                    "Weight of this term in the sum.",
                )
                .under(&prefix),
            );
            let prefix = format!("{prefix}.loss");
            params.extend(
                term.loss
                    .params()
                    .into_iter()
                    .map(|param| param.under(&prefix)),
            );
        }
        params
    }

    /// # Errors
    /// When there is no term, or a term can't be built.
    pub fn build(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        if self.terms.is_empty() {
            return Err(LossError::Invalid(
                "`loss.terms` is empty: expected at least one term".to_owned(),
            ));
        }
        let terms = self
            .terms
            .iter()
            .map(|term| Ok((term.weight, term.loss.build(context)?)))
            .collect::<Result<Vec<_>, LossError>>()?;
        Ok(Box::new(Ready { terms }))
    }
}

struct Ready {
    terms: Vec<(f64, Box<dyn LossFn>)>,
}

impl LossFn for Ready {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let mut total: Option<Tensor<1>> = None;
        for (weight, loss) in &self.terms {
            let value = loss.forward(prediction, target) * *weight;
            total = Some(match total {
                Some(sum) => sum + value,
                None => value,
            });
        }
        // `build` refuses an empty sum.
        total.unwrap_or_else(|| prediction.logits.clone().sum() * 0.0)
    }
}
