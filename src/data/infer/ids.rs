//! Classes from masks that hold ids: what each value may mean, by how much there is of it.

use super::super::evidence::Evidence;
use super::super::mask::{packed, unpacked};
use super::super::{Class, ClassMap, Coding, IGNORE, many_colors, palette};
use super::{MOST_CLASSES, VOC, negatives};
use crate::finding::{Finding, Severity};

/// Masks of 0 and 255 whose edges were smoothed: nearly all pixels are at one end.
fn from_smoothed(evidence: &Evidence, findings: &mut Vec<Finding>) -> Option<ClassMap> {
    let last = *evidence.ids.keys().next_back()?;
    if evidence.ids.len() <= 8 || !(64..=255).contains(&last) {
        return None;
    }
    let of = |id: u32| evidence.ids.get(&id).copied().unwrap_or(0);
    let total: u64 = evidence.ids.values().sum();
    let between = total - of(0) - of(last);
    // Numbers of objects: the last is no commoner than those before it.
    let inner = evidence.ids.range(1..last).map(|(_, n)| *n).max();
    if inner.unwrap_or(0) * 2 > of(last) {
        return None;
    }
    if of(0) == 0 || between * 5 > total || between * 4 > of(last) * 4 + of(0) {
        return None;
    }
    findings.push(
        Finding::new(
            "interpolated-edges",
            Severity::Warning,
            format!(
                "the masks hold 0 and {last}, and {} values between on {:.2} % of the pixels: edges that \
                 were smoothed by resizing or JPEG; they are ignored",
                evidence.ids.len() - 2,
                between as f64 / total as f64 * 100.0
            ),
        )
        .remedy(
            "Set `data.nearest_color` to read each as the nearer of the two, or export the masks again \
             without smoothing.",
        )
        .settings(&[("data.nearest_color", "true")]),
    );
    let class = |index: usize, name: &str, value: u32| Class {
        name: name.to_owned(),
        color: palette::color(index),
        values: vec![value],
    };
    Some(ClassMap {
        coding: Coding::Ids,
        classes: vec![class(0, "background", 0), class(1, "foreground", last)],
        ignore: Vec::new(),
    })
}

/// Greys of lossy masks: those that others gather around are classes.
fn from_lossy(evidence: &Evidence, findings: &mut Vec<Finding>) -> Option<ClassMap> {
    if !evidence.mostly_lossy() || evidence.ids.keys().any(|id| *id > 255) {
        return None;
    }
    let greys = evidence.ids.iter();
    let greys = greys.map(|(id, n)| (packed([*id as u8; 3]), *n)).collect();
    let mut ids: Vec<u32> = many_colors::groups(&greys, MOST_CLASSES)?
        .into_iter()
        .map(|grey| grey & 0xFF)
        .collect();
    ids.sort_unstable();
    if ids.len() == evidence.ids.len() {
        return None;
    }
    findings.push(
        Finding::new(
            "interpolated-edges",
            Severity::Warning,
            format!(
                "the masks hold {} values, which compression made of {}: those are the classes, the others \
                 are ignored",
                evidence.ids.len(),
                ids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
            ),
        )
        .remedy(
            "Set `data.nearest_color` to read each as the nearest class, or export the masks again as PNG.",
        )
        .settings(&[("data.nearest_color", "true")]),
    );
    let class = |(index, &id): (usize, &u32)| Class {
        name: if id == 0 {
            "background".to_owned()
        } else {
            format!("class {id}")
        },
        color: palette::color(index),
        values: vec![id],
    };
    Some(ClassMap {
        coding: Coding::Ids,
        classes: ids.iter().enumerate().map(class).collect(),
        ignore: Vec::new(),
    })
}

/// Class times 1000 plus the number of the object, as Cityscapes writes instances.
fn from_thousands(ids: &[u32], findings: &mut Vec<Finding>) -> Option<ClassMap> {
    let large = ids.iter().filter(|id| **id >= 1000).count();
    let regular = ids
        .iter()
        .all(|id| *id < 256 || (1000..256_000).contains(id));
    let low = ids.iter().all(|id| *id < 1000 || id % 1000 < 500);
    if large < 2 || !regular || !low {
        return None;
    }
    let mut classes: std::collections::BTreeMap<u32, Vec<u32>> = std::collections::BTreeMap::new();
    for &id in ids {
        let class = if id < 1000 { id } else { id / 1000 };
        classes.entry(class).or_default().push(id);
    }
    if classes.len() > MOST_CLASSES || classes.len() == ids.len() {
        return None;
    }
    findings.push(
        Finding::new(
            "instance-ids",
            Severity::Warning,
            format!(
                "the masks hold {} values up to {}: classes times 1000 plus the number of an object; \
                 objects of a class are joined, {} classes remain",
                ids.len(),
                ids.last().copied().unwrap_or(0),
                classes.len()
            ),
        )
        .remedy("Edit the class map if the values mean something else."),
    );
    let classes = classes
        .into_iter()
        .enumerate()
        .map(|(index, (id, values))| Class {
            name: if id == 0 {
                "background".to_owned()
            } else {
                format!("class {id}")
            },
            color: palette::color(index),
            values,
        });
    Some(ClassMap {
        coding: Coding::Ids,
        classes: classes.collect(),
        ignore: Vec::new(),
    })
}

pub(super) fn from_ids(evidence: &Evidence, findings: &mut Vec<Finding>) -> ClassMap {
    let negative = negatives(evidence, findings);
    if let Some(map) = from_smoothed(evidence, findings) {
        return map;
    }
    if let Some(map) = from_lossy(evidence, findings) {
        return map;
    }
    let ids: Vec<u32> = evidence.ids.keys().copied().collect();
    let ids: Vec<u32> = ids
        .into_iter()
        .filter(|id| !negative.contains(id))
        .collect();
    let class = |index: usize, name: String, values: Vec<u32>| Class {
        name,
        color: palette::color(index),
        values,
    };
    // Two values, whatever they are: 0/255, 0/1, 0/128.
    if let [low, high] = ids[..] {
        let all: u64 = evidence.ids.values().sum();
        let share = evidence.ids[&high] as f64 / all.max(1) as f64;
        if high != 1 {
            findings.push(
                Finding::new(
                    "two-values",
                    Severity::Hint,
                    format!(
                        "the masks hold the values {low} and {high}: read as background and foreground, \
                         which is {:.1} % of the pixels{}",
                        share * 100.0,
                        if share > 0.5 {
                            format!("; the object of interest is often the smaller part, here {low}")
                        } else {
                            String::new()
                        }
                    ),
                )
                .remedy("If the object of interest is the lower value, swap the names in the class map."),
            );
        }
        return ClassMap {
            coding: Coding::Ids,
            classes: vec![
                class(0, "background".to_owned(), vec![low]),
                class(1, "foreground".to_owned(), vec![high]),
            ],
            ignore: negative,
        };
    }
    let void = u32::from(IGNORE);
    let mut ignore: Vec<u32> = ids.iter().copied().filter(|id| *id == void).collect();
    ignore.extend(negative);
    let ids: Vec<u32> = ids.into_iter().filter(|id| *id != void).collect();
    if let Some(map) = from_thousands(&ids, findings) {
        return map;
    }
    if ids.len() > MOST_CLASSES {
        findings.push(
            Finding::new(
                "instance-ids",
                Severity::Warning,
                format!(
                    "the masks hold {} values up to {}: these are numbers of objects, not classes; every \
                     value but 0 became one class",
                    ids.len(),
                    ids.last().copied().unwrap_or(0)
                ),
            )
            .remedy("Edit the class map if the values are classes after all."),
        );
        let objects = ids.into_iter().filter(|id| *id != 0).collect();
        return ClassMap {
            coding: Coding::Ids,
            classes: vec![
                class(0, "background".to_owned(), vec![0]),
                class(1, "object".to_owned(), objects),
            ],
            ignore: Vec::new(),
        };
    }
    if evidence.consecutive * 2 > evidence.grey && evidence.lasts * 2 > evidence.consecutive.max(3)
    {
        findings.push(
            Finding::new(
                "maybe-instances",
                Severity::Hint,
                "most masks count 1, 2, 3 … to a last value of their own: these may be numbers of \
                 objects, not classes",
            )
            .remedy("If so, merge all values but 0 into one class in the class map."),
        );
    }
    let (first, last) = (
        ids.first().copied().unwrap_or(0),
        ids.last().copied().unwrap_or(0),
    );
    if ids.len() < (last - first + 1) as usize || first > 0 {
        findings.push(
            Finding::new(
                if first > 0 { "ids-without-zero" } else { "sparse-ids" },
                Severity::Hint,
                format!(
                    "the masks hold the values {}: {} classes in this order",
                    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
                    ids.len()
                ),
            )
            .remedy("Values that should be ignored (often 0) can be moved to “ignored” in the class map."),
        );
    }
    let voc = evidence.palette.get(1) == Some(&packed([128, 0, 0]))
        && evidence.palette.get(15) == Some(&packed([192, 128, 128]))
        && (last as usize) < VOC.len();
    let classes = ids.iter().enumerate().map(|(index, &id)| Class {
        name: match VOC.get(id as usize) {
            Some(name) if voc => (*name).to_owned(),
            _ if id == 0 => "background".to_owned(),
            _ => format!("class {id}"),
        },
        color: evidence
            .palette
            .get(id as usize)
            .filter(|_| evidence.indexed > 0)
            .copied()
            .map_or_else(|| palette::color(index), unpacked),
        values: vec![id],
    });
    ClassMap {
        coding: Coding::Ids,
        classes: classes.collect(),
        ignore,
    }
}
