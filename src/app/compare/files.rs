//! What is compared as files.

use super::gather::Side;
use crate::app::view::save::{self, Save};
use crate::run::versus::image_dice;

/// What was chosen in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Svg,
    Png,
    Csv,
    Json,
}

impl Asked {
    pub fn is_picture(self) -> bool {
        matches!(self, Self::Svg | Self::Png)
    }
}

/// Mean Dice of each image in each run, in the order shown.
pub fn scores(asked: Asked, side: &Side) -> Result<Save, String> {
    let mut heading = vec!["image".to_owned(), "ordered by".to_owned()];
    heading.extend(side.titles.iter().cloned());
    let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    let mut rows = vec![heading];
    for ranked in side.ranked {
        let name = side.names.get(ranked.position).cloned().unwrap_or_default();
        let mut row = vec![name, number(ranked.value)];
        row.extend((side.validations.iter()).map(|validation| {
            let dice = validation.and_then(|(_, v)| image_dice(v, ranked.position));
            number(dice)
        }));
        rows.push(row);
    }
    match asked {
        Asked::Json => Ok(Save::new("images", "json", save::json(&rows)?)),
        _ => Ok(Save::new("images", "csv", save::csv(&rows)?)),
    }
}
