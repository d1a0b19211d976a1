//! Forward and backward pass of the network's costly operations at the sizes of a U-Net of base 16
//! and depth 4 on four images of 128×128, and burn's own convolution for comparison:
//! `cargo bench --bench kernels`.

use burn::prelude::*;
use burn::tensor::module;
use burn::tensor::ops::ConvOptions;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dicebench::model::conv::{
    batch_norm_train, conv_transpose2x2, conv2d_same, max_pool2x2, upsample_nearest2x,
};

/// Channels and side length of each level.
const LEVELS: [[usize; 2]; 5] = [[16, 128], [32, 64], [64, 32], [128, 16], [256, 8]];
const IMAGES: usize = 4;

fn ones<const D: usize>(dims: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::<D>::full(dims, 0.5, device).require_grad()
}

/// Reads one number back, so that the work is done when the clock stops.
fn backward(y: Tensor<4>) {
    let sum = y.sum();
    let _ = sum.backward();
    let _ = sum.try_into_data();
}

fn convolutions(criterion: &mut Criterion) {
    let device = Device::flex().autodiff();
    let mut group = criterion.benchmark_group("conv 3x3, forward and backward");
    group.sample_size(10);
    for [channels, side] in LEVELS {
        let x = ones([IMAGES, channels, side, side], &device);
        let weight = ones([channels, channels, 3, 3], &device);
        let products = IMAGES * side * side * channels * channels * 9;
        // Forward, gradient of the input, gradient of the weights: two operations a product.
        group.throughput(Throughput::Elements(6 * products as u64));
        let name = format!("{channels} channels {side}x{side}");
        group.bench_function(BenchmarkId::new("own", &name), |bencher| {
            bencher.iter(|| backward(conv2d_same(x.clone(), weight.clone(), None)));
        });
        group.bench_function(BenchmarkId::new("burn", &name), |bencher| {
            bencher.iter(|| {
                let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
                backward(module::conv2d(x.clone(), weight.clone(), None, options));
            });
        });
    }
    group.finish();
}

fn others(criterion: &mut Criterion) {
    let device = Device::flex().autodiff();
    let [channels, side] = LEVELS[0];
    let x = ones([IMAGES, channels, side, side], &device);
    let mut group = criterion.benchmark_group("16 channels 128x128, forward and backward");
    group.throughput(Throughput::Elements(
        (IMAGES * channels * side * side) as u64,
    ));
    let [gamma, beta] = [1, 2].map(|_| ones([channels], &device));
    group.bench_function("batch norm and relu", |bencher| {
        bencher.iter(|| {
            let result = batch_norm_train(x.clone(), gamma.clone(), beta.clone(), 1e-5, true);
            backward(result.output.finish());
        });
    });
    group.bench_function("max pool", |bencher| {
        bencher.iter(|| backward(max_pool2x2(x.clone())));
    });
    group.bench_function("repeat", |bencher| {
        bencher.iter(|| backward(upsample_nearest2x(x.clone())));
    });
    let half = ones([IMAGES, 2 * channels, side / 2, side / 2], &device);
    let weight = ones([2 * channels, channels, 2, 2], &device);
    group.bench_function("transposed convolution", |bencher| {
        bencher.iter(|| backward(conv_transpose2x2(half.clone(), weight.clone(), None)));
    });
    group.finish();
}

criterion_group!(benches, convolutions, others);
criterion_main!(benches);
