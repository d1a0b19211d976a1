//! What a view offers to save, and the menu that asks: pictures as SVG or PNG, tables as CSV or JSON.
//! Nothing is made before it is asked for.

use egui::{ColorImage, Role, Ui, WidgetInfo};

use super::save::{self, Save};
use crate::export::chart::{Figure, Plates};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Svg,
    Png,
    Csv,
    Json,
}

type Make<'a> = Box<dyn Fn(&str, Ending) -> Result<Save, String> + 'a>;

/// One thing that can be saved, in two formats.
pub struct Offer<'a> {
    name: String,
    endings: [Ending; 2],
    make: Make<'a>,
}

impl<'a> Offer<'a> {
    /// A chart.
    pub fn figure<F: Figure>(name: impl Into<String>, figure: impl Fn() -> F + 'a) -> Self {
        let make = move |name: &str, ending| {
            let figure = figure();
            Ok(match ending {
                Ending::Png => Save::new(name, "png", figure.png(save::SCALE)?),
                _ => Save::new(name, "svg", figure.svg()?.into_bytes()),
            })
        };
        Self {
            name: name.into(),
            endings: [Ending::Svg, Ending::Png],
            make: Box::new(make),
        }
    }

    /// Pictures with their titles.
    pub fn pictures(
        name: impl Into<String>,
        panes: impl Fn() -> Vec<(String, ColorImage)> + 'a,
    ) -> Self {
        let make = move |name: &str, ending| {
            let panes = panes();
            let plates = Plates {
                title: name.to_owned(),
                plates: (panes.iter())
                    .map(|(title, picture)| save::plate(title, picture))
                    .collect(),
                legend: Vec::new(),
            };
            save::plates(name, &plates, ending == Ending::Svg)
        };
        Self {
            name: name.into(),
            endings: [Ending::Svg, Ending::Png],
            make: Box::new(make),
        }
    }

    /// Rows of text, the first the heading.
    pub fn table(name: impl Into<String>, rows: impl Fn() -> Vec<Vec<String>> + 'a) -> Self {
        let make = move |name: &str, ending| {
            Ok(match ending {
                Ending::Json => Save::new(name, "json", save::json(&rows())?),
                _ => Save::new(name, "csv", save::csv(&rows())?),
            })
        };
        Self {
            name: name.into(),
            endings: [Ending::Csv, Ending::Json],
            make: Box::new(make),
        }
    }
}

/// A menu of all that is offered; what was asked for. `of` says what it is a menu of: "Save X-ray".
pub fn menu(ui: &mut Ui, of: &str, offers: &[Offer<'_>]) -> Option<Result<Save, String>> {
    let mut asked = None;
    let menu = ui.menu_button("Save", |ui| {
        egui::ScrollArea::vertical()
            .max_height(360.0)
            .show(ui, |ui| {
                egui::Grid::new(("offers of", of))
                    .num_columns(3)
                    .show(ui, |ui| {
                        for offer in offers {
                            row(ui, offer, &mut asked);
                            ui.end_row();
                        }
                    });
            });
        if asked.is_some() {
            ui.close();
        }
    });
    let name = format!("Save {of}");
    (menu.response).widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    menu.response
        .on_hover_text("Pictures and numbers that are shown here as files.");
    asked
}

fn row(ui: &mut Ui, offer: &Offer<'_>, asked: &mut Option<Result<Save, String>>) {
    ui.label(&offer.name);
    for ending in offer.endings {
        let (text, help) = match ending {
            Ending::Svg => ("SVG…", "Lines and letters that stay sharp at any size."),
            Ending::Png => ("PNG…", "Pixels, on a white ground."),
            Ending::Csv => ("CSV…", "A table with every digit, for spreadsheets."),
            Ending::Json => ("JSON…", "The same for programs."),
        };
        let button = ui.button(text).on_hover_text(help);
        let name = format!("{} as {}", offer.name, text.trim_end_matches('…'));
        button.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
        if button.clicked() {
            *asked = Some((offer.make)(&offer.name, ending));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::chart::{Bar, Bars};

    #[test]
    fn each_offer_is_a_file_of_its_kind() {
        let bars = || Bars {
            bars: vec![Bar {
                name: "a".to_owned(),
                value: 1.0,
                color: [0; 3],
            }],
            ..Bars::default()
        };
        let figure = Offer::figure("Some bars", bars);
        let table = Offer::table("Some rows", || {
            vec![vec!["a".to_owned()], vec!["0.1".to_owned()]]
        });
        let none = Offer::pictures("None", Vec::new);
        let make = |offer: &Offer<'_>, at: usize| (offer.make)(&offer.name, offer.endings[at]);
        let svg = make(&figure, 0).unwrap();
        assert_eq!(svg.name, "some-bars.svg");
        assert!(svg.bytes.starts_with(b"<svg"));
        let png = make(&figure, 1).unwrap();
        assert!(image::load_from_memory(&png.bytes).is_ok());
        assert_eq!(make(&table, 0).unwrap().bytes, b"a\n0.1\n");
        assert_eq!(make(&table, 1).unwrap().name, "some-rows.json");
        assert!(make(&none, 1).is_err());
    }
}
