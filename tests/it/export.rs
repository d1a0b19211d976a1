//! Exported losses: every parameter reaches the code, and where Python and the framework are
//! installed the code computes what our engine computes.

use std::path::Path;
use std::process::Command;

use burn::prelude::*;
use burn::tensor::DType;
use dicebench::experiment::ExperimentConfig;
use dicebench::export::{Framework, Request, code};
use dicebench::loss::config::KINDS;
use dicebench::loss::{LossConfig, LossContext, OutputActivation, Prediction, REFERENCES, Target};
use dicebench::param::Value;
use serde_json::json;

/// Five, because one reference has a fixed matrix for five classes.
const CLASSES: usize = 5;
const SHAPE: [usize; 4] = [2, CLASSES, 6, 7];
const WEIGHTS: [f64; CLASSES] = [0.5, 2.0, 1.25, 3.0, 0.25];

#[derive(Clone)]
struct Subject {
    name: String,
    loss: LossConfig,
    head: OutputActivation,
    weights: Vec<f64>,
}

impl Subject {
    fn code(&self, to: Framework) -> String {
        let config = ExperimentConfig {
            activation: self.head,
            loss: self.loss.clone(),
            ..ExperimentConfig::default()
        };
        code(&Request {
            title: &self.name,
            config: &config,
            class_weights: &self.weights,
            to,
        })
    }

    /// The code and what is said about it, without the list of settings.
    fn said(&self, to: Framework) -> String {
        let text = self.code(to);
        let setting = |line: &&str| line.starts_with("    loss.");
        let lines: Vec<&str> = text.lines().filter(|line| !setting(line)).collect();
        lines.join("\n")
    }

    /// Value and gradient by our engine, in 64 bits.
    fn evaluate(&self, logits: &[f64], labels: &[u8]) -> Result<(f64, Vec<f64>), String> {
        let device = Device::flex().autodiff();
        let context = LossContext {
            num_classes: CLASSES,
            class_weights: self.weights.clone(),
            device: device.clone(),
        };
        let loss = self.loss.build(&context).map_err(|e| e.to_string())?;
        let [n, _, h, w] = SHAPE;
        let data = TensorData::new(logits.to_vec(), SHAPE);
        let logits: Tensor<4> = Tensor::from_data(data, (&device, DType::F64));
        let logits = logits.require_grad();
        let prediction = Prediction {
            logits: logits.clone(),
            activation: self.head,
        };
        let target = Target::with_dtype(labels, [n, h, w], CLASSES, &device, DType::F64);
        let value = loss.forward(&prediction, &target);
        let grads = value.backward();
        let grad = logits.grad(&grads).map_or_else(
            || vec![0.0; SHAPE.iter().product()],
            |grad| grad.into_data().iter::<f64>().collect(),
        );
        let value = value.inner().into_data().iter::<f64>().next();
        Ok((value.ok_or("no value")?, grad))
    }
}

/// Other values that each parameter may have, one at a time: `(key, text)`.
fn changes(loss: &LossConfig) -> Vec<(String, String)> {
    let mut copy = loss.clone();
    let mut found = Vec::new();
    for param in copy.params() {
        let mut change = |text: String| found.push((param.key.clone(), text));
        match &param.value {
            Value::Float { value, range, .. } => {
                let moved = |by: f64| (**value * by + 0.06).clamp(*range.start(), *range.end());
                let other = [moved(0.5), moved(1.5)].into_iter().find(|x| x != *value);
                change(other.expect("a range of more than one value").to_string());
                // None at all is often a branch of its own.
                if range.contains(&0.0) && **value != 0.0 {
                    change("0".to_owned());
                }
            }
            Value::Int { value, .. } => change((**value + 2).to_string()),
            Value::Flag(value) => change((!**value).to_string()),
            Value::Choice(choice) => {
                let names = choice.names().iter().enumerate();
                for (_, name) in names.filter(|(index, _)| *index != choice.index()) {
                    change((*name).to_owned());
                }
            }
            Value::Floats { .. } => change(match param.key.rsplit('.').next() {
                Some("classes") => "1, 3".to_owned(),
                Some("distances") => {
                    let off = |at: usize| (at / CLASSES).abs_diff(at % CLASSES) as f64 / 4.0;
                    let all: Vec<String> = (0..CLASSES * CLASSES)
                        .map(|at| off(at).to_string())
                        .collect();
                    all.join(", ")
                }
                _ => "0.5, 1, 2, 0.25, 3".to_owned(),
            }),
            Value::Text(_) => {}
        }
    }
    found
}

/// Every kind as it is by default and with each parameter changed, on a softmax.
fn variants() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for kind in KINDS {
        let default = LossConfig::of_kind(kind).unwrap();
        for head in [OutputActivation::Sigmoid, OutputActivation::None] {
            subjects.push(Subject {
                name: format!("{kind} on {head}"),
                loss: default.clone(),
                head,
                weights: Vec::new(),
            });
        }
        for (key, text) in changes(&default) {
            let mut loss = default.clone();
            loss.set(&key, &text).unwrap();
            subjects.push(Subject {
                name: format!("{kind} with {key} = {text}"),
                loss,
                head: OutputActivation::Softmax,
                weights: Vec::new(),
            });
        }
        subjects.push(Subject {
            name: (*kind).to_owned(),
            loss: default,
            head: OutputActivation::Softmax,
            weights: Vec::new(),
        });
    }
    subjects
}

#[test]
fn every_parameter_reaches_the_code() {
    let softmax = |loss: &LossConfig| Subject {
        name: String::new(),
        loss: loss.clone(),
        head: OutputActivation::Softmax,
        weights: WEIGHTS.to_vec(),
    };
    let mut lost = Vec::new();
    for kind in KINDS {
        let default = LossConfig::of_kind(kind).unwrap();
        // Some parameters matter only beside another one: each is tried beside every other.
        let changes = changes(&default);
        let mut bases = vec![default.clone()];
        for (key, text) in &changes {
            let mut base = default.clone();
            base.set(key, text).unwrap();
            bases.push(base);
        }
        for (key, text) in &changes {
            let matters = bases.iter().any(|base| {
                let mut changed = base.clone();
                changed.set(key, text).unwrap();
                changed != *base
                    && softmax(&changed).said(Framework::Pytorch)
                        != softmax(base).said(Framework::Pytorch)
            });
            if !matters {
                lost.push(format!("{kind}: {key} = {text}"));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn what_a_framework_lacks_is_said_at_the_top() {
    let subject = |kind: &str| Subject {
        name: "x".to_owned(),
        loss: LossConfig::of_kind(kind).unwrap(),
        head: OutputActivation::Softmax,
        weights: Vec::new(),
    };
    for kind in ["boundary", "hausdorff"] {
        let text = subject(kind).code(Framework::Keras);
        assert!(
            text.starts_with("# NOTE: NOT SUPPORTED") && text.contains("NotImplementedError"),
            "{text}"
        );
        assert!(!subject(kind).code(Framework::Pytorch).contains("NOTE"));
    }
    let lovasz = subject("lovasz").code(Framework::Monai);
    assert!(lovasz.starts_with("# NOTE: MONAI has no loss that is exactly `lovasz`"));
    let dice = subject("dice").code(Framework::Monai);
    assert!(dice.contains("from monai.losses import DiceLoss") && !dice.contains("NOTE"));

    let mut config = ExperimentConfig::default();
    config.set("class_weights.scheme", "inverse").unwrap();
    let request = |class_weights| Request {
        title: "x",
        config: &config,
        class_weights,
        to: Framework::Pytorch,
    };
    assert!(code(&request(&[])).starts_with("# NOTE: `class_weights.scheme` = inverse"));
    let with = code(&request(&WEIGHTS));
    assert!(with.contains("[0.5, 2.0, 1.25, 3.0, 0.25]") && !with.contains("NOTE"));
}

#[test]
fn a_title_can_not_end_the_text_it_stands_in() {
    let subject = Subject {
        name: "a\"\"\"\nimport os".to_owned(),
        loss: LossConfig::default(),
        head: OutputActivation::Softmax,
        weights: Vec::new(),
    };
    let text = subject.code(Framework::Pytorch);
    assert_eq!(text.matches("\"\"\"").count(), 6, "{text}");
    assert!(!text.lines().any(|line| line.starts_with("import os")));
}

/// Runs where `DICEBENCH_PYTHON` (or `python3`) has PyTorch, MONAI, or Keras on PyTorch; elsewhere
/// only the syntax is checked, or nothing where there is no Python.
#[test]
fn exported_losses_compute_what_the_engine_computes() {
    let mut subjects = variants();
    for reference in REFERENCES.iter() {
        for weights in [Vec::new(), WEIGHTS.to_vec()] {
            subjects.push(Subject {
                name: format!("{} with {} weights", reference.name, weights.len()),
                loss: LossConfig::like(reference.name).unwrap(),
                head: reference.activation,
                weights,
            });
        }
    }
    let mut state = 5u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let logits: Vec<f64> = (0..SHAPE.iter().product())
        .map(|_| next() * 4.0 - 2.0)
        .collect();
    // Class 4 is absent; some pixels of the second image are ignored.
    let [n, _, h, w] = SHAPE;
    let mut labels: Vec<u8> = (0..n * h * w).map(|_| (next() * 4.0) as u8).collect();
    for at in [h * w + 3, h * w + 11, h * w + 12] {
        labels[at] = 255;
    }
    // Logarithms of outputs that are no probabilities are no numbers: with positive logits they are.
    let positive: Vec<f64> = logits.iter().map(|z| z.abs() * 0.4 + 0.05).collect();
    let mut cases = Vec::new();
    for subject in &subjects {
        let raw = subject.head == OutputActivation::None && subject.name.contains(" on none");
        let logits = if raw { &positive } else { &logits };
        let Ok((loss, grad)) = subject.evaluate(logits, &labels) else {
            continue;
        };
        if !loss.is_finite() || grad.iter().any(|g| !g.is_finite()) {
            continue;
        }
        for to in Framework::ALL {
            let code = subject.code(*to);
            cases.push(json!({
                "name": format!("{} for {to}", subject.name),
                "framework": to.name(),
                "unsupported": code.contains("NOT SUPPORTED"),
                "code": code, "shape": SHAPE, "logits": logits, "labels": labels,
                "loss": loss, "grad": grad,
                // Softplus is a straight line above 20 in PyTorch; top-k shares ties in ours; and
                // MONAI computes focal loss and one-hot truth in 32 bits.
                "tolerance": if *to == Framework::Monai { 2e-6 } else { 1e-7 },
            }));
        }
    }
    assert!(cases.len() > 3 * KINDS.len());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cases.json");
    std::fs::write(&path, serde_json::to_vec(&cases).unwrap()).unwrap();
    let python = std::env::var("DICEBENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/export/check.py");
    let Ok(output) = Command::new(python).arg(script).arg(&path).output() else {
        println!("no Python: the exported code is not run");
        return;
    };
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    println!("{} cases, run: {}", cases.len(), answer["ran"]);
    let wrong: Vec<&str> = (answer["wrong"].as_array().unwrap().iter())
        .filter_map(serde_json::Value::as_str)
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
