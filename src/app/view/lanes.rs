//! What every lane of a race makes of the same validation image, beside the truth, while it trains.
//! Draws what the trainer sent; which image that is, its owner decides.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use egui::{Color32, RichText, Ui, vec2};

use super::canvas::Canvas;
use super::paint::Overlay;
use super::panes::Pane;
use super::versus::{Ground, Layer, Look, Show, Table};
use super::viewer::{Viewer, ViewerResponse};
use super::{captions, save};
use crate::data::Sample;
use crate::export::chart::Plates;
use crate::param::Choice;
use crate::run::metrics::{Confusion, mean};
use crate::run::pictures::Plane;
use crate::train::session::Prediction;

/// One lane of the race.
pub struct Lane<'a> {
    /// Tells it from the others; its run's id.
    pub id: &'a str,
    pub name: String,
    pub color: Color32,
    /// What it says of the image, and the image with its truth.
    pub seen: Option<(&'a Sample, &'a Prediction)>,
    /// "paused", "done" and the like; may be empty.
    pub state: &'static str,
}

/// The maps of one lane as they are drawn, made once for each prediction.
struct Made {
    key: u64,
    labels: Arc<Plane>,
    doubt: Arc<Plane>,
    /// Mean Dice of this one image.
    dice: Option<f64>,
}

/// All lanes side by side, and how they are looked at.
pub struct Lanes {
    /// All lanes; otherwise the one that is looked at.
    pub all: bool,
    pub show: Show,
    canvas: Canvas,
    made: HashMap<String, Made>,
    truth: Option<(u64, Arc<Plane>)>,
    save_as: Option<bool>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            all: true,
            show: Show::Prediction,
            canvas: Canvas::default(),
            made: HashMap::new(),
            truth: None,
            save_as: None,
        }
    }
}

impl Lanes {
    /// Pictures painted so far; grows only when something new is shown.
    #[must_use]
    pub fn painted(&self) -> u64 {
        self.canvas.painted()
    }

    /// Whether all lanes or one of them is looked at.
    pub fn choice(&mut self, ui: &mut Ui, count: usize) {
        ui.horizontal(|ui| {
            ui.selectable_value(&mut self.all, true, format!("All {count} lanes"))
                .on_hover_text("What every lane of the race makes of the same image.");
            ui.selectable_value(&mut self.all, false, "One lane")
                .on_hover_text("The lane that the Runs tab looks at, in several pictures.");
        });
    }

    /// Draws the lanes in the space that is left. `viewer` lends its images, classes and overlay.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        viewer: &mut Viewer,
        lanes: &[Lane],
        classes: &[(String, [u8; 3])],
    ) -> ViewerResponse {
        let seen = lanes.iter().find_map(|lane| lane.seen);
        let asked_item = viewer.choose(ui, seen.map(|(sample, _)| sample), seen.map(|(_, p)| p));
        let response = ViewerResponse { asked_item };
        self.controls(ui, viewer);
        viewer.class_chips(ui, classes);
        let Some((sample, _)) = seen else {
            ui.add_space((ui.available_height() * 0.3).max(8.0));
            ui.vertical_centered(|ui| {
                ui.spinner();
                ui.weak("Each lane's first prediction comes with its first steps.");
            });
            return response;
        };
        self.canvas.begin(ui.ctx());
        let ground = self.ground(sample);
        let looks: Vec<Look> = (lanes.iter())
            .map(|lane| self.look(lane, sample, classes.len()))
            .collect();
        let palette = viewer.palette(classes);
        let (opacity, contours) = viewer.overlay();
        let table = Table {
            ground: &ground,
            looks: &looks,
            palette: &palette,
            classes: classes.len(),
            overlay: Overlay { opacity, contours },
        };
        let mut layers = vec![Layer::Truth];
        layers.extend((0..looks.len()).map(|at| Layer::Run(at, self.show)));
        if let Some(svg) = self.save_as.take() {
            let pane = match self.show {
                Show::Prediction => Pane::Prediction,
                Show::Errors => Pane::Errors,
                Show::Doubt => Pane::Doubt,
            };
            let plates = Plates {
                title: sample.id.clone(),
                plates: table.plates(&layers),
                legend: captions::legend(&[Pane::Truth, pane], classes, &palette),
            };
            viewer.saves.push(save::plates("lanes", &plates, svg));
        }
        let foot = ui.spacing().interact_size.y + ui.spacing().item_spacing.y;
        let space = vec2(ui.available_width(), ui.available_height() - foot);
        let under = self
            .canvas
            .grid(ui, space.max(vec2(40.0, 40.0)), &table, &layers);
        let said = under.map_or_else(
            || "wheel zooms, drag moves, double click shows all".to_owned(),
            |at| pixel(&ground, &looks, lanes, classes, at),
        );
        ui.add(egui::Label::new(RichText::new(&said).weak()).truncate())
            .on_hover_text(said);
        response
    }

    fn controls(&mut self, ui: &mut Ui, viewer: &mut Viewer) {
        ui.horizontal_wrapped(|ui| {
            for (show, help) in Show::ALL.iter().zip(self.show.helps()) {
                // Its keys belong to the Compare tab.
                let help = help.split(" (").next().unwrap_or(help);
                ui.selectable_value(&mut self.show, *show, show.name())
                    .on_hover_text(help);
            }
            ui.separator();
            viewer.overlay_controls(ui);
            ui.separator();
            let help = "Truth and every lane, unzoomed.";
            let choices = [("Lanes as SVG…", help), ("Lanes as PNG…", help)];
            if let Some(svg) = save::pictures_menu(ui, choices) {
                self.save_as = Some(svg);
            }
        });
    }

    fn ground(&mut self, sample: &Sample) -> Ground {
        let mut hasher = DefaultHasher::new();
        sample.id.hash(&mut hasher);
        // The same image may be open at another size, or with other classes.
        (Arc::as_ptr(&sample.image) as usize).hash(&mut hasher);
        let key = hasher.finish();
        if self.truth.as_ref().is_none_or(|(made, _)| *made != key) {
            let labels = &sample.labels;
            let truth = Plane {
                width: labels.width,
                height: labels.height,
                data: labels.labels.clone(),
            };
            self.truth = Some((key, Arc::new(truth)));
        }
        Ground {
            photo: Some(Arc::clone(&sample.image)),
            truth: self.truth.as_ref().map(|(_, plane)| Arc::clone(plane)),
            key,
        }
    }

    fn look(&mut self, lane: &Lane, sample: &Sample, classes: usize) -> Look {
        let state = (!lane.state.is_empty()).then(|| lane.state.to_owned());
        let mut look = Look {
            name: lane.name.clone(),
            notes: state.iter().cloned().collect(),
            color: lane.color,
            key: 0,
            labels: None,
            doubt: None,
            missing: "No prediction of this image yet.".to_owned(),
            pending: false,
        };
        let seen = lane.seen.filter(|(other, _)| other.id == sample.id);
        let Some((own, prediction)) = seen else {
            return look;
        };
        let mut hasher = DefaultHasher::new();
        (lane.id, prediction.item, prediction.step).hash(&mut hasher);
        // Another picture at the same step: another dataset, or another size.
        (Arc::as_ptr(&own.image) as usize).hash(&mut hasher);
        let key = hasher.finish();
        let fresh = self.made.get(lane.id).is_some_and(|made| made.key == key);
        if !fresh {
            self.made
                .insert(lane.id.to_owned(), make(key, own, prediction, classes));
        }
        if let Some(made) = self.made.get(lane.id) {
            let dice = (made.dice).map(|dice| format!("Dice {dice:.3}"));
            let step = format!("step {}", prediction.step);
            look.notes = dice.into_iter().chain(state).chain([step]).collect();
            look.key = key;
            look.labels = Some(Arc::clone(&made.labels));
            look.doubt = Some(Arc::clone(&made.doubt));
        }
        look
    }

    /// Forgets lanes of races before.
    pub fn keep_only(&mut self, ids: &[&str]) {
        self.made.retain(|id, _| ids.contains(&id.as_str()));
    }
}

fn make(key: u64, sample: &Sample, prediction: &Prediction, classes: usize) -> Made {
    let plane = |data: &[u8]| {
        Arc::new(Plane {
            width: prediction.width,
            height: prediction.height,
            data: data.to_vec(),
        })
    };
    let mut confusion = Confusion::new(classes);
    let same = prediction.labels.len() == sample.labels.labels.len();
    if same {
        confusion.add(&sample.labels.labels, &prediction.labels);
    }
    Made {
        key,
        labels: plane(&prediction.labels),
        doubt: plane(&prediction.entropy),
        dice: same.then(|| mean(&confusion.dice())).flatten(),
    }
}

/// What truth and every lane say of the pixel at `at` (in 0..1 of the picture).
fn pixel(
    ground: &Ground,
    looks: &[Look],
    lanes: &[Lane],
    classes: &[(String, [u8; 3])],
    at: egui::Vec2,
) -> String {
    let Some(truth) = &ground.truth else {
        return String::new();
    };
    let place = |of: f32, size: usize| ((of * size as f32) as usize).min(size.saturating_sub(1));
    let (x, y) = (place(at.x, truth.width), place(at.y, truth.height));
    let name = |plane: &Plane| {
        let label = plane.data.get(y * plane.width + x);
        let class = label.and_then(|label| classes.get(usize::from(*label)));
        class.map_or("ignored", |(name, _)| name.as_str())
    };
    let said = looks.iter().zip(lanes).filter_map(|(look, lane)| {
        let labels = look.labels.as_ref()?;
        Some(format!(" · {}: {}", lane.name, name(labels)))
    });
    format!(
        "x {x}, y {y} · truth {}{}",
        name(truth),
        said.collect::<String>()
    )
}
