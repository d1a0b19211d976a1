//! The U-Net (Ronneberger et al. 2015) with padded convolutions, so that output and input are of
//! the same size. Knows nothing of losses, classes' meaning or training.

use burn::module::{Module, ModuleVisitor, Param};
use burn::prelude::*;

use super::block::{Block, Up};
use super::config::ModelConfig;
use super::conv::{Conv, Init, Map, max_pool2x2};

/// `depth` levels down, a bottom, and as many levels up, with a skip connection at each.
#[derive(Module, Debug)]
pub struct UNet {
    /// From the top down.
    pub encoder: Vec<Block>,
    pub bottom: Block,
    /// From the bottom up.
    pub up: Vec<Up>,
    /// From the bottom up; each sees `[skip, up]`.
    pub decoder: Vec<Block>,
    pub head: Conv,
}

impl UNet {
    /// Starting weights depend on `seed` alone: every device starts from the same.
    #[must_use]
    pub fn new(
        config: &ModelConfig,
        in_channels: usize,
        num_classes: usize,
        seed: u64,
        device: &Device,
    ) -> Self {
        let init = &mut Init::new(seed, device);
        let depth = config.depth as usize;
        let width = |level: usize| (config.base as usize) << level;
        let encoder = (0..depth)
            .map(|level| {
                let inputs = if level == 0 {
                    in_channels
                } else {
                    width(level - 1)
                };
                // The backward pass comes to them last: until then their maps can be done without.
                Block::new(config, inputs, width(level), init).computed_again()
            })
            .collect();
        let above = if depth == 0 {
            in_channels
        } else {
            width(depth - 1)
        };
        let bottom = Block::new(config, above, width(depth), init);
        let up = (0..depth)
            .rev()
            .map(|level| Up::new(config.upsampling, width(level + 1), width(level), init))
            .collect();
        let decoder = (0..depth)
            .rev()
            .map(|level| Block::new(config, 2 * width(level), width(level), init))
            .collect();
        Self {
            encoder,
            bottom,
            up,
            decoder,
            head: Conv::new(width(0), num_classes, 1, true, init),
        }
    }

    /// `[N, channels, H, W]` → logits `[N, classes, H, W]`; H and W are multiples of 2^depth.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_dropping(x, None)
    }

    /// As [`UNet::forward`], multiplying the bottom's channels by `keep` `[N, C, 1, 1]` (0 where a
    /// channel is dropped, 1 / (1 − p) elsewhere).
    #[must_use]
    pub fn forward_dropping(&self, x: Tensor<4>, keep: Option<Tensor<4>>) -> Tensor<4> {
        let mut x = Map::from(x);
        let mut skips = Vec::with_capacity(self.encoder.len());
        for block in &self.encoder {
            let level = block.forward(x);
            x = max_pool2x2(level.clone()).into();
            skips.push(level);
        }
        x = self.bottom.forward(x);
        if let Some(keep) = keep {
            x = (x.finish() * keep).into();
        }
        for ((up, block), skip) in self
            .up
            .iter()
            .zip(&self.decoder)
            .zip(skips.into_iter().rev())
        {
            x = block.forward_cat(skip, up.forward(x));
        }
        self.head.forward(x)
    }

    /// Channels at the bottom: the second dimension of a dropout mask.
    #[must_use]
    pub fn bottom_channels(&self) -> usize {
        self.bottom.conv2.weight.shape()[0]
    }

    /// Trainable parameters; the running statistics of batch normalisation are not.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let mut count = Count::default();
        self.visit(&mut count);
        count.elements
    }
}

/// Counts what an optimiser changes. Whether a parameter requires a gradient can't be asked of an
/// evaluation copy, so the running statistics are told apart by their name.
#[derive(Default)]
struct Count {
    path: Vec<String>,
    elements: u64,
    tensors: usize,
}

impl ModuleVisitor for Count {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !self.path.iter().any(|name| name.starts_with("running_")) {
            self.elements += param.shape().num_elements() as u64;
            self.tensors += 1;
        }
    }

    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::{HiddenActivation, Normalization, Upsampling};

    fn yardstick() -> ModelConfig {
        ModelConfig {
            depth: 4,
            base: 16,
            upsampling: Upsampling::Transposed,
            ..ModelConfig::default()
        }
    }

    fn weights(net: &UNet) -> Vec<f32> {
        net.decoder[0]
            .conv1
            .weight
            .val()
            .into_data()
            .try_to_vec()
            .unwrap()
    }

    /// The count that PyTorch prints for the same network.
    #[test]
    fn the_yardstick_has_as_many_parameters_as_in_pytorch() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            let net = UNet::new(&yardstick(), 3, 5, 0, &device);
            assert_eq!(net.parameters(), 1_942_645);
            assert_eq!(net.valid().parameters(), 1_942_645);
        }
    }

    #[test]
    fn the_seed_alone_decides_the_weights() {
        let make = |seed| UNet::new(&yardstick(), 3, 5, seed, &Device::flex());
        assert_eq!(weights(&make(7)), weights(&make(7)));
        assert_ne!(weights(&make(7)), weights(&make(8)));
    }

    #[test]
    fn every_choice_gives_logits_of_the_input_size_and_a_gradient_for_every_parameter() {
        let device = Device::flex().autodiff();
        let x = Tensor::<4>::ones([2, 3, 8, 16], &device);
        for &hidden_activation in HiddenActivation::ALL {
            for &normalization in Normalization::ALL {
                for &upsampling in Upsampling::ALL {
                    let config = ModelConfig {
                        depth: 2,
                        base: 4,
                        hidden_activation,
                        normalization,
                        upsampling,
                        dropout: 0.0,
                    };
                    let net = UNet::new(&config, 3, 5, 1, &device);
                    let logits = net.forward(x.clone());
                    assert_eq!(logits.dims(), [2, 5, 8, 16]);
                    let mut grads = logits.square().mean().backward();
                    let grads = burn::optim::GradientsParams::from_module(&mut grads, &net);
                    let mut count = Count::default();
                    net.visit(&mut count);
                    assert_eq!(grads.len(), count.tensors, "{config:?}");
                }
            }
        }
    }

    #[test]
    fn dropping_every_channel_at_the_bottom_leaves_the_skips() {
        let net = UNet::new(&yardstick(), 3, 5, 1, &Device::flex());
        let channels = net.bottom_channels();
        assert_eq!(channels, 256);
        let x = Tensor::<4>::ones([1, 3, 16, 16], &Device::flex());
        let run = |value: f32| {
            let keep = Tensor::<4>::full([1, channels, 1, 1], value, &Device::flex());
            let logits = net.forward_dropping(x.clone(), Some(keep));
            logits.into_data().try_to_vec::<f32>().unwrap()
        };
        let plain: Vec<f32> = net.forward(x.clone()).into_data().try_to_vec().unwrap();
        assert_eq!(run(1.0), plain);
        assert_ne!(run(0.0), plain);
    }
}
