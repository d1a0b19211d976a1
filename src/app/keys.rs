//! Keyboard shortcuts, and the window that lists them.

use egui::{Context, Key, KeyboardShortcut, Modifiers};

use super::{App, Tab};

const CTRL: Modifiers = Modifiers::COMMAND;

const OPEN: KeyboardShortcut = KeyboardShortcut::new(CTRL, Key::O);
const TRAIN: KeyboardShortcut = KeyboardShortcut::new(CTRL, Key::Enter);
const STOP: KeyboardShortcut = KeyboardShortcut::new(CTRL, Key::Period);
const UNDO: KeyboardShortcut = KeyboardShortcut::new(CTRL, Key::Z);
const REDO: KeyboardShortcut = KeyboardShortcut::new(CTRL.plus(Modifiers::SHIFT), Key::Z);

const LIST: &[(&str, &str)] = &[
    ("Ctrl+O", "open a dataset"),
    ("Ctrl+Enter", "train"),
    ("Space", "pause or go on"),
    ("Ctrl+.", "stop; what was learned is kept"),
    (
        "Ctrl+Z, Ctrl+Shift+Z",
        "undo, redo a change of the settings",
    ),
    ("1 2 3 …", "the tabs, from left to right"),
    ("arrow left, right", "previous, next validation image"),
    ("T", "over a picture: truth and prediction change places"),
    (
        "arrows, Enter, Esc, /",
        "in Data: move, open an image, back, find a name",
    ),
    (
        "wheel, drag, double click",
        "zoom, move, reset a picture or plot",
    ),
    ("Ctrl++, Ctrl+−, Ctrl+0", "larger, smaller, normal text"),
    ("?", "this list"),
];

/// Carries out what was typed.
pub fn handle(app: &mut App, ctx: &Context) {
    let pressed = |shortcut| ctx.input_mut(|input| input.consume_shortcut(shortcut));
    if pressed(&OPEN) {
        app.opening.ask(ctx);
    }
    if pressed(&TRAIN) && !app.lab.is_busy() {
        app.start_training();
    }
    if pressed(&STOP) {
        app.lab.stop();
    }
    if ctx.egui_wants_keyboard_input() {
        return;
    }
    // The longer combination first: the shorter one would swallow it.
    let in_room = app.tab == Tab::Data;
    if pressed(&REDO) && !(in_room && app.room.undo(true)) {
        app.lab.redo();
    }
    if pressed(&UNDO) && !(in_room && app.room.undo(false)) {
        app.lab.undo();
    }
    let typed = |key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if typed(Key::Space) {
        app.lab.pause_or_resume();
    }
    for (key, tab) in [
        Key::Num1,
        Key::Num2,
        Key::Num3,
        Key::Num4,
        Key::Num5,
        Key::Num6,
        Key::Num7,
    ]
    .into_iter()
    .zip(Tab::ALL)
    {
        if typed(key) {
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
    let question = ctx.input(|input| {
        input
            .events
            .iter()
            .any(|event| matches!(event, egui::Event::Text(text) if text == "?"))
    });
    if question {
        app.windows.keys = !app.windows.keys;
    }
}

/// The list of keys.
pub fn window(ctx: &Context, open: &mut bool) {
    egui::Window::new("Keys")
        .open(open)
        .resizable(false)
        .show(ctx, |ui| {
            egui::Grid::new("keys")
                .num_columns(2)
                .spacing([16.0, 6.0])
                .show(ui, |ui| {
                    for (key, meaning) in LIST {
                        ui.strong(*key);
                        ui.label(*meaning);
                        ui.end_row();
                    }
                });
        });
}
