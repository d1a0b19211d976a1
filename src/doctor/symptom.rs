//! Whether a mistake of the museum shows what its preset says: the numbers, beside its fixed twin's.
//!
//! It measures what X-ray, masks and run hold already; it takes no X-ray and trains nothing.

use serde::Serialize;

use super::Xray;
use crate::experiment::symptom::{Measure, Symptom};
use crate::run::{Run, Validation};

/// What is known of one of the two.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'a> {
    pub xray: Option<&'a Xray>,
    pub run: Option<&'a Run>,
    /// Share of the training pixels whose class the resizing made up, 0..=1.
    pub invented: Option<f64>,
}

/// One claim with its numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub claim: Symptom,
    /// The claim in words.
    pub sentence: String,
    pub mistake: Option<f64>,
    pub twin: Option<f64>,
    /// `None` where the mistake's number is missing.
    pub shown: Option<bool>,
}

/// Measures a claim.
#[must_use]
pub fn judge(claim: &Symptom, mistake: Seen<'_>, twin: Seen<'_>) -> Verdict {
    let numbers = [mistake, twin].map(|seen| measured(&claim.measure, seen));
    let complete = |seen: Seen<'_>| match claim.measure.witness() {
        "run" => seen.run.is_some_and(|run| !run.validations.is_empty()),
        "masks" => seen.invented.is_some(),
        _ => seen.xray.is_some(),
    };
    // A twin that was not looked at is no twin that does not show it.
    let value = numbers[0].filter(|_| complete(twin));
    Verdict {
        claim: claim.clone(),
        sentence: claim.sentence(),
        mistake: numbers[0],
        twin: numbers[1],
        shown: value.map(|value| claim.holds(value, numbers[1])),
    }
}

/// The number itself; `None` where the evidence for it is missing.
#[must_use]
pub fn measured(measure: &Measure, seen: Seen<'_>) -> Option<f64> {
    let last = || seen.run?.validations.last();
    match measure {
        Measure::Floor => Some(seen.xray?.floor),
        Measure::Range => seen.xray.map(|xray| xray.highest - xray.lowest),
        Measure::Confident => loss_of(seen.xray?, "confident"),
        Measure::RarestCost => seen.xray?.rarest_cost,
        Measure::NextClassCost => Some(seen.xray?.next_class_cost),
        Measure::OneSign => Some(seen.xray?.one_sign_pixels),
        Measure::Preferred => {
            let violations = &seen.xray?.violations;
            let right = violations.iter().filter(|v| v.beats_a_right_answer());
            Some(right.count() as f64)
        }
        Measure::Gap(answer) => Some(loss_of(seen.xray?, answer)? - seen.xray?.floor),
        Measure::Invented => seen.invented,
        Measure::Loss => Some(last()?.loss),
        Measure::LossOverFloor => Some(last()?.loss - seen.xray?.floor),
        Measure::Dice => last()?.mean_dice,
        Measure::Objects => {
            let present: Vec<f64> = last()?.dice.iter().skip(1).copied().flatten().collect();
            (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64)
        }
        Measure::Painted => Some(1.0 - answered(last()?).first()?),
        Measure::OneAnswer => answered(last()?).into_iter().reduce(f64::max),
        Measure::Peak => {
            let losses = seen.run?.steps.iter().map(|point| point.loss);
            losses.filter(|loss| !loss.is_nan()).reduce(f64::max)
        }
    }
}

fn loss_of(xray: &Xray, answer: &str) -> Option<f64> {
    let bar = xray.oracles.iter().find(|bar| bar.name == answer);
    bar.map(|bar| bar.loss)
}

/// Share of the validation pixels that each class is given.
fn answered(validation: &Validation) -> Vec<f64> {
    let (n, counts) = (validation.confusion.classes, &validation.confusion.counts);
    let total = counts.iter().sum::<u64>().max(1) as f64;
    (0..n)
        .map(|class| counts.iter().skip(class).step_by(n).sum::<u64>() as f64 / total)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::StepPoint;
    use crate::run::metrics::Confusion;

    /// 100 pixels of three classes; 70, 20 and 10 of them answered as each.
    fn run() -> Run {
        Run {
            validations: vec![Validation {
                step: 1,
                loss: 0.25,
                dice: vec![Some(0.9), Some(0.5), None],
                mean_dice: Some(0.7),
                confusion: Confusion {
                    classes: 3,
                    counts: vec![60, 10, 5, 5, 10, 0, 5, 0, 5],
                },
                per_image: Vec::new(),
                calibration: Default::default(),
                secs: 0.0,
            }],
            steps: [1.0, f64::NAN, 3.0]
                .map(|loss| StepPoint {
                    step: 1,
                    loss,
                    learning_rate: 1e-3,
                    grad_norm: 1.0,
                    secs: 0.0,
                })
                .to_vec(),
            ..Run::default()
        }
    }

    #[test]
    fn numbers_of_a_run_are_those_of_its_end() {
        let run = run();
        let seen = Seen {
            run: Some(&run),
            ..Seen::default()
        };
        for (measure, expected) in [
            ("loss", 0.25),
            ("dice", 0.7),
            ("objects", 0.5),
            ("painted", 0.3),
            ("one-answer", 0.7),
            ("peak", 3.0),
        ] {
            let value = measured(&measure.parse().unwrap(), seen).unwrap();
            assert!((value - expected).abs() < 1e-12, "{measure}: {value}");
        }
        assert_eq!(measured(&Measure::Floor, seen), None);
        assert_eq!(measured(&Measure::LossOverFloor, seen), None);
    }

    #[test]
    fn nothing_is_judged_before_both_were_looked_at() {
        let run = run();
        let seen = Seen {
            run: Some(&run),
            ..Seen::default()
        };
        let claim: Symptom = "loss < 0.3".parse().unwrap();
        assert_eq!(judge(&claim, seen, Seen::default()).shown, None);
        assert_eq!(judge(&claim, Seen::default(), seen).shown, None);
        assert_eq!(judge(&claim, seen, seen).shown, Some(false));
        let mut twin = run.clone();
        twin.validations[0].loss = 0.4;
        let twin = Seen {
            run: Some(&twin),
            ..Seen::default()
        };
        assert_eq!(judge(&claim, seen, twin).shown, Some(true));
    }
}
