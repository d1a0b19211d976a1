//! What a list says about a run without its curves: a thousand runs fit where ten whole ones do.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Run, Validation};

/// Scores of one validation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Scored {
    pub step: u64,
    pub mean_dice: Option<f64>,
    pub dice: Vec<Option<f64>>,
    /// `None` where it was not finite.
    pub loss: Option<f64>,
}

/// The last values of a run's curves, and the best.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Brief {
    /// Optimiser updates made.
    pub step: u64,
    /// Points of the loss curve.
    pub points: u64,
    pub validations: u64,
    /// Seconds spent, pauses left out.
    pub secs: f64,
    /// Last training loss; `None` where it was not finite.
    pub train_loss: Option<f64>,
    pub best: Option<Scored>,
    pub last: Option<Scored>,
}

fn scored(validation: &Validation) -> Scored {
    Scored {
        step: validation.step,
        mean_dice: validation.mean_dice,
        dice: validation.dice.clone(),
        loss: Some(validation.loss).filter(|loss| loss.is_finite()),
    }
}

impl Run {
    /// Whether only its [`Brief`] is here: its curves are on disk.
    #[must_use]
    pub fn is_brief(&self) -> bool {
        self.brief.is_some()
    }

    /// What a list says about it.
    #[must_use]
    pub fn in_brief(&self) -> Cow<'_, Brief> {
        if let Some(brief) = &self.brief {
            return Cow::Borrowed(brief);
        }
        let last = self.steps.last();
        let validation = self.validations.last();
        let best = self.best.and_then(|at| self.validations.get(at));
        Cow::Owned(Brief {
            step: last.map_or(0, |point| point.step),
            points: self.steps.len() as u64,
            validations: self.validations.len() as u64,
            secs: (last.map_or(0.0, |point| point.secs)).max(validation.map_or(0.0, |v| v.secs)),
            train_loss: last.map(|point| point.loss).filter(|loss| loss.is_finite()),
            best: best.map(scored),
            last: validation.map(scored),
        })
    }

    /// Points of its loss curve and its validations, whether the curves are here or not.
    #[must_use]
    pub fn extent(&self) -> (u64, u64) {
        self.brief.as_ref().map_or_else(
            || (self.steps.len() as u64, self.validations.len() as u64),
            |brief| (brief.points, brief.validations),
        )
    }

    /// Lets go of the curves, which are on disk.
    pub fn shed(&mut self) {
        if self.brief.is_none() {
            self.brief = Some(Box::new(self.in_brief().into_owned()));
            (self.steps, self.validations, self.best) = (Vec::new(), Vec::new(), None);
        }
    }

    /// Bytes that its curves take, roughly.
    #[must_use]
    pub fn curve_bytes(&self) -> usize {
        let validations = self.validations.iter().map(|v| {
            let pixels: usize = v.per_image.iter().map(|c| c.counts.len()).sum();
            (pixels + v.confusion.counts.len()) * 8 + v.per_image.len() * 32 + v.dice.len() * 16
        });
        self.steps.len() * size_of::<super::StepPoint>() + validations.sum::<usize>()
    }
}
