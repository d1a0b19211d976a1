//! Curves of one or several runs: loss and scores, over one x axis, read off at one cursor.

mod controls;
mod export;
mod flags;
mod grouped;
mod lines;
mod panel;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use egui::scroll_area::{DragScroll, ScrollSource};
use egui::{Color32, RichText, Ui, vec2};

use super::chip::{Chip, legend};
use super::color::{class_color, on_ground, run_color};
use super::save::Save;
use super::series::{Along, Score, Series, XAxis, nearest};
use super::summary::distinct;
use crate::lab::settings::CurveView;
use crate::run::Run;
use crate::run::group::Spread;
use grouped::{GroupBy, Lot};
use lines::{class_key, extent, validation_color};

/// Keys of what the legend can hide; runs, groups and classes have their own prefix.
const TRAINING: &str = "training";
const VALIDATION: &str = "validation";
const MEAN: &str = "mean";
/// Share that the moving average keeps at most.
const MOST_SMOOTH: f64 = 0.99;

/// A run with the colour of its lines.
struct Shown<'a> {
    run: &'a Run,
    /// What it is called beside the others.
    name: String,
    color: Color32,
    key: String,
}

/// One of the plots.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Which {
    Loss,
    Score,
    /// Score of the class of this name.
    Class(String),
}

/// Curves of the ticked runs, and how they are looked at.
#[derive(Debug)]
pub struct Plots {
    smoothing: f64,
    along: Along,
    log: bool,
    /// Outliers of the training loss are drawn at the edge of what is usual.
    clip: bool,
    score: Score,
    /// A plot for each class.
    multiples: bool,
    group: GroupBy,
    spread: Spread,
    hidden: BTreeSet<String>,
    series: BTreeMap<String, Series>,
    /// Where the pointer is on the x axis, in any plot.
    cursor: Option<f64>,
    /// Where the cursor was fastened by a click.
    pinned: Option<f64>,
    /// The table of exact values is open.
    table: bool,
    /// Visible part of the x axis after zooming.
    range: Option<(f64, f64)>,
    reset: bool,
    /// Settings in which the runs differ, for the runs of these ids.
    differing: (Vec<String>, Vec<String>),
    /// What is to be saved, until it is taken.
    saves: Vec<Result<Save, String>>,
}

impl Default for Plots {
    fn default() -> Self {
        Self::restored(&CurveView::default())
    }
}

impl Plots {
    /// Curves looked at as they were left.
    #[must_use]
    pub fn restored(kept: &CurveView) -> Self {
        let axis = XAxis::ALL.iter().find(|axis| axis.name() == kept.along);
        let score = Score::ALL.iter().find(|score| score.name() == kept.score);
        Self {
            smoothing: kept.smoothing.clamp(0.0, MOST_SMOOTH),
            along: Along {
                axis: axis.copied().unwrap_or_default(),
                log: kept.log_x,
            },
            log: kept.log_loss,
            clip: kept.clip,
            score: score.copied().unwrap_or_default(),
            multiples: kept.each_class,
            group: GroupBy::restored(kept.group.as_deref()),
            spread: kept.spread,
            hidden: BTreeSet::new(),
            series: BTreeMap::new(),
            cursor: None,
            pinned: None,
            table: kept.values,
            range: None,
            reset: false,
            differing: Default::default(),
            saves: Vec::new(),
        }
    }

    /// What [`Plots::restored`] brings back.
    #[must_use]
    pub fn kept(&self) -> CurveView {
        CurveView {
            smoothing: self.smoothing,
            along: self.along.axis.name().to_owned(),
            log_x: self.along.log,
            log_loss: self.log,
            clip: self.clip,
            score: self.score.name().to_owned(),
            each_class: self.multiples,
            group: self.group.kept(),
            spread: self.spread,
            values: self.table,
        }
    }

    /// Draws all plots of `runs` into the space that `ui` has.
    pub fn ui(&mut self, ui: &mut Ui, runs: &[&Run]) {
        self.follow(runs);
        self.controls(ui, runs.len());
        let shown = self.shown(ui, runs);
        if shown
            .iter()
            .all(|s| s.run.steps.is_empty() && s.run.validations.is_empty())
        {
            empty(ui, !runs.is_empty());
            return;
        }
        for s in &shown {
            let series = self.series.entry(s.run.id.clone()).or_default();
            series.update(s.run, self.smoothing);
        }
        self.series
            .retain(|id, _| shown.iter().any(|s| s.run.id == *id));
        let lots = self.lots(ui, &shown);
        self.legend(ui, &shown, &lots);

        let lots: Vec<Lot> = (lots.into_iter())
            .filter(|lot| !self.hidden.contains(&lot.key))
            .collect();
        let shown: Vec<Shown> = (shown.into_iter())
            .filter(|s| !self.hidden.contains(&s.key))
            .collect();
        let cursor = self.snapped(&shown);
        if self.table {
            self.values(ui, &shown, cursor);
        }
        let range = self.range;
        self.panels(ui, &shown, &lots, cursor);
        self.reset = false;
        if self.snapped(&shown) != cursor || self.range != range {
            ui.ctx().request_repaint();
        }
    }

    /// Plots in rows and columns; two of them beside one another where the space is wide and low.
    fn panels(&mut self, ui: &mut Ui, shown: &[Shown], lots: &[Lot], cursor: Option<f64>) {
        const LOWEST: f32 = 130.0;
        const NARROWEST: f32 = 280.0;
        let mut all = vec![Which::Loss, Which::Score];
        if self.multiples {
            all.extend(class_names(shown).into_iter().map(Which::Class));
        }
        let space = ui.available_size();
        let gap = ui.spacing().item_spacing;
        let columns = if all.len() == 2 {
            let low = space.x > 900.0 && space.y < 420.0;
            let lower = space.x > 440.0 && space.y < 300.0;
            1 + usize::from(low || lower)
        } else {
            ((space.x / NARROWEST) as usize).clamp(1, 4)
        };
        let rows = all.len().div_ceil(columns);
        let low = space.y / (rows as f32) < LOWEST;
        let height = if low {
            LOWEST
        } else {
            (space.y - gap.y * (rows - 1) as f32) / rows as f32
        };
        let bar = if low {
            ui.spacing().scroll.bar_width + 4.0
        } else {
            0.0
        };
        let width = (space.x - bar - gap.x * (columns - 1) as f32) / columns as f32;
        let (mut pointed, mut seen) = (None, None);
        // The wheel zooms the plots: only the bar scrolls.
        let source = ScrollSource {
            scroll_bar: true,
            drag: DragScroll::Never,
            mouse_wheel: false,
        };
        egui::ScrollArea::vertical()
            .id_salt("plots")
            .scroll_source(source)
            // Where next to nothing is left it must not lie over what is below.
            .min_scrolled_height(0.0)
            .auto_shrink(false)
            .show(ui, |ui| {
                for row in all.chunks(columns) {
                    ui.horizontal_top(|ui| {
                        for which in row {
                            let size = vec2(width, height);
                            let layout = egui::Layout::top_down(egui::Align::LEFT);
                            ui.allocate_ui_with_layout(size, layout, |ui| {
                                ui.set_min_size(size);
                                ui.set_max_size(size);
                                let looked = self.panel(ui, shown, lots, which, cursor);
                                pointed = pointed.or(looked.pointed);
                                seen = Some(looked.range);
                                if looked.clicked {
                                    self.pinned = match self.pinned {
                                        Some(_) => None,
                                        None => looked.pointed,
                                    };
                                }
                            });
                        }
                    });
                }
            });
        self.cursor = pointed;
        self.range = seen.flatten();
    }

    /// Keeps what depends on which runs are shown.
    fn follow(&mut self, runs: &[&Run]) {
        let ids = || runs.iter().map(|run| &run.id);
        if ids().eq(self.differing.0.iter()) {
            return;
        }
        let keys = crate::run::group::differences(runs);
        self.differing = (
            ids().cloned().collect(),
            keys.into_iter().map(|(key, _)| key).collect(),
        );
        self.pinned = None;
    }

    /// What makes the runs that are shown groups: a setting in which they don't differ makes none.
    fn grouped_by(&self) -> &GroupBy {
        match &self.group {
            GroupBy::Key(key) if !self.differing.1.contains(key) => &GroupBy::Nothing,
            group => group,
        }
    }

    fn shown<'a>(&self, ui: &Ui, runs: &[&'a Run]) -> Vec<Shown<'a>> {
        let dark = ui.visuals().dark_mode;
        runs.iter()
            .map(|run| Shown {
                run,
                name: distinct(run, runs),
                color: on_ground(run_color(ui.ctx(), &run.id), dark),
                key: format!("run {}", run.id),
            })
            .collect()
    }

    fn legend(&mut self, ui: &mut Ui, shown: &[Shown], lots: &[Lot]) {
        let dark = ui.visuals().dark_mode;
        let text = ui.visuals().text_color();
        let strong = ui.visuals().strong_text_color();
        let chip = |key: &str, name: &str, color| Chip {
            key: key.to_owned(),
            name: name.to_owned(),
            color,
        };
        let kinds = [
            chip(TRAINING, "training (solid)", text),
            chip(VALIDATION, "validation (dashed)", text),
        ];
        ui.horizontal_wrapped(|ui| {
            self.save_menu(ui, shown, lots);
            ui.separator();
            if !lots.is_empty() {
                let groups: Vec<Chip> = (lots.iter())
                    .map(|lot| chip(&lot.key, &lot.title(), lot.color))
                    .collect();
                legend(ui, &groups, &mut self.hidden);
                ui.separator();
                legend(ui, &kinds, &mut self.hidden);
                for s in shown {
                    self.hidden.remove(&s.key);
                }
            } else if let [one] = shown {
                // Its own legend can't hide a single run.
                self.hidden.remove(&one.key);
                let loss = [
                    chip(TRAINING, "training", one.color),
                    chip(VALIDATION, "validation", validation_color(one.color, dark)),
                ];
                legend(ui, &loss, &mut self.hidden);
                ui.separator();
                let mut scores = vec![chip(MEAN, "mean", strong)];
                scores.extend(one.run.classes.iter().enumerate().map(|(class, name)| {
                    let color = on_ground(class_color(&one.run.class_colors, class), dark);
                    chip(&class_key(name), name, color)
                }));
                legend(ui, &scores, &mut self.hidden);
            } else {
                let runs: Vec<Chip> = shown
                    .iter()
                    .map(|s| chip(&s.key, &s.name, s.color))
                    .collect();
                legend(ui, &runs, &mut self.hidden);
                ui.separator();
                legend(ui, &kinds, &mut self.hidden);
            }
        });
    }

    /// The cursor's place on the x axis: at a recorded step while there is one run.
    fn snapped(&self, shown: &[Shown]) -> Option<f64> {
        let x = self.pinned.or(self.cursor)?;
        let (low, high) = extent(self.along, shown);
        let x = x.clamp(low, high);
        let [one] = shown else { return Some(x) };
        let place = |p: &crate::run::StepPoint| self.along.place(one.run, p.step, p.secs);
        let at = nearest(&one.run.steps, x, place);
        Some(at.map_or(x, |at| place(&one.run.steps[at])))
    }
}

/// Names of the classes of all runs, each once.
fn class_names(shown: &[Shown]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in shown.iter().flat_map(|s| &s.run.classes) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// What to do while there is nothing to draw.
fn empty(ui: &mut Ui, waiting: bool) {
    let (head, body) = if waiting {
        (
            "Waiting for the first step",
            "Curves appear as soon as a step is done.",
        )
    } else {
        (
            "No curves yet",
            "Press Train (Ctrl+Enter) to start a run, or tick runs in the list to lay their \
             curves over one another.",
        )
    };
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.35).max(8.0));
        ui.heading(head);
        ui.label(RichText::new(body).weak());
    });
}
