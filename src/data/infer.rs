//! From the values in the masks, and a table where there is one, to classes. By evidence over the
//! whole set, never by the first file.

use std::collections::BTreeMap;

use super::layout::Row;
use super::mask::{Kind, packed, unpacked};
use super::scan::Scanned;
use super::{Class, ClassMap, Coding, DataError, IGNORE, palette};
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

/// What all masks hold together.
struct Evidence {
    /// Pixels per stored number of masks that hold ids (grey or palette).
    ids: BTreeMap<u32, u64>,
    /// Pixels per colour, palettes looked up.
    colors: BTreeMap<u32, u64>,
    palette: Vec<u32>,
    rgb: usize,
    indexed: usize,
    grey: usize,
    lossy: usize,
}

fn gather(scanned: &[Scanned]) -> Evidence {
    let mut e = Evidence {
        ids: BTreeMap::new(),
        colors: BTreeMap::new(),
        palette: Vec::new(),
        rgb: 0,
        indexed: 0,
        grey: 0,
        lossy: 0,
    };
    for one in scanned {
        for (&value, &count) in &one.facts.counts {
            let color = match &one.facts.kind {
                Kind::Palette(palette) => palette.get(value as usize).copied(),
                Kind::Grey(_) => Some(packed([value.min(255) as u8; 3])),
                Kind::Rgb => Some(value),
                Kind::Lossy => None,
            };
            if let Some(color) = color {
                *e.colors.entry(color).or_default() += count;
            }
            if one.facts.kind != Kind::Rgb {
                *e.ids.entry(value).or_default() += count;
            }
        }
        match &one.facts.kind {
            Kind::Palette(palette) => {
                e.indexed += 1;
                if palette.len() > e.palette.len() {
                    e.palette.clone_from(palette);
                }
            }
            Kind::Grey(_) => e.grey += 1,
            Kind::Rgb => e.rgb += 1,
            Kind::Lossy => e.lossy += 1,
        }
    }
    e
}

/// The class map that the evidence asks for, and what is worth knowing about it.
///
/// # Errors
/// When no class map can be made of the masks.
pub(super) fn class_map(
    scanned: &[Scanned],
    table: Option<&super::layout::Table>,
) -> Result<(ClassMap, Vec<Finding>), DataError> {
    let mut evidence = gather(scanned);
    let mut findings = Vec::new();
    if evidence.lossy > 0 {
        findings.push(
            Finding::new(
                "lossy-mask",
                Severity::Warning,
                format!(
                    "{} masks are JPEG: compression invents values along every edge",
                    evidence.lossy
                ),
            )
            .remedy("Export the masks as PNG from their source."),
        );
    }
    if let Some(table) = table
        && let Some(map) = from_table(table, &evidence)
    {
        return Ok((map, findings));
    }
    // RGB files whose three channels agree everywhere hold ids.
    let grey_colors = evidence.colors.keys().all(|&c| {
        let [r, g, b] = unpacked(c);
        r == g && g == b
    });
    if evidence.rgb > 0 && evidence.indexed == 0 && grey_colors {
        for (&color, &count) in &evidence.colors.clone() {
            if evidence.grey == 0 {
                *evidence.ids.entry(color & 0xFF).or_default() += count;
            }
        }
        evidence.rgb = 0;
    }
    let map = if evidence.rgb > 0 {
        from_colors(&evidence, &mut findings)?
    } else {
        from_ids(&evidence, &mut findings)
    };
    Ok((map, findings))
}

fn from_table(table: &super::layout::Table, evidence: &Evidence) -> Option<ClassMap> {
    let by_color = table.rows.iter().all(|row| row.color.is_some())
        && table.rows.iter().all(|row| row.value.is_none());
    if by_color {
        // Masks of grey ids beside a colour table: the row number is the id.
        let is_gray_table = table
            .rows
            .iter()
            .all(|row| row.color.is_some_and(|[r, g, b]| r == g && g == b));
        let ids_fit = evidence.rgb == 0
            && evidence.indexed == 0
            && !is_gray_table
            && evidence
                .ids
                .keys()
                .all(|id| (*id as usize) < table.rows.len());
        let value = |(index, row): (usize, &Row)| match (ids_fit, row.color) {
            (false, Some(color)) => packed(color),
            _ => index as u32,
        };
        let classes = table.rows.iter().enumerate().map(|(index, row)| Class {
            name: row.name.clone(),
            color: row.color.unwrap_or_else(|| palette::color(index)),
            values: vec![value((index, row))],
        });
        return Some(ClassMap {
            coding: if ids_fit { Coding::Ids } else { Coding::Colors },
            classes: classes.collect(),
            ignore: table.ignore.clone(),
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
    let classes = table.rows.iter().enumerate().map(|(index, row)| {
        let value = row.value.unwrap_or(index as u32);
        let own = evidence.palette.get(value as usize).copied().map(unpacked);
        Class {
            name: row.name.clone(),
            color: row.color.or(own).unwrap_or_else(|| palette::color(index)),
            values: vec![value],
        }
    });
    let mut ignore = table.ignore.clone();
    if evidence.ids.contains_key(&u32::from(IGNORE)) && table.rows.len() < usize::from(IGNORE) {
        ignore.push(u32::from(IGNORE));
    }
    Some(ClassMap {
        coding: Coding::Ids,
        classes: classes.collect(),
        ignore,
    })
}

fn from_colors(evidence: &Evidence, findings: &mut Vec<Finding>) -> Result<ClassMap, DataError> {
    let total: u64 = evidence.colors.values().sum();
    let mut colors: Vec<(u32, u64)> = evidence.colors.iter().map(|(c, n)| (*c, *n)).collect();
    let distinct = colors.len();
    if distinct > MOST_CLASSES {
        // Interpolated edges make thousands of rare colours beside the true ones.
        colors.retain(|(_, n)| *n as f64 >= total as f64 * 1e-4);
        if colors.len() > MOST_CLASSES {
            return Err(DataError::Invalid(format!(
                "the masks hold {distinct} colours, {} of them on more than 0.01 % of the pixels, and no \
                 class table (class_dict.csv with name, r, g, b) says which are classes; expected at \
                 most {MOST_CLASSES} colours",
                colors.len()
            )));
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

fn from_ids(evidence: &Evidence, findings: &mut Vec<Finding>) -> ClassMap {
    let ids: Vec<u32> = evidence.ids.keys().copied().collect();
    let class = |index: usize, name: String, values: Vec<u32>| Class {
        name,
        color: palette::color(index),
        values,
    };
    // Two values, whatever they are: 0/255, 0/1, 0/128.
    if let [low, high] = ids[..] {
        if high != 1 {
            findings.push(
                Finding::new(
                    "two-values",
                    Severity::Hint,
                    format!("the masks hold the values {low} and {high}: read as background and foreground"),
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
            ignore: Vec::new(),
        };
    }
    let void = u32::from(IGNORE);
    let ignore: Vec<u32> = ids.iter().copied().filter(|id| *id == void).collect();
    let ids: Vec<u32> = ids.into_iter().filter(|id| *id != void).collect();
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
    let (first, last) = (
        ids.first().copied().unwrap_or(0),
        ids.last().copied().unwrap_or(0),
    );
    if ids.len() < (last - first + 1) as usize || first > 0 {
        findings.push(
            Finding::new(
                "sparse-ids",
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
