//! Executes the table in `lib.rs`: a module uses only those above it.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Modules in the order of the table.
fn table() -> Vec<String> {
    let text = fs::read_to_string(root().join("lib.rs")).unwrap();
    let name = |line: &str| {
        let rest = line.strip_prefix("//! | [`")?;
        Some(rest.split('`').next()?.to_owned())
    };
    text.lines().filter_map(name).collect()
}

/// The module that a file belongs to.
fn module(path: &Path) -> String {
    let relative = path.strip_prefix(root()).unwrap();
    let first = relative
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn the_table_names_every_module() {
    let mut declared: Vec<String> = fs::read_to_string(root().join("lib.rs"))
        .unwrap()
        .lines()
        .filter_map(|line| {
            line.strip_prefix("pub mod ")?
                .strip_suffix(';')
                .map(str::to_owned)
        })
        .collect();
    let mut table = table();
    declared.sort();
    table.sort();
    assert_eq!(declared, table);
}

#[test]
fn every_module_uses_only_those_above_it() {
    let table = table();
    let place = |name: &str| table.iter().position(|module| module == name);
    let mut wrong = Vec::new();
    for path in sources(&root()) {
        let own = module(&path);
        let Some(here) = place(&own) else { continue };
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for used in code.split("crate::").skip(1) {
                let used: String = used
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if place(&used).is_some_and(|there| there > here) {
                    wrong.push(format!(
                        "{}:{}: {own} uses {used}",
                        path.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_library_stays_where_it_belongs() {
    let mut wrong = Vec::new();
    for path in sources(&root()) {
        let own = module(&path);
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let uses = |name: &str| {
                code.contains(&format!("{name}::")) && !code.contains(&format!("_{name}::"))
            };
            let ok = (own == "app" || !(uses("egui") || uses("eframe") || uses("rfd")))
                && (!matches!(
                    own.as_str(),
                    "param" | "files" | "finding" | "data" | "experiment" | "run"
                ) || !uses("burn"));
            if !ok {
                wrong.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where the network, the losses and the trainer wait for a device and copy values to the host. A
/// training step passes through `learner.rs` alone, where loss and gradient norm are read in one go;
/// every new place needs a line here.
const READ_BACKS: &[(&str, usize, &str)] = &[
    ("loss/breakdown.rs", 1, "the formula's numbers, for people"),
    (
        "loss/case/mod.rs",
        1,
        "comparison with a reference's values",
    ),
    ("loss/host.rs", 1, "numbers that are on the CPU already"),
    (
        "train/answers.rs",
        1,
        "an image's labels and doubt, windows that are blended",
    ),
    ("train/device/parity.rs", 3, "comparison of two devices"),
    (
        "train/evaluate.rs",
        4,
        "validation: labels, scores, what is not finite",
    ),
    ("train/frozen.rs", 1, "the answers of a run, for what-if"),
    (
        "train/learner.rs",
        1,
        "each step: loss and gradient norm, in one transaction",
    ),
    (
        "train/optim.rs",
        1,
        "which parameter is not finite, after a step went wrong",
    ),
    ("train/overfit.rs", 1, "the score of the overfitting test"),
    (
        "train/session/step.rs",
        1,
        "the batch in training, while its formula is looked at",
    ),
];

#[test]
fn tensors_are_read_back_in_declared_places_only() {
    let reads = [
        "into_data(",
        "into_scalar",
        "Transaction::default",
        ".to_data(",
    ];
    let mut found = Vec::new();
    for layer in ["model", "loss", "train"] {
        for path in sources(&root().join(layer)) {
            let text = fs::read_to_string(&path).unwrap();
            // Tests may read what they like.
            let code = text.split("#[cfg(test)]").next().unwrap();
            let count: usize = reads.iter().map(|read| code.matches(read).count()).sum();
            let name = path.strip_prefix(root()).unwrap().to_string_lossy();
            if count > 0 && !name.contains("tests") {
                found.push((name.replace('\\', "/"), count));
            }
        }
    }
    found.sort();
    let declared: Vec<(String, usize)> = READ_BACKS
        .iter()
        .map(|(file, count, _)| ((*file).to_owned(), *count))
        .collect();
    assert_eq!(found, declared);
}
