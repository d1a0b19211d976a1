//! `dicebench export`: take the loss of a run or preset home, as code.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{failed, usage};
use crate::experiment::Preset;
use crate::export::{self, Framework, Request};
use crate::files;
use crate::run::store::home;

/// Write the loss of a run or preset as code for another framework.
#[derive(Debug, Clone, clap::Args)]
pub struct Export {
    /// A run: its folder, or its name as `dicebench runs` lists it.
    #[arg(required_unless_present = "preset", conflicts_with = "preset")]
    run: Option<PathBuf>,
    /// A preset's name or file, instead of a run.
    #[arg(long, value_name = "NAME|FILE")]
    preset: Option<String>,
    /// Whose code.
    #[arg(long, value_name = "FRAMEWORK", value_parser = ["keras", "pytorch", "monai"])]
    to: String,
    /// Write to this file instead of printing.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(args: &Export) -> ExitCode {
    let Some(to) = Framework::ALL.iter().find(|to| to.name() == args.to) else {
        return usage(&format!(
            "`--to {}`: expected keras, pytorch or monai",
            args.to
        ));
    };
    let text = match (&args.run, &args.preset) {
        (Some(run), _) => of_run(run, *to),
        (None, Some(name)) => of_preset(name, *to),
        // clap asks for one of them.
        (None, None) => Err("expected a run or `--preset`".to_owned()),
    };
    let text = match text {
        Ok(text) => text,
        Err(message) => return usage(&message),
    };
    let Some(path) = &args.out else {
        print!("{text}");
        return ExitCode::SUCCESS;
    };
    match files::write_atomically(path, text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("{}: {error}", path.display())),
    }
}

fn of_run(run: &Path, to: Framework) -> Result<String, String> {
    let (_, run) = super::runs::find(run)?;
    Ok(export::code(&Request {
        title: &run.name,
        config: &run.config,
        class_weights: &run.class_weights,
        to,
    }))
}

fn of_preset(name: &str, to: Framework) -> Result<String, String> {
    let preset = Preset::find(name, &home().join("presets"))?;
    Ok(export::code(&Request {
        title: &preset.name,
        config: &preset.config,
        class_weights: &[],
        to,
    }))
}
