//! Colours of classes that bring none: Okabe–Ito first, because it survives colour blindness.

/// Okabe–Ito without black, ordered so that the first classes differ most in lightness too.
const OKABE_ITO: [[u8; 3]; 7] = [
    [0xE6, 0x9F, 0x00],
    [0x56, 0xB4, 0xE9],
    [0x00, 0x9E, 0x73],
    [0xCC, 0x79, 0xA7],
    [0xD5, 0x5E, 0x00],
    [0xF0, 0xE4, 0x42],
    [0x00, 0x72, 0xB2],
];

/// Colour of class 0, usually the background.
const BACKGROUND: [u8; 3] = [0x80, 0x80, 0x80];

/// The colour of the class at `index`: grey for 0, then Okabe–Ito, then evenly spread hues.
#[must_use]
pub fn color(index: usize) -> [u8; 3] {
    match index {
        0 => BACKGROUND,
        i if i <= OKABE_ITO.len() => OKABE_ITO[i - 1],
        i => {
            // Golden-ratio steps around the circle keep neighbours apart.
            let hue = (i as f32 * 0.618_034).fract() * 6.0;
            let value = if i % 2 == 0 { 230.0 } else { 170.0 };
            let rising = value * (hue.fract() * 0.75 + 0.25);
            let falling = value * (1.0 - hue.fract() * 0.75);
            let low = value * 0.25;
            let [r, g, b] = match hue as u32 {
                0 => [value, rising, low],
                1 => [falling, value, low],
                2 => [low, value, rising],
                3 => [low, falling, value],
                4 => [rising, low, value],
                _ => [value, low, falling],
            };
            [r as u8, g as u8, b as u8]
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn forty_classes_have_forty_colours() {
        let colors: std::collections::HashSet<_> = (0..40).map(super::color).collect();
        assert_eq!(colors.len(), 40);
    }
}
