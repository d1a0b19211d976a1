//! The Museum tab: real mistakes as cards, and a mistake beside its fixed twin while both train.
//!
//! It draws what the presets say and what the lab's pair has become; it trains nothing itself.

mod race;

use egui::{Button, RichText, Ui};

use super::{App, Tab, theme};
use crate::experiment::Preset;
use crate::experiment::preset::Shelf;
use crate::lab::notices::Level;

/// Narrowest card that still reads well, in points.
const CARD: f32 = 380.0;

/// What the tab keeps between frames.
#[derive(Default)]
pub struct State {
    /// The exhibits, read once.
    exhibits: Vec<Preset>,
    /// Show the cards although a pair has been raced.
    cards: bool,
    /// Race on the images that are open instead of the sample.
    own_images: bool,
    /// Race as long as the presets say instead of a minute or so.
    full_length: bool,
}

/// What was asked for on a card.
enum Asked {
    Race(Preset),
    Open(Preset),
    OpenFixed(Preset),
}

pub fn show(app: &mut App, ui: &mut Ui) {
    if app.museum.exhibits.is_empty() {
        app.museum.exhibits = Preset::exhibits();
    }
    if app.lab.pair.is_some() && !app.museum.cards {
        race::show(app, ui);
        return;
    }
    let mut asked = None;
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.add_space(4.0);
            ui.heading("Museum of mistakes");
            ui.label(
                "Each of these cost somebody days. Run the pair: the mistake and its fixed twin start \
                 from the same weights and see the same images, so what differs comes from the \
                 mistake alone.",
            );
            if app.lab.has_own_images() {
                ui.checkbox(&mut app.museum.own_images, "Run pairs on the images that are open")
                    .on_hover_text(
                        "The exhibits are made for the sample, whose specks show most mistakes at \
                         once; without this tick it is opened for them.",
                    );
            }
            ui.checkbox(&mut app.museum.full_length, "Run pairs at full length")
                .on_hover_text(
                    "All steps of the preset. Without this tick a pair runs for 160 steps, which shows \
                     what it is about in a minute or so on two cores.",
                );
            if app.lab.pair.is_some()
                && ui
                    .button("Back to the pair ▶")
                    .on_hover_text("The mistake and its twin that were raced last")
                    .clicked()
            {
                app.museum.cards = false;
            }
            ui.add_space(6.0);
            asked = cards(app, ui);
            ui.add_space(12.0);
        });
    match asked {
        None => {}
        Some(Asked::Race(exhibit)) => app.race_pair(&exhibit),
        Some(Asked::Open(exhibit)) => app.open_exhibit(&exhibit, &exhibit.config),
        Some(Asked::OpenFixed(exhibit)) => match exhibit.fixed() {
            Ok(Some(fixed)) => app.open_exhibit(&exhibit, &fixed),
            Ok(None) => {}
            Err(message) => app.lab.notices.push(Level::Error, message),
        },
    }
}

fn cards(app: &App, ui: &mut Ui) -> Option<Asked> {
    let mut asked = None;
    let count = ((ui.available_width() / CARD) as usize).clamp(1, 4);
    ui.columns(count, |columns| {
        for (at, exhibit) in app.museum.exhibits.iter().enumerate() {
            let ui = &mut columns[at % count];
            asked = asked.take().or(card(app, ui, exhibit));
            ui.add_space(6.0);
        }
    });
    asked
}

/// One card; returns what was asked for.
fn card(app: &App, ui: &mut Ui, exhibit: &Preset) -> Option<Asked> {
    let frame = egui::Frame::group(ui.style()).inner_margin(10.0);
    frame
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            // Columns set their text to both margins otherwise.
            let layout = egui::Layout::top_down(egui::Align::LEFT);
            ui.with_layout(layout, |ui| {
                story(ui, exhibit);
                ui.add_space(6.0);
                buttons(app, ui, exhibit)
            })
            .inner
        })
        .inner
}

fn story(ui: &mut Ui, exhibit: &Preset) {
    ui.label(RichText::new(&exhibit.about).strong().size(15.0));
    let shelf = match exhibit.shelf() {
        Shelf::Museum => exhibit.name.trim_start_matches("museum-"),
        _ => &exhibit.name,
    };
    ui.weak(shelf);
    ui.label(&exhibit.story);
    ui.add_space(2.0);
    ui.label(RichText::new("What you will see").strong());
    ui.label(&exhibit.symptom);
    for claim in &exhibit.shows {
        let text = RichText::new(format!("• {}", claim.sentence())).size(12.0);
        ui.label(text).on_hover_text(
            "Measured: `dicebench museum --check` takes both X-rays, trains both and compares the numbers.",
        );
    }
    ui.add_space(2.0);
    ui.horizontal_wrapped(|ui| {
        ui.label("Caught by");
        for code in &exhibit.caught_by {
            ui.label(RichText::new(code).code())
                .on_hover_text("The doctor's finding: open the exhibit to read it.");
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("✔ Repaired by").color(theme::good(ui)));
        for setting in &exhibit.twin {
            ui.label(RichText::new(setting).code())
                .on_hover_text("The setting of the fixed twin; everything else is the same.");
        }
    });
}

fn buttons(app: &App, ui: &mut Ui, exhibit: &Preset) -> Option<Asked> {
    let mut asked = None;
    ui.horizontal_wrapped(|ui| {
        let free = !app.lab.is_busy();
        let text = RichText::new("▶ Run the pair").color(egui::Color32::WHITE);
        let run = ui
            .add_enabled(free, Button::new(text).fill(theme::ACTION))
            .on_hover_text("Train the mistake and its fixed twin side by side, from the same weights")
            .on_disabled_hover_text("A training is running: stop it first.");
        named(&run, free, "Run the pair", exhibit);
        if run.clicked() {
            asked = Some(Asked::Race(exhibit.clone()));
        }
        let open = ui.button("Open in the workbench").on_hover_text(
            "Make the mistake the present settings: X-ray and doctor then speak about it. Undo (Ctrl+Z) \
             brings your settings back.",
        );
        named(&open, true, "Open in the workbench", exhibit);
        if open.clicked() {
            asked = Some(Asked::Open(exhibit.clone()));
        }
        let fixed = ui.button("Open the fixed twin").on_hover_text(
            "Make the repaired configuration the present settings. Undo (Ctrl+Z) brings yours back.",
        );
        named(&fixed, true, "Open the fixed twin", exhibit);
        if fixed.clicked() {
            asked = Some(Asked::OpenFixed(exhibit.clone()));
        }
    });
    asked
}

/// Buttons of different cards are called differently.
fn named(response: &egui::Response, enabled: bool, what: &str, exhibit: &Preset) {
    let name = format!("{what}: {}", exhibit.name);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, enabled, &name));
}

impl State {
    /// Shows the pair that is raced in place of the cards.
    pub fn show_pair(&mut self) {
        self.cards = false;
    }
}

impl App {
    /// Races an exhibit against its fixed twin and shows them.
    pub fn race_pair(&mut self, exhibit: &Preset) {
        let own = self.museum.own_images && self.lab.has_own_images();
        let base = match self.museum.full_length {
            true => exhibit.config.clone(),
            false => exhibit.short(),
        };
        self.lab.race_pair(exhibit, &base, own);
        self.museum.cards = false;
        self.tab = Tab::Museum;
    }

    /// Makes an exhibit, or its repair, the present settings and shows what the X-ray says.
    fn open_exhibit(&mut self, exhibit: &Preset, config: &crate::experiment::ExperimentConfig) {
        let preset = Preset {
            config: config.clone(),
            ..exhibit.clone()
        };
        self.lab.apply_preset(exhibit);
        if preset.config != exhibit.config {
            let name = format!("{}, fixed", exhibit.name);
            self.lab.apply_preset(&Preset { name, ..preset });
        }
        self.tab = Tab::Xray;
    }
}
