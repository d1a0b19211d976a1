//! Races: lanes are independent of each other, join and leave; what waits survives; the window.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use dicebench::app::Tab;
use dicebench::experiment::plan::Lane;
use dicebench::run::queue::{self, Change};
use dicebench::run::store::Store;
use dicebench::run::{Outcome, RunEvent};
use dicebench::train::handle::{Control, TrainerEvent, TrainerHandle};
use egui_kittest::kittest::Queryable;

use crate::training::{jobs, timeless, tiny, train};
use crate::window::{make_tiny, start, wait};

/// Step by step: a race of k lanes is k separate runs, and equal lanes have equal curves.
#[test]
fn a_race_equals_separate_runs_step_by_step() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    let mut other = tiny();
    other.set("loss.kind", "focal").unwrap();
    other.set("train.learning_rate", "0.01").unwrap();
    let configs = [tiny(), other.clone(), tiny()];
    let (raced, _) = train(&configs, &store);
    for (lane, config) in raced.iter().zip(&configs) {
        let (alone, _) = train(std::slice::from_ref(config), &store);
        let texts = |events: &[RunEvent]| events.iter().map(timeless).collect::<Vec<_>>();
        assert_eq!(texts(lane), texts(&alone[0]));
    }
    let curve = |lane: usize| raced[lane].iter().map(timeless).collect::<Vec<_>>();
    assert_eq!(curve(0), curve(2));
    assert_ne!(curve(0), curve(1));
}

/// One lane leaves, another joins and sees from its first step what the first saw at its own.
#[test]
fn lanes_leave_and_join_without_touching_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    let mut long = tiny();
    long.set("train.steps", "60").unwrap();
    let jobs = jobs(&[long.clone(), long.clone()]);
    let trainer = TrainerHandle::spawn(Arc::new(|| {}));
    trainer.start(jobs.clone(), store).unwrap();
    let mut events: Vec<Vec<RunEvent>> = vec![Vec::new(); 3];
    loop {
        match trainer.wait(Duration::from_secs(60)) {
            Some(TrainerEvent::Run { lane, event }) => {
                if lane == 0 && matches!(event, RunEvent::Step { step: 5, .. }) {
                    trainer.control(Control::StopLane(1));
                    trainer.add(jobs[0].clone()).unwrap();
                }
                events[lane].push(event);
            }
            Some(TrainerEvent::Idle) => break,
            Some(_) => {}
            None => panic!("the trainer is silent"),
        }
    }
    let outcome = |lane: usize| match events[lane].last() {
        Some(RunEvent::Finished { outcome, step, .. }) => (outcome.clone(), *step),
        other => panic!("{other:?}"),
    };
    assert_eq!(outcome(0), (Outcome::Completed, 60));
    let (dropped, at) = outcome(1);
    assert_eq!(dropped, Outcome::Stopped);
    assert!((4..60).contains(&at), "{at}");
    let texts = |lane: usize| events[lane].iter().map(timeless).collect::<Vec<_>>();
    assert_eq!(texts(2), texts(0));
    assert!(trainer.add(jobs[0].clone()).is_err());
}

/// One lane waits while the other goes on to its end; then it goes on as if it had not waited.
#[test]
fn a_lane_that_waited_has_the_curve_of_one_that_did_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = tiny();
    for (key, value) in [
        ("train.steps", "60"),
        // What depends on the step, too.
        ("model.dropout", "0.3"),
        ("train.schedule", "cosine"),
    ] {
        config.set(key, value).unwrap();
    }
    let jobs = jobs(&[config.clone(), config]);
    let trainer = TrainerHandle::spawn(Arc::new(|| {}));
    trainer.start(jobs, Store::new(dir.path())).unwrap();
    let mut events: Vec<Vec<RunEvent>> = vec![Vec::new(); 2];
    let (mut while_held, mut held_at) = (0, None);
    loop {
        match trainer.wait(Duration::from_secs(60)) {
            Some(TrainerEvent::Run { lane, event }) => {
                if lane == 1 && matches!(event, RunEvent::Step { step: 7, .. }) {
                    trainer.control(Control::HoldLane(1, true));
                }
                let ended = matches!(event, RunEvent::Finished { .. });
                if held_at == Some(true) {
                    while_held += usize::from(lane == 1);
                    if lane == 0 && ended {
                        trainer.control(Control::HoldLane(1, false));
                    }
                }
                events[lane].push(event);
            }
            Some(TrainerEvent::Held { lane, held }) => {
                assert_eq!(lane, 1);
                held_at = Some(held);
            }
            Some(TrainerEvent::Idle) => break,
            Some(_) => {}
            None => panic!("the trainer is silent"),
        }
    }
    assert_eq!((held_at, while_held), (Some(false), 0));
    let texts = |lane: usize| events[lane].iter().map(timeless).collect::<Vec<_>>();
    assert_eq!(texts(0).len(), 1 + 60 + 10 + 1);
    assert_eq!(texts(1), texts(0));
}

#[test]
fn a_run_that_asked_for_it_ends_early_and_its_record_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    let mut config = tiny();
    for (key, value) in [
        ("train.steps", "500"),
        ("train.validate_every", "1"),
        ("train.patience", "2"),
        // Nothing is learned, so that no validation is better than the first.
        ("train.learning_rate", "0"),
        ("model.normalization", "none"),
    ] {
        config.set(key, value).unwrap();
    }
    let (_, ids) = train(&[config], &store);
    let run = store.load(&ids[0]).unwrap();
    assert_eq!(run.outcome, Some(Outcome::Stopped));
    assert_eq!(run.steps.len(), 3);
    let why = run.findings.iter().map(|(_, finding)| finding);
    let why = why.filter(|finding| finding.code == "early-stop");
    assert_eq!(why.count(), 1, "{:?}", run.findings);
    assert_eq!(run.ending(), Some("stopped early"));
    // A list reads no curves, and says it all the same.
    let (listed, _) = store.survey();
    let why = listed[0].why_ended().unwrap();
    assert!(why.contains("2 validations"), "{why}");
}

/// By the command line, with another program's end in between.
#[test]
fn what_waits_is_trained_by_whoever_comes_next() {
    let home = tempfile::tempdir().unwrap();
    let dicebench = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_dicebench"))
            .args(args)
            .env("DICEBENCH_HOME", home.path())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let mut args = vec![
        "queue",
        "add",
        "--device",
        "cpu",
        "--vary",
        "loss.kind=dice,focal",
    ];
    for set in [
        "data.width=32",
        "data.height=32",
        "model.depth=1",
        "model.base=2",
        "train.batch=4",
        "train.steps=50",
        "train.epochs=0",
        // Lanes that stop themselves are done, too: they would be trained for ever otherwise.
        "train.learning_rate=0.000000001",
        "train.validate_every=1",
        "train.patience=1",
        "model.normalization=none",
    ] {
        args.extend(["--set", set]);
    }
    args.extend(["--seeds", "2"]);
    let (code, said) = dicebench(&args);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("2 lanes").count(), 2, "{said}");
    // As if the program had ended when the first lane was done.
    let left = queue::update(home.path(), Change::Look).unwrap();
    let done = Change::LaneDone(left.races[0].id, left.races[0].lanes[0].name.clone());
    queue::update(home.path(), done).unwrap();
    let (code, said) = dicebench(&["queue", "rm", "77", "--json"]);
    assert_eq!(code, Some(2), "{said}");
    let mut again = args.clone();
    again.push("--json");
    let waits = |args: &[&str]| {
        let output = crate::cli::dicebench(home.path(), args);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            crate::cli::stderr(&output)
        );
        let queue: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        queue["races"].as_array().unwrap().len()
    };
    assert_eq!(waits(&again), 4);
    assert_eq!(waits(&["queue", "rm", "3", "--json"]), 3);
    assert_eq!(waits(&["queue", "rm", "4", "--json"]), 2);
    let output = crate::cli::dicebench(home.path(), &["queue", "run", "--json"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        crate::cli::stderr(&output)
    );
    let lines: Vec<serde_json::Value> = (String::from_utf8(output.stdout).unwrap().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let end = lines.last().unwrap();
    assert_eq!(end["event"], "compared", "{end}");
    let lanes = end["lanes"].as_array().unwrap();
    assert_eq!(lanes.len(), 3, "{end}");
    assert!(
        lanes.iter().all(|lane| lane["ending"] == "stopped early"),
        "{end}"
    );
    assert_eq!(end["groups"].as_array().unwrap().len(), 2, "{end}");
    let (runs, _) = Store::new(home.path().join("runs")).list();
    assert_eq!(runs.len(), 3);
    assert!(runs.iter().all(|run| run.outcome == Some(Outcome::Stopped)));
    let (code, said) = dicebench(&["runs", "list"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("stopped early").count(), 3, "{said}");
    assert_eq!(said.matches("without a better one").count(), 3, "{said}");
    let (code, said) = dicebench(&["runs", "show", &runs[0].id, "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let shown: serde_json::Value = serde_json::from_str(&said).unwrap();
    let why = shown["why_ended"].as_str().unwrap();
    assert!(why.contains("without a better one"), "{why}");
    assert_eq!(waits(&["queue", "list", "--json"]), 0);
    assert_eq!(waits(&["queue", "clear", "--json"]), 0);
    // What is not here is named, and what is here can be moved away.
    let (code, said) = dicebench(&["runs", "rm", "nonesuch", "--json"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("nonesuch"), "{said}");
    let (code, said) = dicebench(&["runs", "rm", &runs[0].id, "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let moved: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(moved["moved_to_trash"], serde_json::json!([runs[0].id]));
}

/// The events of a run's record that are not about the interruption, without the clock.
fn recorded(home: &std::path::Path, name: &str) -> (Vec<String>, Vec<u64>, std::path::PathBuf) {
    let store = Store::new(home.join("runs"));
    let (runs, errors) = store.list();
    assert!(errors.is_empty(), "{errors:?}");
    let named: Vec<_> = runs.iter().filter(|run| run.name == name).collect();
    assert_eq!(named.len(), 1, "one run of {name}");
    let past = store.past(&named[0].id).unwrap();
    let events = past.events.iter().chain(&past.end);
    let texts = events
        .filter(|event| !matches!(event, RunEvent::Resumed { .. }))
        .map(timeless);
    (
        texts.collect(),
        named[0].resumed.clone(),
        store.dir(&named[0].id),
    )
}

/// Header and numbers of a weights file; the header's keys stand in any order.
fn weights(path: &std::path::Path) -> (serde_json::Value, Vec<u8>) {
    let bytes = std::fs::read(path).unwrap();
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    let (header, numbers) = rest.split_at(length);
    (serde_json::from_slice(header).unwrap(), numbers.to_vec())
}

/// Killed in the middle, a queue goes on where its lanes stood, and nothing in their records, weights and
/// pictures tells that it was killed.
#[test]
fn a_killed_queue_goes_on_where_its_lanes_stood() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let run = |home: &std::path::Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dicebench"));
        command
            .args(["queue", "run", "--json"])
            .env("DICEBENCH_HOME", home);
        command
    };
    for home in &homes {
        let mut args = vec!["queue", "add", "--device", "cpu"];
        args.extend(["--vary", "loss.kind=dice,cross_entropy"]);
        for set in [
            "data.width=32",
            "data.height=32",
            "model.depth=1",
            "model.base=4",
            "train.batch=4",
            "train.steps=60",
            "train.epochs=0",
            "train.validate_every=10",
            // What depends on the step, and on how often the score has not risen.
            "model.dropout=0.3",
            "train.schedule=cosine",
            "train.patience=4",
        ] {
            args.extend(["--set", set]);
        }
        let output = crate::cli::dicebench(home.path(), &args);
        assert_eq!(output.status.code(), Some(0));
    }
    let [whole, torn] = homes.each_ref().map(|home| home.path());
    assert!(run(whole).output().unwrap().status.success());

    // Once each lane is past its third validation: what they make until they die is made again.
    let mut child = run(torn)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut left = 2;
    for line in lines {
        let event: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        left -= usize::from(event["event"] == "validated" && event["step"] == 30);
        if left == 0 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let output = crate::cli::dicebench(torn, &["queue", "list"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.matches("(begun)").count(), 2, "{said}");

    let output = run(torn).output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.matches(r#""event":"resumed""#).count(), 2, "{said}");
    for name in ["kind=dice", "kind=cross_entropy"] {
        let ((expected, none, one), (found, resumed, other)) =
            (recorded(whole, name), recorded(torn, name));
        assert_eq!(found, expected, "{name}");
        assert_eq!((none.len(), resumed.len()), (0, 1), "{name}");
        assert!(resumed[0] >= 10 && resumed[0] < 60, "{name}: {resumed:?}");
        let album = |dir: &std::path::Path| dicebench::run::pictures::Album::open(dir).steps;
        assert_eq!(album(&other), album(&one), "{name}");
        for file in ["best.safetensors", "last.safetensors"] {
            assert!(
                weights(&other.join(file)) == weights(&one.join(file)),
                "{name}: {file}"
            );
        }
    }
    let (_, _, dir) = recorded(torn, "kind=dice");
    let id = dir.file_name().unwrap().to_str().unwrap();
    let output = crate::cli::dicebench(torn, &["runs", "show", id]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("was cut off, and went on from step"),
        "{said}"
    );
}

/// What can't go on says why, and begins again under a record of its own.
#[test]
fn a_lane_that_can_not_go_on_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path());
    let (_, ids) = train(&[tiny()], &store);
    let start = |config: &dicebench::experiment::ExperimentConfig, id: &str| {
        let mut jobs = jobs(std::slice::from_ref(config));
        jobs[0].resume = Some(id.to_owned());
        let trainer = TrainerHandle::spawn(Arc::new(|| {}));
        trainer.start(jobs, store.clone()).unwrap();
        let (mut opened, mut why, mut steps) = (String::new(), None, 0);
        loop {
            match trainer.wait(Duration::from_secs(60)) {
                Some(TrainerEvent::Opened { id, .. }) => opened = id,
                Some(TrainerEvent::Anew { why: said, .. }) => why = Some(said),
                Some(TrainerEvent::Run { event, .. }) => {
                    steps += usize::from(matches!(event, RunEvent::Step { .. }));
                }
                Some(TrainerEvent::Idle) => return (opened, why, steps),
                Some(_) => {}
                None => panic!("the trainer is silent"),
            }
        }
    };
    // One that is over is not trained again.
    let before = std::fs::read(store.dir(&ids[0]).join("events.jsonl")).unwrap();
    let (opened, why, steps) = start(&tiny(), &ids[0]);
    assert_eq!((opened.as_str(), why, steps), (ids[0].as_str(), None, 0));
    let after = std::fs::read(store.dir(&ids[0]).join("events.jsonl")).unwrap();
    assert!(before == after);
    let mut other = tiny();
    other.set("train.learning_rate", "0.5").unwrap();
    let (opened, why, steps) = start(&other, &ids[0]);
    assert_eq!(steps, 12);
    assert_ne!(opened, ids[0]);
    assert!(why.unwrap().contains("other settings"));
    let (_, why, steps) = start(&tiny(), "nonesuch");
    assert_eq!(steps, 12);
    assert!(why.unwrap().contains("nonesuch"));
    std::fs::remove_dir_all(store.dir(&ids[0]).join("last.state")).unwrap();
    let (_, why, steps) = start(&tiny(), &ids[0]);
    assert_eq!(steps, 12);
    assert!(why.unwrap().contains("progress.json"));
}

/// What waits from before is trained by a click in a window in which nothing else happens.
#[test]
fn what_waits_from_before_goes_on_by_a_click() {
    let dir = tempfile::tempdir().unwrap();
    let lane = |name: &str, kind: &str| {
        let mut config = tiny();
        config.set("loss.kind", kind).unwrap();
        config.set("train.steps", "3").unwrap();
        Lane {
            name: name.to_owned(),
            config,
        }
    };
    let races = vec![vec![lane("one", "dice"), lane("two", "focal")]];
    queue::update(dir.path(), Change::Add(races)).unwrap();
    let mut harness = start(dir.path());
    wait(&mut harness, "the dataset and the queue", |app| {
        app.lab.dataset().is_some() && !app.lab.racing.queue.races.is_empty()
    });
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::R);
    // Until nothing comes in any more.
    for _ in 0..40 {
        std::thread::sleep(Duration::from_millis(25));
        harness.step();
    }
    assert!(harness.query_by_label("Waiting: 1 race, 2 lanes").is_some());
    harness.get_by_label("▶ Go on with the queue").click();
    harness.run_steps(4);
    assert!(harness.state().lab.is_busy(), "it begins at once");
    wait(&mut harness, "both lanes", |app| {
        let done = app.lab.runs.iter().filter(|run| run.outcome.is_some());
        done.count() == 2 && app.lab.racing.queue.races.is_empty()
    });
    // One notice tells of both.
    let told = |text: &str| {
        let all = harness.state().lab.notices.all().iter();
        all.filter(|notice| notice.text.contains(text)).count()
    };
    assert_eq!(
        (told("2 lanes are trained: 3 steps"), told("is trained")),
        (1, 0)
    );
}

/// Two presets are put on the grid beside the settings, one by a click and one dragged, and raced.
#[test]
fn a_race_is_started_from_presets_in_the_window() {
    let dir = tempfile::tempdir().unwrap();
    let mut harness = start(dir.path());
    wait(&mut harness, "the sample dataset", |app| {
        app.lab.dataset().is_some() && app.lab.presets.len() > 3
    });
    make_tiny(harness.state_mut());
    harness.state_mut().lab.set("train.steps", "6").unwrap();
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::R);
    harness.step();
    harness.step();
    harness.get_by_label("Add lane question").click();
    harness.run_steps(2);
    // The other is dragged from the list onto the grid.
    let beside = harness.get_by_label("Add lane solution-2").rect();
    let name = beside.right_center() + egui::vec2(20.0, 0.0);
    let grid = harness.get_by_label("Starting grid").rect();
    let place = grid.left_bottom() + egui::vec2(30.0, 120.0);
    harness.hover_at(name);
    harness.run_steps(2);
    harness.drag_at(name);
    harness.run_steps(2);
    for part in [0.3, 0.7, 1.0] {
        harness.hover_at(name + (place - name) * part);
        harness.run_steps(2);
    }
    harness.drop_at(place);
    harness.run_steps(3);
    harness.get_by_label("Take off question");
    harness.get_by_label("Take off solution-2");
    assert!(
        harness
            .query_by_label_contains("Only this differs")
            .is_some()
    );
    harness.get_by_label("Start 3 lanes").click();
    harness.step();
    wait(&mut harness, "three runs", |app| {
        let done = app.lab.runs.iter().filter(|run| run.outcome.is_some());
        done.count() == 3 && !app.lab.is_busy()
    });
    let app = harness.state();
    assert_eq!(app.tab, Tab::Training);
    let kinds: Vec<&str> = app
        .lab
        .runs
        .iter()
        .map(|run| run.config.loss.kind())
        .collect();
    assert_eq!(kinds.len(), 3);
    assert!(kinds.contains(&"question_dice"), "{kinds:?}");
    // What each lane makes of one image stands beside the truth.
    wait(&mut harness, "a prediction of every lane", |app| {
        let lanes = app.lab.side_by_side();
        lanes.len() == 3 && lanes.iter().all(|(_, _, preview)| preview.is_some())
    });
    harness.step();
    assert!(harness.query_by_label("Truth").is_some());
    for name in ["question", "solution-2"] {
        let title = format!("{name} · Dice");
        let found = harness.query_by_label_contains(&title).is_some();
        assert!(found, "{title}");
    }
    let painted = harness.state().lanes.painted();
    assert!(painted >= 4, "{painted}");
    harness.run_steps(3);
    assert_eq!(harness.state().lanes.painted(), painted, "painted once");
    // Every lane is done: nothing waits for another start of the program.
    wait(&mut harness, "an empty queue", |app| {
        app.lab.racing.queue.races.is_empty()
    });
}
