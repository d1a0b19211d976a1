//! The data layer and what it stands on, without the network and the window.

#[path = "../../src/data/mod.rs"]
pub mod data;
pub mod entry;
#[path = "../../src/files.rs"]
pub mod files;
#[path = "../../src/finding.rs"]
pub mod finding;
#[path = "../../src/param.rs"]
pub mod param;

// The data layer takes distances from the kernels' package, which as a whole would bring the network along.
extern crate self as dicebench_kernels;
#[path = "../../src/model/kernels/distance.rs"]
pub mod distance;

/// In place of the kernels' choice of an instruction set: plain Rust.
#[derive(Clone, Copy)]
struct Path;

impl Path {
    fn best() -> Self {
        Self
    }

    fn compiled<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }
}
