//! Plots, values and the table of runs as files, asked for in the real window.

use egui_kittest::kittest::Queryable;

use dicebench::app::Tab;

use crate::table::{record, start, wait};

#[test]
fn nothing_is_wider_than_the_window_whatever_runs_are_called() {
    let dir = tempfile::tempdir().unwrap();
    for at in 0..6 {
        let name = format!("a run with a name as long as names can be, number {at}");
        record(dir.path(), &name, &[("train.seed", &at.to_string())], 0.5);
    }
    for size in [[1280.0, 720.0], [900.0, 560.0]] {
        let mut harness = start(dir.path(), size, 6);
        if harness.state().runs.ticked.is_empty() {
            harness.get_by_label("Tick these").click();
        }
        wait(&mut harness, "curves", |app| {
            app.lab.runs.iter().all(|run| !run.is_brief())
        });
        harness.run_steps(3);
        let plots: Vec<egui::Rect> = (harness.get_all_by_role(egui::Role::Figure))
            .map(|node| node.rect())
            .collect();
        assert_eq!(plots.len(), 2);
        for plot in plots {
            assert!(
                plot.right() <= size[0] && plot.width() > 100.0,
                "{size:?}: {plot:?}"
            );
        }
        crate::views::shot(&mut harness, &format!("runs-{}", size[0]));
    }
}

#[test]
fn plots_values_and_the_table_are_saved_as_files() {
    let dir = tempfile::tempdir().unwrap();
    let id = record(dir.path(), "low & slow", &[], 0.5);
    record(dir.path(), "high", &[("loss.kind", "focal")], 0.8);
    let mut harness = start(dir.path(), [1280.0, 800.0], 2);
    let saved = dir.path().join("saved");
    harness.state_mut().saving.folder = Some(saved.clone());
    harness.get_by_label("Tick these").click();
    harness.run_steps(3);
    wait(&mut harness, "curves", |app| {
        app.lab.runs.iter().all(|run| !run.is_brief())
    });
    for (menu, choice, file) in [
        ("Save", "Loss as SVG…", "loss.svg"),
        ("Save", "Loss as PNG", "loss.png"),
        ("Save", "Dice of thing as SVG…", "dice-of-thing.svg"),
        ("Save", "All values as CSV…", "values.csv"),
        ("Save", "All values as JSON…", "values.json"),
        ("Save table", "As CSV…", "runs.csv"),
        ("Save table", "As JSON…", "runs.json"),
    ] {
        harness.get_by_label(menu).click();
        harness.run_steps(3);
        harness.get_by_label(choice).click();
        harness.run_steps(3);
        let path = saved.join(file);
        wait(&mut harness, file, |_| path.is_file());
    }
    let read = |file: &str| std::fs::read_to_string(saved.join(file)).unwrap();
    let svg = read("loss.svg");
    assert!(
        svg.contains("low &amp; slow") && svg.contains("high"),
        "names are text: {svg}"
    );
    assert!(
        svg.matches("<polyline").count() >= 4,
        "raw and smoothed, of two runs"
    );
    let picture = image::open(saved.join("loss.png")).unwrap();
    assert!(picture.width() > 1000);

    let values: Vec<serde_json::Value> = serde_json::from_str(&read("values.json")).unwrap();
    // Forty steps and four validations of each run.
    assert_eq!(values.len(), 2 * 44);
    let step = values
        .iter()
        .find(|v| v["run"] == id.as_str() && v["kind"] == "training" && v["step"] == 40.0);
    let point = harness
        .state()
        .lab
        .runs
        .iter()
        .find(|run| run.id == id)
        .unwrap();
    assert_eq!(step.unwrap()["loss"].as_f64(), Some(point.steps[39].loss));
    assert_eq!(read("values.csv").lines().count(), 1 + 2 * 44);

    let table = read("runs.csv");
    assert!(
        table
            .lines()
            .any(|line| line.contains("low & slow") && line.contains("0.5")),
        "{table}"
    );
    let table: Vec<serde_json::Value> = serde_json::from_str(&read("runs.json")).unwrap();
    let high = table.iter().find(|row| row["Name"] == "high").unwrap();
    assert_eq!(high["Best Dice"].as_f64(), Some(0.8));
    crate::views::shot(&mut harness, "runs-saved");
}

#[test]
fn what_is_taken_home_is_chosen_in_a_window() {
    let dir = tempfile::tempdir().unwrap();
    let id = record(dir.path(), "low", &[], 0.5);
    let mut harness = start(dir.path(), [1280.0, 800.0], 1);
    harness.get_by_label("Compare low").click();
    harness.run_steps(3);
    harness.get_by_label("Take home…").click();
    harness.run_steps(3);
    for other in [
        "Bundle to train again",
        "Loss as code",
        "Weights (safetensors)",
    ] {
        harness.get_by_label(other).click();
        harness.run_steps(2);
    }
    crate::views::shot(&mut harness, "take-home");
    harness.get_by_label("Write 1 run").click();
    harness.run_steps(3);
    let exports = dir.path().join("exports");
    let taken = || {
        std::fs::read_dir(&exports)
            .ok()?
            .flatten()
            .next()
            .map(|e| e.path())
    };
    wait(&mut harness, "the report", |_| {
        taken().is_some_and(|folder| folder.join("report.html").is_file())
    });
    let folder = taken().unwrap().join(&id);
    let mut files: Vec<String> = (std::fs::read_dir(folder).unwrap().flatten())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with("events"))
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "images.csv",
            "model.py",
            "run.json",
            "steps.csv",
            "validations.csv"
        ]
    );
}

/// Every tab offers what it shows: the answers of the X-ray, the doctor's findings, the dataset's classes,
/// and what the ticked runs have apart.
#[test]
fn every_tab_saves_what_it_shows() {
    let dir = tempfile::tempdir().unwrap();
    for (name, rate, dice) in [("slow", "0.001", 0.5), ("fast", "0.1", 0.8)] {
        record(dir.path(), name, &[("train.learning_rate", rate)], dice);
    }
    let mut harness = start(dir.path(), [1280.0, 800.0], 2);
    let saved = dir.path().join("saved");
    harness.state_mut().saving.folder = Some(saved.clone());
    let questionable = harness.state().lab.presets.iter();
    let preset = questionable.clone().find(|p| p.name == "question").cloned();
    harness.state_mut().lab.apply_preset(&preset.unwrap());
    wait(&mut harness, "an X-ray with all its curves", |app| {
        let curves = |laid: &dicebench::lab::responding::Laid| {
            laid.curves.as_ref().is_ok_and(|curves| curves.len() == 4)
        };
        app.lab.xray.is_some()
            && app.lab.slope.is_some()
            && !app.lab.diagnoses.is_empty()
            && app.lab.responses.laid.first().is_some_and(curves)
    });
    let mut save = |tab: Tab, part: Option<&str>, menu: &str, files: &[(&str, &str)]| {
        harness.state_mut().tab = tab;
        harness.run_steps(3);
        if let Some(part) = part {
            harness.get_by_label(part).click();
            harness.run_steps(3);
            wait(&mut harness, "curves of what is ticked", |app| {
                let brief = |id: &String| app.lab.runs.iter().any(|r| r.id == *id && r.is_brief());
                !app.runs.ticked.iter().any(brief)
            });
        }
        for (choice, file) in files {
            harness.get_by_label(menu).click();
            harness.run_steps(3);
            harness.get_by_label(choice).click();
            harness.run_steps(3);
            let path = saved.join(file);
            wait(&mut harness, file, |_| path.is_file());
        }
    };
    save(
        Tab::Xray,
        None,
        "Save X-ray",
        &[
            ("Answers as SVG", "answers.svg"),
            ("Answers as PNG", "answers.png"),
            (
                "Losses of the answers as JSON",
                "losses-of-the-answers.json",
            ),
            (
                "Pictures of the answers as PNG",
                "pictures-of-the-answers.png",
            ),
            ("Who is heard as CSV", "who-is-heard.csv"),
            ("Where it pushes as SVG", "where-it-pushes.svg"),
            ("Loss by size as SVG", "loss-by-size.svg"),
            ("Responses as CSV", "responses.csv"),
        ],
    );
    save(
        Tab::Doctor,
        None,
        "Save doctor",
        &[("Findings as JSON", "findings.json")],
    );
    save(
        Tab::Data,
        None,
        "Save dataset",
        &[
            ("Share of the pixels as PNG", "share-of-the-pixels.png"),
            ("Classes as JSON", "classes.json"),
            ("Images as CSV", "images.csv"),
        ],
    );
    save(
        Tab::Runs,
        Some("Tick these"),
        "Save",
        &[("Loss as SVG…", "loss.svg")],
    );
    save(
        Tab::Runs,
        Some("Differences"),
        "Save differences",
        &[("Differences as CSV", "differences.csv")],
    );
    save(
        Tab::Runs,
        Some("Scores"),
        "Save scores",
        &[("Scores as JSON", "scores.json")],
    );
    save(
        Tab::Runs,
        Some("Sweep"),
        "Save sweep",
        &[
            ("Scatter plot as SVG", "scatter-plot.svg"),
            ("Parallel coordinates as PNG", "parallel-coordinates.png"),
            ("Sweep as CSV", "sweep.csv"),
        ],
    );
    let read = |file: &str| std::fs::read_to_string(saved.join(file)).unwrap();
    let rows =
        |file: &str| -> Vec<serde_json::Value> { serde_json::from_str(&read(file)).unwrap() };
    let lab = &harness.state().lab;
    let xray = lab.xray.as_ref().unwrap();
    let losses = rows("losses-of-the-answers.json");
    assert_eq!(losses.len(), xray.oracles.len());
    for (row, bar) in losses.iter().zip(&xray.oracles) {
        assert_eq!(row["loss"].as_f64(), Some(bar.loss), "{}", bar.name);
    }
    let svg = read("answers.svg");
    assert!(
        svg.contains(">\nall") || svg.contains("every class"),
        "{svg}"
    );
    let findings = rows("findings.json");
    let codes: Vec<&str> = findings.iter().filter_map(|f| f["code"].as_str()).collect();
    assert!(codes.contains(&"doubled-activation"), "{codes:?}");
    let dataset = lab.dataset().unwrap();
    assert_eq!(rows("classes.json").len(), dataset.classes.len());
    assert_eq!(read("images.csv").lines().count(), 1 + dataset.items.len());
    let differences = read("differences.csv");
    let rate = differences
        .lines()
        .find(|line| line.starts_with("train.learning_rate"));
    let mut rates: Vec<&str> = rate.unwrap().split(',').skip(1).collect();
    rates.sort_unstable();
    assert_eq!(rates, ["0.001", "0.1"]);
    assert!(rows("scores.json").len() > 10);
    let sweep = read("sweep.csv");
    assert!(
        sweep.starts_with("run,name,train.learning_rate,best Dice"),
        "{sweep}"
    );
    assert_eq!(sweep.lines().count(), 3);
    assert!(read("scatter-plot.svg").matches("<circle").count() >= 2);
}
