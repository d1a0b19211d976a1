//! One vocabulary for two libraries: formulas are written once, with `xp.` and `axis=`, and spoken
//! as PyTorch or as `keras.ops`. Tensors are `[N, C, H, W]` in both.

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Torch,
    Keras,
}

/// `(written, PyTorch, Keras)`; the longer ones first, since `xp.` is the start of all.
const WORDS: &[(&str, &str, &str)] = &[
    ("xp.at_least(", "torch.clamp_min(", "ops.maximum("),
    ("xp.log_sigmoid(", "F.logsigmoid(", "ops.log_sigmoid("),
    ("xp.softplus(", "F.softplus(", "ops.softplus("),
    ("xp.concat(", "torch.cat(", "ops.concatenate("),
    ("xp.amax(", "torch.amax(", "ops.max("),
    ("xp.", "torch.", "ops."),
    ("axis=", "dim=", "axis="),
    ("keepdims=", "keepdim=", "keepdims="),
];

impl Dialect {
    /// The same formula in this library's words.
    #[must_use]
    pub fn speak(self, text: &str) -> String {
        WORDS
            .iter()
            .fold(text.to_owned(), |text, (written, torch, keras)| {
                text.replace(
                    written,
                    match self {
                        Self::Torch => torch,
                        Self::Keras => keras,
                    },
                )
            })
    }

    /// A one-dimensional tensor of these numbers, of the logits' type.
    #[must_use]
    pub fn constant(self, values: &[f64]) -> String {
        let list: Vec<String> = values.iter().map(|v| number(*v)).collect();
        let list = list.join(", ");
        match self {
            Self::Torch => format!("logits.new_tensor([{list}])"),
            Self::Keras => format!("ops.convert_to_tensor([{list}], dtype=logits.dtype)"),
        }
    }

    /// The classes of `name` that count, by index.
    #[must_use]
    pub fn pick(self, name: &str, classes: &[usize]) -> String {
        match self {
            Self::Torch => format!("{name}[:, {classes:?}]"),
            Self::Keras => format!("ops.take({name}, {classes:?}, axis=1)"),
        }
    }
}

/// A number as Python reads it, always a float.
#[must_use]
pub fn number(value: f64) -> String {
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_formula_in_two_libraries() {
        let text = "xp.at_least(xp.sum(p, axis=(2, 3), keepdims=True), 1e-5)";
        assert_eq!(
            Dialect::Torch.speak(text),
            "torch.clamp_min(torch.sum(p, dim=(2, 3), keepdim=True), 1e-5)"
        );
        assert_eq!(
            Dialect::Keras.speak(text),
            "ops.maximum(ops.sum(p, axis=(2, 3), keepdims=True), 1e-5)"
        );
        assert_eq!(number(2.0), "2.0");
        assert_eq!(number(1e-7), "1e-7");
    }
}
