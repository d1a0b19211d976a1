//! The museum on the generated sample: each mistake is caught by the findings that it names, its twin
//! by none of them.

use std::sync::{Arc, Mutex};

use dicebench::data::{DataConfig, Dataset, Progress};
use dicebench::doctor::{self, Diagnosis, Evidence, Masks};
use dicebench::experiment::{ExperimentConfig, Preset};
use dicebench::finding::Severity;
use dicebench::lab::proving::Prover;
use dicebench::run::store::Store;

/// Findings that only a run can show.
const LIVE: &[&str] = &["dead-network"];

/// Datasets by what they were opened with: opening takes longer than looking.
static OPENED: Mutex<Vec<(DataConfig, Arc<Dataset>)>> = Mutex::new(Vec::new());

fn opened(config: &DataConfig) -> Arc<Dataset> {
    let mut known = OPENED.lock().unwrap();
    if let Some((_, dataset)) = known.iter().find(|(data, _)| data == config) {
        return Arc::clone(dataset);
    }
    let dataset = Arc::new(Dataset::open(config, &Progress::default()).unwrap());
    known.push((config.clone(), Arc::clone(&dataset)));
    dataset
}

fn examined(config: &ExperimentConfig) -> Vec<Diagnosis> {
    let dataset = opened(&config.data);
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

/// Small enough for a test; every claim must hold here as on the sample as it is.
const TINY: &[(&str, &str)] = &[
    ("data.width", "32"),
    ("data.height", "32"),
    ("model.depth", "2"),
    ("model.base", "8"),
    ("train.batch", "8"),
    ("train.steps", "80"),
    ("train.validate_every", "40"),
    ("train.device", "cpu"),
];

#[test]
fn every_pair_shows_what_it_claims() {
    let dir = tempfile::tempdir().unwrap();
    let mut prover = Prover::new(Store::new(dir.path()));
    let mut wrong = Vec::new();
    for exhibit in Preset::exhibits() {
        let mut base = exhibit.config.clone();
        for (key, value) in TINY {
            base.set(key, value).unwrap();
        }
        for verdict in prover.prove(&exhibit, &base).unwrap() {
            if verdict.shown != Some(true) {
                wrong.push(format!("{}: {verdict:?}", exhibit.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn findings_that_presets_name_are_said_by_some_rule() {
    let known: Vec<&str> = doctor::rules::codes().collect();
    for preset in Preset::bundled() {
        for code in &preset.caught_by {
            assert!(known.contains(&code.as_str()), "{}: {code}", preset.name);
        }
    }
}

/// Exit codes of `museum --check`: 0 where every claim is borne out, 3 where the mistake does not show,
/// 2 for an exhibit that there is not.
#[test]
fn claims_can_be_checked_from_the_command_line() {
    let home = tempfile::tempdir().unwrap();
    let check = |args: &[&str]| {
        let all = [&["museum", "--check"], args].concat();
        let output = crate::cli::dicebench(home.path(), &all);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text + &crate::cli::stderr(&output))
    };
    let (code, text) = check(&["museum-bilinear-masks"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("✔ masks: the share of training pixels"),
        "{text}"
    );
    // At their own size masks are not resized, so that there is nothing to be seen.
    let own_size = ["--set", "data.width=128", "--set", "data.height=128"];
    let (code, text) = check(&[&["museum-bilinear-masks"][..], &own_size].concat());
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains('✖'), "{text}");
    let (code, text) = check(&["museum-of-art"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("museum-plus-dice"), "{text}");
}
