//! What each kind of the overlap family is called and for.

use crate::loss::LossInfo;

pub(in crate::loss) const DICE: LossInfo = LossInfo {
    kind: "dice",
    family: "Overlap",
    title: "Soft Dice",
    purpose: "Overlap per class, blind to how many pixels a class has.",
    formula: "1 − (2·Σpy + s_n) / (Σp + Σy + s_d)",
    reference: "Milletari et al. 2016 (V-Net); monai.DiceLoss; smp.DiceLoss",
    when_to_use: "Classes of very different size, scored by Dice.",
    watch_for: "Absent classes: smoothing and grouping decide what they cost. Ids must be one-hot.",
};

pub(in crate::loss) const GENERALIZED_DICE: LossInfo = LossInfo {
    kind: "generalized_dice",
    family: "Overlap",
    title: "Generalised Dice",
    purpose: "One ratio for all classes, each weighted by 1 / volume².",
    formula: "1 − 2·Σω Σpy / Σω (Σp + Σy),  ω = 1 / (Σy)²",
    reference: "Sudre et al. 2017; niftynet.generalised_dice_loss; monai.GeneralizedDiceLoss",
    when_to_use: "Strong imbalance where every class occurs in nearly every image.",
    watch_for: "A class of a few pixels outweighs everything else; absent classes take the largest weight.",
};

pub(in crate::loss) const JACCARD: LossInfo = LossInfo {
    kind: "jaccard",
    family: "Overlap",
    title: "Soft Jaccard (IoU)",
    purpose: "As Dice, with errors counted in full.",
    formula: "1 − (Σpy + s_n) / (Σp + Σy − Σpy + s_d)",
    reference: "Rahman & Wang 2016; smp.JaccardLoss; monai.DiceLoss(jaccard=True)",
    when_to_use: "Where the score that counts is IoU.",
    watch_for: "Its optimum is Dice's; only the path differs.",
};

pub(in crate::loss) const TVERSKY: LossInfo = LossInfo {
    kind: "tversky",
    family: "Overlap",
    title: "Tversky",
    purpose: "Dice with separate prices for false positives and misses.",
    formula: "1 − (Σpy + s_n) / (Σpy + α·FP + β·FN + s_d)",
    reference: "Salehi et al. 2017; focal Tversky: Abraham & Khan 2019",
    when_to_use: "Small objects that must not be missed: β above α.",
    watch_for: "Papers swap α and β; here α is for false positives.",
};

pub(in crate::loss) const SOLUTION1: LossInfo = LossInfo {
    kind: "solution1_dice",
    family: "As asked",
    title: "Solution 1's dice_coef_9cat_loss",
    purpose: "Background dropped, one ratio over all other classes.",
    formula: "1 − 2·Σpy / (Σp + Σy + 1e-7), without class 0",
    reference: "first answer to the original question; keras issue #9395",
    when_to_use: "To reproduce that answer.",
    watch_for: "Nothing asks for the background, and large classes drown small ones.",
};
