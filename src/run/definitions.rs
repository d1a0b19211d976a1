//! One validation under every definition of a score that is in use: papers write “Dice” for many of
//! them. [`DEFINITIONS`] is the one list; window, command line and report go through it.

use super::calibration::Calibration;
use super::metrics::Confusion;
use super::outlines::Outlines;
use super::scores::{Empty, mean_of_present};
use super::{Run, Validation};

/// What scores are made of.
pub struct Evidence<'a> {
    pub whole: &'a Confusion,
    /// One per image, in split order.
    pub images: &'a [Confusion],
    /// Images of a training batch.
    pub batch: usize,
    /// The first class that is something: 1 where the first stands for the background.
    pub first: usize,
    pub calibration: Option<&'a Calibration>,
    /// `None` where no pictures were kept, or they were not looked at yet.
    pub outlines: Option<&'a Outlines>,
}

type PerClass = fn(&Confusion) -> Vec<f64>;

/// How a definition comes to its one number.
pub enum Score {
    /// Of each class, over all images; then the mean of the classes that have a score.
    Classes(fn(&Evidence<'_>) -> Vec<f64>),
    /// Of each class and image; the mean of an image's classes, then of the images.
    Images(PerClass),
    /// As `Images`, without the background.
    ImagesForeground(PerClass),
    /// As `Images`, with as many images as a batch has taken for one.
    Batches(PerClass),
    /// One number for each image.
    EachImage(fn(&Confusion) -> f64),
    /// One number for everything.
    Whole(fn(&Evidence<'_>) -> f64),
}

/// A definition of a score.
pub struct Definition {
    pub name: &'static str,
    pub help: &'static str,
    /// Who reports it this way.
    pub library: &'static str,
    /// Whether less is better.
    pub lower: bool,
    pub score: Score,
}

const fn define(
    name: &'static str,
    help: &'static str,
    library: &'static str,
    score: Score,
) -> Definition {
    Definition {
        name,
        help,
        library,
        lower: false,
        score,
    }
}

const fn less(
    name: &'static str,
    help: &'static str,
    library: &'static str,
    score: Score,
) -> Definition {
    Definition {
        name,
        help,
        library,
        lower: true,
        score,
    }
}

fn skip(confusion: &Confusion) -> Vec<f64> {
    confusion.dice_as(Empty::Skip)
}

fn outlines(evidence: &Evidence<'_>, of: fn(&Outlines) -> &[f64]) -> Vec<f64> {
    let mut scores = evidence.outlines.map_or_else(Vec::new, |o| of(o).to_vec());
    blank(&mut scores, evidence.first);
    scores
}

fn blank(scores: &mut [f64], first: usize) {
    scores.iter_mut().take(first).for_each(|s| *s = f64::NAN);
}

fn foreground(mut scores: Vec<f64>, first: usize) -> Vec<f64> {
    blank(&mut scores, first);
    scores
}

/// Every definition, in the order in which they are shown.
pub const DEFINITIONS: &[Definition] = &[
    define(
        "Dice, all pixels",
        "Dice of each class from one confusion matrix over all images, mean over the classes that \
         occur. This is the score that Dicebench calls mean Dice.",
        "torchmetrics DiceScore (aggregation_level = global, average = macro)",
        Score::Classes(|e| skip(e.whole)),
    ),
    define(
        "Dice, all pixels, no background",
        "As above, without the background class.",
        "nnU-Net's pseudo Dice during training",
        Score::Classes(|e| foreground(skip(e.whole), e.first)),
    ),
    define(
        "Dice per image",
        "Dice of each class and image, mean over the classes that occur in truth or prediction, then \
         over images.",
        "torchmetrics dice_score (aggregation_level = samplewise)",
        Score::Images(skip),
    ),
    define(
        "Dice per image, no background",
        "As above, without the background class.",
        "torchmetrics DiceScore (include_background = False)",
        Score::ImagesForeground(skip),
    ),
    define(
        "Dice per image, only where the truth has the class",
        "Classes that an image's truth lacks don't count, invented or not.",
        "MONAI DiceMetric (ignore_empty = True, the default)",
        Score::Images(|c| c.dice_as(Empty::SkipWithoutTruth)),
    ),
    define(
        "Dice per image, absent = 1",
        "A class in neither truth nor prediction scores 1: many absent classes make it look good.",
        "MONAI DiceMetric (ignore_empty = False)",
        Score::Images(|c| c.dice_as(Empty::Perfect)),
    ),
    define(
        "Dice per image, absent = 0",
        "A class in neither truth nor prediction scores 0: many absent classes make it look bad.",
        "scikit-learn f1_score (zero_division = 0)",
        Score::Images(|c| c.dice_as(Empty::Zero)),
    ),
    define(
        "Dice per batch",
        "Pixels of as many images as a training batch has taken together, then the mean over batches: \
         it depends on the batch size.",
        "Keras, for a metric function given to compile",
        Score::Batches(skip),
    ),
    define(
        "Dice, classes pooled",
        "Pixels of all classes together: for classes that exclude one another this is the share of \
         right pixels.",
        "torchmetrics dice_score (average = micro)",
        Score::Whole(|e| e.whole.dice_pooled(0)),
    ),
    define(
        "Dice, weighted by volume",
        "Dice of each class, weighted by how many pixels the truth has of it.",
        "torchmetrics dice_score (average = weighted)",
        Score::Whole(|e| e.whole.dice_by_volume(0)),
    ),
    define(
        "Generalised Dice score",
        "One ratio per image, its classes weighted by 1 / volume²: a class of few pixels rules. Mean \
         over images.",
        "MONAI GeneralizedDiceScore (weight_type = square, sum_over_classes = True)",
        Score::EachImage(Confusion::generalized_dice),
    ),
    define(
        "IoU, all pixels",
        "TP / (TP + FP + FN) of each class over all images, mean over the classes that occur.",
        "Keras MeanIoU; torchmetrics JaccardIndex",
        Score::Classes(|e| e.whole.iou_as(Empty::Skip)),
    ),
    define(
        "IoU, all pixels, no background",
        "As above, without the background class.",
        "Keras IoU (target_class_ids without 0)",
        Score::Classes(|e| foreground(e.whole.iou_as(Empty::Skip), e.first)),
    ),
    define(
        "IoU per image",
        "IoU of each class and image, mean over the classes that occur, then over images.",
        "torchmetrics MeanIoU (segmentation)",
        Score::Images(|c| c.iou_as(Empty::Skip)),
    ),
    define(
        "IoU per image, only where the truth has the class",
        "Classes that an image's truth lacks don't count, invented or not.",
        "MONAI MeanIoU (ignore_empty = True, the default)",
        Score::Images(|c| c.iou_as(Empty::SkipWithoutTruth)),
    ),
    define(
        "Precision",
        "Share of what was predicted that is right, mean over classes; 0 where nothing was predicted.",
        "scikit-learn precision_score (average = macro, zero_division = 0)",
        Score::Classes(|e| e.whole.precision()),
    ),
    define(
        "Recall",
        "Share of the truth that was found, mean over classes; 0 where there is none.",
        "scikit-learn recall_score (average = macro, zero_division = 0)",
        Score::Classes(|e| e.whole.recall()),
    ),
    define(
        "Accuracy",
        "Share of pixels that are right: the largest class decides it.",
        "scikit-learn accuracy_score",
        Score::Whole(|e| e.whole.accuracy()),
    ),
    define(
        "Cohen's kappa",
        "Agreement beyond that of chance.",
        "scikit-learn cohen_kappa_score",
        Score::Whole(|e| e.whole.kappa()),
    ),
    define(
        "Matthews correlation",
        "Correlation of truth and prediction over all classes.",
        "scikit-learn matthews_corrcoef",
        Score::Whole(|e| e.whole.matthews()),
    ),
    less(
        "Calibration error (ECE)",
        "How far the confidence of the chosen class is from the share of right pixels, over 15 equal \
         intervals of confidence; less is better.",
        "torchmetrics MulticlassCalibrationError (n_bins = 15, norm = l1)",
        Score::Whole(|e| e.calibration.map_or(f64::NAN, Calibration::expected_error)),
    ),
    less(
        "Calibration error, largest (MCE)",
        "The largest gap of any of these intervals; less is better.",
        "torchmetrics MulticlassCalibrationError (norm = max)",
        Score::Whole(|e| e.calibration.map_or(f64::NAN, Calibration::largest_error)),
    ),
    less(
        "Hausdorff distance, 95 %",
        "Pixels: 95 % of each outline lie at most this far from the other. Without background; mean \
         over the images whose pictures were kept and that have both outlines; less is better.",
        "MONAI HausdorffDistanceMetric (percentile = 95)",
        Score::Classes(|e| outlines(e, |o| &o.hausdorff95)),
    ),
    less(
        "Average surface distance",
        "Pixels between the outlines, mean over both; without background; mean over the images whose \
         pictures were kept and that have both outlines; less is better.",
        "MONAI SurfaceDistanceMetric (symmetric = True)",
        Score::Classes(|e| outlines(e, |o| &o.average)),
    ),
    define(
        "Surface Dice at 1 pixel",
        "Share of both outlines that lies within a pixel of the other; without background; mean over \
         the images whose pictures were kept.",
        "MONAI SurfaceDiceMetric (class_thresholds = 1)",
        Score::Classes(|e| outlines(e, |o| &o.surface_dice)),
    ),
    define(
        "Boundary IoU",
        "IoU of the bands inside both outlines, 2 % of the image's diagonal wide: large objects can't \
         hide a bad outline. Without background; mean over the images whose pictures were kept.",
        "boundary-iou-api (Cheng et al. 2021, dilation_ratio = 0.02)",
        Score::Classes(|e| outlines(e, |o| &o.boundary_iou)),
    ),
];

/// A score in one definition.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Defined {
    pub name: &'static str,
    pub help: &'static str,
    /// Who reports it this way.
    pub library: &'static str,
    pub lower_is_better: bool,
    /// NaN where the definition has no value here.
    #[serde(serialize_with = "finite")]
    pub value: f64,
    /// Per class, NaN where there is none; empty where the definition has one number only.
    #[serde(serialize_with = "all_finite", skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<f64>,
}

fn finite<S: serde::Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_some(&Some(*value).filter(|value| value.is_finite()))
}

fn all_finite<S: serde::Serializer>(values: &[f64], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(values.iter().map(|v| Some(*v).filter(|v| v.is_finite())))
}

/// Every definition of one validation of `run`, in the order of [`DEFINITIONS`]. Some leave the
/// background out, where the first class is one.
#[must_use]
pub fn definitions(
    run: &Run,
    validation: &Validation,
    outlines: Option<&Outlines>,
) -> Vec<Defined> {
    let calibration = &validation.calibration;
    let evidence = Evidence {
        whole: &validation.confusion,
        images: &validation.per_image,
        batch: run.config.train.batch as usize,
        first: usize::from(run.classes.first().is_some_and(|name| background(name))),
        calibration: (!calibration.is_empty()).then_some(calibration),
        outlines,
    };
    DEFINITIONS.iter().map(|d| d.of(&evidence)).collect()
}

impl Definition {
    /// The score of what is known.
    #[must_use]
    pub fn of(&self, evidence: &Evidence<'_>) -> Defined {
        let (value, classes) = match self.score {
            Score::Classes(score) => {
                let classes = score(evidence);
                (mean_of_present(&classes), classes)
            }
            Score::Images(score) => over(evidence.images.iter().map(score).collect()),
            Score::ImagesForeground(score) => {
                let each = evidence.images.iter().map(score);
                over(each.map(|s| foreground(s, evidence.first)).collect())
            }
            Score::Batches(score) => {
                let batches = evidence.images.chunks(evidence.batch.max(1));
                let pooled = batches.map(|batch| {
                    let mut sum = Confusion::new(evidence.whole.classes);
                    batch.iter().for_each(|image| sum.merge(image));
                    score(&sum)
                });
                over(pooled.collect())
            }
            Score::EachImage(score) => {
                let each: Vec<f64> = evidence.images.iter().map(score).collect();
                (mean_of_present(&each), Vec::new())
            }
            Score::Whole(score) => (score(evidence), Vec::new()),
        };
        Defined {
            name: self.name,
            help: self.help,
            library: self.library,
            lower_is_better: self.lower,
            value,
            classes,
        }
    }
}

/// The mean of each group's classes, then of the groups; and the mean of each class.
fn over(groups: Vec<Vec<f64>>) -> (f64, Vec<f64>) {
    let each: Vec<f64> = groups.iter().map(|group| mean_of_present(group)).collect();
    let classes = groups.first().map_or(0, Vec::len);
    let of_class = |class: usize| {
        let scores: Vec<f64> = groups.iter().map(|group| group[class]).collect();
        mean_of_present(&scores)
    };
    (mean_of_present(&each), (0..classes).map(of_class).collect())
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
        let mut calibration = Calibration::new(2);
        calibration.add(0.75, true);
        let validation = Validation {
            step: 1,
            loss: 0.0,
            dice: whole.dice(),
            mean_dice: None,
            confusion: whole,
            per_image: vec![first, second],
            calibration,
            secs: 0.0,
        };
        let mut run = Run {
            classes: ["Background", "thing"].map(str::to_owned).to_vec(),
            ..Run::default()
        };
        run.config.train.batch = 2;
        let outlines = Outlines {
            images: 2,
            hausdorff95: vec![9.0, 3.0],
            ..Outlines::default()
        };
        let all = definitions(&run, &validation, Some(&outlines));
        let of = |name: &str| all.iter().find(|d| d.name == name).expect(name).value;
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        // Ground: 2·16/(18+16); thing: 2·2/(4+2).
        let (ground, thing) = (32.0 / 34.0, 4.0 / 6.0);
        close(of("Dice, all pixels"), f64::midpoint(ground, thing));
        close(of("Dice, all pixels, no background"), thing);
        // Both images make one batch.
        close(of("Dice per batch"), f64::midpoint(ground, thing));
        // Image by image: ground 12/14 and thing 4/6; then ground 1 alone.
        let image = f64::midpoint(12.0 / 14.0, thing);
        close(of("Dice per image"), f64::midpoint(image, 1.0));
        close(of("Dice per image, no background"), thing);
        close(of("Dice per image, absent = 1"), f64::midpoint(image, 1.0));
        close(of("Dice per image, absent = 0"), f64::midpoint(image, 0.5));
        close(of("Dice, classes pooled"), 18.0 / 20.0);
        close(of("Accuracy"), 18.0 / 20.0);
        // Weights 1/36 and 1/16; the second image's absent class takes the other's weight.
        let weighted = 2.0 * (6.0 / 36.0 + 2.0 / 16.0) / (14.0 / 36.0 + 6.0 / 16.0);
        close(of("Generalised Dice score"), f64::midpoint(weighted, 1.0));
        close(of("Recall"), f64::midpoint(1.0, 0.5));
        close(of("Precision"), f64::midpoint(16.0 / 18.0, 1.0));
        close(of("Calibration error (ECE)"), 0.25);
        close(of("Hausdorff distance, 95 %"), 3.0);
        assert!(of("Boundary IoU").is_nan());
        close(
            of("Dice, weighted by volume"),
            (16.0 * ground + 4.0 * thing) / 20.0,
        );
    }

    #[test]
    fn every_definition_says_what_it_is_and_who_reports_it() {
        for (at, one) in DEFINITIONS.iter().enumerate() {
            assert!(
                !one.help.is_empty() && !one.library.is_empty(),
                "{}",
                one.name
            );
            assert!(DEFINITIONS[..at].iter().all(|d| d.name != one.name));
        }
    }
}
