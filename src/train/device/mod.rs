//! The only place that names a backend: which devices there are and how one is opened.
//!
//! A graphics driver can crash its process, so this process never touches one unasked: adapters are
//! listed and checked in child processes ([`probe`]), and the answers are remembered.

mod awkward;
mod check;
mod lost;
mod parity;
mod probe;
pub mod traffic;
pub mod tuning;

use burn::prelude::Device;
use burn::tensor::DeviceKind;
use serde::{Deserialize, Serialize};

pub use check::check;
pub use lost::lose;
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
        Device::wgpu(self.device_kind())
    }

    fn device_kind(&self) -> DeviceKind {
        match self.kind {
            AdapterKind::Discrete => DeviceKind::DiscreteGpu(self.index),
            AdapterKind::Integrated => DeviceKind::IntegratedGpu(self.index),
            AdapterKind::Virtual => DeviceKind::VirtualGpu(self.index),
            AdapterKind::Software => DeviceKind::Cpu,
            AdapterKind::Other => DeviceKind::DefaultDevice,
        }
    }
}

impl DeviceInfo {
    fn open(&self) -> Device {
        (self.adapter.as_ref()).map_or_else(Device::flex, Adapter::open)
    }

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
    if id == "auto" {
        let (device, info, _) = open_or_cpu(id)?;
        return Ok((device, info));
    }
    let info = named(id)?;
    match &info.problem {
        Some(problem) => Err(format!("{} can't be used: {problem}", info.name)),
        None => Ok((info.open(), info)),
    }
}

/// `plain` for training: with gradients, and with maps computed again in the backward pass if
/// `checkpointing`.
#[must_use]
pub fn for_training(plain: Device, checkpointing: bool) -> Device {
    let device = plain.autodiff();
    if checkpointing {
        device.gradient_checkpointing()
    } else {
        device
    }
}

/// As [`open`], with the CPU in place of a GPU that failed its check, and then what to tell of it.
///
/// # Errors
/// When there is no such device.
pub fn open_or_cpu(id: &str) -> Result<(Device, DeviceInfo, Option<String>), String> {
    let chosen = match id {
        "auto" => choose(probe::probe_real()),
        _ => or_cpu(named(id)?),
    };
    let (info, message) = chosen;
    Ok((info.open(), info, message))
}

/// The first usable GPU, else the CPU; with a message where there are GPUs and none is usable.
fn choose(devices: Vec<DeviceInfo>) -> (DeviceInfo, Option<String>) {
    let mut refused = None;
    for device in devices {
        if device.is_fast() {
            return (device, None);
        }
        if device.adapter.as_ref().is_some_and(Adapter::is_real) {
            refused.get_or_insert(device);
        }
    }
    refused.map_or_else(|| (cpu(), None), or_cpu)
}

fn or_cpu(device: DeviceInfo) -> (DeviceInfo, Option<String>) {
    match &device.problem {
        Some(problem) => {
            let message = fallback(&device.name, problem);
            (cpu(), Some(message))
        }
        None => (device, None),
    }
}

/// Says that the CPU computes in place of a GPU.
#[must_use]
pub fn fallback(name: &str, problem: &str) -> String {
    format!("{name} can't be used: {problem}. The CPU computes instead")
}

/// Whether a device is called so; one that can't be used is there all the same.
///
/// # Errors
/// When there is no such device, with the names of those that there are.
pub fn exists(id: &str) -> Result<(), String> {
    match id {
        "auto" => Ok(()),
        _ => named(id).map(drop),
    }
}

/// The device of this name, with the result of its check. A GPU is looked for now if it was not
/// before; what no GPU is called is not looked for: a check can take minutes.
fn named(id: &str) -> Result<DeviceInfo, String> {
    if id == "cpu" {
        return Ok(cpu());
    }
    let mut devices = known();
    let number = id
        .strip_prefix("gpu")
        .and_then(|number| number.parse().ok());
    if let Some(number) = number
        && !devices.iter().any(|device| device.id == id)
    {
        devices = probe::probe_one(number);
    }
    let ids: Vec<String> = devices.iter().map(|device| device.id.clone()).collect();
    let found = devices.into_iter().find(|device| device.id == id);
    found.ok_or_else(|| {
        format!(
            "there is no device `{id}`: expected auto or one of {} (`dicebench devices --probe` looks \
             for GPUs)",
            ids.join(", ")
        )
    })
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
    fn the_cpu_stands_in_for_a_gpu_that_failed_and_says_so() {
        let gpu = |problem: Option<&str>| DeviceInfo {
            id: "gpu0".to_owned(),
            name: "Radeon".to_owned(),
            problem: problem.map(str::to_owned),
            adapter: Some(Adapter {
                name: "Radeon".to_owned(),
                api: "Vulkan".to_owned(),
                driver: "1".to_owned(),
                kind: AdapterKind::Discrete,
                index: 0,
            }),
        };
        let wrong = "computes loss 3 in step 1, the CPU 1";
        let (chosen, message) = choose(vec![cpu(), gpu(Some(wrong))]);
        let message = message.unwrap();
        assert_eq!(chosen.id, "cpu");
        assert!(
            message.contains("Radeon") && message.contains(wrong),
            "{message}"
        );
        assert!(message.contains("CPU computes instead"), "{message}");
        // Another that passed is taken, and nothing is said; nor where there is no GPU at all.
        let (chosen, message) = choose(vec![cpu(), gpu(Some(wrong)), gpu(None)]);
        assert_eq!((chosen.id.as_str(), message), ("gpu0", None));
        assert_eq!(choose(vec![cpu()]), (cpu(), None));
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
