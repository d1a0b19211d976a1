//! The only place that names a backend: which devices there are and how one is opened.

use burn::prelude::Device;
use serde::{Deserialize, Serialize};

/// One row of the device picker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// What `train.device` holds: `cpu`, `gpu0`, …
    pub id: String,
    /// For people: "AMD Radeon RX 7600 (Vulkan)".
    pub name: String,
    /// `None` = usable; otherwise why not.
    pub problem: Option<String>,
}

/// Opens the device called `id` (`auto` takes the first usable GPU, else the CPU).
///
/// # Errors
/// When there is no such device or it failed its check.
pub fn open(id: &str) -> Result<(Device, DeviceInfo), String> {
    match id {
        "auto" | "cpu" => Ok((Device::flex(), cpu())),
        _ => Err(format!("there is no device `{id}`: expected auto or cpu")),
    }
}

fn cpu() -> DeviceInfo {
    DeviceInfo {
        id: "cpu".to_owned(),
        name: "CPU".to_owned(),
        problem: None,
    }
}

/// The CPU and every GPU with the remembered result of its probe; never touches a driver itself.
#[must_use]
pub fn known() -> Vec<DeviceInfo> {
    todo!()
}

/// Probes in a child process (`dicebench devices --probe`), because a driver can crash its process;
/// remembers the answer per driver version. Blocking: call it from a background thread.
#[must_use]
pub fn probe() -> Vec<DeviceInfo> {
    todo!()
}
