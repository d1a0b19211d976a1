//! The overlap family: only the lines that its settings need.

use super::dialect::number;
use super::writer::{Writer, linear};
use crate::loss::overlap::{
    Absent, Divisor, EmptyVolume, Group, Overlap, Transform, VolumeWeights,
};

/// Where a sum goes: `[N, C]`, `[C]`, `[N]` or one number.
pub fn axes(group: Group) -> &'static str {
    match group {
        Group::ImageClass => "(2, 3)",
        Group::Class => "(0, 2, 3)",
        Group::Image => "(1, 2, 3)",
        Group::All => "(0, 1, 2, 3)",
    }
}

pub fn body(writer: &Writer, c: &Overlap) -> Vec<String> {
    let mut lines = vec![format!("p = {}", writer.probs(c.input_activation))];
    let kept = kept(c);
    lines.extend(choose(writer, c, kept.as_deref()));
    lines.extend(sums(c));
    lines.extend(volumes(c));
    lines.extend(ratio(c));
    lines.push(match c.transform {
        Transform::OneMinus => "loss = 1.0 - score".to_owned(),
        Transform::Score => "loss = score".to_owned(),
        Transform::Neg => "loss = -score".to_owned(),
        Transform::NegLog => {
            format!(
                "loss = -xp.log(xp.at_least(score, {}))",
                number(c.log_floor)
            )
        }
    });
    if c.group_exponent != 1.0 {
        lines.push(format!("loss = {}", power("loss", c.group_exponent)));
    }
    lines.extend(mean(writer, c, kept.as_deref()));
    if c.one_minus_final {
        lines.push("loss = 1.0 - loss".to_owned());
    }
    if c.final_exponent != 1.0 {
        lines.push(format!("loss = {}", power("loss", c.final_exponent)));
    }
    if c.log_cosh {
        lines.push("loss = xp.log((xp.exp(loss) + xp.exp(-loss)) * 0.5)".to_owned());
    }
    lines.push("return loss".to_owned());
    lines
}

/// The classes that are named; `None` where the number of classes decides.
fn kept(c: &Overlap) -> Option<Vec<usize>> {
    if c.classes.is_empty() {
        return None;
    }
    let all = c.classes.iter().map(|class| *class as usize);
    Some(
        all.filter(|class| c.include_background || *class != 0)
            .collect(),
    )
}

fn choose(writer: &Writer, c: &Overlap, kept: Option<&[usize]>) -> Vec<String> {
    match kept {
        Some(kept) => vec![
            format!("p = {}", writer.dialect.pick("p", kept)),
            format!("y = {}", writer.dialect.pick("y", kept)),
        ],
        None if !c.include_background => vec![
            "# Without the background.".to_owned(),
            "p, y = p[:, 1:], y[:, 1:]".to_owned(),
        ],
        None => Vec::new(),
    }
}

fn sums(c: &Overlap) -> Vec<String> {
    let axes = axes(c.group);
    // Volume weights are summed over a class axis, which one ratio for all classes lacks.
    let one = matches!(c.group, Group::Image | Group::All);
    let tail = if one && c.volume_weights != VolumeWeights::None {
        "[..., None]"
    } else {
        ""
    };
    let sum = |what: &str| format!("xp.sum({what}, axis={axes}){tail}");
    let predicted = match c.power {
        1.0 => "p * valid".to_owned(),
        2.0 => "p * p * valid".to_owned(),
        power => format!("p ** {} * valid", number(power)),
    };
    let parts = |factors: [f64; 3]| {
        let names = ["overlap", "predicted", "truth"];
        let parts = factors.into_iter().zip(names.map(str::to_owned));
        linear(&parts.collect::<Vec<_>>())
    };
    let (k, a, b) = (c.kappa, c.alpha, c.beta);
    // Differences of halves and tenths leave rounding behind: 1 − 0.3 − 0.7 is not quite 0.
    let rest = k * (1.0 - a - b);
    let rest = if rest.abs() < 1e-12 { 0.0 } else { rest };
    let mut lines = vec![
        format!("overlap = {}", sum("p * y")),
        format!("predicted = {}", sum(&predicted)),
        format!("truth = {}", sum("y")),
        format!("numerator = {}", linear(&[(k, "overlap".to_owned())])),
        format!("denominator = {}", parts([rest, k * a, k * b])),
    ];
    if c.class_denominator_floor > 0.0 {
        lines.push(format!(
            "denominator = xp.at_least(denominator, {})",
            number(c.class_denominator_floor)
        ));
    }
    lines
}

fn volumes(c: &Overlap) -> Vec<String> {
    let weight = match c.volume_weights {
        VolumeWeights::None => return Vec::new(),
        VolumeWeights::Uniform => "xp.ones_like(volume)",
        VolumeWeights::Simple => "1.0 / xp.where(volume > 0, volume, 1.0)",
        VolumeWeights::Square => "1.0 / xp.where(volume > 0, volume, 1.0) ** 2",
    };
    let mut lines = vec![
        format!(
            "volume = {}",
            if c.volume_offset == 0.0 {
                "truth".to_owned()
            } else {
                format!("truth + {}", number(c.volume_offset))
            }
        ),
        format!("weight = {weight}"),
    ];
    match c.empty_volume {
        EmptyVolume::Largest => lines.extend([
            "# An absent class takes the largest weight of those that are there.".to_owned(),
            "weight = xp.where(truth > 0, weight, 0.0)".to_owned(),
            "largest = xp.amax(weight, axis=-1, keepdims=True)".to_owned(),
            "weight = xp.where(truth > 0, weight, largest)".to_owned(),
        ]),
        EmptyVolume::Natural => {
            lines.push("weight = xp.where(volume > 0, weight, 0.0)".to_owned());
        }
    }
    lines.extend([
        "numerator = xp.sum(numerator * weight, axis=-1)".to_owned(),
        "denominator = xp.sum(denominator * weight, axis=-1)".to_owned(),
        "truth = xp.sum(truth, axis=-1)".to_owned(),
    ]);
    lines
}

fn ratio(c: &Overlap) -> Vec<String> {
    let plus = |name: &str, more: f64| {
        if more == 0.0 {
            name.to_owned()
        } else {
            format!("({name} + {})", number(more))
        }
    };
    let above = plus("numerator", c.smooth_numerator);
    let below = plus("denominator", c.smooth_denominator);
    if c.denominator_floor > 0.0 {
        let below = below.trim_start_matches('(').trim_end_matches(')');
        let floor = number(c.denominator_floor);
        return vec![format!("score = {above} / xp.at_least({below}, {floor})")];
    }
    if c.smooth_denominator > 0.0 {
        return vec![format!("score = {above} / {below}")];
    }
    let zero = if c.zero_ratio_is_one { "1.0" } else { "0.0" };
    vec![
        "# 0 / 0 would be NaN in value and gradient.".to_owned(),
        "empty = denominator == 0".to_owned(),
        format!("score = {above} / xp.where(empty, 1.0, denominator)"),
        format!("score = xp.where(empty, {zero}, score)"),
    ]
}

fn mean(writer: &Writer, c: &Overlap, kept: Option<&[usize]>) -> Vec<String> {
    let mut lines = Vec::new();
    if c.absent != Absent::Keep {
        lines.push("present = xp.where(truth > 0, 1.0, 0.0)".to_owned());
        lines.push("loss = loss * present".to_owned());
    }
    let counted = match c.absent {
        Absent::Drop => "present",
        Absent::Keep | Absent::Zero => "xp.ones_like(loss)",
    };
    let weights = group_weights(writer, c, kept);
    if let Some(weights) = &weights {
        lines.push(format!("weights = {}", writer.dialect.constant(weights)));
    }
    let divisor = match (c.divisor, &weights) {
        (Divisor::SumWeights, Some(_)) => Some(format!("{counted} * weights")),
        (Divisor::Count | Divisor::SumWeights, _) if c.absent == Absent::Drop => {
            Some("present".to_owned())
        }
        _ => None,
    };
    if let Some(divisor) = &divisor {
        lines.push(format!("count = xp.sum({divisor})"));
    }
    if weights.is_some() {
        lines.push("loss = loss * weights".to_owned());
    }
    lines.push(match (c.divisor, divisor) {
        (Divisor::One, _) => "loss = xp.sum(loss)".to_owned(),
        (_, Some(_)) => "loss = xp.sum(loss) / xp.where(count == 0, 1.0, count)".to_owned(),
        (_, None) => "loss = xp.mean(loss)".to_owned(),
    });
    lines
}

/// Class weights of the classes that count, where each has a ratio of its own.
fn group_weights(writer: &Writer, c: &Overlap, kept: Option<&[usize]>) -> Option<Vec<f64>> {
    if writer.weights.is_empty() || c.volume_weights != VolumeWeights::None {
        return None;
    }
    let weights: Vec<f64> = match kept {
        Some(kept) => (kept.iter())
            .filter_map(|class| writer.weights.get(*class).copied())
            .collect(),
        None => writer.weights[usize::from(!c.include_background)..].to_vec(),
    };
    let each = matches!(c.group, Group::ImageClass | Group::Class) || weights.len() == 1;
    each.then_some(weights)
}

/// x^e for x ≥ 0, with a finite slope at 0.
pub fn power(x: &str, exponent: f64) -> String {
    format!("xp.at_least({x}, 1e-30) ** {}", number(exponent))
}
