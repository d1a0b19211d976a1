//! Words around the pictures: titles, what the colours mean, the pixel under the pointer.

use egui::{Align2, Color32, Rect, RichText, Sense, Ui, Vec2, vec2};

use super::color::{INVENTED, MISSED};
use super::paint::{self, RIGHT, SWAPPED, Verdict};
use super::panes::{Pane, Scene};
use super::titles;
use crate::train::session::Prediction;

/// Height of the line above a pane that says what it shows.
pub const TITLE: f32 = 18.0;

/// What is said of a prediction beside its name: its score on this image, and when it was made.
pub fn notes(pane: Pane, prediction: Option<&Prediction>, dice: Option<f64>) -> Vec<String> {
    match (pane, prediction) {
        (Pane::Prediction, Some(prediction)) => {
            let dice = dice.map(|dice| format!("Dice {dice:.3}"));
            let step = format!("step {}", prediction.step);
            dice.into_iter().chain([step]).collect()
        }
        _ => Vec::new(),
    }
}

/// The line above a pane: what it shows, `names[at]` of all that stand beside one another, and as many
/// of the notes as there is room for.
pub fn head(ui: &Ui, pane: Rect, names: &[&str], at: usize, notes: &[String]) {
    /// Points that are left for what tells a name from the others, before a note is.
    const NAME: f32 = 90.0;
    let line = Rect::from_min_size(pane.min, vec2(pane.width(), TITLE));
    let painter = ui.painter().with_clip_rect(line.intersect(ui.clip_rect()));
    let font = egui::FontId::proportional(12.0);
    let lay = |words: String, color| painter.layout_no_wrap(words, font.clone(), color);
    let (ink, weak) = (ui.visuals().text_color(), ui.visuals().weak_text_color());
    let wide = |words: &str| lay(words.to_owned(), ink).size().x;
    let least = wide(&titles::telling_part(names, at)).min(NAME);
    let mut room = line.width() - 2.0;
    let fits = |count: &usize| {
        let said = notes[..*count].join(" · ");
        wide(&said) + 10.0 + least <= room
    };
    let shown = (1..=notes.len()).rev().find(fits).unwrap_or(0);
    if shown > 0 {
        let said = lay(notes[..shown].join(" · "), weak);
        let place = Align2::RIGHT_CENTER.anchor_size(line.right_center(), said.size());
        room -= said.size().x + 10.0;
        painter.galley(place.min, said, weak);
    }
    let name = titles::telling(names, at, |words| wide(words) <= room);
    let name = lay(name, ink);
    let place = Align2::LEFT_CENTER.anchor_size(line.left_center() + vec2(1.0, 0.0), name.size());
    painter.galley(place.min, name, ink);
}

/// What the colours of the panes in `shown` mean in a file: classes that are shown, errors, doubt.
pub fn legend(
    shown: &[Pane],
    classes: &[(String, [u8; 3])],
    palette: &paint::Palette,
) -> Vec<(String, [u8; 3])> {
    let mut all = Vec::new();
    if shown
        .iter()
        .any(|pane| matches!(pane, Pane::Truth | Pane::Prediction))
    {
        let seen = (classes.iter()).zip(palette.shown.iter().zip(&palette.colors));
        let seen = seen.filter(|(_, (shown, _))| **shown);
        all.extend(seen.map(|((name, _), (_, color))| (name.clone(), *color)));
    }
    if shown.contains(&Pane::Errors) {
        all.extend(paint::INVENTED_AND_MISSED.map(|(word, color)| (word.to_owned(), color)));
    }
    if shown.contains(&Pane::Doubt) {
        all.extend(paint::DOUBT.map(|(word, color)| (word.to_owned(), color)));
    }
    all
}

/// What the colours of the panes in `shown` mean, where they are not those of classes.
pub fn meanings(ui: &mut Ui, shown: &[Pane]) {
    let mut all: Vec<(&str, &str, [u8; 3])> = Vec::new();
    if shown.contains(&Pane::Errors) {
        all.extend([
            ("missed", "The class is there and was not found.", MISSED),
            (
                "invented",
                "The class was found and is not there.",
                INVENTED,
            ),
            ("swapped", "One shown class was taken for another.", SWAPPED),
            ("right", "A shown class, found where it is.", RIGHT),
        ]);
    }
    if shown.contains(&Pane::Doubt) {
        all.extend([
            ("sure", "One class has all the probability.", paint::ramp(0)),
            (
                "unsure",
                "All classes are equally probable.",
                paint::ramp(255),
            ),
        ]);
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (word, tip, [r, g, b]) in all {
            let (rect, _) = ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
            let rim = ui.visuals().window_stroke();
            let color = Color32::from_rgb(r, g, b);
            ui.painter()
                .rect(rect, 2.0, color, rim, egui::StrokeKind::Inside);
            ui.label(RichText::new(word).size(12.0)).on_hover_text(tip);
            ui.add_space(4.0);
        }
        let hint = "wheel zooms, drag moves, T flips";
        ui.add(egui::Label::new(RichText::new(hint).size(12.0).weak()).truncate())
            .on_hover_text(
                "Over a picture, the wheel zooms, dragging moves, a double click shows the whole \
                 picture again, and T lets truth and prediction change places.",
            );
    });
}

/// The pixel at `at`, in words.
pub fn pixel(scene: &Scene, classes: &[(String, [u8; 3])], at: Vec2) -> String {
    let image = &scene.sample.image;
    let size = [image.width, image.height];
    let x = ((at.x * size[0] as f32) as usize).min(size[0].saturating_sub(1));
    let y = ((at.y * size[1] as f32) as usize).min(size[1].saturating_sub(1));
    let name = |label: u8| {
        let class = classes.get(usize::from(label));
        class.map_or("ignored", |(name, _)| name.as_str())
    };
    let truth = name(scene.truth().at(x, y, size));
    let predicted = scene.predicted().map_or_else(String::new, |map| {
        format!(" · prediction {}", name(map.at(x, y, size)))
    });
    let judged = scene.predicted().map(|map| {
        paint::verdict(
            scene.truth().at(x, y, size),
            map.at(x, y, size),
            scene.palette,
        )
    });
    let judged = judged.map_or("", |verdict| match verdict {
        Verdict::Missed => " · missed",
        Verdict::Invented => " · invented",
        Verdict::Swapped => " · swapped",
        Verdict::Right | Verdict::Quiet | Verdict::Void => "",
    });
    format!("x {x}, y {y} · truth {truth}{predicted}{judged}")
}

/// What to do while there is no picture.
pub fn empty(ui: &mut Ui, coming: bool) {
    let (head, body) = if coming {
        (
            "Loading the image…",
            "It is read and brought to the size of the network's input.",
        )
    } else {
        (
            "No image yet",
            "Open a dataset: a validation image appears here with its truth and, while the \
             network trains, with what it makes of it.",
        )
    };
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.35).max(8.0));
        ui.heading(head);
        ui.label(RichText::new(body).weak());
    });
}
