//! Two convolutions, each normalised and activated: what every level of the U-Net is made of.

use burn::module::Module;
use burn::prelude::*;

use super::config::{HiddenActivation, ModelConfig, Normalization, Upsampling};
use super::conv::{Conv, Init, Map, UpConv, upsample_nearest2x};
use super::norm::{Norm, activate};

/// conv 3×3 → normalisation → activation, twice.
#[derive(Module, Debug)]
pub struct Block {
    pub conv1: Conv,
    pub norm1: Option<Norm>,
    pub conv2: Conv,
    pub norm2: Option<Norm>,
    #[module(skip)]
    activation: HiddenActivation,
}

impl Block {
    #[must_use]
    pub fn new(config: &ModelConfig, inputs: usize, outputs: usize, init: &mut Init<'_>) -> Self {
        let bias = config.normalization == Normalization::None;
        Self {
            conv1: Conv::new(inputs, outputs, 3, bias, init),
            norm1: Norm::new(config.normalization, outputs, init),
            conv2: Conv::new(outputs, outputs, 3, bias, init),
            norm2: Norm::new(config.normalization, outputs, init),
            activation: config.hidden_activation,
        }
    }

    /// The same, but large outputs of its convolutions are computed again in the backward pass.
    #[must_use]
    pub fn computed_again(self) -> Self {
        Self {
            conv1: self.conv1.computed_again(),
            conv2: self.conv2.computed_again(),
            ..self
        }
    }

    /// `[N, I, H, W]` → `[N, O, H, W]`.
    #[must_use]
    pub fn forward(&self, x: impl Into<Map>) -> Map {
        self.both((x.into(), None))
    }

    /// As [`Block::forward`] of the channels of `a`, then those of `b`.
    #[must_use]
    pub fn forward_cat(&self, a: Map, b: Tensor<4>) -> Map {
        self.both((a, Some(b.into())))
    }

    fn both(&self, inputs: (Map, Option<Map>)) -> Map {
        let layer = |conv: &Conv, norm: &Option<Norm>, (a, b)| match norm {
            Some(norm) => norm.forward_conv(conv, (a, b), self.activation),
            None => activate(conv.forward_all(a, b), self.activation).into(),
        };
        let between = layer(&self.conv1, &self.norm1, inputs);
        layer(&self.conv2, &self.norm2, (between, None))
    }
}

/// Doubles the size and halves the channels; exactly one of the two is there.
#[derive(Module, Debug)]
pub struct Up {
    pub transposed: Option<UpConv>,
    pub conv: Option<Conv>,
}

impl Up {
    #[must_use]
    pub fn new(kind: Upsampling, inputs: usize, outputs: usize, init: &mut Init<'_>) -> Self {
        match kind {
            Upsampling::Transposed => Self {
                transposed: Some(UpConv::new(inputs, outputs, init)),
                conv: None,
            },
            Upsampling::Nearest => Self {
                transposed: None,
                conv: Some(Conv::new(inputs, outputs, 3, true, init)),
            },
        }
    }

    /// `[N, I, H, W]` → `[N, O, 2H, 2W]`.
    #[must_use]
    pub fn forward(&self, x: Map) -> Tensor<4> {
        match (&self.transposed, &self.conv) {
            (Some(up), _) => up.forward(x),
            (None, Some(conv)) => conv.forward(upsample_nearest2x(x)),
            (None, None) => upsample_nearest2x(x),
        }
    }
}
