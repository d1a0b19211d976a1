//! The X-ray: what the configured loss says about answers whose worth is known.
//!
//! One forward and one backward pass per oracle on the CPU; no training, no network.

use burn::prelude::*;
use serde::Serialize;

use super::look::{Frame, Look, Slope, look};
use super::oracle::{self, Oracle, Truth};
use super::theory::{self, Theory};
use crate::experiment::ExperimentConfig;
use crate::loss::breakdown::{self, TermPart};
use crate::loss::{
    LossConfig, LossContext, LossError, LossFn, OutputActivation, Prediction, Target,
};

/// A worse answer must beat a better one by this share of the range to be called a violation:
/// below it, float noise and harmless ties would be reported.
const NOTICEABLE: f64 = 1e-3;
/// The same where the better answer is right but not quite sure: certain answers score a little better
/// than doubtful ones under any loss, even where one object is missing.
const DOUBT: f64 = 0.05;
/// A wrong answer within this share of the range of the perfect one is as good as perfect.
const TIE: f64 = 1e-6;
/// Answers whose quality differs by less than this are not ranked against each other.
const CLEARLY_WORSE: f64 = 0.05;

/// One bar of the chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    pub name: String,
    pub title: String,
    /// What the loss says; smaller is what training moves towards.
    pub loss: f64,
    /// What the answer is worth: mean soft Dice of present classes, 0..=1.
    pub quality: f64,
    /// The answer on the mask of [`Xray::frame`].
    #[serde(skip)]
    pub look: Option<Look>,
}

/// A worse answer that the loss prefers to a better one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Violation {
    pub preferred: String,
    pub over: String,
    /// Whether it scores no worse than the perfect answer; otherwise it only beats one that is right but
    /// in doubt, or one with less of the same defect.
    pub as_good_as_perfect: bool,
    /// How far below the better answer's loss the worse one lies.
    pub by: f64,
    pub message: String,
}

impl Violation {
    /// Whether what it beats is right, not just less wrong.
    #[must_use]
    pub fn beats_a_right_answer(&self) -> bool {
        matches!(self.over.as_str(), "perfect" | "confident")
    }
}

/// A class's part in the gradient at the uniform answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassShare {
    pub class: String,
    /// Share of the masks' pixels, 0..=1.
    pub pixels: f64,
    /// Share of Σ|∂loss/∂logit| over the class's channel, 0..=1.
    pub gradient: f64,
    /// How much of the loss falls when this class's pixels alone are answered right, as a share of
    /// what falls so over all classes, 0..=1.
    pub loss: f64,
}

/// The whole picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Xray {
    /// Best answer first, by quality.
    pub oracles: Vec<Bar>,
    pub violations: Vec<Violation>,
    /// Smallest loss seen over all answers, and the perfect answer's loss.
    pub lowest: f64,
    pub highest: f64,
    /// What the perfect answer still scores: below it nothing right can go.
    pub floor: f64,
    /// Loss of the untrained network (every class equally likely).
    pub initial: f64,
    /// What [`Self::initial`] must be, where a closed form is known.
    pub theory: Option<Theory>,
    /// Smallest and largest number that the loss is given at the perfect answer.
    pub input_range: [f64; 2],
    pub class_shares: Vec<ClassShare>,
    /// Share of the oracles' pixels whose gradient has one sign over all classes, at the uniform
    /// answer: such a pixel is told "more of everything" or "less of everything".
    pub one_sign_pixels: f64,
    /// Whether the perfect answer and "every pixel confidently the next class" score alike.
    pub class_blind: bool,
    /// What "every pixel confidently the next class" costs over the perfect answer, as a share of the
    /// range.
    pub next_class_cost: f64,
    /// What missing the rarest class completely costs, as a share of the range.
    pub rarest_cost: Option<f64>,
    /// The loss's formula with the numbers of the untrained network in it.
    pub formula: Vec<TermPart>,
    /// Names of the classes, in their order.
    pub class_names: Vec<String>,
    pub millis: f64,
    /// The mask that pictures show.
    #[serde(skip)]
    pub frame: Frame,
    /// Its truth, `[H, W]`.
    #[serde(skip)]
    pub labels: Vec<u8>,
}

/// The labels to examine the loss on, with what the loss needs to know of the classes.
#[derive(Debug, Clone)]
pub struct Subject {
    /// `[N, H, W]`, class index or `IGNORE`.
    pub labels: Vec<u8>,
    pub shape: [usize; 3],
    pub class_names: Vec<String>,
    /// One per class; empty means all 1.
    pub class_weights: Vec<f64>,
}

impl Subject {
    pub(super) fn truth(&self) -> Truth<'_> {
        Truth {
            labels: &self.labels,
            shape: self.shape,
            class_names: &self.class_names,
        }
    }
}

/// Takes the X-ray of `config`'s loss and output activation on `subject`.
///
/// # Errors
/// When the loss can't be made for these classes or gives no number.
pub fn take(config: &ExperimentConfig, subject: &Subject) -> Result<Xray, LossError> {
    Exam::new(config, subject)?.xray()
}

/// A loss made ready to be asked, and the answers to ask it about: for several questions at once.
pub struct Exam<'a> {
    config: &'a ExperimentConfig,
    subject: &'a Subject,
    bench: Bench,
    oracles: Vec<Oracle>,
    frame: Frame,
    start: std::time::Instant,
}

impl<'a> Exam<'a> {
    /// # Errors
    /// When the loss can't be made for these classes.
    pub fn new(config: &'a ExperimentConfig, subject: &'a Subject) -> Result<Self, LossError> {
        let start = std::time::Instant::now();
        Ok(Self {
            config,
            subject,
            bench: Bench::new(config, subject)?,
            oracles: oracle::all(subject.truth(), config.activation),
            frame: Frame::fullest(subject.truth()),
            start,
        })
    }

    /// The whole picture.
    ///
    /// # Errors
    /// When the loss gives no number.
    pub fn xray(&self) -> Result<Xray, LossError> {
        let Self {
            config,
            subject,
            bench,
            oracles,
            frame,
            start,
        } = self;
        let truth = subject.truth();
        let classes = subject.class_names.len();
        let mut bars = Vec::with_capacity(oracles.len());
        for oracle in oracles {
            bars.push(Bar {
                name: oracle.name.clone(),
                title: oracle.title.clone(),
                loss: bench.loss(&oracle.logits)?,
                quality: oracle.quality,
                look: Some(look(oracle, *frame, classes, config.activation)),
            });
        }
        bars.sort_by(|a, b| b.quality.total_cmp(&a.quality));

        let loss_of = |name: &str| bars.iter().find(|b| b.name == name).map(|b| b.loss);
        let finite = || bars.iter().map(|b| b.loss).filter(|l| l.is_finite());
        let lowest = finite().fold(f64::INFINITY, f64::min);
        let highest = finite().fold(f64::NEG_INFINITY, f64::max);
        let range = (highest - lowest).max(f64::MIN_POSITIVE);
        let floor = loss_of("perfect").unwrap_or(f64::NAN);

        let uniform = oracles.iter().find(|o| o.name == "uniform");
        let (mut class_shares, one_sign_pixels) = match uniform {
            Some(uniform) => bench.gradient_shares(uniform, truth)?,
            None => (Vec::new(), 0.0),
        };
        let formula = match uniform {
            Some(uniform) => bench.formula(&config.loss, &uniform.logits)?,
            None => Vec::new(),
        };
        if let Some(uniform) = uniform {
            let falls = bench.falls(uniform, truth)?;
            for (share, fall) in class_shares.iter_mut().zip(falls) {
                share.loss = fall;
            }
        }
        let next = oracle::next_class(truth, config.activation);
        let next_class_cost = (bench.loss(&next.logits)? - floor) / range;
        let class_blind = subject.class_names.len() > 1 && next_class_cost.abs() < NOTICEABLE;
        let rarest_cost = loss_of("rarest-missing").map(|missing| (missing - floor) / range);
        let perfect = oracles.iter().find(|o| o.name == "perfect");

        Ok(Xray {
            violations: violations(&bars, range),
            lowest,
            highest,
            floor,
            initial: loss_of("uniform").unwrap_or(f64::NAN),
            input_range: perfect.map_or([0.0, 0.0], |p| bench.input_range(&p.logits)),
            class_shares,
            one_sign_pixels,
            class_blind,
            next_class_cost,
            rarest_cost,
            theory: theory::initial(
                config,
                &truth.counts(),
                subject.class_weights.iter().any(|weight| *weight != 1.0),
            ),
            frame: *frame,
            labels: frame.labels(truth).to_vec(),
            oracles: bars,
            formula,
            class_names: subject.class_names.clone(),
            millis: start.elapsed().as_secs_f64() * 1e3,
        })
    }

    /// The answers' names.
    pub fn answers(&self) -> impl Iterator<Item = &str> {
        self.oracles.iter().map(|oracle| oracle.name.as_str())
    }

    /// The loss of any answer, given as logits `[N, C, H, W]`.
    ///
    /// # Errors
    /// When the loss gives no number.
    pub fn loss(&self, logits: &[f32]) -> Result<f64, LossError> {
        self.bench.loss(logits)
    }

    /// d loss / d logit `[N, C, H, W]` for one named oracle: which pixels the loss pushes, how hard.
    ///
    /// # Errors
    /// When no oracle is called `name`, or the gradient can't be read.
    pub fn gradient(&self, name: &str) -> Result<Vec<f32>, LossError> {
        let oracle = (self.oracles.iter())
            .find(|oracle| oracle.name == name)
            .ok_or_else(|| LossError::Invalid(format!("no oracle is called `{name}`")))?;
        self.bench.gradient(&oracle.logits)
    }

    /// The picture of [`Exam::gradient`] on the mask that the X-ray shows.
    ///
    /// # Errors
    /// As [`Exam::gradient`].
    pub fn slope(&self, name: &str) -> Result<Slope, LossError> {
        let values = self.gradient(name)?;
        let planes = self.frame.planes(&values, self.subject.class_names.len());
        Ok(Slope::new(name, self.frame, planes.to_vec()))
    }
}

/// The formula with numbers alone, of a network that gives every class the same chance: quick enough
/// to follow a slider.
///
/// # Errors
/// When the loss can't be made for these classes or gives no number.
pub fn formula(config: &ExperimentConfig, subject: &Subject) -> Result<Vec<TermPart>, LossError> {
    let uniform = oracle::uniform(subject.truth(), config.activation);
    Bench::new(config, subject)?.formula(&config.loss, &uniform.logits)
}

/// The loss made ready on the CPU, with the truth uploaded once.
pub(crate) struct Bench {
    loss: Box<dyn LossFn>,
    target: Target,
    activation: OutputActivation,
    device: Device,
    shape: [usize; 4],
    context: LossContext,
    /// Share of training that is done, 0..=1: scheduled weights follow it.
    progress: f64,
}

impl Bench {
    pub(crate) fn new(config: &ExperimentConfig, subject: &Subject) -> Result<Self, LossError> {
        let device = Device::flex().autodiff();
        let classes = subject.class_names.len();
        let [n, h, w] = subject.shape;
        let context = LossContext {
            num_classes: classes,
            class_weights: subject.class_weights.clone(),
            device: device.clone(),
        };
        Ok(Self {
            loss: config.build_loss(&context)?,
            target: Target::from_labels(&subject.labels, subject.shape, classes, &device),
            activation: config.activation,
            device,
            shape: [n, classes, h, w],
            context,
            progress: 1.0,
        })
    }

    /// The loss taken apart at an answer, given as logits `[N, C, H, W]`; `loss` is that of the
    /// configuration.
    pub(crate) fn formula(
        &self,
        loss: &LossConfig,
        logits: &[f32],
    ) -> Result<Vec<TermPart>, LossError> {
        let (prediction, progress) = (self.prediction(logits), self.progress);
        breakdown::take(loss, &self.context, &prediction, &self.target, progress)
    }

    fn prediction(&self, logits: &[f32]) -> Prediction {
        let data = TensorData::new(logits.to_vec(), self.shape);
        Prediction {
            logits: Tensor::from_data(data, &self.device).require_grad(),
            activation: self.activation,
        }
    }

    fn loss(&self, logits: &[f32]) -> Result<f64, LossError> {
        let loss = self.loss.forward(&self.prediction(logits), &self.target);
        loss.try_into_scalar::<f32>()
            .map(f64::from)
            .map_err(|error| LossError::Invalid(format!("the loss gave no number: {error:?}")))
    }

    fn gradient(&self, logits: &[f32]) -> Result<Vec<f32>, LossError> {
        Ok(self.loss_and_gradient(logits)?.1)
    }

    /// Says how much of training is done, 0..=1.
    pub(crate) fn at(&mut self, progress: f64) {
        self.progress = progress;
        self.loss.at(progress);
    }

    /// The loss, and d loss / d logit.
    pub(crate) fn loss_and_gradient(&self, logits: &[f32]) -> Result<(f64, Vec<f32>), LossError> {
        let prediction = self.prediction(logits);
        let leaf = prediction.logits.clone();
        let loss = self.loss.forward(&prediction, &self.target);
        let gradients = loss.backward();
        let value = (loss.try_into_scalar::<f32>())
            .map_err(|error| LossError::Invalid(format!("the loss gave no number: {error:?}")))?;
        let Some(gradient) = leaf.grad(&gradients) else {
            return Ok((f64::from(value), vec![0.0; logits.len()]));
        };
        gradient
            .try_into_data()
            .ok()
            .and_then(|data| data.try_to_vec::<f32>().ok())
            .map(|gradient| (f64::from(value), gradient))
            .ok_or_else(|| LossError::Invalid("the gradient could not be read".to_owned()))
    }

    /// How far the loss falls from `uniform` when the pixels of one class alone are answered right,
    /// for each class, as shares that sum to 1; a loss that rises then has fallen by nothing.
    fn falls(&self, uniform: &Oracle, truth: Truth<'_>) -> Result<Vec<f64>, LossError> {
        let [_, classes, h, w] = self.shape;
        let area = h * w;
        let start = self.loss(&uniform.logits)?;
        let mut falls = vec![0.0; classes];
        for (class, fall) in falls.iter_mut().enumerate() {
            let mut logits = uniform.logits.clone();
            for (pixel, &label) in truth.labels.iter().enumerate() {
                if usize::from(label) == class {
                    for (other, on) in (0..classes).map(|other| (other, other == class)) {
                        let at = (pixel / area * classes + other) * area + pixel % area;
                        logits[at] = oracle::certain(self.activation, on);
                    }
                }
            }
            *fall = (start - self.loss(&logits)?).max(0.0);
        }
        let total: f64 = falls.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        Ok(falls.into_iter().map(|fall| fall / total).collect())
    }

    /// Smallest and largest network output.
    fn input_range(&self, logits: &[f32]) -> [f64; 2] {
        let output = self.prediction(logits).output();
        let read = |t: Tensor<1>| t.try_into_scalar::<f32>().map_or(f64::NAN, f64::from);
        [read(output.clone().min()), read(output.max())]
    }

    fn gradient_shares(
        &self,
        oracle: &Oracle,
        truth: Truth<'_>,
    ) -> Result<(Vec<ClassShare>, f64), LossError> {
        let gradient = self.gradient(&oracle.logits)?;
        let [n, classes, h, w] = self.shape;
        let area = h * w;
        let mut mass = vec![0.0_f64; classes];
        for (index, g) in gradient.iter().enumerate() {
            mass[index / area % classes] += f64::from(g.abs());
        }
        let (mut pushed, mut one_sign) = (0_u64, 0_u64);
        for image in 0..n {
            for pixel in 0..area {
                let mut values =
                    (0..classes).map(|class| gradient[(image * classes + class) * area + pixel]);
                let all_up = values.clone().all(|g| g > 0.0);
                let all_down = values.clone().all(|g| g < 0.0);
                pushed += u64::from(values.any(|g| g != 0.0));
                one_sign += u64::from(all_up || all_down);
            }
        }
        let total_mass: f64 = mass.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let counts = truth.counts();
        let total: u64 = counts.iter().sum::<u64>().max(1);
        let shares = (0..classes)
            .map(|class| ClassShare {
                class: truth.class_names[class].clone(),
                pixels: counts[class] as f64 / total as f64,
                gradient: mass[class] / total_mass,
                loss: 0.0,
            })
            .collect();
        Ok((shares, one_sign as f64 / pushed.max(1) as f64))
    }
}

/// Whether one answer is better than another by any measure: it is right, or it has less of the same
/// defect. Two different mistakes are not ranked: a loss may well dislike a missing pixel more than
/// an invented one. The confident answer is right too, so it is never the worse one.
fn beyond_doubt(better: &Bar, worse: &Bar) -> bool {
    let right = |bar: &Bar| matches!(bar.name.as_str(), "perfect" | "confident");
    let defect = |bar: &Bar| -> Option<(String, u32)> {
        let (kind, amount) = bar.name.rsplit_once('-')?;
        let graded = matches!(kind, "wrong" | "eroded" | "dilated");
        graded.then_some((kind.to_owned(), amount.parse().ok()?))
    };
    let less = match (defect(better), defect(worse)) {
        (Some((a, less)), Some((b, more))) => a == b && less < more,
        _ => false,
    };
    (right(better) || less) && better.quality > worse.quality + CLEARLY_WORSE
}

/// Every answer that scores better than one that is better beyond doubt; only the worst offence per
/// answer, always measured against the best answer it beats.
fn violations(bars: &[Bar], range: f64) -> Vec<Violation> {
    let perfect = bars.iter().find(|bar| bar.name == "perfect");
    let as_good = |bar: &Bar| perfect.is_some_and(|p| bar.loss <= p.loss + TIE * range);
    let mut found = Vec::new();
    for worse in bars.iter().filter(|bar| bar.name != "confident") {
        let margin = |better: &Bar| match better.name.as_str() {
            "confident" if !as_good(worse) => DOUBT * range,
            _ => NOTICEABLE * range,
        };
        let beaten = bars
            .iter()
            .filter(|better| beyond_doubt(better, worse))
            .filter(|better| worse.loss < better.loss - margin(better))
            .max_by(|a, b| a.quality.total_cmp(&b.quality));
        if let Some(better) = beaten {
            let by = better.loss - worse.loss;
            found.push(Violation {
                preferred: worse.name.clone(),
                over: better.name.clone(),
                as_good_as_perfect: as_good(worse),
                by,
                message: format!("“{}” scores {by:.3} below “{}”", worse.title, better.title),
            });
        }
    }
    found.sort_by(|a, b| b.by.total_cmp(&a.by));
    found
}
