//! Everything that can be taken home of runs, into one folder.

use std::path::{Path, PathBuf};

use super::bundle::Bundle;
use super::report::{self, Subject};
use super::{Framework, Request, code, table, tensorboard};
use crate::files;
use crate::run::Run;

crate::choices! {
    /// What to take home.
    pub enum What {
        Csv = "csv": "Tables of steps, validations and images, and the settings as JSON.",
        Tensorboard = "tensorboard": "An event file that TensorBoard reads.",
        Bundle = "bundle": "One file that `dicebench replay` trains again and compares.",
        Weights = "weights": "Best and last weights as safetensors.",
        Code = "code": "The loss as Python for Keras, PyTorch and MONAI.",
        Model = "model": "The network as a PyTorch module that loads the weights.",
    }
}

/// The network in PyTorch: the same for every run, because the weights say what they belong to.
pub const NETWORK: &str = include_str!("network.py");

/// Writes `what` of each run into a folder of its own inside `to`; returns the files.
///
/// # Errors
/// Naming the file that can't be read or written.
pub fn write(subject: &Subject, to: &Path, what: &[What]) -> Result<Vec<PathBuf>, String> {
    let Subject { folder, run } = subject;
    let to = to.join(&run.id);
    let mut written = Vec::new();
    for what in what {
        match what {
            What::Csv => written.extend(table::write(run, &to)?),
            What::Tensorboard => written.push(tensorboard::write(run, &to)?),
            What::Bundle => {
                let path = to.join(format!("{}.dicebench", files::slug(&run.name)));
                Bundle::pack(run, folder)?.write(&path)?;
                written.push(path);
            }
            What::Weights => written.extend(weights(folder, &to)?),
            What::Code => written.extend(losses(run, &to)?),
            What::Model => {
                let path = to.join("model.py");
                files::write_atomically(&path, NETWORK.as_bytes())
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                written.push(path);
            }
        }
    }
    Ok(written)
}

/// What is taken home of which runs.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub subjects: Vec<Subject>,
    pub what: Vec<What>,
    /// Title of a report that compares them; none is written without.
    pub report: Option<String>,
}

impl Parcel {
    /// Writes it into `to`; returns the report's path, or the folder without one.
    ///
    /// # Errors
    /// Naming the file that can't be read or written.
    pub fn write(&self, to: &Path) -> Result<PathBuf, String> {
        for subject in &self.subjects {
            write(subject, to, &self.what)?;
        }
        let Some(title) = &self.report else {
            return Ok(to.to_path_buf());
        };
        let path = to.join("report.html");
        let html = report::html(title, &self.subjects)?;
        files::write_atomically(&path, html.as_bytes())
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }
}

/// A run that was interrupted early has no weights yet: that is no error.
fn weights(from: &Path, to: &Path) -> Result<Vec<PathBuf>, String> {
    let mut written = Vec::new();
    for name in ["best.safetensors", "last.safetensors"] {
        let (from, to) = (from.join(name), to.join(name));
        if from.is_file() {
            let bytes = std::fs::read(&from).map_err(|e| format!("{}: {e}", from.display()))?;
            files::write_atomically(&to, &bytes).map_err(|e| format!("{}: {e}", to.display()))?;
            written.push(to);
        }
    }
    Ok(written)
}

fn losses(run: &Run, to: &Path) -> Result<Vec<PathBuf>, String> {
    let mut written = Vec::new();
    for framework in Framework::ALL {
        let text = code(&Request {
            title: &run.name,
            config: &run.config,
            class_weights: &run.class_weights,
            to: *framework,
        });
        let path = to.join(format!("loss_{}.py", framework.name()));
        files::write_atomically(&path, text.as_bytes())
            .map_err(|error| format!("{}: {error}", path.display()))?;
        written.push(path);
    }
    Ok(written)
}
