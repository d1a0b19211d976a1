//! Losses that are sums over pixels.

use super::dialect::number;
use super::overlap::power;
use super::writer::Writer;
use crate::loss::binary::{BinaryCrossEntropy, Normalizer as BinaryNormalizer};
use crate::loss::cross_entropy::{CrossEntropy, Normalizer, Renormalize};
use crate::loss::focal::{Focal, Form, Normalizer as FocalNormalizer};
use crate::loss::nacl::{Distance, Nacl};
use crate::loss::undecided::Undecided;
use crate::loss::unified_focal::UnifiedFocal;
use crate::loss::{InputActivation, OutputActivation};

const COUNT: &str = "xp.at_least(xp.sum(valid), 1.0)";

pub fn cross_entropy(writer: &Writer, c: &CrossEntropy) -> Vec<String> {
    let mut lines = log_p(writer, c);
    let weighted = !writer.weights.is_empty();
    if weighted {
        let weights = writer.per_class(&writer.weights);
        lines.push(format!("weights = {weights}"));
    }
    let weigh = |what: &str| {
        if weighted {
            format!("weights * {what}")
        } else {
            what.to_owned()
        }
    };
    lines.push("chosen = xp.where(y > 0, log_p, 0.0)".to_owned());
    if c.generalized_q > 0.0 || c.poly_epsilon != 0.0 || c.ohem_threshold > 0.0 {
        lines.push("log_true = xp.sum(chosen, axis=1, keepdims=True)".to_owned());
    }
    if c.generalized_q > 0.0 {
        let q = number(c.generalized_q);
        lines.push(format!(
            "pixel = (1.0 - xp.exp(log_true * {q})) / {q} * valid"
        ));
    } else {
        let chosen = weigh("chosen");
        lines.push(format!("pixel = -xp.sum({chosen}, axis=1, keepdims=True)"));
    }
    if c.label_smoothing > 0.0 {
        let share = number(c.label_smoothing);
        lines.push(format!(
            "spread = -xp.sum({}, axis=1, keepdims=True) * valid",
            weigh("log_p")
        ));
        lines.push(format!(
            "pixel = pixel * (1.0 - {share}) + spread * ({share} / logits.shape[1])"
        ));
    }
    if c.poly_epsilon != 0.0 {
        lines.push(format!(
            "pixel = pixel + (1.0 - xp.exp(log_true)) * {} * valid",
            number(c.poly_epsilon)
        ));
    }
    if c.top_k < 1.0 {
        lines.extend(hardest(c.top_k, writer));
        return lines;
    }
    if c.ohem_threshold > 0.0 {
        lines.extend(hard_examples(c.ohem_threshold, c.ohem_least, writer));
        return lines;
    }
    lines.extend(normalized(c.normalizer, &weigh("y")));
    lines
}

fn normalized(normalizer: Normalizer, weighted_truth: &str) -> Vec<String> {
    let one = |line: String| vec![line];
    match normalizer {
        Normalizer::CountValid => one(format!("return xp.sum(pixel) / {COUNT}")),
        Normalizer::CountAll => one("return xp.mean(pixel)".to_owned()),
        Normalizer::TimesClasses => one("return xp.mean(pixel) / logits.shape[1]".to_owned()),
        Normalizer::One => one("return xp.sum(pixel)".to_owned()),
        Normalizer::SumWeights => vec![
            format!("mass = xp.sum({weighted_truth})"),
            "return xp.sum(pixel) / xp.where(mass == 0, 1.0, mass)".to_owned(),
        ],
        Normalizer::PerImage => vec![
            "count = xp.sum(valid, axis=(1, 2, 3))".to_owned(),
            "count = xp.where(count == 0, 1.0, count)".to_owned(),
            "return xp.mean(xp.sum(pixel, axis=(1, 2, 3)) / count)".to_owned(),
        ],
    }
}

/// The mean of the share of pixels that cost most; ignored pixels cost 0 but are counted.
fn hardest(share: f64, writer: &Writer) -> Vec<String> {
    let share = number(share);
    let top = match writer.dialect {
        super::Dialect::Torch => "torch.topk(pixel, count).values",
        super::Dialect::Keras => "ops.top_k(pixel, count)[0]",
    };
    let size = match writer.dialect {
        super::Dialect::Torch => "pixel.shape[0]",
        super::Dialect::Keras => "pixel.shape[0]",
    };
    vec![
        "pixel = xp.reshape(pixel, (-1,))".to_owned(),
        format!("count = max(1, int({size} * {share}))"),
        format!("return xp.mean({top})"),
    ]
}

/// The mean over the pixels whose true class is less probable than the threshold, or over the `least`
/// hardest where those are too few.
fn hard_examples(threshold: f64, least: u64, writer: &Writer) -> Vec<String> {
    let sorted = match writer.dialect {
        super::Dialect::Torch => "torch.sort(key, descending=True).values",
        super::Dialect::Keras => "-ops.sort(-key)",
    };
    vec![
        "# -log of the true class's probability; ignored pixels are the easiest of all.".to_owned(),
        "key = xp.reshape(-log_true * valid + (valid - 1.0), (-1,))".to_owned(),
        "pixel = xp.reshape(pixel, (-1,))".to_owned(),
        format!("ranked = {sorted}"),
        format!(
            "hard = xp.where((key > {}) | (key >= ranked[min({least}, ranked.shape[0]) - 1]), 1.0, 0.0)",
            number(-threshold.ln())
        ),
        "hard = hard * xp.reshape(valid, (-1,))".to_owned(),
        "return xp.sum(pixel * hard) / xp.at_least(xp.sum(hard), 1.0)".to_owned(),
    ]
}

fn log_p(writer: &Writer, c: &CrossEntropy) -> Vec<String> {
    let given = writer.probs(c.input_activation);
    let plain = c.clip == 0.0 && c.renormalize == Renormalize::None && c.log_epsilon == 0.0;
    if plain {
        let log_p = if c.from_logits {
            format!("xp.log_softmax({given}, axis=1)")
        } else {
            writer.log_probs(c.input_activation)
        };
        return vec![format!("log_p = {log_p}")];
    }
    let p = if c.from_logits {
        format!("xp.softmax({given}, axis=1)")
    } else {
        given
    };
    let mut lines = vec![format!("p = {p}")];
    let scale = "p = p / xp.sum(p, axis=1, keepdims=True)".to_owned();
    if c.renormalize == Renormalize::BeforeClip {
        lines.push(scale.clone());
    }
    lines.extend(clipped(c.clip));
    if c.renormalize == Renormalize::AfterClip {
        lines.push(scale);
    }
    let p = if c.log_epsilon == 0.0 {
        "p".to_owned()
    } else {
        format!("p + {}", number(c.log_epsilon))
    };
    lines.push(format!("log_p = xp.log(xp.at_least({p}, 1e-30))"));
    lines
}

fn clipped(clip: f64) -> Option<String> {
    let clip_text = number(clip);
    (clip > 0.0).then(|| format!("p = xp.clip(p, {clip_text}, 1.0 - {clip_text})"))
}

pub fn binary(writer: &Writer, c: &BinaryCrossEntropy) -> Vec<String> {
    let given = writer.probs(c.input_activation);
    let z = if c.from_logits {
        Some(given.clone())
    } else {
        writer.logits_of(c.input_activation, OutputActivation::Sigmoid)
    };
    let mut lines = match z {
        Some(z) if c.clip == 0.0 => vec![
            format!("z = {z}"),
            "positive, negative = xp.softplus(-z), xp.softplus(z)".to_owned(),
        ],
        _ => {
            let p = if c.from_logits {
                format!("xp.sigmoid({given})")
            } else {
                given
            };
            let mut lines = vec![format!("p = {p}")];
            lines.extend(clipped(c.clip));
            lines.push("positive = -xp.log(xp.at_least(p, 1e-30))".to_owned());
            lines.push("negative = -xp.log(xp.at_least(1.0 - p, 1e-30))".to_owned());
            lines
        }
    };
    if !writer.weights.is_empty() {
        let weights = writer.per_class(&writer.weights);
        lines.push(format!("positive = positive * {weights}"));
    }
    if c.label_flip > 0.0 {
        let flip = number(c.label_flip);
        lines.push(format!("y = y * (1.0 - 2.0 * {flip}) + {flip}"));
    }
    lines.push("value = (y * positive + (1.0 - y) * negative) * valid".to_owned());
    lines.push(match c.normalizer {
        BinaryNormalizer::Valid => {
            format!("return xp.sum(value) / ({COUNT} * logits.shape[1])")
        }
        BinaryNormalizer::All => "return xp.mean(value)".to_owned(),
        BinaryNormalizer::One => "return xp.sum(value)".to_owned(),
    });
    lines
}

pub fn focal(writer: &Writer, c: &Focal) -> Vec<String> {
    let background = c.include_background && !c.drop_background_logit;
    let tail = if background { "" } else { "[:, 1:]" };
    let skip = usize::from(!background);
    let mut lines = focal_costs(writer, c, tail);
    if !background {
        lines.push("y = y[:, 1:]".to_owned());
    }
    lines.push(format!("focus = {}", focus("1.0 - p", c.gamma)));
    lines.push("value = xp.where(y > 0, positive * focus, 0.0)".to_owned());
    let mass = c.normalizer == FocalNormalizer::FocalMass;
    if mass {
        lines.push("mass = xp.where(y > 0, focus, 0.0)".to_owned());
    }
    if c.alpha >= 0.0 {
        lines.push(format!("value = value * {}", number(c.alpha)));
    }
    if c.form == Form::Binary {
        lines.push(format!("focus = {}", focus("p", c.gamma)));
        let factor = if c.alpha >= 0.0 {
            format!(" * (1.0 - {})", number(c.alpha))
        } else {
            String::new()
        };
        lines.push(format!(
            "value = value + xp.where(y > 0, 0.0, negative * focus){factor}"
        ));
        if mass {
            lines.push("mass = mass + xp.where(y > 0, 0.0, focus)".to_owned());
        }
    }
    if let Some(values) = c.alpha_per_class.get(skip..).filter(|v| !v.is_empty()) {
        lines.push(format!("value = value * {}", writer.per_class(values)));
    }
    let weights = writer.weights.get(skip..).filter(|w| !w.is_empty());
    let by_mean = c.normalizer == FocalNormalizer::ClassMean;
    if let Some(weights) = weights.filter(|_| !by_mean) {
        lines.push(format!("value = value * {}", writer.per_class(weights)));
    }
    lines.push("value = value * valid".to_owned());
    match c.normalizer {
        FocalNormalizer::Valid => lines.push(format!("return xp.sum(value) / {COUNT}")),
        FocalNormalizer::TimesClasses => {
            lines.push(format!("return xp.sum(value) / ({COUNT} * y.shape[1])"));
        }
        FocalNormalizer::SpatialMean => {
            lines.push("return xp.sum(xp.mean(value, axis=(2, 3)))".to_owned());
        }
        FocalNormalizer::ClassMean => {
            lines.push(format!("value = xp.sum(value, axis=(0, 2, 3)) / {COUNT}"));
            match weights {
                Some(weights) => {
                    let constant = writer.dialect.constant(weights);
                    lines.push(format!("weights = {constant}"));
                    lines.push("return xp.sum(value * weights) / xp.sum(weights)".to_owned());
                }
                None => lines.push("return xp.mean(value)".to_owned()),
            }
        }
        FocalNormalizer::FocalMass => {
            lines.push("mass = xp.sum(mass * valid, axis=(0, 2, 3))".to_owned());
            lines.push(format!(
                "return xp.mean(xp.sum(value, axis=(0, 2, 3)) / xp.at_least(mass, 1e-6) / {COUNT})"
            ));
        }
    }
    lines
}

/// `p`, and what a positive and a negative cost.
fn focal_costs(writer: &Writer, c: &Focal, tail: &str) -> Vec<String> {
    if c.clip == 0.0 {
        let input = c.input_activation;
        if let Some(z) = writer.logits_of(input, OutputActivation::Sigmoid) {
            return vec![
                format!("z = {z}{tail}"),
                "p = xp.sigmoid(z)".to_owned(),
                "positive, negative = xp.softplus(-z), xp.softplus(z)".to_owned(),
            ];
        }
        if let Some(z) = writer.logits_of(input, OutputActivation::Softmax) {
            let log_p = if c.drop_background_logit {
                format!("xp.log_softmax({z}[:, 1:], axis=1)")
            } else {
                format!("xp.log_softmax({z}, axis=1){tail}")
            };
            return vec![
                format!("log_p = {log_p}"),
                "p = xp.exp(log_p)".to_owned(),
                "positive = -log_p".to_owned(),
                "negative = -xp.log(xp.at_least(1.0 - p, 1e-30))".to_owned(),
            ];
        }
    }
    let mut lines = vec![format!("p = {}{tail}", writer.probs(c.input_activation))];
    lines.extend(clipped(c.clip));
    lines.push("positive = -xp.log(xp.at_least(p, 1e-30))".to_owned());
    lines.push("negative = -xp.log(xp.at_least(1.0 - p, 1e-30))".to_owned());
    lines
}

fn focus(x: &str, gamma: f64) -> String {
    match gamma {
        0.0 => "xp.ones_like(p)".to_owned(),
        1.0 => x.to_owned(),
        2.0 => format!("({x}) ** 2"),
        _ => power(x, gamma),
    }
}

pub fn unified_focal(writer: &Writer, c: &UnifiedFocal) -> Vec<String> {
    let clip = number(c.clip);
    let (delta, gamma, weight) = (number(c.delta), number(c.gamma), number(c.weight));
    vec![
        format!(
            "p = xp.clip({}, {clip}, 1.0 - {clip})",
            writer.probs(c.input_activation)
        ),
        "# The background is focal, every other class plain.".to_owned(),
        "cost = -xp.log(p) * y".to_owned(),
        format!(
            "background = xp.sum(cost[:, :1] * xp.at_least(1.0 - p[:, :1], 1e-30) ** {gamma}) * (1.0 - {delta})"
        ),
        format!("rest = xp.sum(cost[:, 1:]) * {delta}"),
        format!("focal = (background + rest) / ({COUNT} * logits.shape[1])"),
        "hit = xp.sum(p * y, axis=(2, 3))".to_owned(),
        "missed = xp.sum((1.0 - p) * y, axis=(2, 3))".to_owned(),
        "invented = xp.sum(p * (1.0 - y) * valid, axis=(2, 3))".to_owned(),
        format!(
            "score = (hit + {clip}) / (hit + {delta} * missed + (1.0 - {delta}) * invented + {clip})"
        ),
        "lost = 1.0 - score".to_owned(),
        format!("lost_rest = xp.at_least(lost[:, 1:], 1e-30) ** (1.0 - {gamma})"),
        "tversky = xp.mean(xp.concat((lost[:, :1], lost_rest), axis=1))".to_owned(),
        format!("return focal * {weight} + tversky * (1.0 - {weight})"),
    ]
}

pub fn nacl(writer: &Writer, c: &Nacl) -> Vec<String> {
    let side = c.kernel_size;
    let half = side / 2;
    let shares = match writer.dialect {
        super::Dialect::Torch => format!("F.avg_pool2d(y, {side}, stride=1, padding={half})"),
        super::Dialect::Keras => format!(
            "ops.transpose(ops.average_pool(ops.pad(ops.transpose(y, (0, 2, 3, 1)), ((0, 0), ({half}, {half}), ({half}, {half}), (0, 0))), {side}, strides=1, padding=\"valid\", data_format=\"channels_last\"), (0, 3, 1, 2))"
        ),
    };
    let away = match c.distance {
        Distance::L1 => "xp.abs(shares - logits)",
        Distance::L2 => "(shares - logits) ** 2",
    };
    let plain = CrossEntropy {
        input_activation: c.input_activation,
        ..CrossEntropy::default()
    };
    let mut lines = vec![
        "# Share of each class among the neighbours; beyond the edge there are none.".to_owned(),
        format!("shares = {shares}"),
        format!("away = xp.sum({away} * valid) / ({COUNT} * logits.shape[1])"),
    ];
    let mut entropy = cross_entropy(writer, &plain);
    if let Some(last) = entropy.last_mut() {
        *last = format!("{} + {} * away", last.trim_end(), number(c.alpha));
    }
    lines.extend(entropy);
    lines
}

pub fn undecided(writer: &Writer, c: &Undecided) -> Vec<String> {
    vec![
        format!("p = {}", writer.probs(c.input_activation)),
        "decided = xp.mean(xp.abs(p - 1.0 / logits.shape[1]), axis=1, keepdims=True)".to_owned(),
        format!(
            "return xp.sum(valid / (decided + {})) / {COUNT}",
            number(c.epsilon)
        ),
    ]
}

/// What cross-entropy alone is, where a library has it under its own name.
pub fn is_plain_cross_entropy(writer: &Writer, c: &CrossEntropy) -> bool {
    let softmax = writer
        .logits_of(c.input_activation, OutputActivation::Softmax)
        .is_some_and(|z| z == "logits")
        || (writer.head == OutputActivation::None
            && c.input_activation == InputActivation::None
            && c.from_logits);
    softmax
        && c.clip == 0.0
        && c.renormalize == Renormalize::None
        && c.log_epsilon == 0.0
        && c.top_k == 1.0
        && c.ohem_threshold == 0.0
        && c.poly_epsilon == 0.0
        && c.generalized_q == 0.0
        && (c.normalizer == Normalizer::SumWeights
            || (c.normalizer == Normalizer::CountValid && writer.weights.is_empty()))
}
