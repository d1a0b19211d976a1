//! Forward and backward pass of every kind of loss, on four images of 128×128 with five classes:
//! `cargo bench --bench losses`.

use burn::prelude::*;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dicebench::loss::config::KINDS;
use dicebench::loss::{LossConfig, LossContext, OutputActivation, Prediction, Target};

const CLASSES: usize = 5;
const IMAGES: usize = 4;
const SIDE: usize = 128;

fn losses(criterion: &mut Criterion) {
    let device = Device::flex().autodiff();
    // Tiles of the classes, and logits without structure.
    let labels: Vec<u8> = (0..IMAGES * SIDE * SIDE)
        .map(|at| ((at % SIDE / 24 + at / SIDE % SIDE / 24) % CLASSES) as u8)
        .collect();
    let target = Target::from_labels(&labels, [IMAGES, SIDE, SIDE], CLASSES, &device);
    let values: Vec<f32> = (0..IMAGES * CLASSES * SIDE * SIDE)
        .map(|at| (at * 7919 % 1000) as f32 / 200.0 - 2.5)
        .collect();
    let logits = TensorData::new(values, [IMAGES, CLASSES, SIDE, SIDE]);
    let context = LossContext {
        num_classes: CLASSES,
        class_weights: Vec::new(),
        device: device.clone(),
    };
    let mut group = criterion.benchmark_group("loss, forward and backward");
    group.sample_size(10);
    group.throughput(Throughput::Elements((IMAGES * SIDE * SIDE) as u64));
    for kind in KINDS {
        let loss = LossConfig::of_kind(kind).and_then(|config| config.build(&context));
        let Ok(loss) = loss else {
            panic!("{kind} can't be built");
        };
        group.bench_function(BenchmarkId::from_parameter(kind), |bencher| {
            bencher.iter(|| {
                let prediction = Prediction {
                    logits: Tensor::from_data(logits.clone(), &device).require_grad(),
                    activation: OutputActivation::Softmax,
                };
                loss.forward(&prediction, &target).backward()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, losses);
criterion_main!(benches);
