//! Matthews correlation (Abhishek & Hamarneh 2021): all four cells of the confusion table count,
//! true negatives too.

use burn::prelude::*;

use super::activation::InputActivation;
use super::case::{Elsewhere, Given};
use super::overlap::{Group, grouped};
use super::{
    LossContext, LossError, LossFn, LossInfo, Prediction, Target, foreground, needs_foreground,
    product_sums,
};
use crate::param::Param;

pub(super) const INFO: LossInfo = LossInfo {
    kind: "mcc",
    family: "Overlap",
    title: "Matthews correlation",
    purpose: "Correlation of truth and prediction: true negatives count too.",
    formula: "1 − (TP·TN − FP·FN) / √((TP+FP)(TP+FN)(TN+FP)(TN+FN))",
    reference: "Abhishek & Hamarneh 2021; smp.MCCLoss; monai.MCCLoss",
    when_to_use: "Imbalance in either direction.",
    watch_for: "An absent class has correlation 0, so it costs 1, unless there is no error at all.",
};

/// Parameters of the loss `1 − MCC`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mcc {
    pub input_activation: InputActivation,
    pub include_background: bool,
    pub group: Group,
    pub smooth_numerator: f64,
    pub smooth_denominator: f64,
    pub count_offset: f64,
}

impl Default for Mcc {
    fn default() -> Self {
        Self {
            input_activation: InputActivation::None,
            include_background: true,
            group: Group::Class,
            smooth_numerator: 0.0,
            smooth_denominator: 1e-5,
            count_offset: 0.0,
        }
    }
}

impl Mcc {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            self.input_activation.param(),
            Param::flag(
                "include_background",
                &mut self.include_background,
                "Whether class 0 counts.",
            ),
            Param::choice(
                "group",
                &mut self.group,
                "What one correlation is taken over.",
            ),
            Param::log_float(
                "smooth_numerator",
                &mut self.smooth_numerator,
                0.0..=1e6,
                "Added above the line.",
            ),
            Param::log_float(
                "smooth_denominator",
                &mut self.smooth_denominator,
                0.0..=1e6,
                "Added below the line, inside the root.",
            ),
            Param::log_float(
                "count_offset",
                &mut self.count_offset,
                0.0..=1e3,
                "Added to each of the four counts, in pixels (segmentation_models.pytorch: 1e-5).",
            ),
        ]
    }

    /// # Errors
    /// When no class is left.
    pub fn build(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
        needs_foreground(self.include_background, context)?;
        Ok(Box::new(self.clone()))
    }
}

impl Elsewhere for Mcc {
    fn claims(given: &Given) -> bool {
        given.family == "mcc"
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let mut config = Self {
            input_activation: given.input,
            smooth_denominator: 0.0,
            ..Self::default()
        };
        given.set("include_background", &mut config.include_background)?;
        given.set("group", &mut config.group)?;
        given.set("smooth_nr", &mut config.smooth_numerator)?;
        given.set("smooth_dr", &mut config.smooth_denominator)?;
        given.set("count_offset", &mut config.count_offset)?;
        Ok(config)
    }
}

impl LossFn for Mcc {
    fn forward(&self, prediction: &Prediction, target: &Target) -> Tensor<1> {
        let p = foreground(
            prediction.probs(self.input_activation),
            self.include_background,
        );
        let y = foreground(target.one_hot.clone(), self.include_background);
        let (not_p, not_y) = (-p.clone() + 1.0, -y.clone() + 1.0);
        let count = |a: &Tensor<4>, b: &Tensor<4>| {
            let planes = product_sums(a.clone(), [b.clone(), target.weights()]);
            grouped(planes, self.group) + self.count_offset
        };
        let (hit, invented) = (count(&p, &y), count(&p, &not_y));
        let (missed, rejected) = (count(&not_p, &y), count(&not_p, &not_y));
        let above = hit.clone() * rejected.clone() - invented.clone() * missed.clone();
        let product = (hit.clone() + invented.clone())
            * (hit + missed.clone())
            * (rejected.clone() + invented.clone())
            * (rejected + missed.clone());
        let below = (product + self.smooth_denominator).clamp_min(1e-30).sqrt();
        let loss = -(above + self.smooth_numerator) / below + 1.0;
        // Without any error the correlation is 1 even where a class is absent and the ratio is 0 / 0.
        let perfect = (invented + missed).equal_elem(0.0);
        loss.mask_fill(perfect, 0.0).mean()
    }
}
