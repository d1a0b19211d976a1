//! A run as one file: configuration with its seeds, fingerprint of the data, every recorded event and
//! the pictures, so that anyone can train it again and see where, if anywhere, it comes out different.
//!
//! Gzipped JSON. Events are kept as the lines that were recorded: a number that is read and written
//! again may lose its last bit, and a replay must not differ by that.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::experiment::ExperimentConfig;
use crate::files;
use crate::run::{Run, RunEvent};

const VERSION: u32 = 1;
/// What a bundle may unpack to: more is no bundle of ours.
const MOST_BYTES: u64 = 4 << 30;

/// A run in one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// Version of this format.
    bundle: u32,
    /// Version of the program that wrote it.
    pub dicebench: String,
    pub name: String,
    /// The complete configuration, as TOML.
    config: String,
    /// Lines of `events.jsonl`.
    events: Vec<String>,
    /// PNG files of the run's folder by their path in it, in base64.
    pictures: BTreeMap<String, String>,
}

impl Bundle {
    /// Packs the run that lies in `folder`.
    ///
    /// # Errors
    /// Naming the file that can't be read.
    pub fn pack(run: &Run, folder: &Path) -> Result<Self, String> {
        let path = folder.join("events.jsonl");
        let events = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let mut pictures = BTreeMap::new();
        for entry in walkdir::WalkDir::new(folder).into_iter().flatten() {
            let path = entry.path();
            let png = path.extension().is_some_and(|end| end == "png");
            let (true, Ok(inside)) = (png, path.strip_prefix(folder)) else {
                continue;
            };
            let bytes =
                std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            pictures.insert(
                inside.to_string_lossy().replace('\\', "/"),
                BASE64.encode(bytes),
            );
        }
        Ok(Self {
            bundle: VERSION,
            dicebench: env!("CARGO_PKG_VERSION").to_owned(),
            name: run.name.clone(),
            config: toml::to_string(&run.config).map_err(|error| error.to_string())?,
            events: events.lines().map(str::to_owned).collect(),
            pictures,
        })
    }

    /// # Errors
    /// Naming the file that can't be written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = serde_json::to_vec(self).map_err(|error| named(&error))?;
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(&text).map_err(|error| named(&error))?;
        let packed = packer.finish().map_err(|error| named(&error))?;
        files::write_atomically(path, &packed).map_err(|error| named(&error))
    }

    /// # Errors
    /// When the file can't be read, or is no bundle of a known version.
    pub fn read(path: &Path) -> Result<Self, String> {
        let named = |error: &dyn std::fmt::Display| {
            format!(
                "{}: {error}: expected a bundle that `dicebench runs export --format bundle` wrote",
                path.display()
            )
        };
        let file =
            std::fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut text = Vec::new();
        GzDecoder::new(file)
            .take(MOST_BYTES)
            .read_to_end(&mut text)
            .map_err(|error| named(&error))?;
        let bundle: Self = serde_json::from_slice(&text).map_err(|error| named(&error))?;
        if bundle.bundle != VERSION {
            return Err(named(&format!("version {} of the format", bundle.bundle)));
        }
        Ok(bundle)
    }

    /// The configuration that was trained.
    ///
    /// # Errors
    /// When it is not one that this program knows.
    pub fn config(&self) -> Result<ExperimentConfig, String> {
        let config: ExperimentConfig =
            toml::from_str(&self.config).map_err(|error| format!("configuration: {error}"))?;
        config.validate().map_err(|problems| problems.join("; "))?;
        Ok(config)
    }

    /// Fingerprint of the data that was trained on.
    #[must_use]
    pub fn dataset(&self) -> Option<String> {
        let mut run = Run::default();
        for event in self.events.iter().filter_map(|line| read(line)) {
            if matches!(event, RunEvent::Started { .. }) {
                run.apply(&event);
                return Some(run.dataset);
            }
        }
        None
    }

    /// What was measured, in order, to compare a replay with.
    #[must_use]
    pub fn measured(&self) -> Vec<Measured> {
        let lines = self.events.iter();
        lines.filter_map(|line| Measured::of_line(line)).collect()
    }
}

fn read(line: &str) -> Option<RunEvent> {
    serde_json::from_str(line).ok()
}

/// A step or validation without its clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub step: u64,
    values: serde_json::Map<String, Value>,
}

impl Measured {
    /// Of an event as it happens; `None` for what measures nothing.
    #[must_use]
    pub fn of(event: &RunEvent) -> Option<Self> {
        // Through text, as the recorded ones came.
        Self::of_line(&serde_json::to_string(event).ok()?)
    }

    fn of_line(line: &str) -> Option<Self> {
        let Ok(Value::Object(mut values)) = serde_json::from_str(line) else {
            return None;
        };
        if !matches!(values.get("event")?.as_str()?, "step" | "validated") {
            return None;
        }
        values.remove("secs");
        let step = values.get("step")?.as_u64()?;
        Some(Self { step, values })
    }

    /// The first value that is not the same, in words; `None` where all are.
    #[must_use]
    pub fn difference(&self, now: &Self) -> Option<String> {
        let keys = self.values.keys().chain(now.values.keys());
        for key in keys {
            let (then, now) = (self.values.get(key), now.values.get(key));
            if then == now {
                continue;
            }
            let shown = |value: Option<&Value>| match value {
                Some(value @ (Value::Number(_) | Value::String(_) | Value::Null)) => {
                    value.to_string()
                }
                Some(_) => "other counts".to_owned(),
                None => "nothing".to_owned(),
            };
            return Some(match then {
                Some(Value::Number(_) | Value::Null) => {
                    format!("`{key}` was {} and is {}", shown(then), shown(now))
                }
                _ => format!("`{key}` differs"),
            });
        }
        None
    }
}
