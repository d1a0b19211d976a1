//! A planted cause and a near miss for every rule, held against the list of rules: a rule without
//! either does not pass.

use super::page::PATTERNS;
use super::testing::{classes, config, run, sample, xray, xray_of};
use super::{Diagnosis, Evidence, PROBE_RULES, Probe, RULES};
use crate::data::Dataset;
use crate::doctor::xray::Xray;
use crate::experiment::ExperimentConfig;
use crate::run::metrics::Confusion;
use crate::run::{Outcome, Run};

/// Evidence that owns what it shows.
#[derive(Default)]
struct Fixture {
    config: ExperimentConfig,
    dataset: Option<Dataset>,
    xray: Option<Xray>,
    run: Option<Run>,
    probes: Vec<Probe>,
}

impl Fixture {
    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            config: &self.config,
            dataset: self.dataset.as_ref(),
            xray: self.xray.as_ref(),
            run: self.run.as_ref(),
        }
    }

    fn with_xray(mut self) -> Self {
        self.xray = Some(xray(&self.config));
        self
    }
}

fn set(settings: &[(&str, &str)]) -> Fixture {
    Fixture {
        config: config(settings),
        ..Fixture::default()
    }
}

/// The settings on the generated sample, changed by `change`.
fn on_sample(settings: &[(&str, &str)], change: impl Fn(&mut Dataset)) -> Fixture {
    let mut dataset = sample();
    change(&mut dataset);
    Fixture {
        dataset: Some(dataset),
        ..set(settings)
    }
}

fn of_run(run: Run) -> Fixture {
    Fixture {
        config: run.config.clone(),
        run: Some(run),
        ..Fixture::default()
    }
}

fn probed(pairs: [(f64, f64); 2], spread: f64) -> Fixture {
    let probe = |(train, eval)| Probe {
        step: 1,
        train_dice: Some(train),
        eval_dice: Some(eval),
        spread,
    };
    Fixture {
        probes: pairs.map(probe).to_vec(),
        ..set(&[("model.normalization", "batch")])
    }
}

/// A run whose five validations all answer alike: counts `[truth, prediction]` of two classes.
fn answering(counts: [u64; 4], dice: f64) -> Fixture {
    let mut run = run(&[(0.5, dice); 5]);
    for validation in &mut run.validations {
        validation.confusion.counts = counts.to_vec();
        validation.dice = vec![Some(0.9), Some(dice)];
    }
    of_run(run)
}

fn ended(outcome: Outcome) -> Fixture {
    let mut run = run(&[(0.5, 0.5)]);
    run.outcome = Some(outcome);
    of_run(run)
}

fn without_gradient(steps: usize) -> Fixture {
    let mut run = run(&[(0.5, 0.1)]);
    let from = run.steps.len() - steps;
    for point in &mut run.steps[from..] {
        point.grad_norm = 0.0;
    }
    of_run(run)
}

/// Validation loss rising by 0.05 each time; training loss falling by `slope` a step.
fn learning_by_heart(slope: f64) -> Fixture {
    let rising: Vec<(f64, f64)> = (0..10).map(|i| (0.4 + 0.05 * f64::from(i), 0.5)).collect();
    let mut run = run(&rising);
    for point in &mut run.steps {
        point.loss = 0.5 - slope * point.step as f64;
    }
    of_run(run)
}

/// A run whose last loss lies on the floor of a loss with two activations.
fn on_the_floor(dice: f64) -> Fixture {
    let fixture = set(&[("loss.kind", "dice"), ("loss.input_activation", "softmax")]).with_xray();
    let floor = fixture.xray.as_ref().map_or(0.0, |xray| xray.floor);
    Fixture {
        run: Some(run(&[(floor + 0.005, dice)])),
        ..fixture
    }
}

/// Validation images, `empty` of ten without the second class.
fn images(empty: usize) -> Fixture {
    let image = |counts: [u64; 4]| Confusion {
        classes: 2,
        counts: counts.to_vec(),
    };
    let mut run = run(&[(0.5, 0.5)]);
    run.validations[0].per_image = (0..10)
        .map(|i| match i < empty {
            true => image([100, 0, 0, 0]),
            false => image([80, 0, 10, 10]),
        })
        .collect();
    of_run(run)
}

/// Ten validations: `(loss, mean Dice)`.
fn trend(point: impl Fn(f64) -> (f64, f64)) -> Fixture {
    let points: Vec<(f64, f64)> = (0..10).map(|i| point(f64::from(i))).collect();
    of_run(run(&points))
}

/// A fourth class that no mask shows, weighing this much beside 1, 1 and 1.
fn absent_class_weighing(weight: f64) -> Fixture {
    let mut fixture = set(&[("loss.kind", "dice"), ("loss.divisor", "sum_weights")]);
    let weights = vec![1.0, 1.0, 1.0, weight];
    let names = ["background", "cell", "speck", "mite"];
    fixture.xray = Some(xray_of(&fixture.config, &names, weights));
    fixture
}

const SIGMOID: (&str, &str) = ("activation", "sigmoid");
const DICE: (&str, &str) = ("loss.kind", "dice");
const CROSS_ENTROPY: (&str, &str) = ("loss.kind", "cross_entropy");

/// Code, planted cause, near miss.
type Case = (&'static str, fn() -> Fixture, fn() -> Fixture);

const CASES: &[Case] = &[
    (
        "wrong-answer-preferred",
        || set(&[SIGMOID, ("loss.kind", "question_dice")]).with_xray(),
        // Its second sigmoid alone leaves the order as it is.
        || set(&[SIGMOID, DICE, ("loss.input_activation", "sigmoid")]).with_xray(),
    ),
    (
        "doubt-outweighs-error",
        || absent_class_weighing(200.0),
        || absent_class_weighing(1.0),
    ),
    (
        "wrong-sign",
        || set(&[DICE, ("loss.transform", "score")]).with_xray(),
        || set(&[DICE, ("loss.transform", "neg")]).with_xray(),
    ),
    (
        "doubled-activation",
        || set(&[("loss.terms.1.loss.input_activation", "softmax")]),
        || {
            set(&[
                ("activation", "none"),
                DICE,
                ("loss.input_activation", "softmax"),
            ])
        },
    ),
    (
        "probabilities-as-logits",
        || set(&[CROSS_ENTROPY, ("loss.from_logits", "true")]),
        || {
            set(&[
                ("activation", "none"),
                CROSS_ENTROPY,
                ("loss.from_logits", "true"),
            ])
        },
    ),
    (
        "logits-as-probabilities",
        || set(&[("activation", "none"), DICE]),
        || {
            set(&[
                ("activation", "none"),
                DICE,
                ("loss.input_activation", "sigmoid"),
            ])
        },
    ),
    (
        "sigmoid-with-softmax-loss",
        || set(&[SIGMOID, CROSS_ENTROPY]).with_xray(),
        || set(&[SIGMOID, CROSS_ENTROPY, ("loss.renormalize", "after_clip")]).with_xray(),
    ),
    (
        "ids-as-targets",
        || set(&[SIGMOID, ("loss.kind", "question_dice")]).with_xray(),
        || set(&[SIGMOID, DICE, ("loss.group", "all")]).with_xray(),
    ),
    (
        "one-sum-over-all-classes",
        || set(&[DICE, ("loss.group", "all")]),
        || set(&[("loss.kind", "generalized_dice"), ("loss.group", "all")]),
    ),
    (
        "mask-values-not-0-1",
        || set(&[("data.mask_values", "bytes")]),
        || set(&[("data.mask_values", "ones")]),
    ),
    (
        "masks-blended",
        || set(&[("data.mask_resize", "bilinear"), ("data.width", "96")]),
        || set(&[("data.mask_resize", "nearest"), ("data.width", "96")]),
    ),
    (
        "void-as-class",
        || {
            on_sample(&[], |dataset| {
                dataset.classes = classes(&[("background", 0), ("cell", 1), ("class 255", 255)]);
            })
        },
        // The background by another name: it covers most of the sample.
        || {
            on_sample(&[], |dataset| {
                dataset.classes = classes(&[("void", 0), ("cell", 1), ("ring", 2)]);
            })
        },
    ),
    (
        "class-without-gradient",
        || set(&[SIGMOID, DICE, ("loss.include_background", "false")]).with_xray(),
        || set(&[DICE, ("loss.include_background", "false")]).with_xray(),
    ),
    (
        "background-never-trained",
        || set(&[SIGMOID, DICE, ("loss.include_background", "false")]),
        || set(&[SIGMOID, ("loss.terms.0.loss.include_background", "false")]),
    ),
    (
        "one-channel-softmax",
        || on_sample(&[], |dataset| dataset.classes = classes(&[("cell", 1)])),
        || {
            on_sample(&[], |dataset| {
                dataset.classes = classes(&[("background", 0), ("cell", 1)]);
            })
        },
    ),
    (
        "classes-left-out",
        || on_sample(&[DICE, ("loss.classes", "0")], |_| ()),
        || on_sample(&[DICE, ("loss.classes", "1, 2, 3, 4")], |_| ()),
    ),
    (
        "smoothing-dominates",
        || {
            on_sample(
                &[
                    DICE,
                    ("loss.group", "image_class"),
                    ("loss.smooth_numerator", "100"),
                ],
                |_| (),
            )
        },
        || {
            on_sample(
                &[
                    DICE,
                    ("loss.group", "image_class"),
                    ("loss.smooth_numerator", "1"),
                ],
                |_| (),
            )
        },
    ),
    (
        "smoothing-below-only",
        || set(&[DICE, ("loss.smooth_numerator", "0")]),
        || {
            set(&[
                DICE,
                ("loss.smooth_numerator", "0"),
                ("loss.smooth_denominator", "0"),
            ])
        },
    ),
    (
        "broken-class-weights",
        || on_sample(&by_hand("1, 1, 1, 1, 1100"), |_| ()),
        || on_sample(&by_hand("1, 1, 1, 1, 900"), |_| ()),
    ),
    (
        "weight-for-absent-class",
        || {
            on_sample(&by_hand("1, 1, 1, 9, 1"), |dataset| {
                dataset.census.train_pixels[3] = 0;
            })
        },
        || {
            on_sample(&by_hand("1, 1, 1, 9, 1"), |dataset| {
                dataset.census.train_pixels[3] = 1;
            })
        },
    ),
    (
        "class-weights-unused",
        || {
            set(&[
                ("loss.kind", "boundary"),
                ("class_weights.scheme", "inverse"),
            ])
        },
        || set(&[DICE, ("class_weights.scheme", "inverse")]),
    ),
    (
        "sigmoid-for-exclusive-classes",
        || on_sample(&[SIGMOID], |_| ()),
        || {
            on_sample(&[SIGMOID], |dataset| {
                dataset.classes = classes(&[("background", 0), ("cell", 1)]);
            })
        },
    ),
    (
        "class-missing-from-split",
        || on_sample(&[], |dataset| dataset.census.val_pixels[4] = 0),
        || on_sample(&[], |dataset| dataset.census.val_pixels[4] = 1),
    ),
    (
        "diverged",
        || {
            ended(Outcome::Diverged {
                at_step: 7,
                message: "the loss is NaN".to_owned(),
            })
        },
        || ended(Outcome::Stopped),
    ),
    (
        "loss-rises-with-dice",
        || trend(|i| (0.1 * i, 0.1 + 0.05 * i)),
        || trend(|i| (1.0 - 0.1 * i, 0.1 + 0.05 * i)),
    ),
    (
        "collapsed-to-background",
        || answering([900, 0, 100, 0], 0.0),
        || answering([900, 0, 90, 10], 0.2),
    ),
    (
        "collapsed-to-one-class",
        || answering([20, 880, 2, 98], 0.1),
        || answering([20, 20, 5, 955], 0.9),
    ),
    (
        "fell-and-stayed-down",
        || of_run(run(&[(0.5, 0.6), (0.5, 0.1), (0.5, 0.1), (0.5, 0.1)])),
        || of_run(run(&[(0.5, 0.6), (0.5, 0.1), (0.5, 0.1), (0.5, 0.35)])),
    ),
    (
        "dead-network",
        || without_gradient(10),
        || without_gradient(9),
    ),
    (
        "overfitting",
        || learning_by_heart(0.004),
        || learning_by_heart(0.0),
    ),
    ("at-the-floor", || on_the_floor(0.4), || on_the_floor(0.95)),
    ("empty-class-policy", || images(5), || images(1)),
    (
        "loss-and-dice-disagree",
        // Lowest at the start, best masks at the end; and the other way round.
        || trend(|i| (0.2 + 0.01 * i, 0.3 + 0.02 * i)),
        || trend(|i| (0.2 - 0.01 * i, 0.3 + 0.02 * i)),
    ),
];

/// The same for what a batch in both modes of the network tells.
const PROBE_CASES: &[Case] = &[
    (
        "train-eval-gap",
        || probed([(0.8, 0.6), (0.8, 0.5)], 1.0),
        || probed([(0.8, 0.6), (0.8, 0.7)], 1.0),
    ),
    (
        "dead-network",
        || probed([(0.1, 0.1); 2], 1e-6),
        || probed([(0.1, 0.1); 2], 1e-3),
    ),
];

fn by_hand(list: &'static str) -> [(&'static str, &'static str); 2] {
    [
        ("class_weights.scheme", "manual"),
        ("class_weights.manual", list),
    ]
}

fn case(cases: &[Case], code: &str) -> Case {
    *cases
        .iter()
        .find(|(of, _, _)| *of == code)
        .unwrap_or_else(|| panic!("{code} has no planted cause and no near miss"))
}

/// Every planted cause is named, every near miss passed over; what was said.
fn said() -> Vec<Diagnosis> {
    let mut said = Vec::new();
    let mut look = |code: &str, planted: Option<Diagnosis>, near: Option<Diagnosis>| {
        let planted = planted.unwrap_or_else(|| panic!("{code} overlooks its planted cause"));
        assert_eq!(planted.finding.code, code);
        assert_eq!(near, None, "{code} takes a near miss for its cause");
        said.push(planted);
    };
    for (code, _, rule) in RULES {
        let (_, planted, near) = case(CASES, code);
        look(code, rule(planted().evidence()), rule(near().evidence()));
    }
    for (code, rule) in PROBE_RULES {
        let (_, planted, near) = case(PROBE_CASES, code);
        let (planted, near) = (planted(), near());
        look(
            code,
            rule(planted.evidence(), &planted.probes),
            rule(near.evidence(), &near.probes),
        );
    }
    said
}

#[test]
fn every_rule_names_its_planted_cause_passes_over_its_near_miss_and_explains_itself() {
    let said = said();
    for diagnosis in &said {
        let (finding, code) = (&diagnosis.finding, &diagnosis.finding.code);
        assert!(finding.message.len() > 20, "{code} says what was seen");
        assert!(diagnosis.why.len() > 20, "{code} says why it matters");
        assert!(!diagnosis.met.is_empty(), "{code} says where it was met");
        assert!(
            diagnosis.fix.is_some() || !finding.remedy.is_empty(),
            "{code} says what to do"
        );
    }
    // Every pattern of the field has a rule.
    let covered: Vec<usize> = said.iter().map(|d| d.pattern).collect();
    let missing: Vec<&str> = (PATTERNS.iter().zip(1..))
        .filter(|(_, number)| !covered.contains(number))
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// What opening a dataset finds is said by no rule of the list; its tests are in `dataset.rs`.
#[test]
fn no_case_is_left_of_a_rule_that_is_gone() {
    for (code, _, _) in CASES {
        assert!(RULES.iter().any(|(of, _, _)| of == code), "{code}");
    }
    for (code, _, _) in PROBE_CASES {
        assert!(PROBE_RULES.iter().any(|(of, _)| of == code), "{code}");
    }
}
