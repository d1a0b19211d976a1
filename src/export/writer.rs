//! From a configuration to a Python module: one function per term, then the loss that adds them.
//!
//! Inside a term, `logits` are `[N, C, H, W]`, `y` is the one-hot truth (all 0 at ignored pixels)
//! and `valid` is `[N, 1, H, W]`, 0 at ignored pixels.

use std::collections::BTreeSet;

use super::dialect::{Dialect, number};
use super::{monai, overlap, pixel, shape, statistic};
use crate::loss::{InputActivation, LossConfig, OutputActivation};

/// Functions that several losses need; each is written once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Helper {
    Skeleton,
    Distances,
}

/// A module in the making.
pub struct Writer {
    pub dialect: Dialect,
    /// MONAI's own losses where one is exactly what is wanted.
    pub monai: bool,
    pub head: OutputActivation,
    /// One per class; empty where all are 1.
    pub weights: Vec<f64>,
    /// What differs from the experiment, or should be known.
    pub notes: Vec<String>,
    pub helpers: BTreeSet<Helper>,
    /// Names that are imported from MONAI.
    pub imports: BTreeSet<&'static str>,
    functions: Vec<String>,
}

impl Writer {
    pub fn new(
        dialect: Dialect,
        monai: bool,
        head: OutputActivation,
        weights: Vec<f64>,
        notes: Vec<String>,
    ) -> Self {
        Self {
            dialect,
            monai,
            head,
            weights,
            notes,
            helpers: BTreeSet::new(),
            imports: BTreeSet::new(),
            functions: Vec::new(),
        }
    }

    /// Writes the function `name` for this loss, those of its terms first.
    pub fn define(&mut self, name: &str, loss: &LossConfig) {
        let body = match loss {
            LossConfig::Sum(sum) => {
                let mut parts = Vec::new();
                for (index, term) in sum.terms.iter().enumerate() {
                    let part = format!("{name}_{index}");
                    self.define(&part, &term.loss);
                    if term.schedule != crate::loss::schedule::Schedule::Constant {
                        self.notes.push(format!(
                            "The weight of term {} moves from {} to {} ({}) over the first {} % of \
                             training: the code has the last; multiply it in your training loop.",
                            index + 1,
                            term.start,
                            term.weight,
                            term.schedule,
                            term.over * 100.0
                        ));
                    }
                    parts.push((term.weight, format!("{part}(logits, y, valid)")));
                }
                vec![format!("return {}", linear(&parts))]
            }
            _ => self.body(loss),
        };
        let mut text = format!("def {name}(logits, y, valid):\n    # {}\n", loss.kind());
        for line in body {
            if line.is_empty() {
                text.push('\n');
            } else {
                text.push_str("    ");
                text.push_str(&self.dialect.speak(&line));
                text.push('\n');
            }
        }
        self.functions.push(text);
    }

    fn body(&mut self, loss: &LossConfig) -> Vec<String> {
        if self.monai {
            if let Some(body) = monai::body(self, loss) {
                return body;
            }
            self.notes.push(format!(
                "MONAI has no loss that is exactly `{}` with these settings: it is written in plain \
                 PyTorch.",
                loss.kind()
            ));
        }
        match loss {
            // Handled by `define`.
            LossConfig::Sum(_) => Vec::new(),
            LossConfig::Dice(c)
            | LossConfig::GeneralizedDice(c)
            | LossConfig::Jaccard(c)
            | LossConfig::Tversky(c)
            | LossConfig::Solution1Dice(c) => overlap::body(self, c),
            LossConfig::CrossEntropy(c) => pixel::cross_entropy(self, c),
            LossConfig::BinaryCrossEntropy(c) => pixel::binary(self, c),
            LossConfig::Focal(c) => pixel::focal(self, c),
            LossConfig::UnifiedFocal(c) => pixel::unified_focal(self, c),
            LossConfig::Nacl(c) => pixel::nacl(self, c),
            LossConfig::Undecided(c) => pixel::undecided(self, c),
            LossConfig::QuestionDice(c) => statistic::question(self, c),
            LossConfig::Mcc(c) => statistic::mcc(self, c),
            LossConfig::Wasserstein(c) => statistic::wasserstein(self, c),
            LossConfig::VolumeEnforcement(c) => statistic::volume(self, c),
            LossConfig::Lovasz(c) => shape::lovasz(self, c),
            LossConfig::ClDice(c) => shape::cldice(self, c),
            LossConfig::Boundary(c) => shape::boundary(self, c),
            LossConfig::Hausdorff(c) => shape::hausdorff(self, c),
            other => self.own_words(other),
        }
    }

    /// What the loss says of itself.
    fn own_words(&mut self, loss: &LossConfig) -> Vec<String> {
        let Some(code) = loss.code() else {
            let kind = loss.kind();
            (self.notes).push(format!("NOT SUPPORTED: `{kind}` can't be exported yet."));
            return vec![format!(
                "raise NotImplementedError(\"{kind} can't be exported yet\")"
            )];
        };
        let mut lines = vec![format!("p = {}", self.probs(code.input))];
        lines.extend(code.lines);
        lines
    }

    /// The output activation on `logits`, then what the loss itself applies.
    pub fn probs(&self, input: InputActivation) -> String {
        let output = match self.head {
            OutputActivation::Softmax => "xp.softmax(logits, axis=1)",
            OutputActivation::Sigmoid => "xp.sigmoid(logits)",
            OutputActivation::None => "logits",
        };
        match input {
            InputActivation::Softmax => format!("xp.softmax({output}, axis=1)"),
            InputActivation::Sigmoid => format!("xp.sigmoid({output})"),
            InputActivation::None => output.to_owned(),
        }
    }

    /// The logits of the last activation, where that is `wanted`.
    pub fn logits_of(&self, input: InputActivation, wanted: OutputActivation) -> Option<String> {
        match (input, wanted) {
            (InputActivation::None, _) if self.head == wanted => Some("logits".to_owned()),
            (InputActivation::Softmax, OutputActivation::Softmax)
            | (InputActivation::Sigmoid, OutputActivation::Sigmoid) => {
                Some(self.probs(InputActivation::None))
            }
            _ => None,
        }
    }

    /// Logarithms of [`Writer::probs`], in the stable form where there is one.
    pub fn log_probs(&self, input: InputActivation) -> String {
        if let Some(z) = self.logits_of(input, OutputActivation::Softmax) {
            return format!("xp.log_softmax({z}, axis=1)");
        }
        if let Some(z) = self.logits_of(input, OutputActivation::Sigmoid) {
            return format!("xp.log_sigmoid({z})");
        }
        format!("xp.log({})", self.probs(input))
    }

    /// One number per class, to be multiplied with `[N, C, H, W]`.
    pub fn per_class(&self, values: &[f64]) -> String {
        format!("{}[None, :, None, None]", self.dialect.constant(values))
    }

    /// The module's text.
    pub fn module(&self, heading: &[String]) -> String {
        let mut text = String::new();
        for note in &self.notes {
            for line in wrapped(&format!("NOTE: {note}")) {
                text.push_str(&format!("# {line}\n"));
            }
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("\"\"\"{}\n\"\"\"\n\n", heading.join("\n")));
        text.push_str(match self.dialect {
            Dialect::Torch => "import torch\nimport torch.nn.functional as F\n",
            Dialect::Keras => "from keras import ops\n",
        });
        if self.helpers.contains(&Helper::Distances) {
            text.push_str("from scipy.ndimage import distance_transform_edt\n");
        }
        if !self.imports.is_empty() {
            let names: Vec<&str> = self.imports.iter().copied().collect();
            text.push_str(&format!("from monai.losses import {}\n", names.join(", ")));
        }
        for helper in &self.helpers {
            text.push_str("\n\n");
            text.push_str(shape::helper(self.dialect, *helper));
        }
        for function in &self.functions {
            text.push_str("\n\n");
            text.push_str(function);
        }
        text.push_str("\n\n");
        text.push_str(&self.ending());
        text
    }

    fn ending(&self) -> String {
        match self.dialect {
            Dialect::Torch => {
                let output = self.dialect.speak(&self.probs(InputActivation::None));
                format!(
                    r#"def activate(logits):
    """What the network puts out: [N, C, H, W] -> [N, C, H, W]."""
    return {output}


def loss(logits, labels):
    """Logits [N, C, H, W] and class ids [N, H, W] -> one number.

    Ids that are no class (255, say) are ignored.
    """
    classes = torch.arange(logits.shape[1], device=logits.device)[None, :, None, None]
    labels = labels.long()[:, None]
    y = (labels == classes).to(logits.dtype)
    valid = ((labels >= 0) & (labels < logits.shape[1])).to(logits.dtype)
    return term(logits, y, valid)
"#
                )
            }
            Dialect::Keras => {
                let output = match self.head {
                    OutputActivation::Softmax => "ops.softmax(y_pred, axis=-1)",
                    OutputActivation::Sigmoid => "ops.sigmoid(y_pred)",
                    OutputActivation::None => "y_pred",
                };
                format!(
                    r#"def activate(y_pred):
    """What the network puts out: [N, H, W, C] -> [N, H, W, C]."""
    return {output}


def loss(y_true, y_pred):
    """Class ids [N, H, W] or [N, H, W, 1] and logits [N, H, W, C] -> one number.

    Ids that are no class (255, say) are ignored. Use: model.compile(loss=loss, ...).
    """
    logits = ops.transpose(y_pred, (0, 3, 1, 2))
    channels = y_pred.shape[-1]
    labels = ops.cast(y_true, "int32")
    if len(y_true.shape) == 4:
        labels = labels[..., 0]
    labels = ops.expand_dims(labels, 1)
    classes = ops.reshape(ops.arange(channels, dtype="int32"), (1, channels, 1, 1))
    y = ops.cast(ops.equal(labels, classes), logits.dtype)
    valid = ops.cast(
        ops.logical_and(labels >= 0, labels < channels), logits.dtype
    )
    return term(logits, y, valid)
"#
                )
            }
        }
    }
}

/// `2.0 * a + b - c`: what has factor 0 is left out, and 1 is not written.
#[must_use]
pub fn linear(parts: &[(f64, String)]) -> String {
    let mut text = String::new();
    for (factor, name) in parts.iter().filter(|(factor, _)| *factor != 0.0) {
        let size = factor.abs();
        match (text.is_empty(), *factor < 0.0) {
            (true, true) => text.push('-'),
            (true, false) => {}
            (false, true) => text.push_str(" - "),
            (false, false) => text.push_str(" + "),
        }
        if size != 1.0 {
            text.push_str(&format!("{} * ", number(size)));
        }
        text.push_str(name);
    }
    if text.is_empty() {
        let name = parts.first().map_or("logits", |(_, name)| name);
        return format!("0.0 * {name}");
    }
    text
}

/// Lines of at most 90 characters.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + word.chars().count() > 88 {
            lines.push(word.to_owned());
        } else {
            if !lines[last].is_empty() {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}
