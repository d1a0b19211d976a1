//! Pattern 16: channels that the loss never looks at, the background first of all.

use super::page::Bar;
use super::term::terms;
use super::{Diagnosis, Evidence};
use crate::finding::Severity;
use crate::loss::OutputActivation;

/// A channel with less than this share of an even part of the gradient gets none in practice.
const NO_GRADIENT: f64 = 1e-6;

/// A class whose channel the loss never pushes.
pub(super) fn class_without_gradient(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let xray = evidence.xray?;
    let dead = |share: &&crate::doctor::xray::ClassShare| {
        share.gradient < NO_GRADIENT && share.pixels > 0.0
    };
    let names: Vec<&str> = (xray.class_shares.iter().filter(dead))
        .map(|share| share.class.as_str())
        .collect();
    if names.is_empty() {
        return None;
    }
    Some(
        Diagnosis::new(
            "class-without-gradient",
            Severity::Warning,
            format!("The loss gives no gradient to {}.", names.join(", ")),
        )
        .pattern(16)
        .why("What is never pushed is never learned: the channel keeps whatever it started with.")
        .met("MONAI#5413, UNet-Zoo#13")
        .fix(
            "Let classes compete: end the network in softmax",
            &[("activation", "softmax")],
        )
        .bars(
            "share of the gradient",
            (xray.class_shares.iter())
                .map(|share| Bar::new(&share.class, share.gradient, dead(&share))),
        ),
    )
}

/// Without the background class, nothing teaches a sigmoid head's background channel.
pub(super) fn dropped_with_sigmoid(evidence: Evidence<'_>) -> Option<Diagnosis> {
    if evidence.config.activation != OutputActivation::Sigmoid {
        return None;
    }
    let all = terms(evidence.config);
    if !all
        .iter()
        .all(|term| term.is("include_background", "false"))
    {
        return None;
    }
    let settings = all
        .iter()
        .map(|term| (term.key("include_background"), "true".to_owned()));
    Some(
        Diagnosis::new(
            "background-never-trained",
            Severity::Warning,
            "The background is left out of the loss, and sigmoid does not couple it to the other \
             classes: its channel gets no gradient at all.",
        )
        .pattern(16)
        .why("The most probable class is taken at each pixel, so an untrained channel wins at random.")
        .met("UNet-Zoo#13, MONAI#8947")
        .fix_with("Count the background too", settings.collect()),
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
        .pattern(16)
        .why("The only channel divides by itself; its gradient is exactly 0.")
        .met("MONAI#5413, MONAI#2509")
        .fix("End the network in sigmoid", &[("activation", "sigmoid")]),
    )
}

/// A list of classes that leaves out foreground which the dataset has.
pub(super) fn classes_left_out(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let dataset = evidence.dataset?;
    let all = terms(evidence.config);
    let listed = |term: &super::term::Term| -> Option<Vec<usize>> {
        let text = term.get("classes").filter(|text| !text.is_empty())?;
        let numbers = text
            .split(',')
            .filter_map(|part| part.trim().parse::<f64>().ok());
        Some(numbers.map(|number| number as usize).collect())
    };
    // One term that looks at everything is enough.
    let lists: Option<Vec<Vec<usize>>> = all.iter().map(listed).collect();
    let lists = lists?;
    let missing: Vec<usize> = (1..dataset.classes.len())
        .filter(|class| {
            dataset
                .census
                .train_pixels
                .get(*class)
                .is_some_and(|n| *n > 0)
        })
        .filter(|class| !lists.iter().any(|list| list.contains(class)))
        .collect();
    if missing.is_empty() || lists.is_empty() {
        return None;
    }
    let name = |class: &usize| dataset.classes.classes[*class].name.as_str();
    let names: Vec<&str> = missing.iter().map(name).collect();
    let settings = all.iter().map(|term| (term.key("classes"), String::new()));
    Some(
        Diagnosis::new(
            "classes-left-out",
            Severity::Warning,
            format!("`{}` leaves out {}: the loss never looks at them.", all[0].key("classes"), names.join(", ")),
        )
        .pattern(16)
        .why("A score of the classes that count says nothing about the others: they are named at random.")
        .met("UNet-Zoo#13 (a hard-coded channel), NiftyNet#208")
        .fix_with("Count every class", settings.collect()),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{classes, code, config, cured, evidence, sample, xray};
    use super::*;

    #[test]
    fn a_channel_without_gradient_is_named_and_softmax_cures_it() {
        let look = |config: &_| {
            let picture = xray(config);
            class_without_gradient(Evidence {
                xray: Some(&picture),
                ..evidence(config)
            })
        };
        let bad = config(&[
            ("activation", "sigmoid"),
            ("loss.kind", "dice"),
            ("loss.include_background", "false"),
        ]);
        let found = look(&bad).unwrap();
        assert!(found.finding.message.contains("background"));
        assert_eq!(look(&cured(&bad, &found)), None);
    }

    #[test]
    fn a_dropped_background_matters_under_sigmoid_and_only_if_every_term_drops_it() {
        let look = |config: &_| code(dropped_with_sigmoid(evidence(config)));
        let drop = [("loss.kind", "dice"), ("loss.include_background", "false")];
        let softmax = config(&drop);
        assert_eq!(look(&softmax), None);
        let mut sigmoid = softmax.clone();
        sigmoid.set("activation", "sigmoid").unwrap();
        assert_eq!(look(&sigmoid).as_deref(), Some("background-never-trained"));
        let one_term = config(&[
            ("activation", "sigmoid"),
            ("loss.terms.0.loss.include_background", "false"),
        ]);
        assert_eq!(look(&one_term), None);
    }

    #[test]
    fn softmax_over_one_class_is_an_error_and_over_two_it_is_not() {
        let config = config(&[]);
        let mut dataset = sample();
        let look = |dataset: &_| {
            one_channel_softmax(Evidence {
                dataset: Some(dataset),
                ..evidence(&config)
            })
        };
        dataset.classes = classes(&[("cell", 1)]);
        assert!(look(&dataset).is_some());
        dataset.classes = classes(&[("background", 0), ("cell", 1)]);
        assert_eq!(look(&dataset), None);
    }

    #[test]
    fn classes_left_out_are_named_unless_another_term_counts_them() {
        let dataset = sample();
        let look = |config: &_| {
            classes_left_out(Evidence {
                dataset: Some(&dataset),
                ..evidence(config)
            })
        };
        let bad = config(&[("loss.kind", "dice"), ("loss.classes", "0")]);
        let found = look(&bad).unwrap();
        assert!(found.finding.message.contains("speck"));
        assert_eq!(look(&cured(&bad, &found)), None);
        assert_eq!(look(&config(&[("loss.terms.0.loss.classes", "0")])), None);
        assert_eq!(
            look(&config(&[
                ("loss.kind", "dice"),
                ("loss.classes", "1, 2, 3, 4")
            ])),
            None
        );
    }
}
