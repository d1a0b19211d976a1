//! Losses of known libraries by their own names: starting points that fill in the parameters as that
//! library's defaults do.

use super::{LossConfig, LossError, OutputActivation};

/// One function of one library, as settings of our engine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reference {
    /// `library.function`, with an argument where a library has two functions in one.
    pub name: &'static str,
    /// What the network has to put on its logits for this function.
    pub activation: OutputActivation,
    /// Our kind of loss.
    pub kind: &'static str,
    /// Keys and values that differ from that kind's defaults, in the order they are set.
    pub settings: &'static [(&'static str, &'static str)],
    /// What sets it apart, in one line.
    pub note: &'static str,
}

use OutputActivation::{None as Raw, Sigmoid, Softmax};

const fn by_name(
    name: &'static str,
    activation: OutputActivation,
    kind: &'static str,
    settings: &'static [(&'static str, &'static str)],
    note: &'static str,
) -> Reference {
    Reference {
        name,
        activation,
        kind,
        settings,
        note,
    }
}

const SMOOTH_1E5: [(&str, &str); 2] =
    [("smooth_numerator", "1e-5"), ("smooth_denominator", "1e-5")];
const PER_IMAGE: (&str, &str) = ("group", "image_class");

/// Every reference, library by library.
pub const REFERENCES: &[Reference] = &[
    // The original question and its answers.
    by_name(
        "question.dice_loss",
        Sigmoid,
        "question_dice",
        &[],
        "Ids as target, a second sigmoid, one global sum: as it was asked.",
    ),
    by_name(
        "keras#9395.dice_coef_9cat_loss",
        Softmax,
        "solution1_dice",
        &[],
        "Background dropped, one ratio for all classes, smoothing below the line only.",
    ),
    by_name(
        "keras#9395.tversky_loss",
        Softmax,
        "tversky",
        &[
            ("alpha", "0.5"),
            ("beta", "0.5"),
            ("smooth_numerator", "0"),
            ("smooth_denominator", "0"),
            ("divisor", "one"),
        ],
        "Summed over classes, not averaged: from 0 to the number of classes; no smoothing at all.",
    ),
    // Keras
    by_name(
        "keras.losses.Dice",
        Softmax,
        "dice",
        &[
            ("group", "all"),
            ("smooth_numerator", "0"),
            ("smooth_denominator", "1e-7"),
        ],
        "One ratio for everything by default (axis = None); an empty, unpredicted mask costs 1.",
    ),
    by_name(
        "keras.losses.Tversky",
        Softmax,
        "tversky",
        &[
            ("group", "all"),
            ("alpha", "0.5"),
            ("beta", "0.5"),
            ("smooth_numerator", "0"),
            ("smooth_denominator", "1e-7"),
        ],
        "Keras's alpha weighs false negatives: its (α, β) are our (β, α).",
    ),
    by_name(
        "keras.losses.CategoricalCrossentropy",
        Softmax,
        "cross_entropy",
        &[("renormalize", "before_clip"), ("clip", "1e-7")],
        "Scales the output to sum to 1, then clips: also works, silently, on sigmoids.",
    ),
    by_name(
        "keras.losses.SparseCategoricalCrossentropy",
        Softmax,
        "cross_entropy",
        &[("renormalize", "after_clip"), ("clip", "1e-7")],
        "Clips first, then scales to sum to 1; ids instead of one-hot make no other difference.",
    ),
    by_name(
        "keras.losses.BinaryCrossentropy",
        Sigmoid,
        "binary_cross_entropy",
        &[("clip", "1e-7"), ("normalizer", "count_all_times_classes")],
        "From clipped probabilities; set `from_logits` and `clip` = 0 for from_logits = True.",
    ),
    by_name(
        "keras.losses.CategoricalFocalCrossentropy",
        Softmax,
        "focal",
        &[("alpha", "0.25"), ("clip", "1e-7")],
        "α = 0.25 scales every class alike, so it is only a factor.",
    ),
    by_name(
        "keras.losses.CategoricalGeneralizedCrossEntropy",
        Softmax,
        "cross_entropy",
        &[("generalized_q", "0.7")],
        "(1 − p^q) / q; Keras has no default for q, 0.7 is the paper's.",
    ),
    // PyTorch
    by_name(
        "torch.nn.CrossEntropyLoss",
        Softmax,
        "cross_entropy",
        &[("normalizer", "sum_weights")],
        "Divided by the sum of the true classes' weights.",
    ),
    by_name(
        "torch.nn.BCEWithLogitsLoss",
        Sigmoid,
        "binary_cross_entropy",
        &[("normalizer", "count_all_times_classes")],
        "Class weights are its pos_weight.",
    ),
    // MONAI
    by_name(
        "monai.DiceLoss",
        Softmax,
        "dice",
        &[PER_IMAGE, SMOOTH_1E5[0], SMOOTH_1E5[1]],
        "One ratio per image and class: every image without a class counts in full.",
    ),
    by_name(
        "monai.DiceLoss(jaccard=True)",
        Softmax,
        "jaccard",
        &[("kappa", "2"), PER_IMAGE, SMOOTH_1E5[0], SMOOTH_1E5[1]],
        "Numerator and denominator doubled: smoothing is half as strong.",
    ),
    by_name(
        "monai.TverskyLoss",
        Softmax,
        "tversky",
        &[
            ("alpha", "0.5"),
            ("beta", "0.5"),
            PER_IMAGE,
            SMOOTH_1E5[0],
            SMOOTH_1E5[1],
        ],
        "One ratio per image and class.",
    ),
    by_name(
        "monai.GeneralizedDiceLoss",
        Softmax,
        "generalized_dice",
        &[],
        "Absent classes take the largest weight of their image.",
    ),
    by_name(
        "monai.GeneralizedWassersteinDiceLoss",
        Softmax,
        "wasserstein",
        &[],
        "Background pixels are no true positives; the matrix is scaled to a maximum of 1 there.",
    ),
    by_name(
        "monai.FocalLoss",
        Sigmoid,
        "focal",
        &[
            ("form", "binary"),
            ("normalizer", "count_valid_times_classes"),
        ],
        "Independent sigmoids by default, whatever the network was meant to be.",
    ),
    by_name(
        "monai.FocalLoss(use_softmax=True)",
        Softmax,
        "focal",
        &[("normalizer", "count_valid_times_classes")],
        "Mean over pixels and classes: C times smaller than softmax focal elsewhere.",
    ),
    by_name(
        "monai.DiceCELoss",
        Softmax,
        "sum",
        &[
            ("terms.0.loss.kind", "dice"),
            ("terms.0.loss.group", "image_class"),
            ("terms.0.loss.smooth_numerator", "1e-5"),
            ("terms.0.loss.smooth_denominator", "1e-5"),
            ("terms.1.loss.kind", "cross_entropy"),
            ("terms.1.loss.normalizer", "sum_weights"),
        ],
        "Dice per image and class plus cross-entropy, weighted alike.",
    ),
    by_name(
        "monai.DiceFocalLoss",
        Raw,
        "sum",
        &[
            ("terms.0.loss.kind", "dice"),
            ("terms.0.loss.input_activation", "softmax"),
            ("terms.0.loss.group", "image_class"),
            ("terms.0.loss.smooth_numerator", "1e-5"),
            ("terms.0.loss.smooth_denominator", "1e-5"),
            ("terms.1.loss.kind", "focal"),
            ("terms.1.loss.input_activation", "sigmoid"),
            ("terms.1.loss.form", "binary"),
            ("terms.1.loss.normalizer", "count_valid_times_classes"),
        ],
        "softmax = True reaches only the Dice part; the focal part stays sigmoid.",
    ),
    by_name(
        "monai.GeneralizedDiceFocalLoss",
        Raw,
        "sum",
        &[
            ("terms.0.loss.kind", "generalized_dice"),
            ("terms.0.loss.input_activation", "softmax"),
            ("terms.1.loss.kind", "focal"),
            ("terms.1.loss.input_activation", "sigmoid"),
            ("terms.1.loss.form", "binary"),
            ("terms.1.loss.normalizer", "count_valid_times_classes"),
        ],
        "softmax = True reaches only the Dice part; the focal part stays sigmoid.",
    ),
    by_name(
        "monai.AsymmetricUnifiedFocalLoss",
        Softmax,
        "unified_focal",
        &[],
        "Reads channels 0 and 1 alone; ours takes every class above 0 for foreground.",
    ),
    by_name(
        "monai.MCCLoss",
        Softmax,
        "mcc",
        &[PER_IMAGE, SMOOTH_1E5[0]],
        "One correlation per image and class; flawless ones are forced to 0 loss.",
    ),
    by_name(
        "monai.SoftclDiceLoss",
        Softmax,
        "cldice",
        &[("include_background", "true")],
        "Classes of an image are pooled, the background among them.",
    ),
    by_name(
        "monai.SoftDiceclDiceLoss",
        Softmax,
        "sum",
        &[
            ("terms.0.weight", "0.5"),
            ("terms.0.loss.kind", "dice"),
            ("terms.0.loss.group", "image_class"),
            ("terms.1.weight", "0.5"),
            ("terms.1.loss.kind", "cldice"),
            ("terms.1.loss.include_background", "true"),
        ],
        "Half Dice, half clDice.",
    ),
    by_name(
        "monai.BoundaryLoss",
        Softmax,
        "boundary",
        &[("include_background", "true")],
        "The background counts; a class that is absent or fills the image has no map.",
    ),
    by_name(
        "monai.HausdorffDTLoss",
        Softmax,
        "hausdorff",
        &[],
        "Without background; fields of p > ½, recomputed every step.",
    ),
    by_name(
        "monai.LogHausdorffDTLoss",
        Softmax,
        "hausdorff",
        &[("log", "true")],
        "log(1 + Hausdorff), so that early steps don't explode.",
    ),
    by_name(
        "monai.NACLLoss",
        Softmax,
        "nacl",
        &[],
        "Compares neighbours' labels with raw logits.",
    ),
    // segmentation_models.pytorch
    by_name(
        "smp.DiceLoss",
        Softmax,
        "dice",
        &[
            ("kappa", "1"),
            ("smooth_numerator", "0"),
            ("smooth_denominator", "0"),
            ("denominator_floor", "1e-7"),
            ("absent", "zero"),
            ("divisor", "sum_weights"),
        ],
        "Classes over the batch; absent ones cost nothing yet are counted; its smooth is worth twice that of others.",
    ),
    by_name(
        "smp.JaccardLoss",
        Softmax,
        "jaccard",
        &[
            ("smooth_numerator", "0"),
            ("smooth_denominator", "0"),
            ("denominator_floor", "1e-7"),
            ("absent", "zero"),
            ("divisor", "sum_weights"),
        ],
        "Classes over the batch; absent ones cost nothing yet are counted.",
    ),
    by_name(
        "smp.TverskyLoss",
        Softmax,
        "tversky",
        &[
            ("alpha", "0.5"),
            ("beta", "0.5"),
            ("smooth_numerator", "0"),
            ("smooth_denominator", "0"),
            ("denominator_floor", "1e-7"),
            ("absent", "zero"),
        ],
        "Its gamma is our `final_exponent`: applied after the mean.",
    ),
    by_name(
        "smp.FocalLoss",
        Sigmoid,
        "focal",
        &[
            ("form", "binary"),
            ("normalizer", "count_valid_times_classes"),
        ],
        "One sigmoid against the rest per class, even in multiclass mode.",
    ),
    by_name(
        "smp.LovaszLoss",
        Softmax,
        "lovasz",
        &[],
        "Classes present in the batch.",
    ),
    by_name(
        "smp.MCCLoss",
        Softmax,
        "mcc",
        &[
            ("include_background", "false"),
            ("group", "all"),
            ("smooth_denominator", "0"),
            ("count_offset", "1e-5"),
        ],
        "Binary: the foreground's probability, everything in one table.",
    ),
    by_name(
        "smp.SoftCrossEntropyLoss",
        Softmax,
        "cross_entropy",
        &[("normalizer", "count_all")],
        "Ignored pixels stay in the divisor.",
    ),
    by_name(
        "smp.SoftBCEWithLogitsLoss",
        Sigmoid,
        "binary_cross_entropy",
        &[("normalizer", "count_all_times_classes")],
        "Its smooth_factor is our `label_flip`; ignored pixels stay in the divisor.",
    ),
    // nnU-Net
    by_name(
        "nnunet.SoftDiceLoss",
        Softmax,
        "dice",
        &[
            PER_IMAGE,
            ("denominator_floor", "1e-8"),
            ("transform", "neg"),
        ],
        "−Dice, from −1 to 0.",
    ),
    by_name(
        "nnunet.MemoryEfficientSoftDiceLoss",
        Softmax,
        "dice",
        &[
            PER_IMAGE,
            ("denominator_floor", "1e-8"),
            ("transform", "neg"),
        ],
        "−Dice, from −1 to 0; the same numbers as SoftDiceLoss.",
    ),
    by_name(
        "nnunet.DC_and_CE_loss",
        Softmax,
        "sum",
        &[
            ("terms.0.loss.kind", "dice"),
            ("terms.0.loss.group", "image_class"),
            ("terms.0.loss.include_background", "false"),
            ("terms.0.loss.smooth_numerator", "1e-5"),
            ("terms.0.loss.smooth_denominator", "1e-5"),
            ("terms.0.loss.denominator_floor", "1e-8"),
            ("terms.0.loss.transform", "neg"),
            ("terms.1.loss.kind", "cross_entropy"),
        ],
        "What its planner trains with: −Dice without background, plus cross-entropy; below 0 is normal.",
    ),
    by_name(
        "nnunet.DC_and_topk_loss",
        Softmax,
        "sum",
        &[
            ("terms.0.loss.kind", "dice"),
            ("terms.0.loss.group", "image_class"),
            ("terms.0.loss.include_background", "false"),
            ("terms.0.loss.smooth_numerator", "1e-5"),
            ("terms.0.loss.smooth_denominator", "1e-5"),
            ("terms.0.loss.denominator_floor", "1e-8"),
            ("terms.0.loss.transform", "neg"),
            ("terms.1.loss.kind", "cross_entropy"),
            ("terms.1.loss.top_k", "0.1"),
        ],
        "−Dice without background, plus the hardest tenth of the pixels.",
    ),
    by_name(
        "nnunet.TopKLoss",
        Softmax,
        "cross_entropy",
        &[("top_k", "0.1")],
        "The hardest tenth of the pixels.",
    ),
    // segmentation_models (Keras)
    by_name(
        "qubvel.DiceLoss",
        Softmax,
        "dice",
        &[
            SMOOTH_1E5[0],
            SMOOTH_1E5[1],
            ("transform", "score"),
            ("one_minus_final", "true"),
        ],
        "Weights multiply scores: unless their mean is 1, perfection does not cost 0.",
    ),
    by_name(
        "qubvel.JaccardLoss",
        Softmax,
        "jaccard",
        &[
            SMOOTH_1E5[0],
            SMOOTH_1E5[1],
            ("transform", "score"),
            ("one_minus_final", "true"),
        ],
        "Weights multiply scores: unless their mean is 1, perfection does not cost 0.",
    ),
    by_name(
        "qubvel.CategoricalCELoss",
        Softmax,
        "cross_entropy",
        &[
            ("renormalize", "before_clip"),
            ("clip", "1e-7"),
            ("normalizer", "count_all_times_classes"),
        ],
        "Mean over pixels and classes: C times smaller than elsewhere.",
    ),
    by_name(
        "qubvel.CategoricalFocalLoss",
        Softmax,
        "focal",
        &[
            ("alpha", "0.25"),
            ("clip", "1e-7"),
            ("normalizer", "count_valid_times_classes"),
        ],
        "Mean over pixels and classes: C times smaller than elsewhere.",
    ),
    // NiftyNet
    by_name(
        "niftynet.dice",
        Softmax,
        "dice",
        &[PER_IMAGE, ("power", "2"), SMOOTH_1E5[0], SMOOTH_1E5[1]],
        "Squared probabilities below the line.",
    ),
    by_name(
        "niftynet.dice_nosquare",
        Softmax,
        "dice",
        &[PER_IMAGE, SMOOTH_1E5[0], SMOOTH_1E5[1]],
        "As `dice`, probabilities not squared.",
    ),
    by_name(
        "niftynet.dice_dense",
        Softmax,
        "dice",
        &[PER_IMAGE, ("power", "2"), SMOOTH_1E5[0], SMOOTH_1E5[1]],
        "As `dice`, but takes one-hot maps: the others read their last channel as ids.",
    ),
    by_name(
        "niftynet.dice_dense_nosquare",
        Softmax,
        "dice",
        &[PER_IMAGE, SMOOTH_1E5[0], SMOOTH_1E5[1]],
        "As `dice_nosquare`, but takes one-hot maps.",
    ),
    by_name(
        "niftynet.generalised_dice_loss",
        Softmax,
        "generalized_dice",
        &[
            ("smooth_numerator", "0"),
            ("smooth_denominator", "0"),
            ("class_denominator_floor", "1"),
            ("zero_ratio_is_one", "true"),
        ],
        "No smoothing; a class's denominator is at least one pixel, so an absent class has no gradient.",
    ),
    by_name(
        "niftynet.tversky",
        Softmax,
        "tversky",
        &[
            ("alpha", "0.5"),
            ("beta", "0.5"),
            ("group", "image"),
            ("smooth_numerator", "0"),
            SMOOTH_1E5[1],
        ],
        "All classes pooled: with softmax only α + β matters.",
    ),
    by_name(
        "niftynet.sensitivity_specificity_loss",
        Softmax,
        "sensitivity_specificity",
        &[],
        "What its code calls specificity is on the class.",
    ),
    by_name(
        "niftynet.cross_entropy",
        Softmax,
        "cross_entropy",
        &[("normalizer", "per_image_weight_sum")],
        "Expects logits; each image is divided by its own weights.",
    ),
    by_name(
        "niftynet.cross_entropy_dense",
        Softmax,
        "cross_entropy",
        &[("normalizer", "per_image_weight_sum")],
        "As `cross_entropy`, with one-hot maps.",
    ),
    by_name(
        "niftynet.dice_plus_xent_loss",
        Softmax,
        "sum",
        &[
            ("terms.0.loss.kind", "dice"),
            ("terms.0.loss.group", "image_class"),
            ("terms.0.loss.transform", "neg"),
            ("terms.0.loss.smooth_numerator", "1e-5"),
            ("terms.0.loss.smooth_denominator", "1e-5"),
            ("terms.1.loss.kind", "cross_entropy"),
        ],
        "Cross-entropy − Dice: from −1 up.",
    ),
    by_name(
        "niftynet.generalised_wasserstein_dice_loss",
        Softmax,
        "wasserstein",
        &[
            ("mode", "background_distance"),
            ("smooth_numerator", "0"),
            ("smooth_denominator", "0"),
            (
                "distances",
                "0, 1, 1, 1, 1, 1, 0, 0.6, 0.2, 0.5, 1, 0.6, 0, 0.6, 0.7, 1, 0.2, 0.6, 0, 0.5, 1, 0.5, 0.7, 0.5, 0",
            ),
        ],
        "A fixed matrix for the 5 classes of BraTS; an image of background alone always costs 1.",
    ),
    by_name(
        "niftynet.volume_enforcement",
        Softmax,
        "volume_enforcement",
        &[],
        "A missing class costs about its volume / 0.001.",
    ),
    by_name(
        "niftynet.volume_enforcement_fin",
        Softmax,
        "volume_enforcement",
        &[("hard", "true")],
        "Counts decided pixels: no gradient at all, a metric.",
    ),
    by_name(
        "niftynet.undecided_loss",
        Softmax,
        "undecided",
        &[],
        "Never looks at the labels.",
    ),
    // Kervadec's boundary-loss
    by_name(
        "boundary-loss.DiceLoss",
        Softmax,
        "dice",
        &[
            PER_IMAGE,
            ("smooth_numerator", "1e-10"),
            ("smooth_denominator", "1e-10"),
        ],
        "Next to no smoothing: an absent class costs 1 unless its probability is 0.",
    ),
    by_name(
        "boundary-loss.GeneralizedDice",
        Softmax,
        "generalized_dice",
        &[
            ("smooth_numerator", "2e-10"),
            ("smooth_denominator", "1e-10"),
            ("volume_offset", "1e-10"),
            ("empty_volume", "natural"),
        ],
        "An absent class weighs 1e20: the loss is then 1, with no gradient.",
    ),
    by_name(
        "boundary-loss.CrossEntropy",
        Softmax,
        "cross_entropy",
        &[("log_epsilon", "1e-10")],
        "1e-10 added inside the logarithm.",
    ),
    by_name(
        "boundary-loss.FocalLoss",
        Softmax,
        "focal",
        &[],
        "Softmax focal, mean over pixels.",
    ),
    by_name(
        "boundary-loss.SurfaceLoss",
        Softmax,
        "boundary",
        &[("full_mask", "keep")],
        "Without background; a class that fills the image keeps the map SciPy gives it.",
    ),
    // JDTLosses
    by_name(
        "jdt.JDTLoss",
        Softmax,
        "jaccard",
        &[
            ("smooth_numerator", "1e-3"),
            ("smooth_denominator", "1e-3"),
            ("absent", "drop"),
        ],
        "Absent classes leave the mean; equals soft Jaccard on hard labels.",
    ),
];

impl LossConfig {
    /// The loss that `library.function` is with its own defaults.
    ///
    /// # Errors
    /// When no reference has that name; the message names near ones.
    pub fn like(name: &str) -> Result<Self, LossError> {
        let found = REFERENCES.iter().find(|reference| reference.name == name);
        let Some(reference) = found else {
            let part = name.rsplit('.').next().unwrap_or(name).to_lowercase();
            let near: Vec<&str> = REFERENCES
                .iter()
                .map(|reference| reference.name)
                .filter(|known| known.to_lowercase().contains(&part))
                .collect();
            let expected = if near.is_empty() {
                let all: Vec<&str> = REFERENCES.iter().map(|reference| reference.name).collect();
                all.join(", ")
            } else {
                near.join(", ")
            };
            return Err(LossError::Invalid(format!(
                "there is no reference loss `{name}`: expected one of {expected}"
            )));
        };
        let mut config = Self::of_kind(reference.kind)?;
        for (key, value) in reference.settings {
            config
                .set(key, value)
                .map_err(|error| LossError::Invalid(format!("{name}: {error}")))?;
        }
        Ok(config)
    }

    /// Keys whose values differ between two losses of the same kind, with both values; a difference
    /// of kind alone where the kinds differ.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        if self.kind() != other.kind() {
            let kinds = (self.kind().to_owned(), other.kind().to_owned());
            return vec![("kind".to_owned(), kinds.0, kinds.1)];
        }
        let values = |config: &Self| -> Vec<(String, String)> {
            let mut config = config.clone();
            let params = config.params();
            let pair = |p: &crate::param::Param<'_>| (p.key.clone(), p.value.to_string());
            params.iter().map(pair).collect()
        };
        let (mine, theirs) = (values(self), values(other));
        let value_in = |list: &[(String, String)], key: &str| {
            let found = list.iter().find(|(other, _)| other == key);
            found.map_or_else(|| "–".to_owned(), |(_, value)| value.clone())
        };
        let mut keys: Vec<&String> = mine.iter().map(|(key, _)| key).collect();
        keys.extend(
            theirs
                .iter()
                .map(|(key, _)| key)
                .filter(|key| !mine.iter().any(|(k, _)| k == *key)),
        );
        keys.into_iter()
            .map(|key| (key.clone(), value_in(&mine, key), value_in(&theirs, key)))
            .filter(|(_, a, b)| a != b)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_can_be_built_and_every_name_is_one() {
        for (index, reference) in REFERENCES.iter().enumerate() {
            let mut config = LossConfig::like(reference.name).unwrap();
            assert_eq!(config.kind(), reference.kind);
            for param in config.params() {
                param.check().unwrap();
            }
            assert!(!reference.note.is_empty());
            let twice = REFERENCES[..index].iter().any(|r| r.name == reference.name);
            assert!(!twice, "{}", reference.name);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_near_ones() {
        let message = LossConfig::like("pytorch.DiceLoss")
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("monai.DiceLoss") && message.contains("smp.DiceLoss"),
            "{message}"
        );
        assert!(!message.contains("Tversky"), "{message}");
    }

    #[test]
    fn differences_are_named_by_key() {
        let (a, b) = (
            LossConfig::like("niftynet.dice").unwrap(),
            LossConfig::like("niftynet.dice_nosquare").unwrap(),
        );
        assert_eq!(
            a.differences(&b),
            [("power".to_owned(), "2".to_owned(), "1".to_owned())]
        );
        assert!(a.differences(&a).is_empty());
    }
}
