//! Weights and everything needed to go on, on disk. A file is written beside and renamed, so that
//! a crash leaves the old or the new one, never half of either.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use burn::store::{ModuleSnapshot, SafetensorsStore};
use serde::{Deserialize, Serialize};

use super::learner::Learner;
use crate::model::UNet;

/// Where a run was when its state was saved.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Updates made.
    pub step: u64,
    /// Seconds of training so far.
    pub secs: f64,
    /// Best mean Dice so far.
    pub best: Option<f64>,
}

/// Weights (and running statistics) as safetensors, with `metadata` in the header.
///
/// # Errors
/// Naming the file, when it can't be written.
pub fn save_model(model: &UNet, path: &Path, metadata: &[(&str, String)]) -> Result<(), String> {
    let part = beside(path);
    let mut store = SafetensorsStore::from_file(&part).overwrite(true);
    for (key, value) in metadata {
        store = store.metadata(*key, value);
    }
    // A plain copy: what is saved has nothing to do with gradients.
    model
        .valid()
        .save_into(&mut store)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    rename(&part, path)
}

/// Replaces the weights of `model` by those in the file.
///
/// # Errors
/// Naming the file, when it can't be read or is of another network.
pub fn load_model(model: &mut UNet, path: &Path) -> Result<(), String> {
    let mut store = SafetensorsStore::from_file(path);
    let report = model
        .load_from(&mut store)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    if report.errors.is_empty() && report.missing.is_empty() && report.unused.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{}: not the weights of this network: {report}",
            path.display()
        ))
    }
}

/// The step that [`save_model`] wrote into the header of a file; `None` where it says none.
#[must_use]
pub fn step_of(path: &Path) -> Option<u64> {
    /// No header of ours is longer.
    const MOST: u64 = 1 << 24;
    let mut file = fs::File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = Some(u64::from_le_bytes(length)).filter(|length| *length <= MOST)?;
    let mut header = vec![0; usize::try_from(length).ok()?];
    file.read_exact(&mut header).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    header["__metadata__"]["step"].as_str()?.parse().ok()
}

/// Writes model, optimiser and progress into the folder `dir`, replacing what was there.
///
/// # Errors
/// Naming the file that can't be written.
pub fn save_state(learner: &Learner, progress: Progress, dir: &Path) -> Result<(), String> {
    let part = beside(dir);
    let io = |error: std::io::Error| format!("{}: {error}", part.display());
    if part.exists() {
        fs::remove_dir_all(&part).map_err(io)?;
    }
    fs::create_dir_all(&part).map_err(io)?;
    save_model(learner.model(), &part.join("model.safetensors"), &[])?;
    learner
        .optimizer
        .save(&part.join("optimizer.safetensors"))?;
    let json = serde_json::to_vec(&progress).map_err(|error| error.to_string())?;
    fs::write(part.join("progress.json"), json).map_err(io)?;
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    }
    rename(&part, dir)
}

/// Puts a learner back to where [`save_state`] left it.
///
/// # Errors
/// Naming the file that can't be read or does not fit.
pub fn load_state(learner: &mut Learner, device: &Device, dir: &Path) -> Result<Progress, String> {
    let path = dir.join("progress.json");
    let json = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let progress: Progress =
        serde_json::from_slice(&json).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut model = learner.model().clone();
    load_model(&mut model, &dir.join("model.safetensors"))?;
    let path = dir.join("optimizer.safetensors");
    let plain = device.clone().without_autodiff();
    learner
        .optimizer
        .load(&path, progress.step, &model, &plain)?;
    learner.set_model(model);
    Ok(progress)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    path.with_file_name(name)
}

fn rename(from: &Path, to: &Path) -> Result<(), String> {
    fs::rename(from, to).map_err(|error| format!("{}: {error}", to.display()))
}
