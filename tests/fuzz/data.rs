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
