//! From the values in the masks, and a table where there is one, to classes. By evidence over the
//! whole set, never by the first file.

mod ids;

use self::ids::from_ids;
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
