//! `dicebench runs`: what was recorded, looked at, compared, taken home, thrown away.

mod diff;
mod export;
mod list;
mod report;
mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::{failed, usage};
use crate::run::store::Store;
use crate::run::{Outcome, Run};

/// What was recorded: without a command, the list of runs, newest first.
#[derive(Debug, Clone, clap::Args)]
pub struct Runs {
    #[command(subcommand)]
    command: Option<Command>,
    /// Folder that holds the runs.
    #[arg(long, value_name = "DIR", global = true)]
    out: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Newest first; the same as no command.
    List,
    /// One run: settings, scores, findings, outcome.
    Show { run: PathBuf },
    /// How runs differ in settings and results, and whether one is better or only luckier.
    Diff {
        #[arg(required = true, num_args = 2.., value_name = "RUN")]
        runs: Vec<PathBuf>,
    },
    /// Take runs home: tables, TensorBoard event file, bundle to replay, weights, the loss as code.
    Export(export::Export),
    /// Write one HTML file that compares runs and opens anywhere.
    Report(report::Report),
    /// Move runs to the trash (a folder `.trash` beside them).
    Rm {
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<PathBuf>,
    },
}

pub fn run(args: &Runs) -> ExitCode {
    if let Some(out) = args.out.as_ref().filter(|out| !out.is_dir()) {
        return usage(&format!("{}: there is no such folder", out.display()));
    }
    let store = Store::new(args.out.clone().unwrap_or_else(Store::default_root));
    match &args.command {
        None | Some(Command::List) => list::run(&store, args.json),
        Some(Command::Show { run }) => match find_in(&store, run) {
            Ok((store, run)) => show::run(&store, &run, args.json),
            Err(message) => usage(&message),
        },
        Some(Command::Diff { runs }) => match all(&store, runs) {
            Ok(runs) => diff::run(&runs, args.json),
            Err(message) => usage(&message),
        },
        Some(Command::Export(asked)) => export::run(asked, &store, args.json),
        Some(Command::Report(asked)) => report::run(asked, &store, args.json),
        Some(Command::Rm { runs }) => remove(&store, runs, args.json),
    }
}

fn remove(store: &Store, runs: &[PathBuf], as_json: bool) -> ExitCode {
    let mut removed = Vec::new();
    for run in runs {
        let (store, run) = match find_in(store, run) {
            Ok(found) => found,
            Err(message) => return usage(&message),
        };
        if let Err(error) = store.delete(&run.id) {
            return failed(&error.to_string());
        }
        if !as_json {
            println!("{}: moved to the trash", run.id);
        }
        removed.push(run.id);
    }
    if as_json {
        return super::print_json(&json!({ "moved_to_trash": removed }));
    }
    ExitCode::SUCCESS
}

/// A run by its folder, or by its name in the user's own store.
///
/// # Errors
/// When there is none, or it can't be read.
pub fn find(run: &Path) -> Result<(Store, Run), String> {
    find_in(&Store::new(Store::default_root()), run)
}

/// Where a run lies: `run` is its folder, or its name in `store`. `None` when there is none.
pub fn locate(store: &Store, run: &Path) -> Option<(Store, String)> {
    let holds = |folder: &Path| folder.join("run.toml").is_file();
    if holds(run)
        && let Ok(path) = run.canonicalize()
        && let (Some(parent), Some(id)) = (path.parent(), path.file_name())
    {
        return Some((Store::new(parent), id.to_string_lossy().into_owned()));
    }
    let id = run.to_string_lossy();
    (!id.is_empty() && holds(&store.dir(&id))).then(|| (store.clone(), id.into_owned()))
}

pub(super) fn find_in(store: &Store, run: &Path) -> Result<(Store, Run), String> {
    let (store, id) = locate(store, run).ok_or_else(|| {
        format!(
            "there is no run `{}` in {}: expected a run's folder or a name that `dicebench runs` lists",
            run.display(),
            store.root.display()
        )
    })?;
    let run = store.load(&id).map_err(|error| error.to_string())?;
    Ok((store, run))
}

/// Several runs at once, in the order given.
fn all(store: &Store, runs: &[PathBuf]) -> Result<Vec<Run>, String> {
    let found = runs.iter().map(|run| Ok(find_in(store, run)?.1));
    found.collect()
}

/// A name that stays the same, for programs.
fn outcome(run: &Run) -> &'static str {
    match run.outcome {
        Some(Outcome::Completed) => "completed",
        Some(Outcome::Stopped) => "stopped",
        Some(Outcome::Diverged { .. }) => "diverged",
        Some(Outcome::Failed { .. }) => "failed",
        None => "interrupted",
    }
}

/// In words for people, where [`outcome`] is for programs.
fn ending(run: &Run) -> &'static str {
    run.ending().unwrap_or("interrupted")
}

fn best(run: &Run) -> Option<f64> {
    run.validations[run.best?].mean_dice
}

fn shown(dice: Option<f64>) -> String {
    dice.map_or_else(|| "–".to_owned(), |dice| format!("{dice:.3}"))
}

/// Rows of a table as lines of text, each column as wide as its widest cell.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells.map(|(cell, wide)| format!("{cell:<wide$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["é", "long name", ""]), row(["bcd", "–", "x"])];
        assert_eq!(aligned(&rows), ["é    long name", "bcd  –          x"]);
        assert!(aligned(&[]).is_empty());
    }
}
