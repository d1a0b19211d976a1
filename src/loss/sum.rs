//! A weighted sum of losses.

use burn::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::case::{Elsewhere, Given};
use super::schedule::Schedule;
use super::{
    LossConfig, LossContext, LossError, LossFn, LossInfo, OutputActivation, Prediction, Target,
};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "sum",
    family: "Sums",
    title: "Weighted sum",
    purpose: "Several losses at once; Dice + cross-entropy is the usual start.",
    formula: "Σ w · L",
    reference: "nnU-Net (Isensee et al. 2021); monai.DiceCELoss",
    when_to_use: "The usual first choice: cross-entropy gives every pixel a gradient, Dice looks after rare classes.",
    watch_for: "Terms of different size: compare them in the X-ray before weighting.",
};

/// One summand.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The full weight; with a schedule, where it arrives.
    pub weight: f64,
    pub schedule: Schedule,
    /// Weight at the first step; counts only with a schedule.
    pub start: f64,
    /// Share of training after which the full weight is reached, 0..=1.
    pub over: f64,
    pub loss: LossConfig,
}

impl Term {
    /// A term whose weight stays.
    #[must_use]
    pub fn new(weight: f64, loss: LossConfig) -> Self {
        Self {
            weight,
            schedule: Schedule::Constant,
            start: 0.0,
            over: 0.5,
            loss,
        }
    }

    /// The parameters of the term itself, without its loss's.
    pub fn params(&mut self) -> Vec<Param<'_>> {
        own_params(
            &mut self.weight,
            &mut self.schedule,
            &mut self.start,
            &mut self.over,
        )
    }

    /// The weight when the share `progress` of training is done.
    #[must_use]
    pub fn weight_at(&self, progress: f64) -> f64 {
        self.schedule
            .weight(self.start, self.weight, self.over, progress)
    }
}

fn own_params<'a>(
    weight: &'a mut f64,
    schedule: &'a mut Schedule,
    start: &'a mut f64,
    over: &'a mut f64,
) -> Vec<Param<'a>> {
    vec![
        Param::float(
            "weight",
            weight,
            0.0..=1e3,
            "Weight of this term in the sum.",
        ),
        Param::choice(
            "schedule",
            schedule,
            "How the term's weight moves over training: a boundary term is to come in slowly.",
        ),
        Param::float(
            "start",
            start,
            0.0..=1e3,
            "Weight of this term at the first step, where it has a schedule.",
        ),
        Param::float(
            "over",
            over,
            0.0..=1.0,
            "Share of training after which a scheduled weight has arrived (0.5 = half-way).",
        ),
    ]
}

/// The sum itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Sum {
    pub terms: Vec<Term>,
}

impl Default for Sum {
    /// Dice + cross-entropy, weighted alike: what nnU-Net and MONAI start from.
    fn default() -> Self {
        let term = |loss| Term::new(1.0, loss);
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
            let Term {
                weight,
                schedule,
                start,
                over,
                loss,
            } = term;
            let own = own_params(weight, schedule, start, over);
            params.extend(own.into_iter().map(|param| param.under(&prefix)));
            let prefix = format!("{prefix}.loss");
            params.extend(loss.params().into_iter().map(|param| param.under(&prefix)));
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
            .map(|term| {
                let ready = term.loss.build(context)?;
                Ok((term.clone(), ready))
            })
            .collect::<Result<Vec<_>, LossError>>()?;
        Ok(Box::new(Ready {
            terms,
            progress: 1.0,
        }))
    }
}

/// A term as files of cases write it.
#[derive(Deserialize)]
struct CaseTerm {
    weight: f64,
    family: String,
    activation: String,
    params: Map<String, Json>,
}

impl Elsewhere for Sum {
    fn claims(given: &Given) -> bool {
        given.family == "compound"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let terms = given.take::<Vec<CaseTerm>>("terms")?;
        let terms = terms.ok_or("`params.terms` is missing: expected a list of losses")?;
        let term = |term: &CaseTerm| {
            let loss = given.term(&term.family, &term.activation, &term.params)?;
            Ok(Term::new(term.weight, loss))
        };
        let terms = terms.iter().map(term).collect::<Result<_, String>>()?;
        given.head = OutputActivation::None;
        Ok(Self { terms })
    }
}

struct Ready {
    terms: Vec<(Term, Box<dyn LossFn>)>,
    /// Share of training done, 0..=1.
    progress: f64,
}

impl LossFn for Ready {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let mut total: Option<Tensor<1>> = None;
        for (term, loss) in &self.terms {
            let value = loss.forward(prediction, target) * term.weight_at(self.progress);
            total = Some(match total {
                Some(sum) => sum + value,
                None => value,
            });
        }
        // `build` refuses an empty sum.
        total.unwrap_or_else(|| prediction.logits.clone().sum() * 0.0)
    }

    fn at(&mut self, progress: f64) {
        self.progress = progress;
        for (_, loss) in &mut self.terms {
            loss.at(progress);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::OutputActivation;

    /// Undecided pixels and their labels: cross-entropy ln 2, which tells the weights.
    #[test]
    fn a_scheduled_term_comes_in_over_training() {
        let device = Device::flex();
        let mut config = LossConfig::default();
        for (key, value) in [
            ("terms.0.weight", "0"),
            ("terms.1.weight", "2"),
            ("terms.1.schedule", "ramp"),
            ("terms.1.start", "1"),
            ("terms.1.over", "0.5"),
        ] {
            config.set(key, value).unwrap();
        }
        let context = LossContext {
            num_classes: 2,
            class_weights: Vec::new(),
            device: device.clone(),
        };
        let mut loss = config.build(&context).unwrap();
        let target = Target::from_labels(&[0, 1, 1, 0], [1, 2, 2], 2, &device);
        let prediction = Prediction {
            logits: Tensor::zeros([1, 2, 2, 2], &device),
            activation: OutputActivation::Softmax,
        };
        let mut told = |progress: Option<f64>| {
            if let Some(progress) = progress {
                loss.at(progress);
            }
            f64::from(loss.forward(&prediction, &target).into_scalar::<f32>()) / 2f64.ln()
        };
        for (progress, weight) in [
            (None, 2.0),
            (Some(0.0), 1.0),
            (Some(0.25), 1.5),
            (Some(0.5), 2.0),
        ] {
            assert!((told(progress) - weight).abs() < 1e-5, "{progress:?}");
        }
    }
}
