//! Colours and spacing of the window.

use egui::{Color32, ThemePreference, Ui};

use crate::lab::settings::Theme;

/// Uses a theme from now on.
pub fn apply(ctx: &egui::Context, theme: Theme) {
    ctx.set_theme(match theme {
        Theme::System => ThemePreference::System,
        Theme::Dark => ThemePreference::Dark,
        Theme::Light => ThemePreference::Light,
    });
    ctx.all_styles_mut(|style| {
        style.spacing.item_spacing = egui::vec2(6.0, 5.0);
        style.spacing.button_padding = egui::vec2(7.0, 3.0);
        style.spacing.slider_width = 90.0;
        style.spacing.combo_width = 150.0;
        style.interaction.tooltip_delay = 0.3;
        style
            .text_styles
            .insert(egui::TextStyle::Small, egui::FontId::proportional(10.5));
        // Bars that float cover numbers at the right edge: they are given room of their own.
        style.spacing.scroll.floating_allocated_width = 8.0;
    });
    // Links of the library's own light theme are too pale to be read on white.
    ctx.style_mut_of(egui::Theme::Light, |style| {
        style.visuals.hyperlink_color = ACTION;
    });
}

/// Draws into the room of `ui` and takes no more of it: a panel is remembered as wide as it was
/// dragged, and what stands in it would widen it little by little.
pub fn within<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    let room = ui.max_rect();
    let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(room));
    let answer = add(&mut inner);
    ui.advance_cursor_after_rect(room);
    answer
}

/// [`bad`] on a light ground, sRGB.
pub const BAD_ON_LIGHT: [u8; 3] = [180, 60, 0];

/// Vermillion: something is wrong. Readable on the panel's ground.
pub fn bad(ui: &Ui) -> Color32 {
    if ui.visuals().dark_mode {
        Color32::from_rgb(255, 140, 90)
    } else {
        let [r, g, b] = BAD_ON_LIGHT;
        Color32::from_rgb(r, g, b)
    }
}

/// Orange: look here.
pub fn warn(ui: &Ui) -> Color32 {
    if ui.visuals().dark_mode {
        Color32::from_rgb(240, 190, 70)
    } else {
        Color32::from_rgb(140, 95, 0)
    }
}

/// Bluish green: all is well.
pub fn good(ui: &Ui) -> Color32 {
    if ui.visuals().dark_mode {
        Color32::from_rgb(80, 200, 160)
    } else {
        Color32::from_rgb(0, 110, 80)
    }
}

/// The colour of the one thing to do next.
pub const ACTION: Color32 = Color32::from_rgb(0, 105, 165);
