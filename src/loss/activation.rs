//! Activations between logits and loss: the network's own, and the one a loss applies on top.

use burn::prelude::*;

use super::arithmetic::{log_sigmoid, log_softmax, sigmoid, softmax};

crate::choices! {
    /// Output activation of the network. (The activation between layers is
    /// `model.hidden_activation`; what a loss itself applies is its `input_activation`.)
    pub enum OutputActivation {
        Softmax = "softmax": "Classes exclude each other: per pixel the probabilities sum to 1.",
        Sigmoid = "sigmoid": "Each class on its own: per pixel the probabilities need not sum to 1.",
        None = "none": "Raw logits are given to the loss.",
    }
}

crate::choices! {
    /// What a loss applies to what the network gives it.
    pub enum InputActivation {
        None = "none": "The loss takes the network's output as it is.",
        Sigmoid = "sigmoid": "The loss applies a sigmoid itself: the network should end in raw logits.",
        Softmax = "softmax": "The loss applies a softmax itself: the network should end in raw logits.",
    }
}

impl InputActivation {
    /// The parameter that every loss has.
    pub(crate) fn param(&mut self) -> crate::param::Param<'_> {
        crate::param::Param::choice(
            "input_activation",
            self,
            "Activation that the loss applies to the network's output before anything else.",
        )
    }
}

/// What a loss is given besides the target: the network's raw output and the activation that the
/// network puts on it. Losses ask for probabilities or log-probabilities and get the stable form.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// `[N, C, H, W]`.
    pub logits: Tensor<4>,
    pub activation: OutputActivation,
}

impl Prediction {
    /// What the network puts out, and what the loss is given: the activation applied to the logits.
    #[must_use]
    pub fn output(&self) -> Tensor<4> {
        let logits = self.logits.clone();
        match self.activation {
            OutputActivation::Softmax => softmax(logits),
            OutputActivation::Sigmoid => sigmoid(logits),
            OutputActivation::None => logits,
        }
    }

    /// The output with the loss's own activation on top.
    #[must_use]
    pub fn probs(&self, input: InputActivation) -> Tensor<4> {
        let output = self.output();
        match input {
            InputActivation::Softmax => softmax(output),
            InputActivation::Sigmoid => sigmoid(output),
            InputActivation::None => output,
        }
    }

    /// With `from_logits`, whatever reaches the loss is taken for logits of `wanted`, as Keras's
    /// flag of that name does; otherwise nothing changes.
    pub(crate) fn read_as(
        &self,
        input: InputActivation,
        from_logits: bool,
        wanted: OutputActivation,
    ) -> (Self, InputActivation) {
        if !from_logits {
            return (self.clone(), input);
        }
        let read = Self {
            logits: self.probs(input),
            activation: wanted,
        };
        (read, InputActivation::None)
    }

    /// Logits of the last activation, when that is `wanted` and nothing comes after it: then
    /// logarithms can be taken without ever forming a probability.
    #[must_use]
    pub fn logits_of(&self, input: InputActivation, wanted: OutputActivation) -> Option<Tensor<4>> {
        match (input, wanted) {
            (InputActivation::None, _) if self.activation == wanted => Some(self.logits.clone()),
            (InputActivation::Softmax, OutputActivation::Softmax)
            | (InputActivation::Sigmoid, OutputActivation::Sigmoid) => Some(self.output()),
            _ => None,
        }
    }

    /// Logarithms of [`Prediction::probs`]; stable where the last step is a softmax or sigmoid.
    #[must_use]
    pub fn log_probs(&self, input: InputActivation) -> Tensor<4> {
        if let Some(z) = self.logits_of(input, OutputActivation::Softmax) {
            return log_softmax(z);
        }
        if let Some(z) = self.logits_of(input, OutputActivation::Sigmoid) {
            return log_sigmoid(z);
        }
        self.probs(input).log()
    }
}
