//! The pictures in the middle of the Compare tab: grid, swipe, blink or disagreement.

use egui::{Ui, vec2};

use super::files::Asked;
use super::gather::Scene;
use super::{Compare, side};
use crate::app::view::paint::{Overlay, Palette};
use crate::app::view::save;
use crate::app::view::versus::{Layer, Mode, Show, Table};
use crate::export::chart::Plates;
use crate::run::Run;

/// `title` stands over the pictures that are saved.
pub fn show(
    compare: &mut Compare,
    ui: &mut Ui,
    scene: &Scene,
    runs: &[&Run],
    [a, b]: [usize; 2],
    title: &str,
) {
    let classes = scene.classes.len();
    let palette = Palette {
        colors: scene.classes.iter().map(|(_, color)| *color).collect(),
        shown: vec![true; classes],
        background: scene.background,
    };
    let overlay = Overlay {
        opacity: compare.opacity,
        contours: compare.contours,
    };
    let table = Table {
        ground: &scene.ground,
        looks: &scene.looks,
        palette: &palette,
        classes,
        overlay,
    };
    // As high as it was in the frame before.
    let foot = compare.foot + ui.spacing().item_spacing.y;
    let space = vec2(ui.available_width(), ui.available_height() - foot).max(vec2(60.0, 60.0));
    let mode = if runs.len() > 1 {
        compare.mode
    } else {
        Mode::Grid
    };
    let layer = |at| Layer::Run(at, compare.show);
    if let Some(asked) = compare.asked.take_if(|asked| asked.is_picture()) {
        let layers = match mode {
            Mode::Grid => {
                let runs = (0..runs.len()).map(layer);
                std::iter::once(Layer::Truth).chain(runs).collect()
            }
            Mode::Swipe | Mode::Blink => vec![layer(a), layer(b)],
            Mode::Disagree => {
                let all = [Layer::Truth, layer(a), layer(b), Layer::Disagreement(a, b)];
                all.to_vec()
            }
        };
        let mut legend: Vec<(String, [u8; 3])> = Vec::new();
        if mode == Mode::Disagree {
            legend.extend(
                side::tally_of(scene, [a, b])
                    .iter()
                    .flat_map(|t| side::counted(t)),
            );
        }
        // The truth is in the colours of the classes, whatever is shown of the runs.
        let mut shows = vec![Show::Prediction, compare.show];
        shows.dedup();
        let words = shows.iter().flat_map(|show| side::meanings(scene, *show));
        legend.extend(words.map(|(word, color)| (word.to_owned(), color)));
        let plates = Plates {
            title: title.to_owned(),
            plates: table.plates(&layers),
            legend,
        };
        (compare.saves).push(save::plates("comparison", &plates, asked == Asked::Svg));
    }
    let under = match mode {
        Mode::Grid => {
            let mut layers = vec![Layer::Truth];
            layers.extend((0..runs.len()).map(layer));
            compare.canvas.grid(ui, space, &table, &layers)
        }
        Mode::Swipe => {
            let pair = [layer(a), layer(b)];
            compare
                .canvas
                .swipe(ui, space, &table, pair, &mut compare.swipe)
        }
        Mode::Blink => {
            let now = ui.input(|input| input.time);
            let period = f64::from(compare.period);
            if compare.blinking {
                if now - compare.turned >= period {
                    compare.flipped = !compare.flipped;
                    compare.turned = now;
                }
                let left = (compare.turned + period - now).clamp(0.01, period);
                ui.ctx()
                    .request_repaint_after(std::time::Duration::from_secs_f64(left));
            }
            // Both are there before they take turns.
            compare.canvas.prepare(ui, &table, &[layer(a), layer(b)]);
            let front = if compare.flipped { b } else { a };
            let one = [layer(front)];
            compare.canvas.grid(ui, space, &table, &one)
        }
        Mode::Disagree => {
            let layers = [Layer::Disagreement(a, b)];
            compare.canvas.grid(ui, space, &table, &layers)
        }
    };
    let said = ui.scope(|ui| side::foot(ui, scene, (mode, compare.show), [a, b], under));
    let foot = said.response.rect.height();
    if (foot - compare.foot).abs() > 0.5 {
        compare.foot = foot;
        ui.ctx().request_repaint();
    }
}
