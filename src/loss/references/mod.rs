//! Losses of known libraries by their own names: starting points that fill in the parameters as that
//! library's defaults do.

mod boundary;
mod jdt;
mod keras;
mod monai;
mod niftynet;
mod nnunet;
mod qubvel;
mod question;
mod smp;
mod torch;

use std::sync::LazyLock;

use super::{LossConfig, LossError, OutputActivation};

/// One function of one library, as settings of our engine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reference {
    /// `library.function`, with an argument where a library has two functions in one.
    pub name: &'static str,
    /// What the network has to put on its logits for this function.
    pub activation: OutputActivation,
    /// Our kind of loss.
    pub kind: &'static str,
    /// Keys and values that differ from that kind's defaults, in the order they are set.
    pub settings: &'static [(&'static str, &'static str)],
    /// What sets it apart, in one line.
    pub note: &'static str,
}

use OutputActivation::{None as Raw, Sigmoid, Softmax};

impl Reference {
    const fn new(
        name: &'static str,
        activation: OutputActivation,
        kind: &'static str,
        settings: &'static [(&'static str, &'static str)],
        note: &'static str,
    ) -> Self {
        Self {
            name,
            activation,
            kind,
            settings,
            note,
        }
    }
}

const SMOOTH_1E5: [(&str, &str); 2] =
    [("smooth_numerator", "1e-5"), ("smooth_denominator", "1e-5")];
const PER_IMAGE: (&str, &str) = ("group", "image_class");

/// Every reference, library by library.
pub static REFERENCES: LazyLock<Vec<Reference>> = LazyLock::new(|| {
    [
        question::ALL,
        keras::ALL,
        torch::ALL,
        monai::ALL,
        smp::ALL,
        nnunet::ALL,
        qubvel::ALL,
        niftynet::ALL,
        boundary::ALL,
        jdt::ALL,
    ]
    .concat()
});

impl LossConfig {
    /// The loss that `library.function` is with its own defaults; `Loss` at its end may be left out.
    ///
    /// # Errors
    /// When no reference has that name; the message names near ones.
    pub fn like(name: &str) -> Result<Self, LossError> {
        let means = |known: &str| known == name || known.strip_suffix("Loss") == Some(name);
        let found = (REFERENCES.iter()).find(|reference| means(reference.name));
        let Some(reference) = found else {
            let part = name.rsplit('.').next().unwrap_or(name).to_lowercase();
            let near: Vec<&str> = REFERENCES
                .iter()
                .map(|reference| reference.name)
                .filter(|known| known.to_lowercase().contains(&part))
                .collect();
            let expected = if near.is_empty() {
                let all: Vec<&str> = REFERENCES.iter().map(|reference| reference.name).collect();
                all.join(", ")
            } else {
                near.join(", ")
            };
            return Err(LossError::Invalid(format!(
                "there is no reference loss `{name}`: expected one of {expected}"
            )));
        };
        let mut config = Self::of_kind(reference.kind)?;
        for (key, value) in reference.settings {
            config
                .set(key, value)
                .map_err(|error| LossError::Invalid(format!("{name}: {error}")))?;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_can_be_built_and_every_name_is_one() {
        for (index, reference) in REFERENCES.iter().enumerate() {
            let mut config = LossConfig::like(reference.name).unwrap();
            assert_eq!(config.kind(), reference.kind);
            for param in config.params() {
                param.check().unwrap();
            }
            assert!(!reference.note.is_empty());
            let twice = REFERENCES[..index].iter().any(|r| r.name == reference.name);
            assert!(!twice, "{}", reference.name);
        }
    }

    #[test]
    fn a_name_is_known_without_the_word_loss_at_its_end() {
        for (short, whole) in [
            (
                "nnunet.MemoryEfficientSoftDice",
                "nnunet.MemoryEfficientSoftDiceLoss",
            ),
            ("monai.Dice", "monai.DiceLoss"),
        ] {
            assert_eq!(LossConfig::like(short), LossConfig::like(whole));
        }
        assert!(LossConfig::like("monai.Dic").is_err());
    }

    #[test]
    fn an_unknown_name_is_answered_with_near_ones() {
        let message = LossConfig::like("pytorch.DiceLoss")
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("monai.DiceLoss") && message.contains("smp.DiceLoss"),
            "{message}"
        );
        assert!(!message.contains("Tversky"), "{message}");
    }
}
