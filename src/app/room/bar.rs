//! The row above the grid: what is shown, in which order and how large.

use egui::{ComboBox, Role, TextEdit, Ui, WidgetInfo};

use super::{State, size_text};
use crate::data::Dataset;
use crate::finding::counted;
use crate::lab::browse::{Filter, Order, Side};

pub(super) fn show(state: &mut State, dataset: &Dataset, shown: usize, ui: &mut Ui) {
    ui.horizontal_wrapped(|ui| {
        name(state, ui);
        let Some(known) = &state.known else { return };
        let filter = &mut state.filter;
        list(
            ui,
            "Class",
            "Images in which this class occurs",
            dataset.classes.classes.iter().map(|c| c.name.clone()),
            &mut filter.class,
        );
        named(
            ui,
            "Split",
            "Images of one side of the split",
            Side::ALL,
            &mut filter.side,
            Side::name,
        );
        if known.facets.sizes.len() > 1 {
            let sizes = &known.facets.sizes;
            let mut at = filter
                .size
                .and_then(|size| sizes.iter().position(|(s, _)| *s == size));
            list(
                ui,
                "Size",
                "Images of one size, width × height in pixels",
                sizes
                    .iter()
                    .map(|(size, count)| format!("{} ({count})", size_text(*size))),
                &mut at,
            );
            filter.size = at.map(|at| sizes[at].0);
        }
        let with_files: Vec<usize> = (0..dataset.findings.len())
            .filter(|at| known.facets.findings.values().any(|of| of.contains(at)))
            .collect();
        if !with_files.is_empty() {
            let mut at = filter
                .finding
                .and_then(|f| with_files.iter().position(|w| *w == f));
            list(
                ui,
                "Finding",
                "Images that a finding names",
                with_files
                    .iter()
                    .map(|&at| dataset.findings[at].code.clone()),
                &mut at,
            );
            filter.finding = at.map(|at| with_files[at]);
        }
        named(
            ui,
            "Sort",
            "Order of the images",
            Order::ALL,
            &mut filter.order,
            Order::name,
        );
        let turn = ui
            .selectable_label(filter.reversed, "⬆⬇")
            .on_hover_text("Turn the order round");
        turn.widget_info(|| {
            WidgetInfo::selected(Role::Button, true, filter.reversed, "Turn the order round")
        });
        if turn.clicked() {
            filter.reversed = !filter.reversed;
        }
    });
    ui.horizontal_wrapped(|ui| {
        state.grid.controls(ui);
        let all = dataset.items.len();
        if state.filter.is_active() {
            let all = counted(all, ["image", "images"]);
            ui.label(format!("{shown} of {all}"));
            if ui
                .small_button("Show all")
                .on_hover_text("Take every filter back")
                .clicked()
            {
                let Filter {
                    order, reversed, ..
                } = state.filter.clone();
                state.filter = Filter {
                    order,
                    reversed,
                    ..Filter::default()
                };
            }
        } else {
            ui.weak(counted(all, ["image", "images"]));
        }
        ui.weak("· arrows move, Enter opens, / finds");
    });
}

fn name(state: &mut State, ui: &mut Ui) {
    let edit = TextEdit::singleline(&mut state.filter.text)
        .hint_text("🔍 find a name")
        .desired_width(120.0);
    let response = ui
        .add(edit)
        .on_hover_text("Part of the image's name or folder (press / to come here)");
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Find images by name"));
    if std::mem::take(&mut state.focus_filter) {
        response.request_focus();
    }
}

/// A list of one of many, or any.
fn list(
    ui: &mut Ui,
    label: &str,
    help: &str,
    names: impl ExactSizeIterator<Item = String>,
    chosen: &mut Option<usize>,
) {
    let names: Vec<String> = names.collect();
    let now = chosen.and_then(|at| names.get(at));
    let text = now.map_or_else(
        || format!("{label}: any"),
        |name| format!("{label}: {name}"),
    );
    let response = ComboBox::from_id_salt(("room", label))
        .width(96.0)
        .selected_text(&text)
        .show_ui(ui, |ui| {
            ui.selectable_value(chosen, None, "any");
            for (at, name) in names.iter().enumerate() {
                ui.selectable_value(chosen, Some(at), name);
            }
        })
        .response;
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &text));
    response.on_hover_text(help);
}

/// A list of named choices.
fn named<T: Copy + PartialEq>(
    ui: &mut Ui,
    label: &str,
    help: &str,
    all: &[T],
    chosen: &mut T,
    name: impl Fn(T) -> &'static str,
) {
    let text = format!("{label}: {}", name(*chosen));
    let response = ComboBox::from_id_salt(("room", label))
        .width(96.0)
        .selected_text(&text)
        .show_ui(ui, |ui| {
            for &each in all {
                ui.selectable_value(chosen, each, name(each));
            }
        })
        .response;
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &text));
    response.on_hover_text(help);
}
