//! Colours of runs and classes that can be told apart, on a dark and on a light ground.

use egui::Color32;

/// Okabe and Ito's palette, as published by Wong (Nature Methods 8, 441, 2011), in an order whose
/// neighbours differ most.
pub const OKABE_ITO: [[u8; 3]; 8] = [
    [0, 114, 178],
    [230, 159, 0],
    [0, 158, 115],
    [204, 121, 167],
    [86, 180, 233],
    [213, 94, 0],
    [240, 228, 66],
    [136, 136, 136],
];

/// Pixels that the prediction misses: the class is there and was not found.
pub const MISSED: [u8; 3] = [0, 200, 230];
/// Pixels that the prediction invents: the class was said and is not there.
pub const INVENTED: [u8; 3] = [230, 0, 200];

/// sRGB colour of class `index`, from the run's own table where it has one.
#[must_use]
pub fn class_color(colors: &[[u8; 3]], index: usize) -> [u8; 3] {
    colors
        .get(index)
        .copied()
        .unwrap_or(OKABE_ITO[index % OKABE_ITO.len()])
}

/// `rgb` as a line on the panel's ground: moved towards white or black until it can be seen.
#[must_use]
pub fn on_ground(rgb: [u8; 3], dark: bool) -> Color32 {
    // WCAG asks 3:1 of graphics; 2.6 keeps the hues of the palette apart and still reads well.
    const ENOUGH: f32 = 2.6;
    let ground = luminance(if dark { [27; 3] } else { [248; 3] });
    let goal = if dark { 255.0 } else { 0.0 };
    let mut mixed = rgb;
    for step in 1..=20_u8 {
        let own = luminance(mixed);
        let (hi, lo) = (own.max(ground), own.min(ground));
        if (hi + 0.05) / (lo + 0.05) >= ENOUGH {
            break;
        }
        let share = f32::from(step) / 20.0;
        mixed = rgb.map(|c| (f32::from(c) + (goal - f32::from(c)) * share).round() as u8);
    }
    Color32::from_rgb(mixed[0], mixed[1], mixed[2])
}

/// Relative luminance of an sRGB colour (WCAG 2).
fn luminance(rgb: [u8; 3]) -> f32 {
    let [r, g, b] = rgb.map(|c| {
        let c = f32::from(c) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Text that can be read on `fill`.
#[must_use]
pub fn text_on(fill: Color32) -> Color32 {
    if luminance([fill.r(), fill.g(), fill.b()]) > 0.3 {
        Color32::BLACK
    } else {
        Color32::WHITE
    }
}

/// Which run has which place in the palette, and when it was last drawn.
#[derive(Debug, Clone, Default)]
struct Slots(Vec<Option<(String, u64)>>);

/// The colour of a run while it is shown, the same in every view. A run keeps its colour for as
/// long as it is drawn, whatever is ticked beside it; a place is given away only after its run
/// has not been drawn for a while.
#[must_use]
pub fn run_color(ctx: &egui::Context, id: &str) -> [u8; 3] {
    /// Passes after which a run that nobody draws gives up its place.
    const FORGET_AFTER: u64 = 4;
    let now = ctx.cumulative_pass_nr();
    let key = egui::Id::unique("dicebench run colours");
    let mut slots: Slots = ctx.data(|data| data.get_temp(key)).unwrap_or_default();
    let slot = slots.place(id, now, FORGET_AFTER);
    ctx.data_mut(|data| data.insert_temp(key, slots));
    OKABE_ITO[slot % OKABE_ITO.len()]
}

impl Slots {
    fn place(&mut self, id: &str, now: u64, forget_after: u64) -> usize {
        let own = self
            .0
            .iter()
            .position(|slot| slot.as_ref().is_some_and(|(owner, _)| owner == id));
        let free = || {
            self.0.iter().position(|slot| {
                slot.as_ref()
                    .is_none_or(|(_, seen)| now.saturating_sub(*seen) > forget_after)
            })
        };
        let at = own.or_else(free).unwrap_or(self.0.len());
        if at == self.0.len() {
            self.0.push(None);
        }
        self.0[at] = Some((id.to_owned(), now));
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_palette_colour_can_be_seen_on_both_grounds() {
        for rgb in OKABE_ITO.into_iter().chain([[0; 3], [255; 3]]) {
            for dark in [true, false] {
                let shown = on_ground(rgb, dark);
                let own = luminance([shown.r(), shown.g(), shown.b()]);
                let ground = luminance(if dark { [27; 3] } else { [248; 3] });
                let contrast = (own.max(ground) + 0.05) / (own.min(ground) + 0.05);
                assert!(contrast >= 2.5, "{rgb:?} dark {dark}: {contrast}");
            }
        }
    }

    #[test]
    fn a_run_keeps_its_colour_while_others_come_and_go() {
        let mut slots = Slots::default();
        assert_eq!(slots.place("a", 1, 4), 0);
        assert_eq!(slots.place("b", 1, 4), 1);
        // "a" is unticked; "b" goes on, and "c" comes at once: no place is free yet.
        assert_eq!(slots.place("b", 2, 4), 1);
        assert_eq!(slots.place("c", 2, 4), 2);
        // Much later the place of "a" is free, and "b" and "c" are where they were.
        assert_eq!(slots.place("b", 20, 4), 1);
        assert_eq!(slots.place("c", 20, 4), 2);
        assert_eq!(slots.place("d", 20, 4), 0);
    }
}
