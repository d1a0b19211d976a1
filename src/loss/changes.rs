//! What one loss changes against another, in one line of words.

use super::{LOSSES, LossConfig, LossError};
use crate::param::Param;

/// Settings named before the rest is only counted.
const NAMED: usize = 5;

/// Letters of a value that still fit into a line: a matrix does not.
const WIDTH: usize = 32;

impl LossConfig {
    /// One line: what this loss does differently from `before`; `None` where nothing differs.
    /// Where both have the same settings under two kinds (the overlap family), these are compared
    /// too; settings that only the new kind has are named where they are not its defaults.
    #[must_use]
    pub fn change_against(&self, before: &Self) -> Option<String> {
        let mut parts = Vec::new();
        if self.kind() != before.kind() {
            parts.push(format!(
                "{} in place of {}",
                title(self.kind()),
                title(before.kind())
            ));
        }
        let (old, new) = (settings(before), settings(self));
        let usual = Self::of_kind(self.kind()).map_or_else(|_| Vec::new(), |kind| settings(&kind));
        let another = self.kind() != before.kind();
        let mut left_out = 0;
        for setting in &new {
            let (word, other) = match (setting.among(&old), setting.among(&usual)) {
                (Some(was), _) => ("was", was),
                (None, Some(usual)) if another => ("by default", usual),
                (None, _) => {
                    left_out += 1;
                    continue;
                }
            };
            if other.value == setting.value {
                continue;
            }
            if parts.len() < NAMED {
                let (name, value) = (spoken(&setting.key), short(&setting.value));
                parts.push(format!("{name} {value} ({word} {})", short(&other.value)));
            } else {
                left_out += 1;
            }
        }
        if !another {
            let gone = old.iter().filter(|setting| setting.among(&new).is_none());
            left_out += gone.count();
        }
        if left_out > 0 {
            parts.push(format!("{left_out} more"));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// The named references that this loss is, setting for setting.
    #[must_use]
    pub fn known_as(&self) -> Vec<&'static str> {
        let same = |reference: &&super::Reference| {
            reference.kind == self.kind()
                && Self::like(reference.name).is_ok_and(|config| config == *self)
        };
        let found = super::REFERENCES.iter().filter(same);
        found.map(|reference| reference.name).collect()
    }

    /// The loss that a row of a picker stands for: a kind, or a reference by its name.
    ///
    /// # Errors
    /// When nothing has that name.
    pub fn named(name: &str) -> Result<Self, LossError> {
        Self::of_kind(name).or_else(|_| Self::like(name))
    }
}

/// The words that a kind goes by.
#[must_use]
pub fn title(kind: &'static str) -> &'static str {
    LOSSES
        .iter()
        .find(|info| info.kind == kind)
        .map_or(kind, |info| info.title)
}

/// A key as words: `terms.0.loss.smooth_numerator` is "term 1 smooth numerator".
fn spoken(key: &str) -> String {
    let mut parts = key.split('.').filter(|part| *part != "loss").peekable();
    let mut words = Vec::new();
    while let Some(part) = parts.next() {
        match (
            part,
            parts.peek().and_then(|next| next.parse::<usize>().ok()),
        ) {
            ("terms", Some(index)) => {
                words.push(format!("term {}", index + 1));
                parts.next();
            }
            _ => words.push(part.replace('_', " ")),
        }
    }
    words.join(" ")
}

/// The beginning of a value; a word where it is empty.
fn short(value: &str) -> String {
    match value.chars().count() {
        0 => "none".to_owned(),
        count if count > WIDTH => value.chars().take(WIDTH - 1).chain(['…']).collect(),
        _ => value.to_owned(),
    }
}

/// One parameter of a loss.
struct Setting {
    key: String,
    /// Another meaning under the same key, such as `alpha` in another formula, is another setting.
    help: &'static str,
    value: String,
}

impl Setting {
    fn among<'a>(&self, all: &'a [Self]) -> Option<&'a Self> {
        let same = |other: &&Self| other.key == self.key && other.help == self.help;
        all.iter().find(same)
    }
}

fn settings(config: &LossConfig) -> Vec<Setting> {
    let mut config = config.clone();
    let params = config.params();
    let setting = |param: &Param<'_>| Setting {
        key: param.key.clone(),
        help: param.help,
        value: param.value.to_string(),
    };
    params.iter().map(setting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_old_and_new_value() {
        let squared = LossConfig::like("niftynet.dice").unwrap();
        let linear = LossConfig::like("niftynet.dice_nosquare").unwrap();
        assert_eq!(linear.change_against(&squared).unwrap(), "power 1 (was 2)");
        assert_eq!(linear.change_against(&linear), None);
    }

    #[test]
    fn kinds_of_one_engine_are_compared_setting_by_setting() {
        let dice = LossConfig::of_kind("dice").unwrap();
        let jaccard = LossConfig::of_kind("jaccard").unwrap();
        let line = jaccard.change_against(&dice).unwrap();
        assert!(
            line.starts_with("Soft Jaccard (IoU) in place of Soft Dice"),
            "{line}"
        );
        assert!(line.contains("alpha 1 (was 0.5)"), "{line}");
    }

    #[test]
    fn another_kind_names_what_is_unusual_about_it() {
        let dice = LossConfig::of_kind("dice").unwrap();
        let focal = LossConfig::of_kind("focal").unwrap();
        let line = focal.change_against(&dice).unwrap();
        assert_eq!(line, "Focal in place of Soft Dice");
        let smp = LossConfig::like("smp.FocalLoss").unwrap();
        let line = smp.change_against(&dice).unwrap();
        assert!(
            line.contains("; form binary (by default categorical)"),
            "{line}"
        );
        let sum = LossConfig::like("monai.DiceCELoss").unwrap();
        let line = sum.change_against(&dice).unwrap();
        assert!(
            line.contains("term 1 group image_class (by default class)"),
            "{line}"
        );
    }

    #[test]
    fn a_matrix_does_not_fill_the_line() {
        let monai = LossConfig::like("monai.GeneralizedWassersteinDiceLoss").unwrap();
        let niftynet = LossConfig::like("niftynet.generalised_wasserstein_dice_loss").unwrap();
        let line = niftynet.change_against(&monai).unwrap();
        assert!(line.contains("distances 0, 1, 1"), "{line}");
        assert!(line.contains("… (was none)") && line.len() < 200, "{line}");
    }

    #[test]
    fn a_reference_knows_its_name() {
        let monai = LossConfig::like("monai.DiceLoss").unwrap();
        assert!(monai.known_as().contains(&"monai.DiceLoss"));
        assert!(LossConfig::named("monai.DiceLoss").is_ok());
        assert!(LossConfig::named("dice").is_ok());
        assert!(LossConfig::named("dise").is_err());
    }
}
