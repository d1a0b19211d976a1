//! Batches that are awkward for kernels that sort errors and measure distances: equal errors and
//! ignored pixels, absent and full classes, odd sizes, single rows, more pixels than a tile, borders far
//! away, and logits that leave nothing between 0 and 1.

use burn::prelude::*;

use super::parity::{Numbers, answer, built};
use crate::data::IGNORE;
use crate::loss::{LossConfig, OutputActivation, Prediction, Target};

/// Beyond it a softmax is 0 and 1.
const EXTREME: f32 = 1e4;

/// What a loss is given.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Values {
    /// Probabilities of few values, so that many are equal; half of them on either side of ½.
    Coarse,
    /// The same, hardly any above ½.
    Sparse,
    /// Logits.
    Extreme,
}

/// One loss with its settings, on a batch of one shape.
pub(super) struct Awkward {
    pub name: String,
    loss: LossConfig,
    /// `[N, C, H, W]`
    shape: [usize; 4],
    values: Values,
}

/// Every setting of the losses that have such kernels.
///
/// # Errors
/// When a loss does not know its own settings.
pub(super) fn cases() -> Result<Vec<Awkward>, String> {
    const ODD: [usize; 4] = [3, 4, 37, 29];
    const TILES: [usize; 4] = [2, 5, 64, 48];
    const MANY_TILES: [usize; 4] = [1, 2, 768, 768];
    const ROW: [usize; 4] = [2, 3, 1, 70];
    const COLUMN: [usize; 4] = [2, 3, 70, 1];
    const PIXEL: [usize; 4] = [1, 2, 1, 1];
    let mut cases = Vec::new();
    let mut add = |kind: &str, settings: &[(&str, &str)], shape: [usize; 4], values: Values| {
        let mut loss = LossConfig::of_kind(kind).map_err(|error| error.to_string())?;
        let mut name = vec![format!("loss: {kind}"), format!("{shape:?}")];
        for (key, value) in settings {
            loss.set(key, value).map_err(|error| error.to_string())?;
            name.push(format!("{key} {value}"));
        }
        if values != Values::Coarse {
            name.push(format!("{values:?}"));
        }
        cases.push(Awkward {
            name: name.join(", "),
            loss,
            shape,
            values,
        });
        Ok::<(), String>(())
    };
    for per_image in ["false", "true"] {
        for classes in ["present", "all"] {
            let settings = [("per_image", per_image), ("classes", classes)];
            for shape in [ODD, TILES, ROW, PIXEL] {
                add("lovasz", &settings, shape, Values::Coarse)?;
            }
        }
    }
    add("lovasz", &[], MANY_TILES, Values::Coarse)?;
    add("lovasz", &[], TILES, Values::Extreme)?;
    for background in ["false", "true"] {
        let settings = [("include_background", background)];
        for shape in [ODD, TILES, ROW, COLUMN, PIXEL] {
            add("hausdorff", &settings, shape, Values::Coarse)?;
            add("boundary", &settings, shape, Values::Coarse)?;
        }
    }
    add("boundary", &[("full_mask", "keep")], ODD, Values::Coarse)?;
    add("hausdorff", &[("alpha", "1.5")], ODD, Values::Coarse)?;
    add("hausdorff", &[("log", "true")], ODD, Values::Coarse)?;
    add("hausdorff", &[], [1, 2, 3, 400], Values::Coarse)?;
    for shape in [[1, 2, 3, 400], [2, 3, 90, 333]] {
        let settings = [("include_background", "true")];
        add("hausdorff", &settings, shape, Values::Sparse)?;
    }
    add("hausdorff", &[], TILES, Values::Extreme)?;
    Ok(cases)
}

impl Awkward {
    /// Value, and gradient by the probabilities, or by the logits where these are extreme.
    pub(super) fn run(&self, device: &Device) -> Result<Numbers, String> {
        let [n, classes, h, w] = self.shape;
        let mut state = 7u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        let given = |unit: u32| match self.values {
            Values::Coarse => (unit % 256) as f32 / 256.0,
            Values::Sparse if unit.is_multiple_of(1024) => 0.75,
            Values::Sparse => (unit % 128) as f32 / 256.0,
            Values::Extreme => [-EXTREME, 0.0, EXTREME][unit as usize % 3],
        };
        let given: Vec<f32> = (0..n * classes * h * w).map(|_| given(next())).collect();
        let given = TensorData::new(given, self.shape);
        let given: Tensor<4> = Tensor::from_data(given, device).require_grad();
        let prediction = Prediction {
            logits: given.clone(),
            activation: match self.values {
                Values::Coarse | Values::Sparse => OutputActivation::None,
                Values::Extreme => OutputActivation::Softmax,
            },
        };
        // The last class is absent, but where an image is all of it.
        let label = |at: usize| match (at / (h * w), at % (h * w)) {
            (1, _) => classes - 1,
            (_, pixel) => (pixel / w / 9 + pixel % w / 7) % (classes - 1),
        };
        let labels: Vec<u8> = (0..n * h * w)
            .map(|at| match next() % 11 {
                0 if h * w > 1 => IGNORE,
                _ => label(at) as u8,
            })
            .collect();
        let target = Target::from_labels(&labels, [n, h, w], classes, device);
        let value = built(&self.loss, classes, device)?.forward(&prediction, &target);
        answer(value, &given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The CPU against itself: there are numbers to compare, and they are finite.
    #[test]
    fn every_case_gives_finite_numbers_to_compare() {
        let cpu = Device::flex().autodiff();
        for case in cases().unwrap() {
            let found = case.run(&cpu).unwrap();
            assert!(
                found.iter().flat_map(|(_, n)| n).all(|x| x.is_finite()),
                "{}",
                case.name
            );
        }
    }
}
