//! Pixels; the only folder that knows egui.

pub mod view;
