//! Sentences with names in them: what stands between backticks is set as code.

use egui::text::LayoutJob;
use egui::{Align, FontSelection, RichText, Ui};

/// The text in one dress, names in it as code. A backtick without a partner stays what it is.
#[must_use]
pub fn prose(ui: &Ui, text: &str, dress: impl Fn(RichText) -> RichText) -> LayoutJob {
    let mut job = LayoutJob::default();
    for (piece, is_code) in pieces(text) {
        let piece = dress(RichText::new(piece));
        let piece = if is_code { piece.monospace() } else { piece };
        piece.append_to(&mut job, ui.style(), FontSelection::Default, Align::Center);
    }
    job
}

/// As [`prose`], in the dress of a label.
#[must_use]
pub fn plain(ui: &Ui, text: &str) -> LayoutJob {
    prose(ui, text, |piece| piece)
}

/// Pieces of the text, and whether each is code.
fn pieces(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let paired = text.matches('`').count().is_multiple_of(2);
    let marks: &[char] = if paired { &['`'] } else { &[] };
    let pieces = text.split(marks).enumerate();
    pieces
        .map(|(at, piece)| (piece, at % 2 == 1))
        .filter(|(piece, _)| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn what_stands_between_backticks_is_code() {
        let of = |text| pieces(text).collect::<Vec<_>>();
        assert_eq!(
            of("set `data.masks` to `a`"),
            [
                ("set ", false),
                ("data.masks", true),
                (" to ", false),
                ("a", true)
            ]
        );
        assert_eq!(of("a ` alone"), [("a ` alone", false)]);
        assert_eq!(of(""), []);
    }
}
