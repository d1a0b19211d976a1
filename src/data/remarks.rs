//! What opening a dataset remarks about values, classes and channels: findings from counts and headers,
//! without a look at pixels.

use std::collections::BTreeMap;
use std::path::Path;

use super::layout::{first_of, some_of};
use super::scan::Scanned;
use super::tally::Unknown;
use super::{Census, ClassMap, Coding, Item, ItemCounts, mask};
use crate::finding::{Finding, Severity, counted};

/// Sizes of one image in this many are no rule.
const USUAL: usize = 10;

/// Values that no class claims.
pub(super) fn unknown_values(unknown: &Unknown, coding: Coding) -> Option<Finding> {
    if unknown.pixels.is_empty() {
        return None;
    }
    let mut values: Vec<(u32, u64)> = unknown.pixels.iter().map(|(v, n)| (*v, *n)).collect();
    values.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let shown = first_of(values.iter().map(|(value, count)| {
        let [r, g, b] = mask::unpacked(*value);
        match coding {
            Coding::Ids => format!("{value} ({count} px)"),
            Coding::Colors => format!("{r},{g},{b} ({count} px)"),
        }
    }));
    let pixels: u64 = values.iter().map(|(_, n)| n).sum();
    let files: Vec<String> = unknown.files.iter().cloned().collect();
    let (code, what, remedy) = match coding {
        Coding::Ids => (
            "unknown-label",
            ["value", "values"],
            "Give the values to a class or to “ignored” in the class map.",
        ),
        Coding::Colors => (
            "unknown-color",
            ["colour", "colours"],
            "Colours near a class come from interpolation or JPEG: set `data.nearest_color` to read \
             them as the nearest class, or add them to the class map.",
        ),
    };
    let message = format!(
        "{} that no class claims, {} in {}, {} ignored: {}",
        counted(values.len(), what),
        counted(
            usize::try_from(pixels).unwrap_or(usize::MAX),
            ["pixel", "pixels"]
        ),
        counted(files.len(), ["mask", "masks"]),
        if values.len() == 1 { "is" } else { "are" },
        shown
    );
    let cure: &[(&str, &str)] = match coding {
        Coding::Ids => &[],
        Coding::Colors => &[("data.nearest_color", "true")],
    };
    Some(
        Finding::new(code, Severity::Warning, message)
            .remedy(remedy)
            .files(files)
            .settings(cure),
    )
}

/// A few images of another size than nearly all others.
pub(super) fn odd_sizes(items: &[Item], counts: &[ItemCounts]) -> Option<Finding> {
    let mut held: BTreeMap<[usize; 2], usize> = BTreeMap::new();
    for of in counts {
        *held.entry(of.size).or_default() += 1;
    }
    let (common, most) = held.into_iter().max_by_key(|(_, count)| *count)?;
    let odd = items.len() - most;
    // Photographs come in many sizes.
    if odd == 0 || odd * USUAL > items.len() {
        return None;
    }
    let others = items.iter().zip(counts).filter(|(_, of)| of.size != common);
    let files: Vec<String> = others
        .clone()
        .map(|(item, _)| item.image.display().to_string())
        .collect();
    let shown = others.map(|(item, of)| {
        let [width, height] = of.size;
        format!("{} ({width} × {height})", item.image.display())
    });
    let [width, height] = common;
    let message = format!(
        "{} of another size than the others, which are {width} × {height}: {}",
        counted(odd, ["image is", "images are"]),
        some_of(&shown.collect::<Vec<_>>())
    );
    Some(
        Finding::new("odd-sizes", Severity::Hint, message)
            .remedy("Objects in them appear larger or smaller to the network: see whether they belong here.")
            .files(files),
    )
}

/// Classes that a side of the split lacks.
pub(super) fn absent_classes(classes: &ClassMap, census: &Census) -> Vec<Finding> {
    let names = |pixels: &[u64]| -> Vec<String> {
        let empty = classes.classes.iter().zip(pixels).filter(|(_, n)| **n == 0);
        empty
            .map(|(class, _)| format!("`{}`", class.name))
            .collect()
    };
    let mut findings = Vec::new();
    let redraw = [("data.split", "ratio"), ("data.stratify", "true")];
    // Another split helps only where the other side has the class.
    let elsewhere = |here: &[u64], there: &[u64]| {
        let sides = here.iter().zip(there);
        sides
            .into_iter()
            .any(|(here, there)| *here == 0 && *there > 0)
    };
    let cure = |here: &[u64], there: &[u64]| -> &[(&str, &str)] {
        if elsewhere(here, there) { &redraw } else { &[] }
    };
    let missing = names(&census.train_pixels);
    if !missing.is_empty() {
        findings.push(
            Finding::new(
                "class-not-in-training",
                Severity::Warning,
                format!(
                    "no training pixel is {}: {} can't be learned",
                    missing.join(", "),
                    if missing.len() == 1 { "it" } else { "they" }
                ),
            )
            .remedy("Take the class out of the class map, or split so that training has it.")
            .settings(cure(&census.train_pixels, &census.val_pixels)),
        );
    }
    // Where nothing validates at all, that is said instead.
    if census.val_images.iter().all(|n| *n == 0) && census.ignored_val == 0 {
        return findings;
    }
    let unseen: Vec<String> = names(&census.val_pixels)
        .into_iter()
        .filter(|name| !missing.contains(name))
        .collect();
    if !unseen.is_empty() {
        findings.push(
            Finding::new(
                "class-not-in-validation",
                Severity::Hint,
                format!(
                    "no validation pixel is {}: {} Dice can't be measured",
                    unseen.join(", "),
                    if unseen.len() == 1 { "its" } else { "their" }
                ),
            )
            .remedy("Validate on more images, or with another seed of the split.")
            .settings(cure(&census.val_pixels, &census.train_pixels)),
        );
    }
    findings
}

/// The channels of the images, from headers; and images that hold others than most.
pub(super) fn channels(root: &Path, scanned: &[Scanned]) -> (usize, Option<Finding>) {
    let mut held: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut last: Option<(&Path, usize)> = None;
    for one in scanned {
        let image = one.pair.image.as_path();
        // The slices of one stack follow one another.
        let of = match last {
            Some((path, of)) if path == image => of,
            _ => one.pair.reading.channels_of(&root.join(image)),
        };
        last = Some((image, of));
        held.entry(of)
            .or_default()
            .push(image.display().to_string());
    }
    let most = held.iter().max_by_key(|(_, files)| files.len());
    let most = most.map_or(3, |(of, _)| *of);
    // Grey and colour among each other are common, and no matter.
    if held.keys().all(|of| *of <= 3) {
        return (most, None);
    }
    let others: Vec<String> = (held.iter().filter(|(of, _)| **of != most))
        .flat_map(|(_, files)| files.iter().cloned())
        .collect();
    if others.is_empty() {
        let message = format!(
            "images have {most} channels: the network is fed with all of them, and the pictures show three"
        );
        let hint = Finding::new("many-channels", Severity::Hint, message).remedy(
            "Choose which three are shown where an image is looked at; `data.normalize` = dataset gives \
             each channel its own scale.",
        );
        return (most, Some(hint.settings(&[("data.normalize", "dataset")])));
    }
    let message = format!(
        "most images have {}, {} others and can't be trained on with them: {}",
        counted(most, ["channel", "channels"]),
        counted(others.len(), ["has", "have"]),
        some_of(&others)
    );
    let finding = Finding::new("channels-differ", Severity::Error, message)
        .remedy("Leave these images out, or bring all to the same channels.")
        .files(others);
    (most, Some(finding))
}
