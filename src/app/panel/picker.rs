//! The searchable list of losses: every kind and every library's function by its own name, with
//! what it is for, its formula, and what it would change. Knows nothing of the rows below it.

mod rows;

use std::collections::HashMap;

use egui::{Id, Key, Modal, Modifiers, RichText, ScrollArea, Ui};

use self::rows::{Entry, entries, meant};
use super::super::theme;
use crate::loss::changes::title;
use crate::loss::{LossConfig, OutputActivation};

/// Rows that Page Up and Page Down go.
const PAGE: usize = 10;

/// Which list is open, and what the last choices changed.
#[derive(Default)]
pub struct State {
    open: Option<Open>,
    /// By the loss's key.
    changes: HashMap<String, Change>,
}

/// What a chosen loss changes against the one chosen before.
struct Change {
    line: String,
    kind: &'static str,
    /// `None` where the chosen one has the same settings.
    before: Option<LossConfig>,
}

impl Change {
    /// Still about this loss: it was not taken back, and nothing else (a preset, undo, a remedy) has
    /// put another in its place.
    fn holds(&self, loss: &LossConfig) -> bool {
        loss.kind() == self.kind && self.before.as_ref() != Some(loss)
    }
}

impl State {
    /// Another configuration is there: what was chosen in the last one is no news of this one.
    pub fn forget(&mut self) {
        self.changes.clear();
    }
}

struct Open {
    key: String,
    search: String,
    at: usize,
    /// Opened in this frame: the search field takes the focus, and the row in use is scrolled to.
    fresh: bool,
}

/// The button with the present loss, and the list while it is open. `activation` is what the
/// network puts on its logits: a library's function brings the one it is made for.
pub fn show(
    state: &mut State,
    ui: &mut Ui,
    loss: &mut LossConfig,
    key: &str,
    activation: Option<&mut OutputActivation>,
) {
    ui.horizontal(|ui| {
        let label = super::param::title(ui, "Loss");
        let button = egui::Button::new(title(loss.kind())).truncate();
        let button = button.min_size(egui::vec2(
            (ui.available_width() - super::param::RESET).max(80.0),
            0.0,
        ));
        let response = ui.add(button).labelled_by(label.id).on_hover_text(
            "Choose another loss: search by family, purpose, paper or a library's own name. \
             Arrow keys and Page Up and Down move, Enter chooses, Escape closes.",
        );
        if response.clicked() {
            let rows = entries("", key == "loss");
            let now = loss.known_as().first().copied().unwrap_or(loss.kind());
            state.open = Some(Open {
                key: key.to_owned(),
                search: String::new(),
                at: rows.iter().position(|row| row.name() == now).unwrap_or(0),
                fresh: true,
            });
        }
    });
    let known = loss.known_as();
    if !known.is_empty() {
        ui.label(RichText::new(format!("= {}", known.join(", "))).small())
            .on_hover_text("These settings are exactly what that library's function computes.");
    }
    if let Some(change) = state.changes.get(key).filter(|change| change.holds(loss)) {
        ui.label(RichText::new(&change.line).small().italics())
            .on_hover_text("What the chosen loss changes against the one chosen before it.");
    }
    if state.open.as_ref().is_some_and(|open| open.key == key)
        && let Some(chosen) = list(state, ui, loss)
    {
        choose(state, loss, key, chosen, activation);
    }
}

fn choose(
    state: &mut State,
    loss: &mut LossConfig,
    key: &str,
    chosen: Entry,
    activation: Option<&mut OutputActivation>,
) {
    let before = loss.clone();
    match chosen.reference {
        // Every row of the list can be made.
        None => drop(loss.set_kind(chosen.info.kind)),
        Some(reference) => {
            if let Ok(like) = LossConfig::like(reference.name) {
                *loss = like;
            }
        }
    }
    let mut line = loss.change_against(&before);
    if let (Some(reference), Some(activation)) = (chosen.reference, activation)
        && *activation != reference.activation
    {
        let part = format!(
            "output activation {} (was {})",
            reference.activation.name(),
            activation.name()
        );
        line = Some(line.map_or_else(|| part.clone(), |line| format!("{line}; {part}")));
        *activation = reference.activation;
    }
    let line = line.unwrap_or_else(|| "nothing: the same settings under another name".to_owned());
    let change = Change {
        line: format!("Changed: {line}"),
        kind: loss.kind(),
        before: (before != *loss).then_some(before),
    };
    state.changes.insert(key.to_owned(), change);
}

/// The list itself; returns the row that was chosen.
fn list(state: &mut State, ui: &Ui, loss: &LossConfig) -> Option<Entry> {
    let open = state.open.as_mut()?;
    let mut chosen = None;
    let screen = ui.ctx().content_rect();
    let size = egui::vec2(
        (screen.width() - 60.0).min(860.0),
        (screen.height() - 90.0).min(520.0),
    );
    let modal = Modal::new(Id::unique("choose a loss")).show(ui.ctx(), |ui| {
        ui.set_min_size(size);
        ui.set_max_size(size);
        ui.heading("Choose a loss");
        // Before the text field, which would take them.
        let (up, down, enter) = ui.input_mut(|input| {
            let mut pressed = |key| usize::from(input.consume_key(Modifiers::NONE, key));
            (
                pressed(Key::ArrowUp) + PAGE * pressed(Key::PageUp),
                pressed(Key::ArrowDown) + PAGE * pressed(Key::PageDown),
                pressed(Key::Enter) > 0,
            )
        });
        let edit = egui::TextEdit::singleline(&mut open.search)
            .hint_text("search: dice, imbalance, monai, boundary, 2017 …")
            .desired_width(f32::INFINITY);
        let field = ui.add(edit);
        field.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Search losses")
        });
        if open.fresh {
            field.request_focus();
        }
        let rows = entries(&open.search, open.key == "loss");
        if field.changed() {
            open.at = meant(&rows, &open.search);
        }
        open.at = (open.at + down).saturating_sub(up);
        open.at = open.at.min(rows.len().saturating_sub(1));
        if enter {
            chosen = rows.get(open.at).copied();
        }
        ui.separator();
        let moved = up + down > 0 || open.fresh || field.changed();
        ui.horizontal_top(|ui| {
            let height = ui.available_height();
            let width = (size.x * 0.46).floor();
            let down = egui::Layout::top_down(egui::Align::Min);
            ui.allocate_ui_with_layout(egui::vec2(width, height), down, |ui| {
                ScrollArea::vertical()
                    .id_salt("losses")
                    .auto_shrink(false)
                    .show(ui, |ui| {
                        ui.set_width(width - 14.0);
                        if let Some(row) = table(ui, &rows, &mut open.at, moved) {
                            chosen = Some(row);
                        }
                    });
            });
            ui.separator();
            ui.vertical(|ui| {
                ScrollArea::vertical()
                    .id_salt("about")
                    .auto_shrink(false)
                    .show(ui, |ui| match rows.get(open.at) {
                        Some(row) => {
                            if about(ui, row, loss) {
                                chosen = Some(*row);
                            }
                        }
                        None => {
                            ui.label("No loss fits. Delete letters to see more.");
                        }
                    });
            });
        });
        open.fresh = false;
    });
    if chosen.is_some() || modal.should_close() {
        state.open = None;
    }
    chosen
}

/// The rows; one click shows what a row is, two choose it.
fn table(ui: &mut Ui, rows: &[Entry], at: &mut usize, moved: bool) -> Option<Entry> {
    let mut chosen = None;
    let mut family = "";
    for (index, row) in rows.iter().enumerate() {
        if row.info.family != family {
            family = row.info.family;
            ui.add_space(4.0);
            ui.label(RichText::new(family).weak().strong());
        }
        let text = match row.reference {
            None => RichText::new(row.info.title).strong(),
            Some(reference) => RichText::new(format!("    {}", reference.name)),
        };
        let hint = row.reference.map_or(row.info.purpose, |r| r.note);
        let button = egui::Button::selectable(index == *at, text).truncate();
        let response = ui.add(button).on_hover_text(hint);
        if index == *at && moved {
            response.scroll_to_me(None);
        }
        if response.clicked() {
            *at = index;
        }
        if response.double_clicked() {
            chosen = Some(*row);
        }
    }
    chosen
}

/// All that is known of a row, and the button that takes it; true when pressed.
fn about(ui: &mut Ui, row: &Entry, now: &LossConfig) -> bool {
    let info = row.info;
    ui.label(
        RichText::new(row.reference.map_or(info.title, |r| r.name))
            .size(16.0)
            .strong(),
    );
    ui.label(row.reference.map_or(info.purpose, |r| r.note));
    ui.add_space(4.0);
    ui.label(RichText::new(info.formula).monospace());
    ui.add_space(4.0);
    let mut line = |name: &str, text: &str| {
        ui.label(RichText::new(name).small().strong());
        ui.label(text);
    };
    match row.reference {
        None => {
            line("Reference", info.reference);
            line("When to use", info.when_to_use);
            line("Watch for", info.watch_for);
        }
        Some(reference) => {
            line("Is", &format!("{} ({})", info.title, info.purpose));
            let settings: Vec<String> = reference
                .settings
                .iter()
                .map(|(key, value)| format!("{key} = {value}"))
                .collect();
            if !settings.is_empty() {
                line("Its own settings", &settings.join("\n"));
            }
            line(
                "Made for a network with output activation",
                reference.activation.name(),
            );
            line("When to use", info.when_to_use);
            line("Watch for", info.watch_for);
        }
    }
    let change = LossConfig::named(row.name())
        .ok()
        .and_then(|next| next.change_against(now));
    line(
        "Against the present one",
        change.as_deref().unwrap_or("nothing changes"),
    );
    ui.add_space(6.0);
    ui.add(
        egui::Button::new(RichText::new("Use this loss").color(egui::Color32::WHITE))
            .fill(theme::ACTION),
    )
    .on_hover_text(
        "Takes this loss with its own settings. Also: Enter, or a double click in the list.",
    )
    .clicked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_choice_changed_is_told_as_long_as_it_is_there() {
        let chosen = |name: &str| {
            let mut state = State::default();
            let mut loss = LossConfig::of_kind("dice").unwrap();
            let before = loss.clone();
            let rows = entries(name, true);
            let row = rows[meant(&rows, name)];
            choose(&mut state, &mut loss, "loss", row, None);
            (state, loss, before)
        };
        let (mut state, loss, before) = chosen("monai.DiceLoss");
        let change = &state.changes["loss"];
        assert!(
            change.line.contains("group image_class (was class)"),
            "{}",
            change.line
        );
        assert!(change.holds(&loss));
        assert!(!change.holds(&before), "taken back");
        let other = LossConfig::of_kind("focal").unwrap();
        assert!(!change.holds(&other), "another loss in its place");
        state.forget();
        assert!(state.changes.is_empty());
        let (state, loss, _) = chosen("dice");
        let change = &state.changes["loss"];
        assert!(change.line.contains("nothing") && change.holds(&loss));
    }
}
