//! The rule that answers the original question: does the loss prefer the right answer?

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
        .met("the original question; keras#9395")
        .remedy("See the other findings for its causes; `solution-1`, `solution-2` and `default` are repaired twins."),
    )
}
