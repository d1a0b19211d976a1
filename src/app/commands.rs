//! Everything that can be done, in one list: menus, keyboard, the palette and the sheet of keys all
//! read it, so that a command is never in one and missing from another.

use egui::{Context, Key, KeyboardShortcut, Modifiers};

use super::{App, Tab, theme};
use crate::lab::settings::Theme;

const CTRL: Modifiers = Modifiers::COMMAND;
const SHIFTED: Modifiers = CTRL.plus(Modifiers::SHIFT);

/// Where a command stands among the menus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    File,
    Edit,
    Run,
    View,
    Help,
}

impl Menu {
    pub const ALL: [Self; 5] = [Self::File, Self::Edit, Self::Run, Self::View, Self::Help];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::Run => "Run",
            Self::View => "View",
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
    /// Unless text is being typed.
    Quiet(KeyboardShortcut),
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
            Self::Always(keys) | Self::Quiet(keys) | Self::Builtin(keys) => {
                ctx.format_shortcut(&keys)
            }
            Self::Sign(sign) => sign.to_owned(),
        }
    }

    fn is_shifted(self) -> bool {
        match self {
            Self::Always(keys) | Self::Quiet(keys) => keys.modifiers.shift,
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
    /// Why it can't be done now; `None` when it can.
    pub obstacle: fn(&App) -> Option<String>,
    pub run: fn(&mut App, &Context),
}

fn never(_: &App) -> Option<String> {
    None
}

fn unless(can: bool, why: &str) -> Option<String> {
    (!can).then(|| why.to_owned())
}

fn idle(app: &App) -> Option<String> {
    unless(app.lab.is_busy(), "Nothing is training.")
}

/// In the order of the menus.
pub const COMMANDS: &[Command] = &[
    Command {
        menu: Menu::File,
        name: "Open folder…",
        help: "Open a dataset: what the folder is comes out by itself.",
        keys: always(CTRL, Key::O),
        obstacle: never,
        run: |app, ctx| app.opening.ask(ctx),
    },
    Command {
        menu: Menu::File,
        name: "Open the sample dataset",
        help: "The generated pictures that the first start shows.",
        keys: Keys::None,
        obstacle: never,
        run: |app, _| app.lab.open(crate::data::open::SAMPLE),
    },
    Command {
        menu: Menu::File,
        name: "Quit",
        help: "Close the window; what is training is stopped and kept.",
        keys: always(CTRL, Key::Q),
        obstacle: never,
        run: |_, ctx| ctx.send_viewport_cmd(egui::ViewportCommand::Close),
    },
    Command {
        menu: Menu::Edit,
        name: "Undo",
        help: "Take back the last change of the settings; on the Data tab, of classes and split.",
        keys: quiet(CTRL, Key::Z),
        obstacle: |app| unless(app.can_undo().0, "Nothing was changed."),
        run: |app, _| app.undo(false),
    },
    Command {
        menu: Menu::Edit,
        name: "Redo",
        help: "Do the undone change of the settings again.",
        keys: quiet(SHIFTED, Key::Z),
        obstacle: |app| unless(app.can_undo().1, "Nothing was undone."),
        run: |app, _| app.undo(true),
    },
    Command {
        menu: Menu::Edit,
        name: "Bring back the deleted run",
        help: "The run that was deleted last, out of the trash.",
        keys: Keys::None,
        obstacle: |app| unless(app.lab.deleted.is_some(), "No run was deleted."),
        run: |app, _| app.lab.undelete(),
    },
    Command {
        menu: Menu::Run,
        name: "Train",
        help: "Train these settings on this dataset.",
        keys: always(CTRL, Key::Enter),
        obstacle: |app| app.lab.obstacle(),
        run: |app, _| app.start_training(),
    },
    Command {
        menu: Menu::Run,
        name: "Race…",
        help: "Train several configurations from the same weights and batches.",
        keys: always(CTRL, Key::R),
        obstacle: never,
        run: |app, _| app.race.open = !app.race.open,
    },
    Command {
        menu: Menu::Run,
        name: "Pause or go on",
        help: "Pause after this step, or go on.",
        keys: quiet(Modifiers::NONE, Key::Space),
        obstacle: idle,
        run: |app, _| app.lab.pause_or_resume(),
    },
    Command {
        menu: Menu::Run,
        name: "Stop",
        help: "End the training; what was learned is kept.",
        keys: always(CTRL, Key::Period),
        obstacle: idle,
        run: |app, _| app.lab.stop(),
    },
    Command {
        menu: Menu::View,
        name: "Previous validation image",
        help: "The image before this one, on the Training tab.",
        keys: Keys::None,
        obstacle: never,
        run: |app, _| app.step_item(false),
    },
    Command {
        menu: Menu::View,
        name: "Next validation image",
        help: "The image after this one, on the Training tab.",
        keys: Keys::None,
        obstacle: never,
        run: |app, _| app.step_item(true),
    },
    Command {
        menu: Menu::View,
        name: "Dark theme",
        help: "Light on dark.",
        keys: Keys::None,
        obstacle: never,
        run: |app, ctx| app.set_theme(ctx, Theme::Dark),
    },
    Command {
        menu: Menu::View,
        name: "Light theme",
        help: "Dark on light.",
        keys: Keys::None,
        obstacle: never,
        run: |app, ctx| app.set_theme(ctx, Theme::Light),
    },
    Command {
        menu: Menu::View,
        name: "Theme of the desktop",
        help: "Dark or light as the desktop says.",
        keys: Keys::None,
        obstacle: never,
        run: |app, ctx| app.set_theme(ctx, Theme::System),
    },
    Command {
        menu: Menu::View,
        name: "Larger text",
        help: "Everything a step larger.",
        keys: Keys::Builtin(KeyboardShortcut::new(CTRL, Key::Plus)),
        obstacle: never,
        run: |_, ctx| egui::gui_zoom::zoom_in(ctx),
    },
    Command {
        menu: Menu::View,
        name: "Smaller text",
        help: "Everything a step smaller.",
        keys: Keys::Builtin(KeyboardShortcut::new(CTRL, Key::Minus)),
        obstacle: never,
        run: |_, ctx| egui::gui_zoom::zoom_out(ctx),
    },
    Command {
        menu: Menu::View,
        name: "Normal text",
        help: "The usual size.",
        keys: Keys::Builtin(KeyboardShortcut::new(CTRL, Key::Num0)),
        obstacle: never,
        run: |_, ctx| ctx.set_zoom_factor(1.0),
    },
    Command {
        menu: Menu::View,
        name: "Reset the layout",
        help: "Panels and windows as at the first start.",
        keys: Keys::None,
        obstacle: never,
        run: |_, ctx| {
            ctx.memory_mut(egui::Memory::reset_areas);
            ctx.data_mut(egui::util::IdTypeMap::clear);
            ctx.set_zoom_factor(1.0);
        },
    },
    Command {
        menu: Menu::Help,
        name: "Find a command…",
        help: "Everything that can be done, presets and recent folders, by name.",
        keys: always(CTRL, Key::K),
        obstacle: never,
        run: |app, _| app.palette.toggle(),
    },
    Command {
        menu: Menu::Help,
        name: "Guided tour",
        help: "Five steps on the sample: from the original question to its repair.",
        keys: Keys::None,
        obstacle: never,
        run: |app, _| super::tour::begin(app),
    },
    Command {
        menu: Menu::Help,
        name: "Keys",
        help: "The list of what the keyboard does.",
        keys: Keys::Sign("?"),
        obstacle: never,
        run: |app, _| app.windows.keys = !app.windows.keys,
    },
    Command {
        menu: Menu::Help,
        name: "Messages",
        help: "Everything that was said since the start.",
        keys: Keys::None,
        obstacle: never,
        run: |app, _| app.windows.notices = !app.windows.notices,
    },
    Command {
        menu: Menu::Help,
        name: "Frame times",
        help: "How long each frame of this window takes.",
        keys: Keys::None,
        obstacle: never,
        run: |app, _| app.windows.frames = !app.windows.frames,
    },
    Command {
        menu: Menu::Help,
        name: "About",
        help: "Version and purpose.",
        keys: Keys::None,
        obstacle: never,
        run: |app, _| app.windows.about = !app.windows.about,
    },
];

/// What the keyboard and the mouse do in places of their own: `(keys, meaning)`.
pub const GESTURES: &[(&str, &[(&str, &str)])] = &[
    (
        "Training",
        &[
            ("arrow left, right", "previous, next validation image"),
            ("T", "over a picture: truth and prediction change places"),
        ],
    ),
    (
        "Data",
        &[(
            "arrows, Enter, Esc, /",
            "move, open an image, back, find a name",
        )],
    ),
    (
        "Compare",
        &[
            ("G S B D", "grid, swipe, blink, disagreement"),
            ("P E U", "prediction, errors, doubt"),
            (
                "W F O",
                "worst first, biggest difference first, order of the split",
            ),
            ("X, T", "change the pair's places, flip between the two"),
            ("arrow left, right", "previous, next image"),
            (
                "arrow up, down, Home, End",
                "later, earlier, first, last moment of the training",
            ),
        ],
    ),
    (
        "Pictures and plots",
        &[("wheel, drag, double click", "zoom, move, reset")],
    ),
];

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
        for command in COMMANDS.iter().filter(|c| c.keys.is_shifted() == shifted) {
            if command.keys.typed(ctx) && (command.obstacle)(app).is_none() {
                (command.run)(app, ctx);
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
    if app.tab == Tab::Training {
        for (key, forward) in [(Key::ArrowLeft, false), (Key::ArrowRight, true)] {
            if typed(key) {
                app.step_item(forward);
            }
        }
    }
}

impl App {
    /// Whether something can be undone, and redone, where the user is.
    fn can_undo(&self) -> (bool, bool) {
        let (undo, redo) = self.lab.can_undo();
        // The room says itself when there is nothing left.
        let in_room = self.tab == Tab::Data;
        (undo || in_room, redo || in_room)
    }

    /// Undoes (or, `again`, redoes) the last change where the user is.
    fn undo(&mut self, again: bool) {
        if self.tab == Tab::Data && self.room.undo(again) {
            return;
        }
        if again {
            self.lab.redo();
        } else {
            self.lab.undo();
        }
    }

    fn set_theme(&mut self, ctx: &Context, theme: Theme) {
        self.lab.settings.theme = theme;
        theme::apply(ctx, theme);
        self.lab.settings_changed();
    }
}

/// The sheet of keys.
pub fn sheet(ctx: &Context, open: &mut bool) {
    egui::Window::new("Keys")
        .open(open)
        .pivot(egui::Align2::CENTER_CENTER)
        .default_pos(ctx.content_rect().center())
        .default_height(560.0)
        .resizable(false)
        .vscroll(true)
        .show(ctx, |ui| {
            let row = |ui: &mut egui::Ui, keys: &str, meaning: &str| {
                ui.strong(keys);
                ui.label(meaning);
                ui.end_row();
            };
            egui::Grid::new("keys")
                .num_columns(2)
                .spacing([16.0, 6.0])
                .show(ui, |ui| {
                    for command in COMMANDS.iter().filter(|c| c.keys != Keys::None) {
                        row(ui, &command.keys.text(ctx), command.name);
                    }
                    row(ui, "1 2 3 …", "the tabs, from left to right");
                    for (place, gestures) in GESTURES {
                        ui.weak(*place);
                        ui.end_row();
                        for (keys, meaning) in *gestures {
                            row(ui, keys, meaning);
                        }
                    }
                });
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_share_a_name_or_keys() {
        let ctx = Context::default();
        for (at, command) in COMMANDS.iter().enumerate() {
            for other in &COMMANDS[..at] {
                assert_ne!(command.name, other.name);
                let keys = command.keys.text(&ctx);
                assert!(keys.is_empty() || keys != other.keys.text(&ctx), "{keys}");
            }
            assert!(command.help.ends_with('.'), "{}", command.name);
        }
    }
}
