//! Adapters, listed and checked in child processes, and what is remembered of it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Adapter, AdapterKind, DeviceInfo, cpu};
use crate::files;

/// A check compiles a few dozen shaders, which takes software drivers minutes; one that takes longer
/// hangs.
const PATIENCE: Duration = Duration::from_secs(900);

/// Every adapter, straight from the drivers: call it in a child process only.
#[must_use]
pub fn list_adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let mut counts = [0usize; 5];
    pollster::block_on(instance.enumerate_adapters(backends))
        .iter()
        .map(wgpu::Adapter::get_info)
        .map(|info| {
            let kind = match info.device_type {
                wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
                wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
                wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
                wgpu::DeviceType::Cpu => AdapterKind::Software,
                wgpu::DeviceType::Other => AdapterKind::Other,
            };
            let count = &mut counts[kind as usize];
            let index = *count;
            *count += 1;
            Adapter {
                name: info.name,
                api: format!("{:?}", info.backend),
                driver: format!("{} {}", info.driver, info.driver_info),
                kind,
                index,
            }
        })
        .collect()
}

/// Lists and checks adapters in child processes; a check that is remembered for this driver is not
/// made again. Blocking, seconds to minutes: call it from a background thread.
#[must_use]
pub fn probe() -> Vec<DeviceInfo> {
    look(|_, _| true)
}

/// As [`probe`], of one adapter: the others are left out, unless they were checked before.
pub(super) fn probe_one(number: usize) -> Vec<DeviceInfo> {
    look(|other, _| other == number)
}

/// As [`probe`], but a software driver that was not checked before is left out: its check takes
/// minutes, and it is never chosen by itself. Nothing is done where the last look found no GPU.
pub(super) fn probe_real() -> Vec<DeviceInfo> {
    let looked = cache_file().is_some_and(|path| path.exists());
    let is_real = |device: &DeviceInfo| device.adapter.as_ref().is_some_and(Adapter::is_real);
    if looked && !remembered().iter().any(is_real) {
        return super::known();
    }
    look(|_, adapter| adapter.is_real())
}

/// Lists adapters, and checks those that `wanted` names unless the answer is remembered.
fn look(wanted: impl Fn(usize, &Adapter) -> bool) -> Vec<DeviceInfo> {
    let Some(program) = program() else {
        return super::known();
    };
    let listed = match child(&program, &["devices", "--list-adapters"]) {
        Ok(text) => serde_json::from_str::<Vec<Adapter>>(&text).map_err(|e| e.to_string()),
        Err(message) => Err(message),
    };
    let adapters = match listed {
        Ok(adapters) => adapters,
        Err(message) => {
            log::warn!("graphics adapters can't be listed: {message}");
            return vec![cpu()];
        }
    };
    let before = remembered();
    let mut found: Vec<DeviceInfo> = Vec::new();
    for (number, adapter) in adapters.into_iter().enumerate() {
        let known = before
            .iter()
            .find(|device| device.adapter.as_ref() == Some(&adapter));
        let problem = match known {
            Some(device) => device.problem.clone(),
            None if !wanted(number, &adapter) => continue,
            None => child(
                &program,
                &["devices", "--check-adapter", &number.to_string()],
            )
            .err(),
        };
        let software = if adapter.kind == AdapterKind::Software {
            ", software"
        } else {
            ""
        };
        found.push(DeviceInfo {
            id: format!("gpu{number}"),
            name: format!("{} ({}{software})", adapter.name, adapter.api),
            problem,
            adapter: Some(adapter),
        });
    }
    remember(&found);
    let mut devices = vec![cpu()];
    devices.extend(found);
    devices
}

/// This program, unless it is something else that uses the library (a test, a benchmark): that
/// would not understand the arguments.
fn program() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?;
    (path.file_stem()? == env!("CARGO_PKG_NAME")).then_some(path)
}

/// Runs a child to its end, or until patience is over; its output, or what became of it.
fn child(program: &PathBuf, args: &[&str]) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if start.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!(
                    "the check took longer than {} s",
                    PATIENCE.as_secs()
                ));
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            Err(e) => return Err(e.to_string()),
        }
    }
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    Err(match output.status.code() {
        Some(_) => last.trim_start_matches("error: ").to_owned(),
        None => format!("the driver crashed the process ({}) {last}", output.status),
    })
}

/// What was checked holds for the kernels that were checked: those of this version, fused or not.
fn cache_file() -> Option<PathBuf> {
    let mut name = format!("devices-{}", env!("CARGO_PKG_VERSION"));
    for (feature, on) in [
        ("fusion", cfg!(feature = "fusion")),
        ("vulkan", cfg!(feature = "vulkan")),
        ("metal", cfg!(feature = "metal")),
    ] {
        if on {
            name = format!("{name}-{feature}");
        }
    }
    name.push_str(".json");
    if let Some(home) = std::env::var_os("DICEBENCH_HOME").filter(|home| !home.is_empty()) {
        return Some(PathBuf::from(home).join(name));
    }
    let dirs = directories::ProjectDirs::from("", "", "dicebench")?;
    Some(dirs.cache_dir().join(name))
}

/// What the last probe found.
pub(super) fn remembered() -> Vec<DeviceInfo> {
    let text = cache_file().and_then(|path| std::fs::read(path).ok());
    text.and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

fn remember(devices: &[DeviceInfo]) {
    let (Some(path), Ok(text)) = (cache_file(), serde_json::to_vec(devices)) else {
        return;
    };
    if let Err(error) = files::write_atomically(&path, &text) {
        log::warn!("{}: {error}", path.display());
    }
}
