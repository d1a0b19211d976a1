//! PyTorch: `torch.nn`.

use super::{Reference, Sigmoid, Softmax};

pub(super) const ALL: &[Reference] = &[
    Reference::new(
        "torch.nn.CrossEntropyLoss",
        Softmax,
        "cross_entropy",
        &[("normalizer", "sum_weights")],
        "Divided by the sum of the true classes' weights.",
    ),
    Reference::new(
        "torch.nn.BCEWithLogitsLoss",
        Sigmoid,
        "binary_cross_entropy",
        &[("normalizer", "count_all_times_classes")],
        "Class weights are its pos_weight.",
    ),
];
