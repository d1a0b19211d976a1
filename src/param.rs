//! One field of a configuration, described once: its key, bounds and meaning.
//!
//! Widgets, `--set`, range checks, the README tables and run comparison all read the same list of
//! [`Param`]s. The key is the path in the preset file (`loss.smooth_numerator`) and the only
//! spelling there is. This module knows no particular configuration.

use std::fmt;
use std::ops::RangeInclusive;

/// A named, bounded, documented view of one field.
pub struct Param<'a> {
    /// Path in the preset file, such as `train.learning_rate`.
    pub key: String,
    /// Meaning in plain words, with the unit.
    pub help: &'static str,
    pub value: Value<'a>,
}

/// The view itself; each variant borrows the field it edits.
pub enum Value<'a> {
    Float {
        value: &'a mut f64,
        range: RangeInclusive<f64>,
        /// Whether a slider should move by ratios rather than by differences.
        log: bool,
    },
    Int {
        value: &'a mut u64,
        range: RangeInclusive<u64>,
    },
    Flag(&'a mut bool),
    Choice(&'a mut dyn Choice),
    /// Comma-separated in text; one number per class where it is used.
    Floats {
        value: &'a mut Vec<f64>,
        range: RangeInclusive<f64>,
    },
    Text(&'a mut String),
}

/// A field with a fixed set of named values; implemented by [`choices!`](crate::choices).
pub trait Choice {
    /// Every name, in the order they are shown.
    fn names(&self) -> &'static [&'static str];
    /// One sentence about each name, in the same order (may be empty).
    fn helps(&self) -> &'static [&'static str];
    fn index(&self) -> usize;
    /// Selects `names()[index]`; an index out of range is ignored.
    fn choose(&mut self, index: usize);
}

/// Why a text could not be put into a field.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParamError {
    #[error("no parameter is called `{key}`{hint}")]
    UnknownKey { key: String, hint: String },
    #[error("`{key}` = `{value}` is not {expected}")]
    NotParsable {
        key: String,
        value: String,
        expected: String,
    },
    #[error("`{key}` = {value} is outside {expected}")]
    OutOfRange {
        key: String,
        value: String,
        expected: String,
    },
}

impl ParamError {
    /// The same error with its key as `prefix.key`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        let (Self::UnknownKey { key, .. }
        | Self::NotParsable { key, .. }
        | Self::OutOfRange { key, .. }) = &mut self;
        if !key.starts_with(&format!("{prefix}.")) {
            *key = format!("{prefix}.{key}");
        }
        self
    }
}

impl<'a> Param<'a> {
    pub fn float(
        key: impl Into<String>,
        value: &'a mut f64,
        range: RangeInclusive<f64>,
        help: &'static str,
    ) -> Self {
        let value = Value::Float {
            value,
            range,
            log: false,
        };
        Self {
            key: key.into(),
            help,
            value,
        }
    }

    pub fn log_float(
        key: impl Into<String>,
        value: &'a mut f64,
        range: RangeInclusive<f64>,
        help: &'static str,
    ) -> Self {
        let value = Value::Float {
            value,
            range,
            log: true,
        };
        Self {
            key: key.into(),
            help,
            value,
        }
    }

    pub fn int(
        key: impl Into<String>,
        value: &'a mut u64,
        range: RangeInclusive<u64>,
        help: &'static str,
    ) -> Self {
        Self {
            key: key.into(),
            help,
            value: Value::Int { value, range },
        }
    }

    pub fn flag(key: impl Into<String>, value: &'a mut bool, help: &'static str) -> Self {
        Self {
            key: key.into(),
            help,
            value: Value::Flag(value),
        }
    }

    pub fn choice(key: impl Into<String>, value: &'a mut dyn Choice, help: &'static str) -> Self {
        Self {
            key: key.into(),
            help,
            value: Value::Choice(value),
        }
    }

    pub fn floats(
        key: impl Into<String>,
        value: &'a mut Vec<f64>,
        range: RangeInclusive<f64>,
        help: &'static str,
    ) -> Self {
        Self {
            key: key.into(),
            help,
            value: Value::Floats { value, range },
        }
    }

    pub fn text(key: impl Into<String>, value: &'a mut String, help: &'static str) -> Self {
        Self {
            key: key.into(),
            help,
            value: Value::Text(value),
        }
    }

    /// The same parameter under `prefix.key`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.key = format!("{prefix}.{}", self.key);
        self
    }

    /// Parses `text` into the field, checking the range; the field is unchanged on error.
    pub fn set(&mut self, text: &str) -> Result<(), ParamError> {
        let key = self.key.clone();
        let expected = self.value.expectation();
        let not_parsable = || ParamError::NotParsable {
            key: key.clone(),
            value: text.to_owned(),
            expected: expected.clone(),
        };
        let out_of_range = || ParamError::OutOfRange {
            key: key.clone(),
            value: text.to_owned(),
            expected: expected.clone(),
        };
        let text = text.trim();
        match &mut self.value {
            Value::Float { value, range, .. } => {
                let parsed: f64 = text.parse().map_err(|_| not_parsable())?;
                if !range.contains(&parsed) {
                    return Err(out_of_range());
                }
                **value = parsed;
            }
            Value::Int { value, range } => {
                let parsed: u64 = text.parse().map_err(|_| not_parsable())?;
                if !range.contains(&parsed) {
                    return Err(out_of_range());
                }
                **value = parsed;
            }
            Value::Flag(value) => {
                **value = text.parse().map_err(|_| not_parsable())?;
            }
            Value::Choice(choice) => {
                let index = choice
                    .names()
                    .iter()
                    .position(|name| *name == text)
                    .ok_or_else(not_parsable)?;
                choice.choose(index);
            }
            Value::Floats { value, range } => {
                let inner = text.trim_start_matches('[').trim_end_matches(']');
                let mut parsed = Vec::new();
                for part in inner.split(',').map(str::trim).filter(|p| !p.is_empty()) {
                    let number: f64 = part.parse().map_err(|_| not_parsable())?;
                    if !range.contains(&number) {
                        return Err(out_of_range());
                    }
                    parsed.push(number);
                }
                **value = parsed;
            }
            Value::Text(value) => text.clone_into(value),
        }
        Ok(())
    }

    /// Checks the present value against its own range.
    pub fn check(&self) -> Result<(), ParamError> {
        let ok = match &self.value {
            Value::Float { value, range, .. } => range.contains(&**value),
            Value::Int { value, range } => range.contains(value),
            Value::Floats { value, range } => value.iter().all(|v| range.contains(v)),
            Value::Flag(_) | Value::Choice(_) | Value::Text(_) => true,
        };
        if ok {
            return Ok(());
        }
        Err(ParamError::OutOfRange {
            key: self.key.clone(),
            value: self.value.to_string(),
            expected: self.value.expectation(),
        })
    }
}

impl Value<'_> {
    /// What the field accepts, in words, for messages and tooltips.
    #[must_use]
    pub fn expectation(&self) -> String {
        match self {
            Value::Float { range, .. } => {
                format!("a number from {} to {}", range.start(), range.end())
            }
            Value::Int { range, .. } => {
                format!("a whole number from {} to {}", range.start(), range.end())
            }
            Value::Flag(_) => "`true` or `false`".to_owned(),
            Value::Choice(choice) => format!("one of {}", choice.names().join(", ")),
            Value::Floats { range, .. } => format!(
                "a list of numbers from {} to {}, separated by commas",
                range.start(),
                range.end()
            ),
            Value::Text(_) => "a text".to_owned(),
        }
    }
}

impl fmt::Display for Value<'_> {
    /// The text that [`Param::set`] would accept back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Float { value, .. } => write!(f, "{value}"),
            Value::Int { value, .. } => write!(f, "{value}"),
            Value::Flag(value) => write!(f, "{value}"),
            Value::Choice(choice) => write!(f, "{}", choice.names()[choice.index()]),
            Value::Floats { value, .. } => {
                for (i, v) in value.iter().enumerate() {
                    if i > 0 {
                        write!(f, ", ")?;
                    }
                    write!(f, "{v}")?;
                }
                Ok(())
            }
            Value::Text(value) => write!(f, "{value}"),
        }
    }
}

/// Finds `key` in `params` and parses `text` into it; an unknown key names its nearest neighbours.
pub fn set(params: Vec<Param<'_>>, key: &str, text: &str) -> Result<(), ParamError> {
    let names: Vec<String> = params.iter().map(|p| p.key.clone()).collect();
    match params.into_iter().find(|p| p.key == key) {
        Some(mut param) => param.set(text),
        None => Err(ParamError::UnknownKey {
            key: key.to_owned(),
            hint: nearest(key, &names),
        }),
    }
}

fn nearest(key: &str, names: &[String]) -> String {
    let best = names.iter().min_by_key(|name| edit_distance(key, name));
    match best {
        Some(name) if edit_distance(key, name) <= key.len() / 2 => {
            format!("; did you mean `{name}`?")
        }
        _ => String::new(),
    }
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Declares an enum whose variants have names: one line each gives the variant, the name used in
/// presets and on the command line, and a sentence of help. The first variant is the default.
#[macro_export]
macro_rules! choices {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($variant:ident = $text:literal : $help:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        $vis enum $name { $(#[doc = $help] #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name used in presets and on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl Default for $name {
            fn default() -> Self { Self::ALL[0] }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl $crate::param::Choice for $name {
            fn names(&self) -> &'static [&'static str] { &[$($text),+] }
            fn helps(&self) -> &'static [&'static str] { &[$($help),+] }
            fn index(&self) -> usize {
                Self::ALL.iter().position(|v| v == self).unwrap_or(0)
            }
            fn choose(&mut self, index: usize) {
                if let Some(v) = Self::ALL.get(index) { *self = *v; }
            }
        }
    };
}
