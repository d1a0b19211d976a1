//! Golden cases: a configuration in library-neutral terms with inputs, the loss and its gradient as
//! computed by a reference library. This is how a loss is proven to be the one it claims to be.

use burn::prelude::*;
use burn::tensor::DType;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::binary::{BinaryCrossEntropy, Normalizer as BinaryNormalizer};
use super::boundary::Boundary;
use super::cldice::ClDice;
use super::cross_entropy::{CrossEntropy, Normalizer};
use super::focal::{Focal, Form};
use super::hausdorff::Hausdorff;
use super::lovasz::Lovasz;
use super::mcc::Mcc;
use super::nacl::Nacl;
use super::overlap::{Divisor, EmptyVolume, Overlap, VolumeWeights};
use super::question::QuestionDice;
use super::sensitivity_specificity::SensitivitySpecificity;
use super::sum::{Sum, Term};
use super::undecided::Undecided;
use super::unified_focal::UnifiedFocal;
use super::volume::VolumeEnforcement;
use super::wasserstein::Wasserstein;
use super::{InputActivation, LossConfig, LossContext, OutputActivation, Prediction, Target};

/// A file of cases.
#[derive(Debug, Deserialize)]
pub struct CaseFile {
    pub cases: Vec<Json>,
}

/// One case of a loss.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    pub id: String,
    pub family: String,
    pub activation: String,
    #[serde(default)]
    pub params: Map<String, Json>,
    /// `[N, C, H, W]`.
    pub shape: [usize; 4],
    pub logits: Vec<f64>,
    /// `[N, H, W]`.
    pub labels: Vec<u32>,
    pub loss: f64,
    pub grad: Vec<f64>,
    pub tol: Tolerance,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Tolerance {
    pub loss: f64,
    pub grad: f64,
}

/// What our engine says about a case.
#[derive(Debug, Clone)]
pub struct Answer {
    pub loss: f64,
    /// `[N, C, H, W]`.
    pub grad: Vec<f64>,
    pub ok: bool,
    /// |loss − reference| / max(1, |reference|).
    pub loss_error: f64,
    /// max |grad − reference| / max(max |reference|, 1e-4).
    pub grad_error: f64,
}

/// A configuration as our engine has it.
struct Translated {
    head: OutputActivation,
    loss: LossConfig,
    class_weights: Vec<f64>,
    pixel_weights: Option<Vec<f64>>,
}

impl Case {
    /// Evaluates the case in the given float type.
    ///
    /// # Errors
    /// What in the case can't be understood, or does not fit together.
    pub fn evaluate(&self, device: &Device, dtype: DType) -> Result<Answer, String> {
        let [n, c, h, w] = self.shape;
        let (pixels, values) = (n * h * w, n * c * h * w);
        for (name, found, expected) in [
            ("logits", self.logits.len(), values),
            ("labels", self.labels.len(), pixels),
            ("grad", self.grad.len(), values),
        ] {
            if found != expected {
                let shape = self.shape;
                return Err(format!(
                    "`{name}` has {found} numbers, expected {expected} for shape {shape:?}"
                ));
            }
        }
        if let Some(bad) = self.logits.iter().find(|v| !v.is_finite()) {
            return Err(format!("`logits` holds {bad}: expected finite numbers"));
        }
        let translated = self.translate()?;
        let device = device.clone().autodiff();
        let context = LossContext {
            num_classes: c,
            class_weights: translated.class_weights,
            device: device.clone(),
        };
        let loss = translated.loss.build(&context).map_err(|e| e.to_string())?;
        let data = TensorData::new(self.logits.clone(), self.shape);
        let logits: Tensor<4> = Tensor::from_data(data, (&device, dtype));
        let logits = logits.require_grad();
        let labels: Vec<u8> = self
            .labels
            .iter()
            .map(|&l| u8::try_from(l).unwrap_or(255))
            .collect();
        let mut target = Target::with_dtype(&labels, [n, h, w], c, &device, dtype);
        if let Some(map) = translated.pixel_weights {
            if map.len() != pixels {
                return Err(format!(
                    "`weight_map` has {} numbers, expected {pixels}",
                    map.len()
                ));
            }
            let data = TensorData::new(map, [n, 1, h, w]);
            target.pixel_weights = Some(Tensor::from_data(data, (&device, dtype)));
        }
        let prediction = Prediction {
            logits: logits.clone(),
            activation: translated.head,
        };
        let value = loss.forward(&prediction, &target);
        let grads = value.backward();
        let grad = logits.grad(&grads).map_or_else(
            || Ok(vec![0.0; values]),
            |grad| read(grad.reshape([values])),
        )?;
        let value = read(value.inner())?.first().copied().unwrap_or(f64::NAN);
        let largest = self.grad.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        let worst = grad
            .iter()
            .zip(&self.grad)
            .map(|(a, b)| (a - b).abs())
            // `max` would pass over NaN.
            .fold(0.0f64, |m, e| if e.is_nan() || e > m { e } else { m });
        let loss_error = (value - self.loss).abs() / self.loss.abs().max(1.0);
        let grad_error = worst / largest.max(1e-4);
        Ok(Answer {
            loss: value,
            grad,
            ok: loss_error <= self.tol.loss && grad_error <= self.tol.grad,
            loss_error,
            grad_error,
        })
    }

    fn translate(&self) -> Result<Translated, String> {
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

fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>, String> {
    let data = tensor.try_into_data().map_err(|e| e.to_string())?;
    Ok(data.iter::<f64>().collect())
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
                Ok(Term {
                    weight: term.weight,
                    loss,
                })
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
