//! The rule that answers the original question: does the loss prefer the right answer?

use super::page::Bar;
use super::term::{Term, terms};
use super::{Diagnosis, Evidence};
use crate::doctor::xray::Violation;
use crate::finding::Severity;

/// A worse answer scores better than the perfect one.
pub(super) fn wrong_answer_preferred(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let xray = evidence.xray?;
    let against_right: Vec<_> = xray
        .violations
        .iter()
        .filter(|v| v.beats_a_right_answer() && v.as_good_as_perfect)
        .collect();
    let worst = against_right.first()?;
    let more = match against_right.len() - 1 {
        0 => String::new(),
        n => format!(" {n} more wrong answers are preferred too."),
    };
    Some(
        Diagnosis::new(
            "wrong-answer-preferred",
            Severity::Error,
            format!("{}.{more}", worst.message),
        )
        .why(
            "Training moves towards what scores lowest. With this loss that is a wrong answer: as \
             the network improves, the loss goes up; as the loss goes down, the masks get worse.",
        )
        .pattern(3)
        .met("the original question; keras#9395")
        .bars(
            "loss",
            [&worst.over, &worst.preferred].into_iter().filter_map(|name| {
                let bar = xray.oracles.iter().find(|bar| bar.name == *name)?;
                Some(Bar::new(&bar.title, bar.loss, *name == worst.preferred))
            }),
        )
        .remedy("See the other findings for its causes; `solution-1`, `solution-2` and `default` are repaired twins."),
    )
}

/// The perfect answer scores best, but a trace of doubt in it costs more than a plain mistake.
pub(super) fn doubt_outweighs_error(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let xray = evidence.xray?;
    let right = |v: &&Violation| v.beats_a_right_answer();
    if xray
        .violations
        .iter()
        .filter(right)
        .any(|v| v.as_good_as_perfect)
    {
        return None;
    }
    let worst = xray.violations.iter().find(right)?;
    let by_volume = |term: &Term| {
        term.is_overlap() && !term.is("volume_weights", "none") && !term.is("group", "class")
    };
    let diagnosis = Diagnosis::new(
        "doubt-outweighs-error",
        Severity::Warning,
        format!(
            "{}, though that one names every pixel rightly.",
            worst.message
        ),
    )
    .pattern(18)
    .why(
        "Somewhere a thousandth of a probability weighs more than whole objects: mostly on a class that \
         an image lacks, whose weight or ratio is then without measure. The curve jumps from batch to \
         batch, and what is learned is to be sure.",
    )
    .met("generalised Dice, as in NiftyNet and MONAI, on images that lack a class; olmoearth#560")
    .bars(
        "loss",
        [&worst.over, &worst.preferred]
            .into_iter()
            .filter_map(|name| {
                let bar = xray.oracles.iter().find(|bar| bar.name == *name)?;
                Some(Bar::new(&bar.title, bar.loss, *name == worst.preferred))
            }),
    );
    Some(match terms(evidence.config).iter().find(|t| by_volume(t)) {
        Some(term) => diagnosis.fix_with(
            "Take each ratio over the batch, so that fewer classes are absent",
            vec![(term.key("group"), "class".to_owned())],
        ),
        None => diagnosis.remedy("Look at weights and ratios of classes that no pixel shows."),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{config, evidence, xray};
    use super::*;

    #[test]
    fn a_loss_that_prefers_a_wrong_answer_is_named_and_a_good_one_is_not() {
        let look = |config: &_| {
            let picture = xray(config);
            wrong_answer_preferred(Evidence {
                xray: Some(&picture),
                ..evidence(config)
            })
        };
        let question = config(&[("activation", "sigmoid"), ("loss.kind", "question_dice")]);
        assert_eq!(look(&question).unwrap().finding.severity, Severity::Error);
        for kind in ["dice", "cross_entropy", "generalized_dice", "focal"] {
            assert_eq!(look(&config(&[("loss.kind", kind)])), None, "{kind}");
        }
    }
}
