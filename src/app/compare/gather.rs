//! From runs, an image and a moment to the pictures that are drawn: asks the gallery for each.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use egui::Ui;

use super::Compare;
use crate::app::view::color::{on_ground, run_color};
use crate::app::view::versus::{Ground, Look};
use crate::lab::Lab;
use crate::lab::gallery::{Gallery, Key};
use crate::run::pictures::Plane;
use crate::run::versus::{Order, Ranked, image_dice};
use crate::run::{Run, Validation};

/// A validation of a run, and its place among the run's.
pub type At<'a> = Option<(usize, &'a Validation)>;

/// What the list of images and the confusion matrix are drawn from.
pub struct Side<'a> {
    pub runs: &'a [&'a Run],
    pub titles: &'a [String],
    pub validations: &'a [At<'a>],
    pub names: &'a [String],
    pub ranked: &'a [Ranked],
    /// Place in `ranked` of what is shown.
    pub at: usize,
    pub order: Order,
    pub pair: [usize; 2],
}

/// What is drawn in the middle.
pub struct Scene {
    pub ground: Ground,
    pub looks: Vec<Look>,
    /// Names and colours.
    pub classes: Vec<(String, [u8; 3])>,
    pub background: Option<usize>,
}

/// Steps at which any of the runs was validated, rising.
pub fn steps(runs: &[&Run]) -> Vec<u64> {
    let all = runs.iter().flat_map(|run| &run.validations);
    let steps: std::collections::BTreeSet<u64> = all.map(|v| v.step).collect();
    steps.into_iter().collect()
}

/// The chosen step, or the last where none is chosen or it is not there any more.
pub fn moment(chosen: Option<u64>, steps: &[u64]) -> u64 {
    let last = steps.last().copied().unwrap_or(0);
    chosen.filter(|step| steps.contains(step)).unwrap_or(last)
}

/// The last validation at or before `step`; the first where there is none.
pub fn at(run: &Run, step: u64) -> At<'_> {
    let after = run.validations.partition_point(|v| v.step <= step);
    let at = after.saturating_sub(1);
    run.validations.get(at).map(|validation| (at, validation))
}

/// Names of the validation images, of the first run that kept any.
pub fn names(gallery: &mut Gallery, runs: &[&Run]) -> Option<Vec<String>> {
    let mut albums = runs
        .iter()
        .filter_map(|run| gallery.album(&run.id, run.validations.len()));
    albums
        .find(|a| !a.names.is_empty())
        .map(|a| a.names.clone())
}

/// Places of A and B among `runs`: as chosen, else the first and the second.
pub fn pair(chosen: &[Option<String>; 2], runs: &[&Run]) -> [usize; 2] {
    let of = |side: usize| {
        let id = chosen[side].as_ref()?;
        runs.iter().position(|run| run.id == *id)
    };
    let a = of(0).unwrap_or(usize::from(of(1) == Some(0)).min(runs.len() - 1));
    let b = of(1).filter(|b| *b != a);
    let b = b.unwrap_or_else(|| (0..runs.len()).find(|at| *at != a).unwrap_or(a));
    [a, b]
}

/// Place in the order of the chosen image; the first where it is not there.
pub fn place(chosen: Option<&str>, names: &[String], ranked: &[Ranked]) -> usize {
    let is = |r: &Ranked| names.get(r.position).map(String::as_str) == chosen;
    ranked.iter().position(is).unwrap_or(0)
}

/// What is said while a picture is read.
const LOADING: &str = "Loading…";

/// Everything that is drawn of the image at `position` of `names`.
#[expect(
    clippy::too_many_arguments,
    reason = "the frame's whole state meets here"
)]
pub fn scene(
    compare: &mut Compare,
    lab: &Lab,
    ui: &Ui,
    runs: &[&Run],
    titles: &[String],
    validations: &[At],
    names: &[String],
    position: Option<usize>,
) -> Scene {
    let dark = ui.visuals().dark_mode;
    let name = position.and_then(|at| names.get(at));
    let mut truth = None;
    let mut looks = Vec::new();
    for ((run, title), validation) in runs.iter().zip(titles).zip(validations) {
        let color = on_ground(run_color(ui.ctx(), &run.id), dark);
        let mut look = Look {
            name: title.clone(),
            notes: Vec::new(),
            color,
            key: 0,
            labels: None,
            doubt: None,
            missing: LOADING.to_owned(),
            pending: true,
        };
        let album = compare.gallery.album(&run.id, run.validations.len());
        if let (Some(album), Some(name), Some((_, validation))) = (album, name, validation) {
            // Another split may have the image in another place, or not at all.
            let own = match position.filter(|at| album.names.get(*at) == Some(name)) {
                Some(at) => Some(at),
                None => album.names.iter().position(|other| other == name),
            };
            let kept = own.and_then(|own| Some((own, album.nearest(validation.step, own)?)));
            if let Some((own, step)) = kept {
                let mut found = |key| plane(compare.gallery.plane(&album, key), &mut look.missing);
                let labels = found(Key::Labels(run.id.clone(), step, own));
                let doubt = found(Key::Doubt(run.id.clone(), step, own));
                if truth.is_none() {
                    truth = found(Key::Truth(run.id.clone(), own));
                }
                let mut hasher = DefaultHasher::new();
                (&run.id, step, own).hash(&mut hasher);
                look.key = hasher.finish();
                // An error is said at once.
                look.pending = look.missing == LOADING && (labels.is_none() || doubt.is_none());
                (look.labels, look.doubt) = (labels, doubt);
                let dice = image_dice(validation, own).filter(|_| validation.step == step);
                let dice = dice.map(|dice| format!("Dice {dice:.3}"));
                let epoch = step as f64 / run.steps_per_epoch.max(1) as f64;
                let digits = usize::from(epoch.fract() != 0.0);
                let when = [format!("step {step}"), format!("epoch {epoch:.digits$}")];
                look.notes = dice.into_iter().chain(when).collect();
            } else {
                look.pending = false;
                look.missing = if own.is_none() {
                    "This run was validated on other images.".to_owned()
                } else {
                    "Not kept for this image: “train.picture_mib” bounds what is.".to_owned()
                };
            }
        } else if validation.is_none() {
            look.missing = "Not validated yet.".to_owned();
            look.pending = false;
        }
        looks.push(look);
    }
    let photo = name.and_then(|name| photo(compare, lab, runs[0], name));
    let mut hasher = DefaultHasher::new();
    (name, photo.is_some(), truth.is_some(), &runs[0].dataset).hash(&mut hasher);
    let run = runs[0];
    let classes: Vec<(String, [u8; 3])> = (run.classes.iter().enumerate())
        .map(|(at, name)| {
            let color = crate::app::view::color::class_color(&run.class_colors, at);
            (name.clone(), color)
        })
        .collect();
    Scene {
        ground: Ground {
            photo,
            truth,
            key: hasher.finish(),
        },
        looks,
        background: crate::app::view::viewer::background(&classes),
        classes,
    }
}

fn plane(found: Option<Result<Arc<Plane>, String>>, said: &mut String) -> Option<Arc<Plane>> {
    match found? {
        Ok(plane) => Some(plane),
        Err(message) => {
            *said = message;
            None
        }
    }
}

/// The photograph, where the dataset that is open is the one that `run` was trained on.
fn photo(
    compare: &mut Compare,
    lab: &Lab,
    run: &Run,
    name: &str,
) -> Option<Arc<crate::data::Image>> {
    let dataset = lab.dataset()?;
    if dataset.fingerprint != run.dataset {
        return None;
    }
    let item = (dataset.split.val.iter().copied())
        .find(|item| dataset.items[*item].id == name)
        .or_else(|| dataset.items.iter().position(|item| item.id == name))?;
    compare.gallery.photo(dataset, &run.config.data, item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str) -> Run {
        Run {
            id: id.to_owned(),
            ..Run::default()
        }
    }

    #[test]
    fn two_different_runs_are_paired_whatever_was_chosen_before() {
        let runs = ["a", "b", "c"].map(run);
        let runs: Vec<&Run> = runs.iter().collect();
        let chosen = |a: &str, b: &str| {
            let some = |id: &str| (!id.is_empty()).then(|| id.to_owned());
            pair(&[some(a), some(b)], &runs)
        };
        assert_eq!(chosen("", ""), [0, 1]);
        assert_eq!(chosen("c", ""), [2, 0]);
        assert_eq!(chosen("", "a"), [1, 0]);
        assert_eq!(chosen("b", "b"), [1, 0]);
        assert_eq!(chosen("gone", "c"), [0, 2]);
        assert_eq!(pair(&[None, None], &runs[..1]), [0, 0]);
    }

    #[test]
    fn a_moment_is_one_of_the_steps() {
        assert_eq!(moment(Some(20), &[10, 20, 30]), 20);
        assert_eq!(moment(Some(25), &[10, 20, 30]), 30);
        assert_eq!(moment(None, &[]), 0);
    }
}
