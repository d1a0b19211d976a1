//! The Runs tab: the table of what was recorded, and below it what the ticked runs have in common
//! and what tells them apart.

use egui::{Panel, Ui};

use super::view::color::{on_ground, run_color};
use super::view::scores::Scores;
use super::view::sweep::Sweep;
use super::view::{self, runs::Action};
use super::{App, Tab};
use crate::lab::notices::Level;
use crate::param::Choice;
use crate::run::Run;

crate::choices! {
    /// What is shown of the ticked runs.
    pub enum Side {
        Curves = "Curves": "Loss and scores of the ticked runs, laid over one another.",
        Differences = "Differences": "Results side by side, and the settings in which they differ.",
        Scores = "Scores": "Every definition of Dice, best against last, and whether a difference is more than luck.",
        Formula = "Formula": "The loss of each ticked run, with the numbers of what it predicted last.",
        Sweep = "Sweep": "What a parameter does to the result.",
    }
}

/// How the ticked runs are looked at.
#[derive(Debug, Default)]
pub struct Below {
    pub side: Side,
    pub scores: Scores,
    pub sweep: Sweep,
    /// The sweep is of every run that the table shows, ticked or not.
    all: bool,
}

impl Below {
    /// As it was left: `side` is the name of what was shown.
    #[must_use]
    pub fn restored(side: &str) -> Self {
        let mut sides = Side::ALL.iter().copied();
        let side = sides.find(|known| known.name() == side);
        Self {
            side: side.unwrap_or_default(),
            ..Self::default()
        }
    }
}

pub fn show(app: &mut App, ui: &mut Ui) {
    let training = app.lab.lanes().into_iter().map(|(_, run)| run.id.clone());
    app.runs.training = training.collect();
    let actions = Panel::top("runs table")
        .resizable(true)
        .default_size((ui.available_height() - 330.0).clamp(100.0, 220.0))
        .show(ui, |ui| app.runs.ui(ui, &app.lab.runs))
        .inner;
    app.carry_out(ui, actions);
    let ticked: Vec<&Run> = (app.lab.runs.iter())
        .filter(|run| app.runs.ticked.contains(&run.id))
        .collect();
    let sweeping = app.below.side == Side::Sweep && app.below.all;
    if ticked.is_empty() && !sweeping {
        ui.add_space(20.0);
        ui.vertical_centered(|ui| {
            ui.weak("Tick runs above to lay their curves over one another and see what differs.");
        });
        return;
    }
    let mut home = false;
    ui.horizontal_wrapped(|ui| {
        for (side, help) in Side::ALL.iter().zip(app.below.side.helps()) {
            ui.selectable_value(&mut app.below.side, *side, side.name())
                .on_hover_text(*help);
        }
        ui.separator();
        home = ui
            .button("Take home…")
            .on_hover_text(
                "Write a report, tables, weights, TensorBoard files, bundles, the loss and the \
                 network as code of the ticked runs",
            )
            .clicked();
        if app.below.side == Side::Sweep {
            ui.checkbox(&mut app.below.all, "All shown").on_hover_text(
                "Every run that the table above shows, ticked or not (default off).",
            );
        }
        if app.lab.is_reading() {
            ui.spinner();
            ui.weak("reading curves");
        }
    });
    // Half a comparison would mislead: what is being read appears with the rest.
    let read: Vec<&Run> = (ticked.iter().copied())
        .filter(|run| !run.is_brief())
        .collect();
    let ids: Vec<String> = ticked.iter().map(|run| run.id.clone()).collect();
    let mut clicked = None;
    match app.below.side {
        Side::Curves => app.plots.ui(ui, &read),
        Side::Differences => {
            egui::ScrollArea::both().auto_shrink(false).show(ui, |ui| {
                let save = view::compare::diff_table(ui, &ticked);
                app.saves.extend(save);
            });
        }
        Side::Scores => {
            let all_read = read.len() == ticked.len();
            let verdicts = match all_read {
                true => app.lab.verdicts(&ids).map(<[String]>::to_vec),
                false => None,
            };
            if all_read {
                app.lab.measure_outlines(&ids);
            }
            let read: Vec<&Run> = (app.lab.runs.iter())
                .filter(|run| ids.contains(&run.id) && !run.is_brief())
                .collect();
            let (scores, outlines) = (&mut app.below.scores, &app.lab.outlines);
            let save = scores.ui(ui, &read, outlines, verdicts.as_deref());
            app.saves.extend(save);
        }
        Side::Formula => {
            app.lab.take_formulas(&ids);
            super::formula::of_runs(ui, &app.lab, &ids);
        }
        Side::Sweep => {
            let shown = if app.below.all {
                app.runs.shown(&app.lab.runs)
            } else {
                ticked
            };
            let (ctx, dark) = (ui.ctx().clone(), ui.visuals().dark_mode);
            let plain = ui.visuals().hyperlink_color;
            // More runs than colours: all alike.
            let many = shown.len() > 8;
            let color = |run: &Run| match many {
                true => plain.gamma_multiply(0.8),
                false => on_ground(run_color(&ctx, &run.id), dark),
            };
            clicked = app.below.sweep.ui(ui, &shown, &color);
            app.saves.extend(app.below.sweep.save.take());
        }
    }
    if let Some(id) = clicked {
        app.lab.active = Some(id);
        app.tab = Tab::Training;
    }
    if home {
        app.taking.open = true;
    }
}

impl App {
    /// Asks for the curves of the runs that are looked at.
    pub(super) fn follow_runs(&mut self, ctx: &egui::Context) {
        let pair = self.lab.pair.iter().flat_map(|pair| &pair.ids);
        let ids = (self.runs.ticked.iter())
            .chain(self.lab.active.as_ref())
            .chain(pair);
        let ids: Vec<String> = ids.cloned().collect();
        self.lab.look_at(ids.iter());
        // Whoever comes back may have recorded something elsewhere meanwhile.
        let back = egui::Event::WindowFocused(true);
        if ctx.input(|input| input.events.contains(&back)) {
            self.lab.look_for_runs();
        }
    }

    /// Keeps how table, curves and tabs were left.
    pub(super) fn keep_places(&mut self) {
        let (runs, tab, side) = (self.runs.kept(), self.tab.name(), self.below.side.name());
        let curves = self.plots.kept();
        let kept = &mut self.lab.settings;
        if runs != kept.runs || curves != kept.curves || tab != kept.tab || side != kept.side {
            (kept.runs, kept.curves) = (runs, curves);
            tab.clone_into(&mut kept.tab);
            side.clone_into(&mut kept.side);
            self.lab.settings_changed();
        }
    }

    /// Saves what the views have made into files.
    pub(super) fn save_files(&mut self, ctx: &egui::Context) {
        let mut saves = self.plots.take_saves();
        saves.append(&mut self.compare.saves);
        saves.append(&mut self.runs.saves);
        saves.append(&mut self.viewer.saves);
        saves.append(&mut self.room.saves);
        saves.append(&mut self.saves);
        for save in saves {
            match save {
                Ok(save) => self.saving.start(ctx, &self.lab.home(), save),
                Err(message) => self.lab.notices.push(Level::Error, message),
            }
        }
        self.saving.receive(&mut self.lab);
        if self.taking.open {
            let ids: Vec<String> = self.runs.ticked.iter().cloned().collect();
            self.taking.window(ctx, &mut self.lab, &ids);
        }
    }

    fn carry_out(&mut self, ui: &Ui, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Tick(..) => {}
                Action::Rename(id, name) => self.lab.rename_run(&id, &name),
                Action::Label(id, label) => self.lab.label_run(&id, label),
                Action::Delete(id) => {
                    self.runs.ticked.remove(&id);
                    self.lab.delete_run(&id);
                }
                Action::Activate(id) => {
                    self.lab.active = Some(id);
                    self.tab = Tab::Training;
                }
                Action::OpenFolder(id) => {
                    let url = format!("file://{}", self.lab.run_dir(&id).display());
                    ui.ctx().open_url(egui::OpenUrl::new_tab(url));
                }
                Action::UseConfig(id) => self.lab.use_config(&id),
            }
        }
    }
}
