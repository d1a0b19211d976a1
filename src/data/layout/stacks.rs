//! Pairs whose files are stacks become one pair per slice. Slices of one stack stay on one side of a
//! split: neighbours are near doubles.

use std::collections::HashMap;
use std::path::PathBuf;

use rayon::prelude::*;

use super::{Folder, Found, Pair, Part, some_of};
use crate::data::config::SliceAxis;
use crate::data::reading::Truth;
use crate::data::volume::{self, Slice};
use crate::finding::{Finding, Severity, counted};

/// Slices of one stack are put in the data set at most.
const MOST_SLICES: usize = 4096;
/// A stack of more pages than this is no picture of many channels.
const MOST_PAGES: usize = 64;

pub(super) fn expand(folder: &Folder, found: &mut Found) {
    let maybe = |path: &PathBuf| volume::format(path).is_some();
    if !found
        .pairs
        .iter()
        .any(|p| maybe(&p.image) || maybe(&p.mask))
    {
        return;
    }
    let pairs = std::mem::take(&mut found.pairs);
    let differ = orientations(folder, &pairs);
    let results: Vec<Result<Vec<Pair>, (PathBuf, String)>> = pairs
        .into_par_iter()
        .map(|pair| slices(folder, pair))
        .collect();
    let (mut faults, mut files, mut stacks) = (Vec::new(), Vec::new(), 0);
    for result in results {
        match result {
            Ok(pairs) => {
                stacks += usize::from(pairs.len() > 1);
                found.pairs.extend(pairs);
            }
            Err((path, message)) => {
                faults.push(format!("{} {message}", path.display()));
                files.push(path.display().to_string());
            }
        }
    }
    if !faults.is_empty() {
        let message = format!(
            "{} left out: {}",
            counted(faults.len(), ["stack is", "stacks are"]),
            some_of(&faults)
        );
        found.findings.push(
            Finding::new("unreadable-stack", Severity::Warning, message)
                .remedy("Image and mask must be whole and of the same extent.")
                .files(files),
        );
    }
    if !differ.is_empty() {
        let files = differ.iter().map(|(file, _)| file.clone()).collect();
        let shown: Vec<String> = differ.into_iter().map(|(_, text)| text).collect();
        found.findings.push(
            Finding::new(
                "orientation-differs",
                Severity::Warning,
                format!(
                    "{} mask; both are turned as their headers say: {}",
                    counted(
                        shown.len(),
                        [
                            "stack is stored in another orientation than its",
                            "stacks are stored in another orientation than their",
                        ]
                    ),
                    some_of(&shown)
                ),
            )
            .remedy(
                "Look at an overlay: a header that a tool left empty turns the mask the wrong way. If so, \
                 write the image's header into the mask.",
            )
            .files(files),
        );
    }
    if stacks > 0 {
        found.reason = format!(
            "{} {} cut into {}.",
            found.reason,
            counted(stacks, ["stack is", "stacks are"]),
            counted(found.pairs.len(), ["slice", "slices"])
        );
        keep_together(found, folder.config.val_ratio);
    }
}

/// Stacks whose header has other axes than their mask's.
fn orientations(folder: &Folder, pairs: &[Pair]) -> Vec<(String, String)> {
    let of = |path: &PathBuf| volume::orientation(&folder.root.join(path));
    let differs = |pair: &Pair| {
        let (image, mask) = (of(&pair.image)?, of(&pair.mask)?);
        let name = pair.image.display().to_string();
        (image != mask).then(|| (name.clone(), format!("{name} is {image}, its mask {mask}")))
    };
    pairs.par_iter().filter_map(differs).collect()
}

/// The slices of a pair; the pair itself where neither file is a stack.
fn slices(folder: &Folder, pair: Pair) -> Result<Vec<Pair>, (PathBuf, String)> {
    let full = |path: &PathBuf| folder.root.join(path);
    let image_stack = !pair.reading.embedded && volume::is_stack(&full(&pair.image));
    let mask_stack = pair.reading.truth == Truth::File && volume::is_stack(&full(&pair.mask));
    if !image_stack && !mask_stack {
        return Ok(vec![pair]);
    }
    let size = |path: &PathBuf| volume::size(&full(path)).map_err(|e| (path.clone(), e));
    let flat = Slice { axis: 2, index: 0 };
    let image = image_stack.then(|| size(&pair.image)).transpose()?;
    let mask = mask_stack.then(|| size(&pair.mask)).transpose()?;
    let one =
        |stack: &Option<(volume::Size, [f32; 3])>| stack.is_none_or(|(size, _)| size.along[2] == 1);
    if one(&image) && one(&mask) {
        // A picture of more bits or channels than usual.
        let mut pair = pair;
        pair.reading.image_slice = image.map(|_| flat);
        pair.reading.mask_slice = mask.map(|_| flat);
        return Ok(vec![pair]);
    }
    if let Some((size, _)) = image
        && one(&mask)
        && size.along[2] <= MOST_PAGES
    {
        // One mask for all pages: they are channels of one picture.
        let mut pair = pair;
        pair.reading.image_slice = Some(flat);
        pair.reading.mask_slice = mask.map(|_| flat);
        pair.reading.pages = true;
        return Ok(vec![pair]);
    }
    let (Some((size, spacing)), Some((other, _))) = (image, mask) else {
        let path = if image.is_some() {
            &pair.image
        } else {
            &pair.mask
        };
        return Err((
            path.clone(),
            "is a stack, its counterpart a single picture".to_owned(),
        ));
    };
    if size.along != other.along {
        let [x, y, z] = size.along;
        let [a, b, c] = other.along;
        return Err((
            pair.image.clone(),
            format!("is {x} × {y} × {z}, its mask {a} × {b} × {c}"),
        ));
    }
    let axis = match folder.config.axis {
        SliceAxis::Auto => size.natural_axis(spacing),
        SliceAxis::First => 0,
        SliceAxis::Second => 1,
        SliceAxis::Third => 2,
    };
    let slice = |index| {
        let mut pair = pair.clone();
        pair.reading.image_slice = Some(Slice { axis, index });
        pair.reading.mask_slice = Some(Slice { axis, index });
        pair
    };
    Ok((0..size.along[axis].min(MOST_SLICES)).map(slice).collect())
}

/// Whole stacks validate; of a single stack, its last slices.
fn keep_together(found: &mut Found, ratio: f64) {
    if found.split_origin.is_some() {
        return;
    }
    let mut order: HashMap<PathBuf, usize> = HashMap::new();
    for pair in &found.pairs {
        let next = order.len();
        order.entry(pair.image.clone()).or_insert(next);
    }
    let count = |n: usize| ((n as f64 * ratio).round() as usize).clamp(1, n.max(2) - 1);
    let side = |val: bool| Some(if val { Part::Val } else { Part::Train });
    if order.len() == 1 {
        let (all, last) = (found.pairs.len(), count(found.pairs.len()));
        for (at, pair) in found.pairs.iter_mut().enumerate() {
            pair.part = side(at >= all - last);
        }
        found.split_origin = Some(format!(
            "the stack's order: its last {last} slices validate"
        ));
    } else {
        let (all, last) = (order.len(), count(order.len()));
        for pair in &mut found.pairs {
            let at = order.get(&pair.image).copied().unwrap_or(0);
            pair.part = side(at >= all - last);
        }
        found.split_origin = Some(format!(
            "whole stacks: the last {last} of {all} validate, so that neighbouring slices stay together"
        ));
    }
}
