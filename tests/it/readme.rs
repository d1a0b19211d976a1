//! The tables in the README are generated from the code; `DICEBENCH_BLESS=1 cargo test readme` writes
//! them anew.

use std::fmt::Write;
use std::path::Path;

use dicebench::experiment::{ExperimentConfig, Preset};
use dicebench::loss::{LOSSES, REFERENCES};

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

fn presets() -> String {
    let mut out = "| Preset | What it is |\n|---|---|\n".to_owned();
    for preset in Preset::bundled() {
        writeln!(out, "| `{}` | {} |", preset.name, escaped(&preset.about)).unwrap();
    }
    out
}

fn museum() -> String {
    let mut out = "| Exhibit | Mistake | What is measured beside its fixed twin | Caught by | Repaired by |\n|---|---|---|---|---|\n".to_owned();
    for preset in Preset::exhibits() {
        let claims: Vec<String> = preset.shows.iter().map(|s| s.sentence()).collect();
        let code = |texts: &[String]| {
            let quoted: Vec<String> = texts.iter().map(|text| format!("`{text}`")).collect();
            quoted.join(", ")
        };
        writeln!(
            out,
            "| `{}` | {} | {} | {} | {} |",
            preset.name,
            escaped(&preset.about),
            escaped(&claims.join("; ")),
            code(&preset.caught_by),
            escaped(&code(&preset.twin)),
        )
        .unwrap();
    }
    out
}

fn losses() -> String {
    let mut out = "| `loss.kind` | Loss | Formula | When to use | Watch for | Reference |\n|---|---|---|---|---|---|\n".to_owned();
    for info in LOSSES {
        writeln!(
            out,
            "| `{}` | {} | {} | {} | {} | {} |",
            info.kind,
            info.title,
            escaped(info.formula),
            escaped(info.when_to_use),
            escaped(info.watch_for),
            escaped(info.reference)
        )
        .unwrap();
    }
    out
}

fn references() -> String {
    let mut out = "| `loss.like` | After | `loss.kind` | What sets it apart |\n|---|---|---|---|\n"
        .to_owned();
    for reference in REFERENCES.iter() {
        writeln!(
            out,
            "| `{}` | {} | `{}` | {} |",
            reference.name,
            reference.activation,
            reference.kind,
            escaped(reference.note)
        )
        .unwrap();
    }
    out
}

fn params() -> String {
    let mut config = ExperimentConfig::default();
    let mut out = "| Key | Default | Expects | Meaning |\n|---|---|---|---|\n".to_owned();
    for param in config.params() {
        if param.key.starts_with("loss.") {
            continue;
        }
        writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            param.key,
            escaped(&param.value.to_string()),
            escaped(&param.value.expectation()),
            escaped(param.help)
        )
        .unwrap();
    }
    out
}

#[test]
fn the_tables_are_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut fresh = text.clone();
    for (name, table) in [
        ("presets", presets()),
        ("museum", museum()),
        ("losses", losses()),
        ("references", references()),
        ("params", params()),
    ] {
        let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
        let from = fresh.find(&start).unwrap_or_else(|| panic!("no {start}")) + start.len();
        let to = fresh.find(&end).unwrap_or_else(|| panic!("no {end}"));
        fresh.replace_range(from..to, &table);
    }
    if std::env::var_os("DICEBENCH_BLESS").is_some() {
        std::fs::write(&path, &fresh).unwrap();
        return;
    }
    assert!(
        fresh == text,
        "README tables are stale: run DICEBENCH_BLESS=1 cargo test readme"
    );
}

#[test]
fn ci_runs_the_test_command_of_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let ci = std::fs::read_to_string(root.join(".ci/run")).unwrap();
    for command in ["scripts/install-system-packages.sh", "cargo test --locked"] {
        assert!(
            readme.contains(command) && ci.contains(command),
            "{command}"
        );
    }
}
