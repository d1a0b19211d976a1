//! A model, its optimiser and one training step: what a session, `bench step` and the check of a
//! device have in common. Knows no dataset and no events.

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::prelude::*;
use burn::tensor::Transaction;

use super::late::Reading;
use super::optim::{self, Optimizer};
use crate::data::DataError;
use crate::experiment::TrainConfig;
use crate::loss::{LossFn, OutputActivation, Prediction, Target};
use crate::model::UNet;

/// What one step found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    pub loss: f64,
    /// Global norm of the gradient, before clipping.
    pub grad_norm: f64,
}

impl Measured {
    fn is_finite(self) -> bool {
        self.loss.is_finite() && self.grad_norm.is_finite()
    }
}

/// Why a step could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Broken {
    /// Something was not a number: what, in words. The weights are still those before the step.
    #[error("{0}")]
    NotFinite(String),
    /// The device failed.
    #[error("{0}")]
    Device(String),
    /// Images can't be read.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// Some images of a batch, on the device.
pub struct Part {
    /// Of the batch's images, 0 to 1.
    pub share: f64,
    /// `[N, C, H, W]`.
    pub images: Tensor<4>,
    /// See [`UNet::forward_dropping`].
    pub keep: Option<Tensor<4>>,
    pub target: Target,
}

/// A model that learns.
pub struct Learner {
    /// Only away while the optimiser has it.
    model: Option<UNet>,
    pub optimizer: Optimizer,
    clip_norm: f64,
    /// Whether [`Learner::step`] keeps the logits it saw, and those logits.
    pub keep_logits: bool,
    pub logits: Option<Tensor<4>>,
}

impl Learner {
    /// `model` lives on a device with autodiff.
    #[must_use]
    pub fn new(model: UNet, config: &TrainConfig) -> Self {
        Self {
            model: Some(model),
            optimizer: Optimizer::new(config),
            clip_norm: config.clip_norm,
            keep_logits: false,
            logits: None,
        }
    }

    /// # Panics
    /// After a panic inside [`Learner::step`]: such a learner is lost.
    #[must_use]
    pub fn model(&self) -> &UNet {
        self.model
            .as_ref()
            .expect("the model is there unless a step panicked")
    }

    pub fn set_model(&mut self, model: UNet) {
        self.model = Some(model);
    }

    /// Forward, loss, backward, clipping, update. `images` `[N, C, H, W]`; `keep` is the dropout
    /// mask of [`UNet::forward_dropping`].
    ///
    /// # Errors
    /// When loss or gradient are not finite, or the device failed.
    pub fn step(
        &mut self,
        images: Tensor<4>,
        keep: Option<Tensor<4>>,
        activation: OutputActivation,
        target: &Target,
        loss: &dyn LossFn,
        rate: f64,
    ) -> Result<Measured, Broken> {
        let (measured, grads, logits) = self.look(images, keep, activation, target, loss)?;
        self.logits = self.keep_logits.then_some(logits);
        self.update(measured, grads, rate);
        Ok(measured)
    }

    /// As [`Learner::step`] of a batch whose parts are computed one after the other: their losses
    /// and gradients are added up in proportion to their images. Batch normalisation, and a loss
    /// that puts the images of a batch together, see one part at a time.
    ///
    /// # Errors
    /// As [`Learner::step`].
    pub fn step_in_parts(
        &mut self,
        parts: impl Iterator<Item = Part>,
        activation: OutputActivation,
        loss: &dyn LossFn,
        rate: f64,
    ) -> Result<Measured, Broken> {
        let Sum { loss, grads, seen } = self.forward_and_back(parts, activation, loss)?;
        let model = self.model();
        let square_sum = optim::square_sum(model, &grads);
        let measured = measured(start_reading(loss, square_sum))?;
        let logits = Tensor::cat(seen, 0);
        if !measured.is_finite() {
            let what = blame(measured, logits, model, &grads);
            return Err(Broken::NotFinite(what));
        }
        self.logits = self.keep_logits.then_some(logits);
        self.update(measured, grads, rate);
        Ok(measured)
    }

    /// As [`Learner::step_in_parts`], but neither waits for the device nor looks at what it found:
    /// [`Learner::settle`] does.
    ///
    /// # Errors
    /// When there is nothing to learn from.
    pub fn launch(
        &mut self,
        parts: impl Iterator<Item = Part>,
        activation: OutputActivation,
        loss: &dyn LossFn,
        rate: f64,
    ) -> Result<Launched, Broken> {
        let before = Before::of(self);
        let Sum {
            loss, mut grads, ..
        } = self.forward_and_back(parts, activation, loss)?;
        let model = self.model();
        let square_sum = optim::square_sum(model, &grads);
        let reading = start_reading(loss, square_sum.clone());
        if let Some(sum) = square_sum.filter(|_| self.clip_norm > 0.0) {
            optim::clip(model, &mut grads, sum, self.clip_norm);
        }
        self.apply(grads, rate);
        Ok(Launched { reading, before })
    }

    /// Waits for what a step found. `None` when something was not a number: model and optimiser are
    /// then those before that step, and what was launched after it has come to nothing.
    ///
    /// # Errors
    /// When the device failed.
    pub fn settle(&mut self, launched: Launched) -> Result<Option<Measured>, Broken> {
        let Launched { reading, before } = launched;
        let measured = measured(reading)?;
        if measured.is_finite() {
            return Ok(Some(measured));
        }
        before.restore(self);
        Ok(None)
    }

    /// Loss and gradients of all parts.
    fn forward_and_back(
        &self,
        parts: impl Iterator<Item = Part>,
        activation: OutputActivation,
        loss: &dyn LossFn,
    ) -> Result<Sum, Broken> {
        let model = self.model();
        let mut sum = GradientsAccumulator::new();
        let (mut total, mut seen): (Option<Tensor<1>>, _) = (None, Vec::new());
        for part in parts {
            let logits = model.forward_dropping(part.images, part.keep);
            seen.push(logits.clone().inner());
            let prediction = Prediction { logits, activation };
            let value = loss.forward(&prediction, &part.target) * part.share;
            sum.accumulate(model, GradientsParams::from_grads(value.backward(), model));
            let value = value.inner();
            total = Some(match total {
                Some(total) => total + value,
                None => value,
            });
        }
        let grads = sum.grads();
        let nothing = || Broken::NotFinite("there is no image to learn from".to_owned());
        Ok(Sum {
            loss: total.ok_or_else(nothing)?,
            grads,
            seen,
        })
    }

    /// Clips the gradient and lets the optimiser change the model.
    fn update(&mut self, measured: Measured, mut grads: GradientsParams, rate: f64) {
        let model = self.model();
        if self.clip_norm > 0.0 && measured.grad_norm > self.clip_norm {
            optim::scale(model, &mut grads, self.clip_norm / measured.grad_norm);
        }
        self.apply(grads, rate);
    }

    fn apply(&mut self, grads: GradientsParams, rate: f64) {
        if let Some(model) = self.model.take() {
            self.model = Some(self.optimizer.step(model, grads, rate));
        }
    }

    /// Forward, loss and backward alone; both numbers are read in one go.
    ///
    /// # Errors
    /// As [`Learner::step`].
    pub fn gradients(
        &self,
        images: Tensor<4>,
        keep: Option<Tensor<4>>,
        activation: OutputActivation,
        target: &Target,
        loss: &dyn LossFn,
    ) -> Result<(Measured, GradientsParams), Broken> {
        let (measured, grads, _) = self.look(images, keep, activation, target, loss)?;
        Ok((measured, grads))
    }

    /// As [`Learner::gradients`], with the logits.
    fn look(
        &self,
        images: Tensor<4>,
        keep: Option<Tensor<4>>,
        activation: OutputActivation,
        target: &Target,
        loss: &dyn LossFn,
    ) -> Result<(Measured, GradientsParams, Tensor<4>), Broken> {
        let model = self.model();
        let logits = model.forward_dropping(images, keep);
        let prediction = Prediction { logits, activation };
        let value = loss.forward(&prediction, target);
        let grads = GradientsParams::from_grads(value.backward(), model);
        let square_sum = optim::square_sum(model, &grads);
        let measured = measured(start_reading(value.inner(), square_sum))?;
        if measured.is_finite() {
            Ok((measured, grads, prediction.logits.inner()))
        } else {
            let what = blame(measured, prediction.logits.inner(), model, &grads);
            Err(Broken::NotFinite(what))
        }
    }
}

/// Loss and gradients of a batch; the logits of its parts.
struct Sum {
    loss: Tensor<1>,
    grads: GradientsParams,
    seen: Vec<Tensor<4>>,
}

/// A step whose numbers are on their way.
pub struct Launched {
    reading: Reading,
    before: Before,
}

/// What a learner was before a step.
struct Before {
    /// Parameters and running statistics, flat. The latter change in every forward pass, also for
    /// those who hold a copy of the model.
    values: HashMap<ParamId, Tensor<1>>,
    optimizer: Optimizer,
}

impl Before {
    fn of(learner: &Learner) -> Self {
        struct Collect(HashMap<ParamId, Tensor<1>>);
        impl ModuleVisitor for Collect {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let value = param.val().inner().reshape([-1]);
                self.0.insert(param.id, value);
            }
        }
        let mut collect = Collect(HashMap::new());
        settled_statistics(learner.model()).visit(&mut collect);
        Self {
            values: collect.0,
            optimizer: learner.optimizer.clone(),
        }
    }

    fn restore(mut self, learner: &mut Learner) {
        if let Some(model) = learner.model.take() {
            settled_statistics(&model);
            learner.model = Some(model.map(&mut self));
        }
        learner.optimizer = self.optimizer;
    }
}

impl ModuleMapper for Before {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(value) = self.values.remove(&param.id) else {
            return param;
        };
        param.map(|now| {
            let value = Tensor::from_inner(value.reshape(now.dims()));
            let value = match now.gradient_checkpointing_strategy() {
                Some(strategy) => value.with_gradient_checkpointing_strategy(strategy),
                None => value,
            };
            value.set_require_grad(now.is_require_grad())
        })
    }
}

/// The model, whose running statistics have taken in what the last forward pass left beside them.
fn settled_statistics(model: &UNet) -> &UNet {
    // A side effect that is not to be had otherwise.
    drop(model.valid());
    model
}

/// Asks for the loss and the squared norm of the gradient, in one go.
fn start_reading(loss: Tensor<1>, square_sum: Option<Tensor<1>>) -> Reading {
    let mut transaction = Transaction::default().register(loss);
    if let Some(sum) = square_sum {
        transaction = transaction.register(sum);
    }
    Reading::start(transaction)
}

fn measured(reading: Reading) -> Result<Measured, Broken> {
    let read = reading.wait();
    let read = read.map_err(|error| Broken::Device(error.to_string()))?;
    let mut numbers = read.iter().flat_map(|data| data.iter::<f32>());
    Ok(Measured {
        loss: numbers.next().map_or(f64::NAN, f64::from),
        grad_norm: numbers.next().map_or(0.0, |sum| f64::from(sum).sqrt()),
    })
}

/// What was not finite first, in the order it is computed.
fn blame(measured: Measured, logits: Tensor<4>, model: &UNet, grads: &GradientsParams) -> String {
    let Measured { loss, grad_norm } = measured;
    if !optim::all_finite(logits) {
        return format!("the network's output is not finite (loss {loss})");
    }
    if !loss.is_finite() {
        return format!("the loss is {loss} although the network's output is finite");
    }
    match optim::first_non_finite(model, grads) {
        Some(path) => format!("the gradient of {path} is not finite (loss {loss})"),
        None => format!("the squared gradients overflow (norm {grad_norm}, loss {loss})"),
    }
}
