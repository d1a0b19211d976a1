//! What the runs saw in the same images: truth, and each configuration's best prediction.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use base64::Engine;

use super::Subject;
use super::css;
use super::page::escape;
use crate::run::group::Group;
use crate::run::metrics::mean;
use crate::run::pictures::Album;

/// Images shown: those on which the configurations differ most.
const SHOWN: usize = 4;

/// One row per image, one column per configuration (its first run); empty where no run kept pictures.
pub fn section(subjects: &[Subject], groups: &[Group<'_>]) -> String {
    let columns: Vec<(&str, &Subject, Album)> = (groups.iter())
        .filter_map(|group| {
            let id = &group.runs[0].id;
            let subject = subjects.iter().find(|subject| subject.run.id == *id)?;
            let album = Album::open(&subject.folder);
            (!album.steps.is_empty()).then_some((group.name.as_str(), subject, album))
        })
        .collect();
    let Some((_, _, first)) = columns.first() else {
        return String::new();
    };
    let mut text = format!(
        "<h2>Pictures</h2><p class=note>Validation images on which the configurations differ most, each \
         predicted at its run's best validation. Columns: truth, then each configuration's first run.\
         </p><div class=pictures style='grid-template-columns:repeat({},1fr)'>",
        columns.len() + 1
    );
    text += "<div>truth</div>";
    for (name, _, _) in &columns {
        let _ = write!(text, "<div>{}</div>", escape(name));
    }
    for position in most_different(&columns) {
        let name = first.names.get(position).map_or("", String::as_str);
        let _ = write!(
            text,
            "<div>{}{}</div>",
            image(&first.truth_file(position), name),
            escape(name)
        );
        for (_, subject, album) in &columns {
            let run = &subject.run;
            let best = run.best.map(|at| &run.validations[at]);
            let step = best.and_then(|v| album.nearest(v.step, position));
            let picture = step.map_or_else(String::new, |step| {
                image(&album.labels_file(step, position), name)
            });
            let dice = best
                .and_then(|v| mean(&v.per_image.get(position)?.dice()))
                .map_or_else(String::new, |dice| format!("Dice {dice:.3}"));
            let _ = write!(text, "<div>{picture}{dice}</div>");
        }
    }
    text += "</div><p class=legend>";
    let run = &columns[0].1.run;
    for (name, color) in run.classes.iter().zip(&run.class_colors) {
        let _ = write!(
            text,
            "<span><i style='background:{}'></i>{}</span>",
            css(*color),
            escape(name)
        );
    }
    text + "</p>"
}

/// Places of images that all columns have kept, the largest range of Dice first.
fn most_different(columns: &[(&str, &Subject, Album)]) -> Vec<usize> {
    let kept: Vec<BTreeSet<usize>> = (columns.iter())
        .map(|(_, _, album)| album.steps.values().flatten().copied().collect())
        .collect();
    let Some((first, others)) = kept.split_first() else {
        return Vec::new();
    };
    let mut ranked: Vec<(f64, usize)> = (first.iter().copied())
        .filter(|place| others.iter().all(|kept| kept.contains(place)))
        .map(|place| {
            let dice = columns.iter().filter_map(|(_, subject, _)| {
                let run = &subject.run;
                mean(&run.validations[run.best?].per_image.get(place)?.dice())
            });
            let (low, high) = dice.fold((1.0f64, 0.0f64), |(l, h), d| (l.min(d), h.max(d)));
            (high - low, place)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    ranked
        .into_iter()
        .take(SHOWN)
        .map(|(_, place)| place)
        .collect()
}

/// The file as an image in the page; nothing where it can't be read.
fn image(path: &Path, name: &str) -> String {
    fs::read(path).map_or_else(
        |_| String::new(),
        |bytes| {
            let data = base64::engine::general_purpose::STANDARD.encode(bytes);
            format!(
                "<img alt=\"{}\" src=\"data:image/png;base64,{data}\">",
                escape(name)
            )
        },
    )
}
