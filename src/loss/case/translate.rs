//! From library-neutral families and parameters to a configuration of our engine.
//!
//! Every parameter is taken by name; one that is left over is an error, so that none is passed over.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{Case, Translated};
use crate::loss::binary::{BinaryCrossEntropy, Normalizer as BinaryNormalizer};
use crate::loss::boundary::Boundary;
use crate::loss::cldice::ClDice;
use crate::loss::cross_entropy::{CrossEntropy, Normalizer};
use crate::loss::focal::{Focal, Form};
use crate::loss::hausdorff::Hausdorff;
use crate::loss::lovasz::Lovasz;
use crate::loss::mcc::Mcc;
use crate::loss::nacl::Nacl;
use crate::loss::overlap::{Divisor, EmptyVolume, Overlap, VolumeWeights};
use crate::loss::question::QuestionDice;
use crate::loss::sensitivity_specificity::SensitivitySpecificity;
use crate::loss::sum::{Sum, Term};
use crate::loss::undecided::Undecided;
use crate::loss::unified_focal::UnifiedFocal;
use crate::loss::volume::VolumeEnforcement;
use crate::loss::wasserstein::Wasserstein;
use crate::loss::{InputActivation, LossConfig, OutputActivation};

impl Case {
    pub(super) fn translate(&self) -> Result<Translated, String> {
        let mut out = Translated {
            head: OutputActivation::None,
            loss: LossConfig::default(),
            class_weights: Vec::new(),
            pixel_weights: None,
        };
        let (head, input) = activations(&self.activation)?;
        if self.family == "compound" {
            out.loss = out.compound(&self.params)?;
        } else {
            out.head = head;
            out.loss = out.single(&self.family, input, &self.params)?;
        }
        Ok(out)
    }
}

/// The network's activation and the loss's own.
fn activations(name: &str) -> Result<(OutputActivation, InputActivation), String> {
    use {InputActivation as In, OutputActivation as Out};
    Ok(match name {
        "softmax" | "softmax_stable" => (Out::Softmax, In::None),
        "sigmoid" => (Out::Sigmoid, In::None),
        "identity" => (Out::None, In::None),
        "double_sigmoid" => (Out::Sigmoid, In::Sigmoid),
        "double_softmax" => (Out::Softmax, In::Softmax),
        "softmax_of_sigmoid" => (Out::Sigmoid, In::Softmax),
        other => return Err(format!("`activation` = `{other}` is not known")),
    })
}

/// Parameters that are taken one by one, so that none is passed over.
struct Taker<'a> {
    left: Map<String, Json>,
    family: &'a str,
}

impl Taker<'_> {
    fn take<T: serde::de::DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, String> {
        match self.left.remove(key) {
            None => Ok(None),
            Some(value) => serde_json::from_value(value.clone())
                .map(Some)
                .map_err(|e| format!("`params.{key}` = {value}: {e}")),
        }
    }

    fn number(&mut self, key: &str, field: &mut f64) -> Result<(), String> {
        if let Some(value) = self.take(key)? {
            *field = value;
        }
        Ok(())
    }

    fn flag(&mut self, key: &str, field: &mut bool) -> Result<(), String> {
        if let Some(value) = self.take(key)? {
            *field = value;
        }
        Ok(())
    }

    fn choice<T: serde::de::DeserializeOwned>(
        &mut self,
        key: &str,
        field: &mut T,
    ) -> Result<(), String> {
        if let Some(value) = self.take(key)? {
            *field = value;
        }
        Ok(())
    }

    fn done(self) -> Result<(), String> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(key) => Err(format!(
                "`params.{key}` is not known for family {}",
                self.family
            )),
        }
    }
}

impl Translated {
    fn single(
        &mut self,
        family: &str,
        input: InputActivation,
        params: &Map<String, Json>,
    ) -> Result<LossConfig, String> {
        let mut p = Taker {
            left: params.clone(),
            family,
        };
        // 255 is what `Target` ignores, and any label beyond the classes besides.
        if let Some(ignored) = p.take::<i64>("ignore_index")?
            && ignored != 255
        {
            return Err(format!("`params.ignore_index` = {ignored}: expected 255"));
        }
        for key in ["class_weights", "pos_weights", "class_weights_avg"] {
            if let Some(weights) = p.take::<Vec<f64>>(key)? {
                if !self.class_weights.is_empty() && self.class_weights != weights {
                    return Err("terms with different class weights are not supported".to_owned());
                }
                self.class_weights = weights;
            }
        }
        self.pixel_weights = p.take("weight_map")?.or(self.pixel_weights.take());
        let loss = match family {
            "dice" | "jaccard" | "tversky" | "generalized_dice" => overlap(&mut p, input)?,
            "cross_entropy" if p.left.get("form").is_some_and(|f| f == "binary") => {
                p.left.remove("form");
                binary(&mut p, input)?
            }
            "cross_entropy" => cross_entropy(&mut p, input)?,
            "focal" => focal(&mut p, input, self.head)?,
            "integer_label_dice" => {
                let mut config = QuestionDice {
                    input_activation: input,
                    ..QuestionDice::default()
                };
                p.number("smooth", &mut config.smooth)?;
                LossConfig::QuestionDice(config)
            }
            // Our own words, as [`Case::of_config`] writes them.
            "dicebench" => {
                let loss = p.take::<LossConfig>("loss")?;
                loss.ok_or("`params.loss` is missing: expected the table of a loss")?
            }
            other => special(other, &mut p, input)?,
        };
        p.done()?;
        Ok(loss)
    }

    /// Terms have activations of their own: the network then ends in raw logits and each loss
    /// applies its activation.
    fn compound(&mut self, params: &Map<String, Json>) -> Result<LossConfig, String> {
        #[derive(Deserialize)]
        struct RawTerm {
            weight: f64,
            family: String,
            activation: String,
            params: Map<String, Json>,
        }
        let terms = params.get("terms").cloned().unwrap_or_default();
        let terms: Vec<RawTerm> =
            serde_json::from_value(terms).map_err(|e| format!("`params.terms`: {e}"))?;
        let terms = terms
            .iter()
            .map(|term| {
                let input = match activations(&term.activation)? {
                    (OutputActivation::Softmax, InputActivation::None) => InputActivation::Softmax,
                    (OutputActivation::Sigmoid, InputActivation::None) => InputActivation::Sigmoid,
                    (OutputActivation::None, input) => input,
                    _ => return Err(format!("`{}` in a sum is not supported", term.activation)),
                };
                // The head is raw: a sigmoid focal term shows in its own activation.
                let loss = self.single(&term.family, input, &term.params)?;
                Ok(Term::new(term.weight, loss))
            })
            .collect::<Result<_, String>>()?;
        Ok(LossConfig::Sum(Sum { terms }))
    }
}

fn overlap(p: &mut Taker<'_>, input: InputActivation) -> Result<LossConfig, String> {
    #[derive(Deserialize)]
    struct Inner {
        exponent: f64,
        empty: String,
        #[serde(default)]
        volume_offset: f64,
    }
    let mut c = Overlap {
        input_activation: input,
        smooth_numerator: 0.0,
        smooth_denominator: 0.0,
        log_floor: 0.0,
        ..Overlap::default()
    };
    p.number("kappa", &mut c.kappa)?;
    p.number("alpha", &mut c.alpha)?;
    p.number("beta", &mut c.beta)?;
    p.number("power", &mut c.power)?;
    p.number("smooth_nr", &mut c.smooth_numerator)?;
    p.number("smooth_dr", &mut c.smooth_denominator)?;
    p.number("denominator_floor", &mut c.denominator_floor)?;
    p.number("class_denominator_floor", &mut c.class_denominator_floor)?;
    p.number("log_floor", &mut c.log_floor)?;
    p.number("gamma_group", &mut c.group_exponent)?;
    p.number("gamma_final", &mut c.final_exponent)?;
    p.flag("include_background", &mut c.include_background)?;
    p.flag("one_minus_final", &mut c.one_minus_final)?;
    p.choice("group", &mut c.group)?;
    p.choice("absent", &mut c.absent)?;
    p.choice("transform", &mut c.transform)?;
    p.choice("class_weight_normalizer", &mut c.divisor)?;
    if let Some(classes) = p.take("classes")? {
        c.classes = classes;
    }
    match p.take::<String>("reduction")?.as_deref() {
        None | Some("mean") => {}
        Some("sum") => c.divisor = Divisor::One,
        Some(other) => return Err(format!("`params.reduction` = `{other}` is not known")),
    }
    match p.take::<String>("post")?.as_deref() {
        None => {}
        Some("log_cosh") => c.log_cosh = true,
        Some(other) => return Err(format!("`params.post` = `{other}` is not known")),
    }
    match p.take::<f64>("nan_score")? {
        None => {}
        Some(1.0) => c.zero_ratio_is_one = true,
        Some(other) => return Err(format!("`params.nan_score` = {other}: expected 1")),
    }
    if let Some(inner) = p.take::<Inner>("inner_weights")? {
        c.volume_weights = match inner.exponent {
            0.0 => VolumeWeights::Uniform,
            1.0 => VolumeWeights::Simple,
            2.0 => VolumeWeights::Square,
            other => {
                return Err(format!(
                    "`inner_weights.exponent` = {other}: expected 0, 1 or 2"
                ));
            }
        };
        c.empty_volume = match inner.empty.as_str() {
            "max" => EmptyVolume::Largest,
            "natural" => EmptyVolume::Natural,
            other => return Err(format!("`inner_weights.empty` = `{other}` is not known")),
        };
        c.volume_offset = inner.volume_offset;
    }
    Ok(LossConfig::Dice(c))
}

fn cross_entropy(p: &mut Taker<'_>, input: InputActivation) -> Result<LossConfig, String> {
    let mut c = CrossEntropy {
        input_activation: input,
        ..CrossEntropy::default()
    };
    if p.take::<String>("form")?
        .is_some_and(|form| form != "categorical")
    {
        return Err("`params.form`: expected categorical or binary".to_owned());
    }
    p.number("label_smoothing", &mut c.label_smoothing)?;
    p.number("clip_prob", &mut c.clip)?;
    p.number("log_eps", &mut c.log_epsilon)?;
    p.number("poly_eps", &mut c.poly_epsilon)?;
    p.number("gce_q", &mut c.generalized_q)?;
    p.choice("renormalize", &mut c.renormalize)?;
    p.choice::<Normalizer>("normalizer", &mut c.normalizer)?;
    if let Some(percent) = p.take::<f64>("topk_percent")? {
        c.top_k = percent / 100.0;
    }
    Ok(LossConfig::CrossEntropy(c))
}

fn binary(p: &mut Taker<'_>, input: InputActivation) -> Result<LossConfig, String> {
    let mut c = BinaryCrossEntropy {
        input_activation: input,
        ..BinaryCrossEntropy::default()
    };
    p.number("label_flip", &mut c.label_flip)?;
    p.number("clip_prob", &mut c.clip)?;
    p.choice::<BinaryNormalizer>("normalizer", &mut c.normalizer)?;
    Ok(LossConfig::BinaryCrossEntropy(c))
}

fn focal(
    p: &mut Taker<'_>,
    input: InputActivation,
    head: OutputActivation,
) -> Result<LossConfig, String> {
    let sigmoid = head == OutputActivation::Sigmoid || input == InputActivation::Sigmoid;
    let mut c = Focal {
        input_activation: input,
        form: if sigmoid {
            Form::Binary
        } else {
            Form::Categorical
        },
        ..Focal::default()
    };
    p.number("gamma", &mut c.gamma)?;
    p.number("alpha", &mut c.alpha)?;
    p.number("clip_prob", &mut c.clip)?;
    p.flag("include_background", &mut c.include_background)?;
    p.flag(
        "drop_logits_before_activation",
        &mut c.drop_background_logit,
    )?;
    p.choice("normalizer", &mut c.normalizer)?;
    if let Some(alphas) = p.take("alpha_per_class")? {
        c.alpha_per_class = alphas;
    }
    Ok(LossConfig::Focal(c))
}

/// The families with one function each.
fn special(family: &str, p: &mut Taker<'_>, input: InputActivation) -> Result<LossConfig, String> {
    Ok(match family {
        "lovasz" => {
            let mut c = Lovasz {
                input_activation: input,
                ..Lovasz::default()
            };
            p.flag("per_image", &mut c.per_image)?;
            p.choice("classes", &mut c.classes)?;
            LossConfig::Lovasz(c)
        }
        "wasserstein" => {
            let mut c = Wasserstein {
                input_activation: input,
                smooth_numerator: 0.0,
                smooth_denominator: 0.0,
                ..Wasserstein::default()
            };
            p.choice("mode", &mut c.mode)?;
            p.number("smooth_nr", &mut c.smooth_numerator)?;
            p.number("smooth_dr", &mut c.smooth_denominator)?;
            if let Some(rows) = p.take::<Vec<Vec<f64>>>("distance_matrix")? {
                c.distances = rows.concat();
            }
            LossConfig::Wasserstein(c)
        }
        "mcc" => {
            let mut c = Mcc {
                input_activation: input,
                smooth_denominator: 0.0,
                ..Mcc::default()
            };
            p.flag("include_background", &mut c.include_background)?;
            p.choice("group", &mut c.group)?;
            p.number("smooth_nr", &mut c.smooth_numerator)?;
            p.number("smooth_dr", &mut c.smooth_denominator)?;
            p.number("count_offset", &mut c.count_offset)?;
            LossConfig::Mcc(c)
        }
        "unified_focal" => {
            let mut c = UnifiedFocal {
                input_activation: input,
                ..UnifiedFocal::default()
            };
            p.number("weight", &mut c.weight)?;
            p.number("delta", &mut c.delta)?;
            p.number("gamma", &mut c.gamma)?;
            p.number("eps", &mut c.clip)?;
            LossConfig::UnifiedFocal(c)
        }
        "boundary" => boundary(p, input)?,
        "cldice" => {
            let mut c = ClDice {
                input_activation: input,
                ..ClDice::default()
            };
            p.choice("iterations", &mut c.iterations)?;
            p.number("smooth_nr", &mut c.smooth_numerator)?;
            p.number("smooth_dr", &mut c.smooth_denominator)?;
            p.number("smooth_f1", &mut c.smooth_mean)?;
            p.flag("include_background", &mut c.include_background)?;
            LossConfig::ClDice(c)
        }
        "nacl" => {
            let mut c = Nacl {
                input_activation: input,
                ..Nacl::default()
            };
            p.choice("kernel_size", &mut c.kernel_size)?;
            p.choice("distance", &mut c.distance)?;
            p.number("alpha", &mut c.alpha)?;
            match p.take::<String>("padding")?.as_deref() {
                None | Some("zero") => {}
                Some(other) => return Err(format!("`params.padding` = `{other}`: expected zero")),
            }
            LossConfig::Nacl(c)
        }
        "sensitivity_specificity" => {
            let mut c = SensitivitySpecificity {
                input_activation: input,
                ..SensitivitySpecificity::default()
            };
            p.number("r", &mut c.r)?;
            p.number("smooth_dr", &mut c.smooth_denominator)?;
            LossConfig::SensitivitySpecificity(c)
        }
        "volume_enforcement" => {
            let mut c = VolumeEnforcement {
                input_activation: input,
                ..VolumeEnforcement::default()
            };
            p.number("eps", &mut c.epsilon)?;
            p.flag("hard", &mut c.hard)?;
            LossConfig::VolumeEnforcement(c)
        }
        "undecided" => {
            let mut c = Undecided {
                input_activation: input,
                ..Undecided::default()
            };
            p.number("eps", &mut c.epsilon)?;
            LossConfig::Undecided(c)
        }
        other => return Err(format!("`family` = `{other}` is not known")),
    })
}

fn boundary(p: &mut Taker<'_>, input: InputActivation) -> Result<LossConfig, String> {
    match p.take::<String>("kind")?.as_deref() {
        Some("signed_distance") => {
            let mut c = Boundary {
                input_activation: input,
                ..Boundary::default()
            };
            p.flag("include_background", &mut c.include_background)?;
            p.choice("full_mask", &mut c.full_mask)?;
            Ok(LossConfig::Boundary(c))
        }
        Some("hausdorff_dt") => {
            let mut c = Hausdorff {
                input_activation: input,
                ..Hausdorff::default()
            };
            p.flag("include_background", &mut c.include_background)?;
            p.flag("log", &mut c.log)?;
            p.number("alpha", &mut c.alpha)?;
            Ok(LossConfig::Hausdorff(c))
        }
        other => Err(format!(
            "`params.kind` = {other:?}: expected signed_distance or hausdorff_dt"
        )),
    }
}
