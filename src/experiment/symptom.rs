//! What a mistake of the museum shows beside its fixed twin, as claims that can be measured.
//!
//! A claim is one line of a preset: `floor > 0.7`, `loss < twin - 0.1`, `gap(all-on) < 0`. Where the
//! numbers come from is not known here: the doctor measures them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What is measured; losses in the loss's own unit, shares as 0..=1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// X-ray: loss of the perfect answer.
    Floor,
    /// X-ray: distance from the lowest to the highest loss over all answers.
    Range,
    /// X-ray: loss of a right answer given as a trained network gives it.
    Confident,
    /// X-ray: what missing the rarest class costs, as a share of the range.
    RarestCost,
    /// X-ray: what calling every pixel by the next class costs, as a share of the range.
    NextClassCost,
    /// X-ray: share of the pixels that are pushed the same way for all classes.
    OneSign,
    /// X-ray: wrong answers that score better than a right one.
    Preferred,
    /// X-ray: loss of the named answer less that of the perfect one.
    Gap(String),
    /// Masks: share of the training pixels whose class the resizing made up.
    Invented,
    /// Run: validation loss at the end.
    Loss,
    /// Run and X-ray: validation loss at the end less the loss of the perfect answer.
    LossOverFloor,
    /// Run: mean Dice at the end.
    Dice,
    /// Run: mean Dice at the end of all classes but the first.
    Objects,
    /// Run: share of the validation pixels answered with another class than the first, at the end.
    Painted,
    /// Run: largest share of the validation pixels that get one and the same class, at the end.
    OneAnswer,
    /// Run: largest training loss of any step.
    Peak,
}

/// Measures without a name in parentheses: how a preset writes them, and how a sentence begins.
const PLAIN: &[(Measure, &str, &str)] = &[
    (Measure::Floor, "floor", "the perfect answer scores"),
    (
        Measure::Range,
        "range",
        "from the best to the worst answer the loss spans",
    ),
    (
        Measure::Confident,
        "confident",
        "a right answer, said as a trained network says it, scores",
    ),
    (
        Measure::RarestCost,
        "rarest-cost",
        "the cost of missing the rarest class, as a share of the range, is",
    ),
    (
        Measure::NextClassCost,
        "next-class-cost",
        "the cost of calling every pixel by the next class, as a share of the range, is",
    ),
    (
        Measure::OneSign,
        "one-sign",
        "the share of pixels pushed the same way for all classes is",
    ),
    (
        Measure::Preferred,
        "preferred",
        "the number of wrong answers preferred to a right one is",
    ),
    (
        Measure::Invented,
        "invented",
        "the share of training pixels whose class the resizing made up is",
    ),
    (Measure::Loss, "loss", "the validation loss ends"),
    (
        Measure::LossOverFloor,
        "loss-over-floor",
        "the validation loss, less what the perfect answer scores, ends",
    ),
    (Measure::Dice, "dice", "mean Dice ends"),
    (
        Measure::Objects,
        "objects",
        "mean Dice of the classes other than the first ends",
    ),
    (
        Measure::Painted,
        "painted",
        "the share of pixels answered with another class than the first ends",
    ),
    (
        Measure::OneAnswer,
        "one-answer",
        "the share of pixels that get one and the same class ends",
    ),
    (Measure::Peak, "peak", "the training loss peaks"),
];

/// Where a number must lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// The mistake's is above, the twin's is not.
    Above(f64),
    /// The mistake's is below, the twin's is not.
    Below(f64),
    /// The mistake's is above the twin's by more than this.
    AboveTwin(f64),
    /// The mistake's is below the twin's by more than this.
    BelowTwin(f64),
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symptom {
    pub measure: Measure,
    pub bound: Bound,
}

impl Measure {
    /// Whether a run must have been trained to know it.
    #[must_use]
    pub fn needs_run(&self) -> bool {
        matches!(
            self,
            Self::Loss
                | Self::LossOverFloor
                | Self::Dice
                | Self::Objects
                | Self::Painted
                | Self::OneAnswer
                | Self::Peak
        )
    }

    /// Who shows it: "X-ray", "masks" or "run".
    #[must_use]
    pub fn witness(&self) -> &'static str {
        match self {
            Self::Invented => "masks",
            measure if measure.needs_run() => "run",
            _ => "X-ray",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Gap(answer) => {
                format!("the loss of “{answer}”, less that of the perfect answer, is")
            }
            measure => PLAIN
                .iter()
                .find(|(plain, _, _)| plain == measure)
                .map_or_else(String::new, |(_, _, subject)| (*subject).to_owned()),
        }
    }
}

impl Symptom {
    /// The claim for people: "X-ray: the perfect answer scores above 0.7".
    #[must_use]
    pub fn sentence(&self) -> String {
        let bound = match self.bound {
            Bound::Above(value) => format!("above {value}"),
            Bound::Below(value) => format!("below {value}"),
            Bound::AboveTwin(by) => format!("more than {by} above the twin's"),
            Bound::BelowTwin(by) => format!("more than {by} below the twin's"),
        };
        let measure = &self.measure;
        format!("{}: {} {bound}", measure.witness(), measure.subject())
    }

    /// Whether the mistake's number and its twin's bear the claim out; a twin that has no such number
    /// (an answer that its activation can't give) does not show it.
    #[must_use]
    pub fn holds(&self, mistake: f64, twin: Option<f64>) -> bool {
        match (self.bound, twin) {
            (Bound::Above(value), twin) => mistake > value && twin.is_none_or(|twin| twin <= value),
            (Bound::Below(value), twin) => mistake < value && twin.is_none_or(|twin| twin >= value),
            (Bound::AboveTwin(by), Some(twin)) => mistake > twin + by,
            (Bound::BelowTwin(by), Some(twin)) => mistake < twin - by,
            (_, None) => false,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap(answer) => write!(f, "gap({answer})"),
            measure => {
                let plain = PLAIN.iter().find(|(plain, _, _)| plain == measure);
                f.write_str(plain.map_or("", |(_, name, _)| name))
            }
        }
    }
}

impl FromStr for Measure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let answer = text.strip_prefix("gap(").and_then(|t| t.strip_suffix(')'));
        if let Some(answer) = answer.filter(|answer| !answer.is_empty()) {
            return Ok(Self::Gap(answer.to_owned()));
        }
        let plain = PLAIN.iter().find(|(_, name, _)| *name == text);
        plain.map(|(measure, _, _)| measure.clone()).ok_or_else(|| {
            let names: Vec<&str> = PLAIN.iter().map(|(_, name, _)| *name).collect();
            format!(
                "`{text}`: expected gap(ANSWER) or one of {}",
                names.join(", ")
            )
        })
    }
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measure = &self.measure;
        match self.bound {
            Bound::Above(value) => write!(f, "{measure} > {value}"),
            Bound::Below(value) => write!(f, "{measure} < {value}"),
            Bound::AboveTwin(by) => write!(f, "{measure} > twin + {by}"),
            Bound::BelowTwin(by) => write!(f, "{measure} < twin - {by}"),
        }
    }
}

impl FromStr for Symptom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || {
            format!(
                "symptom `{text}`: expected MEASURE > NUMBER, MEASURE < NUMBER, MEASURE > twin + NUMBER or MEASURE < twin - NUMBER"
            )
        };
        let number = |text: &str| -> Result<f64, String> {
            let value: f64 = text.trim().parse().map_err(|_| problem())?;
            value.is_finite().then_some(value).ok_or_else(problem)
        };
        let at = text.find(['<', '>']).ok_or_else(problem)?;
        let (measure, rest) = text.split_at(at);
        let (above, right) = (rest.starts_with('>'), rest[1..].trim());
        let twin = |sign: char| {
            let by = right.strip_prefix("twin")?.trim_start();
            by.strip_prefix(sign)
        };
        let bound = match (above, right.starts_with("twin")) {
            (true, false) => Bound::Above(number(right)?),
            (false, false) => Bound::Below(number(right)?),
            (true, true) => Bound::AboveTwin(number(twin('+').ok_or_else(problem)?)?),
            (false, true) => Bound::BelowTwin(number(twin('-').ok_or_else(problem)?)?),
        };
        let measure = (measure.trim().parse()).map_err(|error| format!("symptom {error}"))?;
        Ok(Self { measure, bound })
    }
}

impl TryFrom<String> for Symptom {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Symptom> for String {
    fn from(symptom: Symptom) -> Self {
        symptom.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_reads_as_it_was_written_and_as_a_sentence() {
        for (text, sentence) in [
            ("floor > 0.7", "X-ray: the perfect answer scores above 0.7"),
            (
                "gap(all-on) < -0.1",
                "X-ray: the loss of “all-on”, less that of the perfect answer, is below -0.1",
            ),
            (
                "loss < twin - 0.2",
                "run: the validation loss ends more than 0.2 below the twin's",
            ),
            (
                "painted > twin + 0.05",
                "run: the share of pixels answered with another class than the first ends more than \
                 0.05 above the twin's",
            ),
        ] {
            let symptom: Symptom = text.parse().unwrap();
            assert_eq!(symptom.to_string(), text);
            assert_eq!(symptom.sentence(), sentence);
        }
        for (measure, name, _) in PLAIN {
            assert_eq!(name.parse(), Ok(measure.clone()));
            assert_eq!(measure.to_string(), *name);
        }
    }

    #[test]
    fn a_claim_that_can_not_be_read_says_what_was_expected() {
        for (text, part) in [
            ("floor", "MEASURE > NUMBER"),
            ("floor > much", "MEASURE > NUMBER"),
            ("floor > NaN", "MEASURE > NUMBER"),
            ("loss > twin - 1", "twin + NUMBER"),
            ("flor > 1", "`flor`: expected gap(ANSWER) or one of floor"),
            ("gap() > 1", "gap(ANSWER)"),
        ] {
            let message = text.parse::<Symptom>().unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_claim_that_the_twin_shows_too_says_nothing_of_the_mistake() {
        let above: Symptom = "floor > 0.7".parse().unwrap();
        assert!(above.holds(0.8, Some(0.1)) && above.holds(0.8, None));
        assert!(!above.holds(0.8, Some(0.75)) && !above.holds(0.7, Some(0.1)));
        assert!(!above.holds(f64::NAN, Some(0.1)));
        let relative: Symptom = "loss < twin - 0.2".parse().unwrap();
        assert!(relative.holds(0.1, Some(0.4)));
        assert!(!relative.holds(0.1, Some(0.2)) && !relative.holds(0.1, None));
    }
}
