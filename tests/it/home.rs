//! What is taken home: the network in PyTorch, event files for TensorBoard, tables, and a bundle that
//! is trained again.

use std::path::Path;
use std::process::Command;

use burn::prelude::*;
use dicebench::data::Image;
use dicebench::data::config::Normalize;
use dicebench::data::normalize::Scale;
use dicebench::export::parcel::NETWORK;
use dicebench::export::tensorboard;
use dicebench::model::UNet;
use dicebench::model::config::{HiddenActivation, ModelConfig, Normalization, Upsampling};
use dicebench::run::RunEvent;
use dicebench::train::checkpoint::save_model;
use serde_json::json;

use crate::cli::{dicebench, stderr};

/// Computes what our engine computes, where `DICEBENCH_PYTHON` (or `python3`) has PyTorch; elsewhere
/// only the syntax is checked, or nothing where there is no Python.
#[test]
fn the_exported_network_computes_what_ours_does() {
    let dir = tempfile::tempdir().unwrap();
    let module = dir.path().join("model.py");
    std::fs::write(&module, NETWORK).unwrap();
    let classes = ["a", "b", "c"];
    let mut state = 11u64;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut cases = Vec::new();
    for (at, &normalization) in Normalization::ALL.iter().enumerate() {
        for &upsampling in Upsampling::ALL {
            let config = ModelConfig {
                depth: 2,
                base: 6,
                hidden_activation: HiddenActivation::ALL[at],
                normalization,
                upsampling,
                dropout: 0.2,
            };
            let device = Device::flex().autodiff();
            let net = UNet::new(&config, 3, classes.len(), 5, &device);
            let shape = [2, 3, 8, 12];
            let input: Vec<f32> = (0..2 * 3 * 8 * 12).map(|_| 4.0 * next() - 2.0).collect();
            let x = || TensorData::new(input.clone(), shape);
            // Running statistics that are not those of the start.
            for _ in 0..3 {
                let _ = net.forward(Tensor::from_data(x(), &device)).into_data();
            }
            let plain = Device::flex();
            let logits = net.valid().forward(Tensor::from_data(x(), &plain));
            let logits: Vec<f32> = logits.into_data().try_to_vec().unwrap();
            let how = Normalize::ALL[at % Normalize::ALL.len()];
            let image = Image {
                width: 4,
                height: 5,
                channels: 3,
                pixels: (0..60).map(|_| (next() * 255.0) as u8).collect(),
            };
            let scale = match how {
                Normalize::Image => Scale::of_image(&image),
                _ => Scale::fixed(3),
            };
            let mut prepared = Vec::new();
            for channel in 0..3 {
                let plane = image.pixels.iter().skip(channel).step_by(3);
                prepared.extend(plane.map(|p| scale.of(channel, f32::from(*p) / 255.0)));
            }
            let name = format!("{normalization} {upsampling}");
            let weights = dir.path().join(format!("{at}{upsampling}.safetensors"));
            let text = |value: serde_json::Value| value.to_string();
            let about = [
                ("model", serde_json::to_string(&config).unwrap()),
                ("channels", "3".to_owned()),
                ("classes", text(json!(classes))),
                ("activation", "softmax".to_owned()),
                ("normalize", how.name().to_owned()),
                (
                    "normalization",
                    text(json!([[0.5, 4.0], [0.5, 4.0], [0.5, 4.0]])),
                ),
            ];
            save_model(&net, &weights, &about).unwrap();
            cases.push(json!({
                "name": name, "module": module, "weights": weights, "shape": shape,
                "input": input, "logits": logits, "size": [5, 4, 3],
                "image": image.pixels, "prepared": prepared,
            }));
        }
    }
    let path = dir.path().join("cases.json");
    std::fs::write(&path, serde_json::to_vec(&cases).unwrap()).unwrap();
    let python = std::env::var("DICEBENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/export/network.py");
    let Ok(output) = Command::new(python).arg(script).arg(&path).output() else {
        println!("no Python: the exported network is not run");
        return;
    };
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    println!("{} networks, run: {}", cases.len(), answer["ran"]);
    assert_eq!(answer["wrong"], json!([]));
}

/// Reads an event file by the description of its format: length, its checksum, data, its checksum.
fn records(file: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let length: [u8; 8] = rest[..8].try_into().unwrap();
        let size = u64::from_le_bytes(length) as usize;
        let check = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        assert_eq!(check(8), masked(&length), "checksum of a length");
        let data = &rest[12..12 + size];
        assert_eq!(check(12 + size), masked(data), "checksum of a record");
        found.push(data.to_vec());
        rest = &rest[16 + size..];
    }
    found
}

/// CRC-32C by a table, unlike the writer's, and TFRecord's mask.
fn masked(data: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256u32)
        .map(|byte| {
            (0..8).fold(byte, |c, _| {
                if c & 1 == 1 {
                    c >> 1 ^ 0x82f6_3b78
                } else {
                    c >> 1
                }
            })
        })
        .collect();
    let crc = data.iter().fold(u32::MAX, |crc, byte| {
        table[((crc ^ u32::from(*byte)) & 255) as usize] ^ (crc >> 8)
    });
    let crc = crc ^ u32::MAX;
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Fields of a protobuf message: number, and its bytes (of a varint or fixed number: its value's).
fn fields(message: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    let mut at = 0;
    let varint = |at: &mut usize| {
        let mut value = 0u64;
        for shift in (0..).step_by(7) {
            let byte = message[*at];
            *at += 1;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                break;
            }
        }
        value
    };
    while at < message.len() {
        let tag = varint(&mut at);
        let length = match tag & 7 {
            0 => {
                let value = varint(&mut at);
                found.push((tag >> 3, value.to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            2 => varint(&mut at) as usize,
            5 => 4,
            wire => panic!("wire type {wire}"),
        };
        found.push((tag >> 3, message[at..at + length].to_vec()));
        at += length;
    }
    found
}

fn field(message: &[u8], number: u64) -> Option<Vec<u8>> {
    let all = fields(message).into_iter();
    all.filter(|(n, _)| *n == number)
        .map(|(_, bytes)| bytes)
        .next()
}

#[test]
fn an_event_file_is_read_back_record_by_record() {
    let run = crate::views::made_up_run("a", 30, 0.05);
    let file = tensorboard::encode(&run);
    let records = records(&file);
    assert_eq!(records.len(), 1 + run.steps.len() + run.validations.len());
    assert_eq!(field(&records[0], 3).unwrap(), b"brain.Event:2");
    let mut losses = Vec::new();
    let mut dice = Vec::new();
    for record in &records[1..] {
        let step = field(record, 2).map(|b| u64::from_le_bytes(b.try_into().unwrap()));
        let summary = field(record, 5).expect("a summary");
        for (_, value) in fields(&summary) {
            let tag = String::from_utf8(field(&value, 1).unwrap()).unwrap();
            let number = f32::from_le_bytes(field(&value, 2).unwrap().try_into().unwrap());
            match tag.as_str() {
                "train/loss" => losses.push((step.unwrap(), number)),
                "validation/mean_dice" => dice.push((step.unwrap(), number)),
                _ => {}
            }
        }
    }
    let expected: Vec<(u64, f32)> = run.steps.iter().map(|p| (p.step, p.loss as f32)).collect();
    assert_eq!(losses, expected);
    let expected: Vec<(u64, f32)> = (run.validations.iter())
        .map(|v| (v.step, v.mean_dice.unwrap() as f32))
        .collect();
    assert_eq!(dice, expected);
}

/// `tests/data/tensorboard/read.py` had TensorBoard's own reader read the very bytes that are written.
#[test]
fn tensorboard_itself_reads_the_numbers_that_were_written() {
    let mut run = dicebench::run::Run::default();
    run.apply(&RunEvent::Started {
        device: "CPU".to_owned(),
        total_steps: 4,
        steps_per_epoch: 2,
        parameters: 1,
        classes: ["sky", "Straße"].map(str::to_owned).into(),
        class_colors: vec![[0; 3]; 2],
        class_weights: vec![1.0; 2],
        dataset: "made up".to_owned(),
        unix_secs: 1_700_000_000,
        memory_estimate: 0,
    });
    for (step, loss) in [(1, 1.5), (2, 0.1), (3, f64::NAN), (300, 1e-30)] {
        run.apply(&RunEvent::Step {
            step,
            loss,
            learning_rate: 1e-3,
            grad_norm: 2.0,
            secs: step as f64 * 0.25,
        });
    }
    run.apply(&RunEvent::Validated {
        step: 300,
        loss: 0.75,
        dice: vec![Some(0.9), None],
        mean_dice: Some(0.9),
        confusion: dicebench::run::metrics::Confusion::new(2),
        per_image: Vec::new(),
        calibration: Default::default(),
        secs: 80.0,
    });
    let file = tensorboard::encode(&run);
    if file != include_bytes!("../data/tensorboard/run.tfevents") {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("run.tfevents");
        std::fs::write(&path, &file).unwrap();
        panic!(
            "event files are written otherwise than when TensorBoard read them: put {} into \
             tests/data/tensorboard and let read.py read it again",
            path.display()
        );
    }
    let read: serde_json::Value =
        serde_json::from_str(include_str!("../data/tensorboard/read.json")).unwrap();
    assert_eq!(read["version"], 2.0);
    let mut written: std::collections::BTreeMap<String, Vec<(u64, f64, f64)>> = Default::default();
    let mut push = |tag: &str, step: u64, secs: f64, value: f64| {
        let row = (step, 1_700_000_000.0 + secs, f64::from(value as f32));
        written.entry(tag.to_owned()).or_default().push(row);
    };
    for point in &run.steps {
        push("train/loss", point.step, point.secs, point.loss);
        push(
            "train/learning_rate",
            point.step,
            point.secs,
            point.learning_rate,
        );
        push("train/grad_norm", point.step, point.secs, point.grad_norm);
    }
    push("validation/loss", 300, 80.0, 0.75);
    push("validation/mean_dice", 300, 80.0, 0.9);
    push("validation/dice/sky", 300, 80.0, 0.9);
    let scalars = read["scalars"].as_object().unwrap();
    assert!(scalars.keys().eq(written.keys()), "{:?}", scalars.keys());
    for (tag, rows) in &written {
        let found = scalars[tag].as_array().unwrap();
        assert_eq!(found.len(), rows.len(), "{tag}");
        for (found, (step, wall, value)) in found.iter().zip(rows) {
            assert_eq!(
                (&found[0], &found[1]),
                (&json!(step), &json!(wall)),
                "{tag}"
            );
            match value.is_nan() {
                true => assert_eq!(found[2], "nan", "{tag}"),
                false => assert_eq!(found[2], json!(value), "{tag}"),
            }
        }
    }
}

#[test]
fn everything_is_exported_and_a_bundle_is_trained_again() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut args = vec!["train", "--device", "cpu"];
    for pair in [
        "data.width=32",
        "data.height=32",
        "model.depth=2",
        "model.base=4",
        "train.epochs=0",
        "train.steps=4",
        "train.validate_every=2",
    ] {
        args.extend(["--set", pair]);
    }
    let output = dicebench(home, &args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let list = dicebench(home, &["runs", "--json"]);
    let list: Vec<serde_json::Value> = serde_json::from_slice(&list.stdout).unwrap();
    let id = list[0]["id"].as_str().unwrap();
    let to = home.join("taken");
    let to_text = to.to_str().unwrap();
    let args = [
        "runs", "export", id, "--to", to_text, "--format", "all", "--json",
    ];
    let output = dicebench(home, &args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let written: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    for end in [
        "steps.csv",
        "run.json",
        "model.py",
        "best.safetensors",
        "loss_pytorch.py",
    ] {
        assert!(
            written.iter().any(|path| path.ends_with(end)),
            "{end}: {written:?}"
        );
    }
    let bundle = written
        .iter()
        .find(|path| path.ends_with(".dicebench") && !path.contains("tfevents"));
    let bundle = bundle.expect("a bundle");
    let output = dicebench(home, &["replay", bundle]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}{}", stderr(&output));
}
