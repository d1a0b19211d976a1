//! Runs compared honestly: every definition of Dice side by side, best validation against last, and in
//! plain sentences whether a difference is more than luck.

use egui::{RichText, Sense, Ui, vec2};

use super::color::{on_ground, run_color};
use super::offer::{self, Offer};
use super::readout::score;
use super::save::Save;
use crate::lab::outlining::Measured;
use crate::param::Choice;
use crate::run::definitions::{Defined, definitions};
use crate::run::{Run, Validation};

crate::choices! {
    /// Which validation is scored.
    pub enum Moment {
        Best = "At the best": "The validation with the best mean Dice.",
        Last = "At the last": "The last validation: what training to the end gives.",
        Fall = "Best − last": "What was lost by training on after the best validation.",
    }
}

/// Scores of the runs that were shown last.
#[derive(Debug, Default)]
pub struct Scores {
    pub moment: Moment,
    /// Id and number of validations of each run, and what was computed of them.
    key: Vec<(String, usize)>,
    /// How many of them had their outlines measured.
    outlined: usize,
    best: Vec<Vec<Defined>>,
    last: Vec<Vec<Defined>>,
}

impl Scores {
    /// Draws the table of `runs`; `verdicts` are the sentences about them, once they are known. What of
    /// it is to be saved is returned.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        runs: &[&Run],
        outlines: &Measured,
        verdicts: Option<&[String]>,
    ) -> Option<Result<Save, String>> {
        let mut save = None;
        self.follow(runs, outlines);
        let rows = self.rows();
        ui.horizontal_wrapped(|ui| {
            for (moment, help) in Moment::ALL.iter().zip(self.moment.helps()) {
                ui.selectable_value(&mut self.moment, *moment, moment.name())
                    .on_hover_text(*help);
            }
            ui.separator();
            let copy = ui.button("Copy as text").on_hover_text(
                "Copy this table, tab-separated: it can be pasted into a spreadsheet.",
            );
            if copy.clicked() {
                ui.ctx().copy_text(as_text(runs, &rows));
            }
            let offers = [
                Offer::table("Scores", || as_rows(runs, &rows)),
                Offer::table("Scores of the classes", || of_classes(runs, &rows)),
                Offer::table("Sentences", || {
                    let said = verdicts.unwrap_or_default().iter();
                    let heading = vec!["sentence".to_owned()];
                    let rows = said.map(|sentence| vec![sentence.clone()]);
                    std::iter::once(heading).chain(rows).collect()
                }),
            ];
            save = offer::menu(ui, "scores", &offers);
        });
        egui::ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            sentences(ui, verdicts);
            self.table(ui, runs, &rows);
        });
        save
    }

    /// Computes what has changed: confusion matrices of single images are not added up every frame.
    fn follow(&mut self, runs: &[&Run], outlines: &Measured) {
        let key = || runs.iter().map(|run| (&run.id, run.validations.len()));
        let outlined = outlines.values().flatten().count();
        if key().eq(self.key.iter().map(|(id, n)| (id, *n))) && outlined == self.outlined {
            return;
        }
        self.outlined = outlined;
        self.key = key().map(|(id, n)| (id.clone(), n)).collect();
        let of = |run: &Run, validation: Option<&Validation>| {
            validation.map_or_else(Vec::new, |v| {
                let measured = outlines.get(&(run.id.clone(), v.step));
                definitions(run, v, measured.and_then(Option::as_ref))
            })
        };
        self.best = (runs.iter())
            .map(|run| of(run, run.best.and_then(|at| run.validations.get(at))))
            .collect();
        self.last = (runs.iter())
            .map(|run| of(run, run.validations.last()))
            .collect();
    }

    /// Each definition and its value in each run.
    fn rows(&self) -> Vec<Row> {
        let first = self
            .best
            .iter()
            .chain(&self.last)
            .find(|all| !all.is_empty());
        let Some(first) = first else {
            return Vec::new();
        };
        (first.iter().enumerate())
            .map(|(at, defined)| {
                let value =
                    |all: &[Defined]| all.get(at).map(|d| d.value).filter(|v| v.is_finite());
                let values = (self.best.iter().zip(&self.last))
                    .map(|(best, last)| match self.moment {
                        Moment::Best => value(best),
                        Moment::Last => value(last),
                        Moment::Fall => Some(value(best)? - value(last)?),
                    })
                    .collect();
                let classes = (self.best.iter().zip(&self.last))
                    .map(|(best, last)| match self.moment {
                        Moment::Best => classes(best, at),
                        Moment::Last => classes(last, at),
                        Moment::Fall => (classes(best, at).iter().zip(classes(last, at)))
                            .map(|(best, last)| best - last)
                            .collect(),
                    })
                    .collect();
                Row {
                    name: defined.name,
                    help: format!(
                        "{}\n\nReported this way by: {}",
                        defined.help, defined.library
                    ),
                    lower: defined.lower_is_better,
                    values,
                    classes,
                }
            })
            .collect()
    }

    fn table(&self, ui: &mut Ui, runs: &[&Run], rows: &[Row]) {
        egui::Grid::new("definitions of dice")
            .striped(true)
            .spacing(vec2(16.0, 4.0))
            .show(ui, |ui| {
                ui.strong("Definition");
                for run in runs {
                    ui.horizontal(|ui| {
                        let color = on_ground(run_color(ui.ctx(), &run.id), ui.visuals().dark_mode);
                        let (rect, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
                        ui.painter().rect_filled(rect, 2.0, color);
                        ui.strong(&run.name);
                    });
                }
                ui.end_row();
                ui.label("step")
                    .on_hover_text("Step of the validation that is scored.");
                for run in runs {
                    let best = run.best.and_then(|at| run.validations.get(at));
                    let step = |v: Option<&Validation>| {
                        v.map_or_else(|| "–".to_owned(), |v| v.step.to_string())
                    };
                    let last = step(run.validations.last());
                    ui.monospace(match self.moment {
                        Moment::Best => step(best),
                        Moment::Last => last,
                        Moment::Fall => format!("{} / {last}", step(best)),
                    });
                }
                ui.end_row();
                for row in rows {
                    let Row { name, values, .. } = row;
                    ui.label(*name).on_hover_text(&row.help);
                    let known = values.iter().flatten().copied();
                    let best = match row.lower {
                        true => known.fold(f64::MAX, f64::min),
                        false => known.fold(f64::MIN, f64::max),
                    };
                    let alone = values.iter().flatten().filter(|v| **v == best).count() == 1;
                    for ((value, classes), run) in values.iter().zip(&row.classes).zip(runs) {
                        let mut words = RichText::new(score(*value)).monospace();
                        if alone && *value == Some(best) && self.moment != Moment::Fall {
                            words = words.strong().underline();
                        }
                        let exact = value.map_or_else(|| "no value".to_owned(), |v| v.to_string());
                        let mut hint = format!("{name}: {exact}");
                        for (class, value) in run.classes.iter().zip(classes) {
                            let value = Some(*value).filter(|v| v.is_finite());
                            hint += &format!("\n{class}: {}", score(value));
                        }
                        ui.label(words).on_hover_text(hint);
                    }
                    ui.end_row();
                }
            });
    }
}

/// One definition in every run.
struct Row {
    name: &'static str,
    help: String,
    /// Whether less is better.
    lower: bool,
    values: Vec<Option<f64>>,
    /// Each run's classes, where the definition has them.
    classes: Vec<Vec<f64>>,
}

fn classes(all: &[Defined], at: usize) -> Vec<f64> {
    all.get(at).map_or_else(Vec::new, |d| d.classes.clone())
}

fn sentences(ui: &mut Ui, verdicts: Option<&[String]>) {
    match verdicts {
        None => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.weak("comparing image by image");
            });
        }
        Some([]) => {
            ui.weak("Tick two or more runs to see whether one is better or only luckier.");
        }
        Some(verdicts) => {
            for sentence in verdicts {
                ui.label(format!("• {sentence}")).on_hover_text(
                    "Mean Dice of each validation image at each run's best validation, paired by \
                     image: Wilcoxon signed-rank test, corrected for the number of comparisons \
                     (Holm); the interval is a percentile bootstrap over the images.",
                );
            }
        }
    }
    ui.add_space(6.0);
}

fn as_text(runs: &[&Run], rows: &[Row]) -> String {
    let rows = as_rows(runs, rows);
    rows.iter().map(|row| row.join("\t") + "\n").collect()
}

/// Each definition in each run, the names of the runs first.
fn as_rows(runs: &[&Run], rows: &[Row]) -> Vec<Vec<String>> {
    let names = runs.iter().map(|run| run.name.clone());
    let heading = std::iter::once("definition".to_owned()).chain(names);
    let mut all = vec![heading.collect()];
    all.extend(rows.iter().map(|Row { name, values, .. }| {
        let value = |value: &Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        let mut row = vec![(*name).to_owned()];
        row.extend(values.iter().map(value));
        row
    }));
    all
}

/// The classes of each definition that has them, run by run.
fn of_classes(runs: &[&Run], rows: &[Row]) -> Vec<Vec<String>> {
    let heading = ["definition", "run", "class", "value"];
    let mut all = vec![heading.map(str::to_owned).to_vec()];
    for Row { name, classes, .. } in rows {
        for (run, values) in runs.iter().zip(classes) {
            let value = |value: f64| match value.is_finite() {
                true => value.to_string(),
                false => String::new(),
            };
            all.extend(run.classes.iter().zip(values).map(|(class, v)| {
                let name = (*name).to_owned();
                vec![name, run.name.clone(), class.clone(), value(*v)]
            }));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_is_told_of_each_class_too() {
        let defined = |value, classes: [f64; 2]| Defined {
            name: "Dice",
            help: "",
            library: "",
            lower_is_better: false,
            value,
            classes: classes.to_vec(),
        };
        let scores = Scores {
            moment: Moment::Fall,
            best: vec![vec![defined(0.75, [1.0, 0.5])]],
            last: vec![vec![defined(0.5, [0.25, f64::NAN])]],
            ..Scores::default()
        };
        let run = Run {
            name: "a".to_owned(),
            classes: vec!["sky".to_owned(), "pole".to_owned()],
            ..Run::default()
        };
        let rows = scores.rows();
        assert_eq!(as_rows(&[&run], &rows)[1], ["Dice", "0.25"]);
        let classes = of_classes(&[&run], &rows);
        assert_eq!(classes[1], ["Dice", "a", "sky", "0.75"]);
        assert_eq!(classes[2], ["Dice", "a", "pole", ""]);
    }
}
