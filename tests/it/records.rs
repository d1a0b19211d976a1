//! Races and what is done with their records from the command line.

use std::path::Path;
use std::process::Output;

use crate::cli::{dicebench, stderr};

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn race(home: &Path, lanes: &[&str]) -> Output {
    let mut args = vec!["race", "--device", "cpu"];
    for pair in [
        "data.width=32",
        "data.height=32",
        "model.depth=2",
        "model.base=4",
        "train.epochs=0",
        "train.steps=4",
        "train.validate_every=2",
    ] {
        args.extend(["--set", pair]);
    }
    args.extend(lanes);
    dicebench(home, &args)
}

#[test]
fn a_race_over_values_and_seeds_is_compared_reported_and_thrown_away() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let output = race(
        home,
        &["--vary", "loss.kind=dice,cross_entropy", "--seeds", "2"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("N = 2"), "{said}");
    assert!(
        said.contains("is better than") || said.contains("not distinguishable"),
        "{said}"
    );

    let list = dicebench(home, &["runs", "--json"]);
    let list: Vec<serde_json::Value> = serde_json::from_slice(&list.stdout).unwrap();
    let mut names: Vec<&str> = list
        .iter()
        .map(|run| run["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "kind=cross_entropy, seed 1",
            "kind=cross_entropy, seed 2",
            "kind=dice, seed 1",
            "kind=dice, seed 2"
        ]
    );
    let ids: Vec<&str> = list.iter().map(|run| run["id"].as_str().unwrap()).collect();

    let shown = dicebench(home, &["runs", "show", ids[0], "--json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(
        (shown["steps"].as_u64(), shown["id"].as_str()),
        (Some(4), Some(ids[0]))
    );

    let mut args = vec!["runs", "diff", "--json"];
    args.extend(&ids);
    let diff = dicebench(home, &args);
    let diff: serde_json::Value = serde_json::from_slice(&diff.stdout).unwrap();
    let differing = diff["differences"].as_object().unwrap();
    assert!(differing.contains_key("loss.kind") && differing.contains_key("train.seed"));
    assert!(!differing.contains_key("train.learning_rate"));
    assert_eq!(
        diff["pairs"].as_array().unwrap().len(),
        1,
        "two experiments"
    );
    assert_eq!(diff["pairs"][0]["paired"]["count"], 24, "validation images");

    let report = home.join("report.html");
    let mut args = vec!["runs", "report", "--to", report.to_str().unwrap()];
    args.extend(&ids);
    let output = dicebench(home, &args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let html = std::fs::read_to_string(&report).unwrap();
    assert!(html.contains("<svg") && html.contains("data:image/png;base64,"));
    for fetched in ["src=\"http", "href=\"http", "<script", "url(http"] {
        assert!(!html.contains(fetched), "{fetched}");
    }

    let gone = dicebench(home, &["runs", "rm", ids[0]]);
    assert_eq!(gone.status.code(), Some(0));
    let list = dicebench(home, &["runs", "--json"]);
    let list: Vec<serde_json::Value> = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list.len(), 3);
}

#[test]
fn what_can_not_race_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    for (lanes, expected) in [
        (&["--preset", "default"][..], "1 lane: expected 2"),
        (&["--vary", "loss.kind=dice,nonsense"], "nonsense"),
        (&["--vary", "loss.kind"], "key=value"),
        (
            &["--run", "nothing", "--preset", "default"],
            "there is no run",
        ),
    ] {
        let output = race(home.path(), lanes);
        assert_eq!(output.status.code(), Some(2), "{lanes:?}");
        let said = stderr(&output);
        assert!(said.contains(expected), "{lanes:?}: {said}");
    }
    let output = race(home.path(), &["--vary", "model.depth=1,2"]);
    let said = stderr(&output);
    assert!(
        said.contains("`model.depth` differs between lanes"),
        "{said}"
    );
}

#[test]
fn the_xray_says_what_the_question_prefers() {
    let home = tempfile::tempdir().unwrap();
    let picture = home.path().join("gradient.png");
    let output = dicebench(
        home.path(),
        &[
            "xray",
            "--preset",
            "question",
            "--json",
            "--gradient",
            picture.to_str().unwrap(),
        ],
    );
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let xray: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(xray["violations"][0]["preferred"], "all-on");
    let size = image::image_dimensions(&picture).unwrap();
    assert_eq!(size.0, 5 * size.1, "one square panel per class");
    let output = dicebench(home.path(), &["xray", "--preset", "default"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("theory: "));
}
