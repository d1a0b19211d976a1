//! Rules about what the loss takes for the truth.

use super::page::Bar;
use super::term::terms;
use super::{Diagnosis, Evidence};
use crate::finding::Severity;

/// Share of pixels whose gradient points the same way for all classes above which a loss is said
/// not to tell classes apart. A loss that does always raises one class and lowers another.
const ALMOST_ALL: f64 = 0.95;

/// Class ids used as target values: naming the wrong class everywhere costs nothing.
pub(super) fn class_blind(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let ids = terms(evidence.config)
        .iter()
        .any(|term| term.kind == "question_dice");
    let blind = evidence.xray.is_some_and(|xray| xray.class_blind);
    if !ids && !blind {
        return None;
    }
    let seen = evidence.xray.map_or(String::new(), |xray| {
        let same = if xray.class_blind {
            " The perfect answer and “every pixel confidently the next class” score the same."
        } else {
            ""
        };
        let one_sign = if xray.one_sign_pixels > ALMOST_ALL {
            format!(
                " {:.0} % of the pixels are pushed the same way for all classes at once.",
                xray.one_sign_pixels * 100.0
            )
        } else {
            String::new()
        };
        format!("{same}{one_sign}")
    });
    Some(
        Diagnosis::new(
            "ids-as-targets",
            Severity::Error,
            format!(
                "The loss multiplies probabilities by class ids instead of one-hot masks.{seen}"
            ),
        )
        .why(
            "Class 9 counts nine times class 1 and class 0 counts nothing; which channel answers \
             makes no difference. The loss can be lowered without any pixel becoming right.",
        )
        .pattern(3)
        .met("the original question; keras#9395")
        .fix("Use a Dice loss on one-hot masks", &[("loss.kind", "dice")]),
    )
}

/// One sum over all classes: large classes decide, small ones don't matter.
pub(super) fn one_sum_over_all_classes(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let all = terms(evidence.config);
    let question = all.iter().any(|term| term.kind == "question_dice");
    let pooled = |term: &&super::term::Term| {
        let grouped = term.is("group", "all") || term.is("group", "image");
        // Volume weights bring the balance back; a single class needs none.
        let single = term.is("include_background", "false")
            && (evidence.dataset).is_some_and(|dataset| dataset.classes.len() <= 2);
        let plain = term.is("volume_weights", "none") || term.is("volume_weights", "uniform");
        grouped && plain && !single
    };
    let pooled = all.iter().find(pooled);
    // Beside a term that looks at each class, one sum does no harm.
    let balanced = all.iter().any(super::term::Term::scores_classes_apart);
    if !question && (pooled.is_none() || balanced) {
        return None;
    }
    let cost = evidence
        .xray
        .and_then(|xray| xray.rarest_cost)
        .map_or(String::new(), |cost| {
            format!(
                " Missing the rarest class completely costs {:.2} % of the loss's range.",
                cost * 100.0
            )
        });
    let diagnosis = Diagnosis::new(
        "one-sum-over-all-classes",
        Severity::Warning,
        format!("Intersection and volumes are summed over all classes before dividing.{cost}"),
    )
    .pattern(3)
    .why(
        "With softmax and every class in one sum, the Dice loss is exactly 1 − mean probability of \
         the true class: accuracy, without any balance between classes.",
    )
    .met("the original question and its first solution (keras#9395); ultrasound-nerve#47");
    let diagnosis = match evidence.xray {
        Some(xray) => diagnosis.bars(
            "share of the gradient",
            (xray.class_shares.iter()).map(|share| Bar::new(&share.class, share.gradient, false)),
        ),
        None => diagnosis,
    };
    Some(match pooled {
        Some(term) => diagnosis.fix_with(
            "Score each class on its own",
            vec![(term.key("group"), "class".to_owned())],
        ),
        None => diagnosis.fix(
            "Score each class on its own",
            &[("loss.kind", "dice"), ("loss.group", "class")],
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{config, cured, evidence, xray};
    use super::*;

    #[test]
    fn ids_as_targets_are_named_with_what_the_x_ray_saw_and_one_hot_is_not() {
        let look = |config: &_| {
            let picture = xray(config);
            class_blind(Evidence {
                xray: Some(&picture),
                ..evidence(config)
            })
        };
        let bad = config(&[("activation", "sigmoid"), ("loss.kind", "question_dice")]);
        let found = look(&bad).unwrap();
        assert!(
            found.finding.message.contains("score the same"),
            "{}",
            found.finding.message
        );
        assert_eq!(look(&cured(&bad, &found)), None);
        assert_eq!(look(&config(&[("loss.kind", "cross_entropy")])), None);
    }

    #[test]
    fn one_sum_is_named_unless_another_term_or_volume_weights_bring_balance() {
        let look = |config: &_| one_sum_over_all_classes(evidence(config));
        let bad = config(&[("loss.kind", "dice"), ("loss.group", "all")]);
        let found = look(&bad).unwrap();
        assert_eq!(look(&cured(&bad, &found)), None);
        let question = config(&[("loss.kind", "question_dice")]);
        let found = look(&question).unwrap();
        assert_eq!(look(&cured(&question, &found)), None);
        assert_eq!(
            look(&config(&[
                ("loss.kind", "generalized_dice"),
                ("loss.group", "all")
            ])),
            None
        );
        assert_eq!(look(&config(&[])), None);
    }
}
