//! Rules about what the loss takes for the truth.

use super::{Diagnosis, Evidence, loss_kinds, loss_values};
use crate::finding::Severity;

/// Share of pixels whose gradient points the same way for all classes above which a loss is said
/// not to tell classes apart. A loss that does always raises one class and lowers another.
const ALMOST_ALL: f64 = 0.95;

/// Class ids used as target values: naming the wrong class everywhere costs nothing.
pub(super) fn class_blind(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let ids = loss_kinds(evidence.config)
        .iter()
        .any(|kind| kind == "question_dice");
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
        .met("the original question; keras#9395")
        .fix("Use a Dice loss on one-hot masks", &[("loss.kind", "dice")]),
    )
}

/// One sum over all classes: large classes decide, small ones don't matter.
pub(super) fn one_sum_over_all_classes(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let question = loss_kinds(evidence.config)
        .iter()
        .any(|kind| kind == "question_dice");
    let group = loss_values(evidence.config, "group")
        .into_iter()
        .find(|(_, value)| value == "all" || value == "image");
    if !question && group.is_none() {
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
    .why(
        "With softmax and every class in one sum, the Dice loss is exactly 1 − mean probability of \
         the true class: accuracy, without any balance between classes.",
    )
    .met("the original question and its first solution (keras#9395); ultrasound-nerve#47");
    Some(match group {
        Some((key, _)) => diagnosis.fix("Score each class on its own", &[(key.as_str(), "class")]),
        None => diagnosis.fix("Score each class on its own", &[("loss.kind", "dice")]),
    })
}
