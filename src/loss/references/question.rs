//! The original question and its answers.

use super::{Reference, Sigmoid, Softmax};

pub(super) const ALL: &[Reference] = &[
    Reference::new(
        "question.dice_loss",
        Sigmoid,
        "question_dice",
        &[],
        "Ids as target, a second sigmoid, one global sum: as it was asked.",
    ),
    Reference::new(
        "keras#9395.dice_coef_9cat_loss",
        Softmax,
        "solution1_dice",
        &[],
        "Background dropped, one ratio for all classes, smoothing below the line only.",
    ),
    Reference::new(
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
];
