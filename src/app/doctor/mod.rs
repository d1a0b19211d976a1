//! The Doctor tab: what is wrong with the present settings and with the run that is looked at, how
//! sure it is, and what puts it right. Draws what the lab knows; changes only what a button says.

mod card;
mod files;
mod gates;
mod picture;

use egui::{Button, RichText, Ui};

use super::view::offer;
use super::{App, Tab, theme};
use crate::doctor::Diagnosis;
use crate::doctor::rules::Fix;
use crate::finding::Severity;

/// What the tab keeps between frames.
#[derive(Default)]
pub struct State {
    /// Train was pressed and the doctor is still looking.
    pub waiting: bool,
    /// Train was pressed and an error stands in the way.
    pub stopped: bool,
}

/// What was asked for.
enum Asked {
    /// For the settings, or beginning from the run of this id.
    Fix(Option<String>, Fix),
    FixAll,
    TrainAnyway,
    TryByHeart,
    StopByHeart,
}

pub fn show(app: &mut App, ui: &mut Ui) {
    let mut asked = None;
    let mut save = None;
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                ui.heading("Doctor");
                if app.lab.xray.is_some() {
                    save = offer::menu(ui, "doctor", &files::offers(&app.lab));
                }
            });
            headline(app, ui, &mut asked);
            ui.add_space(6.0);
            gates::show(&app.lab, ui, &mut asked);
            ui.add_space(6.0);
            let fix = findings(ui, &app.lab.diagnoses);
            if let Some(fix) = fix {
                asked = Some(Asked::Fix(None, fix));
            }
            of_run(app, ui, &mut asked);
            ui.add_space(12.0);
        });
    app.saves.extend(save);
    match asked {
        None => {}
        Some(Asked::Fix(run, fix)) => app.lab.clone_with_fix(run.as_deref(), &fix),
        Some(Asked::FixAll) => app.lab.clone_with_all_fixes(),
        Some(Asked::TryByHeart) => app.lab.try_by_heart(),
        Some(Asked::StopByHeart) => app.lab.stop_by_heart(),
        Some(Asked::TrainAnyway) => app.train_anyway(),
    }
}

fn count(diagnoses: &[Diagnosis], severity: Severity) -> usize {
    let same = |d: &&Diagnosis| d.finding.severity == severity;
    diagnoses.iter().filter(same).count()
}

/// "2 errors", "1 hint"; nothing for none.
fn counted(n: usize, what: &str) -> Option<String> {
    match n {
        0 => None,
        1 => Some(format!("1 {what}")),
        n => Some(format!("{n} {what}s")),
    }
}

fn headline(app: &App, ui: &mut Ui, asked: &mut Option<Asked>) {
    let lab = &app.lab;
    let images = lab.dataset().map_or_else(String::new, |dataset| {
        format!(", on {} images ({})", dataset.items.len(), dataset.layout)
    });
    ui.label(format!(
        "The present settings: {}{images}",
        lab.preset_name()
    ));
    if let Some(error) = &lab.xray_error {
        ui.colored_label(theme::bad(ui), format!("✖ {error}"));
        return;
    }
    if lab.xray.is_none() {
        ui.weak("It looks as soon as a dataset is open and the settings are valid.");
        return;
    }
    let found = &lab.diagnoses;
    let words: Vec<String> = [Severity::Error, Severity::Warning, Severity::Hint]
        .into_iter()
        .filter_map(|severity| counted(count(found, severity), severity.name()))
        .collect();
    let errors = count(found, Severity::Error) > 0;
    let (mark, color, text) = if words.is_empty() {
        let text = "nothing to complain about".to_owned();
        ("✔", theme::good(ui), text)
    } else if errors {
        ("✖", theme::bad(ui), words.join(", "))
    } else if count(found, Severity::Warning) > 0 {
        ("⚠", theme::warn(ui), words.join(", "))
    } else {
        ("ℹ", ui.visuals().text_color(), words.join(", "))
    };
    let text = RichText::new(format!("{mark} {text}")).color(color);
    ui.label(text.strong().size(17.0));
    if errors {
        let said = if app.doctor.stopped {
            "Train was stopped: with an error like this, the numbers of a run mean nothing. Put it \
             right, or train anyway to watch it fail."
        } else {
            "An error stops Train until it is put right or overridden here."
        };
        ui.label(said);
    }
    ui.horizontal_wrapped(|ui| {
        let fixable = |d: &&Diagnosis| d.fix.is_some() && d.finding.severity > Severity::Hint;
        let fixes = found.iter().filter(fixable).count();
        if fixes > 1 {
            let text = RichText::new(format!("Clone with all {fixes} fixes"))
                .color(egui::Color32::WHITE);
            let button = ui.add(Button::new(text).fill(theme::ACTION)).on_hover_text(
                "Put every fix of an error or a warning below into the settings. Undo (Ctrl+Z) takes \
                 them back.",
            );
            if button.clicked() {
                *asked = Some(Asked::FixAll);
            }
        }
        if errors {
            let free = lab.obstacle();
            let button = ui
                .add_enabled(free.is_none(), Button::new("Train anyway"))
                .on_hover_text(
                    "Train these settings although the doctor calls them wrong (on the command line: \
                     --force)",
                );
            let button = match free {
                Some(text) => button.on_disabled_hover_text(text),
                None => button,
            };
            if button.clicked() {
                *asked = Some(Asked::TrainAnyway);
            }
        }
    });
}

/// The findings on their severities; returns the fix that was asked for.
pub fn findings(ui: &mut Ui, diagnoses: &[Diagnosis]) -> Option<Fix> {
    let mut asked = None;
    for (severity, title, help) in [
        (
            Severity::Error,
            "Errors",
            "Training on this would be meaningless.",
        ),
        (Severity::Warning, "Warnings", "Results may mislead."),
        (Severity::Hint, "Hints", "Worth knowing; nothing is wrong."),
    ] {
        let these: Vec<&Diagnosis> = (diagnoses.iter())
            .filter(|d| d.finding.severity == severity)
            .collect();
        if these.is_empty() {
            continue;
        }
        ui.label(RichText::new(title).strong().size(15.0))
            .on_hover_text(help);
        for diagnosis in these {
            asked = asked.or(card::show(ui, diagnosis));
        }
        ui.add_space(4.0);
    }
    asked
}

/// What was seen while the run that is looked at trained, and what its curves say.
fn of_run(app: &App, ui: &mut Ui, asked: &mut Option<Asked>) {
    let Some(run) = app.lab.active_run() else {
        ui.weak("What a run's curves show appears here and on its record while it trains.");
        return;
    };
    ui.separator();
    ui.label(
        RichText::new(format!("The run “{}”", run.name))
            .strong()
            .size(15.0),
    );
    let found = &app.lab.consultation.of_run;
    // What needed the network itself stands on the record alone.
    let recorded = run.findings.iter().filter(|(step, finding)| {
        *step > 0 && found.iter().all(|d| d.finding.code != finding.code)
    });
    let mut silent = true;
    for (step, finding) in recorded {
        silent = false;
        card::recorded(ui, *step, finding);
    }
    for diagnosis in found {
        silent = false;
        let step = (run.findings.iter())
            .find(|(_, finding)| finding.code == diagnosis.finding.code)
            .map(|(step, _)| *step);
        if let Some(step) = step {
            ui.weak(format!("seen at step {step}, while it trained"));
        }
        if let Some(fix) = card::show(ui, diagnosis) {
            *asked = Some(Asked::Fix(Some(run.id.clone()), fix));
        }
    }
    if silent {
        let said = if run.outcome.is_some() {
            "✔ Its curves show nothing to complain about."
        } else {
            "Nothing to complain about so far."
        };
        ui.label(RichText::new(said).color(theme::good(ui)));
    }
}

impl App {
    /// Trains the draft and shows it, unless the doctor calls it an error: then that is shown first.
    pub fn start_training(&mut self) {
        if self.lab.obstacle().is_some() {
            self.lab.train();
            return;
        }
        match self.lab.has_errors() {
            None => self.doctor.waiting = true,
            Some(true) => {
                self.doctor.waiting = false;
                self.doctor.stopped = true;
                self.tab = Tab::Doctor;
            }
            Some(false) => self.train_anyway(),
        }
    }

    /// Trains the draft whatever the doctor says, and shows it.
    pub fn train_anyway(&mut self) {
        self.doctor.waiting = false;
        self.doctor.stopped = false;
        self.lab.train();
        self.tab = Tab::Training;
    }

    /// Goes on with a Train that waited for the doctor.
    pub(super) fn resume_training(&mut self) {
        if self.doctor.waiting && self.lab.has_errors().is_some() {
            self.start_training();
        }
        if self.doctor.stopped && self.lab.has_errors() == Some(false) {
            self.doctor.stopped = false;
        }
    }
}
