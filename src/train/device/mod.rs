//! The only place that names a backend: which devices there are and how one is opened.
//!
//! A graphics driver can crash its process, so this process never touches one unasked: adapters are
//! listed and checked in child processes ([`probe`]), and the answers are remembered.

mod check;
mod parity;
mod probe;
pub mod tuning;

use burn::prelude::Device;
use burn::tensor::DeviceKind;
use serde::{Deserialize, Serialize};

pub use check::check;
pub use parity::parity;
pub use probe::{list_adapters, probe};

/// One row of the device picker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// What `train.device` holds: `cpu`, `gpu0`, …
    pub id: String,
    /// For people: "AMD Radeon RX 7600 (Vulkan)".
    pub name: String,
    /// `None` = usable; otherwise why not.
    pub problem: Option<String>,
    /// Which adapter it is; `None` for the CPU.
    #[serde(default)]
    pub adapter: Option<Adapter>,
}

/// A graphics adapter as the driver reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adapter {
    pub name: String,
    pub api: String,
    /// Name and version of the driver: a remembered check holds for this driver only.
    pub driver: String,
    pub kind: AdapterKind,
    /// Among adapters of its kind.
    pub index: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterKind {
    Discrete,
    Integrated,
    Virtual,
    /// A driver that computes on the CPU.
    Software,
    Other,
}

impl Adapter {
    /// A GPU, not a driver that computes on the CPU.
    fn is_real(&self) -> bool {
        !matches!(self.kind, AdapterKind::Software | AdapterKind::Other)
    }

    /// burn's name for this adapter; portable shaders, whatever the graphics API.
    fn open(&self) -> Device {
        Device::wgpu(match self.kind {
            AdapterKind::Discrete => DeviceKind::DiscreteGpu(self.index),
            AdapterKind::Integrated => DeviceKind::IntegratedGpu(self.index),
            AdapterKind::Virtual => DeviceKind::VirtualGpu(self.index),
            AdapterKind::Software => DeviceKind::Cpu,
            AdapterKind::Other => DeviceKind::DefaultDevice,
        })
    }
}

impl DeviceInfo {
    /// Whether `auto` may take it: a real GPU that passed its check.
    fn is_fast(&self) -> bool {
        self.problem.is_none() && self.adapter.as_ref().is_some_and(Adapter::is_real)
    }
}

/// Opens the device called `id` (`auto` takes the first usable GPU, else the CPU).
///
/// # Errors
/// When there is no such device or it failed its check.
pub fn open(id: &str) -> Result<(Device, DeviceInfo), String> {
    let devices = match id {
        "cpu" => return Ok((Device::flex(), cpu())),
        // Listed anew each time: another driver needs another check.
        "auto" => probe::probe_real(),
        // A GPU that was asked for by name is looked for now, if it was not before.
        _ => match known() {
            devices if devices.iter().any(|device| device.id == id) => devices,
            _ => probe(),
        },
    };
    if id == "auto" {
        let gpu = devices.into_iter().find(DeviceInfo::is_fast);
        return Ok(match gpu {
            Some(DeviceInfo {
                adapter: Some(adapter),
                id,
                name,
                problem,
            }) => (
                adapter.open(),
                DeviceInfo {
                    id,
                    name,
                    problem,
                    adapter: Some(adapter),
                },
            ),
            _ => (Device::flex(), cpu()),
        });
    }
    let ids: Vec<String> = devices.iter().map(|device| device.id.clone()).collect();
    let found = devices.into_iter().find(|device| device.id == id);
    let unknown = || {
        format!(
            "there is no device `{id}`: expected auto or one of {}",
            ids.join(", ")
        )
    };
    let device = found.ok_or_else(unknown)?;
    match (&device.problem, &device.adapter) {
        (Some(problem), _) => Err(format!("{} can't be used: {problem}", device.name)),
        (None, Some(adapter)) => Ok((adapter.open(), device)),
        (None, None) => Ok((Device::flex(), device)),
    }
}

fn cpu() -> DeviceInfo {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    DeviceInfo {
        id: "cpu".to_owned(),
        name: format!("CPU ({threads} threads)"),
        problem: None,
        adapter: None,
    }
}

/// The CPU and every GPU with the remembered result of its probe; never touches a driver itself.
#[must_use]
pub fn known() -> Vec<DeviceInfo> {
    let mut devices = vec![cpu()];
    devices.extend(probe::remembered());
    devices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_a_real_gpu_only_if_it_passed() {
        let device = |kind, problem: Option<&str>| DeviceInfo {
            id: "gpu0".to_owned(),
            name: "x".to_owned(),
            problem: problem.map(str::to_owned),
            adapter: Some(Adapter {
                name: "x".to_owned(),
                api: "Vulkan".to_owned(),
                driver: "1".to_owned(),
                kind,
                index: 0,
            }),
        };
        assert!(device(AdapterKind::Discrete, None).is_fast());
        assert!(!device(AdapterKind::Discrete, Some("crashed")).is_fast());
        assert!(!device(AdapterKind::Software, None).is_fast());
        assert!(!cpu().is_fast());
    }

    #[test]
    fn an_unknown_device_is_refused_with_those_there_are() {
        let message = open("gpu99").err().unwrap();
        assert!(
            message.contains("gpu99") && message.contains("cpu"),
            "{message}"
        );
    }
}
