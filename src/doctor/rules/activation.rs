//! Rules about the output activation and what the loss does with it.

use super::{Diagnosis, Evidence, loss_values};
use crate::finding::Severity;
use crate::loss::OutputActivation;

/// The network squashes its output and the loss squashes it again.
pub(super) fn doubled(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let head = evidence.config.activation;
    if head == OutputActivation::None {
        return None;
    }
    let (key, value) = loss_values(evidence.config, "input_activation")
        .into_iter()
        .find(|(_, value)| value != "none")?;
    let floor = evidence.xray.map_or(String::new(), |xray| {
        format!(
            " The perfect answer still scores {:.3}, and everything between the best and the worst \
             answer lies within {:.3}.",
            xray.floor,
            xray.highest - xray.lowest
        )
    });
    Some(
        Diagnosis::new(
            "doubled-activation",
            Severity::Warning,
            format!(
                "The network ends in {head} and the loss applies {value} again (`{key}`).{floor}"
            ),
        )
        .why(
            "sigmoid(sigmoid(z)) lies between 0.5 and 0.731 and softmax twice below e/(e + C − 1): \
             the loss can't come near its optimum, and its gradient is several times weaker.",
        )
        .met("the original question; Loss_ToolBox#11, field-delineation#4, tflearn#562")
        .fix(
            "Leave the activation to the network alone",
            &[(key.as_str(), "none")],
        ),
    )
}

/// Raw logits given to a loss that expects probabilities.
pub(super) fn missing(evidence: Evidence<'_>) -> Option<Diagnosis> {
    if evidence.config.activation != OutputActivation::None {
        return None;
    }
    let inputs = loss_values(evidence.config, "input_activation");
    if inputs.is_empty() || inputs.iter().any(|(_, value)| value != "none") {
        return None;
    }
    let from_logits = loss_values(evidence.config, "from_logits");
    if from_logits.iter().any(|(_, value)| value == "true") {
        return None;
    }
    Some(
        Diagnosis::new(
            "logits-as-probabilities",
            Severity::Error,
            "Neither the network nor the loss applies an activation: the loss takes unbounded \
             logits for probabilities.",
        )
        .why("Sums of logits are not volumes: a Dice loss leaves 0…1, turns negative and has no minimum.")
        .met("tf_unet#15, Pytorch-UNet#271")
        .fix("End the network in softmax", &[("activation", "softmax")]),
    )
}

/// Sigmoid for classes that exclude each other.
pub(super) fn independent_for_exclusive_classes(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let classes = evidence.dataset.map(|d| d.classes.len())?;
    if evidence.config.activation != OutputActivation::Sigmoid || classes < 3 {
        return None;
    }
    Some(
        Diagnosis::new(
            "sigmoid-for-exclusive-classes",
            Severity::Hint,
            format!(
                "Every pixel of this dataset has exactly one of {classes} classes, but sigmoid \
                 decides each class on its own."
            ),
        )
        .why(
            "Channels don't compete: a pixel's probabilities may sum to anything from 0 to the \
             number of classes. It can train, but softmax states what is known.",
        )
        .met("the original question; Keras renormalises such output silently")
        .fix("End the network in softmax", &[("activation", "softmax")]),
    )
}

/// Softmax over one channel is the constant 1.
pub(super) fn one_channel_softmax(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let classes = evidence.dataset.map(|d| d.classes.len())?;
    if evidence.config.activation != OutputActivation::Softmax || classes != 1 {
        return None;
    }
    Some(
        Diagnosis::new(
            "one-channel-softmax",
            Severity::Error,
            "Softmax over a single class is always 1: nothing can be learned.",
        )
        .why("The only channel divides by itself; its gradient is exactly 0.")
        .met("MONAI#5413, MONAI#2509")
        .fix("End the network in sigmoid", &[("activation", "sigmoid")]),
    )
}
