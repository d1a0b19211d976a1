//! A training step on every adapter that is there (in CI: software Vulkan) equals the CPU's.

use std::process::Command;

/// In processes of their own, because a graphics driver can crash the one it is in.
#[test]
fn every_adapter_that_is_offered_computes_what_the_cpu_computes() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_dicebench"))
        .args(["devices", "--probe", "--json"])
        .env("DICEBENCH_HOME", home.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let devices: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let devices = devices.as_array().unwrap();
    assert_eq!(devices[0]["id"], "cpu");
    for device in &devices[1..] {
        assert_eq!(device["problem"], serde_json::Value::Null, "{device}");
    }
}
