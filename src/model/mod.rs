//! Image tensor `[N, channels, H, W]` → logits `[N, classes, H, W]`: the U-Net.

pub mod config;

pub use config::ModelConfig;
