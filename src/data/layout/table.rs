//! Class tables that lie beside the images: `class_dict.csv`, `labelmap.txt`, lists of names.

use std::path::{Path, PathBuf};

use crate::data::DataError;

/// One class of a table: by colour, by value, or by its place in the list.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::data) struct Row {
    pub name: String,
    pub color: Option<[u8; 3]>,
    pub value: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::data) struct Table {
    /// Where it comes from, in words.
    pub origin: String,
    pub rows: Vec<Row>,
    /// Mask values without a class.
    pub ignore: Vec<u32>,
    /// The table holds only when every id in the masks is below this (or 255).
    pub only_if_ids_below: Option<u32>,
}

/// Longer tables are something else.
const MAX_BYTES: u64 = 1 << 20;

/// The first table that is there.
pub(super) fn read(root: &Path, files: &[PathBuf]) -> Result<Option<Table>, DataError> {
    let shallow = |path: &&PathBuf| path.components().count() <= 3;
    for path in files.iter().filter(shallow) {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_ascii_lowercase();
        let reader = match name.as_str() {
            "class_dict.csv" | "class_dict_seg.csv" | "label_class_dict.csv" => csv_table,
            "labelmap.txt" => labelmap,
            "class_names.txt" | "label_names.txt" | "classes.txt" => name_list,
            _ => continue,
        };
        let full = root.join(path);
        let fail = |message: String| DataError::File {
            path: full.display().to_string(),
            message,
        };
        let size = std::fs::metadata(&full)
            .map_err(|e| fail(e.to_string()))?
            .len();
        if size > MAX_BYTES {
            return Err(fail(format!(
                "a class table of {size} bytes, expected at most {MAX_BYTES}"
            )));
        }
        let text = std::fs::read_to_string(&full).map_err(|e| fail(e.to_string()))?;
        let rows = reader(&text).map_err(fail)?;
        if !rows.is_empty() {
            return Ok(Some(Table {
                origin: format!("`{}`", path.display()),
                rows,
                ignore: Vec::new(),
                only_if_ids_below: None,
            }));
        }
    }
    Ok(None)
}

/// `name,r,g,b` with a header line, in any order of columns.
fn csv_table(text: &str) -> Result<Vec<Row>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header = reader.headers().map_err(|e| e.to_string())?.clone();
    let column = |names: &[&str]| {
        header
            .iter()
            .position(|h| names.contains(&h.to_ascii_lowercase().as_str()))
            .ok_or_else(|| {
                let there = header.iter().collect::<Vec<_>>().join(", ");
                format!("has the columns {there}; expected name, r, g, b")
            })
    };
    let name = column(&["name", "class", "class_name", "label"])?;
    let rgb = [
        column(&["r", "red"])?,
        column(&["g", "green"])?,
        column(&["b", "blue"])?,
    ];
    let mut rows = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|e| e.to_string())?;
        let mut color = [0; 3];
        for (channel, at) in color.iter_mut().zip(rgb) {
            let cell = record.get(at).unwrap_or_default();
            *channel = cell.parse().map_err(|_| {
                format!(
                    "line {}: colour value `{cell}`, expected 0 to 255",
                    index + 2
                )
            })?;
        }
        rows.push(Row {
            name: record.get(name).unwrap_or_default().to_owned(),
            color: Some(color),
            value: None,
        });
    }
    Ok(rows)
}

/// CVAT's `label:r,g,b:parts:actions`.
fn labelmap(text: &str) -> Result<Vec<Row>, String> {
    let lines = text.lines().enumerate().map(|(i, l)| (i + 1, l.trim()));
    let mut rows = Vec::new();
    for (number, line) in lines.filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
        let mut fields = line.split(':');
        let name = fields.next().unwrap_or_default().to_owned();
        let color = fields.next().unwrap_or_default();
        let parts: Vec<u8> = color
            .split(',')
            .filter_map(|c| c.trim().parse().ok())
            .collect();
        let [r, g, b] = parts[..] else {
            return Err(format!("line {number}: colour `{color}`, expected r,g,b"));
        };
        rows.push(Row {
            name,
            color: Some([r, g, b]),
            value: None,
        });
    }
    Ok(rows)
}

/// One name a line; the line number is the id.
fn name_list(text: &str) -> Result<Vec<Row>, String> {
    let names = text.lines().map(str::trim).filter(|line| !line.is_empty());
    // labelme writes `__ignore__` first, as -1.
    let names = names.filter(|name| *name != "__ignore__");
    Ok(names
        .enumerate()
        .map(|(id, name)| Row {
            name: name.trim_matches('_').to_owned(),
            color: None,
            value: Some(id as u32),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_every_kind_are_read() {
        let rows = csv_table("name,r,g,b\ncloud,128,0,0\n shadow , 0,128,0\n").unwrap();
        assert_eq!(rows[1].name, "shadow");
        assert_eq!(rows[1].color, Some([0, 128, 0]));
        let rows = labelmap("# label:color_rgb:parts:actions\ncat:64,0,0::\n").unwrap();
        assert_eq!(
            (rows[0].name.as_str(), rows[0].color),
            ("cat", Some([64, 0, 0]))
        );
        let rows = name_list("__ignore__\n_background_\ncat\n").unwrap();
        assert_eq!(
            (rows[0].name.as_str(), rows[1].value),
            ("background", Some(1))
        );
    }

    #[test]
    fn a_bad_table_says_where_and_what() {
        let error = csv_table("name,r,g,b\ncloud,300,0,0\n").unwrap_err();
        assert!(error.contains("line 2") && error.contains("300"), "{error}");
        assert!(
            csv_table("id,colour\n1,red\n")
                .unwrap_err()
                .contains("name, r, g, b")
        );
        assert!(labelmap("cat:red::\n").unwrap_err().contains("red"));
    }
}
