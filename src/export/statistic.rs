//! Losses from sums of products other than the overlap family's.

use super::dialect::{Dialect, number};
use super::overlap::axes;
use super::writer::Writer;
use crate::loss::mcc::Mcc;
use crate::loss::question::QuestionDice;
use crate::loss::volume::VolumeEnforcement;
use crate::loss::wasserstein::{Mode, Wasserstein};

pub fn question(writer: &Writer, c: &QuestionDice) -> Vec<String> {
    let ids = match writer.dialect {
        Dialect::Torch => "torch.arange(logits.shape[1], dtype=logits.dtype, device=logits.device)",
        Dialect::Keras => "ops.arange(logits.shape[1], dtype=logits.dtype)",
    };
    let smooth = number(c.smooth);
    vec![
        "# Class ids as if they were a mask: as it was asked, and why it went up.".to_owned(),
        format!("ids = xp.sum(y * {ids}[None, :, None, None], axis=1, keepdims=True)"),
        format!("p = {} * valid", writer.probs(c.input_activation)),
        "overlap = xp.sum(p * ids)".to_owned(),
        "union = xp.sum(ids) * logits.shape[1] + xp.sum(p)".to_owned(),
        format!("return 1.0 - (2.0 * overlap + {smooth}) / (union + {smooth})"),
    ]
}

pub fn mcc(writer: &Writer, c: &Mcc) -> Vec<String> {
    let axes = axes(c.group);
    let mut lines = vec![format!("p = {}", writer.probs(c.input_activation))];
    if !c.include_background {
        lines.push("p, y = p[:, 1:], y[:, 1:]".to_owned());
    }
    let offset = if c.count_offset == 0.0 {
        String::new()
    } else {
        format!(" + {}", number(c.count_offset))
    };
    for (name, product) in [
        ("hit", "p * y"),
        ("invented", "p * (1.0 - y) * valid"),
        ("missed", "(1.0 - p) * y"),
        ("rejected", "(1.0 - p) * (1.0 - y) * valid"),
    ] {
        lines.push(format!("{name} = xp.sum({product}, axis={axes}){offset}"));
    }
    let above = match c.smooth_numerator {
        0.0 => String::new(),
        more => format!(" + {}", number(more)),
    };
    lines.extend([
        format!("above = hit * rejected - invented * missed{above}"),
        "product = (hit + invented) * (hit + missed) * (rejected + invented) * (rejected + missed)"
            .to_owned(),
        format!(
            "below = xp.sqrt(xp.at_least(product + {}, 1e-30))",
            number(c.smooth_denominator)
        ),
        "# Without any error the correlation is 1, even where the ratio is 0 / 0.".to_owned(),
        "return xp.mean(xp.where(invented + missed == 0, 0.0, 1.0 - above / below))".to_owned(),
    ]);
    lines
}

pub fn wasserstein(writer: &Writer, c: &Wasserstein) -> Vec<String> {
    let classes = "logits.shape[1]";
    let matrix = if c.distances.is_empty() {
        match writer.dialect {
            Dialect::Torch => {
                format!("1.0 - torch.eye({classes}, dtype=logits.dtype, device=logits.device)")
            }
            Dialect::Keras => format!("1.0 - ops.eye({classes}, dtype=logits.dtype)"),
        }
    } else {
        let list = writer.dialect.constant(&c.distances);
        format!("xp.reshape({list}, ({classes}, {classes}))")
    };
    let mut lines = vec![
        "# Distance of each true class (row) to each predicted one (column).".to_owned(),
        format!("matrix = {matrix}"),
        format!("p = {}", writer.probs(c.input_activation)),
        "costs = xp.einsum(\"kc,nchw->nkhw\", matrix, p)".to_owned(),
        "distance = xp.sum(costs * y, axis=1, keepdims=True)".to_owned(),
    ];
    lines.push(match c.mode {
        Mode::Foreground => "value = xp.sum(y[:, 1:], axis=1, keepdims=True)".to_owned(),
        Mode::BackgroundDistance => {
            "value = xp.sum(y * matrix[0][None, :, None, None], axis=1, keepdims=True)".to_owned()
        }
        Mode::InverseVolume => {
            "value = xp.sum(y / (xp.sum(y, axis=(2, 3), keepdims=True) + 1.0), axis=1, keepdims=True)"
                .to_owned()
        }
    });
    lines.push("hits = 2.0 * xp.sum(value * (1.0 - distance) * valid, axis=(1, 2, 3))".to_owned());
    lines.push(match c.mode {
        Mode::InverseVolume => {
            "union = xp.sum(value * (2.0 - distance) * valid, axis=(1, 2, 3))".to_owned()
        }
        Mode::Foreground | Mode::BackgroundDistance => {
            "union = hits + xp.sum(distance * valid, axis=(1, 2, 3))".to_owned()
        }
    });
    lines.extend([
        format!("union = union + {}", number(c.smooth_denominator)),
        format!(
            "score = (hits + {}) / xp.where(union == 0, 1.0, union)",
            number(c.smooth_numerator)
        ),
        "return xp.mean(1.0 - xp.where(union == 0, 0.0, score))".to_owned(),
    ]);
    lines
}

pub fn volume(writer: &Writer, c: &VolumeEnforcement) -> Vec<String> {
    let epsilon = number(c.epsilon);
    let mut lines = vec![format!("p = {}", writer.probs(c.input_activation))];
    if c.hard {
        lines.push("# Most probable classes are counted: there is no gradient.".to_owned());
        lines.push(
            "p = p * 0.0 + xp.where(p >= xp.amax(p, axis=1, keepdims=True), 1.0, 0.0)".to_owned(),
        );
    }
    lines.extend([
        format!("truth = xp.sum(y, axis=(2, 3)) + {epsilon}"),
        format!("predicted = xp.sum(p * valid, axis=(2, 3)) + {epsilon}"),
        "return xp.mean(xp.abs(truth / predicted - predicted / truth))".to_owned(),
    ]);
    lines
}
