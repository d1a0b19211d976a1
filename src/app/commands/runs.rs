//! What can be done with the runs that are ticked in the Runs tab.

use egui::Context;

use super::{Command, Keys, Menu, unless};
use crate::app::runs_tab::Side;
use crate::app::{App, Tab};

fn any(app: &App) -> Option<String> {
    let ticked = !app.runs.ticked.is_empty();
    unless(ticked, "No run is ticked: tick some in the Runs tab.")
}

fn show(app: &mut App, side: Side) {
    app.below.side = side;
    app.tab = Tab::Runs;
}

const fn command(name: &'static str, help: &'static str, run: fn(&mut App, &Context)) -> Command {
    Command {
        menu: Menu::Run,
        name,
        help,
        keys: Keys::None,
        place: None,
        obstacle: any,
        run,
    }
}

/// In the order of the menu.
pub const RUNS: &[Command] = &[
    command(
        "Curves of the ticked runs",
        "Loss and scores, laid over one another.",
        |app, _| show(app, Side::Curves),
    ),
    command(
        "Differences of the ticked runs",
        "Results and the settings in which they differ.",
        |app, _| show(app, Side::Differences),
    ),
    command(
        "Scores of the ticked runs",
        "Every definition of Dice, best against last, and whether a difference is more than luck.",
        |app, _| show(app, Side::Scores),
    ),
    command(
        "Formula of the ticked runs",
        "Each loss with the numbers of what was predicted last.",
        |app, _| show(app, Side::Formula),
    ),
    command(
        "Sweep over the ticked runs",
        "What a parameter does to the result: scatter plot and parallel coordinates.",
        |app, _| show(app, Side::Sweep),
    ),
    command("Untick all runs", "No run is compared.", |app, _| {
        app.runs.ticked.clear()
    }),
    command(
        "Take the ticked runs home…",
        "Report, tables, TensorBoard files, bundles, weights and code, into a folder.",
        |app, _| {
            app.tab = Tab::Runs;
            app.taking.open = true;
        },
    ),
];
