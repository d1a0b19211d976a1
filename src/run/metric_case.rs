//! Golden cases of metrics: labels and predictions with the value a reference library gives.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::metrics::Confusion;
use super::scores::{Empty, calibration_error, mean_of_present};
use super::surface::Surfaces;

/// One case; `pred` or `logits` is the prediction.
#[derive(Debug, Clone, Deserialize)]
pub struct MetricCase {
    metric: String,
    #[serde(default)]
    params: Map<String, Json>,
    /// `[N, H, W]`, or `[N, C, H, W]` with logits.
    shape: Vec<usize>,
    num_classes: usize,
    #[serde(default)]
    pred: Vec<u8>,
    #[serde(default)]
    logits: Vec<f64>,
    labels: Vec<u8>,
    value: Json,
    #[serde(default = "exactly")]
    tol: f64,
    #[serde(default)]
    reference: Reference,
}

/// Where the value comes from.
#[derive(Debug, Clone, Default, Deserialize)]
struct Reference {
    #[serde(default)]
    library: String,
}

fn exactly() -> f64 {
    1e-9
}

impl MetricCase {
    /// The value as nested lists (not-finite numbers as text), whether it is the case's, and the
    /// largest difference.
    ///
    /// # Errors
    /// When the metric or a parameter is not known, or lengths don't fit.
    pub fn evaluate(&self) -> Result<(Json, bool, f64), String> {
        let value = self.compute()?;
        let error = difference(&value, &self.value);
        Ok((value, error <= self.tol, error))
    }

    fn compute(&self) -> Result<Json, String> {
        let (n, h, w) = match self.shape[..] {
            [n, h, w] | [n, _, h, w] if n * h * w > 0 => (n, h, w),
            _ => return Err(format!("`shape` = {:?}: expected N, H, W", self.shape)),
        };
        let (plane, classes) = (h * w, self.num_classes);
        let from_logits = self.metric == "expected_calibration_error";
        let (name, found, expected) = if from_logits {
            ("logits", self.logits.len(), n * classes * plane)
        } else {
            ("pred", self.pred.len(), n * plane)
        };
        for (name, found, expected) in [
            (name, found, expected),
            ("labels", self.labels.len(), n * plane),
        ] {
            if found != expected {
                return Err(format!("`{name}` has {found} numbers, expected {expected}"));
            }
        }
        if from_logits {
            let bins = self.number("bins")?.max(1.0) as usize;
            let probs = softmax(&self.logits, classes, plane);
            return Ok(number(calibration_error(
                &probs,
                &self.labels,
                classes,
                plane,
                bins,
            )));
        }
        let images: Vec<(&[u8], &[u8])> = self
            .labels
            .chunks(plane)
            .zip(self.pred.chunks(plane))
            .collect();
        let confusion = |truth: &[u8], prediction: &[u8]| {
            let mut confusion = Confusion::new(classes);
            confusion.add(truth, prediction);
            confusion
        };
        let pooled = confusion(&self.labels, &self.pred);
        let per_image = |score: &dyn Fn(&Confusion) -> Json| -> Json {
            images
                .iter()
                .map(|(t, p)| score(&confusion(t, p)))
                .collect()
        };
        let first = usize::from(self.params.get("include_background") == Some(&Json::Bool(false)));
        let surfaces = |score: &dyn Fn(&Surfaces) -> f64| -> Json {
            let of_class = |(truth, prediction): &(&[u8], &[u8]), class: usize| {
                let mask = |labels: &[u8]| -> Vec<bool> {
                    labels.iter().map(|l| usize::from(*l) == class).collect()
                };
                let between = match self.reference.library.as_str() {
                    "torchmetrics" => Surfaces::as_torchmetrics,
                    _ => Surfaces::between,
                };
                number(score(&between(&mask(truth), &mask(prediction), h, w)))
            };
            let of_image = |image| {
                (first..classes)
                    .map(|class| of_class(image, class))
                    .collect()
            };
            images.iter().map(of_image).collect::<Vec<Json>>().into()
        };
        Ok(match self.metric.as_str() {
            "confusion_matrix" => pooled
                .counts
                .chunks(classes)
                .map(|row| numbers(&row.iter().map(|n| *n as f64).collect::<Vec<_>>()))
                .collect(),
            "pixel_accuracy" => number(pooled.accuracy()),
            "cohen_kappa" => number(pooled.kappa()),
            "matthews_corrcoef_multiclass" => number(pooled.matthews()),
            "f1_per_class_pooled" => numbers(&pooled.dice_as(Empty::Zero)),
            "iou_per_class_pooled" => numbers(&pooled.iou_as(Empty::Zero)),
            "precision_per_class" => numbers(&pooled.precision()),
            "recall_per_class" => numbers(&pooled.recall()),
            "dice_per_class" => {
                let empty = self.empty()?;
                match self.text("level") {
                    "global" => json!([numbers(&pooled.dice_as(empty))]),
                    _ => per_image(&|c| numbers(&c.dice_as(empty))),
                }
            }
            // Per class the weights cancel, and an absent class has one of its own kind.
            "generalized_dice" => per_image(&|c| numbers(&c.dice_as(Empty::Perfect)[first..])),
            "iou_per_class" => {
                let empty = self.empty()?;
                per_image(&|c| numbers(&c.iou_as(empty)))
            }
            "mean_iou" => per_image(&|c| number(mean_of_present(&c.iou_as(Empty::Skip)))),
            "dice_aggregate" => match self.text("average") {
                "micro" => per_image(&|c| number(c.dice_pooled(first))),
                "macro" => {
                    per_image(&|c| number(mean_of_present(&c.dice_as(Empty::Skip)[first..])))
                }
                "weighted" => per_image(&|c| number(c.dice_by_volume(first))),
                other => return Err(format!("`params.average` = `{other}` is not known")),
            },
            "hausdorff" => {
                let percentile = self.number("percentile")?;
                surfaces(&|s| s.hausdorff(percentile))
            }
            "average_surface_distance" => surfaces(&Surfaces::average),
            "surface_dice" => {
                let threshold = self.number("threshold")?;
                surfaces(&|s| s.dice(threshold))
            }
            other => return Err(format!("`metric` = `{other}` is not known")),
        })
    }

    fn text(&self, key: &str) -> &str {
        self.params
            .get(key)
            .and_then(Json::as_str)
            .unwrap_or_default()
    }

    fn number(&self, key: &str) -> Result<f64, String> {
        let value = self.params.get(key);
        value
            .and_then(Json::as_f64)
            .ok_or_else(|| format!("`params.{key}` = {value:?}: expected a number"))
    }

    fn empty(&self) -> Result<Empty, String> {
        match self.params.get("empty") {
            Some(Json::Number(n)) if n.as_f64() == Some(-1.0) => Ok(Empty::MinusOne),
            Some(Json::String(text)) => match text.as_str() {
                "nan" => Ok(Empty::Skip),
                text if text.starts_with("nan when truth is empty") => Ok(Empty::SkipWithoutTruth),
                "1 if both empty else 0" => Ok(Empty::Perfect),
                other => Err(format!("`params.empty` = `{other}` is not known")),
            },
            other => Err(format!("`params.empty` = {other:?} is not known")),
        }
    }
}

fn softmax(logits: &[f64], classes: usize, plane: usize) -> Vec<f64> {
    let mut probs = logits.to_vec();
    for image in probs.chunks_mut(classes * plane) {
        for pixel in 0..plane {
            let column = |class: usize| class * plane + pixel;
            let highest = (0..classes).fold(f64::NEG_INFINITY, |m, c| m.max(image[column(c)]));
            let sum: f64 = (0..classes)
                .map(|c| (image[column(c)] - highest).exp())
                .sum();
            for class in 0..classes {
                image[column(class)] = (image[column(class)] - highest).exp() / sum;
            }
        }
    }
    probs
}

fn number(value: f64) -> Json {
    if value.is_nan() {
        "nan".into()
    } else if value.is_infinite() {
        if value > 0.0 { "inf" } else { "-inf" }.into()
    } else {
        value.into()
    }
}

fn numbers(values: &[f64]) -> Json {
    values.iter().copied().map(number).collect()
}

/// Largest difference between numbers; infinite where the two are not alike at all.
fn difference(a: &Json, b: &Json) -> f64 {
    match (a, b) {
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            let each = a.iter().zip(b).map(|(a, b)| difference(a, b));
            each.fold(0.0, f64::max)
        }
        (Json::Number(a), Json::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs(),
            _ => f64::INFINITY,
        },
        (a, b) if a == b => 0.0,
        _ => f64::INFINITY,
    }
}
