//! Patterns 4, 5 and 15: what is taken for the truth is not what was drawn.

use super::{Diagnosis, Evidence};
use crate::data::{Class, IGNORE, MaskResize, MaskValues, blending};
use crate::finding::Severity;

/// Names by which "nothing is known here" goes.
const VOID: &[&str] = &[
    "void",
    "unlabelled",
    "unlabeled",
    "ignore",
    "ignored",
    "__ignore__",
    "unknown",
    "border",
];

/// 255 where the target should hold 1.
pub(super) fn bytes_as_target(evidence: Evidence<'_>) -> Option<Diagnosis> {
    if evidence.config.data.mask_values != MaskValues::Bytes {
        return None;
    }
    let range = evidence.xray.map_or(String::new(), |xray| {
        format!(
            " The perfect answer scores {:.3}, and the range is {:.3} to {:.3}.",
            xray.floor, xray.lowest, xray.highest
        )
    });
    Some(
        Diagnosis::new(
            "mask-values-not-0-1",
            Severity::Error,
            format!("The target holds 255 where a class is (`data.mask_values`): expected 1.{range}"),
        )
        .pattern(4)
        .why(
            "Every formula counts on 0 and 1. With 255 a missed pixel costs 255 times an invented one, \
             and a Dice loss falls below 0.",
        )
        .met("Pytorch-UNet#84 (Dice of 1.97), Pytorch-UNet#375, brain-segmentation-pytorch#36, 3DUnetCNN#236")
        .fix("Use 1 where the class is", &[("data.mask_values", "ones")]),
    )
}

/// Masks resized as if class numbers were brightness.
pub(super) fn blended(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let data = &evidence.config.data;
    if data.mask_resize != MaskResize::Bilinear {
        return None;
    }
    let invented = (evidence.dataset)
        .and_then(|dataset| blending::invented(dataset, data.width as usize, data.height as usize))
        .map_or(String::new(), |share| {
            format!(
                " {:.2} % of their pixels get a class that no pixel around them has.",
                share * 100.0
            )
        });
    Some(
        Diagnosis::new(
            "masks-blended",
            Severity::Error,
            format!(
                "Training masks are resized to {} × {} by blending (`data.mask_resize` = bilinear): between \
                 class 0 and class 4 appear 1, 2 and 3.{invented}",
                data.width, data.height
            ),
        )
        .pattern(15)
        .why("Every border wears rings of classes that nobody drew; thin and small objects are mostly border.")
        .met("tensorflow/docs#2159 (TensorFlow's own tutorial), image-segmentation-keras#11, tf-keras-PSPNet#2")
        .fix("Resize masks by nearest neighbour", &[("data.mask_resize", "nearest")]),
    )
}

/// The value that means "nothing is known here" taught as a class.
pub(super) fn void_as_class(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let dataset = evidence.dataset?;
    let map = &dataset.classes;
    // 0 and 255 are background and foreground; 255 beside several classes is a border.
    let highest_other = (map.classes.iter())
        .flat_map(|class| &class.values)
        .filter(|value| **value != u32::from(IGNORE))
        .max()?;
    let by_ids = map.coding == crate::data::Coding::Ids;
    let is_void = |class: &Class| {
        let name = class.name.to_lowercase();
        let value =
            by_ids && map.len() > 2 && *highest_other < 200 && class.values == [u32::from(IGNORE)];
        value || VOID.contains(&name.as_str())
    };
    let (index, void) = map
        .classes
        .iter()
        .enumerate()
        .find(|(_, class)| is_void(class))?;
    let pixels = *dataset.census.train_pixels.get(index)?;
    if pixels == 0 {
        return None;
    }
    let total: u64 = dataset.census.train_pixels.iter().sum();
    // Borders and doubts are few pixels: what covers most of the images is the background.
    if 2 * pixels > total && !void.values.contains(&u32::from(IGNORE)) {
        return None;
    }
    let mut fixed = map.clone();
    fixed.classes.remove(index);
    fixed.ignore.extend(&void.values);
    fixed.ignore.sort_unstable();
    fixed.ignore.dedup();
    Some(
        Diagnosis::new(
            "void-as-class",
            Severity::Warning,
            format!(
                "“{}” ({}) is trained and scored as a class, on {:.2} % of the training pixels.",
                void.name,
                void.values.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
                pixels as f64 / total as f64 * 100.0
            ),
        )
        .pattern(5)
        .why("It marks pixels that nobody could name. Taught as a class, the network learns to doubt along borders, and the score counts it.")
        .met("boundary_loss#6, ESPNetv2#4, MONAI#8969, SICKLE#6")
        .fix_classes("Ignore these pixels", fixed),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{classes, code, config, cured, evidence, sample, xray};
    use super::*;

    #[test]
    fn targets_of_255_are_named_with_the_range_they_cause() {
        let bad = config(&[("data.mask_values", "bytes"), ("loss.kind", "dice")]);
        let picture = xray(&bad);
        assert!(picture.floor < -0.9, "{}", picture.floor);
        let found = bytes_as_target(Evidence {
            xray: Some(&picture),
            ..evidence(&bad)
        })
        .unwrap();
        assert_eq!(found.finding.severity, Severity::Error);
        let good = cured(&bad, &found);
        assert_eq!(bytes_as_target(evidence(&good)), None);
        assert!(xray(&good).lowest > -1e-6);
    }

    #[test]
    fn blended_masks_are_named() {
        let bad = config(&[("data.mask_resize", "bilinear")]);
        let found = blended(evidence(&bad)).unwrap();
        assert_eq!(blended(evidence(&cured(&bad, &found))), None);
    }

    #[test]
    fn a_void_class_is_named_and_white_foreground_is_not() {
        let config = config(&[]);
        let mut dataset = sample();
        let look = |dataset: &_| {
            void_as_class(Evidence {
                dataset: Some(dataset),
                ..evidence(&config)
            })
        };
        assert_eq!(look(&dataset), None);
        dataset.classes = classes(&[("background", 0), ("cell", 1), ("class 255", 255)]);
        let found = look(&dataset).unwrap();
        dataset.classes = cured(&config, &found).data.classes.unwrap();
        assert_eq!(dataset.classes.len(), 2);
        assert!(dataset.classes.ignore.contains(&255));
        assert_eq!(look(&dataset), None);
        dataset.classes = classes(&[("background", 0), ("foreground", 255)]);
        assert_eq!(look(&dataset), None);
        dataset.classes = classes(&[("road", 0), ("Unlabelled", 11), ("car", 3)]);
        assert_eq!(code(look(&dataset)).as_deref(), Some("void-as-class"));
    }
}
