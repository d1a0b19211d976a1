//! segmentation_models for Keras, by Pavel Iakubovskii (qubvel).

use super::{Reference, SMOOTH_1E5, Softmax};

pub(super) const ALL: &[Reference] = &[
    Reference::new(
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
    Reference::new(
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
    Reference::new(
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
    Reference::new(
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
];
