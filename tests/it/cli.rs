//! The program as a user starts it: output, exit codes, messages.

use std::path::Path;
use std::process::{Command, Output};

pub fn dicebench(home: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dicebench"))
        .args(args)
        .env("DICEBENCH_HOME", home)
        .output()
        .unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const TINY: &[&str] = &[
    "--device",
    "cpu",
    "--set",
    "data.width=32",
    "--set",
    "data.height=32",
    "--set",
    "model.depth=2",
    "--set",
    "model.base=4",
    "--set",
    "train.steps=6",
    "--set",
    "train.validate_every=3",
];

#[test]
fn training_prints_one_json_event_a_line_and_names_the_folder() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    let mut args = vec!["train", "--json", "--out", out.to_str().unwrap()];
    args.extend(TINY);
    let output = dicebench(home.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = lines
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "step").count(), 6);
    assert_eq!(kinds.iter().filter(|kind| **kind == "validated").count(), 2);
    assert_eq!((kinds[0], *kinds.last().unwrap()), ("started", "finished"));
    let validated = lines
        .iter()
        .find(|line| line["event"] == "validated")
        .unwrap();
    assert_eq!(validated["dice"].as_array().unwrap().len(), 5);
    let last = lines.last().unwrap();
    assert_eq!(last["outcome"], "completed");
    assert!(
        Path::new(last["run"].as_str().unwrap())
            .join("events.jsonl")
            .exists()
    );
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_was_expected() {
    let home = tempfile::tempdir().unwrap();
    for (args, part) in [
        (vec!["train", "--preset", "nonesuch"], "solution-1"),
        (vec!["train", "--set", "train.batch=0"], "1 to 512"),
        (
            vec!["train", "--set", "train.btach=2"],
            "did you mean `train.batch`",
        ),
        (vec!["train", "--set", "loss.kind=dise"], "dice"),
        (vec!["train", "--set", "nonsense"], "key=value"),
        (vec!["train", "--set", "data.width=100"], "multiple of 8"),
    ] {
        let output = dicebench(home.path(), &args);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains(part),
            "{args:?}: {}",
            stderr(&output)
        );
    }
    assert_eq!(
        dicebench(home.path(), &["nonsense", "x"]).status.code(),
        Some(2)
    );
}

#[test]
fn a_dataset_that_is_no_folder_is_wrong_usage_of_every_command() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("a.txt");
    std::fs::write(&file, "x").unwrap();
    let out = home.path().join("out");
    let out = out.to_str().unwrap();
    let commands: [&[&str]; 8] = [
        &["train", "--data", "DIR"],
        &[
            "race", "--preset", "default", "--preset", "question", "--data", "DIR",
        ],
        &[
            "queue",
            "add",
            "--vary",
            "loss.kind=dice,focal",
            "--data",
            "DIR",
        ],
        &["xray", "--data", "DIR"],
        &["doctor", "question", "--data", "DIR"],
        &["inspect", "DIR"],
        &["inspect", "--quick", "DIR"],
        &["convert", "DIR", out],
    ];
    for folder in ["/no/such/folder", file.to_str().unwrap()] {
        for command in commands {
            let args: Vec<&str> = (command.iter())
                .map(|&arg| if arg == "DIR" { folder } else { arg })
                .collect();
            let output = dicebench(home.path(), &args);
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
            assert!(said.contains(folder), "{args:?}: {said}");
        }
    }
    // A folder without pictures is what it is: that is no mistake of the command.
    let empty = home.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let output = dicebench(home.path(), &["inspect", empty.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[test]
fn failures_exit_with_1_and_name_the_thing() {
    let home = tempfile::tempdir().unwrap();
    let mut args = vec!["train", "--set", "train.batch=200"];
    args.extend(&TINY[2..]);
    args.extend(["--out", home.path().to_str().unwrap()]);
    let output = dicebench(home.path(), &args);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&output);
    assert!(text.contains("200") && text.contains("96"), "{text}");
}

#[test]
fn the_sample_can_be_written_inspected_and_trained_on() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("sample");
    let dir = dir.to_str().unwrap();
    assert_eq!(
        dicebench(home.path(), &["sample", dir]).status.code(),
        Some(0)
    );
    let output = dicebench(home.path(), &["inspect", dir, "--json"]);
    let card: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(card["pairs"], 120);
    assert_eq!(card["classes"][4]["name"], "speck");
    let mut args = vec!["train", "--data", dir, "--out", dir];
    args.extend(TINY);
    let output = dicebench(home.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn lists_are_json_when_asked() {
    let home = tempfile::tempdir().unwrap();
    for (command, at_least) in [
        ("presets", 6),
        ("losses", 9),
        ("params", 30),
        ("runs", 0),
        ("devices", 1),
    ] {
        let output = dicebench(home.path(), &[command, "--json"]);
        let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(list.as_array().unwrap().len() >= at_least, "{command}");
    }
}

#[test]
fn the_doctor_finds_errors_in_the_question_and_none_in_the_default() {
    let home = tempfile::tempdir().unwrap();
    let output = dicebench(home.path(), &["doctor", "--preset", "question", "--json"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(dicebench(home.path(), &["doctor"]).status.code(), Some(0));
}

#[test]
fn golden_cases_can_be_checked_from_outside() {
    let home = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/losses/dice.json");
    let output = dicebench(
        home.path(),
        &["loss", "check", file.to_str().unwrap(), "--json"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(case["ok"], true, "{case}");
    }
}

#[test]
fn cases_are_checked_one_by_one_and_a_bad_one_does_not_stop_the_rest() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("case.json");
    let path = file.to_str().unwrap();
    let set = "loss.like=monai.DiceCELoss";
    let output = dicebench(
        home.path(),
        &["loss", "vector", "--set", set, "--out", path],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = dicebench(home.path(), &["loss", "check", path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));

    let text = std::fs::read_to_string(&file).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let good = json["cases"][0].clone();
    let with = |id: &str, key: &str, value: serde_json::Value| {
        let mut case = good.clone();
        case["id"] = id.into();
        case[key] = value;
        case
    };
    let cases = vec![
        with("unknown", "family", "dise".into()),
        with("short", "labels", vec![0].into()),
        with("beyond", "labels", vec![9; 72].into()),
        with("infinite", "logits", vec!["NaN"; 216].into()),
        with("empty", "shape", vec![0, 3, 6, 6].into()),
        with("wrong", "loss", 99.0.into()),
        with("fine", "notes", "as it was".into()),
    ];
    json["cases"] = cases.into();
    // As Python writes it: no JSON, and the one case's trouble alone.
    let text = json.to_string().replace("\"NaN\"", "NaN");
    std::fs::write(&file, text).unwrap();
    let torn = home.path().join("torn.json");
    std::fs::write(&torn, "{\"cases\": [").unwrap();
    let files = [torn.to_str().unwrap(), path];
    let output = dicebench(
        home.path(),
        &[&["loss", "check", "--json"], &files[..]].concat(),
    );
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("torn.json"), "{}", stderr(&output));
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let refused: Vec<&str> = lines
        .iter()
        .filter(|line| line["error"].is_string())
        .map(|line| line["id"].as_str().unwrap())
        .collect();
    assert_eq!(refused, ["unknown", "short", "beyond", "infinite", "empty"]);
    let message = lines[3]["error"].as_str().unwrap();
    assert!(
        message.contains("`logits` holds \"NaN\" at place 0"),
        "{message}"
    );
    assert_eq!(
        (&lines[5]["ok"], &lines[6]["ok"]),
        (&false.into(), &true.into())
    );
}

#[test]
fn a_file_of_cases_that_is_not_there_is_wrong_usage_and_a_torn_one_a_failure() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (torn, fine) = (at("torn.json"), at("fine.json"));
    std::fs::write(&torn, "{\"cases\": [").unwrap();
    let written = dicebench(home.path(), &["loss", "vector", "--out", &fine]);
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    for (file, code) in [
        ("/no/such/file", 2),
        (home.path().to_str().unwrap(), 2),
        (&torn, 1),
    ] {
        let output = dicebench(home.path(), &["loss", "check", file, &fine]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{file}: {said}");
        assert!(said.contains(file), "{file}: {said}");
        // The other file is checked all the same.
        let table = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            table.contains("dicebench") && table.contains("passed"),
            "{file}: {table}"
        );
        let alone = dicebench(home.path(), &["loss", "check", file]);
        assert_eq!(alone.status.code(), Some(code), "{file}");
        assert!(alone.stdout.is_empty(), "an empty table says nothing");
    }
    let no_object = at("text.json");
    std::fs::write(&no_object, "{\"cases\": [\"text\"]}").unwrap();
    let output = dicebench(home.path(), &["loss", "check", &no_object]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("expected an object"), "{said}");
}

#[test]
fn a_shape_that_no_file_can_hold_is_wrong_usage() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("case.json");
    for (shape, part) in [
        ("2,3", "N,C,H,W"),
        ("0,3,4,4", "above 0"),
        ("200,30,4000,4000", "too large"),
        ("18446744073709551615,3,2,2", "too large"),
    ] {
        let args = [
            "loss",
            "vector",
            "--shape",
            shape,
            "--out",
            out.to_str().unwrap(),
        ];
        let output = dicebench(home.path(), &args);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{shape}: {said}");
        assert!(said.contains(part), "{shape}: {said}");
        assert!(!out.exists(), "{shape}");
    }
}

#[test]
fn a_device_that_is_not_there_is_wrong_usage_of_every_command() {
    let home = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 8] = [
        &["train", "--device", "nope"],
        &["train", "--set", "train.device=nope"],
        &[
            "race", "--preset", "default", "--preset", "question", "--device", "nope",
        ],
        &[
            "queue",
            "add",
            "--vary",
            "loss.kind=dice,focal",
            "--device",
            "nope",
        ],
        &["doctor", "--device", "nope"],
        &["loss", "check", "a.json", "--device", "gpu99"],
        &["bench", "step", "--device", "nope"],
        &["bench", "loss", "--device", "nope"],
    ];
    for args in commands {
        let output = dicebench(home.path(), args);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains("there is no device `"), "{args:?}: {said}");
        assert!(
            said.contains("expected auto or one of cpu"),
            "{args:?}: {said}"
        );
    }
    assert!(!home.path().join("runs").exists(), "nothing was begun");
}
