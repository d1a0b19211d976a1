//! A named experiment on disk: sparse TOML with a story; bundled ones are embedded in the binary.

use super::ExperimentConfig;

/// A configuration with a name and the reason it exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    pub name: String,
    /// One line.
    pub about: String,
    /// Two sentences: where it comes from and what will be seen.
    pub story: String,
    pub config: ExperimentConfig,
    /// Part of the binary; can't be overwritten or deleted.
    pub bundled: bool,
}
