//! Keras 3: `keras.losses`.

use super::{Reference, Sigmoid, Softmax};

pub(super) const ALL: &[Reference] = &[
    Reference::new(
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
    Reference::new(
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
    Reference::new(
        "keras.losses.CategoricalCrossentropy",
        Softmax,
        "cross_entropy",
        &[("renormalize", "before_clip"), ("clip", "1e-7")],
        "Scales the output to sum to 1, then clips: also works, silently, on sigmoids.",
    ),
    Reference::new(
        "keras.losses.SparseCategoricalCrossentropy",
        Softmax,
        "cross_entropy",
        &[("renormalize", "after_clip"), ("clip", "1e-7")],
        "Clips first, then scales to sum to 1; ids instead of one-hot make no other difference.",
    ),
    Reference::new(
        "keras.losses.BinaryCrossentropy",
        Sigmoid,
        "binary_cross_entropy",
        &[("clip", "1e-7"), ("normalizer", "count_all_times_classes")],
        "From clipped probabilities; set `from_logits` and `clip` = 0 for from_logits = True.",
    ),
    Reference::new(
        "keras.losses.CategoricalFocalCrossentropy",
        Softmax,
        "focal",
        &[("alpha", "0.25"), ("clip", "1e-7")],
        "α = 0.25 scales every class alike, so it is only a factor.",
    ),
    Reference::new(
        "keras.losses.CategoricalGeneralizedCrossEntropy",
        Softmax,
        "cross_entropy",
        &[("generalized_q", "0.7")],
        "(1 − p^q) / q; Keras has no default for q, 0.7 is the paper's.",
    ),
];
