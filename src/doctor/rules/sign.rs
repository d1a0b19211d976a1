//! Pattern 6: a loss that is large where it should be small.

use super::page::{Bar, Line};
use super::term::{Term, terms};
use super::{Diagnosis, Evidence};
use crate::finding::Severity;
use crate::run::{Run, Validation};

/// Validations that a trend is read from.
const WINDOW: usize = 10;
/// Correlation of loss and quality above which "lower is better" is refuted.
const WRONG_WAY: f64 = 0.5;
/// A change of mean Dice that is more than noise.
const REAL_CHANGE: f64 = 0.05;

/// Over answers whose worth is known, the loss grows with it.
pub(super) fn wrong_sign(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let xray = evidence.xray?;
    let (mut loss, mut quality) = (Vec::new(), Vec::new());
    for bar in xray.oracles.iter().filter(|bar| bar.loss.is_finite()) {
        loss.push(bar.loss);
        quality.push(bar.quality);
    }
    let r = correlation(&loss, &quality)?;
    let of = |name: &str| xray.oracles.iter().find(|bar| bar.name == name);
    let (perfect, worst) = (of("perfect")?, xray.oracles.last()?);
    if r <= WRONG_WAY || perfect.loss <= worst.loss {
        return None;
    }
    let diagnosis = Diagnosis::new(
        "wrong-sign",
        Severity::Error,
        format!(
            "Over {} answers of known worth the loss grows with it (correlation {r:+.2}): “{}” scores \
             {:.3}, “{}” {:.3}.",
            loss.len(),
            perfect.title,
            perfect.loss,
            worst.title,
            worst.loss
        ),
    )
    .pattern(6)
    .why(
        "Training makes the number smaller. This one is a score: it is smallest where everything is \
         wrong. (A negative loss is no mistake in itself: −Dice falls from 0 to −1.)",
    )
    .met("3d-mri-brain-tumor#7, VNet#5, mobile-semantic-segmentation#24, ultrasound-nerve#8")
    .bars(
        "loss",
        [
            Bar::new(&perfect.title, perfect.loss, true),
            Bar::new(&worst.title, worst.loss, false),
        ],
    );
    let turned = |term: &&Term| term.is("transform", "score") != term.is("one_minus_final", "true");
    Some(match terms(evidence.config).iter().find(turned) {
        Some(term) => diagnosis.fix_with(
            "Minimise one minus the score",
            vec![
                (term.key("transform"), "one_minus".to_owned()),
                (term.key("one_minus_final"), "false".to_owned()),
            ],
        ),
        None => diagnosis.fix("Use a Dice loss", &[("loss.kind", "dice")]),
    })
}

/// Loss and Dice rise and fall together: the loss rewards the wrong thing.
pub(super) fn rises_with_dice(evidence: Evidence<'_>) -> Option<Diagnosis> {
    let run = evidence.run?;
    let recent = recent(run)?;
    let dice: Vec<f64> = recent.iter().filter_map(|v| v.mean_dice).collect();
    let loss: Vec<f64> = recent.iter().map(|v| v.loss).collect();
    if dice.len() != loss.len() || spread(&dice) < REAL_CHANGE {
        return None;
    }
    let r = correlation(&loss, &dice)?;
    (r > WRONG_WAY).then(|| {
        Diagnosis::new(
            "loss-rises-with-dice",
            Severity::Hint,
            format!(
                "Over the last {} validations, loss and mean Dice go the same way (correlation {r:+.2}).",
                recent.len()
            ),
        )
        .pattern(6)
        .why("A loss must fall while results improve. This one has the wrong sign, or measures something else.")
        .met("3d-mri-brain-tumor#7, ultrasound-nerve#8; the original question")
        .suspected()
        .remedy("Look at the X-ray: does the perfect answer score lowest?")
        .lines(vec![
            Line::new("validation loss", recent.iter().map(|v| (v.step, v.loss))),
            Line::new("mean Dice", recent.iter().filter_map(|v| Some((v.step, v.mean_dice?)))),
        ])
    })
}

fn recent(run: &Run) -> Option<&[Validation]> {
    let from = run.validations.len().checked_sub(WINDOW)?;
    Some(&run.validations[from..])
}

fn spread(values: &[f64]) -> f64 {
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    max - min
}

/// Pearson's r; `None` where either side is constant.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (dx, dy) = (x - mean_a, y - mean_b);
        ab += dx * dy;
        aa += dx * dx;
        bb += dy * dy;
    }
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{code, config, cured, evidence, of_run, run, xray};
    use super::*;

    #[test]
    fn a_score_that_is_minimised_is_named_and_minus_dice_is_not() {
        let look = |config: &_| {
            let picture = xray(config);
            wrong_sign(Evidence {
                xray: Some(&picture),
                ..evidence(config)
            })
        };
        let bad = config(&[("loss.kind", "dice"), ("loss.transform", "score")]);
        let found = look(&bad).unwrap();
        assert_eq!(look(&cured(&bad, &found)), None);
        let minus = config(&[("loss.kind", "dice"), ("loss.transform", "neg")]);
        assert_eq!(look(&minus), None);
        let turned_twice = config(&[
            ("loss.kind", "dice"),
            ("loss.transform", "score"),
            ("loss.one_minus_final", "true"),
        ]);
        assert_eq!(look(&turned_twice), None);
    }

    #[test]
    fn a_loss_that_rises_with_dice_is_named_and_one_that_falls_is_not() {
        let rising: Vec<(f64, f64)> = (0..10)
            .map(|i| (f64::from(i) * 0.1, 0.1 + f64::from(i) * 0.05))
            .collect();
        let look = |points: &[(f64, f64)]| code(rises_with_dice(of_run(&run(points))));
        assert_eq!(look(&rising).as_deref(), Some("loss-rises-with-dice"));
        let falling: Vec<(f64, f64)> = rising.iter().map(|(l, d)| (1.0 - l, *d)).collect();
        assert_eq!(look(&falling), None);
        let flat: Vec<(f64, f64)> = (0..10).map(|i| (f64::from(i), 0.3)).collect();
        assert_eq!(look(&flat), None);
        assert_eq!(look(&rising[..9]), None, "too early to say");
    }
}
