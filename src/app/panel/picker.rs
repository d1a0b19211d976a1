//! The searchable list of losses: every kind and every library's function by its own name, with
//! what it is for, its formula, and what it would change. Knows nothing of the rows below it.

use std::collections::HashMap;

use egui::{Id, Key, Modal, Modifiers, RichText, ScrollArea, Ui};

use super::super::theme;
use crate::loss::changes::title;
use crate::loss::{LOSSES, LossConfig, LossInfo, OutputActivation, REFERENCES, Reference};

/// Which list is open, and what the last choices changed.
#[derive(Default)]
pub struct State {
    open: Option<Open>,
    /// By the loss's key: what the chosen one changes against the one chosen before.
    changes: HashMap<String, String>,
}

struct Open {
    key: String,
    search: String,
    at: usize,
    /// Opened in this frame: the search field takes the focus, and the row in use is scrolled to.
    fresh: bool,
}

/// One row.
#[derive(Clone, Copy)]
struct Entry {
    info: &'static LossInfo,
    reference: Option<&'static Reference>,
}

impl Entry {
    fn name(&self) -> &'static str {
        self.reference.map_or(self.info.kind, |r| r.name)
    }

    fn hit(&self, wanted: &str) -> bool {
        let info = self.info;
        let own = [info.kind, info.title, info.family, info.purpose];
        let texts: Vec<&str> = match self.reference {
            Some(reference) => vec![reference.name, reference.note],
            None => own.into_iter().chain([info.reference]).collect(),
        };
        let all = texts.join(" ").to_lowercase();
        wanted.split_whitespace().all(|word| all.contains(word))
    }
}

fn entries(search: &str, sums: bool) -> Vec<Entry> {
    let wanted = search.trim().to_lowercase();
    let mut found = Vec::new();
    for info in LOSSES.iter().filter(|info| sums || info.kind != "sum") {
        let kind = Entry {
            info,
            reference: None,
        };
        found.push(kind);
        let named = REFERENCES.iter().filter(|r| r.kind == info.kind);
        found.extend(named.map(|reference| Entry {
            info,
            reference: Some(reference),
        }));
    }
    found.retain(|entry| entry.hit(&wanted));
    // Families together, in the order in which they first occur.
    let place = |entry: &Entry| {
        LOSSES
            .iter()
            .position(|info| info.family == entry.info.family)
    };
    found.sort_by_key(place);
    found
}

/// The row that a search most likely means: that of this name, else the first whose name begins with it
/// (with its library or without), else the first that has it in its name.
fn meant(rows: &[Entry], search: &str) -> usize {
    let wanted = search.trim().to_lowercase();
    let far = |row: &Entry| {
        let name = row.name().to_lowercase();
        let own = name.split_once('.').map_or("", |(_, own)| own);
        let title = match row.reference {
            None => row.info.title.to_lowercase(),
            Some(_) => String::new(),
        };
        let all = [name.as_str(), own, title.as_str()];
        match &wanted {
            wanted if all.contains(&wanted.as_str()) => 0,
            wanted if all.iter().any(|name| name.starts_with(wanted)) => 1,
            wanted if all.iter().any(|name| name.contains(wanted)) => 2,
            _ => 3,
        }
    };
    // The first of equals.
    let nearest = rows.iter().enumerate().min_by_key(|(_, row)| far(row));
    nearest.map_or(0, |(index, _)| index)
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
             Arrow keys move, Enter chooses, Escape closes.",
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
    if let Some(line) = state.changes.get(key) {
        ui.label(RichText::new(line).small().italics())
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
    state
        .changes
        .insert(key.to_owned(), format!("Changed: {line}"));
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
            let mut pressed = |key| input.consume_key(Modifiers::NONE, key);
            (
                pressed(Key::ArrowUp),
                pressed(Key::ArrowDown),
                pressed(Key::Enter),
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
        if down {
            open.at += 1;
        }
        if up {
            open.at = open.at.saturating_sub(1);
        }
        open.at = open.at.min(rows.len().saturating_sub(1));
        if enter {
            chosen = rows.get(open.at).copied();
        }
        ui.separator();
        let moved = up || down || open.fresh || field.changed();
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
    fn the_search_finds_kinds_libraries_and_papers() {
        let names =
            |search: &str| -> Vec<&str> { entries(search, true).iter().map(Entry::name).collect() };
        assert!(names("monai dice").contains(&"monai.DiceLoss"));
        assert!(names("kervadec").contains(&"boundary"));
        assert_eq!(names("").len(), LOSSES.len() + REFERENCES.len());
        assert!(names("no such loss").is_empty());
        assert!(entries("", false).iter().all(|row| row.info.kind != "sum"));
    }

    #[test]
    fn enter_takes_the_loss_whose_name_was_typed() {
        for (search, name) in [
            ("dice", "dice"),
            ("monai.dicel", "monai.DiceLoss"),
            ("DiceFocal", "monai.DiceFocalLoss"),
            ("soft jacc", "jaccard"),
            ("wasser", "wasserstein"),
            ("tversky", "tversky"),
            ("keras.losses.tversky", "keras.losses.Tversky"),
            ("kervadec", "boundary"),
        ] {
            let rows = entries(search, true);
            assert_eq!(rows[meant(&rows, search)].name(), name, "{search}");
        }
        assert_eq!(meant(&[], "nothing"), 0);
    }
}
