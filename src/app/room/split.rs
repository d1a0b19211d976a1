//! The split: how it is made, and how the classes lie on both sides of it.

use egui::{RichText, ScrollArea, Ui};

use super::super::panel::param;
use super::super::theme;
use super::super::view::prose;
use super::balance::{self, Of};
use super::list_file::ListFile;
use crate::data::Dataset;
use crate::data::config::{GroupBy, SplitBy};
use crate::finding::counted;
use crate::lab::Lab;

pub(super) fn show(list: &mut ListFile, lab: &mut Lab, dataset: &Dataset, ui: &mut Ui) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let (train, val) = (dataset.split.train.len(), dataset.split.val.len());
        ui.label(format!(
            "{}, {}: {}.",
            counted(train, ["image trains", "images train"]),
            counted(val, ["validates", "validate"]),
            dataset.split.origin
        ));
        let unused = dataset.items.len().saturating_sub(train + val);
        if unused > 0 {
            let unused = counted(unused, ["image is", "images are"]);
            ui.weak(format!("{unused} on neither side."));
        }
        if let Some(error) = &lab.split_error {
            let bad = theme::bad(ui);
            let said = prose::prose(ui, &format!("✖ {error}"), |piece| piece.color(bad));
            ui.label(said);
        }
        ui.add_space(4.0);
        ui.scope(|ui| {
            ui.set_max_width(460.0);
            editor(list, lab, dataset, ui);
        });
        if lab.draft.data.split == SplitBy::Own && dataset.has_own_split() {
            ui.weak("The dataset brings this split itself. Choose “ratio” to draw another.");
        }
        ui.separator();
        charts(dataset, ui);
    });
}

/// The rows of the settings panel that are about the split, with only those that matter now.
fn editor(list: &mut ListFile, lab: &mut Lab, dataset: &Dataset, ui: &mut Ui) {
    let data = &lab.draft.data;
    let own = data.split == SplitBy::Own && dataset.has_own_split();
    let drawn = data.split == SplitBy::Ratio || (data.split == SplitBy::Own && !own);
    let mut keys = vec!["split"];
    if data.split == SplitBy::List {
        keys.push("val_list");
    }
    if drawn {
        keys.extend(["val_ratio", "group_by"]);
        if data.group_by == GroupBy::Prefix {
            keys.push("prefix_chars");
        }
        keys.extend(["stratify", "seed"]);
    }
    let defaults: std::collections::HashMap<String, String> =
        lab.preset.config.values().into_iter().collect();
    for mut each in lab.draft.data.params() {
        if keys.contains(&each.key.as_str()) {
            let label = param::pretty(&each.key);
            let default = defaults.get(&format!("data.{}", each.key)).cloned();
            param::row(ui, &mut each, &label, default.as_ref());
        }
    }
    ui.horizontal_wrapped(|ui| {
        if lab.draft.data.path != crate::data::open::SAMPLE {
            list.show(lab, ui);
        }
        if drawn
            && ui
                .button("Another draw")
                .on_hover_text("The next seed gives another split of the same kind (data.seed)")
                .clicked()
        {
            let seed = &mut lab.draft.data.seed;
            *seed = (*seed + 1) % u64::from(u32::MAX);
        }
    });
}

fn charts(dataset: &Dataset, ui: &mut Ui) {
    let id = ui.scope_id().with("log scale");
    let mut log = ui.data(|data| data.get_temp::<bool>(id)).unwrap_or(false);
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Classes on both sides").strong());
        ui.checkbox(&mut log, "Logarithmic")
            .on_hover_text("Rare classes show: each step to the right is ten times the share");
    });
    ui.data_mut(|data| data.insert_temp(id, log));
    let sides = [dataset.split.train.len(), dataset.split.val.len()];
    let missing: Vec<&str> = (dataset.classes.classes.iter().enumerate())
        .filter(|(at, _)| {
            let count = |list: &[u64]| list.get(*at).copied().unwrap_or(0);
            count(&dataset.census.train_images) == 0 || count(&dataset.census.val_images) == 0
        })
        .map(|(_, class)| class.name.as_str())
        .collect();
    if !missing.is_empty() {
        ui.colored_label(
            theme::warn(ui),
            format!("⚠ Not on both sides: {}", missing.join(", ")),
        );
    }
    for (title, of) in [
        ("Share of the pixels", Of::Pixels),
        ("Share of the images that hold the class", Of::Images),
    ] {
        ui.label(RichText::new(title).weak());
        balance::show(ui, &dataset.classes, &dataset.census, of, log, sides);
    }
}
