//! What must hold for every loss and every named reference alike: found by going through the
//! declarations, so that a new loss is tested the day it is declared.

use burn::prelude::*;
use burn::tensor::DType;
use dicebench::loss::config::KINDS;
use dicebench::loss::{LossConfig, LossContext, OutputActivation, Prediction, REFERENCES, Target};

/// Five, because one reference has a fixed matrix for five classes.
const CLASSES: usize = 5;

struct Subject {
    name: &'static str,
    loss: LossConfig,
    head: OutputActivation,
}

fn subjects() -> Vec<Subject> {
    let kinds = KINDS.iter().map(|kind| Subject {
        name: kind,
        loss: LossConfig::of_kind(kind).unwrap(),
        head: OutputActivation::Softmax,
    });
    let references = REFERENCES.iter().map(|reference| Subject {
        name: reference.name,
        loss: LossConfig::like(reference.name).unwrap(),
        head: reference.activation,
    });
    kinds.chain(references).collect()
}

#[derive(Clone)]
struct Input {
    shape: [usize; 3],
    classes: usize,
    /// `[N, C, H, W]`
    logits: Vec<f64>,
    labels: Vec<u8>,
}

impl Input {
    /// Numbers without any structure, the same in every run.
    fn random(shape: [usize; 3], span: f64, seed: u64) -> Self {
        Self::of_classes(CLASSES, shape, span, seed)
    }

    fn of_classes(classes: usize, shape: [usize; 3], span: f64, seed: u64) -> Self {
        let mut state = seed;
        let mut next = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let pixels: usize = shape.iter().product();
        let logits = (0..pixels * classes)
            .map(|_| (next() * 2.0 - 1.0) * span)
            .collect();
        let labels = (0..pixels)
            .map(|_| (next() * classes as f64) as u8)
            .collect();
        Self {
            shape,
            classes,
            logits,
            labels,
        }
    }

    /// Large logits at the labels, small ones elsewhere.
    fn perfect(mut self, size: f64) -> Self {
        let [n, h, w] = self.shape;
        for image in 0..n {
            for at in 0..h * w {
                for class in 0..self.classes {
                    let on = usize::from(self.labels[image * h * w + at]) == class;
                    self.logits[(image * self.classes + class) * h * w + at] =
                        if on { size } else { -size };
                }
            }
        }
        self
    }

    fn evaluate(&self, subject: &Subject, dtype: DType) -> (f64, Vec<f64>) {
        let device = Device::flex().autodiff();
        let context = LossContext {
            num_classes: self.classes,
            class_weights: Vec::new(),
            device: device.clone(),
        };
        let loss = subject.loss.build(&context).unwrap();
        let [n, h, w] = self.shape;
        let data = TensorData::new(self.logits.clone(), [n, self.classes, h, w]);
        let logits: Tensor<4> = Tensor::from_data(data, (&device, dtype));
        let logits = logits.require_grad();
        let prediction = Prediction {
            logits: logits.clone(),
            activation: subject.head,
        };
        let target = Target::with_dtype(&self.labels, self.shape, self.classes, &device, dtype);
        let value = loss.forward(&prediction, &target);
        let grads = value.backward();
        let grad = logits.grad(&grads).map_or_else(
            || vec![0.0; self.logits.len()],
            |grad| grad.into_data().iter::<f64>().collect(),
        );
        (
            value.inner().into_data().iter::<f64>().next().unwrap(),
            grad,
        )
    }
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn gradients_are_those_of_the_values() {
    let mut input = Input::random([2, 4, 5], 2.0, 7);
    input.labels[3] = 255;
    for subject in subjects() {
        let (_, grad) = input.evaluate(&subject, DType::F64);
        let scale = grad.iter().fold(1e-3f64, |m, g| m.max(g.abs()));
        for at in (0..input.logits.len()).step_by(17) {
            let step = 1e-6;
            let moved = |by: f64| {
                let mut input = input.clone();
                input.logits[at] += by;
                input.evaluate(&subject, DType::F64).0
            };
            let slope = (moved(step) - moved(-step)) / (2.0 * step);
            assert!(
                (slope - grad[at]).abs() < 1e-4 * scale,
                "{}: slope {slope}, gradient {} at {at}",
                subject.name,
                grad[at]
            );
        }
    }
}

#[test]
fn the_order_of_images_does_not_matter() {
    let input = Input::random([3, 4, 4], 2.0, 11);
    let mut turned = input.clone();
    let (pixels, plane) = (16, 16 * CLASSES);
    turned.labels.rotate_left(pixels);
    turned.logits.rotate_left(plane);
    for subject in subjects() {
        let (a, _) = input.evaluate(&subject, DType::F64);
        let (b, _) = turned.evaluate(&subject, DType::F64);
        assert!(near(a, b, 1e-10), "{}: {a} and {b}", subject.name);
    }
}

#[test]
fn renaming_foreground_classes_changes_nothing_but_where_ids_are_numbers() {
    let input = Input::random([1, 5, 4], 2.0, 13);
    let mut renamed = input.clone();
    for label in &mut renamed.labels {
        if *label > 0 {
            *label = *label % (CLASSES as u8 - 1) + 1;
        }
    }
    for class in 1..CLASSES {
        let to = class % (CLASSES - 1) + 1;
        renamed.logits[to * 20..][..20].copy_from_slice(&input.logits[class * 20..][..20]);
    }
    for subject in subjects() {
        let (a, _) = input.evaluate(&subject, DType::F64);
        let (b, _) = renamed.evaluate(&subject, DType::F64);
        let by_number = subject.loss.kind() == "question_dice"
            // Its matrix has a row for each class.
            || subject.name == "niftynet.generalised_wasserstein_dice_loss";
        assert_eq!(
            !near(a, b, 1e-10),
            by_number,
            "{}: {a} and {b}",
            subject.name
        );
    }
}

#[test]
fn values_and_gradients_are_finite_whatever_comes() {
    let ordinary = Input::random([2, 4, 4], 3.0, 17);
    let with_labels = |label: u8| Input {
        labels: vec![label; 32],
        ..ordinary.clone()
    };
    let inputs = [
        ("background alone", with_labels(0)),
        ("one class alone", with_labels(3)),
        ("everything ignored", with_labels(255)),
        (
            "equal logits",
            Input {
                logits: vec![0.0; 32 * CLASSES],
                ..ordinary.clone()
            },
        ),
        ("logits of ±1e4", Input::random([2, 4, 4], 1e4, 19)),
        ("certain and right", ordinary.clone().perfect(1e4)),
        ("certain and right, one class", with_labels(2).perfect(1e4)),
    ];
    for subject in subjects() {
        for (what, input) in &inputs {
            let (value, grad) = input.evaluate(&subject, DType::F32);
            let bad = grad.iter().filter(|g| !g.is_finite()).count();
            assert!(
                value.is_finite() && bad == 0,
                "{} on {what}: {value}, {bad} gradients not finite",
                subject.name
            );
        }
    }
}

#[test]
fn perfection_is_never_worse_than_chance_but_where_ids_are_numbers() {
    let chance = Input::random([2, 6, 6], 2.0, 23);
    let perfect = chance.clone().perfect(20.0);
    for subject in subjects() {
        let (at_chance, _) = chance.evaluate(&subject, DType::F64);
        let (at_best, _) = perfect.evaluate(&subject, DType::F64);
        match subject.loss.kind() {
            "question_dice" => assert!(at_best > at_chance, "the question's loss should rise"),
            // Its second term wants logits between 0 and 1, by design.
            "nacl" => {}
            _ => assert!(
                at_best < at_chance,
                "{}: {at_best}, {at_chance}",
                subject.name
            ),
        }
    }
}

/// Squares of all classes, each image another way round.
fn squares() -> Input {
    let shape @ [n, h, w] = [2, 12, 12];
    let label = |at: usize| {
        let (image, y, x) = (at / (h * w), at / w % h, at % w);
        ((y / 4 + x / 4 * 2 + image) % CLASSES) as u8
    };
    Input {
        labels: (0..n * h * w).map(label).collect(),
        ..Input::random(shape, 1.0, 41)
    }
}

/// The truth answered, and every other way to answer: names beside certain answers.
fn other_answers(truth: &Input) -> Vec<(String, Input)> {
    let [_, h, w] = truth.shape;
    let said = |name: &str, label: &dyn Fn(usize, u8) -> u8| {
        let labels = truth.labels.iter().enumerate();
        let answer = Input {
            labels: labels
                .map(|(at, label_there)| label(at, *label_there))
                .collect(),
            ..truth.clone()
        };
        let answer = answer.perfect(20.0);
        let input = Input {
            logits: answer.logits,
            ..truth.clone()
        };
        (name.to_owned(), input)
    };
    let classes = CLASSES as u8;
    let mut all: Vec<(String, Input)> = (0..classes)
        .map(|class| said(&format!("class {class} everywhere"), &|_, _| class))
        .collect();
    all.push(said("the next class", &|_, label| (label + 1) % classes));
    all.push(said("the last class missing", &|_, label| {
        if label + 1 == classes { 0 } else { label }
    }));
    for wrong in [10, 25, 50] {
        let name = format!("{wrong} % wrong");
        all.push(said(&name, &|at, label| {
            if at * 37 % 100 < wrong {
                (label + 2) % classes
            } else {
                label
            }
        }));
    }
    // Objects moved by a pixel, those at the edge repeated.
    all.push(said("moved down", &|at, label| {
        if at % (h * w) < w {
            label
        } else {
            truth.labels[at - w]
        }
    }));
    let flat = Input {
        logits: vec![0.0; truth.logits.len()],
        ..truth.clone()
    };
    all.push(("uniform".to_owned(), flat));
    for (name, size) in [("all on", 20.0), ("all off", -20.0)] {
        let logits = vec![size; truth.logits.len()];
        let input = Input {
            logits,
            ..truth.clone()
        };
        all.push((name.to_owned(), input));
    }
    all
}

/// Of every kind and every library's function, but those that the catalogue says otherwise of: the
/// question's rises with the ids, and the calibration of NACL wants logits between 0 and 1.
#[test]
fn perfection_is_not_worse_than_any_other_answer() {
    let truth = squares();
    let perfect = truth.clone().perfect(20.0);
    let others = other_answers(&truth);
    let mut wrong = Vec::new();
    for subject in subjects() {
        let (best, _) = perfect.evaluate(&subject, DType::F64);
        let preferred: Vec<String> = (others.iter())
            .map(|(name, input)| (name, input.evaluate(&subject, DType::F64).0))
            .filter(|(_, value)| *value < best - 1e-6 * best.abs().max(1.0))
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        let said = match subject.loss.kind() {
            "question_dice" => !preferred.is_empty(),
            "nacl" => true,
            _ => preferred.is_empty(),
        };
        if !said {
            wrong.push(format!("{}: {best}, but {preferred:?}", subject.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn single_precision_does_not_lose_a_rare_class_in_a_large_batch() {
    let shape = [2, 128, 128];
    let mut input = Input::random(shape, 3.0, 29);
    // One pixel in two thousand is of class 4, the rest background and class 1.
    for (at, label) in input.labels.iter_mut().enumerate() {
        *label = match at % 2000 {
            7 => 4,
            rest => u8::from(rest % 3 == 0),
        };
    }
    for subject in subjects() {
        // Distances squared over 128 pixels: the sum is large, its relative error is what counts.
        let (wide, wide_grad) = input.evaluate(&subject, DType::F64);
        let (narrow, narrow_grad) = input.evaluate(&subject, DType::F32);
        assert!(
            near(wide, narrow, 2e-4),
            "{}: {wide} and {narrow}",
            subject.name
        );
        let scale = wide_grad.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        let worst = wide_grad
            .iter()
            .zip(&narrow_grad)
            .fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
        assert!(
            worst <= 2e-3 * scale,
            "{}: gradients differ by {worst:e} of {scale:e}",
            subject.name
        );
    }
}

/// Each look at numbers would make the step wait for its device, and each upload for the host. Which
/// device it is makes no difference to what this reads: files of losses, and of the kernels that GPUs
/// have for them. (That no loss asks a GPU through `host` is asserted there, in every loss's comparison
/// of a GPU with the CPU.)
#[test]
fn no_loss_and_no_gpu_kernel_reads_a_tensor_back() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut read = 0;
    for folder in ["src/loss", "src/model/kernels/gpu"] {
        for entry in walkdir::WalkDir::new(root.join(folder))
            .into_iter()
            .flatten()
        {
            let path = entry.path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap();
            let of_cases = path.components().any(|part| part.as_os_str() == "case");
            // What is on the CPU, and what takes losses apart for people to look at.
            if !entry.file_type().is_file() || of_cases || ["host", "breakdown"].contains(&name) {
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let own = text.split("#[cfg(test)]").next().unwrap();
            for call in ["into_data(", "into_scalar(", "to_data(", "into_primitive("] {
                assert!(!own.contains(call), "{}: {call}", path.display());
            }
            if folder.ends_with("gpu") {
                for call in ["from_data", ".create(", ".read"] {
                    assert!(!own.contains(call), "{}: {call}", path.display());
                }
            }
            read += 1;
        }
    }
    assert!(read > 25, "{read} files");
}

/// A class of one pixel in ten thousand among eight million, every kind of loss. Sums are taken in
/// lanes of single precision over a kilopixel and in double precision beyond, so what is left of the
/// value's error is a few times 2^-24 of it. A gradient is as exact as the probability it is made
/// of, 2^-24 of 1, times the slope: where a loss divides by how far a pixel is from undecided, or
/// orders pixels by errors that are almost equal, some hundred times more of the largest.
#[test]
fn a_batch_of_eight_megapixels_keeps_its_rare_class_in_single_precision() {
    let mut input = Input::of_classes(2, [8, 1024, 1024], 3.0, 37);
    for (at, label) in input.labels.iter_mut().enumerate() {
        *label = u8::from(at % 10_000 == 77);
    }
    let pixels = 1024 * 1024;
    // Where the gradient of the rare class at its own pixels is.
    let rare: Vec<usize> = (0..8 * pixels)
        .filter(|at| input.labels[*at] == 1)
        .map(|at| (at / pixels * 2 + 1) * pixels + at % pixels)
        .collect();
    let mut table = String::new();
    for kind in KINDS {
        let subject = Subject {
            name: kind,
            loss: LossConfig::of_kind(kind).unwrap(),
            head: OutputActivation::Softmax,
        };
        let (wide, wide_grad) = input.evaluate(&subject, DType::F64);
        let (narrow, narrow_grad) = input.evaluate(&subject, DType::F32);
        let value = (wide - narrow).abs() / wide.abs().max(1.0);
        let most = |of: &dyn Fn(usize) -> f64| rare.iter().fold(0.0f64, |m, at| m.max(of(*at)));
        let scale = most(&|at| wide_grad[at].abs());
        let worst = most(&|at| (wide_grad[at] - narrow_grad[at]).abs());
        table += &format!(
            "{kind}: value {wide:.4} off by {value:.1e}, rare gradient {scale:.1e} by {worst:.1e}\n"
        );
        let bound = match *kind {
            "lovasz" | "undecided" => 1e-4,
            _ => 3e-5,
        };
        assert!(
            wide.is_finite() && value < 2e-6 && worst <= bound * scale,
            "{table}"
        );
        // A single pixel has no inside: its distance to its own border is 0.
        assert!(scale > 0.0 || *kind == "boundary", "{table}");
    }
    println!("{table}");
}
