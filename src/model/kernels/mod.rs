//! Own kernels of the U-Net's costly operations for the CPU, in plain `f32` and `NCHW`, with their
//! gradients. burn's CPU backend has no convolution gradient of its own and reaches a twentieth of
//! what the processor can do; these reach most of it.
//!
//! From the inside out: [`simd`] one register, [`tile`] the inner loops, [`band`] and [`memory`]
//! how tensors get there, [`conv`], [`winograd`] … the operations on slices, [`reading`] what is done
//! to a map by whoever reads it, and [`extension`], [`gradients`], [`traced`] and [`again`] what burn
//! sees. Nothing here knows of networks, and only those of tensors.
//!
//! [`gpu`] stands beside all that: what burn lacks on a GPU.

mod again;
mod band;
mod conv;
mod cost;
pub mod distance;
pub mod extension;
pub mod fused;
pub mod gpu;
mod gradients;
mod hausdorff;
pub mod losses;
mod lovasz;
mod memory;
mod norm;
mod pool;
mod reading;
mod regions;
mod simd;
mod skeleton;
mod softmax;
mod sums;
#[cfg(test)]
mod tests;
pub mod threads;
mod tile;
mod traced;
mod unary;
mod undecided;
mod upconv;
pub mod update;
mod window;
mod winograd;

/// Instruction set that the kernels run with; chosen at run time. Who is given one by
/// [`Path::available`] or [`Path::best`] has the instructions, and only this crate makes one otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    #[cfg(target_arch = "x86_64")]
    #[non_exhaustive]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    #[non_exhaustive]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    #[non_exhaustive]
    Neon,
    /// Plain Rust.
    Portable,
}

impl Path {
    /// What this processor offers, the fastest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut paths = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                paths.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                paths.push(Self::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            paths.push(Self::Neon);
        }
        paths.push(Self::Portable);
        paths
    }

    /// The fastest that this processor offers.
    #[must_use]
    pub fn best() -> Self {
        static BEST: std::sync::OnceLock<Path> = std::sync::OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// Calls `work`, compiled for this instruction set as far as it can be inlined.
    #[inline(always)]
    fn compiled<R>(self, work: impl FnOnce() -> R) -> R {
        simd::compiled(self, work)
    }
}
