//! From the values in the masks, and a table where there is one, to classes. By evidence over the
//! whole set, never by the first file.

use super::evidence::{Evidence, gather};
use super::mask::{packed, unpacked};
use super::mismatch::{self, Colors};
use super::scan::Scanned;
use super::tally::Pool;
use super::{Class, ClassMap, Coding, DataError, IGNORE, many_colors, palette};
use crate::finding::{Finding, Severity};

/// More distinct ids than this are instances (or a picture), not classes.
const MOST_CLASSES: usize = 64;

/// Pascal VOC's classes, for masks that carry its palette.
const VOC: [&str; 21] = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
];

/// The class map that the evidence asks for, and what is worth knowing about it.
///
/// # Errors
/// When no class map can be made of the masks.
pub(super) fn class_map(
    scanned: &[Scanned],
    pool: Pool,
    table: Option<&super::layout::Table>,
) -> Result<(ClassMap, Vec<Finding>), DataError> {
    let mut evidence = gather(scanned, pool);
    let mut findings = evidence.findings();
    if let Some(table) = table
        && let Some(map) = from_table(table, &evidence, &mut findings)
    {
        return Ok((map, findings));
    }
    // RGB files whose three channels agree everywhere hold ids.
    if evidence.rgb > 0 && evidence.indexed == 0 && evidence.is_grey() {
        for (&color, &count) in &evidence.colors.clone() {
            if !evidence.greys.contains_key(&(color & 0xFF)) {
                *evidence.ids.entry(color & 0xFF).or_default() += count;
            }
        }
        evidence.rgb = 0;
    }
    let by_palette = evidence.rgb == 0 && palettes(&evidence, &mut findings);
    let map = if evidence.rgb > 0 || by_palette {
        from_colors(&evidence, &mut findings)?
    } else {
        from_ids(&evidence, &mut findings)
    };
    Ok((map, findings))
}

fn from_table(
    table: &super::layout::Table,
    evidence: &Evidence,
    findings: &mut Vec<Finding>,
) -> Option<ClassMap> {
    let by_color = table.rows.iter().all(|row| row.color.is_some())
        && table.rows.iter().all(|row| row.value.is_none());
    if by_color {
        let (how, finding) = mismatch::colors(table, evidence);
        findings.extend(finding);
        if how == Colors::AsWritten {
            findings.extend(mismatch::order(table, evidence));
        }
        let classes = table.rows.iter().enumerate().map(|(index, row)| {
            let color = row.color.unwrap_or_else(|| palette::color(index));
            let mut values = match &how {
                Colors::AsWritten => vec![packed(color)],
                Colors::Instead(values) => values[index].clone(),
                Colors::Rows(shift) => vec![index as u32 + shift],
            };
            // Grey masks among coloured ones may hold row numbers.
            let number = packed([index.min(255) as u8; 3]);
            let rows = table.rows.len() as u32;
            let numbered = evidence.rgb + evidence.indexed > 0
                && !matches!(how, Colors::Rows(_))
                && evidence.greys.len() > 1
                && evidence.greys.keys().all(|id| *id < rows);
            let taken = |row: &super::layout::Row| row.color.map(packed) == Some(number);
            if numbered && !table.rows.iter().any(taken) && !values.contains(&number) {
                values.push(number);
            }
            Class {
                name: row.name.clone(),
                color,
                values,
            }
        });
        let rows = matches!(how, Colors::Rows(_));
        let mut ignore = table.ignore.clone();
        if rows && evidence.ids.contains_key(&u32::from(IGNORE)) && table.rows.len() < 255 {
            ignore.push(u32::from(IGNORE));
        }
        return Some(ClassMap {
            coding: if rows { Coding::Ids } else { Coding::Colors },
            classes: classes.collect(),
            ignore,
        });
    }
    if let Some(limit) = table.only_if_ids_below
        && (evidence.rgb > 0
            || evidence
                .ids
                .keys()
                .any(|&id| id >= limit && id != u32::from(IGNORE)))
    {
        return None;
    }
    let shift = match mismatch::shift(table, evidence) {
        Some((shift, finding)) => {
            findings.push(finding);
            shift
        }
        None => 0,
    };
    let classes = table.rows.iter().enumerate().map(|(index, row)| {
        let value = row.value.unwrap_or(index as u32) + shift;
        let own = evidence.palette.get(value as usize).copied().map(unpacked);
        Class {
            name: row.name.clone(),
            color: row.color.or(own).unwrap_or_else(|| palette::color(index)),
            values: vec![value],
        }
    });
    let mut ignore = table.ignore.clone();
    let void = u32::from(IGNORE);
    let claimed = table.rows.iter().any(|row| row.value == Some(void)) || ignore.contains(&void);
    if evidence.ids.contains_key(&void) && !claimed {
        ignore.push(void);
    }
    ignore.extend(negatives(evidence, findings));
    Some(ClassMap {
        coding: Coding::Ids,
        classes: classes.collect(),
        ignore,
    })
}

/// Whether masks with palettes are to be read by colour: where one number has several colours and there
/// are no more colours than numbers, programs have sorted each file's palette anew.
fn palettes(evidence: &Evidence, findings: &mut Vec<Finding>) -> bool {
    if !evidence.palettes_differ() {
        return false;
    }
    let by_color = evidence.grey == 0 && evidence.colors.len() <= evidence.ids.len().max(2);
    let (how, remedy) = match by_color {
        true => (
            "there are no more colours than numbers, so that colours are the classes",
            "If the numbers are the classes after all, save the masks with one palette, or as grey.",
        ),
        false => (
            "the numbers are the classes, as there are more colours than numbers",
            "If colours are the classes, put a class_dict.csv (name,r,g,b) beside the images.",
        ),
    };
    findings.push(
        Finding::new(
            "palettes-differ",
            Severity::Warning,
            format!("the same number has other colours in the palettes of other masks: {how}"),
        )
        .remedy(remedy),
    );
    by_color
}

fn from_colors(evidence: &Evidence, findings: &mut Vec<Finding>) -> Result<ClassMap, DataError> {
    let mut colors: Vec<(u32, u64)> = evidence.colors.iter().map(|(c, n)| (*c, *n)).collect();
    let distinct = colors.len();
    if distinct > MOST_CLASSES || evidence.mostly_lossy() {
        match many_colors::groups(&evidence.colors, MOST_CLASSES) {
            Some(groups) => colors.retain(|(color, _)| groups.contains(color)),
            None if distinct <= MOST_CLASSES => {}
            None => {
                return many_colors::objects(evidence, findings).ok_or_else(|| {
                    DataError::Invalid(format!(
                        "the masks hold {distinct} colours that are not few groups of near ones, on no \
                         black ground, and no class table (class_dict.csv with name, r, g, b) says which \
                         are classes; expected at most {MOST_CLASSES} groups"
                    ))
                });
            }
        }
    }
    // Black is the background by custom; the others in falling order of share.
    colors.sort_by_key(|(color, n)| (*color != 0, std::cmp::Reverse(*n)));
    findings.push(
        Finding::new(
            "no-class-table",
            Severity::Warning,
            format!(
                "the masks hold {distinct} colours and no table names them; {} became classes",
                colors.len()
            ),
        )
        .remedy("Name the classes in the class map, or put a class_dict.csv (name,r,g,b) beside the images."),
    );
    let classes = colors.iter().map(|(color, _)| {
        let [r, g, b] = unpacked(*color);
        Class {
            name: if *color == 0 {
                "background".to_owned()
            } else {
                format!("#{r:02x}{g:02x}{b:02x}")
            },
            color: [r, g, b],
            values: vec![*color],
        }
    });
    Ok(ClassMap {
        coding: Coding::Colors,
        classes: classes.collect(),
        ignore: Vec::new(),
    })
}

/// Signed masks write "no class" as -1 or another negative number.
fn negatives(evidence: &Evidence, findings: &mut Vec<Finding>) -> Vec<u32> {
    let negative: Vec<u32> = evidence
        .ids
        .keys()
        .copied()
        .filter(|id| *id >= 0x8000_0000)
        .collect();
    if !negative.is_empty() {
        let shown: Vec<String> = negative.iter().map(|v| (*v as i32).to_string()).collect();
        findings.push(
            Finding::new(
                "negative-ids",
                Severity::Hint,
                format!("the masks hold {}: read as “ignored”", shown.join(", ")),
            )
            .remedy("Give them to a class in the class map if they are one."),
        );
    }
    negative
}

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

fn from_ids(evidence: &Evidence, findings: &mut Vec<Finding>) -> ClassMap {
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
