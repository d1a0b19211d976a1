//! Which channels of an image are shown as red, green and blue, where it has more than a screen has.
//!
//! It makes pictures for eyes; what the network is fed is no business of it.

use std::sync::Arc;

use egui::{ComboBox, Role, Ui, WidgetInfo};

use crate::data::{Image, Sample};

/// The choice, and the picture made of the last image.
pub(super) struct Bands {
    /// Channels shown as red, green and blue.
    shown: [usize; 3],
    made: Option<([usize; 3], Arc<Image>, Arc<Image>)>,
}

impl Default for Bands {
    fn default() -> Self {
        Self {
            shown: [0, 1, 2],
            made: None,
        }
    }
}

impl Bands {
    /// Boxes to choose channels with; nothing for images of up to three.
    pub fn show(&mut self, channels: usize, ui: &mut Ui) {
        if channels <= 3 {
            return;
        }
        ui.label("Channels")
            .on_hover_text(format!("{channels} channels; three of them are shown"));
        for (color, at) in ["red", "green", "blue"].into_iter().zip(0..3) {
            let now = self.shown[at].min(channels - 1);
            let said = format!("Channel shown as {color}");
            let shown = ComboBox::from_id_salt(("band", at))
                .width(44.0)
                .selected_text((now + 1).to_string())
                .show_ui(ui, |ui| {
                    for channel in 0..channels {
                        let name = (channel + 1).to_string();
                        ui.selectable_value(&mut self.shown[at], channel, name);
                    }
                })
                .response
                .on_hover_text(format!("{said}; 1 is the first of {channels}"));
            shown.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &said));
        }
        let grey = self.shown == [self.shown[0]; 3];
        let help = "Show the channel chosen for red alone, as grey";
        if ui
            .selectable_label(grey, "Grey")
            .on_hover_text(help)
            .clicked()
        {
            self.shown = if grey { [0, 1, 2] } else { [self.shown[0]; 3] };
        }
    }

    /// Holds no picture any more; the choice stays.
    pub fn forget(&mut self) {
        self.made = None;
    }

    /// The channels that are chosen, where there is a choice.
    pub fn choice(&self, channels: usize) -> Option<[usize; 3]> {
        (channels > 3).then_some(self.shown)
    }

    /// The sample as it is to be shown.
    pub fn picture(&mut self, sample: &Sample) -> Sample {
        let source = &sample.image;
        if source.channels <= 3 {
            return sample.clone();
        }
        let known = (self.made.as_ref())
            .filter(|(shown, from, _)| *shown == self.shown && Arc::ptr_eq(from, source))
            .map(|(_, _, made)| Arc::clone(made));
        let image = known.unwrap_or_else(|| {
            let made = Arc::new(chosen(source, self.shown));
            self.made = Some((self.shown, Arc::clone(source), Arc::clone(&made)));
            made
        });
        Sample {
            image,
            ..sample.clone()
        }
    }
}

/// An image of these channels.
pub(super) fn chosen(source: &Image, shown: [usize; 3]) -> Image {
    let each = source.pixels.chunks_exact(source.channels.max(1));
    let of = |pixel: &[u8]| shown.map(|channel| pixel.get(channel).copied().unwrap_or(0));
    Image {
        channels: 3,
        pixels: each.flat_map(of).collect(),
        ..*source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_channels_become_colours_in_the_chosen_order() {
        let image = Image {
            width: 2,
            height: 1,
            channels: 5,
            pixels: vec![1, 2, 3, 4, 5, 11, 12, 13, 14, 15],
        };
        let made = chosen(&image, [4, 0, 2]);
        assert_eq!((made.channels, made.width), (3, 2));
        assert_eq!(made.pixels, [5, 1, 3, 15, 11, 13]);
    }
}
