//! Weights and everything needed to go on, on disk. A file is written beside and renamed, so that
//! a crash leaves the old or the new one, never half of either.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use burn::store::{ModuleSnapshot, SafetensorsStore};
use serde::{Deserialize, Serialize};

use super::learner::Learner;
use crate::doctor::rules::Probe;
use crate::model::UNet;

const PROGRESS: &str = "progress.json";

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
    let part = beside(path, "part");
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

/// `progress.json`.
#[derive(Serialize, Deserialize)]
struct Saved {
    #[serde(flatten)]
    progress: Progress,
    #[serde(default)]
    probes: Vec<Probe>,
}

/// Writes model, optimiser and progress into the folder `dir`, replacing what was there; copies of the
/// files `also` lie beside them.
///
/// # Errors
/// Naming the file that can't be written.
pub fn save_state(
    learner: &Learner,
    progress: Progress,
    probes: &[Probe],
    also: &[PathBuf],
    dir: &Path,
) -> Result<(), String> {
    let part = beside(dir, "part");
    let io = |error: std::io::Error| format!("{}: {error}", part.display());
    if part.exists() {
        fs::remove_dir_all(&part).map_err(io)?;
    }
    fs::create_dir_all(&part).map_err(io)?;
    save_model(learner.model(), &part.join("model.safetensors"), &[])?;
    learner
        .optimizer
        .save(&part.join("optimizer.safetensors"))?;
    for file in also {
        let name = file.file_name().unwrap_or_default();
        fs::copy(file, part.join(name)).map_err(io)?;
    }
    let saved = Saved {
        progress,
        probes: probes.to_vec(),
    };
    let json = serde_json::to_vec(&saved).map_err(|error| error.to_string())?;
    // Last: with it, all of it is there.
    fs::write(part.join(PROGRESS), json).map_err(io)?;
    let old = beside(dir, "old");
    if old.exists() {
        fs::remove_dir_all(&old).map_err(|error| format!("{}: {error}", old.display()))?;
    }
    if dir.exists() {
        rename(dir, &old)?;
    }
    rename(&part, dir)?;
    if old.exists() {
        fs::remove_dir_all(&old).map_err(|error| format!("{}: {error}", old.display()))?;
    }
    Ok(())
}

/// Finishes what a crash between the two renames of [`save_state`] has left.
fn mend(dir: &Path) -> Result<(), String> {
    let whole = |path: &PathBuf| path.join(PROGRESS).is_file();
    let left = [beside(dir, "part"), beside(dir, "old")];
    match left.iter().find(|path| whole(path)) {
        Some(path) if !dir.exists() => rename(path, dir),
        _ => Ok(()),
    }
}

/// Puts a learner back to where [`save_state`] left it; progress and probes of that time.
///
/// # Errors
/// Naming the file that can't be read or does not fit.
pub fn load_state(
    learner: &mut Learner,
    device: &Device,
    dir: &Path,
) -> Result<(Progress, Vec<Probe>), String> {
    mend(dir)?;
    let path = dir.join(PROGRESS);
    let json = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let Saved { progress, probes } =
        serde_json::from_slice(&json).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut model = learner.model().clone();
    load_model(&mut model, &dir.join("model.safetensors"))?;
    let path = dir.join("optimizer.safetensors");
    let plain = device.clone().without_autodiff();
    learner
        .optimizer
        .load(&path, progress.step, &model, &plain)?;
    learner.set_model(model);
    Ok((progress, probes))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(end);
    path.with_file_name(name)
}

fn rename(from: &Path, to: &Path) -> Result<(), String> {
    fs::rename(from, to).map_err(|error| format!("{}: {error}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whichever of the renames a crash fell between: a whole state is found, the newer one first.
    #[test]
    fn a_crash_between_two_renames_costs_no_state() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("last.state");
        let write = |end: Option<&str>, text: &str| {
            let path = end.map_or(dir.clone(), |end| beside(&dir, end));
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join(PROGRESS), text).unwrap();
        };
        let read = || fs::read_to_string(dir.join(PROGRESS)).unwrap();
        write(Some("old"), "old");
        write(Some("part"), "new");
        mend(&dir).unwrap();
        assert_eq!(read(), "new");
        // What is there already is the last that was whole.
        write(Some("part"), "half");
        mend(&dir).unwrap();
        assert_eq!(read(), "new");
        fs::remove_dir_all(&dir).unwrap();
        fs::remove_file(beside(&dir, "part").join(PROGRESS)).unwrap();
        mend(&dir).unwrap();
        assert_eq!(read(), "old");
    }
}
