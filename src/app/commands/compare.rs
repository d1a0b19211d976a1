//! What the Compare tab does. Its buttons and these commands say the same [`Wish`]es.

use egui::{Context, Key, KeyboardShortcut, Modifiers, vec2};

use super::{Command, Keys, Menu, unless};
use crate::app::compare::files::Asked;
use crate::app::compare::wishes::{Moment, Wish};
use crate::app::view::versus::{Mode, Show};
use crate::app::{App, Tab, compare};
use crate::run::versus::Order;

/// How far a key moves the line of the swipe, as a share of the picture.
const SWIPE: f32 = 0.05;
const ZOOM: f32 = 1.5;
/// How far a key moves the pictures, as a share of what is seen of them.
const PAN: f32 = 0.2;

const PLAIN: Modifiers = Modifiers::NONE;

const fn key(modifiers: Modifiers, key: Key) -> Keys {
    Keys::Here(KeyboardShortcut::new(modifiers, key))
}

fn one(app: &App) -> Option<String> {
    unless(
        compare::count(app) > 0,
        "Nothing is compared: tick runs in the Runs tab.",
    )
}

fn two(app: &App) -> Option<String> {
    one(app).or_else(|| {
        let can = compare::count(app) > 1;
        unless(can, "Needs two runs: tick another in the Runs tab.")
    })
}

const fn command(
    name: &'static str,
    help: &'static str,
    keys: Keys,
    obstacle: fn(&App) -> Option<String>,
    run: fn(&mut App, &Context),
) -> Command {
    Command {
        menu: Menu::Compare,
        name,
        help,
        keys,
        place: Some(Tab::Compare),
        obstacle,
        run,
    }
}

/// In the order of the menu.
pub const COMPARE: &[Command] = &[
    command(
        "Grid of all runs",
        "Truth and every run beside one another.",
        key(PLAIN, Key::G),
        one,
        |app, _| app.compare.wish(Wish::Mode(Mode::Grid)),
    ),
    command(
        "Swipe between A and B",
        "One over the other, parted by a line.",
        key(PLAIN, Key::S),
        two,
        |app, _| app.compare.wish(Wish::Mode(Mode::Swipe)),
    ),
    command(
        "Blink between A and B",
        "The two take turns in one place.",
        key(PLAIN, Key::B),
        two,
        |app, _| app.compare.wish(Wish::Mode(Mode::Blink)),
    ),
    command(
        "Where A and B disagree",
        "A right and B wrong, B right and A wrong, both wrong.",
        key(PLAIN, Key::D),
        two,
        |app, _| app.compare.wish(Wish::Mode(Mode::Disagree)),
    ),
    command(
        "Predictions",
        "The classes that the runs predict.",
        key(PLAIN, Key::P),
        one,
        |app, _| app.compare.wish(Wish::Show(Show::Prediction)),
    ),
    command(
        "Errors of the runs",
        "Where truth and prediction differ.",
        key(PLAIN, Key::E),
        one,
        |app, _| app.compare.wish(Wish::Show(Show::Errors)),
    ),
    command(
        "Doubt of the runs",
        "How unsure the runs are of each pixel.",
        key(PLAIN, Key::U),
        one,
        |app, _| app.compare.wish(Wish::Show(Show::Doubt)),
    ),
    command(
        "Contours",
        "Only the borders of the classes, or all of their area.",
        key(PLAIN, Key::K),
        one,
        |app, _| app.compare.wish(Wish::Contours),
    ),
    command(
        "Images as in the split",
        "In the order of the validation split.",
        key(PLAIN, Key::O),
        one,
        |app, _| app.compare.wish(Wish::Order(Order::Split)),
    ),
    command(
        "Worst images first",
        "Lowest mean Dice of run A first.",
        key(PLAIN, Key::W),
        one,
        |app, _| app.compare.wish(Wish::Order(Order::Worst)),
    ),
    command(
        "Biggest difference first",
        "Images on which the runs’ mean Dice differ most first.",
        key(PLAIN, Key::F),
        two,
        |app, _| app.compare.wish(Wish::Order(Order::Difference)),
    ),
    command(
        "Worst images of the next class",
        "Class after class, the images that run A finds it worst in.",
        key(PLAIN, Key::C),
        one,
        |app, _| app.compare.wish(Wish::NextClass),
    ),
    command(
        "Images of the next mistake",
        "Cell after cell of the confusion matrix, the images that cause it.",
        key(PLAIN, Key::M),
        one,
        |app, _| app.compare.wish(Wish::NextMistake),
    ),
    command(
        "Previous compared image",
        "The image before this one in the order.",
        key(PLAIN, Key::ArrowLeft),
        one,
        |app, _| app.compare.wish(Wish::Image(false)),
    ),
    command(
        "Next compared image",
        "The image after this one in the order.",
        key(PLAIN, Key::ArrowRight),
        one,
        |app, _| app.compare.wish(Wish::Image(true)),
    ),
    command(
        "Later epoch",
        "All runs at their next validation.",
        key(PLAIN, Key::ArrowUp),
        one,
        |app, _| app.compare.wish(Wish::Moment(Moment::Later)),
    ),
    command(
        "Earlier epoch",
        "All runs at the validation before.",
        key(PLAIN, Key::ArrowDown),
        one,
        |app, _| app.compare.wish(Wish::Moment(Moment::Earlier)),
    ),
    command(
        "First epoch",
        "All runs at their first validation.",
        key(PLAIN, Key::Home),
        one,
        |app, _| app.compare.wish(Wish::Moment(Moment::First)),
    ),
    command(
        "Newest epoch",
        "All runs at their last validation, and at those to come.",
        key(PLAIN, Key::End),
        one,
        |app, _| app.compare.wish(Wish::Moment(Moment::Newest)),
    ),
    command(
        "A and B change places",
        "Run A becomes run B, and B becomes A.",
        key(PLAIN, Key::X),
        two,
        |app, _| app.compare.wish(Wish::Swap),
    ),
    command(
        "Next run as A",
        "The run after A takes its place.",
        key(PLAIN, Key::A),
        two,
        |app, _| app.compare.wish(Wish::NextRun(0)),
    ),
    command(
        "Next run as B",
        "The run after B takes its place.",
        key(PLAIN, Key::N),
        two,
        |app, _| app.compare.wish(Wish::NextRun(1)),
    ),
    command(
        "Blink by hand",
        "The other of the two, and no more turns by itself.",
        key(PLAIN, Key::T),
        two,
        |app, _| app.compare.wish(Wish::Flip),
    ),
    command(
        "Blink by itself",
        "The two take turns, or no longer do.",
        key(PLAIN, Key::L),
        two,
        |app, _| app.compare.wish(Wish::TakeTurns),
    ),
    command(
        "Line of the swipe to the left",
        "Less of A, more of B.",
        key(PLAIN, Key::Comma),
        two,
        |app, _| app.compare.wish(Wish::Swipe(-SWIPE)),
    ),
    command(
        "Line of the swipe to the right",
        "More of A, less of B.",
        key(PLAIN, Key::Period),
        two,
        |app, _| app.compare.wish(Wish::Swipe(SWIPE)),
    ),
    command(
        "Zoom in",
        "All pictures closer.",
        key(PLAIN, Key::Z),
        one,
        |app, _| app.compare.wish(Wish::Zoom(ZOOM)),
    ),
    command(
        "Zoom out",
        "All pictures further away.",
        key(Modifiers::SHIFT, Key::Z),
        one,
        |app, _| app.compare.wish(Wish::Zoom(1.0 / ZOOM)),
    ),
    command(
        "Whole pictures",
        "All pictures as a whole.",
        key(PLAIN, Key::Num0),
        one,
        |app, _| app.compare.wish(Wish::Whole),
    ),
    command(
        "Pictures to the left",
        "What lies left of what is seen.",
        key(Modifiers::SHIFT, Key::ArrowLeft),
        one,
        |app, _| app.compare.wish(Wish::Pan(vec2(-PAN, 0.0))),
    ),
    command(
        "Pictures to the right",
        "What lies right of what is seen.",
        key(Modifiers::SHIFT, Key::ArrowRight),
        one,
        |app, _| app.compare.wish(Wish::Pan(vec2(PAN, 0.0))),
    ),
    command(
        "Pictures up",
        "What lies above what is seen.",
        key(Modifiers::SHIFT, Key::ArrowUp),
        one,
        |app, _| app.compare.wish(Wish::Pan(vec2(0.0, -PAN))),
    ),
    command(
        "Pictures down",
        "What lies below what is seen.",
        key(Modifiers::SHIFT, Key::ArrowDown),
        one,
        |app, _| app.compare.wish(Wish::Pan(vec2(0.0, PAN))),
    ),
    command(
        "Save the compared pictures as SVG…",
        "The panes as they are chosen now, with their names, scores and colours; letters stay text.",
        Keys::None,
        one,
        |app, _| app.compare.wish(Wish::Save(Asked::Svg)),
    ),
    command(
        "Save the compared pictures as PNG…",
        "The panes as they are chosen now, with their names, scores and colours, pixel by pixel.",
        Keys::None,
        one,
        |app, _| app.compare.wish(Wish::Save(Asked::Png)),
    ),
    command(
        "Save the compared scores as CSV…",
        "Mean Dice of each image in each run, in the order shown.",
        Keys::None,
        one,
        |app, _| app.compare.wish(Wish::Save(Asked::Csv)),
    ),
    command(
        "Save the compared scores as JSON…",
        "Mean Dice of each image in each run, in the order shown.",
        Keys::None,
        one,
        |app, _| app.compare.wish(Wish::Save(Asked::Json)),
    ),
];
