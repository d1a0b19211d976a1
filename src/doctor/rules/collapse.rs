//! Patterns 7 and 8: the whole mask in one colour.

use super::page::Bar;
use super::{Diagnosis, Evidence};
use crate::finding::Severity;
use crate::run::{Run, Validation};

/// Share of the pixels answered alike that is a collapse: to the background, and to another class.
const BACKGROUND: f64 = 0.995;
const FOREGROUND: f64 = 0.95;
/// Share of other classes in the truth below which one colour is nearly right.
const OTHERS: f64 = 0.001;
/// Validations in a row that must say the same: the first ones of any run answer one class.
const IN_A_ROW: usize = 3;
/// How near 1 − 1/C a Dice loss stands that has given up on all classes but one, and the Dice of those.
const PLATEAU: f64 = 0.03;
const NOTHING: f64 = 0.02;

/// (Nearly) every pixel is called background, and it is not true.
pub(super) fn to_background(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let run = evidence.run?;
    let seen = collapsed_to(run, |class, answered, true_share| {
        class == 0 && answered > BACKGROUND && 1.0 - true_share > OTHERS
    })?;
    let plateau = seen.plateau.map_or(String::new(), |value| {
        format!(" The loss stands at {value:.3}, near 1 − 1/C: one class is right and all others score 0.")
    });
    Some(
        Diagnosis::new(
            "collapsed-to-background",
            Severity::Warning,
            format!(
                "{:.1} % of the validation pixels are answered “{}”, which is true for {:.1} %.{plateau}",
                seen.answered * 100.0,
                seen.name,
                seen.true_share * 100.0
            ),
        )
        .pattern(7)
        .why("Black output already pleases a loss that counts the background; what is rare is not worth the risk.")
        .met("NiftyNet#208 (with the formula of the plateau), NiftyNet#38, 3DUnetCNN#75, 3DUnetCNN#236, VNet#3")
        .suspected()
        .fix("Add cross-entropy to Dice: every pixel pushes", &[("loss.kind", "sum")])
        .bars("share of the pixels", seen.bars),
    )
}

/// (Nearly) every pixel is called the same foreground class.
pub(super) fn to_one_class(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let run = evidence.run?;
    let seen = collapsed_to(run, |class, answered, true_share| {
        class > 0 && answered > FOREGROUND && answered > true_share + 0.1
    })?;
    Some(
        Diagnosis::new(
            "collapsed-to-one-class",
            Severity::Warning,
            format!(
                "{:.1} % of the validation pixels are answered “{}”, which is true for {:.1} %.",
                seen.answered * 100.0,
                seen.name,
                seen.true_share * 100.0
            ),
        )
        .pattern(8)
        .why("The network found an answer that this loss rewards, or can't leave: the mask is one colour.")
        .met("VNet#3, DIGITS#1438; the original question")
        .suspected()
        .fix("Add cross-entropy to Dice: every pixel pushes", &[("loss.kind", "sum")])
        .bars("share of the pixels", seen.bars),
    )
}

struct Seen {
    name: String,
    answered: f64,
    true_share: f64,
    plateau: Option<f64>,
    bars: Vec<Bar>,
}

fn collapsed_to(run: &Run, is: impl Fn(usize, f64, f64) -> bool) -> Option<Seen> {
    let last = run.validations.last()?;
    // The background comes first in every healthy run, under plain cross-entropy for long.
    if last.step * 2 < run.total_steps {
        return None;
    }
    let from = run.validations.len().checked_sub(IN_A_ROW)?;
    let class = most_answered(last)?.0;
    for validation in &run.validations[from..] {
        let (at, answered, true_share) = most_answered(validation)?;
        if at != class || !is(at, answered, true_share) {
            return None;
        }
    }
    let (_, answered, true_share) = most_answered(last)?;
    let classes = last.confusion.classes;
    let nothing =
        |(at, dice): (usize, &Option<f64>)| at == class || dice.is_none_or(|d| d < NOTHING);
    let gave_up = last.dice.iter().enumerate().all(nothing);
    let plateau = 1.0 - 1.0 / classes.max(1) as f64;
    let name = |class: usize| {
        run.classes
            .get(class)
            .cloned()
            .unwrap_or_else(|| format!("class {class}"))
    };
    Some(Seen {
        name: name(class),
        answered,
        true_share,
        plateau: (gave_up && (last.loss - plateau).abs() < PLATEAU).then_some(last.loss),
        bars: vec![
            Bar::new(format!("answered {}", name(class)), answered, true),
            Bar::new(format!("truly {}", name(class)), true_share, false),
        ],
    })
}

/// The class that most pixels are given, the share that are given it, and the share that have it.
fn most_answered(validation: &Validation) -> Option<(usize, f64, f64)> {
    let (n, counts) = (validation.confusion.classes, &validation.confusion.counts);
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let (class, predicted) = (0..n)
        .map(|p| (p, (0..n).map(|t| counts[t * n + p]).sum::<u64>()))
        .max_by_key(|(_, predicted)| *predicted)?;
    let truth: u64 = counts[class * n..(class + 1) * n].iter().sum();
    Some((class, predicted as f64 / total, truth as f64 / total))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{code, of_run, run};
    use super::*;

    fn with(counts: [u64; 4], dice: f64) -> Run {
        let mut run = run(&[(0.5, dice); 5]);
        for validation in &mut run.validations {
            validation.confusion.counts = counts.to_vec();
            validation.dice = vec![Some(0.9), Some(dice)];
        }
        run
    }

    #[test]
    fn black_output_is_named_with_its_plateau_unless_the_truth_is_black() {
        let bad = with([900, 0, 100, 0], 0.0);
        let found = to_background(of_run(&bad)).unwrap();
        assert!(
            found.finding.message.contains("1 − 1/C"),
            "{}",
            found.finding.message
        );
        assert_eq!(to_background(of_run(&with([99_950, 0, 50, 0], 0.0))), None);
        assert_eq!(to_background(of_run(&with([900, 0, 90, 10], 0.2))), None);
        assert_eq!(to_one_class(of_run(&bad)), None);
    }

    #[test]
    fn one_foreground_class_everywhere_is_named_unless_it_is_true() {
        let bad = with([20, 880, 2, 98], 0.1);
        assert_eq!(
            code(to_one_class(of_run(&bad))).as_deref(),
            Some("collapsed-to-one-class")
        );
        assert_eq!(to_one_class(of_run(&with([20, 20, 5, 955], 0.9))), None);
    }

    #[test]
    fn the_first_quarter_and_a_single_validation_are_no_collapse() {
        let mut early = with([900, 0, 100, 0], 0.0);
        early.total_steps = 1000;
        assert_eq!(to_background(of_run(&early)), None);
        let mut once = with([900, 0, 100, 0], 0.0);
        once.validations[3].confusion.counts = vec![880, 20, 50, 50];
        assert_eq!(to_background(of_run(&once)), None);
    }
}
