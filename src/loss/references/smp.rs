//! segmentation_models.pytorch.

use super::{Reference, Sigmoid, Softmax};

pub(super) const ALL: &[Reference] = &[
    Reference::new(
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
    Reference::new(
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
    Reference::new(
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
    Reference::new(
        "smp.FocalLoss",
        Sigmoid,
        "focal",
        &[
            ("form", "binary"),
            ("normalizer", "count_valid_times_classes"),
        ],
        "One sigmoid against the rest per class, even in multiclass mode.",
    ),
    Reference::new(
        "smp.LovaszLoss",
        Softmax,
        "lovasz",
        &[],
        "Classes present in the batch.",
    ),
    Reference::new(
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
    Reference::new(
        "smp.SoftCrossEntropyLoss",
        Softmax,
        "cross_entropy",
        &[("normalizer", "count_all")],
        "Ignored pixels stay in the divisor.",
    ),
    Reference::new(
        "smp.SoftBCEWithLogitsLoss",
        Sigmoid,
        "binary_cross_entropy",
        &[("normalizer", "count_all_times_classes")],
        "Its smooth_factor is our `label_flip`; ignored pixels stay in the divisor.",
    ),
];
