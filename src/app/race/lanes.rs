//! The starting grid: presets and runs are dragged onto it, or put there with a click.

use egui::{Frame, Id, RichText, ScrollArea, Ui};

use super::State;
use crate::experiment::plan::Lane;
use crate::lab::Lab;

/// Where a lane's configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The settings as they are.
    Draft,
    /// By name.
    Preset(String),
    /// By id.
    Run(String),
}

/// What is dragged.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Dragged {
    New(Source),
    /// The lane at this place.
    Lane(usize),
}

impl Source {
    fn title(&self, lab: &Lab) -> String {
        match self {
            Self::Draft => "the settings as they are".to_owned(),
            Self::Preset(name) => name.clone(),
            Self::Run(id) => (lab.runs.iter().find(|run| run.id == *id))
                .map_or_else(|| format!("{id} (gone)"), |run| run.name.clone()),
        }
    }

    /// The lane it makes: its loss in today's settings, or all of it; `None` when it is gone.
    pub fn lane(&self, lab: &Lab, whole: bool) -> Option<Lane> {
        let (name, config) = match self {
            Self::Draft => (lab.preset_name(), lab.draft.clone()),
            Self::Preset(name) => {
                let preset = lab.presets.iter().find(|preset| preset.name == *name)?;
                (name.clone(), preset.config.clone())
            }
            Self::Run(id) => {
                let run = lab.runs.iter().find(|run| run.id == *id)?;
                (run.name.clone(), run.config.clone())
            }
        };
        let config = match (self, whole) {
            (Self::Draft, _) => config,
            (_, false) => lab.draft.with_loss_of(&config),
            (_, true) => {
                let mut config = config;
                // Lanes are compared on the images that are open.
                config.data.path.clone_from(&lab.draft.data.path);
                config.data.classes.clone_from(&lab.draft.data.classes);
                config
            }
        };
        Some(Lane { name, config })
    }
}

pub fn ui(ui: &mut Ui, state: &mut State, lab: &Lab) {
    ui.columns(2, |columns| {
        grid(&mut columns[0], state, lab);
        shelf(&mut columns[1], state, lab);
    });
}

/// The lanes, in order; what is dropped here becomes one.
fn grid(ui: &mut Ui, state: &mut State, lab: &Lab) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Starting grid").strong());
        let clear = egui::Button::new("Clear").small();
        let clear = ui.add_enabled(!state.sources.is_empty(), clear);
        if clear.on_hover_text("Take all lanes off").clicked() {
            state.sources.clear();
        }
    });
    let mut gone = None;
    let mut moved: Option<(usize, usize)> = None;
    let (_, dropped) = ui.dnd_drop_zone::<Dragged, ()>(Frame::group(ui.style()), |ui| {
        ui.set_min_size(egui::vec2(ui.available_width(), 150.0));
        if state.sources.is_empty() {
            ui.weak("Drag presets or runs here, or click + beside them.");
        }
        for (at, source) in state.sources.iter().enumerate() {
            let row = ui.horizontal(|ui| {
                let id = Id::unique(("lane", at));
                ui.dnd_drag_source(id, Dragged::Lane(at), |ui| {
                    // Text that can be selected would take the drag.
                    let text = format!("{}.  {}", at + 1, source.title(lab));
                    ui.add(egui::Label::new(text).selectable(false));
                })
                .response
                .on_hover_text("Drag to another place");
                let remove = ui.small_button("🗙").on_hover_text("Take this lane off");
                remove.widget_info(|| {
                    let text = format!("Take off {}", source.title(lab));
                    egui::WidgetInfo::labeled(egui::Role::Button, true, text)
                });
                if remove.clicked() {
                    gone = Some(at);
                }
            });
            if let Some(dragged) = row.response.dnd_release_payload::<Dragged>()
                && let Dragged::Lane(from) = *dragged
            {
                moved = Some((from, at));
            }
        }
    });
    if let Some(dragged) = dropped
        && let Dragged::New(source) = dragged.as_ref().clone()
    {
        state.sources.push(source);
    }
    if let Some((from, to)) = moved.filter(|(from, _)| *from < state.sources.len()) {
        let source = state.sources.remove(from);
        state.sources.insert(to.min(state.sources.len()), source);
    }
    if let Some(at) = gone {
        state.sources.remove(at);
    }
    ui.checkbox(&mut state.whole, "take everything from presets and runs")
        .on_hover_text(
            "Off: output activation, loss and class weights come from each, everything else from \
             the settings. On: network and training too; the images are always the open ones.",
        );
}

/// What can be put on the grid.
fn shelf(ui: &mut Ui, state: &mut State, lab: &Lab) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Presets and runs").strong());
        let field = egui::TextEdit::singleline(&mut state.search)
            .hint_text("find")
            .desired_width(f32::INFINITY);
        ui.add(field).widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Find a preset or run")
        });
    });
    let wanted = state.search.trim().to_lowercase();
    let draft = std::iter::once((
        Source::Draft,
        "What the panel on the left says now.".to_owned(),
    ));
    let presets = lab.presets.iter().map(|preset| {
        let source = Source::Preset(preset.name.clone());
        (source, preset.about.clone())
    });
    let runs =
        (lab.runs.iter()).map(|run| (Source::Run(run.id.clone()), format!("Run {}", run.id)));
    let mut chosen = None;
    ScrollArea::vertical()
        .id_salt("presets and runs")
        .max_height(180.0)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            for (source, about) in draft.chain(presets).chain(runs) {
                let title = source.title(lab);
                if !title.to_lowercase().contains(&wanted) {
                    continue;
                }
                ui.horizontal(|ui| {
                    let add = ui.small_button("+").on_hover_text("Put it on the grid");
                    add.widget_info(|| {
                        let text = format!("Add lane {title}");
                        egui::WidgetInfo::labeled(egui::Role::Button, true, text)
                    });
                    if add.clicked() {
                        chosen = Some(source.clone());
                    }
                    let id = Id::unique(("on the shelf", &title, &about));
                    let label = egui::Label::new(&title).selectable(false);
                    ui.dnd_drag_source(id, Dragged::New(source), |ui| ui.add(label))
                        .response
                        .on_hover_text(about);
                });
            }
        });
    state.sources.extend(chosen);
}
