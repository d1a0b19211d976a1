//! One validation under every definition of Dice that is in use: papers write “Dice” for all of them.

use super::Validation;
use super::metrics::Confusion;
use super::scores::{Empty, mean_of_present};

/// A score in one definition.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Defined {
    pub name: &'static str,
    pub help: &'static str,
    /// NaN where the definition has no value here.
    #[serde(serialize_with = "finite")]
    pub value: f64,
}

fn finite<S: serde::Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_some(&Some(*value).filter(|value| value.is_finite()))
}

/// Every definition, in the same order for every validation of `classes`. Some leave the background
/// out, where the first class is one.
#[must_use]
pub fn definitions(validation: &Validation, classes: &[String]) -> Vec<Defined> {
    let has_background = classes.first().is_some_and(|name| background(name));
    let whole = &validation.confusion;
    let images = &validation.per_image;
    let mean = |scores: Vec<f64>| mean_of_present(&scores);
    let without = |scores: Vec<f64>| {
        let kept = scores.into_iter().enumerate();
        mean_of_present(
            &kept
                .filter(|(class, _)| *class > 0 || !has_background)
                .map(|(_, score)| score)
                .collect::<Vec<_>>(),
        )
    };
    let over_images = |score: &dyn Fn(&Confusion) -> f64| {
        let scores: Vec<f64> = images.iter().map(score).collect();
        mean_of_present(&scores)
    };
    let row = |name, help, value| Defined { name, help, value };
    vec![
        row(
            "Dice, all pixels",
            "Dice of each class from one confusion matrix over all images, mean over the classes that \
             occur. This is the score that Dicebench calls mean Dice.",
            mean(whole.dice_as(Empty::Skip)),
        ),
        row(
            "Dice, all pixels, no background",
            "As above, without the background class.",
            without(whole.dice_as(Empty::Skip)),
        ),
        row(
            "Dice per image",
            "Dice of each class and image, mean over the classes that occur in truth or prediction, then \
             over images (torchmetrics dice_score).",
            over_images(&|image| mean(image.dice_as(Empty::Skip))),
        ),
        row(
            "Dice per image, no background",
            "As above, without the background class.",
            over_images(&|image| without(image.dice_as(Empty::Skip))),
        ),
        row(
            "Dice per image, only where the truth has the class",
            "Classes that an image's truth lacks don't count, invented or not (MONAI's default).",
            over_images(&|image| mean(image.dice_as(Empty::SkipWithoutTruth))),
        ),
        row(
            "Dice per image, absent = 1",
            "A class in neither truth nor prediction scores 1 (MONAI, ignore_empty = False): many absent \
             classes make it look good.",
            over_images(&|image| mean(image.dice_as(Empty::Perfect))),
        ),
        row(
            "Dice per image, absent = 0",
            "A class in neither truth nor prediction scores 0 (scikit-learn, zero_division = 0): many \
             absent classes make it look bad.",
            over_images(&|image| mean(image.dice_as(Empty::Zero))),
        ),
        row(
            "Dice, classes pooled",
            "Pixels of all classes together: for classes that exclude one another this is the share of \
             right pixels.",
            whole.dice_pooled(0),
        ),
        row(
            "Dice, weighted by volume",
            "Dice of each class, weighted by how many pixels the truth has of it.",
            whole.dice_by_volume(0),
        ),
        row(
            "IoU, all pixels",
            "TP / (TP + FP + FN) of each class over all images, mean over the classes that occur.",
            mean(whole.iou_as(Empty::Skip)),
        ),
        row(
            "Accuracy",
            "Share of pixels that are right: the largest class decides it.",
            whole.accuracy(),
        ),
        row(
            "Cohen's kappa",
            "Agreement beyond that of chance.",
            whole.kappa(),
        ),
        row(
            "Matthews correlation",
            "Correlation of truth and prediction over all classes.",
            whole.matthews(),
        ),
    ]
}

/// The class that stands for nothing: the first one, where its name says so.
#[must_use]
pub fn background(first_class: &str) -> bool {
    const NOTHING: [&str; 6] = [
        "background",
        "bg",
        "none",
        "void",
        "unlabelled",
        "unlabeled",
    ];
    NOTHING.contains(&first_class.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(counts: [u64; 4]) -> Confusion {
        Confusion {
            classes: 2,
            counts: counts.to_vec(),
        }
    }

    #[test]
    fn definitions_differ_as_they_do_by_hand() {
        // One image with the thing half found, one without it, all right.
        let first = confusion([6, 0, 2, 2]);
        let second = confusion([10, 0, 0, 0]);
        let mut whole = first.clone();
        whole.merge(&second);
        let validation = Validation {
            step: 1,
            loss: 0.0,
            dice: whole.dice(),
            mean_dice: None,
            confusion: whole,
            per_image: vec![first, second],
            secs: 0.0,
        };
        let names = ["Background", "thing"].map(str::to_owned);
        let all = definitions(&validation, &names);
        let of = |name: &str| all.iter().find(|d| d.name == name).expect(name).value;
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        // Ground: 2·16/(18+16); thing: 2·2/(4+2).
        let (ground, thing) = (32.0 / 34.0, 4.0 / 6.0);
        close(of("Dice, all pixels"), f64::midpoint(ground, thing));
        close(of("Dice, all pixels, no background"), thing);
        // Image by image: ground 12/14 and thing 4/6; then ground 1 alone.
        let image = f64::midpoint(12.0 / 14.0, thing);
        close(of("Dice per image"), f64::midpoint(image, 1.0));
        close(of("Dice per image, no background"), thing);
        close(of("Dice per image, absent = 1"), f64::midpoint(image, 1.0));
        close(of("Dice per image, absent = 0"), f64::midpoint(image, 0.5));
        close(of("Dice, classes pooled"), 18.0 / 20.0);
        close(of("Accuracy"), 18.0 / 20.0);
        close(
            of("Dice, weighted by volume"),
            (16.0 * ground + 4.0 * thing) / 20.0,
        );
    }
}
