//! Everything that can be done, in one list: menus, keyboard, the palette and the sheet of keys all
//! read it, so that a command is never in one and missing from another.

mod compare;
mod general;
mod runs;
pub mod sheet;

use egui::{Context, Key, KeyboardShortcut, Modifiers};

use super::{App, Tab};

const CTRL: Modifiers = Modifiers::COMMAND;
const SHIFTED: Modifiers = CTRL.plus(Modifiers::SHIFT);

/// Where a command stands among the menus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    File,
    Edit,
    Run,
    View,
    Compare,
    Help,
}

impl Menu {
    pub const ALL: [Self; 6] = [
        Self::File,
        Self::Edit,
        Self::Run,
        Self::View,
        Self::Compare,
        Self::Help,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::Run => "Run",
            Self::View => "View",
            Self::Compare => "Compare",
            Self::Help => "Help",
        }
    }
}

/// How a command is typed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Keys {
    None,
    /// Wherever the keyboard is.
    Always(KeyboardShortcut),
    /// Unless a widget has the keyboard.
    Quiet(KeyboardShortcut),
    /// Unless text is being typed: whatever else has the keyboard there gives way.
    Here(KeyboardShortcut),
    /// A sign, wherever it lies on this keyboard; unless text is being typed.
    Sign(&'static str),
    /// Carried out by egui itself.
    Builtin(KeyboardShortcut),
}

const fn always(modifiers: Modifiers, key: Key) -> Keys {
    Keys::Always(KeyboardShortcut::new(modifiers, key))
}

const fn quiet(modifiers: Modifiers, key: Key) -> Keys {
    Keys::Quiet(KeyboardShortcut::new(modifiers, key))
}

impl Keys {
    /// For people: "Ctrl+O".
    #[must_use]
    pub fn text(self, ctx: &Context) -> String {
        match self {
            Self::None => String::new(),
            Self::Always(keys) | Self::Quiet(keys) | Self::Here(keys) | Self::Builtin(keys) => {
                ctx.format_shortcut(&keys)
            }
            Self::Sign(sign) => sign.to_owned(),
        }
    }

    fn is_shifted(self) -> bool {
        match self {
            Self::Always(keys) | Self::Quiet(keys) | Self::Here(keys) => keys.modifiers.shift,
            Self::None | Self::Sign(_) | Self::Builtin(_) => false,
        }
    }

    /// Whether it was typed in this frame; takes it away from everyone after.
    fn typed(self, ctx: &Context) -> bool {
        let typing = || ctx.egui_wants_keyboard_input();
        match self {
            Self::None | Self::Builtin(_) => false,
            Self::Always(keys) => ctx.input_mut(|input| input.consume_shortcut(&keys)),
            Self::Quiet(keys) => !typing() && ctx.input_mut(|input| input.consume_shortcut(&keys)),
            Self::Here(keys) => {
                !ctx.text_edit_focused() && ctx.input_mut(|input| input.consume_shortcut(&keys))
            }
            Self::Sign(sign) => {
                let is_sign =
                    |event: &egui::Event| matches!(event, egui::Event::Text(text) if text == sign);
                !typing() && ctx.input(|input| input.events.iter().any(is_sign))
            }
        }
    }
}

/// Something that can be done.
pub struct Command {
    pub menu: Menu,
    pub name: &'static str,
    pub help: &'static str,
    pub keys: Keys,
    /// The tab that it is about: its keys work there alone, and asked for elsewhere it goes there.
    pub place: Option<Tab>,
    /// Why it can't be done now; `None` when it can.
    pub obstacle: fn(&App) -> Option<String>,
    pub run: fn(&mut App, &Context),
}

impl Command {
    /// Does it, where it belongs.
    pub fn carry_out(&self, app: &mut App, ctx: &Context) {
        if let Some(tab) = self.place {
            app.tab = tab;
        }
        (self.run)(app, ctx);
        ctx.request_repaint();
    }
}

fn never(_: &App) -> Option<String> {
    None
}

fn unless(can: bool, why: &str) -> Option<String> {
    (!can).then(|| why.to_owned())
}

/// Everything that can be done, in the order of the menus.
pub fn all() -> impl Iterator<Item = &'static Command> {
    let general = general::GENERAL.iter().chain(runs::RUNS);
    general.chain(compare::COMPARE)
}

/// The digit that opens the tab at this place.
#[must_use]
pub fn tab_key(at: usize) -> Option<Key> {
    const DIGITS: [Key; 9] = [
        Key::Num1,
        Key::Num2,
        Key::Num3,
        Key::Num4,
        Key::Num5,
        Key::Num6,
        Key::Num7,
        Key::Num8,
        Key::Num9,
    ];
    DIGITS.get(at).copied()
}

/// Carries out what was typed.
pub fn handle(app: &mut App, ctx: &Context) {
    // The longer combination first: the shorter one would swallow it.
    for shifted in [true, false] {
        for command in all().filter(|c| c.keys.is_shifted() == shifted) {
            let here = command.place.is_none_or(|tab| tab == app.tab);
            if here && command.keys.typed(ctx) && (command.obstacle)(app).is_none() {
                command.carry_out(app, ctx);
            }
        }
    }
    if ctx.egui_wants_keyboard_input() {
        return;
    }
    let typed = |key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    for (at, tab) in Tab::ALL.iter().enumerate() {
        if tab_key(at).is_some_and(typed) {
            app.tab = *tab;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_share_a_name_or_keys() {
        let ctx = Context::default();
        let seen: Vec<&Command> = all().collect();
        for (at, command) in seen.iter().enumerate() {
            for other in &seen[..at] {
                assert_ne!(command.name, other.name);
                let keys = command.keys.text(&ctx);
                let apart = match (command.place, other.place) {
                    (Some(one), Some(another)) => one != another,
                    _ => false,
                };
                assert!(
                    keys.is_empty() || apart || keys != other.keys.text(&ctx),
                    "{keys}"
                );
            }
            assert!(command.help.ends_with('.'), "{}", command.name);
        }
    }

    /// The menus show every command once.
    #[test]
    fn every_command_is_in_a_menu() {
        for command in all() {
            assert!(Menu::ALL.contains(&command.menu), "{}", command.name);
        }
    }
}
