//! The command palette (Ctrl+K): everything that can be done, every tab, preset and recent folder,
//! found by a few letters and carried out with Enter.

use egui::{Id, Key, Modal, Modifiers, RichText, ScrollArea, Ui};

use super::commands::{self, Command, tab_key};
use super::{App, Tab};
use crate::param::Choice;

/// Whether it is open, and what was typed.
#[derive(Debug, Default)]
pub struct State {
    open: Option<Search>,
}

impl State {
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

#[derive(Debug, Default)]
struct Search {
    text: String,
    at: usize,
    /// The field takes the keyboard once, when it appears.
    focused: bool,
}

impl State {
    pub fn toggle(&mut self) {
        self.open = match self.open {
            Some(_) => None,
            None => Some(Search::default()),
        };
    }
}

enum Action {
    Command(&'static Command),
    Tab(Tab),
    Preset(String),
    Folder(String),
}

struct Entry {
    title: String,
    help: String,
    keys: String,
    obstacle: Option<String>,
    action: Action,
}

impl Entry {
    /// How well this answers the search, smaller is better: title begins with it, a word of the
    /// title does, title holds it, a word of the
    /// help begins with it; `None` if it does not. Each word is looked for.
    fn rank(&self, search: &str) -> Option<u8> {
        let (title, help) = (self.title.to_lowercase(), self.help.to_lowercase());
        let rank = |word: &str| {
            let begins = |text: &str| text.starts_with(word);
            let any_begins = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(begins);
            if begins(&title) {
                Some(0)
            } else if any_begins(&title) {
                Some(1)
            } else if title.contains(word) {
                Some(2)
            } else {
                any_begins(&help).then_some(3)
            }
        };
        let words = search.split_whitespace();
        words
            .map(rank)
            .try_fold(0, |worst, rank| Some(worst.max(rank?)))
    }
}

/// Everything that can be done, in the order it is shown without a search.
fn entries(app: &App, ctx: &egui::Context) -> Vec<Entry> {
    let commands = commands::all().map(|command| Entry {
        title: command.name.to_owned(),
        help: command.help.to_owned(),
        keys: command.keys.text(ctx),
        obstacle: (command.obstacle)(app),
        action: Action::Command(command),
    });
    let helps = Tab::default().helps();
    let tabs = Tab::ALL.iter().zip(helps).enumerate();
    let tabs = tabs.map(|(at, (tab, help))| Entry {
        title: format!("Go to {}", tab.name()),
        help: (*help).to_owned(),
        keys: tab_key(at).map_or_else(String::new, |key| key.name().to_owned()),
        obstacle: None,
        action: Action::Tab(*tab),
    });
    let presets = app.lab.presets.iter().map(|preset| Entry {
        title: format!("Preset: {}", preset.name),
        help: preset.about.clone(),
        keys: String::new(),
        obstacle: None,
        action: Action::Preset(preset.name.clone()),
    });
    let folders = app.lab.settings.recent.iter().map(|path| Entry {
        title: format!("Open {path}"),
        help: "Opened before.".to_owned(),
        keys: String::new(),
        obstacle: None,
        action: Action::Folder(path.clone()),
    });
    commands.chain(tabs).chain(presets).chain(folders).collect()
}

/// Draws the palette when it is open, and carries out what was chosen.
pub fn show(app: &mut App, ctx: &egui::Context) {
    let Some(mut search) = app.palette.open.take() else {
        return;
    };
    let wanted = search.text.trim().to_lowercase();
    let mut found: Vec<(u8, Entry)> = (entries(app, ctx).into_iter())
        .filter_map(|entry| Some((entry.rank(&wanted)?, entry)))
        .collect();
    // What can't be done now comes after what can and is nearly as well found.
    let hindered = |entry: &Entry| !wanted.is_empty() && entry.obstacle.is_some();
    found.sort_by_key(|(rank, entry)| rank + 2 * u8::from(hindered(entry)));
    let mut chosen = None;
    let modal = Modal::new(Id::unique("command palette")).show(ctx, |ui| {
        ui.set_width(520.0);
        chosen = list(ui, &mut search, &found);
    });
    let done = chosen.is_some() || modal.should_close();
    if !done {
        app.palette.open = Some(search);
    }
    if let Some(at) = chosen {
        let (_, entry) = found.swap_remove(at);
        carry_out(app, ctx, entry.action);
    }
}

/// The search field and what was found; the place that was chosen.
fn list(ui: &mut Ui, search: &mut Search, found: &[(u8, Entry)]) -> Option<usize> {
    let pressed = |ui: &Ui, key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let down = pressed(ui, Key::ArrowDown);
    let up = pressed(ui, Key::ArrowUp);
    let enter = pressed(ui, Key::Enter);
    let field = egui::TextEdit::singleline(&mut search.text)
        .hint_text("What do you want to do?")
        .desired_width(f32::INFINITY);
    let response = ui.add(field);
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Find a command"));
    if !std::mem::replace(&mut search.focused, true) {
        response.request_focus();
    }
    if response.changed() {
        search.at = 0;
    }
    let last = found.len().saturating_sub(1);
    let moved = down || up || response.changed();
    if down {
        search.at = (search.at + 1).min(last);
    }
    if up {
        search.at = search.at.saturating_sub(1);
    }
    search.at = search.at.min(last);
    ui.add_space(4.0);
    let mut clicked = None;
    ScrollArea::vertical()
        .max_height(360.0)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            if found.is_empty() {
                ui.weak("Nothing is called like this. Delete letters to see more.");
            }
            for (at, (_, entry)) in found.iter().enumerate() {
                let response = row(ui, entry, at == search.at);
                if at == search.at && moved {
                    response.scroll_to_me(None);
                }
                if response.clicked() {
                    clicked = Some(at);
                }
            }
        });
    let chosen = clicked.or(enter.then_some(search.at))?;
    let can = found.get(chosen)?.1.obstacle.is_none();
    can.then_some(chosen)
}

fn row(ui: &mut Ui, entry: &Entry, selected: bool) -> egui::Response {
    let title = match entry.obstacle {
        None => RichText::new(&entry.title),
        Some(_) => RichText::new(&entry.title).weak(),
    };
    let width = ui.available_width();
    let button = egui::Button::selectable(selected, title)
        .shortcut_text(&entry.keys)
        .min_size(egui::vec2(width, 22.0));
    let response = ui.add(button);
    match &entry.obstacle {
        None => response.on_hover_text(&entry.help),
        Some(why) => response.on_hover_text(format!("{} Not now: {why}", entry.help)),
    }
}

fn carry_out(app: &mut App, ctx: &egui::Context, action: Action) {
    match action {
        Action::Command(command) => command.carry_out(app, ctx),
        Action::Tab(tab) => app.tab = tab,
        Action::Preset(name) => {
            let preset = app.lab.presets.iter().find(|preset| preset.name == name);
            if let Some(preset) = preset.cloned() {
                app.lab.apply_preset(&preset);
            }
        }
        Action::Folder(path) => app.lab.open(&path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_counts_more_than_the_help_and_every_word_is_looked_for() {
        let entry = |title: &str, help: &str| Entry {
            title: title.to_owned(),
            help: help.to_owned(),
            keys: String::new(),
            obstacle: None,
            action: Action::Tab(Tab::Training),
        };
        let stop = entry("Stop", "End the training; what was learned is kept.");
        let train = entry("Train", "Train these settings.");
        assert_eq!(train.rank("tra"), Some(0));
        assert_eq!(stop.rank("tra"), Some(3));
        assert_eq!(stop.rank(""), Some(0));
        assert_eq!(stop.rank("stop kept"), Some(3));
        assert_eq!(stop.rank("stop race"), None);
        assert_eq!(stop.rank("earned"), None);
        assert_eq!(entry("Go to Runs", "").rank("runs"), Some(1));
    }
}
