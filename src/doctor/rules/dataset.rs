//! What opening the dataset found, among the doctor's own findings: patterns 4, 5, 15 and 17 mostly
//! begin in the files.

use super::{Diagnosis, Evidence};
use crate::finding::Severity;

/// Words in a finding's code, the pattern it belongs to, and why it matters.
const MEANING: &[(&str, usize, &str)] = &[
    (
        "leak",
        17,
        "What the network has seen in training proves nothing in validation: the score is too good, and new images disappoint.",
    ),
    (
        "duplicate",
        17,
        "What the network has seen in training proves nothing in validation: the score is too good, and new images disappoint.",
    ),
    (
        "lossy",
        15,
        "Compression invents values along every edge, so that borders are taught wrong.",
    ),
    (
        "color",
        15,
        "Colours that no class claims come from interpolation or compression: borders are taught wrong or not at all.",
    ),
    (
        "pair",
        15,
        "An image with another image's mask teaches noise.",
    ),
    (
        "label",
        5,
        "A value that no class claims takes no part in training: if it was meant, a class is missing; if not, it marks what nobody could name.",
    ),
    (
        "value",
        4,
        "Which number stands for which class is a guess that training can't check.",
    ),
];

/// A class that a split lacks is a rule of its own.
const SAID_ELSEWHERE: &[&str] = &["class-not-in-training", "class-not-in-validation"];

pub(super) fn findings<'a>(evidence: Evidence<'a>) -> impl Iterator<Item = Diagnosis> + 'a {
    let all = evidence
        .dataset
        .map_or(&[][..], |dataset| &dataset.findings);
    all.iter()
        .filter(|finding| finding.severity > Severity::Hint)
        .filter(|finding| !SAID_ELSEWHERE.contains(&finding.code.as_str()))
        .map(|finding| {
            let meaning = MEANING
                .iter()
                .find(|(word, _, _)| finding.code.contains(word));
            let (pattern, why) =
                meaning.map_or((0, "Results may mislead."), |(_, n, why)| (*n, why));
            Diagnosis::of(finding.clone())
                .pattern(pattern)
                .why(why)
                .met("the masks themselves; see the Data tab")
        })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{config, evidence, sample};
    use super::*;
    use crate::finding::Finding;

    #[test]
    fn warnings_of_the_dataset_are_passed_on_and_hints_are_not() {
        let config = config(&[]);
        let mut dataset = sample();
        dataset.findings = vec![
            Finding::new("lossy-mask", Severity::Warning, "9 masks are JPEG"),
            Finding::new("two-values", Severity::Hint, "0 and 255"),
            Finding::new("class-not-in-training", Severity::Warning, "no speck"),
        ];
        let evidence = Evidence {
            dataset: Some(&dataset),
            ..evidence(&config)
        };
        let found: Vec<Diagnosis> = findings(evidence).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].finding.code.as_str(), found[0].pattern),
            ("lossy-mask", 15)
        );
    }
}
