//! The museum on the generated sample: each mistake is caught by the findings that it names, its twin
//! by none of them.

use dicebench::data::{Dataset, Progress};
use dicebench::doctor::{self, Diagnosis, Evidence, Masks};
use dicebench::experiment::{ExperimentConfig, Preset};
use dicebench::finding::Severity;

/// Findings that only a run can show.
const LIVE: &[&str] = &["dead-network"];

fn examined(config: &ExperimentConfig) -> Vec<Diagnosis> {
    let dataset = Dataset::open(&config.data, &Progress::default()).unwrap();
    let masks = Masks::read(&dataset, config).unwrap();
    let subject = doctor::examine(&masks, config).unwrap();
    let xray = doctor::xray::take(config, &subject).unwrap();
    doctor::diagnose(Evidence {
        config,
        dataset: Some(&dataset),
        xray: Some(&xray),
        run: None,
    })
}

fn has(found: &[Diagnosis], code: &str) -> bool {
    found.iter().any(|diagnosis| diagnosis.finding.code == code)
}

#[test]
fn every_mistake_is_caught_and_its_twin_is_not() {
    for preset in Preset::exhibits() {
        let mistake = examined(&preset.config);
        let twin = examined(&preset.fixed().unwrap().unwrap());
        for code in preset
            .caught_by
            .iter()
            .filter(|code| !LIVE.contains(&code.as_str()))
        {
            assert!(has(&mistake, code), "{} lacks {code}", preset.name);
            assert!(!has(&twin, code), "the twin of {} has {code}", preset.name);
        }
        let error = |d: &&Diagnosis| d.finding.severity == Severity::Error;
        assert_eq!(twin.iter().find(error), None, "the twin of {}", preset.name);
    }
}

#[test]
fn the_fixes_of_the_question_make_it_green() {
    let preset = Preset::bundled()
        .into_iter()
        .find(|p| p.name == "question")
        .unwrap();
    let mut config = preset.config;
    let found = examined(&config);
    for code in [
        "doubled-activation",
        "ids-as-targets",
        "one-sum-over-all-classes",
    ] {
        let diagnosis = found.iter().find(|d| d.finding.code == code).unwrap();
        for (key, value) in &diagnosis.fix.as_ref().unwrap().settings {
            config.set(key, value).unwrap();
        }
    }
    let left = examined(&config);
    assert!(
        left.iter().all(|d| d.finding.severity == Severity::Hint),
        "{left:?}"
    );
}

#[test]
fn presets_to_begin_from_are_silent_before_training() {
    for name in ["default", "solution-2", "solution-3"] {
        let preset = Preset::bundled()
            .into_iter()
            .find(|p| p.name == name)
            .unwrap();
        assert_eq!(examined(&preset.config), [], "{name}");
    }
}
