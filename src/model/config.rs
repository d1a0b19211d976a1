//! What the network looks like.

use serde::{Deserialize, Serialize};

use crate::param::Param;

crate::choices! {
    /// Activation between layers.
    pub enum HiddenActivation {
        Relu = "relu": "max(0, x).",
        LeakyRelu = "leaky_relu": "x where positive, 0.01·x elsewhere.",
        Gelu = "gelu": "x·Φ(x), smooth.",
        Silu = "silu": "x·sigmoid(x), also called swish.",
    }
}

crate::choices! {
    /// Normalisation after each convolution.
    pub enum Normalization {
        Batch = "batch": "Over the batch; differs between training and evaluation.",
        Group = "group": "Over groups of up to 8 channels of each image; independent of the batch.",
        Instance = "instance": "Over each channel of each image.",
        None = "none": "No normalisation; the convolutions have a bias.",
    }
}

crate::choices! {
    /// How the decoder doubles the size.
    pub enum Upsampling {
        Nearest = "nearest": "Nearest neighbour, then a 3×3 convolution that halves the channels.",
        Transposed = "transposed": "Transposed convolution, 2×2 with stride 2.",
    }
}

/// `[model]` of a preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Poolings between the top and the bottom.
    pub depth: u64,
    /// Channels at the top; doubled at each level.
    pub base: u64,
    pub hidden_activation: HiddenActivation,
    pub normalization: Normalization,
    pub upsampling: Upsampling,
    /// Dropout at the bottom of the U.
    pub dropout: f64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            depth: 3,
            base: 12,
            hidden_activation: HiddenActivation::Relu,
            normalization: Normalization::Batch,
            upsampling: Upsampling::Nearest,
            dropout: 0.0,
        }
    }
}

impl ModelConfig {
    pub fn params(&mut self) -> Vec<Param<'_>> {
        vec![
            Param::int(
                "depth",
                &mut self.depth,
                1..=6,
                "Number of poolings; the input's sides must be multiples of 2^depth.",
            ),
            Param::int(
                "base",
                &mut self.base,
                2..=128,
                "Channels of the first level; doubled at each level below.",
            ),
            Param::choice(
                "hidden_activation",
                &mut self.hidden_activation,
                "Activation between layers (not the output activation).",
            ),
            Param::choice(
                "normalization",
                &mut self.normalization,
                "Normalisation after each convolution.",
            ),
            Param::choice(
                "upsampling",
                &mut self.upsampling,
                "How the decoder doubles the size.",
            ),
            Param::float(
                "dropout",
                &mut self.dropout,
                0.0..=0.9,
                "Share of channels dropped at the bottom of the U during training.",
            ),
        ]
    }
}
