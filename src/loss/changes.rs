//! What one loss changes against another, in one line of words.

use super::{LOSSES, LossConfig, LossError};
use crate::param::Param;

/// Settings named before the rest is only counted.
const NAMED: usize = 5;

impl LossConfig {
    /// One line: what this loss does differently from `before`; `None` where nothing differs.
    /// Where both have the same settings under two kinds (the overlap family), these are compared
    /// too.
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
        let (old, new) = (values(before), values(self));
        let mut left_out = 0;
        for (key, value) in &new {
            let Some((_, was)) = old.iter().find(|(other, _)| other == key) else {
                left_out += usize::from(self.kind() == before.kind());
                continue;
            };
            if was == value {
                continue;
            }
            if parts.len() < NAMED {
                parts.push(format!("{} {value} (was {was})", key.replace('_', " ")));
            } else {
                left_out += 1;
            }
        }
        if self.kind() == before.kind() {
            left_out += old
                .iter()
                .filter(|(key, _)| !new.iter().any(|(other, _)| other == key))
                .count();
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

fn values(config: &LossConfig) -> Vec<(String, String)> {
    let mut config = config.clone();
    let params = config.params();
    let pair = |param: &Param<'_>| (param.key.clone(), param.value.to_string());
    params.iter().map(pair).collect()
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
    fn a_reference_knows_its_name() {
        let monai = LossConfig::like("monai.DiceLoss").unwrap();
        assert!(monai.known_as().contains(&"monai.DiceLoss"));
        assert!(LossConfig::named("monai.DiceLoss").is_ok());
        assert!(LossConfig::named("dice").is_ok());
        assert!(LossConfig::named("dise").is_err());
    }
}
