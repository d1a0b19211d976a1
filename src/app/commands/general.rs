//! What can be done wherever one is, in the order of the menus.

use egui::{Context, Key, KeyboardShortcut, Modifiers};

use super::{CTRL, Command, Keys, Menu, SHIFTED, always, never, quiet, unless};
use crate::app::{App, Tab, theme, tour};
use crate::lab::settings::Theme;

fn idle(app: &App) -> Option<String> {
    unless(app.lab.is_busy(), "Nothing is training.")
}

/// In the order of the menus.
pub const GENERAL: &[Command] = &[
    Command {
        menu: Menu::File,
        name: "Open folder…",
        help: "Open a dataset: what the folder is comes out by itself.",
        keys: always(CTRL, Key::O),
        place: None,
        obstacle: never,
        run: |app, ctx| app.opening.ask(ctx),
    },
    Command {
        menu: Menu::File,
        name: "Open the sample dataset",
        help: "The generated pictures that the first start shows.",
        keys: Keys::None,
        place: None,
        obstacle: never,
        run: |app, _| app.lab.open(crate::data::open::SAMPLE),
    },
    Command {
        menu: Menu::File,
        name: "Quit",
        help: "Close the window; what is training is stopped and kept.",
        keys: always(CTRL, Key::Q),
        place: None,
        obstacle: never,
        run: |_, ctx| ctx.send_viewport_cmd(egui::ViewportCommand::Close),
    },
    Command {
        menu: Menu::Edit,
        name: "Undo",
        help: "Take back the last change of the settings; on the Data tab, of classes and split.",
        keys: quiet(CTRL, Key::Z),
        place: None,
        obstacle: |app| unless(app.can_undo().0, "Nothing was changed."),
        run: |app, _| app.undo(false),
    },
    Command {
        menu: Menu::Edit,
        name: "Redo",
        help: "Do the undone change of the settings again.",
        keys: quiet(SHIFTED, Key::Z),
        place: None,
        obstacle: |app| unless(app.can_undo().1, "Nothing was undone."),
        run: |app, _| app.undo(true),
    },
    Command {
        menu: Menu::Edit,
        name: "Bring back the deleted run",
        help: "The run that was deleted last, out of the trash.",
        keys: Keys::None,
        place: None,
        obstacle: |app| unless(app.lab.deleted.is_some(), "No run was deleted."),
        run: |app, _| app.lab.undelete(),
    },
    Command {
        menu: Menu::Run,
        name: "Train",
        help: "Train these settings on this dataset.",
        keys: always(CTRL, Key::Enter),
        place: None,
        obstacle: |app| app.lab.obstacle(),
        run: |app, _| app.start_training(),
    },
    Command {
        menu: Menu::Run,
        name: "Race…",
        help: "Train several configurations from the same weights and batches.",
        keys: always(CTRL, Key::R),
        place: None,
        obstacle: never,
        run: |app, _| app.race.open = !app.race.open,
    },
    Command {
        menu: Menu::Run,
        name: "Pause or go on",
        help: "Pause after this step, or go on.",
        keys: quiet(Modifiers::NONE, Key::Space),
        place: None,
        obstacle: idle,
        run: |app, _| app.lab.pause_or_resume(),
    },
    Command {
        menu: Menu::Run,
        name: "Stop",
        help: "End the training; what was learned is kept.",
        keys: always(CTRL, Key::Period),
        place: None,
        obstacle: idle,
        run: |app, _| app.lab.stop(),
    },
    Command {
        menu: Menu::View,
        name: "Previous validation image",
        help: "The image before this one.",
        keys: quiet(Modifiers::NONE, Key::ArrowLeft),
        place: Some(Tab::Training),
        obstacle: never,
        run: |app, _| app.step_item(false),
    },
    Command {
        menu: Menu::View,
        name: "Next validation image",
        help: "The image after this one.",
        keys: quiet(Modifiers::NONE, Key::ArrowRight),
        place: Some(Tab::Training),
        obstacle: never,
        run: |app, _| app.step_item(true),
    },
    Command {
        menu: Menu::View,
        name: "Dark theme",
        help: "Light on dark.",
        keys: Keys::None,
        place: None,
        obstacle: never,
        run: |app, ctx| app.set_theme(ctx, Theme::Dark),
    },
    Command {
        menu: Menu::View,
        name: "Light theme",
        help: "Dark on light.",
        keys: Keys::None,
        place: None,
        obstacle: never,
        run: |app, ctx| app.set_theme(ctx, Theme::Light),
    },
    Command {
        menu: Menu::View,
        name: "Theme of the desktop",
        help: "Dark or light as the desktop says.",
        keys: Keys::None,
        place: None,
        obstacle: never,
        run: |app, ctx| app.set_theme(ctx, Theme::System),
    },
    Command {
        menu: Menu::View,
        name: "Larger text",
        help: "Everything a step larger.",
        keys: Keys::Builtin(KeyboardShortcut::new(CTRL, Key::Plus)),
        place: None,
        obstacle: never,
        run: |_, ctx| egui::gui_zoom::zoom_in(ctx),
    },
    Command {
        menu: Menu::View,
        name: "Smaller text",
        help: "Everything a step smaller.",
        keys: Keys::Builtin(KeyboardShortcut::new(CTRL, Key::Minus)),
        place: None,
        obstacle: never,
        run: |_, ctx| egui::gui_zoom::zoom_out(ctx),
    },
    Command {
        menu: Menu::View,
        name: "Normal text",
        help: "The usual size.",
        keys: Keys::Builtin(KeyboardShortcut::new(CTRL, Key::Num0)),
        place: None,
        obstacle: never,
        run: |_, ctx| ctx.set_zoom_factor(1.0),
    },
    Command {
        menu: Menu::View,
        name: "Reset the layout",
        help: "Panels and windows as at the first start.",
        keys: Keys::None,
        place: None,
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
        place: None,
        obstacle: never,
        run: |app, _| app.palette.toggle(),
    },
    Command {
        menu: Menu::Help,
        name: "Guided tour",
        help: "Five steps on the sample: from the original question to its repair.",
        keys: Keys::None,
        place: None,
        obstacle: never,
        run: |app, _| tour::begin(app),
    },
    Command {
        menu: Menu::Help,
        name: "Keys",
        help: "The list of what the keyboard does.",
        keys: Keys::Sign("?"),
        place: None,
        obstacle: never,
        run: |app, _| app.windows.keys = !app.windows.keys,
    },
    Command {
        menu: Menu::Help,
        name: "Messages",
        help: "Everything that was said since the start.",
        keys: Keys::None,
        place: None,
        obstacle: never,
        run: |app, _| app.windows.notices = !app.windows.notices,
    },
    Command {
        menu: Menu::Help,
        name: "Frame times",
        help: "How long each frame of this window takes.",
        keys: Keys::None,
        place: None,
        obstacle: never,
        run: |app, _| app.windows.frames = !app.windows.frames,
    },
    Command {
        menu: Menu::Help,
        name: "About",
        help: "Version and purpose.",
        keys: Keys::None,
        place: None,
        obstacle: never,
        run: |app, _| app.windows.about = !app.windows.about,
    },
];

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
