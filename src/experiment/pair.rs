//! A mistake beside its repair: two configurations that differ by the repair alone, so that whatever
//! differs between their runs comes from it.

use super::{ExperimentConfig, Preset};

/// Steps of a pair for somebody who watches: a minute or so on two cores, and long enough for what the
/// exhibits claim to show.
const SHORT: u64 = 160;

impl Preset {
    /// The configuration of a mistake for somebody who watches: no longer than it takes to see it.
    #[must_use]
    pub fn short(&self) -> ExperimentConfig {
        let mut config = self.config.clone();
        config.train.steps = config.train.steps.min(SHORT);
        config
    }

    /// The mistake on top of `base` (this preset's configuration, perhaps with other images or steps)
    /// and its fixed twin, with the names of their runs.
    ///
    /// # Errors
    /// When there is no twin, when a setting of it does not fit, or when `base` holds the repair
    /// already.
    pub fn pair(&self, base: &ExperimentConfig) -> Result<[(String, ExperimentConfig); 2], String> {
        let mistake = Self {
            config: base.clone(),
            ..self.clone()
        };
        let name = &self.name;
        let fixed = mistake.fixed()?.ok_or_else(|| {
            let names: Vec<String> = Self::exhibits().into_iter().map(|p| p.name).collect();
            let names = names.join(", ");
            format!("`{name}` has no fixed twin: expected one of {names}")
        })?;
        if fixed == *base {
            return Err(format!(
                "`{name}` with these settings is its own twin: {} changes nothing",
                self.twin.join(", ")
            ));
        }
        Ok([
            (name.clone(), base.clone()),
            (format!("{name}, fixed"), fixed),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_differs_by_the_repair_alone() {
        for preset in Preset::exhibits() {
            let mut base = preset.config.clone();
            base.set("train.steps", "7").unwrap();
            assert!(preset.short().train.steps < preset.config.train.steps);
            let [(a, mistake), (b, fixed)] = preset.pair(&base).unwrap();
            assert_eq!(mistake, base);
            assert_ne!(a, b);
            let mut repaired = mistake.clone();
            for setting in &preset.twin {
                let (key, value) = setting.split_once('=').unwrap();
                repaired.set(key.trim(), value.trim()).unwrap();
            }
            assert_eq!(repaired, fixed, "{a}");
            let again = preset.pair(&fixed).unwrap_err();
            assert!(again.contains("own twin"), "{again}");
        }
        let plain = Preset::default();
        let error = plain.pair(&plain.config).unwrap_err();
        assert!(error.contains("museum-plus-dice"), "{error}");
    }
}
