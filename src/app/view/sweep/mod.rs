//! What a parameter does to the result: a scatter plot of one against the other, and parallel
//! coordinates of all parameters that were varied.
//!
//! Needs only what a list says about runs, so hundreds of them are drawn.

mod files;
mod parallel;
mod scatter;

use egui::{Color32, Role, Ui, WidgetInfo};

use super::chip::keep_together;
use super::offer::{self, Offer};
use super::readout::short;
use super::save::Save;
use crate::param::Choice;
use crate::run::{Run, group};

crate::choices! {
    /// What a run is judged by.
    pub enum Outcome {
        BestDice = "best Dice": "Best mean Dice over the validation images, 0 to 1.",
        LastDice = "last Dice": "Mean Dice of the last validation, 0 to 1.",
        ValidationLoss = "validation loss": "Loss of the last validation, in the loss's own unit.",
        TrainLoss = "training loss": "Training loss of the last step, in the loss's own unit.",
        BestStep = "best at step": "Step of the best validation.",
        Time = "seconds": "Seconds of training, pauses left out.",
    }
}

impl Outcome {
    fn of(self, run: &Run) -> Option<f64> {
        let brief = run.in_brief();
        match self {
            Self::BestDice => brief.best.as_ref()?.mean_dice,
            Self::LastDice => brief.last.as_ref()?.mean_dice,
            Self::ValidationLoss => brief.last.as_ref()?.loss,
            Self::TrainLoss => brief.train_loss,
            Self::BestStep => Some(brief.best.as_ref()?.step as f64),
            Self::Time => Some(brief.secs),
        }
    }
}

crate::choices! {
    /// How parameters are laid against results.
    pub enum Form {
        Scatter = "Scatter": "One parameter along, the result upward; a dot for each run.",
        Parallel = "Parallel": "An axis for each parameter that was varied, and a line for each run.",
    }
}

/// What is looked at, and what was computed of the runs.
#[derive(Debug, Default)]
pub struct Sweep {
    pub form: Form,
    pub outcome: Outcome,
    /// Name of the setting of the scatter plot.
    pub along: Option<String>,
    brushes: parallel::Brushes,
    /// What is to be saved, until it is taken.
    pub save: Option<Result<Save, String>>,
    key: Vec<String>,
    axes: Vec<Axis>,
}

/// A setting that was varied: its value in each run.
#[derive(Debug, Clone, PartialEq)]
struct Axis {
    name: String,
    /// As text, in the order of the runs.
    texts: Vec<String>,
    /// Where on the axis: the number itself, its logarithm, or the place of the word.
    places: Vec<Option<f64>>,
    scale: Scale,
}

#[derive(Debug, Clone, PartialEq)]
enum Scale {
    Linear,
    /// Decimal logarithms.
    Log,
    /// Words, in alphabetical order.
    Words(Vec<String>),
}

impl Axis {
    fn new(name: String, texts: Vec<String>) -> Self {
        let numbers: Vec<Option<f64>> = texts.iter().map(|text| text.parse().ok()).collect();
        let known: Vec<f64> = numbers.iter().flatten().copied().collect();
        if known.is_empty() || texts.iter().any(|text| text.parse::<f64>().is_err()) {
            let mut words = texts.clone();
            words.sort();
            words.dedup();
            let place = |text: &String| words.iter().position(|word| word == text);
            let places = texts.iter().map(|text| Some(place(text)? as f64)).collect();
            return Self {
                name,
                texts,
                places,
                scale: Scale::Words(words),
            };
        }
        let low = known.iter().copied().fold(f64::INFINITY, f64::min);
        let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Rates and smoothings are varied over decades.
        let log = low > 0.0 && high / low >= 30.0;
        Self {
            name,
            texts,
            places: if log {
                numbers.iter().map(|n| n.map(f64::log10)).collect()
            } else {
                numbers
            },
            scale: if log { Scale::Log } else { Scale::Linear },
        }
    }

    /// What stands at a place.
    fn label(&self, place: f64) -> String {
        match &self.scale {
            Scale::Linear => trimmed(place),
            Scale::Log => trimmed(10_f64.powf(place)),
            Scale::Words(words) => {
                let whole = (place.fract() == 0.0 && place >= 0.0).then_some(place as usize);
                (whole.and_then(|at| words.get(at))).map_or_else(String::new, Clone::clone)
            }
        }
    }

    /// The values themselves, where they are few.
    fn few(&self) -> Option<Vec<f64>> {
        const MOST: usize = 8;
        let mut values: Vec<f64> = self.places.iter().flatten().copied().collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        (values.len() <= MOST || matches!(self.scale, Scale::Words(_))).then_some(values)
    }

    /// First and last place, a little apart where they are one.
    fn ends(&self) -> (f64, f64) {
        let known = || self.places.iter().flatten().copied();
        let low = known().fold(f64::INFINITY, f64::min);
        let high = known().fold(f64::NEG_INFINITY, f64::max);
        match low.partial_cmp(&high) {
            Some(std::cmp::Ordering::Less) => (low, high),
            Some(std::cmp::Ordering::Equal) => (low - 0.5, high + 0.5),
            _ => (0.0, 1.0),
        }
    }
}

fn trimmed(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e5).contains(&value.abs()) {
        return format!("{value:.0e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Sweep {
    /// Draws `runs` into the space there is; returns the id of a run that was clicked.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        runs: &[&Run],
        color: &dyn Fn(&Run) -> Color32,
    ) -> Option<String> {
        self.follow(runs);
        if self.axes.is_empty() {
            ui.add_space(16.0);
            ui.vertical_centered(|ui| {
                ui.weak("These runs were configured alike: there is no parameter to look at.");
                ui.weak("Race a parameter over several values, then tick those runs.");
            });
            return None;
        }
        let results: Vec<Option<f64>> = runs.iter().map(|run| self.outcome.of(run)).collect();
        self.controls(ui, runs, &results);
        let clicked = match self.form {
            Form::Scatter => scatter::ui(ui, self.axis(), self.outcome, runs, &results, color),
            Form::Parallel => {
                let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
                parallel::ui(
                    ui,
                    &self.axes,
                    self.outcome,
                    &names,
                    &results,
                    &mut self.brushes,
                )
            }
        };
        clicked.map(|at| runs[at].id.clone())
    }

    fn follow(&mut self, runs: &[&Run]) {
        if runs.iter().map(|run| &run.id).eq(self.key.iter()) {
            return;
        }
        self.key = runs.iter().map(|run| run.id.clone()).collect();
        self.brushes = parallel::Brushes::default();
        self.axes = (group::differences(runs).into_iter())
            .map(|(name, texts)| Axis::new(name, texts))
            .collect();
        // What was varied on purpose comes before what merely tells repetitions apart.
        self.axes.sort_by_key(|axis| axis.name == "train.seed");
    }

    /// The setting along the axis of the scatter plot.
    fn axis(&self) -> &Axis {
        let axis = self.along.as_ref();
        let axis = axis.and_then(|name| self.axes.iter().find(|axis| axis.name == *name));
        axis.unwrap_or(&self.axes[0])
    }

    fn controls(&mut self, ui: &mut Ui, runs: &[&Run], results: &[Option<f64>]) {
        ui.horizontal_wrapped(|ui| {
            for (form, help) in Form::ALL.iter().zip(self.form.helps()) {
                ui.selectable_value(&mut self.form, *form, form.name())
                    .on_hover_text(*help);
            }
            ui.separator();
            if self.form == Form::Scatter {
                let names: Vec<String> = self.axes.iter().map(|axis| axis.name.clone()).collect();
                let shown = (self.along.clone())
                    .filter(|name| names.contains(name))
                    .unwrap_or_else(|| names[0].clone());
                let combo = egui::ComboBox::from_id_salt("parameter of the sweep")
                    .width(170.0)
                    .truncate()
                    .selected_text(&shown)
                    .show_ui(ui, |ui| {
                        for name in names {
                            let on = shown == name;
                            if ui.selectable_label(on, &name).clicked() {
                                self.along = Some(name);
                            }
                        }
                    });
                (combo.response)
                    .widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Parameter"));
                combo
                    .response
                    .on_hover_text("The setting along the axis: one in which these runs differ.");
                ui.label("against");
            }
            keep_together(ui, 170.0);
            let combo = egui::ComboBox::from_id_salt("result of the sweep")
                .selected_text(self.outcome.name())
                .show_ui(ui, |ui| {
                    for (outcome, help) in Outcome::ALL.iter().zip(self.outcome.helps()) {
                        ui.selectable_value(&mut self.outcome, *outcome, outcome.name())
                            .on_hover_text(*help);
                    }
                });
            (combo.response).widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Result"));
            combo.response.on_hover_text("What a run is judged by.");
            let outcome = self.outcome;
            let offers = [
                Offer::figure("Scatter plot", || {
                    files::scatter(self.axis(), outcome, results)
                }),
                Offer::figure("Parallel coordinates", || {
                    files::parallel(&self.axes, outcome, results)
                }),
                Offer::table("Sweep", || files::rows(&self.axes, outcome, runs, results)),
            ];
            let save = offer::menu(ui, "sweep", &offers);
            drop(offers);
            self.save = save;
            if self.form == Form::Parallel {
                ui.weak("drag along an axis to keep a range, click to let it go");
                if self.brushes.any()
                    && ui
                        .button("Keep all")
                        .on_hover_text("Let go of all ranges.")
                        .clicked()
                {
                    self.brushes = parallel::Brushes::default();
                }
            }
        });
    }
}

/// A result in few characters.
fn said(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(texts: &[&str]) -> Axis {
        Axis::new(
            "x".to_owned(),
            texts.iter().map(|t| (*t).to_owned()).collect(),
        )
    }

    #[test]
    fn numbers_over_decades_are_logarithms_and_words_have_places() {
        let rates = axis(&["0.0001", "0.001", "0.1"]);
        assert_eq!(rates.scale, Scale::Log);
        assert!((rates.places[1].unwrap() + 3.0).abs() < 1e-12);
        assert_eq!(rates.label(-3.0), "0.001");
        let batches = axis(&["4", "8", "0"]);
        assert_eq!(
            (batches.scale.clone(), batches.ends()),
            (Scale::Linear, (0.0, 8.0))
        );
        let kinds = axis(&["focal", "dice", "focal"]);
        assert_eq!(kinds.places, [Some(1.0), Some(0.0), Some(1.0)]);
        assert_eq!(
            (kinds.label(0.0), kinds.label(0.5)),
            ("dice".to_owned(), String::new())
        );
        // A setting that only some have is a word: a number and a dash have no common scale.
        assert!(matches!(axis(&["1", "–"]).scale, Scale::Words(_)));
        assert_eq!(axis(&["2", "2"]).ends(), (1.5, 2.5));
    }
}
