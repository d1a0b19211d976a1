//! Which weights of a run are on disk: the best, the last, and those kept along the way within a
//! budget, so that what the network said at any moment can be asked for afterwards. It knows files,
//! no networks.
//!
//! `best.safetensors`, `last.safetensors`, and `weights/000120.safetensors` of the network after step
//! 120.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Run;

const FOLDER: &str = "weights";
const END: &str = "safetensors";

/// Which weights of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Checkpoint {
    /// Those with the best mean Dice.
    #[default]
    Best,
    /// Those at the end.
    Last,
    /// Those after this many updates.
    Step(u64),
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Best => f.write_str("best"),
            Self::Last => f.write_str("last"),
            Self::Step(step) => write!(f, "{step}"),
        }
    }
}

impl FromStr for Checkpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "best" => Ok(Self::Best),
            "last" => Ok(Self::Last),
            step => step.parse().map(Self::Step).map_err(|_| {
                format!("`{text}`: expected best, last or the number of a step, such as 120")
            }),
        }
    }
}

impl TryFrom<String> for Checkpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Checkpoint> for String {
    fn from(checkpoint: Checkpoint) -> Self {
        checkpoint.to_string()
    }
}

impl Checkpoint {
    /// Where the weights are in `dir`, the run's folder, if they are there.
    #[must_use]
    pub fn file(self, dir: &Path) -> PathBuf {
        match self {
            Self::Best | Self::Last => dir.join(format!("{self}.{END}")),
            Self::Step(step) => dir.join(FOLDER).join(format!("{step:06}.{END}")),
        }
    }

    /// Updates behind the weights; `None` where the run has none such yet.
    #[must_use]
    pub fn step(self, run: &Run) -> Option<u64> {
        match self {
            Self::Best => run
                .best
                .and_then(|at| run.validations.get(at))
                .map(|v| v.step),
            Self::Last => run.steps.last().map(|point| point.step),
            Self::Step(step) => Some(step),
        }
    }
}

/// All weights that are in `dir`, the folder of `run`, each with its step: those along the way in
/// order, then the last, then the best.
#[must_use]
pub fn stored(run: &Run, dir: &Path) -> Vec<(Checkpoint, u64)> {
    let names = fs::read_dir(dir.join(FOLDER)).into_iter().flatten();
    let mut steps: Vec<u64> = (names.flatten())
        .filter_map(|entry| {
            let name = entry.file_name();
            let step = name.to_str()?.strip_suffix(END)?.strip_suffix('.')?;
            step.parse().ok()
        })
        .collect();
    steps.sort_unstable();
    let along = steps.into_iter().map(Checkpoint::Step);
    let all = along.chain([Checkpoint::Last, Checkpoint::Best]);
    all.filter(|checkpoint| checkpoint.file(dir).is_file())
        .filter_map(|checkpoint| Some((checkpoint, checkpoint.step(run)?)))
        .collect()
}

/// Takes away the weights in `dir` that a run has from after `step`, from where it goes on.
///
/// # Errors
/// Naming the file that can't be taken away.
pub fn forget_after(dir: &Path, step: u64) -> Result<(), String> {
    let names = fs::read_dir(dir.join(FOLDER))
        .into_iter()
        .flatten()
        .flatten();
    let later = names.map(|entry| entry.path()).filter(|path| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let at: Option<u64> = stem.and_then(|stem| stem.parse().ok());
        at.is_some_and(|at| at > step)
    });
    // The last are those of the end, which is yet to come.
    let last = Some(Checkpoint::Last.file(dir)).filter(|path| path.exists());
    for path in later.chain(last) {
        fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// At which validations of a run weights are kept.
#[derive(Debug, Clone, Copy)]
pub struct Spacing {
    /// Validations from one to the next; 0 keeps none.
    every: u64,
}

impl Spacing {
    /// For weights of `size` bytes and `validations` in all: as many as `budget` bytes hold, evenly
    /// over the run, the first among them.
    #[must_use]
    pub fn new(size: u64, validations: u64, budget: u64) -> Self {
        let every = match budget / size.max(1) {
            0 => 0,
            fitting => validations.div_ceil(fitting).max(1),
        };
        Self { every }
    }

    /// Whether the weights of the validation `number`, counted from 1, are kept.
    #[must_use]
    pub fn keeps(self, number: u64) -> bool {
        self.every > 0 && number % self.every == 1 % self.every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_on_has_no_weights_of_what_is_yet_to_come() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(FOLDER)).unwrap();
        let all = [
            Checkpoint::Step(10),
            Checkpoint::Step(20),
            Checkpoint::Step(30),
            Checkpoint::Last,
            Checkpoint::Best,
        ];
        for checkpoint in all {
            fs::write(checkpoint.file(dir.path()), "").unwrap();
        }
        forget_after(dir.path(), 20).unwrap();
        let left = all.map(|checkpoint| checkpoint.file(dir.path()).exists());
        assert_eq!(left, [true, true, false, false, true]);
        forget_after(&dir.path().join("none"), 20).unwrap();
    }

    #[test]
    fn a_checkpoint_reads_as_it_is_written() {
        for (text, checkpoint) in [
            ("best", Checkpoint::Best),
            ("last", Checkpoint::Last),
            ("120", Checkpoint::Step(120)),
        ] {
            assert_eq!(text.parse(), Ok(checkpoint));
            assert_eq!(checkpoint.to_string(), text);
        }
        let error = "middle".parse::<Checkpoint>().unwrap_err();
        assert!(error.contains("middle") && error.contains("120"), "{error}");
    }

    #[test]
    fn as_many_are_kept_as_the_budget_holds() {
        let kept = |size, validations, budget| -> Vec<u64> {
            let spacing = Spacing::new(size, validations, budget);
            (1..=validations).filter(|n| spacing.keeps(*n)).collect()
        };
        assert_eq!(kept(10, 5, 50), [1, 2, 3, 4, 5]);
        assert_eq!(kept(10, 5, 49), [1, 3, 5]);
        assert_eq!(kept(10, 7, 25), [1, 5]);
        assert_eq!(kept(10, 7, 10), [1]);
        assert_eq!(kept(10, 7, 9), [] as [u64; 0]);
        for validations in 1..40 {
            for fitting in 1..40 {
                let kept = kept(10, validations, 10 * fitting);
                assert!(kept.len() as u64 <= fitting && kept[0] == 1);
            }
        }
    }

    #[test]
    fn only_what_is_on_disk_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let mut run = Run::default();
        assert_eq!(stored(&run, dir.path()), []);
        for step in [40, 20] {
            let file = Checkpoint::Step(step).file(dir.path());
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        fs::write(dir.path().join("weights/000060.safetensors.part"), "").unwrap();
        fs::write(Checkpoint::Last.file(dir.path()), "").unwrap();
        run.steps.push(crate::run::StepPoint {
            step: 50,
            loss: 0.0,
            learning_rate: 0.0,
            grad_norm: 0.0,
            secs: 0.0,
        });
        let found = stored(&run, dir.path());
        let of = Checkpoint::Step;
        assert_eq!(found, [(of(20), 20), (of(40), 40), (Checkpoint::Last, 50)]);
    }
}
