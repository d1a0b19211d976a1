//! Truth and predictions of a few runs in one row, at their newest validation: what the Compare tab
//! shows, without its controls.

use egui::{Ui, Vec2};

use super::super::view::paint::{Overlay, Palette};
use super::super::view::versus::{Layer, Show, Table};
use super::{Compare, gather};
use crate::lab::Lab;
use crate::run::{Run, Validation};

/// Draws truth and the prediction of each run into `space`.
pub fn show(
    compare: &mut Compare,
    lab: &Lab,
    ui: &mut Ui,
    runs: &[&Run],
    titles: &[String],
    space: Vec2,
) {
    compare.gallery.tick();
    compare.canvas.begin(ui.ctx());
    let Some(names) = gather::names(&mut compare.gallery, runs) else {
        ui.vertical_centered(|ui| {
            ui.add_space(space.y * 0.4);
            ui.weak("Pictures appear after the first validation.");
        });
        return;
    };
    let step = gather::moment(None, &gather::steps(runs));
    let validations: Vec<_> = runs.iter().map(|run| gather::at(run, step)).collect();
    let chosen = (compare.image.as_ref()).and_then(|name| names.iter().position(|n| n == name));
    let richest = || richest(validations.iter().flatten().next()?.1);
    let position = chosen.or_else(richest).or(Some(0));
    let scene = gather::scene(
        compare,
        lab,
        ui,
        runs,
        titles,
        &validations,
        &names,
        position,
    );
    let classes = scene.classes.len();
    let palette = Palette {
        colors: scene.classes.iter().map(|(_, color)| *color).collect(),
        shown: vec![true; classes],
        background: scene.background,
    };
    let table = Table {
        ground: &scene.ground,
        looks: &scene.looks,
        palette: &palette,
        classes,
        overlay: Overlay {
            opacity: compare.opacity,
            contours: compare.contours,
        },
    };
    let mut layers = vec![Layer::Truth];
    layers.extend((0..runs.len()).map(|at| Layer::Run(at, Show::Prediction)));
    compare.canvas.grid(ui, space, &table, &layers);
}

/// The image on which most classes occur; the first of those.
fn richest(validation: &Validation) -> Option<usize> {
    let classes = |at: &usize| {
        let matrix = &validation.per_image[*at];
        let rows = matrix.counts.chunks(matrix.classes.max(1));
        rows.filter(|row| row.iter().any(|n| *n > 0)).count()
    };
    (0..validation.per_image.len()).rev().max_by_key(classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::metrics::Confusion;

    #[test]
    fn the_image_with_most_classes_is_shown_first() {
        let image = |counts: [u64; 4]| Confusion {
            classes: 2,
            counts: counts.to_vec(),
        };
        let validation = Validation {
            step: 1,
            loss: 0.0,
            dice: Vec::new(),
            mean_dice: None,
            confusion: image([0; 4]),
            per_image: vec![
                image([4, 0, 0, 0]),
                image([3, 0, 1, 0]),
                image([2, 0, 2, 0]),
            ],
            calibration: Default::default(),
            secs: 0.0,
        };
        assert_eq!(richest(&validation), Some(1));
    }
}
