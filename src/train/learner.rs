//! A model, its optimiser and one training step: what a session, `bench step` and the check of a
//! device have in common. Knows no dataset and no events.

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::prelude::*;
use burn::tensor::Transaction;

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

/// Why a step could not be made.
#[derive(Debug, Clone, PartialEq)]
pub enum Broken {
    /// Something was not a number: what, in words. The weights are still those before the step.
    NotFinite(String),
    /// The device failed.
    Device(String),
    /// Images can't be read.
    Data(DataError),
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
        let Some(total) = total else {
            return Err(Broken::NotFinite(
                "there is no image to learn from".to_owned(),
            ));
        };
        let measured = read(total, model, &grads)?;
        let logits = Tensor::cat(seen, 0);
        if !(measured.loss.is_finite() && measured.grad_norm.is_finite()) {
            let what = blame(measured, logits, model, &grads);
            return Err(Broken::NotFinite(what));
        }
        self.logits = self.keep_logits.then_some(logits);
        self.update(measured, grads, rate);
        Ok(measured)
    }

    /// Clips the gradient and lets the optimiser change the model.
    fn update(&mut self, measured: Measured, mut grads: GradientsParams, rate: f64) {
        let model = self.model();
        if self.clip_norm > 0.0 && measured.grad_norm > self.clip_norm {
            optim::scale(model, &mut grads, self.clip_norm / measured.grad_norm);
        }
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
        let measured = read(value.inner(), model, &grads)?;
        if measured.loss.is_finite() && measured.grad_norm.is_finite() {
            Ok((measured, grads, prediction.logits.inner()))
        } else {
            let what = blame(measured, prediction.logits.inner(), model, &grads);
            Err(Broken::NotFinite(what))
        }
    }
}

/// Loss and norm of the gradient, read in one go.
fn read(value: Tensor<1>, model: &UNet, grads: &GradientsParams) -> Result<Measured, Broken> {
    let mut transaction = Transaction::default().register(value);
    if let Some(sum) = optim::square_sum(model, grads) {
        transaction = transaction.register(sum);
    }
    let read = transaction
        .try_execute()
        .map_err(|error| Broken::Device(error.to_string()))?;
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
