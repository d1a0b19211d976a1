//! A comparison of runs as one HTML file: findings in words, scores, curves, pictures, settings.
//!
//! Nothing in it is fetched from anywhere: curves are SVG, pictures are data URIs, and it reads well
//! in light and dark browsers and on paper.

mod page;
mod pictures;

use std::fmt::Write;
use std::path::PathBuf;

use crate::export::chart::{Chart, Figure, Line};
use crate::run::definitions::{Defined, definitions};
use crate::run::group::{self, Group, Spread};
use crate::run::outlines::Outlines;
use crate::run::pictures::Album;
use crate::run::{Run, statistics};
use page::{cells, escape, score};

/// A run and where it lies.
#[derive(Debug, Clone)]
pub struct Subject {
    pub folder: PathBuf,
    pub run: Run,
}

/// Colours of groups that colour-blind readers can tell apart (Okabe & Ito), dark enough for white.
const COLORS: [[u8; 3]; 8] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [230, 159, 0],
    [120, 94, 240],
    [90, 90, 90],
];

/// The report.
///
/// # Errors
/// When there is nothing to report, or a chart can't be drawn.
pub fn html(title: &str, subjects: &[Subject]) -> Result<String, String> {
    let runs: Vec<&Run> = subjects.iter().map(|subject| &subject.run).collect();
    if runs.is_empty() {
        return Err("a report needs at least one run".to_owned());
    }
    let groups = group::groups(&runs);
    let mut body = String::new();
    let _ = write!(body, "<h1>{}</h1>", escape(title));
    body += &summary(&runs, &groups);
    body += "<h2>Findings</h2>";
    body += &findings(&groups);
    body += "<h2>Scores</h2>";
    body += &scores(&groups);
    body += "<details><summary>Scores in every definition</summary>";
    body += &by_definition(&groups, subjects);
    body += "</details>";
    body += "<h2>Curves</h2>";
    body += &curves(&groups)?;
    body += &pictures::section(subjects, &groups);
    body += "<h2>What was set differently</h2>";
    body += &differences(&runs, &groups);
    body += "<h2>Runs</h2>";
    body += &listing(&runs);
    body += "<h2>Common settings</h2>";
    body += &common(&runs);
    Ok(page::page(title, &body))
}

fn summary(runs: &[&Run], groups: &[Group<'_>]) -> String {
    let mut devices: Vec<&str> = runs.iter().map(|run| run.device.as_str()).collect();
    devices.sort_unstable();
    devices.dedup();
    let mut data: Vec<&str> = runs.iter().map(|run| run.dataset.as_str()).collect();
    data.sort_unstable();
    data.dedup();
    let images = runs
        .iter()
        .filter_map(|run| Some(run.validations.get(run.best?)?.per_image.len()))
        .max();
    let images = images.map_or_else(String::new, |n| {
        format!(", scored on {n} validation images")
    });
    format!(
        "<p class=lead>{} runs of {} configurations{images}. Trained on {}. Fingerprint of the data: \
         <code>{}</code>. Dicebench {}.</p>",
        runs.len(),
        groups.len(),
        escape(&devices.join(", ")),
        escape(&data.join(", ")),
        env!("CARGO_PKG_VERSION"),
    )
}

fn findings(groups: &[Group<'_>]) -> String {
    let sentences = statistics::against_best(groups);
    if sentences.is_empty() {
        return "<p>There is nothing to compare with.</p>".to_owned();
    }
    let items: String = (sentences.iter())
        .map(|sentence| format!("<li>{}</li>", escape(sentence)))
        .collect();
    format!(
        "<ul>{items}</ul><p class=note>Each image's mean Dice at each run's best validation (mean over \
         repetitions), paired by image: Wilcoxon signed-rank test, corrected for the number of \
         comparisons (Holm); the interval is a percentile bootstrap over the images.</p>"
    )
}

fn scores(groups: &[Group<'_>]) -> String {
    let classes = groups
        .first()
        .map(|group| group.runs[0].classes.clone())
        .unwrap_or_default();
    let mut table = String::from(
        "<div class=wide><table><thead><tr><th>Configuration<th>N<th>Best mean Dice<th>Last",
    );
    for class in &classes {
        let _ = write!(table, "<th>{}", escape(class));
    }
    table += "</thead><tbody>";
    for (at, group) in groups.iter().enumerate() {
        let last: Vec<f64> = (group.runs.iter())
            .filter_map(|run| run.validations.last()?.mean_dice)
            .collect();
        let _ = write!(
            table,
            "<tr><td><i style='background:{}'></i>{}<td>{}<td><b>{}</b><td>{}",
            css(COLORS[at % COLORS.len()]),
            escape(&group.name),
            group.runs.len(),
            score(&group.best()),
            score(&last),
        );
        for class in 0..classes.len() {
            let of = |run: &&Run| *run.validations[run.best?].dice.get(class)?;
            let dice: Vec<f64> = group.runs.iter().filter_map(of).collect();
            let _ = write!(table, "<td>{}", score(&dice));
        }
    }
    table
        + "</tbody></table></div><p class=note>Dice over all pixels of the validation set, mean ± \
             standard deviation over N repetitions; – where a class occurs in neither truth nor \
             prediction.</p>"
}

/// The best validation of each run under every definition: what other papers would have printed.
fn by_definition(groups: &[Group<'_>], subjects: &[Subject]) -> String {
    let of = |run: &Run| {
        let best = run.best.map(|at| &run.validations[at])?;
        let own = subjects.iter().find(|subject| subject.run.id == run.id);
        // A picture that can't be read costs the report the scores of outlines, nothing else.
        let outlines = own.and_then(|own| {
            let album = Album::open(&own.folder);
            let found = Outlines::of(&album, best.step, run.classes.len());
            found.ok().flatten()
        });
        Some(definitions(run, best, outlines.as_ref()))
    };
    let all: Vec<Vec<Vec<Defined>>> = (groups.iter())
        .map(|group| group.runs.iter().filter_map(|run| of(run)).collect())
        .collect();
    let names: Vec<String> = groups.iter().map(|group| escape(&group.name)).collect();
    let mut table = format!(
        "<div class=wide><table><thead><tr><th>Definition<th>{}</thead><tbody>",
        names.join("<th>")
    );
    let first = all.iter().flatten().next();
    for (at, defined) in first.into_iter().flatten().enumerate() {
        let help = escape(&format!("{} ({})", defined.help, defined.library));
        let told = |runs: &Vec<Vec<Defined>>| runs.iter().any(|run| run[at].value.is_finite());
        if !all.iter().any(told) {
            continue;
        }
        let _ = write!(table, "<tr><td title='{help}'>{}", escape(defined.name));
        for runs in &all {
            let values = runs.iter().filter_map(|run| run.get(at).map(|d| d.value));
            let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
            let _ = write!(table, "<td>{}", score(&values));
        }
    }
    table + "</tbody></table></div>"
}

fn curves(groups: &[Group<'_>]) -> Result<String, String> {
    let line =
        |at: usize, group: &Group<'_>, value: &dyn Fn(&crate::run::Validation) -> Option<f64>| {
            let bands = group.over_validations(Spread::StandardDeviation, value);
            Line {
                name: group.name.clone(),
                color: COLORS[at % COLORS.len()],
                points: bands.iter().map(|band| (band.x, band.mean)).collect(),
                band: (bands.iter())
                    .filter(|band| band.count > 1)
                    .map(|band| (band.x, band.low, band.high))
                    .collect(),
                ..Line::default()
            }
        };
    let mut text = String::from("<p class=legend>");
    for (at, group) in groups.iter().enumerate() {
        let _ = write!(
            text,
            "<span><i style='background:{}'></i>{} (N = {})</span>",
            css(COLORS[at % COLORS.len()]),
            escape(&group.name),
            group.runs.len()
        );
    }
    text += "</p><div class=charts>";
    let mut add = |title: &str, y, size, value: &dyn Fn(&crate::run::Validation) -> Option<f64>| {
        let lines: Vec<Line> = (groups.iter().enumerate())
            .map(|(at, group)| line(at, group, value))
            .collect();
        let drawn = Chart {
            title: title.to_owned(),
            x: "step".to_owned(),
            y,
            size,
            lines,
            // Names stand above all charts.
            legend: false,
            ..Chart::default()
        }
        .svg()?;
        text += &format!("<figure>{drawn}</figure>");
        Ok::<(), String>(())
    };
    let large = (520, 320);
    add("Mean Dice, validation", Some(0.0..1.0), large, &|v| {
        v.mean_dice
    })?;
    add("Loss, validation (each its own unit)", None, large, &|v| {
        Some(v.loss)
    })?;
    let classes = groups
        .first()
        .map(|group| group.runs[0].classes.clone())
        .unwrap_or_default();
    for (index, class) in classes.iter().enumerate() {
        let title = format!("Dice, {class}");
        add(&title, Some(0.0..1.0), (260, 200), &|v| {
            v.dice.get(index).copied().flatten()
        })?;
    }
    text += "</div>";
    if groups.iter().any(|group| group.runs.len() > 1) {
        text += "<p class=note>Bands: one standard deviation over the repetitions.</p>";
    }
    Ok(text)
}

/// A column for each configuration; what its runs have differently, their seeds, stands in one cell.
fn differences(runs: &[&Run], groups: &[Group<'_>]) -> String {
    let lines = group::differences(runs);
    if lines.is_empty() {
        return "<p>Nothing, down to the seed.</p>".to_owned();
    }
    let names: Vec<String> = groups.iter().map(|group| escape(&group.name)).collect();
    let place = |run: &Run| runs.iter().position(|known| known.id == run.id);
    let of_group = |group: &Group<'_>, values: &[String]| {
        let mut own: Vec<&str> = Vec::new();
        for run in &group.runs {
            let value = place(run).and_then(|at| values.get(at));
            own.extend(
                value
                    .map(String::as_str)
                    .filter(|value| !own.contains(value)),
            );
        }
        // Runs are listed newest first; seeds are read from the first on.
        own.reverse();
        own.join(", ")
    };
    let mut table = format!(
        "<div class=wide><table><thead><tr><th>Setting<th>{}</thead><tbody>",
        names.join("<th>")
    );
    for (key, values) in lines {
        let _ = write!(
            table,
            "<tr><td><code>{}</code>{}",
            escape(&key),
            cells(
                &groups
                    .iter()
                    .map(|group| of_group(group, &values))
                    .collect::<Vec<_>>()
            )
        );
    }
    table + "</tbody></table></div>"
}

fn listing(runs: &[&Run]) -> String {
    let mut table = String::from(
        "<div class=wide><table><thead><tr><th>Run<th>Name<th>Outcome<th>Steps<th>Best mean Dice<th>at \
         step<th>Time</thead><tbody>",
    );
    for run in runs {
        let best = run.best.map(|at| &run.validations[at]);
        let ending = run.ending().unwrap_or("interrupted");
        let outcome = match run.why_ended() {
            Some(why) => format!("{ending}: {why}"),
            None => ending.to_owned(),
        };
        let secs = run.steps.last().map_or(0.0, |step| step.secs);
        let values = [
            run.id.clone(),
            run.name.clone(),
            outcome,
            run.steps.len().to_string(),
            score(
                &best
                    .and_then(|v| v.mean_dice)
                    .into_iter()
                    .collect::<Vec<_>>(),
            ),
            best.map_or_else(|| "–".to_owned(), |v| v.step.to_string()),
            format!("{secs:.0} s"),
        ];
        let _ = write!(table, "<tr>{}", cells(&values));
    }
    table + "</tbody></table></div>"
}

/// Settings that are the same in all runs.
fn common(runs: &[&Run]) -> String {
    let differing = group::differences(runs);
    let mut text = String::from("<details><summary>Show</summary><pre>");
    for (key, value) in runs[0].config.values() {
        if differing.iter().all(|(other, _)| *other != key) {
            let _ = writeln!(text, "{} = {}", escape(&key), escape(&value));
        }
    }
    text + "</pre></details>"
}

fn css([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}
