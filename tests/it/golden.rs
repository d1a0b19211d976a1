//! Every loss equals its reference library in value and gradient.
//!
//! `tests/data/losses` holds a selection; the complete set is read where the machine has it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::prelude::*;
use burn::tensor::DType;
use dicebench::loss::case::other::{ActivationCase, Checked, WeightCase};
use dicebench::loss::case::{Case, CaseFile};
use dicebench::loss::{LossConfig, REFERENCES};
use dicebench::run::metric_case::MetricCase;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.retain(|path| path.extension().is_some_and(|e| e == "json"));
    files.sort();
    files
}

/// How many cases of each family pass, and the cases of which less is asked in 32 bits.
fn check(folder: &Path, dtype: DType) -> (BTreeMap<String, usize>, Vec<String>) {
    let device = Device::flex();
    let mut passed: BTreeMap<String, usize> = BTreeMap::new();
    let mut exceptions = Vec::new();
    let mut failed = Vec::new();
    for path in files(folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        let file: CaseFile = serde_json::from_str(&text).unwrap();
        for json in file.cases {
            // Metrics, weights and activations are checked below.
            if json.get("loss").is_none() {
                continue;
            }
            let case: Case = serde_json::from_value(json).unwrap();
            match case.evaluate(&device, dtype) {
                Ok(answer) if answer.ok => {
                    *passed.entry(case.family.clone()).or_default() += 1;
                    if answer.exception.is_some() {
                        exceptions.push(case.id);
                    }
                }
                Ok(answer) => failed.push(format!(
                    "{}: loss {} for {}, errors {:.1e} and {:.1e} ({} {:?})",
                    case.id,
                    answer.loss,
                    case.loss,
                    answer.loss_error,
                    answer.grad_error,
                    case.activation,
                    case.params.keys().collect::<Vec<_>>()
                )),
                Err(message) => failed.push(format!("{}: {message}", case.id)),
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} failed in {dtype:?}:\n{}",
        failed.len(),
        failed.join("\n")
    );
    (passed, exceptions)
}

#[test]
fn the_selection_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/losses");
    let (passed, exceptions) = check(&folder, DType::F64);
    assert!(exceptions.is_empty(), "{exceptions:?}");
    // In 32 bits, as in training, of all but one as much is asked.
    let (single, exceptions) = check(&folder, DType::F32);
    assert_eq!(single, passed);
    assert!(
        exceptions.iter().all(|id| id == "lovasz.t.o236"),
        "{exceptions:?}"
    );
    let families = [
        "boundary",
        "cldice",
        "compound",
        "cross_entropy",
        "dice",
        // Online hard example mining: `ohem.py` beside the file.
        "dicebench",
        "focal",
        "generalized_dice",
        "integer_label_dice",
        "jaccard",
        "lovasz",
        "mcc",
        "nacl",
        "sensitivity_specificity",
        "tversky",
        "undecided",
        "unified_focal",
        "volume_enforcement",
        "wasserstein",
    ];
    let found: Vec<&str> = passed.keys().map(String::as_str).collect();
    assert_eq!(found, families, "{passed:?}");
}

#[test]
fn the_complete_set_passes_where_it_is_present() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/losses");
    let (passed, exceptions) = check(&folder, DType::F64);
    assert!(exceptions.is_empty(), "{exceptions:?}");
    let (single, exceptions) = check(&folder, DType::F32);
    assert_eq!(single, passed);
    assert!(exceptions.len() <= 1, "{exceptions:?}");
}

#[test]
fn every_named_reference_is_what_its_library_computes() {
    #[derive(serde::Deserialize)]
    struct Named {
        like: String,
        /// Arguments with which the library was called, where they are not its defaults.
        #[serde(default)]
        set: BTreeMap<String, String>,
        #[serde(flatten)]
        case: Case,
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/losses/references.json");
    let text = std::fs::read_to_string(path).unwrap();
    let file: CaseFile = serde_json::from_str(&text).unwrap();
    let mut failed = Vec::new();
    let mut proven = Vec::new();
    for json in file.cases {
        let named: Named = serde_json::from_value(json).unwrap();
        let reference = REFERENCES.iter().find(|r| r.name == named.like).unwrap();
        let mut loss = LossConfig::like(&named.like).unwrap();
        for (key, value) in &named.set {
            loss.set(key, value).unwrap();
        }
        let head = reference.activation;
        match named
            .case
            .evaluate_as(loss, head, &Device::flex(), DType::F64)
        {
            Ok(answer) if answer.ok => proven.push(named.like),
            Ok(answer) => failed.push(format!(
                "{} on {}: loss {} for {}, errors {:.1e} and {:.1e}",
                named.like,
                named.case.id,
                answer.loss,
                named.case.loss,
                answer.loss_error,
                answer.grad_error
            )),
            Err(message) => failed.push(format!("{}: {message}", named.like)),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let unproven: Vec<&str> = REFERENCES
        .iter()
        .map(|reference| reference.name)
        .filter(|name| !proven.iter().any(|proven| proven == name))
        .collect();
    assert!(unproven.is_empty(), "{unproven:?}");
}

/// How many cases of each sort equal their reference in a folder.
fn check_others(folder: &Path) -> [usize; 3] {
    let mut passed = [0; 3];
    for path in files(folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        let file: CaseFile = serde_json::from_str(&text).unwrap();
        for json in file.cases {
            let id = json["id"].to_string();
            let (sort, checked) = match json["family"].as_str().unwrap() {
                "class_weight" => {
                    let case: WeightCase = serde_json::from_value(json).unwrap();
                    (0, case.evaluate())
                }
                "activation" => {
                    let case: ActivationCase = serde_json::from_value(json).unwrap();
                    (1, case.evaluate(&Device::flex(), DType::F64))
                }
                "metric" => {
                    let case: MetricCase = serde_json::from_value(json).unwrap();
                    let checked = case.evaluate();
                    (
                        2,
                        checked.map(|(value, ok, error)| Checked { value, ok, error }),
                    )
                }
                _ => continue,
            };
            let checked = checked.unwrap_or_else(|message| panic!("{id}: {message}"));
            assert!(
                checked.ok,
                "{id}: off by {:e}: {}",
                checked.error, checked.value
            );
            passed[sort] += 1;
        }
    }
    passed
}

#[test]
fn class_weights_activations_and_metrics_equal_their_references() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let passed = check_others(&root.join("tests/data/losses"));
    assert!(passed.iter().all(|count| *count >= 5), "{passed:?}");
    println!("{:?}", check_others(&root.join("../shared/losses")));
}
