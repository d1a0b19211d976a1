//! The overlap family as files of cases write it.

use serde::Deserialize;

use super::{Divisor, EmptyVolume, Overlap, VolumeWeights};
use crate::loss::case::{Elsewhere, Given};

/// Weights inside a ratio, by a power of the true volume.
#[derive(Deserialize)]
struct Inner {
    exponent: f64,
    empty: String,
    #[serde(default)]
    volume_offset: f64,
}

impl Elsewhere for Overlap {
    fn claims(given: &Given) -> bool {
        ["dice", "jaccard", "tversky", "generalized_dice"].contains(&given.family)
    }

    fn from_case(given: &mut Given) -> Result<Self, String> {
        let mut config = Self {
            input_activation: given.input,
            smooth_numerator: 0.0,
            smooth_denominator: 0.0,
            log_floor: 0.0,
            ..Self::default()
        };
        given.set("kappa", &mut config.kappa)?;
        given.set("alpha", &mut config.alpha)?;
        given.set("beta", &mut config.beta)?;
        given.set("power", &mut config.power)?;
        given.set("smooth_nr", &mut config.smooth_numerator)?;
        given.set("smooth_dr", &mut config.smooth_denominator)?;
        given.set("denominator_floor", &mut config.denominator_floor)?;
        given.set(
            "class_denominator_floor",
            &mut config.class_denominator_floor,
        )?;
        given.set("log_floor", &mut config.log_floor)?;
        given.set("gamma_group", &mut config.group_exponent)?;
        given.set("gamma_final", &mut config.final_exponent)?;
        given.set("include_background", &mut config.include_background)?;
        given.set("one_minus_final", &mut config.one_minus_final)?;
        given.set("group", &mut config.group)?;
        given.set("absent", &mut config.absent)?;
        given.set("transform", &mut config.transform)?;
        given.set("class_weight_normalizer", &mut config.divisor)?;
        if let Some(classes) = given.take("classes")? {
            config.classes = classes;
        }
        match given.take::<String>("reduction")?.as_deref() {
            None | Some("mean") => {}
            Some("sum") => config.divisor = Divisor::One,
            Some(other) => return Err(format!("`params.reduction` = `{other}` is not known")),
        }
        match given.take::<String>("post")?.as_deref() {
            None => {}
            Some("log_cosh") => config.log_cosh = true,
            Some(other) => return Err(format!("`params.post` = `{other}` is not known")),
        }
        match given.take::<f64>("nan_score")? {
            None => {}
            Some(1.0) => config.zero_ratio_is_one = true,
            Some(other) => return Err(format!("`params.nan_score` = {other}: expected 1")),
        }
        if let Some(inner) = given.take::<Inner>("inner_weights")? {
            config.volume_weights = match inner.exponent {
                0.0 => VolumeWeights::Uniform,
                1.0 => VolumeWeights::Simple,
                2.0 => VolumeWeights::Square,
                other => {
                    return Err(format!(
                        "`inner_weights.exponent` = {other}: expected 0, 1 or 2"
                    ));
                }
            };
            config.empty_volume = match inner.empty.as_str() {
                "max" => EmptyVolume::Largest,
                "natural" => EmptyVolume::Natural,
                other => return Err(format!("`inner_weights.empty` = `{other}` is not known")),
            };
            config.volume_offset = inner.volume_offset;
        }
        Ok(config)
    }
}
