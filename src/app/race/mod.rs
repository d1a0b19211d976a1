//! The race window: lanes on a starting grid, a parameter varied, seeds; what differs in words; what
//! runs and what waits.

mod lanes;
mod queue;
mod vary;

use egui::{Context, RichText, Ui};

use super::theme;
use crate::experiment::plan::{LANES, Lane, Plan, Statement, in_words};
use crate::experiment::sweep;
use crate::finding::counted;
use crate::lab::Lab;
use lanes::Source;

/// Lanes in all: more can't be compared by eye.
const MOST: usize = 64;
/// Races from this many seeds at most.
const SEEDS: u64 = 20;

/// The starting grid.
pub struct State {
    pub open: bool,
    sources: Vec<Source>,
    /// Everything comes from each preset or run, not the loss alone.
    whole: bool,
    /// Key and values of each parameter that is varied, as they are typed.
    axes: Vec<[String; 2]>,
    /// What a parameter is looked for by.
    wanted: String,
    /// Whose list of parameters is open.
    finding: Option<usize>,
    seeds: u64,
    search: String,
}

impl Default for State {
    fn default() -> Self {
        Self {
            open: false,
            sources: vec![Source::Draft],
            whole: false,
            axes: Vec::new(),
            wanted: String::new(),
            finding: None,
            seeds: 1,
            search: String::new(),
        }
    }
}

/// Draws the window; says whether a race was started.
pub fn window(ctx: &Context, state: &mut State, lab: &mut Lab) -> bool {
    if !state.open {
        return false;
    }
    let mut started = false;
    let mut open = state.open;
    egui::Window::new("Race")
        .open(&mut open)
        .pivot(egui::Align2::CENTER_CENTER)
        .default_pos(ctx.content_rect().center())
        .default_size([720.0, 490.0])
        .vscroll(true)
        .show(ctx, |ui| {
            queue::running(ui, lab);
            queue::waiting(ui, lab);
            ui.label(
                "Lanes start from the same first weights and see the same batches, so that what \
                 differs is only what you vary.",
            );
            ui.add_space(4.0);
            lanes::ui(ui, state, lab);
            vary::ui(ui, state, &lab.draft);
            ui.separator();
            let plan = plan(state, lab);
            started = start(ui, lab, plan);
        });
    state.open = open && !started;
    started
}

/// The lanes as they are chosen now.
fn plan(state: &State, lab: &Lab) -> Result<Plan, String> {
    let axes = vary::axes(state, &lab.draft)?;
    let mut lanes = Vec::new();
    for source in &state.sources {
        let Some(lane) = source.lane(lab, state.whole) else {
            continue;
        };
        if axes.is_empty() {
            lanes.push(lane);
            continue;
        }
        let alone = state.sources.len() == 1;
        for (varied, config) in sweep::grid(&lane.config, &axes)? {
            let name = if alone {
                varied
            } else {
                format!("{}, {varied}", lane.name)
            };
            lanes.push(Lane { name, config });
        }
    }
    Ok(Plan {
        lanes,
        seeds: state.seeds,
        varied: axes.into_iter().map(|axis| axis.key).collect(),
    })
}

/// What will be compared, and the buttons; whether something was started.
fn start(ui: &mut Ui, lab: &mut Lab, plan: Result<Plan, String>) -> bool {
    let plan = match plan {
        Ok(plan) => plan,
        Err(message) => {
            ui.colored_label(theme::bad(ui), message);
            return false;
        }
    };
    preview(ui, &plan);
    say(ui, &plan.statement(), plan.lanes.len());
    if lab.is_busy() {
        beside_running(ui, &plan, lab);
    }
    let unfit = (plan.lanes.iter()).find_map(|lane| {
        let problems = lane.config.validate().err()?;
        Some(format!("{}: {}", lane.name, problems.join("; ")))
    });
    let obstacle = match plan.lanes.len() {
        0 | 1 => Some("Put at least two lanes on the grid, or vary a parameter.".to_owned()),
        n if n > MOST => Some(format!("{n} lanes are too many: at most {MOST}.")),
        _ => unfit,
    };
    if let Some(text) = &obstacle {
        ui.weak(text);
    }
    let can = obstacle.is_none();
    let mut started = false;
    ui.horizontal(|ui| {
        let races = plan.races().len();
        let several = if races > 1 {
            format!(" in {races} races")
        } else {
            String::new()
        };
        if lab.is_busy() {
            let text = format!(
                "Put {} behind",
                counted(plan.lanes.len(), ["lane", "lanes"])
            );
            let button = ui.add_enabled(can, egui::Button::new(text));
            if button
                .on_hover_text("They wait in the queue, and start when what trains now is done")
                .clicked()
            {
                lab.start_plan(&plan);
            }
            let text = format!("Add {} to the running race", plan.lanes.len());
            let few = !plan.lanes.is_empty() && lab.lanes().len() + plan.lanes.len() <= LANES;
            let button = ui.add_enabled(few, egui::Button::new(text));
            if button
                .on_hover_text("They join now, from their first step and the same first weights")
                .on_disabled_hover_text(format!("At most {LANES} lanes train side by side"))
                .clicked()
            {
                for lane in plan.lanes {
                    lab.add_lane(lane);
                }
            }
            return;
        }
        let text = match plan.lanes.len() {
            0 | 1 => "Start".to_owned(),
            lanes => format!("Start {lanes} lanes{several}"),
        };
        let text = RichText::new(text).color(egui::Color32::WHITE).strong();
        let button = egui::Button::new(text).fill(theme::ACTION);
        let ready = lab.dataset().is_some();
        if ui
            .add_enabled(can && ready, button)
            .on_disabled_hover_text("Needs two lanes and an open dataset")
            .clicked()
        {
            lab.start_plan(&plan);
            started = true;
        }
        let button = ui.add_enabled(can, egui::Button::new("Only queue"));
        if button
            .on_hover_text("Keep it for later, for this window or `dicebench queue run`")
            .clicked()
        {
            lab.enqueue(&plan);
        }
    });
    started
}

/// Warns where lanes that join would not see what those see that run.
fn beside_running(ui: &mut Ui, plan: &Plan, lab: &Lab) {
    let running = lab.lanes().into_iter().map(|(_, run)| Lane {
        name: run.name.clone(),
        config: run.config.clone(),
    });
    let together = Plan {
        lanes: running.chain(plan.lanes.iter().cloned()).collect(),
        ..plan.clone()
    };
    let said = together.statement();
    if said.unequal.is_empty() {
        return;
    }
    let keys = in_words(said.unequal.iter());
    ui.colored_label(
        theme::warn(ui),
        format!(
            "⚠ Beside the lanes that run, these would not start alike or see the same: {keys}."
        ),
    );
}

/// The names of all lanes.
fn preview(ui: &mut Ui, plan: &Plan) {
    let total = plan.lanes.len();
    if total < 2 {
        return;
    }
    let names: Vec<&str> = plan.lanes.iter().map(|lane| lane.name.as_str()).collect();
    let seeds = match plan.seeds {
        0 | 1 => String::new(),
        n => format!(", each from {n} seeds"),
    };
    ui.label(RichText::new(format!("{total} lanes{seeds}")).strong());
    ui.weak(names.join("  ·  "));
}

/// What differs, and a warning where more does than should.
fn say(ui: &mut Ui, said: &Statement, lanes: usize) {
    if lanes < 2 {
        return;
    }
    if said.differ.is_empty() {
        ui.colored_label(theme::warn(ui), "⚠ Nothing differs between the lanes.");
        return;
    }
    let warned = |key: &&String| said.unequal.contains(key) || said.unasked.contains(key);
    let meant = in_words(said.differ.iter().filter(|key| !warned(key)));
    let all = said.differ.join("\n");
    if said.unequal.is_empty() && said.unasked.is_empty() {
        ui.colored_label(theme::good(ui), format!("✔ Only this differs: {meant}."))
            .on_hover_text(all);
    } else {
        let mut warn = |text: String| {
            ui.colored_label(theme::warn(ui), text)
                .on_hover_text(all.clone());
        };
        if !said.unequal.is_empty() {
            let keys = in_words(said.unequal.iter());
            warn(format!(
                "⚠ The lanes don't start alike or don't see the same images: {keys}."
            ));
        }
        if !said.unasked.is_empty() {
            let keys = in_words(said.unasked.iter());
            warn(format!(
                "⚠ More differs than was varied, and results may come from it: {keys}."
            ));
        }
        let meant = if meant.is_empty() { "nothing" } else { &meant };
        ui.label(format!("What else differs: {meant}."));
    }
    if !said.twins.is_empty() {
        let twins = said.twins.join(", ");
        ui.colored_label(
            theme::warn(ui),
            format!("⚠ The same as a lane before: {twins}."),
        );
    }
}
