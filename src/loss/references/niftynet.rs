//! Everything in NiftyNet's `loss_segmentation.py`, by its own name; notes say how its configuration
//! files call it.

use super::{PER_IMAGE, Reference, SMOOTH_1E5, Softmax};

pub(super) const ALL: &[Reference] = &[
    Reference::new(
        "niftynet.dice",
        Softmax,
        "dice",
        &[PER_IMAGE, ("power", "2"), SMOOTH_1E5[0], SMOOTH_1E5[1]],
        "Squared probabilities below the line. Its configurations say “Dice”.",
    ),
    Reference::new(
        "niftynet.dice_nosquare",
        Softmax,
        "dice",
        &[PER_IMAGE, SMOOTH_1E5[0], SMOOTH_1E5[1]],
        "As `dice`, probabilities not squared. Its configurations say “Dice_NS”.",
    ),
    Reference::new(
        "niftynet.dice_dense",
        Softmax,
        "dice",
        &[PER_IMAGE, ("power", "2"), SMOOTH_1E5[0], SMOOTH_1E5[1]],
        "As `dice`, but takes one-hot maps: the others read their last channel as ids. “Dice_Dense”.",
    ),
    Reference::new(
        "niftynet.dice_dense_nosquare",
        Softmax,
        "dice",
        &[PER_IMAGE, SMOOTH_1E5[0], SMOOTH_1E5[1]],
        "As `dice_nosquare`, but takes one-hot maps. “Dice_Dense_NS”.",
    ),
    Reference::new(
        "niftynet.generalised_dice_loss",
        Softmax,
        "generalized_dice",
        &[
            ("smooth_numerator", "0"),
            ("smooth_denominator", "0"),
            ("class_denominator_floor", "1"),
            ("zero_ratio_is_one", "true"),
        ],
        "“GDSC”. No smoothing; a class's denominator is at least one pixel, so an absent class has no gradient.",
    ),
    Reference::new(
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
        "“Tversky”. All classes pooled: with softmax only α + β matters.",
    ),
    Reference::new(
        "niftynet.sensitivity_specificity_loss",
        Softmax,
        "sensitivity_specificity",
        &[],
        "“SensSpec”. What its code calls specificity is on the class.",
    ),
    Reference::new(
        "niftynet.cross_entropy",
        Softmax,
        "cross_entropy",
        &[("normalizer", "per_image_weight_sum")],
        "“CrossEntropy”. Expects logits; each image is divided by its own weights.",
    ),
    Reference::new(
        "niftynet.cross_entropy_dense",
        Softmax,
        "cross_entropy",
        &[("normalizer", "per_image_weight_sum")],
        "“CrossEntropy_Dense”. As `cross_entropy`, with one-hot maps.",
    ),
    Reference::new(
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
        "“DicePlusXEnt”. Cross-entropy − Dice: from −1 up.",
    ),
    Reference::new(
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
        "“WGDL”. A fixed matrix for the 5 classes of BraTS; an image of background alone always costs 1.",
    ),
    Reference::new(
        "niftynet.volume_enforcement",
        Softmax,
        "volume_enforcement",
        &[],
        "“VolEnforcement”. A missing class costs about its volume / 0.001.",
    ),
    Reference::new(
        "niftynet.volume_enforcement_fin",
        Softmax,
        "volume_enforcement",
        &[("hard", "true")],
        "Counts decided pixels: no gradient at all, a metric. No configuration can name it.",
    ),
    Reference::new(
        "niftynet.undecided_loss",
        Softmax,
        "undecided",
        &[],
        "Never looks at the labels. No configuration can name it.",
    ),
];
