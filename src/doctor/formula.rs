//! The formula of a recorded run with the numbers of what it predicted last. It reads pictures that
//! the run kept, which hold answers, not probabilities.

use burn::prelude::*;

use super::oracle::certain;
use crate::loss::breakdown::{self, TermPart};
use crate::loss::{LossContext, Prediction, Target};
use crate::run::Run;
use crate::run::pictures::Album;

/// Images that are looked at, at most.
const MOST: usize = 8;

/// A run's loss taken apart.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Told {
    pub step: u64,
    pub images: usize,
    pub terms: Vec<TermPart>,
}

/// The loss of `run` on the pictures that it kept last: each answer taken as certain, which shows
/// what the loss makes of the mistakes. `None` where no picture was kept.
///
/// # Errors
/// When a picture can't be read, or the loss can't be made.
pub fn of_run(run: &Run, album: &Album) -> Result<Option<Told>, String> {
    let Some((&step, places)) = album.steps.last_key_value() else {
        return Ok(None);
    };
    let classes = run.classes.len();
    let (mut truth, mut logits, mut size) = (Vec::new(), Vec::new(), None);
    let mut images = 0;
    for &place in places.iter().take(MOST) {
        let (own, seen) = (album.truth(place)?, album.labels(step, place)?);
        let shape = [own.height, own.width];
        // All pictures of a run are of its input size.
        if *size.get_or_insert(shape) != shape || [seen.height, seen.width] != shape {
            continue;
        }
        for class in 0..classes {
            let logit = |label: &u8| certain(run.config.activation, usize::from(*label) == class);
            logits.extend(seen.data.iter().map(logit));
        }
        truth.extend(own.data);
        images += 1;
    }
    let Some([h, w]) = size.filter(|_| classes > 0) else {
        return Ok(None);
    };
    let device = Device::flex();
    let context = LossContext {
        num_classes: classes,
        class_weights: run.class_weights.clone(),
        device: device.clone(),
    };
    let logits = TensorData::new(logits, [images, classes, h, w]);
    let prediction = Prediction {
        logits: Tensor::from_data(logits, &device),
        activation: run.config.activation,
    };
    let target = Target::from_labels(&truth, [images, h, w], classes, &device);
    let terms = breakdown::take(&run.config.loss, &context, &prediction, &target, 1.0);
    Ok(Some(Told {
        step,
        images,
        terms: terms.map_err(|error| error.to_string())?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::LossConfig;
    use crate::run::pictures::{Kept, Shelf};

    /// Two pixels of four right in class 1, none invented: I 1, P 1, Y 3 with the third elsewhere.
    #[test]
    fn the_numbers_are_those_of_the_last_picture() {
        let dir = tempfile::tempdir().unwrap();
        let mut shelf = Shelf::new(dir.path(), vec!["a".into()], vec![[1; 3]; 2], 4, 2, 1 << 20);
        for (step, labels) in [(1, vec![0; 4]), (2, vec![0, 1, 0, 0])] {
            let kept = Kept {
                position: 0,
                width: 2,
                height: 2,
                truth: vec![0, 1, 1, 1],
                labels,
                doubt: vec![0; 4],
            };
            shelf.write(step, &[kept]).unwrap();
        }
        let mut run = Run {
            classes: ["Background", "thing"].map(str::to_owned).to_vec(),
            ..Run::default()
        };
        run.config.loss = LossConfig::of_kind("dice").unwrap();
        let album = Album::open(dir.path());
        let told = of_run(&run, &album).unwrap().unwrap();
        assert_eq!((told.step, told.images), (2, 1));
        let thing = &told.terms[0].classes[1];
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-3, "{a} {b}");
        near(thing.intersection, 1.0);
        near(thing.predicted, 1.0);
        near(thing.truth, 3.0);
        let sum: f64 = told.terms[0]
            .classes
            .iter()
            .filter_map(|c| c.contribution)
            .sum();
        near(sum, told.terms[0].value);
        assert_eq!(
            of_run(&run, &Album::open(&dir.path().join("no"))).unwrap(),
            None
        );
    }
}
