//! Losses that look at more than sums: order, skeletons, distances.

use super::dialect::{Dialect, number};
use super::writer::{Helper, Writer};
use crate::loss::boundary::{Boundary, FullMask};
use crate::loss::cldice::ClDice;
use crate::loss::hausdorff::Hausdorff;
use crate::loss::lovasz::{Classes, Lovasz};

const COUNT: &str = "xp.at_least(xp.sum(valid), 1.0)";

pub fn lovasz(writer: &Writer, c: &Lovasz) -> Vec<String> {
    let images = match writer.dialect {
        Dialect::Torch => "logits.shape[0]",
        Dialect::Keras => "(logits.shape[0] or 1)",
    };
    let mut lines = vec![
        format!("p = {}", writer.probs(c.input_activation)),
        "# |y - p|, and -1 at ignored pixels, which sorts them last.".to_owned(),
        "errors = xp.where(valid > 0, p * (1.0 - 2.0 * y) + y, -1.0)".to_owned(),
    ];
    let groups = if c.per_image {
        format!("[slice(i, i + 1) for i in range({images})]")
    } else {
        "[slice(None)]".to_owned()
    };
    // A class counts where it occurs; with `all`, wherever there is a pixel at all.
    let counts = match c.classes {
        Classes::Present => "xp.where(positives > 0, 1.0, 0.0)",
        Classes::All => "xp.where(xp.sum(counted) > 0, 1.0, 0.0)",
    };
    lines.extend([
        "total = 0.0".to_owned(),
        format!("groups = {groups}"),
        "for group in groups:".to_owned(),
        "    counted = xp.reshape(valid[group], (-1,))".to_owned(),
        "    losses, present = 0.0, 0.0".to_owned(),
        "    for channel in range(logits.shape[1]):".to_owned(),
        "        error = xp.reshape(errors[group, channel], (-1,))".to_owned(),
        "        order = xp.argsort(-error)".to_owned(),
        "        error = xp.take(error, order)".to_owned(),
        "        truth = xp.take(xp.reshape(y[group, channel], (-1,)), order)".to_owned(),
        "        mask = xp.take(counted, order)".to_owned(),
        "        positives = xp.sum(truth)".to_owned(),
        "        missed = xp.cumsum(truth, axis=0)".to_owned(),
        "        invented = xp.cumsum((1.0 - truth) * mask, axis=0)".to_owned(),
        "        jaccard = 1.0 - (positives - missed) / xp.at_least(positives + invented, 1e-30)"
            .to_owned(),
        "        steps = xp.concat((jaccard[:1], jaccard[1:] - jaccard[:-1]), axis=0)".to_owned(),
        format!("        counts = {counts}"),
        "        losses = losses + counts * xp.sum(error * steps * mask)".to_owned(),
        "        present = present + counts".to_owned(),
        "    total = total + losses / xp.where(present == 0, 1.0, present)".to_owned(),
        "return total / len(groups)".to_owned(),
    ]);
    lines
}

pub fn cldice(writer: &mut Writer, c: &ClDice) -> Vec<String> {
    writer.helpers.insert(Helper::Skeleton);
    let mut lines = vec![format!("p = {} * valid", writer.probs(c.input_activation))];
    if !c.include_background {
        lines.push("p, y = p[:, 1:], y[:, 1:]".to_owned());
    }
    let (above, below) = (number(c.smooth_numerator), number(c.smooth_denominator));
    for (name, of, inside) in [("precision", "p", "y"), ("sensitivity", "y", "p")] {
        lines.push(format!("thin = skeleton({of}, {})", c.iterations));
        lines.push(format!(
            "{name} = (xp.sum(thin * {inside}, axis=(1, 2, 3)) + {above}) / (xp.sum(thin, axis=(1, 2, 3)) + {below})"
        ));
    }
    lines.push(format!(
        "score = 2.0 * precision * sensitivity / (precision + sensitivity + {})",
        number(c.smooth_mean)
    ));
    lines.push("return xp.mean(1.0 - score)".to_owned());
    lines
}

pub fn boundary(writer: &mut Writer, c: &Boundary) -> Vec<String> {
    if let Some(refusal) = needs_maps(writer, "boundary") {
        return refusal;
    }
    let mut lines = vec![format!("p = {}", writer.probs(c.input_activation))];
    if !c.include_background {
        lines.push("p, y = p[:, 1:], y[:, 1:]".to_owned());
    }
    let full = match c.full_mask {
        FullMask::Zero => "False",
        FullMask::Keep => "True",
    };
    lines.extend([
        format!("field = planes(y, lambda mask: signed_distance(mask, keep_full={full}))"),
        format!("return xp.sum(p * field * valid) / ({COUNT} * y.shape[1])"),
    ]);
    lines
}

pub fn hausdorff(writer: &mut Writer, c: &Hausdorff) -> Vec<String> {
    if let Some(refusal) = needs_maps(writer, "hausdorff") {
        return refusal;
    }
    let mut lines = vec![format!("p = {}", writer.probs(c.input_activation))];
    if !c.include_background {
        lines.push("p, y = p[:, 1:], y[:, 1:]".to_owned());
    }
    let alpha = number(c.alpha);
    lines.extend([
        format!(
            "field = planes(p, border_distance) ** {alpha} + planes(y, border_distance) ** {alpha}"
        ),
        format!("loss = xp.sum((p - y) ** 2 * field * valid) / ({COUNT} * y.shape[1])"),
        if c.log {
            "return xp.log(1.0 + loss)".to_owned()
        } else {
            "return loss".to_owned()
        },
    ]);
    lines
}

/// Distance maps are made outside of the graph, which a compiled Keras step does not allow.
fn needs_maps(writer: &mut Writer, kind: &str) -> Option<Vec<String>> {
    if writer.dialect == Dialect::Torch {
        writer.helpers.insert(Helper::Distances);
        return None;
    }
    writer.notes.push(format!(
        "NOT SUPPORTED: `{kind}` needs distance maps, which are computed outside of the graph; a \
         compiled Keras step can't do that. Export it for PyTorch, or leave the term out."
    ));
    Some(vec![format!(
        "raise NotImplementedError(\"{kind} needs distance maps: see the note above\")"
    )])
}

/// The text of a helper.
pub fn helper(dialect: Dialect, helper: Helper) -> &'static str {
    match (helper, dialect) {
        (Helper::Skeleton, Dialect::Torch) => {
            r"def pool(x, height, width):
    # Largest value around each pixel.
    return F.max_pool2d(x, (height, width), stride=1, padding=(height // 2, width // 2))


def erode(x):
    # Smallest value over each pixel and its four neighbours.
    return torch.minimum(-pool(-x, 3, 1), -pool(-x, 1, 3))


def skeleton(x, iterations):
    thin = F.relu(x - pool(erode(x), 3, 3))
    for _ in range(iterations):
        x = erode(x)
        delta = F.relu(x - pool(erode(x), 3, 3))
        thin = thin + F.relu(delta - thin * delta)
    return thin
"
        }
        (Helper::Skeleton, Dialect::Keras) => {
            r#"def pool(x, height, width):
    # Largest value around each pixel.
    x = ops.transpose(x, (0, 2, 3, 1))
    x = ops.max_pool(x, (height, width), strides=1, padding="same", data_format="channels_last")
    return ops.transpose(x, (0, 3, 1, 2))


def erode(x):
    # Smallest value over each pixel and its four neighbours.
    return ops.minimum(-pool(-x, 3, 1), -pool(-x, 1, 3))


def skeleton(x, iterations):
    thin = ops.relu(x - pool(erode(x), 3, 3))
    for _ in range(iterations):
        x = erode(x)
        delta = ops.relu(x - pool(erode(x), 3, 3))
        thin = thin + ops.relu(delta - thin * delta)
    return thin
"#
        }
        (Helper::Distances, _) => {
            r"def planes(x, field):
    # A map of each [H, W] plane, without gradient; computed on the CPU.
    masks = (x.detach() > 0.5).cpu().numpy()
    out = x.new_zeros(x.shape)
    for image in range(x.shape[0]):
        for channel in range(x.shape[1]):
            out[image, channel] = torch.as_tensor(field(masks[image, channel])).to(out)
    return out


def signed_distance(mask, keep_full):
    # Distance to the class outside of it; 1 minus the distance to the outside, inside.
    if not mask.any() or (mask.all() and not keep_full):
        return mask * 0.0
    if mask.all():
        return 1.0 - distance_transform_edt(mask)
    return distance_transform_edt(~mask) - (distance_transform_edt(mask) - 1.0) * mask


def border_distance(mask):
    # Distance to the other side of the border; 0 where there is none.
    if not mask.any() or mask.all():
        return mask * 0.0
    return distance_transform_edt(mask) + distance_transform_edt(~mask)
"
        }
    }
}
