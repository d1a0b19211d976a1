//! Image tensor `[N, channels, H, W]` → logits `[N, classes, H, W]`: the U-Net.
//!
//! [`conv`] is the seam: every operation that costs time is one function there, so that faster
//! kernels can be put beneath without touching the network.

pub mod block;
pub mod config;
pub mod conv;
pub mod norm;
pub mod unet;

pub use config::ModelConfig;
pub use dicebench_kernels as kernels;
pub use unet::UNet;
