//! What the rules' tests share: small datasets, X-rays and runs to plant a cause in.

use std::sync::LazyLock;

use super::Evidence;
use super::page::Diagnosis;
use crate::data::{Class, ClassMap, DataConfig, Dataset, IGNORE, Progress};
use crate::doctor::xray::{self, Subject, Xray};
use crate::experiment::ExperimentConfig;
use crate::run::metrics::Confusion;
use crate::run::{Run, StepPoint, Validation};

/// The default configuration with these settings on top.
pub fn config(settings: &[(&str, &str)]) -> ExperimentConfig {
    let mut config = ExperimentConfig::default();
    for (key, value) in settings {
        config.set(key, value).unwrap();
    }
    config
}

/// The generated sample; opened once, because that takes longer than any rule.
pub fn sample() -> Dataset {
    static SAMPLE: LazyLock<Dataset> =
        LazyLock::new(|| Dataset::open(&DataConfig::default(), &Progress::default()).unwrap());
    SAMPLE.clone()
}

/// An X-ray of two small masks of three classes, the last rare.
pub fn xray(config: &ExperimentConfig) -> Xray {
    xray_of(config, &["background", "cell", "speck"], Vec::new())
}

/// The same masks; a fourth class would not occur.
pub fn xray_of(config: &ExperimentConfig, names: &[&str], class_weights: Vec<f64>) -> Xray {
    let mut labels = vec![0_u8; 2 * 16 * 16];
    for y in 3..9 {
        for x in 4..10 {
            labels[y * 16 + x] = 1;
            labels[256 + (y + 2) * 16 + x] = 1;
        }
    }
    for (x, y) in [(12, 12), (13, 12), (12, 13)] {
        labels[y * 16 + x] = 2;
        labels[256 + y * 16 + x - 10] = 2;
    }
    let subject = Subject {
        labels,
        shape: [2, 16, 16],
        class_names: names.iter().map(|name| (*name).to_owned()).collect(),
        class_weights,
    };
    xray::take(config, &subject).unwrap()
}

pub fn evidence(config: &ExperimentConfig) -> Evidence<'_> {
    Evidence {
        config,
        dataset: None,
        xray: None,
        run: None,
    }
}

pub fn of_run(run: &Run) -> Evidence<'_> {
    Evidence {
        run: Some(run),
        ..evidence(&run.config)
    }
}

pub fn code(diagnosis: Option<Diagnosis>) -> Option<String> {
    diagnosis.map(|d| d.finding.code)
}

/// The configuration after the fix of `diagnosis`.
pub fn cured(config: &ExperimentConfig, diagnosis: &Diagnosis) -> ExperimentConfig {
    let mut config = config.clone();
    let fix = diagnosis.fix.as_ref().unwrap();
    for (key, value) in &fix.settings {
        config.set(key, value).unwrap();
    }
    if let Some(classes) = &fix.classes {
        config.data.classes = Some(classes.clone());
    }
    config
}

/// A run of 100 steps with a validation per point: `(loss, mean Dice)`. Two classes, 90 and 10 % of
/// the pixels, half of the second found.
pub fn run(points: &[(f64, f64)]) -> Run {
    let every = 100 / points.len().max(1) as u64;
    let validations = points
        .iter()
        .enumerate()
        .map(|(i, &(loss, dice))| Validation {
            step: every * (i as u64 + 1),
            loss,
            dice: vec![Some(dice), Some(dice)],
            mean_dice: Some(dice),
            confusion: Confusion {
                classes: 2,
                counts: vec![900, 0, 50, 50],
            },
            per_image: Vec::new(),
            calibration: Default::default(),
            secs: 0.0,
        })
        .collect();
    let steps = (1..=100)
        .map(|step| StepPoint {
            step,
            loss: 0.5,
            learning_rate: 1e-3,
            grad_norm: 1.0,
            secs: 0.0,
        })
        .collect();
    let best = (0..points.len()).max_by(|a, b| points[*a].1.total_cmp(&points[*b].1));
    Run {
        validations,
        steps,
        best,
        total_steps: 100,
        steps_per_epoch: 10,
        classes: vec!["background".into(), "cell".into()],
        ..Run::default()
    }
}

pub fn classes(values: &[(&str, u32)]) -> ClassMap {
    ClassMap {
        classes: values
            .iter()
            .map(|(name, value)| Class {
                name: (*name).to_owned(),
                color: [0; 3],
                values: vec![*value],
            })
            .collect(),
        ignore: vec![u32::from(IGNORE)],
        ..ClassMap::default()
    }
}
