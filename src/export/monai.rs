//! MONAI's own losses, where one computes exactly what the settings say.
//!
//! They are given probabilities and a one-hot truth in which ignored pixels are 0 on both sides, so
//! that no version's own idea of an ignored label is needed.

use super::dialect::number;
use super::pixel::is_plain_cross_entropy;
use super::writer::Writer;
use crate::loss::cldice::ClDice;
use crate::loss::cross_entropy::CrossEntropy;
use crate::loss::focal::{Focal, Form, Normalizer};
use crate::loss::overlap::{
    Absent, Divisor, EmptyVolume, Group, Overlap, Transform, VolumeWeights,
};
use crate::loss::{InputActivation, LossConfig, OutputActivation};

/// The function's body, if MONAI (or PyTorch, for cross-entropy) has this loss.
pub fn body(writer: &mut Writer, loss: &LossConfig) -> Option<Vec<String>> {
    match loss {
        LossConfig::Dice(c)
        | LossConfig::GeneralizedDice(c)
        | LossConfig::Jaccard(c)
        | LossConfig::Tversky(c)
        | LossConfig::Solution1Dice(c) => overlap(writer, c),
        LossConfig::ClDice(c) => Some(cldice(writer, c)),
        LossConfig::Focal(c) => focal(writer, c),
        LossConfig::CrossEntropy(c) => cross_entropy(writer, c),
        _ => None,
    }
}

fn python(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}

/// `p` is what the loss is given; the call.
fn given(writer: &Writer, input: InputActivation, call: String) -> Vec<String> {
    vec![
        format!("p = {} * valid", writer.probs(input)),
        format!("return {call}(p, y)"),
    ]
}

fn overlap(writer: &mut Writer, c: &Overlap) -> Option<Vec<String>> {
    let batch = match c.group {
        Group::ImageClass => false,
        Group::Class => true,
        Group::Image | Group::All => return None,
    };
    let plain = c.classes.is_empty()
        && c.transform == Transform::OneMinus
        && c.absent == Absent::Keep
        && c.divisor == Divisor::Count
        && c.group_exponent == 1.0
        && c.final_exponent == 1.0
        && !c.one_minus_final
        && !c.log_cosh
        && c.denominator_floor == 0.0
        && c.class_denominator_floor == 0.0
        && c.smooth_denominator > 0.0;
    if !plain {
        return None;
    }
    let halves = c.alpha == 0.5 && c.beta == 0.5;
    let common = format!(
        "include_background={}, batch={}",
        python(c.include_background),
        python(batch)
    );
    let smooth = |factor: f64| {
        format!(
            "smooth_nr={}, smooth_dr={}",
            number(c.smooth_numerator / factor),
            number(c.smooth_denominator / factor)
        )
    };
    if c.volume_weights != VolumeWeights::None {
        let fits = c.empty_volume == EmptyVolume::Largest
            && c.volume_offset == 0.0
            && c.power == 1.0
            && c.kappa == 2.0
            && halves;
        // MONAI's uniform weights are never infinite, so that nothing has to be replaced.
        if !fits || c.volume_weights == VolumeWeights::Uniform {
            return None;
        }
        writer.imports.insert("GeneralizedDiceLoss");
        let call = format!(
            "GeneralizedDiceLoss({common}, w_type=\"{}\", {})",
            c.volume_weights,
            smooth(1.0)
        );
        return Some(given(writer, c.input_activation, call));
    }
    let jaccard = c.alpha == 1.0 && c.beta == 1.0;
    let squared = c.power == 2.0;
    if (c.power == 1.0 || squared) && (halves || jaccard) {
        writer.imports.insert("DiceLoss");
        let skip = usize::from(!c.include_background);
        let weight = match writer.weights.get(skip..).filter(|w| !w.is_empty()) {
            Some(weights) => {
                let list: Vec<String> = weights.iter().map(|w| number(*w)).collect();
                format!(", weight=[{}]", list.join(", "))
            }
            None => String::new(),
        };
        // MONAI's ratio has factor 2 on both sides; ours has kappa.
        let call = format!(
            "DiceLoss({common}, squared_pred={}, jaccard={}, {}{weight})",
            python(squared),
            python(jaccard),
            smooth(c.kappa / 2.0)
        );
        return Some(given(writer, c.input_activation, call));
    }
    if c.power == 1.0 && writer.weights.is_empty() {
        writer.imports.insert("TverskyLoss");
        let call = format!(
            "TverskyLoss({common}, alpha={}, beta={}, {})",
            number(c.alpha),
            number(c.beta),
            smooth(c.kappa)
        );
        return Some(given(writer, c.input_activation, call));
    }
    None
}

fn cldice(writer: &mut Writer, c: &ClDice) -> Vec<String> {
    writer.imports.insert("SoftclDiceLoss");
    let call = format!(
        "SoftclDiceLoss(iter_={}, smooth_nr={}, smooth_dr={}, smooth={}, include_background={})",
        c.iterations,
        number(c.smooth_numerator),
        number(c.smooth_denominator),
        number(c.smooth_mean),
        python(c.include_background)
    );
    // The prediction comes second in name only: MONAI's forward takes (input, target) too.
    given(writer, c.input_activation, call)
}

fn focal(writer: &mut Writer, c: &Focal) -> Option<Vec<String>> {
    let fits = c.normalizer == Normalizer::TimesClasses
        && c.clip == 0.0
        && c.alpha < 0.0
        && c.alpha_per_class.is_empty()
        && writer.weights.is_empty()
        // MONAI drops the background's logit before the softmax; with sigmoids it is all the same.
        && (c.include_background || c.form == Form::Binary)
        && !c.drop_background_logit;
    let wanted = match c.form {
        Form::Categorical => OutputActivation::Softmax,
        Form::Binary => OutputActivation::Sigmoid,
    };
    let z = writer.logits_of(c.input_activation, wanted)?;
    if !fits || (c.form == Form::Categorical && c.gamma == 0.0) {
        return None;
    }
    writer.imports.insert("FocalLoss");
    Some(vec![
        "# Pixels that count, one per row: MONAI averages over rows and classes.".to_owned(),
        "keep = valid[:, 0] > 0".to_owned(),
        format!("z = ({z}).permute(0, 2, 3, 1)[keep]"),
        "truth = y.permute(0, 2, 3, 1)[keep]".to_owned(),
        format!(
            "return FocalLoss(include_background={}, gamma={}, use_softmax={})(z, truth)",
            python(c.include_background),
            number(c.gamma),
            python(c.form == Form::Categorical)
        ),
    ])
}

fn cross_entropy(writer: &Writer, c: &CrossEntropy) -> Option<Vec<String>> {
    if !is_plain_cross_entropy(writer, c) {
        return None;
    }
    let weight = if writer.weights.is_empty() {
        String::new()
    } else {
        format!("weight={}, ", writer.dialect.constant(&writer.weights))
    };
    Some(vec![
        "labels = torch.where(valid[:, 0] > 0, y.argmax(1), -100)".to_owned(),
        format!(
            "return F.cross_entropy(logits, labels, {weight}label_smoothing={})",
            number(c.label_smoothing)
        ),
    ])
}
