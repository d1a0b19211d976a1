//! The code beside the boundary loss (Kervadec et al. 2019).

use super::{PER_IMAGE, Reference, Softmax};

pub(super) const ALL: &[Reference] = &[
    Reference::new(
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
    Reference::new(
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
    Reference::new(
        "boundary-loss.CrossEntropy",
        Softmax,
        "cross_entropy",
        &[("log_epsilon", "1e-10")],
        "1e-10 added inside the logarithm.",
    ),
    Reference::new(
        "boundary-loss.FocalLoss",
        Softmax,
        "focal",
        &[],
        "Softmax focal, mean over pixels.",
    ),
    Reference::new(
        "boundary-loss.SurfaceLoss",
        Softmax,
        "boundary",
        &[("full_mask", "keep")],
        "Without background; a class that fills the image keeps the map SciPy gives it.",
    ),
];
