//! What a rule says: one page with what was seen, why it matters, how sure it is, the fix, and where
//! the field has met it.

use serde::Serialize;

use crate::data::ClassMap;
use crate::finding::{Finding, Severity};

/// The patterns that training runs of the field fail by, numbered from 1.
pub const PATTERNS: [&str; 18] = [
    "double activation",
    "logits given to Dice",
    "class ids used as target values",
    "mask values 0/255 or arbitrary greys",
    "ignore label trained as class",
    "sign and convention",
    "collapse to background",
    "collapse to one foreground class",
    "learning rate or momentum too high",
    "not a number",
    "smoothing",
    "empty-class policy",
    "loss and metric disagree",
    "gap between training and evaluation mode",
    "masks damaged by loading",
    "background switch",
    "leak and overfitting",
    "class weights",
];

/// Settings that would cure it, to clone the experiment with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fix {
    /// "Use a linear head".
    pub label: String,
    /// `(key, value)` in order.
    pub settings: Vec<(String, String)>,
    /// A class map to use from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassMap>,
}

/// A picture of the evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "picture", rename_all = "snake_case")]
pub enum Picture {
    /// Bars of one unit; the marked ones are what the finding is about.
    Bars { unit: String, bars: Vec<Bar> },
    /// Lines over the steps of a run.
    Lines { lines: Vec<Line> },
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    pub name: String,
    pub value: f64,
    pub marked: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    pub name: String,
    /// `[step, value]`.
    pub points: Vec<[f64; 2]>,
}

/// A finding, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    #[serde(flatten)]
    pub finding: Finding,
    /// Number of the pattern in [`PATTERNS`], from 1; 0 where it is none of them.
    pub pattern: usize,
    /// Why it matters, in plain words.
    pub why: String,
    /// Whether the evidence proves it or only suggests it.
    pub certain: bool,
    /// Where the field has met it.
    pub met: String,
    pub fix: Option<Fix>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
}

impl Diagnosis {
    pub(super) fn new(code: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self::of(Finding::new(code, severity, message))
    }

    pub(super) fn of(finding: Finding) -> Self {
        Self {
            finding,
            pattern: 0,
            why: String::new(),
            certain: true,
            met: String::new(),
            fix: None,
            picture: None,
        }
    }

    /// Name of the pattern it belongs to.
    #[must_use]
    pub fn pattern_name(&self) -> Option<&'static str> {
        PATTERNS.get(self.pattern.checked_sub(1)?).copied()
    }

    pub(super) fn pattern(mut self, number: usize) -> Self {
        self.pattern = number;
        self
    }

    pub(super) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    pub(super) fn met(mut self, met: &str) -> Self {
        met.clone_into(&mut self.met);
        self
    }

    pub(super) fn suspected(mut self) -> Self {
        self.certain = false;
        self
    }

    pub(super) fn fix(self, label: &str, settings: &[(&str, &str)]) -> Self {
        let owned = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        self.fix_with(label, settings.iter().map(owned).collect())
    }

    pub(super) fn fix_with(mut self, label: &str, settings: Vec<(String, String)>) -> Self {
        label.clone_into(&mut self.finding.remedy);
        self.fix = Some(Fix {
            label: label.to_owned(),
            settings,
            classes: None,
        });
        self
    }

    pub(super) fn fix_classes(mut self, label: &str, classes: ClassMap) -> Self {
        label.clone_into(&mut self.finding.remedy);
        self.fix = Some(Fix {
            label: label.to_owned(),
            settings: Vec::new(),
            classes: Some(classes),
        });
        self
    }

    pub(super) fn remedy(mut self, remedy: &str) -> Self {
        remedy.clone_into(&mut self.finding.remedy);
        self
    }

    pub(super) fn bars(mut self, unit: &str, bars: impl IntoIterator<Item = Bar>) -> Self {
        self.picture = Some(Picture::Bars {
            unit: unit.to_owned(),
            bars: bars.into_iter().collect(),
        });
        self
    }

    pub(super) fn lines(mut self, lines: Vec<Line>) -> Self {
        self.picture = Some(Picture::Lines { lines });
        self
    }
}

impl Bar {
    pub(super) fn new(name: impl Into<String>, value: f64, marked: bool) -> Self {
        Self {
            name: name.into(),
            value,
            marked,
        }
    }
}

impl Line {
    pub(super) fn new(name: &str, points: impl IntoIterator<Item = (u64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points: points.into_iter().map(|(x, y)| [x as f64, y]).collect(),
        }
    }
}
