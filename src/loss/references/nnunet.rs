//! nnU-Net v2.

use super::{PER_IMAGE, Reference, Softmax};

pub(super) const ALL: &[Reference] = &[
    Reference::new(
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
    Reference::new(
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
    Reference::new(
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
    Reference::new(
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
    Reference::new(
        "nnunet.TopKLoss",
        Softmax,
        "cross_entropy",
        &[("top_k", "0.1")],
        "The hardest tenth of the pixels.",
    ),
];
