//! Patterns 1 and 2: too many activations between the network and the loss, or none.

use super::page::Bar;
use super::term::{Term, terms};
use super::{Diagnosis, Evidence};
use crate::finding::Severity;
use crate::loss::OutputActivation;

/// Share of the X-ray's range within which a loss is "at its floor", and above which a floor matters.
const NEAR: f64 = 0.05;
/// A loss that stands on its floor with masks as good as this is simply done.
const GOOD: f64 = 0.9;

/// The network squashes its output and the loss squashes it again.
pub(super) fn doubled(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let head = evidence.config.activation;
    if head == OutputActivation::None {
        return None;
    }
    let again = applied(evidence, "input_activation", |value| value != "none");
    let (key, value) = again.first()?;
    let floor = floor_text(evidence);
    let settings = again
        .iter()
        .map(|(key, _)| (key.clone(), "none".to_owned()));
    let diagnosis = Diagnosis::new(
        "doubled-activation",
        Severity::Warning,
        format!("The network ends in {head} and the loss applies {value} again (`{key}`).{floor}"),
    )
    .pattern(1)
    .why(
        "sigmoid(sigmoid(z)) lies between 0.5 and 0.731 and softmax twice below e/(e + C − 1): the \
         loss can't come near its optimum, and its gradient is several times weaker.",
    )
    .met("the original question; Loss_ToolBox#11, field-delineation#4, tflearn#562")
    .fix_with(
        "Leave the activation to the network alone",
        settings.collect(),
    );
    Some(with_floor(diagnosis, evidence))
}

/// Probabilities given to a loss that takes its input for logits.
pub(super) fn probabilities_as_logits(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let head = evidence.config.activation;
    let wrong: Vec<Term> = terms(evidence.config)
        .into_iter()
        .filter(|term| term.is("from_logits", "true"))
        .filter(|term| {
            let own = term
                .get("input_activation")
                .is_some_and(|value| value != "none");
            head != OutputActivation::None || own
        })
        .collect();
    let key = wrong.first()?.key("from_logits");
    let settings = (wrong.iter()).map(|term| (term.key("from_logits"), "false".to_owned()));
    let floor = floor_text(evidence);
    let diagnosis = Diagnosis::new(
        "probabilities-as-logits",
        Severity::Warning,
        format!("`{key}` is set, but what reaches the loss are probabilities already.{floor}"),
    )
    .pattern(1)
    .why(
        "The loss applies an activation of its own to numbers between 0 and 1, and can never be sure \
         of anything: with softmax the true class gets at most e/(e + C − 1).",
    )
    .met("Keras's from_logits = True behind a softmax layer; tflearn#562, field-delineation#4")
    .fix_with("Say that it gets probabilities", settings.collect());
    Some(with_floor(diagnosis, evidence))
}

/// Raw logits given to a loss that expects probabilities.
pub(super) fn missing(evidence: Evidence<'_>) -> Option<Diagnosis> {
    if evidence.config.activation != OutputActivation::None {
        return None;
    }
    let raw: Vec<Term> = terms(evidence.config)
        .into_iter()
        .filter(|term| term.is("input_activation", "none") && !term.is("from_logits", "true"))
        .collect();
    let kinds: Vec<&str> = raw.iter().map(|term| term.kind).collect();
    if kinds.is_empty() {
        return None;
    }
    let range = evidence.xray.map_or(String::new(), |xray| {
        format!(
            " Over the X-ray's answers it runs from {:.3} to {:.3}.",
            xray.lowest, xray.highest
        )
    });
    let all = raw.len() == terms(evidence.config).len();
    let diagnosis = Diagnosis::new(
        "logits-as-probabilities",
        Severity::Error,
        format!(
            "Neither the network nor the loss ({}) applies an activation: unbounded logits are taken \
             for probabilities.{range}",
            kinds.join(", ")
        ),
    )
    .pattern(2)
    .why("Sums of logits are not volumes: a Dice loss leaves 0…1, turns negative and has no minimum.")
    .met("tf_unet#15, Pytorch-UNet#271");
    // Where another term has its own activation, the head must stay raw.
    Some(if all {
        diagnosis.fix("End the network in softmax", &[("activation", "softmax")])
    } else {
        let settings = raw
            .iter()
            .map(|t| (t.key("input_activation"), "softmax".to_owned()));
        diagnosis.fix_with("Let this loss apply its softmax itself", settings.collect())
    })
}

/// Categorical cross-entropy on sigmoids: only the true class is looked at, and nothing lowers others.
pub(super) fn softmax_loss_on_sigmoid(evidence: Evidence<'_>) -> Option<Diagnosis> {
    if evidence.config.activation != OutputActivation::Sigmoid {
        return None;
    }
    let all = terms(evidence.config);
    let needs_softmax = |term: &Term| {
        term.kind == "cross_entropy"
            && term.is("input_activation", "none")
            && term.is("renormalize", "none")
            && !term.is("from_logits", "true")
    };
    if all.is_empty() || !all.iter().all(needs_softmax) {
        return None;
    }
    let seen = evidence.xray.map_or(String::new(), |xray| {
        let of = |name: &str| xray.oracles.iter().find(|bar| bar.name == name);
        match (of("all-on"), of("perfect")) {
            (Some(on), Some(perfect)) => format!(
                " “{}” scores {:.3}, the perfect answer {:.3}.",
                on.title, on.loss, perfect.loss
            ),
            _ => String::new(),
        }
    });
    Some(
        Diagnosis::new(
            "sigmoid-with-softmax-loss",
            Severity::Error,
            format!("Cross-entropy needs classes that compete, but the network ends in sigmoid.{seen}"),
        )
        .why(
            "It looks at the true class's probability alone. Under softmax raising one class lowers the \
             others; under sigmoid “every class on, everywhere” costs nothing.",
        )
        .met("the original question's first comment; keras#9395")
        .fix("End the network in softmax", &[("activation", "softmax")]),
    )
}

/// The run stands on the least that this loss can say, and the masks are not good.
pub(super) fn at_the_floor(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let (xray, run) = (evidence.xray?, evidence.run?);
    let last = run.validations.last()?;
    let range = xray.highest - xray.lowest;
    let dice = last.mean_dice?;
    let high_floor = xray.floor > NEAR * range.abs() && xray.floor > NEAR;
    if !high_floor || (last.loss - xray.floor).abs() > NEAR * range || dice > GOOD {
        return None;
    }
    Some(
        Diagnosis::new(
            "at-the-floor",
            Severity::Warning,
            format!(
                "The validation loss is {:.3} and the perfect answer would score {:.3}: the curve is flat \
                 because there is nothing below, while mean Dice is {dice:.3}.",
                last.loss, xray.floor
            ),
        )
        .pattern(1)
        .why("A loss that can't go lower looks like a network that can't learn more.")
        .met("Loss_ToolBox#11, tflearn#562")
        .remedy("See the X-ray: what keeps the perfect answer from scoring 0?"),
    )
}

/// `(key, value)` of a parameter in the terms where it is set so.
fn applied(
    evidence: Evidence<'_>,
    name: &str,
    wanted: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let value = |term: &Term| Some((term.key(name), term.get(name)?.to_owned()));
    let all = terms(evidence.config);
    let found = all.iter().filter_map(value);
    found.filter(|(_, value)| wanted(value)).collect()
}

fn floor_text(evidence: Evidence<'_>) -> String {
    evidence.xray.map_or(String::new(), |xray| {
        format!(
            " The perfect answer still scores {:.3}, and everything between the best and the worst \
             answer lies within {:.3}.",
            xray.floor,
            xray.highest - xray.lowest
        )
    })
}

fn with_floor(diagnosis: Diagnosis, evidence: Evidence<'_>) -> Diagnosis {
    let Some(xray) = evidence.xray else {
        return diagnosis;
    };
    diagnosis.bars(
        "loss",
        [
            Bar::new("perfect answer", xray.floor, true),
            Bar::new("best of all answers", xray.lowest, false),
            Bar::new("untrained", xray.initial, false),
            Bar::new("worst of all answers", xray.highest, false),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{code, config, cured, evidence, run, xray};
    use super::*;

    #[test]
    fn two_activations_are_named_and_one_is_not() {
        let bad = config(&[("loss.terms.1.loss.input_activation", "softmax")]);
        let found = doubled(evidence(&bad)).unwrap();
        assert!(
            found
                .finding
                .message
                .contains("loss.terms.1.loss.input_activation")
        );
        assert_eq!(doubled(evidence(&cured(&bad, &found))), None);
        let raw_head = config(&[
            ("activation", "none"),
            ("loss.kind", "dice"),
            ("loss.input_activation", "softmax"),
        ]);
        assert_eq!(doubled(evidence(&raw_head)), None);
    }

    #[test]
    fn probabilities_taken_for_logits_are_named_and_logits_are_not() {
        let bad = config(&[("loss.kind", "cross_entropy"), ("loss.from_logits", "true")]);
        let found = probabilities_as_logits(evidence(&bad)).unwrap();
        assert_eq!(
            probabilities_as_logits(evidence(&cured(&bad, &found))),
            None
        );
        let mut good = bad.clone();
        good.set("activation", "none").unwrap();
        assert_eq!(probabilities_as_logits(evidence(&good)), None);
        assert_eq!(missing(evidence(&good)), None);
    }

    #[test]
    fn logits_given_to_dice_are_named_even_beside_a_term_that_wants_them() {
        let bad = config(&[
            ("activation", "none"),
            ("loss.terms.1.loss.from_logits", "true"),
        ]);
        let found = missing(evidence(&bad)).unwrap();
        assert!(
            found.finding.message.contains("(dice)"),
            "{}",
            found.finding.message
        );
        assert_eq!(missing(evidence(&cured(&bad, &found))), None);
        assert_eq!(missing(evidence(&config(&[]))), None);
    }

    #[test]
    fn cross_entropy_on_sigmoids_is_named_unless_it_renormalises() {
        let mut bad = config(&[("activation", "sigmoid"), ("loss.kind", "cross_entropy")]);
        let picture = xray(&bad);
        let with = |config| Evidence {
            xray: Some(&picture),
            ..evidence(config)
        };
        let found = softmax_loss_on_sigmoid(with(&bad)).unwrap();
        assert!(
            found
                .finding
                .message
                .contains("0.000, the perfect answer 0.000")
        );
        assert_eq!(
            softmax_loss_on_sigmoid(evidence(&cured(&bad, &found))),
            None
        );
        bad.set("loss.renormalize", "after_clip").unwrap();
        assert_eq!(softmax_loss_on_sigmoid(evidence(&bad)), None);
    }

    #[test]
    fn a_run_on_a_high_floor_is_named_and_a_good_one_or_a_low_floor_is_not() {
        let twice = config(&[("loss.kind", "dice"), ("loss.input_activation", "softmax")]);
        let picture = xray(&twice);
        let look = |config, picture: &_, loss, dice| {
            let run = run(&[(loss, dice)]);
            let evidence = Evidence {
                xray: Some(picture),
                run: Some(&run),
                ..evidence(config)
            };
            code(at_the_floor(evidence))
        };
        let floor = picture.floor;
        assert_eq!(
            look(&twice, &picture, floor + 0.005, 0.4).as_deref(),
            Some("at-the-floor")
        );
        assert_eq!(look(&twice, &picture, floor + 0.005, 0.95), None);
        let plain = config(&[
            ("loss.kind", "dice"),
            ("loss.smooth_numerator", "0.00001"),
            ("loss.smooth_denominator", "0.00001"),
        ]);
        let picture = xray(&plain);
        assert_eq!(look(&plain, &picture, 0.01, 0.4), None);
    }
}
