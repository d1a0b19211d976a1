//! The tables in the README are generated from the code; `DICEBENCH_BLESS=1 cargo test readme` writes
//! them anew.

use std::fmt::Write;
use std::path::Path;

use dicebench::experiment::{ExperimentConfig, Preset};
use dicebench::loss::config::KINDS;
use dicebench::loss::{LOSSES, LossConfig, REFERENCES};
use dicebench::param::Param;

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

/// Parameters of a loss with their defaults, `(key, value)`.
fn defaults(kind: &str) -> Vec<(String, String)> {
    let mut loss = LossConfig::of_kind(kind).unwrap();
    let pair = |param: Param<'_>| (param.key.clone(), param.value.to_string());
    let own = loss.params().into_iter().map(pair);
    if *kind != *"sum" {
        return own.collect();
    }
    // Every term has the same; its loss has those of a row of its own.
    let term = own.filter_map(|(key, value)| {
        let key = key.strip_prefix("terms.0.")?;
        (!key.starts_with("loss.")).then(|| (format!("terms.N.{key}"), value))
    });
    let any = ("terms.N.loss".to_owned(), "any other loss".to_owned());
    term.chain([any]).collect()
}

/// One line a loss; one that has the parameters of another before it says what differs.
fn loss_params() -> String {
    let keys = |of: &[(String, String)]| of.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    let mut out = "| `loss.kind` | Parameters and their defaults |\n|---|---|\n".to_owned();
    for (index, kind) in KINDS.iter().enumerate() {
        let own = defaults(kind);
        let like = KINDS[..index]
            .iter()
            .find(|other| !own.is_empty() && keys(&defaults(other)) == keys(&own));
        let known = like.map_or_else(Vec::new, |other| defaults(other));
        let list: Vec<String> = own
            .iter()
            .filter(|pair| !known.contains(pair))
            .map(|(key, value)| match value.as_str() {
                "" => format!("`{key}` empty"),
                value => format!("`{key}` {value}"),
            })
            .collect();
        let start = like.map_or_else(String::new, |other| format!("as `{other}`, but "));
        writeln!(out, "| `{kind}` | {start}{} |", escaped(&list.join(" · "))).unwrap();
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
        ("loss-params", loss_params()),
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
