//! The data layer and what it stands on, without the network and the window.

#[path = "../../src/data/mod.rs"]
pub mod data;
#[path = "../../src/files.rs"]
pub mod files;
#[path = "../../src/finding.rs"]
pub mod finding;
#[path = "../../src/param.rs"]
pub mod param;

use std::path::PathBuf;

/// The bytes as a file in memory, where the system has such a place.
///
/// # Panics
/// When no file can be written.
#[must_use]
pub fn file(bytes: &[u8], ending: &str) -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    let folder = if shm.is_dir() { shm } else { std::env::temp_dir() };
    let path = folder.join(format!("dicebench-fuzz-{}.{ending}", std::process::id()));
    std::fs::write(&path, bytes).expect("a writable folder for temporary files");
    path
}
