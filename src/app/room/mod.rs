//! The Data tab: what was found, every image with its mask, classes, split and problems.
//!
//! It draws the open dataset and puts the user's wishes into the lab's draft; pictures come from
//! `lab::rooming`, the choice of images from `lab::browse`.

mod balance;
mod bands;
mod bar;
mod classes;
mod files;
mod grid;
mod large;
mod list_file;
mod look;
mod problems;
mod reading;
mod split;
mod tiles;

use std::sync::Arc;

use egui::{Key, Modifiers, RichText, Ui};

use super::opening::Opening;
use super::theme;
use super::view::offer;
use super::view::prose;
use super::view::save::Save;
use crate::data::Dataset;
use crate::data::config::{LayoutName, SplitBy};
use crate::finding::{Severity, counted};
use crate::lab::browse::{Facets, Filter, select};
use crate::lab::{Lab, Opened};

/// What the tab shows below the dataset's name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Images,
    Classes,
    Split,
    Problems,
}

/// What the room remembers between frames.
#[derive(Default)]
pub struct State {
    part: Part,
    filter: Filter,
    grid: grid::State,
    look: look::State,
    classes: classes::State,
    list_file: list_file::ListFile,
    tiles: tiles::Tiles,
    /// What is to be saved, until it is taken.
    pub saves: Vec<Result<Save, String>>,
    /// What was found out about the dataset of the last frame.
    known: Option<Known>,
    /// The filter's text box is to get the keyboard.
    focus_filter: bool,
}

/// Found once per dataset and filter, not once per frame.
struct Known {
    dataset: Arc<Dataset>,
    facets: Facets,
    filter: Filter,
    chosen: Arc<Vec<usize>>,
}

impl State {
    /// The items that pass the filter.
    fn choose(&mut self, dataset: &Arc<Dataset>) -> Arc<Vec<usize>> {
        let known = self
            .known
            .take()
            .filter(|known| Arc::ptr_eq(&known.dataset, dataset));
        let known = match known {
            Some(known) if known.filter == self.filter => known,
            Some(known) => Known {
                chosen: Arc::new(select(dataset, &known.facets, &self.filter)),
                filter: self.filter.clone(),
                ..known
            },
            None => {
                let facets = Facets::of(dataset);
                self.forget_stale(dataset);
                Known {
                    chosen: Arc::new(select(dataset, &facets, &self.filter)),
                    dataset: Arc::clone(dataset),
                    filter: self.filter.clone(),
                    facets,
                }
            }
        };
        let chosen = Arc::clone(&known.chosen);
        self.known = Some(known);
        chosen
    }

    /// Filters that mean nothing for this dataset.
    fn forget_stale(&mut self, dataset: &Dataset) {
        let filter = &mut self.filter;
        filter.class = filter.class.filter(|c| *c < dataset.classes.len());
        filter.size = filter
            .size
            .filter(|size| dataset.counts.iter().any(|counts| counts.size == *size));
        let before = self.known.as_ref();
        let code = filter
            .finding
            .and_then(|at| before?.dataset.findings.get(at));
        filter.finding = code
            .map(|old| old.code.clone())
            .and_then(|code| dataset.findings.iter().position(|f| f.code == code));
        self.look.close_missing(dataset);
    }

    /// Whether Ctrl+Z and Ctrl+Shift+Z are about the class map that is being edited.
    pub fn undo(&mut self, redo: bool) -> bool {
        self.part == Part::Classes && self.classes.undo(redo)
    }
}

/// Draws the room; returns an item to train and predict on in the Training tab.
pub fn show(state: &mut State, lab: &mut Lab, opening: &mut Opening, ui: &mut Ui) -> Option<usize> {
    opening.path_box(ui, lab);
    ui.add_space(2.0);
    let dataset = match &lab.dataset {
        Opened::Ready(dataset) => Arc::clone(dataset),
        Opened::Opening { path, progress } => {
            ui.add_space(12.0);
            let text = |done, total| format!("{done} of {total} masks counted");
            if Opening::progress(ui, path, progress, text) {
                lab.cancel_opening();
            }
            return None;
        }
        Opened::Failed { path, message } => {
            ui.add_space(12.0);
            let bad = theme::bad(ui);
            let said = prose::prose(ui, &format!("✖ {message}"), |piece| piece.color(bad));
            ui.label(said);
            if !message.contains(path.as_str()) {
                ui.weak(path);
            }
            ui.label(
                "Open a folder that holds images and their masks: drop it on this window, paste its \
                 path above, or press “Browse…”.",
            );
            // What an earlier choice refuses, another reading may open.
            let data = &mut lab.draft.data;
            let asked = data.layout != LayoutName::Auto
                || !data.masks.is_empty()
                || data.split == SplitBy::List;
            if asked
                && ui
                    .button("Read it as it looks")
                    .on_hover_text(
                        "Sets data.layout = auto, clears data.masks and takes no list for the split; \
                         undo with Ctrl+Z",
                    )
                    .clicked()
            {
                data.layout = LayoutName::Auto;
                data.masks.clear();
                data.forget_list();
            }
            if ui.button("Open the sample dataset").clicked() {
                lab.open(crate::data::open::SAMPLE);
            }
            return None;
        }
    };
    lab.pictures.begin(&dataset);
    let chosen = state.choose(&dataset);
    keys(state, &chosen, ui);
    if let Some(item) = state.look.open {
        return look::show(state, lab, &dataset, &chosen, item, ui);
    }
    card(lab, &dataset, ui);
    parts(state, lab, &dataset, ui);
    ui.add_space(2.0);
    match state.part {
        Part::Images => {
            bar::show(state, &dataset, chosen.len(), ui);
            grid::show(state, lab, &dataset, &chosen, ui);
        }
        Part::Classes => {
            if let Some(class) = classes::show(&mut state.classes, lab, &dataset, ui) {
                state.filter = Filter {
                    class: Some(class),
                    order: crate::lab::browse::Order::Share,
                    ..Filter::default()
                };
                state.part = Part::Images;
            }
        }
        Part::Split => split::show(&mut state.list_file, lab, &dataset, ui),
        Part::Problems => problems::show(state, lab, &dataset, ui),
    }
    None
}

/// What was found, in two lines.
fn card(lab: &mut Lab, dataset: &Dataset, ui: &mut Ui) {
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(&dataset.layout).size(17.0).strong());
        ui.label(format!(
            "{}: {}, {}",
            counted(dataset.items.len(), ["image", "images"]),
            counted(dataset.split.train.len(), ["trains", "train"]),
            counted(dataset.split.val.len(), ["validates", "validate"]),
        ))
        .on_hover_text(format!("Split: {}", dataset.split.origin));
        reading::show(lab, dataset, ui);
    });
    let reason = prose::prose(ui, &dataset.reason, RichText::weak);
    let about = format!(
        "{}\n\n{}\n\nSplit: {}",
        dataset.root.display(),
        dataset.reason,
        dataset.split.origin
    );
    ui.add(egui::Label::new(reason).truncate())
        .on_hover_text(prose::plain(ui, about.trim_start()));
}

fn parts(state: &mut State, lab: &mut Lab, dataset: &Dataset, ui: &mut Ui) {
    let worst = dataset
        .findings
        .iter()
        .map(|finding| finding.severity)
        .max();
    let count = dataset.findings.len();
    let problems = match worst {
        None => RichText::new("✔ No problems").color(theme::good(ui)),
        Some(severity) => {
            let (mark, color) = problems::mark(ui, severity);
            let word = if severity == Severity::Hint {
                "Hints"
            } else {
                "Problems"
            };
            let text = RichText::new(format!("{mark} {word} ({count})"));
            // Where it is chosen, the ground has a colour of its own.
            match state.part {
                Part::Problems => text,
                _ => text.color(color),
            }
        }
    };
    let all = [
        (
            Part::Images,
            RichText::new(format!("Images ({})", dataset.items.len())),
            "Every image with its mask",
        ),
        (
            Part::Classes,
            RichText::new(format!("Classes ({})", dataset.classes.len())),
            "Names, colours and shares of the classes; rename, merge, ignore, reorder",
        ),
        (
            Part::Split,
            RichText::new("Split"),
            "Which images train and which validate, and how the classes lie on both sides",
        ),
        (
            Part::Problems,
            problems,
            "What is wrong or worth knowing, with the files and what to do",
        ),
    ];
    ui.horizontal_wrapped(|ui| {
        for (part, text, help) in all {
            if ui
                .selectable_label(state.part == part, text)
                .on_hover_text(help)
                .clicked()
            {
                state.part = part;
            }
        }
        state
            .saves
            .extend(offer::menu(ui, "dataset", &files::offers(dataset)));
        look(lab, ui);
        if state.classes.is_editing() {
            ui.colored_label(theme::warn(ui), "class map is being edited");
        }
    });
}

/// How far the close look is, and the way to start or end it.
fn look(lab: &mut Lab, ui: &mut Ui) {
    if let Some(progress) = &lab.look.progress {
        let (done, total) = progress.counts();
        ui.spinner();
        ui.weak(format!("looking closely: {done} of {total}"))
            .on_hover_text(
                "Every pixel is looked at, for objects, doubles and masks that do not fit",
            );
        ui.ctx()
            .request_repaint_after(std::time::Duration::from_millis(250));
        if ui
            .small_button("Stop")
            .on_hover_text("Look no further")
            .clicked()
        {
            lab.stop_looking();
        }
    } else if lab.look.report.is_none()
        && ui
            .small_button("Look closely")
            .on_hover_text("Read every image and mask: objects, doubles, masks that do not fit")
            .clicked()
    {
        lab.look_closely();
    }
}

/// Arrows, Enter, Esc and `/`, while nothing else wants the keyboard.
fn keys(state: &mut State, chosen: &[usize], ui: &Ui) {
    let typed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if ui.ctx().egui_wants_keyboard_input() {
        return;
    }
    if let Some(open) = state.look.open {
        if typed(Key::Escape) {
            state.look.close();
            return;
        }
        let at = chosen.iter().position(|item| *item == open).unwrap_or(0);
        let next = if typed(Key::ArrowRight) || typed(Key::ArrowDown) {
            at + 1
        } else if typed(Key::ArrowLeft) || typed(Key::ArrowUp) {
            at.saturating_sub(1)
        } else {
            at
        };
        if next != at
            && let Some(&item) = chosen.get(next)
        {
            state.look.open = Some(item);
            state.grid.select(next);
        }
        return;
    }
    if state.part != Part::Images {
        return;
    }
    if typed(Key::Slash) {
        state.focus_filter = true;
        return;
    }
    state.grid.keys(chosen.len(), typed);
    if typed(Key::Enter)
        && let Some(&item) = state.grid.selected().and_then(|at| chosen.get(at))
    {
        state.look.open = Some(item);
    }
}

/// How sizes are written.
fn size_text([width, height]: [usize; 2]) -> String {
    format!("{width}×{height}")
}

/// A share in percent, as exact as it is worth.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.01 {
        "<0.01 %".to_owned()
    } else {
        format!("{percent:.2} %")
    }
}

/// A square of a class's colour with a rim that shows on every ground.
fn swatch(ui: &mut Ui, [r, g, b]: [u8; 3], side: f32) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(egui::vec2(side, side), egui::Sense::hover());
    let rim = egui::Stroke::new(1.0, ui.visuals().weak_text_color());
    let fill = egui::Color32::from_rgb(r, g, b);
    ui.painter()
        .rect(rect, 2.0, fill, rim, egui::StrokeKind::Inside);
    response
}
