//! `dicebench devices`: what can train.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{failed, print_json};
use crate::train::device;

/// List the devices that can train.
#[derive(Debug, Clone, clap::Args)]
pub struct Devices {
    /// Look for GPUs and check each against the CPU, in a process of its own.
    #[arg(long)]
    probe: bool,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
    /// For the probe: list adapters in this process.
    #[arg(long, hide = true)]
    list_adapters: bool,
    /// For the probe: check one adapter in this process.
    #[arg(long, hide = true, value_name = "NUMBER")]
    check_adapter: Option<usize>,
    /// With `--check-adapter`: compare every normalisation, upsampling, activation and loss with the
    /// CPU, one line each; takes minutes.
    #[arg(long, hide = true, requires = "check_adapter")]
    thorough: bool,
    /// With `--check-adapter`: train on it, take the device away in mid-run and tell how the run
    /// ended; the run is recorded in this folder.
    #[arg(long, hide = true, requires = "check_adapter", value_name = "FOLDER")]
    lose: Option<PathBuf>,
}

pub fn run(args: &Devices) -> ExitCode {
    if args.list_adapters {
        return print_json(&device::list_adapters());
    }
    if let Some(number) = args.check_adapter {
        let adapters = device::list_adapters();
        let Some(adapter) = adapters.get(number) else {
            return failed(&format!("there is no adapter {number}"));
        };
        if let Some(folder) = &args.lose {
            return match device::lose(adapter, folder) {
                Ok(lost) => print_json(&lost),
                Err(message) => failed(&message),
            };
        }
        if args.thorough {
            let equal = device::parity(adapter, |part| {
                print_json(part);
            });
            return if equal {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
        return match device::check(adapter) {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => failed(&message),
        };
    }
    let devices = if args.probe {
        device::probe()
    } else {
        device::known()
    };
    if args.json {
        return print_json(&devices);
    }
    for device in &devices {
        let state = device.problem.as_deref().unwrap_or("usable");
        println!("{:<6} {}: {state}", device.id, device.name);
    }
    if !args.probe && devices.len() == 1 {
        println!("`dicebench devices --probe` looks for GPUs");
    }
    ExitCode::SUCCESS
}
