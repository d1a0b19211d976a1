//! A training step on every adapter that is there (in CI: software Vulkan) equals the CPU's.

use std::path::Path;

use crate::cli::{dicebench, stderr};

/// As the drivers list them.
fn adapters(home: &Path) -> Vec<serde_json::Value> {
    let listed = dicebench(home, &["devices", "--list-adapters"]);
    serde_json::from_slice(&listed.stdout).unwrap()
}

/// In processes of their own, because a graphics driver can crash the one it is in.
#[test]
fn every_adapter_that_is_offered_computes_what_the_cpu_computes() {
    let home = tempfile::tempdir().unwrap();
    let output = dicebench(home.path(), &["devices", "--probe", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let devices: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let devices = devices.as_array().unwrap();
    assert_eq!(devices[0]["id"], "cpu");
    for device in &devices[1..] {
        assert_eq!(device["problem"], serde_json::Value::Null, "{device}");
        let id = device["id"].as_str().unwrap();
        asks_for_one_read_back_a_step(home.path(), id, "dice", ["2", "5"]);
        // These sort errors and measure distances.
        for loss in ["lovasz", "hausdorff"] {
            asks_for_one_read_back_a_step(home.path(), id, loss, ["2"]);
        }
    }
}

/// As in a training: whatever the number of steps, each starts the same kernels and reads once.
fn asks_for_one_read_back_a_step<const N: usize>(
    home: &Path,
    id: &str,
    loss: &str,
    steps: [&str; N],
) {
    let counts = steps.map(|steps| {
        let mut args = vec!["bench", "step", "--json", "--device", id, "--steps", steps];
        args.extend(["--loss", loss]);
        args.extend([
            "--batch", "2", "--size", "16", "--base", "4", "--depth", "2",
        ]);
        let output = dicebench(home, &args);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{id}: {said}{}", stderr(&output));
        let report: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(report["read_backs"], 1, "{loss}: {said}");
        report["launches"].as_u64().unwrap()
    });
    // Forward, loss, backward and update of 18 tensors at least.
    let same = counts.iter().all(|count| *count == counts[0]);
    assert!(same && counts[0] > 50, "{id}, {loss}: {counts:?}");
}

/// One family of each sort: rows of sums, sorting, distance maps, pooling, matrices.
#[test]
fn losses_on_every_adapter_equal_their_references() {
    let home = tempfile::tempdir().unwrap();
    let output = dicebench(home.path(), &["devices", "--probe", "--json"]);
    let devices: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/losses");
    let files = [
        "integer_label_dice",
        "lovasz",
        "boundary",
        "cldice",
        "other_terms",
        "mcc",
    ];
    let files: Vec<String> = files.iter().map(|f| format!("{cases}/{f}.json")).collect();
    for device in devices.as_array().unwrap() {
        let id = device["id"].as_str().unwrap();
        let mut args = vec!["loss", "check", "--f32", "--device", id];
        args.extend(files.iter().map(String::as_str));
        let output = dicebench(home.path(), &args);
        assert!(
            output.status.success(),
            "{id}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            stderr(&output)
        );
    }
}

/// Every normalisation, upsampling, activation and loss, in value and gradient. By number of the
/// adapter, in a process of its own.
#[test]
fn every_part_on_every_adapter_equals_the_cpu() {
    let home = tempfile::tempdir().unwrap();
    for (number, adapter) in adapters(home.path()).iter().enumerate() {
        let number = number.to_string();
        let args = ["devices", "--check-adapter", &number, "--thorough"];
        let output = dicebench(home.path(), &args);
        let said = String::from_utf8_lossy(&output.stdout);
        let unequal: Vec<&str> = (said.lines())
            .filter(|line| !line.contains("\"problem\":null"))
            .collect();
        assert!(
            output.status.success() && unequal.is_empty(),
            "{adapter}: {unequal:#?} {}",
            stderr(&output)
        );
    }
}

/// A driver that is reset in mid-run, in a process of its own: the run ends with a message that says
/// what to do, what was recorded before is kept, and a second run says the same rather than waits.
#[test]
fn a_device_that_is_lost_in_mid_run_ends_the_run_with_its_record_kept() {
    let home = tempfile::tempdir().unwrap();
    let runs = home.path().join("runs");
    for (number, adapter) in adapters(home.path()).iter().enumerate() {
        let number = number.to_string();
        let folder = runs.to_str().unwrap();
        let args = ["devices", "--check-adapter", &number, "--lose", folder];
        let output = dicebench(home.path(), &args);
        let lost: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{adapter}: {}", stderr(&output)));
        for end in ["outcome", "again"] {
            assert_eq!(lost[end]["outcome"], "failed", "{lost}");
            let message = lost[end]["message"].as_str().unwrap();
            assert!(message.contains("was lost"), "{end}: {message}");
            assert!(message.contains("train.device"), "{end}: {message}");
        }
        let told = lost["told"].as_u64().unwrap();
        assert!(told > 0, "{lost}");
        let record = runs
            .join(lost["run"].as_str().unwrap())
            .join("events.jsonl");
        let record = std::fs::read_to_string(record).unwrap();
        let steps = record
            .lines()
            .filter(|line| line.contains("\"step\":") && line.contains("\"loss\":"));
        assert!(steps.count() as u64 >= told, "{record}");
    }
}
