//! Pixels; the only folder that knows egui.
