//! A class table that the masks contradict: wrong colours, exchanged channels, ids shifted by one.
//! Evidence over all masks decides on a mapping; what was assumed is always said.

use super::evidence::Evidence;
use super::layout::Table;
use super::mask::{packed, unpacked};
use crate::finding::{Finding, Severity};

/// A table whose colours cover less than this is not believed as it stands.
const BELIEVED: f64 = 0.5;
/// Off-table colours on more than this are no accident.
const COMMON: f64 = 1e-3;
/// Colours farther apart than this in one channel are not the same colour written carelessly.
const CLOSE: u8 = 24;

/// How the colours of a table are to be taken.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Colors {
    /// As they are.
    AsWritten,
    /// For each row, the colours that mean it.
    Instead(Vec<Vec<u32>>),
    /// Row numbers are the ids; this is added to them.
    Rows(u32),
}

/// Checks a table of colours against all masks.
pub(super) fn colors(table: &Table, evidence: &Evidence) -> (Colors, Option<Finding>) {
    let written: Vec<u32> = table
        .rows
        .iter()
        .filter_map(|row| row.color.map(packed))
        .collect();
    let rows = written.len();
    let covered = evidence.covered(&written);
    let grey_table = written.iter().all(|&c| {
        let [r, g, b] = unpacked(c);
        r == g && g == b
    });
    let said = |how: &str, share: f64| {
        Some(
            Finding::new(
                "table-mismatch",
                Severity::Warning,
                format!(
                    "the colours of {} cover only {:.1} % of the masks' pixels; {how}, which covers {:.1} %",
                    table.origin,
                    covered * 100.0,
                    share * 100.0
                ),
            )
            .remedy("Check the classes on a few overlays, then correct the table or the class map."),
        )
    };
    // Ids beside a colour table: the row number is the id.
    let ids_only = evidence.rgb == 0 && !evidence.ids.is_empty();
    if ids_only && !(grey_table && covered > BELIEVED) && covered < 0.999 {
        let largest = evidence.ids.keys().filter(|id| **id != 255).max();
        let smallest = evidence.ids.keys().min().copied().unwrap_or(0);
        let largest = largest.copied().unwrap_or(0) as usize;
        let plain = evidence.indexed == 0;
        if largest < rows && (plain || covered < BELIEVED) {
            let finding = if plain {
                None
            } else {
                said("read by row number", 1.0)
            };
            return (Colors::Rows(0), finding);
        }
        if largest == rows && smallest >= 1 && (plain || covered < BELIEVED) {
            return (
                Colors::Rows(1),
                said("the ids run from 1, so rows are counted from 1", 1.0),
            );
        }
    }
    if covered >= BELIEVED {
        return (Colors::AsWritten, None);
    }
    // Blue and red exchanged, as OpenCV writes them.
    let swapped: Vec<u32> = written
        .iter()
        .map(|&c| {
            let [r, g, b] = unpacked(c);
            packed([b, g, r])
        })
        .collect();
    let share = evidence.covered(&swapped);
    if share > covered + 0.3 && share >= BELIEVED {
        let values = written
            .iter()
            .zip(&swapped)
            .map(|(a, b)| if a == b { vec![*a] } else { vec![*b] });
        return (
            Colors::Instead(values.collect()),
            said("with red and blue exchanged it is another matter", share),
        );
    }
    // Nearly the colours: each common colour has one row close to it.
    let mut values: Vec<Vec<u32>> = written.iter().map(|c| vec![*c]).collect();
    let mut close = Vec::new();
    for color in evidence.common_colors(COMMON) {
        let near = |row: &&u32| {
            let (a, b) = (unpacked(**row), unpacked(color));
            (0..3).all(|i| a[i].abs_diff(b[i]) <= CLOSE)
        };
        let mut rows = written.iter().enumerate().filter(|(_, row)| near(row));
        if let (Some((row, _)), None) = (rows.next(), rows.next()) {
            if !values[row].contains(&color) {
                values[row].push(color);
            }
            close.push(color);
        }
    }
    let share = evidence.covered(&close);
    if share > covered + 0.3 && share >= BELIEVED {
        return (
            Colors::Instead(values),
            said(
                "each common colour was given to the row whose colour is close",
                share,
            ),
        );
    }
    let strange: Vec<String> = evidence
        .common_colors(COMMON)
        .iter()
        .filter(|color| !written.contains(color))
        .take(4)
        .map(|&color| {
            let [r, g, b] = unpacked(color);
            format!("{r},{g},{b}")
        })
        .collect();
    let finding = Finding::new(
        "table-mismatch",
        Severity::Error,
        format!(
            "the colours of {} cover only {:.1} % of the masks' pixels; common colours are {}",
            table.origin,
            covered * 100.0,
            strange.join(", ")
        ),
    )
    .remedy(
        "Put the masks' colours into the table, or remove it to have classes made from the masks.",
    );
    (Colors::AsWritten, Some(finding))
}

/// Palettes whose numbers are not those of the table's rows, where colours tell which class is meant.
pub(super) fn order(table: &Table, evidence: &Evidence) -> Option<Finding> {
    let row_of = |color: &u32| {
        let mut rows = table.rows.iter();
        rows.position(|row| row.color.map(packed) == Some(*color))
    };
    let numbers = evidence.indexed_colors.iter();
    let meant: Option<Vec<(u32, usize)>> = numbers
        .flat_map(|(number, colors)| colors.iter().map(|color| (*number, row_of(color))))
        .map(|(number, row)| Some((number, row?)))
        .collect();
    let meant = meant?;
    let (number, row) = *meant
        .iter()
        .find(|(number, row)| *number as usize != *row)?;
    Some(
        Finding::new(
            "palette-order",
            Severity::Hint,
            format!(
                "the palettes number the classes in another order than {}: {number} is `{}` there, which is \
                 row {row}; colours decide",
                table.origin, table.rows[row].name
            ),
        )
        .remedy(
            "Nothing is to be done here; a program that takes the numbers for rows of the table exchanges \
             classes.",
        ),
    )
}

/// Checks a table of ids: `Some(shift)` where all ids are one above those of the table.
pub(super) fn shift(table: &Table, evidence: &Evidence) -> Option<(u32, Finding)> {
    if evidence.rgb > 0 {
        return None;
    }
    let values: Vec<u32> = table.rows.iter().filter_map(|row| row.value).collect();
    let known = |id: u32| values.contains(&id) || table.ignore.contains(&id);
    let ids: Vec<u32> = evidence
        .ids
        .keys()
        .copied()
        .filter(|id| *id != 255)
        .collect();
    let fits = ids.iter().all(|&id| known(id));
    let shifted = ids.iter().all(|&id| id > 0 && known(id - 1));
    if fits || !shifted || ids.is_empty() {
        return None;
    }
    let message = format!(
        "the masks hold the ids {} to {}, {} has {} to {}: ids are taken as one too large",
        ids.first().copied().unwrap_or(0),
        ids.last().copied().unwrap_or(0),
        table.origin,
        values.iter().min().copied().unwrap_or(0),
        values.iter().max().copied().unwrap_or(0)
    );
    let finding = Finding::new("ids-shifted", Severity::Warning, message)
        .remedy("Check the classes on a few overlays, then correct the list or the class map.");
    Some((1, finding))
}
