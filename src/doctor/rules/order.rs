//! The rule that answers the original question: does the loss prefer the right answer?

use super::page::Bar;
use super::{Diagnosis, Evidence};
use crate::finding::Severity;

/// A worse answer scores better than the perfect one.
pub(super) fn wrong_answer_preferred(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let xray = evidence.xray?;
    let against_right: Vec<_> = xray
        .violations
        .iter()
        .filter(|v| v.over == "perfect" || v.over == "confident")
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
