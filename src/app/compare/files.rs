//! What is compared as files: pictures, and the scores of images.

use egui::{Color32, ColorImage};

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

/// The panes, as one file.
pub fn pictures(asked: Asked, panes: &[(String, ColorImage)]) -> Result<Save, String> {
    if panes.is_empty() {
        return Err("no picture is there yet to be saved".to_owned());
    }
    if asked == Asked::Svg {
        let text = save::pictures_svg(panes)?;
        return Ok(Save::new("comparison", "svg", text.into_bytes()));
    }
    let pictures: Vec<&ColorImage> = panes.iter().map(|(_, picture)| picture).collect();
    save::png(&beside(&pictures)).map(|bytes| Save::new("comparison", "png", bytes))
}

/// Pictures beside one another, four pixels apart.
fn beside(pictures: &[&ColorImage]) -> ColorImage {
    const GAP: usize = 4;
    let wide: usize = pictures.iter().map(|picture| picture.size[0] + GAP).sum();
    let high = pictures
        .iter()
        .map(|picture| picture.size[1])
        .max()
        .unwrap_or(1);
    let wide = wide.saturating_sub(GAP).max(1);
    let mut all = ColorImage::filled([wide, high], Color32::WHITE);
    let mut left = 0;
    for picture in pictures {
        let [w, h] = picture.size;
        for y in 0..h {
            let to = y * wide + left;
            all.pixels[to..to + w].copy_from_slice(&picture.pixels[y * w..(y + 1) * w]);
        }
        left += w + GAP;
    }
    all
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_beside_one_another() {
        let one = ColorImage::filled([2, 3], Color32::RED);
        let other = ColorImage::filled([1, 2], Color32::BLUE);
        let all = beside(&[&one, &other]);
        assert_eq!(all.size, [7, 3]);
        assert_eq!(all.pixels[1], Color32::RED);
        assert_eq!(all.pixels[6], Color32::BLUE);
        assert_eq!(
            (all.pixels[2], all.pixels[20]),
            (Color32::WHITE, Color32::WHITE)
        );
        assert!(pictures(Asked::Png, &[]).is_err());
    }
}
