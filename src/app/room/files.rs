//! What the room shows as files.

use super::balance::{Of, shares};
use crate::app::view::offer::Offer;
use crate::data::Dataset;
use crate::export::chart::{Bar, Bars};

/// Everything that is known of the dataset.
pub fn offers(dataset: &Dataset) -> Vec<Offer<'_>> {
    vec![
        Offer::figure("Share of the pixels", move || bars(dataset, Of::Pixels)),
        Offer::figure("Share of the images", move || bars(dataset, Of::Images)),
        Offer::table("Classes", move || classes(dataset)),
        Offer::table("Images", move || images(dataset)),
        Offer::table("Problems", move || problems(dataset)),
    ]
}

fn sides(dataset: &Dataset, of: Of) -> [Vec<f64>; 2] {
    let split = &dataset.split;
    shares(&dataset.census, of, [split.train.len(), split.val.len()])
}

/// Training above validation, class by class; validation is paler.
fn bars(dataset: &Dataset, of: Of) -> Bars {
    let [train, val] = sides(dataset, of);
    let mut bars = Vec::new();
    for (at, class) in dataset.classes.classes.iter().enumerate() {
        for (side, values, pale) in [("train", &train, false), ("validate", &val, true)] {
            let color = class.color.map(|c| if pale { c / 3 + 160 } else { c });
            bars.push(Bar {
                name: format!("{}, {side}", class.name),
                value: values.get(at).copied().unwrap_or(0.0) * 100.0,
                color,
            });
        }
    }
    let title = match of {
        Of::Pixels => "Share of the pixels per class",
        Of::Images => "Share of the images that hold a class",
    };
    Bars {
        title: title.to_owned(),
        unit: "per cent of each side of the split".to_owned(),
        bars,
        line: None,
    }
}

fn classes(dataset: &Dataset) -> Vec<Vec<String>> {
    let heading = [
        "class",
        "color",
        "pixels_train",
        "pixels_val",
        "images_train",
        "images_val",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let shares = [sides(dataset, Of::Pixels), sides(dataset, Of::Images)];
    for (at, class) in dataset.classes.classes.iter().enumerate() {
        let [r, g, b] = class.color;
        let mut row = vec![class.name.clone(), format!("#{r:02X}{g:02X}{b:02X}")];
        let values = shares.iter().flatten();
        row.extend(values.map(|side| side.get(at).copied().unwrap_or(0.0).to_string()));
        rows.push(row);
    }
    rows
}

fn images(dataset: &Dataset) -> Vec<Vec<String>> {
    let heading = ["image", "mask", "side", "width", "height"];
    let mut heading: Vec<String> = heading.map(str::to_owned).to_vec();
    let classes = &dataset.classes.classes;
    heading.extend(
        classes
            .iter()
            .map(|class| format!("share of {}", class.name)),
    );
    let mut rows = vec![heading];
    let mut side = vec![""; dataset.items.len()];
    for (name, list) in [("train", &dataset.split.train), ("val", &dataset.split.val)] {
        for item in list {
            if let Some(side) = side.get_mut(*item) {
                *side = name;
            }
        }
    }
    for (at, item) in dataset.items.iter().enumerate() {
        let mut row = vec![
            item.image.display().to_string(),
            item.mask.display().to_string(),
            side[at].to_owned(),
        ];
        let counts = dataset.counts.get(at);
        let size = counts.map(|counts| counts.size.map(|side| side.to_string()));
        row.extend(size.unwrap_or_default());
        row.extend((0..classes.len()).map(|class| {
            let share = counts.map(|counts| counts.share(class as u8).to_string());
            share.unwrap_or_default()
        }));
        rows.push(row);
    }
    rows
}

fn problems(dataset: &Dataset) -> Vec<Vec<String>> {
    let heading = ["severity", "code", "message", "remedy", "files"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(dataset.findings.iter().map(|finding| {
        vec![
            finding.severity.name().to_owned(),
            finding.code.clone(),
            finding.message.clone(),
            finding.remedy.clone(),
            finding.files.join("\n"),
        ]
    }));
    rows
}
