//! Taking results home: the loss of an experiment as code for other frameworks.
//!
//! What is written equals what trains here, in value and gradient, settings and all: a test runs
//! the code beside our engine where Python and the framework are installed. Knows no tensors.

pub mod bundle;
pub mod chart;
mod dialect;
mod monai;
mod overlap;
pub mod parcel;
mod pixel;
pub mod report;
mod shape;
mod statistic;
pub mod table;
pub mod tensorboard;
mod writer;

use crate::experiment::ExperimentConfig;
use crate::loss::weights::WeightScheme;
use dialect::Dialect;
use writer::Writer;

crate::choices! {
    /// Whose code is written.
    pub enum Framework {
        Keras = "keras": "Keras 3 on any of its backends; channels last.",
        Pytorch = "pytorch": "PyTorch alone.",
        Monai = "monai": "MONAI's own losses where one is exactly this, PyTorch where none is.",
    }
}

/// What is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Name of the run or preset.
    pub title: &'a str,
    pub config: &'a ExperimentConfig,
    /// Class weights as a run recorded them; empty where they are not known.
    pub class_weights: &'a [f64],
    pub to: Framework,
}

/// A Python module with one function, `loss`, that is the experiment's loss on raw logits.
#[must_use]
pub fn code(request: &Request<'_>) -> String {
    let config = request.config;
    let mut notes = Vec::new();
    let weights = class_weights(request, &mut notes);
    let dialect = match request.to {
        Framework::Keras => Dialect::Keras,
        Framework::Pytorch | Framework::Monai => Dialect::Torch,
    };
    let monai = request.to == Framework::Monai;
    let mut writer = Writer::new(dialect, monai, config.activation, weights, notes);
    writer.define("term", &config.loss);
    writer.module(&heading(request))
}

/// The weights by which the loss multiplies; empty where they change nothing.
fn class_weights(request: &Request<'_>, notes: &mut Vec<String>) -> Vec<f64> {
    let wish = &request.config.class_weights;
    let weights = match (request.class_weights, wish.scheme) {
        ([], WeightScheme::Uniform) => return Vec::new(),
        ([], WeightScheme::Manual) => wish.manual.clone(),
        ([], scheme) => {
            notes.push(format!(
                "`class_weights.scheme` = {scheme} is computed from the training masks, which are not \
                 known here: every class weighs 1 below. Export a run, which has recorded its weights."
            ));
            return Vec::new();
        }
        (recorded, _) => recorded.to_vec(),
    };
    if weights.iter().all(|weight| *weight == 1.0) {
        return Vec::new();
    }
    weights
}

/// What the code is, and the settings it was made from.
fn heading(request: &Request<'_>) -> Vec<String> {
    let framework = match request.to {
        Framework::Keras => "Keras 3",
        Framework::Pytorch => "PyTorch",
        Framework::Monai => "MONAI",
    };
    let title = request.title.replace(['"', '\\', '\n'], " ");
    let mut lines = vec![
        format!("The loss of the Dicebench experiment \"{title}\", for {framework}."),
        String::new(),
        format!("Written by Dicebench {}.", env!("CARGO_PKG_VERSION")),
        "The network ends in a plain 1 x 1 convolution: `loss` takes its logits and applies the"
            .to_owned(),
        "output activation itself; `activate` does the same for predictions.".to_owned(),
        String::new(),
    ];
    let settings = request.config.values();
    lines.extend(
        (settings.iter())
            .filter(|(key, _)| key == "activation" || key.starts_with("loss."))
            .map(|(key, value)| format!("    {key} = {value}")),
    );
    lines
}
