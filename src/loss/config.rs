//! Which loss, with all its parameters: `[loss]` of a preset.
//!
//! Reading and writing go through the same [`Param`]s as widgets and `--set`, so that a wrong key
//! or value has one message everywhere.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value as Json};

use super::case::{Code, Elsewhere, Given};
use super::overlap::{Overlap, kinds};
use super::schedule::Schedule;
use super::sum::{Sum, Term};
use super::{LossContext, LossError, LossFn, LossInfo};
use crate::param::{Param, ParamError, Value};

/// Declares the enum and everything that has one arm per loss. A new loss is one line here and one
/// file beside: its parameters with their defaults, what it is in words, how cases of libraries are
/// read, and the arithmetic.
macro_rules! losses {
    ($($variant:ident($params:ty): $info:expr, $default:expr;)+) => {
        /// A loss and its parameters.
        #[derive(Debug, Clone, PartialEq)]
        pub enum LossConfig { $($variant($params)),+ }

        /// Every loss in words, in the order they are shown.
        pub const LOSSES: &[LossInfo] = &[$($info),+];

        /// Every value of `loss.kind`, in the order they are shown.
        pub const KINDS: &[&str] = &[$($info.kind),+];

        impl LossConfig {
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $info.kind),+ }
            }

            /// The loss called `kind` with its own defaults.
            ///
            /// # Errors
            /// When there is none; the message lists those there are.
            pub fn of_kind(kind: &str) -> Result<Self, LossError> {
                $(if kind == $info.kind {
                    return Ok(Self::$variant($default));
                })+
                Err(LossError::Invalid(format!(
                    "there is no loss `{kind}`: expected one of {}", KINDS.join(", ")
                )))
            }

            /// Every parameter of the present kind, keys relative to `loss`. `kind` itself is not
            /// in the list.
            pub fn params(&mut self) -> Vec<Param<'_>> {
                match self { $(Self::$variant(params) => params.params()),+ }
            }

            /// # Errors
            /// When parameters contradict each other or the number of classes.
            pub fn build(&self, context: &LossContext) -> Result<Box<dyn LossFn>, LossError> {
                match self { $(Self::$variant(params) => params.build(context)),+ }
            }

            /// The first loss that knows the case as its own, with the case's parameters.
            ///
            /// # Errors
            /// What in the case can't be understood; that no loss knows it.
            pub(super) fn from_case(given: &mut Given) -> Result<Self, String> {
                $(if <$params>::claims(given) {
                    return <$params>::from_case(given).map(Self::$variant);
                })+
                Err(format!("`family` = `{}` is not known", given.family))
            }

            /// The loss as it is exported, if it says so itself.
            pub(crate) fn code(&self) -> Option<Code> {
                match self { $(Self::$variant(params) => params.code()),+ }
            }
        }
    };
}

losses! {
    Sum(Sum): super::sum::INFO, Default::default();
    Dice(Overlap): kinds::DICE, Overlap::default();
    GeneralizedDice(Overlap): kinds::GENERALIZED_DICE, Overlap::generalized();
    Jaccard(Overlap): kinds::JACCARD, Overlap::jaccard();
    Tversky(Overlap): kinds::TVERSKY, Overlap::tversky();
    CrossEntropy(super::cross_entropy::CrossEntropy): super::cross_entropy::INFO, Default::default();
    BinaryCrossEntropy(super::binary::BinaryCrossEntropy): super::binary::INFO, Default::default();
    Focal(super::focal::Focal): super::focal::INFO, Default::default();
    UnifiedFocal(super::unified_focal::UnifiedFocal): super::unified_focal::INFO, Default::default();
    Lovasz(super::lovasz::Lovasz): super::lovasz::INFO, Default::default();
    Wasserstein(super::wasserstein::Wasserstein): super::wasserstein::INFO, Default::default();
    Mcc(super::mcc::Mcc): super::mcc::INFO, Default::default();
    TvmfDice(super::tvmf::TvmfDice): super::tvmf::INFO, Default::default();
    ClDice(super::cldice::ClDice): super::cldice::INFO, Default::default();
    Boundary(super::boundary::Boundary): super::boundary::INFO, Default::default();
    Hausdorff(super::hausdorff::Hausdorff): super::hausdorff::INFO, Default::default();
    Nacl(super::nacl::Nacl): super::nacl::INFO, Default::default();
    SensitivitySpecificity(super::sensitivity_specificity::SensitivitySpecificity): super::sensitivity_specificity::INFO, Default::default();
    VolumeEnforcement(super::volume::VolumeEnforcement): super::volume::INFO, Default::default();
    Undecided(super::undecided::Undecided): super::undecided::INFO, Default::default();
    QuestionDice(super::question::QuestionDice): super::question::INFO, Default::default();
    Solution1Dice(Overlap): kinds::SOLUTION1, Overlap::solution1();
}

/// Keys whose meaning is the same in every kind, so that they survive a change of kind.
const CARRIED: &[&str] = &["include_background"];

impl Default for LossConfig {
    fn default() -> Self {
        Self::Sum(Sum::default())
    }
}

impl LossConfig {
    /// Changes the kind; what means the same in both carries over.
    ///
    /// # Errors
    /// When no loss is called `kind`; the message lists those there are.
    pub fn set_kind(&mut self, kind: &str) -> Result<(), LossError> {
        if kind == self.kind() {
            return Ok(());
        }
        let mut next = Self::of_kind(kind)?;
        let carried: Vec<(String, String)> = self
            .params()
            .iter()
            .filter(|param| CARRIED.contains(&param.key.as_str()))
            .map(|param| (param.key.clone(), param.value.to_string()))
            .collect();
        // A loss whose point is the background left out keeps its own word on it.
        if !matches!(next, Self::Solution1Dice(_)) && !matches!(self, Self::Solution1Dice(_)) {
            for (key, text) in carried {
                if next.params().iter().any(|param| param.key == key) {
                    // Values come from a valid configuration and fit.
                    let _ = crate::param::set(next.params(), &key, &text);
                }
            }
        }
        *self = next;
        Ok(())
    }

    /// Whether the loss asks how far pixels are from true borders: for the CPU the loader then makes the
    /// maps.
    #[must_use]
    pub fn wants_borders(&self) -> bool {
        match self {
            Self::Boundary(_) | Self::Hausdorff(_) => true,
            Self::Sum(sum) => sum.terms.iter().any(|term| term.loss.wants_borders()),
            _ => false,
        }
    }

    /// Sets a key relative to `loss`, kinds and starting points included: `kind`, `like`,
    /// `terms.1.loss.kind`, `alpha`.
    ///
    /// # Errors
    /// Naming key, value and expectation.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), ParamError> {
        if key == "kind" {
            return self
                .set_kind(text)
                .map_err(|error| ParamError::NotParsable {
                    key: "loss.kind".to_owned(),
                    value: text.to_owned(),
                    expected: expectation(&error),
                });
        }
        if key == "like" {
            *self = Self::like(text).map_err(|error| ParamError::NotParsable {
                key: "loss.like".to_owned(),
                value: text.to_owned(),
                expected: expectation(&error),
            })?;
            return Ok(());
        }
        if let (Self::Sum(sum), Some(rest)) = (&mut *self, key.strip_prefix("terms."))
            && let Some((index, rest)) = rest.split_once('.')
            && let Some(rest) = rest.strip_prefix("loss.")
        {
            let count = sum.terms.len();
            let term = index
                .parse::<usize>()
                .ok()
                .and_then(|index| sum.terms.get_mut(index));
            return match term {
                Some(term) => term.loss.set(rest, text),
                None => Err(ParamError::UnknownKey {
                    key: format!("loss.{key}"),
                    hint: format!("; the sum has the terms 0 to {}", count.max(1) - 1),
                }),
            };
        }
        crate::param::set(self.params(), key, text)
    }

    /// `{ "kind": …, … }` with every parameter.
    fn to_json(&self) -> Json {
        let mut map = Map::new();
        map.insert("kind".to_owned(), self.kind().into());
        if let Self::Sum(sum) = self {
            let terms = sum.terms.iter().map(|term| {
                let mut json = serde_json::json!({ "weight": term.weight });
                if let Json::Object(map) = &mut json {
                    if term.schedule != Schedule::Constant {
                        map.insert("schedule".to_owned(), term.schedule.name().into());
                    }
                    // Kept when the schedule is switched off, so that it can be switched back.
                    let plain = Term::new(term.weight, term.loss.clone());
                    if term.start != plain.start {
                        map.insert("start".to_owned(), term.start.into());
                    }
                    if term.over != plain.over {
                        map.insert("over".to_owned(), term.over.into());
                    }
                    map.insert("loss".to_owned(), term.loss.to_json());
                }
                json
            });
            map.insert("terms".to_owned(), terms.collect());
            return Json::Object(map);
        }
        let mut copy = self.clone();
        for param in copy.params() {
            let value = match &param.value {
                Value::Float { value, .. } => (**value).into(),
                Value::Int { value, .. } => (**value).into(),
                Value::Flag(value) => (**value).into(),
                Value::Floats { value, .. } => value.iter().copied().collect(),
                Value::Choice(_) | Value::Text(_) => param.value.to_string().into(),
            };
            map.insert(param.key.clone(), value);
        }
        Json::Object(map)
    }

    fn from_json(json: &Json) -> Result<Self, String> {
        let Json::Object(map) = json else {
            return Err("`loss` is not a table: expected `kind` and its parameters".to_owned());
        };
        let name = |key: &str| match map.get(key) {
            None => Ok(None),
            Some(Json::String(name)) => Ok(Some(name.as_str())),
            Some(other) => Err(format!("`loss.{key}` = {other}: expected a name")),
        };
        let mut config = match (name("kind")?, name("like")?) {
            (Some(kind), None) => Self::of_kind(kind).map_err(|error| error.to_string())?,
            (kind, Some(like)) => {
                let config = Self::like(like).map_err(|error| error.to_string())?;
                if let Some(kind) = kind.filter(|kind| *kind != config.kind()) {
                    return Err(format!(
                        "`loss.kind` = {kind} and `loss.like` = {like} contradict each other: \
                         expected {}",
                        config.kind()
                    ));
                }
                config
            }
            (None, None) => {
                return Err("`loss.kind` is missing: expected the name of a loss".to_owned());
            }
        };
        for (key, value) in map
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "kind" | "like"))
        {
            if key == "terms"
                && let Self::Sum(sum) = &mut config
            {
                sum.terms = terms(value)?;
                continue;
            }
            let text = text_of(value).ok_or_else(|| {
                format!("`loss.{key}` = {value}: expected a number, a word or a list of numbers")
            })?;
            config.set(key, &text).map_err(|error| error.to_string())?;
        }
        Ok(config)
    }
}

fn terms(json: &Json) -> Result<Vec<Term>, String> {
    let expected = "expected a list of tables with `weight` and `loss`";
    let Json::Array(list) = json else {
        return Err(format!("`loss.terms` = {json}: {expected}"));
    };
    let term =
        |(index, item): (usize, &Json)| {
            let Json::Object(map) = item else {
                return Err(format!("`loss.terms.{index}` = {item}: {expected}"));
            };
            if let Some(key) = map.keys().find(|key| {
                !matches!(
                    key.as_str(),
                    "weight" | "schedule" | "start" | "over" | "loss"
                )
            }) {
                return Err(format!(
                    "no parameter is called `loss.terms.{index}.{key}`; {expected}"
                ));
            }
            let weight = match map.get("weight") {
            None => 1.0,
            Some(value) => value.as_f64().filter(|w| (0.0..=1e3).contains(w)).ok_or_else(|| {
                format!("`loss.terms.{index}.weight` = {value}: expected a number from 0 to 1000")
            })?,
        };
            let loss = map
                .get("loss")
                .ok_or_else(|| format!("`loss.terms.{index}.loss` is missing: {expected}"))?;
            let loss = LossConfig::from_json(loss)?;
            let mut term = Term::new(weight, loss);
            for key in ["schedule", "start", "over"] {
                let Some(value) = map.get(key) else { continue };
                let text = text_of(value).unwrap_or_else(|| value.to_string());
                crate::param::set(term.params(), key, &text)
                    .map_err(|error| format!("`loss.terms.{index}`: {error}"))?;
            }
            Ok(term)
        };
    list.iter().enumerate().map(term).collect()
}

/// The text that [`Param::set`] reads back.
fn text_of(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
        Json::Array(list) => {
            let parts: Option<Vec<String>> = list
                .iter()
                .map(|v| v.as_f64().map(|v| v.to_string()))
                .collect();
            parts.map(|parts| parts.join(", "))
        }
        Json::Null | Json::Object(_) => None,
    }
}

impl Serialize for LossConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LossConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::from_json(&json).map_err(D::Error::custom)
    }
}

/// What an error says was expected, without what it says was there.
fn expectation(error: &LossError) -> String {
    let text = error.to_string();
    let expected = text.split_once("expected ");
    expected.map_or(text.clone(), |(_, expected)| expected.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_kind() -> impl Iterator<Item = LossConfig> {
        KINDS.iter().map(|kind| LossConfig::of_kind(kind).unwrap())
    }

    #[test]
    fn every_loss_survives_toml_and_json() {
        for config in every_kind() {
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<LossConfig>(&json).unwrap(), config);
            let text = toml::to_string(&config).unwrap();
            assert_eq!(
                toml::from_str::<LossConfig>(&text).unwrap(),
                config,
                "{text}"
            );
        }
    }

    #[test]
    fn every_default_is_in_range_and_every_kind_is_described() {
        for mut config in every_kind() {
            for param in config.params() {
                param.check().unwrap();
                assert!(!param.help.is_empty(), "{}", param.key);
            }
            let kind = config.kind();
            assert!(
                super::super::LOSSES.iter().any(|info| info.kind == kind),
                "{kind}"
            );
        }
        assert_eq!(KINDS.len(), super::super::LOSSES.len());
    }

    #[test]
    fn wrong_keys_and_values_are_named() {
        let error = |text: &str| toml::from_str::<LossConfig>(text).unwrap_err().to_string();
        assert!(error("kind = \"dise\"").contains("`dise`"));
        assert!(error("kind = \"dice\"\nsmoth_numerator = 1").contains("smooth_numerator"));
        assert!(error("kind = \"dice\"\npower = 9").contains("`power` = 9"));
        assert!(error("kind = \"sum\"\nterms = [{ weight = 1 }]").contains("terms.0.loss"));
        assert!(error("power = 1").contains("kind"));
    }

    #[test]
    fn a_reference_is_a_starting_point() {
        let read = |text: &str| toml::from_str::<LossConfig>(text);
        let config = read("like = \"monai.DiceLoss\"\nsmooth_numerator = 3").unwrap();
        let LossConfig::Dice(dice) = &config else {
            panic!("{config:?}")
        };
        assert_eq!(
            (dice.smooth_numerator, dice.smooth_denominator),
            (3.0, 1e-5)
        );
        let error = read("like = \"monai.DiceLoss\"\nkind = \"focal\"").unwrap_err();
        assert!(error.to_string().contains("expected dice"), "{error}");
        let mut config = LossConfig::default();
        config.set("terms.0.loss.like", "smp.DiceLoss").unwrap();
        assert!(config.set("like", "smp.DyceLoss").is_err());
    }

    #[test]
    fn terms_of_a_sum_are_set_by_their_path() {
        let mut config = LossConfig::default();
        config.set("terms.1.loss.kind", "focal").unwrap();
        config.set("terms.1.loss.gamma", "3").unwrap();
        config.set("terms.0.weight", "0.25").unwrap();
        let LossConfig::Sum(sum) = &config else {
            panic!()
        };
        assert_eq!(sum.terms[0].weight, 0.25);
        assert!(matches!(&sum.terms[1].loss, LossConfig::Focal(focal) if focal.gamma == 3.0));
        assert!(config.set("terms.7.loss.kind", "dice").is_err());
    }
}
