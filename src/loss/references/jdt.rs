//! JDTLosses (Wang et al. 2023).

use super::{Reference, Softmax};

pub(super) const ALL: &[Reference] = &[Reference::new(
    "jdt.JDTLoss",
    Softmax,
    "jaccard",
    &[
        ("smooth_numerator", "1e-3"),
        ("smooth_denominator", "1e-3"),
        ("absent", "drop"),
    ],
    "Absent classes leave the mean; equals soft Jaccard on hard labels.",
)];
