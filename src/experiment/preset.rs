//! A named experiment on disk: sparse TOML with a story; bundled ones are embedded in the binary.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::ExperimentConfig;
use super::symptom::Symptom;
use crate::files;
use crate::loss::LossConfig;

crate::choices! {
    /// Where a preset belongs in a list.
    pub enum Shelf {
        Start = "Starts": "Configurations to begin from.",
        Question = "The question": "What was asked, and what was answered.",
        Museum = "Museum of mistakes": "Real mistakes, each with its fixed twin: to look at, not to use.",
        Own = "Your own": "Presets that were saved here.",
    }
}

macro_rules! bundled {
    ($($shelf:ident: $($name:literal),+;)+) => {
        /// Embedded presets, in the order they are shown.
        const BUNDLED: &[(&str, Shelf, &str)] = &[
            $($(($name, Shelf::$shelf, include_str!(concat!("../../presets/", $name, ".toml"))),)+)+
        ];
    };
}

bundled! {
    Start: "default", "camvid";
    Question: "question", "question-baseline", "solution-1", "solution-2", "solution-3";
    Museum:
        "museum-second-sigmoid",
        "museum-ids-as-targets",
        "museum-one-global-sum",
        "museum-sigmoid-cross-entropy",
        "museum-probabilities-as-logits",
        "museum-masks-0-255",
        "museum-plus-dice",
        "museum-smooth-100",
        "museum-smooth-below-only",
        "museum-background-only",
        "museum-absent-class-weight",
        "museum-learning-rate",
        "museum-bilinear-masks";
}

/// A configuration with a name and the reason it exists.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preset {
    pub name: String,
    /// One line.
    pub about: String,
    /// Two sentences: where it comes from and what will be seen.
    pub story: String,
    /// Of a mistake: what X-ray and run show.
    pub symptom: String,
    /// Of a mistake: what X-ray and run show, as claims that are measured.
    pub shows: Vec<Symptom>,
    /// Codes of the findings that catch it, or that its story speaks of.
    pub caught_by: Vec<String>,
    /// Of a mistake: the settings (`key=value`) that turn it into its fixed twin.
    pub twin: Vec<String>,
    pub config: ExperimentConfig,
    /// Part of the binary; can't be overwritten or deleted.
    pub bundled: bool,
}

/// What a preset file may hold.
#[derive(Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Meta {
    name: String,
    about: String,
    story: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    symptom: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shows: Vec<Symptom>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    caught_by: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    twin: Vec<String>,
}

impl Preset {
    /// Where it belongs in a list.
    #[must_use]
    pub fn shelf(&self) -> Shelf {
        let bundled = BUNDLED.iter().find(|(name, _, _)| *name == self.name);
        match bundled {
            Some((_, shelf, _)) if self.bundled => *shelf,
            _ => Shelf::Own,
        }
    }

    /// Bundled mistakes that have a fixed twin, in the order they are shown.
    #[must_use]
    pub fn exhibits() -> Vec<Self> {
        let mut all = Self::bundled();
        all.retain(|preset| !preset.twin.is_empty());
        all
    }

    /// The same with its mistake put right; `None` where there is nothing to put right.
    ///
    /// # Errors
    /// When a setting of the twin does not fit, naming it.
    pub fn fixed(&self) -> Result<Option<ExperimentConfig>, String> {
        if self.twin.is_empty() {
            return Ok(None);
        }
        let mut config = self.config.clone();
        for setting in &self.twin {
            let (key, value) = setting
                .split_once('=')
                .ok_or_else(|| format!("twin `{setting}`: expected key=value"))?;
            config
                .set(key.trim(), value.trim())
                .map_err(|error| format!("twin: {error}"))?;
        }
        config.validate().map_err(|problems| problems.join("; "))?;
        Ok(Some(config))
    }

    /// Those that come with the program.
    #[must_use]
    pub fn bundled() -> Vec<Self> {
        BUNDLED
            .iter()
            .filter_map(|(name, _, text)| match Self::parse(text, name) {
                Ok(preset) => Some(Self {
                    bundled: true,
                    ..preset
                }),
                Err(message) => {
                    log::error!("bundled preset {name}: {message}");
                    None
                }
            })
            .collect()
    }

    /// A bundled preset, one of the user's, or a file.
    ///
    /// # Errors
    /// Naming file, key, value and expectation; an unknown name lists those there are.
    pub fn find(name: &str, folder: &Path) -> Result<Self, String> {
        let bundled = Self::bundled();
        if let Some(preset) = bundled.iter().find(|preset| preset.name == name) {
            return Ok(preset.clone());
        }
        let path = Path::new(name);
        if path.extension().is_some_and(|e| e == "toml") || path.is_file() {
            return Self::read(path);
        }
        let (own, _) = Self::list(folder);
        if let Some(preset) = own.iter().find(|preset| preset.name == name) {
            return Ok(preset.clone());
        }
        let names: Vec<&str> = bundled
            .iter()
            .chain(&own)
            .map(|p| p.name.as_str())
            .collect();
        Err(format!(
            "there is no preset `{name}`: expected a file or one of {}",
            names.join(", ")
        ))
    }

    /// The user's own presets in name order, and what is wrong with those that can't be read.
    #[must_use]
    pub fn list(folder: &Path) -> (Vec<Self>, Vec<String>) {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        paths.retain(|path| path.extension().is_some_and(|e| e == "toml"));
        paths.sort();
        let (mut presets, mut problems) = (Vec::new(), Vec::new());
        for path in paths {
            match Self::read(&path) {
                Ok(preset) => presets.push(preset),
                Err(problem) => problems.push(problem),
            }
        }
        (presets, problems)
    }

    /// Reads a preset file.
    ///
    /// # Errors
    /// Naming file, key, value and expectation.
    pub fn read(path: &Path) -> Result<Self, String> {
        let in_file = |message: String| format!("{}: {message}", path.display());
        let text = std::fs::read_to_string(path).map_err(|e| in_file(e.to_string()))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&text, &stem).map_err(in_file)
    }

    fn parse(text: &str, name: &str) -> Result<Self, String> {
        let mut table: Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
        let meta = table
            .remove("preset")
            .unwrap_or_else(|| Value::Table(Table::new()));
        let meta: Meta = meta.try_into().map_err(|e| format!("[preset] {e}"))?;
        let config: ExperimentConfig = table
            .try_into()
            .map_err(|e| e.to_string().trim_end().to_owned())?;
        config.validate().map_err(|problems| problems.join("; "))?;
        let preset = Self {
            name: if meta.name.is_empty() {
                name.to_owned()
            } else {
                meta.name
            },
            about: meta.about,
            story: meta.story,
            symptom: meta.symptom,
            shows: meta.shows,
            caught_by: meta.caught_by,
            twin: meta.twin,
            config,
            bundled: false,
        };
        preset.fixed()?;
        Ok(preset)
    }

    /// Readable TOML with only what differs from the defaults.
    ///
    /// # Errors
    /// When a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, String> {
        let table = |config: &ExperimentConfig| Table::try_from(config).map_err(|e| e.to_string());
        let mut sparse = difference(table(&self.config)?, &table(&ExperimentConfig::default())?);
        if let Ok(loss) = Table::try_from(&self.config.loss) {
            let loss = sparse_loss(loss)?;
            let default =
                sparse_loss(Table::try_from(LossConfig::default()).map_err(|e| e.to_string())?)?;
            sparse.remove("loss");
            if loss != default {
                sparse.insert("loss".to_owned(), Value::Table(loss));
            }
        }
        let meta = Meta {
            name: self.name.clone(),
            about: self.about.clone(),
            story: self.story.clone(),
            symptom: self.symptom.clone(),
            shows: self.shows.clone(),
            caught_by: self.caught_by.clone(),
            twin: self.twin.clone(),
        };
        let mut all = Table::new();
        // Plain values first: in TOML they can't follow a table.
        for (key, value) in &sparse {
            if !value.is_table() {
                all.insert(key.clone(), value.clone());
            }
        }
        all.insert(
            "preset".to_owned(),
            Value::try_from(&meta).map_err(|e| e.to_string())?,
        );
        for (key, value) in sparse {
            all.entry(key).or_insert(value);
        }
        toml::to_string_pretty(&all).map_err(|e| e.to_string())
    }

    /// Writes the preset into the user's folder and returns the file.
    ///
    /// # Errors
    /// When it has no name or a bundled preset's, or the file can't be written.
    pub fn save(&self, folder: &Path) -> Result<PathBuf, String> {
        if self.name.trim().is_empty() {
            return Err("a preset needs a name".to_owned());
        }
        if BUNDLED.iter().any(|(name, _, _)| *name == self.name) {
            return Err(format!(
                "`{}` is a bundled preset: choose another name",
                self.name
            ));
        }
        let path = folder.join(format!("{}.toml", files::slug(&self.name)));
        files::write_atomically(&path, self.to_toml()?.as_bytes())
            .map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(path)
    }

    /// Deletes a preset of the user's own.
    ///
    /// # Errors
    /// When there is none of that name, or its file can't be deleted.
    pub fn delete(folder: &Path, name: &str) -> Result<(), String> {
        let entries =
            std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if Self::read(&path).is_ok_and(|preset| preset.name == name) {
                return std::fs::remove_file(&path).map_err(|e| format!("{}: {e}", path.display()));
            }
        }
        Err(format!("{}: there is no preset `{name}`", folder.display()))
    }
}

/// What of `table` is not in `base`, tables compared inside.
fn difference(table: Table, base: &Table) -> Table {
    table
        .into_iter()
        .filter_map(|(key, value)| match (value, base.get(&key)) {
            (value, Some(other)) if value == *other => None,
            (Value::Table(inner), Some(Value::Table(other))) => {
                Some((key, Value::Table(difference(inner, other))))
            }
            (value, _) => Some((key, value)),
        })
        .collect()
}

/// A loss without the values that its kind has anyway; terms of a sum likewise.
fn sparse_loss(mut table: Table) -> Result<Table, String> {
    let kind = table
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if let Some(Value::Array(terms)) = table.get_mut("terms") {
        for term in terms {
            if let Some(Value::Table(loss)) = term.get_mut("loss") {
                *loss = sparse_loss(std::mem::take(loss))?;
            }
        }
        return Ok(table);
    }
    let default = LossConfig::of_kind(&kind).map_err(|e| e.to_string())?;
    let default = Table::try_from(default).map_err(|e| e.to_string())?;
    let mut sparse = difference(table, &default);
    sparse.insert("kind".to_owned(), Value::String(kind));
    Ok(sparse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_preset_reads_and_tells_its_story() {
        let bundled = Preset::bundled();
        assert_eq!(bundled.len(), BUNDLED.len());
        for (preset, (name, _, _)) in bundled.iter().zip(BUNDLED) {
            assert_eq!(preset.name, *name);
            assert!(
                !preset.about.is_empty() && preset.story.len() > 40,
                "{name}"
            );
        }
    }

    #[test]
    fn every_exhibit_has_a_symptom_a_rule_and_a_twin_that_differs() {
        let exhibits = Preset::exhibits();
        let museum = (Preset::bundled().iter())
            .filter(|p| p.shelf() == Shelf::Museum)
            .count();
        assert_eq!(exhibits.len(), museum + 1, "the museum and the question");
        for preset in exhibits {
            let name = &preset.name;
            assert!(
                preset.symptom.len() > 40
                    && !preset.shows.is_empty()
                    && !preset.caught_by.is_empty(),
                "{name}"
            );
            assert_ne!(preset.fixed().unwrap().unwrap(), preset.config, "{name}");
        }
        let text = "[preset]\ntwin = [\"train.batsch=3\"]";
        assert!(Preset::parse(text, "x").unwrap_err().contains("batsch"));
    }

    #[test]
    fn a_preset_survives_its_file_and_holds_only_what_differs() {
        let dir = tempfile::tempdir().unwrap();
        let mut preset = Preset {
            name: "Mine & yours".to_owned(),
            about: "a \"quoted\" line".to_owned(),
            ..Preset::default()
        };
        preset
            .config
            .set("loss.terms.0.loss.smooth_numerator", "0.5")
            .unwrap();
        preset.config.set("train.batch", "3").unwrap();
        let path = preset.save(dir.path()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("smooth_numerator") && !text.contains("learning_rate"),
            "{text}"
        );
        assert_eq!(Preset::read(&path).unwrap(), preset);
        assert_eq!(Preset::find("Mine & yours", dir.path()).unwrap(), preset);
        Preset::delete(dir.path(), "Mine & yours").unwrap();
        assert!(Preset::list(dir.path()).0.is_empty());
        for bundled in Preset::bundled() {
            let text = bundled.to_toml().unwrap();
            let again = Preset::parse(&text, "x").unwrap();
            assert_eq!(again.config, bundled.config, "{text}");
        }
    }

    #[test]
    fn wrong_files_name_file_key_value_and_expectation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bad.toml");
        for (text, parts) in [
            ("[train]\nbatsch = 3", vec!["bad.toml", "batsch"]),
            (
                "[train]\nbatch = 0",
                vec!["bad.toml", "`train.batch` = 0", "1 to 512"],
            ),
            (
                "[loss]\nkind = \"dice\"\npower = 9.0",
                vec!["bad.toml", "power", "9", "1 to 4"],
            ),
            ("activation = \"tanh\"", vec!["bad.toml", "tanh", "softmax"]),
            (
                "[data]\nwidth = 100",
                vec!["bad.toml", "data.width", "100", "8"],
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            let message = Preset::read(&path).unwrap_err();
            for part in parts {
                assert!(message.contains(part), "{message} lacks {part}");
            }
        }
        assert!(
            Preset::find("nonesuch", dir.path())
                .unwrap_err()
                .contains("solution-1")
        );
        let taken = Preset {
            name: "default".to_owned(),
            ..Preset::default()
        };
        assert!(taken.save(dir.path()).is_err());
    }
}
