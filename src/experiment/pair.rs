//! A mistake beside its repair: two configurations that differ by the repair alone, so that whatever
//! differs between their runs comes from it.

use super::{ExperimentConfig, Preset};

/// What a pair has in place of its preset's, to be seen in a minute or so on two cores: long enough for
/// what the exhibits claim to show.
const SHORT: [(&str, &str); 2] = [("train.steps", "160"), ("train.validate_every", "20")];

impl Preset {
    /// The configuration of a mistake, shortened for somebody who watches.
    ///
    /// # Errors
    /// When a setting does not fit.
    pub fn short(&self) -> Result<ExperimentConfig, String> {
        let mut config = self.config.clone();
        for (key, value) in SHORT {
            config.set(key, value).map_err(|error| error.to_string())?;
        }
        Ok(config)
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
            assert!(preset.short().unwrap().train.steps < preset.config.train.steps);
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
